"""The frontier as a chart: every trade-off of accuracy and cores that nothing beats, and what runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import altair as alt

from agent.explain.text import settings
from core.configuration import Configuration
from core.frontier import FrontierPoint
from core.prediction import Prediction
from ui.charts import BLUE, GREEN, GREY, ORANGE, VERMILLION, Chart, Row, data

What = Literal["runs", "optimum", "proposal", "optimum, what if"]
STAR = (
    "M0,-1L0.235,-0.324L0.951,-0.309L0.38,0.124L0.588,0.809L0,0.4"
    "L-0.588,0.809L-0.38,0.124L-0.951,-0.309L-0.235,-0.324Z"
)
SHAPES: dict[What, str] = {
    "runs": "diamond",
    "optimum": STAR,
    "proposal": "cross",
    "optimum, what if": "triangle-up",
}
INKS: dict[What, str] = {
    "runs": ORANGE,
    "optimum": GREEN,
    "proposal": VERMILLION,
    "optimum, what if": BLUE,
}
SIZES: dict[What, int] = {"runs": 300, "optimum": 240, "proposal": 90, "optimum, what if": 110}
"""Square pixels: where two are the same configuration, both are seen."""


@dataclass(frozen=True, slots=True)
class Spot:
    """One configuration that is marked."""

    what: What
    accuracy: float
    cores: float
    latency_s: float
    configuration: Configuration


def spot(what: What, configuration: Configuration | None, prediction: Prediction | None) -> tuple[Spot, ...]:
    """Return the spot of a configuration; none where it or its accuracy is not known."""
    if configuration is None or prediction is None or prediction.accuracy is None:
        return ()
    return (Spot(what, prediction.accuracy, prediction.cores, prediction.latency_s, configuration),)


def frontier_chart(
    tradeoffs: Sequence[FrontierPoint],
    spots: Sequence[Spot],
    *,
    before: Sequence[FrontierPoint] = (),
    height: int = 280,
) -> Chart:
    """Draw the trade-offs as steps, the marked configurations over them; *before* is what it was, in grey."""
    layers = [
        *([_line(before, GREY, dash=[3, 3])] if before else []),
        *([_line(tradeoffs, BLUE, dash=[1, 0]), _dots(tradeoffs)] if tradeoffs else []),
        *([_marks(spots)] if spots else []),
    ]
    return alt.layer(*layers).properties(height=height)


def _encoded(rows: list[Row]) -> alt.Chart:
    chart: alt.Chart = alt.Chart(data(rows)).encode(
        x=alt.X(
            "cores:Q",
            title="cores",
            scale=alt.Scale(zero=False, padding=12),
            axis=_cores_axis(rows),
        ),
        y=alt.Y(
            "accuracy:Q",
            title="accuracy",
            scale=alt.Scale(zero=False, padding=12),
            axis=alt.Axis(format=".1%", tickCount=5),
        ),
    )
    return chart


def _cores_axis(rows: list[Row]) -> alt.Axis:
    """Return the axis of cores; where all are whole, so are its figures."""
    if all(float(row["cores"]).is_integer() for row in rows):
        return alt.Axis(tickCount=8, tickMinStep=1, format=".5~r")
    return alt.Axis(tickCount=8, format=".5~r")


def _line(tradeoffs: Sequence[FrontierPoint], colour: str, dash: list[int]) -> alt.Chart:
    rows: list[Row] = [{"cores": t.cores, "accuracy": t.accuracy} for t in tradeoffs]
    line: alt.Chart = _encoded(rows).mark_line(
        color=colour, strokeDash=dash, strokeWidth=1.4, interpolate="step-after", opacity=0.8
    )
    return line


def _dots(tradeoffs: Sequence[FrontierPoint]) -> alt.Chart:
    rows = [_row(t.accuracy, t.cores, t.latency_s, t.configuration) for t in tradeoffs]
    dots: alt.Chart = _encoded(rows).mark_point(filled=True, size=36, color=BLUE, opacity=0.9)
    return dots.encode(tooltip=_tooltip())


def _marks(spots: Sequence[Spot]) -> alt.Chart:
    rows = [
        {
            "what": s.what,
            "size": SIZES[s.what],
            **_row(s.accuracy, s.cores, s.latency_s, s.configuration),
        }
        for s in spots
    ]
    shown: list[What] = [what for what in get_args(What) if any(s.what == what for s in spots)]
    marks: alt.Chart = _encoded(rows).mark_point(filled=True, opacity=0.9)
    return marks.encode(
        shape=alt.Shape(
            "what:N", title=None, scale=alt.Scale(domain=shown, range=[SHAPES[w] for w in shown])
        ),
        color=alt.Color(
            "what:N",
            title=None,
            scale=alt.Scale(domain=shown, range=[INKS[w] for w in shown]),
            legend=alt.Legend(orient="top", title=None),
        ),
        size=alt.Size("size:Q", scale=None, legend=None),
        tooltip=[alt.Tooltip("what:N", title="what"), *_tooltip()],
    )


def _row(accuracy: float, cores: float, latency_s: float, configuration: Configuration) -> Row:
    return {
        "accuracy": accuracy,
        "cores": cores,
        "latency": latency_s,
        "configuration": settings(configuration),
    }


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("accuracy:Q", title="accuracy", format=".3%"),
        alt.Tooltip("cores:Q", title="cores", format=".5~r"),
        alt.Tooltip("latency:Q", title="latency, s", format=".5~r"),
        alt.Tooltip("configuration:N", title="configuration"),
    ]
