"""INFaaS' greedy, by hand.

At the toy stage, one by one, `small` (0.6) serves 10 a second on one core and loads in 5 s, `large` (0.9)
5 on two and loads in 20 s; in fours 20 and 8. Of the way from 0.6 to 0.9, a quarter is 0.675.
"""

from __future__ import annotations

import pytest

from baselines.policy import Policy, create
from core.belief import Belief, Evidence, ReplicaCap
from core.configuration import Configuration
from core.document import pipeline_from
from core.errors import UsageError
from core.pipeline import Pipeline
from tests.baselines.told import first, seen, told
from tests.core.instances import case
from tests.core.toys import LARGE, SMALL, configuration, pipeline, stage, variant

ONE_BY_ONE = pipeline(stage("first", batches=[1]))
EVIDENCE = Evidence(statement="measured", low=0.5, high=2.0, since_s=0.0)


def after(
    policy: Policy, load_rps: float, time_s: float, running: Configuration, spec: Pipeline = ONE_BY_ONE
) -> Configuration:
    """Return the decision after ten seconds in which the load peaked at *load_rps*."""
    observation = seen(time_s, 0.5 * load_rps, load_rps, *[0.25 * load_rps] * 8)
    return policy.decide(told(spec, 99.0, running=running, observation=observation))


@pytest.mark.parametrize(
    ("floor", "wanted"),
    [
        pytest.param(0.0, first("small", 1, 1), id="without a floor the least accurate"),
        pytest.param(0.25, first("large", 1, 1), id="with one what keeps it"),
        pytest.param(1.0, first("large", 1, 1), id="up to the most accurate"),
    ],
)
def test_the_cheapest_variant_that_keeps_the_floor_is_run(floor: float, wanted: Configuration) -> None:
    assert create("infaas", {"floor": floor}).decide(told(ONE_BY_ONE, 4.0)) == wanted


@pytest.mark.parametrize("load_rps", [1.0, 4.0, 30.0, 90.0])
def test_without_a_floor_the_least_accurate_is_run_at_every_load(load_rps: float) -> None:
    chosen = create("infaas", {"floor": 0.0}).decide(told(ONE_BY_ONE, load_rps))

    assert chosen["first"].variant == "small"


def test_the_three_floors_are_a_quarter_a_half_and_nine_tenths_of_the_way() -> None:
    steps = [variant(f"v{a}", a / 100, a, (1, 0.1)) for a in (50, 60, 63, 74, 76, 94, 96, 100)]
    spec = pipeline(stage("first", *steps, batches=[1]))

    chosen = [create(n).decide(told(spec, 1.0)) for n in ("infaas-low", "infaas", "infaas-high")]

    assert [c["first"].variant for c in chosen] == ["v63", "v76", "v96"]


def test_replicas_carry_the_load_with_the_slack() -> None:
    """5 % above 9.5 is 9.975, one `small`; above 9.6 it is 10.08, two."""
    policy = create("infaas", {"floor": 0.0})

    assert policy.decide(told(ONE_BY_ONE, 9.5)) == first("small", 1, 1)
    assert policy.decide(told(ONE_BY_ONE, 9.6)) == first("small", 1, 2)


def test_it_reacts_to_the_largest_load_of_the_interval_and_not_to_the_forecast() -> None:
    policy = create("infaas", {"floor": 0.0})

    assert after(policy, 19.5, 10.0, first("small", 1, 1)) == first("small", 1, 3)


def test_in_danger_the_candidate_of_least_objective_is_taken() -> None:
    """Two more `small` are 2 cores and as much again for loading; one `quick` is 4 and a fifth a second."""
    quick = variant("quick", 0.6, 3, (1, 0.02), loadTime=0.5)
    spec = pipeline(stage("first", SMALL, quick, batches=[1]))
    policy = create("infaas", {"floor": 0.0})

    running = first("small", 1, 1)

    assert after(policy, 28.0, 10.0, running, spec) == first("quick", 1, 1)
    assert after(policy, 18.0, 20.0, running, spec) == first("small", 1, 2)


def test_loading_counts_only_for_what_must_be_loaded() -> None:
    """A second `large` costs 2 and 0.2 x 20 x 2 for loading; `other` 6 in place of 2, and loads at once."""
    other = variant("other", 0.9, 6, (1, 0.1))
    spec = pipeline(stage("first", LARGE, other, batches=[1]))

    dear = create("infaas", {"floor": 0.0})
    free = create("infaas", {"floor": 0.0, "loading_weight": 0.0})

    assert after(dear, 9.0, 10.0, first("large", 1, 1), spec) == first("other", 1, 1)
    assert after(free, 9.0, 10.0, first("large", 1, 1), spec) == first("large", 1, 2)


def test_scaling_down_waits_for_the_load_time_of_what_runs() -> None:
    """`large` loads in 20 s: not at 10 s, nor at 20, but at 30."""
    policy, running = create("infaas"), first("large", 1, 3)

    decided = [after(policy, 4.0, time_s, running)["first"].replicas for time_s in (10, 20, 30)]

    assert decided == [3, 3, 1]


def test_the_wait_begins_anew_where_the_load_came_back() -> None:
    policy, running = create("infaas"), first("large", 1, 3)
    loads_rps = [4.0, 4.0, 14.0, 4.0, 4.0, 15.0, 4.0, 4.0, 4.0]

    decided = [after(policy, x, 10 * i, running)["first"].replicas for i, x in enumerate(loads_rps, 1)]

    assert decided == [3, 3, 3, 3, 3, 4, 3, 3, 1]


def test_it_scales_down_only_to_what_is_safe() -> None:
    policy, running = create("infaas"), first("large", 1, 3)

    assert [after(policy, 9.4, time_s, running)["first"].replicas for time_s in (10, 20, 30)] == [3, 3, 2]
    assert [after(policy, 9.6, time_s, running)["first"].replicas for time_s in (40, 60, 80)] == [3, 3, 3]


def test_what_is_cheaper_but_cannot_carry_the_load_is_no_way_down() -> None:
    weak = variant("weak", 0.6, 0.1, (1, 1.0))
    spec = pipeline(stage("first", SMALL, weak, batches=[1]))
    policy, running = create("infaas", {"floor": 0.0}), first("small", 1, 9)

    assert [after(policy, 85.0, time_s, running, spec) for time_s in (10, 20, 30)] == [running] * 3


def test_what_is_no_longer_in_time_is_left_at_once() -> None:
    """At 15 rps four fill in 0.2 s and take 0.2 s, over half of the SLO of 0.7 s."""
    spec = pipeline(stage("first", SMALL), stage("second", variant("only", 0.9, 1, (1, 0.1))), slo_s=0.7)
    running = configuration(("first", "small", 4, 3), ("second", "only", 1, 2))

    chosen = after(create("infaas", {"floor": 0.0}), 15.0, 10.0, running, spec)

    assert (chosen["first"].batch, chosen["first"].replicas) == (1, 2)


def test_a_batch_counts_while_it_fills_within_the_stages_share_of_the_slo() -> None:
    """At 15 rps four fill in 0.2 s and take 0.2 s more."""
    both = stage("first"), stage("second", variant("only", 0.9, 1, (1, 0.2)))
    wide, narrow = pipeline(*both, slo_s=1.0), pipeline(*both, slo_s=0.7)

    chosen = [create("infaas", {"floor": 0.0}).decide(told(s, 15.0))["first"] for s in (wide, narrow)]

    assert [(c.batch, c.replicas) for c in chosen] == [(4, 1), (1, 2)]


def test_where_nothing_is_in_time_the_fastest_that_keeps_the_floor_is_run() -> None:
    hurried = pipeline(stage("first"), slo_s=0.05)

    assert create("infaas").decide(told(hurried, 4.0)) == first("large", 1, 1)


def test_where_the_limits_do_not_get_it_out_of_danger_it_takes_what_carries_most() -> None:
    tight = pipeline(stage("first", batches=[1], maxCores=4))
    lost = Belief(capacity=(ReplicaCap(stage="first", replicas=3, evidence=EVIDENCE),))
    none = {"floor": 0.0}

    assert create("infaas", none).decide(told(tight, 90.0)) == first("small", 1, 4)
    assert create("infaas").decide(told(tight, 90.0)) == first("large", 1, 2)
    assert create("infaas", none).decide(told(ONE_BY_ONE, 90.0, belief=lost)) == first("small", 1, 3)


def test_stages_leave_each_other_the_cores_that_they_run() -> None:
    tight = pipeline(stage("first", batches=[1]), stage("second", batches=[1]), limits={"maxCores": 8})
    policy = create("infaas", {"floor": 0.0})
    running = configuration(("first", "small", 1, 1), ("second", "small", 1, 3))

    started = policy.decide(told(tight, 90.0))
    later = after(policy, 90.0, 10.0, running, tight)

    assert started == configuration(("first", "small", 1, 7), ("second", "small", 1, 1))
    assert later == configuration(("first", "small", 1, 5), ("second", "small", 1, 3))


def test_a_stage_is_scaled_for_what_the_variant_above_sends_on() -> None:
    chatty = variant("chatty", 0.9, 1, (1, 0.1), fanOut=3.0)
    spec = pipeline(stage("first", chatty), stage("second", batches=[1]))

    chosen = create("infaas", {"floor": 0.0}).decide(told(spec, 9.0))

    assert chosen["second"].replicas == 3


def test_a_floor_whose_variants_fit_no_limit_is_refused() -> None:
    tight = pipeline(stage("first", batches=[1], maxCores=1))

    with pytest.raises(UsageError, match="no variant that the accuracy floor admits fits stage 'first'"):
        create("infaas-high").decide(told(tight, 1.0))


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_what_it_admits_keeps_the_floor_and_the_limits_of_every_stage(seed: int) -> None:
    spec = pipeline_from(case(seed).document)
    if spec.accuracy == "measured":
        return

    try:
        chosen = create("infaas").decide(told(spec, 7.0))
    except UsageError as error:
        assert "admits fits" in str(error)
        return

    low, high = sorted(
        Configuration(
            stages=tuple(s.model_copy(update={"variant": end(spec, s.stage)}) for s in chosen.stages)
        ).accuracy(spec)
        or 0.0
        for end in (poorest, best)
    )
    assert (chosen.accuracy(spec) or 0.0) >= (low + high) / 2 - 1e-9
    for s in chosen.stages:
        bounds = spec.stage(s.stage).replicas
        assert max(bounds.min, 1) <= s.replicas <= bounds.max


def poorest(spec: Pipeline, name: str) -> str:
    return min(spec.stage(name).variants, key=lambda v: v.accuracy).name


def best(spec: Pipeline, name: str) -> str:
    return max(spec.stage(name).variants, key=lambda v: v.accuracy).name
