"""Sound on the wire: WAV files of one kind; their length is checked before samples are read."""

from __future__ import annotations

import wave
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from pipelines.kit import BadItem

Samples = NDArray[np.int16]

RATE_HZ = 16_000
"""What the acoustic model was trained at."""
SAMPLE_BYTES = 2
LEAST_S, MOST_S = 0.2, 10.0
"""A request in one breath: shorter is no word, longer would hold up everybody behind it."""
MOST_HEADER_BYTES = 4096
"""Room for what a WAV file says beside its samples."""
MOST_BYTES = int(MOST_S * RATE_HZ) * SAMPLE_BYTES + MOST_HEADER_BYTES
TAKEN = "send a WAV file of 16000 Hz, one channel, 16 bits"


def from_wav(payload: bytes) -> Samples:
    """Return the samples in *payload*.

    Raises:
        BadItem: it is no WAV file of the one kind taken, is cut off, too short or too long.
    """
    if len(payload) > MOST_BYTES:
        raise BadItem(f"the item has {len(payload)} bytes; {TAKEN}, {LEAST_S:g} to {MOST_S:g} s long")
    try:
        with wave.open(BytesIO(payload), "rb") as file:
            _check(file)
            content = file.readframes(file.getnframes())
            if len(content) != file.getnframes() * SAMPLE_BYTES:
                raise BadItem(f"the WAV file is cut off: {TAKEN} with all its samples")
    except (wave.Error, EOFError, ValueError) as error:
        raise BadItem(f"the item is not a WAV file: {TAKEN}") from error
    return np.frombuffer(content, "<i2").astype(np.int16)


def to_wav(samples: Samples) -> bytes:
    """Return the samples as a WAV file."""
    content = BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(SAMPLE_BYTES)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()


def loudness(samples: NDArray[np.int16] | NDArray[np.float64]) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def _check(file: wave.Wave_read) -> None:
    found = (file.getframerate(), file.getnchannels(), 8 * file.getsampwidth())
    if found != (RATE_HZ, 1, 8 * SAMPLE_BYTES):
        raise BadItem("the WAV file has {} Hz, {} channels, {} bits; ".format(*found) + TAKEN)
    duration_s = file.getnframes() / RATE_HZ
    if not LEAST_S <= duration_s <= MOST_S:
        raise BadItem(f"the sound lasts {duration_s:.2f} s; send {LEAST_S:g} to {MOST_S:g} s")
