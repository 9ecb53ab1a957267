"""What is the same for everybody is worked out once: an episode told of it beforehand is the same episode."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import pytest

import baselines  # noqa: F401 - registers the policies
from baselines.policy import Policy, Situation, create
from core.configuration import Configuration
from core.errors import UsageError
from core.pipeline import Pipeline
from simulator.faults import CapacityLoss, Fault, LatencyDrift, MetricOutage, ReplicaCrash
from simulator.options import TwinOptions
from tests.core.toys import SMALL, pipeline, stage
from tools.replay import ReplaySettings, Step, foreknow, replay

HASTY = pipeline(stage("first"))
PATIENT = pipeline(stage("first"), slo_s=6.0)
CHAIN = pipeline(stage("find", SMALL | {"fanOut": 1.7}), stage("read", after=[{"stage": "find"}]), slo_s=4.0)
TRACE = (12.0,) * 40 + (55.0,) * 30 + (0.0,) * 35 + (7.3,) * 28
"""133 s: the last interval is cut off."""
TROUBLE: tuple[Fault, ...] = (
    ReplicaCrash(stage="first", start_s=33.0),
    LatencyDrift(stage="first", variant="small", start_s=50.0, factor=1.6),
    CapacityLoss(stage="first", start_s=20.0, end_s=60.0, replicas=2),
)


@dataclass
class Heard:
    """A policy that keeps what it was told."""

    policy: Policy
    told: list[Situation] = field(default_factory=list)
    foresight: ClassVar[bool] = False

    def decide(self, situation: Situation) -> Configuration:
        self.told.append(situation)
        return self.policy.decide(situation)


def steps_and_results(
    spec: Pipeline, name: str, settings: ReplaySettings, *, seed: int, known: bool
) -> tuple[object, list[Step]]:
    foreknown = foreknow(spec, TRACE, seed=seed, settings=settings) if known else None
    seen: list[Step] = []
    episode = replay(
        spec, create(name), TRACE, seed=seed, settings=settings, foreknown=foreknown, progress=seen.append
    )
    return episode, seen


@pytest.mark.parametrize("name", ["ilp", "oracle", "ipa-own", "hpa", "keda", "infaas", "static-small"])
@pytest.mark.parametrize("spec", [HASTY, PATIENT, CHAIN], ids=["hasty", "patient", "chain"])
def test_an_episode_is_the_same_bit_by_bit(name: str, spec: Pipeline) -> None:
    settings = ReplaySettings()

    told = steps_and_results(spec, name, settings, seed=4, known=True)

    assert told == steps_and_results(spec, name, settings, seed=4, known=False)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(ReplaySettings(faults=TROUBLE), id="with faults"),
        pytest.param(ReplaySettings(interval_s=7), id="another interval"),
        pytest.param(ReplaySettings(forecaster="holt", quantile=0.8), id="another forecaster"),
        pytest.param(ReplaySettings(options=TwinOptions(drop="none")), id="nothing is dropped"),
    ],
)
def test_it_is_the_same_with_other_settings(settings: ReplaySettings) -> None:
    told = steps_and_results(PATIENT, "ilp", settings, seed=9, known=True)

    assert told == steps_and_results(PATIENT, "ilp", settings, seed=9, known=False)


def test_it_is_the_same_where_all_requests_come_at_even_rates() -> None:
    settings = ReplaySettings(options=TwinOptions(arrivals="exact"))
    trace = (12.0,) * 45

    episodes = [
        replay(HASTY, create("ilp"), trace, seed=2, settings=settings, foreknown=known)
        for known in (foreknow(HASTY, trace, seed=2, settings=settings), None)
    ]

    assert episodes[0] == episodes[1]


@pytest.mark.parametrize("spec", [HASTY, PATIENT], ids=["hasty", "patient"])
def test_policies_are_told_the_same_situations(spec: Pipeline) -> None:
    settings = ReplaySettings()
    with_it, without = Heard(create("ilp")), Heard(create("ilp"))

    replay(spec, with_it, TRACE, seed=4, foreknown=foreknow(spec, TRACE, seed=4, settings=settings))
    replay(spec, without, TRACE, seed=4)

    assert with_it.told == without.told
    assert len(with_it.told) == 14


def test_what_is_known_of_one_seed_is_not_that_of_another() -> None:
    settings = ReplaySettings()

    first, second = (foreknow(HASTY, TRACE, seed=seed, settings=settings) for seed in (1, 2))

    assert first != second
    assert sum(first.arrivals) > 0


def test_scrapes_that_will_fail_cannot_be_foreknown() -> None:
    settings = ReplaySettings(faults=(MetricOutage(start_s=15.0, end_s=25.0),))

    with pytest.raises(UsageError, match="cannot be known before: the episode has an outage of metrics"):
        foreknow(HASTY, TRACE, seed=1, settings=settings)
