"""Charts of the page of evaluations: pure functions from figures to Altair charts.

Their data are Arrow tables: Altair holds every row of a list against its schema, which takes a second.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import altair as alt
import pyarrow as pa

from ui.charts import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, Chart, Row
from ui.evaluations.figures import Curve, Measure, Square

PICKED = "picked"
"""The selection of the heat map."""
FULL_REGRET = 0.5
"""Regret from which a square has its full colour: beyond, bad is bad."""
LINE_PX, LABELS_PX = 22, 120
"""Height of one policy in the heat map, and of the cells' names below it."""
NAME_PX = 150
"""Room for a name."""
SLANTED, UPRIGHT, MOST_SLANTED = -50, -90, 30
"""By how many degrees names of cells are turned: upright where there are too many to stand side by side."""
PANEL_PX, FIRST_PX, LAST_PX = 150, 210, 190
"""Heights of the panels; the first has the legend, the last the axis."""
AXIS_PX = 44
"""Room for the figures left of each panel, so that all begin at the same place."""
MOST_SLO = 2.5
"""Latencies above so many times the SLO are cut off: how late is late is in the quantiles of the table."""
LINES: Sequence[tuple[str, Sequence[int]]] = (
    (BLUE, (1, 0)),
    (VERMILLION, (6, 2)),
    (GREEN, (2, 2)),
    (PURPLE, (8, 2, 2, 2)),
    (ORANGE, (4, 4)),
    (SKY, (1, 2)),
)
"""Colour and dashes of each policy, in the order in which they were chosen."""
MOST_OVERLAID = len(LINES)


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of the episodes, second by second."""

    title: str
    of: Callable[[Curve], Sequence[float | None]]
    step: bool = False
    """Whether the figure stands until the next, as cores do."""


PANELS = (
    Panel("completed per second; grey: arrivals", lambda curve: curve.completed_rps),
    Panel("late or dropped, requests", lambda curve: curve.missed),
    Panel("latency, s", lambda curve: curve.latency_s),
    Panel("cores", lambda curve: curve.cores, step=True),
    Panel("waiting, items", lambda curve: curve.queue, step=True),
)
LATENCY = PANELS[2]


def heat_map(
    squares: Sequence[Square], measure: Measure, policies: Sequence[str], *, ours: str, chosen: str
) -> Chart:
    """Draw policies by cells; *policies* from the top, *chosen* is the cell that is looked at below."""
    rows: list[Row] = [asdict(square) | {"chosen": square.cell == chosen} for square in squares]
    is_ours = {"test": f"datum.value === {json.dumps(ours)}", "value": "bold"}
    bold = alt.Axis(
        labelFontWeight={"condition": is_ours, "value": "normal"}, labelLimit=NAME_PX, labelOverlap=False
    )
    angle = SLANTED if len({square.cell for square in squares}) <= MOST_SLANTED else UPRIGHT
    chart: alt.Chart = (
        alt.Chart(pa.Table.from_pylist(rows))
        .mark_rect(cursor="pointer")
        .encode(
            x=alt.X(
                "cell:N",
                title=None,
                axis=alt.Axis(labelAngle=angle, labelLimit=NAME_PX, labelOverlap=False),
            ),
            y=alt.Y("policy:N", title=None, sort=list(policies), axis=bold),
            color=_shade(squares, measure),
            stroke=alt.condition("datum.chosen", alt.value(ORANGE), alt.value(None)),
            strokeWidth=alt.condition("datum.chosen", alt.value(2), alt.value(0)),
            tooltip=[
                alt.Tooltip("policy:N", title="policy"),
                alt.Tooltip("cell:N", title="cell"),
                alt.Tooltip("text:N", title=measure.title),
                alt.Tooltip("score:N", title="score"),
                alt.Tooltip("place:Q", title="place by score"),
            ],
        )
        .add_params(alt.selection_point(name=PICKED, fields=["cell", "policy"]))
        .properties(height=LINE_PX * len(policies) + LABELS_PX)
    )
    return chart


def panels(curves: Sequence[Curve], slo_s: float) -> list[Chart]:
    """Draw episodes over each other, a panel for each figure."""
    return [_panel(panel, curves, slo_s) for panel in PANELS]


def _shade(squares: Sequence[Square], measure: Measure) -> alt.Color:
    """Return the colours: what is bad is bright, whichever way the measure runs."""
    known = [s.value for s in squares if s.value is not None]
    regret = [0.0, min(FULL_REGRET, max(known, default=FULL_REGRET))]
    scale = alt.Scale(
        scheme="viridis",
        reverse=not measure.low_is_good,
        domain=regret if measure.is_regret else alt.Undefined,
        clamp=measure.is_regret,
        zero=False,
    )
    return alt.Color(
        "value:Q", title=None, scale=scale, legend=alt.Legend(format=measure.axis, gradientLength=200)
    )


def _panel(panel: Panel, curves: Sequence[Curve], slo_s: float) -> Chart:
    is_first, is_last = panel is PANELS[0], panel is PANELS[-1]
    x = _seconds(curves, labelled=is_last)
    y = alt.Y(
        "value:Q",
        title=None,
        scale=_heights(panel, curves, slo_s),
        axis=alt.Axis(minExtent=AXIS_PX, tickCount=4),
    )
    line = _lines(panel, curves, legend=is_first).encode(x=x, y=y)
    below = [_arrivals(curves[0], x)] if is_first else [_slo(slo_s)] if panel is LATENCY else []
    height = FIRST_PX if is_first else LAST_PX if is_last else PANEL_PX
    title = alt.Title(panel.title, anchor="start", fontSize=13, fontWeight="normal")
    chart: Chart = alt.layer(*below, line).properties(height=height, title=title)
    return chart


def _seconds(curves: Sequence[Curve], *, labelled: bool) -> alt.X:
    end_s = max(curve.time_s[-1] + curve.width_s for curve in curves)
    return alt.X(
        "second:Q",
        title="seconds into the episode" if labelled else None,
        scale=alt.Scale(domain=[0, end_s], nice=False),
        axis=alt.Axis(grid=False, labels=labelled, ticks=labelled, tickCount=10),
    )


def _lines(panel: Panel, curves: Sequence[Curve], *, legend: bool) -> alt.Chart:
    """Return a line for each policy, without its axes."""
    rows: list[Row] = [
        {"second": second, "policy": curve.policy, "value": value, "late": late, "dropped": dropped}
        for curve in curves
        for second, value, late, dropped in zip(
            curve.time_s, panel.of(curve), curve.late, curve.dropped, strict=True
        )
    ]
    names = [curve.policy for curve in curves]
    colours = [colour for colour, _ in LINES[: len(names)]]
    dashes = [list(dash) for _, dash in LINES[: len(names)]]
    shown = alt.Legend(orient="top", title=None, symbolType="stroke", symbolSize=400) if legend else None
    lines: alt.Chart = alt.Chart(pa.Table.from_pylist(rows)).mark_line(
        strokeWidth=1.6, interpolate="step-after" if panel.step else "linear", clip=True
    )
    return lines.encode(
        color=alt.Color("policy:N", scale=alt.Scale(domain=names, range=colours), legend=shown),
        strokeDash=alt.StrokeDash("policy:N", scale=alt.Scale(domain=names, range=dashes), legend=shown),
        tooltip=[
            alt.Tooltip("policy:N", title="policy"),
            alt.Tooltip("second:Q", title="second"),
            alt.Tooltip("value:Q", title=panel.title.split(";")[0], format=".3g"),
            alt.Tooltip("late:Q", title="late"),
            alt.Tooltip("dropped:Q", title="dropped"),
        ],
    )


def _arrivals(curve: Curve, x: alt.X) -> alt.Chart:
    """Draw the load, which is the same for all."""
    rows: list[Row] = [
        {"second": second, "value": value}
        for second, value in zip(curve.time_s, curve.arrivals_rps, strict=True)
    ]
    area: alt.Chart = alt.Chart(pa.Table.from_pylist(rows)).mark_area(
        color=GREY, opacity=0.35, interpolate="step-after"
    )
    return area.encode(x=x, y=alt.Y("value:Q"))


def _slo(slo_s: float) -> Chart:
    row: Row = {"slo": slo_s, "text": f"SLO {slo_s:g} s"}
    base: alt.Chart = alt.Chart(pa.Table.from_pylist([row])).encode(y="slo:Q")
    rule = base.mark_rule(color=GREY, strokeDash=[2, 2], strokeWidth=1.5)
    text = base.mark_text(color=GREY, align="right", baseline="bottom", dx=-4, dy=-2)
    return alt.layer(rule, text.encode(text="text:N", x=alt.value("width")))


def _heights(panel: Panel, curves: Sequence[Curve], slo_s: float) -> alt.Scale:
    if panel is not LATENCY:
        return alt.Scale(zero=True)
    highest_s = max((v for curve in curves for v in curve.latency_s if v is not None), default=0.0)
    return alt.Scale(domain=[0.0, min(MOST_SLO * slo_s, max(1.25 * slo_s, 1.05 * highest_s))])
