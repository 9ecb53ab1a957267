"""The measured joint accuracy table, as the solvers read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.options import StageOptions
from core.prediction import believed_accuracy
from core.problem import TOLERANCE, Problem


@dataclass(frozen=True, slots=True)
class JointRow:
    """One combination of variants that was measured together."""

    variants: tuple[int, ...]
    """Index of the variant at each stage."""
    accuracy: float
    """Under the belief."""


def joint_rows(problem: Problem, stages: Sequence[StageOptions]) -> list[JointRow]:
    """Return the rows that the options can still reach and that keep the accuracy floor."""
    floor = (problem.objective.min_accuracy or 0.0) * (1 - TOLERANCE)
    left = [set(s.options.variant.tolist()) for s in stages]
    index = [{v.name: i for i, v in enumerate(s.stage.variants)} for s in stages]
    rows = []
    for names in problem.pipeline.joint_accuracy:
        variants = tuple(place[name] for place, name in zip(index, names, strict=True))
        accuracy = believed_accuracy(problem, names)
        reachable = all(v in known for v, known in zip(variants, left, strict=True))
        if reachable and accuracy is not None and accuracy >= floor:
            rows.append(JointRow(variants, accuracy))
    return rows
