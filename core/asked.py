"""The problem a planner asks to be solved: the turn's, moved no further than the evidence lets it."""

from __future__ import annotations

from core.belief import Belief
from core.errors import UsageError
from core.problem import TOLERANCE, Problem, VariantName
from core.proposal import Ask, LatencyMove


def asked(problem: Problem, ask: Ask, *, announced: float) -> Problem:
    """Return the problem that *ask* makes of *problem*; *announced* bounds the load factor.

    Raises:
        UsageError: it names an unknown variant, requires two of one stage, or moves more than the
            evidence lets it.
    """
    excluded = (*problem.excluded, *ask.excluded, *_others(problem, ask.required))
    for name in ask.excluded:
        problem.pipeline.stage(name.stage).variant(name.variant)
    margins, objective = problem.margins, problem.objective
    if ask.headroom is not None:
        margins = margins.model_copy(update={"headroom": ask.headroom})
    if objective.kind == "weighted":
        weights = {
            "alpha": objective.alpha * ask.accuracy_weight,
            "beta": objective.beta * ask.cores_weight,
        }
        objective = objective.model_copy(update=weights)
    return problem.replaced(
        load_rps=_announced_rps(problem, ask, announced),
        margins=margins,
        objective=objective,
        excluded=tuple(dict.fromkeys(excluded)),
        belief=_moved(problem.belief, ask.latency),
    )


def _others(problem: Problem, required: tuple[VariantName, ...]) -> tuple[VariantName, ...]:
    """Return what is left out where these are required."""
    stages = [name.stage for name in required]
    twice = sorted({stage for stage in stages if stages.count(stage) > 1})
    if twice:
        raise UsageError(f"two variants are required of stage {twice[0]!r}; name one")
    found = []
    for name in required:
        stage = problem.pipeline.stage(name.stage)
        stage.variant(name.variant)
        found += [
            VariantName(stage=stage.name, variant=v.name) for v in stage.variants if v.name != name.variant
        ]
    return tuple(found)


def _announced_rps(problem: Problem, ask: Ask, announced: float) -> float:
    if ask.load_factor > announced * (1 + TOLERANCE):
        raise UsageError(
            f"load_factor {ask.load_factor:g} is above {announced:g}, the most that is announced for "
            "this horizon"
        )
    return problem.load_rps * ask.load_factor


def _moved(belief: Belief, moves: tuple[LatencyMove, ...]) -> Belief:
    """Return the belief with latency factors moved, each inside the interval that was measured."""
    corrections = {(c.stage, c.variant): c for c in belief.latency}
    for move in moves:
        known = corrections.get((move.stage, move.variant))
        if known is None:
            raise UsageError(
                f"nothing measured says that {move.stage}/{move.variant} is slower or faster than profiled"
            )
        low, high = known.evidence.low, known.evidence.high
        if not low * (1 - TOLERANCE) <= move.factor <= high * (1 + TOLERANCE):
            raise UsageError(
                f"latency factor {move.factor:g} of {move.stage}/{move.variant} is outside of what was "
                f"measured, {low:.4g} to {high:.4g}"
            )
        corrections[move.stage, move.variant] = known.model_copy(update={"factor": move.factor})
    return belief.model_copy(update={"latency": tuple(corrections.values())})
