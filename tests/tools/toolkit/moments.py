"""Situations whose figures fit in the head, and one way to ask about them.

Stage `find` has a small variant (accuracy 0.6, 1 core, 10 rps a replica) and a large one (0.9, 2 cores,
5 rps); stage `read` has one (accuracy 0.5, 1 core, 10 rps). The objective is 10 accuracy - 0.1 cores.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from core.assessment import Assessment, Finding, FindingKind, Signal
from core.belief import Belief, Evidence, LatencyFactor, ReplicaCap
from core.calendar import Event
from core.configuration import Configuration
from core.decision import Decision
from core.forecast import Forecast
from core.observation import Observation, ServiceObservation, StageObservation
from core.problem import Problem
from core.tooluse import ToolUse
from core.trial import Band, Quarantine, Trial
from tests.core.toys import configuration, pipeline, stage, variant
from tools.toolkit import use
from tools.toolkit.situation import Situation

PIPELINE = pipeline(
    stage("find", variant("small", 0.6, 1, (1, 0.1)), variant("large", 0.9, 2, (1, 0.2))),
    stage("read", variant("only", 0.5, 1, (1, 0.1))),
    slo_s=1.0,
    objective={"alpha": 10.0, "beta": 0.1},
    limits={"maxCores": 40},
)
RUNNING = configuration(("find", "large", 1, 4), ("read", "only", 1, 2))
"""Carries 20 requests/s in 0.3 s with 10 cores, accuracy 0.45: worth 3.5."""
MEASURED = Evidence(statement="31 % slower than profiled", low=1.2, high=1.4, since_s=40)
FORECAST = Forecast(
    point_rps=10,
    upper_rps=12,
    quantile=0.9,
    horizon_s=30,
    method="mixture",
    coverage=0.91,
    scored=50,
    missed=4,
)
OBSERVATION = Observation(
    time_s=100,
    interval_s=10,
    loads_rps=(8, 9, None, 11, 10),
    latency_s=0.42,
    in_time=0.987,
    judged=380,
    dropped_rps=0.5,
    accuracy=None,
    stages=(
        StageObservation(
            stage="find",
            arrivals_rps=9.5,
            queue=3,
            ready=3,
            services=(ServiceObservation(variant="large", batch=1, batches=95, mean_s=0.26),),
        ),
        StageObservation(stage="read", arrivals_rps=9.5, queue=0, ready=None),
    ),
)


def moment(
    load_rps: float = 12.0,
    *findings: Finding,
    belief: Belief | None = None,
    **changes: Any,  # noqa: ANN401 - of `Situation`
) -> Situation:
    """Return the situation at 100 s: 12 requests/s to decide for, `RUNNING` runs."""
    belief = belief or Belief()
    found = Situation(
        problem=Problem.of(PIPELINE, load_rps, running=RUNNING, belief=belief),
        observation=OBSERVATION,
        forecast=FORECAST,
        assessment=Assessment(findings=findings, belief=belief),
        running=RUNNING,
        time_s=100.0,
        horizon_s=30.0,
    )
    return replace(found, **changes)


def finding(kind: FindingKind, subject: str = "toy", statement: str = "this was found") -> Finding:
    """Return a finding."""
    return Finding(kind=kind, subject=subject, statement=statement)


def slower() -> Belief:
    """Return the belief that the large variant takes 1.31 times its profiled time, 5 replicas are left."""
    return Belief(
        latency=(LatencyFactor(stage="find", variant="large", factor=1.31, evidence=MEASURED),),
        capacity=(ReplicaCap(stage="find", replicas=5, evidence=MEASURED),),
    )


def launch(name: str = "launch", start_s: float = 120, end_s: float = 200, **changes: Any) -> Event:  # noqa: ANN401 - of `Event`
    """Return an event that triples the load."""
    values: dict[str, Any] = {"load_factor": 3, "note": "a launch", "author": "ann", "entered_s": 5} | changes
    return Event(id=name, pipeline="toy", start_s=start_s, end_s=end_s, **values)


def decided(number: int, **changes: Any) -> Decision:  # noqa: ANN401 - of `Decision`
    """Return a decision that held."""
    values: dict[str, Any] = {
        "mode": "auto",
        "planner": "rules",
        "observation": OBSERVATION,
        "forecast": FORECAST,
        "running": RUNNING,
        "load_rps": 12.0,
        "outcome": "held",
        "note": "nothing to do",
    } | changes
    return Decision(id=f"toy-{number:06d}", pipeline="toy", time_s=10.0 * number, **values)


def trial() -> Trial:
    """Return a change that was made at 90 s."""
    before: Configuration = configuration(("find", "small", 1, 2), ("read", "only", 1, 2))
    return Trial(
        decision="toy-000009",
        before=before,
        before_rps=10,
        after=RUNNING,
        load_rps=12,
        applied_s=90,
        ready_by_s=130,
        band=Band(in_time=0.97, cores=10),
        confirm_s=30,
    )


def barred(until_s: float = 700.0) -> Quarantine:
    """Return the quarantine of a change that came late."""
    return Quarantine(
        configuration=configuration(("find", "small", 1, 2), ("read", "only", 1, 2)),
        until_s=until_s,
        decision="toy-000004",
        evidence="80.0% of 100 requests in time",
    )


def unsure(name: str, state: Any) -> Signal:  # noqa: ANN401 - a literal
    """Return a signal in that state."""
    return Signal(name=name, state=state)


def asked(name: str, situation: Situation, **arguments: object) -> ToolUse:
    """Use a tool as a planner does."""
    return use(id="t1", call="c1", name=name, arguments=json.dumps(arguments), situation=situation)


def answer(name: str, situation: Situation, **arguments: object) -> dict[str, Any]:
    """Return the result of a tool that can answer."""
    done = asked(name, situation, **arguments)
    assert done.ok, done.result
    found: dict[str, Any] = json.loads(done.result)
    return found


def refusal(name: str, situation: Situation, **arguments: object) -> str:
    """Return the sentence of a tool that cannot answer."""
    done = asked(name, situation, **arguments)
    assert not done.ok, done.result
    assert done.shows == ()
    return str(json.loads(done.result)["error"])
