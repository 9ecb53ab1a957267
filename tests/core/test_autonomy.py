"""Autonomy is earned step by step from the record, and lost by itself; the record alone decides."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.approval import Approval
from core.assessment import Finding
from core.autonomy import (
    LADDER,
    Demotion,
    LastStep,
    Policy,
    Standing,
    Step,
    counted,
    next_mode,
    standing,
)
from core.decision import Decision, Mode, Outcome
from core.forecast import Forecast
from core.observation import Observation
from core.ruling import Ruled, Ruling
from core.trial import Quarantine
from core.verdict import Verdict
from tests.core.toys import configuration

RUNS = configuration(("first", "small", 1, 1))
EASY = Policy(
    approve=Step(decisions=10, observed_s=90.0),
    auto=LastStep(decisions=20, observed_s=190.0, changes=2),
    demote=Demotion(decisions=5),
)
BREACH = Finding(kind="slo breach", subject="toy", statement="late")


def ruling(regret: float | None, optimum: float | None = -10.0, ruled: Ruled = "accepted") -> Ruling:
    verdict = Verdict(
        accepted=ruled == "accepted",
        constraints=(),
        objective=None,
        optimum=optimum,
        regret=regret,
        accuracy=None,
        cores=1.0,
        latency_s=None,
    )
    return Ruling(
        ruled=ruled, candidate=None, verdict=None if ruled == "impossible" else verdict, reason="as ruled"
    )


def decision(
    k: int,
    mode: Mode = "observe",
    *,
    regret: float | None = 0.1,
    load_rps: float | None = 10.0,
    upper_rps: float | None = 12.0,
    outcome: Outcome = "held",
    agreed: bool | None = None,
    rolled_back: bool = False,
    breached: bool = False,
    degraded: bool = False,
    measured: bool = True,
    rulings: tuple[Ruling, ...] | None = None,
) -> Decision:
    """Return decision *k* of a loop that decides every 10 s; the regret is that of an optimum of -10."""
    time_s = 10.0 * k
    word = Approval(proposal="0" * 64, agreed=bool(agreed), approver="ann", at=1.0)
    failed = Quarantine(
        configuration=RUNS, until_s=time_s + 600, since_s=time_s, decision="earlier", evidence="late"
    )
    old = failed.model_copy(update={"since_s": 0.5})
    return Decision(
        id=f"d-{k}",
        pipeline="toy",
        time_s=time_s,
        mode=mode,
        planner="rules",
        observation=Observation(
            time_s=time_s,
            interval_s=10.0,
            loads_rps=(None, load_rps),
            latency_s=None,
            in_time=None if load_rps is None else 1.0,
            dropped_rps=None,
            accuracy=None,
        )
        if measured
        else None,
        forecast=None
        if upper_rps is None
        else Forecast(point_rps=0.0, upper_rps=upper_rps, quantile=0.9, horizon_s=15.0, method="last"),
        findings=(BREACH,) if breached else (),
        rulings=(ruling(regret),) if rulings is None else rulings,
        approval=None if agreed is None else word,
        quarantine=(old, failed) if rolled_back else (old,),
        outcome=outcome,
        degraded=degraded,
    )


def record(count: int, mode: Mode = "observe", **changes: Any) -> list[Decision]:  # noqa: ANN401 - as above
    return [decision(k, mode, **changes) for k in range(1, count + 1)]


def test_every_figure_of_a_short_record() -> None:
    found = standing(
        [
            decision(1, regret=0.2, upper_rps=12.0),
            decision(2, load_rps=12.5, outcome="applied"),  # above 12: missed
            decision(3, load_rps=None, upper_rps=None, rulings=()),  # nothing met, nothing proposed
            decision(4, load_rps=99.0, agreed=True, outcome="applied"),  # no forecast before it
            decision(5, load_rps=12.0, agreed=False, outcome="refused", rolled_back=True),  # at the limit
        ]
    )

    assert (found.mode, found.decisions, found.observed_s) == ("observe", 5, 40.0)
    assert found.regret == pytest.approx((0.02 + 0.01 + 0.01 + 0.01) / 4)
    assert (found.forecasts, found.covered, found.coverage) == (2, 1, 0.5)
    assert (found.changes, found.rollbacks, found.rollback_rate) == (2, 1, 0.5)
    assert (found.asked, found.overrides, found.override_rate) == (2, 1, 0.5)


def test_an_empty_record_says_nothing() -> None:
    found = standing([])

    assert found == Standing()
    assert (found.regret, found.coverage, found.rollback_rate, found.override_rate) == (None,) * 4
    assert found.observed_s == 0


@pytest.mark.parametrize(
    ("rulings", "regret"),
    [
        pytest.param((ruling(0.5),), 0.05, id="a share of the optimum"),
        pytest.param((ruling(0.5, optimum=10.0),), 0.05, id="of an optimum above zero"),
        pytest.param((ruling(-1e-9),), 0.0, id="rounding"),
        pytest.param((ruling(50.0),), 1.0, id="at most all of it"),
        pytest.param((ruling(0.5, optimum=0.0),), 1.0, id="an optimum of zero"),
        pytest.param((ruling(0.0, optimum=0.0),), 0.0, id="an optimum of zero, met"),
        pytest.param((ruling(2.0, ruled="infeasible"),), 1.0, id="infeasible"),
        pytest.param((ruling(None, ruled="impossible"),), 1.0, id="impossible"),
        pytest.param((ruling(3.0, ruled="unsupported"),), 0.3, id="unsupported"),
        pytest.param((ruling(2.0, ruled="infeasible"), ruling(0.0)), 1.0, id="the first counts"),
        pytest.param((ruling(None, optimum=None, ruled="infeasible"),), None, id="nothing was feasible"),
        pytest.param((), None, id="nothing proposed"),
    ],
)
def test_the_regret_of_a_turn_is_that_of_its_first_proposal(
    rulings: tuple[Ruling, ...], regret: float | None
) -> None:
    found = standing([decision(1, rulings=rulings)]).regret

    assert found == (None if regret is None else pytest.approx(regret))


def test_a_forecast_is_not_held_against_a_load_after_its_horizon() -> None:
    assert standing([decision(1), decision(2)]).forecasts == 1
    assert standing([decision(1), decision(3, load_rps=99.0)]).forecasts == 0


def test_a_turn_without_metrics_counts_for_nothing_whatever_mode_it_names() -> None:
    seen = record(3)
    blind = decision(4, "auto", measured=False, outcome="abandoned")

    assert standing([*seen, blind]) == standing(seen)


def test_breaches_in_a_row_end_with_a_good_interval_and_not_with_an_unknown_one() -> None:
    late = [decision(k, breached=True) for k in (1, 2)]

    assert standing(late).breaches == 2
    assert standing([*late, decision(3, load_rps=None)]).breaches == 2
    assert standing([*late, decision(3, breached=True, degraded=True)]).breaches == 2
    assert standing([*late, decision(3)]).breaches == 0


def test_another_mode_starts_the_count_anew() -> None:
    found = standing([*record(7, "observe", outcome="applied"), *record(2, "approve")])

    assert (found.mode, found.decisions, found.changes) == ("approve", 2, 0)


def test_a_good_record_earns_the_next_step_and_no_more() -> None:
    enough = standing(record(10))

    moved = next_mode(EASY, "observe", enough, "auto")

    assert moved.mode == "approve"
    assert moved.reason == "approve is earned by 10 decisions in 90 s"
    assert next_mode(EASY, "approve", enough, "auto").mode == "approve"


@pytest.mark.parametrize(
    ("decisions", "reason"),
    [
        pytest.param(record(9), "9 of 10 decisions; 80 of 90 seconds observed", id="too few"),
        pytest.param(record(10, rulings=()), "mean regret unknown, at most 0.02", id="no proposal"),
        pytest.param(record(10, regret=0.5), "mean regret 0.05, at most 0.02", id="regret"),
        pytest.param(
            record(10, upper_rps=None), "forecast coverage unknown, at least 0.85", id="no forecast"
        ),
        pytest.param(
            [*record(9), decision(10, breached=True)], "the SLO is not kept now", id="a breach just now"
        ),
    ],
)
def test_what_is_missing_for_a_step_is_said(decisions: list[Decision], reason: str) -> None:
    moved = next_mode(EASY, "observe", standing(decisions), "auto")

    assert (moved.mode, moved.reason) == ("observe", f"approve is not earned yet: {reason}")


def test_auto_takes_changes_that_were_agreed_to_and_kept() -> None:
    without = record(20, "approve")
    agreed = [
        *record(18, "approve"),
        *(decision(k, "approve", agreed=True, outcome="applied") for k in (19, 20)),
    ]

    assert next_mode(EASY, "approve", standing(without), "auto").mode == "approve"
    assert next_mode(EASY, "approve", standing(agreed), "auto").mode == "auto"


def test_refusals_by_people_stand_in_the_way_of_auto() -> None:
    told = [decision(k, "approve", agreed=k % 3 > 0, outcome="applied") for k in range(1, 31)]

    moved = next_mode(EASY, "approve", standing(told), "auto")

    assert moved.mode == "approve"
    assert "override rate 0.333, at most 0.1" in moved.reason


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        pytest.param([decision(31, "auto", rolled_back=True)], "1 changes were taken back", id="rollback"),
        pytest.param(
            [decision(k, "auto", breached=True) for k in (31, 32, 33)],
            "3 SLO breaches in a row",
            id="breaches",
        ),
        pytest.param(
            [decision(k, "auto", regret=10.0) for k in range(31, 36)],
            "mean regret 0.151 is above 0.1",
            id="regret",
        ),
        pytest.param(
            [decision(k, "auto", load_rps=20.0) for k in range(31, 51)],
            "forecast coverage 0.592 is below 0.7",
            id="coverage",
        ),
        pytest.param(
            [decision(31, "auto", agreed=False)], "100% of the changes were refused, 50% may be", id="refused"
        ),
    ],
)
def test_a_step_is_lost_by_itself(last: list[Decision], reason: str) -> None:
    good = record(30, "auto")
    assert next_mode(EASY, "auto", standing(good), "auto").mode == "auto"

    moved = next_mode(EASY, "auto", standing([*good, *last]), "auto")

    assert (moved.mode, moved.reason) == ("approve", f"back from auto to approve: {reason}")


def test_rates_of_a_handful_of_turns_cost_nothing() -> None:
    bad = record(4, "auto", regret=10.0)

    assert next_mode(EASY, "auto", standing(bad), "auto").mode == "auto"
    assert (
        next_mode(EASY, "auto", standing([*bad, decision(5, "auto", regret=10.0)]), "auto").mode == "approve"
    )


def test_zero_switches_a_demotion_off() -> None:
    never = EASY.model_copy(update={"demote": Demotion(rollbacks=0, breaches=0)})
    bad = record(9, "auto", rolled_back=True, breached=True)

    assert next_mode(never, "auto", standing(bad), "auto").mode == "auto"


def test_the_ceiling_holds_at_once_and_whatever_was_earned() -> None:
    assert next_mode(EASY, "auto", standing(record(30, "auto")), "observe").mode == "observe"
    assert next_mode(EASY, "observe", standing(record(30)), "observe").mode == "observe"


def test_a_record_of_another_mode_earns_nothing() -> None:
    free = EASY.model_copy(update={"auto": LastStep(decisions=20, observed_s=190.0, changes=0)})

    assert next_mode(free, "approve", standing(record(99, "approve")), "auto").mode == "auto"
    assert next_mode(free, "approve", standing(record(99, "observe")), "auto").mode == "approve"


def test_a_change_taken_back_while_only_observing_earns_nothing() -> None:
    failed = standing([*record(19), decision(20, rolled_back=True)])

    moved = next_mode(EASY, "observe", failed, "auto")

    assert (moved.mode, moved.reason) == (
        "observe",
        "approve is not earned yet: 1 changes were taken back",
    )


def test_where_a_rollback_costs_nothing_its_rate_still_stands_in_the_way() -> None:
    lenient = EASY.model_copy(update={"demote": Demotion(rollbacks=0)})
    told = [*record(20, "approve", outcome="applied"), decision(21, "approve", rolled_back=True)]

    moved = next_mode(lenient, "approve", standing(told), "auto")

    assert (moved.mode, moved.reason) == (
        "approve",
        "auto is not earned yet: rollback rate 0.05, at most 0.02",
    )


@pytest.mark.parametrize(
    ("demote", "complaint"),
    [
        ({"regret": 0.01}, "demote.maxRegret must be at least approve.maxRegret, 0.02"),
        ({"coverage": 0.9}, "demote.minCoverage must be at most approve.minCoverage, 0.85"),
        ({"overrides": 0.05}, "demote.maxOverrideRate must be at least approve.maxOverrideRate, 0.1"),
    ],
)
def test_a_policy_that_would_earn_and_lose_by_turns_is_refused(
    demote: dict[str, float], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Policy(demote=Demotion(**demote))


def level(mode: Mode) -> int:
    return LADDER.index(mode)


modes = st.sampled_from(LADDER)
shares = st.floats(0, 1)
records = st.lists(
    st.builds(
        decision,
        st.integers(1, 500),
        modes,
        regret=st.one_of(st.none(), st.floats(0, 20)),
        load_rps=st.one_of(st.none(), st.floats(0, 30)),
        upper_rps=st.one_of(st.none(), st.floats(0, 30)),
        outcome=st.sampled_from(["applied", "held", "refused"]),
        agreed=st.sampled_from([None, True, False]),
        rolled_back=st.booleans(),
        breached=st.booleans(),
        measured=st.booleans(),
    ),
    max_size=30,
)
standings = st.builds(
    lambda mode, decisions, span, regret, coverage, changes, bad, asked, no, breaches: Standing(
        mode=mode,
        decisions=decisions,
        first_s=0.0,
        last_s=span,
        proposals=1000,
        regrets=1000 * regret,
        forecasts=1000,
        covered=int(1000 * coverage),
        changes=changes,
        rollbacks=min(bad, changes),
        asked=asked,
        overrides=min(no, asked),
        breaches=breaches,
    ),
    modes,
    st.integers(0, 40),
    st.floats(0, 400),
    st.floats(0, 0.2),
    shares,
    st.integers(0, 100),
    st.integers(0, 2),
    st.integers(0, 100),
    st.integers(0, 100),
    st.integers(0, 4),
)


@given(found=standings, mode=modes, ceiling=modes)
def test_no_record_moves_two_steps_up_or_past_the_ceiling(found: Standing, mode: Mode, ceiling: Mode) -> None:
    moved = next_mode(EASY, mode, found, ceiling)

    assert level(moved.mode) <= min(level(mode) + 1, level(ceiling))
    assert level(moved.mode) >= min(level(mode) - 1, level(ceiling))
    assert moved.reason


@settings(max_examples=300)
@given(found=standings, ceiling=modes, data=st.data())
def test_better_evidence_never_means_less_autonomy(
    found: Standing, ceiling: Mode, data: st.DataObject
) -> None:
    better = found.model_copy(
        update={
            "last_s": (found.last_s or 0.0) + data.draw(st.floats(0, 100)),
            "regrets": found.regrets * data.draw(shares),
            "covered": data.draw(st.integers(found.covered, found.forecasts)),
            "changes": found.changes + data.draw(st.integers(0, 20)) * (found.rollbacks == 0),
            "rollbacks": found.rollbacks if found.changes else 0,
            "overrides": data.draw(st.integers(0, found.overrides)),
            "breaches": data.draw(st.integers(0, found.breaches)),
        }
    )

    before, after = (next_mode(EASY, found.mode, s, ceiling).mode for s in (found, better))

    assert level(after) >= level(before)


@given(decisions=records, cut=st.integers(0, 30))
def test_a_restart_in_the_middle_changes_nothing(decisions: Sequence[Decision], cut: int) -> None:
    stored = Standing.model_validate(json.loads(standing(decisions[:cut]).model_dump_json()))

    for later in decisions[cut:]:
        stored = counted(stored, later)

    assert stored == standing(decisions)


@given(decisions=records, mode=modes)
def test_only_what_came_after_the_last_change_of_mode_counts(
    decisions: Sequence[Decision], mode: Mode
) -> None:
    others: list[Mode] = [m for m in LADDER if m != mode]
    tail = [d.model_copy(update={"mode": mode}) for d in decisions]

    assert standing([*record(5, others[0]), *tail]) in (standing(tail), standing(record(5, others[0])))


@settings(max_examples=50)
@given(decisions=records, start=modes, ceiling=modes)
def test_a_loop_that_follows_the_policy_climbs_one_step_at_a_time(
    decisions: Sequence[Decision], start: Mode, ceiling: Mode
) -> None:
    mode, kept = start, Standing(mode=start)

    for k, later in enumerate(decisions):
        moved = next_mode(EASY, mode, kept, ceiling)
        assert level(moved.mode) <= level(mode) + 1
        assert (
            not (kept.mode == mode and kept.rollbacks) or level(moved.mode) < level(mode) or mode == "observe"
        )
        mode = moved.mode
        kept = counted(kept, later.model_copy(update={"mode": mode, "time_s": 10.0 * k}))
