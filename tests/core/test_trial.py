"""A change on trial fails on what was measured after it, never on what was not, and hardly ever by chance.

The toy: one stage; small loads in 5 s, large in 20 s; the SLO is 1 s for 99 %, observed every 10 s. So the
band is 97 %, three intervals confirm, and the interval that begins with readiness is not counted.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.assessment import FALSE_ALARM
from core.configuration import Configuration
from core.observation import Observation, StageObservation
from core.problem import Problem
from core.trial import OVERLOAD, Failed, Kept, Trial, begin, judge
from tests.core.toys import configuration, pipeline, stage

BEFORE = configuration(("first", "small", 1, 2))
AFTER = configuration(("first", "small", 1, 4))
LARGER = configuration(("first", "large", 1, 4))
PROBLEM = Problem.of(pipeline(stage("first")), 20.0)
STEP_S = 10.0


def begun(after: Configuration = AFTER, baseline: float | None = 1.0, time_s: float = 100.0) -> Trial:
    return begin(
        "d-1",
        PROBLEM,
        before=BEFORE,
        before_rps=10.0,
        after=after,
        time_s=time_s,
        interval_s=STEP_S,
        baseline_in_time=baseline,
    )


def seen(
    time_s: float,
    *,
    ready: int | None = 4,
    in_time: float | None = 1.0,
    judged: int = 200,
    load_rps: float | None = 20.0,
) -> Observation:
    return Observation(
        time_s=time_s,
        interval_s=STEP_S,
        loads_rps=(load_rps,) * 10,
        latency_s=None,
        in_time=in_time,
        judged=0 if in_time is None else judged,
        dropped_rps=0.0,
        accuracy=None,
        stages=(StageObservation(stage="first", arrivals_rps=None, queue=None, ready=ready),),
    )


def after_intervals(trial: Trial, *observations: Observation) -> Trial | Kept | Failed:
    """Judge one interval after the other, as long as the trial goes on."""
    state: Trial | Kept | Failed = trial
    for observation in observations:
        if not isinstance(state, Trial):
            break
        state = judge(state, observation, time_s=observation.time_s, blind=False)
    return state


def ready_at_110(trial: Trial) -> Trial:
    state = after_intervals(trial, seen(110), seen(120))
    assert isinstance(state, Trial)
    return state


def test_the_band_is_the_quantile_less_its_tolerance_and_the_predicted_cores() -> None:
    trial = begun()

    assert trial.band.in_time == pytest.approx(0.97)
    assert trial.band.cores == 4
    assert (trial.load_rps, trial.before_rps, trial.confirm_s) == (20.0, 10.0, 30.0)


@pytest.mark.parametrize(
    ("after", "ready_by_s"),
    [
        pytest.param(AFTER, 100 + 3 * 5 + 10, id="two more small ones"),
        pytest.param(LARGER, 100 + 3 * 20 + 10, id="large ones"),
        pytest.param(configuration(("first", "small", 1, 1)), 110, id="nothing starts"),
    ],
)
def test_the_deadline_leaves_thrice_the_load_time_of_what_starts(
    after: Configuration, ready_by_s: float
) -> None:
    assert begun(after).ready_by_s == pytest.approx(ready_by_s)


def test_what_is_not_ready_yet_goes_on_until_the_deadline() -> None:
    assert after_intervals(begun(), seen(110, ready=2), seen(120, ready=3), seen(125, ready=3)) == begun()


def test_a_shortfall_after_the_deadline_names_stage_and_count() -> None:
    state = after_intervals(begun(), seen(120, ready=3), seen(130, ready=3))

    assert isinstance(state, Failed)
    assert state.fault == "unschedulable"
    assert state.evidence == "unschedulable: 3 of 4 replicas of first (small) are ready after 30 s"
    assert [(s.stage, s.variant, s.ready, s.wanted) for s in state.short] == [("first", "small", 3, 4)]


def test_a_count_that_is_unknown_fails_nothing_however_late() -> None:
    assert after_intervals(begun(), seen(130, ready=None), seen(1000, ready=None)) == begun()


def test_a_shortfall_seen_after_a_blind_deadline_fails_and_readiness_does_not() -> None:
    short = after_intervals(begun(), seen(130, ready=None), seen(140, ready=3))
    ready = after_intervals(begun(), seen(130, ready=None), seen(140, ready=4))

    assert isinstance(short, Failed)
    assert isinstance(ready, Trial)
    assert ready.ready_s == 140


@pytest.mark.parametrize("ready", [1, 4])
@given(times=st.lists(st.floats(0, 1e4), max_size=8))
def test_blind_intervals_change_nothing(ready: int, times: list[float]) -> None:
    state: Trial | Kept | Failed = begun()

    for time_s in times:
        assert isinstance(state, Trial)
        state = judge(state, seen(time_s, ready=ready, in_time=0.0), time_s=time_s, blind=True)
        assert isinstance(state, Trial)
        state = judge(state, None, time_s=time_s, blind=False)

    assert state == begun()


def test_requests_that_may_have_come_before_readiness_do_not_count() -> None:
    state = after_intervals(begun(), seen(110, in_time=0.0), seen(120, in_time=0.0))

    assert isinstance(state, Trial)
    assert (state.ready_s, state.judged, state.seen_s) == (110, 0, 0)


def test_a_change_as_good_as_predicted_is_kept_when_its_window_is_over() -> None:
    trial = ready_at_110(begun())

    almost = after_intervals(trial, seen(130), seen(140))
    state = after_intervals(trial, seen(130), seen(140), seen(150))

    assert isinstance(almost, Trial)
    assert isinstance(state, Kept)
    assert (state.trial.judged, state.trial.kept, state.trial.seen_s) == (600, 600, 30)


def test_a_change_that_serves_late_fails_at_once_with_the_figures() -> None:
    state = after_intervals(ready_at_110(begun()), seen(130, in_time=0.8))

    assert isinstance(state, Failed)
    assert state.fault == "late"
    assert state.evidence == (
        "80.0% of 200 requests in time; at least 97.0% were expected, before it was 100.0%"
    )


def test_a_few_late_requests_are_chance() -> None:
    trial = ready_at_110(begun())

    few = after_intervals(trial, seen(130, in_time=0.8, judged=10), seen(140), seen(150))

    assert isinstance(few, Kept)


def test_lateness_below_the_band_adds_up_over_intervals() -> None:
    late = [seen(t, in_time=0.93) for t in (130, 140, 150)]

    assert isinstance(after_intervals(ready_at_110(begun()), late[0]), Trial)
    assert isinstance(after_intervals(ready_at_110(begun()), *late), Failed)


@pytest.mark.parametrize(
    ("baseline", "outcome"),
    [
        pytest.param(0.5, Kept, id="better than before"),
        pytest.param(0.8, Kept, id="as before"),
        pytest.param(0.0, Kept, id="nothing was in time before"),
        pytest.param(0.99, Failed, id="worse than before"),
        pytest.param(None, Failed, id="before is unknown"),
    ],
)
def test_lateness_fails_a_change_only_where_it_is_worse_than_the_snapshot(
    baseline: float | None, outcome: type
) -> None:
    late = [seen(t, in_time=0.8) for t in (130, 140, 150)]

    assert isinstance(after_intervals(ready_at_110(begun(baseline=baseline)), *late), outcome)


def test_lateness_under_a_load_that_nobody_decided_for_is_not_the_changes_fault() -> None:
    above, below = 20.0 * OVERLOAD * 1.01, 20.0 * OVERLOAD * 0.99
    trial = ready_at_110(begun())

    over = after_intervals(trial, *(seen(t, in_time=0.2, load_rps=above) for t in (130, 140, 150)))
    within = after_intervals(trial, seen(130, in_time=0.2, load_rps=below))

    assert isinstance(over, Kept)
    assert over.trial.judged == 0
    assert isinstance(within, Failed)


def test_the_queue_that_an_overload_left_is_not_counted_either() -> None:
    trial = ready_at_110(begun())

    state = after_intervals(trial, seen(130, load_rps=30.0), seen(140, in_time=0.2))

    assert isinstance(state, Trial)
    assert state.judged == 0


@pytest.mark.parametrize(
    ("load_rps", "passed_s"),
    [pytest.param(0.0, 10, id="idle"), pytest.param(20.0, 0, id="lost"), pytest.param(None, 0, id="unknown")],
)
def test_only_measured_time_passes_the_window(load_rps: float | None, passed_s: float) -> None:
    state = after_intervals(ready_at_110(begun()), seen(130, in_time=None, load_rps=load_rps))

    assert isinstance(state, Trial)
    assert state.seen_s == passed_s


def test_more_cores_than_predicted_when_the_window_ends_fail_the_change() -> None:
    trial = ready_at_110(begun(LARGER))

    state = after_intervals(trial, seen(130), seen(140), seen(150, ready=5))

    assert isinstance(state, Failed)
    assert state.fault == "costly"
    assert state.evidence == "10 cores are in use, 8 were expected"


@pytest.mark.parametrize(("in_time", "outcome"), [(0.915, Trial), (0.91, Failed)])
def test_three_looks_at_a_count_take_thrice_the_evidence(in_time: float, outcome: type) -> None:
    """Of 200 in the band of 97 %, 91.5 % has a chance of 9e-4 by Chernoff, 91 % one of 3e-4."""
    state = after_intervals(ready_at_110(begun()), seen(130, in_time=in_time))

    assert isinstance(state, outcome)


def test_more_replicas_than_asked_for_are_ready_too() -> None:
    state = after_intervals(begun(), seen(110, ready=6))

    assert isinstance(state, Trial)
    assert state.ready_s == 110


def test_a_stage_that_stays_as_it_is_does_not_put_off_the_deadline() -> None:
    two = Problem.of(pipeline(stage("first"), stage("second")), 5.0)
    before = configuration(("first", "small", 1, 1), ("second", "large", 1, 2))

    trial = begin(
        "d-1",
        two,
        before=before,
        before_rps=5.0,
        after=configuration(("first", "small", 1, 2), ("second", "large", 1, 2)),
        time_s=0.0,
        interval_s=STEP_S,
        baseline_in_time=None,
    )

    assert trial.ready_by_s == pytest.approx(3 * 5 + 10)


def test_surplus_replicas_that_go_in_the_window_are_forgiven() -> None:
    assert isinstance(
        after_intervals(ready_at_110(begun()), seen(130, ready=6), seen(140), seen(150, ready=None)), Kept
    )


@pytest.mark.parametrize(
    ("share", "most", "least"),
    [pytest.param(0.97, 0.004, 0.0, id="just in the band"), pytest.param(0.9, 1.0, 0.99, id="well below")],
)
def test_how_often_a_change_fails_is_as_stated(share: float, most: float, least: float) -> None:
    rng, trials = np.random.default_rng(1), 1000
    start = ready_at_110(begun())

    failed = 0
    for _ in range(trials):
        served = rng.binomial(200, share, size=3) / 200
        state = after_intervals(start, *(seen(130 + 10 * k, in_time=float(s)) for k, s in enumerate(served)))
        failed += isinstance(state, Failed)

    assert FALSE_ALARM <= 0.001
    assert least <= failed / trials <= most


@settings(max_examples=50)
@given(
    shares=st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=12),
    ready=st.lists(st.one_of(st.none(), st.integers(0, 6)), min_size=12, max_size=12),
)
def test_whatever_is_measured_a_trial_is_judged_the_same_after_a_restart(
    shares: list[float | None], ready: list[int | None]
) -> None:
    intervals = [seen(110 + 10 * k, in_time=s, ready=ready[k]) for k, s in enumerate(shares)]

    state: Trial | Kept | Failed = begun()
    for observation in intervals:
        if isinstance(state, Trial):
            restored = Trial.model_validate_json(state.model_dump_json())
            state = judge(restored, observation, time_s=observation.time_s, blind=False)

    assert state == after_intervals(begun(), *intervals)
