"""Speech with known text: Debian's `flite`, run as a program of its own, only to make evaluation data.

Its voices slt, rms and awb are built from recordings of people (a woman and a man from the USA, a man from
Scotland). espeak-ng was tried first: its formant voices are so unlike people that the recogniser gets more
than half of the words wrong.
"""

from __future__ import annotations

import subprocess
import wave
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from core.errors import UsageError
from pipelines.audio.sound import RATE_HZ, Samples

VOICES = ("slt", "rms", "awb")
TIMEOUT_S = 60.0
REMEMBERED = 512
"""Utterances kept, so that other drifts of the same example need not be spoken again: about 40 MB."""


@lru_cache(maxsize=REMEMBERED)
def spoken(text: str, voice: str, stretch: float) -> Samples:
    """Return *text* as *voice* says it, *stretch* times as slowly as usual.

    Raises:
        UsageError: flite is not installed, lacks the voice, or refuses.
    """
    if voice not in _voices():
        raise UsageError(f"this flite has no voice {voice!r}, only {', '.join(_voices())}")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "spoken.wav"
        _flite("-voice", voice, "--setf", f"duration_stretch={stretch:.3f}", "-t", text, "-o", str(path))
        return _read(path.read_bytes())


@cache
def _voices() -> tuple[str, ...]:
    """Return what flite can speak with; where a voice is missing it would take another without a word."""
    return tuple(_flite("-lv").partition(":")[2].split())


def _flite(*arguments: str) -> str:
    try:
        done = subprocess.run(["flite", *arguments], check=True, capture_output=True, timeout=TIMEOUT_S)
    except FileNotFoundError as error:
        raise UsageError("evaluation speech needs the program flite: apt-get install flite") from error
    except subprocess.CalledProcessError as error:
        raise UsageError(f"flite failed: {error.stderr.decode('utf-8', 'replace').strip()}") from error
    return done.stdout.decode("utf-8", "replace")


def _read(content: bytes) -> Samples:
    with wave.open(BytesIO(content), "rb") as file:
        if file.getframerate() != RATE_HZ:
            raise UsageError(f"this flite speaks at {file.getframerate()} Hz, not {RATE_HZ}; use flite 2.2")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
    samples.flags.writeable = False
    return samples
