"""The health endpoints over real HTTP: what they answer, and what clients cannot do to them."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse

import pytest

from agent.controller import health as module
from agent.controller.health import Health, serving
from core.errors import UsageError

LOOPBACK = "127.0.0.1:0"


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Door:
    host: str
    port: int
    health: Health
    clock: Clock
    figures: list[bytes] = field(default_factory=list)

    def get(self, path: str, method: str = "GET") -> tuple[int, str]:
        connection = HTTPConnection(self.host, self.port, timeout=5)
        connection.request(method, path)
        answer: HTTPResponse = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def dial(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=15)


@pytest.fixture
def door() -> Iterator[Door]:
    clock = Clock()
    health = Health(interval_s=10, clock=clock)
    with serving(LOOPBACK, health, lambda: b"trimtab_controller_leader 1.0\n") as (host, port):
        yield Door(host, port, health, clock)


def test_it_lives_while_the_loop_moves(door: Door) -> None:
    door.health.swept()
    door.clock.now_s += 59

    assert door.get("/healthz") == (200, "ok: leading, moved 59 s ago\n")


def test_a_loop_that_hangs_is_dead_and_says_for_how_long(door: Door) -> None:
    door.health.swept()
    door.clock.now_s += 61

    status, line = door.get("/healthz")
    assert (status, line) == (500, "no sign of life for 61 s, 60 s are allowed (leading)\n")


def test_a_long_interval_allows_a_long_silence() -> None:
    clock = Clock()
    health = Health(interval_s=60, clock=clock)
    clock.now_s += 359

    assert health.alive()[0] == 200
    clock.now_s += 2
    assert health.alive()[0] == 500


def test_a_follower_lives_by_standing_by(door: Door) -> None:
    door.clock.now_s += 50
    door.health.stands_by()
    door.clock.now_s += 50

    assert door.get("/healthz")[0] == 200


def test_it_is_ready_after_the_first_sweep_or_while_standing_by(door: Door) -> None:
    found = [door.get("/readyz")]
    door.health.stands_by()
    found.append(door.get("/readyz"))
    door.health.swept()
    found.append(door.get("/readyz"))

    assert found == [(503, "starting\n"), (200, "standing by\n"), (200, "leading\n")]


def test_once_it_drains_it_is_not_ready_again(door: Door) -> None:
    door.health.swept()
    door.health.drains()
    door.health.swept()

    assert door.get("/readyz") == (503, "draining\n")
    assert door.get("/healthz")[0] == 200


def test_metrics_are_there(door: Door) -> None:
    assert door.get("/metrics?name=x") == (200, "trimtab_controller_leader 1.0\n")
    assert door.get("/metrics", "HEAD") == (200, "")


@pytest.mark.parametrize("path", ["/", "/metrics/../etc/passwd", "/healthz/x"])
def test_there_is_nothing_else(door: Door, path: str) -> None:
    assert door.get(path) == (404, "there are /healthz, /readyz and /metrics\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(door: Door, method: str) -> None:
    assert door.get("/metrics", method)[0] == 501


def test_requests_are_not_in_the_log(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        door.get("/metrics")
        door.get("/nowhere")

    assert caplog.messages == []


def test_clients_in_numbers_are_hung_up_on_and_the_next_ones_are_served(door: Door) -> None:
    idle = [door.dial() for _ in range(module.MOST_CLIENTS)]
    until_s = time.monotonic() + 5
    while refused(door) is False and time.monotonic() < until_s:
        pass

    assert refused(door)
    for each in idle:
        each.close()
    while refused(door) and time.monotonic() < until_s:
        pass
    assert door.get("/healthz")[0] == 200


def refused(door: Door) -> bool:
    try:
        door.get("/healthz")
    except OSError:
        return True
    return False


def test_a_client_that_drips_is_cut_off_in_time() -> None:
    with serving(LOOPBACK, Health(10), lambda: b"", client_s=0.5) as address:
        began_s = time.monotonic()
        with (
            socket.create_connection(address, timeout=5) as client,
            pytest.raises(OSError, match=r"Broken pipe|reset"),
        ):
            while time.monotonic() - began_s < 5:
                client.sendall(b"x")
                time.sleep(0.05)

    assert time.monotonic() - began_s < 2


def test_rubbish_costs_nobody_anything(door: Door) -> None:
    with door.dial() as client:
        client.sendall(b"\x00\xff\r\n\r\n")
        client.recv(1000)

    assert door.get("/healthz")[0] == 200


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        with (
            pytest.raises(UsageError, match=f"cannot listen on {listen}: Address already in use; give"),
            serving(listen, Health(10), lambda: b""),
        ):
            pass


@pytest.mark.parametrize("listen", ["8090", "127.0.0.1", "here:there", "127.0.0.1:99999", "http://a:1", ""])
def test_what_is_no_address_is_one_clear_line(listen: str) -> None:
    with pytest.raises(UsageError, match="is no HOST:PORT"), serving(listen, Health(10), lambda: b""):
        pass


def test_the_other_loopback_is_an_address_too() -> None:
    health = Health(10)
    with serving("[::1]:0", health, lambda: b"") as (host, port):
        assert Door(host, port, health, Clock()).get("/readyz")[0] == 503


def test_after_the_block_the_port_is_free() -> None:
    with serving(LOOPBACK, Health(10), lambda: b"") as (host, port):
        pass

    socket.create_server((host, port)).close()
