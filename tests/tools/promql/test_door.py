"""Whatever comes back instead of an answer is one MetricsUnavailable: one line, no secret, a way out."""

from __future__ import annotations

import gzip
import json
import time

import pytest

from core.errors import MetricsUnavailable, UsageError
from tests.tools.exporter import free_address
from tests.tools.promql.scripted import Answer, Exchange, answering, complaint, result, says, time_is
from tools.prometheus import Prometheus
from tools.promql import door

AT = 1_000_000.5
PAGE = "<!DOCTYPE html><html><body>Sign in</body></html>"
WHOLE = json.dumps({"status": "success", "data": {"resultType": "scalar", "result": [AT, str(AT)]}})


def cut_short(exchange: Exchange) -> None:
    """Promise a whole answer, send half of it, and hang up."""
    exchange.begin(200, len(WHOLE))
    exchange.send(WHOLE[: len(WHOLE) // 2].encode())
    exchange.cut()


def silence(exchange: Exchange) -> None:
    """Take the request and say nothing."""
    exchange.wait(5.0)
    exchange.cut()


def trickle(exchange: Exchange) -> None:
    """Send a byte now and then: no single read ever times out."""
    exchange.begin(200, len(WHOLE))
    for character in WHOLE:
        exchange.send(character.encode())
        exchange.wait(0.1)
        if exchange.asked.form.get("query") is None:
            return


def hang_up(exchange: Exchange) -> None:
    exchange.cut()


@pytest.mark.parametrize(
    ("answer", "says_so"),
    [
        pytest.param(says(401, "no"), "does not let us in (401); give --bearer-token-file", id="401"),
        pytest.param(says(403, "no"), "does not let us in (403)", id="403"),
        pytest.param(says(404, "404 page not found"), "up to, not including, /api/v1", id="404"),
        pytest.param(says(405, ""), "does not take POST", id="405"),
        pytest.param(
            says(422, '{"status": "error", "errorType": "execution", "error": "too many samples"}'),
            "asked for its time, refuses the query: too many samples",
            id="422",
        ),
        pytest.param(
            says(400, '{"status": "error", "errorType": "bad_data", "error": "parse error: 1:2"}'),
            "refuses the query: parse error: 1:2",
            id="400",
        ),
        pytest.param(says(429, "slow down"), "asked too often", id="429"),
        pytest.param(says(503, "Service Unavailable"), "503; it is starting, overloaded", id="503"),
        pytest.param(says(500, "oh"), "answers 500; look at its log", id="500"),
        pytest.param(
            says(200, '{"status": "error", "errorType": "x", "error": "query timed out"}'),
            "refuses the query: query timed out",
            id="an error under a 200",
        ),
        pytest.param(says(200, PAGE, "text/html; charset=utf-8"), "a web page, to log in", id="log-in page"),
        pytest.param(
            says(200, PAGE, "text/plain"), "a web page, to log in", id="log-in page, badly labelled"
        ),
        pytest.param(says(200, WHOLE[:40]), "cut short", id="half of the JSON"),
        pytest.param(cut_short, "cut short", id="half of the body"),
        pytest.param(says(200, "up 1\n", "text/plain"), "is it another server", id="metrics"),
        pytest.param(says(200, "[]"), "is it another server", id="other JSON"),
        pytest.param(says(200, "null"), "is it another server", id="null"),
        pytest.param(says(200, '{"status": "success", "data": []}'), "is it another server", id="other data"),
        pytest.param(says(200, '{"status": "success"}'), "is it another server", id="no data"),
        pytest.param(
            result([AT, str(AT)], warnings=["store 10.0.0.7 is down"]),
            "answers only in part, which is no answer: store 10.0.0.7 is down",
            id="partial answer",
        ),
        pytest.param(
            result([{"metric": {}, "value": [AT, "1"]}]), "an answer that is not a number", id="another type"
        ),
        pytest.param(result([]), "an answer that is not a number", id="nothing"),
        pytest.param(hang_up, "the connection was lost", id="reset"),
        pytest.param(
            says(302, "", Location="https://login.example/?token=abc"),
            "sends us to 'login.example', to log in perhaps",
            id="redirect",
        ),
        pytest.param(says(307, "", Location="/graph"), "sends us elsewhere", id="redirect on the same host"),
    ],
)
def test_every_answer_that_is_none_is_one_line_with_a_way_out(answer: Answer, says_so: str) -> None:
    with answering(answer) as server:
        assert says_so in complaint(server.url)


def test_a_server_that_is_not_there_is_one_line() -> None:
    assert "cannot be asked: Connection refused; is it running" in complaint(f"http://{free_address()}")


def test_a_host_that_nobody_knows_is_one_line() -> None:
    assert "nobody knows its host name" in complaint("http://prometheus.invalid:9090")


def test_a_server_that_says_nothing_costs_two_time_outs_and_no_more() -> None:
    with answering(silence) as server:
        began = time.monotonic()
        said = complaint(server.url, timeout_s=0.3)
        took_s = time.monotonic() - began

    assert "asked for its time, did not answer within 0." in said
    assert len(server.asked) == 2
    assert took_s < 3.0, "the server would have been silent for five"


def test_an_answer_that_trickles_in_is_given_up() -> None:
    with answering(trickle) as server:
        began = time.monotonic()
        said = complaint(server.url, timeout_s=0.3)
        took_s = time.monotonic() - began

    assert "did not finish its answer in time" in said
    assert took_s < 3.0, "to its end it takes longer"


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    bomb = gzip.compress(b" " * (door.MOST_BYTES + door.CHUNK))

    def explode(exchange: Exchange) -> None:
        exchange.answer(200, bomb, Content_Encoding="gzip")

    with answering(explode) as server:
        said = complaint(server.url)

    assert len(bomb) < 2**20
    assert "sends more than 64 MB; the query gives too many series" in said


@pytest.mark.parametrize(
    ("first", "requests"),
    [
        pytest.param(says(503, ""), 2, id="starting"),
        pytest.param(says(429, "", Retry_After="0"), 2, id="too often"),
        pytest.param(hang_up, 2, id="a connection that was kept too long"),
        pytest.param(cut_short, 2, id="cut short"),
    ],
)
def test_what_may_pass_is_tried_once_more(first: Answer, requests: int) -> None:
    with answering(first, time_is(AT)) as server:
        assert Prometheus(server.url).now() == AT

    assert len(server.asked) == requests


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(says(403, ""), id="403"),
        pytest.param(says(422, "{}"), id="422"),
        pytest.param(says(200, PAGE, "text/html"), id="log-in page"),
        pytest.param(says(429, "", Retry_After="60"), id="later than there is time"),
    ],
)
def test_what_does_not_pass_is_not_tried_again(answer: Answer) -> None:
    with answering(answer) as server:
        complaint(server.url)

    assert len(server.asked) == 1


def test_it_is_tried_at_most_twice() -> None:
    with answering(says(503, "")) as server:
        complaint(server.url)

    assert len(server.asked) == 2


def test_nothing_is_asked_once_the_time_is_over() -> None:
    over = pytest.raises(MetricsUnavailable, match="the time for this sweep is over")
    with answering(time_is(AT)) as server, over:
        Prometheus(server.url).now(until=time.monotonic() - 1)

    assert server.asked == []


@pytest.mark.parametrize(
    "url", ["", "prometheus:9090", "ftp://host", "http://", "http://host:port", "file:///etc/passwd"]
)
def test_an_address_that_is_none_is_the_callers_mistake(url: str) -> None:
    with pytest.raises(UsageError, match="the URL of Prometheus"):
        Prometheus(url)


@pytest.mark.parametrize(("name", "value"), [("", "x"), ("a b", "x"), ("A", "x\ny"), ("A", "é"), ("A", " x")])
def test_a_header_that_cannot_be_sent_is_refused_without_its_value(name: str, value: str) -> None:
    with pytest.raises(UsageError, match="cannot be sent") as failed:
        Prometheus("http://host", headers={name: value})

    assert "\n" not in str(failed.value)


def test_a_query_goes_in_the_body_however_long_it_is() -> None:
    query = "x" * 100_000
    with answering(result([])) as server:
        assert Prometheus(server.url).vector(query, at=AT, what="it") == []

    assert server.asked[0].path == "/api/v1/query"
    assert server.asked[0].form["query"] == query
    assert server.asked[0].form["time"] == str(AT)


def test_connections_are_kept() -> None:
    peers = []

    def noted(exchange: Exchange) -> None:
        peers.append(exchange.peer)
        time_is(AT)(exchange)

    with answering(noted) as server:
        prometheus = Prometheus(server.url)
        for _ in range(3):
            prometheus.now()
        prometheus.close()

    assert len(set(peers)) == 1


def test_values_that_are_no_numbers_come_as_such() -> None:
    rows = [{"metric": {"a": text}, "value": [AT, text]} for text in ("NaN", "+Inf", "1e3")]
    with answering(result(rows)) as server:
        found = Prometheus(server.url).vector("x", at=AT, what="it")

    assert str([row.value for row in found]) == "[nan, inf, 1000.0]"


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([{"metric": {}, "values": [[AT, "1"]]}], id="a matrix"),
        pytest.param([AT, "1"], id="a scalar"),
        pytest.param([{"metric": {}, "value": [AT, "one"]}], id="no number"),
        pytest.param([{"value": [AT, "1"]}], id="no labels"),
        pytest.param(7, id="a number"),
    ],
)
def test_an_answer_of_another_type_is_not_guessed_at(rows: object) -> None:
    other = pytest.raises(MetricsUnavailable, match="asked for it, gave an answer that is not a vector")
    with answering(result(rows)) as server, other:
        Prometheus(server.url).vector("x", at=AT, what="it")
