"""Who is to blame for wrong answers, where several variants may have lost accuracy at once.

A blame says that some variants together keep a share of their accuracy. With profiled chance p an answer of
the variants Q is right with chance

    p * product over blames (P, f) of f ** (|P n Q| / |P|)

Blames are added greedily to those there are (forward selection): the variant whose best factor raises the log
likelihood most, as long as that is by `LIKELY`. Variants within `LIKELY` of it cannot be told from it and are
blamed together, the loss split evenly. All factors are then fitted again in turn, a coordinate ascent.

The first needs no such rise: who calls has evidence that something is wrong. A later one may be innocent: on
given samples twice the rise is a chi-square of one degree (Wilks, half of it at the bound f = 1), above
2 ln 20 with a chance of 0.7 % for each variant asked about.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LIKELY = math.log(20)
"""Difference of log likelihood within which two explanations count as equally good."""
FACTORS: NDArray[np.float64] = np.linspace(0.01, 1.0, 100)
SWEEPS = 10
"""Rounds of fitting again at most; a few are enough, as factors are on a grid."""

Place = tuple[str, str]
"""The names of a stage and of one of its variants."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Labelled answers of the same variants."""

    places: tuple[Place, ...]
    """All of a combination's, or the one that was examined alone."""
    expected: float
    """How often they are right as profiled."""
    labelled: int
    correct: int


@dataclass(frozen=True, slots=True)
class Blame:
    """Variants that cannot be told apart, and the share of the accuracy that they keep together."""

    places: tuple[Place, ...]
    factor: float

    @property
    def each(self) -> float:
        """The share that each keeps, the loss split evenly."""
        return float(self.factor ** (1 / len(self.places)))


def blamed(suspects: Sequence[Place], samples: Sequence[Sample]) -> tuple[Blame, ...]:
    """Return the blames that explain *samples*, the strongest first; none if nobody is suspected."""
    pooled = _pooled(samples)
    found: list[Blame] = []
    left = list(suspects)
    while left:
        curves = {place: likelihoods((place,), pooled, found) for place in left}
        most = max(float(curve.max()) for curve in curves.values())
        without = float(curves[left[0]][-1])
        if found and most < without + LIKELY:
            break
        together = tuple(place for place in left if curves[place].max() >= most - LIKELY)
        left = [place for place in left if place not in together]
        found = _refitted([*found, Blame(together, 1.0)], pooled)
    return tuple(found)


def likelihoods(
    places: tuple[Place, ...], samples: Sequence[Sample], others: Sequence[Blame]
) -> NDArray[np.float64]:
    """Return the log likelihood of *samples* for each of `FACTORS` of *places*, beside *others*."""
    total = np.zeros_like(FACTORS)
    for s in _pooled(samples):
        right = s.expected * math.prod(b.factor ** _share(b.places, s) for b in others)
        chance = right * FACTORS ** _share(places, s)
        total += s.correct * np.log(chance) + (s.labelled - s.correct) * np.log1p(-chance)
    return total


def _refitted(blames: list[Blame], samples: Sequence[Sample]) -> list[Blame]:
    """Return the blames with the factors that fit best, the last ones first."""
    for _ in range(SWEEPS):
        before = list(blames)
        for k in reversed(range(len(blames))):
            curve = likelihoods(blames[k].places, samples, blames[:k] + blames[k + 1 :])
            blames[k] = Blame(blames[k].places, float(FACTORS[int(curve.argmax())]))
        if blames == before:
            break
    return blames


def _share(places: tuple[Place, ...], sample: Sample) -> float:
    return sum(place in sample.places for place in places) / len(places)


def _pooled(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """Return the samples added up by who answered, and what is expected of them."""
    totals: dict[tuple[tuple[Place, ...], float], tuple[int, int]] = {}
    for s in samples:
        labelled, correct = totals.get((s.places, s.expected), (0, 0))
        totals[s.places, s.expected] = (labelled + s.labelled, correct + s.correct)
    return tuple(Sample(*of, *counts) for of, counts in totals.items())
