"""IPA's predictor, or what stands in for it: `python -m benchmarks.ipa_predictor [--data DIR]`.

IPA's LSTM reads the last 120 s as 12 maxima of 10 s and tells the maximum of the next 20 s. It was trained
on the first 14 days of the Twitter trace, int(raw / 8), zeros removed; its weights are not published. Ours is
the linear map of the same 12 numbers that fits the same 14 days best (least squares, a constant added).
Printed are its 13 coefficients (`AR_WEIGHTS`, `AR_CONSTANT_RPS` of baselines/ipa.py) and the sMAPE,
the mean of 200 |y - f| / (y + f), on the next 7 days, beside two of its inputs taken as they are.
IPA's LSTM had 9.6 to 9.8 % in its own logs, on one of the four windows that IPA replays, so on other seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.forecast import BLOCK_S, DATA, DAY_S, HORIZON_S, TEST_DAYS, TRAIN_DAYS, WINDOW_S, load
from benchmarks.machine import machine

DAMPING = 8
"""IPA replays int(raw / 8)."""
DIGITS = 4
"""Decimals of the coefficients: more change no forecast by a hundredth of a request."""

Floats = NDArray[np.float64]


def samples(raw: Floats) -> tuple[Floats, Floats]:
    """Return the 12 maxima before every tenth second, and the maximum of the 20 s after it."""
    counts = np.floor(raw[raw > 0] / DAMPING)
    blocks = np.lib.stride_tricks.sliding_window_view(counts, BLOCK_S).max(axis=1)
    ahead = np.lib.stride_tricks.sliding_window_view(counts, HORIZON_S).max(axis=1)
    at = np.arange(WINDOW_S, len(counts) - HORIZON_S + 1, BLOCK_S)
    inputs = np.stack([blocks[at - back] for back in range(WINDOW_S, 0, -BLOCK_S)], axis=1)
    return inputs, ahead[at]


def fitted(inputs: Floats, targets: Floats) -> Floats:
    """Return the least-squares weights, oldest first, and the constant at the end, rounded."""
    found, *_ = np.linalg.lstsq(_with_one(inputs), targets, rcond=None)
    return np.round(found, DIGITS)


def smape(targets: Floats, forecasts: Floats) -> float:
    """Return the symmetric mean absolute percentage error, in per cent."""
    whole = targets + forecasts
    return float(np.mean(200 * np.abs(targets - forecasts) / np.where(whole > 0, whole, 1.0)))


def main() -> None:
    """Print the coefficients and the errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds ipa/")
    raw = load(parser.parse_args().data)
    first = TRAIN_DAYS * DAY_S
    found = fitted(*samples(raw[:first]))
    inputs, targets = samples(raw[first : first + TEST_DAYS * DAY_S])
    print(machine("numpy"))
    print(f"weights, oldest first: {', '.join(f'{w:g}' for w in found[:-1])}")
    print(f"constant: {found[-1]:g} rps")
    print(f"sMAPE on {len(targets)} targets of the {TEST_DAYS} test days:")
    print(f"  linear    {smape(targets, _with_one(inputs) @ found):6.2f} %")
    print(f"  last 10 s {smape(targets, inputs[:, -1]):6.2f} %")
    print(f"  last 20 s {smape(targets, inputs[:, -2:].max(axis=1)):6.2f} %")


def _with_one(inputs: Floats) -> Floats:
    return np.column_stack([inputs, np.ones(len(inputs))])


if __name__ == "__main__":
    main()
