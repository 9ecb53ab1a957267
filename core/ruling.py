"""What becomes of a proposal: the configuration it comes to, and whether the evidence carries it.

    reference   the exact optimum of the turn's problem
    allowed     |reference| * EPSILON without a cause; |reference| * CAUSED_EPSILON with one
    accepted    feasible in the turn's problem, and no further from the reference than allowed

A cause counts only if its kind was found this turn (or an event is announced inside the horizon) and the
proposal cites a tool result of this turn that shows it. An ask may move what the evidence lets it: the
load up to the announced factor, a latency factor inside its interval. Whatever is proposed, what
is infeasible in the turn's problem is rejected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.assessment import Finding
from core.belief import Belief
from core.configuration import Configuration
from core.errors import UsageError
from core.problem import Problem, VariantName
from core.proposal import Ask, Cause, LatencyMove, Proposal
from core.solution import Infeasible, Optimum
from core.solve import solve
from core.values import Frozen
from core.verdict import Verdict
from core.verify import verify

EPSILON = 0.01
"""Share of the optimum's objective that a proposal may lose without giving a cause."""
CAUSED_EPSILON = 0.5
"""The same with a cause: a wrong diagnosis must stay affordable."""
NO_GROUNDS: tuple[Cause, ...] = ("none", "warming up", "re-profile", "missing metrics", "stale metrics")
"""Causes that never justify to deviate from the optimum."""

Ruled = Literal["accepted", "infeasible", "unsupported", "impossible"]
"""`unsupported`: feasible, but too far from the optimum for its cause. `impossible`: there is no such
configuration, or the problem asked for has none."""


class Ruling(Frozen):
    """What the check says of one proposal."""

    ruled: Ruled
    candidate: Configuration | None
    """What it comes to; None where it is impossible."""
    verdict: Verdict | None
    """On the candidate, in the turn's problem."""
    caused: bool = False
    """Whether its cause is backed by evidence."""
    allowed: float | None = None
    """Regret that was allowed."""
    reason: str
    """One line for the planner and the record."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """The evidence of a turn."""

    findings: tuple[Finding, ...] = ()
    announced: float = 1.0
    """Largest load factor announced for the horizon."""
    shown: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """For each tool result of this turn that worked, by id: the causes it shows."""
