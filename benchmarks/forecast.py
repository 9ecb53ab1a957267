"""Every forecaster on IPA's task: `python -m benchmarks.forecast [--data DIR]`.

The task, exactly. The series is the Twitter trace in `../shared/data/ipa`, raw counts per second:
its first 14 days are for warming up (only the last of them is used: `WARM_UP_DAYS`), the next 7 for
the test. A second with count 0 is missing: the collector was down (1739 s at the same minute of
every day, and some shorter runs); no second of a running collector is 0. Every 10 s, a forecast of
the maximum over the next 20 s from the last 120 s. Scored is every forecast whose 140 s are all
there. sMAPE is the mean of 200 |y - f| / (y + f), in per cent; pinball is in requests per second.

Under this definition the last maximum of 10 s gives 9.5 %, not the 9.3 % of our notes. Nothing
tried gives all the figures of the notes: zeros kept, or cut out before or after the days are
(9.5 %), int(raw / 8) (10.0 %), windows every 20 s (9.5 %); the day that begins at second
16 x 86400 alone gives 9.2 %. We keep the whole week, the harder reading for the 7.6 % to be met.
"""

import argparse
import gzip
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import machine
from tools.forecast import create, names
from tools.forecast.mixture import pinball

DATA = Path(__file__).resolve().parents[1] / ".." / "shared" / "data"
TRACE = Path("ipa") / "traces" / "twitter_2021_08_full_raw_per_second.txt.gz"
DAY_S, BLOCK_S, WINDOW_S, HORIZON_S = 86_400, 10, 120, 20
TRAIN_DAYS, TEST_DAYS = 14, 7
WARM_UP_DAYS = 1
QUANTILE = 0.9


@dataclass(frozen=True, slots=True)
class Score:
    """How one forecaster did over the scored forecasts."""

    name: str
    forecasts: int
    smape: float
    """In per cent."""
    pinball_rps: float
    coverage: float
    median_s: float
    """Seconds to observe ten samples and make one forecast."""
    under: float
    """The share of points below their target."""


def load(data: Path) -> NDArray[np.float64]:
    """Return the counts per second, or raise `FileNotFoundError`."""
    with gzip.open(data / TRACE, "rt") as lines:
        return np.array(lines.read().split(), dtype=np.float64)


def run(name: str, warm_up: NDArray[np.float64], test: NDArray[np.float64]) -> Score:
    """Feed *warm_up* and *test* to a new forecaster, and score it on *test*."""
    forecaster = create(name, QUANTILE)
    forecaster.observe(_with_none(warm_up[:WINDOW_S]))
    forecaster.forecast(HORIZON_S)
    forecaster.observe(_with_none(warm_up[WINDOW_S:]))
    rows, seconds = [], []
    samples = _with_none(test)
    whole = set(_whole_origins(test))
    for at in range(BLOCK_S, len(test) - HORIZON_S + 1, BLOCK_S):
        start = time.perf_counter()
        forecaster.observe(samples[at - BLOCK_S : at])
        if at not in whole:
            continue
        forecast = forecaster.forecast(HORIZON_S)
        seconds.append(time.perf_counter() - start)
        target = test[at : at + HORIZON_S].max()
        rows.append((target, forecast.point_rps, forecast.upper_rps))
    y, point, upper = np.array(rows).T
    return Score(
        name=name,
        forecasts=len(rows),
        smape=float(np.mean(200 * np.abs(y - point) / (y + point))),
        pinball_rps=float(np.mean([pinball(u, t, QUANTILE) for t, u in zip(y, upper, strict=True)])),
        coverage=float(np.mean(y <= upper)),
        median_s=float(np.median(seconds)),
        under=float(np.mean(point < y)),
    )


def split(counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the last training day and the test days."""
    first = TRAIN_DAYS * DAY_S
    return counts[first - WARM_UP_DAYS * DAY_S : first], counts[first : first + TEST_DAYS * DAY_S]


def _with_none(counts: NDArray[np.float64]) -> list[float | None]:
    """Return *counts* with `None` for the seconds in which the collector was down."""
    return [count or None for count in counts.tolist()]


def _whole_origins(counts: NDArray[np.float64]) -> Iterator[int]:
    """Yield every tenth second whose window and target have no second missing."""
    missing = np.concatenate([[0], np.cumsum(counts == 0)])
    for at in range(WINDOW_S, len(counts) - HORIZON_S + 1, BLOCK_S):
        if missing[at + HORIZON_S] == missing[at - WINDOW_S]:
            yield at


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds ipa/")
    warm_up, test = split(load(parser.parse_args().data))
    print(machine("numpy"))
    print("forecaster  forecasts  sMAPE %  pinball@0.9 rps  coverage %  under %  median us")
    for name in names():
        s = run(name, warm_up, test)
        print(
            f"{s.name:10}  {s.forecasts:9}  {s.smape:7.2f}  {s.pinball_rps:15.3f}  "
            f"{100 * s.coverage:10.2f}  {100 * s.under:7.1f}  {1e6 * s.median_s:9.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
