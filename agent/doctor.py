"""What `trimtab doctor` does: try everything the loop needs, on this machine, and say what to mend."""

from __future__ import annotations

import json
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

from agent.folder import DECISIONS
from core.configuration import Configuration, StageConfiguration
from core.errors import TrimtabError
from core.ilp import installed_solvers
from core.pipeline import Pipeline
from core.problem import Problem
from core.solution import Optimum
from core.solve import solve
from tools.store import DecisionStore

LEAST_PYTHON = (3, 11)
PROBE_LOAD_RPS = 10.0
AGREEMENT = 1e-6
"""Largest difference of objective between solvers that agree."""

Grade = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """What was tried and what came of it."""

    what: str
    grade: Grade
    found: str


def doctor(data: Path, *, as_json: bool) -> bool:
    """Print every check; say whether none failed."""
    checks = [_tried(what, probe) for what, probe in _probes(data).items()]
    if as_json:
        for check in checks:
            print(json.dumps(asdict(check)))  # noqa: T201 - the output
    else:
        table = Table("check", "", "found")
        for check in checks:
            table.add_row(check.what, check.grade, check.found)
        Console().print(table)
    return all(check.grade != "failed" for check in checks)


Probe = Callable[[], tuple[Grade, str]]


def _probes(data: Path) -> dict[str, Probe]:
    return {
        "Python": _python,
        "exact solver": _solver,
        "a second solver agrees": _second_solver,
        "decision store": lambda: _store(data),
        "twin": _twin,
    }


def _tried(what: str, probe: Probe) -> Check:
    try:
        grade, found = probe()
    except (TrimtabError, OSError, ImportError) as error:
        return Check(what, "failed", str(error))
    return Check(what, grade, found)


def _python() -> tuple[Grade, str]:
    grade: Grade = "ok" if sys.version_info >= LEAST_PYTHON else "failed"
    return grade, f"{platform.python_version()} on {platform.machine()}"


def _solver() -> tuple[Grade, str]:
    return "ok", f"{_probe_optimum(None).solver}; installed: {', '.join(installed_solvers())}"


def _second_solver() -> tuple[Grade, str]:
    names = installed_solvers()
    if len(names) == 1:
        return "warning", f"only {names[0]} is installed; nothing to compare with"
    objectives = {name: _probe_optimum(name).objective for name in names}
    spread = max(objectives.values()) - min(objectives.values())
    grade: Grade = "ok" if spread <= AGREEMENT else "failed"
    return grade, ", ".join(f"{name} {value:.9g}" for name, value in objectives.items())


def _store(data: Path) -> tuple[Grade, str]:
    data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data, prefix="doctor-") as folder:
        DecisionStore(Path(folder) / "probe.sqlite").close()
    kept = 0
    if (data / DECISIONS).exists():
        with closing(DecisionStore(data / DECISIONS, read_only=True)) as store:
            store.check()
            kept = store.count()
    return "ok", f"{data} can be written and keeps {kept} decisions, SQLite {sqlite3.sqlite_version}"


def _twin() -> tuple[Grade, str]:
    from simulator.twin import Twin  # noqa: PLC0415 - numba is heavy

    twin = Twin(_probe_pipeline(), _probe_running(), [PROBE_LOAD_RPS] * 2, seed=0, batch_wait_s={"one": 0.0})
    twin.drain()
    report = twin.report()
    grade: Grade = "ok" if report.completed == report.requests else "failed"
    return grade, f"{report.completed} of {report.requests} simulated requests completed"


def _probe_pipeline() -> Pipeline:
    """Return the smallest pipeline with something to choose; its figures mean nothing."""
    profile = [{"batch": 1, "latency": 0.05}]
    variants = [
        {"name": "small", "accuracy": 0.7, "cores": 1, "profile": profile},
        {"name": "large", "accuracy": 0.9, "cores": 4, "profile": profile},
    ]
    return Pipeline.model_validate(
        {"name": "probe", "slo": {"latency": 1.0}, "stages": [{"name": "one", "variants": variants}]}
    )


def _probe_running() -> Configuration:
    return Configuration(stages=(StageConfiguration(stage="one", variant="small", batch=1, replicas=2),))


def _probe_optimum(solver: str | None) -> Optimum:
    match solve(Problem.of(_probe_pipeline(), PROBE_LOAD_RPS), solver=solver):
        case Optimum() as best:
            return best
        case infeasible:
            raise TrimtabError(f"the probe should be feasible: {infeasible.bindings[0].statement}")
