"""Every trade-off of accuracy against cores that nothing beats."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.frontier import frontier as all_tradeoffs
from core.values import Frozen
from tools.toolkit._registry import register
from tools.toolkit._shapes import Load, LoadRps, StageRow, load_of, rows
from tools.toolkit.situation import Situation

MOST_POINTS = 24


class Frontier(Frozen):
    """Which load, and how many points."""

    load: Load = "decided"
    load_rps: LoadRps | None = None
    most: Annotated[int, Field(ge=1, le=MOST_POINTS)] = 8


class Point(Frozen):
    """One trade-off."""

    accuracy: float
    cores: float
    latency_s: float
    stages: tuple[StageRow, ...]


class Tradeoffs(Frozen):
    """The frontier, cheapest first."""

    load_rps: float
    points: tuple[Point, ...]
    left_out: int = 0
    """Points between those shown."""


@register("frontier", Frontier)
def frontier(question: Frontier, situation: Situation) -> Tradeoffs:
    """List the trade-offs of accuracy against cores that nothing beats, cheapest first."""
    load_rps = load_of(situation, question.load) if question.load_rps is None else question.load_rps
    problem = situation.problem.replaced(load_rps=load_rps)
    points = all_tradeoffs(problem)
    shown = _spread(len(points), question.most)
    return Tradeoffs(
        load_rps=load_rps,
        points=tuple(
            Point(
                accuracy=points[k].accuracy,
                cores=points[k].cores,
                latency_s=points[k].latency_s,
                stages=rows(points[k].configuration, problem.pipeline),
            )
            for k in shown
        ),
        left_out=len(points) - len(shown),
    )


def _spread(count: int, most: int) -> list[int]:
    """Return at most *most* indices of *count*, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    if most == 1:
        return [0]
    return sorted({round(k * (count - 1) / (most - 1)) for k in range(most)})
