"""Boxes of text: corners in order, growing, overlap, and cutting the upright crop out of a card."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipelines.id_card.cards import Quad
from pipelines.pictures import Pixels

FOUND_IOU = 0.5
"""A line is found where a box overlaps its true box by this much (intersection over union)."""
SPECK_PX, LEAST_SIDE_PX = 2.0, 5.0
"""Shortest side of a box before and after it is grown."""


def grown_box(contour: Quad, ratio: float) -> Quad | None:
    """Return the smallest turned rectangle around *contour*, every side moved out; None for a speck.

    The distance is area * *ratio* / perimeter, as in differentiable binarization (Liao et al. 2020):
    on a rectangle the polygon clipping of that method is exactly this.
    """
    centre, (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < SPECK_PX:
        return None
    out = width * height * ratio / (2 * (width + height))
    grown = (width + 2 * out, height + 2 * out)
    if min(grown) < LEAST_SIDE_PX:
        return None
    return in_order(cv2.boxPoints((centre, grown, angle)))


def in_order(corners: Quad) -> Quad:
    """Return the corners from the top left, clockwise as seen."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    return np.array([left[0], right[0], right[1], left[1]], dtype=np.float32)


def cut(card: Pixels, box: Quad) -> Pixels:
    """Return what *box* frames, turned upright."""
    width = max(round(float(np.linalg.norm(box[0] - box[1]))), 4)
    height = max(round(float(np.linalg.norm(box[0] - box[3]))), 4)
    upright = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    turn = cv2.getPerspectiveTransform(box, upright)
    crop: Pixels = cv2.warpPerspective(
        card, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return crop


def overlap(one: Quad, other: Quad) -> float:
    """Return intersection over union of two convex boxes."""
    shared, _ = cv2.intersectConvexConvex(one, other)
    union = cv2.contourArea(one) + cv2.contourArea(other) - shared
    return float(shared / union) if union > 0 else 0.0


def all_found(true: Sequence[Quad], boxes: Sequence[Quad]) -> bool:
    """Say whether every true box is overlapped enough by some box."""
    return all(any(overlap(box, found) >= FOUND_IOU for found in boxes) for box in true)
