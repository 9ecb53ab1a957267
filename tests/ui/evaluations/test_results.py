"""What the page of evaluations reads and draws, without Streamlit."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import UsageError
from evals.agent.judged import DECISIONS
from evals.frames import Trail, without_trails
from evals.redteam.attacked import ATTACKS
from evals.standings import Cell, cells
from tests.evals.made_up import paper_like, scored, write
from tests.ui.evaluations.attacks import attack, attacks
from ui.evaluations.charts import LATENCY, PANELS, heat_map, panels
from ui.evaluations.figures import MEASURES, curve, curves, first_shown, squares
from ui.evaluations.results import episodes, overview, shelf, turns

HOUR_NS = 3_600_000_000_000


def trail(**given: list[float]) -> Trail:
    """Return four seconds in which nothing but what is given happened."""
    plain = dict.fromkeys(Trail.__slots__, [0.0] * 4) | {"second": [0.0, 1.0, 2.0, 3.0]}
    return Trail(**{name: np.asarray(values) for name, values in (plain | given).items()})


def judged(folder: Path, scores: Mapping[str, list[float | None]], **figures: object) -> tuple[Cell, ...]:
    return cells(without_trails(write(folder, scored("video/bursty", scores, **figures))))


def dated(path: Path, hours: int) -> None:
    os.utime(path, ns=(hours * HOUR_NS, hours * HOUR_NS))


def spec_of(chart: Any) -> dict[str, Any]:  # noqa: ANN401 - Altair's charts are of several types
    return dict(chart.to_dict())


def test_folders_of_results_stand_newest_first_whatever_their_kind(tmp_path: Path) -> None:
    dated(paper_like(tmp_path / "old", seeds=1, seconds=10) / "episodes.parquet", 1)
    dated(write(tmp_path / "new", scored("a/b", {"ilp": [1.0]})) / "episodes.parquet", 3)
    dated(attacks(tmp_path / "attacks", [attack()]) / ATTACKS, 2)
    (tmp_path / "empty").mkdir()

    found = shelf(tmp_path)

    assert [(h.name, h.kind, h.series is None) for h in found.held] == [
        ("new", "episodes", True),
        ("attacks", "injection", True),
        ("old", "episodes", False),
    ]
    assert found.unfinished == ()


def test_one_folder_of_results_may_be_given_itself(tmp_path: Path) -> None:
    paper_like(tmp_path / "paper", seeds=1, seconds=10)

    assert [held.name for held in shelf(tmp_path / "paper").held] == ["paper"]


def test_no_folder_is_no_results(tmp_path: Path) -> None:
    assert shelf(tmp_path / "nothing").held == ()


def test_a_run_that_has_not_ended_is_told(tmp_path: Path) -> None:
    write(tmp_path / "drift" / "parts", scored("a/b", {"ilp": [1.0]}))
    write(tmp_path / "ended" / "parts", scored("a/b", {"ilp": [1.0]}))
    write(tmp_path / "ended", scored("a/b", {"ilp": [1.0]}))

    found = shelf(tmp_path)

    assert ([held.name for held in found.held], found.unfinished) == (["ended"], ("drift",))


def test_results_that_are_written_anew_have_another_stamp(tmp_path: Path) -> None:
    write(tmp_path / "paper", scored("a/b", {"ilp": [1.0]}))
    (before,) = shelf(tmp_path).held

    write(tmp_path / "paper", scored("a/b", {"ilp": [1.0, 2.0]}))
    (after,) = shelf(tmp_path).held

    assert after.stamp != before.stamp


def test_a_suite_is_judged_with_its_bars_and_what_made_it(tmp_path: Path) -> None:
    seen = overview(paper_like(tmp_path))

    assert (seen.suite, seen.ours, len(seen.cells)) == ("paper", "ilp", 4)
    assert [bar.key for bar in seen.bars] == ["P1", "P2", "P3", "P4", "P5"]
    assert seen.origin["machine"] == "A processor of nobody's, 2 cores"
    assert seen.begun == 1_735_787_045.0
    assert (seen.missing, seen.unjudged) == ((), "")


def test_a_partial_run_of_drift_is_shown_though_its_bars_cannot_be_judged(tmp_path: Path) -> None:
    rows = scored("lost node", {"oracle": [1.0], "ilp-stale": [1.0], "rules": [1.0, 2.0]}, suite="drift")

    seen = overview(write(tmp_path, rows))

    assert "the episode of 'oracle' is missing" in seen.unjudged
    assert (seen.bars, len(seen.cells), len(seen.missing)) == ((), 1, 2)


def test_episodes_stand_in_the_order_that_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path, scored("video/bursty", {"ilp": [1.0, 2.0], "rim": [3.0], "hpa": [4.0]}))

    found = episodes(tmp_path, "video/bursty", ["rim", "ilp"])

    assert [(row.policy, row.score) for row in found] == [("rim", 3.0), ("ilp", 1.0), ("ilp", 2.0)]


def test_seconds_taken_together_keep_means_sums_and_the_worst() -> None:
    found = curve(
        "ilp",
        trail(
            arrivals=[2, 4, 10, 20],
            completed=[1, 3, 5, 7],
            late=[0, 1, 2, 3],
            dropped=[1, 1, 0, 0],
            latency_s=[0.1, 0.4, math.nan, math.nan],
            cores=[2, 4, 4, 4],
            queue=[0, 7, 1, 0],
        ),
        most=2,
    )

    assert (found.time_s, found.width_s) == ((0.0, 2.0), 2.0)
    assert (found.arrivals_rps, found.completed_rps) == ((3.0, 15.0), (2.0, 6.0))
    assert (found.late, found.dropped, found.missed) == ((1.0, 5.0), (2.0, 0.0), (3.0, 5.0))
    assert (found.latency_s, found.cores, found.queue) == ((0.4, None), (3.0, 4.0), (7.0, 1.0))


def test_the_last_of_seconds_taken_together_may_be_fewer() -> None:
    assert curve("ilp", trail(cores=[1, 2, 3, 4]), most=3).cores == (1.5, 3.5)
    assert curve("ilp", trail(cores=[1, 2, 3, 4]), most=4).cores == (1.0, 2.0, 3.0, 4.0)


def test_policies_whose_series_were_kept_are_drawn_in_the_order_chosen(tmp_path: Path) -> None:
    paper_like(tmp_path, seeds=1, seconds=10)

    found = curves(tmp_path, "nlp/bursty", ["oracle", "nobody", "ilp"])

    assert [one.policy for one in found] == ["oracle", "ilp"]


@pytest.mark.parametrize(
    ("scores", "shown"),
    [
        pytest.param(
            {"ilp": [2.0], "oracle": [3.0], "rim": [0.5], "ipa": [1.0]}, ["ilp", "ipa", "oracle"], id="all"
        ),
        pytest.param({"rim": [0.5], "ipa": [1.0]}, ["ipa", "rim"], id="without ours"),
        pytest.param(
            {"ilp": [2.0], "ilp-free": [1.0], "oracle": [3.0]}, ["ilp", "oracle", "ilp-free"], id="kin"
        ),
    ],
)
def test_ours_the_best_rival_and_the_oracle_are_drawn_first(
    tmp_path: Path, scores: Mapping[str, list[float | None]], shown: list[str]
) -> None:
    (cell,) = judged(tmp_path, scores)

    assert first_shown(cell) == shown


def test_a_square_has_its_measure_its_score_and_its_place(tmp_path: Path) -> None:
    found = squares(judged(tmp_path, {"ilp": [8.0], "oracle": [10.0]}, mean_cores=3.0), MEASURES["regret"])

    assert [(s.policy, s.value, s.text, s.score, s.place) for s in found] == [
        ("oracle", 0.0, "0.0%", "10", 1),
        ("ilp", pytest.approx(0.2), "20.0%", "8", 2),
    ]


def test_without_an_oracle_there_is_no_regret_but_all_else(tmp_path: Path) -> None:
    of = judged(tmp_path, {"ilp": [8.0]}, mean_cores=3.0, slo_attainment=0.5, effective_accuracy=0.25)

    shown = {name: squares(of, measure)[0].value for name, measure in MEASURES.items()}

    assert shown == {"regret": None, "SLO attainment": 0.5, "effective accuracy": 0.25, "mean cores": 3.0}


@pytest.mark.parametrize(
    ("measure", "reversed_"), [("regret", False), ("mean cores", False), ("SLO attainment", True)]
)
def test_what_is_bad_is_bright_whichever_way_a_measure_runs(
    tmp_path: Path, measure: str, reversed_: bool
) -> None:
    of = MEASURES[measure]
    drawn = squares(judged(tmp_path, {"ilp": [8.0], "oracle": [10.0]}), of)

    spec = spec_of(heat_map(drawn, of, ["oracle", "ilp"], ours="ilp", chosen="video/bursty"))

    assert spec["encoding"]["color"]["scale"]["scheme"] == "viridis"
    assert spec["encoding"]["color"]["scale"]["reverse"] is reversed_
    assert spec["encoding"]["y"]["sort"] == ["oracle", "ilp"]


def test_lines_are_told_apart_without_their_colours(tmp_path: Path) -> None:
    paper_like(tmp_path, seeds=1, seconds=10)
    drawn = curves(tmp_path, "nlp/bursty", ["ilp", "oracle", "ipa", "hpa", "fa2-high", "infaas-low"])

    specs = [spec_of(chart) for chart in panels(drawn, slo_s=0.5)]

    dashes = specs[0]["layer"][-1]["encoding"]["strokeDash"]["scale"]
    assert dashes["domain"] == [one.policy for one in drawn]
    assert len({tuple(dash) for dash in dashes["range"]}) == len(drawn)
    assert [spec["title"]["text"] for spec in specs] == [panel.title for panel in PANELS]


@pytest.mark.parametrize(
    ("latency_s", "top_s"),
    [
        pytest.param(0.2, 1.25, id="far below: the limit is in the picture"),
        pytest.param(2.0, 2.1, id="above"),
        pytest.param(60.0, 2.5, id="far above: cut off"),
    ],
)
def test_latency_is_drawn_against_the_slo(latency_s: float, top_s: float) -> None:
    (spec,) = [
        spec
        for chart in panels([curve("ilp", trail(latency_s=[latency_s] * 4))], slo_s=1.0)
        if (spec := spec_of(chart))["title"]["text"] == LATENCY.title
    ]

    assert spec["layer"][-1]["encoding"]["y"]["scale"]["domain"] == [0.0, pytest.approx(top_s)]
    assert [{"slo": 1.0, "text": "SLO 1 s"}] in spec["datasets"].values()


def test_turns_are_summed_up_and_kept_one_by_one(tmp_path: Path) -> None:
    rows = [attack(case="a"), attack(case="a", planner="obedient", persuaded=True)]

    seen = turns(attacks(tmp_path, rows), "injection")

    assert [row["planner"] for row in seen.rows] == ["rules", "obedient"]
    assert seen.summaries[0].passed
    assert (seen.commits, seen.machines, seen.unjudged) == (("abc",), ("nobody's",), "")


def test_turns_whose_model_never_answered_are_shown_though_nothing_is_made_of_them(tmp_path: Path) -> None:
    silent = attack(calls=3, tokens=0, fell_back="time-out")

    seen = turns(attacks(tmp_path, [silent]), "injection")

    assert "the endpoint never answered (time-out)" in seen.unjudged
    assert (seen.summaries, len(seen.rows)) == ((), 1)


def test_rows_of_something_else_are_refused(tmp_path: Path) -> None:
    attacks(tmp_path, [attack()])
    (tmp_path / ATTACKS).rename(tmp_path / DECISIONS)

    with pytest.raises(UsageError, match="no rows of 'Judged'"):
        turns(tmp_path, "agent")
