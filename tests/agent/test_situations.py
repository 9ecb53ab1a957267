"""A recorded decision is opened as the situation the loop was in: the same problem, trial and calendar."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from agent.context import REMEMBERED
from agent.folder import CALENDAR, DECISIONS
from agent.planners import create
from agent.situations import latest_situation, remembered_by, situation_of
from core.calendar import Event
from core.decision import Decision
from core.errors import UsageError
from simulator.faults import CapacityLoss, MetricOutage
from tests.agent.toy import AT_ONCE, CHEAPER, ENOUGH, TOO_SMALL, Scripted, pipeline_of, toy_run, turns
from tools.calendar import Calendar
from tools.store import DecisionStore
from tools.toolkit.situation import Situation

LAUNCH = Event(id="launch", pipeline="toy", start_s=30, end_s=60, load_factor=2, author="ann", entered_s=0)
TRIED = replace(AT_ONCE, confirm_s=20.0)
UP_AND_DOWN = (10.0,) * 40 + (20.0,) * 60 + (60.0,) * 40 + (10.0,) * 60


def rebuilt(data: Path) -> list[tuple[Decision, Situation]]:
    """Return every decision with metrics and its situation, worked out without its certificate."""
    with closing(DecisionStore(data / DECISIONS, read_only=True)) as store:
        found = store.latest(1000)[::-1]
        return [
            (d, situation_of(bare(d), pipeline_of(), remembered_by(d, store.before(d.id, REMEMBERED))))
            for d in found
            if d.load_rps is not None
        ]


def bare(decision: Decision) -> Decision:
    return decision.model_copy(update={"certificate": None})


def test_every_applied_change_was_certified_for_the_problem_that_is_rebuilt(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([ENOUGH, CHEAPER, None]), trace_rps=UP_AND_DOWN) as run:
        run.loop.recover()
        turns(run, 18)

    proofs = [(d.certificate, s) for d, s in rebuilt(tmp_path / "data") if d.certificate is not None]

    assert len(proofs) > 1
    assert [c.problem_digest for c, _ in proofs] == [s.problem.digest for _, s in proofs]


def test_also_where_a_best_effort_was_taken(tmp_path: Path) -> None:
    trace_rps = (10.0,) * 20 + (200.0,) * 40
    with toy_run(tmp_path, Scripted([CHEAPER]), trace_rps=trace_rps) as run:
        run.loop.recover()
        turns(run, 5)

    found = [(d, s) for d, s in rebuilt(tmp_path / "data") if d.degraded and d.certificate]

    assert found
    assert all(d.certificate and d.certificate.problem_digest == s.problem.digest for d, s in found)


def test_the_planner_saw_what_is_rebuilt_also_with_changes_on_trial_events_and_lost_replicas(
    tmp_path: Path,
) -> None:
    Calendar(tmp_path / "data" / CALENDAR).add(LAUNCH)
    planner = Scripted([ENOUGH, CHEAPER, None, ENOUGH, CHEAPER, ENOUGH])
    faults = [CapacityLoss(start_s=55, end_s=95, stage="read", replicas=1)]
    with toy_run(tmp_path, planner, faults=faults, settings=TRIED) as run:
        run.loop.recover()
        turns(run, 14)
    seen = {briefing.decision: briefing.situation for briefing in planner.heard}

    found = {d.id: s for d, s in rebuilt(tmp_path / "data") if d.id in seen and not d.degraded}

    assert len(found) > 1
    assert any(s.announced > 1 for s in found.values())
    assert {name: s.problem.digest for name, s in found.items()} == {
        name: seen[name].problem.digest for name in found
    }
    assert found == {name: seen[name] for name in found}


def test_a_loop_started_anew_remembers_what_is_rebuilt(tmp_path: Path) -> None:
    for _ in range(2):
        planner = Scripted([ENOUGH, CHEAPER])
        with toy_run(tmp_path, planner) as run:
            run.loop.recover()
            turns(run, 4)
    seen = {briefing.decision: briefing.situation for briefing in planner.heard}

    found = {d.id: s for d, s in rebuilt(tmp_path / "data") if d.id in seen}

    assert found
    assert [len(s.history) for s in found.values()] == [len(seen[name].history) for name in found]
    assert found == {name: seen[name] for name in found}


def test_the_last_decision_is_opened_by_default_and_any_by_its_name(tmp_path: Path) -> None:
    with toy_run(tmp_path, Scripted([TOO_SMALL])) as run:
        run.loop.recover()
        decisions = turns(run, 3)

    data = tmp_path / "data"

    assert latest_situation(data).time_s == decisions[-1].time_s
    assert latest_situation(data, decisions[1].id).time_s == decisions[1].time_s
    assert latest_situation(data).history == tuple(decisions[:2])


def test_without_metrics_there_is_no_situation(tmp_path: Path) -> None:
    with toy_run(tmp_path, create("rules"), faults=[MetricOutage(start_s=15, end_s=25)]) as run:
        run.loop.recover()
        turns(run, 2)

    with pytest.raises(UsageError, match=r"'toy-000002' was made without metrics .*--decision"):
        latest_situation(tmp_path / "data")


def test_without_a_store_or_a_decision_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no decision store.*trimtab run"):
        latest_situation(tmp_path)

    DecisionStore(tmp_path / DECISIONS).close()
    with pytest.raises(UsageError, match="holds no decision yet"):
        latest_situation(tmp_path)
