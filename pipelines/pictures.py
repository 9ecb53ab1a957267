"""Pictures on the wire: JPEG or PNG in, PNG between stages; sizes are checked before anything is decoded."""

from __future__ import annotations

import struct
import zlib
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
NOTE = "Comment"
AFTER_HEADER = 8 + 25
"""PNG's signature and its first chunk."""
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


def png(pixels: Pixels, note: str = "") -> bytes:
    """Return the picture as PNG: nothing is lost. A *note* goes along as text that no decoder shows."""
    plain = bytes(cv2.imencode(".png", pixels, FAST)[1])
    if not note:
        return plain
    chunk = b"tEXt" + NOTE.encode("latin-1") + b"\0" + note.encode("latin-1")
    framed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return plain[:AFTER_HEADER] + framed + plain[AFTER_HEADER:]


def note_of(payload: bytes) -> str:
    """Return the note of a PNG picture; empty where it has none.

    Raises:
        BadItem: it is no PNG.
    """
    try:
        with Image.open(BytesIO(payload), formats=("PNG",)) as header:
            return str(header.info.get(NOTE, ""))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise BadItem("the item is not a PNG picture; send one") from error


def jpeg(pixels: Pixels, quality: int) -> bytes:
    """Return the picture as JPEG of the given quality (0 to 100)."""
    return bytes(cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, quality))[1])
