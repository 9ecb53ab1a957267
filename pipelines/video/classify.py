"""Say which sign a crop shows: networks that see it ever finer, and answer nothing where it is no sign.

A crop of any size is scaled to a square of the variant's side, coloured or grey, and its brightness and
contrast are evened out; the networks (trained in `learn`) are matrices, whose weights are read once for a
whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipelines.pictures import Pixels
from pipelines.runtime import Network, Tensor, threads
from pipelines.video.boxes import Crop
from pipelines.video.signs import LABELS
from pipelines.weights import present

NOTHING = len(LABELS)
"""The networks' last class: no sign."""
FLATTEST = 0.02
"""Contrast (of 1) below which a crop is not amplified any further."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What a classifier sees, and what it is made of."""

    name: str
    side: int
    """Pixels of the square that a crop is scaled to."""
    coloured: bool
    hidden: tuple[int, ...]
    """Neurons by layer; none is a linear model."""

    @property
    def file(self) -> str:
        """The name of its weights."""
        return f"classify-{self.name}.onnx"


SIGHTS = (
    Sight("linear", 12, False, ()),
    Sight("small", 16, False, (48,)),
    Sight("large", 32, True, (640,)),
)


@dataclass(frozen=True, slots=True)
class Classifier:
    """A network, and what it sees of a crop."""

    network: Network
    sight: Sight

    def __call__(self, items: Sequence[Crop]) -> list[list[str]]:
        """Return the label of each crop, or none where it is most likely no sign."""
        likelihoods = self.network(np.stack([looked_at(crop.pixels, self.sight) for crop in items]))
        return [[] if best == NOTHING else [LABELS[best]] for best in likelihoods.argmax(axis=1)]


def looked_at(pixels: Pixels, sight: Sight) -> Tensor:
    """Return the crop as the network gets it: one row of numbers around 0."""
    square = cv2.resize(pixels, (sight.side, sight.side), interpolation=cv2.INTER_AREA)
    if not sight.coloured:
        square = cv2.cvtColor(square, cv2.COLOR_BGR2GRAY)
    light = square.astype(np.float32).ravel() / np.float32(255)
    even: Tensor = (light - light.mean()) / np.maximum(light.std(), np.float32(FLATTEST))
    return even


def _loader(sight: Sight) -> Callable[[Path], Classifier]:
    def load(folder: Path) -> Classifier:
        cv2.setNumThreads(threads())
        return Classifier(Network(present(sight.file, folder)), sight)

    return load


VARIANTS: Mapping[str, Callable[[Path], Any]] = {sight.name: _loader(sight) for sight in SIGHTS}
"""How each variant is loaded from the folder of the weights; cheapest first."""
