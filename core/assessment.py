"""What assessing an interval gives: findings with how sure they are, a belief, the state of every signal.

The tests that find them are in `tools.assess`; here are the values, and the one bound the core needs too.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from core.belief import Belief
from core.values import Fraction, Frozen, Name, NonNegative, Number

FALSE_ALARM = 1e-3
"""Chance of reporting an SLO breach in an interval in which the pipeline does keep its SLO."""

FindingKind = Literal[
    "missing metrics",
    "stale metrics",
    "warming up",
    "slo breach",
    "load surge",
    "latency drift",
    "accuracy drift",
    "capacity loss",
    "forecast bias",
    "flapping",
    "re-profile",
]
SignalState = Literal["fresh", "stale", "missing", "idle"]
"""Measured now; measured, but too long ago; not measured; measured, and truly nothing going on."""


class Signal(Frozen):
    """One thing that is measured, and whether it can be trusted now."""

    name: Name
    """`load`, `latency`, `accuracy`, or `queue`, `ready`, `service` and the like with `[stage]`."""
    state: SignalState
    age_s: NonNegative | None = None
    """Since it was last measured; None where it never was."""


class Finding(Frozen):
    """One thing that is out of the ordinary."""

    kind: FindingKind
    subject: Name
    """The pipeline or the stage."""
    statement: Annotated[str, Field(min_length=1)]
    """One line with the figures."""
    false_alarm: Fraction | None = None
    """At most this likely where nothing is wrong; None where nothing is left to chance."""
    since_s: NonNegative | None = None
    """Since when, in seconds of the loop's clock; None for this interval alone."""
    figure: Number | None = None
    """By how much, in the unit the statement names."""
    low: Number | None = None
    high: Number | None = None
    """Interval of the figure."""


class Assessment(Frozen):
    """All that one interval says, with what was seen before it."""

    findings: tuple[Finding, ...] = ()
    belief: Belief = Belief()
    signals: tuple[Signal, ...] = ()

    @property
    def blind(self) -> bool:
        """Say whether a signal that sizing rests on is unknown: nothing may be scaled down then."""
        needed = ("load", "ready", "arrivals")
        return any(
            s.state in ("stale", "missing") and s.name.partition("[")[0] in needed for s in self.signals
        )


def breach_chance(share: float, requests: float, quantile: float) -> float:
    """Bound the chance that at most *share* of *requests* are in time where each is with *quantile*.

    Chernoff's bound exp(-n KL(share || quantile)), exact in the exponent (Cover and Thomas, Elements of
    Information Theory, 2nd ed., section 11.4), so the stated false-alarm rate holds for any n.
    """
    if share >= quantile:
        return 1.0
    divergence = (1 - share) * math.log((1 - share) / (1 - quantile))
    if share > 0:
        divergence += share * math.log(share / quantile)
    return math.exp(-requests * divergence)
