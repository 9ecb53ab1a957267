"""FA2 against IPA's FA2-high, against enumeration, and by hand.

At the toy stage `small` (0.6) serves 10 a second one by one and 20 in fours on one core, in 0.1 and 0.2 s.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from baselines._latency_dp import STEPS, Option, cheapest
from baselines.fa2 import erlang_quantile
from baselines.policy import create
from core.belief import Belief, Evidence, ReplicaCap
from core.configuration import Configuration
from core.document import pipeline_from
from core.errors import UsageError
from pipelines.reader import read_pipeline
from tests.baselines.ipacase import ipa_case
from tests.baselines.told import first, seen, told
from tests.core.brute import Instance, feasible
from tests.core.instances import settings_of
from tests.core.toys import configuration, pipeline, stage, variant

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "ipa" / "golden"
SETUP = "video-fa2-high-ms14-s3"
CASES = 40
EVIDENCE = Evidence(statement="measured", low=0.5, high=2.0, since_s=0.0)
TOY = pipeline(stage("first"))


@pytest.mark.skipif(not FOLDER.is_dir(), reason="IPA's decisions (../shared/data/ipa/golden) are not here")
def test_the_decisions_of_ipas_fa2_high_are_reproduced() -> None:
    spec = read_pipeline(FOLDER / f"{SETUP}.json")
    rows: list[dict[str, Any]] = json.loads((FOLDER / f"{SETUP}.decisions.json").read_text())

    chosen = [create("fa2-high").decide(told(spec, float(row["load"]))) for row in rows]

    goal, accuracy = spec.objective, sum(s.variants[0].accuracy for s in spec.stages)
    values = [
        goal.alpha * accuracy - goal.beta * c.cores(spec) - goal.delta * sum(s.batch for s in c.stages)
        for c in chosen
    ]
    assert values == pytest.approx([row["objective"] for row in rows], rel=1e-4, abs=0)


@pytest.mark.parametrize("end", ["low", "high"])
@pytest.mark.parametrize("seed", range(CASES))
def test_it_is_feasible_and_on_chains_as_cheap_as_enumeration_but_for_the_grid(seed: int, end: str) -> None:
    """What is cheapest with one step of the grid less for each stage is never cheaper than what is found."""
    instance = frozen(ipa_case(seed), end)
    spec = pipeline_from(instance.document)
    candidates = feasible(instance)
    surely = feasible(tighter(instance))

    chosen = create(f"fa2-{end}").decide(told(spec, instance.load_rps))

    cores, found = chosen.cores(spec), settings_of(chosen)
    if surely:
        assert found in [c.settings for c in candidates]
    if surely and is_chain(instance):
        assert cores <= min(c.cores for c in surely) + 1e-9
    if found in [c.settings for c in candidates]:
        assert cores >= min(c.cores for c in candidates) - 1e-9


def frozen(instance: Instance, end: str) -> Instance:
    """Return the instance with one variant a stage, least cost and no limit on cores."""
    way = 1 if end == "low" else -1
    stages = [
        only(s, min(s["variants"], key=lambda v: (way * v["accuracy"], v["cores"], v["name"])))
        for s in instance.stages
    ]
    spec = {"slo": instance.spec["slo"], "stages": stages}
    spec["objective"] = {"minimise": "cost", "minAccuracy": 0.0}
    return replace(instance, document={**instance.document, "spec": spec})


def only(stage: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stage with one variant, at the batches that may run."""
    allowed = stage.get("batches") or [p["batch"] for p in chosen["profile"]]
    profile = [p for p in chosen["profile"] if p["batch"] in allowed]
    return {**stage, "batches": None, "variants": [{**chosen, "profile": profile}]}


def tighter(instance: Instance) -> Instance:
    slo_s = instance.spec["slo"]["latency"] * (1 - len(instance.stages) / STEPS)
    spec = {**instance.spec, "slo": {"latency": slo_s}}
    return replace(instance, document={**instance.document, "spec": spec})


def is_chain(instance: Instance) -> bool:
    return not any("after" in s for s in instance.stages)


def test_the_cases_bind_and_are_of_every_kind() -> None:
    cases = [frozen(ipa_case(seed), "low") for seed in range(CASES)]
    solvable = [i for i in cases if feasible(i)]

    assert len(solvable) > CASES / 3
    assert sum(map(is_chain, solvable)) > 10
    assert sum(not is_chain(i) for i in solvable) > 10


CHAIN = pipeline(stage("first"), stage("second"), slo_s=1.0)
BRANCHES = pipeline(
    stage("fork"),
    stage("long", after=["fork"]),
    stage("short", after=["fork"]),
    stage("join", after=["long", "short"]),
    slo_s=1.0,
)


def test_a_branch_beside_the_critical_path_gets_the_time_that_the_path_leaves_it() -> None:
    """The path takes 0.7 s at its cheapest, `long` 0.3 s of it: `short` has time for 0.3 s as well."""
    fast, cheap, brief = Option(1, 4, 0.1, 4.0), Option(4, 1, 0.3, 1.0), Option(1, 1, 0.2, 1.0)
    long = [brief, Option(4, 1, 0.3, 0.5)]

    chosen = cheapest(BRANCHES, {"fork": [brief], "long": long, "short": [fast, cheap], "join": [brief]})

    assert chosen is not None
    assert (chosen["long"].cost, chosen["short"]) == (0.5, cheap)


def test_the_critical_path_decides_what_it_shares_with_others() -> None:
    """`join` could save 3 by taking its time, but then `long` would have to pay 8 for being fast."""
    brief = Option(1, 1, 0.2, 1.0)
    long = [Option(1, 9, 0.3, 9.0), Option(4, 1, 0.5, 1.0)]
    join = [Option(1, 4, 0.2, 4.0), Option(4, 1, 0.4, 1.0)]

    chosen = cheapest(BRANCHES, {"fork": [brief], "long": long, "short": [brief], "join": join})

    assert chosen is not None
    assert [chosen[n].cost for n in ("long", "join")] == [1.0, 4.0]


def test_on_a_chain_only_as_many_stages_are_slow_as_there_is_time_for() -> None:
    first_ways = [Option(1, 4, 0.2, 4.0), Option(4, 1, 0.6, 1.0)]
    second_ways = [Option(1, 8, 0.2, 8.0), Option(4, 1, 0.6, 1.0)]

    chosen = cheapest(CHAIN, {"first": first_ways, "second": second_ways})

    assert chosen == {"first": first_ways[0], "second": second_ways[1]}


def test_rounding_to_the_grid_never_breaks_the_slo() -> None:
    just_over = Option(1, 1, 0.5004, 1.0)

    assert cheapest(CHAIN, {"first": [just_over], "second": [just_over]}) is None


def test_where_the_critical_path_leaves_no_time_the_branch_is_fast() -> None:
    fast, cheap = Option(1, 4, 0.1, 4.0), Option(4, 1, 0.3, 1.0)
    half = Option(1, 1, 0.4, 1.0)

    chosen = cheapest(
        BRANCHES, {"fork": [half], "long": [Option(1, 1, 0.2, 1.0)], "short": [fast, cheap], "join": [half]}
    )

    assert chosen is not None
    assert chosen["short"] == fast
    assert cheapest(BRANCHES, {n: [half] for n in ("fork", "long", "short", "join")}) is None


@pytest.mark.parametrize(
    ("load_rps", "wanted"),
    [
        pytest.param(10.0, first("small", 1, 1), id="the smaller batch of equals, no headroom"),
        pytest.param(15.0, first("small", 4, 1), id="in fours: 0.2 s and 3/15 s to fill"),
        pytest.param(40.0, first("small", 4, 2), id="two of 20"),
    ],
)
def test_batches_save_replicas_where_the_slo_leaves_time(load_rps: float, wanted: Configuration) -> None:
    assert create("fa2-low").decide(told(TOY, load_rps)) == wanted


def test_no_time_to_fill_a_batch_no_batch() -> None:
    hurried = pipeline(stage("first"), slo_s=0.39)

    assert create("fa2-low").decide(told(hurried, 15.0)) == first("small", 1, 2)


def test_three_arrivals_of_a_poisson_stream_take_longer_than_the_mean() -> None:
    """0.99 of the times are below 8.406 / 15 s; with 0.2 s of service that is over 0.7 s."""
    hurried = pipeline(stage("first"), slo_s=0.7)

    worst = create("fa2-low").decide(told(hurried, 15.0))
    by_gamma = create("fa2-low", {"filling": "gamma"}).decide(told(hurried, 15.0))

    assert (worst, by_gamma) == (first("small", 4, 1), first("small", 1, 2))


@settings(max_examples=30, deadline=None)
@given(arrivals=st.integers(1, 127))
def test_the_quantile_of_the_filling_time_is_the_gamma_distributions(arrivals: int) -> None:
    assert erlang_quantile(arrivals) == pytest.approx(float(gamma.ppf(0.99, arrivals)), rel=1e-9)


def test_the_variants_are_the_ends_or_those_stated() -> None:
    medium = variant("medium", 0.7, 1, (1, 0.1))
    spec = pipeline(stage("first", medium, *stage("x")["variants"], batches=[1]))

    ends = [create(name).decide(told(spec, 5.0))["first"].variant for name in ("fa2-low", "fa2-high")]
    stated = create("fa2-high", {"variants": {"first": "medium"}}).decide(told(spec, 5.0))

    assert [*ends, stated["first"].variant] == ["small", "large", "medium"]
    with pytest.raises(UsageError, match="stage 'first' has no variant 'mid'"):
        create("fa2-high", {"variants": {"first": "mid"}}).decide(told(spec, 5.0))


def test_scaling_out_is_at_once_and_in_after_ten_seconds_of_agreement() -> None:
    policy, running = create("fa2-low", {"batch_cap": 1}), first("small", 1, 2)

    def decided(load_rps: float, time_s: float) -> int:
        asked = told(TOY, load_rps, running=running, observation=seen(time_s, *[1.0] * 10))
        return policy.decide(asked)["first"].replicas

    assert [decided(25.0, 10), decided(5.0, 20), decided(5.0, 30)] == [3, 2, 1]
    assert [decided(5.0, 40), decided(15.0, 50), decided(5.0, 60), decided(5.0, 70)] == [2, 2, 2, 1]


def test_what_cannot_carry_the_load_in_time_is_left_at_once_though_it_is_dearer() -> None:
    """Three in fours carry 15 rps, but the first of four waits 0.2 s, and then takes 0.2 s."""
    policy = create("fa2-low")
    slow = first("small", 4, 3)
    hurried = pipeline(stage("first"), slo_s=0.3)

    asked = told(hurried, 15.0, running=slow, observation=seen(10, *[1.0] * 10))

    assert policy.decide(asked) == first("small", 1, 2)


def test_where_nothing_is_feasible_the_smallest_batch_is_scaled_as_far_as_it_goes() -> None:
    hopeless = pipeline(stage("first"), stage("second"), slo_s=0.15)

    chosen = create("fa2-low").decide(told(hopeless, 25.0))

    assert chosen == configuration(("first", "small", 1, 3), ("second", "small", 1, 3))
    assert create("fa2-low").decide(told(TOY, 999.0)) == first("small", 1, 10)


def test_lost_capacity_and_the_limit_on_cores_are_kept() -> None:
    lost = Belief(capacity=(ReplicaCap(stage="first", replicas=2, evidence=EVIDENCE),))
    tight = pipeline(stage("first", batches=[1]), limits={"maxCores": 2})

    assert create("fa2-low").decide(told(TOY, 90.0, belief=lost)) == first("small", 1, 2)
    assert create("fa2-low").decide(told(tight, 90.0)) == first("small", 1, 2)


def test_its_own_load_is_the_maximum_of_five_seconds() -> None:
    policy = create("fa2-low", {"predictor": "observed", "batch_cap": 1})
    last = seen(10, 99.0, *[1.0] * 4, 28.0, *[1.0] * 3, None)

    assert policy.decide(told(TOY, 1.0, running=first("small", 1, 1), observation=last)) == first(
        "small", 1, 3
    )
