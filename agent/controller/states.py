"""A decision in one word each: the state of its pipeline, what it answered to, what the check said. Pure.

The worst holds: who is blind knows nothing else, and a breach is what the user's users feel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from core.assessment import FindingKind
from core.decision import Decision
from core.observation import Observation
from core.pipeline import Slo
from core.proposal import Cause
from core.ruling import Ruled

State = Literal["fine", "degraded", "breached", "paused", "blind"]
"""`paused` is never seen in a decision: whoever knows of the annotation says it."""
BLINDNESS: tuple[FindingKind, ...] = ("missing metrics", "stale metrics")


def state_of(decision: Decision, slo: Slo | None) -> State:
    """Return the state that a decision found its pipeline in.

    An SLO is breached where the assessment found so. Where nothing counts the requests in time, it has
    nothing to find it by, and the measured quantile of the latency says it, unless the pipeline and so
    its *slo* is not known.
    """
    kinds = {finding.kind for finding in decision.findings}
    if decision.observation is None or not kinds.isdisjoint(BLINDNESS):
        return "blind"
    if "slo breach" in kinds or (slo is not None and _too_slow(decision.observation, slo)):
        return "breached"
    return "degraded" if decision.degraded else "fine"


def cause_of(decision: Decision) -> Cause:
    """Return what a decision answered to: the proposal's cause, else the first finding, else `none`."""
    proposed = decision.proposals[-1].cause if decision.proposals else "none"
    if proposed != "none" or not decision.findings:
        return proposed
    return decision.findings[0].kind


def verdict_of(decision: Decision) -> Ruled | Literal["none"]:
    """Return what the check said of the last proposal; `none` where nothing was proposed."""
    return decision.rulings[-1].ruled if decision.rulings else "none"


def _too_slow(seen: Observation, slo: Slo) -> bool:
    """Say whether the latency alone shows a breach."""
    return seen.in_time is None and seen.latency_s is not None and seen.latency_s > slo.latency_s


def mean_rps(loads_rps: Sequence[float | None]) -> float | None:
    """Return the mean of the seconds that were measured; None where none was."""
    known = [rate for rate in loads_rps if rate is not None]
    return math.fsum(known) / len(known) if known else None
