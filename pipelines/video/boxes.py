"""Upright boxes: overlap, and the crop that travels from the locator to the classifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipelines.kit import BadItem
from pipelines.pictures import LEAST_SIDE_PX, Pixels, picture

FOUND_IOU = 0.5
"""A sign is found where a box overlaps its true box by this much (intersection over union)."""
MOST_CROP_SIDE_PX = 1920
"""A crop is at most a whole frame."""
BOX_KEY = "box"
"""The text of the PNG that says where in the frame a crop was: `left,top,right,bottom`."""


@dataclass(frozen=True, slots=True)
class Box:
    """An upright box in pixels of the frame; right and bottom are the first ones outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Pixels inside."""
        return max(self.right - self.left, 0) * max(self.bottom - self.top, 0)


@dataclass(frozen=True, slots=True)
class Crop:
    """What a box frames, at the frame's own resolution."""

    pixels: Pixels
    box: Box


def overlap(one: Box, other: Box) -> float:
    """Return intersection over union."""
    shared = Box(
        max(one.left, other.left),
        max(one.top, other.top),
        min(one.right, other.right),
        min(one.bottom, other.bottom),
    ).area
    union = one.area + other.area - shared
    return shared / union if union else 0.0


def all_found(true: Sequence[Box], boxes: Sequence[Box]) -> bool:
    """Say whether every true box is overlapped enough by some box."""
    return all(any(overlap(box, found) >= FOUND_IOU for found in boxes) for box in true)


def cut(frame: Pixels, box: Box) -> Crop | None:
    """Return the part of *box* that lies on the frame; None where that is too small to be a sign."""
    height, width = frame.shape[:2]
    on = Box(max(box.left, 0), max(box.top, 0), min(box.right, width), min(box.bottom, height))
    if min(on.right - on.left, on.bottom - on.top) < LEAST_SIDE_PX:
        return None
    return Crop(np.ascontiguousarray(frame[on.top : on.bottom, on.left : on.right]), on)


def to_png(crop: Crop) -> bytes:
    """Return the crop as a PNG that also says where it was: nothing is lost."""
    place = PngInfo()
    place.add_text(
        BOX_KEY, ",".join(map(str, (crop.box.left, crop.box.top, crop.box.right, crop.box.bottom)))
    )
    with BytesIO() as file:
        Image.fromarray(crop.pixels[..., ::-1]).save(file, "PNG", compress_level=1, pnginfo=place)
        return file.getvalue()


def from_png(payload: bytes) -> Crop:
    """Return the crop in *payload*; a picture that says no place was a frame of its own.

    Raises:
        BadItem: it is no picture, or its place is not four whole numbers that fit its size.
    """
    pixels = picture(payload, most_side_px=MOST_CROP_SIDE_PX)
    height, width = pixels.shape[:2]
    with Image.open(BytesIO(payload)) as header:
        said = header.info.get(BOX_KEY)
    if said is None:
        return Crop(pixels, Box(0, 0, width, height))
    try:
        left, top, right, bottom = map(int, str(said).split(","))
    except ValueError as error:
        raise BadItem(
            f"the picture's text {BOX_KEY!r} must be left,top,right,bottom in whole pixels"
        ) from error
    if (right - left, bottom - top) != (width, height):
        raise BadItem(
            f"the picture's text {BOX_KEY!r} must have the picture's size, {width} x {height} pixels"
        )
    return Crop(pixels, Box(left, top, right, bottom))
