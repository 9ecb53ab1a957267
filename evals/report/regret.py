"""How much each policy loses against the oracle: bars with intervals, one panel a pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from evals.report.ink import INK, MUTED, OURS, Style, drawing, inline
from evals.standings import ORACLE, Cell, Standing, mean_relative_regret
from evals.tables import share

WIDTH_IN = 11.1
MARGIN_IN, ROW_IN = 0.9, 0.19
"""Height of a figure: of everything but the bars, and of one bar."""
MOST = 1.0
"""Regret at which a bar is cut: who loses the oracle's whole score has lost."""
ROOM = 1.28
"""Length of the axis over the longest bar, for the figures at their ends."""


def regret_bars(name: str, cells: Sequence[Cell], styles: Mapping[str, Style]) -> Markup | None:
    """Draw the cells of one group, or nothing where the oracle did not take part."""
    policies = _in_order(cells)
    if not policies:
        return None
    with drawing(name):
        height_in = MARGIN_IN + ROW_IN * len(policies)
        figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
        panels = figure.subplots(1, len(cells), sharey=True, squeeze=False).flat
        for axes, cell in zip(panels, cells, strict=True):
            _draw(axes, cell, policies)
        figure.axes[0].set_yticks(range(len(policies)), policies, color=INK)
        for tick, policy in zip(figure.axes[0].get_yticklabels(), policies, strict=True):
            tick.set_fontweight("bold" if styles[policy].is_ours else "normal")
        return inline(figure, name, _told(cells, policies))


def _in_order(cells: Sequence[Cell]) -> list[str]:
    """Return the policies that have a regret, the one that regrets least last, as it is drawn on top."""
    policies = {s.policy for cell in cells for s in cell.standings if not s.policy.startswith(ORACLE)}
    known = {p: value for p in policies if (value := mean_relative_regret(p, cells)) is not None}
    return sorted(known, key=lambda p: (-known[p], p))


def _draw(axes: Axes, cell: Cell, policies: Sequence[str]) -> None:
    found = [(row, s) for row, policy in enumerate(policies) if (s := cell.find(policy))]
    longest = max((min(MOST, _mean(s)) for _, s in found), default=0.0)
    for row, standing in found:
        _bar(axes, row, standing, is_ours=standing.policy == cell.roles.ours)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set(title=cell.title, xlabel="regret", ylim=(-0.7, len(policies) - 0.3))
    least = min([0.0, *(_low(s) for _, s in found)])
    axes.set_xlim(max(-MOST, least) * ROOM, max(longest, 0.01) * ROOM)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=4)


def _bar(axes: Axes, row: int, standing: Standing, *, is_ours: bool) -> None:
    regret = standing.relative_regret
    if regret is None:
        return
    length = max(-MOST, min(MOST, regret.mean))
    axes.barh(row, length, height=0.66, color=OURS if is_ours else MUTED, alpha=1.0 if is_ours else 0.45)
    end = length
    if regret.low is not None and regret.high is not None and abs(regret.mean) < MOST:
        end = min(MOST, regret.high)
        axes.plot([max(-MOST, regret.low), end], [row, row], color=INK, linewidth=1.1)
    cut = "▸ " if regret.mean > MOST else ""
    axes.annotate(
        f"{cut}{share(regret.mean)}",
        (max(0.0, end, length), row),
        xytext=(4.0, 0.0),
        textcoords="offset points",
        va="center",
        fontsize=7.0,
        color=INK,
    )


def _mean(standing: Standing) -> float:
    return standing.relative_regret.mean if standing.relative_regret else 0.0


def _low(standing: Standing) -> float:
    regret = standing.relative_regret
    if regret is None:
        return 0.0
    return regret.mean if regret.low is None else regret.low


def _told(cells: Sequence[Cell], policies: Sequence[str]) -> str:
    means = (f"{p} {share(mean_relative_regret(p, cells))}" for p in reversed(policies))
    return f"Regret against the oracle, mean over {len(cells)} pipelines: {', '.join(means)}"
