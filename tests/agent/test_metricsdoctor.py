"""`trimtab doctor --prometheus`: every query tried on a real server, with its value, age and state."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.metricsdoctor import MetricsOptions, metrics_doctor, prepared
from tests.agent.command import Ended, trimtab
from tests.tools.exporter import free_address
from tests.tools.promql.history import History, Times, growing
from tests.tools.promql.scripted import answering, says
from tools.promql.queries import default_queries

FILE = """\
apiVersion: trimtab/v1
kind: Pipeline
metadata: {{name: {name}}}
spec:
  slo: {{latency: 1.0}}
  stages:
    - name: first
      variants: [{{name: small, accuracy: 0.6, cores: 1, profile: [{{batch: 1, latency: 0.1}}]}}]
  operation: {{mode: observe, metrics: {metrics}}}
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    history = History()
    for name, namespace, rate, times in (
        ("toy", "prod", 6.0, Times()),
        ("quiet", "prod", 0.0, Times()),
        ("old", "test", 6.0, Times(-1900, -1800)),
        ("seldom", "slow", 6.0, Times(every=10)),
    ):
        history.router(rate=rate, done=rate, times=times, namespace=namespace, pipeline=name)
        history.replica(
            "first", "small", rate=rate, queue=rate, times=times, namespace=namespace, pipeline=name
        )
    history.add("mesh_requests_total", growing(3.0), {"namespace": "mesh", "pipeline": ""})
    with history.served(tmp_path_factory.mktemp("prometheus")) as found:
        yield found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def rows(ended: Ended) -> dict[str, dict[str, Any]]:
    """Return what was said of each query, and of Prometheus."""
    return {row["what"]: row for row in ended.objects}


def written(folder: Path, name: str = "toy", **metrics: str) -> Path:
    """Write a declaration with queries of its own."""
    path = folder / "pipeline.yaml"
    path.write_text(FILE.format(name=name, metrics=json.dumps(metrics)), encoding="utf-8")
    return path


def doctor(data: Path, url: str, *options: object) -> Ended:
    return trimtab("doctor", "--data", data, "--json", "--prometheus", url, *options)


def test_a_healthy_pipeline_passes_with_value_age_and_state_of_every_query(
    url: str, data: Path, tmp_path: Path
) -> None:
    ended = doctor(data, url, "--namespace", "prod", "--pipeline", written(tmp_path))

    found = rows(ended)
    assert ended.status == 0, ended
    assert set(default_queries().queries) < set(found)
    assert found["load"]["value"] == "6 requests per second"
    assert found["dropped"]["value"] == "expired 0, queue_full 0 requests"
    assert found["latency"]["value"] == "60 requests"
    assert found["ready"]["value"] == "first/small 1 replicas"
    for query in ("load", "completed", "items_arrived", "queue"):
        assert (found[query]["state"], found[query]["grade"]) == ("fresh", "ok")
        assert 0 <= found[query]["age_s"] < 15
        assert 'namespace=~"prod",pipeline=~"toy"' in found[query]["promql"]
    assert (found["labelled"]["state"], found["labelled"]["grade"]) == ("missing", "warning")
    assert found["scrapes"]["found"].startswith("about every ")
    assert found["decision store"]["grade"] == "ok", "the machine is looked at as well"


def test_nothing_that_comes_is_idle(url: str, data: Path, tmp_path: Path) -> None:
    found = rows(doctor(data, url, "--pipeline", written(tmp_path, "quiet")))

    assert {found[q]["state"] for q in ("load", "completed", "latency", "items_arrived", "queue")} == {"idle"}
    assert found["load"]["grade"] == "ok"


def test_old_samples_are_stale_and_wrong(url: str, data: Path, tmp_path: Path) -> None:
    ended = doctor(data, url, "--pipeline", written(tmp_path, "old"))

    load = rows(ended)["load"]
    assert ended.status == 1
    assert (load["state"], load["grade"]) == ("stale", "failed")
    assert 1800 <= load["age_s"] < 1860
    assert "s old, 15 s are allowed" in load["found"]


def test_what_nobody_scrapes_is_missing_and_wrong(url: str, data: Path) -> None:
    ended = doctor(data, url, "--namespace", "nowhere")

    found = rows(ended)
    assert ended.status == 1
    assert (found["load"]["state"], found["load"]["age_s"]) == ("missing", None)
    assert "is it scraped" in found["queue"]["found"]
    assert found["scrapes"]["grade"] == "failed"


def test_all_pipelines_of_a_namespace_are_looked_at_together(url: str, data: Path) -> None:
    found = rows(doctor(data, url, "--namespace", "prod"))

    assert found["load"]["value"] == "0, 6 requests per second"


def test_scrapes_further_apart_than_said_are_noticed(url: str, data: Path) -> None:
    found = rows(doctor(data, url, "--namespace", "slow"))

    assert found["scrapes"]["grade"] == "warning"
    assert "--scrape-interval 10" in found["scrapes"]["found"]
    again = rows(doctor(data, url, "--namespace", "slow", "--scrape-interval", 10, "--interval", 30))
    assert again["scrapes"]["grade"] == "ok"
    assert again["load"]["value"] == "6 requests per second"
    assert again["completed"]["value"] == "180 requests"


def test_a_query_of_its_own_is_tried_in_place_of_ours(url: str, data: Path, tmp_path: Path) -> None:
    own = 'sum(rate(mesh_requests_total{namespace="mesh"}[$rate]))'

    found = rows(doctor(data, url, "--pipeline", written(tmp_path, load=own)))

    assert found["load"]["promql"] == 'sum(rate(mesh_requests_total{namespace="mesh"}[20s]))'
    assert (found["load"]["value"], found["load"]["age_s"]) == ("3 requests per second", None)
    assert found["completed"]["value"] == "60 requests"
    assert "scrapes" not in found


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        pytest.param({"load": "sum(rate(x[$rate]"}, "refuses the query: ", id="no PromQL"),
        pytest.param({"load": "sum(rate(x[$rate]))"}, "does it select what is there?", id="nothing"),
        pytest.param({"queue": "sum(0 / vector(0)) by (stage)"}, "gives nan", id="0 / 0"),
        pytest.param({"queue": "vector(1)"}, "drops the label 'stage'", id="labels"),
    ],
)
def test_a_query_of_its_own_that_does_not_work_is_wrong(
    metrics: dict[str, str], says: str, url: str, data: Path, tmp_path: Path
) -> None:
    ended = doctor(data, url, "--pipeline", written(tmp_path, **metrics))

    [name] = metrics
    found = rows(ended)
    assert ended.status == 1
    assert found[name]["grade"] == "failed"
    assert says in found[name]["found"]
    assert found["completed"]["grade"] == "ok", "the others were tried all the same"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        pytest.param(["--header", "secret-7"], "--header must be NAME=VALUE", id="header"),
        pytest.param(["--header", "a b=secret-7"], "header 'a b' cannot be sent", id="header's name"),
        pytest.param(["--pipeline", "gone.yaml"], "gone.yaml: cannot be read", id="file"),
    ],
)
def test_an_option_that_is_wrong_is_one_line(options: list[str], says: str, url: str, data: Path) -> None:
    ended = doctor(data, url, *options)

    said = ended.complaint()
    assert says in said
    assert ended.out == "", "before anything is tried"
    assert "secret-7" not in said


@pytest.mark.parametrize(
    ("metrics", "says"),
    [
        pytest.param('{"loda": "x"}', "spec.operation.metrics.loda: there is no such query", id="name"),
        pytest.param('{"load": 3}', "spec.operation.metrics: must be a mapping", id="number"),
    ],
)
def test_a_declaration_that_is_wrong_is_one_line_with_the_path(
    metrics: str, says: str, url: str, data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "pipeline.yaml"
    path.write_text(FILE.format(name="toy", metrics=metrics), encoding="utf-8")

    said = doctor(data, url, "--pipeline", path).complaint()

    assert f"{path}: {says}" in said


def test_options_without_a_server_are_one_line(data: Path) -> None:
    assert "name it with --prometheus" in trimtab("doctor", "--data", data, "--namespace", "prod").complaint()


def test_an_address_that_is_none_is_one_line(data: Path) -> None:
    assert "must be http://HOST:PORT" in doctor(data, "prometheus:9090").complaint()


def test_a_server_that_is_not_there_is_a_failed_check(data: Path) -> None:
    ended = doctor(data, f"http://{free_address()}")

    assert (ended.status, ended.err) == (1, "")
    found = rows(ended)
    assert found["Prometheus"]["grade"] == "failed"
    assert "Connection refused" in found["Prometheus"]["found"]
    assert "load" not in found


def test_token_and_headers_are_sent(data: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("sesame\n")
    with answering(says(403, "")) as server:
        ended = doctor(
            data,
            server.url,
            "--bearer-token-file",
            token,
            "--header",
            "X-Scope-OrgID=team=1",
            "--namespace",
            "p",
        )

    assert ended.status == 1
    assert server.asked[0].headers["Authorization"] == "Bearer sesame"
    assert server.asked[0].headers["X-Scope-OrgID"] == "team=1"
    assert "is the token still good" in rows(ended)["Prometheus"]["found"]


def test_clocks_that_differ_are_a_warning(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = prepared(MetricsOptions(url, namespace="prod"))

    is_fine = metrics_doctor(wanted, as_json=True, unix=lambda: time.time() + 120.0)

    said = {row["what"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert is_fine
    assert said["its clock"]["grade"] == "warning"
    assert "the clock of Prometheus is 120 s behind ours" in said["its clock"]["found"]


def test_people_get_a_table(url: str, data: Path) -> None:
    ended = trimtab("doctor", "--data", data, "--prometheus-url", url, "-n", "prod")

    assert (ended.status, ended.err) == (0, "")
    for word in ("present value", "newest", "state", "load", "fresh"):
        assert word in ended.out
