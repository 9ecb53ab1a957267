"""Forecasting the load: the maximum over the time that a change needs to take effect.

    forecaster = create("mixture")
    forecaster.observe(samples)                    # requests/s, one a second, None: missing
    forecast = forecaster.forecast(horizon_s=20)   # a `core.forecast.Forecast`

Methods: `last`, `max` (of the last three blocks), `holt` (damped), `ar`, `ar-means` and `mixture`.
Each gives a point and an upper quantile that is calibrated for the horizon asked (`_conformal`).
A new method is one file with `@register(...)` and its name in the import below.

What is missing is never zero. A controller that was down for 30 s says so with
`observe([None] * 30)`; one that restarts continues from `restored(forecaster.state())`, and one
without a state is rebuilt by observing the history again.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from core.errors import UsageError
from core.forecast import Forecast
from tools.forecast import ar, holt, last, mixture, recent_max
from tools.forecast._engine import Engine, restore
from tools.forecast._registry import MEDIAN, known
from tools.forecast._windows import BLOCK_S

__all__ = [
    "Forecaster",
    "ar",
    "create",
    "holt",
    "last",
    "mixture",
    "names",
    "recent_max",
    "restored",
]


class Forecaster(Protocol):
    """What turns samples of load into forecasts of its maximum."""

    def observe(self, samples: Sequence[float | None]) -> None:
        """Append samples in order, one a second, in requests per second; `None` is missing.

        Raises `UsageError`, and takes none of them, if one is negative, NaN or infinite.
        """
        ...

    def forecast(self, horizon_s: float) -> Forecast:
        """Forecast the maximum of the next *horizon_s* seconds.

        Raises `UsageError` for an impossible horizon and `MetricsUnavailable` when the last two
        minutes hold nothing to forecast from.
        """
        ...

    def state(self) -> dict[str, object]:
        """Return everything learned, JSON-plain, for `restored`."""
        ...


def names() -> tuple[str, ...]:
    """Return the names that `create` knows, sorted."""
    return known()


def create(name: str, quantile: float = 0.9, averaged_s: int = 1) -> Forecaster:
    """Return a new forecaster, whose upper quantile is *quantile*, in [0.5, 1).

    What it forecasts is the maximum of the load averaged over *averaged_s* seconds (`core.patience`). Where
    that is more than one, the upper quantile is never below what has arrived in the last seconds: an
    average sees a burst late.

    Raises `UsageError` for an unknown name, with the nearest known one, and for another quantile or average.
    """
    if not MEDIAN <= quantile < 1:
        raise UsageError(f"quantile {quantile!r} must be at least {MEDIAN} and below 1")
    if not 1 <= averaged_s <= BLOCK_S:
        raise UsageError(f"loads can be averaged over 1 to {BLOCK_S} seconds, not {averaged_s!r}")
    return Engine(name, quantile, averaged_s=averaged_s)


def restored(state: Mapping[str, object]) -> Forecaster:
    """Return the forecaster whose `state` this is; its next forecast is the same to the last bit.

    Raises `UsageError` if *state* is not one.
    """
    return restore(state)
