"""Charts: pure functions from records to Altair figures.

The colours are Okabe and Ito's, and nothing relies on them alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import altair as alt
import pyarrow as pa

from tools.points import Point
from ui.when import MINUTE_S, When

BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#8A8A8A",
)
MOST_DRAWN = 480
"""Points of a curve: what a screen has room for, each being the worst of those it stands for."""
MS = 1000.0
LOAD, FORECAST = "load", "forecast, up to its upper bound"
"""What the legend calls the line and the band."""
CLOCK = (
    "timeFormat(datum.value, seconds(datum.value) ? '%H:%M:%S'"
    " : hours(datum.value) || minutes(datum.value) ? '%H:%M' : '%d %b')"
)
"""How the axis tells a time, in Vega's words: by 24 hours, in the browser's zone."""

Row = dict[str, Any]
Chart = alt.Chart | alt.LayerChart | alt.FacetChart


@dataclass(frozen=True, slots=True)
class Across:
    """The horizontal axis: wall time where there is one, else minutes of the run."""

    when: When
    span_s: tuple[float, float] | None = None
    """From when to when, in seconds of the loop's clock; None for as much as there are points of."""
    titled: bool = True
    """Whether the axis says what it is; of charts one below the other, one is enough."""

    @property
    def wall(self) -> bool:
        """Whether there is a wall time."""
        return self.when.unix(0.0 if self.span_s is None else self.span_s[0]) is not None

    def at(self, time_s: float) -> float:
        """Return where a second of the loop's clock lies."""
        unix = self.when.unix(time_s)
        return time_s / MINUTE_S if unix is None else unix * MS

    def _end(self, time_s: float) -> float | str:
        """Return an end of the axis: to Vega a number there is a year, elsewhere it is milliseconds."""
        place = self.at(time_s)
        return datetime.fromtimestamp(place / MS, UTC).isoformat() if self.wall else place

    def x(self) -> alt.X:
        """Return the encoding."""
        scale = alt.Scale(nice=False)
        if self.span_s is not None:
            scale = alt.Scale(nice=False, domain=[self._end(time_s) for time_s in self.span_s])
        if self.wall:
            axis = alt.Axis(grid=False, tickCount=6, labelExpr=CLOCK)
            return alt.X("x:T", title=None, axis=axis, scale=scale)
        axis = alt.Axis(grid=False, tickCount=8)
        title = "minutes into the run" if self.titled else None
        return alt.X("x:Q", title=title, axis=axis, scale=scale)


def thinned(points: Sequence[Point], most: int = MOST_DRAWN) -> list[Point]:
    """Return at most *most* points: of each stretch the last, with the stretch's worst figures."""
    if len(points) <= most:
        return list(points)
    size = -(-len(points) // most)
    return [_worst(points[i : i + size]) for i in range(0, len(points), size)]


def data(rows: Sequence[Row]) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return rows, which have the same fields, as a chart's data: words and figures, either may be unknown.

    As columns: Altair would hold each single row against its schema, half a second for an hour of decisions.
    """
    if not rows:
        return alt.InlineData(values=[])
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return pa.table({name: pa.array(values, _kind(values)) for name, values in columns.items()})


def _kind(values: Sequence[Any]) -> Any:  # noqa: ANN401 - as above
    words = any(isinstance(value, str) for value in values)
    return pa.string() if words else pa.float64()


def load_chart(points: Sequence[Point], across: Across, *, height: int = 200) -> Chart:
    """Draw the load against what was forecast: its mean, and the band from point to upper quantile."""
    rows = [
        {
            "x": across.at(p.time_s),
            "mean": p.load_mean,
            "highest": p.load_max,
            "point": p.forecast_point,
            "upper": p.forecast_upper,
        }
        for p in thinned(points)
    ]
    named = alt.Chart(data(rows)).transform_calculate(line=f"'{LOAD}'", band=f"'{FORECAST}'")
    base = named.encode(x=across.x())
    names = alt.Scale(domain=[LOAD, FORECAST], range=[BLUE, ORANGE])
    legend = alt.Legend(
        orient="top", title=None, symbolType="square", symbolOpacity=1, labelLimit=0, offset=4, padding=0
    )
    band = base.mark_area(opacity=0.25).encode(
        y=alt.Y("point:Q", title="requests/s", axis=alt.Axis(tickCount=4)),
        y2="upper:Q",
        color=alt.Color("band:N", scale=names, legend=legend),
    )
    upper = base.mark_line(color=ORANGE, strokeDash=[4, 3], strokeWidth=1).encode(y="upper:Q")
    mean = base.mark_line(strokeWidth=2).encode(
        y="mean:Q",
        color=alt.Color("line:N", scale=names, legend=legend),
        tooltip=[
            alt.Tooltip("mean:Q", title="load, mean", format=".1f"),
            alt.Tooltip("highest:Q", title="its highest second", format=".1f"),
            alt.Tooltip("point:Q", title="forecast", format=".1f"),
            alt.Tooltip("upper:Q", title="forecast, upper", format=".1f"),
        ],
    )
    return alt.layer(band, upper, mean).properties(height=height)


def _worst(stretch: Sequence[Point]) -> Point:
    last = stretch[-1]
    return replace(
        last,
        load_max=_of(max, (p.load_max for p in stretch)),
        forecast_upper=_of(max, (p.forecast_upper for p in stretch)),
        latency_s=_of(max, (p.latency_s for p in stretch)),
        p50_s=_of(max, (p.p50_s for p in stretch)),
        p95_s=_of(max, (p.p95_s for p in stretch)),
        p99_s=_of(max, (p.p99_s for p in stretch)),
        in_time=_of(min, (p.in_time for p in stretch)),
        dropped_rps=_of(max, (p.dropped_rps for p in stretch)),
        accuracy=_of(min, (p.accuracy for p in stretch)),
        queue=_of(max, (p.queue for p in stretch)),
    )


def _of(choose: Callable[[Iterable[float]], float], values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return choose(known) if known else None
