"""The loop sizes a pipeline whose requests may wait for their rate, and for what waits already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.recorded import Recorded
from core.pace import stabilised_rps
from core.patience import backlog_rps
from core.problem import Margins
from tests.agent.toy import AT_ONCE, TEXT, TOO_SMALL, Scripted, pipeline_of, toy_run, turns
from tools.cadence import forecaster_of, margins_of, quantile_of

PATIENT, HASTY = (TEXT.replace("latency: 2.0", f"latency: {slo_s}") for slo_s in (6.0, 1.9))
GROWING = [6.0] * 12 + [30.0] * 100
"""Requests per second; `TOO_SMALL` carries nine."""


def test_decisions_keep_the_margins_of_their_pipeline(tmp_path: Path) -> None:
    kept = []
    for number, text in enumerate((PATIENT, HASTY)):
        with toy_run(tmp_path / str(number), Scripted([None]), text=text) as run:
            (decision,) = turns(run, 1)
        kept.append(decision.margins)

    assert kept == [margins_of(pipeline_of(text)) for text in (PATIENT, HASTY)]
    assert kept[0] != kept[1]


def test_margins_that_are_given_count(tmp_path: Path) -> None:
    given = Margins(headroom=1.5)
    settings = replace(AT_ONCE, margins=given)

    with toy_run(tmp_path, Scripted([None]), text=PATIENT, settings=settings) as run:
        (decision,) = turns(run, 1)

    assert decision.margins == given


def test_the_forecast_is_of_what_must_be_carried() -> None:
    for text, seconds in ((PATIENT, 10), (HASTY, 1)):
        spec = pipeline_of(text)
        forecaster = forecaster_of(spec)
        forecaster.observe([6.0] * 30)

        forecast = forecaster.forecast(20)

        assert (forecast.averaged_s, forecast.quantile) == (seconds, quantile_of(spec))


@pytest.mark.parametrize("text", [PATIENT, HASTY], ids=["patient", "hasty"])
def test_what_waits_counts_as_load_where_it_may_wait(tmp_path: Path, text: str) -> None:
    """The load grows and a queue with it; each decision is for the forecasts and for what waits."""
    chosen = pipeline_of(text)
    with toy_run(tmp_path, Scripted([TOO_SMALL]), text=text, trace_rps=GROWING) as run:
        decisions = turns(run, 4)

    window_s = AT_ONCE.pace.stabilisation_s
    waited = []
    for number, decision in enumerate(decisions):
        assert decision.forecast is not None
        earlier = [(d.time_s, d.forecast.upper_rps) for d in decisions[:number] if d.forecast is not None]
        foreseen_rps = stabilised_rps(
            decision.forecast.upper_rps, earlier, now_s=decision.time_s, window_s=window_s
        )
        waiting_rps = backlog_rps(chosen, decision.observation, decision.running)
        assert decision.load_rps is not None
        recorded = Recorded(decision, chosen, tuple(decisions[:number])).situation(AT_ONCE)
        assert recorded.problem.load_rps == pytest.approx(foreseen_rps + waiting_rps)
        if not decision.degraded:
            assert decision.load_rps == pytest.approx(foreseen_rps + waiting_rps)
        waited.append(waiting_rps)

    assert (max(waited) > 0) == (text == PATIENT)
