"""A change on trial: what was expected of it, until when it must be ready, and what is quarantined.

A change is kept only if it became ready in time and the pipeline then did at least as well as was
predicted. Otherwise the last good configuration comes back, and the failed one is not tried again soon.
"""

from __future__ import annotations

from core.configuration import Configuration
from core.problem import VariantName
from core.values import Frozen, Name, NonNegative


class Band(Frozen):
    """What the model expects of a change, at the load it was decided for."""

    in_time: NonNegative
    """Least share of requests served within the SLO."""
    cores: NonNegative
    """Most cores in use once the roll-out is over."""


class Trial(Frozen):
    """An applied change that is not confirmed yet."""

    decision: Name
    before: Configuration
    """What ran, and comes back if the trial fails: the last good configuration."""
    before_rps: NonNegative
    """The load that was decided for."""
    after: Configuration
    load_rps: NonNegative
    applied_s: NonNegative
    ready_by_s: NonNegative
    """When all replicas must be ready."""
    ready_s: NonNegative | None = None
    """When they were."""
    band: Band
    baseline_in_time: NonNegative | None = None
    """Share in time in the interval before the change: the snapshot; None where unknown."""
    confirm_s: NonNegative
    """Length of the window, from readiness on, over which what is measured is compared."""
    judged: NonNegative = 0
    """Requests judged in the window so far."""
    kept: NonNegative = 0
    """Of them, served in time."""


class Quarantine(Frozen):
    """A configuration not to be tried again before *until_s*, with the evidence."""

    configuration: Configuration
    variants: tuple[VariantName, ...] = ()
    """Variants that the failed change brought in (stage by stage, where the variant changed): left out of
    the problem until then, as long as it stays feasible."""
    until_s: NonNegative
    decision: Name
    """Whose change it was."""
    evidence: str
