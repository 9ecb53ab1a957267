"""Why nothing is feasible and what would help, against full enumeration with one limit moved at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from core.solution import Binding, Infeasible
from core.solve import solve
from tests.core.brute import Instance, Setting, feasible, figures, loads_of, settings_of, waiting_order
from tests.core.instances import case, problem_of
from tests.core.lifted import at_load, with_budget, with_floor, with_slo

# fmt: off
INFEASIBLE = (
    9, 10, 11, 15, 16, 17, 29, 37, 40, 41, 43, 46, 62, 63, 64, 68, 77, 78, 81, 82, 83, 89, 90, 92, 95, 97, 99,
    101, 102, 103, 106, 107, 110, 112, 115, 116, 123, 125, 137, 138, 145, 159, 161, 162, 163, 164, 166, 170,
    173, 174, 178, 189, 191, 196, 199,
)
# fmt: on
"""Of the first 200 instances, those that nothing satisfies."""

OF_A_STAGE = ("capacity", "excluded", "replicas.min", "stage cores", "batch")
"""Reasons why a stage has no setting at all: the other limits are not looked at then."""

SHARES = [k / 12 for k in range(1, 12)]
"""Of the load, at which the oracle looks for feasible ones."""
LOAD_PRECISION, LATENCY_PRECISION = 1.1e-3, 1.1e-4
"""What `core.solve` promises, and a tenth more."""


@pytest.mark.parametrize("seed", INFEASIBLE)
def test_what_enumeration_holds_infeasible_is_answered_with_reasons(seed: int) -> None:
    assert not feasible(case(seed))

    answer = answered(seed)

    assert answer.bindings
    assert all(b.statement for b in answer.bindings)


@pytest.mark.parametrize("seed", INFEASIBLE)
def test_a_limit_said_to_bind_is_broken_by_the_difference_stated(seed: int) -> None:
    for binding in answered(seed).bindings:
        if binding.constraint == "limits together":
            continue
        at_most = binding.constraint.startswith(("latency", "cores", "stage cores", "batch"))
        by = binding.best - binding.limit if at_most else binding.limit - binding.best

        assert by > 0, binding.statement
        assert f"{binding.limit:.6g}" in binding.statement
        assert f"{binding.best:.6g}" in binding.statement
        if not binding.constraint.startswith("capacity"):
            assert f"{by:.6g}" in binding.statement


@pytest.mark.parametrize("seed", INFEASIBLE)
def test_the_nearest_to_each_limit_is_what_enumeration_finds(seed: int) -> None:
    instance = case(seed)
    found = {b.constraint: b for b in answered(seed).bindings}
    if any(name.startswith(OF_A_STAGE) for name in found):
        return

    unlimited = feasible(with_slo(with_floor(with_budget(instance))))
    if not unlimited:
        assert found.keys() == {"limits together"}
        return
    fastest = min(c.latency_s for c in unlimited)
    cheapest = min(c.cores for c in unlimited)
    surest = max(c.accuracy or 0.0 for c in unlimited)

    slo_s, floor = instance.spec["slo"]["latency"], instance.floor
    binds(found, "latency", fastest, slo_s, broken=fastest > slo_s, rel=LATENCY_PRECISION)
    binds(found, "cores", cheapest, instance.budget, broken=cheapest > instance.budget)
    binds(found, "accuracy floor", surest, floor, broken=surest < floor)
    alone = {"latency", "cores", "accuracy floor"} & found.keys()
    assert ("limits together" in found) == (not alone)


@pytest.mark.parametrize("seed", INFEASIBLE)
def test_a_stage_said_to_carry_too_little_does(seed: int) -> None:
    instance = case(seed)
    bounded = with_slo(with_floor(with_budget(instance)))

    for binding in answered(seed).bindings:
        if binding.constraint.startswith("capacity"):
            name = binding.constraint.removeprefix("capacity[").removesuffix("]")

            assert binding.best == pytest.approx(most_carried_rps(bounded, name))
            assert binding.limit == pytest.approx(least_load_rps(bounded, name) * instance.headroom)
            assert binding.best < binding.limit


@pytest.mark.parametrize("seed", INFEASIBLE)
def test_the_load_that_would_fit_fits_and_no_larger_one_does(seed: int) -> None:
    instance = case(seed)
    needed = relaxed(seed, "load")
    tried = [share * instance.load_rps for share in SHARES if instance.load_rps]

    if needed is None:
        assert not any(feasible(at_load(instance, load)) for load in tried)
        return
    assert needed < instance.load_rps
    assert feasible(at_load(instance, needed))
    assert not feasible(at_load(instance, needed * (1 + LOAD_PRECISION)))
    assert not any(feasible(at_load(instance, load)) for load in tried if load > needed * 1.002)


@pytest.mark.parametrize("seed", INFEASIBLE)
def test_the_slo_that_would_fit_fits_and_no_shorter_one_does(seed: int) -> None:
    instance = case(seed)
    needed = relaxed(seed, "latency")
    fastest = [c.latency_s for c in feasible(with_slo(instance))]

    if needed is None:
        assert not fastest
        return
    assert feasible(with_slo(instance, needed))
    assert min(fastest) <= needed * (1 + 1e-9)
    assert not feasible(with_slo(instance, needed * (1 - LATENCY_PRECISION)))


@pytest.mark.parametrize("seed", INFEASIBLE)
def test_the_cores_that_would_fit_fit_and_no_fewer_do(seed: int) -> None:
    instance = case(seed)
    needed = relaxed(seed, "cores")
    cheapest = [c.cores for c in feasible(with_budget(instance))]

    if needed is None:
        assert not cheapest or instance.budget == math.inf
        return
    assert needed == pytest.approx(min(cheapest))
    assert feasible(with_budget(instance, needed))
    assert not feasible(with_budget(instance, needed * 0.999))


@pytest.mark.parametrize("seed", INFEASIBLE)
def test_the_floor_that_would_fit_fits_and_no_higher_one_does(seed: int) -> None:
    instance = case(seed)
    needed = relaxed(seed, "accuracy")
    surest = [c.accuracy or 0.0 for c in feasible(with_floor(instance))]

    if needed is None:
        assert not surest or not instance.floor
        return
    assert needed == pytest.approx(max(surest))
    assert feasible(with_floor(instance, needed))
    assert needed == 0 or not feasible(with_floor(instance, needed * 1.001))


def test_every_kind_of_reason_and_of_help_is_met() -> None:
    answers = [answered(seed) for seed in INFEASIBLE]

    reasons = {b.constraint.split("[")[0] for answer in answers for b in answer.bindings}
    help_with = {r.limit for answer in answers for r in answer.relaxations}

    assert reasons | {"replicas.min"} == {
        *OF_A_STAGE,
        "latency",
        "cores",
        "accuracy floor",
        "limits together",
    }
    assert help_with == {"load", "latency", "cores", "accuracy"}


def test_a_stage_that_lost_more_than_its_least_replicas_says_so() -> None:
    instance = next(i for i in map(case, range(200)) if i.stages[0].get("replicas", {}).get("min", 1) >= 1)
    name, least = instance.stages[0]["name"], instance.stages[0].get("replicas", {}).get("min", 1)

    (binding,) = explained(replace(instance, replica_cap={name: least - 1}, excluded=frozenset())).bindings

    assert (binding.constraint, binding.best, binding.limit) == (f"replicas.min[{name}]", least - 1, least)


def explained(instance: Instance) -> Infeasible:
    answer = solve(problem_of(instance))
    assert isinstance(answer, Infeasible)
    return answer


@cache
def answered(seed: int) -> Infeasible:
    """Return the answer to an instance; eight tests read it."""
    return explained(case(seed))


def relaxed(seed: int, limit: str) -> float | None:
    """Return what *limit* would have to be; check that its present value is told with it."""
    instance = case(seed)
    found = [r for r in answered(seed).relaxations if r.limit == limit]
    present = {
        "load": instance.load_rps,
        "latency": instance.spec["slo"]["latency"],
        "cores": instance.budget,
        "accuracy": instance.floor,
    }
    assert [r.present for r in found] in ([], [present[limit]])
    assert all(f"{r.needed:.6g}" in r.statement for r in found)
    return found[0].needed if found else None


def binds(
    found: dict[str, Binding], name: str, best: float, limit: float, *, broken: bool, rel: float = 1e-6
) -> None:
    assert (name in found) == broken
    if broken:
        assert found[name].best == pytest.approx(best, rel=rel)
        assert found[name].limit == pytest.approx(limit)


def most_carried_rps(instance: Instance, name: str) -> float:
    stage = next(s for s in instance.stages if s["name"] == name)
    rows = [figures(instance, stage, setting, 1.0) for setting in settings_of(instance, stage)]
    return max((row.capacity_rps for row in rows), default=0.0)


def least_load_rps(instance: Instance, name: str) -> float:
    """Return the least load that any choice of the allowed variants brings to a stage."""
    order = waiting_order(instance)
    loads = []
    for variants in itertools.product(*(allowed(instance, stage) for stage in order)):
        settings = {stage["name"]: Setting(v["name"], 1, 1) for stage, v in zip(order, variants, strict=True)}
        loads.append(loads_of(instance, settings)[name])
    return min(loads)


def allowed(instance: Instance, stage: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the variants of a stage that are not excluded; all where none is left."""
    every = list(stage["variants"])
    return [v for v in every if (stage["name"], v["name"]) not in instance.excluded] or every
