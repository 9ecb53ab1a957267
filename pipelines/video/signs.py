"""The traffic signs that are told apart, drawn by us: a few shapes, numbers and arrows, in colour.

The speed limits differ in one digit only; the others in colour and shape. That is what separates a
classifier that sees a coarse picture from one that sees a fine one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

SIDE = 128
"""Pixels of a drawn sign: more than twice the largest that a frame shows."""
RED, BLUE, YELLOW, WHITE, BLACK = (190, 24, 32), (24, 82, 176), (246, 196, 32), (244, 244, 240), (20, 20, 22)
LIMITS = (20, 30, 40, 50, 60, 70, 80, 90, 100, 120)
NUMBER_SIZE_PX = {2: 60, 3: 46}
"""Height of the letters by how many there are."""
STROKE_PX = 3
"""Pillow's own font is thin; signs are bold."""

Drawing = NDArray[np.uint8]
"""(SIDE, SIDE, 4): blue, green, red, coverage."""
Colour = tuple[int, int, int]


@cache
def drawing(label: str) -> Drawing:
    """Return the sign called *label*, filling the square."""
    image = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    _PAINTERS[label](ImageDraw.Draw(image))
    pixels = np.asarray(image)
    return np.ascontiguousarray(pixels[..., [2, 1, 0, 3]])


def _limit(number: str) -> Callable[[ImageDraw.ImageDraw], None]:
    def paint(draw: ImageDraw.ImageDraw) -> None:
        _disc(draw, 0.0, RED)
        _disc(draw, 0.13, WHITE)
        _text(draw, number, BLACK, NUMBER_SIZE_PX[len(number)])

    return paint


def _arrow(points: list[tuple[float, float]]) -> Callable[[ImageDraw.ImageDraw], None]:
    def paint(draw: ImageDraw.ImageDraw) -> None:
        _disc(draw, 0.0, WHITE)
        _disc(draw, 0.03, BLUE)
        _polygon(draw, points, WHITE)

    return paint


def _stop(draw: ImageDraw.ImageDraw) -> None:
    for inset, colour in ((0.0, WHITE), (0.04, RED)):
        far, cut = 1 - inset, 0.29
        corners = [(cut, inset), (1 - cut, inset), (far, cut), (far, 1 - cut)]
        _polygon(draw, [*corners, *((1 - x, 1 - y) for x, y in corners)], colour)
    _text(draw, "STOP", WHITE, 36)


def _no_entry(draw: ImageDraw.ImageDraw) -> None:
    _disc(draw, 0.0, WHITE)
    _disc(draw, 0.03, RED)
    _polygon(draw, [(0.18, 0.40), (0.82, 0.40), (0.82, 0.60), (0.18, 0.60)], WHITE)


def _yield(draw: ImageDraw.ImageDraw) -> None:
    _polygon(draw, [(0.0, 0.03), (1.0, 0.03), (0.5, 0.97)], RED)
    _polygon(draw, [(0.2, 0.15), (0.8, 0.15), (0.5, 0.72)], WHITE)


def _danger(draw: ImageDraw.ImageDraw) -> None:
    _polygon(draw, [(0.0, 0.97), (1.0, 0.97), (0.5, 0.03)], RED)
    _polygon(draw, [(0.18, 0.86), (0.82, 0.86), (0.5, 0.26)], WHITE)
    _polygon(draw, [(0.45, 0.42), (0.55, 0.42), (0.53, 0.68), (0.47, 0.68)], BLACK)
    _polygon(draw, [(0.455, 0.73), (0.545, 0.73), (0.545, 0.81), (0.455, 0.81)], BLACK)


def _priority(draw: ImageDraw.ImageDraw) -> None:
    for inset, colour in ((0.0, BLACK), (0.03, WHITE), (0.11, YELLOW)):
        _polygon(draw, [(0.5, inset), (1 - inset, 0.5), (0.5, 1 - inset), (inset, 0.5)], colour)


_POINTING_UP = [
    (0.5, 0.14), (0.76, 0.44), (0.59, 0.44), (0.59, 0.86), (0.41, 0.86), (0.41, 0.44), (0.24, 0.44),
]  # fmt: skip

_PAINTERS: Mapping[str, Callable[[ImageDraw.ImageDraw], None]] = {
    **{f"limit-{number}": _limit(str(number)) for number in LIMITS},
    "stop": _stop,
    "no-entry": _no_entry,
    "yield": _yield,
    "danger": _danger,
    "priority": _priority,
    "ahead": _arrow(_POINTING_UP),
    "left": _arrow([(y, x) for x, y in _POINTING_UP]),
    "right": _arrow([(1 - y, x) for x, y in _POINTING_UP]),
}

LABELS: tuple[str, ...] = tuple(_PAINTERS)
"""What a sign can be."""


def _disc(draw: ImageDraw.ImageDraw, inset: float, colour: Colour) -> None:
    draw.ellipse((inset * SIDE, inset * SIDE, (1 - inset) * SIDE - 1, (1 - inset) * SIDE - 1), fill=colour)


def _polygon(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]], colour: Colour) -> None:
    draw.polygon([(x * (SIDE - 1), y * (SIDE - 1)) for x, y in points], fill=colour)


def _text(draw: ImageDraw.ImageDraw, text: str, colour: Colour, size_px: int) -> None:
    draw.text(
        (SIDE / 2, SIDE / 2),
        text,
        fill=colour,
        font=ImageFont.load_default(size_px),
        anchor="mm",
        stroke_width=STROKE_PX,
        stroke_fill=colour,
    )
