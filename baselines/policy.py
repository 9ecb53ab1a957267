"""What every policy is: a map from what is known to a configuration. Policies see only core."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Protocol

from core.belief import Belief
from core.configuration import Configuration
from core.errors import UsageError
from core.forecast import Forecast
from core.objective import Objective
from core.observation import Observation
from core.patience import backlog_rps
from core.pipeline import Pipeline
from core.problem import Margins, Problem
from core.solution import Infeasible, Optimum, Solution
from core.solve import solve


@dataclass(frozen=True, slots=True)
class Situation:
    """What a policy may know when it decides."""

    pipeline: Pipeline
    forecast: Forecast
    observation: Observation | None
    running: Configuration | None
    """What serves now; None before the first decision."""
    future_rps: tuple[float, ...] | None = None
    """The true load from now on, one figure a second; None but for policies with foresight."""
    interval_s: float = 10.0
    """Seconds until the next decision."""
    planned_rps: float = 0.0
    """Peak load the operator planned for, in requests per second: what static policies are sized for."""
    belief: Belief = field(default_factory=Belief)
    margins: Margins = field(default_factory=Margins)


class Policy(Protocol):
    """Decides the configuration for the next interval."""

    @property
    def foresight(self) -> bool:
        """Whether it must be given the true load as its forecast."""
        ...

    def decide(self, situation: Situation) -> Configuration:
        """Return what should run next.

        Raises:
            UsageError: nothing can be decided, for instance because no configuration is feasible and
                nothing runs that could be held.
        """
        ...


def optimum_or_hold(situation: Situation, objective: Objective | None = None) -> Configuration:
    """Return the exact optimum at the upper forecast, or what runs where nothing is feasible.

    What waits already counts as load where requests may wait (`core.patience`), as far as it can be carried
    beside what comes. *objective* stands in for the pipeline's own.

    Raises:
        UsageError: nothing is feasible and nothing runs.
    """
    forecast_rps = situation.forecast.upper_rps
    waiting_rps = backlog_rps(situation.pipeline, situation.observation, situation.running)
    found = _solved(situation, objective, forecast_rps + waiting_rps)
    if waiting_rps > 0 and isinstance(found, Infeasible):
        fits_rps = [r.needed for r in found.relaxations if r.limit == "load"]
        found = _solved(situation, objective, max(forecast_rps, *fits_rps))
    match found:
        case Optimum(configuration=configuration):
            return configuration
        case Infeasible(bindings=bindings):
            if situation.running is None:
                raise UsageError(f"nothing is feasible: {bindings[0].statement}")
            return situation.running


def _solved(situation: Situation, objective: Objective | None, load_rps: float) -> Solution:
    return solve(
        Problem.of(
            situation.pipeline,
            load_rps,
            objective=objective,
            margins=situation.margins,
            belief=situation.belief,
            running=situation.running,
        )
    )


Factory = Callable[..., Policy]
"""Makes a fresh policy; its keyword arguments are the policy's parameters."""

_FACTORIES: dict[str, Factory] = {}


def register(name: str) -> Callable[[Factory], Factory]:
    """Offer a policy under *name*: one decorator on the class is all it takes."""

    def keep(factory: Factory) -> Factory:
        _FACTORIES[name] = factory
        return factory

    return keep


def create(name: str, parameters: Mapping[str, object] | None = None) -> Policy:
    """Return a fresh policy called *name*, with parameters of its own where they are given.

    Raises:
        UsageError: there is none, or it has no such parameter.
    """
    if name not in _FACTORIES:
        close = get_close_matches(name, _FACTORIES, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise UsageError(f"no policy called {name!r}.{hint} Known: {', '.join(sorted(_FACTORIES))}")
    factory = _FACTORIES[name]
    try:
        inspect.signature(factory).bind(**(parameters or {}))
    except TypeError as error:
        raise UsageError(f"policy {name!r}: {error}; it takes {inspect.signature(factory)}") from error
    return factory(**(parameters or {}))


def names() -> tuple[str, ...]:
    """Return the names of all policies."""
    return tuple(sorted(_FACTORIES))
