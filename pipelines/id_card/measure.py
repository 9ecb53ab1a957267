"""Measure the pipeline: answers on generated cards at several drifts, timings, loading. Needs the extra.

The work is cut into steps, so that whoever runs it can show progress; nothing is written here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipelines.id_card.accuracy import Answers, Right
from pipelines.id_card.cards import Card, Pixels, cards
from pipelines.id_card.detect import DETECTORS, Detector, crops
from pipelines.id_card.geometry import all_found, cut
from pipelines.id_card.latency import BATCHES, Call, load_time_s, one_round, summary
from pipelines.id_card.read import READERS, Reader, same_text
from pipelines.id_card.report import Measured, Settings, VariantTimes

TIMED_CARDS = 48
"""Cards that the timed batches are drawn from."""

Progress = Callable[[str], None]
"""Called with the name of every step when it begins."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Every variant, ready."""

    detectors: Mapping[str, Detector]
    readers: Mapping[str, Reader]


def steps(settings: Settings) -> int:
    """Return how many steps `measure` takes."""
    variants = len(DETECTORS) + len(READERS)
    return 1 + variants * (1 + settings.rounds) + len(settings.drifts) * (len(DETECTORS) + 1)


def measure(models: Path, settings: Settings, progress: Progress) -> Measured:
    """Load, time and examine every variant."""
    progress("fetching and loading the models")
    loaded = Loaded(
        {name: load(models) for name, load in DETECTORS.items()},
        {name: load(models) for name, load in READERS.items()},
    )
    times = _times(loaded, models, settings, progress)
    answers = [_answers(loaded, settings, drift, progress) for drift in settings.drifts]
    return Measured(settings, times, tuple(answers))


def _times(
    loaded: Loaded, models: Path, settings: Settings, progress: Progress
) -> dict[tuple[str, str], VariantTimes]:
    pictures = [card.pixels for card in cards(TIMED_CARDS, seed=settings.seed + 1)]
    calls = {("detect", name): _detecting(each, pictures) for name, each in loaded.detectors.items()}
    cut_out = [
        crop for each in loaded.detectors.values() for found in crops(each, pictures) for crop in found
    ]
    calls |= {("read", name): Call(each, cut_out) for name, each in loaded.readers.items()}
    rounds = _rounds(calls, settings, progress)
    found = {}
    for stage, name in calls:
        progress(f"starting {name}")
        points = tuple(summary(batch, rounds[stage, name, batch]) for batch in BATCHES)
        found[stage, name] = VariantTimes(load_time_s(stage, name, models), points)
    return found


def _detecting(detector: Detector, pictures: Sequence[Pixels]) -> Call:
    return Call(lambda batch: crops(detector, batch), pictures)


def _rounds(
    calls: Mapping[tuple[str, str], Call], settings: Settings, progress: Progress
) -> dict[tuple[str, str, int], list[list[float]]]:
    """Return the seconds of every run, by point and round; a round goes once over all points."""
    found: dict[tuple[str, str, int], list[list[float]]] = defaultdict(list)
    for k in range(settings.rounds):
        for (stage, name), call in calls.items():
            progress(f"timing {name}, round {k + 1} of {settings.rounds}")
            for batch in BATCHES:
                seconds = one_round(call, batch, runs=settings.runs, seed=settings.seed)
                found[stage, name, batch].append(seconds)
    return found


def _answers(loaded: Loaded, settings: Settings, drift: float, progress: Progress) -> Answers:
    shown = cards(settings.cards, seed=settings.seed, drift=drift)
    progress(f"reading true boxes, drift {drift:g}")
    readers = {name: _right(each, shown, _true_crops(shown)) for name, each in loaded.readers.items()}
    detectors: dict[str, Right] = {}
    pairs: dict[tuple[str, str], Right] = {}
    boxes: dict[str, float] = {}
    for name, detector in loaded.detectors.items():
        progress(f"reading what {name} finds, drift {drift:g}")
        found = [detector([card.pixels])[0] for card in shown]
        truth = [[line.box for line in card.lines] for card in shown]
        detectors[name] = np.array([all_found(t, f) for t, f in zip(truth, found, strict=True)])
        boxes[name] = float(np.mean([len(f) for f in found]))
        seen = [[cut(card.pixels, box) for box in f] for card, f in zip(shown, found, strict=True)]
        for reader, each in loaded.readers.items():
            pairs[name, reader] = _right(each, shown, seen)
    return Answers(drift, detectors, readers, pairs, boxes)


def _true_crops(shown: Sequence[Card]) -> list[list[Pixels]]:
    return [[cut(card.pixels, line.box) for line in card.lines] for card in shown]


def _right(reader: Reader, shown: Sequence[Card], seen: Sequence[Sequence[Pixels]]) -> Right:
    """Say for each card whether every line's text is among what was read, one crop at a time."""
    return np.array(
        [
            {same_text(line.text) for line in card.lines}
            <= {same_text(reader([crop])[0]) for crop in card_crops}
            for card, card_crops in zip(shown, seen, strict=True)
        ]
    )
