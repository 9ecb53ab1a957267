"""Run one entrant through one case. All entrants meet the same requests on the same twin.

ilp-stale     replayed: the optimum on the profile as it was, every interval; it assesses nothing
ilp-true      replayed: the same on the true profile, told of drift, losses and crashes as they come; its
              forecast is honest where others' is biased: what it loses is lost to the forecast, not to drift
ilp-assess    the loop with the `ilp` planner: the optimum on what the assessment lets it believe
rules, llm    the loop with these planners
oracle        replayed: the optimum on the true profile at the true load, also while metrics are away
static-large  replayed: the most accurate configuration at the trace's peak, held
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, Literal

import baselines  # noqa: F401 - registers the policies
from agent.choosing import Choice, chosen_planner
from agent.context import LoopSettings
from agent.episode import embedded_run
from agent.folder import CALENDAR
from baselines.policy import Policy, Situation, create
from core.configuration import Configuration
from core.decision import Decision
from core.errors import UsageError
from evals.bias import BiasedForecaster, biased
from evals.drift.case import DriftCase
from evals.drift.judging import Attribution, FalseAlarm, attributions, false_alarms
from evals.drift.truth import DriftOracle
from simulator.faults import MetricOutage
from simulator.report import Report
from tools.cadence import forecaster_of
from tools.calendar import Calendar
from tools.replay import ReplaySettings, replay, score

DriftEntrant = Literal["ilp-stale", "ilp-true", "ilp-assess", "rules", "llm", "oracle", "static-large"]

PLANNERS: dict[DriftEntrant, str] = {"ilp-assess": "ilp", "rules": "rules", "llm": "llm"}
"""Entrants that are the loop, with their planners."""
REPLAYED: dict[DriftEntrant, str] = {"ilp-stale": "ilp", "static-large": "static-large"}
"""Entrants that are replayed, with their policies."""
WITHOUT_MODEL: tuple[DriftEntrant, ...] = (
    "oracle",
    "ilp-true",
    "ilp-stale",
    "ilp-assess",
    "rules",
    "static-large",
)


@dataclass(frozen=True, slots=True)
class DriftResult:
    """One episode, judged."""

    family: str
    seed: int
    entrant: DriftEntrant
    score: float
    """In the pipeline's own objective; more is better."""
    report: Report
    attributions: tuple[Attribution, ...] = ()
    """Of the loop; a policy that is replayed names nothing."""
    alarms: tuple[FalseAlarm, ...] = ()
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A policy that is told what the case says is believed, and not what is true."""

    foresight: ClassVar[bool] = False
    case: DriftCase
    policy: Policy

    def decide(self, situation: Situation) -> Configuration:
        """Return what the policy decides on the believed profile and the biased forecast."""
        forecast = situation.forecast
        if situation.observation is not None:
            forecast = biased(forecast, self.case.forecast_factor)
        return self.policy.decide(replace(situation, pipeline=self.case.believed, forecast=forecast))


def run(
    case: DriftCase,
    entrant: DriftEntrant,
    *,
    choice: Choice | None = None,
    environment: Mapping[str, str] | None = None,
) -> DriftResult:
    """Run *entrant* through *case* and judge what came of it.

    Args:
        case: The episode.
        entrant: Who decides.
        choice: Which model is asked, for `llm`; its planner is set here.
        environment: Where its endpoint and key are, for `llm`.

    Raises:
        UsageError: nothing was served, the entrant is unknown, or `llm` has no endpoint.
    """
    if entrant in PLANNERS:
        asked = replace(choice or Choice(), planner=PLANNERS[entrant])
        return _looped(case, entrant, asked, environment or {})
    return _replayed(case, entrant)


def _replayed(case: DriftCase, entrant: DriftEntrant) -> DriftResult:
    settings = ReplaySettings(faults=case.faults)
    if entrant == "oracle":
        seen = tuple(f for f in case.faults if not isinstance(f, MetricOutage))
        settings = replace(settings, faults=seen)
        policy: Policy = DriftOracle(case, settings.interval_s)
    elif entrant == "ilp-true":
        policy = DriftOracle(case, settings.interval_s, foresight=False)
    elif entrant in REPLAYED:
        policy = Told(case, create(REPLAYED[entrant]))
    else:
        known = ", ".join((*PLANNERS, *REPLAYED, "oracle"))
        raise UsageError(f"no entrant called {entrant!r} in the drift suite. Known: {known}")
    episode = replay(case.pipeline, policy, case.trace_rps, seed=case.seed, settings=settings)
    return _result(case, entrant, episode.report)


def _looped(
    case: DriftCase, entrant: DriftEntrant, choice: Choice, environment: Mapping[str, str]
) -> DriftResult:
    with TemporaryDirectory() as name:
        folder = Path(name)
        for event in case.events:
            Calendar(folder / CALENDAR).add(event)
        honest = forecaster_of(case.believed)
        with (
            chosen_planner(choice, folder, environment) as (planner, _),
            embedded_run(
                case.believed,
                case.trace_rps,
                folder,
                planner=planner,
                settings=LoopSettings(),
                seed=case.seed,
                faults=case.faults,
                truth=case.pipeline,
                forecaster=BiasedForecaster(honest, case.forecast_factor),
            ) as running,
        ):
            decisions = tuple(d for d in running.turns() if d is not None)
            report = running.cluster.twin.report()
    judged = _result(case, entrant, report)
    return replace(
        judged,
        attributions=attributions(decisions, case.truth),
        alarms=false_alarms(decisions, case.truth),
        decisions=decisions,
    )


def _result(case: DriftCase, entrant: DriftEntrant, report: Report) -> DriftResult:
    judged = score(case.pipeline, report)
    if judged is None:
        raise UsageError(f"{case.family} {case.seed}, {entrant}: nothing was served; that is no measurement")
    return DriftResult(case.family, case.seed, entrant, judged, report)
