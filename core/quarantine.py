"""What a failed change leaves behind: what is not to be tried again soon, and what cannot be had.

A first failure is remembered for `FIRST_S`, or for `FIRST_SHORT_S` if there were just too few replicas of
what does serve; each repetition doubles that, up to `MOST_S`. A quarantine that is over is kept for as long
again, so that a repetition is recognised: `remembered` is what to keep on record, `active` what is in force.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.belief import Evidence, ReplicaCap
from core.configuration import Configuration
from core.problem import VariantName
from core.trial import Failed, Quarantine, Shortfall

FIRST_S = 600.0
"""Long enough for a passing fault (a full node, a slow registry) to pass."""
FIRST_SHORT_S = 60.0
"""What the cluster has is measured on (`tools.assess.capacity`); this bridges the time until it is known."""
MOST_S = 6 * 3600.0
"""Something has changed after so long; trying once more is worth its price."""


def quarantined(earlier: Sequence[Quarantine], failed: Failed, *, time_s: float) -> tuple[Quarantine, ...]:
    """Return the quarantines with the one for a failed change, in place of what it repeats.

    Args:
        earlier: What is `remembered`.
        failed: The change.
        time_s: Now, in seconds of the loop's clock.
    """
    new = _quarantine(failed, time_s)
    repeated = [q for q in earlier if _same(q, new)]
    times = 1 + max((q.times for q in repeated), default=0)
    first_s = FIRST_SHORT_S if _too_few(failed) else FIRST_S
    until_s = time_s + min(MOST_S, first_s * 2.0 ** min(times - 1, 10))
    others = tuple(q for q in earlier if not _same(q, new))
    return (*others, new.model_copy(update={"times": times, "until_s": until_s}))


def active(quarantines: Sequence[Quarantine], time_s: float) -> tuple[Quarantine, ...]:
    """Return those in force."""
    return tuple(q for q in quarantines if time_s < q.until_s)


def remembered(quarantines: Sequence[Quarantine], time_s: float) -> tuple[Quarantine, ...]:
    """Return those in force and those whose repetition would still count."""
    return tuple(q for q in quarantines if time_s < q.until_s + (q.until_s - q.since_s))


def barring(quarantines: Sequence[Quarantine], candidate: Configuration, time_s: float) -> Quarantine | None:
    """Return the quarantine that *candidate* would break; None where it may be tried.

    Besides the failed configuration itself: after lateness, the same variants and batches with no more
    replicas anywhere; after a shortfall, as many replicas of the same variant where they could not be had.
    """
    return next((q for q in active(quarantines, time_s) if _bars(q, candidate)), None)


def shortages(quarantines: Sequence[Quarantine], time_s: float) -> tuple[ReplicaCap, ...]:
    """Return the replicas that stages can get at present, as failed changes have shown.

    Where a new variant was not seen to serve nothing is said of others, larger or smaller: how many of them
    there is room for was not measured. The variant is left out instead.
    """
    return tuple(
        ReplicaCap(
            stage=s.stage,
            replicas=s.ready,
            evidence=Evidence(
                statement=f"{s.ready} of {s.wanted} replicas got ready in the change of {q.decision}",
                low=s.ready,
                high=s.ready,
                since_s=q.since_s,
            ),
        )
        for q in active(quarantines, time_s)
        for s in q.short
    )


def changed_variants(before: Configuration, after: Configuration) -> tuple[VariantName, ...]:
    """Return the variants that *after* brings in, stage by stage."""
    return tuple(
        VariantName(stage=s.stage, variant=s.variant)
        for s in after.stages
        if s.stage not in before.by_stage or before[s.stage].variant != s.variant
    )


def _quarantine(failed: Failed, time_s: float) -> Quarantine:
    trial = failed.trial
    blamed = {s.stage for s in failed.short if not s.serving}
    if not failed.short:
        blamed = {s.stage for s in trial.after.stages}
    variants = tuple(v for v in changed_variants(trial.before, trial.after) if v.stage in blamed)
    changed = {v.stage for v in variants}
    return Quarantine(
        configuration=trial.after,
        variants=variants,
        until_s=time_s,
        since_s=time_s,
        decision=trial.decision,
        evidence=failed.evidence,
        fault=failed.fault,
        short=tuple(_left(s, failed) for s in failed.short if s.stage not in changed),
    )


def _too_few(failed: Failed) -> bool:
    """Say whether all that is wrong is the number of replicas."""
    return bool(failed.short) and all(s.serving for s in failed.short)


def _left(short: Shortfall, failed: Failed) -> Shortfall:
    """Return a shortfall that leaves the stage what it had: less is lost capacity, which is measured."""
    had = failed.trial.before.by_stage[short.stage].replicas
    return short.model_copy(update={"ready": max(short.ready, had)})


def _same(one: Quarantine, other: Quarantine) -> bool:
    """Say whether two failures are of the same thing."""
    if one.configuration == other.configuration:
        return True
    return bool(one.variants) and one.variants == other.variants


def _bars(quarantine: Quarantine, candidate: Configuration) -> bool:
    failed = quarantine.configuration
    if candidate == failed:
        return True
    if quarantine.fault == "unschedulable":
        return any(
            candidate.by_stage[s.stage].variant == s.variant
            and candidate.by_stage[s.stage].replicas > s.ready
            for s in quarantine.short
            if s.stage in candidate.by_stage
        )
    if quarantine.fault == "costly" or candidate.by_stage.keys() != failed.by_stage.keys():
        return False
    return all(
        (mine.variant, mine.batch) == (s.variant, s.batch) and mine.replicas <= s.replicas
        for s in failed.stages
        for mine in (candidate[s.stage],)
    )
