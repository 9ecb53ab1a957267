"""Each fault is what its name says, for the client and for the API server."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import IncompleteRead, NewConnectionError, ProtocolError, ReadTimeoutError

from tests.kube.faults import Answer, Cut, Delay, Fault, Request, Reset, Silence, busy, login_page
from tests.kube.plane import Plane
from tests.kube.proxy import FaultProxy, fault_proxy
from tests.kube.rest import Json, Refused, Rest

PATIENCE_S = 0.5


@pytest.fixture
def proxy(plane: Plane) -> Iterator[FaultProxy]:
    with fault_proxy(plane, plane.admin_kubeconfig) as found:
        yield found


@pytest.fixture
def maps(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps"


def test_without_a_script_everything_passes(proxy: FaultProxy, maps: str) -> None:
    rest = Rest.of(proxy.kubeconfig)

    rest.post(maps, config_map("a"))
    with pytest.raises(Refused, match="404"):
        rest.get(f"{maps}/b", labelSelector="x=y")

    first, second = proxy.seen
    assert (first.request.method, first.upstream, first.status) == ("POST", 201, 201)
    assert (second.request.path, second.status) == (f"{maps}/b", 404)
    assert second.request.query == {"labelSelector": "x=y"}


@pytest.mark.parametrize("status", [403, 409, 500, 503])
def test_an_error_is_answered_and_the_server_hears_nothing(
    plane: Plane, proxy: FaultProxy, maps: str, status: int
) -> None:
    proxy.on("POST", "/configmaps$", Answer(status))

    with pytest.raises(Refused, match=str(status)):
        Rest.of(proxy.kubeconfig).post(maps, config_map("a"))

    assert (proxy.seen[-1].upstream, proxy.seen[-1].status) == (None, status)
    assert "a" not in names(plane.rest, maps)


def test_an_answer_may_say_when_to_come_again_or_be_a_login_page(proxy: FaultProxy, maps: str) -> None:
    proxy.on("GET", "", busy(7))
    proxy.on("GET", "", login_page(), first=2)
    rest = Rest.of(proxy.kubeconfig)

    wait, page = rest.ask("GET", maps, {}), rest.ask("GET", maps, {})

    assert (wait.status, wait.headers["Retry-After"]) == (429, "7")
    assert json.loads(wait.data)["reason"] == "TooManyRequests"
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"<html>" in page.data


def test_a_delay_is_one(proxy: FaultProxy, maps: str) -> None:
    proxy.on("GET", "", Delay(0.3))
    start_s = time.monotonic()

    assert Rest.of(proxy.kubeconfig).get(maps)["kind"] == "ConfigMapList"
    assert time.monotonic() - start_s >= 0.3


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        pytest.param(Silence(forwarded=False), ReadTimeoutError, False, id="time-out before the write"),
        pytest.param(Silence(forwarded=True), ReadTimeoutError, True, id="time-out after the write"),
        pytest.param(Reset(forwarded=False), ProtocolError, False, id="reset before the write"),
        pytest.param(Reset(forwarded=True), ProtocolError, True, id="reset after the write"),
        pytest.param(Cut(), (ProtocolError, IncompleteRead), True, id="answer cut"),
    ],
)
def test_a_write_that_has_no_answer_is_done_or_not_as_the_fault_says(
    plane: Plane, maps: str, fault: Fault, error: type[Exception], tls: bool, done: bool
) -> None:
    with fault_proxy(plane, plane.admin_kubeconfig, tls=tls) as proxy:
        proxy.on("POST", "", fault)

        with pytest.raises(error) as raised:
            impatient(proxy.kubeconfig, "POST", maps, config_map("a"))

    if isinstance(fault, Reset) and not tls:  # Python's ssl calls a reset an end
        assert "reset" in str(raised.value)
    assert ("a" in names(plane.rest, maps)) == done
    assert proxy.seen[-1].upstream == (201 if done else None)


def test_a_fault_befalls_as_many_as_it_should(proxy: FaultProxy, maps: str) -> None:
    proxy.on("GET", "/configmaps$", Answer(503), first=2, times=2)
    rest = Rest.of(proxy.kubeconfig)

    told = [rest.ask("GET", maps, {}).status for _ in range(5)]
    proxy.on("GET", "/configmaps$", Answer(500), times=None)
    told += [rest.ask("GET", maps, {}).status for _ in range(3)]
    proxy.clear()
    told += [rest.ask("GET", maps, {}).status]

    assert told == [200, 503, 503, 200, 200, 500, 500, 500, 200]
    assert [seen.status for seen in proxy.asked("GET", "/configmaps$")] == told
    assert proxy.asked("GET", "/secrets") == proxy.asked("POST") == []


def test_a_function_may_be_the_script(plane: Plane, maps: str) -> None:
    def script(request: Request) -> Fault | None:
        return Answer(403) if request.query.get("limit") == "7" else None

    with fault_proxy(plane, plane.admin_kubeconfig, script) as proxy:
        rest = Rest.of(proxy.kubeconfig)

        assert [rest.ask("GET", maps, {"limit": str(n)}).status for n in (6, 7)] == [200, 403]


def test_a_watch_passes_as_it_happens_and_may_break_off(plane: Plane, proxy: FaultProxy, maps: str) -> None:
    rest = Rest.of(proxy.kubeconfig)
    version = rest.get(maps)["metadata"]["resourceVersion"]
    watch = {"watch": "true", "resourceVersion": version, "timeoutSeconds": "30"}

    events = rest.ask("GET", maps, watch, stream=True)
    plane.rest.post(maps, config_map("a"))
    assert json.loads(first_line(events))["object"]["metadata"]["name"] == "a"
    events.close()

    proxy.on("GET", "", Cut())
    cut = rest.ask("GET", maps, watch, stream=True)
    with pytest.raises(ProtocolError):
        list(cut.stream())


def test_a_token_of_the_client_counts(plane: Plane, namespace: str, maps: str) -> None:
    given = plane.token_kubeconfig(namespace, "nobody")

    with fault_proxy(plane, given) as proxy, pytest.raises(Refused, match=r"serviceaccount:.*:nobody"):
        Rest.of(proxy.kubeconfig).get(maps)


def test_many_connections_at_once(proxy: FaultProxy, maps: str) -> None:
    rest = Rest.of(proxy.kubeconfig, connections=16)
    with ThreadPoolExecutor(16) as pool:
        told = list(pool.map(lambda _: rest.ask("GET", maps, {}).status, range(200)))

    assert told == [200] * 200
    assert len(proxy.seen) == 200


@pytest.mark.slow  # the API server takes its time to start
def test_a_server_that_is_not_there_is_not_there(plane: Plane, proxy: FaultProxy, maps: str) -> None:
    rest = Rest.of(proxy.kubeconfig)
    plane.stop_apiserver()
    try:
        with pytest.raises((ProtocolError, NewConnectionError)):
            rest.get(maps)
    finally:
        plane.start_apiserver()

    assert rest.get(maps)["kind"] == "ConfigMapList"


def impatient(kubeconfig: Path, method: str, path: str, body: Json) -> BaseHTTPResponse:
    rest = Rest.of(kubeconfig)
    headers = {"Content-Type": "application/json"}
    return rest.pool.urlopen(method, path, json.dumps(body), headers, timeout=PATIENCE_S)


def first_line(response: BaseHTTPResponse) -> bytes:
    text = b""
    for chunk in response.stream():
        text += chunk
        if b"\n" in text:
            break
    return text.split(b"\n")[0]


def names(rest: Rest, path: str) -> list[str]:
    return [each["metadata"]["name"] for each in rest.items(path)]


def config_map(name: str) -> Json:
    return {"metadata": {"name": name}, "data": {"key": "value"}}
