"""Train the classifiers: multinomial logistic regression on the training phrases, in seconds, in numpy.

Minimizes mean cross-entropy + PENALTY / 2 * |weights|^2 by gradient descent with momentum from zero, so the
same texts give the same weights. Some words of each text are left out, as a recogniser loses some.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from pipelines.audio.phrases import INTENTS, Said, training_texts
from pipelines.files import replacing
from pipelines.runtime import Tensor

SEED = 7
PER_PATTERN = 12
"""Fillings of each training pattern."""
MOST_LOST = 0.25
"""Share of the words that a copy of a text may lack."""
PENALTY = 2e-4
STEPS, STEP, MOMENTUM = 400, 4.0, 0.9


@dataclass(frozen=True, slots=True)
class Linear:
    """One weight per feature and intent."""

    weights: Tensor
    bias: Tensor

    def __call__(self, rows: Tensor) -> list[str]:
        """Return the likeliest intent of each row."""
        return [INTENTS[k] for k in (rows @ self.weights + self.bias).argmax(axis=1)]


def corpus() -> tuple[list[str], NDArray[np.int64]]:
    """Return the training texts, each whole and with words lost, and the number of the intent of each."""
    said = training_texts(SEED, PER_PATTERN)
    rng = np.random.default_rng(SEED)
    said += [Said(_thinned(one.text, rng), one.intent) for one in said]
    return [one.text for one in said], np.array([INTENTS.index(one.intent) for one in said])


def trained(rows: Tensor, classes: NDArray[np.int64]) -> Linear:
    """Return the regression fitted to *rows*."""
    wanted = np.eye(len(INTENTS), dtype=np.float32)[classes]
    weights = np.zeros((rows.shape[1], len(INTENTS)), np.float32)
    bias = np.zeros(len(INTENTS), np.float32)
    pace, bias_pace = np.zeros_like(weights), np.zeros_like(bias)
    for _ in range(STEPS):
        error = (_shares(rows @ weights + bias) - wanted) / len(rows)
        pace *= MOMENTUM
        pace -= STEP * (rows.T @ error + PENALTY * weights)
        bias_pace *= MOMENTUM
        bias_pace -= STEP * error.sum(axis=0)
        weights += pace
        bias += bias_pace
    return Linear(weights, bias)


def kept(path: Path, make: Callable[[], dict[str, NDArray[np.generic]]]) -> None:
    """Write what *make* returns to *path*, unless a whole file is there."""
    if readable(path):
        return
    with replacing(path, sync="none") as file:
        np.savez_compressed(file, **make())  # type: ignore[arg-type] # to mypy ** may hold allow_pickle


def readable(path: Path) -> bool:
    """Say whether *path* holds arrays that can be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return bool(dict(arrays.items()))
    except (OSError, ValueError, EOFError, BadZipFile):
        return False


def _shares(scores: Tensor) -> Tensor:
    """Return softmax of each row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Tensor = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _thinned(text: str, rng: np.random.Generator) -> str:
    words: Sequence[str] = text.split()
    left = [word for word in words if rng.uniform() >= MOST_LOST]
    return " ".join(left or words)
