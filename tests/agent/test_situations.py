"""A recorded decision is opened as the situation the loop was in: the same problem, trial and calendar."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.context import REMEMBERED, at_hand
from agent.folder import CALENDAR, DECISIONS
from agent.planners import create
from agent.situations import latest_situation, remembered_by, situation_of
from core.belief import Belief, Evidence, LatencyFactor
from core.calendar import Event
from core.decision import Decision
from core.errors import UsageError
from core.forecast import Forecast
from core.objective import Objective
from core.observation import Observation, StageObservation
from core.problem import VariantName
from core.trial import Band, Quarantine, Trial
from simulator.faults import CapacityLoss, MetricOutage
from tests.agent.toy import AT_ONCE, CHEAPER, ENOUGH, TOO_SMALL, Scripted, pipeline_of, toy_run, turns
from tools.calendar import Calendar
from tools.store import DecisionStore
from tools.toolkit.situation import Situation

LAUNCH = Event(id="launch", pipeline="toy", start_s=30, end_s=60, load_factor=2, author="ann", entered_s=0)
TRIED = replace(AT_ONCE, confirm_s=20.0)
FORECAST = Forecast(point_rps=10, upper_rps=10, quantile=0.9, horizon_s=10, method="last")
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
    assert latest_situation(data).history == tuple(
        at_hand(d, run.loop.context.pipeline) for d in decisions[:2]
    )


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


QUIET = Observation(
    time_s=100,
    interval_s=10,
    loads_rps=(10.0,) * 10,
    latency_s=0.3,
    in_time=1.0,
    judged=100,
    dropped_rps=0,
    accuracy=None,
    stages=(
        StageObservation(stage="find", arrivals_rps=10, queue=0, ready=8),
        StageObservation(stage="read", arrivals_rps=10, queue=0, ready=4),
    ),
)
LARGE = VariantName(stage="find", variant="large")
SMALL = VariantName(stage="find", variant="small")


def recorded(**changes: Any) -> Decision:  # noqa: ANN401 - of `Decision`
    """Return a decision at 100 s with `ENOUGH` running."""
    values: dict[str, Any] = {
        "id": "toy-000009",
        "pipeline": "toy",
        "pipeline_digest": pipeline_of().digest,
        "time_s": 100.0,
        "mode": "auto",
        "planner": "rules",
        "observation": QUIET,
        "forecast": None,
        "running": ENOUGH,
        "load_rps": 10.0,
        "outcome": "held",
    } | changes
    return Decision(**values)


def barred(*variants: VariantName, until_s: float = 500.0) -> Quarantine:
    return Quarantine(
        configuration=ENOUGH, variants=variants, until_s=until_s, decision="toy-000003", evidence="late"
    )


@pytest.mark.parametrize(
    ("changes", "excluded"),
    [
        pytest.param({"quarantine": (barred(LARGE),)}, (LARGE,), id="in force"),
        pytest.param({"quarantine": (barred(LARGE), barred(LARGE))}, (LARGE,), id="named twice"),
        pytest.param({"quarantine": (barred(LARGE, until_s=100.0),)}, (), id="over"),
        pytest.param({"quarantine": (barred(LARGE, SMALL),)}, (), id="nothing would be left"),
        pytest.param({"quarantine": (barred(LARGE),), "degraded": True}, (), id="a best effort was due"),
    ],
)
def test_the_problem_is_without_what_was_in_quarantine_then(
    changes: dict[str, Any], excluded: tuple[VariantName, ...]
) -> None:
    assert situation_of(recorded(**changes), pipeline_of(), ()).problem.excluded == excluded


def test_a_change_on_trial_is_judged_by_what_the_turn_measured() -> None:
    started = Trial(
        decision="toy-000008",
        before=CHEAPER,
        before_rps=10,
        after=ENOUGH,
        load_rps=10,
        applied_s=90,
        ready_by_s=100,
        band=Band(in_time=0.97, cores=20),
        confirm_s=30,
    )
    earlier = recorded(id="toy-000008", time_s=90.0, trial=started)
    short = QUIET.model_copy(
        update={"stages": (QUIET.stages[0].model_copy(update={"ready": 2}), QUIET.stages[1])}
    )

    ready = situation_of(recorded(), pipeline_of(), (earlier,)).trial
    waits = situation_of(recorded(observation=short), pipeline_of(), (earlier,)).trial
    failed = situation_of(recorded(observation=short, time_s=101.0), pipeline_of(), (earlier,)).trial

    assert started.ready_s is None
    assert ready is not None
    assert ready.ready_s == 100
    assert waits == started
    assert failed is None


def test_the_objective_is_the_one_that_was_decided_with() -> None:
    given_up = Objective(minimise="cost", min_accuracy=0.1)

    assert situation_of(recorded(objective=given_up), pipeline_of(), ()).problem.objective == given_up
    assert situation_of(recorded(), pipeline_of(), ()).problem.objective == pipeline_of().objective


def test_what_was_believed_then_is_in_the_problem_and_in_the_assessment() -> None:
    evidence = Evidence(statement="31 % slower than profiled", low=1.2, high=1.4, since_s=40)
    factor = LatencyFactor(stage="find", variant="large", factor=1.31, evidence=evidence)
    believed = Belief(latency=(factor,))

    found = situation_of(recorded(belief=believed), pipeline_of(), ())

    assert found.problem.belief == found.assessment.belief == believed


def test_the_calendar_of_today_can_be_asked_about_a_decision_of_yesterday() -> None:
    announced = LAUNCH.model_copy(update={"start_s": 100.0, "end_s": 200.0})
    earlier = recorded(id="toy-000008", time_s=90.0, forecast=FORECAST)

    then = situation_of(recorded(), pipeline_of(), (earlier,))
    today = situation_of(recorded(), pipeline_of(), (earlier,), events=(announced,))

    assert (then.events, then.announced) == ((), 1.0)
    assert (today.events, today.announced) == ((announced,), 2.0)


def test_a_decision_is_not_opened_with_another_pipeline() -> None:
    with pytest.raises(UsageError, match="made for another version of 'toy'"):
        situation_of(recorded(pipeline_digest="0" * 64), pipeline_of(), ())
