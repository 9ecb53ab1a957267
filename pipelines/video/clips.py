"""Generated clips of known truth: cameras drive towards one to four signs each in a cluttered street.

A clip is FRAMES_PER_CLIP frames, between which the signs grow and move outwards. CAMERAS cameras send a frame
each in turn, and then begin another clip: neighbours among a seed's frames have nothing in common. What is
evaluated and what is trained on come from random streams of different purposes, so that no seed makes them
meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.pictures import Pixels
from pipelines.video.boxes import Box, overlap
from pipelines.video.harm import filmed
from pipelines.video.scenery import HORIZON_PX, WIDTH, outwards, scenery
from pipelines.video.signs import LABELS, SIDE, Drawing, drawing

CAMERAS, FRAMES_PER_CLIP = 100, 4
MOST_SIGNS = 4
SMALLEST_PX, LARGEST_PX = 17, 46
"""Side of a sign in the first frame of a clip."""
GROWTH, SHIFT_PX = 0.09, 5
"""From frame to frame: relative growth of a sign, and how far the frame's edge moves out."""
GAP_PX = 8
"""Between the boxes of two signs, at least, and to the edge of the frame."""
LOWEST_PX = 190
"""Signs stand above this row."""
MOST_TURN_DEG, MOST_LEAN = 7.0, 0.12
"""How far a sign hangs askew and is seen from the side."""
TRIES = 200
"""Places tried for a clip's signs; those that do not fit are left out."""
COVERED = 0.5
"""Coverage from which a pixel belongs to a sign."""

Purpose = Literal["evaluation", "training"]
_STREAM = {"evaluation": 1, "training": 2}


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign that is in a frame."""

    label: str
    box: Box


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as the camera sent it, and what is in it."""

    jpeg: bytes
    signs: tuple[Sign, ...]


@dataclass(frozen=True, slots=True)
class _Standing:
    """A sign in the street, for a whole clip."""

    label: str
    x: int
    y: int
    side_px: int
    turn_deg: float
    lean: float
    shine: float

    def side_at(self, step: int) -> int:
        return round(self.side_px * (1 + GROWTH * step))

    def square_at(self, step: int) -> Box:
        x, half = outwards(self.x, SHIFT_PX * step), self.side_at(step) // 2
        return Box(x - half, self.y - half, x + half, self.y + half)


def frame(k: int, *, seed: int, drift: float) -> Frame:
    """Return frame *k* of a seed's evaluation; *drift* in [0, 1] harms what is seen, not what is there.

    Raises:
        ValueError: the drift is outside of [0, 1].
    """
    done, place = divmod(k, CAMERAS * FRAMES_PER_CLIP)
    step, camera = divmod(place, CAMERAS)
    return moment(done * CAMERAS + camera, step, seed=seed, drift=drift, purpose="evaluation")


def moment(clip: int, step: int, *, seed: int, drift: float, purpose: Purpose) -> Frame:
    """Return frame *step* of a clip.

    Raises:
        ValueError: the drift is outside of [0, 1].
    """
    if not 0 <= drift <= 1:
        raise ValueError(f"drift {drift} is not in [0, 1]")
    world = np.random.default_rng([_STREAM[purpose], seed, clip])
    standing = _standing(world)
    pixels = scenery(world, SHIFT_PX * step)
    signs = tuple(Sign(sign.label, _hung(pixels, sign, step)) for sign in standing)
    return Frame(
        filmed(pixels, drift, np.random.default_rng([_STREAM[purpose], seed, clip, step + 1])), signs
    )


def _standing(rng: np.random.Generator) -> list[_Standing]:
    wanted = int(rng.integers(1, MOST_SIGNS + 1))
    signs: list[_Standing] = []
    for _ in range(TRIES):
        sign = _somewhere(rng)
        if len(signs) < wanted and _fits(sign, signs):
            signs.append(sign)
    return signs


def _somewhere(rng: np.random.Generator) -> _Standing:
    return _Standing(
        label=LABELS[int(rng.integers(len(LABELS)))],
        x=int(rng.integers(0, WIDTH)),
        y=int(rng.integers(0, LOWEST_PX)),
        side_px=int(rng.integers(SMALLEST_PX, LARGEST_PX + 1)),
        turn_deg=float(rng.uniform(-MOST_TURN_DEG, MOST_TURN_DEG)),
        lean=float(rng.uniform(0, MOST_LEAN)),
        shine=float(rng.uniform(0.6, 1.0)),
    )


def _fits(sign: _Standing, others: list[_Standing]) -> bool:
    """Say whether the sign is on the frame and clear of the others, in all of the clip."""
    for step in range(FRAMES_PER_CLIP):
        around = _grown(sign.square_at(step), GAP_PX)
        if around.left < 0 or around.top < 0 or around.right > WIDTH or around.bottom > LOWEST_PX:
            return False
        if any(overlap(around, other.square_at(step)) > 0 for other in others):
            return False
    return True


def _grown(box: Box, by_px: int) -> Box:
    return Box(box.left - by_px, box.top - by_px, box.right + by_px, box.bottom + by_px)


def _hung(pixels: Pixels, sign: _Standing, step: int) -> Box:
    """Draw the sign and its post into the frame, and return the box around what is seen of it."""
    square = sign.square_at(step)
    x = (square.left + square.right) // 2
    cv2.line(pixels, (x, square.bottom), (x, max(square.bottom + 40, HORIZON_PX + 30)), (120, 120, 120), 2)
    seen = _seen(drawing(sign.label), square.right - square.left, sign)
    cover = seen[..., 3:].astype(np.float32) / 255
    part = pixels[square.top : square.bottom, square.left : square.right]
    part[:] = (part * (1 - cover) + seen[..., :3] * (cover * np.float32(sign.shine))).astype(np.uint8)
    return _around(cover[..., 0] >= COVERED, square)


def _seen(drawn: Drawing, side_px: int, sign: _Standing) -> Drawing:
    """Return the drawing at *side_px*, turned and narrowed."""
    turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), sign.turn_deg, 1.0)
    turn[0] *= 1 - sign.lean
    turn[0, 2] += SIDE / 2 * sign.lean
    turned = cv2.warpAffine(drawn, turn, (SIDE, SIDE))
    return np.asarray(cv2.resize(turned, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)


def _around(covered: NDArray[np.bool_], square: Box) -> Box:
    rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
    return Box(
        square.left + int(columns[0]),
        square.top + int(rows[0]),
        square.left + int(columns[-1]) + 1,
        square.top + int(rows[-1]) + 1,
    )
