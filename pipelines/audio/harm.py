"""What a worse room and a worse line do to speech: faster talk, an echo, a narrow band, noise.

*drift* in [0, 1] scales all of them; at 0 there is the faint noise of a good microphone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipelines.audio.sound import RATE_HZ, Samples, loudness

Wave = NDArray[np.float64]

LOUDNESS = 2000.0
"""Root mean square of what is recorded, of 32767."""
PAUSE_S = 0.1
"""Before and after the request."""
LEAST_NOISE, MOST_NOISE = 0.01, 0.09
"""Share of the loudness: 40 dB below the speech on a clean day, 21 dB on a bad one."""
MOST_SPEED_UP = 0.12
MOST_ECHO = 0.25
ECHO_S = (0.02, 0.06)
WIDE_HZ, NARROW_HZ = 7600.0, 3600.0
"""Where the line cuts off: hardly at all, and like a telephone."""
CUT_HZ = 300.0
"""Width of the cut-off."""
LOW_HZ = 60.0
"""Noise falls with frequency from here on."""


def recorded(speech: Samples, drift: float, rng: np.random.Generator) -> Samples:
    """Return *speech* as the microphone hears it; how much of each harm differs from case to case."""
    strength = drift * rng.uniform(0.5, 1.0, 4)
    echo_s = float(rng.uniform(*ECHO_S))
    wave = _faster(speech.astype(np.float64), 1 + MOST_SPEED_UP * float(strength[0]))
    pause = np.zeros(int(PAUSE_S * RATE_HZ))
    wave = np.concatenate([pause, LOUDNESS * wave / max(loudness(wave), 1.0), pause])
    wave = _echoed(wave, echo_s, MOST_ECHO * float(strength[1]))
    wave = _cut(wave, WIDE_HZ - (WIDE_HZ - NARROW_HZ) * float(strength[2]))
    noise = LOUDNESS * (LEAST_NOISE + (MOST_NOISE - LEAST_NOISE) * float(strength[3]))
    wave = wave + noise * _noise(len(wave), rng)
    return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)


def _faster(wave: Wave, factor: float) -> Wave:
    """Return the sound played *factor* times as fast, and as much higher."""
    at = np.arange(0, len(wave) - 1, factor)
    played: Wave = np.interp(at, np.arange(len(wave)), wave)
    return played


def _echoed(wave: Wave, delay_s: float, share: float) -> Wave:
    echo = wave.copy()
    delay = int(delay_s * RATE_HZ)
    echo[delay:] += share * wave[:-delay]
    return echo


def _cut(wave: Wave, above_hz: float) -> Wave:
    spectrum = np.fft.rfft(wave)
    hertz = np.fft.rfftfreq(len(wave), 1 / RATE_HZ)
    kept = np.clip((above_hz + CUT_HZ - hertz) / CUT_HZ, 0, 1)
    narrow: Wave = np.fft.irfft(spectrum * kept, len(wave))
    return narrow


def _noise(length: int, rng: np.random.Generator) -> Wave:
    """Return noise of loudness 1 whose power falls with frequency, as that of fans and streets does."""
    spectrum = np.fft.rfft(rng.normal(0, 1, length))
    hertz = np.fft.rfftfreq(length, 1 / RATE_HZ)
    noise: Wave = np.fft.irfft(spectrum / np.sqrt(np.maximum(hertz, LOW_HZ)), length)
    return noise / loudness(noise)
