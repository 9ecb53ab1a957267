"""What a ready pipeline brings: its stages' models, what travels between them, inputs with known answers.

    kit = pipelines.kits.load("id_card")
    kit.prepare(folder, print)                       # weights fetched or trained, once
    model = kit.stage("detect").variants["classic"](folder)
    crops = model([kit.stage("detect").decode(payload)])[0]

The server, the router, the profiler and the load generator know nothing else of a pipeline. What travels is
bytes; a stage decodes what it gets, its model works on a batch of decoded items, and what it sends on is
encoded again. A stage answers every item with 0 to k outputs, each of which is one item of the next stage.
A join gets, for k = 0, 1, ..., the k-th output of each of its predecessors together (`bundle`).
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from core.errors import UsageError


class BadItem(UsageError):
    """A payload is not what the stage takes; the message says what it takes instead."""


class Model(Protocol):
    """A variant, loaded and ready."""

    def __call__(self, items: Sequence[Any], /) -> Sequence[Sequence[Any]]:
        """Return for each decoded item what is sent on for it, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Case:
    """What a stage alone is examined on: an ideal input, and the right answer to it."""

    item: bytes
    """Encoded, as the stage would receive it."""
    truth: Any
    """JSON-plain: it can travel along."""


@dataclass(frozen=True, slots=True)
class Example:
    """One request whose right answer is known."""

    payload: bytes
    """What a client sends."""
    truth: Any
    """The right answer, JSON-plain: it travels with a labelled request."""
    cases: Mapping[str, tuple[Case, ...]]
    """By stage: a stage is right on the example if it is right on all its cases."""


@dataclass(frozen=True, slots=True)
class StageKit:
    """One stage: its variants, and its items on the wire and in memory."""

    name: str
    variants: Mapping[str, Callable[[Path], Model]]
    """How each variant is loaded from the folder that `Kit.prepare` filled; cheapest first."""
    decode: Callable[[bytes], Any]
    """Raises `BadItem`. Checks size and shape before it allocates much."""
    encode: Callable[[Any], bytes]
    """Of one output."""
    right: Callable[[Sequence[Any], Any], bool]
    """Whether the outputs for one item are right, given the truth of its case."""
    read_back: Callable[[bytes], Any]
    """An encoded output as `right` judges it, so that cases can be posed to a server (`serving.examiner`):
    the encoding holds what `right` needs. Raises `BadItem`."""
    sample: Callable[[], bytes]
    """An item to warm a model with; needs no evaluation data."""
    after: tuple[str, ...] = ()
    """The stages that feed it; empty for one that gets the request itself."""
    batches: tuple[int, ...] = (1, 2, 4, 8, 16)
    """The batch sizes worth profiling."""


@dataclass(frozen=True, slots=True)
class Kit:
    """A whole pipeline."""

    name: str
    """Of its folder: `id_card`."""
    description: str
    stages: tuple[StageKit, ...]
    """In topological order."""
    prepare: Callable[[Path, Callable[[str], None]], None]
    """Fetch or train all weights into a folder, telling each step; what is there and whole is kept."""
    examples: Callable[[int, int, float], list[Example]]
    """(count, seed, drift in [0, 1]): example k depends on seed, k and drift only; 0 is clean."""
    answer: Callable[[Sequence[bytes]], Any]
    """The pipeline's answer, JSON-plain, from the encoded outputs of its last stages."""
    right: Callable[[Any, Any], bool]
    """Whether an answer is right, given the truth of an example."""
    slo: Mapping[str, float]
    objective: Mapping[str, float | str]
    limits: Mapping[str, float]
    license_notes: Mapping[str, str] = field(default_factory=dict)
    """What it is made of: weights and data, each with its licence and where that is said."""

    def stage(self, name: str) -> StageKit:
        """Return the stage called *name*.

        Raises:
            UsageError: there is none.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise UsageError(
            f"pipeline {self.name!r} has no stage {name!r}, only {', '.join(s.name for s in self.stages)}"
        )

    @property
    def sinks(self) -> tuple[str, ...]:
        """The stages whose outputs are the answer."""
        feeding = {name for stage in self.stages for name in stage.after}
        return tuple(stage.name for stage in self.stages if stage.name not in feeding)


def loader(stage: StageKit, variant: str) -> Callable[[Path], Model]:
    """Return what loads *variant*.

    Raises:
        UsageError: the stage has no such variant.
    """
    if variant not in stage.variants:
        raise UsageError(f"stage {stage.name!r} has no variant {variant!r}, only {', '.join(stage.variants)}")
    return stage.variants[variant]


def bundle(parts: Sequence[bytes | None]) -> bytes:
    """Return one item of a join out of an output of each predecessor; None where one had no more."""
    return json.dumps([None if p is None else b64encode(p).decode("ascii") for p in parts]).encode()


def unbundle(item: bytes) -> list[bytes | None]:
    """Return what `bundle` put together.

    Raises:
        BadItem: it is something else.
    """
    try:
        return [None if part is None else b64decode(part, validate=True) for part in json.loads(item)]
    except (ValueError, TypeError) as error:
        raise BadItem("a join takes a JSON list of base64 texts, one for each stage before it") from error
