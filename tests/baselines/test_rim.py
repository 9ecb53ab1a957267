"""RIM as in IPA: IPA's optimum with replicas frozen, against enumeration and by hand.

At the toy stage, one by one, `small` (0.6) serves 10 a second on one core and `large` (0.9) 5 on two; in
fours 20 and 8. A point of accuracy is worth a tenth of a core.
"""

from __future__ import annotations

import pytest

from baselines._ipa import model_of
from baselines._room import room_of
from baselines.policy import create
from core.configuration import Configuration
from core.document import pipeline_from
from core.errors import UsageError
from tests.baselines.ipacase import ipa_case
from tests.baselines.told import first, told
from tests.core.brute import Candidate, best, feasible, objective
from tests.core.instances import settings_of
from tests.core.toys import configuration, pipeline, stage

ONE_BY_ONE = pipeline(stage("first", batches=[1]))
RICH = pipeline(stage("first", batches=[1]), objective={"alpha": 100.0, "beta": 1.0})
"""A point of accuracy is worth a core."""
CASES = 30


@pytest.mark.parametrize("seed", range(CASES))
def test_with_replicas_frozen_it_finds_what_enumeration_finds(seed: int) -> None:
    instance = ipa_case(seed)
    spec = pipeline_from(instance.document)
    every = feasible(instance)
    counts = counts_of(every[len(every) // 2]) if every else {s.name: 1 for s in spec.stages}
    candidates = [c for c in every if counts_of(c) == counts]

    model = model_of(spec, queue="paper", batch_cap=8)
    chosen = model.best(instance.load_rps, room_of(told(spec, instance.load_rps)), fixed=counts)

    if not candidates:
        assert chosen is None
        return
    assert chosen is not None
    [found] = [c for c in candidates if c.settings == settings_of(chosen)]
    assert objective(instance, found) == pytest.approx(best(instance, candidates), abs=1e-9)


def counts_of(candidate: Candidate) -> dict[str, int]:
    return {name: setting.replicas for name, setting in candidate.settings.items()}


@pytest.mark.parametrize(
    ("load_rps", "wanted"),
    [
        pytest.param(4.0, first("large", 1, 3), id="the heavier variant while three carry it"),
        pytest.param(15.0, first("large", 1, 3), id="as long as they do"),
        pytest.param(16.0, first("small", 1, 3), id="the lighter one beyond"),
    ],
)
def test_variants_are_switched_on_the_replicas_that_the_lightest_need_at_the_peak(
    load_rps: float, wanted: Configuration
) -> None:
    assert create("rim").decide(told(RICH, load_rps, planned_rps=30.0)) == wanted


def test_cores_are_charged_for_though_replicas_are_frozen() -> None:
    """Three `large` gain 3 in accuracy where 10 is paid for it, and cost three cores more."""
    poor = pipeline(stage("first", batches=[1]), objective={"alpha": 9.9, "beta": 1.0})

    assert create("rim").decide(told(poor, 4.0, planned_rps=30.0)) == first("small", 1, 3)


def test_batches_are_switched_too() -> None:
    spec = pipeline(stage("first"))

    assert create("rim").decide(told(spec, 15.0, planned_rps=10.0)) == first("small", 4, 1)


def test_the_replicas_of_the_first_decision_are_kept() -> None:
    policy = create("rim")
    policy.decide(told(RICH, 4.0, planned_rps=30.0))

    later = policy.decide(told(RICH, 4.0, planned_rps=90.0, running=first("large", 1, 3)))

    assert later == first("large", 1, 3)


def test_replicas_may_be_stated() -> None:
    policy = create("rim", {"replicas": {"first": 4}})

    assert policy.decide(told(RICH, 20.0, planned_rps=1.0)) == first("large", 1, 4)


@pytest.mark.parametrize(
    ("replicas", "message"),
    [
        pytest.param({"second": 4}, "'replicas' says nothing of stage 'first'", id="no count"),
        pytest.param({"first": 11}, "gives stage 'first' 11, its limits allow 1 to 10", id="too many"),
        pytest.param({"first": 0}, "gives stage 'first' 0, its limits allow 1 to 10", id="too few"),
    ],
)
def test_replicas_that_do_not_fit_are_refused(replicas: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        create("rim", {"replicas": replicas}).decide(told(ONE_BY_ONE, 5.0))


def test_stated_replicas_keep_the_limit_on_cores() -> None:
    tight = pipeline(stage("first"), stage("second"), limits={"maxCores": 5})

    with pytest.raises(UsageError, match="more than the limit of 5 cores"):
        create("rim", {"replicas": {"first": 3, "second": 3}}).decide(told(tight, 5.0))


def test_the_lightest_variants_leave_each_other_cores_where_they_are_few() -> None:
    """At 40 rps each stage needs four; five cores are four for the first and the least for the second."""
    tight = pipeline(stage("first", batches=[1]), stage("second", batches=[1]), limits={"maxCores": 5})

    chosen = create("rim").decide(told(tight, 40.0))

    assert chosen == configuration(("first", "small", 1, 4), ("second", "small", 1, 1))


def test_where_nothing_is_feasible_what_runs_is_kept() -> None:
    policy = create("rim")

    assert policy.decide(told(RICH, 31.0, planned_rps=30.0)) == first("small", 1, 3)
    assert policy.decide(told(RICH, 31.0, running=first("large", 1, 3))) == first("large", 1, 3)


def test_the_forecast_is_raised_by_the_margin() -> None:
    policy = create("rim", {"margin": 0.2})

    assert policy.decide(told(RICH, 13.0, planned_rps=30.0)) == first("small", 1, 3)
