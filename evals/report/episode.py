"""One episode second by second: the load, and what a handful of policies made of it.

Shown are ours, the oracle and the rivals with the best scores in that cell, in the first seed. Seconds are
taken together so that a figure stays small: the mean of arrivals and cores, the worst of latencies, the sum
of what was late or dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evals.frames import Floats, Trail
from evals.report.ink import FAINT, INK, LINE_COLOURS, MUTED, Style, drawing, inline
from evals.standings import ORACLE, Cell

RIVALS = 3
MOST_POINTS = 160
SIZE_IN = (11.1, 6.2)
MOST_SLO = 2.5
"""Latencies above so many times the SLO are cut off: how late is late is in the quantiles of the table."""


@dataclass(frozen=True, slots=True)
class Line:
    """One policy's series, seconds taken together."""

    style: Style
    time_s: Floats
    cores: Floats
    latency_s: Floats
    missed: Floats
    """Late or dropped since the beginning."""


def shown(cell: Cell, trails: Mapping[tuple[str, str], Trail]) -> tuple[str, ...]:
    """Return the policies that the figure of a cell shows, ours last so that it is on top."""
    rivals = [s.policy for s in cell.rivals if (cell.scenario, s.policy) in trails]
    frame = [p for p in (cell.roles.oracle, cell.roles.ours) if (cell.scenario, p) in trails]
    return (*reversed(rivals[:RIVALS]), *frame)


def told_apart(policies: Sequence[str], styles: Mapping[str, Style]) -> Mapping[str, Style]:
    """Return styles of different colours, as lines have no markers; whoever comes last keeps theirs."""
    found: dict[str, Style] = {}
    for policy in reversed(policies):
        taken = {style.colour for style in found.values()}
        free = [colour for colour in (styles[policy].colour, *LINE_COLOURS) if colour not in taken]
        found[policy] = replace(styles[policy], colour=free[0])
    return found


def episode(
    name: str, cell: Cell, trails: Mapping[tuple[str, str], Trail], styles: Mapping[str, Style]
) -> Markup | None:
    """Draw one cell, or nothing where no series was kept."""
    policies = shown(cell, trails)
    if not policies:
        return None
    first = trails[cell.scenario, policies[-1]]
    lines = [_line(trails[cell.scenario, policy], styles[policy]) for policy in policies]
    with drawing(name):
        figure = Figure(figsize=SIZE_IN, layout="constrained")
        load, cores, latency, missed = figure.subplots(4, 1, sharex=True, height_ratios=(2, 3, 3, 2))
        _draw_load(load, first)
        _draw_lines(cores, lines, lambda line: line.cores)
        cores.set(title="cores", ylim=(0, None))
        _draw_latency(latency, lines, cell)
        _draw_lines(missed, lines, lambda line: line.missed)
        missed.set(title="late or dropped so far", ylim=(0, None), xlabel="seconds")
        missed.set_xlim(first.second[0], first.second[-1])
        return inline(figure, name, _told(cell, lines))


def _line(trail: Trail, style: Style) -> Line:
    width = -(-trail.second.size // MOST_POINTS)
    return Line(
        style,
        time_s=_binned(trail.second, width, np.nanmin),
        cores=_binned(trail.cores, width, np.nanmean),
        latency_s=_worst(trail.latency_s, width),
        missed=np.cumsum(_binned(trail.dropped + trail.late, width, np.nansum)),
    )


def _binned(values: Floats, width: int, summary: Callable[..., Floats]) -> Floats:
    """Take *width* seconds together; the last may be fewer."""
    padded = np.append(values, np.full(-values.size % width, np.nan))
    return np.asarray(summary(padded.reshape(-1, width), axis=1))


def _worst(values: Floats, width: int) -> Floats:
    """Return the highest of each bin, NaN where nothing is known."""
    highest = _binned(np.nan_to_num(values, nan=-np.inf), width, np.nanmax)
    return np.where(np.isinf(highest), np.nan, highest)


def _draw_load(axes: Axes, trail: Trail) -> None:
    width = -(-trail.second.size // MOST_POINTS)
    time_s, load_rps = _binned(trail.second, width, np.nanmin), _binned(trail.arrivals, width, np.nanmean)
    axes.fill_between(time_s, load_rps, step="post", color=MUTED, alpha=0.35, linewidth=0)
    axes.step(time_s, load_rps, where="post", color=MUTED, linewidth=0.9)
    axes.set(title="arrivals per second", ylim=(0, None))


def _draw_lines(axes: Axes, lines: Sequence[Line], values: Callable[[Line], Floats]) -> None:
    for line in lines:
        axes.step(
            line.time_s,
            values(line),
            where="post",
            color=line.style.colour,
            linewidth=2.0 if line.style.is_ours else 1.2,
            linestyle=(0, (4, 2)) if line.style.policy.startswith(ORACLE) else "-",
        )


def _draw_latency(axes: Axes, lines: Sequence[Line], cell: Cell) -> None:
    _draw_lines(axes, lines, lambda line: line.latency_s)
    axes.axhspan(cell.slo_s, cell.slo_s * MOST_SLO, color=FAINT, alpha=0.6, linewidth=0)
    axes.axhline(cell.slo_s, color=INK, linewidth=1.0, linestyle=":")
    axes.annotate(
        f"SLO {cell.slo_s:g} s", (1, cell.slo_s), xycoords=("axes fraction", "data"), xytext=(-2, 3),
        textcoords="offset points", ha="right", color=INK, fontsize=8.0,
    )  # fmt: skip
    highest_s = max((float(np.nanmax(line.latency_s, initial=0.0)) for line in lines), default=0.0)
    top_s = min(MOST_SLO * cell.slo_s, max(1.25 * cell.slo_s, 1.05 * highest_s))
    axes.set(title="latency of each second, s", ylim=(0, top_s))


def _told(cell: Cell, lines: Sequence[Line]) -> str:
    missed = ", ".join(f"{line.style.policy} {line.missed[-1]:.0f}" for line in reversed(lines))
    return (
        f"One episode of {cell.scenario}: arrivals, cores and latency. Late or dropped in the end: {missed}"
    )
