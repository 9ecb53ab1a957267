"""Train the networks of both stages in minutes, with scikit-learn's perceptrons; see `lessons`.

The seeds are fixed: the same machine trains the same weights. A server imports neither scikit-learn nor onnx.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import UsageError
from pipelines.runtime import Network, session
from pipelines.video.classify import SIGHTS, looked_at
from pipelines.video.export import Layer, write_matrices, write_patches
from pipelines.video.lessons import SEED, Lessons, Shown, crops_of, mistaken, patches, shown
from pipelines.video.locate import GRIDS, Colour, Grid, Locator, Patches

FRAMES = 2400
"""Locators learn from the even ones first, and then from their mistakes on the odd ones."""
LOCATOR_ROUNDS, CLASSIFIER_ROUNDS = 7, 10
BATCH = 128
RATE, LAST_RATE, LAST_ROUNDS = 1e-3, 1e-4, 2
"""Of learning: the last rounds take small steps, so that little depends on where chance stops."""
DECAY = 1e-3
"""How strongly large weights are held back (the perceptron's alpha)."""

Say = Callable[[str], None]


def prepare(folder: Path, say: Say) -> None:
    """Train into *folder* what is not there, or not whole.

    Raises:
        UsageError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _train(folder, say)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}; name another folder") from error


def _train(folder: Path, say: Say) -> None:
    grids = [grid for grid in GRIDS if not whole(folder / grid.file)]
    sights = [sight for sight in SIGHTS if not whole(folder / sight.file)]
    frames = shown(FRAMES if grids or sights else 0)
    for grid in grids:
        say(f"training {grid.file}")
        write_patches(folder / grid.file, locator_layers(frames, grid, folder / "draft.onnx"), grid)
    if not sights:
        return
    quick: list[Locator] = [Colour(), *(Patches(Network(folder / grid.file), grid) for grid in GRIDS[:-1])]
    crops, classes = crops_of(frames, quick)
    for sight in sights:
        say(f"training {sight.file}")
        seen = np.stack([looked_at(crop.pixels, sight) for crop in crops])
        write_matrices(folder / sight.file, _learned((seen, classes), sight.hidden, CLASSIFIER_ROUNDS))


def whole(path: Path) -> bool:
    """Say whether the file is there and can be loaded."""
    if not path.is_file():
        return False
    try:
        session(path)
    except Exception:  # noqa: BLE001 - onnxruntime raises a class of its own for each kind of damage
        return False
    return True


def locator_layers(frames: Sequence[Shown], grid: Grid, draft: Path) -> list[Layer]:
    """Return a network that says whether the middle of a patch is inside of a sign's core.

    It is trained twice: the first network, written to *draft*, picks the hard patches for the second.
    """
    rng = np.random.default_rng(SEED)
    easy = [patches(one, grid, rng) for one in frames[::2]]
    write_patches(draft, _learned(_joined(easy), grid.hidden, LOCATOR_ROUNDS), grid)
    network = Network(draft)
    hard = [mistaken(one, grid, network, rng) for one in frames[1::2]]
    draft.unlink()
    return _learned(_joined([*easy, *hard]), grid.hidden, LOCATOR_ROUNDS)


def _joined(parts: Sequence[Lessons]) -> Lessons:
    return np.concatenate([inputs for inputs, _ in parts]), np.concatenate([classes for _, classes in parts])


def _learned(lessons: Lessons, hidden: tuple[int, ...], rounds: int) -> list[Layer]:
    """Return what a perceptron learns: the last layer has one neuron for two classes, else one for each."""
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - a server does not train
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415

    model: Any = MLPClassifier(hidden, batch_size=BATCH, random_state=SEED, alpha=DECAY, warm_start=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the rounds are chosen, not run out
        for rate, some in ((RATE, rounds), (LAST_RATE, LAST_ROUNDS)):
            model.set_params(learning_rate_init=rate, max_iter=some).fit(*lessons)
    return [
        Layer(weights.astype(np.float32), bias.astype(np.float32))
        for weights, bias in zip(model.coefs_, model.intercepts_, strict=True)
    ]
