"""A shortfall says whether the variant serves: too few of what works is not the same as what never starts."""

from __future__ import annotations

import pytest

from core.observation import Observation, ServiceObservation, StageObservation
from core.problem import Problem
from core.trial import Failed, begin, judge
from tests.core.toys import configuration, pipeline, stage


@pytest.mark.parametrize(
    ("served", "serving"),
    [
        pytest.param({"large": 3}, True, id="it"),
        pytest.param({"small": 3}, False, id="the old one"),
        pytest.param({"small": 3, "large": 1}, True, id="both"),
        pytest.param({"large": 0}, False, id="neither did"),
        pytest.param({}, False, id="nobody knows"),
    ],
)
def test_a_variant_serves_if_it_was_seen_to(served: dict[str, int], *, serving: bool) -> None:
    trial = begin(
        "d-1",
        Problem.of(pipeline(stage("first")), 10.0),
        before=configuration(("first", "small", 1, 2)),
        before_rps=5.0,
        after=configuration(("first", "large", 1, 4)),
        time_s=0.0,
        interval_s=10.0,
        baseline_in_time=1.0,
    )

    state = judge(trial, seen(served), time_s=trial.ready_by_s + 10, blind=False)

    assert isinstance(state, Failed)
    (short,) = state.short
    assert (short.variant, short.ready, short.wanted, short.serving) == ("large", 2, 4, serving)


def seen(served: dict[str, int]) -> Observation:
    services = tuple(ServiceObservation(variant=v, batch=1, batches=n, mean_s=0.1) for v, n in served.items())
    return Observation(
        time_s=100.0,
        interval_s=10.0,
        loads_rps=(10.0,),
        latency_s=None,
        in_time=None,
        dropped_rps=None,
        accuracy=None,
        stages=(StageObservation(stage="first", arrivals_rps=10.0, queue=0, ready=2, services=services),),
    )
