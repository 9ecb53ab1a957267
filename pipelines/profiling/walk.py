"""A kit's DAG, walked without servers: what every stage gets, for every choice of variants before it.

What a stage sends on passes through `encode` and `decode`, as it does on the wire, and one item is served at
a time. The outputs of a stage depend on its own variant and on those of all stages before it (its *line*);
each such choice is computed once and shared by all combinations that contain it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product, zip_longest

from pipelines.kit import BadItem, Kit, bundle
from pipelines.serving.served import Served

Choice = tuple[str, ...]
"""Variants, in the order of the stages they belong to."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a stage sent on for one example: the encoded outputs of each of its items."""

    by_item: tuple[tuple[bytes, ...], ...]

    @property
    def all(self) -> list[bytes]:
        """The outputs of all items in a row."""
        return [output for outputs in self.by_item for output in outputs]


Given = Sequence[Sent | None]
"""By example; None where the stage, or one before it, could not take what it got."""


def stages_before(kit: Kit, stage: str) -> tuple[str, ...]:
    """Return all stages whose variants decide what *stage* gets, in the kit's order."""
    found: set[str] = set()
    for name in kit.stage(stage).after:
        found |= {name, *stages_before(kit, name)}
    return tuple(s.name for s in kit.stages if s.name in found)


def line_of(kit: Kit, stage: str) -> tuple[str, ...]:
    """Return *stage* and all before it, in the kit's order."""
    return (*stages_before(kit, stage), stage)


def choices(variants: Mapping[str, Sequence[str]], stages: Sequence[str]) -> list[Choice]:
    """Return every choice of a variant for each of *stages*."""
    return list(product(*(variants[name] for name in stages)))


class Walk:
    """The outputs of the stages on some examples, as far as they were computed."""

    def __init__(self, kit: Kit, payloads: Sequence[bytes]) -> None:
        self._kit = kit
        self._payloads = payloads
        self._sent: dict[tuple[str, Choice], Given] = {}

    def inputs(self, stage: str, choice: Choice) -> list[list[bytes] | None]:
        """Return the items that *stage* gets of each example, given the variants of the stages before it."""
        part = self._kit.stage(stage)
        if not part.after:
            return [[payload] for payload in self._payloads]
        before = [self.sent(name, self._narrowed(choice, stage, name)) for name in part.after]
        return [_joined(of_example) for of_example in zip(*before, strict=True)]

    def serve(self, stage: str, choice: Choice, variant: str, served: Served) -> Iterator[int]:
        """Compute what *variant* sends on after *choice*; yields the number of examples done."""
        found: list[Sent | None] = []
        for items in self.inputs(stage, choice):
            found.append(None if items is None else _served(served, items))
            yield len(found)
        self._sent[stage, (*choice, variant)] = found

    def sent(self, stage: str, choice: Choice) -> Given:
        """Return what was computed for *stage*, given the variants of its whole line."""
        return self._sent[stage, choice]

    def answers(self, choice: Choice) -> list[list[bytes] | None]:
        """Return the outputs of the last stages of each example, given the variants of all stages."""
        names = [stage.name for stage in self._kit.stages]
        given = [
            self.sent(sink, tuple(choice[names.index(name)] for name in line_of(self._kit, sink)))
            for sink in self._kit.sinks
        ]
        return [
            None
            if any(sent is None for sent in of_example)
            else [o for sent in of_example if sent for o in sent.all]
            for of_example in zip(*given, strict=True)
        ]

    def _narrowed(self, choice: Choice, stage: str, before: str) -> Choice:
        """Return the part of a choice for the stages before *stage* that *before*'s outputs depend on."""
        names = stages_before(self._kit, stage)
        return tuple(choice[names.index(name)] for name in line_of(self._kit, before))


def _joined(before: Sequence[Sent | None]) -> list[bytes] | None:
    outputs = [sent.all for sent in before if sent is not None]
    if len(outputs) < len(before):
        return None
    return outputs[0] if len(outputs) == 1 else [bundle(parts) for parts in zip_longest(*outputs)]


def _served(served: Served, items: Sequence[bytes]) -> Sent | None:
    found = []
    for item in items:
        (outputs,) = served([item])
        if isinstance(outputs, BadItem):
            return None
        found.append(tuple(outputs))
    return Sent(tuple(found))
