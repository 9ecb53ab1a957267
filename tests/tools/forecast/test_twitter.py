"""IPA's task, on the seven test days: what `benchmarks.forecast` prints is held here."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.forecast import DATA, TRACE, load, run, split

Days = tuple[NDArray[np.float64], NDArray[np.float64]]


@pytest.fixture(scope="module")
def days() -> Days:
    if not (DATA / TRACE).exists():
        pytest.skip(f"the Twitter trace is not there: {TRACE} under ../shared/data")
    return split(load(DATA))


def test_the_mixture_meets_its_targets_on_the_test_days(days: Days) -> None:
    score = run("mixture", *days)

    assert score.forecasts > 58_000
    assert score.smape <= 7.6
    assert 0.88 <= score.coverage <= 0.92
    assert score.median_s < 0.001


def test_last_value_gives_what_we_say(days: Days) -> None:
    warm_up, test = days

    score = run("last", warm_up, test[:86_400])

    assert score.smape == pytest.approx(by_hand(test[:86_400]), abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "smape"),
    [("ar", 7.6), ("ar-means", 7.2), ("holt", 8.1), ("max", 9.0), ("last", 9.6)],
)
def test_every_forecaster_on_the_test_days(days: Days, name: str, smape: float) -> None:
    score = run(name, *days)

    assert score.smape <= smape
    assert 0.88 <= score.coverage <= 0.92
    assert score.median_s < 0.001


def by_hand(counts: NDArray[np.float64]) -> float:
    """The sMAPE of the last maximum, in numpy alone."""
    blocks = counts[: len(counts) // 10 * 10].reshape(-1, 10)
    tops = np.where((blocks == 0).any(axis=1), np.nan, blocks.max(axis=1))
    rows = np.lib.stride_tricks.sliding_window_view(tops, 14)
    rows = rows[~np.isnan(rows).any(axis=1)]
    target = rows[:, 12:].max(axis=1)
    return float(np.mean(200 * np.abs(target - rows[:, 11]) / (target + rows[:, 11])))
