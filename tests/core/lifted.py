"""Instances with one limit moved or lifted, to ask the oracle how far each limit can be approached."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.core.brute import Instance

ENDLESS_S = 1e12
"""An SLO that nothing but an endless wait breaks."""


def with_slo(instance: Instance, slo_s: float = ENDLESS_S) -> Instance:
    """Return the instance under another SLO, by default none."""
    return _with_spec(instance, slo={"latency": slo_s})


def with_budget(instance: Instance, cores: float | None = None) -> Instance:
    """Return the instance under another core budget, by default none."""
    goal = {key: value for key, value in instance.spec["objective"].items() if key != "maxCores"}
    return _with_spec(instance, objective=goal, limits={"maxCores": cores})


def with_floor(instance: Instance, floor: float = 0.0) -> Instance:
    """Return the instance under another accuracy floor, by default none."""
    goal = {key: value for key, value in instance.spec["objective"].items() if key != "minAccuracy"}
    if floor or goal.get("minimise"):
        goal["minAccuracy"] = floor
    return _with_spec(instance, objective=goal)


def at_load(instance: Instance, load_rps: float) -> Instance:
    """Return the instance at another load."""
    return replace(instance, load_rps=load_rps)


def _with_spec(instance: Instance, **changes: Any) -> Instance:  # noqa: ANN401 - parts of a file
    return replace(instance, document={**instance.document, "spec": {**instance.spec, **changes}})
