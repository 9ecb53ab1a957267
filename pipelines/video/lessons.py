"""What the networks learn from: frames that no evaluation shows, cut into patches and crops of known class.

A locator's lessons are patches: inside of a sign's core, by a sign, anywhere else. A classifier's are true
boxes that are moved and stretched at random, as locators do, and what locators took for a sign and was none.
Frames are harmed a little (MOST_DRIFT): a model has seen a dull day, but no night.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.pictures import Pixels
from pipelines.runtime import Network, Tensor
from pipelines.video.boxes import Box, Crop, cut, overlap
from pipelines.video.classify import NOTHING
from pipelines.video.clips import FRAMES_PER_CLIP, Frame, moment
from pipelines.video.locate import CHANNELS, CORE, Grid, Locator, channels, fitted
from pipelines.video.signs import LABELS

SEED = 20
MOST_DRIFT = 0.5
INSIDE, BESIDE, ELSEWHERE, MISTAKEN = 8, 10, 14, 20
"""Patches of a frame, at most: in cores, by signs, anywhere else; and those a first network gets wrong."""
OUT, BY, IN = 0, 1, 2
NEAR = 2.0
"""How many radii from its middle a cell is still by a sign."""
UNSURE = 0.3
"""A cell outside that is likelier than this to be inside is a mistake to learn from."""
FRAMINGS = 3
"""Crops made of each sign."""
SHIFT, STRETCH = 0.10, 0.15
"""How far a framing is moved and made larger than the true box, in shares of its sides."""
FALSE_IOU = 0.2
"""What overlaps a true box less than this is no sign."""

Lessons = tuple[Tensor, NDArray[np.int64]]
"""Rows of inputs, and the class of each."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A training frame, decoded."""

    pixels: Pixels
    truth: Frame


def shown(count: int) -> list[Shown]:
    """Return *count* training frames, each of a clip of its own."""
    drifts = np.random.default_rng(SEED).uniform(0, MOST_DRIFT, count)
    frames = [
        moment(clip, clip % FRAMES_PER_CLIP, seed=SEED, drift=float(drift), purpose="training")
        for clip, drift in enumerate(drifts)
    ]
    return [Shown(cv2.imdecode(np.frombuffer(f.jpeg, np.uint8), cv2.IMREAD_COLOR), f) for f in frames]


def patches(one: Shown, grid: Grid, rng: np.random.Generator) -> Lessons:
    """Return patches of the frame: some of each kind."""
    zones = _zones(one.truth, grid, grid.width / one.pixels.shape[1])
    of_each = ((IN, INSIDE), (BY, BESIDE), (OUT, ELSEWHERE))
    return _patches(one, grid, np.concatenate([_some(zones == zone, most, rng) for zone, most in of_each]))


def mistaken(one: Shown, grid: Grid, network: Network, rng: np.random.Generator) -> Lessons:
    """Return patches of the frame that *network* takes for what they are not."""
    view, scale = fitted(one.pixels, grid.width, grid.height)
    inside = network(channels(view)[None])[0, 0] > UNSURE
    return _patches(one, grid, _some(inside != (_zones(one.truth, grid, scale) == IN), MISTAKEN, rng))


def crops_of(frames: Sequence[Shown], locators: Sequence[Locator]) -> tuple[list[Crop], NDArray[np.int64]]:
    """Return crops and their classes; what the locators find that is no sign is nothing."""
    rng = np.random.default_rng(SEED + 1)
    crops: list[Crop] = []
    classes: list[int] = []
    for one in frames:
        for sign in one.truth.signs:
            framings = [_moved(sign.box, rng) for _ in range(FRAMINGS)]
            crops += _cut(one.pixels, framings)
            classes += [LABELS.index(sign.label)] * FRAMINGS
        false = _cut(one.pixels, [box for locator in locators for box in _false_boxes(one, locator)])
        crops += false
        classes += [NOTHING] * len(false)
    return crops, np.array(classes)


def _patches(one: Shown, grid: Grid, cells: NDArray[np.int64]) -> Lessons:
    """Return the patches around cells (row, column), and whether each is in a core."""
    margin, (view, scale) = grid.margin, fitted(one.pixels, grid.width, grid.height)
    picture = np.pad(channels(view), ((0, 0), (margin, margin), (margin, margin)))
    patches = np.empty((len(cells), CHANNELS * grid.patch**2), np.float32)
    for row, (y, x) in zip(patches, cells * grid.stride, strict=True):
        row[:] = picture[:, y : y + grid.patch, x : x + grid.patch].ravel()
    return patches, (_zones(one.truth, grid, scale)[cells[:, 0], cells[:, 1]] == IN).astype(np.int64)


def _zones(truth: Frame, grid: Grid, scale: float) -> NDArray[np.int64]:
    """Return for each cell whether it is in a core, by a sign (or on its rim), or out of all."""
    rows, columns = np.mgrid[0 : grid.height : grid.stride, 0 : grid.width : grid.stride] + grid.stride / 2
    zones = np.zeros(rows.shape, np.int64)
    for box in (sign.box for sign in truth.signs):
        x, y = (box.left + box.right) / 2 * scale, (box.top + box.bottom) / 2 * scale
        width, height = (box.right - box.left) * scale, (box.bottom - box.top) * scale
        distance = np.hypot((columns - x) / width * 2, (rows - y) / height * 2)
        zones[(distance < NEAR) & (zones == OUT)] = BY
        zones[distance < CORE] = IN
    return zones


def _some(wanted: NDArray[np.bool_], most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    cells = np.argwhere(wanted)
    return cells[rng.permutation(len(cells))[:most]]


def _cut(pixels: Pixels, boxes: Sequence[Box]) -> list[Crop]:
    return [crop for box in boxes if (crop := cut(pixels, box)) is not None]


def _moved(box: Box, rng: np.random.Generator) -> Box:
    width, height = box.right - box.left, box.bottom - box.top
    dx, dy = rng.uniform(-SHIFT, SHIFT, 2)
    sx, sy = rng.uniform(-STRETCH / 2, STRETCH, 2)
    return Box(
        round(box.left + (dx - sx) * width),
        round(box.top + (dy - sy) * height),
        round(box.right + (dx + sx) * width),
        round(box.bottom + (dy + sy) * height),
    )


def _false_boxes(one: Shown, locator: Locator) -> list[Box]:
    boxes = locator.boxes([one.pixels])[0]
    return [box for box in boxes if all(overlap(box, sign.box) < FALSE_IOU for sign in one.truth.signs)]
