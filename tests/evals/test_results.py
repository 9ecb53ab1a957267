from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from core.errors import UsageError
from evals.bars import Bar, bars_of
from evals.frames import load
from evals.results import page, write_results
from evals.standings import cells
from tests.docs.pages import anchors, links
from tests.evals.made_up import Record, episode, paper_like, scored, write

ORACLE, OURS, NEAR, WORSE, BETTER = [10.0, 11.0], [9.9, 10.9], [9.8, 11.0], [8.0, 9.0], [9.95, 10.95]
START, LATER = "2025-01-01T00:00:00+00:00", "2025-01-01T00:09:00+00:00"


def paper(beaten: int, equal: int, lost: int = 0, **figures: object) -> list[Record]:
    """Return cells in which `rim` is beaten, is even with ours, or beats it; IPA is always beaten."""
    rims = [WORSE] * beaten + [NEAR] * equal + [BETTER] * lost
    return [
        row
        for k, rim in enumerate(rims)
        for row in scored(f"p/t{k}", {"oracle": ORACLE, "ilp": OURS, "ipa": WORSE, "rim": rim}, **figures)
    ]


def bars(folder: Path, episodes: Sequence[Record]) -> Mapping[str, Bar]:
    results = load(write(folder, episodes))
    return {bar.key: bar for bar in bars_of(results, cells(results))}


@pytest.mark.parametrize(
    ("episodes", "met"),
    [
        pytest.param(paper(20, 0), True, id="all cells won"),
        pytest.param(paper(18, 2), True, id="18 of 20"),
        pytest.param(paper(17, 3), False, id="17 of 20"),
        pytest.param(paper(17, 0), False, id="all of 17 cells: the run is too small"),
    ],
)
def test_every_other_baseline_has_to_be_beaten_in_18_cells(
    tmp_path: Path, episodes: Sequence[Record], met: bool
) -> None:
    assert bars(tmp_path, episodes)["P2"].met is met


def test_each_baseline_is_judged_alone_and_all_at_once_are_told(tmp_path: Path) -> None:
    more = [row for k in range(20) for row in scored(f"p/t{k}", {"loki": NEAR if k < 3 else WORSE})]

    bar = bars(tmp_path, [*paper(17, 3), *more])["P2"]

    assert bar.measured == (
        "each in at least 17 of 20 (loki); all at once in 14, with the best mean score of all in 14"
    )


@pytest.mark.parametrize(
    ("ipa", "cells_run", "met"),
    [(WORSE, 20, True), (NEAR, 20, True), (BETTER, 20, False), (WORSE, 19, False)],
)
def test_ipa_must_not_win_a_single_cell(
    tmp_path: Path, ipa: Sequence[float], cells_run: int, met: bool
) -> None:
    rows = [row for k in range(cells_run) for row in scored(f"p/t{k}", {"ilp": OURS, "ipa-lstm": ipa})]

    assert bars(tmp_path, rows)["P1"].met is met


@pytest.mark.parametrize(
    ("oracle", "ours", "met"),
    [
        pytest.param(0.999, 0.995, True, id="both"),
        pytest.param(0.999, 0.985, False, id="only the oracle"),
        pytest.param(0.95, 0.9, None, id="not even the oracle"),
    ],
)
def test_the_slo_is_asked_for_where_the_oracle_attains_it(
    tmp_path: Path, oracle: float, ours: float, met: bool | None
) -> None:
    rows = [
        *scored("p/t", {"oracle": ORACLE}, slo_attainment=oracle),
        *scored("p/t", {"ilp": OURS}, slo_attainment=ours),
    ]

    assert bars(tmp_path, rows)["P3"].met is met


@pytest.mark.parametrize(("score", "met"), [(9.6, True), (9.4, False)])
def test_mean_regret_is_at_most_5_percent(tmp_path: Path, score: float, met: bool) -> None:
    bar = bars(tmp_path, scored("p/t", {"oracle": [10.0], "ilp": [score]}))["P4"]

    assert bar.met is met


@pytest.mark.parametrize(
    ("wall_s", "cores", "met"),
    [
        pytest.param(50.0, 2, True, id="590 seconds"),
        pytest.param(61.0, 2, False, id="601 seconds"),
        pytest.param(50.0, 64, None, id="on a larger machine nothing is known"),
    ],
)
def test_the_suite_is_timed_from_its_first_start_to_its_last_end(
    tmp_path: Path, wall_s: float, cores: int, met: bool | None
) -> None:
    rows = [
        episode(f"p/t{k}", "ilp", seed, wall_s=wall_s, cores=cores, started=LATER if k else START)
        for k in range(20)
        for seed in range(10)
    ]

    assert bars(tmp_path, rows)["P5"].met is met


def test_a_small_run_says_nothing_about_the_time_of_a_whole_one(tmp_path: Path) -> None:
    assert bars(tmp_path, paper(3, 0))["P5"].met is None


def test_with_one_seed_nothing_is_said_of_better_or_worse(tmp_path: Path) -> None:
    rows = [
        row
        for k in range(20)
        for row in scored(f"p/t{k}", {"ilp": [9.0], "ipa": [9.5], "rim": [8.0], "oracle": [10.0]})
    ]

    found = bars(tmp_path, rows)

    assert (found["P1"].met, found["P2"].met) == (None, None)


def test_every_link_of_the_page_leads_to_a_heading_of_it(tmp_path: Path) -> None:
    write_results([paper_like(tmp_path / "paper")], tmp_path / "results.md")

    written = tmp_path / "results.md"
    found = {link.lstrip("#") for link in links(written)}
    assert {"p1-score-against-ipa", "paper-videobursty"} <= found
    assert found <= anchors(written)


def test_each_bar_and_cell_and_its_origin_stand_on_the_page(tmp_path: Path) -> None:
    text = page([paper_like(tmp_path / "paper")])

    assert re.search(
        r"\| \[P4\]\(#p4-.*\) \| paper: mean regret .* \| \d\.\d\d%, mean over 4 cells \| met \|", text
    )
    assert "### paper nlp/steady-low" in text
    assert "- commit: 0123456789abcdef0123456789abcdef01234567" in text
    assert "trimtab evaluate paper --seeds 5" in text


def test_the_same_folders_give_the_same_page(tmp_path: Path) -> None:
    folder = paper_like(tmp_path / "paper")

    assert page([folder]) == page([folder])


def test_the_page_changes_with_the_figures(tmp_path: Path) -> None:
    one = write(tmp_path / "a" / "paper", scored("p/t", {"oracle": [10.0], "ilp": [9.0]}))
    other = write(tmp_path / "b" / "paper", scored("p/t", {"oracle": [10.0], "ilp": [9.7]}))

    assert "10.00%, mean over 1 cells | **not met**" in page([one])
    assert "3.00%, mean over 1 cells | met" in page([other])


def test_several_suites_stand_on_one_page(tmp_path: Path) -> None:
    ours = write(tmp_path / "ours", scored("video/tight", {"oracle": [2.0], "ilp": [1.0]}, suite="ours"))

    text = page([paper_like(tmp_path / "paper"), ours])

    assert "## Suite paper" in text
    assert "### ours video/tight" in text


def test_the_drift_suite_has_its_bars_and_families(tmp_path: Path) -> None:
    extra = (
        '{"named": [{"what": "latency drift", "subject": "read", "start_s": 100, "naming": "right", '
        '"after_s": 40}], "alarms": [], "assessed_s": 86400}'
    )
    scores = {"oracle": [10.0, 10.0], "ilp-stale": [6.0, 6.0], "rules": [9.0, 9.0]}
    rows = [
        row | {"extra": extra if row["policy"] == "rules" else "{}"}
        for family in ("lost node", "stationary")
        for row in scored(family, scores, suite="drift")
    ]

    text = page([write(tmp_path / "drift", rows)])

    assert re.search(r"\[D1\].*at most 0\.5 \| 0\.25 \| met", text)
    assert re.search(r"\[D3\].*at most 1 \| 0 \| met", text)
    assert re.search(r"\| lost node \| rules \| 2 \| 9 \| 1 \| 2 \| 0 \| 0 \| 40 s \| 0 \|", text)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param([], "no folder of results", id="none"),
        pytest.param(["paper", "paper"], "two folders hold the suite 'paper'", id="the same twice"),
        pytest.param(["empty"], "none of episodes.parquet", id="one without results"),
    ],
)
def test_folders_that_make_no_page_are_refused(tmp_path: Path, names: Sequence[str], message: str) -> None:
    write(tmp_path / "paper", scored("p/t", {"oracle": [1.0], "ilp": [1.0]}))

    with pytest.raises(UsageError, match=message):
        page([tmp_path / name for name in names])
