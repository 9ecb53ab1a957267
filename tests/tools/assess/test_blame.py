"""Who is to blame: as likely as any explanation there is, several at once, no more than answers say."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.assess._blame import FACTORS, LIKELY, Blame, Place, Sample, blamed

A, B, C = ("first", "small"), ("second", "small"), ("second", "large")
PROFILED: dict[Place, float] = {A: 0.8, B: 0.9, C: 0.95}


def answers(right: dict[tuple[Place, ...], float], labelled: int = 1000) -> list[Sample]:
    """Return samples in which each combination is right as often as said, to the nearest answer."""
    return [
        Sample(places, math.prod(PROFILED[p] for p in places), labelled, round(labelled * share))
        for places, share in right.items()
    ]


def kept(samples: list[Sample], suspects: tuple[Place, ...] = (A, B, C)) -> dict[tuple[Place, ...], float]:
    return {blame.places: blame.factor for blame in blamed(suspects, samples)}


def test_two_that_lost_are_both_found_with_what_each_keeps() -> None:
    found = kept(answers({(A, B): 0.8 * 0.9 * 0.6 * 0.7, (A, C): 0.8 * 0.95 * 0.6, (C,): 0.95, (B,): 0.63}))

    assert found == pytest.approx({(A,): 0.6, (B,): 0.7}, abs=0.02)


def test_what_is_known_of_one_is_kept_when_another_turns_out_bad() -> None:
    """Were it one alone, B would take all of the loss where it serves, and C none."""
    found = kept(answers({(A, B): 0.72 * 0.5, (A, C): 0.76 * 0.75, (C,): 0.95 * 0.75}))

    assert found == pytest.approx({(B,): 0.5, (C,): 0.75}, abs=0.02)


def test_those_that_always_serve_together_are_blamed_together_with_the_loss_split_evenly() -> None:
    (blame,) = blamed((A, B), answers({(A, B): 0.72 * 0.64}))

    assert blame.places == (A, B)
    assert blame.factor == pytest.approx(0.64)
    assert blame.each == pytest.approx(0.8)


def test_half_of_those_blamed_together_bear_half_of_the_loss() -> None:
    """A serves with B, and ten times alone: too seldom to tell them apart, but it is one sample more."""
    together, alone = answers({(A, B): 0.72 * 0.49})[0], Sample((A,), 0.8, 10, 6)

    (blame,) = blamed((A, B), [together, alone])

    assert blame.each == pytest.approx(0.7, abs=0.01)


def test_a_second_is_blamed_only_beyond_chance() -> None:
    """At 0.6 of A, C in the profiled 0.95 of 100 answers, or in 0.93 of them: within ln 20 of each other."""
    found = kept(answers({(A,): 0.48, (C,): 0.93}, labelled=100))

    assert found == pytest.approx({(A,): 0.6})


def test_nobody_is_blamed_where_nobody_is_suspected() -> None:
    assert blamed((), answers({(A, B): 0.3})) == ()


@settings(max_examples=40, deadline=None)
@given(
    shares=st.lists(st.sampled_from([0.4, 0.6, 0.8, 1.0]), min_size=3, max_size=3),
    labelled=st.integers(20, 400),
    seed=st.integers(0, 1000),
)
def test_no_explanation_by_any_two_is_beyond_chance_more_likely(
    shares: list[float], labelled: int, seed: int
) -> None:
    """Held against every pair of factors on a grid, by a likelihood written down again."""
    rng, lost = np.random.default_rng(seed), dict(zip((A, B, C), shares, strict=True))
    samples = [
        Sample(q, p, labelled, int(rng.binomial(labelled, p * math.prod(lost[x] for x in q))))
        for q in ((A, B), (A, C), (C,))
        for p in [math.prod(PROFILED[x] for x in q)]
    ]

    blames = blamed((A, B, C), samples)

    grid = FACTORS[9::5]
    best = max(
        _log_likelihood({one: f, other: g}, samples)
        for one, other in ((A, B), (A, C), (B, C))
        for f, g in product(grid, grid)
    )
    assert _log_likelihood(_each(blames), samples) >= best - 2 * LIKELY


def _each(blames: tuple[Blame, ...]) -> dict[Place, float]:
    return {place: blame.each for blame in blames for place in blame.places}


def _log_likelihood(factors: dict[Place, float], samples: list[Sample]) -> float:
    total = 0.0
    for s in samples:
        right = s.expected
        for place in s.places:
            right *= factors.get(place, 1.0)
        total += s.correct * math.log(right) + (s.labelled - s.correct) * math.log(1 - right)
    return total
