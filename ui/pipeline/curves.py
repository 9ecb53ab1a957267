"""Time series of one pipeline: curves with what they are held against, and the decisions that did something.

Every chart is given the same horizontal axis (`charts.Across`) and leaves as much room for the vertical one,
so that what happened at once stands one below the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import altair as alt

from core.configuration import Configuration
from core.decision import Outcome
from core.errors import UsageError
from core.pipeline import Pipeline, Slo
from tools.points import Point
from ui.charts import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    Across,
    Chart,
    Row,
    data,
    load_chart,
    thinned,
)

PICKED = "decision"
"""The name of the selection, in the chart's answer."""
MOST_MARKED = 240
"""Markers of decisions: a click must still tell one from the next."""
AXIS_ROOM = 44
"""Pixels that the labels of a vertical axis are given at least."""
GRAVEST_FIRST: tuple[Outcome, ...] = ("failed", "refused", "abandoned", "applied", "recommended")
"""Which decision of a stretch is drawn, where there is room for one; what only held is never drawn."""
SHAPES: Mapping[Outcome, str] = {
    "applied": "triangle-up",
    "recommended": "circle",
    "refused": "square",
    "failed": "cross",
    "abandoned": "triangle-down",
}
INKS: Mapping[Outcome, str] = {
    "applied": GREEN,
    "recommended": SKY,
    "refused": PURPLE,
    "failed": VERMILLION,
    "abandoned": ORANGE,
}

Value = Callable[[Point], float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """One curve."""

    name: str
    value: Value
    colour: str = BLUE
    dash: tuple[int, ...] = (1, 0)
    """Told apart by more than colour."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a curve is held against."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart: curves of one unit."""

    title: str
    series: tuple[Series, ...]
    limit: Limit | None = None
    form: str = ".5~r"
    """The format of its figures, as d3 writes it."""
    zero: bool = True
    """Whether the axis begins at 0."""
    steps: bool = False
    """Whether a value holds until the next."""


def latency(slo: Slo) -> Figure:
    """Return the latency quantiles against the SLO; the one it names comes first."""
    own = f"p{slo.quantile * 100:g}"
    others = (
        Series("p99", lambda p: p.p99_s, SKY, (6, 3)),
        Series("p95", lambda p: p.p95_s, PURPLE, (4, 2)),
        Series("p50", lambda p: p.p50_s, GREY, (2, 2)),
    )
    return Figure(
        "latency, s",
        (Series(own, lambda p: p.latency_s), *(s for s in others if s.name != own)),
        Limit(slo.latency_s, f"SLO {slo.latency_s:g} s at {own}"),
    )


def in_time(slo: Slo) -> Figure:
    """Return the SLO attainment against what was promised."""
    promised = Limit(slo.quantile, f"aim {slo.quantile:.3%}".replace(".000%", "%"))
    return Figure("in time", (Series("in time", lambda p: p.in_time),), promised, ".1%", zero=False)


ACCURACY = Figure("accuracy", (Series("measured", lambda p: p.accuracy),), form=".1%", zero=False)
QUEUE = Figure("queue, items", (Series("waiting", lambda p: p.queue),))
DROPPED = Figure("dropped/s", (Series("dropped", lambda p: p.dropped_rps, VERMILLION),))


def cores(pipelines: Mapping[str, Pipeline]) -> Figure:
    """Return the cores of what ran; *pipelines* by their digests."""
    known: dict[tuple[str, str], float | None] = {}

    def of(point: Point) -> float | None:
        if point.running is None or point.digest not in pipelines:
            return None
        key = point.digest, point.running
        if key not in known:
            known[key] = _cores(pipelines[point.digest], point.running)
        return known[key]

    return Figure("cores", (Series("running", of),), steps=True)


def drawable(points: Sequence[Point], figure: Figure) -> bool:
    """Say whether there is anything to draw."""
    return any(s.value(p) is not None for s in figure.series for p in points)


def chart(points: Sequence[Point], across: Across, figure: Figure, *, height: int = 170) -> Chart:
    """Draw the curves that have a known value, and what they are held against."""
    drawn = thinned(points)
    series = [s for s in figure.series if any(s.value(p) is not None for p in drawn)]
    rows: list[Row] = [
        {"x": across.at(p.time_s), "what": s.name, "value": s.value(p)} for s in series for p in drawn
    ]
    scale = alt.Scale(zero=figure.zero, nice=True)
    if figure.zero and figure.limit is None and not any(row["value"] for row in rows):
        scale = alt.Scale(domain=[0, 1])  # else 0 would stand in the middle
    lines = (
        alt.Chart(data(rows))
        .mark_line(strokeWidth=1.6, interpolate="step-after" if figure.steps else "linear")
        .encode(
            x=across.x(),
            y=alt.Y("value:Q", title=figure.title, scale=scale, axis=_axis(figure.form)),
            color=alt.Color("what:N", title=None, scale=_scale(series, "colour"), legend=_legend(series)),
            strokeDash=alt.StrokeDash("what:N", title=None, scale=_scale(series, "dash")),
            tooltip=[
                alt.Tooltip("what:N", title="what"),
                alt.Tooltip("value:Q", title=figure.title, format=figure.form),
            ],
        )
    )
    layers = [lines] if figure.limit is None else [lines, *_ruled(figure.limit)]
    return alt.layer(*layers).properties(height=height)


def load_with_decisions(
    points: Sequence[Point],
    marks: Sequence[Point],
    across: Across,
    texts: Mapping[str, str],
    *,
    height: int = 260,
) -> Chart:
    """Draw the load against its forecast, with a marker for each decision that did more than hold.

    Args:
        points: What is drawn.
        marks: The decisions that are marked.
        across: The horizontal axis.
        texts: When each of them was made, for a person; by its id.
        height: In pixels.
    """
    shown = [outcome for outcome in get_args(Outcome) if any(p.outcome == outcome for p in marks)]
    rows: list[Row] = [
        {
            "x": across.at(p.time_s),
            "y": 0.0 if p.load_mean is None else p.load_mean,
            "id": p.id,
            "outcome": p.outcome,
            "when": texts.get(p.id, ""),
        }
        for p in marks
    ]
    shapes = alt.Scale(domain=shown, range=[SHAPES[outcome] for outcome in shown])
    inks = alt.Scale(domain=shown, range=[INKS[outcome] for outcome in shown])
    legend = alt.Legend(orient="top", title=None, offset=4, padding=0)
    markers = (
        alt.Chart(data(rows))
        .mark_point(filled=True, size=90, opacity=1, cursor="pointer")
        .encode(
            x=across.x(),
            y="y:Q",
            shape=alt.Shape("outcome:N", title=None, scale=shapes),
            color=alt.Color("outcome:N", title=None, scale=inks, legend=legend),
            tooltip=[
                alt.Tooltip("id:N", title="decision"),
                alt.Tooltip("outcome:N", title="outcome"),
                alt.Tooltip("when:N", title="when"),
            ],
        )
        .add_params(alt.selection_point(name=PICKED, fields=["id"], on="click", empty=False))
    )
    load = load_chart(points, across, height=height)
    if not rows:
        return load
    both: alt.LayerChart = alt.layer(load, markers).resolve_scale(color="independent", shape="independent")
    return both.properties(height=height)


def marked(points: Sequence[Point], most: int = MOST_MARKED) -> list[Point]:
    """Return the decisions to mark: none that held or only recommended the same again, at most *most*."""
    notable: list[Point] = []
    before: str | None = None
    for point in points:
        again = point.outcome == "recommended" and before is not None and point.candidate == before
        before = point.candidate if point.outcome == "recommended" else None
        if point.outcome in GRAVEST_FIRST and not again:
            notable.append(point)
    size = -(-len(notable) // most) or 1
    stretches = [notable[i : i + size] for i in range(0, len(notable), size)]
    return [min(stretch, key=lambda p: GRAVEST_FIRST.index(p.outcome)) for stretch in stretches]


def _cores(pipeline: Pipeline, running: str) -> float | None:
    try:
        return Configuration.model_validate_json(running).checked(pipeline).cores(pipeline)
    except UsageError:  # it was asked for while another version of the pipeline was in force
        return None


def _axis(form: str) -> alt.Axis:
    return alt.Axis(format=form, minExtent=AXIS_ROOM, tickCount=4)


def _legend(series: Sequence[Series]) -> alt.Legend | None:
    return alt.Legend(orient="top", title=None) if len(series) > 1 else None


def _scale(series: Sequence[Series], field: str) -> alt.Scale:
    return alt.Scale(domain=[s.name for s in series], range=[getattr(s, field) for s in series])


def _ruled(limit: Limit) -> tuple[Chart, Chart]:
    base = alt.Chart(data([{"limit": limit.value, "text": limit.text}])).encode(y="limit:Q")
    return (
        base.mark_rule(strokeDash=[7, 3], color=VERMILLION, strokeWidth=1.2),
        base.mark_text(align="right", baseline="bottom", dy=-2, dx=-2, color=VERMILLION).encode(
            text="text:N", x=alt.value("width")
        ),
    )
