"""What a camera does to a frame: dusk, lost contrast, motion blur, sensor noise, coarse sampling, JPEG.

*drift* in [0, 1] scales all of them; how much of each differs from frame to frame, and the same frame is
harmed in the same way at every drift, only more.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pipelines.pictures import Pixels, jpeg

LEAST_SHARE = 0.4
"""Every frame gets at least this share of each harm."""
DARKEST = 0.55
"""Share of the light that is gone."""
MOST_CONTRAST_LOSS = 0.4
LONGEST_BLUR_PX = 5.0
MOST_NOISE = 13.0
"""Standard deviation in grey levels of 255, where light is not short."""
CLEAN_NOISE = 2.0
COARSEST = 1.9
"""By how much fewer rows and columns the sensor has."""
BEST_JPEG, WORST_JPEG = 92, 35


def filmed(frame: Pixels, drift: float, rng: np.random.Generator) -> bytes:
    """Return the JPEG that the camera sends of what is in front of it."""
    strength = drift * rng.uniform(LEAST_SHARE, 1.0, 6)
    angle_rad = float(rng.uniform(0, np.pi))
    grain = rng.normal(0.0, 1.0, frame.shape[:2]).astype(np.float32)
    light = frame.astype(np.float32)
    light = _sampled(_smeared(light, LONGEST_BLUR_PX * float(strength[2]), angle_rad), float(strength[3]))
    light = light + (light.mean() - light) * np.float32(MOST_CONTRAST_LOSS * float(strength[1]))
    light = light * np.float32(1 - DARKEST * float(strength[0]))
    light = light + grain[..., None] * np.float32(CLEAN_NOISE + MOST_NOISE * float(strength[4]))
    quality = round(BEST_JPEG - (BEST_JPEG - WORST_JPEG) * float(strength[5]))
    return jpeg(np.clip(light, 0, 255).astype(np.uint8), quality)


def _smeared(light: NDArray[np.float32], length_px: float, angle_rad: float) -> NDArray[np.float32]:
    """Return the mean over a straight way of the camera of the given length."""
    if length_px <= 0:
        return light
    centre = int(np.ceil(length_px / 2))
    kernel = np.zeros((2 * centre + 1, 2 * centre + 1), np.float32)
    way = np.linspace(-length_px / 2, length_px / 2, 8 * centre + 1)
    rows = np.rint(centre + way * np.sin(angle_rad)).astype(int)
    columns = np.rint(centre + way * np.cos(angle_rad)).astype(int)
    np.add.at(kernel, (rows, columns), np.float32(1 / len(way)))
    return np.asarray(cv2.filter2D(light, -1, kernel), np.float32)


def _sampled(light: NDArray[np.float32], strength: float) -> NDArray[np.float32]:
    height, width = light.shape[:2]
    factor = 1 + (COARSEST - 1) * strength
    small = cv2.resize(light, (round(width / factor), round(height / factor)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
