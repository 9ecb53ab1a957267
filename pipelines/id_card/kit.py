"""The ID card reader: find the lines of text on a card, read each of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pipelines.id_card.cards import HEIGHT, WIDTH, cards
from pipelines.id_card.detect import DETECTORS, Crop, Cutting, Detector
from pipelines.id_card.geometry import all_found, cut
from pipelines.id_card.models import MODELS
from pipelines.id_card.read import READERS, Reader, Reading, same_text
from pipelines.kit import BadItem, Case, Example, Kit, Model, StageKit
from pipelines.pictures import jpeg, note_of, picture, png
from pipelines.runtime import threads
from pipelines.weights import fetch

MOST_CARD_PX, MOST_CROP_PX = 2048, 2048
"""Largest side of a card that is taken, and of a crop."""
CARD_QUALITY = 95
"""JPEG quality of the cards that clients send: a camera's."""
BATCHES = (1, 2, 4, 8)
"""Nothing gains from batching here: 16 would only take longer to measure."""
PAPER = 200
"""Grey of the empty card that warms a detector."""


def _prepare(folder: Path, say: Callable[[str], None]) -> None:
    for name, file in MODELS.items():
        say(f"{name}: {file.name} of {file.requirement}")
        fetch(file, folder)


def _examples(count: int, seed: int, drift: float) -> list[Example]:
    found = []
    for card in cards(count, seed=seed, drift=drift):
        payload = jpeg(card.pixels, CARD_QUALITY)
        boxes = [line.box.tolist() for line in card.lines]
        read = tuple(Case(png(cut(card.pixels, line.box)), line.text) for line in card.lines)
        found.append(
            Example(
                payload=payload,
                truth=[line.text for line in card.lines],
                cases={"detect": (Case(payload, boxes),), "read": read},
            )
        )
    return found


def _detector(load: Callable[[Path], Detector], folder: Path) -> Model:
    cv2.setNumThreads(threads())
    return Cutting(load(folder))


def _reader(load: Callable[[Path], Reader], folder: Path) -> Model:
    cv2.setNumThreads(threads())
    return Reading(load(folder))


def _crop_png(crop: Crop) -> bytes:
    return png(crop.pixels, note=json.dumps(np.round(crop.box, 1).tolist()))


def _crop_back(item: bytes) -> Crop:
    try:
        box = np.array(json.loads(note_of(item)), np.float32).reshape(4, 2)
    except ValueError as error:
        raise BadItem("the crop does not say where on the card it was") from error
    return Crop(box, picture(item, most_side_px=MOST_CROP_PX))


def _text(item: bytes) -> str:
    try:
        return item.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadItem("an answer of the reader must be UTF-8 text") from error


def _found(crops: Sequence[Crop], boxes: Any) -> bool:  # noqa: ANN401 - the truth of a case
    true = [np.asarray(box, np.float32) for box in boxes]
    return all_found(true, [crop.box for crop in crops])


def _read(texts: Sequence[str], truth: Any) -> bool:  # noqa: ANN401 - as above
    return [same_text(text) for text in texts] == [same_text(truth)]


def _answer(outputs: Sequence[bytes]) -> list[str]:
    return [_text(output) for output in outputs]


def _right(answer: Any, truth: Any) -> bool:  # noqa: ANN401 - JSON
    """Every line of the card is among what was read; what else was read is passed over."""
    return {same_text(text) for text in truth} <= {same_text(text) for text in answer}


def _empty_card() -> bytes:
    return jpeg(np.full((HEIGHT, WIDTH, 3), PAPER, np.uint8), CARD_QUALITY)


def _empty_crop() -> bytes:
    return png(np.full((20, 120, 3), PAPER, np.uint8))


KIT = Kit(
    name="id_card",
    description="Find the lines of text on an ID card, then read them.",
    stages=(
        StageKit(
            name="detect",
            variants={name: partial(_detector, load) for name, load in DETECTORS.items()},
            decode=partial(picture, most_side_px=MOST_CARD_PX),
            encode=_crop_png,
            right=_found,
            read_back=_crop_back,
            sample=_empty_card,
            batches=BATCHES,
        ),
        StageKit(
            name="read",
            after=("detect",),
            variants={name: partial(_reader, load) for name, load in READERS.items()},
            decode=partial(picture, most_side_px=MOST_CROP_PX),
            encode=str.encode,
            right=_read,
            read_back=_text,
            sample=_empty_crop,
            batches=BATCHES,
        ),
    ),
    prepare=_prepare,
    examples=_examples,
    answer=_answer,
    right=_right,
    slo={"latency": 0.4, "quantile": 0.99},
    objective={"alpha": 1.0, "beta": 0.04},
    limits={"maxCores": 24},
    license_notes={
        "PP-OCRv6 small detector and recogniser (wheel rapidocr 3.10.0)": "Apache-2.0, its MODEL_LICENSES.md",
        "PP-OCRv3 detector and recogniser (wheel rapidocr-onnxruntime 1.2.3)": "Apache-2.0, its metadata",
        "DejaVu and STIX fonts (in matplotlib)": "Bitstream Vera licence, SIL OFL",
    },
)
