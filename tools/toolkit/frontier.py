"""Every trade-off of accuracy against cores that nothing beats."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from core.frontier import frontier as all_tradeoffs
from core.values import Frozen
from tools.toolkit._registry import Result, register
from tools.toolkit._shapes import AtLoad, line
from tools.toolkit.situation import Situation

MOST_POINTS = 24


class Frontier(AtLoad):
    """Which load, and how many points."""

    most: Annotated[int, Field(ge=1, le=MOST_POINTS)] = 8


class Point(Frozen):
    """One trade-off; `configuration` has stage: variant batch size x replicas."""

    accuracy: float
    cores: float
    latency_s: float
    configuration: str


class Tradeoffs(Result):
    """The frontier, cheapest first; empty where nothing is feasible."""

    load_rps: float
    points: tuple[Point, ...]
    left_out: int = 0
    """Points between those shown."""


@register("frontier", Frontier)
def frontier(question: Frontier, situation: Situation) -> Tradeoffs:
    """List the trade-offs of accuracy against cores that nothing beats, cheapest first."""
    problem = question.of(situation)
    points = all_tradeoffs(problem)
    shown = [points[k] for k in _spread(len(points), question.most)]
    return Tradeoffs(
        load_rps=problem.load_rps,
        points=tuple(
            Point(
                accuracy=point.accuracy,
                cores=point.cores,
                latency_s=point.latency_s,
                configuration=line(point.configuration),
            )
            for point in shown
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
