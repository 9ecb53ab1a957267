"""Fresh, stale, missing, idle: what is unknown is never idle."""

from __future__ import annotations

from simulator.faults import MetricOutage
from tests.tools.assess.lives import PIPELINE, labelled, moment, observation, served, turns
from tools.assess import Assessor, Moment


def states(assessor: Assessor, seen: Moment) -> dict[str, str]:
    return {s.name: s.state for s in assessor.assess(seen).signals}


def test_what_was_never_measured_is_missing() -> None:
    assert set(states(Assessor(PIPELINE), moment(None)).values()) == {"missing"}


def test_what_was_measured_is_fresh() -> None:
    seen = observation(services=(served(5, 0.1),), accuracy=1.0, labelled=2, labelled_by=labelled(2, 2))

    found = states(Assessor(PIPELINE), moment(seen))

    assert found.pop("service[second]") == "missing"
    assert set(found.values()) == {"fresh"}


def test_counters_that_did_not_move_are_idle_and_replicas_are_still_fresh() -> None:
    quiet = observation(
        loads_rps=(0.0,) * 10, latency_s=None, in_time=None, judged=0, labelled_by=(), stages=()
    ).model_copy(
        update={
            "stages": tuple(
                s.model_copy(update={"arrivals_rps": 0.0, "queue": 0.0}) for s in observation().stages
            )
        }
    )

    found = states(Assessor(PIPELINE), moment(quiet))

    assert {name for name, state in found.items() if state != "idle"} == {"ready[first]", "ready[second]"}
    assert found["ready[first]"] == "fresh"


def test_a_zero_with_gaps_is_not_idle() -> None:
    assert states(Assessor(PIPELINE), moment(observation(loads_rps=(0.0, None))))["load"] == "fresh"


def test_a_busy_stage_without_service_times_is_not_idle() -> None:
    assert states(Assessor(PIPELINE), moment(observation()))["service[first]"] == "missing"


def test_an_outage_makes_stale_and_blind_and_says_for_how_long() -> None:
    assessor = Assessor(PIPELINE)
    outage = MetricOutage(start_s=95.0, end_s=135.0)

    seen = {m.time_s: assessor.assess(m) for m in turns(outage, seconds=160)}

    assert [t for t, a in seen.items() if a.blind] == [100.0, 110.0, 120.0, 130.0, 140.0]
    load = next(s for s in seen[120.0].signals if s.name == "load")
    assert (load.state, load.age_s) == ("stale", 30.0)


def test_a_load_whose_last_seconds_are_unknown_has_their_age() -> None:
    (load, *_) = Assessor(PIPELINE).assess(moment(observation(loads_rps=(1.0, 2.0, None, None)))).signals

    assert (load.name, load.state, load.age_s) == ("load", "fresh", 2.0)
