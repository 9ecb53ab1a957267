"""A forecaster that is wrong by a factor: what two suites inject, and the assessment has to find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.forecast import Forecast
from tools.forecast import Forecaster


@dataclass(frozen=True, slots=True)
class BiasedForecaster:
    """A forecaster that is wrong by a factor and does not know it."""

    honest: Forecaster
    factor: float

    def observe(self, samples: Sequence[float | None]) -> None:
        """Take in samples, one a second."""
        self.honest.observe(samples)

    def forecast(self, horizon_s: float) -> Forecast:
        """Return the honest forecast times the factor."""
        return biased(self.honest.forecast(horizon_s), self.factor)

    def state(self) -> dict[str, object]:
        """Return what the honest one has learned."""
        return self.honest.state()


def biased(forecast: Forecast, factor: float) -> Forecast:
    """Return the forecast as one that is wrong by *factor* would give it."""
    figures = {"point_rps": forecast.point_rps * factor, "upper_rps": forecast.upper_rps * factor}
    return Forecast.model_validate(forecast.model_dump() | figures)
