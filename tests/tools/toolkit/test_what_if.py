"""`solve`, `verify_configuration` and `frontier` are exact: against full enumeration, and by hand."""

from __future__ import annotations

import random
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import pytest

from core.assessment import Assessment
from core.problem import Margins, Problem, VariantName
from tests.core.brute import Instance, best, feasible, objective, trade_offs
from tests.core.instances import any_settings, case, configuration_of, problem_of
from tests.core.toys import pipeline, stage
from tests.tools.toolkit.moments import RUNNING, answer, barred, moment, refusal
from tools.toolkit.situation import Situation

SEEDS = range(63)
"""Seven rounds through the accuracy modes and objectives."""
ROUNDED = 1e-4
"""Results have five significant digits."""


def situation_of(instance: Instance, rng: random.Random) -> Situation:
    """Return the instance as a situation; something runs, feasible or not."""
    problem = problem_of(instance)
    running = problem.running or configuration_of(any_settings(instance, rng))
    return Situation(
        problem=problem,
        observation=None,
        forecast=None,
        assessment=Assessment(belief=problem.belief),
        running=running,
        time_s=0.0,
        horizon_s=30.0,
    )


@dataclass(frozen=True)
class WhatIf:
    """The same question twice: as arguments, and as the instance that it makes of another."""

    arguments: Mapping[str, Any]
    instance: Instance


def what_if(instance: Instance, rng: random.Random) -> WhatIf:
    """Return a question of one to four changes."""
    document = deepcopy(dict(instance.document))
    spec = document["spec"]
    found = replace(instance, document=document)
    arguments: dict[str, Any] = {}
    for change in rng.sample(["load", "headroom", "weights", "slo", "cores", "floor", "out", "in"], 4):
        if rng.random() < 0.4:
            continue
        match change:
            case "load":
                factor, load_rps = rng.choice([0.5, 2.0]), round(rng.uniform(0.5, 30), 2)
                arguments |= {"load_rps": load_rps, "load_factor": factor}
                found = replace(found, load_rps=load_rps * factor)
            case "headroom":
                arguments["headroom"] = round(rng.uniform(1, 1.5), 2)
                found = replace(found, headroom=arguments["headroom"])
            case "weights" if not {"minimise", "maximise"} & spec["objective"].keys():
                arguments |= {
                    "accuracy_weight": rng.choice([0.5, 3.0]),
                    "cores_weight": rng.choice([0.5, 4.0]),
                }
                spec["objective"]["alpha"] = (
                    spec["objective"].get("alpha", 1.0) * arguments["accuracy_weight"]
                )
                spec["objective"]["beta"] = spec["objective"].get("beta", 0.01) * arguments["cores_weight"]
            case "slo":
                arguments["slo_s"] = spec["slo"]["latency"] * rng.choice([0.7, 1.5])
                spec["slo"]["latency"] = arguments["slo_s"]
            case "cores":
                arguments["max_cores"] = round(rng.uniform(2, 20), 1)
                spec["limits"] = {"maxCores": arguments["max_cores"]}
                if spec["objective"].get("maximise"):
                    spec["objective"]["maxCores"] = arguments["max_cores"]
            case "floor" if not spec["objective"].get("maximise"):
                arguments["min_accuracy"] = round(rng.uniform(0.2, 0.7), 2)
                spec["objective"]["minAccuracy"] = arguments["min_accuracy"]
            case "out" | "in":
                stage = rng.choice(found.stages)
                names = [v["name"] for v in stage["variants"]]
                name = {"stage": stage["name"], "variant": rng.choice(names)}
                left_out = {name["variant"]} if change == "out" else set(names) - {name["variant"]}
                kept = found.excluded - ({(name["stage"], name["variant"])} if change == "in" else set())
                if change == "in" and "excluded" in arguments:
                    continue  # which of the two questions wins is a test of its own
                arguments["excluded" if change == "out" else "required"] = [name]
                found = replace(found, excluded=kept | {(stage["name"], v) for v in left_out})
    return WhatIf(arguments, found)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_if_is_what_enumeration_of_the_changed_instance_finds(seed: int) -> None:
    rng = random.Random(seed)
    instance = case(seed)
    situation, question = situation_of(instance, rng), what_if(instance, rng)

    found = answer("solve", situation, **question.arguments)

    candidates = feasible(question.instance)
    assert found["feasible"] == bool(candidates)
    if candidates:
        top = best(question.instance, candidates)
        assert found["objective"] == pytest.approx(top, rel=ROUNDED, abs=1e-6)
        settings = {s["stage"]: (s["variant"], s["batch"], s["replicas"]) for s in found["stages"]}
        (chosen,) = [c for c in candidates if c.settings == settings]
        assert found["accuracy"] == pytest.approx(chosen.accuracy, rel=ROUNDED)
        assert found["cores"] == pytest.approx(chosen.cores, rel=ROUNDED)
        assert found["latency_s"] == pytest.approx(chosen.latency_s, rel=ROUNDED)
    else:
        assert found["reasons"]


def test_the_questions_are_of_every_kind() -> None:
    questions = [what_if(case(seed), random.Random(seed)) for seed in SEEDS]
    answers = [bool(feasible(q.instance)) for q in questions]

    assert {key for q in questions for key in q.arguments} == {
        "load_rps",
        "load_factor",
        "headroom",
        "accuracy_weight",
        "cores_weight",
        "slo_s",
        "max_cores",
        "min_accuracy",
        "excluded",
        "required",
    }
    assert 0.3 < sum(answers) / len(answers) < 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_a_verdict_is_what_enumeration_says_of_the_configuration(seed: int) -> None:
    rng = random.Random(seed)
    instance = case(seed)
    candidates = feasible(instance)
    feasible_one = candidates and rng.random() < 0.5
    settings = dict(rng.choice(candidates).settings) if feasible_one else any_settings(instance, rng)
    stages = [s.model_dump() for s in configuration_of(settings).stages]

    found = answer("verify_configuration", situation_of(instance, rng), stages=stages)

    mine = [c for c in candidates if c.settings == settings]
    assert found["accepted"] == bool(mine)
    assert ("violations" in found) == (not mine)
    if candidates:
        top = best(instance, candidates)
        assert found["optimum"] == pytest.approx(top, rel=ROUNDED, abs=1e-6)
    if mine:
        lost = abs(top - objective(instance, mine[0]))
        assert found["regret"] == pytest.approx(lost, rel=ROUNDED, abs=1e-6)
    elif candidates:
        nearest = {s["stage"]: (s["variant"], s["batch"], s["replicas"]) for s in found["nearest"]}
        assert any(c.settings == nearest for c in candidates)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_frontier_is_what_enumeration_finds(seed: int) -> None:
    instance = case(seed)
    load_rps = instance.load_rps * 0.7

    found = answer(
        "frontier", situation_of(instance, random.Random(seed)), load_factor=0.7, headroom=1.2, most=24
    )

    expected = trade_offs(feasible(replace(instance, load_rps=load_rps, headroom=1.2)))
    assert found["load_rps"] == pytest.approx(load_rps, rel=ROUNDED)
    if len(expected) <= 24:
        assert [(p["cores"], p["accuracy"]) for p in found["points"]] == [
            (pytest.approx(cores, rel=ROUNDED), pytest.approx(accuracy, rel=ROUNDED))
            for cores, accuracy in expected
        ]


def test_the_turns_own_problem_is_the_default() -> None:
    found = answer("solve", moment())

    # 12 rps: three large at 5 rps, two readers at 10 rps; 10 * 0.45 - 0.1 * 8
    assert found["stages"] == [
        {"stage": "find", "variant": "large", "batch": 1, "replicas": 3},
        {"stage": "read", "variant": "only", "batch": 1, "replicas": 2},
    ]
    assert (found["objective"], found["cores"], found["accuracy"]) == (3.7, 8, 0.45)
    assert found["latency_s"] == 0.3
    assert found["running"] == {"accepted": True, "loses": 0.2}
    assert found["same_as_running"] is False
    assert "in_turn" not in found


def test_a_changed_problem_says_what_its_answer_would_lose_now() -> None:
    found = answer("solve", moment(), load_factor=2)

    # 24 rps: five large, three readers, 13 cores: 0.5 more than the 8 that 12 rps need
    assert found["load_rps"] == 24
    assert found["in_turn"] == {"accepted": True, "loses": 0.5}
    assert found["running"] == {"accepted": False, "loses": None}


def test_an_answer_that_breaks_a_limit_of_the_turn_says_so() -> None:
    found = answer("solve", moment(), load_factor=0.5)

    assert found["in_turn"] == {"accepted": False, "loses": None}


@pytest.mark.parametrize(("load", "rps"), [("decided", 12), ("point", 10), ("upper", 12)])
def test_the_forecasts_quantiles_can_be_asked_for(load: str, rps: float) -> None:
    situation = replace(moment(), problem=moment(12).problem)

    assert answer("solve", situation, load=load)["load_rps"] == rps


def test_the_decided_load_may_be_another_than_the_forecasts() -> None:
    situation = moment(20.0)

    assert answer("solve", situation)["load_rps"] == 20
    assert answer("solve", situation, load="upper")["load_rps"] == 12


def test_what_is_not_feasible_comes_with_reasons_and_what_would_fit() -> None:
    found = answer("solve", moment(), load_rps=150)

    assert found == {
        "feasible": False,
        "load_rps": 150,
        "reasons": [
            "stage 'find' carries at most 100 rps within its limits (replicas 1..10), 150 are needed",
            "stage 'read' carries at most 100 rps within its limits (replicas 1..10), 150 are needed",
        ],
        "would_fit": [found["would_fit"][0]],
    }
    assert found["would_fit"][0].startswith("a load of ")


def test_what_is_in_quarantine_may_be_asked_for_but_is_not_accepted_now() -> None:
    large = VariantName(stage="find", variant="large")
    problem = moment().problem.replaced(excluded=(large,))
    situation = moment(problem=problem, quarantine=(barred(),))

    assert {s["variant"] for s in answer("solve", situation)["stages"]} == {"small", "only"}
    found = answer("solve", situation, required=[large.model_dump()])

    assert found["stages"][0]["variant"] == "large"
    assert found["in_turn"] == {"accepted": False, "loses": None}


def test_what_is_both_required_and_excluded_leaves_nothing() -> None:
    large = {"stage": "find", "variant": "large"}

    found = answer("solve", moment(), required=[large], excluded=[large])

    assert found["feasible"] is False
    assert "stage 'find' has 0 variants left" in found["reasons"][0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(
            {"excluded": [{"stage": "find", "variant": "gpt"}]}, "no variant 'gpt', only", id="variant"
        ),
        pytest.param({"required": [{"stage": "x", "variant": "small"}]}, "no stage 'x', only", id="stage"),
        pytest.param(
            {"required": [{"stage": "find", "variant": "small"}, {"stage": "find", "variant": "large"}]},
            "two variants are required of one stage",
            id="two of one stage",
        ),
        pytest.param({"load": "point", "load_rps": 3}, "load or load_rps, not both", id="two loads"),
        pytest.param({"load_rps": 1e9, "load_factor": 100}, "is no question", id="an absurd load"),
        pytest.param({"load_rps": -1}, "must be at least 0", id="a negative load"),
        pytest.param({"headroom": 0.5}, "must be at least 1", id="less than the load"),
        pytest.param({"lod_rps": 1}, "did you mean 'load_rps'", id="an unknown field"),
        pytest.param({"load_rps": "12"}, "must be a number, not '12'", id="a number in quotes"),
        pytest.param({"load_rps": True}, "must be a number", id="a truth"),
        pytest.param({"excluded": [{"stage": "find", "variant": "x"}] * 33}, "32", id="too many names"),
    ],
)
def test_a_question_that_cannot_be_asked_is_answered_with_the_way_out(
    arguments: dict[str, Any], says: str
) -> None:
    assert says in refusal("solve", moment(), **arguments)


@pytest.mark.parametrize(
    ("spec", "arguments", "says"),
    [
        pytest.param(
            {"minimise": "cost", "minAccuracy": 0.2}, {"accuracy_weight": 2}, "no weights", id="cost"
        ),
        pytest.param({"maximise": "accuracy"}, {"cores_weight": 2}, "no weights", id="accuracy"),
        pytest.param({"maximise": "accuracy"}, {"min_accuracy": 0.5}, "no floor", id="floor of accuracy"),
    ],
)
def test_what_an_objective_does_not_have_is_not_silently_ignored(
    spec: dict[str, Any], arguments: dict[str, Any], says: str
) -> None:
    problem = Problem.of(pipeline(objective=spec), 5.0, margins=Margins())

    assert says in refusal("solve", moment(problem=problem), **arguments)


def test_a_question_may_ask_for_more_cores_than_the_objective_has() -> None:
    problem = Problem.of(pipeline(objective={"maximise": "accuracy", "maxCores": 3}), 10.0)
    situation = moment(problem=problem)

    assert answer("solve", situation)["accuracy"] == 0.6
    assert answer("solve", situation, max_cores=20)["accuracy"] == 0.9


def test_a_forecast_that_there_is_not_cannot_be_asked_about() -> None:
    assert "there is no forecast" in refusal("solve", moment(forecast=None), load="upper")


def test_what_runs_is_verified_where_nothing_is_named() -> None:
    found = answer("verify_configuration", moment())

    assert (found["accepted"], found["cores"], found["regret"]) == (True, 10, 0.2)
    assert found["tightest"][0] == {"constraint": "capacity[find]", "value": 20, "limit": 12, "slack": 8}


def test_a_stage_that_is_not_named_keeps_what_runs() -> None:
    few = {"stage": "find", "variant": "small", "batch": 1, "replicas": 1}

    found = answer("verify_configuration", moment(), stages=[few])

    assert found["cores"] == 3
    assert found["violations"] == [{"constraint": "capacity[find]", "value": 10, "limit": 12, "slack": -2}]
    assert "capacity[find]" not in [c["constraint"] for c in found["tightest"]]
    assert found["nearest"] == [few | {"replicas": 2}, RUNNING["read"].model_dump()]


def test_a_configuration_can_be_verified_at_another_load_and_headroom() -> None:
    found = answer("verify_configuration", moment(), load_rps=19, headroom=1.1)

    assert found["violations"] == [
        {"constraint": "capacity[find]", "value": 20, "limit": 20.9, "slack": -0.9},
        {"constraint": "capacity[read]", "value": 20, "limit": 20.9, "slack": -0.9},
    ]


@pytest.mark.parametrize(
    ("stages", "says"),
    [
        pytest.param(
            [("find", "large", 2, 1)], "not offered at batch 2; measured and allowed: 1", id="batch"
        ),
        pytest.param([("find", "gpt", 1, 1)], "no variant 'gpt'", id="variant"),
        pytest.param([("fnid", "large", 1, 1)], "no stage 'fnid', only find, read", id="stage"),
        pytest.param([("find", "large", 1, 1), ("find", "small", 1, 1)], "given twice", id="twice"),
        pytest.param([("find", "large", 1, 10**9)], "replicas", id="absurdly many"),
    ],
)
def test_a_configuration_that_there_is_not_is_answered_with_a_sentence(
    stages: list[tuple[str, str, int, int]], says: str
) -> None:
    named = [dict(zip(("stage", "variant", "batch", "replicas"), s, strict=True)) for s in stages]

    assert says in refusal("verify_configuration", moment(), stages=named)


def test_of_a_long_frontier_the_ends_are_kept_and_the_rest_is_counted() -> None:
    two_stages = pipeline(stage("first"), stage("second"), slo_s=5.0)
    situation = moment(problem=Problem.of(two_stages, 10.0))
    whole = answer("frontier", situation, most=24)["points"]

    found = answer("frontier", situation, most=2)
    first = answer("frontier", situation, most=1)

    assert len(whole) > 2
    assert found["points"] == [whole[0], whole[-1]]
    assert found["left_out"] == len(whole) - 2
    assert (first["points"], first["left_out"]) == (whole[:1], len(whole) - 1)


def test_a_frontier_point_names_what_runs_where() -> None:
    found = answer("frontier", moment())

    assert found["points"] == [
        {
            "accuracy": 0.3,
            "cores": 4,
            "latency_s": 0.2,
            "configuration": "find: small batch 1 x 2; read: only batch 1 x 2",
        },
        {
            "accuracy": 0.45,
            "cores": 8,
            "latency_s": 0.3,
            "configuration": "find: large batch 1 x 3; read: only batch 1 x 2",
        },
    ]


def test_where_nothing_is_feasible_the_frontier_is_empty() -> None:
    assert answer("frontier", moment(), load_rps=1000) == {"load_rps": 1000, "points": []}
