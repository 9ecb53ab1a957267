"""Lost capacity: believed when a cold start would have brought it back, and never for ever."""

from __future__ import annotations

from simulator.faults import CapacityLoss, ReplicaCrash
from tests.core.toys import configuration
from tests.tools.assess.lives import PIPELINE, moment, observation, turns
from tools.assess import Assessor
from tools.assess.capacity import PROBATION_S


def test_replicas_that_do_not_come_back_are_capped_until_more_are_ready() -> None:
    loss = CapacityLoss(stage="first", replicas=2, start_s=55.0, end_s=205.0)
    assessor = Assessor(PIPELINE)

    seen = {m.time_s: assessor.assess(m) for m in turns(loss, seconds=300)}

    caps = {t: a.belief.replica_cap("first") for t, a in seen.items()}
    assert [t for t, cap in caps.items() if cap == 2] == [float(t) for t in range(80, 201, 10)]
    assert set(caps.values()) == {None, 2}
    (cap,) = seen[100.0].belief.capacity
    assert (cap.evidence.statement, cap.evidence.since_s) == (
        "2 of 3 replicas could be had since 50 s",
        50.0,
    )


def test_a_crash_that_a_cold_start_mends_is_no_lost_capacity() -> None:
    assessor = Assessor(PIPELINE)

    seen = [assessor.assess(m) for m in turns(ReplicaCrash(stage="first", start_s=58.0), seconds=200)]

    assert [f.kind for a in seen for f in a.findings if f.kind == "capacity loss"] == ["capacity loss"]
    assert not any(a.belief.capacity for a in seen)


def test_a_cap_ends_by_probation_and_each_failure_doubles_it() -> None:
    assessor, capped = Assessor(PIPELINE), []
    for k in range(1, 130):
        adapted = assessor.capacity.belief(moment(observation(10.0 * k)))
        running = configuration(("first", "small", 1, 2 if adapted else 3), ("second", "small", 1, 2))
        assessor.assess(moment(observation(10.0 * k, ready=(2, 2)), running=running))
        capped.append(bool(adapted))

    runs = "".join("c" if c else "." for c in capped).strip(".").split(".")
    lengths = [len(run) for run in runs if run]
    assert lengths[0] == PROBATION_S / 10 - 1
    assert lengths[1] == 2 * PROBATION_S / 10 - 1


def test_what_is_unknown_is_not_lost() -> None:
    assessor = Assessor(PIPELINE)
    for k in range(1, 20):
        seen = assessor.assess(moment(observation(10.0 * k, ready=(None, None))))

    assert seen.belief.capacity == ()


def test_a_stage_without_any_replica_is_not_capped_below_one() -> None:
    assessor = Assessor(PIPELINE)
    for k in range(1, 20):
        seen = assessor.assess(moment(observation(10.0 * k, ready=(0, 2))))

    assert seen.belief.replica_cap("first") == 1
