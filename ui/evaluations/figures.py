"""What the page of evaluations draws: policies by cell, and episodes with their seconds taken together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evals.frames import Floats, Trail, trails_of
from evals.standings import ORACLE, Cell, Standing
from evals.stats import Estimate
from evals.tables import plain, share, spread

MOST_CURVE = 240
"""Points of one curve: several share a chart, beside four more charts."""
FIRST_SHOWN = 3
"""Policies drawn until somebody chooses: ours, the best rival, the oracle."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of a policy in a cell."""

    title: str
    of: Callable[[Standing], Estimate | None]
    text: Callable[[float], str]
    axis: str
    """How the legend writes figures, in D3's notation."""
    low_is_good: bool
    is_regret: bool = False


MEASURES: Mapping[str, Measure] = {
    "regret": Measure(
        "regret, share of the oracle's score",
        lambda s: s.relative_regret,
        share,
        ".0%",
        low_is_good=True,
        is_regret=True,
    ),
    "SLO attainment": Measure(
        "SLO attainment", lambda s: s.attainment, lambda v: share(v, 2), ".0%", low_is_good=False
    ),
    "effective accuracy": Measure(
        "effective accuracy", lambda s: s.effective_accuracy, "{:.4f}".format, ".2f", low_is_good=False
    ),
    "mean cores": Measure("mean cores", lambda s: s.mean_cores, "{:.2f}".format, ".3g", low_is_good=True),
}


@dataclass(frozen=True, slots=True)
class Square:
    """One policy in one cell, by one measure."""

    cell: str
    policy: str
    value: float | None
    text: str
    score: str
    place: int
    """By mean score; 1 is best."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One policy's episode, seconds taken together: means, sums of what was missed, the worst of the rest."""

    policy: str
    time_s: tuple[float, ...]
    arrivals_rps: tuple[float | None, ...]
    completed_rps: tuple[float | None, ...]
    late: tuple[float | None, ...]
    dropped: tuple[float | None, ...]
    latency_s: tuple[float | None, ...]
    cores: tuple[float | None, ...]
    queue: tuple[float | None, ...]
    width_s: float
    """Seconds that one point stands for."""

    @property
    def missed(self) -> tuple[float | None, ...]:
        """Return what was late or dropped."""
        pairs = zip(self.late, self.dropped, strict=True)
        return tuple(None if a is None or b is None else a + b for a, b in pairs)


def curves(folder: Path, scenario: str, policies: Sequence[str]) -> tuple[Curve, ...]:
    """Return the episodes second by second of those policies that have one, in the order given.

    Raises:
        UsageError: they cannot be read.
        InvalidDocument: a column is missing or holds something else.
    """
    trails = trails_of(folder, scenario, policies)
    return tuple(curve(policy, trails[policy]) for policy in policies if policy in trails)


def curve(policy: str, trail: Trail, most: int = MOST_CURVE) -> Curve:
    """Return an episode in at most *most* points."""
    width = max(1, -(-trail.second.size // most))

    def taken(values: Floats, how: Callable[[Floats], np.floating]) -> tuple[float | None, ...]:
        return _together(values, width, how)

    return Curve(
        policy,
        time_s=tuple(float(second) for second in trail.second[::width]),
        arrivals_rps=taken(trail.arrivals, np.mean),
        completed_rps=taken(trail.completed, np.mean),
        late=taken(trail.late, np.sum),
        dropped=taken(trail.dropped, np.sum),
        latency_s=taken(trail.latency_s, np.max),
        cores=taken(trail.cores, np.mean),
        queue=taken(trail.queue, np.max),
        width_s=float(width),
    )


def first_shown(cell: Cell) -> list[str]:
    """Return the policies to draw until somebody chooses."""
    rivals = [standing.policy for standing in cell.rivals]
    wanted = (cell.roles.ours, *rivals[:1], cell.roles.oracle, *rivals[1:])
    there = [policy for policy in wanted if cell.find(policy) is not None]
    others = [s.policy for s in cell.standings if not s.policy.startswith(ORACLE) and s.policy not in there]
    return [*there, *others][:FIRST_SHOWN]


def squares(judged: Sequence[Cell], measure: Measure) -> list[Square]:
    """Return every policy in every cell."""
    return [
        Square(
            cell=cell.scenario,
            policy=standing.policy,
            value=None if (found := measure.of(standing)) is None else found.mean,
            text=spread(found, measure.text),
            score=spread(standing.score, plain),
            place=place,
        )
        for cell in judged
        for place, standing in enumerate(cell.standings, start=1)
    ]


def _together(values: Floats, width: int, how: Callable[[Floats], np.floating]) -> tuple[float | None, ...]:
    """Take *width* seconds together, of which the last may be fewer; None where nothing is known of any."""
    pieces = (values[k : k + width] for k in range(0, values.size, width))
    known = (piece[~np.isnan(piece)] for piece in pieces)
    return tuple(float(how(piece)) if piece.size else None for piece in known)
