"""MS+, by hand.

At the toy stage, one by one, `small` (0.6) serves 10 a second on one core and loads in 5 s, `large` (0.9)
5 on two and loads in 20 s. Four fifths of that count: 8 and 4. A forecast is raised by a tenth.
"""

from __future__ import annotations

import pytest

from baselines.policy import create
from core.belief import Belief, Evidence, ReplicaCap
from core.configuration import Configuration
from core.errors import UsageError
from tests.baselines.told import first, told
from tests.core.toys import configuration, pipeline, stage, variant

TOY = pipeline(stage("first"))
EVIDENCE = Evidence(statement="measured", low=0.5, high=2.0, since_s=0.0)


@pytest.mark.parametrize(
    ("load_rps", "wanted"),
    [
        pytest.param(3.6, first("large", 1, 1), id="3.96 of 4"),
        pytest.param(3.7, first("large", 1, 2), id="4.07 of 8"),
        pytest.param(14.5, first("large", 1, 4), id="15.95 of 16, which are all 8 cores"),
        pytest.param(14.6, first("small", 1, 3), id="16.06 is more than `large` carries, so `small`"),
        pytest.param(58.0, first("small", 1, 8), id="63.8 of 64"),
        pytest.param(99.0, first("small", 1, 8), id="beyond all of it, all of it"),
    ],
)
def test_the_most_accurate_variant_that_carries_the_raised_forecast_is_run(
    load_rps: float, wanted: Configuration
) -> None:
    policy = create("ms-plus", {"cores": {"first": 8.0}})

    assert policy.decide(told(TOY, load_rps)) == wanted


def test_accuracy_is_weighed_against_the_share_of_cores() -> None:
    """At 14.5 rps `large` takes all 8 cores and `small` two: 0.3 in accuracy against 6/8 of alpha."""
    cores = {"first": 8.0}
    at = told(TOY, 14.5)

    assert create("ms-plus", {"cores": cores, "alpha": 0.39}).decide(at) == first("large", 1, 4)
    assert create("ms-plus", {"cores": cores, "alpha": 0.41}).decide(at) == first("small", 1, 2)


def test_a_new_variant_is_charged_for_its_load_time() -> None:
    """Of two alike the one that runs stays; the one that loads in no time replaces what would not."""
    twins = [variant(name, 0.9, 1, (1, 0.1), loadTime=10) for name in ("a", "b")]
    spec = pipeline(stage("first", *twins, stage("x")["variants"][0]))

    started = create("ms-plus").decide(told(spec, 5.0))
    kept = create("ms-plus").decide(told(spec, 5.0, running=first("b", 1, 1)))

    assert (started, kept) == (first("a", 1, 1), first("b", 1, 1))


def test_no_more_cores_than_the_most_accurate_variant_needs_are_spent() -> None:
    """Were cores a gain, `wide`, which takes 5 at any load, would win: `large` needs only 4."""
    wide = variant("wide", 0.85, 5, (1, 0.01))
    spec = pipeline(stage("first", stage("x")["variants"][1], wide))

    chosen = create("ms-plus", {"cores": {"first": 20.0}, "alpha": -10.0}).decide(told(spec, 6.0))

    assert chosen == first("large", 1, 2)


@pytest.mark.parametrize(
    ("slo_s", "wanted"),
    [
        pytest.param(0.2, "large", id="in time to the second"),
        pytest.param(0.19, "small", id="too slow"),
        pytest.param(0.05, "small", id="nothing in time: the least accurate"),
    ],
)
def test_a_variant_counts_only_within_the_stages_share_of_the_slo(slo_s: float, wanted: str) -> None:
    chosen = create("ms-plus").decide(told(pipeline(stage("first"), slo_s=slo_s), 3.0))

    assert chosen["first"].variant == wanted


def test_c_is_what_the_most_accurate_variant_needs_at_the_planned_peak() -> None:
    """10 rps, 11 with a tenth more, are three `large`: six cores, of which `small` is given all at worst."""
    policy = create("ms-plus")

    assert policy.decide(told(TOY, 10.0, planned_rps=10.0)) == first("large", 1, 3)
    assert create("ms-plus").decide(told(TOY, 99.0, planned_rps=10.0)) == first("small", 1, 6)


def test_stages_share_the_limit_in_proportion_to_what_they_need() -> None:
    """Planned are 6 cores and 2; of the 6 there are each gets 1, its least, and the first 5/6 of the rest."""
    other = variant("other", 0.8, 1, (1, 0.1))
    spec = pipeline(stage("first"), stage("second", other), limits={"maxCores": 6}, slo_s=3.0)

    chosen = create("ms-plus").decide(told(spec, 99.0, planned_rps=10.0))

    assert chosen == configuration(("first", "small", 1, 4), ("second", "other", 1, 1))
    assert chosen.cores(spec) <= 6


def test_a_stage_is_planned_for_the_most_that_the_one_above_may_send() -> None:
    """Of 11 rps `chatty` makes 33, for which `other`, at 8 each, needs five."""
    chatty, quiet = variant("chatty", 0.6, 1, (1, 0.1), fanOut=3.0), variant("quiet", 0.9, 1, (1, 0.1))
    spec = pipeline(stage("first", chatty, quiet), stage("second", variant("other", 0.8, 1, (1, 0.1))))

    chosen = create("ms-plus").decide(told(spec, 99.0, planned_rps=10.0))

    assert chosen["second"].replicas == 5


def test_lost_capacity_is_not_used() -> None:
    lost = Belief(capacity=(ReplicaCap(stage="first", replicas=2, evidence=EVIDENCE),))

    assert create("ms-plus").decide(told(TOY, 50.0, belief=lost)) == first("small", 1, 2)


def test_a_higher_forecast_is_acted_on_at_once_and_a_lower_one_at_the_fourth_time() -> None:
    policy, running = create("ms-plus", {"cores": {"first": 20.0}}), first("large", 1, 1)

    def decided(load_rps: float) -> int:
        return policy.decide(told(TOY, load_rps, running=running))["first"].replicas

    assert [decided(x) for x in (7.0, 10.0)] == [2, 3]
    assert [decided(x) for x in (7.0, 10.0, 3.0, 7.0)] == [1, 1, 1, 2]
    assert [decided(x) for x in (6.0, 6.5, 7.1)] == [1, 1, 2]


def test_a_stage_carries_what_the_variant_above_sends_on() -> None:
    chatty = variant("chatty", 0.9, 1, (1, 0.1), fanOut=3.0)
    spec = pipeline(stage("first", chatty), stage("second"))

    chosen = create("ms-plus").decide(told(spec, 4.0))

    assert chosen["second"] == configuration(("second", "large", 1, 4))["second"]


def test_cores_must_be_stated_for_every_stage() -> None:
    with pytest.raises(UsageError, match="'cores' says nothing of stage 'first'"):
        create("ms-plus", {"cores": {}}).decide(told(TOY, 1.0))
