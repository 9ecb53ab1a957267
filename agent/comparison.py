"""A turn beside the same turn thought again: aspect by aspect, what was and what is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeVar

from agent.turn import Turn
from core.configuration import Configuration
from core.decision import agrees
from core.proposal import Proposal
from core.ruling import Ruling
from core.spend import Spend
from core.tooluse import ToolUse
from core.values import Frozen

NONE = "-"
T = TypeVar("T", bound=Frozen)


@dataclass(frozen=True, slots=True)
class Row:
    """One aspect of both."""

    aspect: str
    recorded: str
    replayed: str
    same: bool
    """Whole values are compared, not only what is shown of them."""


def compared(recorded: Turn, replayed: Turn) -> tuple[Row, ...]:
    """Return both turns, aspect by aspect. How long a model took is not one of them."""
    return tuple(_rows(recorded, replayed))


def differences(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the aspects in which the turns are not the same."""
    return tuple(row.aspect for row in rows if not row.same)


def _rows(one: Turn, other: Turn) -> Iterator[Row]:
    first, second = one.planning, other.planning
    yield _row("triggers", "; ".join(first.triggers), "; ".join(second.triggers))
    yield _row("model", first.model or "", second.model or "")
    yield _row("prompt", first.prompt or "", second.prompt or "")
    yield from _pairs("tool", one.uses, other.uses, show=_use, key=_told)
    yield from _pairs("proposal", one.proposals, other.proposals, show=_proposal, key=_whole)
    yield from _pairs("ruling", one.rulings, other.rulings, show=_ruling, key=_whole)
    yield _row("fell back", first.fell_back, second.fell_back)
    yield _row("ungrounded", ", ".join(first.ungrounded), ", ".join(second.ungrounded))
    yield _row("degraded", "yes" if one.degraded else "no", "yes" if other.degraded else "no")
    yield _row("would run", _settings(one.chosen), _settings(other.chosen))
    yield _row("spent", _spent(first.spend), _spent(second.spend))


def _row(aspect: str, recorded: str, replayed: str) -> Row:
    return Row(aspect, recorded or NONE, replayed or NONE, recorded == replayed)


def _pairs(
    aspect: str, one: Sequence[T], other: Sequence[T], *, show: Callable[[T], str], key: Callable[[T], Any]
) -> Iterator[Row]:
    for number, (a, b) in enumerate(zip_longest(one, other), start=1):
        same = a is not None and b is not None and _alike(key(a), key(b))
        yield Row(f"{aspect} {number}", NONE if a is None else show(a), NONE if b is None else show(b), same)


def _alike(one: object, other: object) -> bool:
    """Say whether two values are the same, figures within the certificate's tolerance."""
    match one, other:
        case float(), float():
            return agrees(one, other)
        case dict(), dict():
            return one.keys() == other.keys() and all(_alike(one[k], other[k]) for k in one)
        case (list() | tuple(), list() | tuple()):
            return len(one) == len(other) and all(_alike(a, b) for a, b in zip(one, other, strict=True))
    return one == other


def _told(use: ToolUse) -> dict[str, Any]:
    """Return what the planner saw of a tool's use; how long it took, it did not."""
    return use.model_dump(exclude={"seconds"})


def _whole(value: Frozen) -> dict[str, Any]:
    return value.model_dump()


def _use(use: ToolUse) -> str:
    return f"{use.id} {use.tool} {use.arguments} -> {'' if use.ok else 'refused: '}{use.result}"


def _proposal(proposal: Proposal) -> str:
    if proposal.ask is not None:
        changed = proposal.ask.model_dump(mode="json", exclude_defaults=True)
        wish = f"solve {changed}" if changed else "solve"
    elif proposal.configuration is not None:
        wish = _settings(proposal.configuration)
    else:
        wish = "hold"
    cites = f", cites {' '.join(proposal.evidence)}" if proposal.evidence else ""
    return f"{wish} (cause: {proposal.cause}{cites}): {proposal.rationale}"


def _ruling(ruling: Ruling) -> str:
    return f"{ruling.ruled}: {ruling.reason}"


def _settings(configuration: Configuration) -> str:
    return ", ".join(f"{s.stage}={s.variant}/{s.batch}x{s.replicas}" for s in configuration.stages)


def _spent(spend: Spend) -> str:
    return f"{spend.calls} calls, {spend.input_tokens} + {spend.output_tokens} tokens"
