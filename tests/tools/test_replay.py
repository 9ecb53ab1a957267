"""An episode of a policy: what it is told, when it decides, and how it is judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

import pytest

from baselines.fixed import Fixed
from baselines.policy import Situation, create
from core.configuration import Configuration
from core.errors import UsageError
from simulator.faults import MetricOutage, ReplicaCrash
from simulator.options import TwinOptions
from simulator.twin import Twin
from tests.core.toys import configuration, pipeline, stage
from tools.cadence import horizon_s
from tools.observe import arrived, observed
from tools.replay import Episode, ReplaySettings, replay
from tools.waits import batch_waits_s

SPEC = pipeline(stage("first"))
"""Its slowest variant takes 20 s to load, so with decisions every 10 s the horizon is 30 s."""
STEADY = (12.0,) * 90
PEAK_LATER = (12.0,) * 60 + (80.0,) * 30


def small(replicas: int) -> Configuration:
    return configuration(("first", "small", 1, replicas))


@dataclass
class Scripted:
    """Decides what it was given, one after the other, and keeps what it was told."""

    foresight: ClassVar[bool] = False
    script: list[Configuration]
    told: list[Situation] = field(default_factory=list)

    def decide(self, situation: Situation) -> Configuration:
        self.told.append(situation)
        return self.script[min(len(self.told), len(self.script)) - 1]


def upper_rps(episode: Episode) -> list[float]:
    return [step.forecast.upper_rps for step in episode.steps]


def test_a_decision_falls_every_interval_and_each_is_reported() -> None:
    seen: list[float] = []

    episode = replay(
        SPEC, Fixed(small(3)), STEADY[:35], seed=1, progress=lambda step: seen.append(step.time_s)
    )

    assert [step.time_s for step in episode.steps] == seen == [0.0, 10.0, 20.0, 30.0]


def test_a_trace_shorter_than_the_interval_has_one_decision() -> None:
    assert len(replay(SPEC, Fixed(small(3)), STEADY[:3], seed=1).steps) == 1


def test_the_horizon_is_the_interval_and_the_slowest_cold_start() -> None:
    assert horizon_s(SPEC, 10) == 30.0
    assert horizon_s(SPEC, 2.5) == 23.0


def test_foresight_is_the_true_maximum_of_the_horizon() -> None:
    trace = [float(k % 37) for k in range(90)]

    episode = replay(SPEC, create("oracle"), trace, seed=1)

    assert upper_rps(episode) == [max(trace[:10])] + [max(trace[t : t + 30]) for t in range(10, 90, 10)]


def test_whoever_has_no_foresight_cannot_tell_traces_apart_before_they_part() -> None:
    """The traces part at 60 s: so must the decisions of the oracle before, and of nobody else."""

    def before_they_part(policy: str) -> tuple[object, object]:
        settings = ReplaySettings(options=TwinOptions(arrivals="exact"))  # the same until they part
        calm, peaked = (
            replay(SPEC, create(policy), trace, seed=3, settings=settings) for trace in (STEADY, PEAK_LATER)
        )
        return calm.steps[:6], peaked.steps[:6]

    calm, peaked = before_they_part("ilp")
    assert calm == peaked
    calm, peaked = before_they_part("oracle")
    assert calm != peaked


def test_an_observation_is_what_the_scrapes_show_and_nothing_more() -> None:
    """The same episode by hand, looking at nothing but scrapes, gives the very same observations."""
    script = [small(2), small(4), configuration(("first", "large", 4, 3)), small(1)]
    policy = Scripted(list(script))
    episode = replay(SPEC, policy, STEADY[:50], seed=5)

    waits = batch_waits_s(SPEC, script[0], 12.0)
    twin = Twin(SPEC, script[0], STEADY[:50], seed=5, batch_wait_s=waits)
    running, scrapes = script[0], [twin.scrape()]
    for step, told in zip(episode.steps[1:], policy.told[1:], strict=True):
        for _ in range(10):
            twin.step(twin.now_s + 1.0)
            scrapes.append(twin.scrape())
        loads = [arrived(a, b) for a, b in pairwise(scrapes)]
        assert told.observation == step.observation == observed(SPEC, scrapes[0], scrapes[-1], loads)
        assert told.running == running
        running, scrapes = step.configuration, scrapes[-1:]
        twin.apply(running, batch_waits_s(SPEC, running, step.forecast.upper_rps))
    twin.drain()
    assert twin.report() == episode.report


def test_static_policies_are_sized_for_the_peak_of_the_trace() -> None:
    policy = Scripted([small(2)])

    replay(SPEC, policy, PEAK_LATER, seed=1)

    assert {told.planned_rps for told in policy.told} == {80.0}


def test_the_forecast_rests_on_the_scrapes() -> None:
    episode = replay(SPEC, create("ilp"), PEAK_LATER, seed=1)

    assert upper_rps(episode)[3] < 40 < upper_rps(episode)[-1]


def test_without_metrics_what_runs_is_held_and_the_policy_is_not_asked() -> None:
    policy = Scripted([small(2), small(3), small(4), small(5)])
    outage = MetricOutage(start_s=15.0, end_s=25.0)

    episode = replay(SPEC, policy, STEADY[:50], seed=1, settings=ReplaySettings(faults=(outage,)))

    assert [step.observation is None for step in episode.steps] == [True, False, True, True, False]
    assert [step.configuration for step in episode.steps] == [
        small(2),
        small(3),
        small(3),
        small(3),
        small(4),
    ]
    assert len(policy.told) == 3


def test_seconds_without_a_scrape_are_unknown_and_not_idle() -> None:
    policy = Scripted([small(2)])
    outage = MetricOutage(start_s=13.0, end_s=16.0)

    replay(SPEC, policy, STEADY[:30], seed=1, settings=ReplaySettings(faults=(outage,)))

    observation = policy.told[2].observation
    assert observation is not None
    missing = [second for second, load in enumerate(observation.loads_rps, start=10) if load is None]
    assert missing == [12, 13, 14, 15]


def test_the_first_decision_is_ready_and_warm_for_everybody() -> None:
    report = replay(SPEC, Fixed(small(3)), STEADY, seed=1).report

    assert (report.replica_starts, report.switches) == (0, 0)
    assert report.core_seconds == pytest.approx(3 * report.seconds)


def test_faults_reach_the_twin() -> None:
    crash = ReplicaCrash(stage="first", start_s=30.0, replicas=3)

    report = replay(SPEC, Fixed(small(3)), STEADY, seed=1, settings=ReplaySettings(faults=(crash,))).report

    assert report.replica_starts == 3
    assert report.dropped > 0


def test_a_fault_at_an_unknown_stage_is_refused() -> None:
    crash = ReplicaCrash(stage="second", start_s=30.0)

    with pytest.raises(UsageError, match="has no stage 'second', only first"):
        replay(SPEC, Fixed(small(3)), STEADY, seed=1, settings=ReplaySettings(faults=(crash,)))


def test_the_score_is_the_pipelines_own_objective_on_measured_figures() -> None:
    episode = replay(SPEC, Fixed(small(3)), STEADY, seed=1)

    report = episode.report
    assert report.effective_accuracy == pytest.approx(0.6, abs=0.01)
    assert episode.score == pytest.approx(10 * (report.effective_accuracy or 0) - 1 * 3.0)


def test_where_nobody_came_there_is_no_score() -> None:
    episode = replay(SPEC, Fixed(small(1)), (0.0,) * 30, seed=1)

    assert (episode.report.requests, episode.score) == (0, None)


@pytest.mark.parametrize("policy", ["ilp", "oracle", "static-small"])
def test_the_same_seed_gives_the_same_episode(policy: str) -> None:
    first = replay(SPEC, create(policy), PEAK_LATER, seed=7)

    assert replay(SPEC, create(policy), PEAK_LATER, seed=7) == first
    assert replay(SPEC, create(policy), PEAK_LATER, seed=8).report != first.report


def test_every_request_of_the_trace_is_accounted_for_at_the_end() -> None:
    report = replay(SPEC, create("ilp"), PEAK_LATER, seed=2).report

    assert report.in_flight == 0
    assert report.completed + report.dropped == report.requests


def test_a_partial_batch_waits_for_as_long_as_it_takes_to_fill_and_never_past_the_slo() -> None:
    spec = pipeline(stage("first"), slo_s=2.0)
    in_fours = configuration(("first", "small", 4, 3))

    assert batch_waits_s(spec, in_fours, 12.0) == {"first": 3 / 12}
    assert batch_waits_s(spec, in_fours, 0.1) == {"first": 2.0}
    assert batch_waits_s(spec, in_fours, 0.0) == {"first": 2.0}
    assert batch_waits_s(spec, small(3), 12.0) == {"first": 0.0}
