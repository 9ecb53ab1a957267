"""Generated ID-like cards with known text: what the pipeline's accuracy is measured on.

A card is 320 x 192 pixels: three lines of text (a name, a card number, a date of birth) beside things
that are not text: a portrait, an emblem, wavy security lines, a strip of bars. *drift* in [0, 1]
scales how much a worse camera does to it: rotation, loss of contrast, blur, noise, JPEG. The same seed
and index give the same card, and the same direction of harm, at every drift; drift 0 is the clean card.
The fonts are those that ship inside matplotlib. Needs Pillow.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from pipelines.pictures import Pixels

WIDTH, HEIGHT = 320, 192
LINES = 3
FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "STIXGeneral",
    "STIXGeneralBol",
)
FONT_PX = (11, 16)
"""Sizes of the text, the upper end excluded: small enough that cheap variants err on clean cards."""
FIRST_NAMES = """
    Ada Alan Amir Anna Boris Chen Clara David Elena Emil Fatma Felix Grace Hanna Hugo Igor Ines Ivan Jana
    Jorge Karim Laura Leon Linus Marta Maya Nadia Nils Olga Omar Paula Petra Rosa Samir Sofia Tom Uma Vera
""".split()  # noqa: SIM905 - a list literal takes a line for each
LAST_NAMES = """
    Abel Bauer Berg Costa Cruz Dias Engel Fuchs Garcia Haas Hansen Ivanov Jansen Keller Kovacs Lang Lopez
    Mann Meyer Moreau Nagy Novak Okoye Ortiz Park Perez Quinn Ramos Rossi Sato Silva Stein Tanaka Urban Vogel
""".split()  # noqa: SIM905 - as above
LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"
"""Of card numbers: without I, O and Q, as real ones are."""

MOST_ROTATION_DEG = 9.0
MOST_CONTRAST_LOSS = 0.6
MOST_BLUR_PX = 1.3
MOST_NOISE = 24.0
BEST_JPEG, WORST_JPEG = 90, 25

Quad = NDArray[np.float32]
"""Four corners (x, y) from the top left, clockwise as seen."""


@dataclass(frozen=True)
class Line:
    """One line of text on a card and where it stands."""

    text: str
    box: Quad


@dataclass(frozen=True)
class Card:
    """One picture, blue-green-red as OpenCV has it, and everything written on it."""

    pixels: Pixels
    lines: tuple[Line, ...]


def cards(count: int, *, seed: int, drift: float = 0.0) -> list[Card]:
    """Return *count* cards; card k depends only on the seed, k and the drift."""
    return [card(k, seed=seed, drift=drift) for k in range(count)]


def card(index: int, *, seed: int, drift: float = 0.0) -> Card:
    """Return one card.

    Raises:
        ValueError: *drift* is not in [0, 1].
    """
    if not 0 <= drift <= 1:
        raise ValueError(f"drift {drift!r} is not in [0, 1]")
    picture, lines = _drawn(np.random.default_rng([seed, index, 0]))
    if drift > 0:
        picture, lines = _harmed(picture, lines, drift, np.random.default_rng([seed, index, 1]))
    return Card(np.ascontiguousarray(np.asarray(picture)[:, :, ::-1]), lines)


def _drawn(rng: np.random.Generator) -> tuple[Image.Image, tuple[Line, ...]]:
    paper = tuple(int(v) for v in rng.integers(205, 250, 3))
    ink = tuple(int(v) for v in rng.integers(0, 70, 3))
    picture = Image.new("RGB", (WIDTH, HEIGHT), paper)
    pen = ImageDraw.Draw(picture)
    _security_lines(pen, rng, paper)
    _portrait(pen, rng)
    _emblem(pen, rng)
    _bars(pen, rng, ink)
    font = _font(str(rng.choice(FONTS)), int(rng.integers(*FONT_PX)))
    return picture, tuple(_written(pen, rng, font, ink, text, row) for row, text in enumerate(_texts(rng)))


def _texts(rng: np.random.Generator) -> Sequence[str]:
    name = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
    digits = "".join(map(str, rng.integers(0, 10, 6)))
    letters = "".join(rng.choice(list(LETTERS), 2))
    born = f"{rng.integers(1, 29):02d}.{rng.integers(1, 13):02d}.{rng.integers(1940, 2010)}"
    return (name.upper() if rng.integers(2) else name, f"{letters}-{digits}", born)


def _written(
    pen: ImageDraw.ImageDraw,
    rng: np.random.Generator,
    font: ImageFont.FreeTypeFont,
    ink: tuple[int, ...],
    text: str,
    row: int,
) -> Line:
    at = (int(rng.integers(106, 120)), 38 + 36 * row + int(rng.integers(-3, 4)))
    pen.text(at, text, font=font, fill=ink)
    left, top, right, bottom = pen.textbbox(at, text, font=font)
    edge = 0.12 * (bottom - top)
    corners = [
        (left - edge, top - edge),
        (right + edge, top - edge),
        (right + edge, bottom + edge),
        (left - edge, bottom + edge),
    ]
    return Line(text, np.array(corners, dtype=np.float32))


def _security_lines(pen: ImageDraw.ImageDraw, rng: np.random.Generator, paper: tuple[int, ...]) -> None:
    tint = tuple(int(v) - int(rng.integers(15, 45)) for v in paper)
    x = np.arange(0, WIDTH + 4, 4)
    for base in np.linspace(0, HEIGHT, int(rng.integers(5, 10))):
        y = base + rng.uniform(3, 9) * np.sin(2 * math.pi * x / rng.uniform(40, 140) + rng.uniform(0, 6))
        pen.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=tint)


def _portrait(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    back, skin, hair = (tuple(int(v) for v in rng.integers(low, low + 60, 3)) for low in (140, 120, 20))
    pen.rectangle((12, 44, 90, 146), fill=back, outline=hair)
    pen.ellipse((28, 58, 74, 112), fill=hair)
    pen.ellipse((33, 68, 69, 118), fill=skin)
    pen.pieslice((16, 112, 86, 180), 180, 360, fill=hair)


def _emblem(pen: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    x, y, r = int(rng.integers(20, 290)), 18, int(rng.integers(7, 12))
    colour = tuple(int(v) for v in rng.integers(60, 200, 3))
    pen.ellipse((x - r, y - r, x + r, y + r), outline=colour, width=3)
    pen.line((x - r, y, x + r, y), fill=colour, width=2)


def _bars(pen: ImageDraw.ImageDraw, rng: np.random.Generator, ink: tuple[int, ...]) -> None:
    """Draw a strip of bars at the bottom, as many detectors take for text."""
    x = int(rng.integers(100, 150))
    end = x + int(rng.integers(60, 140))
    while x < end:
        width = int(rng.integers(1, 5))
        pen.rectangle((x, 160, x + width - 1, 178), fill=ink)
        x += width + int(rng.integers(2, 6))


def _harmed(
    picture: Image.Image, lines: tuple[Line, ...], drift: float, rng: np.random.Generator
) -> tuple[Image.Image, tuple[Line, ...]]:
    """Turn, fade, blur, add noise and compress; how much of each differs from card to card."""
    strength = drift * rng.uniform(0.4, 1.0, 5)
    angle = MOST_ROTATION_DEG * float(strength[0]) * float(rng.choice([-1, 1]))
    corner = picture.getpixel((1, 1))
    turned = picture.rotate(angle, resample=Image.Resampling.BICUBIC, fillcolor=corner)
    grey = Image.new("RGB", turned.size, (128, 128, 128))
    faded = Image.blend(turned, grey, MOST_CONTRAST_LOSS * float(strength[1]))
    blurred = faded.filter(ImageFilter.GaussianBlur(MOST_BLUR_PX * float(strength[2])))
    noise = rng.normal(0.0, 1.0, (HEIGHT, WIDTH, 1)) * MOST_NOISE * float(strength[3])
    noisy = Image.fromarray(np.clip(np.asarray(blurred) + noise, 0, 255).astype(np.uint8))
    quality = round(BEST_JPEG - (BEST_JPEG - WORST_JPEG) * float(strength[4]))
    return _compressed(noisy, quality), tuple(Line(li.text, _turned(li.box, angle)) for li in lines)


def _compressed(picture: Image.Image, quality: int) -> Image.Image:
    with io.BytesIO() as file:
        picture.save(file, "JPEG", quality=quality)
        return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def _turned(box: Quad, angle_deg: float) -> Quad:
    """Return where the corners are after Pillow turned the picture counter-clockwise."""
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    centre = np.array([WIDTH / 2, HEIGHT / 2])
    turned: Quad = ((box - centre) @ np.array([[c, -s], [s, c]]) + centre).astype(np.float32)
    return turned


@cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    import matplotlib  # noqa: PLC0415 - only for the folder of its fonts

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf", size)
