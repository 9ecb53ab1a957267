"""An online mixture: every other forecaster has a say, by how well it did lately.

Exponentially weighted averages (Freund & Schapire 1997) of discounted losses (Cesa-Bianchi &
Lugosi 2006, section 2.11). The losses are pinball losses over the load, at 0.5 for the points and
at the asked quantile for the uppers, each expert with a conformal margin of its own:

    L_k <- DISCOUNT L_k + pinball_k / target,     weight_k ~ exp(-RATE L_k)

The point is the average of the experts' points by the first weights, the base of the upper quantile
the average of their bases by the second; the mixture's own calibration is the only margin on it: the
average of the experts' uppers would count a surge twice, once in their margins and once in its own. An
expert that is warming up, or has met a gap, takes part with what it fell back to.
"""

from collections.abc import Iterable
from math import exp

from core.errors import UsageError
from tools.forecast._conformal import RESOLUTION_RPS, Calibrator
from tools.forecast._registry import MEDIAN, Guess, Method, Numbers, register
from tools.forecast._windows import Window
from tools.forecast.ar import Ar, ArMeans
from tools.forecast.holt import Holt
from tools.forecast.last import Last
from tools.forecast.recent_max import RecentMax

DISCOUNT = 0.999
"""A memory of 1000 windows, 2.8 hours, as long as the calibration's."""
RATE = 4.0
"""Experts whose mean loss differs by 0.001 of the load end with weights 1 : exp(-4)."""


@register("mixture")
class Mixture:
    """The average of `last`, `max`, `holt`, `ar` and `ar-means`, weighted by pinball loss."""

    def __init__(self, horizon_s: int, quantile: float) -> None:
        self._quantile = quantile
        self._experts: dict[str, Method] = {
            "last": Last(horizon_s, quantile),
            "max": RecentMax(horizon_s, quantile),
            "holt": Holt(horizon_s, quantile),
            "ar": Ar(horizon_s, quantile),
            "ar-means": ArMeans(horizon_s, quantile),
        }
        self._calibrators = {name: Calibrator(quantile) for name in self._experts}
        self._point_losses = [0.0] * len(self._experts)
        self._upper_losses = [0.0] * len(self._experts)

    def guess(self, window: Window) -> Guess:
        """Return the weighted averages of the experts' points and bases."""
        points, uppers, bases = [], [], []
        for name, expert in self._experts.items():
            guess = expert.guess(window)
            points.append(guess.point_rps)
            bases.append(guess.base_rps)
            uppers.append(self._calibrators[name].upper_rps(guess.point_rps, guess.base_rps))
        note = "" if window.whole else "gap: what its experts fell back to"
        return Guess(
            point_rps=_average(points, self._point_losses),
            base_rps=_average(bases, self._upper_losses),
            note=note,
            parts=(*points, *bases, *uppers),
        )

    def learn(self, window: Window, guess: Guess, target_rps: float) -> None:
        """Charge every expert its losses, then let it learn."""
        n = len(self._experts)
        if len(guess.parts) != 3 * n:
            raise UsageError("the state of a forecaster's mixture is damaged")
        scale_rps = max(target_rps, RESOLUTION_RPS)
        for k, (name, expert) in enumerate(self._experts.items()):
            point, base, upper = guess.parts[k], guess.parts[n + k], guess.parts[2 * n + k]
            point_loss = pinball(point, target_rps, MEDIAN) / scale_rps
            upper_loss = pinball(upper, target_rps, self._quantile) / scale_rps
            self._point_losses[k] = DISCOUNT * self._point_losses[k] + point_loss
            self._upper_losses[k] = DISCOUNT * self._upper_losses[k] + upper_loss
            self._calibrators[name].settle(base_rps=base, upper_rps=upper, target_rps=target_rps)
            expert.learn(window, Guess(point, base), target_rps)

    def numbers(self) -> Numbers:
        """Return the losses, and what every expert and its calibration learned."""
        found = {"points": list(self._point_losses), "uppers": list(self._upper_losses)}
        for name, expert in self._experts.items():
            found |= {f"{name}/method/{key}": v for key, v in expert.numbers().items()}
            found |= {f"{name}/margin/{k}": v for k, v in self._calibrators[name].numbers().items()}
        return found

    def take(self, numbers: Numbers) -> None:
        """Continue from what `numbers` returned; `UsageError` if it cannot be that."""
        points, uppers = numbers.get("points", []), numbers.get("uppers", [])
        if not len(points) == len(uppers) == len(self._experts):
            raise UsageError("the state of a forecaster's mixture is damaged")
        self._point_losses, self._upper_losses = list(points), list(uppers)
        for name, expert in self._experts.items():
            expert.take(_under(f"{name}/method/", numbers))
            self._calibrators[name].take(_under(f"{name}/margin/", numbers))


def pinball(forecast: float, target: float, quantile: float) -> float:
    """Return the pinball loss of *forecast* as the *quantile* of *target*, in their unit."""
    return max(quantile * (target - forecast), (quantile - 1) * (target - forecast))


def _average(values: Iterable[float], losses: list[float]) -> float:
    """Return the mean of *values*, weighted by exp(-RATE loss), inside their range."""
    known = list(values)
    best = min(losses)
    weights = [exp(-RATE * (loss - best)) for loss in losses]
    mean = sum(w * v for w, v in zip(weights, known, strict=True)) / sum(weights)
    return min(max(mean, min(known)), max(known))


def _under(prefix: str, numbers: Numbers) -> dict[str, list[float]]:
    """Return the entries of *numbers* below *prefix*, without it."""
    return {key.removeprefix(prefix): v for key, v in numbers.items() if key.startswith(prefix)}
