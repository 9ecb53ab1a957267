"""Model-Switching: its table against queueing theory, its layouts against counting, its switches by hand.

At the toy stage, one by one, `small` (0.6) serves 10 a second in 0.1 s on one core, `large` (0.9) 5 in 0.2 s
on two.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from baselines._effective import NO_ACCURACY, REQUESTS, WARM_UP, _queue, table
from baselines._layouts import layouts
from baselines.model_switching import planned_cores
from baselines.policy import Policy, create
from core.configuration import Configuration
from core.document import pipeline_from
from core.errors import UsageError
from core.pipeline import Pipeline
from core.problem import Margins
from tests.baselines.told import first, seen, told
from tests.core.instances import case
from tests.core.toys import configuration, pipeline, stage, variant

TOY = pipeline(stage("first"))


def in_time(spec: Pipeline, cores: float, load_rps: float) -> float:
    """Return what share of requests the one layout there is serves in time."""
    known = table(spec, cores)
    assert len(known.layouts) == 1
    return float(known.column(load_rps)[0]) / (known.layouts[0].accuracy + NO_ACCURACY)


@pytest.mark.parametrize("use", [0.3, 0.6, 0.8])
def test_with_one_server_of_constant_service_the_waits_are_those_of_theory(use: float) -> None:
    """M/D/1: P(no wait) = 1 - use. A deadline of just the service time is kept by whoever does not wait."""
    spec = pipeline(stage("first", variant("only", 0.9, 1, (1, 0.1))), slo_s=0.1 + 1e-6)
    on_grid = next(x for x in table(spec, 1).loads_rps if x >= 10 * use)

    share = in_time(spec, 1, 10 * use)

    assert share == pytest.approx(1 - on_grid / 10, abs=4 * 0.5 / math.sqrt(REQUESTS))


def test_service_times_have_the_profiles_median_and_quantile() -> None:
    """At a tenth of the use of 40 servers nobody waits: half are done by the median, 99 % by the quantile."""
    only = variant("only", 0.9, 1, (1, 0.2, 10.0, 0.1))

    def share(slo_s: float) -> float:
        spec = pipeline(stage("first", only, replicas={"min": 1, "max": 40}), slo_s=slo_s)
        return in_time(spec, 40, 40.0)

    assert share(0.1) == pytest.approx(0.5, abs=0.06)
    assert share(0.2) == pytest.approx(0.99, abs=0.015)


def test_a_queue_of_several_servers_is_served_first_in_first_out() -> None:
    """Two servers, a second each: of five that come at 0, 0, 0.5, 0.5 and 0.6 the last starts at 2."""
    arriving = np.array([[0.6, 0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.0, 0.0, 0.0]])

    left = _queue(arriving, np.ones((2, 5)), np.array([2, 1]))

    assert left.tolist() == [[3.0, 1.0, 1.0, 2.0, 2.0], [1.0, 2.0, 3.0, 4.0, 5.0]]


def test_a_request_waits_for_all_of_its_items() -> None:
    """Three items of 0.1 s each on one server are done after 0.3 s at best."""
    chatty = variant("chatty", 0.9, 1, (1, 0.01), fanOut=3.0)
    stages = (stage("first", chatty), stage("second", variant("only", 0.9, 1, (1, 0.1))))

    early, late = (in_time(pipeline(*stages, slo_s=slo_s), 2, 0.3) for slo_s in (0.30, 0.32))

    assert early == 0
    assert late > 0.7


def test_an_item_that_is_rarely_sent_on_rarely_costs_time() -> None:
    quiet = variant("quiet", 0.9, 1, (1, 0.01), fanOut=0.25)
    spec = pipeline(stage("first", quiet), stage("second", variant("only", 0.9, 1, (1, 0.1))), slo_s=0.05)

    assert in_time(spec, 2, 1.0) == pytest.approx(0.75, abs=0.03)


def test_a_join_waits_for_the_slower_branch() -> None:
    quick, slow = variant("quick", 0.9, 1, (1, 0.01)), variant("slow", 0.9, 1, (1, 0.1))
    branches = (
        stage("fork", quick),
        stage("one", slow, after=["fork"]),
        stage("other", quick, after=["fork"]),
        stage("join", quick, after=["one", "other"]),
    )

    early, late = (in_time(pipeline(*branches, slo_s=slo_s), 4, 0.5) for slo_s in (0.119, 0.121))

    assert early == 0
    assert late > 0.85


def test_the_table_is_the_same_every_time() -> None:
    spec = pipeline(stage("first"), stage("second"), slo_s=0.9)
    other = spec.model_copy(update={"name": "other"})

    assert np.array_equal(table(spec, 6).effective, table(other, 6).effective)
    assert table(spec, 6) is table(pipeline(stage("first"), stage("second"), slo_s=0.9), 6)


def test_more_load_never_means_more_in_time_but_by_chance() -> None:
    known = table(pipeline(stage("first"), stage("second"), slo_s=0.6), 8)

    rises = np.diff(known.effective, axis=1).max()

    assert rises < 0.03
    assert WARM_UP < REQUESTS


@pytest.mark.parametrize("seed", [s for s in range(0, 60, 3) if s != 18])
def test_layouts_keep_the_limits_and_none_is_worse_than_another(seed: int) -> None:
    """Left out is instance 18, whose least replicas take 15 cores."""
    spec = pipeline_from(case(seed).document)

    found = layouts(spec, 14.0)

    for x in found:
        assert x.configuration == x.configuration.checked(spec)
        assert x.configuration.cores(spec) <= 14.0 + 1e-9
        assert all(s.replicas <= spec.stage(s.stage).replicas.max for s in x.configuration.stages)
        assert x.accuracy == x.configuration.accuracy(spec)
    for one, other in itertools.permutations(found, 2):
        assert (
            one.accuracy > other.accuracy
            or one.capacity_rps > other.capacity_rps
            or one.latency_s < other.latency_s
        )


def test_the_cores_go_to_the_most_loaded_stage() -> None:
    """Of seven cores two to one are 5 and 2: 50 and 40 rps; no other split carries 40."""
    slow, quick = variant("slow", 0.9, 1, (1, 0.1)), variant("quick", 0.9, 1, (1, 0.05))

    found = layouts(pipeline(stage("first", slow), stage("second", quick)), 7.0)

    assert max(x.capacity_rps for x in found) == pytest.approx(40.0)
    counts = {tuple(s.replicas for s in x.configuration.stages) for x in found}
    assert counts <= {(5, 2), (4, 3)}


def test_no_layout_fits_on_too_few_cores() -> None:
    with pytest.raises(UsageError, match="no variants of pipeline 'toy' fit on 1 cores"):
        layouts(pipeline(stage("first"), stage("second")), 1.0)


def test_the_hardware_is_that_of_the_exact_optimum_at_the_planned_peak() -> None:
    """In fours one core carries 20 rps."""
    one_by_one = pipeline(stage("first", batches=[1]))

    assert planned_cores(told(one_by_one, 1.0, planned_rps=35.0)) == 4.0
    assert planned_cores(told(one_by_one, 1.0, planned_rps=35.0, margins=Margins(headroom=2.0))) == 7.0
    with pytest.raises(UsageError, match="nothing is feasible at the planned 900 rps"):
        planned_cores(told(one_by_one, 1.0, planned_rps=900.0))


def on_four_cores(**parameters: Any) -> Policy:  # noqa: ANN401 - of the policy
    return create("model-switching", {"cores": 4.0, **parameters})


@pytest.mark.parametrize(
    ("load_rps", "wanted"),
    [
        pytest.param(1.0, first("large", 1, 2), id="the accurate one while it is in time"),
        pytest.param(9.9, first("small", 1, 4), id="the fast one near the other's capacity"),
        pytest.param(39.0, first("small", 1, 4), id="also near its own"),
        pytest.param(900.0, first("small", 1, 4), id="and beyond"),
    ],
)
def test_the_best_effective_accuracy_is_chosen(load_rps: float, wanted: Configuration) -> None:
    assert on_four_cores().decide(told(TOY, load_rps)) == wanted


def test_it_switches_down_at_once_and_up_at_the_third_decision_in_a_row() -> None:
    policy = on_four_cores()

    chosen = [policy.decide(told(TOY, x))["first"].variant for x in (1, 30, 1, 1, 30, 1, 1, 1, 1, 30)]

    small, large = "small", "large"
    assert chosen == [large, small, small, small, small, small, small, large, large, small]


def test_where_no_answer_counts_the_ones_in_time_still_do() -> None:
    """Ranks put the least accurate variant at zero: its answers are worth nothing, but are not late."""
    ranked = pipeline(
        stage("first", variant("low", 0.0, 1, (1, 0.1)), variant("high", 1.0, 2, (1, 0.2))), accuracy="sum"
    )
    policy = on_four_cores(patience=1)

    chosen = [policy.decide(told(ranked, x))["first"].variant for x in (1, 39, 1)]

    assert chosen == ["high", "low", "high"]


def test_a_gain_within_chance_is_no_reason_to_switch() -> None:
    """At 20 rps only `quick` keeps up; at 1 rps both are in time, and `slow` is right 0.01 % more often."""
    both = (variant("quick", 0.9, 1, (1, 0.1)), variant("slow", 0.9001, 1, (1, 0.101)))
    spec = pipeline(stage("first", *both))
    policy = create("model-switching", {"cores": 2.0, "patience": 1})

    chosen = [policy.decide(told(spec, x))["first"].variant for x in (20, 1)]

    assert chosen == ["quick", "quick"]
    assert create("model-switching", {"cores": 2.0}).decide(told(spec, 1.0))["first"].variant == "slow"


def test_its_own_load_is_the_last_second() -> None:
    policy = on_four_cores(predictor="observed")
    calm, busy = seen(10, *[30.0] * 9, 1.0), seen(20, *[1.0] * 9, 30.0)

    chosen = [policy.decide(told(TOY, 9.0, observation=o))["first"].variant for o in (calm, busy)]

    assert chosen == ["large", "small"]


def test_the_joint_accuracy_counts_where_it_is_measured() -> None:
    rows = {
        ("small", "small"): 0.5,
        ("small", "large"): 0.8,
        ("large", "small"): 0.4,
        ("large", "large"): 0.7,
    }
    spec = pipeline(
        stage("first"),
        stage("second"),
        accuracy="measured",
        accuracyTable=[{"variants": list(names), "accuracy": a} for names, a in rows.items()],
        slo_s=3.0,
    )

    chosen = create("model-switching", {"cores": 6.0}).decide(told(spec, 0.5))

    assert [s.variant for s in chosen.stages] == ["small", "large"]
    assert chosen == configuration(("first", "small", 1, 2), ("second", "large", 1, 2))
