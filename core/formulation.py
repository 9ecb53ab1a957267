"""The lines of the integer programme: what `core.ilp` states, written without knowing who solves it.

Each function adds the constraints of one kind, or returns the terms of one expression. The symbols, and
why all of it is exact, are in the docstring of `core.ilp`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

from core.dominance import charge
from core.joint import joint_rows
from core.options import Floats, Mask, StageOptions
from core.problem import TOLERANCE, Problem

CORE_WEIGHT, CHANGE_WEIGHT, ACCURACY_WEIGHT, NAME_WEIGHT = 1e3, 0.4, 4e-2, 1e-4
"""Tie-breaking: a thousandth of a core outweighs all changes, one change all accuracies, and half a
percent of the range of accuracies all names. Smaller name weights would drown in the solvers' tolerances."""

LEAST_ACCURACY = 1e-6
"""What an accuracy of 0 counts as when tied products are put in order."""

Variable = Any
Terms = list[tuple[Variable, float]]
Sense = Literal["<=", ">=", "=="]


class Programme(Protocol):
    """A model under construction."""

    problem: Problem
    stages: Sequence[StageOptions]
    choices: list[list[Variable]]
    """The x of each option of each stage."""
    rows: Terms
    """The joint table's accuracy, where the model has one."""

    def terms(self, values: Sequence[Floats]) -> Terms:
        """Return the terms of sum over stages and options of value * x."""
        ...

    def chosen(self, stage: int, rows: Mask) -> Terms:
        """Return the terms of the sum of the x of the marked options of a stage."""
        ...

    def variable(self, name: str, *, most: float) -> Variable:
        """Add a continuous variable from 0 to *most*."""
        ...

    def require(self, terms: Terms, sense: Sense, bound: float, name: str) -> None:
        """Add one linear constraint."""
        ...


def link_levels(programme: Programme) -> None:
    """Make each stage's level the largest load its incoming edges bring.

    For each threshold: no level at or below it without every edge at or below it, and none above it
    without some edge above it.
    """
    index = {s.stage.name: k for k, s in enumerate(programme.stages)}
    for k, s in enumerate(programme.stages):
        if len(s.levels_rps) == 1:
            continue
        edges = [
            (index[e.stage], _brought_rps(programme.stages[index[e.stage]]) * e.fan_out)
            for e in s.stage.after
        ]
        mine = s.levels_rps[s.options.level]
        for t, level in enumerate(s.levels_rps[:-1]):
            below = programme.chosen(k, mine <= level)
            above = programme.chosen(k, mine > level)
            reach: Terms = []
            for e, (parent, brought) in enumerate(edges):
                small = brought <= level * (1 + TOLERANCE)
                feeding = [(x, -c) for x, c in programme.chosen(parent, small)]
                programme.require(below + feeding, "<=", 0.0, f"level_{k}_{t}_from_{e}")
                reach += [(x, -c) for x, c in programme.chosen(parent, ~small)]
            programme.require(above + reach, "<=", 0.0, f"level_{k}_{t}_reached")


def _brought_rps(s: StageOptions) -> Floats:
    """Return the items per second each option sends along an edge of fan-out 1."""
    rates: Floats = s.levels_rps[s.options.level] * s.options.fan_out
    return rates


def hold_latency(programme: Programme) -> None:
    """Keep the longest path within the SLO, in units of the SLO."""
    pipeline = programme.problem.pipeline
    slo_s = pipeline.slo.latency_s
    finish: dict[str, Variable] = {}
    for k, (s, xs) in enumerate(zip(programme.stages, programme.choices, strict=True)):
        spent = [(x, -float(v)) for x, v in zip(xs, s.options.latency_s / slo_s, strict=True)]
        end = programme.variable(f"finish_{k}", most=1 + TOLERANCE)
        finish[s.stage.name] = end
        starts: list[Terms] = [[(finish[e.stage], -1.0)] for e in s.stage.after] or [[]]
        for e, start in enumerate(starts):
            programme.require([(end, 1.0), *start, *spent], ">=", 0.0, f"latency_{k}_{e}")


def hold_cores(programme: Programme) -> None:
    """Keep the cores of all stages within the budget, if there is one."""
    budget = programme.problem.max_cores
    if budget is not None:
        cores = programme.terms([s.options.cores for s in programme.stages])
        programme.require(cores, "<=", budget * (1 + TOLERANCE), "cores")


def hold_floor(programme: Programme) -> None:
    """Keep the accuracy floor; joint tables keep it by leaving out the rows below."""
    problem = programme.problem
    floor = problem.objective.min_accuracy
    if not floor or problem.pipeline.accuracy == "measured":
        return
    accuracies = [s.options.accuracy for s in programme.stages]
    least = floor * (1 - TOLERANCE)
    if problem.pipeline.accuracy == "product":
        accuracies, least = [np.log(a) for a in accuracies], math.log(least)
    programme.require(programme.terms(accuracies), ">=", least, "accuracy_floor")


def objective(programme: Programme) -> Terms:
    """Return what is to be maximised: the objective, or what orders configurations like it."""
    problem = programme.problem
    goal = problem.objective
    if goal.kind == "weighted":
        charges = programme.terms([-charge(problem, s.options) for s in programme.stages])
        return charges + [(v, goal.alpha * c) for v, c in accuracy(programme)]
    if goal.kind == "cost":
        if problem.pipeline.accuracy == "measured":
            table(programme)
        return programme.terms([-s.options.cores for s in programme.stages])
    if problem.pipeline.accuracy == "product":
        zeros = any((s.options.accuracy == 0).any() for s in programme.stages)
        return [] if zeros else programme.terms([np.log(s.options.accuracy) for s in programme.stages])
    return accuracy(programme)


def accuracy(programme: Programme) -> Terms:
    """Return the pipeline's accuracy as linear terms, adding what makes it so."""
    match programme.problem.pipeline.accuracy:
        case "sum":
            return programme.terms([s.options.accuracy for s in programme.stages])
        case "product":
            return _product(programme)
        case "measured":
            return table(programme)


def _product(programme: Programme) -> Terms:
    """Chain the product stage by stage; see the docstring of `core.ilp`."""
    before: Terms = []
    low, high = 1.0, 1.0
    for k, s in enumerate(programme.stages):
        values = np.unique(s.options.accuracy)
        parts: Terms = []
        for a, value in enumerate(values):
            part = programme.variable(f"p_{k}_{a}", most=high)
            chosen = programme.chosen(k, s.options.accuracy == value)
            above = [(x, -high) for x, _ in chosen]
            below = [(x, -low) for x, _ in chosen]
            programme.require([(part, 1.0), *above], "<=", 0.0, f"product_{k}_{a}_above")
            programme.require([(part, 1.0), *below], ">=", 0.0, f"product_{k}_{a}_below")
            parts.append((part, float(value)))
        total = [(part, 1.0) for part, _ in parts]
        carried = [(v, -c) for v, c in before]
        programme.require(total + carried, "==", 0.0 if before else 1.0, f"product_{k}")
        before = parts
        low, high = low * float(values[0]), high * float(values[-1])
    return before


def table(programme: Programme) -> Terms:
    """Choose one row of the joint table, the one of the chosen variants."""
    rows = joint_rows(programme.problem, programme.stages)
    ys = [programme.variable(f"y_{r}", most=1.0) for r in range(len(rows))]
    programme.require([(y, 1.0) for y in ys], "==", 1.0, "one_row")
    for k, s in enumerate(programme.stages):
        for m in range(len(s.stage.variants)):
            runs = [(x, -1.0) for x, _ in programme.chosen(k, s.options.variant == m)]
            named = [(y, 1.0) for y, row in zip(ys, rows, strict=True) if row.variants[k] == m]
            if runs or named:
                programme.require(named + runs, "==", 0.0, f"row_{k}_{m}")
    programme.rows = [(y, row.accuracy) for y, row in zip(ys, rows, strict=True)]
    return programme.rows


def tie_terms(programme: Programme) -> Terms:
    """Return what decides between optima: cores, then change, accuracy and name."""
    count = len(programme.stages)
    values = []
    for k, s in enumerate(programme.stages):
        rank = np.arange(len(s.options)) / max(1, len(s.options))
        values.append(
            CORE_WEIGHT * s.options.cores
            + CHANGE_WEIGHT / count * s.options.changed
            + NAME_WEIGHT / count * rank * (1 + k / count)  # later stages yield to earlier ones
        )
    return programme.terms(values) + [(v, -ACCURACY_WEIGHT * c) for v, c in _standing(programme)]


def _standing(programme: Programme) -> Terms:
    """Return terms that order configurations as the pipeline's accuracy does, from 0 to 1."""
    if programme.rows:
        low, high = (f(c for _, c in programme.rows) for f in (min, max))
        return [(y, (c - low) / ((high - low) or 1.0)) for y, c in programme.rows]
    accuracies = [s.options.accuracy for s in programme.stages]
    if programme.problem.pipeline.accuracy == "product":
        accuracies = [np.log(np.maximum(a, LEAST_ACCURACY)) for a in accuracies]
    span = sum(float(np.ptp(a)) for a in accuracies) or 1.0
    return programme.terms([(a - a.min()) / span for a in accuracies])
