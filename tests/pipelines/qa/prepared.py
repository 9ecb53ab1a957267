"""The pipeline with its real weights, prepared once for all tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pipelines.kit import Example, Model
from pipelines.qa.kit import KIT

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".models" / KIT.name
COUNT, SEED = 100, 3
"""Of the fixed examples that accuracies are stated on."""
SERVED = 40
"""Examples that go through the whole pipeline, one by one."""
DRIFTS = (0.0, 0.5, 1.0)


@cache
def folder() -> Path:
    """Return the folder with everything that the variants load."""
    KIT.prepare(FOLDER, print)
    return FOLDER


@cache
def model(stage: str, variant: str) -> Model:
    """Return a variant, loaded."""
    return KIT.stage(stage).variants[variant](folder())


@cache
def examples(drift: float) -> tuple[Example, ...]:
    """Return the fixed examples at one drift."""
    return tuple(KIT.examples(COUNT, SEED, drift))


@cache
def accuracy(stage: str, variant: str, drift: float) -> float:
    """Return the share of the examples that a stage alone gets right."""
    kit = KIT.stage(stage)
    cases = [example.cases[stage][0] for example in examples(drift)]
    outputs = model(stage, variant)([kit.decode(case.item) for case in cases])
    return sum(kit.right(o, case.truth) for o, case in zip(outputs, cases, strict=True)) / len(cases)


@cache
def served(retriever: str, reader: str, drift: float) -> float:
    """Return the share of the examples that the pipeline gets right, all that travels encoded and decoded."""
    right = [
        KIT.right(answer(retriever, reader, example.payload), example.truth)
        for example in examples(drift)[:SERVED]
    ]
    return sum(right) / len(right)


def answer(retriever: str, reader: str, payload: bytes) -> Any:  # noqa: ANN401 - as the contract has it
    """Return the pipeline's answer to one request."""
    retrieve, read = KIT.stages
    sent = [
        retrieve.encode(reading) for reading in model("retrieve", retriever)([retrieve.decode(payload)])[0]
    ]
    answers = model("read", reader)([read.decode(item) for item in sent])
    return KIT.answer([read.encode(one) for outputs in answers for one in outputs])
