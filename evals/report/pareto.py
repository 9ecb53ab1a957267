"""What accuracy costs: effective accuracy against mean cores, one panel a pipeline, one point a policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from evals.report.ink import INK, MUTED, Style, drawing, inline
from evals.standings import ORACLE, Cell, Standing
from evals.stats import Estimate
from evals.tables import spread

COLUMNS = 3
WIDTH_IN, HEIGHT_IN = 11.1, 3.2
"""Width of a figure, height of a row of panels."""
WIDE = 6.0
"""Ratio of the most to the least cores from which the axis is logarithmic."""
CHARACTER_PT, LINE_PT = 4.6, 9.0
"""Room that a label takes, at its size of 7.5 points."""


def pareto(name: str, cells: Sequence[Cell], styles: Mapping[str, Style]) -> Markup:
    """Draw the cells of one group."""
    columns = min(COLUMNS, len(cells))
    rows = ceil(len(cells) / columns)
    tips: dict[str, str] = {}
    with drawing(name):
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN * rows), layout="constrained")
        panels = list(figure.subplots(rows, columns, squeeze=False).flat)
        for axes, cell in zip(panels, cells, strict=False):
            tips |= _draw(axes, cell, styles)
        for axes in panels[len(cells) :]:
            axes.remove()
        figure.draw_without_rendering()
        for axes, cell in zip(panels, cells, strict=False):
            _label(axes, cell)
        return inline(figure, name, _told(cells), tips)


def front(standings: Sequence[Standing]) -> tuple[Standing, ...]:
    """Return the policies without foresight that none of them beats in both, fewest cores first."""
    fair = [s for s in standings if s.effective_accuracy and not s.policy.startswith(ORACLE)]
    best, found = float("-inf"), []
    for standing in sorted(fair, key=lambda s: (s.mean_cores.mean, -_accuracy(s))):
        if _accuracy(standing) > best:
            best = _accuracy(standing)
            found.append(standing)
    return tuple(found)


def _accuracy(standing: Standing) -> float:
    return standing.effective_accuracy.mean if standing.effective_accuracy else 0.0


def _draw(axes: Axes, cell: Cell, styles: Mapping[str, Style]) -> dict[str, str]:
    shown = [s for s in cell.standings if s.effective_accuracy]
    tips = {}
    for standing in reversed(shown):
        gid = f"p{cell.standings.index(standing)}-{cell.scenario}".replace("/", "-").replace(" ", "-")
        _point(axes, standing, styles[standing.policy], gid)
        tips[gid] = _tip(standing)
    _staircase(axes, front(cell.standings))
    cores = [s.mean_cores.mean for s in shown]
    if cores and max(cores) > WIDE * min(cores) > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda cores, _: f"{cores:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(0.08)
    axes.set(title=cell.title, xlabel="mean cores", ylabel="effective accuracy")
    return tips


def _point(axes: Axes, standing: Standing, style: Style, gid: str) -> None:
    accuracy, cores = standing.effective_accuracy, standing.mean_cores
    if accuracy is None:
        return
    axes.errorbar(
        cores.mean,
        accuracy.mean,
        xerr=_reach(cores),
        yerr=_reach(accuracy),
        color=style.colour,
        elinewidth=0.9,
        alpha=0.6,
        zorder=2,
    )
    hollow = style.policy.startswith(ORACLE)
    axes.plot(
        cores.mean,
        accuracy.mean,
        style.marker,
        color=style.colour,
        markersize=style.size,
        markerfacecolor="none" if hollow else style.colour,
        markeredgewidth=1.4 if hollow else 0.0,
        gid=gid,
        zorder=4 if style.is_ours else 3,
    )


def _reach(of: Estimate) -> list[list[float]] | None:
    """Return how far the interval reaches below and above the mean."""
    if of.low is None or of.high is None:
        return None
    return [[max(0.0, of.mean - of.low)], [max(0.0, of.high - of.mean)]]


def _staircase(axes: Axes, standings: Sequence[Standing]) -> None:
    cores = [s.mean_cores.mean for s in standings]
    accuracy = [_accuracy(s) for s in standings]
    axes.step(cores, accuracy, where="post", color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)


def _label(axes: Axes, cell: Cell) -> None:
    """Name as many points as there is room for: ours first, then the front, then the rest, best first."""
    on_front = front(cell.standings)
    order = sorted(
        (s for s in cell.standings if s.effective_accuracy),
        key=lambda s: (s.policy != cell.roles.ours, not s.policy.startswith(ORACLE), s not in on_front),
    )
    points = {s.policy: _at(axes, s) for s in order}
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in points.values()]
    edges = axes.get_window_extent().transformed(axes.figure.dpi_scale_trans.inverted())
    for standing in order:
        x, y = points[standing.policy]
        for dx, dy, box in _places(x, y, standing.policy):
            inside = edges.x0 * 72 <= box[0] and box[2] <= edges.x1 * 72 + 6
            if inside and not any(_overlap(box, other) for other in taken):
                _write(axes, standing, dx, dy, bold=standing.policy == cell.roles.ours)
                taken.append(box)
                break


Box = tuple[float, float, float, float]


def _at(axes: Axes, standing: Standing) -> tuple[float, float]:
    """Return where a policy's point lies, in points of the page."""
    x, y = axes.transData.transform((standing.mean_cores.mean, _accuracy(standing)))
    scale = 72 / axes.figure.dpi
    return float(x) * scale, float(y) * scale


def _places(x: float, y: float, text: str) -> Iterator[tuple[float, float, Box]]:
    """Return where a label may go, as an offset and the room it takes: right, left, above, below."""
    width = CHARACTER_PT * len(text)
    for dx, dy in ((7.0, -3.0), (-7.0 - width, -3.0), (-width / 2, 6.0), (-width / 2, -12.0)):
        yield dx, dy, (x + dx, y + dy, x + dx + width, y + dy + LINE_PT)


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _write(axes: Axes, standing: Standing, dx: float, dy: float, *, bold: bool) -> None:
    axes.annotate(
        standing.policy,
        (standing.mean_cores.mean, _accuracy(standing)),
        xytext=(dx, dy),
        textcoords="offset points",
        fontsize=7.5,
        color=INK if bold else MUTED,
        fontweight="bold" if bold else "normal",
    )


def _tip(standing: Standing) -> str:
    accuracy = spread(standing.effective_accuracy, "{:.4f}".format)
    return f"{standing.policy}: accuracy {accuracy}, cores {spread(standing.mean_cores, '{:.2f}'.format)}"


def _told(cells: Sequence[Cell]) -> str:
    fronts = "; ".join(f"{c.title}: {', '.join(s.policy for s in front(c.standings))}" for c in cells)
    return f"Effective accuracy against mean cores. Not beaten in both, fewest cores first: {fronts}"
