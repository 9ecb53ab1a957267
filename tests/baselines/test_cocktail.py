"""Cocktail: how large an ensemble is, and how many replicas it gets, by figures that fit in the head.

The stage `read` has three readers of a core each, measured at batch 1 only: `big` (0.9, 5 rps a replica),
`mid` (0.8, 10 rps), `low` (0.6, 10 rps), and their vote (3 cores, 5 rps). By the votes recorded below it is
right on 10 examples of 10 and `big` on 9, so its accuracy is 0.9 + 0.1 = 1. The SLO is met by all.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from baselines.cocktail import Cocktail, largest_window_rps
from baselines.policy import Situation, create
from core.belief import Belief, Evidence, ReplicaCap
from core.configuration import Configuration
from core.ensemble import VoteTable, with_ensembles
from core.errors import UsageError
from core.forecast import Forecast
from core.observation import ExaminedObservation, LabelledObservation, Observation, StageObservation
from core.pipeline import Pipeline
from tests.core.toys import configuration, pipeline, stage, variant

BIG = variant("big", 0.9, 1, (1, 0.2))
MID = variant("mid", 0.8, 1, (1, 0.1))
LOW = variant("low", 0.6, 1, (1, 0.1))
TRIO = "big+mid+low"


def votes(big: str = "aaaaaaaaab", mid: str = "aaaaaaaaaa", low: str = "aaaaaaaaaa") -> VoteTable:
    alone = {"big": tuple(big), "mid": tuple(mid), "low": tuple(low)}
    return VoteTable(labels={"a": "right"}, case_truth=("a",) * 10, alone=alone, truth=("a",) * 10)


def reading(table: VoteTable | None = None, **spec: Any) -> Pipeline:  # noqa: ANN401 - parts of a file
    bounds = spec.pop("replicas", {"min": 1, "max": 10})
    return with_ensembles(
        pipeline(stage("read", BIG, MID, LOW, replicas=bounds), **spec), {"read": table or votes()}
    )


def seen(
    loads_rps: tuple[float | None, ...] = (4.0,) * 10,
    *,
    right: float | None = None,
    labelled: int = 200,
    served: str = TRIO,
    examined: dict[str, int] | None = None,
) -> Observation:
    correct = None if right is None else round(right * labelled)
    by = (
        None
        if correct is None
        else (LabelledObservation(variants=(served,), labelled=labelled, correct=correct),)
    )
    cases = tuple(
        ExaminedObservation(variant=name, labelled=100, correct=n) for name, n in (examined or {}).items()
    )
    return Observation(
        time_s=10.0,
        interval_s=10.0,
        loads_rps=loads_rps,
        latency_s=0.2,
        in_time=1.0,
        dropped_rps=0.0,
        accuracy=right,
        labelled=0 if right is None else labelled,
        labelled_by=by,
        stages=(StageObservation(stage="read", arrivals_rps=4.0, queue=0.0, ready=1, examined=cases),),
    )


def situation(
    spec: Pipeline,
    observation: Observation | None = None,
    *,
    rps: float = 4.0,
    **fields: Any,  # noqa: ANN401
) -> Situation:
    return Situation(
        pipeline=spec,
        forecast=Forecast(point_rps=rps, upper_rps=rps, quantile=0.9, horizon_s=30.0, method="told"),
        observation=observation,
        running=fields.pop("running", None),
        planned_rps=fields.pop("planned_rps", rps),
        **fields,
    )


def variants_of(found: Configuration) -> list[str]:
    return [s.variant for s in found.stages]


@pytest.mark.parametrize(
    ("target", "searched", "walked"),
    [
        pytest.param(1.0, TRIO, TRIO, id="only the vote reaches the best"),
        pytest.param(0.7, "big", "big", id="0.6 + 0.7 * 0.4 = 0.88 asks for big"),
        pytest.param(0.4, "mid", "big", id="0.76: the search saves, the walk starts at the top"),
        pytest.param(0.0, "mid", "big", id="as many cores: the more accurate"),
    ],
)
def test_the_first_ensemble_reaches_the_target(target: float, searched: str, walked: str) -> None:
    """At 1.2 * 5 rps `big` needs two replicas; `mid` and `low` one each."""
    asked = situation(reading(), rps=5.0)

    assert variants_of(Cocktail(target=target).decide(asked)) == [searched]
    assert variants_of(Cocktail(target=target, initial="walk").decide(asked)) == [walked]


@pytest.mark.parametrize("initial", ["search", "walk"])
def test_an_ensemble_is_worth_its_counted_votes_not_the_binomial(initial: str) -> None:
    """Independently right on 0.9, 0.8 and 0.6, they would by vote be on 0.876; here all err alike."""
    alike = votes(big="aaaaaaaaab", mid="aaaaaaaabb", low="aaaaaabbbb")

    found = create("cocktail", {"target": 1.0, "initial": initial}).decide(situation(reading(alike)))

    assert variants_of(found) == ["big"]


def test_the_walk_keeps_the_best_of_what_it_passed_where_none_reaches_the_target() -> None:
    """Every reader is in time but `low`, which would have voted; nothing reaches the 1.0 asked for."""
    slow_low = variant("low", 0.6, 1, (1, 0.9))
    spec = with_ensembles(pipeline(stage("read", BIG, MID, slow_low), slo_s=0.5), {"read": votes()})

    for initial in ("search", "walk"):
        found = create("cocktail", {"target": 1.0, "initial": initial}).decide(situation(spec))
        assert variants_of(found) == ["big"]


def test_where_nothing_keeps_the_deadline_the_quickest_serves() -> None:
    assert variants_of(Cocktail().decide(situation(reading(slo_s=0.05)))) == ["mid"]


def test_replicas_carry_the_largest_window_and_a_fifth_more() -> None:
    """Windows of 5 s at 4 and 10 rps: 1.2 * 10 = 12 rps need three of 5 rps."""
    policy = Cocktail(target=1.0)
    policy.decide(situation(reading()))

    found = policy.decide(situation(reading(), seen((10.0,) * 5 + (4.0,) * 5)))

    assert found["read"].replicas == 3


def test_before_anything_was_seen_the_forecast_is_planned_for() -> None:
    assert Cocktail(target=1.0).decide(situation(reading(), rps=10.0))["read"].replicas == 3


def test_the_shared_forecast_may_take_the_place_of_the_windows() -> None:
    policy = Cocktail(target=1.0, predictor="shared")
    policy.decide(situation(reading()))

    assert policy.decide(situation(reading(), seen((10.0,) * 10)))["read"].replicas == 1


def test_scale_in_waits_until_the_window_and_six_plans_are_small() -> None:
    """The burst is in sight for 60 s, and in the six plans for 50 s more: 12 decisions of 10 s in all."""
    policy = Cocktail(target=1.0)
    policy.decide(situation(reading()))
    counts = [policy.decide(situation(reading(), seen((10.0,) * 10)))["read"].replicas]

    counts += [policy.decide(situation(reading(), seen()))["read"].replicas for _ in range(12)]

    assert counts == [3] * 11 + [1, 1]


@pytest.mark.parametrize(
    ("loads_rps", "largest"),
    [
        pytest.param([], None, id="nothing seen"),
        pytest.param([3.0], 3.0, id="a window that began"),
        pytest.param([9.0, 1.0, 1.0, 1.0, 1.0, 1.0], 9.0, id="the oldest window may be short"),
        pytest.param([0.0, 10.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0], 2.0, id="a second is no window"),
    ],
)
def test_a_window_is_five_seconds_counted_back_from_now(
    loads_rps: list[float], largest: float | None
) -> None:
    assert largest_window_rps(loads_rps) == largest


def after(policy: Cocktail, spec: Pipeline, *observations: Observation) -> list[str]:
    policy.decide(situation(spec))
    return [variants_of(policy.decide(situation(spec, o)))[0] for o in observations]


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        pytest.param(1.0, "big", id="0.02 above: low goes, and of the pair left the better stays"),
        pytest.param(0.975, TRIO, id="within the margin above"),
        pytest.param(0.945, TRIO, id="within the margin below"),
        pytest.param(0.5, TRIO, id="below, but there is no one left to add"),
    ],
)
def test_an_ensemble_shrinks_where_it_is_more_accurate_than_asked(right: float, expected: str) -> None:
    """Target: 0.6 + 0.9 * 0.4 = 0.96, which of the single variants none reaches."""
    assert after(Cocktail(), reading(), seen(right=right)) == [expected]


def test_a_single_variant_below_the_target_gets_company() -> None:
    """Target 0.88, `big` serves; of two voters the better answers, so both others are added at once."""
    policy = Cocktail(target=0.7)

    assert after(policy, reading(), seen(right=0.85, served="big")) == [TRIO]


def test_a_better_single_variant_comes_before_a_vote() -> None:
    """Target 0.76, `mid` serves; with `big` added the pair answers as `big`."""
    policy = Cocktail(target=0.4)

    policy.decide(situation(reading(), rps=5.0))
    found = policy.decide(situation(reading(), seen(right=0.7, served="mid"), rps=5.0))

    assert variants_of(found) == ["big"]


def test_who_would_not_help_is_not_added() -> None:
    harmful = votes(mid="bbaaaaaaaa", low="bbaaaaaaaa")

    assert after(Cocktail(target=1.0), reading(harmful), seen(right=0.5, served="big")) == ["big"]


def test_the_member_with_the_fewest_right_votes_goes() -> None:
    """All four vote; `last` has most right votes, so `big`, with fewest, goes."""
    last = variant("last", 0.5, 1, (1, 0.1))
    table = votes(big="aaaaaaabbb", mid="abbaaaaaaa", low="abbaaaaaaa")
    table = VoteTable.model_validate(
        table.model_dump() | {"alone": {**table.alone, "last": (*"aaaaaaaabb",)}}
    )
    spec = with_ensembles(pipeline(stage("read", BIG, MID, LOW, last)), {"read": table})
    policy = Cocktail(target=0.5)
    policy.decide(situation(spec))
    policy.chosen = {"read": "big+mid+low+last"}
    counts = {"big": 10, "mid": 60, "low": 50, "last": 90}

    found = policy.decide(situation(spec, seen(right=1.0, served="big+mid+low+last", examined=counts)))

    assert variants_of(found) == ["mid+low+last"]


@pytest.mark.parametrize(
    "observation",
    [
        pytest.param(seen(right=1.0, labelled=199), id="too few"),
        pytest.param(seen(right=1.0, served="big"), id="of what ran before"),
        pytest.param(seen(), id="none"),
    ],
)
def test_nothing_is_resized_on_labels_that_say_too_little(observation: Observation) -> None:
    assert after(Cocktail(), reading(), observation) == [TRIO]


def test_labels_of_several_intervals_add_up_and_each_counts_once() -> None:
    half = seen(right=1.0, labelled=100)

    assert after(Cocktail(), reading(), half, half) == [TRIO, "big"]
    assert after(Cocktail(target=0.96), reading(), seen(right=0.98), seen(right=1.0, labelled=1)) == [
        TRIO,
        TRIO,
    ]


def test_labels_without_their_combination_count_as_of_what_runs() -> None:
    unnamed = seen(right=1.0).model_copy(update={"labelled_by": None})

    assert after(Cocktail(), reading(), unnamed) == ["big"]


def test_over_the_core_budget_the_most_accurate_that_fits_serves_and_the_ensemble_returns() -> None:
    """12 rps: the vote needs 9 cores, `big` 3; the budget is 4."""
    spec = reading(limits={"maxCores": 4})
    policy = Cocktail(target=1.0)
    quiet = policy.decide(situation(spec, planned_rps=4.0))

    busy = policy.decide(situation(spec, seen((10.0,) * 10)))
    later = [policy.decide(situation(spec, seen())) for _ in range(12)]

    assert [variants_of(c)[0] for c in (quiet, busy, later[-1])] == [TRIO, "big", TRIO]
    assert busy["read"].replicas == 3


def test_where_no_cheaper_variant_is_left_replicas_go() -> None:
    """36 rps would need 4 of `mid`; 3 cores are there."""
    found = Cocktail(target=0.0).decide(situation(reading(limits={"maxCores": 3}), rps=30.0))

    assert found == configuration(("read", "mid", 1, 3))


def test_where_not_even_the_least_fits_what_runs_is_held_or_the_caller_hears_why() -> None:
    spec = reading(limits={"maxCores": 1}, replicas={"min": 2, "max": 9})
    running = configuration(("read", "low", 1, 2))

    assert Cocktail().decide(situation(spec, running=running)) == running
    with pytest.raises(UsageError, match="need more than its 1 cores; raise maxCores"):
        Cocktail().decide(situation(spec))


def test_lost_capacity_is_a_bound() -> None:
    lost = ReplicaCap(stage="read", replicas=2, evidence=Evidence(statement="gone", low=2, high=2, since_s=0))

    found = Cocktail(target=1.0).decide(situation(reading(), rps=40.0, belief=Belief(capacity=(lost,))))

    assert found["read"].replicas == 2


def test_a_batch_is_as_large_as_fills_and_serves_within_the_stages_share() -> None:
    """20 rps: batch 4 takes 0.2 + 3 / 20 = 0.35 s and one replica at 40 rps; at 2 rps it would never fill."""
    wide = variant("wide", 0.9, 1, (1, 0.1), (4, 0.2, 40.0))
    spec = pipeline(stage("read", wide), slo_s=0.5)

    assert Cocktail().decide(situation(spec, rps=20.0)) == configuration(("read", "wide", 4, 1))
    assert Cocktail().decide(situation(spec, rps=2.0)) == configuration(("read", "wide", 1, 1))


def test_stages_without_labels_run_one_variant_and_their_fan_out_counts() -> None:
    """Each frame holds three signs: 3 * 1.2 * 2 rps are 7.2, two replicas of 5 rps."""
    find = stage("find", variant("finder", 0.9, 1, (1, 0.05), fanOut=3.0))
    spec = with_ensembles(pipeline(find, stage("read", BIG, MID, LOW)), {"read": votes()})

    found = Cocktail(target=1.0).decide(situation(spec, rps=2.0))

    assert found == configuration(("find", "finder", 1, 1), ("read", TRIO, 1, 2))


def test_a_pipeline_without_ensembles_is_served_by_single_variants_whatever_is_measured() -> None:
    spec = pipeline(stage("read", BIG, MID, LOW))
    policy = Cocktail(target=1.0)

    assert after(policy, spec, seen(right=0.1, served="big"), seen(right=1.0, served="big")) == ["big", "big"]


@settings(max_examples=60, deadline=None)
@example(loads_rps=[17.0], rights=[0.0] * 4, most=3, max_cores=3)
@given(
    loads_rps=st.lists(st.floats(0, 200), min_size=1, max_size=4),
    rights=st.lists(st.floats(0, 1), min_size=4, max_size=4),
    most=st.integers(1, 8),
    max_cores=st.integers(3, 30),
)
def test_bounds_and_budget_are_kept_whatever_is_seen(
    loads_rps: list[float], rights: list[float], most: int, max_cores: int
) -> None:
    spec = with_ensembles(
        pipeline(
            stage("find", variant("fast", 0.5, 1, (1, 0.05)), variant("fine", 0.9, 2, (1, 0.2), (4, 0.3))),
            stage("read", BIG, MID, LOW, replicas={"min": 1, "max": most}, maxCores=5),
            limits={"maxCores": max_cores},
        ),
        {"read": votes()},
    )
    policy = Cocktail()
    asked = situation(spec, rps=loads_rps[0])
    for load_rps, right in zip(loads_rps, rights, strict=False):
        found = policy.decide(asked).checked(spec)
        asked = replace(asked, observation=seen((load_rps,) * 10, right=right, served=variants_of(found)[1]))

        assert found.cores(spec) <= max_cores
        assert found["read"].replicas * spec.stage("read").variant(found["read"].variant).cores <= 5
        assert 1 <= found["read"].replicas <= most


@pytest.mark.parametrize(
    "parameters", [{"initial": "guess"}, {"surge": 0.0}, {"margin": -0.1}, {"samples": 0}, {"target": 1.5}]
)
def test_senseless_parameters_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        create("cocktail", parameters).decide(situation(reading()))


def test_a_decision_takes_about_a_millisecond() -> None:
    spec, policy = reading(), Cocktail()
    policy.decide(situation(spec))
    began = time.perf_counter()

    for _ in range(50):
        policy.decide(situation(spec, seen(right=1.0)))

    assert (time.perf_counter() - began) / 50 < 0.02
