"""How many requests come in each second of an episode is known without living it: what scrapes count."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from core.errors import UsageError
from simulator.options import TwinOptions
from simulator.twin import arrivals_per_second
from tests.simulator.toys import twin_of_one, variant

TRACE = (3.0, 0.0, 12.0, 55.0, 1.0, 0.0, 8.0, 9.0, 0.0, 0.0)
POISSON, EXACT = TwinOptions(drop="none"), TwinOptions(drop="none", arrivals="exact")


@pytest.mark.parametrize("options", [POISSON, EXACT], ids=["poisson", "exact"])
@pytest.mark.parametrize("seed", range(8))
def test_they_are_what_a_twin_scrapes(options: TwinOptions, seed: int) -> None:
    twin = twin_of_one(variant(), TRACE * 4, seed=seed, options=options)
    totals = [twin.scrape().requests_total]
    for _ in range(40):
        twin.step(twin.now_s + 1.0)
        totals.append(twin.scrape().requests_total)

    counts = arrivals_per_second(TRACE * 4, seed=seed, options=options)

    assert [*counts] == [after - before for before, after in pairwise(totals)]


def test_what_is_configured_or_dropped_changes_nothing() -> None:
    dropping = TwinOptions()

    few, many = (
        twin_of_one(variant(), TRACE, replicas=replicas, seed=3, options=dropping) for replicas in (1, 9)
    )
    for twin in (few, many):
        twin.step(10.0)

    counts = arrivals_per_second(TRACE, seed=3, options=dropping)
    assert few.scrape().requests_total == many.scrape().requests_total == sum(counts)


def test_even_arrivals_are_the_trace() -> None:
    assert [*arrivals_per_second(TRACE, seed=1, options=EXACT)] == [*TRACE]


def test_a_silent_end_has_its_seconds_too() -> None:
    assert len(arrivals_per_second((1.0, 0.0, 0.0), seed=1, options=POISSON)) == 3
    assert [*arrivals_per_second((0.0, 0.0), seed=1, options=POISSON)] == [0, 0]


def test_over_many_seeds_they_have_the_mean_and_the_variance_of_a_poisson_process() -> None:
    counts = np.array([arrivals_per_second((20.0,) * 50, seed=s, options=POISSON) for s in range(40)])

    assert counts.mean() == pytest.approx(20.0, abs=0.5)  # five standard deviations of 2000 seconds
    assert counts.var() == pytest.approx(20.0, abs=3.2)


def test_a_trace_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="second 1 of the trace is -1"):
        arrivals_per_second((1.0, -1.0), seed=1, options=POISSON)
