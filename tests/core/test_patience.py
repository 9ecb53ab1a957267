"""How long a request may wait decides which load counts: the highest second, or what comes on average."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.configuration import Configuration
from core.observation import Observation, StageObservation
from core.patience import averaged_rps, averaged_s, backlog_rps, is_patient
from core.pipeline import Pipeline
from tests.core.toys import SMALL, configuration, pipeline, stage

HASTY = pipeline(stage("first"), slo_s=2.99)
PATIENT = pipeline(stage("first"), slo_s=3.0)
CHAIN = pipeline(
    stage("find", SMALL | {"fanOut": 4.0}), stage("read", SMALL, after=[{"stage": "find"}]), slo_s=8.0
)
"""Each request brings one item to `find` and four to `read`."""
RUNNING = configuration(("find", "small", 1, 1), ("read", "small", 1, 1))

samples = st.lists(st.one_of(st.none(), st.floats(0, 1e6)), max_size=40)


def seen(*queues: tuple[str, float | None], rps: float = 0.0) -> Observation:
    """Return what waits at the end of an interval, of what came before it where nothing else is said."""
    return Observation(
        time_s=10.0,
        interval_s=10.0,
        loads_rps=(rps,) * 10,
        latency_s=None,
        in_time=None,
        dropped_rps=None,
        accuracy=None,
        stages=tuple(StageObservation(stage=s, arrivals_rps=4.0, queue=q, ready=1) for s, q in queues),
    )


def test_who_may_wait_for_three_seconds_is_patient() -> None:
    assert [is_patient(HASTY), is_patient(PATIENT)] == [False, True]
    assert [averaged_s(HASTY), averaged_s(PATIENT)] == [1, 10]


@pytest.mark.parametrize(
    ("given_rps", "seconds", "means"),
    [
        pytest.param([3.0, None, 9.0], 1, [3.0, None, 9.0], id="one second is itself"),
        pytest.param([3.0, 5.0, 10.0, 0.0], 2, [3.0, 4.0, 7.5, 5.0], id="the first are of fewer"),
        pytest.param([6.0, None, 2.0, None], 2, [6.0, 6.0, 2.0, 2.0], id="missing is left out, not zero"),
        pytest.param(
            [6.0, None, None, None, 3.0], 3, [6.0, 6.0, None, None, None], id="under half is nothing"
        ),
        pytest.param([6.0, None, None, 2.0], 4, [6.0, 6.0, None, 4.0], id="half is enough"),
        pytest.param([None, None, 4.0], 2, [None, None, 4.0], id="a beginning in the dark"),
        pytest.param([], 10, [], id="nothing"),
    ],
)
def test_a_mean_is_of_the_known_samples_up_to_each(
    given_rps: list[float | None], seconds: int, means: list[float | None]
) -> None:
    assert averaged_rps(given_rps, seconds) == means


@given(given_rps=samples, seconds=st.integers(1, 12))
def test_every_sample_has_a_mean_of_what_is_known_around_it(
    given_rps: list[float | None], seconds: int
) -> None:
    means = averaged_rps(given_rps, seconds)

    assert len(means) == len(given_rps)
    for at, mean in enumerate(means):
        window = [given_rps[k] for k in range(at, at - seconds, -1) if k >= 0]
        known = [rps for rps in window if rps is not None]
        assert (mean is None) == (len(known) < len(window) / 2)
        if mean is not None:
            assert mean == pytest.approx(math.fsum(known) / len(known))


@given(given_rps=samples, seconds=st.integers(1, 10), cut=st.integers(0, 40))
def test_a_series_may_come_in_pieces_if_the_last_samples_come_again(
    given_rps: list[float | None], seconds: int, cut: int
) -> None:
    before, after = given_rps[:cut], given_rps[cut:]
    kept = before[len(before) - min(len(before), seconds - 1) :]

    pieces = averaged_rps(before, seconds) + averaged_rps([*kept, *after], seconds)[len(kept) :]

    assert pieces == pytest.approx(averaged_rps(given_rps, seconds), nan_ok=True)


def test_what_waits_is_to_be_served_within_the_slo() -> None:
    """40 requests before `find` in 8 s are 5 rps."""
    assert backlog_rps(CHAIN, seen(("find", 40.0), ("read", 0.0)), RUNNING) == 5.0


def test_items_count_as_the_requests_they_belong_to_and_the_fullest_stage_decides() -> None:
    """240 items before `read` are 60 requests, more than the 40 before `find`."""
    assert backlog_rps(CHAIN, seen(("find", 40.0), ("read", 240.0)), RUNNING) == 7.5
    assert backlog_rps(CHAIN, seen(("find", 40.0), ("read", 80.0)), RUNNING) == 5.0


def test_what_a_busy_queue_holds_by_chance_is_no_backlog() -> None:
    """At 20 rps and an SLO of 8 s 40 may wait, a quarter of it: only what is above is to be worked off."""
    assert backlog_rps(CHAIN, seen(("find", 40.0), rps=20.0), RUNNING) == 0.0
    assert backlog_rps(CHAIN, seen(("find", 30.0), rps=20.0), RUNNING) == 0.0
    assert backlog_rps(CHAIN, seen(("find", 120.0), rps=20.0), RUNNING) == 10.0


def test_nothing_is_to_be_worked_off_sooner_than_capacity_can_be_ready() -> None:
    assert backlog_rps(PATIENT, seen(("first", 40.0)), configuration(("first", "small", 1, 1))) == 8.0


@pytest.mark.parametrize(
    ("spec", "observation", "running"),
    [
        pytest.param(
            HASTY, seen(("first", 40.0)), configuration(("first", "small", 1, 1)), id="nobody may wait"
        ),
        pytest.param(CHAIN, None, RUNNING, id="nothing was measured"),
        pytest.param(CHAIN, seen(("find", 40.0)), None, id="nothing runs"),
        pytest.param(CHAIN, seen(("find", None), ("read", None)), RUNNING, id="queues are unknown"),
        pytest.param(CHAIN, seen(), RUNNING, id="no stage was seen"),
        pytest.param(CHAIN, seen(("gone", 40.0)), RUNNING, id="a stage of another pipeline"),
    ],
)
def test_what_is_not_known_to_wait_is_no_load(
    spec: Pipeline, observation: Observation | None, running: Configuration | None
) -> None:
    assert backlog_rps(spec, observation, running) == 0.0
