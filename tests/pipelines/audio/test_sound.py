"""What is taken as sound and as text, and what is refused. Skipped where the extra is not installed."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pocketsphinx", reason='needs the extra: pip install "trimtab[audio]"')
pytest.importorskip("onnxruntime", reason='needs the extra: pip install "trimtab[audio]"')

from pipelines.audio.kit import KIT, answer, decode_text
from pipelines.audio.phrases import INTENTS
from pipelines.audio.sound import MOST_BYTES, from_wav, to_wav
from pipelines.kit import BadItem


def _wav(*, rate: int = 16_000, channels: int = 1, width: int = 2, seconds: float = 1.0) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(bytes(int(rate * seconds) * channels * width))
    return content.getvalue()


@given(st.integers(3200, 6000), st.integers(0, 9))
def test_samples_survive_the_wire(length: int, seed: int) -> None:
    samples = np.random.default_rng(seed).integers(-32768, 32768, length).astype(np.int16)

    assert np.array_equal(from_wav(to_wav(samples)), samples)


@pytest.mark.parametrize(
    ("payload", "said"),
    [
        pytest.param(b"", "not a WAV file", id="nothing"),
        pytest.param(b"MP3 or so" * 50, "not a WAV file", id="another format"),
        pytest.param(_wav()[:30], "not a WAV file", id="half a header"),
        pytest.param(_wav()[:-100], "cut off", id="samples are missing"),
        pytest.param(_wav(rate=8000), "8000 Hz", id="rate"),
        pytest.param(_wav(channels=2), "2 channels", id="stereo"),
        pytest.param(_wav(width=1), "8 bits", id="width"),
        pytest.param(_wav(seconds=0), "0.00 s", id="empty"),
        pytest.param(_wav(seconds=0.1), "0.10 s", id="short"),
        pytest.param(_wav(seconds=10.1), "10.10 s", id="long"),
        pytest.param(bytes(MOST_BYTES + 1), "bytes", id="too many bytes"),
    ],
)
def test_what_is_no_recording_of_a_request_is_refused_with_what_to_send(payload: bytes, said: str) -> None:
    with pytest.raises(BadItem, match=said) as refused:
        KIT.stage("transcribe").decode(payload)

    assert "send" in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_decoder(noise: bytes) -> None:
    for payload in (noise, _wav(seconds=0.2)[:44] + noise, b"RIFF" + noise):
        with pytest.raises(BadItem):
            from_wav(payload)


@pytest.mark.parametrize("payload", [b"", b"  \n", b"\xff\xfe", b"a" * 2001])
def test_what_is_no_text_is_refused(payload: bytes) -> None:
    with pytest.raises(BadItem, match="send"):
        decode_text(payload)


def test_a_text_is_taken_in_small_letters_with_single_blanks() -> None:
    assert decode_text(b"  Play\tsome JAZZ ") == "play some jazz"


def test_the_answer_is_the_intent_null_where_no_word_was_heard() -> None:
    assert answer([b"music"]) == "music"
    assert answer([]) is None
    with pytest.raises(BadItem, match="no intent"):
        answer([b"sports"])


def test_what_a_stage_sends_is_read_back_as_it_was() -> None:
    transcribe, classify = KIT.stages

    assert transcribe.read_back(transcribe.encode("play some jazz")) == "play some jazz"
    assert classify.decode(transcribe.encode("play some jazz")) == "play some jazz"
    assert [classify.read_back(classify.encode(intent)) for intent in INTENTS] == list(INTENTS)
    with pytest.raises(BadItem):
        classify.read_back(b"sports")


def test_a_request_is_right_if_its_intent_is() -> None:
    assert KIT.right("music", "music")
    assert not KIT.right("route", "music")
    assert not KIT.right(None, "music")
