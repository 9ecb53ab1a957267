"""What `trimtab replay` does: think a recorded turn again and show it beside what was recorded.

Again as it was, with the recorded answers of the model, it must come to the same: if it does not, that is
said loudly. With another model, planner or bound it shows what would have been otherwise. It reads the
data folder, and writes and applies nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.answers import Answer
from agent.comparison import Row, compared, differences
from agent.context import LoopSettings
from agent.explain.text import neutral
from agent.planners import Planner, create
from agent.recorded import Recorded, read
from agent.turn import Turn, think
from core.errors import UsageError

LLM = "llm"


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be other than in the recorded turn; nothing by default."""

    planner: str | None = None
    model: str | None = None
    epsilon: float | None = None
    """Share of the optimum that a proposal may lose without a cause."""
    max_revisions: int | None = None

    @property
    def said(self) -> tuple[str, ...]:
        """Each in a few words."""
        pairs = (
            ("planner", self.planner),
            ("model", self.model),
            ("epsilon", self.epsilon),
            ("at most so many revisions:", self.max_revisions),
        )
        return tuple(f"{name} {value}" for name, value in pairs if value is not None)

    def settings(self, recorded: LoopSettings) -> LoopSettings:
        """Return the loop's settings with the changes.

        Raises:
            UsageError: one of them is out of bounds.
        """
        epsilon, revisions = self.epsilon, self.max_revisions
        if epsilon is not None and not 0 <= epsilon <= 1:
            raise UsageError(f"--epsilon {epsilon:g} is no share; give one from 0 to 1")
        if revisions is not None and revisions < 0:
            raise UsageError(f"there cannot be {revisions} revisions; give 0 or more")
        return replace(
            recorded,
            epsilon=recorded.epsilon if epsilon is None else epsilon,
            max_revisions=recorded.max_revisions if revisions is None else revisions,
        )


@dataclass(frozen=True, slots=True)
class Replay:
    """A recorded turn beside the same turn thought again."""

    decision: str
    changes: tuple[str, ...]
    recorded: Turn
    replayed: Turn
    rows: tuple[Row, ...]
    caveats: tuple[str, ...]
    """Why it may differ although nothing was changed."""

    @property
    def differences(self) -> tuple[str, ...]:
        """The aspects in which they are not the same."""
        return differences(self.rows)

    @property
    def failed(self) -> bool:
        """Whether it should have come to the same and did not."""
        return not self.changes and bool(self.differences)


def replay(data: Path, name: str, *, changes: Changes, environment: Mapping[str, str], as_json: bool) -> bool:
    """Print a decision beside its replay; return False where nothing was changed and they differ.

    Raises:
        UsageError: there is no such decision, or it cannot be replayed that way.
        StoreError: a file cannot be read.
    """
    found = replayed(read(data, name), changes, environment)
    if as_json:
        print(json.dumps(replay_answer(found), allow_nan=False))  # noqa: T201 - the output
    else:
        _show(found)
    return not found.failed


def replayed(
    record: Recorded,
    changes: Changes,
    environment: Mapping[str, str],
    *,
    settings: LoopSettings | None = None,
    planner: Planner | None = None,
) -> Replay:
    """Return the recorded turn and the same turn thought again.

    Args:
        record: What is on record.
        changes: What is to be other than then.
        environment: `OPENAI_BASE_URL` and `OPENAI_API_KEY`, for another model.
        settings: The loop's then; its defaults by default, as they are not on record.
        planner: Who thinks, in place of whom the record or the changes name.

    Raises:
        UsageError: no planner was asked then, or the one wanted cannot be had.
    """
    settings = changes.settings(settings or LoopSettings())
    situation, rollback = record.situation(settings), record.rollback()
    chosen, sent = (planner, _nothing) if planner is not None else _planner(record, changes, environment)
    again = think(chosen, record.decision.id, situation, settings=settings, rollback=rollback)
    before = record.turn()
    return Replay(
        decision=record.decision.id,
        changes=changes.said,
        recorded=before,
        replayed=again,
        rows=(*compared(before, again), *sent()),
        caveats=tuple(record.caveats),
    )


def replay_answer(found: Replay) -> Answer:
    """Return the JSON object of a replay."""
    return {
        "id": found.decision,
        "changes": list(found.changes),
        "reproduced": not found.differences,
        "differences": list(found.differences),
        "caveats": list(found.caveats),
        "aspects": [
            {"aspect": r.aspect, "recorded": r.recorded, "replayed": r.replayed, "same": r.same}
            for r in found.rows
        ],
        "recorded": _turn_answer(found.recorded),
        "replayed": _turn_answer(found.replayed),
    }


def _planner(
    record: Recorded, changes: Changes, environment: Mapping[str, str]
) -> tuple[Planner, Callable[[], tuple[Row, ...]]]:
    """Return who thinks, and what to say of the prompts afterwards."""
    name = changes.planner or (LLM if changes.model is not None else record.decision.planner)
    if name != LLM:
        if changes.model is not None:
            raise UsageError(f"planner {name!r} asks no model; leave out --model, or give --planner {LLM}")
        return create(name), _nothing
    if changes.model is not None or record.decision.planner != LLM:
        return _asking(changes.model, environment), _nothing
    from agent.answering import taped  # noqa: PLC0415 - brings the client's libraries

    planner, tape = taped(record.decision, record.entries)
    recorded = len(tape.left)

    def sent() -> tuple[Row, ...]:
        others = f", of them others than then: {', '.join(map(str, tape.changed))}" if tape.changed else ""
        same = tape.asked == recorded and not tape.changed
        return (Row("prompts sent", str(recorded), f"{tape.asked}{others}", same),)

    return planner, sent


def _nothing() -> tuple[Row, ...]:
    return ()


def _asking(model: str | None, environment: Mapping[str, str]) -> Planner:
    """Return the LLM planner with a model that answers now."""
    from agent.llm.recorder import MemoryRecorder  # noqa: PLC0415 - as above
    from agent.llm.settings import client_settings  # noqa: PLC0415 - as above
    from agent.planners.llm import LlmPlanner  # noqa: PLC0415 - as above

    client = client_settings(environment, model)
    if client is None:
        raise UsageError("no endpoint is set: set OPENAI_BASE_URL or OPENAI_API_KEY, and name a --model")
    return LlmPlanner(client, MemoryRecorder(time.time))


def _turn_answer(turn: Turn) -> Answer:
    return {
        "outcome": turn.outcome,
        "degraded": turn.degraded,
        "note": turn.note,
        "stages": [s.model_dump() for s in turn.chosen.stages],
        "proposals": [p.model_dump(mode="json") for p in turn.proposals],
        "rulings": [r.model_dump(mode="json") for r in turn.rulings],
        "uses": [u.model_dump(mode="json") for u in turn.uses],
        "planning": turn.planning.model_dump(mode="json"),
    }


def _show(found: Replay) -> None:
    console = Console(soft_wrap=False)
    changed = f"with {', '.join(found.changes)}" if found.changes else "as it was"
    console.print(Text(neutral(f"{found.decision}, thought again {changed}")))
    table = Table("", "recorded", "replayed", box=None, pad_edge=False)
    for row in found.rows:
        style = "" if row.same else "bold"
        mark = "  " if row.same else "≠ "
        cells = (f"{mark}{row.aspect}", row.recorded, row.replayed if not row.same else "the same")
        table.add_row(*(Text(neutral(cell), style=style) for cell in cells))
    console.print(table)
    for caveat in found.caveats:
        console.print(Text(neutral(f"note: {caveat}")))
    console.print(Text(_verdict(found), style="bold"))


def _verdict(found: Replay) -> str:
    if not found.differences:
        return "reproduced exactly" if not found.changes else "the same in every respect"
    what = ", ".join(found.differences)
    return f"NOT REPRODUCED: {what} differ" if found.failed else f"differs in: {what}"
