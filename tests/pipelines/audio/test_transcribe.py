"""The transcribers, with the wheel's models. Skipped where the extra or the speaking program is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pocketsphinx", reason='needs the extra: pip install "trimtab[audio]"')
pytest.importorskip("onnxruntime", reason='needs the extra: pip install "trimtab[audio]"')

from pipelines.audio.kit import KIT
from pipelines.audio.phrases import vocabulary
from pipelines.audio.transcribe import VARIANTS, close
from pipelines.audio.voices import spoken
from pipelines.kit import Example
from pipelines.weights import ModelUnavailable

pytestmark = pytest.mark.skipif(shutil.which("flite") is None, reason="needs flite: apt-get install flite")

STAGE = KIT.stages[0]
FLOORS = {"each-4": 0.35, "each-2": 0.7, "each-1": 0.8}
"""Share of the clean requests understood, at least."""


def _share(variant: str, folder: Path, examples: list[Example]) -> float:
    model = STAGE.variants[variant](folder)
    texts = model([STAGE.decode(example.payload) for example in examples])
    truths = [example.cases["transcribe"][0].truth for example in examples]
    return float(np.mean([STAGE.right(text, truth) for text, truth in zip(texts, truths, strict=True)]))


@pytest.mark.parametrize("variant", FLOORS)
def test_a_variant_understands_its_share_of_clean_requests(
    variant: str, folder: Path, shown: dict[float, list[Example]]
) -> None:
    assert _share(variant, folder, shown[0.0]) >= FLOORS[variant]


def test_more_effort_understands_more_and_drift_less(folder: Path, shown: dict[float, list[Example]]) -> None:
    hasty, whole = (
        [_share(variant, folder, shown[drift]) for drift in (0.0, 1.0)] for variant in ("each-4", "each-1")
    )

    assert hasty[0] > hasty[1] + 0.2
    assert whole[0] > whole[1] + 0.2
    assert all(more > less + 0.1 for more, less in zip(whole, hasty, strict=True))


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "each-4"])
def test_a_plain_sentence_is_written_down_word_by_word(variant: str, folder: Path) -> None:
    model = VARIANTS[variant](folder)

    assert model([spoken("turn off the lights in the kitchen", "rms", 1.0)]) == [
        ["turn off the lights in the kitchen"]
    ]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_batch_in_any_order_gives_the_texts_of_single_calls(
    variant: str, folder: Path, shown: dict[float, list[Example]]
) -> None:
    model = VARIANTS[variant](folder)
    items = [STAGE.decode(example.payload) for example in [*shown[0.0][:4], *shown[1.0][:4]]]

    alone = [VARIANTS[variant](folder)([item])[0] for item in items]

    assert model(items[::-1]) == alone[::-1]


def test_silence_has_no_text_and_the_sample_is_taken(folder: Path) -> None:
    model = VARIANTS["each-4"](folder)

    assert model([np.zeros(16_000, np.int16), np.full(16_000, 5, np.int16)]) == [[], []]
    assert len(model([STAGE.decode(STAGE.sample())])) == 1
    assert model([]) == []


def test_only_words_of_the_dictionary_are_written(folder: Path, shown: dict[float, list[Example]]) -> None:
    model = VARIANTS["each-4"](folder)

    texts = model([STAGE.decode(example.payload) for example in shown[1.0]])

    assert {word for text in texts for word in " ".join(text).split()} <= vocabulary()


def test_one_word_of_four_may_be_wrong() -> None:
    assert close("play some rock music", "play some jazz music")
    assert close("play jazz music", "play some jazz music")
    assert not close("play some rock", "play some jazz music")
    assert not close("play some of the jazz music", "play some jazz music")


def test_nothing_and_two_texts_are_not_right() -> None:
    assert not STAGE.right([], "play some jazz music")
    assert not STAGE.right(["play some jazz music"] * 2, "play some jazz music")


def test_a_server_without_prepared_weights_says_so(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="make models"):
        VARIANTS["each-1"](tmp_path)
