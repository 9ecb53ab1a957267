"""Policies decide by core alone: the optimum at what they are told, or what a person chose.

At the toy stage, one by one, `small` (0.6) serves 10 a second on one core and `large` (0.9) 5 on two; a
point of accuracy is worth a tenth of a core. So at 5 rps `large` wins (9 - 2 against 6 - 1), at 15 rps
`small` (6 - 2 against 9 - 6).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from baselines.fixed import Fixed
from baselines.policy import Situation, create, names
from core.belief import Belief, Evidence, LatencyFactor, ReplicaCap
from core.configuration import Configuration
from core.errors import UsageError
from core.forecast import Forecast
from core.problem import Margins, Problem
from core.solution import Optimum
from core.solve import solve
from tests.core.toys import configuration, pipeline, stage

ONE_BY_ONE = pipeline(stage("first", batches=[1]))
EVIDENCE = Evidence(statement="measured", low=0.5, high=2.0, since_s=0.0)


def expected(point_rps: float, upper_rps: float) -> Forecast:
    return Forecast(point_rps=point_rps, upper_rps=upper_rps, quantile=0.9, horizon_s=30.0, method="told")


def situation(upper_rps: float, *, planned_rps: float = 15.0, **fields: Any) -> Situation:  # noqa: ANN401
    return Situation(
        pipeline=fields.pop("spec", ONE_BY_ONE),
        forecast=expected(min(1.0, upper_rps), upper_rps),
        observation=None,
        running=fields.pop("running", None),
        planned_rps=planned_rps,
        future_rps=(upper_rps,) * 30,  # three decisions
        **fields,
    )


def small(replicas: int) -> Configuration:
    return configuration(("first", "small", 1, replicas))


def large(replicas: int) -> Configuration:
    return configuration(("first", "large", 1, replicas))


@pytest.mark.parametrize("name", ["ilp", "oracle"])
@pytest.mark.parametrize(
    ("upper_rps", "wanted"),
    [
        pytest.param(5.0, large(1), id="large while it is cheap"),
        pytest.param(15.0, small(2), id="small when the load needs three large"),
        pytest.param(100.0, small(10), id="as many as there may be"),
    ],
)
def test_the_optimum_at_the_upper_forecast_is_taken(
    name: str, upper_rps: float, wanted: Configuration
) -> None:
    assert create(name).decide(situation(upper_rps)) == wanted


@pytest.mark.parametrize("name", ["ilp", "oracle"])
@pytest.mark.parametrize("upper_rps", [0.0, 3.0, 17.5, 60.0])
def test_it_is_the_optimum_of_core(name: str, upper_rps: float) -> None:
    spec = pipeline(stage("first"), stage("second"), slo_s=1.2)

    chosen = create(name).decide(situation(upper_rps, spec=spec))

    best = solve(Problem.of(spec, upper_rps))
    assert isinstance(best, Optimum)
    assert chosen == best.configuration


def test_margins_and_belief_are_part_of_the_problem() -> None:
    policy = create("ilp")
    slower = LatencyFactor(stage="first", variant="large", factor=2.0, evidence=EVIDENCE)

    assert policy.decide(situation(15.0, margins=Margins(headroom=2.0))) == small(3)
    assert policy.decide(situation(5.0, belief=Belief(latency=(slower,)))) == small(1)


def test_what_runs_counts_where_switching_costs() -> None:
    """A cold start of `large` costs 2 cores times 20 s; at 1 a core-second that never pays."""
    spec = pipeline(stage("first", batches=[1]), objective={"alpha": 10.0, "beta": 1.0, "rho": 1.0})
    policy = create("ilp")

    assert policy.decide(situation(5.0, spec=spec, running=small(1))) == small(1)
    assert policy.decide(situation(5.0, spec=spec, running=large(1))) == large(1)


@pytest.mark.parametrize("name", ["ilp", "oracle"])
def test_where_nothing_is_feasible_what_runs_is_held(name: str) -> None:
    assert create(name).decide(situation(101.0, running=small(4))) == small(4)


@pytest.mark.parametrize("name", ["ilp", "oracle", "static-small", "static-large"])
def test_where_nothing_is_feasible_and_nothing_runs_the_caller_hears_why(name: str) -> None:
    with pytest.raises(UsageError, match="nothing is feasible"):
        create(name).decide(situation(101.0, planned_rps=101.0))


def test_the_static_policies_are_the_two_ends_of_the_frontier_at_the_planned_peak() -> None:
    assert create("static-small").decide(situation(1.0, planned_rps=15.0)) == small(2)
    assert create("static-large").decide(situation(1.0, planned_rps=15.0)) == large(3)


@pytest.mark.parametrize("name", ["static-small", "static-large"])
def test_a_static_policy_holds_whatever_happens(name: str) -> None:
    policy = create(name)
    lost = ReplicaCap(stage="first", replicas=1, evidence=EVIDENCE)
    first = policy.decide(situation(1.0, planned_rps=15.0))

    assert policy.decide(situation(90.0, planned_rps=90.0)) == first
    assert policy.decide(situation(0.0, running=small(9), belief=Belief(capacity=(lost,)))) == first


def test_a_static_policy_leaves_the_margins_that_others_leave() -> None:
    with_headroom = situation(1.0, planned_rps=15.0, margins=Margins(headroom=2.0))

    assert create("static-small").decide(with_headroom) == small(3)


@pytest.mark.parametrize("upper_rps", [0.0, 1000.0])
def test_a_fixed_configuration_is_held_whatever_happens(upper_rps: float) -> None:
    policy = Fixed(small(7))

    assert policy.decide(situation(upper_rps, running=large(1))) == small(7)


def test_a_fixed_configuration_that_does_not_fit_is_refused() -> None:
    policy = Fixed(configuration(("first", "medium", 1, 1)))

    with pytest.raises(UsageError, match="stage 'first' has no variant 'medium', only small, large"):
        policy.decide(situation(1.0))


def test_only_the_oracle_is_given_the_truth() -> None:
    assert {name for name in names() if create(name).foresight} == {"oracle"}


@pytest.mark.parametrize("name", names())
def test_every_policy_decides_something_that_fits_the_pipeline(name: str) -> None:
    asked = situation(4.0)

    chosen = create(name).decide(asked)

    assert chosen == chosen.checked(ONE_BY_ONE)


@pytest.mark.parametrize("name", names())
def test_each_episode_gets_a_policy_of_its_own(name: str) -> None:
    first, asked = create(name), situation(5.0, planned_rps=5.0)
    first.decide(asked)

    later = replace(asked, planned_rps=15.0, forecast=expected(15.0, 15.0), future_rps=(15.0,) * 30)

    assert create(name) is not first
    assert create(name).decide(later) != first.decide(asked)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(
            "illp", r"no policy called 'illp'\. Did you mean 'ilp'\? Known: .*\bstatic-large\b", id="close"
        ),
        pytest.param("statik-small", r"Did you mean 'static-small'\?", id="closer to one than to the other"),
        pytest.param("zzz", r"no policy called 'zzz'\. Known: ", id="like no other"),
        pytest.param("", r"no policy called ''\. Known: ", id="empty"),
    ],
)
def test_an_unknown_policy_is_refused_with_the_names_there_are(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        create(name)
