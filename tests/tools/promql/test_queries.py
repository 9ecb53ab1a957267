"""What may be asked instead of the queries of the file, and what the queries are filled with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.errors import InvalidDocument, MetricsUnavailable
from tools.promql.queries import VARIABLES, Windows, default_queries

QUERIES = default_queries()
WINDOWS = Windows.of(10.0, 5.0)
OTHER = 'sum(rate(istio_requests_total{destination_app="$pipeline"}[$rate]))'


@pytest.mark.parametrize(
    ("name", "promql"),
    [
        ("load", OTHER),
        ("load", 'sum(rate(istio_requests_total{app=~"x$"}[$rate]))'),
        ("queue", "sum by (stage) (my_queue{$of})"),
        ("queue", "sum(my_queue) by (stage, zone)"),
        ("queue", "sum without (pod, instance) (my_queue)"),
        ("queue", "my_queue"),
        ("queue", "max by (stage) (a) - min by (stage) (b)"),
        ("queue", 'label_replace(sum(my_queue), "stage", "one", "", "")'),
        ("queue", 'sum by (stage) (my_queue{text=") by (x) ("})'),
        ("latency", "sum by (le) (b{$of} - b{$of} offset $interval)"),
        ("up", "vector(1)"),
    ],
)
def test_what_can_be_used_is_let_through(name: str, promql: str) -> None:
    assert QUERIES.checked({name: promql}) == {name: promql}


@pytest.mark.parametrize(
    ("name", "promql", "says"),
    [
        pytest.param("loda", OTHER, "metrics.loda: there is no such query; did you mean `load`?", id="name"),
        pytest.param("x", OTHER, "metrics.x: there is no such query; known: age, up, load", id="far off"),
        pytest.param(
            "load",
            "sum(rate(x[$rat]))",
            "metrics.load: there is no variable $rat; did you mean `$rate`?",
            id="$",
        ),
        pytest.param(
            "load",
            "sum(rate(x[$__rate_interval]))",
            "there is no variable $__rate_interval; did you mean `$interval`? known: $namespace, ",
            id="Grafana's",
        ),
        pytest.param(
            "load",
            "sum(rate(x[1m]))",
            "metrics.load: it must mention $rate, as in `rate(x[$rate])`",
            id="window",
        ),
        pytest.param(
            "completed",
            "sum(increase(x[1m]))",
            "metrics.completed: it must mention $interval, as in `x - x offset $interval`",
            id="interval",
        ),
        pytest.param(
            "queue",
            "sum(my_queue)",
            "metrics.queue: it drops the label 'stage'; write `sum by (stage) (...)`",
            id="no labels",
        ),
        pytest.param("queue", "sum by (pod) (my_queue)", "it drops the label 'stage'", id="another label"),
        pytest.param("queue", "sum (my_queue) by (pod)", "it drops the label 'stage'", id="written behind"),
        pytest.param("queue", "sum without (stage) (my_queue)", "it drops the label 'stage'", id="without"),
        pytest.param("ready", "count by (stage) (kube_pod)", "it drops the label 'variant'", id="one of two"),
        pytest.param("latency", "sum(b - b offset $interval)", "it drops the label 'le'", id="no bounds"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_path_and_the_fix(name: str, promql: str, says: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        QUERIES.checked({name: promql})

    assert str(refused.value).startswith("spec.operation.metrics.")
    assert says in str(refused.value)


def test_the_queries_of_the_file_are_held_to_the_same_rules() -> None:
    for name, query in QUERIES.queries.items():
        assert QUERIES.checked({name: _with_parts(query.query)})
        assert re.search(r"by \(namespace, pipeline", query.query), name


def _with_parts(promql: str) -> str:
    return QUERIES.text(promql, {})


def test_nothing_is_left_to_be_filled_in() -> None:
    values = WINDOWS.values([("prod", "cards"), ("test", "cards.v2")])

    for query in QUERIES.queries.values():
        assert "$" not in QUERIES.text(query.query, values)
    assert "$" not in QUERIES.text(QUERIES.completions, values)
    assert "$" not in QUERIES.text(QUERIES.scrapes, values)


def test_a_query_names_the_pipelines_and_the_times() -> None:
    values = WINDOWS.values([("prod", "cards"), ("prod", "cards.v2")])

    text = QUERIES.text("x{$of}[$rate] offset $interval > $fresh + $interval_s", values)

    assert text == 'x{namespace=~"prod",pipeline=~"cards|cards[.]v2"}[20s] offset 10s > 15 + 10'


@pytest.mark.parametrize(
    ("name", "matches", "not_matches"),
    [
        ("a.b", "a.b", "axb"),
        ("a+b", "a+b", "aab"),
        ("a|b", "a|b", "a"),
        ("(.*)", "(.*)", "anything"),
        ('a"b', 'a"b', "ab"),
        ("a\\b^]c", "a\\b^]c", "abc"),
    ],
)
def test_a_name_is_a_name_and_no_pattern(name: str, matches: str, not_matches: str) -> None:
    pattern = WINDOWS.values([("p", name)])["pipeline"]

    assert not set(pattern) & set("\\\"'`"), "it may stand in any quotes"
    assert re.fullmatch(pattern, matches)
    assert not re.fullmatch(pattern, not_matches)


def test_the_page_on_metrics_names_every_query_and_every_variable() -> None:
    page = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")

    assert [name for name in QUERIES.queries if f"`{name}`" not in page] == []
    assert [name for name in (*VARIABLES, *QUERIES.parts) if f"`${name}`" not in page] == []


def test_the_windows_follow_from_the_scrapes() -> None:
    assert Windows.of(10.0, 5.0) == Windows(interval_s=10, rate_s=20, edge_s=5.5, fresh_s=15)
    assert Windows.of(60.0, 30.0) == Windows(interval_s=60, rate_s=120, edge_s=33.0, fresh_s=90)


def test_decisions_that_come_more_often_than_scrapes_are_refused() -> None:
    with pytest.raises(MetricsUnavailable, match="scrape more often, or decide less often"):
        Windows.of(10.0, 15.0).check(15.0)
