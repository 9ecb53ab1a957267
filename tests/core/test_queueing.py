"""The queueing margin, with numbers worked out by hand and against exact formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.queueing import DEFAULT_SERVICE_SCV, service_scv, wait_quantile_s


def wait_s(
    *, load_rps: float, rate_rps: float, scv: float, quantile: float, batch: int = 1, replicas: int = 1
) -> float:
    """Return the quantile for one setting."""
    one = wait_quantile_s(
        load_rps=load_rps,
        batch=np.array([float(batch)]),
        replicas=np.array([float(replicas)]),
        rate_rps=np.array([rate_rps]),
        scv=np.array([scv]),
        quantile=quantile,
    )
    return float(one[0])


def test_one_exponential_server_is_exact() -> None:
    # M/M/1 with 5 of 10 rps: a wait with chance 0.5, then exponential with mean 1 / (10 - 5) s
    assert wait_s(load_rps=5, rate_rps=10, scv=1, quantile=0.99) == pytest.approx(0.2 * math.log(0.5 / 0.01))


def test_constant_service_halves_the_wait() -> None:
    assert wait_s(load_rps=5, rate_rps=10, scv=0, quantile=0.99) == pytest.approx(0.1 * math.log(0.5 / 0.01))


def test_full_batches_arrive_more_regularly() -> None:
    # batches of 4 take 0.2 s, half of the time is used: (1/4 + 0) / 2 * 0.2 / 0.5 = 0.05 s
    found = wait_s(load_rps=10, rate_rps=20, scv=0, quantile=0.99, batch=4)

    assert found == pytest.approx(0.05 * math.log(50))


def test_several_replicas_by_hand() -> None:
    # 3 replicas used to 0.8: P = 0.8 ** (sqrt(8) - 1), mean (1 + 0.5) / 2 * 0.1 / (3 * 0.2) = 0.125 s
    found = wait_s(load_rps=24, rate_rps=10, scv=0.5, quantile=0.9, replicas=3)

    assert found == pytest.approx(0.125 * (math.log(0.8) * (math.sqrt(8) - 1) + math.log(10)))


@pytest.mark.parametrize("replicas", [1, 2, 5, 10, 30])
@pytest.mark.parametrize("used", [0.5, 0.8, 0.95])
def test_it_errs_on_the_safe_side_of_erlangs_formula(replicas: int, used: float) -> None:
    mean_s = 0.1 / (replicas * (1 - used))
    exact = max(0.0, mean_s * math.log(erlang_c(replicas, used) / 0.01))

    found = wait_s(load_rps=used * replicas * 10, rate_rps=10, scv=1, quantile=0.99, replicas=replicas)

    assert exact * 0.97 <= found <= exact + 0.8 * mean_s


def test_a_quantile_that_does_not_wait_waits_nothing() -> None:
    # half of the batches find a free replica
    assert wait_s(load_rps=5, rate_rps=10, scv=1, quantile=0.5) == 0
    assert wait_s(load_rps=5, rate_rps=10, scv=1, quantile=0.4) == 0
    assert wait_s(load_rps=5, rate_rps=10, scv=1, quantile=0.51) > 0


@pytest.mark.parametrize(
    ("load_rps", "replicas"),
    [
        pytest.param(20, 2, id="just used up"),
        pytest.param(25, 2, id="overloaded"),
        pytest.param(1, 0, id="no replicas"),
    ],
)
def test_without_spare_capacity_the_wait_is_endless(load_rps: float, replicas: int) -> None:
    assert wait_s(load_rps=load_rps, rate_rps=10, scv=1, quantile=0.9, replicas=replicas) == math.inf


@pytest.mark.parametrize("replicas", [0, 1])
def test_without_load_nothing_waits(replicas: int) -> None:
    assert wait_s(load_rps=0, rate_rps=10, scv=1, quantile=0.99, replicas=replicas) == 0


def test_the_wait_falls_with_replicas_and_grows_with_load_and_quantile() -> None:
    by_replicas = [wait_s(load_rps=9, rate_rps=10, scv=1, quantile=0.99, replicas=n) for n in range(1, 5)]
    by_load = [wait_s(load_rps=x, rate_rps=10, scv=1, quantile=0.99) for x in (1, 3, 5, 7, 9, 9.9)]
    by_quantile = [wait_s(load_rps=9, rate_rps=10, scv=1, quantile=q) for q in (0.2, 0.5, 0.9, 0.99)]

    assert by_replicas == sorted(by_replicas, reverse=True)
    assert by_load == sorted(by_load)
    assert by_quantile == sorted(by_quantile)
    assert len({*by_replicas}) == 4


def test_rows_do_not_influence_each_other() -> None:
    together = wait_quantile_s(
        load_rps=9.0,
        batch=np.array([1.0, 4.0, 1.0]),
        replicas=np.array([1.0, 1.0, 0.0]),
        rate_rps=np.array([10.0, 20.0, 10.0]),
        scv=np.array([1.0, 0.0, 1.0]),
        quantile=0.9,
    )

    assert together.tolist() == [
        wait_s(load_rps=9, rate_rps=10, scv=1, quantile=0.9),
        wait_s(load_rps=9, rate_rps=20, scv=0, quantile=0.9, batch=4),
        math.inf,
    ]


def test_variation_comes_from_median_and_p99() -> None:
    # log-normal: sigma = ln(2) / 2.3263 = 0.29796, exp(sigma ** 2) - 1 = 0.09284
    found = service_scv(np.array([0.2]), np.array([0.1]))

    assert found[0] == pytest.approx(0.09284, abs=1e-5)


@pytest.mark.parametrize("median_s", [math.nan, 0.2, 0.3])
def test_variation_is_assumed_where_the_median_does_not_tell(median_s: float) -> None:
    found = service_scv(np.array([0.2]), np.array([median_s]))

    assert found[0] == DEFAULT_SERVICE_SCV == 0.05


def erlang_c(replicas: int, used: float) -> float:
    """Return the exact chance to wait in M/M/n."""
    offered = replicas * used
    blocked = 1.0
    for n in range(1, replicas + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked / (1 - used * (1 - blocked))
