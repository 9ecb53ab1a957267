"""In which order and by which way stages come to run what is asked, so that what adds capacity comes first.

A Deployment whose template *and* replica count change at once throws the surplus out before the new pods are
ready. So, while anything is being added or replaced:

    replaced     other pods: as many as before or as asked, whichever is more, until all of them are ready
    growing      as many as asked, at once
    shrinking    as many as before, until everything that is added or replaced is ready

and only then the numbers asked for (`settled`). Hard limits come before all that: where the way would need
more cores or replicas than the pipeline may have, what shrinks does so at once.

Among the orders of the stages the first is taken in which every configuration on the way is feasible for the
lower of the loads before and after; where there is none, what adds comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import permutations
from math import factorial

from core.configuration import Configuration, StageConfiguration
from core.pipeline import Pipeline
from core.problem import Problem
from core.verify import feasible
from tools.kubernetes.seen import Asked, Seen

MOST_ORDERS = factorial(6)
"""Orders tried before the plain rule is taken: pipelines have two to five stages."""


@dataclass(frozen=True, slots=True)
class Step:
    """One stage's turn."""

    stage: str
    asked: Asked
    adds: bool
    """Whether it brings pods that were not there."""


def plan(
    pipeline: Pipeline, before: Mapping[str, Seen], asked: Mapping[str, Asked], *, least_rps: float
) -> tuple[Step, ...]:
    """Return the steps to what is asked, in order; stages that stay as they are come along, to be signed.

    Args:
        pipeline: Whose limits hold.
        before: What is there, by stage.
        asked: What is to be in the end, by stage.
        least_rps: The lower of the loads before and after.
    """
    steps = [_step(before[stage], wish) for stage, wish in asked.items()]
    held = [_held(step, before[step.stage], any(s.adds for s in steps)) for step in steps]
    if not _within(pipeline, _after(before, held)):
        held = steps
    held.sort(key=lambda step: not step.adds)
    return next(_good_orders(pipeline, before, held, least_rps), tuple(_hard(pipeline, before, held)))


def settled(seen: Mapping[str, Seen]) -> tuple[Step, ...]:
    """Return the steps that are left once everything that was added is ready; none before that."""
    late = [s for s in seen.values() if s.asked is not None and not s.asked.settled]
    if not late or not all(s.progress.complete for s in seen.values()):
        return ()
    return tuple(
        Step(s.stage, s.asked.model_copy(update={"replicas": s.asked.stage.replicas}), adds=False)
        for s in late
        if s.asked is not None
    )


def _step(seen: Seen, asked: Asked) -> Step:
    adds = not seen.spec.serves(asked) or asked.stage.replicas > seen.spec.replicas
    return Step(seen.stage, asked, adds)


def _held(step: Step, seen: Seen, others_add: bool) -> Step:
    """Return the step with the number of replicas it has until everything new is ready."""
    now = max(seen.spec.replicas, step.asked.stage.replicas) if others_add else step.asked.stage.replicas
    return replace(step, asked=step.asked.model_copy(update={"replicas": now}))


def _after(before: Mapping[str, Seen], steps: list[Step] | tuple[Step, ...]) -> Configuration | None:
    """Return what the workloads say after some steps; None where one of them says nothing readable."""
    now = {stage: _now(seen) for stage, seen in before.items()}
    now.update({s.stage: s.asked.stage.model_copy(update={"replicas": s.asked.replicas}) for s in steps})
    found = [setting for setting in now.values() if setting is not None]
    return Configuration(stages=tuple(found)) if len(found) == len(now) else None


def _now(seen: Seen) -> StageConfiguration | None:
    if seen.asked is not None and not seen.edited:
        return seen.asked.stage.model_copy(update={"replicas": seen.spec.replicas})
    return seen.wanted


def _within(pipeline: Pipeline, configuration: Configuration | None) -> bool:
    """Say whether the hard limits are kept: replicas and cores of stages, cores of the pipeline."""
    if configuration is None:
        return False
    for s in configuration.stages:
        stage = pipeline.stage(s.stage)
        cores = s.replicas * stage.variant(s.variant).cores
        if s.replicas > stage.replicas.max or (stage.max_cores is not None and cores > stage.max_cores):
            return False
    most = Problem.of(pipeline, 0.0).max_cores
    return most is None or configuration.cores(pipeline) <= most


def _orders(steps: list[Step]) -> Iterator[tuple[Step, ...]]:
    for count, order in enumerate(permutations(steps)):
        if count >= MOST_ORDERS:
            return
        yield order


def _good_orders(
    pipeline: Pipeline, before: Mapping[str, Seen], steps: list[Step], least_rps: float
) -> Iterator[tuple[Step, ...]]:
    """Yield the orders in which everything on the way is feasible, what adds first."""
    problem = Problem.of(pipeline, least_rps)
    for order in _orders(steps):
        ways = [_after(before, order[:n]) for n in range(1, len(order))]
        if all(way is not None and _within(pipeline, way) and feasible(problem, way) for way in ways):
            yield order


def _hard(pipeline: Pipeline, before: Mapping[str, Seen], steps: list[Step]) -> tuple[Step, ...]:
    """Return the first order that keeps the hard limits on the way; by falling cores where none does."""
    for order in _orders(steps):
        if all(_within(pipeline, _after(before, order[:n])) for n in range(1, len(order))):
            return order
    return tuple(sorted(steps, key=lambda step: step.adds))
