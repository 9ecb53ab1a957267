"""What would make it switch, against figures worked out by hand and a brute-force scan.

With a core at 0.5 the large variant is worth it while 7.2 - 0.5 x 2 ceil(L / 5) beats
4.5 - 0.5 x ceil(L / 12.5) (small replicas take batches of two): up to 15 requests/s.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.explain.switches import (
    MOST_SLOWER,
    PRECISION,
    STEP,
    STEPS,
    accuracy_switch,
    latency_switch,
    load_switch,
)
from core.problem import Problem
from tests.agent.explain.records import STEEP
from tests.agent.toy import TEXT, pipeline_of

OPTIONS = {"small": (0.5, 1, ((1, 0.1), (2, 0.16))), "large": (0.8, 2, ((1, 0.2),))}
"""Accuracy, cores, and batch with latency in seconds, of stage `find`."""


def steep(load_rps: float) -> Problem:
    return Problem.of(pipeline_of(STEEP), load_rps)


def best_of(
    load_rps: float, beta: float, *, slower: float = 1.0, left: float = 1.0
) -> tuple[str | None, float]:
    """Return the best variant of `find` by trying everything, and how far ahead of the other it is."""
    read = math.ceil(load_rps / 10 - 1e-9)
    scores: dict[str, float] = {}
    for name, (accuracy, cores, points) in OPTIONS.items():
        factor, share = (slower, left) if name == "large" else (1.0, 1.0)
        for batch, latency_s in points:
            for replicas in range(1, 9):
                carries = replicas * batch / (latency_s * factor) >= load_rps * (1 - 1e-9) and read <= 4
                total_s = latency_s * factor + (batch - 1) / load_rps + 0.1
                used = replicas * cores + max(read, 1)
                if carries and total_s <= 2 and used <= 40:
                    value = 10 * accuracy * share * 0.9 - beta * used
                    scores[name] = max(scores.get(name, -math.inf), value)
    if not scores:
        return None, math.inf
    first = max(scores, key=lambda name: scores[name])
    others = [value for name, value in scores.items() if name != first]
    return first, scores[first] - max(others, default=-math.inf)


def test_more_load_than_fifteen_switches_to_the_small_variant() -> None:
    point = load_switch(steep(10), up=True)

    assert point is not None
    assert point.to is not None
    assert point.kept <= 15 * (1 + 1e-9) < point.changed <= 15 * (1 + 2 * PRECISION)
    assert point.to.configuration["find"].variant == "small"


def test_less_load_switches_back_at_the_same_place() -> None:
    point = load_switch(steep(19), up=False)

    assert point is not None
    assert 15 * (1 - 2 * PRECISION) <= point.changed <= 15 * (1 + 1e-9) < point.kept


def test_where_nothing_is_feasible_any_more_is_a_switch_to_nothing() -> None:
    point = load_switch(Problem.of(pipeline_of(), 30), up=True)

    assert point is not None
    assert point.to is None
    assert point.changed == pytest.approx(40, rel=2 * PRECISION)


def test_four_times_slower_the_large_variant_needs_more_replicas_than_there_are() -> None:
    point = latency_switch(Problem.of(pipeline_of(), 10), "find", "large")

    assert point is not None
    assert point.kept <= 4 * (1 + 1e-9) < point.changed <= 4 * (1 + 2 * PRECISION)


def test_two_thirds_of_its_accuracy_is_where_the_large_variant_is_left() -> None:
    point = accuracy_switch(Problem.of(pipeline_of(), 10), "find", "large")

    assert point is not None
    assert point.changed <= 2 / 3 < point.kept * (1 + 1e-6)
    assert point.changed == pytest.approx(2 / 3, rel=2 * PRECISION)


def test_what_is_not_used_and_what_is_the_only_one_are_not_left() -> None:
    assert latency_switch(Problem.of(pipeline_of(), 10), "find", "small") is None
    assert accuracy_switch(Problem.of(pipeline_of(), 10), "read", "only") is None
    assert load_switch(Problem.of(pipeline_of(), 0), up=True) is None
    assert load_switch(Problem.of(pipeline_of(), 100), up=True) is None


@settings(max_examples=8, deadline=None)
@given(
    load_rps=st.floats(3, 38),
    beta=st.floats(0.1, 1.0).map(lambda b: round(b, 3) + 0.000137),
    up=st.booleans(),
)
def test_the_switch_is_the_first_that_a_scan_of_the_stated_loads_finds(
    load_rps: float, beta: float, up: bool
) -> None:
    problem = Problem.of(pipeline_of(TEXT.replace("beta: 0.1", f"beta: {beta}")), load_rps)
    ratio = STEP if up else 1 / STEP
    loads = [load_rps * ratio**k for k in range(STEPS + 1)]
    bests = [best_of(rps, beta)[0] for rps in loads]
    first = next((k for k, best in enumerate(bests) if best != bests[0]), None)

    point = load_switch(problem, up=up)

    if bests[0] is None or first is None:
        assert point is None
        return
    assert point is not None
    low, high = sorted((loads[first - 1], loads[first]))
    assert (
        low * (1 - 1e-9)
        <= min(point.kept, point.changed)
        <= max(point.kept, point.changed)
        <= high * (1 + 1e-9)
    )
    assert best_of(point.kept, beta)[0] == bests[0] != best_of(point.changed, beta)[0]
    assert abs(point.changed - point.kept) <= PRECISION * min(point.kept, point.changed)


@settings(max_examples=8, deadline=None)
@given(load_rps=st.floats(3, 38), beta=st.floats(0.1, 0.4).map(lambda b: round(b, 3) + 0.000137))
def test_the_latency_and_accuracy_at_which_a_variant_is_left_are_those_of_a_scan(
    load_rps: float, beta: float
) -> None:
    problem = Problem.of(pipeline_of(TEXT.replace("beta: 0.1", f"beta: {beta}")), load_rps)
    if best_of(load_rps, beta)[0] != "large":
        return

    slower = latency_switch(problem, "find", "large")
    worse = accuracy_switch(problem, "find", "large")

    if best_of(load_rps, beta, slower=MOST_SLOWER)[0] == "large":
        assert slower is None
    else:
        assert slower is not None
        assert best_of(load_rps, beta, slower=slower.kept)[0] == "large"
        assert best_of(load_rps, beta, slower=slower.changed)[0] == "small"
    assert worse is not None
    assert best_of(load_rps, beta, left=worse.kept)[0] == "large"
    assert best_of(load_rps, beta, left=worse.changed)[0] == "small"
