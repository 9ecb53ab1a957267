"""The order of a pipeline's stages: each after those it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter

from core.errors import InvalidDocument
from core.pipeline import Stage


def in_order(stages: Sequence[Stage]) -> tuple[int, ...]:
    """Return indices such that every stage follows its predecessors, else in the given order.

    Raises:
        InvalidDocument: the stages wait for each other in a circle, which is named.
    """
    index = {stage.name: k for k, stage in enumerate(stages)}
    sorter = TopologicalSorter(
        {k: [index[edge.stage] for edge in stage.after] for k, stage in enumerate(stages)}
    )
    try:
        sorter.prepare()
    except CycleError as error:
        circle = " -> ".join(stages[k].name for k in reversed(error.args[1]))
        raise InvalidDocument(
            f"spec.stages: the stages wait for each other: {circle}; remove one of these edges"
        ) from error
    order: list[int] = []
    ready: set[int] = set()
    while sorter.is_active():
        ready.update(sorter.get_ready())
        first = min(ready)
        ready.remove(first)
        order.append(first)
        sorter.done(first)
    return tuple(order)
