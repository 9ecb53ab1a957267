"""The twin against what queueing theory knows exactly.

Each figure is the mean of independent runs, held to four standard errors of that mean: a right twin
fails one of these about once in ten thousand seeds, and the seeds are fixed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from simulator.options import TwinOptions
from simulator.twin import Twin
from tests.simulator.toys import profile, twin_of_one, variant

RUNS = 24
STANDARD_ERRORS = 4.0
EXPONENTIAL = TwinOptions(drop="none", service="exponential")
DETERMINISTIC = TwinOptions(drop="none", service="deterministic")


def mean_wait_s(twin: Twin) -> float:
    twin.drain()
    wait_s = twin.scrape().queue_wait_s["only"].mean
    assert wait_s is not None
    return wait_s


def assert_mean(measured: Callable[[int], float], expected: float) -> None:
    values = np.array([measured(seed) for seed in range(RUNS)])
    error = values.std(ddof=1) / math.sqrt(RUNS)

    assert abs(values.mean() - expected) < STANDARD_ERRORS * error
    assert error < 0.03 * expected, "too noisy to tell anything"


def erlang_c(servers: int, offered: float) -> float:
    """The probability that a customer waits in M/M/c."""
    terms = [offered**k / math.factorial(k) for k in range(servers)]
    last = offered**servers / math.factorial(servers) * servers / (servers - offered)
    return last / (sum(terms) + last)


@pytest.mark.parametrize(
    ("servers", "load_rps"),
    [
        pytest.param(1, 6.0, id="one server at 60 %"),
        pytest.param(3, 24.0, id="three servers at 80 %"),
        pytest.param(10, 85.0, id="ten servers at 85 %"),
    ],
)
def test_waits_of_exponential_servers_follow_erlang(servers: int, load_rps: float) -> None:
    service_rps = 10.0
    expected = erlang_c(servers, load_rps / service_rps) / (servers * service_rps - load_rps)
    trace = [load_rps] * int(200_000 / load_rps)

    assert_mean(
        lambda seed: mean_wait_s(
            twin_of_one(variant(), trace, replicas=servers, seed=seed, options=EXPONENTIAL)
        ),
        expected,
    )


def test_waits_of_a_deterministic_server_follow_pollaczek_and_khinchine() -> None:
    load_rps, service_s = 7.0, 0.1
    used = load_rps * service_s
    expected = used * service_s / (2 * (1 - used))

    assert_mean(
        lambda seed: mean_wait_s(
            twin_of_one(variant(), [load_rps] * 20_000, seed=seed, options=DETERMINISTIC)
        ),
        expected,
    )


def bulk_root(load_rps: float, service_rps: float, most: int) -> float:
    """The root in (0, 1) of load * (1 - r) = service * r * (1 - r ** most), by bisection."""
    low, high = 1e-9, 1 - 1e-9
    for _ in range(200):
        r = (low + high) / 2
        if service_rps * r * (1 - r**most) > load_rps * (1 - r):
            high = r
        else:
            low = r
    return (low + high) / 2


@pytest.mark.parametrize(
    ("most", "load_rps"),
    [
        pytest.param(1, 7.0, id="batch 1 is M/M/1"),
        pytest.param(4, 28.0, id="batches of 4 at 70 %"),
        pytest.param(8, 20.0, id="batches of 8 at 25 %"),
    ],
)
def test_waits_for_bulk_service_follow_the_geometric_law(most: int, load_rps: float) -> None:
    """M/M^[1,b]/1: a free server takes up to b of those waiting and the time does not depend on how many.

    With n waiting while busy, P(n) = C r^n with r the root above; P(idle) = C service / load.
    """
    service_rps = 10.0
    r = bulk_root(load_rps, service_rps, most)
    c = 1 / (1 / (1 - r) + service_rps / load_rps)
    expected = c * r / (1 - r) ** 2 / load_rps
    flat = variant(profile=profile(**{"b1": 0.1, f"b{most}": 0.1}))

    assert_mean(
        lambda seed: mean_wait_s(
            twin_of_one(
                flat,
                [load_rps] * int(200_000 / load_rps),
                batch=most,
                seed=seed,
                options=EXPONENTIAL,
            )
        ),
        expected,
    )


def test_a_batch_that_must_be_full_waits_for_its_members() -> None:
    """With a replica always free the k-th of b waits for b - k arrivals: (b - 1) / (2 load) on average."""
    batch, load_rps = 8, 50.0
    expected = (batch - 1) / (2 * load_rps)
    spec = variant(profile=profile(b1=0.1, b8=0.1))

    def measured(seed: int) -> float:
        twin = twin_of_one(spec, [load_rps] * 1000, batch=batch, replicas=100, wait_s=math.inf, seed=seed)
        twin.step(1000.0)
        return float(twin.scrape().queue_wait_s["only"].mean or math.nan)

    assert_mean(measured, expected)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"replicas": 1}, id="one replica"),
        pytest.param({"replicas": 3, "batch": 4, "wait_s": 0.2}, id="batches"),
    ],
)
def test_the_mean_queue_is_arrival_rate_times_mean_wait(fields: dict[str, Any]) -> None:
    """Little's law, which holds exactly for a run that starts and ends empty."""
    spec = variant(profile=profile(b1=0.1, b4=0.2))
    twin = twin_of_one(spec, [8.0] * 500, **fields)

    twin.drain()

    waits, report = twin.scrape().queue_wait_s["only"], twin.report()
    assert waits.count == report.requests > 3000
    assert report.mean_queue["only"] * report.seconds == pytest.approx(waits.total, rel=1e-9)
