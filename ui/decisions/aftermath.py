"""Small charts of what was measured after a decision; what was expected is an area or a rule in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import altair as alt

from core.observation import Observation
from core.patience import averaged_rps
from ui.charts import BLUE, ORANGE, VERMILLION, Across, Chart, Row, data
from ui.decisions.steps import Came

HEIGHT = 150
"""Pixels."""


def load_after(came: Came, across: Across) -> Chart | None:
    """Draw the highest load that came, and the forecast over its horizon; None where no load was measured."""
    forecast = came.expected.forecast
    averaged_s = 1 if forecast is None else forecast.averaged_s
    rows = _rows(came.measured, across, lambda o: _highest_load(o, averaged_s))
    if not rows:
        return None
    layers: list[alt.Chart] = []
    if forecast is not None:
        until = across.at(came.time_s + forecast.horizon_s)
        band = [
            {
                "x": across.at(came.time_s),
                "x2": until,
                "point": forecast.point_rps,
                "upper": forecast.upper_rps,
                "what": f"forecast, {forecast.point_rps:.4g} expected and at most {forecast.upper_rps:.4g}",
            }
        ]
        layers.append(
            _of(band)
            .mark_rect(opacity=0.3, color=ORANGE)
            .encode(x=_x(across), x2="x2", y=alt.Y("point:Q"), y2="upper:Q", tooltip=["what:N"])
        )
    layers.append(_line(rows, across, "requests/s"))
    return alt.layer(*layers).properties(height=HEIGHT)


def latency_after(came: Came, across: Across) -> Chart | None:
    """Draw the latency that was measured, the one predicted and the SLO; None where none was measured."""
    rules = [
        (came.expected.latency_s, "predicted, at the load decided for", ORANGE),
        (came.expected.slo_s, "SLO", VERMILLION),
    ]
    return _against(came, across, lambda o: o.latency_s, "seconds", rules)


def accuracy_after(came: Came, across: Across) -> Chart | None:
    """Draw the accuracy of labelled samples, and the one predicted; None where none was measured."""
    rules = [(came.expected.accuracy, "predicted", ORANGE)]
    return _against(came, across, lambda o: o.accuracy, "share right", rules)


def _against(
    came: Came,
    across: Across,
    value: Callable[[Observation], float | None],
    title: str,
    rules: Sequence[tuple[float | None, str, str]],
) -> Chart | None:
    rows = _rows(came.measured, across, value)
    if not rows:
        return None
    until = max(came.under_s, came.time_s)
    layers = [_line(rows, across, title)]
    for level, what, colour in rules:
        if level is None:
            continue
        end = across.at(until) if what != "SLO" else rows[-1]["x"]
        row = {"x": across.at(came.time_s), "x2": end, "y": level, "what": f"{what}: {level:.4g}"}
        layers.append(
            _of([row])
            .mark_rule(color=colour, strokeDash=[6, 3] if what != "SLO" else [1, 0], strokeWidth=2)
            .encode(x=_x(across), x2="x2", y="y:Q", tooltip=["what:N"])
        )
    return alt.layer(*layers).properties(height=HEIGHT)


def _line(rows: list[Row], across: Across, title: str) -> alt.Chart:
    line: alt.Chart = (
        _of(rows)
        .mark_line(color=BLUE, strokeWidth=2, point=alt.OverlayMarkDef(color=BLUE, size=18))
        .encode(
            x=_x(across),
            y=alt.Y("y:Q", title=title, scale=alt.Scale(zero=False, nice=True)),
            tooltip=[alt.Tooltip("y:Q", title=f"measured, {title}", format=".4g")],
        )
    )
    return line


def _rows(
    measured: Sequence[Observation], across: Across, value: Callable[[Observation], float | None]
) -> list[Row]:
    known = [(o.time_s, value(o)) for o in measured]
    return [{"x": across.at(time_s), "y": y} for time_s, y in known if y is not None]


def _x(across: Across) -> alt.X:
    """Return the axis; minutes of a run do not begin at nought here."""
    return across.x() if across.wall else across.x().scale(alt.Scale(zero=False, nice=False))


def _highest_load(observation: Observation, averaged_s: int) -> float | None:
    """Return what the forecast is of: the highest load of the interval, averaged as the forecast is."""
    known = [rate for rate in averaged_rps(observation.loads_rps, averaged_s) if rate is not None]
    return max(known, default=None)


def _of(rows: list[Row]) -> alt.Chart:
    return alt.Chart(data(rows))
