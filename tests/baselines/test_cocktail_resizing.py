"""Cocktail: ensembles that follow the measured accuracy, at the readers of `tests.baselines.readers`."""

from __future__ import annotations

import pytest

from baselines.cocktail import Cocktail
from core.ensemble import VoteTable, with_ensembles
from core.observation import Observation
from core.pipeline import Pipeline
from tests.baselines.readers import BIG, LOW, MID, TRIO, reading, seen, situation, variants_of, votes
from tests.core.toys import pipeline, stage, variant


def after(policy: Cocktail, spec: Pipeline, *observations: Observation) -> list[str]:
    policy.decide(situation(spec))
    return [variants_of(policy.decide(situation(spec, o)))[0] for o in observations]


def both(first: str, second: str) -> tuple[Pipeline, Cocktail]:
    """Two stages of the same four voters: three gain a tenth over `big`, four another."""
    readers = [
        variant(name, accuracy, 1, (1, 0.1))
        for name, accuracy in [("big", 0.7), ("mid", 0.6), ("low", 0.5), ("last", 0.4)]
    ]
    table = votes(big="abbaaaaaaa", mid="aaaaaaaaab", low="aaaaaaaaab")
    table = VoteTable.model_validate(
        table.model_dump() | {"alone": {**table.alone, "last": (*"aaaaaaaaaa",)}}
    )
    spec = with_ensembles(
        pipeline(stage("first", *readers), stage("second", *readers)), {"first": table, "second": table}
    )
    policy = Cocktail(target=0.5)
    policy.decide(situation(spec))
    policy.chosen = {"first": first, "second": second}
    return spec, policy


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
    ("right", "expected"),
    [pytest.param(0.855, TRIO, id="below"), pytest.param(0.865, "big", id="within the margin")],
)
def test_within_the_margin_nothing_is_added(right: float, expected: str) -> None:
    """Target 0.88."""
    assert after(Cocktail(target=0.7), reading(), seen(right=right, served="big")) == [expected]


def test_labels_that_were_judged_are_not_judged_again() -> None:
    """Target 0.96: 200 at 0.97, then 199 at 1, too few alone: together they would be above 0.98."""
    assert after(Cocktail(), reading(), seen(right=0.97), seen(right=1.0, labelled=199)) == [TRIO, TRIO]


@pytest.mark.parametrize(
    ("before", "right", "expected"),
    [
        pytest.param((TRIO, "big"), 0.0, [TRIO, TRIO], id="the smaller grows"),
        pytest.param((TRIO, f"{TRIO}+last"), 1.0, [TRIO, TRIO], id="the larger shrinks"),
        pytest.param((f"{TRIO}+last", "big"), 1.0, [TRIO, "big"], id="one variant cannot shrink"),
    ],
)
def test_of_two_stages_that_vote_one_is_resized(
    before: tuple[str, str], right: float, expected: list[str]
) -> None:
    spec, policy = both(*before)
    labels = seen(right=right).model_copy(update={"labelled_by": None})

    assert variants_of(policy.decide(situation(spec, labels))) == expected


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


def test_a_pipeline_without_ensembles_is_served_by_single_variants_whatever_is_measured() -> None:
    spec = pipeline(stage("read", BIG, MID, LOW))
    policy = Cocktail(target=1.0)

    assert after(policy, spec, seen(right=0.1, served="big"), seen(right=1.0, served="big")) == ["big", "big"]
