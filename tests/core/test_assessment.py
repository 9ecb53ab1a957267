"""The values of an assessment, and the bound on a chance that the core needs too."""

from __future__ import annotations

import math

import pytest

from core.assessment import Assessment, Signal, SignalState, breach_chance


def test_too_few_requests_are_no_evidence_of_a_breach() -> None:
    # 10 requests: (1e-10 * 1.1 ** 90) ** (1 / 10) = 0.236
    assert breach_chance(0.9, 10, 0.99) == pytest.approx(0.1 * 1.1**9)


def test_the_promised_share_itself_is_no_breach() -> None:
    assert breach_chance(0.99, 1e9, 0.99) == 1.0
    assert breach_chance(1.0, 1e9, 0.99) == 1.0


@pytest.mark.parametrize(("requests", "quantile"), [(20, 0.9), (100, 0.99), (300, 0.95), (900, 0.99)])
def test_the_bound_is_never_below_the_binomial_chance(requests: int, quantile: float) -> None:
    chance = 0.0
    for served in range(requests):
        chance += math.comb(requests, served) * quantile**served * (1 - quantile) ** (requests - served)

        assert breach_chance(served / requests, requests, quantile) >= chance * (1 - 1e-9)


@pytest.mark.parametrize(
    ("name", "state", "blind"),
    [
        ("load", "stale", True),
        ("ready[first]", "missing", True),
        ("arrivals[first]", "missing", True),
        ("load", "idle", False),
        ("ready[first]", "fresh", False),
        ("accuracy", "missing", False),
    ],
)
def test_only_an_unknown_signal_that_sizing_rests_on_makes_blind(
    name: str, state: SignalState, *, blind: bool
) -> None:
    assert Assessment(signals=(Signal(name=name, state=state),)).blind is blind
