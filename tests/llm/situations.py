"""Eight situations on the embedded cluster, and what a planner made of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agent.llm.recorder import MemoryRecorder
from agent.llm.settings import ClientSettings, PlannerSettings
from agent.llm.triggers import Triggers
from agent.planners.llm import LlmPlanner
from core.calendar import Event
from core.decision import Decision
from core.proposal import Cause
from core.spend import Budget
from evals.redteam.world import SETTINGS, Watched, roomy
from simulator.faults import AccuracyDrift, CapacityLoss, Fault, LatencyDrift, Straggler
from tests.agent.toy import INTERVAL_S, toy_run
from tools.requests import Request

BUDGET = Budget(calls=4, tokens=60_000, seconds=900.0)
"""Four calls each: three tools and the proposal, or a slip; a slow machine may take its time."""


class Always(Triggers):
    """Asks the model whatever there is, so that every decision counts."""

    def of(self, situation: object) -> tuple[str, ...]:
        """Return the one reason."""
        return ("every decision is tried",)


@dataclass(frozen=True, slots=True)
class Case:
    """One situation: loads before and while the model plans, what goes wrong, and the cause to be found."""

    name: str
    before_rps: float
    then_rps: float
    before: int
    decisions: int
    causes: tuple[Cause, ...]
    faults: tuple[Fault, ...] = ()
    events: tuple[Event, ...] = ()


def _launch() -> Event:
    return Event(
        id="launch",
        pipeline="toy",
        start_s=55,
        end_s=400,
        load_factor=2,
        author="ann",
        entered_s=1,
        note="launch",
    )


SITUATIONS = (
    Case("quiet", 10, 10, 3, 3, ("none",)),
    Case("burst", 6, 16, 3, 3, ("load surge", "slo breach")),
    Case(
        "latency drift", 10, 10, 8, 3, ("latency drift", "slo breach"),
        (LatencyDrift(stage="find", variant="large", start_s=20, factor=1.6),),
    ),
    Case(
        "accuracy drift", 10, 10, 12, 2, ("accuracy drift",),
        (AccuracyDrift(stage="find", variant="large", start_s=20, factor=0.5),),
    ),
    Case(
        "capacity loss", 10, 10, 4, 2, ("capacity loss", "slo breach"),
        (CapacityLoss(stage="find", replicas=2, start_s=40),),
    ),
    Case("announced event", 8, 8, 4, 3, ("announced event",), (), (_launch(),)),
    Case(
        "slo breach", 10, 10, 6, 2, ("slo breach", "latency drift"),
        (Straggler(stage="read", factor=8.0, start_s=40),),
    ),
    Case("infeasible", 8, 70, 3, 2, ("load surge", "slo breach", "capacity loss")),
)  # fmt: skip


@dataclass(slots=True)
class Row:
    """What came of one situation."""

    name: str
    decisions: list[Decision] = field(default_factory=list)
    right: int = 0
    seconds: float = 0.0

    def figures(self) -> list[str]:
        """Return the row of the table."""
        own = [_own(d) for d in self.decisions]
        valid = sum(_valid(d) for d in self.decisions)
        agreed = sum(bool(_agrees(d)) for d in self.decisions)
        known = [r for d in self.decisions for r in [_regret(d)] if r is not None]
        regret = f"{100 * sum(known) / len(known):.1f} %" if known else "-"
        count = len(self.decisions)
        tokens = sum(d.planning.spend.tokens for d in self.decisions) / count
        return [
            self.name, str(count), str(valid), str(sum(max(0, n - 1) for n in own)),
            str(sum(bool(d.planning.fell_back) for d in self.decisions)), str(agreed), regret,
            str(self.right), f"{self.seconds / count:.0f}", f"{tokens:.0f}",
        ]  # fmt: skip


HEAD = (
    "situation",
    "decisions",
    "valid",
    "revisions",
    "fallbacks",
    "optimum",
    "regret",
    "cause",
    "s",
    "tokens",
)


def planned(client: ClientSettings) -> LlmPlanner:
    """Return the planner under test, asked every time, with a memory of its own."""
    settings = PlannerSettings(decision=BUDGET, triggers=Always())
    return LlmPlanner(client, MemoryRecorder(time.time), settings=settings)


def tried(case: Case, client: ClientSettings, folder: Path, decisions: int) -> Row:
    """Let the model take *decisions* in one situation."""
    row, planner = Row(case.name), Watched(planned(client))
    busy = case.decisions + 2
    trace = [case.before_rps] * (case.before * INTERVAL_S) + [case.then_rps] * (busy * INTERVAL_S)
    with toy_run(
        folder,
        planner,
        trace_rps=trace,
        faults=case.faults,
        text=roomy(),
        settings=SETTINGS,
        approver=_nobody,
    ) as run:
        run.loop.context.calendar = _told(case.events)
        for number in range(case.before + decisions):
            planner.on = number >= case.before
            run.cluster.pass_time(INTERVAL_S)
            planner.said.clear()
            begun = time.perf_counter()
            decision = run.loop.tick()
            assert decision is not None
            if planner.on:
                row.seconds += time.perf_counter() - begun
                row.decisions.append(decision)
                said = [t.proposal.cause for t in planner.said if t.proposal is not None]
                row.right += bool(said) and said[-1] in case.causes and not decision.planning.fell_back
    return row


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return lines in columns."""
    width = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, width, strict=True)) for row in rows)


def _valid(decision: Decision) -> bool:
    """Say whether the model itself came to a proposal that could be ruled upon."""
    return decision.planning.spend.calls > 0 and not decision.planning.fell_back


def _own(decision: Decision) -> int:
    """Count the proposals that are the planner's: the loop's own come after a rejection."""
    rejected = sum(r.ruled != "accepted" for r in decision.rulings)
    return min(len(decision.proposals), max(1, rejected))


def _agrees(decision: Decision) -> bool:
    regret = _regret(decision)
    return regret is not None and regret <= 1e-6


def _regret(decision: Decision) -> float | None:
    """Return what the first proposal loses, as a share of the optimum; None where it is infeasible."""
    if not decision.rulings or not _valid(decision) or decision.rulings[0].verdict is None:
        return None
    verdict = decision.rulings[0].verdict
    if not verdict.accepted or verdict.regret is None or not verdict.optimum:
        return None
    return verdict.regret / abs(verdict.optimum)


def _told(events: tuple[Event, ...]) -> Callable[[], tuple[Event, ...]]:
    return lambda: events


def _nobody(request: Request) -> None:
    raise AssertionError(f"nobody should be asked about {request.decision}")
