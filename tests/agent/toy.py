"""The toy of these tests: a pipeline whose figures fit in the head, a scripted planner, a run in a folder.

Stage `find` has a small variant (accuracy 0.5, 1 core, 10 requests/s a replica) and a large one (0.8,
2 cores, 5 requests/s); stage `read` has one (1 core, 10 requests/s). All three serve in 0.1 or 0.2 s,
the SLO is 2 s. Nothing loads slowly, so the loop knows enough after one interval.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from agent.context import LoopSettings
from agent.episode import EmbeddedRun, embedded_run
from agent.loop import Approver
from agent.planners import Briefing, Planner, Thought
from core.approval import Approval
from core.configuration import Configuration, StageConfiguration
from core.decision import Decision, Mode
from core.pace import Pace
from core.pipeline import Pipeline
from core.proposal import Proposal
from pipelines.reader import read_pipeline
from simulator.faults import Fault
from tools.requests import Request

TEXT = """\
apiVersion: trimtab/v1
kind: Pipeline
metadata: {name: toy}
spec:
  slo: {latency: 2.0, quantile: 0.99}
  accuracy: product
  objective: {alpha: 10.0, beta: 0.1}
  limits: {maxCores: 40}
  stages:
    - name: find
      replicas: {min: 1, max: 8}
      variants:
        - name: small
          accuracy: 0.5
          cores: 1
          profile: [{batch: 1, latency: 0.1}, {batch: 2, latency: 0.16}]
        - name: large
          accuracy: 0.8
          cores: 2
          profile: [{batch: 1, latency: 0.2}]
    - name: read
      replicas: {min: 1, max: 4}
      variants:
        - name: only
          accuracy: 0.9
          cores: 1
          profile: [{batch: 1, latency: 0.1}]
"""
"""The pipeline file."""

INTERVAL_S = 10


def written(folder: Path, text: str = TEXT, name: str = "toy.yaml") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@cache
def pipeline_of(text: str = TEXT) -> Pipeline:
    """Return the pipeline of a text, read as a user's file is."""
    with TemporaryDirectory() as folder:
        return read_pipeline(written(Path(folder), text))


def running(variant: str, replicas: int, *, read: int = 4, batch: int = 1) -> Configuration:
    """Return a configuration of the toy."""
    return Configuration(
        stages=(
            StageConfiguration(stage="find", variant=variant, batch=batch, replicas=replicas),
            StageConfiguration(stage="read", variant="only", batch=1, replicas=read),
        )
    )


ENOUGH = running("large", 8)
"""Feasible up to 39 requests/s."""
CHEAPER = running("small", 4)
"""As much, at lower accuracy."""
TOO_SMALL = running("small", 1, read=1)
"""Carries 9 requests/s."""


@dataclass(slots=True)
class Scripted:
    """Proposes what it is told to, one proposal a call, the last one again and again."""

    proposals: Sequence[Configuration | None]
    heard: list[Briefing] = field(default_factory=list)
    """Every briefing, oldest first."""
    name: ClassVar[str] = "scripted"

    def plan(self, briefing: Briefing) -> Thought:
        """Return the next proposal."""
        self.heard.append(briefing)
        wanted = self.proposals[min(len(self.heard), len(self.proposals)) - 1]
        return Thought(Proposal(configuration=wanted, rationale=f"line {len(self.heard)} of the script"))


def never_asked(request: Request) -> Approval | None:
    """Fail: the loop asks a person in mode `approve` alone."""
    raise AssertionError(f"nobody should be asked about {request.decision}")


def agreeing(request: Request) -> Approval:
    """Say yes to whatever is asked."""
    return Approval(proposal=request.proposal, agreed=True, approver="ann", at=1.0)


def refusing(request: Request) -> Approval:
    """Say no to whatever is asked."""
    return Approval(proposal=request.proposal, agreed=False, approver="ann", at=1.0, comment="not today")


def silent(request: Request) -> Approval | None:
    """Leave every question open."""
    return None


UNLIMITED = Pace(least_left=0.0, stabilisation_s=0.0, flaps=10_000)
AT_ONCE = LoopSettings(interval_s=INTERVAL_S, epsilon=1.0, pace=UNLIMITED, confirm_s=0.0)
"""What is feasible is done, however far from the optimum, without waiting and without a trial."""


@contextmanager
def toy_run(
    folder: Path,
    planner: Planner,
    *,
    mode: Mode = "auto",
    trace_rps: Sequence[float] = (10.0,) * 300,
    approver: Approver = never_asked,
    faults: Sequence[Fault] = (),
    text: str = TEXT,
    settings: LoopSettings = AT_ONCE,
    unix: Callable[[], float] = time.time,
) -> Iterator[EmbeddedRun]:
    """Yield the loop and its embedded cluster, set up in *folder*."""
    with embedded_run(
        pipeline_of(text),
        trace_rps,
        folder / "data",
        planner=planner,
        settings=replace(settings, mode=mode),
        seed=1,
        approver=approver,
        faults=faults,
        unix=unix,
    ) as run:
        yield run


def turns(run: EmbeddedRun, count: int) -> list[Decision]:
    """Let *count* intervals pass and decide after each."""
    decisions = []
    for _ in range(count):
        run.cluster.pass_time(INTERVAL_S)
        decision = run.loop.tick()
        assert decision is not None, "the turn waits for a person"
        decisions.append(decision)
    return decisions
