"""The pipeline of a moving camera: `locate` finds the traffic signs in a frame, `classify` names each.

A frame's answer is the list of the signs in it, in alphabetical order; it is right if it is exactly that.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pipelines.kit import BadItem, Case, Example, Kit, StageKit
from pipelines.pictures import Pixels, jpeg, picture
from pipelines.video import classify, locate
from pipelines.video.boxes import Box, Crop, all_found, cut, from_png, to_png
from pipelines.video.clips import FRAMES_PER_CLIP, Frame, frame
from pipelines.video.harm import BEST_JPEG
from pipelines.video.learn import prepare
from pipelines.video.locate import MOST_FRAME_SIDE_PX, NATIVE
from pipelines.video.signs import LABELS

MOST_FALSE = 3
"""Boxes that frame no sign which a frame may have: the classifier rejects most, but each costs its time."""
MOST_SHOWN = 40
"""Characters of a wrong label that a message repeats."""
SAMPLE_CROP_PX = 36
"""Side of a usual sign."""


def decode_frame(payload: bytes) -> Pixels:
    """Return the frame in a JPEG or PNG.

    Raises:
        BadItem: it is neither, is damaged, too small or too large.
    """
    return picture(payload, most_side_px=MOST_FRAME_SIDE_PX)


def located(outputs: Sequence[Crop], truth: Sequence[Sequence[int]]) -> bool:
    """Say whether every true box (left, top, right, bottom) is among the crops, and few others are."""
    boxes = [crop.box for crop in outputs]
    return all_found([Box(*corners) for corners in truth], boxes) and len(boxes) <= len(truth) + MOST_FALSE


def encode_label(label: str) -> bytes:
    """Return the label as it travels."""
    return label.encode("ascii")


def decode_label(output: bytes) -> str:
    """Return the label that travelled.

    Raises:
        BadItem: it is none.
    """
    label = output.decode("ascii", errors="replace")
    if label not in LABELS:
        raise BadItem(f"{label[:MOST_SHOWN]!r} is no label; the pipeline answers with {', '.join(LABELS)}")
    return label


def answer(outputs: Sequence[bytes]) -> list[str]:
    """Return the labels of a frame in alphabetical order.

    Raises:
        BadItem: an output is no label.
    """
    return sorted(decode_label(output) for output in outputs)


def examples(count: int, seed: int, drift: float) -> list[Example]:
    """Return *count* frames of the seed's clips; frame k depends on seed, k and drift only."""
    return [_example(frame(k, seed=seed, drift=drift)) for k in range(count)]


def _example(shown: Frame) -> Example:
    pixels = decode_frame(shown.jpeg)
    boxes = [[s.box.left, s.box.top, s.box.right, s.box.bottom] for s in shown.signs]
    crops = [(crop, sign.label) for sign in shown.signs if (crop := cut(pixels, sign.box)) is not None]
    return Example(
        payload=shown.jpeg,
        truth=sorted(sign.label for sign in shown.signs),
        cases={
            "locate": (Case(shown.jpeg, boxes),),
            "classify": tuple(Case(to_png(crop), label) for crop, label in crops),
        },
    )


def named(outputs: Sequence[str], truth: str) -> bool:
    """Say whether the one output is the true label."""
    return list(outputs) == [truth]


def right(said: Sequence[str], truth: Sequence[str]) -> bool:
    """Say whether the labels are those of the frame, each as often, in any order."""
    return sorted(said) == sorted(truth)


def _sample_frame() -> bytes:
    """Return a frame with two coloured squares: no evaluation data, and something to find."""
    pixels = np.full((NATIVE[1], NATIVE[0], 3), 120, np.uint8)
    for left in (40, 200):
        cv2.rectangle(pixels, (left, 60), (left + SAMPLE_CROP_PX, 60 + SAMPLE_CROP_PX), (32, 24, 190), -1)
    return jpeg(pixels, BEST_JPEG)


def _sample_crop() -> bytes:
    pixels = np.full((SAMPLE_CROP_PX, SAMPLE_CROP_PX, 3), (32, 24, 190), np.uint8)
    return to_png(Crop(pixels, Box(0, 0, SAMPLE_CROP_PX, SAMPLE_CROP_PX)))


KIT = Kit(
    name="video",
    description=f"Traffic signs in frames of a moving camera (generated clips of {FRAMES_PER_CLIP} frames)",
    stages=(
        StageKit(
            name="locate",
            variants=locate.VARIANTS,
            decode=decode_frame,
            encode=to_png,
            right=located,
            read_back=from_png,
            sample=_sample_frame,
        ),
        StageKit(
            name="classify",
            variants=classify.VARIANTS,
            decode=from_png,
            encode=encode_label,
            right=named,
            read_back=decode_label,
            sample=_sample_crop,
            after=("locate",),
        ),
    ),
    prepare=prepare,
    examples=examples,
    answer=answer,
    right=right,
    slo={"latency": 0.3, "quantile": 0.99},
    objective={"alpha": 1.0, "beta": 0.04},
    limits={"maxCores": 24},
    license_notes={
        "frames, signs, weights": "Apache-2.0, this project's: drawn and trained by pipelines/video",
        "Aileron font (in Pillow)": "no rights reserved (CC0), the font's own name table",
        "scikit-learn, which trains": "BSD-3-Clause, its metadata",
        "onnx, which writes the weights": "Apache-2.0, its metadata",
    },
)
