"""The rows of the `agent` suite. Who reads them needs neither the loop nor the simulator that made them."""

from __future__ import annotations

from pathlib import Path

from evals.agent.rows import Kept, RowFile

DECISIONS = "decisions.parquet"


class Judged(Kept):
    """A row of `decisions.parquet`."""

    situation: str
    kind: str
    pipeline: str
    seed: int
    injected: tuple[str, ...]
    """The causes that are right to name."""
    found: tuple[str, ...]
    """What the assessment shows; a planner knows no more."""
    planner: str
    model: str | None
    prompt: str | None
    repeat: int
    outcome: str
    degraded: bool
    """Nothing was feasible; there is no optimum to agree with."""
    optimum: float | None
    objective: float | None
    agrees: bool | None
    regret: float | None
    regret_share: float | None
    first_regret_share: float | None
    """None where the first proposal of the planner is not feasible, or there is none."""
    feasible_first: bool | None
    """None where nothing is feasible."""
    revisions: int
    overruled: bool
    fell_back: str
    cause: str
    attribution: str
    """`judging.Attribution`."""
    ready: bool | None
    """None where nothing is announced."""
    calls: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    """None where the price of the model is not known."""
    seconds: float
    """Of the whole turn, the model's included."""

    @property
    def key(self) -> tuple[str, str, int]:
        """Situation, planner and repeat."""
        return self.situation, self.planner, self.repeat

    @property
    def answered(self) -> bool:
        """Whether a model that was asked said anything at all: the endpoint is there."""
        return self.model is None or self.calls == 0 or self.output_tokens > 0


def read(out: Path) -> tuple[Judged, ...]:
    """Return the rows of a folder of results.

    Raises:
        StoreError: they cannot be read.
        UsageError: they are of something else.
    """
    return RowFile(out / DECISIONS, Judged).rows
