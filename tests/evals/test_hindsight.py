"""A limit may choose in hindsight with which margins it planned; nobody else may."""

from __future__ import annotations

from pathlib import Path

from core.problem import Margins
from evals.episode import play
from evals.scenario import Entrant, Scenario
from evals.suites.paper import LIMITS, entrants
from tests.core.toys import pipeline, stage
from tests.evals.ipafiles import written
from tools.cadence import margins_of
from tools.replay import ReplaySettings

SCARCE = ReplaySettings(margins=Margins(headroom=0.5))
CELL = Scenario("toy", "toy/steady", "steady", pipeline(stage("first"), slo_s=4.0), (12.0,) * 200)


def test_of_several_margins_the_best_episode_counts() -> None:
    plain, scarce, both = (
        play(CELL, [Entrant("limit", "oracle", settings=s, hindsight=h)], 0, series=False)[0].row.score
        for s, h in ((None, ()), (SCARCE, ()), (SCARCE, (ReplaySettings(),)))
    )

    assert plain is not None and scarce is not None and scarce < plain
    assert both == plain


def test_the_same_margins_are_tried_once() -> None:
    assert LIMITS[0].hindsight[0].margins == margins_of(CELL.pipeline)
    assert len(LIMITS[0].tried(CELL)) == 1


def test_only_limits_have_hindsight(tmp_path: Path) -> None:
    assert {e.label for e in entrants(written(tmp_path)) if e.hindsight} == {"oracle", "oracle-warm"}
