"""Decisions of the toy for the console: by the rules, and by a model that is scripted over real HTTP."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from agent.folder import DECISIONS, FLIGHT
from agent.llm.settings import PlannerSettings
from agent.planners import create
from agent.planners.llm import LlmPlanner
from core.decision import Decision
from core.pipeline import Pipeline
from core.ruling import EPSILON
from tests.agent.llm.server import KEY, Script, calling, completion, proposing, scripted
from tests.agent.toy import AT_ONCE, TOO_SMALL, pipeline_of, toy_run, turns
from tests.tools.pointed import INSERT
from tools.flight import Entry, FlightRecorder
from tools.pointrows import COLUMNS
from tools.store import DecisionStore

RISING = (4.0,) * 10 + (15.0,) * 300
"""A load that surges after one interval, and that the toy can carry."""
STRICT = replace(AT_ONCE, epsilon=EPSILON, confirm_s=20.0)
NOWHERE, ELSEWHERE = "73.77 %", "42.42"
"""Figures that no tool result has."""
HOSTILE = "<img src=x onerror=alert(1)> **bold** [l](https://evil.example) :material/home: :red[r] $x^2$ `c`"
SCRIPT: tuple[Script, ...] = (
    completion(content="let me think"),
    calling("frontier"),
    proposing(
        action="configure",
        stages=TOO_SMALL.model_dump(mode="json")["stages"],
        cause="load surge",
        evidence=["t1"],
        diagnosis="a surge",
        rationale=f"the load grew by {NOWHERE}\n{HOSTILE}",
    ),
    proposing(
        action="solve",
        cause="load surge",
        evidence=["t1"],
        confidence=0.8,
        rationale=f"the optimum, {ELSEWHERE} times better",
    ),
)
"""Useless, curious, then too small with an invented figure, and at last the optimum with another one."""


def by_rules(folder: Path, count: int = 5) -> Path:
    """Run the rules planner; return the loop's folder."""
    with toy_run(folder, create("rules"), trace_rps=RISING, settings=STRICT) as run:
        turns(run, count)
    return folder / "data"


def by_model(folder: Path, *script: Script, count: int = 1) -> Path:
    """Run the LLM planner over a scripted endpoint; return the loop's folder."""
    data = folder / "data"
    data.mkdir()
    with (
        closing(FlightRecorder(data / FLIGHT, lambda: 1e9, secrets=[KEY])) as recorder,
        scripted(*(script or SCRIPT)) as model,
    ):
        planner = LlmPlanner(
            model.settings(),
            recorder,
            settings=PlannerSettings(most_failures=100),
            clock=lambda: 1e9,
            sleep=lambda _: None,
        )
        with toy_run(folder, planner, trace_rps=RISING, settings=STRICT) as run:
            turns(run, count)
    return data


def decisions(data: Path) -> list[Decision]:
    """Return what was decided, oldest first."""
    with closing(DecisionStore(data / DECISIONS, read_only=True)) as store:
        return list(store.of_pipeline("toy"))


def entries(data: Path, decision: Decision) -> tuple[Entry, ...]:
    """Return what was said to and by the model."""
    with closing(FlightRecorder(data / FLIGHT, lambda: 0.0, read_only=True)) as recorder:
        return recorder.entries(decision.id)


def stored(folder: Path, *found: Decision, pipeline: Pipeline | None = None) -> Path:
    """Write a store with these decisions; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(DecisionStore(folder / DECISIONS)) as store:
        store.keep_pipeline(pipeline or pipeline_of())
        for decision in found:
            store.record(decision)
    return folder


def many(folder: Path, decision: Decision, count: int, *, readable: int) -> Path:
    """Write a store with *count* copies of a decision; only the newest can be read whole."""
    stored(folder, decision.model_copy(update={"id": "toy-000000", "time_s": 0.0}))
    body = decision.model_dump_json()
    with closing(sqlite3.connect(folder / DECISIONS)) as raw:
        raw.execute("DROP TRIGGER decisions_points")  # it reads every body: minutes of this test
        rows = [
            (f"toy-{k:06d}", "toy", 10.0 * k, decision.outcome, body if k >= count - readable else "no JSON")
            for k in range(1, count)
        ]
        raw.executemany(INSERT, rows)
        own = {"seq", "id", "time_s"}
        columns = ", ".join(f"{'d' if name in own else 'p'}.{name}" for name in COLUMNS)
        raw.execute(
            f"INSERT INTO points SELECT {columns} FROM decisions d, points p WHERE p.id = 'toy-000000'"
            " AND d.id != 'toy-000000'"
        )
        raw.commit()
    return folder
