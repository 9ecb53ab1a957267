"""Requests with known text and intent: a phrase, a voice that says it, and a room that harms it.

Request k depends on the seed, k and the drift only; the phrase, the voice and the kinds of harm are the same
at every drift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.audio.harm import recorded
from pipelines.audio.phrases import Said, evaluation_text
from pipelines.audio.sound import Samples
from pipelines.audio.voices import VOICES, spoken

STRETCH = (0.85, 1.05)
"""How slowly people talk; 1 is the voice's own pace."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was said, and how it arrived."""

    said: Said
    samples: Samples


def request(index: int, *, seed: int, drift: float) -> Request:
    """Return one request.

    Raises:
        ValueError: *drift* is not in [0, 1].
        UsageError: flite is not installed.
    """
    if not 0 <= drift <= 1:
        raise ValueError(f"drift {drift!r} is not in [0, 1]")
    rng = np.random.default_rng([seed, index, 0])
    said = evaluation_text(rng)
    voice = VOICES[int(rng.integers(len(VOICES)))]
    stretch = round(float(rng.uniform(*STRETCH)), 2)
    room = np.random.default_rng([seed, index, 1])
    return Request(said, recorded(spoken(said.text, voice, stretch), drift, room))
