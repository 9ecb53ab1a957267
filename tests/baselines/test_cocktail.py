"""Cocktail: the ensemble it begins with, and the replicas, at the readers of `tests.baselines.readers`."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from baselines.cocktail import Cocktail, largest_window_rps
from baselines.policy import create
from core.belief import Belief, Evidence, ReplicaCap
from core.ensemble import with_ensembles
from core.errors import UsageError
from core.problem import Margins
from tests.baselines.readers import BIG, LOW, MID, TRIO, reading, seen, situation, variants_of, votes
from tests.core.toys import configuration, pipeline, stage, variant


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
    """The best is too slow; of the others the vote, which is passed last, is worse than `big`."""
    slow = variant("slow", 0.95, 1, (1, 0.9))
    harmful = votes(mid="bbaaaaaaaa", low="bbaaaaaaaa")
    spec = with_ensembles(pipeline(stage("read", slow, BIG, MID, LOW), slo_s=0.5), {"read": harmful})

    for initial in ("search", "walk"):
        found = create("cocktail", {"target": 1.0, "initial": initial}).decide(situation(spec))
        assert variants_of(found) == ["big"]


def test_the_first_ensemble_is_chosen_for_the_planned_peak() -> None:
    """At the peak `mid` needs one replica where `big` needs two; now each needs one."""
    found = Cocktail(target=0.4).decide(situation(reading(), rps=1.0, planned_rps=5.0))

    assert variants_of(found) == ["mid"]


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
    """4 rps with a headroom of 1.25 are just the 5 of a replica; 1.2 would be added to the 10 seen."""
    policy = Cocktail(target=1.0, predictor="shared")
    everyone = Margins(headroom=1.25)
    policy.decide(situation(reading(), margins=everyone))

    found = policy.decide(situation(reading(), seen((10.0,) * 10), margins=everyone))

    assert found["read"].replicas == 1
    assert policy.decide(situation(reading(), rps=4.1, margins=everyone))["read"].replicas == 2


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


def test_over_the_core_budget_the_most_accurate_that_fits_serves_and_the_ensemble_returns() -> None:
    """12 rps: the vote needs 9 cores, `big` 3; the budget is 4."""
    spec = reading(limits={"maxCores": 4})
    policy = Cocktail(target=1.0)
    quiet = policy.decide(situation(spec, planned_rps=4.0))

    busy = policy.decide(situation(spec, seen((10.0,) * 10)))
    later = [policy.decide(situation(spec, seen())) for _ in range(12)]

    assert [variants_of(c)[0] for c in (quiet, busy, later[-1])] == [TRIO, "big", TRIO]
    assert busy["read"].replicas == 3


def test_over_the_budget_the_stage_with_the_most_cores_gives() -> None:
    """At 12 rps `fine` needs 2 cores and `big` 3; there are 4, and `mid` needs 2."""
    find = stage("find", variant("fine", 0.9, 1, (1, 0.1)), variant("fast", 0.5, 1, (1, 0.01)))
    spec = pipeline(find, stage("read", BIG, MID), limits={"maxCores": 4})

    assert variants_of(Cocktail(target=1.0).decide(situation(spec, rps=10.0))) == ["fine", "mid"]


def test_the_replica_goes_that_is_missed_least() -> None:
    """At 24 rps: 3 of 9 rps and 5 of 5 rps; without one each, 18 and 20 rps are left."""
    spec = pipeline(
        stage("first", variant("only", 0.9, 1, (1, 0.1, 9.0))),
        stage("second", variant("only", 0.9, 1, (1, 0.1, 5.0))),
        limits={"maxCores": 7},
    )

    found = Cocktail().decide(situation(spec, rps=20.0))

    assert found == configuration(("first", "only", 1, 3), ("second", "only", 1, 4))


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
    """Fours save a replica at 12 and at 9 rps, but fill and serve in 0.2 + 3 / 12 and in 0.2 + 3 / 9 s."""
    wide = variant("wide", 0.9, 1, (1, 0.1), (4, 0.2, 40.0))
    spec = pipeline(stage("read", wide), slo_s=0.5)

    assert Cocktail().decide(situation(spec, rps=12.0)) == configuration(("read", "wide", 4, 1))
    assert Cocktail().decide(situation(spec, rps=9.0)) == configuration(("read", "wide", 1, 2))


def test_what_a_stage_sends_on_fills_the_batches_of_the_next() -> None:
    """4 rps with three items each are the 12 rps of above; each stage has half of the second."""
    wide = variant("wide", 0.9, 1, (1, 0.1), (4, 0.2, 40.0))
    spec = pipeline(stage("find", variant("finder", 0.9, 1, (1, 0.1), fanOut=3.0)), stage("read", wide))

    assert (
        Cocktail().decide(situation(spec, rps=4.0))["read"] == configuration(("read", "wide", 4, 1))["read"]
    )


def test_no_batch_is_larger_than_it_need_be() -> None:
    wide = variant("wide", 0.9, 1, (1, 0.1), (4, 0.2, 40.0))

    found = Cocktail().decide(situation(pipeline(stage("read", wide)), rps=6.0))

    assert found == configuration(("read", "wide", 1, 1))


def test_stages_without_labels_run_one_variant_and_their_fan_out_counts() -> None:
    """Each frame holds three signs: 3 * 1.2 * 2 rps are 7.2, two replicas of 5 rps."""
    find = stage("find", variant("finder", 0.9, 1, (1, 0.05), fanOut=3.0))
    spec = with_ensembles(pipeline(find, stage("read", BIG, MID, LOW)), {"read": votes()})

    found = Cocktail(target=1.0).decide(situation(spec, rps=2.0))

    assert found == configuration(("find", "finder", 1, 1), ("read", TRIO, 1, 2))


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
