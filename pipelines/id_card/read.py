"""Read upright crops of text: PP-OCR recognisers at several widths.

A crop is scaled to 48 pixels of height and N % of the width that keeps its proportions (`-wN`): fewer
columns cost less and blur letters together. A batch is padded to its widest crop. The network's columns
are decoded greedily (CTC: repeats merged, blanks dropped).
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.id_card.models import MODELS
from pipelines.pictures import Pixels
from pipelines.runtime import Network, Tensor
from pipelines.weights import present

HEIGHT_PX = 48
LEAST_WIDTH_PX = 16


class Reader(Protocol):
    """What reads crops."""

    def __call__(self, crops: Sequence[Pixels]) -> list[str]:
        """Return the text of each crop."""
        ...


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A CTC network run at one width."""

    network: Network
    width_share: float
    alphabet: list[str] = field(init=False)

    def __post_init__(self) -> None:
        """Read the alphabet out of the model: blank, characters, space."""
        object.__setattr__(self, "alphabet", ["", *self.network.alphabet, " "])

    def __call__(self, crops: Sequence[Pixels]) -> list[str]:
        """Return the text of each crop."""
        scaled = [self._scaled(crop) for crop in crops]
        batch = np.zeros((len(scaled), 3, HEIGHT_PX, max(s.shape[2] for s in scaled)), np.float32)
        for row, image in zip(batch, scaled, strict=True):
            row[:, :, : image.shape[2]] = image
        return [self._text(columns) for columns in self.network(batch).argmax(axis=2)]

    def _scaled(self, crop: Pixels) -> Tensor:
        height, width = crop.shape[:2]
        columns = max(math.ceil(HEIGHT_PX * width / height * self.width_share), LEAST_WIDTH_PX)
        scaled = cv2.resize(crop, (columns, HEIGHT_PX)).astype(np.float32) / 127.5 - 1.0
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))

    def _text(self, columns: NDArray[np.intp]) -> str:
        changes = columns[np.insert(columns[1:] != columns[:-1], 0, True)]
        return "".join(self.alphabet[k] for k in changes if k)


def same_text(text: str) -> str:
    """Return what counts of a text: full-width forms made plain, blanks dropped, case kept."""
    return "".join(unicodedata.normalize("NFKC", text).split())


READERS: Mapping[str, Callable[[Path], Reader]] = {
    "v3rec-w40": lambda models: Recogniser(_network("v3rec", models), 0.40),
    "v3rec-w55": lambda models: Recogniser(_network("v3rec", models), 0.55),
    "v6rec-w55": lambda models: Recogniser(_network("v6rec", models), 0.55),
    "v6rec-w100": lambda models: Recogniser(_network("v6rec", models), 1.00),
}
"""How each variant is loaded, given the folder of the model files; cheapest first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A reader that answers each crop with one text: a variant of the stage `read`."""

    reader: Reader

    def __call__(self, crops: Sequence[Pixels]) -> list[list[str]]:
        """Return the text of each crop, alone in a list."""
        return [[text] for text in self.reader(crops)]


def _network(name: str, models: Path) -> Network:
    return Network(present(MODELS[name].name, models))
