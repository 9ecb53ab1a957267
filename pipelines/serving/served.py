"""One variant, loaded: bytes in, bytes out, a bad item among good ones harms nobody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.kit import BadItem, Kit, Model, StageKit, loader

WARM_UPS = 3
"""Calls before a replica is ready: the first is many times slower than the third."""


@dataclass(frozen=True, slots=True)
class Served:
    """A loaded variant with the codecs of its stage."""

    stage: StageKit
    model: Model

    def __call__(self, items: Sequence[bytes]) -> list[list[bytes] | BadItem]:
        """Return what is sent on for each item, or why it is none."""
        decoded = [self._decoded(item) for item in items]
        good = [item for item in decoded if not isinstance(item, BadItem)]
        outputs = iter(self.model(good) if good else [])
        return [
            item if isinstance(item, BadItem) else [self.stage.encode(output) for output in next(outputs)]
            for item in decoded
        ]

    def _decoded(self, item: bytes) -> object:
        try:
            return self.stage.decode(item)
        except BadItem as error:
            return error


def load(kit: Kit, stage: str, variant: str, models: Path, *, batch: int) -> Served:
    """Return the variant, loaded and warm: it has served single items and a full batch.

    Raises:
        UsageError: there is no such stage or variant.
        ModelUnavailable: its weights are not in *models*.
    """
    part = kit.stage(stage)
    served = Served(part, loader(part, variant)(models))
    sample = part.sample()
    for size in (1, batch):
        for _ in range(WARM_UPS):
            for answer in served([sample] * size):
                if isinstance(answer, BadItem):
                    raise answer
    return served
