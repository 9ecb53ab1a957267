"""The present of one pipeline, as of its last decision: its problem, what runs and what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from agent.asking import pipeline_of
from agent.explain.subject import Subject
from agent.folder import DECISIONS, REQUESTS
from core.configuration import Configuration
from core.decision import Decision
from core.pipeline import Pipeline
from core.problem import Problem
from tools.points import Points
from tools.requests import Request, Requests
from tools.store import DecisionStore
from ui.approvals.waiting import LISTED, Waiting
from ui.places import BUSY_S, Place
from ui.when import HOUR_S


@dataclass(frozen=True, slots=True)
class Present:
    """What is, and what should be."""

    decision: str
    """The last one's id."""
    time_s: float
    """When that was, by the loop's clock."""
    problem: Problem | None
    """What there is to solve now; None where no load was known to decide for."""
    running: Configuration | None
    """What was last asked for; None where that is not known."""
    ready: Mapping[str, int | None]
    """Replicas that serve, by stage; None where that is not known."""
    proposal: Configuration | None
    """What the last check was on; None where nothing was proposed."""
    recommended: Configuration | None
    """What should run instead of what runs, and was not applied; None where nothing should."""
    asked: bool
    """Whether a person is asked about what is recommended."""


def present_of(decision: Decision, pipeline: Pipeline, request: Request | None = None) -> Present:
    """Return the present after *decision*; *request* is what a person is asked about now."""
    running = _running(decision)
    problem = Subject(decision, pipeline).problem()
    seen = () if decision.observation is None else decision.observation.stages
    proposal = decision.rulings[-1].candidate if decision.rulings else None
    wanted = proposal if decision.outcome == "recommended" else None
    if request is not None:
        wanted, running = request.proposed, request.running
    return Present(
        decision=decision.id,
        time_s=decision.time_s,
        problem=None if problem is None else problem.replaced(running=running),
        running=running,
        ready={stage.stage: stage.ready for stage in seen},
        proposal=proposal if request is None else request.proposed,
        recommended=None if wanted == running else wanted,
        asked=request is not None,
    )


def read_present(place: Place, name: str) -> Present | None:
    """Return the present after the decision called *name*; None where its pipeline was not kept.

    Raises:
        UsageError: there is no such decision.
        StoreError: the store cannot be read.
    """
    with closing(DecisionStore(place.folder / DECISIONS, read_only=True, busy_s=BUSY_S)) as store:
        decision = store.decision(name)
        pipeline = pipeline_of(store, decision)
    return None if pipeline is None else present_of(decision, pipeline)


def most_seen_rps(place: Place, now: Present) -> float:
    """Return the load of the busiest second of the hour before, in requests per second; 0 where none is.

    Raises:
        StoreError: the store cannot be read.
    """
    with closing(Points(place.folder / DECISIONS, busy_s=BUSY_S)) as store:
        points = store.between(place.pipeline, now.time_s - HOUR_S, now.time_s)
    return max((p.load_max for p in points if p.load_max is not None), default=0.0)


def open_request(place: Place, now: float) -> Request | None:
    """Return what a person is asked about a pipeline at Unix time *now*; None where nothing waits.

    Raises:
        StoreError: the file cannot be read.
    """
    path = place.folder / REQUESTS
    if not path.is_file():
        return None
    with closing(Requests(path, read_only=True, busy_s=BUSY_S)) as requests:
        found = [Waiting(place, asked) for asked in requests.latest(LISTED)]
    mine = (w.request for w in found if w.open(now) and w.request.pipeline == place.pipeline)
    return next(mine, None)


def _running(decision: Decision) -> Configuration | None:
    """Return what was last asked for when the turn had ended."""
    if decision.certificate is not None and decision.outcome == "applied":
        return decision.certificate.configuration
    return decision.running
