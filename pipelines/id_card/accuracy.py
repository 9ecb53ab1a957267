"""From right and wrong answers, card by card, to accuracies: each stage alone, and every pair jointly.

A detector is right on a card when it finds every line, a reader when it reads every line on the true
boxes, a pair when every line's text is among what it reads end to end. Were the errors of the two stages
independent, and did a reader see the true boxes, the joint accuracy would be the product of the two;
`difference` is what that misses, and `phi` the correlation of the two stages' errors over the cards
(the correlation coefficient of two binary variables; None where one of them never or always errs).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Right = NDArray[np.bool_]
"""Whether the answer was right, card by card."""


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that was answered on one set of cards."""

    drift: float
    detectors: Mapping[str, Right]
    readers: Mapping[str, Right]
    """On the true boxes."""
    pairs: Mapping[tuple[str, str], Right]
    """End to end."""
    boxes: Mapping[str, float]
    """Boxes sent on per card."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A detector and a reader, measured together."""

    variants: tuple[str, str]
    right: int
    """Cards read without a mistake."""
    joint: float
    product: float
    difference: float
    """joint - product."""
    phi: float | None


def pairs_of(answers: Answers) -> list[Pair]:
    """Return the figures of every pair, in the order measured."""
    return [_pair(answers, names, right) for names, right in answers.pairs.items()]


def _pair(answers: Answers, names: tuple[str, str], right: Right) -> Pair:
    found, read = answers.detectors[names[0]], answers.readers[names[1]]
    product = float(found.mean() * read.mean())
    joint = float(right.mean())
    return Pair(names, int(right.sum()), joint, product, joint - product, phi(~found, ~read))


def phi(one: Right, other: Right) -> float | None:
    """Return the correlation of two binary variables, None where one of them does not vary."""
    p, q = float(one.mean()), float(other.mean())
    spread = math.sqrt(p * (1 - p) * q * (1 - q))
    return None if spread == 0 else (float((one & other).mean()) - p * q) / spread
