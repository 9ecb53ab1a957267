"""A decision in one word each."""

from __future__ import annotations

from typing import Any

import pytest

from agent.controller.states import cause_of, state_of, verdict_of
from core.pipeline import Slo
from core.proposal import Proposal
from core.ruling import Ruling
from tests.tools.toolkit.moments import OBSERVATION, RUNNING, decided, finding

SLO = Slo(latency_s=1.0)
SLOW = OBSERVATION.model_copy(update={"in_time": None, "latency_s": 1.1})
FAST = OBSERVATION.model_copy(update={"in_time": None, "latency_s": 0.9})
UNKNOWN = OBSERVATION.model_copy(update={"in_time": None, "latency_s": None})


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        pytest.param({}, "fine", id="nothing found"),
        pytest.param({"findings": (finding("load surge"),)}, "fine", id="a surge that is met"),
        pytest.param({"degraded": True}, "degraded", id="best effort"),
        pytest.param({"findings": (finding("slo breach"),)}, "breached", id="breach"),
        pytest.param({"findings": (finding("slo breach"),), "degraded": True}, "breached", id="breach first"),
        pytest.param({"observation": SLOW}, "breached", id="only the latency is known, and is too high"),
        pytest.param({"observation": FAST}, "fine", id="only the latency is known, and is low"),
        pytest.param({"observation": UNKNOWN}, "fine", id="neither is known"),
        pytest.param({"observation": None}, "blind", id="no observation"),
        pytest.param({"findings": (finding("missing metrics"),)}, "blind", id="missing"),
        pytest.param({"findings": (finding("stale metrics"),)}, "blind", id="stale"),
        pytest.param({"observation": None, "degraded": True}, "blind", id="blind first"),
    ],
)
def test_the_state_is_the_worst_that_a_decision_found(changes: dict[str, Any], state: str) -> None:
    assert state_of(decided(1, **changes), SLO) == state


def test_the_cause_is_the_proposals_own() -> None:
    proposals = (Proposal(rationale="because", cause="flapping"),)

    assert cause_of(decided(1, proposals=proposals, findings=(finding("load surge"),))) == "flapping"


def test_a_proposal_without_a_cause_answers_to_the_first_finding() -> None:
    findings = (finding("load surge"), finding("flapping"))

    assert cause_of(decided(1, proposals=(Proposal(rationale="so"),), findings=findings)) == "load surge"
    assert cause_of(decided(1)) == "none"


def test_the_verdict_is_that_on_the_last_proposal() -> None:
    rulings = tuple(
        Ruling(ruled=ruled, candidate=RUNNING, verdict=None, reason="so")
        for ruled in ("infeasible", "accepted")
    )

    assert verdict_of(decided(1, rulings=rulings)) == "accepted"
    assert verdict_of(decided(1)) == "none"
