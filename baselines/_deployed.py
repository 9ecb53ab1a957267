"""What an operator deploys before an autoscaler takes over: variants and largest batches for the peak.

The exact optimum at the planned peak is the deployment, the same that `ilp` would run there: whatever
tells an autoscaler from it is scaling alone.

A serving system's batch size is a most, not a must; here a batch waits to be filled for as long as the
model allows at the forecast load. So at low load the batch of a fixed deployment is the largest, up to
the deployed one, whose filling still keeps the SLO. Assumption, ours, and in the autoscaler's favour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from baselines._granted import granted, with_replicas
from baselines.policy import Situation
from core.configuration import Configuration, StageConfiguration
from core.errors import UsageError
from core.observation import Observation, StageObservation
from core.pipeline import Pipeline
from core.prediction import filling_s, longest_path, stage_loads
from core.problem import TOLERANCE, Problem
from core.solution import Infeasible, Optimum
from core.solve import solve


def deployed(situation: Situation) -> Configuration:
    """Return the exact optimum at the planned peak.

    Raises:
        UsageError: nothing is feasible there.
    """
    problem = Problem.of(
        situation.pipeline, situation.planned_rps, margins=situation.margins, belief=situation.belief
    )
    match solve(problem):
        case Optimum(configuration=configuration):
            return configuration
        case Infeasible(bindings=bindings):
            raise UsageError(
                f"nothing is feasible at the planned peak of {situation.planned_rps:g} rps: "
                f"{bindings[0].statement}"
            )


def autoscaled(
    situation: Situation,
    deployment: Configuration,
    replicas: Callable[[StageObservation, Observation, int], int],
) -> Configuration:
    """Return *deployment* as far as its autoscalers, and then the cluster, let it be.

    *replicas* says what a stage's autoscaler asks for, given what was seen of the stage, of the pipeline,
    and the replicas it has. A stage of which nothing was seen keeps what it has.
    """
    running, observation = situation.running, situation.observation
    wanted = deployment
    if running is not None:
        counts = {s.stage: s.replicas for s in running.stages}
        if observation is not None:
            for seen in observation.stages:
                counts[seen.stage] = replicas(seen, observation, counts[seen.stage])
        wanted = granted(situation, with_replicas(deployment, counts))
    return filled(situation.pipeline, wanted, situation.forecast.upper_rps)


def filled(pipeline: Pipeline, configuration: Configuration, load_rps: float) -> Configuration:
    """Return *configuration* with batches that fill in time at *load_rps*, none larger than it has."""
    loads = stage_loads(pipeline, configuration, load_rps)
    settings = dict(configuration.by_stage)
    while not _in_time(pipeline, settings, loads):
        slowest = sorted(settings, key=lambda name: -filling_s(settings[name].batch, loads[name]))
        smaller = [s for name in slowest if (s := _smaller(pipeline, settings[name])) is not None]
        if not smaller:
            break
        settings[smaller[0].stage] = smaller[0]
    return Configuration(stages=tuple(settings[s.stage] for s in configuration.stages))


def _in_time(pipeline: Pipeline, settings: dict[str, StageConfiguration], loads: Mapping[str, float]) -> bool:
    latency_s = {
        name: pipeline.stage(name).variant(s.variant).at(s.batch).latency_s + filling_s(s.batch, loads[name])
        for name, s in settings.items()
    }
    return longest_path(pipeline, latency_s) <= pipeline.slo.latency_s * (1 + TOLERANCE)


def _smaller(pipeline: Pipeline, setting: StageConfiguration) -> StageConfiguration | None:
    """Return *setting* with the next smaller batch; None where it has the smallest."""
    stage = pipeline.stage(setting.stage)
    below = [b for b in stage.batches_of(stage.variant(setting.variant)) if b < setting.batch]
    return setting.model_copy(update={"batch": below[-1]}) if below else None
