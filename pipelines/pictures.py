"""Pictures on the wire: JPEG or PNG in, PNG between stages; sizes are checked before anything is decoded."""

from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pipelines.kit import BadItem

Pixels = NDArray[np.uint8]
"""(height, width, 3), blue-green-red as OpenCV has it."""

LEAST_SIDE_PX = 8
"""Smaller than this, no model sees anything."""
FAST = (cv2.IMWRITE_PNG_COMPRESSION, 1)
"""PNG's fastest level: between stages, time counts more than bytes."""


def picture(payload: bytes, *, most_side_px: int) -> Pixels:
    """Return the picture in *payload*.

    Raises:
        BadItem: it is no JPEG or PNG, is damaged, or has a side outside of LEAST_SIDE_PX to *most_side_px*.
    """
    try:
        with Image.open(BytesIO(payload), formats=("JPEG", "PNG")) as header:
            sides = header.size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise BadItem("the item is not a JPEG or PNG picture; send one") from error
    if min(sides) < LEAST_SIDE_PX or max(sides) > most_side_px:
        raise BadItem(
            f"the picture is {sides[0]} x {sides[1]} pixels; "
            f"each side must have {LEAST_SIDE_PX} to {most_side_px}"
        )
    found = cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_COLOR)
    if found is None:
        raise BadItem("the picture is damaged: it cannot be decoded; send it again")
    return np.ascontiguousarray(found, np.uint8)


def png(pixels: Pixels) -> bytes:
    """Return the picture as PNG: nothing is lost."""
    return bytes(cv2.imencode(".png", pixels, FAST)[1])


def jpeg(pixels: Pixels, quality: int) -> bytes:
    """Return the picture as JPEG of the given quality (0 to 100)."""
    return bytes(cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, quality))[1])
