"""A pipeline of pure Python whose answers can be worked out in the head, and what was measured of one.

    words ---> upper ---> \\
          \\--> count -----> join

`words` cuts a sentence into words (`all`) or into all but the last (`lossy`); `upper` writes them in capitals
and refuses a word longer than six letters; `count` says how long each is; `join` puts both together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipelines.kit import BadItem, Case, Example, Kit, Model, StageKit, unbundle
from pipelines.profiling.measured import (
    Alone,
    Answers,
    Joint,
    Measured,
    Outline,
    Point,
    Round,
    Settings,
    StageOutline,
    Timed,
)
from pipelines.profiling.noise import Noise

LONGEST = 6
SENTENCES = ("one two", "three", "a b c", "astonishing")
QUIET = Noise(calibration_s=(0.02, 0.0201, 0.0202), foreign_cores=0.01)


def _model(answer: Callable[[Any], list[Any]]) -> Callable[[Path], Model]:
    def load(_: Path) -> Model:
        return lambda items: [answer(item) for item in items]

    return load


def _text(item: bytes) -> str:
    return item.decode()


def _short(item: bytes) -> str:
    if len(item) > LONGEST:
        raise BadItem("a word has at most six letters")
    return item.decode()


def _pair(item: bytes) -> str:
    return "=".join("?" if part is None else part.decode() for part in unbundle(item))


def _examples(count: int, seed: int, drift: float) -> list[Example]:
    del seed, drift
    return [_example(SENTENCES[k % len(SENTENCES)]) for k in range(count)]


def _example(sentence: str) -> Example:
    words = sentence.split()
    return Example(
        payload=sentence.encode(),
        truth=[f"{word.upper()}={len(word)}" for word in words],
        cases={
            "words": (Case(sentence.encode(), words),),
            "upper": tuple(Case(w.encode(), [w.upper()]) for w in words),
            "count": tuple(Case(w.encode(), [str(len(w))]) for w in words),
            "join": (),
        },
    )


def _same(outputs: Sequence[Any], truth: Any) -> bool:  # noqa: ANN401 - as in a kit
    return bool(list(outputs) == truth)


TOY = Kit(
    name="toy_words",
    description="Words, in capitals, with their lengths.",
    stages=(
        StageKit(
            "words",
            {"lossy": _model(lambda s: s.split()[:-1]), "all": _model(str.split)},
            decode=_text,
            encode=str.encode,
            right=_same,
            read_back=bytes.decode,
            sample=lambda: b"x y",
        ),
        StageKit(
            "upper",
            {"upper": _model(lambda w: [w.upper()])},
            decode=_short,
            encode=str.encode,
            right=_same,
            read_back=bytes.decode,
            sample=lambda: b"x",
            after=("words",),
        ),
        StageKit(
            "count",
            {"count": _model(lambda w: [str(len(w))]), "one": _model(lambda _: ["1"])},
            decode=_text,
            encode=str.encode,
            right=_same,
            read_back=bytes.decode,
            sample=lambda: b"x",
            after=("words",),
        ),
        StageKit(
            "join",
            {"equals": _model(lambda pair: [pair])},
            decode=_pair,
            encode=str.encode,
            right=_same,
            read_back=bytes.decode,
            sample=lambda: b"[null, null]",
            after=("upper", "count"),
        ),
    ),
    prepare=lambda _, __: None,
    examples=_examples,
    answer=lambda outputs: [output.decode() for output in outputs],
    right=lambda answer, truth: bool(answer == truth),
    slo={"latency": 0.5, "quantile": 0.99},
    objective={"alpha": 1.0, "beta": 0.04},
    limits={"maxCores": 24},
    license_notes={"nothing": "public domain"},
)


def toy_measured(noise: Noise = QUIET, rounds: int = 2) -> Measured:
    """Two stages: `d` finds 3 of 4, `r` reads 3 of 4, on the same example both err; 4 items in 2 rounds."""
    joint = Joint(variants=("d", "r"), right="1110")
    answers = tuple(
        Answers(
            drift=drift,
            alone=(
                Alone(stage="detect", variant="d", right=right, fan_out=3.25),
                Alone(stage="read", variant="r", right="1110", fan_out=1.0),
            ),
            joint=(joint.model_copy(update={"right": right}),),
        )
        for drift, right in ((0.0, "1110"), (1.0, "0010"))
    )
    return Measured(
        outline=Outline(
            kit="toy_cards",
            description="A toy.",
            stages=(
                StageOutline(name="detect", after=(), variants=("d",), batches=(1, 2)),
                StageOutline(name="read", after=("detect",), variants=("r",), batches=(1, 2)),
            ),
            slo={"latency": 0.4, "quantile": 0.99},
            objective={"alpha": 1.0, "beta": 0.04},
            limits={"maxCores": 24.0},
            license_notes={"weights": "Apache-2.0"},
            weights={"d.onnx": 2_500_000},
            packages={"numpy": "2.4.6"},
            machine="a CPU, 2 cores, Linux x86_64",
            threads=1,
        ),
        settings=Settings(runs=4, rounds=rounds, examples=4, drifts=(0.0, 1.0)),
        answers=answers,
        rounds=tuple(
            Round(number=k + 1, timed=_timed(stage, variant, slower=k), noise=noise)
            for k in range(rounds)
            for stage, variant in (("detect", "d"), ("read", "r"))
        ),
    )


def _timed(stage: str, variant: str, *, slower: int) -> Timed:
    return Timed(
        stage=stage,
        variant=variant,
        load_s=1.0 + slower,
        memory_bytes=200 * 2**20,
        points=tuple(
            Point(
                batch=batch,
                seconds=tuple(0.01 * batch + 0.001 * k + 0.002 * slower for k in range(4)),
                after=(("d",), ("e",)) * 2 if stage == "read" else ((),) * 4,
                throughput_rps=100.0 - slower,
                saturated_s=2.0,
            )
            for batch in (1, 2)
        ),
    )
