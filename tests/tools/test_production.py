"""A profile out of production's metrics, through a real Prometheus.

The story: a replica of `find small` serves 150 batches of one, then 120 of four, then 50 of both sizes mixed;
a replica of `read only` serves what it sends on; requests with known answers reach the router.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import MetricsUnavailable
from pipelines.reader import parsed, read_pipeline
from tests.agent.command import trimtab
from tests.tools.exporter import Story, prometheus, told
from tools.production import Seen, seen
from tools.prometheus import Prometheus
from tools.reprofile import corrected, least_batches

BASE = """\
apiVersion: trimtab/v1
kind: Pipeline
metadata: {name: toy-cards, provenance: {date: '2026-11-01'}}
spec:
  slo: {latency: 1.0, quantile: 0.99}
  accuracy: measured
  stages:
    - name: find
      variants:
        - name: small
          accuracy: 0.8
          cores: 1
          fanOut: 3.0
          profile:
            - {batch: 1, latency: 0.5, median: 0.4, throughput: 2.5}
            - {batch: 4, latency: 0.9, median: 0.8, throughput: 5.0}
            - {batch: 8, latency: 1.9, median: 1.8, throughput: 4.4}
    - name: read
      variants:
        - name: only
          accuracy: 0.9
          cores: 1
          profile: [{batch: 1, latency: 0.1}]
  accuracyTable:
    - {variants: [small, only], accuracy: 0.7}
"""
SMALL = 'pipeline="toy-cards",stage="find",variant="small"'
READ = 'pipeline="toy-cards",stage="read",variant="only"'
PAIR = 'pipeline="toy-cards",variants="small only"'
Page = dict[str, float]


def _replica(labels: str, *, sizes: dict[int, int], fast: int, slow: int, items: int) -> Page:
    """Batches by size; *fast* took 0.1 to 0.2 s, *slow* 0.2 to 0.4 s."""
    page: Page = {}
    for le in ("1", "2", "4", "8", "+Inf"):
        within = sum(n for size, n in sizes.items() if le == "+Inf" or size <= int(le))
        page[f'trimtab_batch_size_bucket{{{labels},le="{le}"}}'] = within
    for le, n in (("0.1", 0), ("0.2", fast), ("0.4", fast + slow), ("+Inf", fast + slow)):
        page[f'trimtab_service_seconds_bucket{{{labels},le="{le}"}}'] = n
    page[f"trimtab_service_seconds_sum{{{labels}}}"] = 0.15 * fast + 0.3 * slow
    page[f"trimtab_items_arrived_total{{{labels}}}"] = items
    page[f"trimtab_items_served_total{{{labels}}}"] = items
    return page


FIND = [
    _replica(SMALL, sizes={1: 7}, fast=7, slow=0, items=7),
    _replica(SMALL, sizes={1: 107}, fast=107, slow=0, items=107),
    _replica(SMALL, sizes={1: 157}, fast=157, slow=0, items=157),
    _replica(SMALL, sizes={1: 157, 4: 120}, fast=217, slow=60, items=637),
    _replica(SMALL, sizes={1: 182, 4: 145}, fast=217, slow=110, items=762),
]
AGAIN = [*FIND[:2], _replica(SMALL, sizes={1: 30}, fast=30, slow=0, items=30)]
"""The replica was restarted after the second page."""
SENT = [_replica(READ, sizes={1: n}, fast=n, slow=0, items=n) for n in (20, 1908 + 20)]
ROUTER = [
    {f"trimtab_labelled_total{{{PAIR}}}": 10.0, f"trimtab_labelled_correct_total{{{PAIR}}}": 10.0},
    {f"trimtab_labelled_total{{{PAIR}}}": 210.0, f"trimtab_labelled_correct_total{{{PAIR}}}": 170.0},
]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    stories = [Story(FIND), Story(SENT), Story(ROUTER)]
    with told(*stories) as targets, prometheus(targets, tmp_path_factory.mktemp("prometheus")) as url:
        assert all(story.over.wait(30) for story in stories)
        yield url


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.yaml"
    path.write_text(BASE, encoding="utf-8")
    return path


def _seen(base: Path, url: str, window_s: float = 60.0) -> Seen:
    return seen(read_pipeline(base), Prometheus(url), window_s=window_s, now=time.time())


def test_service_times_belong_to_a_size_only_where_no_other_was_served(base: Path, url: str) -> None:
    found = _seen(base, url)

    one, four = found.service["find", "small", 1].histogram, found.service["find", "small", 4].histogram
    assert (one.count, four.count) == (150, 120)
    assert one.mean == pytest.approx(0.15)
    assert four.mean == pytest.approx(0.225)
    assert found.mixed == 50


def test_the_figures_that_production_knows_are_replaced_and_no_others(base: Path, url: str) -> None:
    document = parsed(base)
    assert isinstance(document, dict)

    fresh, replaced = corrected(document, read_pipeline(base), _seen(base, url), when="now")

    variant = fresh["spec"]["stages"][0]["variants"][0]
    one, four, eight = variant["profile"]
    assert one == {"batch": 1, "latency": pytest.approx(0.199), "median": 0.15, "throughput": 6.667}
    assert four["median"] == pytest.approx(0.2)
    assert four["throughput"] == pytest.approx(4 / 0.225, rel=1e-3)
    assert eight == {"batch": 8, "latency": 1.9, "median": 1.8, "throughput": 4.4}
    assert fresh["spec"]["accuracyTable"] == [{"variants": ["small", "only"], "accuracy": 0.8}]
    assert variant["accuracy"] == 0.8
    assert replaced.points[:2] == ["find small 1 (150 batches)", "find small 4 (120 batches)"]
    assert fresh["metadata"]["provenance"]["date"] == "2026-11-01"


def test_outputs_per_item_are_what_arrives_at_the_stage_behind(base: Path, url: str) -> None:
    """755 items served, 1908 arrived behind."""
    document = parsed(base)
    assert isinstance(document, dict)

    fresh, _ = corrected(document, read_pipeline(base), _seen(base, url), when="now")

    assert fresh["spec"]["stages"][0]["variants"][0]["fanOut"] == pytest.approx(1908 / 755, rel=1e-3)


def test_a_replica_that_was_restarted_counts_from_zero(base: Path, tmp_path: Path) -> None:
    story = Story(AGAIN)
    with told(story) as targets, prometheus(targets, tmp_path) as url:
        assert story.over.wait(30)

        found = _seen(base, url)

    assert found.service["find", "small", 1].histogram.count == 130


def test_the_command_writes_a_file_that_says_what_was_replaced(base: Path, url: str, tmp_path: Path) -> None:
    out = tmp_path / "fresh.yaml"

    ended = trimtab(
        "profile", "toy_cards", "--from-prometheus", url, "--base", base, "--window", "1m", "--out", out
    )

    assert ended.status == 0, ended
    assert (
        "replaced: 3 points, 1 fan-outs, 1 joint accuracies; 50 batches could not be told apart" in ended.err
    )
    assert read_pipeline(out).stages[0].variants[0].at(1).median_s == 0.15
    assert "production points: find small 1 (150 batches)" in " ".join(out.read_text().split())


def test_a_pipeline_that_prometheus_does_not_know_is_no_idle_one(base: Path, url: str) -> None:
    base.write_text(BASE.replace("toy-cards", "other"), encoding="utf-8")

    with pytest.raises(MetricsUnavailable, match="knows nothing of pipeline 'other'"):
        _seen(base, url)


def test_too_little_is_said_to_be_too_little(base: Path) -> None:
    document = parsed(base)
    assert isinstance(document, dict)

    with pytest.raises(MetricsUnavailable, match="in 100 batches of its own; widen --window"):
        corrected(document, read_pipeline(base), Seen(), when="now")


def test_a_quantile_needs_so_many_batches() -> None:
    assert (least_batches(0.99), least_batches(0.95), least_batches(0.5)) == (100, 20, 2)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        pytest.param(["--from-prometheus", "http://127.0.0.1:1"], 2, "name it with --base", id="no base"),
        pytest.param(
            ["--from-prometheus", "http://127.0.0.1:1", "--base", "BASE"],
            1,
            "cannot be asked",
            id="nobody there",
        ),
        pytest.param(
            ["--from-prometheus", "no url", "--base", "BASE"], 2, "must be http://HOST:PORT", id="no address"
        ),
        pytest.param(
            ["--from-prometheus", "http://127.0.0.1:1", "--base", "BASE", "--window", "0h"],
            2,
            "--window is '0h'; write 90s, 30m, 6h or 1d",
            id="no window",
        ),
        pytest.param(
            ["--from-prometheus", "http://127.0.0.1:1", "--from-triton", "x.csv"],
            2,
            "name one",
            id="two sources",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: list[str], status: int, message: str, base: Path) -> None:
    given = [str(base) if argument == "BASE" else argument for argument in arguments]

    assert message in trimtab("profile", "toy_cards", *given).complaint(status)
