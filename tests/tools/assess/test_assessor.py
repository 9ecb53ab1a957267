"""The assessor as a whole: it remembers after a restart what it had lived through, and is quick."""

from __future__ import annotations

import time

import pytest

from core.decision import Decision, certify
from core.problem import Problem
from core.solution import Optimum
from core.solve import solve
from core.verify import verify
from simulator.faults import AccuracyDrift, CapacityLoss, LatencyDrift, MetricOutage
from tests.tools.assess.lives import PIPELINE, moment, observation, turns
from tools.assess import Assessor, Moment
from tools.assess._replayed import moments

FAULTS = (
    LatencyDrift(stage="first", variant="small", factor=1.5, start_s=60.0),
    AccuracyDrift(stage="second", variant="small", factor=0.5, start_s=60.0),
    CapacityLoss(stage="second", replicas=1, start_s=90.0, end_s=200.0),
    MetricOutage(start_s=145.0, end_s=165.0),
)


def recorded(seen: Moment) -> Decision:
    """Return what the loop would have recorded of a turn in which it held still."""
    return Decision(
        id=f"d{seen.time_s:g}",
        pipeline=PIPELINE.name,
        time_s=seen.time_s,
        mode="auto",
        planner="rules",
        observation=seen.observation,
        forecast=seen.forecast,
        running=seen.running,
        load_rps=seen.decided_rps,
        outcome="held",
    )


@pytest.fixture(scope="module")
def lived() -> list[Moment]:
    return list(turns(*FAULTS, seconds=300, labelled_share=0.5))


def test_a_restart_remembers_what_was_lived_through(lived: list[Moment]) -> None:
    steady, restarted = Assessor(PIPELINE), Assessor(PIPELINE)
    before = [steady.assess(m) for m in lived[:25]]

    kept = [Decision.model_validate_json(recorded(m).model_dump_json()) for m in lived[:25]]
    restarted.replay(kept)

    assert before[-1].belief.latency
    assert before[-1].belief.accuracy
    assert steady.bias.scored
    assert (restarted.bias, restarted.slo, restarted.capacity) == (steady.bias, steady.slo, steady.capacity)
    for seen in lived[25:]:
        assert restarted.assess(seen) == steady.assess(seen)


def test_a_recorded_change_needs_its_time_to_start_again() -> None:
    """Every variant loads for five seconds: ten after the change all has started, four after not."""
    problem = Problem.of(PIPELINE, 10.0)
    best = solve(problem)
    assert isinstance(best, Optimum)
    chosen = best.configuration
    quiet = [recorded(moment(observation(10.0 * k))) for k in (1, 2, 3)]
    proof = certify(problem, best, verify(problem, chosen), chosen)
    changed = quiet[0].model_copy(update={"outcome": "applied", "certificate": proof})

    before, next_turn, after = moments(PIPELINE, [changed, *quiet[1:]], 4.0)

    assert (before.settled, before.applied) == (True, ())
    assert next_turn.applied == after.applied == ((10.0, chosen),)
    assert next_turn.settled
    sooner = quiet[1].model_copy(update={"time_s": 14.0})
    assert not list(moments(PIPELINE, [changed, sooner], 4.0))[1].settled


def test_what_lies_in_the_future_of_the_clock_is_ignored(lived: list[Moment]) -> None:
    early, told = Assessor(PIPELINE, start=100.0), Assessor(PIPELINE)
    told.replay(recorded(m) for m in lived if m.time_s <= 100.0)

    early.replay(recorded(m) for m in lived)

    assert early.latency == told.latency
    assert early.last_s == 100.0


def test_every_fault_is_told_apart(lived: list[Moment]) -> None:
    assessor = Assessor(PIPELINE)

    seen = {m.time_s: assessor.assess(m) for m in lived}

    # a backlog may make it late as well; nothing else may be alleged
    assert {f.kind for a in seen.values() for f in a.findings} - {"slo breach"} == {
        "latency drift",
        "accuracy drift",
        "capacity loss",
    }
    assert not any(a.findings for t, a in seen.items() if t <= 60.0)


def test_one_assessment_takes_less_than_five_milliseconds(lived: list[Moment]) -> None:
    assessor, taken_s = Assessor(PIPELINE), []
    for seen in lived:
        started_s = time.perf_counter()
        assessor.assess(seen)
        taken_s.append(time.perf_counter() - started_s)

    assert sorted(taken_s)[len(taken_s) // 2] < 0.005
