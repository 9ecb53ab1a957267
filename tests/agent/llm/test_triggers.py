"""What has a model asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.llm.triggers import Triggers
from core.assessment import Finding
from core.decision import Decision
from core.trial import Quarantine
from tests.agent.llm.table import quiet, running, situation
from tools.toolkit.situation import Situation

FAILED = Quarantine(configuration=running("small"), until_s=900, decision="toy-7", evidence="too slow")
LATE = Finding(kind="stale metrics", subject="toy", statement="30 s old")
SLOW = Finding(kind="latency drift", subject="find", statement="1.3 times as slow")


def after(*known: Quarantine) -> Decision:
    """Return a decision that knew of these failures."""
    return Decision(
        id="toy-8",
        pipeline="toy",
        time_s=90,
        mode="auto",
        planner="llm",
        observation=None,
        forecast=None,
        outcome="held",
        quarantine=known,
    )


def findings(*found: Finding) -> Situation:
    calm = quiet()
    return replace(calm, assessment=calm.assessment.model_copy(update={"findings": found}))


@pytest.mark.parametrize(
    ("here", "why"),
    [
        pytest.param(quiet(), (), id="quiet"),
        pytest.param(findings(LATE), (), id="nothing to reason about"),
        pytest.param(findings(SLOW, SLOW), ("latency drift of find",), id="a finding, once"),
        pytest.param(
            replace(quiet(), announced=3.0), ("an announced event, 3 times the load",), id="an event"
        ),
        pytest.param(replace(quiet(), announced=1.0), (), id="no event for this horizon"),
        pytest.param(
            replace(quiet(), quarantine=(FAILED,), history=(after(),)),
            ("the change of toy-7 failed",),
            id="a trial that failed",
        ),
        pytest.param(
            replace(quiet(), quarantine=(FAILED,), history=(after(FAILED),)),
            (),
            id="one known to have failed",
        ),
        pytest.param(
            situation(4.0, findings=()),
            ("the optimum is better than what runs by 1.7",),
            id="a better optimum",
        ),
        pytest.param(
            situation(findings=(), now=running("large", 1, 4)),
            ("what runs breaks capacity[find]",),
            id="breach",
        ),
        pytest.param(situation(1000.0, findings=()), ("nothing is feasible",), id="infeasible"),
    ],
)
def test_a_model_is_asked_for_a_reason(here: Situation, why: tuple[str, ...]) -> None:
    assert Triggers().of(here) == why


def test_a_little_to_gain_is_left_to_the_rules() -> None:
    here = situation(4.0, findings=())

    assert Triggers(worth=1.0).of(here) == ()
    assert Triggers(worth=None).of(here) == ()
