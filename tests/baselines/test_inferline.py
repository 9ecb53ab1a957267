"""InferLine's tuner against loads worked out by hand.

The tuner's pipeline has one variant that serves 10 a second one by one (0.1 s), so mu is 10.
"""

from __future__ import annotations

import pytest

from baselines._planner import Plan
from baselines.inferline import InferLine, expected_peak_rps, window_rates_rps, windows_s
from baselines.policy import create
from core.configuration import Configuration
from core.observation import Observation
from core.pipeline import Pipeline
from tests.baselines.inferline import ALONE, ONE, situation
from tests.core.toys import SMALL, configuration, pipeline, stage, variant


def test_the_windows_double_from_the_service_time() -> None:
    assert list(windows_s(0.3, 600)) == [1, 2, 4, 8, 16, 32]
    assert list(windows_s(2.5, 600)) == [3, 6, 12, 24, 48]
    assert list(windows_s(0.3, 5)) == [1, 2, 4]


def test_the_rates_of_windows() -> None:
    assert window_rates_rps([1, 2, 6, 4], 2) == [1.5, 4.0, 5.0]
    assert window_rates_rps([1, 2], 3) == []


def test_a_poisson_stream_exceeds_what_is_expected_of_it_once_in_a_hundred() -> None:
    """At 100 rps a second has up to 100 + 2.326 * 10 requests, 25 seconds 100 + 2.326 * 2 a second."""
    assert expected_peak_rps(100.0, 1.0) == pytest.approx(123.26, abs=0.01)
    assert expected_peak_rps(100.0, 25.0) == pytest.approx(104.65, abs=0.01)


class Loop:
    """InferLine with a plan of five replicas for 25 rps: rho is one half, and a replica is good for 5 rps."""

    def __init__(self, spec: Pipeline = ONE) -> None:
        self.spec = spec
        self.policy = InferLine()
        self.policy.plan = Plan(configuration(("first", "only", 1, 5)), {"first": 0.5})
        self.running = self.policy.decide(situation(spec))
        self.now_s = 0.0

    def run(self, *loads_rps: float | None) -> int:
        """Let ten seconds pass with these loads (one: the same every second) and return the replicas."""
        self.now_s += 10.0
        observation = Observation(
            time_s=self.now_s,
            interval_s=10.0,
            loads_rps=loads_rps if len(loads_rps) > 1 else loads_rps * 10,
            latency_s=None,
            in_time=None,
            dropped_rps=None,
            accuracy=None,
        )
        self.running = self.policy.decide(situation(self.spec, observation=observation, running=self.running))
        return self.running["first"].replicas


def test_what_was_planned_for_changes_nothing() -> None:
    loop = Loop()

    assert [loop.run(25.0) for _ in range(10)] == [5] * 10


def test_a_window_above_its_expectation_scales_out() -> None:
    """A second may have 25 + 2.326 * 5 = 36.6 requests. 37 need ceil(37 / (10 * 0.5)) = 8."""
    burst = [*[20.0] * 9, 37.0]

    assert Loop().run(*[*[20.0] * 9, 36.0]) == 5
    assert Loop().run(*burst) == 8


def test_a_long_window_sees_what_short_ones_do_not() -> None:
    """30 rps is within what four seconds may have, 25 + 2.326 * 2.5 = 30.8, but not eight: 29.1."""
    assert Loop().run(*[*[20.0] * 7, 30.0, 30.0, 30.0]) == 5
    assert Loop().run(30.0) == 6


def test_a_missing_sample_is_not_a_pause() -> None:
    assert Loop().run(*[None] * 9, 37.0) == 8
    assert Loop().run(None) == 5


def test_scaling_in_needs_half_a_minute_of_calm() -> None:
    """After 30 s at 9 rps: ceil(9 / 5) = 2."""
    loop = Loop()

    assert [loop.run(9.0) for _ in range(4)] == [5, 5, 2, 2]


def test_scaling_in_goes_by_the_busiest_five_seconds() -> None:
    """15 rps for five seconds take three, whatever the mean of the half minute is."""
    loop = Loop()
    loop.run(9.0)
    loop.run(*[9.0] * 5, *[15.0] * 5)

    assert loop.run(9.0) == 3


def test_a_change_is_left_alone_for_15_s() -> None:
    """A second with 12 takes three; the five seconds around it, at 5.6 rps, two; 30 s later it is past."""
    loop = Loop()
    assert [loop.run(4.0) for _ in range(3)] == [5, 5, 1]

    assert loop.run(*[4.0] * 9, 12.0) == 3
    assert [loop.run(4.0) for _ in range(4)] == [3, 2, 2, 1]


def test_what_came_before_a_scale_in_does_not_undo_it() -> None:
    """After 30 s at 25 rps the load falls to 4 rps; when that is 30 s old, the minute still holds 25 rps."""
    loop = Loop()
    for _ in range(3):
        loop.run(25.0)

    assert [loop.run(4.0) for _ in range(6)] == [5, 5, 1, 1, 1, 1]


def followed(load_rps: float, running: Configuration) -> Configuration:
    """Return what runs after half a minute. rho is 0.5 and 0.8, mu 10; the second stage gets two for one."""
    fanned = variant("only", 0.6, 1, (1, 0.1), fanOut=2.0)
    spec = pipeline(stage("first", fanned), stage("second", ALONE))
    policy = InferLine()
    policy.plan = Plan(running, {"first": 0.5, "second": 0.8})
    for now_s in (10.0, 20.0, 30.0):
        seen = Observation(
            time_s=now_s,
            interval_s=10,
            loads_rps=(load_rps,) * 10,
            latency_s=None,
            in_time=None,
            dropped_rps=None,
            accuracy=None,
        )
        running = policy.decide(situation(spec, observation=seen, running=running))
    return running


def two(first: int, second: int) -> Configuration:
    return configuration(("first", "only", 1, first), ("second", "only", 1, second))


def test_each_stage_is_scaled_out_by_its_share_and_its_own_utilisation() -> None:
    """20 rps take 20 / 5 and 40 / 8; what a stage has beyond that it keeps."""
    assert followed(20.0, two(2, 3)) == two(4, 5)
    assert followed(20.0, two(2, 7)) == two(4, 7)


def test_scaling_in_leaves_every_stage_the_room_of_the_one_with_most() -> None:
    """8 rps take 8 / 5 and 16 / 5, the least rho being 0.5; a stage that has fewer gets none."""
    assert followed(8.0, two(4, 6)) == two(2, 4)
    assert followed(8.0, two(4, 3)) == two(2, 3)


def test_scaling_out_ends_at_the_limits() -> None:
    assert Loop().run(200.0) == 10
    assert Loop(pipeline(stage("first", ALONE), limits={"maxCores": 7})).run(200.0) == 7


def test_the_first_configuration_is_the_plan() -> None:
    spec = pipeline(stage("first", SMALL))

    assert create("inferline").decide(situation(spec, planned_rps=30.0, upper_rps=30.0)) == configuration(
        ("first", "small", 4, 2)
    )


def test_at_low_load_batches_are_as_large_as_can_fill() -> None:
    """At 2 rps four take 1.5 s to fill, beyond the SLO of one second."""
    spec = pipeline(stage("first", SMALL))

    assert create("inferline").decide(situation(spec, planned_rps=30.0, upper_rps=2.0)) == configuration(
        ("first", "small", 1, 2)
    )
