"""Find the lines of text on a card: one detector without a model, and PP-OCR's at several sizes.

`classic` thresholds the gradient (Otsu) and closes the gaps between letters. The others are
differentiable-binarization networks (PP-OCRv3 and v6): the card is scaled to a long side of N pixels
(`-N`), the probability map thresholded, each blob boxed and grown. Every detector sends on every box it
finds that is wider than high, up to `MOST_BOXES`; bars and other clutter it takes for text are sent on too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from pipelines.id_card.cards import Quad
from pipelines.id_card.geometry import cut, grown_box
from pipelines.id_card.models import MODELS
from pipelines.pictures import LEAST_SIDE_PX, Pixels
from pipelines.runtime import Network, Tensor
from pipelines.weights import present

MOST_BOXES = 8
"""Boxes kept for a card, the largest first: a card has three lines."""
LEAST_ASPECT = 1.5
"""A line of text is at least this many times wider than high."""
MAP_THRESHOLD, BOX_THRESHOLD = 0.3, 0.5
"""RapidOCR's settings for these models."""
GROWTH = 1.0
"""How far boxes are moved out. RapidOCR's 1.6 frames text of 15 pixels so loosely that readers lose it;
chosen among 0.6, 1.0, 1.3 and 1.6 on cards of another seed than the measured ones."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CENTRED = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


class Detector(Protocol):
    """What finds text on cards."""

    def __call__(self, cards: Sequence[Pixels]) -> list[list[Quad]]:
        """Return the boxes on each card, largest first."""
        ...


@dataclass(frozen=True, slots=True)
class Crop:
    """A box found on a card, and what it frames, upright."""

    box: Quad
    pixels: Pixels


@dataclass(frozen=True, slots=True)
class Cutting:
    """A detector that cuts out what it finds: a variant of the stage `detect`."""

    detector: Detector

    def __call__(self, cards: Sequence[Pixels]) -> list[list[Crop]]:
        """Return the crops of each card, largest first; not those that no reader takes."""
        found = self.detector(cards)
        crops = [
            [Crop(box, cut(card, box)) for box in boxes] for card, boxes in zip(cards, found, strict=True)
        ]
        return [
            [crop for crop in of_card if min(crop.pixels.shape[:2]) >= LEAST_SIDE_PX] for of_card in crops
        ]


class Classic:
    """Gradient, Otsu, closing, size: no model."""

    def __call__(self, cards: Sequence[Pixels]) -> list[list[Quad]]:
        """Return the boxes on each card, largest first."""
        return [self._boxes(card) for card in cards]

    def _boxes(self, card: Pixels) -> list[Quad]:
        grey = cv2.cvtColor(card, cv2.COLOR_BGR2GRAY)
        edges = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        _, ink = cv2.threshold(edges, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        words = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((1, 13), np.uint8))
        lines = cv2.morphologyEx(words, cv2.MORPH_OPEN, np.ones((5, 9), np.uint8))
        contours, _ = cv2.findContours(lines, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes = (grown_box(contour, 0.2) for contour in contours)
        return _lines([box for box in boxes if box is not None])


@dataclass(frozen=True, slots=True)
class Differentiable:
    """A differentiable-binarization network run at one size."""

    network: Network
    long_side_px: int
    normalisation: tuple[tuple[float, ...], tuple[float, ...]]

    def __call__(self, cards: Sequence[Pixels]) -> list[list[Quad]]:
        """Return the boxes on each card, largest first; cards of one size go through the network together."""
        scaled = [self._scaled(card) for card in cards]
        boxes: list[list[Quad]] = [[] for _ in cards]
        for shape in dict.fromkeys(picture.shape for picture in scaled):
            alike = [k for k, picture in enumerate(scaled) if picture.shape == shape]
            maps = self.network(np.stack([scaled[k] for k in alike]))[:, 0]
            for k, found in zip(alike, maps, strict=True):
                boxes[k] = self._boxes(found, cards[k])
        return boxes

    def _scaled(self, card: Pixels) -> Tensor:
        height, width = card.shape[:2]
        scale = self.long_side_px / max(height, width)
        size = (max(round(width * scale / 32), 1) * 32, max(round(height * scale / 32), 1) * 32)
        mean, deviation = self.normalisation
        scaled = cv2.resize(card, size).astype(np.float32) / 255.0
        scaled = (scaled - np.array(mean, np.float32)) / np.array(deviation, np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))

    def _boxes(self, found: Tensor, card: Pixels) -> list[Quad]:
        mask = (found > MAP_THRESHOLD).astype(np.uint8)
        mask = cv2.dilate(mask, np.ones((2, 2), np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        stretch = np.array([card.shape[1] / found.shape[1], card.shape[0] / found.shape[0]], np.float32)
        boxes = [
            grown_box(contour, GROWTH) for contour in contours if _likelihood(found, contour) >= BOX_THRESHOLD
        ]
        return _lines([box * stretch for box in boxes if box is not None])


def _likelihood(found: Tensor, contour: Quad) -> float:
    """Return the mean of the map inside the contour's box."""
    left, top, width, height = cv2.boundingRect(contour)
    inside = np.zeros((height, width), np.uint8)
    corners = cv2.boxPoints(cv2.minAreaRect(contour)) - np.array([left, top], np.float32)
    cv2.fillPoly(inside, [corners.astype(np.int32)], 1)
    return float(cv2.mean(found[top : top + height, left : left + width], inside)[0])


def _lines(boxes: list[Quad]) -> list[Quad]:
    """Return the boxes with the shape of a line, largest first."""
    lines = [box for box in boxes if _aspect(box) >= LEAST_ASPECT]
    return sorted(lines, key=lambda box: -float(cv2.contourArea(box)))[:MOST_BOXES]


def _aspect(box: Quad) -> float:
    return float(np.linalg.norm(box[0] - box[1]) / np.linalg.norm(box[0] - box[3]))


DETECTORS: Mapping[str, Callable[[Path], Detector]] = {
    "classic": lambda _: Classic(),
    "v3det-224": lambda models: Differentiable(_network("v3det", models), 224, IMAGENET),
    "v3det-320": lambda models: Differentiable(_network("v3det", models), 320, IMAGENET),
    "v6det-320": lambda models: Differentiable(_network("v6det", models), 320, CENTRED),
}
"""How each variant is loaded, given the folder of the model files; cheapest first."""


def _network(name: str, models: Path) -> Network:
    return Network(present(MODELS[name].name, models))
