"""What the reading tools say of a situation, and which causes their results are evidence for."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from core.assessment import Assessment, FindingKind
from core.belief import AccuracyFactor, Belief
from core.decision import Certificate, certify
from core.observation import Observation, ServiceObservation
from core.problem import VariantName
from core.proposal import CAUSES
from core.solution import Optimum
from core.solve import solve
from core.verify import verify
from tests.core.toys import configuration
from tests.tools.toolkit.moments import (
    FORECAST,
    MEASURED,
    OBSERVATION,
    RUNNING,
    answer,
    asked,
    barred,
    decided,
    finding,
    launch,
    moment,
    refusal,
    slower,
    trial,
    unsure,
)
from tools.toolkit import names
from tools.toolkit._shapes import MOST_FINDINGS, harmless
from tools.toolkit.read_metrics import MOST_BELIEFS, MOST_SERVICES, MOST_SIGNALS


def test_the_metrics_are_what_was_measured() -> None:
    found = answer("read_metrics", moment())

    assert found["load"] == {"mean_rps": 9.5, "max_rps": 11, "last_rps": 10, "missing_s": 1}
    assert (found["latency_s"], found["slo_s"]) == (0.42, 1)
    assert (found["in_time"], found["in_time_wanted"], found["judged"]) == (0.987, 0.99, 380)
    assert found["stages"][0] == {
        "stage": "find",
        "arrivals_rps": 9.5,
        "queue": 3,
        "ready": 3,
        "wanted": 4,
        "services": [{"variant": "large", "batch": 1, "batches": 95, "mean_s": 0.26}],
    }


def test_what_is_unknown_is_null_and_not_left_out_or_zero() -> None:
    found = answer("read_metrics", moment())

    assert found["accuracy"] is None
    assert found["stages"][1]["ready"] is None


def test_without_an_observation_every_measurement_is_null() -> None:
    found = answer("read_metrics", moment(observation=None))

    assert [found[k] for k in ("load", "latency_s", "in_time", "dropped_rps", "accuracy")] == [None] * 5
    assert "stages" not in found


def test_an_interval_of_missing_scrapes_has_no_load() -> None:
    silent = OBSERVATION.model_copy(update={"loads_rps": (None, None)})

    assert answer("read_metrics", moment(observation=silent))["load"] is None


def test_the_metrics_carry_the_beliefs_with_their_intervals() -> None:
    found = answer("read_metrics", moment(belief=slower()))

    assert found["beliefs"] == [
        {
            "what": "latency factor",
            "stage": "find",
            "variant": "large",
            "value": 1.31,
            "low": 1.2,
            "high": 1.4,
            "since_s": 40,
        },
        {
            "what": "replicas that can be had",
            "stage": "find",
            "value": 5,
            "low": 1.2,
            "high": 1.4,
            "since_s": 40,
        },
    ]


def test_the_metrics_name_the_signals_that_cannot_be_trusted() -> None:
    signals = (unsure("load", "fresh"), unsure("accuracy", "missing"), unsure("queue[find]", "stale"))

    found = answer("read_metrics", moment(assessment=Assessment(signals=signals)))

    assert found["not_fresh"] == ["accuracy missing", "queue[find] stale"]


def test_of_many_services_the_busiest_are_shown() -> None:
    services = tuple(
        ServiceObservation(variant="large", batch=k, batches=k, mean_s=0.2)
        for k in range(1, MOST_SERVICES + 4)
    )
    stage = OBSERVATION.stages[0].model_copy(update={"services": services})
    seen = OBSERVATION.model_copy(update={"stages": (stage,)})

    shown = answer("read_metrics", moment(observation=seen))["stages"][0]["services"]

    assert [s["batches"] for s in shown] == [9, 8, 7, 6, 5, 4]


def test_lists_in_a_result_have_an_end() -> None:
    belief = Belief(latency=slower().latency * (MOST_BELIEFS + 5))
    assessment = Assessment(
        findings=(finding("slo breach"),) * (MOST_FINDINGS + 5),
        signals=(unsure("load", "stale"),) * (MOST_SIGNALS + 5),
        belief=belief,
    )

    found = answer("read_metrics", moment(belief=belief, assessment=assessment))

    assert len(found["findings"]) == MOST_FINDINGS
    assert len(found["beliefs"]) == MOST_BELIEFS
    assert len(found["not_fresh"]) == MOST_SIGNALS


def test_the_metrics_of_one_stage_leave_the_others_out() -> None:
    at_read = finding("latency drift", "read")
    accuracy = AccuracyFactor(stage="find", variant="large", factor=0.9, evidence=MEASURED)
    belief = slower().model_copy(update={"accuracy": (accuracy,)})
    situation = moment(12.0, at_read, finding("slo breach"), finding("accuracy drift", "find"), belief=belief)

    done = asked("read_metrics", situation, stage="read")
    found = answer("read_metrics", situation, stage="read")

    assert [s["stage"] for s in found["stages"]] == ["read"]
    assert [f["kind"] for f in found["findings"]] == ["latency drift", "slo breach"]
    assert done.shows == ("latency drift", "slo breach")
    assert "beliefs" not in found


def test_a_stage_that_there_is_not_is_answered_with_those_that_there_are() -> None:
    assert "no stage 'fnid', only find, read" in refusal("read_metrics", moment(), stage="fnid")


@pytest.mark.parametrize("kind", get_args(FindingKind))
def test_the_metrics_show_every_kind_of_finding_they_list_and_no_other(kind: FindingKind) -> None:
    done = asked("read_metrics", moment(12.0, finding(kind)))

    assert done.shows == (kind,)
    assert kind in done.result


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        pytest.param("forecast_load", {"forecast bias", "load surge"}, id="forecast_load"),
        pytest.param("cluster_status", {"capacity loss"}, id="cluster_status"),
        pytest.param("decision_history", {"flapping"}, id="decision_history"),
        pytest.param("solve", set(), id="solve"),
        pytest.param("verify_configuration", set(), id="verify_configuration"),
        pytest.param("frontier", set(), id="frontier"),
        pytest.param("upcoming_events", set(), id="upcoming_events"),
    ],
)
def test_a_tool_shows_of_all_findings_those_that_its_result_lists(name: str, kinds: set[str]) -> None:
    situation = moment(12.0, *(finding(kind, statement=f"it is {kind}") for kind in get_args(FindingKind)))

    done = asked(name, situation)

    assert set(done.shows) == kinds
    assert {kind for kind in get_args(FindingKind) if f"it is {kind}" in done.result} == kinds


@pytest.mark.parametrize("name", names())
def test_nothing_found_is_evidence_for_nothing(name: str) -> None:
    assert asked(name, moment()).shows == ()


def test_whatever_is_shown_is_a_cause_a_proposal_can_have() -> None:
    situation = moment(12.0, *(finding(kind) for kind in get_args(FindingKind)), events=(launch(),))

    assert {cause for name in names() for cause in asked(name, situation).shows} < set(CAUSES)


def test_the_forecast_comes_with_how_far_to_trust_it() -> None:
    found = answer("forecast_load", moment(announced=1.5))

    assert (found["point_rps"], found["upper_rps"], found["quantile"]) == (10, 12, 0.9)
    assert (found["coverage"], found["scored"], found["missed"]) == (0.91, 50, 4)
    assert (found["decided_rps"], found["announced"], found["horizon_s"]) == (12, 1.5, 30)


def test_the_last_five_forecasts_stand_beside_what_was_measured() -> None:
    history = (*(decided(k) for k in range(1, 7)), decided(7, observation=None, forecast=None, load_rps=None))

    recent = answer("forecast_load", moment(history=history))["recent"]

    assert [r["time_s"] for r in recent] == [30, 40, 50, 60, 70]
    assert recent[0] == {"time_s": 30, "measured_max_rps": 11, "upper_rps": 12}
    assert recent[-1] == {"time_s": 70, "measured_max_rps": None, "upper_rps": None}


def test_no_forecast_is_a_sentence_and_not_a_forecast_of_nothing() -> None:
    assert "there is no forecast now" in refusal("forecast_load", moment(forecast=None))


def test_the_cluster_says_what_is_asked_for_ready_and_to_be_had() -> None:
    found = answer("cluster_status", moment(belief=slower()))

    assert found["stages"] == [
        {"stage": "find", "variant": "large", "batch": 1, "replicas": 4, "ready": 3, "most": 5, "cores": 8},
        {
            "stage": "read",
            "variant": "only",
            "batch": 1,
            "replicas": 2,
            "ready": None,
            "most": 10,
            "cores": 2,
        },
    ]
    assert (found["cores"], found["max_cores"]) == (10, 40)


def test_the_cluster_says_what_is_on_trial_and_what_comes_back() -> None:
    found = answer("cluster_status", moment(trial=trial()))

    assert found["trial"] == {
        "decision": "toy-000009",
        "since_s": 90,
        "ready_by_s": 130,
        "comes_back": "find: small batch 1 x 2; read: only batch 1 x 2",
    }


def test_a_quarantine_that_is_over_is_not_shown() -> None:
    found = answer("cluster_status", moment(quarantine=(barred(until_s=100), barred(until_s=101))))

    assert [q["until_s"] for q in found["quarantine"]] == [101]
    assert found["quarantine"][0]["evidence"] == "80.0% of 100 requests in time"


def test_a_quarantine_names_the_variants_that_came_in_or_else_the_configuration() -> None:
    small = VariantName(stage="find", variant="small")
    named = barred().model_copy(update={"variants": (small,)})

    found = answer("cluster_status", moment(quarantine=(named, barred())))

    assert [q["what"] for q in found["quarantine"]] == [
        "find/small",
        "find: small batch 1 x 2; read: only batch 1 x 2",
    ]


def test_of_many_quarantines_the_first_are_shown() -> None:
    found = answer("cluster_status", moment(quarantine=(barred(),) * 20))

    assert len(found["quarantine"]) == 8


def test_what_runs_may_be_of_an_earlier_file() -> None:
    earlier = configuration(("find", "gone", 1, 4), ("read", "only", 1, 2), ("away", "only", 1, 1))
    situation = moment(running=earlier)

    assert [s["stage"] for s in answer("cluster_status", situation)["stages"]] == ["read"]
    assert answer("cluster_status", situation)["cores"] == 2
    solved = answer("solve", situation)
    assert (solved["feasible"], solved["same_as_running"], "running" in solved) == (True, False, False)
    assert "no variant 'gone'" in refusal("verify_configuration", situation)
    assert answer("read_metrics", situation)["stages"][0]["wanted"] == 4


def test_the_history_is_the_last_decisions_oldest_first() -> None:
    found = answer("decision_history", moment(history=tuple(decided(k) for k in range(1, 9))), last=3)

    assert [d["id"] for d in found["decisions"]] == ["toy-000006", "toy-000007", "toy-000008"]
    assert found["earlier"] == 5
    assert found["decisions"][0] == {
        "id": "toy-000006",
        "time_s": 60,
        "outcome": "held",
        "load_rps": 12,
        "in_time": 0.987,
        "reason": "nothing to do",
    }


def certificate() -> Certificate:
    """Return the proof that goes with a change to the optimum."""
    problem = moment().problem
    best = solve(problem)
    assert isinstance(best, Optimum)
    return certify(problem, best, verify(problem, best.configuration), best.configuration)


def test_the_history_says_what_was_found_and_what_was_changed() -> None:
    proof = certificate()
    changed = decided(
        1,
        outcome="applied",
        certificate=proof,
        findings=(finding("load surge"), finding("load surge", "find")),
    )
    refused = decided(2, outcome="failed", certificate=proof)

    one, other = answer("decision_history", moment(history=(changed, refused)))["decisions"]

    assert one["found"] == ["load surge"]
    assert one["changed_to"] == "find: large batch 1 x 3; read: only batch 1 x 2"
    assert "changed_to" not in other


def shown_events(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - of `Situation`
    return answer("upcoming_events", moment(**changes))


@pytest.mark.parametrize(
    ("start_s", "end_s", "listed", "shows"),
    [
        pytest.param(0, 100, False, False, id="over at this second"),
        pytest.param(0, 101, True, True, id="over a second later"),
        pytest.param(130, 131, True, True, id="begins with the horizon's last second"),
        pytest.param(130.5, 200, True, False, id="begins after the horizon"),
        pytest.param(90, 300, True, True, id="goes on throughout"),
    ],
)
def test_an_event_is_evidence_where_it_overlaps_the_horizon(
    start_s: float, end_s: float, listed: bool, shows: bool
) -> None:
    done = asked("upcoming_events", moment(events=(launch("e", start_s, end_s),)))
    found = shown_events(events=(launch("e", start_s, end_s),))

    assert [e["id"] for e in found["events"]] == (["e"] if listed else [])
    assert done.shows == (("announced event",) if shows else ())


def test_what_is_inside_the_horizon_comes_first_and_what_is_left_out_is_counted() -> None:
    later = tuple(launch(f"later{k}", 200 + k, 300) for k in range(12))

    found = shown_events(events=(*later, launch("now", 120, 130)))

    assert [e["id"] for e in found["events"]][:2] == ["now", "later0"]
    assert (len(found["events"]), found["left_out"]) == (10, 3)


def test_an_event_comes_with_its_author_and_what_a_proposal_may_ask_for() -> None:
    found = shown_events(events=(launch(),), announced=2.5)

    assert found["announced"] == 2.5
    assert found["events"] == [
        {
            "id": "launch",
            "start_s": 120,
            "end_s": 200,
            "load_factor": 3,
            "inside_horizon": True,
            "author": "ann",
            "entered_s": 5,
            "note": "a launch",
        }
    ]


def test_a_clock_that_shows_unix_seconds_keeps_its_seconds() -> None:
    situation = moment(time_s=1_764_001_234.0, events=(launch("e", 1_764_001_240.6, 1_764_009_999),))

    found = answer("upcoming_events", situation)

    assert (found["time_s"], found["events"][0]["start_s"]) == (1_764_001_234, 1_764_001_241)


def test_the_moments_of_these_tests_are_those_of_their_docstrings() -> None:
    assert isinstance(OBSERVATION, Observation)
    assert FORECAST.upper_rps == moment().problem.load_rps
    verdict = verify(moment().problem, RUNNING)
    assert (verdict.accuracy, verdict.cores, verdict.objective) == pytest.approx((0.45, 10, 3.5))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("as it is", "as it is", id="short"),
        pytest.param("x" * 10, "x" * 10, id="just fits"),
        pytest.param("x" * 11, "x" * 10 + "…", id="one more"),
        pytest.param("a" + " " * 100 + "b", "a…", id="nothing, then more"),
        pytest.param("a\nb\u2028c\td", "a b c d", id="lines"),
        pytest.param("a\u202eb\u200bc\ufeff\x00\x1b", "abc", id="not to be seen"),
        pytest.param("𝄞é", "𝄞é", id="any script"),
    ],
)
def test_a_text_from_outside_is_one_bounded_line(text: str, shown: str) -> None:
    assert harmless(text, 10) == shown
