"""What counts as named, how soon, and what as a false alarm."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from core.assessment import Finding, FindingKind
from core.belief import Belief, Evidence, LatencyFactor
from core.decision import Decision
from core.proposal import Proposal
from core.ruling import Ruling
from evals.drift.case import Happening
from evals.drift.judging import attributions, false_alarms

SLOWER = Happening(what="latency drift", subject="read", start_s=95, end_s=300)


def test_a_thing_is_named_by_the_first_decision_with_its_kind_on_its_subject() -> None:
    said = [
        _decision(100, [("slo breach", "toy"), ("latency drift", "detect")]),
        _decision(110, [("latency drift", "read")]),
        _decision(120, [("latency drift", "read")]),
    ]

    (found,) = attributions(said, [SLOWER])

    assert (found.naming, found.after_s) == ("right", 15)


def test_what_was_said_before_it_began_names_nothing() -> None:
    (found,) = attributions([_decision(90, [("latency drift", "read")])], [SLOWER])

    assert (found.naming, found.after_s) == ("never", None)


def test_where_one_variant_was_befallen_the_belief_must_say_which() -> None:
    happening = Happening(what="latency drift", subject="read", start_s=95, end_s=300, variant="small")
    said = [
        _decision(100, [("latency drift", "read")]),
        _decision(110, [("latency drift", "read")], slower="large"),
        _decision(120, [("latency drift", "read")], slower="small"),
    ]

    (found,) = attributions(said, [happening])

    assert found.after_s == 25


@pytest.mark.parametrize(
    ("kind", "naming"),
    [
        pytest.param("accuracy drift", "wrong", id="something that is not so"),
        pytest.param("slo breach", "never", id="what it leads to accuses nothing"),
    ],
)
def test_what_was_never_named_is_told_from_what_was_named_wrongly(kind: FindingKind, naming: str) -> None:
    (found,) = attributions([_decision(100, [(kind, "read")])], [SLOWER])

    assert found.naming == naming


def test_of_two_things_at_once_neither_is_wrong_for_the_other() -> None:
    also = Happening(what="lost capacity", subject="read", start_s=95, end_s=300)

    found = attributions([_decision(100, [("capacity loss", "read")])], [SLOWER, also])

    assert [f.naming for f in found] == ["never", "right"]


def test_an_announced_crowd_may_be_named_before_it_comes() -> None:
    crowd = Happening(what="announced crowd", subject="toy", start_s=200, end_s=400)
    said = [_decision(190, cause_ruled="infeasible"), _decision(195, cause_ruled="accepted")]

    (found,) = attributions(said, [crowd])

    assert (found.naming, found.after_s) == ("right", -5)


def test_an_alarm_that_goes_on_is_one_and_one_that_comes_back_another() -> None:
    said = [_decision(t, [("latency drift", "read")] if on else []) for t, on in _turns("011011")]

    found = false_alarms(said, [])

    assert [alarm.time_s for alarm in found] == [10, 40]


def test_what_is_so_or_was_until_lately_is_no_false_alarm() -> None:
    times_s = (90, 110, 355, 365)
    said = [d for t in times_s for d in (_decision(t - 1), _decision(t, [("latency drift", "read")]))]

    found = false_alarms(said, [SLOWER])

    assert [alarm.time_s for alarm in found] == [90, 365]


def test_an_alarm_on_another_subject_is_false_and_a_surge_accuses_nothing() -> None:
    said = [_decision(100, [("latency drift", "detect"), ("load surge", "toy"), ("capacity loss", "read")])]

    found = false_alarms(said, [SLOWER])

    assert {(alarm.kind, alarm.subject) for alarm in found} == {
        ("latency drift", "detect"),
        ("capacity loss", "read"),
    }


@pytest.mark.parametrize(
    ("kind", "ambiguous"),
    [
        pytest.param("accuracy drift", True, id="labels are of both stages"),
        pytest.param("latency drift", False, id="service times are of one stage each"),
    ],
)
def test_only_what_rests_on_shared_evidence_may_name_the_wrong_stage_beside_the_right_one(
    kind: FindingKind, ambiguous: bool
) -> None:
    truth = [SLOWER, Happening(what="accuracy drift", subject="read", start_s=95, end_s=300)]

    (found,) = false_alarms([_decision(100, [(kind, "read"), (kind, "detect")])], truth)

    assert (found.subject, found.ambiguous) == ("detect", ambiguous)


def _turns(pattern: str) -> list[tuple[float, bool]]:
    return [(10.0 * k, mark == "1") for k, mark in enumerate(pattern)]


def _decision(
    time_s: float,
    findings: Sequence[tuple[FindingKind, str]] = (),
    *,
    slower: str | None = None,
    cause_ruled: str | None = None,
) -> Decision:
    evidence = Evidence(statement="slower", low=1.2, high=1.8, since_s=95)
    factors = [LatencyFactor(stage="read", variant=v, factor=1.5, evidence=evidence) for v in [slower] if v]
    proposals, rulings = _announced(cause_ruled) if cause_ruled else ((), ())
    return Decision(
        id=f"toy-{time_s:g}",
        pipeline="toy",
        time_s=time_s,
        mode="auto",
        planner="rules",
        observation=None,
        forecast=None,
        findings=tuple(Finding(kind=k, subject=s, statement="so it seems") for k, s in findings),
        belief=Belief(latency=tuple(factors)),
        proposals=proposals,
        rulings=rulings,
        outcome="held",
    )


def _announced(ruled: str) -> tuple[tuple[Proposal, ...], tuple[Ruling, ...]]:
    proposal = Proposal(rationale="the crowd comes", cause="announced event", evidence=("t1",))
    ruling = Ruling.model_validate({"ruled": ruled, "candidate": None, "verdict": None, "reason": "as it is"})
    return (proposal,), (ruling,)
