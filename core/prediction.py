"""What the model expects of one configuration: latency, capacity, cores, accuracy (DESIGN section 2).

    stage latency   factor * l(b) + (b - 1) / load_s  [+ queueing margin]
    end to end      the longest path through the DAG
    capacity        n * h(b) / factor, with h as measured or b / l(b)
    load            load_s = load of the predecessor * its variant's fan-out * the edge's; at a join
                    the largest of the incoming edges
    accuracy        product or sum of the stages', or the row of the measured joint table

`factor` is the belief's latency factor. Interpolated points are never used here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.configuration import Configuration
from core.pipeline import Measurement, Pipeline, Stage
from core.problem import Margins, Problem
from core.queueing import service_scv, wait_quantile_s


@dataclass(frozen=True, slots=True)
class StagePrediction:
    """What one stage is expected to do."""

    stage: str
    variant: str
    batch: int
    replicas: int
    cores: float
    load_rps: float
    latency_s: float
    """Service, batch filling and, where a margin asks for it, queueing."""
    capacity_rps: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the whole pipeline is expected to do."""

    stages: tuple[StagePrediction, ...]
    latency_s: float
    accuracy: float | None
    """None for a combination of variants that was never measured."""
    cores: float
    switching: float
    """Core-seconds of cold starts on the way from the running configuration."""
    objective: float | None
    """In the problem's own terms; None where the accuracy is unknown."""


def predict(problem: Problem, configuration: Configuration) -> Prediction:
    """Return what *configuration* is expected to do under *problem*; it need not be feasible.

    Raises:
        UsageError: the configuration names something the pipeline has not.
    """
    pipeline = problem.pipeline
    configuration = configuration.checked(pipeline)
    loads = stage_loads(pipeline, configuration, problem.load_rps)
    stages = tuple(
        _predict_stage(problem, stage, configuration, loads[stage.name]) for stage in pipeline.stages
    )
    accuracy = believed_accuracy(problem, tuple(s.variant for s in configuration.stages))
    cores = math.fsum(s.cores for s in stages)
    switching = configuration.switching(pipeline, problem.running)
    objective = None
    if accuracy is not None:
        batches = sum(s.batch for s in configuration.stages)
        objective = problem.objective.value(
            accuracy=accuracy, cores=cores, batches=batches, switching=switching
        )
    latency_s = longest_path(pipeline, {s.stage: s.latency_s for s in stages})
    return Prediction(stages, latency_s, accuracy, cores, switching, objective)


def stage_loads(pipeline: Pipeline, configuration: Configuration, load_rps: float) -> Mapping[str, float]:
    """Return the items per second that reach each stage."""
    loads: dict[str, float] = {}
    for stage in pipeline.stages:
        incoming = [
            loads[edge.stage]
            * pipeline.stage(edge.stage).variant(configuration[edge.stage].variant).fan_out
            * edge.fan_out
            for edge in stage.after
        ]
        loads[stage.name] = max(incoming) if incoming else load_rps
    return loads


def longest_path(pipeline: Pipeline, latency_s: Mapping[str, float]) -> float:
    """Return the latency of the slowest path through the DAG, in seconds."""
    finish_s: dict[str, float] = {}
    for stage in pipeline.stages:
        start_s = max((finish_s[edge.stage] for edge in stage.after), default=0.0)
        finish_s[stage.name] = start_s + latency_s[stage.name]
    return max(finish_s.values())


def filling_s(batch: int, load_rps: float) -> float:
    """Return the longest time the first request waits for its batch to fill; inf at load 0."""
    if batch == 1:
        return 0.0
    return (batch - 1) / load_rps if load_rps > 0 else math.inf


def believed_accuracy(problem: Problem, variants: tuple[str, ...]) -> float | None:
    """Return the pipeline accuracy of *variants* (in stage order) under the problem's belief."""
    pipeline = problem.pipeline
    factors = [
        problem.belief.accuracy_factor(stage.name, name)
        for stage, name in zip(pipeline.stages, variants, strict=True)
    ]
    if pipeline.accuracy == "measured":
        joint = pipeline.joint_accuracy.get(variants)
        return None if joint is None else joint * math.prod(factors)
    values = [
        stage.variant(name).accuracy * factor
        for stage, name, factor in zip(pipeline.stages, variants, factors, strict=True)
    ]
    return math.fsum(values) if pipeline.accuracy == "sum" else math.prod(values)


def _predict_stage(
    problem: Problem, stage: Stage, configuration: Configuration, load_rps: float
) -> StagePrediction:
    setting = configuration[stage.name]
    variant = stage.variant(setting.variant)
    point = variant.at(setting.batch)
    factor = problem.belief.latency_factor(stage.name, variant.name)
    rate_rps = point.throughput_rps / factor
    latency_s = point.latency_s * factor + filling_s(setting.batch, load_rps)
    latency_s += _wait_s(problem.margins, point, load_rps, setting.replicas, rate_rps)
    return StagePrediction(
        stage=stage.name,
        variant=variant.name,
        batch=setting.batch,
        replicas=setting.replicas,
        cores=setting.replicas * variant.cores,
        load_rps=load_rps,
        latency_s=latency_s,
        capacity_rps=setting.replicas * rate_rps,
    )


def _wait_s(margins: Margins, point: Measurement, load_rps: float, replicas: int, rate_rps: float) -> float:
    if margins.wait_quantile is None:
        return 0.0
    wait = wait_quantile_s(
        load_rps=load_rps,
        batch=np.array([float(point.batch)]),
        replicas=np.array([float(replicas)]),
        rate_rps=np.array([rate_rps]),
        scv=service_scv(
            np.array([point.latency_s]), np.array([np.nan if point.median_s is None else point.median_s])
        ),
        quantile=margins.wait_quantile,
    )
    return float(wait[0])
