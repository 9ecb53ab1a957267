"""One episode of one policy, and the row of results that it becomes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

import baselines  # noqa: F401 - registers the policies
from baselines.policy import Policy, Situation, create
from core.configuration import Configuration
from core.pipeline import Pipeline
from evals.frames import Row
from evals.provenance import provenance
from evals.scenario import Entrant, Scenario, digest
from simulator.report import Report, Series
from tools.replay import Episode, Foreknown, ReplaySettings, foreknow, replay


@dataclass(frozen=True, slots=True)
class Played:
    """What came of an episode."""

    row: Row
    series: Series | None
    """Second by second, where it was asked for."""


@dataclass(slots=True)
class Timed:
    """A policy under a stop-watch."""

    policy: Policy
    taken_s: list[float] = field(default_factory=list)

    @property
    def foresight(self) -> bool:
        """Whether the policy within must be told the truth."""
        return self.policy.foresight

    def decide(self, situation: Situation) -> Configuration:
        """Return what the policy within decides."""
        started = time.perf_counter()
        chosen = self.policy.decide(situation)
        self.taken_s.append(time.perf_counter() - started)
        return chosen


def play(scenario: Scenario, entrants: Sequence[Entrant], seed: int, *, series: bool) -> list[Played]:
    """Run one episode of every entrant on the same requests.

    Raises:
        UsageError: a policy is unknown, has no such parameter, or can decide nothing.
    """
    known: dict[str, Foreknown] = {}
    return [_best(scenario, entrant, seed, known, series=series) for entrant in entrants]


def _best(
    scenario: Scenario, entrant: Entrant, seed: int, known: dict[str, Foreknown], *, series: bool
) -> Played:
    """Run an entrant, in hindsight under several settings if it may; *known* is what has been foreknown."""
    found = []
    for settings in entrant.tried(scenario):
        told = repr(replace(settings, margins=None))  # which have no part in what is foreknown
        if told not in known:
            known[told] = foreknow(scenario.pipeline, scenario.trace_rps, seed=seed, settings=settings)
        found.append(play_one(scenario, entrant, seed, known[told], settings=settings, series=series))
    return max(found, key=lambda played: -math.inf if played.row.score is None else played.row.score)


def play_one(
    scenario: Scenario,
    entrant: Entrant,
    seed: int,
    known: Foreknown,
    *,
    settings: ReplaySettings,
    series: bool,
) -> Played:
    """Run one episode; *known* is what every entrant with these settings is told under the seed."""
    pipeline = scenario.pipeline_for(entrant)
    if not entrant.cold_starts:
        pipeline = ready_at_once(pipeline)
    timed = Timed(create(entrant.policy, entrant.parameters_for(scenario.pipeline)))
    started, started_s = datetime.now(UTC), time.perf_counter()
    episode = replay(pipeline, timed, scenario.trace_rps, seed=seed, settings=settings, foreknown=known)
    wall_s = time.perf_counter() - started_s
    row = row_of(
        scenario,
        label=entrant.label,
        seed=seed,
        episode=episode,
        decision_s=timed.taken_s,
        wall_s=wall_s,
        started=started,
        scenario_digest=digest(scenario, entrant),
    )
    return Played(row, episode.report.series if series else None)


def row_of(
    scenario: Scenario,
    *,
    label: str,
    seed: int,
    episode: Episode,
    decision_s: Sequence[float],
    wall_s: float,
    started: datetime,
    scenario_digest: str,
    extra: str = "{}",
) -> Row:
    """Return the row of an episode."""
    report = episode.report
    return Row.model_validate(
        {
            "suite": scenario.suite,
            "scenario": scenario.name,
            "pipeline": scenario.pipeline.name,
            "group": scenario.group,
            "policy": label,
            "seed": seed,
            **_figures(report),
            "decisions": len(decision_s),
            "decision_mean_s": float(np.mean(decision_s)) if decision_s else None,
            "decision_p99_s": float(np.quantile(decision_s, 0.99)) if decision_s else None,
            "wall_s": wall_s,
            "score": episode.score,
            "slo_s": scenario.pipeline.slo.latency_s,
            "extra": extra,
            "started": started.isoformat(timespec="seconds"),
            "scenario_digest": scenario_digest,
            **provenance(),
        }
    )


def series_columns(series: Series) -> dict[str, list[float | int | None]]:
    """Return a series as columns."""
    columns = {name: list(values) for name, values in asdict(series).items()}
    return {"second": list(range(len(series.arrivals))), **columns}


def ready_at_once(pipeline: Pipeline) -> Pipeline:
    """Return the pipeline without cold starts."""
    stages = []
    for stage in pipeline.stages:
        ready = tuple(variant.model_copy(update={"load_time_s": 0.0}) for variant in stage.variants)
        stages.append(stage.model_copy(update={"variants": ready}))
    return pipeline.model_copy(update={"stages": tuple(stages)})


def _figures(report: Report) -> dict[str, object]:
    return {
        "requests": report.requests,
        "completed": report.completed,
        "dropped": report.dropped,
        "slo_attainment": report.slo_attainment,
        "effective_accuracy": report.effective_accuracy,
        "accuracy": report.accuracy,
        "core_seconds": report.core_seconds,
        "mean_cores": report.mean_cores,
        "switches": report.switches,
        "replica_starts": report.replica_starts,
        "p50_s": report.latency_s["p50"],
        "p95_s": report.latency_s["p95"],
        "p99_s": report.latency_s["p99"],
    }
