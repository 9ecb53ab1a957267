"""Lost capacity: believed when a cold start would have brought it back, and never for ever."""

from __future__ import annotations

from simulator.faults import CapacityLoss, ReplicaCrash
from tests.core.toys import configuration
from tests.tools.assess.lives import PIPELINE, moment, observation, turns
from tools.assess import Assessor
from tools.assess.capacity import PROBATION_S

PATIENCE = 3
"""Intervals of a shortage until it is believed: 5 s of loading and two intervals of ten seconds."""


def ready_of(assessor: Assessor, ready: str, *, wanted: int = 3) -> list[int | None]:
    """Let the first stage have so many ready, a digit an interval; return the cap after each.

    It goes on from where it was. As many as *wanted* are asked for all the time.
    """
    caps = []
    for count in ready:
        at_s = max(0.0, assessor.last_s) + 10.0
        running = configuration(("first", "small", 1, wanted), ("second", "small", 1, 2))
        seen = observation(at_s, ready=(int(count), 2))
        caps.append(assessor.assess(moment(seen, running=running)).belief.replica_cap("first"))
    return caps


def obeyed(assessor: Assessor, available: str) -> list[tuple[int, int | None]]:
    """Let a loop ask for three or what the cap allows, while so many can be had; return both each turn."""
    found, cap = [], None
    for count in available:
        wanted = 3 if cap is None else min(3, cap)
        (cap,) = ready_of(assessor, str(min(wanted, int(count))), wanted=wanted)
        found.append((wanted, cap))
    return found


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


def test_one_more_is_asked_for_after_a_probation_which_doubles_each_time_that_it_is_in_vain() -> None:
    turns_of = obeyed(Assessor(PIPELINE), "2" * 130)

    asked = [k for k, (wanted, _) in enumerate(turns_of) if wanted == 3]
    first = asked[:PATIENCE]
    assert first == list(range(PATIENCE))
    vain = asked[PATIENCE:]
    gaps = [b - a for a, b in zip((first[-1], *vain), vain, strict=False)]
    assert gaps[:4] == [1 + times * PROBATION_S / 10 for times in (1, 2, 4, 8)]


def test_asking_again_finds_what_has_come_back_and_the_cap_is_gone() -> None:
    turns_of = obeyed(Assessor(PIPELINE), "22222" + "3" * 20)

    caps = [cap for _, cap in turns_of]
    assert caps[-10:] == [None] * 10
    assert [wanted for wanted, _ in turns_of[-10:]] == [3] * 10


def test_a_cap_is_eased_one_by_one_so_that_also_what_needs_many_more_is_tried() -> None:
    assessor = Assessor(PIPELINE)
    ready_of(assessor, "1" * PATIENCE, wanted=5)

    caps = ready_of(assessor, "1" * 9, wanted=1)

    assert caps == [1, 1, 1, 1, 1, 2, 3, 4, 5]


def test_a_loss_soon_after_one_that_was_made_good_is_taken_for_its_repetition() -> None:
    fresh, again = Assessor(PIPELINE), Assessor(PIPELINE)
    ready_of(again, "222" + "333")

    lasts = []
    for assessor in (fresh, again):
        ready_of(assessor, "222")
        lasts.append(assessor.capacity.caps["first"].lasts_s)

    assert lasts == [PROBATION_S, 2 * PROBATION_S]


def test_a_loss_long_after_one_that_was_made_good_is_a_new_one() -> None:
    assessor = Assessor(PIPELINE)
    ready_of(assessor, "222" + "3" * 10 + "222")

    assert assessor.capacity.caps["first"].lasts_s == PROBATION_S


def test_a_second_loss_within_a_cap_tightens_it() -> None:
    assessor = Assessor(PIPELINE)
    ready_of(assessor, "222")

    assert ready_of(assessor, "1111", wanted=2)[-1] == 1


def test_what_comes_back_and_goes_again_within_a_cap_is_no_second_loss() -> None:
    assessor = Assessor(PIPELINE)
    ready_of(assessor, "222")

    caps = ready_of(assessor, "212111", wanted=2)

    assert caps == [2] * 6


def test_replicas_that_were_asked_for_anew_have_not_come_back() -> None:
    """Two ready of three, then three of four: one was added, so the loss within the cap is a second one."""
    assessor = Assessor(PIPELINE)
    ready_of(assessor, "222")
    ready_of(assessor, "1", wanted=1)
    ready_of(assessor, "2", wanted=2)

    assert ready_of(assessor, "1111", wanted=2)[-1] == 1


def test_more_than_the_cap_asked_for_all_the_time_is_refused_all_the_time() -> None:
    """One comes back and goes again, but three are wanted where two can be had."""
    assessor = Assessor(PIPELINE)
    ready_of(assessor, "222")

    ready_of(assessor, "1211111")

    assert assessor.capacity.caps["first"].replicas == 1


def test_a_cap_that_allows_all_that_a_stage_may_have_is_no_cap() -> None:
    assessor = Assessor(PIPELINE)
    ready_of(assessor, "222")
    most = PIPELINE.stage("first").replicas.max

    caps = ready_of(assessor, "2" * (most + 10), wanted=2)

    assert max(cap for cap in caps if cap is not None) == most - 1
    assert caps[-1] is None


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


def test_a_cap_that_was_made_before_the_first_replica_was_ready_ends_with_it() -> None:
    """None of one is a cap of one, as fewer would fit nothing: once the one is ready nothing is short."""
    assessor = Assessor(PIPELINE)

    caps = ready_of(assessor, "00001", wanted=1)

    assert caps[-2:] == [1, None]
