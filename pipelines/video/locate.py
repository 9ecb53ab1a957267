"""Find the signs in a frame: one locator without a model, and patch networks at three resolutions.

`colour` takes what is red, blue or yellow enough, has about the shape of a sign, and is not too small or
large. The networks (trained in `learn`) look at the patch around every cell of a grid laid over the scaled
frame and say how likely the cell is inside of a sign's core; cells that hang together become one box. The
coarser the grid, the looser the boxes, and the larger what the classifier gets. Every locator sends on the
MOST_BOXES largest boxes, cut from the frame as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from pipelines.pictures import Pixels
from pipelines.runtime import Network, Tensor, threads
from pipelines.video.boxes import Box, Crop, cut
from pipelines.weights import present

MOST_FRAME_SIDE_PX = 1920
MOST_BOXES = 8
"""A frame has at most four signs; more false boxes than that are not worth the classifier's time."""
NATIVE = (320, 240)
"""The frame size that pixel figures of signs are meant for (width, height)."""
CORE = 0.7
"""A sign's core is an ellipse of this share of its box: cores of neighbours do not touch."""
CELL_THRESHOLD, PEAK_THRESHOLD = 0.4, 0.6
"""How likely a cell must be inside of a core, and the best cell of a box."""
LEAST_COLOUR = 40
"""By how many grey levels the strongest colour exceeds the others on a sign."""
LEAST_SIGN_PX, MOST_SIGN_PX = 11, 72
"""Sides of a box that may be a sign, on a frame of NATIVE size."""
CHANNELS = 4
"""What a patch network sees of a pixel: see `channels`."""
FLATTEST = 8.0
"""Spread of grey levels below which a frame is not amplified any further."""
MOST_ASPECT = 1.6
"""The longer side of a sign over the shorter one."""


@dataclass(frozen=True, slots=True)
class Grid:
    """What a patch network sees: the frame fitted into *width* x *height*, a patch around every cell."""

    name: str
    width: int
    height: int
    patch: int
    """Side of a patch; what is outside of the frame is as light as its mean, and colourless."""
    stride: int
    """Side of a cell."""
    hidden: tuple[int, ...]
    """Neurons by layer."""

    @property
    def margin(self) -> int:
        """From the border of a patch to its cell."""
        return (self.patch - self.stride) // 2

    @property
    def file(self) -> str:
        """The name of its weights."""
        return f"locate-{self.name}.onnx"


GRIDS = (
    Grid("grid-coarse", 160, 120, 20, 4, (32,)),
    Grid("grid-fine", 160, 120, 20, 2, (48,)),
    Grid("grid-large", 200, 150, 24, 2, (64,)),
)


Rectangle = tuple[int, int, int, int]
"""Left, top, width, height, as OpenCV has it."""


class Locator(Protocol):
    """What finds signs."""

    def boxes(self, frames: Sequence[Pixels]) -> list[list[Box]]:
        """Return the boxes on each frame, largest first."""
        ...


@dataclass(frozen=True, slots=True)
class Locating:
    """The stage's model: it sends on what the boxes of a locator frame."""

    locator: Locator

    def __call__(self, items: Sequence[Pixels]) -> list[list[Crop]]:
        """Return the crops of each frame, largest first."""
        return [
            [crop for box in boxes if (crop := cut(frame, box)) is not None]
            for frame, boxes in zip(items, self.locator.boxes(items), strict=True)
        ]


class Colour:
    """Strong colours, closed to blobs of a sign's size and shape: no model."""

    def boxes(self, frames: Sequence[Pixels]) -> list[list[Box]]:
        """Return the boxes on each frame, largest first."""
        return [self._boxes(frame) for frame in frames]

    def _boxes(self, frame: Pixels) -> list[Box]:
        native, scale = fitted(frame, *NATIVE)
        blue, green, red = (native[..., k].astype(np.int16) for k in range(3))
        colour = np.maximum(red - np.maximum(green, blue), blue - np.maximum(green, red))
        strong = np.maximum(colour, np.minimum(green, red) - blue) > LEAST_COLOUR
        blobs = cv2.morphologyEx(strong.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        contours, _ = cv2.findContours(blobs, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        return _boxes([cv2.boundingRect(contour) for contour in contours], 1.0, scale)


@dataclass(frozen=True, slots=True)
class Patches:
    """A patch network run over the whole frame."""

    network: Network
    grid: Grid

    def boxes(self, frames: Sequence[Pixels]) -> list[list[Box]]:
        """Return the boxes on each frame, largest first."""
        seen = [fitted(frame, self.grid.width, self.grid.height) for frame in frames]
        maps = self.network(np.stack([channels(native) for native, _ in seen]))[:, 0]
        return [self._boxes(found, scale) for found, (_, scale) in zip(maps, seen, strict=True)]

    def _boxes(self, found: Tensor, scale: float) -> list[Box]:
        fine = cv2.resize(found, NATIVE, interpolation=cv2.INTER_LINEAR)
        contours, _ = cv2.findContours(
            (fine > CELL_THRESHOLD).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
        )
        blobs = [cv2.boundingRect(contour) for contour in contours]
        sure = [at for at in blobs if _peak(fine, at) >= PEAK_THRESHOLD]
        return _boxes(sure, 1 / CORE, scale * NATIVE[0] / self.grid.width)


def fitted(frame: Pixels, width: int, height: int) -> tuple[Pixels, float]:
    """Return the frame scaled into the top left of a mid grey picture, and by what it was multiplied."""
    scale = min(width / frame.shape[1], height / frame.shape[0])
    size = (max(round(frame.shape[1] * scale), 1), max(round(frame.shape[0] * scale), 1))
    whole = np.full((height, width, 3), 128, np.uint8)
    whole[: size[1], : size[0]] = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    return whole, scale


def channels(native: Pixels) -> Tensor:
    """Return how light, red, blue and yellow each pixel is for its frame (CHANNELS, height, width)."""
    even = native.transpose(2, 0, 1).astype(np.float32)
    even = (even - even.mean()) / np.maximum(even.std(), np.float32(FLATTEST))
    blue, green, red = even
    redness, blueness = red - np.maximum(green, blue), blue - np.maximum(green, red)
    yellowness = np.minimum(green, red) - blue
    return np.stack([even.mean(axis=0), *(np.maximum(c, 0) for c in (redness, blueness, yellowness))])


def _peak(fine: Tensor, at: Rectangle) -> float:
    left, top, width, height = at
    return float(fine[top : top + height, left : left + width].max())


def _boxes(found: Sequence[Rectangle], growth: float, scale: float) -> list[Box]:
    """Return what may be a sign of rectangles on a frame of NATIVE size, grown, on the unscaled frame."""
    grown = [_grown(at, growth) for at in found]
    boxes = [Box(*(round(edge / scale) for edge in edges)) for edges in grown if _like_a_sign(*edges)]
    return sorted(boxes, key=lambda box: -box.area)[:MOST_BOXES]


def _grown(at: Rectangle, growth: float) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a rectangle grown about its middle."""
    left, top, width, height = at
    out_x, out_y = width * (growth - 1) / 2, height * (growth - 1) / 2
    return left - out_x, top - out_y, left + width + out_x, top + height + out_y


def _like_a_sign(left: float, top: float, right: float, bottom: float) -> bool:
    longer, shorter = max(right - left, bottom - top), min(right - left, bottom - top)
    return shorter >= LEAST_SIGN_PX and longer <= MOST_SIGN_PX and longer <= MOST_ASPECT * shorter


def _colour(_folder: Path) -> Locating:
    cv2.setNumThreads(threads())
    return Locating(Colour())


def _loader(grid: Grid) -> Callable[[Path], Locating]:
    def load(folder: Path) -> Locating:
        cv2.setNumThreads(threads())
        return Locating(Patches(Network(present(grid.file, folder)), grid))

    return load


VARIANTS: Mapping[str, Callable[[Path], Any]] = {
    "colour": _colour,
    **{grid.name: _loader(grid) for grid in GRIDS},
}
"""How each variant is loaded from the folder of the weights; cheapest first."""
