"""Decisions of IPA's own optimizer on its own inputs, kept outside the project (`SOURCES.md` beside them).

A file `NAME.json` holds a set-up as a pipeline file: accuracies as IPA's objective took them (ranks, where
its authors' were), one variant per stage where a peer was frozen to it, alpha, beta and IPA's gamma as delta,
replicas 1..100 as IPA's scaling cap. `NAME.decisions.json` holds an objective for each load.
Objectives are compared, never configurations: IPA's ties are broken by chance.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.ilp import optimum
from core.problem import Problem
from core.solution import Infeasible, Optimum
from core.solve import solve
from core.verify import verify
from pipelines.reader import read_pipeline

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "ipa" / "golden"
RELATIVE = 1e-4
SETUPS = sorted(path.name.removesuffix(".decisions.json") for path in FOLDER.glob("*.decisions.json"))

pytestmark = pytest.mark.skipif(not SETUPS, reason="IPA's decisions (../shared/data/ipa/golden) are not here")


@pytest.mark.parametrize("setup", SETUPS)
def test_every_decision_is_reproduced(setup: str) -> None:
    wrong = {}

    for row in decisions(setup):
        solution = solve(problem_of(setup, row))
        if not agrees(solution, row):
            wrong[row["load"]] = (solution, row)

    assert not wrong


@pytest.mark.parametrize("setup", SETUPS)
def test_cbc_reproduces_them_too(setup: str) -> None:
    for row in decisions(setup)[::6]:
        found = optimum(problem_of(setup, row), solver="CBC")

        assert found is not None
        assert found.objective == pytest.approx(row["objective"], rel=RELATIVE, abs=0)


@pytest.mark.parametrize("setup", SETUPS)
def test_the_check_accepts_every_optimum_without_regret(setup: str) -> None:
    for row in decisions(setup)[::3]:
        problem = problem_of(setup, row)
        found = optimum(problem)
        assert found is not None

        verdict = verify(problem, found.configuration)

        assert verdict.accepted
        assert verdict.regret == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("setup", SETUPS)
def test_the_latency_limit_never_decides(setup: str) -> None:
    """IPA's SLO is 25 times its mean latency: what its authors did not see, we must reproduce as well."""
    for row in decisions(setup)[::3]:
        problem = problem_of(setup, row)
        slo = problem.pipeline.slo.model_copy(update={"latency_s": 1e6})
        free = Problem.of(problem.pipeline.model_copy(update={"slo": slo}), row["load"])

        found = optimum(free)

        assert found is not None
        assert found.objective == pytest.approx(row["objective"], rel=RELATIVE, abs=0)


def decisions(setup: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((FOLDER / f"{setup}.decisions.json").read_text())
    assert len(rows) > 10
    return rows


def problem_of(setup: str, row: dict[str, Any]) -> Problem:
    return Problem.of(read_pipeline(FOLDER / f"{setup}.json"), float(row["load"]))


def agrees(solution: Optimum | Infeasible, row: dict[str, Any]) -> bool:
    match solution:
        case Optimum(objective=objective):
            return row["feasible"] and objective == pytest.approx(row["objective"], rel=RELATIVE, abs=0)
        case Infeasible():
            return not row["feasible"]
