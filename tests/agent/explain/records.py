"""Decisions of the toy made by hand: figures that fit in the head."""

from __future__ import annotations

from typing import Any

from agent.explain.subject import Subject
from core.belief import Belief, Evidence, LatencyFactor
from core.calendar import Event
from core.configuration import Configuration
from core.decision import Decision, certify
from core.forecast import Forecast
from core.observation import Observation, ServiceObservation, StageObservation
from core.problem import Problem
from core.proposal import Proposal
from core.ruling import only_feasible
from core.solution import Optimum
from core.solve import solve
from core.trial import Band, Trial
from core.verify import verify
from tests.agent.toy import TEXT, pipeline_of, running

OPTIMUM = running("large", 2, read=1)
"""Of the toy at 10 requests/s."""
SMALL = running("small", 1, read=1)
STEEP = TEXT.replace("beta: 0.1", "beta: 0.5")
"""The toy where cores cost more: above 15 requests/s the small variant is best."""


def seen(
    time_s: float,
    *,
    load_rps: float = 10.0,
    in_time: float | None = 1.0,
    **changes: Any,  # noqa: ANN401 - of the record
) -> Observation:
    """Return ten seconds of an even load."""
    known: dict[str, Any] = {
        "time_s": time_s,
        "interval_s": 10,
        "loads_rps": (load_rps,) * 10,
        "latency_s": 0.3,
        "in_time": in_time,
        "judged": 100,
        "dropped_rps": 0.0,
        "accuracy": None,
        "stages": (
            StageObservation(
                stage="find",
                arrivals_rps=load_rps,
                queue=0,
                ready=2,
                services=(ServiceObservation(variant="large", batch=1, batches=9, mean_s=0.2),),
            ),
            StageObservation(stage="read", arrivals_rps=load_rps, queue=None, ready=1),
        ),
    }
    return Observation(**(known | changes))


def forecast(upper_rps: float = 10.0) -> Forecast:
    """Return a forecast that has been scored."""
    return Forecast(
        point_rps=8.0,
        upper_rps=upper_rps,
        quantile=0.9,
        horizon_s=10,
        method="ar",
        coverage=0.95,
        scored=20,
        missed=1,
    )


def turn(number: int, **changes: Any) -> Decision:  # noqa: ANN401 - of the record
    """Return a quiet turn at 10 requests/s: the optimum runs and is held."""
    time_s = 10.0 * number
    known: dict[str, Any] = {
        "id": f"toy-{number:06d}",
        "pipeline": "toy",
        "pipeline_digest": pipeline_of().digest,
        "time_s": time_s,
        "mode": "auto",
        "planner": "rules",
        "observation": seen(time_s),
        "forecast": forecast(),
        "running": OPTIMUM,
        "load_rps": 10.0,
        "proposals": (Proposal(rationale="good enough"),),
        "outcome": "held",
    }
    known |= changes
    if "rulings" not in known and known["running"] is not None:
        problem = Problem.of(pipeline_of(), known["load_rps"] or 10.0, running=known["running"])
        known["rulings"] = tuple(
            only_feasible(problem, p.configuration or known["running"]) for p in known["proposals"]
        )
    return Decision(**known)


def change(
    number: int,
    before: Configuration = SMALL,
    after: Configuration = OPTIMUM,
    **changes: Any,  # noqa: ANN401 - of the record
) -> Decision:
    """Return a turn that applied *after*, on trial."""
    problem = Problem.of(pipeline_of(), 10.0, running=before)
    best = solve(problem)
    assert isinstance(best, Optimum)
    trial = Trial(
        decision=f"toy-{number:06d}",
        before=before,
        before_rps=10.0,
        after=after,
        load_rps=10.0,
        applied_s=10.0 * number,
        ready_by_s=10.0 * number + 10,
        band=Band(in_time=0.97, cores=5.0),
        confirm_s=20,
    )
    return turn(
        number,
        **{
            "running": before,
            "outcome": "applied",
            "proposals": (Proposal(configuration=after, rationale="a gain of 2.4"),),
            "certificate": certify(problem, best, verify(problem, after), after),
            "trial": trial,
        }
        | changes,
    )


def subject(decision: Decision | None = None, *, text: str = TEXT, **changes: Any) -> Subject:  # noqa: ANN401 - of the record
    """Return what a question is about: a quiet turn by default."""
    pipeline = pipeline_of(text)
    decision = decision or turn(3, pipeline_digest=pipeline.digest)
    return Subject(decision, pipeline, **changes)


SLOWER = Belief(
    latency=(
        LatencyFactor(
            stage="find",
            variant="large",
            factor=1.31,
            evidence=Evidence(statement="9 batches took 0.262 s", low=1.25, high=1.37, since_s=20.0),
        ),
    )
)
LAUNCH = Event(
    id="launch",
    pipeline="toy",
    start_s=100,
    end_s=200,
    load_factor=3,
    note="we launch",
    author="ann",
    entered_s=1,
)
