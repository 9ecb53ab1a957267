"""The twin against an independent SimPy model: equal where nothing is random, alike where something is."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from core.configuration import Configuration
from core.pipeline import Pipeline
from simulator.arrivals import arrival_times
from simulator.options import TwinOptions
from simulator.twin import Twin
from tests.simulator.simpy_model import SimpyModel, StageModel
from tests.simulator.toys import pipeline, profile, running, stage, variant

DETERMINISTIC = TwinOptions(drop="none", service="deterministic")
LOGNORMAL = TwinOptions(drop="none")
Z_99 = 2.3263478740408408


def arrivals_of(trace_rps: list[float], seed: int) -> list[float]:
    """The arrivals a twin makes of its seed: the first of its two independent streams."""
    stream = np.random.SeedSequence(seed).spawn(2)[0]
    times_s = arrival_times(trace_rps, generator=np.random.default_rng(stream), mode="poisson")
    return [float(t) for t in times_s]


def line(latency_s: dict[int, float]) -> Callable[[int], float]:
    """Latency by batch size, on a line between two profiled sizes."""
    (low, at_low), (high, at_high) = sorted(latency_s.items())
    return lambda size: at_low + (at_high - at_low) * (size - low) / (high - low)


DIAMOND = pipeline(
    stage("split", variant(profile=profile(b1=0.05, b4=0.11), fan_out=1.0)),
    stage("left", variant(profile=profile(b1=0.08, b8=0.31)), after=[("split", 2.0)]),
    stage("right", variant(profile=profile(b1=0.13, b2=0.17)), after=["split"]),
    stage("join", variant(profile=profile(b1=0.02, b4=0.07)), after=["left", ("right", 3.0)]),
)
DIAMOND_RUNNING = running(
    ("split", "small", 4, 2), ("left", "small", 8, 3), ("right", "small", 2, 4), ("join", "small", 4, 3)
)
DIAMOND_WAITS = {"split": 0.061, "left": 0.113, "right": 0.037, "join": 0.029}


def lognormal_s(noise: random.Random, sigma: float, p99_s: float) -> float:
    """Draw a service time whose 99th percentile is *p99_s*."""
    return p99_s * math.exp(sigma * (noise.gauss(0, 1) - Z_99))


def diamond_in_simpy(seed: int, law: Callable[[float], float], left: float = 2.0) -> SimpyModel:
    def service(b: int, slow: float, fast: float) -> Callable[[int], float]:
        at = line({1: fast, b: slow})
        return lambda size: law(at(size))

    return SimpyModel(
        [
            StageModel("split", 4, 2, 0.061, service(4, 0.11, 0.05), [("left", left), ("right", 1)]),
            StageModel("left", 8, 3, 0.113, service(8, 0.31, 0.08), [("join", 1)], ["split"]),
            StageModel("right", 2, 4, 0.037, service(2, 0.17, 0.13), [("join", 3)], ["split"]),
            StageModel("join", 4, 3, 0.029, service(4, 0.07, 0.02), [], ["left", "right"]),
        ],
        seed=seed,
    )


def served(
    spec: Pipeline,
    configuration: Configuration,
    waits: dict[str, float],
    *,
    seed: int,
    trace_rps: list[float],
    options: TwinOptions,
) -> Twin:
    twin = Twin(spec, configuration, trace_rps, seed=seed, batch_wait_s=waits, options=options)
    twin.drain()
    return twin


@pytest.mark.parametrize("seed", range(5))
def test_every_request_of_a_diamond_takes_as_long_as_in_simpy(seed: int) -> None:
    trace = [10.0, 25.0, 5.0, 0.0, 18.0] * 20

    twin = served(DIAMOND, DIAMOND_RUNNING, DIAMOND_WAITS, seed=seed, trace_rps=trace, options=DETERMINISTIC)

    expected = diamond_in_simpy(seed, lambda s: s).run(arrivals_of(trace, seed))
    report = twin.report()
    assert report.completed == len(expected) > 1000
    assert twin.scrape().latency_s.total == pytest.approx(sum(expected), rel=1e-9)
    for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert report.latency_s[name] == pytest.approx(float(np.quantile(expected, q)), rel=1e-9)


def test_noisy_service_and_fractional_fan_out_are_distributed_as_in_simpy() -> None:
    """Latency quantiles over 16 independent runs of each differ by less than four standard errors."""
    trace, runs, sigma = [16.0] * 150, 16, LOGNORMAL.default_sigma
    spec = DIAMOND.model_copy(
        update={
            "stages": (
                *DIAMOND.stages[:1],
                DIAMOND.stages[1].model_copy(
                    update={"after": (DIAMOND.stages[1].after[0].model_copy(update={"fan_out": 1.6}),)}
                ),
                *DIAMOND.stages[2:],
            )
        }
    )
    ours, theirs = [], []
    for seed in range(runs):
        twin = served(spec, DIAMOND_RUNNING, DIAMOND_WAITS, seed=seed, trace_rps=trace, options=LOGNORMAL)
        latency_s = twin.report().latency_s
        ours.append([latency_s["p50"] or 0.0, latency_s["p95"] or 0.0, latency_s["p99"] or 0.0])
        noise = random.Random(1000 + seed)
        model = diamond_in_simpy(seed, partial(lognormal_s, noise, sigma), left=1.6)
        expected = model.run(arrivals_of(trace, 2000 + seed))
        theirs.append([float(np.quantile(expected, q)) for q in (0.5, 0.95, 0.99)])

    a, b = np.array(ours), np.array(theirs)
    error = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / runs)
    assert np.all(np.abs(a.mean(axis=0) - b.mean(axis=0)) < 4 * error)
    assert np.all(error < 0.03 * b.mean(axis=0)), "too noisy to tell anything"
