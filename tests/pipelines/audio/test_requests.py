"""The generated requests. Skipped where the extra or the speaking program is not installed."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

pytest.importorskip("pocketsphinx", reason='needs the extra: pip install "trimtab[audio]"')
pytest.importorskip("onnxruntime", reason='needs the extra: pip install "trimtab[audio]"')

from core.errors import UsageError
from pipelines.audio.harm import recorded
from pipelines.audio.kit import KIT
from pipelines.audio.phrases import EVALUATION, INTENTS, TRAINING, evaluation_text, training_texts
from pipelines.audio.requests import request
from pipelines.audio.sound import RATE_HZ
from pipelines.audio.voices import spoken
from pipelines.kit import Example

needs_voices = pytest.mark.skipif(shutil.which("flite") is None, reason="needs flite: apt-get install flite")


def test_evaluation_shares_no_pattern_and_no_text_with_training() -> None:
    said = {evaluation_text(np.random.default_rng(k)).text for k in range(500)}

    assert not said & {one.text for one in training_texts(7, 12)}
    for intent in INTENTS:
        assert not set(TRAINING[intent]) & set(EVALUATION[intent])


@needs_voices
def test_a_request_depends_on_seed_index_and_drift_only(shown: dict[float, list[Example]]) -> None:
    spoken.cache_clear()

    assert KIT.examples(3, 5, 0.5) == shown[0.5][:3]
    assert KIT.examples(1, 6, 0.5) != shown[0.5][:1]


@needs_voices
def test_the_same_is_said_at_every_drift_and_sounds_otherwise(shown: dict[float, list[Example]]) -> None:
    for clean, dull, bad in zip(*shown.values(), strict=True):
        assert clean.truth == dull.truth == bad.truth
        assert clean.cases["classify"] == bad.cases["classify"]
        assert len({clean.payload, dull.payload, bad.payload}) == 3


@needs_voices
def test_a_little_more_drift_is_a_little_more_of_the_same_harm() -> None:
    """The pause before the speech holds nothing but noise."""
    some, more = (request(0, seed=5, drift=drift).samples[:1500] for drift in (0.5, 0.52))

    assert np.corrcoef(some, more)[0, 1] > 0.9


@needs_voices
def test_payloads_are_small_and_are_taken(shown: dict[float, list[Example]]) -> None:
    for example in shown[0.0]:
        samples = KIT.stage("transcribe").decode(example.payload)
        assert 0.8 < len(samples) / RATE_HZ < 5
    assert np.mean([len(example.payload) for example in shown[0.0]]) < 90_000


@needs_voices
def test_every_intent_is_asked_for(shown: dict[float, list[Example]]) -> None:
    assert {example.truth for example in shown[0.0]} == set(INTENTS)


@needs_voices
def test_an_unknown_voice_is_refused() -> None:
    with pytest.raises(UsageError, match="nobody"):
        spoken("hello", "nobody", 1.0)


@pytest.mark.parametrize("drift", [-0.1, 1.1])
def test_a_drift_outside_of_its_range_is_refused(drift: float) -> None:
    with pytest.raises(ValueError, match="drift"):
        request(0, seed=1, drift=drift)


def test_drift_takes_time_and_treble_and_adds_noise() -> None:
    hiss = (3000 * np.random.default_rng(0).normal(size=2 * RATE_HZ)).astype(np.int16)

    clean, bad = (recorded(hiss, drift, np.random.default_rng(1)) for drift in (0.0, 1.0))

    assert len(bad) < len(clean)
    assert _treble(bad) < _treble(clean) / 2
    assert np.std(bad[:1600]) > 3 * np.std(clean[:1600])


def _treble(samples: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(samples.astype(np.float64))) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE_HZ)
    return float(power[(hertz > 5500) & (hertz < 7000)].sum() / power.sum())
