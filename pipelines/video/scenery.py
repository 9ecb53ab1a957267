"""What stands around the signs: sky, road, houses, trees, cars, and coloured things that are no signs."""

from __future__ import annotations

import cv2
import numpy as np

from pipelines.pictures import Pixels

WIDTH, HEIGHT = 320, 240
"""A frame."""
HORIZON_PX = 130
MOST_HOUSES, MOST_TREES, MOST_CARS, MOST_DECOYS = 4, 4, 3, 3
"""A decoy is a coloured disc or panel: an advertisement, a lamp, a balloon."""
ROUND_DECOYS = 0.5
"""Share of the decoys that are discs."""
PAINT = ((32, 24, 190), (176, 82, 24), (32, 196, 246), (240, 244, 244), (60, 140, 60), (40, 40, 40))
"""Colours of cars and decoys, blue-green-red: those of the signs, and two others."""

Colour = tuple[int, int, int]


def scenery(rng: np.random.Generator, shift_px: int) -> Pixels:
    """Return a street as seen by a camera that has moved on: near things are *shift_px* further out."""
    frame = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    _ground(frame, rng)
    for _ in range(rng.integers(1, MOST_HOUSES + 1)):
        _house(frame, rng, shift_px)
    for _ in range(rng.integers(0, MOST_TREES + 1)):
        _tree(frame, rng, shift_px)
    for _ in range(rng.integers(0, MOST_CARS + 1)):
        _car(frame, rng, shift_px)
    for _ in range(rng.integers(0, MOST_DECOYS + 1)):
        _decoy(frame, rng, shift_px)
    return frame


def outwards(x: int, shift_px: int) -> int:
    """Return where something at column *x* has gone: away from the middle of the frame."""
    return x + round(shift_px * (x - WIDTH / 2) / (WIDTH / 2))


def _ground(frame: Pixels, rng: np.random.Generator) -> None:
    sky = np.array(_colour(rng, (185, 165, 150), 25), np.float32)
    fade = np.linspace(0.85, 1.1, HORIZON_PX, dtype=np.float32)[:, None, None]
    frame[:HORIZON_PX] = np.clip(sky * fade, 0, 255).astype(np.uint8)
    frame[HORIZON_PX:] = _colour(rng, (70, 105, 95), 25)
    middle = int(rng.integers(120, 200))
    road = np.array([(middle - 12, HORIZON_PX), (middle + 12, HORIZON_PX), (300, HEIGHT), (20, HEIGHT)])
    cv2.fillPoly(frame, [road.astype(np.int32)], _colour(rng, (90, 90, 90), 20))
    cv2.line(frame, (middle, HORIZON_PX), (160, HEIGHT), (210, 210, 210), 2)


def _house(frame: Pixels, rng: np.random.Generator, shift_px: int) -> None:
    left, top = outwards(int(rng.integers(-30, WIDTH)), shift_px), int(rng.integers(20, 100))
    width, bottom = int(rng.integers(40, 110)), int(rng.integers(HORIZON_PX, HORIZON_PX + 40))
    cv2.rectangle(frame, (left, top), (left + width, bottom), _colour(rng, (120, 130, 145), 40), -1)
    pane, step = _colour(rng, (110, 100, 90), 60), int(rng.integers(14, 24))
    for x in range(left + 6, left + width - 8, step):
        for y in range(top + 6, bottom - 10, step):
            cv2.rectangle(frame, (x, y), (x + step // 2, y + step // 2), pane, -1)


def _tree(frame: Pixels, rng: np.random.Generator, shift_px: int) -> None:
    x, y = outwards(int(rng.integers(0, WIDTH)), shift_px), int(rng.integers(70, 150))
    cv2.rectangle(frame, (x - 3, y), (x + 3, y + 60), (40, 60, 80), -1)
    for _ in range(9):
        dx, dy = rng.integers(-16, 17, 2)
        cv2.circle(
            frame, (x + int(dx), y + int(dy)), int(rng.integers(7, 16)), _colour(rng, (50, 105, 60), 30), -1
        )


def _car(frame: Pixels, rng: np.random.Generator, shift_px: int) -> None:
    x, y = outwards(int(rng.integers(20, WIDTH - 60)), shift_px), int(rng.integers(140, 200))
    width = int(rng.integers(34, 80))
    height = width // 3
    cv2.rectangle(frame, (x, y), (x + width, y + height), _paint(rng), -1)
    cv2.rectangle(frame, (x + width // 5, y - height // 2), (x + 4 * width // 5, y), (70, 60, 50), -1)
    for wheel in (x + width // 5, x + 4 * width // 5):
        cv2.circle(frame, (wheel, y + height), max(height // 3, 3), (20, 20, 20), -1)


def _decoy(frame: Pixels, rng: np.random.Generator, shift_px: int) -> None:
    x, y = outwards(int(rng.integers(10, WIDTH - 10)), shift_px), int(rng.integers(15, 170))
    half, outer, inner = int(rng.integers(7, 20)), _paint(rng), _paint(rng)
    if rng.random() < ROUND_DECOYS:
        cv2.circle(frame, (x, y), half, outer, -1, cv2.LINE_AA)
        cv2.ellipse(frame, (x, y), (half // 2, half // 4), float(rng.uniform(0, 180)), 0, 360, inner, -1)
        return
    tall = half + int(rng.integers(0, 16))
    cv2.rectangle(frame, (x - half, y - tall), (x + half, y + tall), outer, -1)
    for row in range(y - tall + 4, y + tall - 3, 7):
        cv2.line(frame, (x - half + 4, row), (x + half - int(rng.integers(3, half)), row), inner, 2)


def _paint(rng: np.random.Generator) -> Colour:
    return _colour(rng, PAINT[int(rng.integers(len(PAINT)))], 25)


def _colour(rng: np.random.Generator, mean: Colour, spread: int) -> Colour:
    blue, green, red = (int(np.clip(c + rng.integers(-spread, spread + 1), 0, 255)) for c in mean)
    return blue, green, red
