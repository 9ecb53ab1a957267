"""IPA against its authors' own optimizer, against enumeration, and by hand.

At the toy stage, one by one, `small` (0.6) serves 10 a second on one core and `large` (0.9) 5 on two; in
fours 20 and 8. A point of accuracy is worth a tenth of a core.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from baselines._ipa import Queue, model_of
from baselines._room import room_of
from baselines.ipa import AR_CONSTANT_RPS, AR_WEIGHTS, WINDOW_S, predicted_rps
from baselines.policy import create
from benchmarks import ipa_predictor
from benchmarks.forecast import DAY_S, HORIZON_S, TRAIN_DAYS, load
from core.belief import Belief, Evidence, ReplicaCap
from core.configuration import Configuration
from core.document import pipeline_from
from core.errors import UsageError
from core.pipeline import Pipeline
from pipelines.reader import read_pipeline
from tests.baselines.ipacase import ipa_case
from tests.baselines.told import first, seen, told
from tests.core.brute import best, feasible, objective, sign
from tests.core.instances import settings_of
from tests.core.toys import LARGE, SMALL, pipeline, stage, variant

DATA = Path(__file__).parents[3] / "shared" / "data"
FOLDER = DATA / "ipa" / "golden"
SETUPS = sorted(path.name.removesuffix(".decisions.json") for path in FOLDER.glob("*.decisions.json"))
CASES = 45

ONE_BY_ONE = pipeline(stage("first", batches=[1]))
EVIDENCE = Evidence(statement="measured", low=0.5, high=2.0, since_s=0.0)


@pytest.mark.skipif(not SETUPS, reason="IPA's decisions (../shared/data/ipa/golden) are not here")
@pytest.mark.parametrize("queue", ["paper", "code"])
@pytest.mark.parametrize("setup", SETUPS)
def test_the_objective_of_every_decision_of_its_authors_is_reproduced(setup: str, queue: Queue) -> None:
    spec = read_pipeline(FOLDER / f"{setup}.json")
    policy = create("ipa", {"queue": queue})
    rows: list[dict[str, Any]] = json.loads((FOLDER / f"{setup}.decisions.json").read_text())

    values = [worth(spec, policy.decide(told(spec, float(row["load"])))) for row in rows]

    assert values == pytest.approx([row["objective"] for row in rows], rel=1e-4, abs=0)


def worth(spec: Pipeline, chosen: Configuration) -> float:
    goal, accuracy = spec.objective, chosen.accuracy(spec)
    assert accuracy is not None
    batches = sum(s.batch for s in chosen.stages)
    return goal.alpha * accuracy - goal.beta * chosen.cores(spec) - goal.delta * batches


@pytest.mark.parametrize("seed", range(CASES))
def test_with_the_papers_queue_it_finds_what_enumeration_finds(seed: int) -> None:
    instance = ipa_case(seed)
    spec, candidates = pipeline_from(instance.document), feasible(instance)

    model = model_of(spec, queue="paper", batch_cap=8)
    chosen = model.best(instance.load_rps, room_of(told(spec, instance.load_rps)))

    if not candidates:
        assert chosen is None
        return
    assert chosen is not None
    [found] = [c for c in candidates if c.settings == settings_of(chosen)]
    assert objective(instance, found) == pytest.approx(best(instance, candidates), abs=1e-9)


def test_the_cases_are_of_every_kind() -> None:
    cases = [ipa_case(seed) for seed in range(CASES)]

    assert 0.3 < sum(bool(feasible(i)) for i in cases) / CASES < 0.95
    assert {sign(i) for i in cases} == {1, -1}
    assert any(len(i.stages) == 4 for i in cases)


@pytest.mark.parametrize(
    ("point_rps", "margin", "wanted"),
    [
        pytest.param(5.4, 0.0, first("large", 1, 1), id="rounded down to whole requests"),
        pytest.param(5.6, 0.0, first("small", 1, 1), id="rounded up: one small is as good as two large"),
        pytest.param(5.0, 0.2, first("small", 1, 1), id="raised by the margin"),
        pytest.param(0.0, 0.0, first("large", 1, 1), id="at least one request"),
        pytest.param(10.0, 0.0, first("small", 1, 1), id="no headroom at all"),
    ],
)
def test_the_load_is_the_forecasts_point_with_the_margin_in_whole_requests(
    point_rps: float, margin: float, wanted: Configuration
) -> None:
    assert create("ipa", {"margin": margin}).decide(told(ONE_BY_ONE, point_rps)) == wanted


@pytest.mark.parametrize(
    ("queue", "wanted"),
    [
        pytest.param("paper", first("small", 1, 2), id="a batch of four takes 0.2 s and 3/15 s to fill"),
        pytest.param("code", first("small", 4, 1), id="the code takes 2 variants x 1 / 15 rps off"),
    ],
)
def test_the_queue_term_of_the_code_loosens_the_slo(queue: Queue, wanted: Configuration) -> None:
    spec = pipeline(stage("first"), slo_s=0.35)

    assert create("ipa", {"queue": queue}).decide(told(spec, 15.0)) == wanted


def test_the_code_counts_the_batches_up_to_the_cap_and_each_stages_variants() -> None:
    """Batches 1, 4 and 9 up to 8 are two: 0.2 s less 1/15 s a variant, of one over the SLO, of two within."""
    only = variant("small", 0.6, 1, (1, 0.3), (4, 0.2), (9, 0.9))
    one, two = stage("first", only), stage("first", only, variant("other", 0.1, 9, (1, 0.3)))

    alone = model_of(pipeline(one, slo_s=0.1), queue="code", batch_cap=8)
    beside = model_of(pipeline(two, slo_s=0.1), queue="code", batch_cap=8)

    room = room_of(told(pipeline(one), 15.0))
    assert alone.best(15.0, room) is None
    assert beside.best(15.0, room) == first("small", 4, 1)


def test_batches_end_at_the_cap() -> None:
    spec = pipeline(stage("first"))

    assert create("ipa").decide(told(spec, 15.0)) == first("small", 4, 1)
    assert create("ipa", {"batch_cap": 1}).decide(told(spec, 15.0)) == first("small", 1, 2)


def test_a_stage_without_a_batch_up_to_the_cap_is_named() -> None:
    spec = pipeline(stage("first", batches=[4]))

    with pytest.raises(UsageError, match="stage 'first' has no variant measured at a batch of 1 or less"):
        create("ipa", {"batch_cap": 1}).decide(told(spec, 5.0))


def test_of_equally_good_configurations_that_of_the_fewest_cores_is_taken() -> None:
    """At 6 rps two `large` are worth 9 - 4, one `small` 6 - 1."""
    spec = pipeline(stage("first", LARGE, SMALL, batches=[1]))

    assert create("ipa").decide(told(spec, 6.0)) == first("small", 1, 1)


def test_a_larger_batch_that_is_faster_is_considered_though_it_serves_less() -> None:
    odd = variant("odd", 0.9, 1, (1, 0.3, 10.0), (4, 0.1, 9.0))
    spec = pipeline(stage("first", odd, replicas={"min": 1, "max": 20}), slo_s=0.15)

    assert create("ipa").decide(told(spec, 100.0)) == first("odd", 4, 12)


def test_a_join_carries_the_largest_of_what_its_edges_bring() -> None:
    spec = pipeline(
        stage("first", SMALL, batches=[1]),
        stage("second", SMALL, after=[{"stage": "first", "fanOut": 3.0}], batches=[1]),
        stage("join", SMALL, after=["first", "second"], batches=[1]),
    )

    assert [s.replicas for s in create("ipa").decide(told(spec, 9.0)).stages] == [1, 3, 3]


def test_where_nothing_is_feasible_what_runs_is_kept() -> None:
    running = first("large", 1, 3)

    assert create("ipa").decide(told(ONE_BY_ONE, 101.0, running=running)) == running


def test_where_nothing_is_feasible_and_nothing_runs_the_lightest_variants_start() -> None:
    assert create("ipa").decide(told(ONE_BY_ONE, 101.0)) == first("small", 1, 10)


def test_replicas_end_at_its_scaling_cap() -> None:
    spec = pipeline(stage("first", batches=[1], replicas={"min": 1, "max": 300}))

    assert create("ipa").decide(told(spec, 1000.0)) == first("small", 1, 100)
    assert create("ipa").decide(told(spec, 1001.0, running=first("small", 1, 7))) == first("small", 1, 7)


def test_lost_capacity_and_the_limit_on_cores_are_kept() -> None:
    lost = Belief(capacity=(ReplicaCap(stage="first", replicas=1, evidence=EVIDENCE),))
    tight = pipeline(stage("first", batches=[1]), limits={"maxCores": 1})

    assert create("ipa").decide(told(ONE_BY_ONE, 15.0, belief=lost)) == first("small", 1, 1)
    assert create("ipa").decide(told(tight, 5.0)) == first("small", 1, 1)


def test_its_own_predictor_reads_twelve_maxima_of_ten_seconds() -> None:
    """Of each ten seconds only the largest counts; the last ten weigh 0.7014, the ten before them 0.236."""
    samples = [0.0] * WINDOW_S
    samples[-5], samples[-15], samples[-16] = 20.0, 10.0, 7.0

    assert predicted_rps(samples) == pytest.approx(20 * 0.7014 + 10 * 0.236 + 0.5283)
    assert predicted_rps([99.0, *samples]) == predicted_rps(samples)


def test_until_two_minutes_are_seen_it_expects_the_maximum_so_far() -> None:
    assert predicted_rps([3.0, 12.0, *[1.0] * (WINDOW_S - 3)]) == 12.0


def test_its_own_predictor_decides_in_place_of_the_forecast() -> None:
    policy = create("ipa-own")
    assert policy.decide(told(ONE_BY_ONE, 15.0)) == first("small", 1, 2)

    running = first("small", 1, 2)
    for now_s in range(10, 10 * len(AR_WEIGHTS), 10):
        quiet = told(ONE_BY_ONE, 100.0, running=running, observation=seen(now_s, 30.0, *[2.0] * 9))
        assert policy.decide(quiet) == first("small", 1, 3)
    calm = [
        policy.decide(told(ONE_BY_ONE, 100.0, running=running, observation=seen(t, *[2.0] * 10)))
        for t in range(120, 250, 10)
    ]

    assert calm[-1] == first("large", 1, 1)


def test_a_missing_sample_is_what_was_seen_before_it_and_never_zero() -> None:
    policy = create("ipa-own")
    running = first("small", 1, 1)

    gap = seen(10.0, None, 60.6, *[None] * 8)

    assert policy.decide(told(ONE_BY_ONE, 1.0, observation=gap, running=running)) == first("small", 1, 7)
    for time_s in range(20, 150, 10):
        blind = told(ONE_BY_ONE, 1.0, observation=seen(time_s, *[None] * 10), running=running)
        expected = 60.6 if time_s < WINDOW_S + 10 else 60.6 * sum(AR_WEIGHTS) + AR_CONSTANT_RPS
        replicas = math.ceil(round(expected) / 10)
        assert policy.decide(blind) == first("small", 1, replicas)
    assert replicas == 6


@pytest.mark.skipif(not DATA.is_dir(), reason="the trace (../shared/data/ipa/traces) is not here")
def test_its_coefficients_are_those_that_the_benchmark_prints() -> None:
    training = load(DATA)[: TRAIN_DAYS * DAY_S]

    found = ipa_predictor.fitted(*ipa_predictor.samples(training))

    assert found == pytest.approx([*AR_WEIGHTS, AR_CONSTANT_RPS], abs=1e-9)


def test_the_benchmark_takes_no_second_of_the_target_into_the_input() -> None:
    raw = np.array([8.0 * t for t in range(1, WINDOW_S + HORIZON_S + 1)])

    inputs, targets = ipa_predictor.samples(raw)

    assert inputs.tolist() == [[10.0 * block for block in range(1, 13)]]
    assert targets.tolist() == [140.0]
