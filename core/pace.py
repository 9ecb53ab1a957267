"""How fast the loop may change things: what limits a change that is right in itself.

    blind        no stage's capacity shrinks while a signal that sizing rests on is unknown
    flap budget  so many changes of a stage's variant in a window; then its variant stays while it can serve
    shrinking    a stage that keeps its variant loses at most a share of its replicas in one decision
    load         decided for is the largest forecast of a window, so that a dip does not scale down

Growth is never limited. A limit that has no feasible configuration (say, within the core budget) gives way:
then the change is right as it is; only while blind what runs is held instead. Nothing here is trusted: what
comes out is checked like any proposal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.configuration import Configuration
from core.forecast import Forecast
from core.observation import Observation
from core.patience import backlog_rps
from core.pipeline import Pipeline
from core.prediction import Prediction, predict
from core.problem import TOLERANCE, Problem, VariantName
from core.solution import Infeasible, Optimum
from core.solve import solve
from core.values import Count, Fraction, Frozen, NonNegative
from core.verify import feasible


class Pace(Frozen):
    """The limits on the rate of change."""

    least_left: Fraction = 0.5
    """Share of a stage's replicas that one decision leaves, where the variant stays: a wrong forecast then
    costs half the capacity at most, and the next decision can mend it."""
    stabilisation_s: NonNegative = 60.0
    """The load decided for is the largest forecast of so many seconds; also what must have been seen since a
    restart before anything is scaled down. Knative's stable window is as long."""
    flaps: Count = 4
    """Changes of one stage's variant within *flap_window_s* that are let through."""
    flap_window_s: NonNegative = 300.0


@dataclass(frozen=True, slots=True)
class Paced:
    """What may be applied now."""

    configuration: Configuration
    reason: str
    """Which limits held it back, in one line; empty where none did."""


Applied = Sequence[tuple[float, Configuration]]
"""Changes that were made, with their time in seconds of the loop's clock, oldest first."""


def paced(
    problem: Problem,
    candidate: Configuration,
    pace: Pace,
    *,
    running: Configuration,
    applied: Applied,
    now_s: float,
    blind: bool,
) -> Paced:
    """Return *candidate*, held back as far as the limits ask and the problem lets them.

    Args:
        problem: What the change was decided for.
        candidate: A configuration that is feasible in it.
        pace: The limits.
        running: What was last asked for.
        applied: The last changes, as far back as is known.
        now_s: Now, in seconds of the loop's clock.
        blind: Whether a signal that sizing rests on is unknown.

    Raises:
        UsageError: a configuration names something the pipeline has not.
        SolverError: a solver ended without a proof.
    """
    running, candidate = running.checked(problem.pipeline), candidate.checked(problem.pipeline)
    steady, why_steady = _steadied(problem, candidate, pace, running, applied, now_s)
    if blind:
        slow, why_slow = _not_shrunk(problem, steady, running)
    else:
        slow, why_slow = _shrunk_slowly(problem, steady, pace, running)
    return Paced(slow, "; ".join(why for why in (why_steady, why_slow) if why))


def stabilised_rps(
    upper_rps: float, earlier: Sequence[tuple[float, float]], *, now_s: float, window_s: float
) -> float:
    """Return the load to decide for: the largest of this forecast and those of the last *window_s*.

    Args:
        upper_rps: The forecast of this turn, in requests per second.
        earlier: Times, in seconds of the loop's clock, and forecasts of the turns before.
        now_s: The time of this turn.
        window_s: How far back a forecast still counts.
    """
    recent = [rps for time_s, rps in earlier if now_s - window_s < time_s <= now_s]
    return max([upper_rps, *recent])


def needed_rps(
    pipeline: Pipeline,
    forecast: Forecast,
    earlier: Sequence[tuple[float, float]],
    *,
    observation: Observation | None,
    running: Configuration | None,
    now_s: float,
    window_s: float,
) -> float:
    """Return the load to decide for: up at once, down when it has stayed down, and what waits already.

    Args:
        pipeline: Whose load it is.
        forecast: The one of this turn.
        earlier: As for `stabilised_rps`.
        observation: The interval that ended now.
        running: What was last asked for.
        now_s: The time of this turn, in seconds of the loop's clock.
        window_s: How far back a forecast still counts, in seconds.
    """
    stable_rps = stabilised_rps(forecast.upper_rps, earlier, now_s=now_s, window_s=window_s)
    return stable_rps + backlog_rps(pipeline, observation, running)


def variant_changes(applied: Applied, stage: str, since_s: float) -> int:
    """Return how often the variant of a stage was changed after *since_s*, as far as is known."""
    count = 0
    for (_, before), (time_s, after) in pairwise(applied):
        if time_s > since_s and stage in before.by_stage and stage in after.by_stage:
            count += before[stage].variant != after[stage].variant
    return count


def _steadied(
    problem: Problem,
    candidate: Configuration,
    pace: Pace,
    running: Configuration,
    applied: Applied,
    now_s: float,
) -> tuple[Configuration, str]:
    """Keep the variants of stages that have changed theirs too often, if they can serve at all."""
    since_s = now_s - pace.flap_window_s
    worn = [
        s.stage
        for s in candidate.stages
        if s.variant != running[s.stage].variant and variant_changes(applied, s.stage, since_s) >= pace.flaps
    ]
    if not worn:
        return candidate, ""
    others = tuple(
        VariantName(stage=name, variant=v.name)
        for name in worn
        for v in problem.pipeline.stage(name).variants
        if v.name != running[name].variant
    )
    excluded = tuple(dict.fromkeys((*problem.excluded, *others)))
    match solve(problem.replaced(excluded=excluded)):
        case Infeasible():
            return candidate, ""
        case Optimum(configuration=kept):
            names = ", ".join(worn)
            return kept, f"{names}: variant changed {pace.flaps} times in {pace.flap_window_s:g} s, it stays"


def _not_shrunk(
    problem: Problem, candidate: Configuration, running: Configuration
) -> tuple[Configuration, str]:
    """Keep the setting of each stage that would lose capacity; what runs, feasible or not, where that
    cannot be: what is not measured is no reason to give anything up.

    An upstream variant may send more on, and then a stage that was left alone counts as before.
    """
    now, then = predict(problem, running), predict(problem, candidate)
    shrinking = _shrinking(now, then)
    if not shrinking:
        return candidate, ""
    mixed = Configuration(
        stages=tuple(running[s.stage] if s.stage in shrinking else s for s in candidate.stages)
    )
    reason = f"{', '.join(shrinking)}: not scaled down while measurements are missing"
    return (mixed if feasible(problem, mixed) else running), reason


def _shrinking(now: Prediction, then: Prediction) -> tuple[str, ...]:
    """Return the stages whose capacity is less than it is now."""
    return tuple(
        a.stage
        for a, b in zip(now.stages, then.stages, strict=True)
        if b.capacity_rps < a.capacity_rps * (1 - TOLERANCE)
    )


def _shrunk_slowly(
    problem: Problem, candidate: Configuration, pace: Pace, running: Configuration
) -> tuple[Configuration, str]:
    """Leave each stage that keeps its variant a share of its replicas."""
    stages, held = [], []
    for setting in candidate.stages:
        ran = running[setting.stage]
        least = math.ceil(pace.least_left * ran.replicas * (1 - TOLERANCE))
        if setting.variant == ran.variant and setting.replicas < least:
            stages.append(setting.model_copy(update={"replicas": least}))
            held.append(f"{setting.stage}: {least} replicas before {setting.replicas}")
        else:
            stages.append(setting)
    slow = Configuration(stages=tuple(stages))
    if not held or not feasible(problem, slow):
        return candidate, ""
    return slow, ", ".join(held)
