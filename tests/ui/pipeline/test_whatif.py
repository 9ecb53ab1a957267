"""What if: the answers are those of the loop's own solver to the problem that was meant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.errors import UsageError
from core.frontier import frontier
from core.problem import Problem, VariantName
from core.solution import Infeasible, Optimum
from core.solve import solve
from tests.agent.toy import CHEAPER, ENOUGH, TEXT, pipeline_of, running
from tests.core.toys import pipeline, stage, variant
from ui.pipeline.whatif import Wish, answer, changed, most_load_rps, offered, sentences

LOAD_RPS = 10.0
LARGE = """\
        - name: large
          accuracy: 0.8
          cores: 2
          profile: [{batch: 1, latency: 0.2}]
"""
COST = "{minimise: cost, minAccuracy: 0.7}"
ACCURACY = "{maximise: accuracy, maxCores: 4}"
WEIGHTED = "{alpha: 10.0, beta: 0.1}"


def written(*changes: tuple[str, str]) -> str:
    """Return the toy's file with some of it changed."""
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def problem(text: str = TEXT, load_rps: float = LOAD_RPS) -> Problem:
    return Problem.of(pipeline_of(text), load_rps)


def without(stage_name: str, variant_name: str) -> tuple[VariantName, ...]:
    return (VariantName(stage=stage_name, variant=variant_name),)


@pytest.mark.parametrize(
    ("base", "wish", "meant", "load_rps"),
    [
        pytest.param((), {"load_rps": 31.0}, (), 31.0, id="more load"),
        pytest.param((), {"load_rps": 0.0}, (), 0.0, id="no load"),
        pytest.param((), {"slo_s": 0.29}, (("latency: 2.0", "latency: 0.29"),), LOAD_RPS, id="a tighter SLO"),
        pytest.param((), {"max_cores": 5.0}, (("maxCores: 40", "maxCores: 5"),), LOAD_RPS, id="a budget"),
        pytest.param(
            (("maxCores: 40", "maxCores: 5"),),
            {"max_cores": None},
            (("maxCores: 40", "maxCores: null"),),
            LOAD_RPS,
            id="no budget",
        ),
        pytest.param(
            ((WEIGHTED, "{alpha: 1.0, beta: 0.1}"),),
            {"min_accuracy": 0.6},
            ((WEIGHTED, "{alpha: 1.0, beta: 0.1, minAccuracy: 0.6}"),),
            LOAD_RPS,
            id="a floor",
        ),
        pytest.param((), {"excluded": without("find", "large")}, ((LARGE, ""),), LOAD_RPS, id="left out"),
        pytest.param(
            ((WEIGHTED, COST),),
            {"min_accuracy": None},
            ((WEIGHTED, "{minimise: cost, minAccuracy: 0}"),),
            LOAD_RPS,
            id="least cost without its floor",
        ),
        pytest.param(
            ((WEIGHTED, ACCURACY),),
            {"max_cores": 9.0},
            ((WEIGHTED, "{maximise: accuracy, maxCores: 9}"),),
            LOAD_RPS,
            id="best accuracy with more cores",
        ),
        pytest.param(
            (),
            {"load_rps": 25.0, "slo_s": 0.5, "max_cores": 12.0, "min_accuracy": 0.3},
            (
                ("latency: 2.0", "latency: 0.5"),
                ("maxCores: 40", "maxCores: 12"),
                (WEIGHTED, "{alpha: 10.0, beta: 0.1, minAccuracy: 0.3}"),
            ),
            25.0,
            id="all at once",
        ),
    ],
)
def test_the_answer_is_that_to_a_file_which_says_the_same(
    base: tuple[tuple[str, str], ...],
    wish: dict[str, Any],
    meant: tuple[tuple[str, str], ...],
    load_rps: float,
) -> None:
    was = problem(written(*base))
    expected = problem(written(*meant), load_rps)

    told = answer(changed(was, replace(Wish.of(was), **wish)))

    right = solve(expected)
    assert isinstance(right, Optimum)
    assert told.best is not None
    assert told.best.configuration == right.configuration
    assert told.best.objective == pytest.approx(right.objective)
    assert [(t.cores, t.accuracy) for t in told.tradeoffs] == [
        (t.cores, t.accuracy) for t in frontier(expected)
    ]


@pytest.mark.parametrize("goal", [WEIGHTED, COST, ACCURACY])
def test_sliders_that_nobody_moved_change_nothing(goal: str) -> None:
    was = problem(written((WEIGHTED, goal))).replaced(running=CHEAPER)

    same = changed(was, Wish.of(was))

    assert solve(same) == solve(was)
    assert (same.running, same.max_cores, same.excluded) == (CHEAPER, was.max_cores, ())


@pytest.mark.parametrize("goal", [WEIGHTED, COST, ACCURACY])
def test_without_budget_and_floor_it_is_still_a_problem_that_could_be_kept(goal: str) -> None:
    was = problem(written((WEIGHTED, goal)))

    free = changed(was, replace(Wish.of(was), max_cores=None, min_accuracy=None))

    assert free.max_cores is None
    assert not free.objective.min_accuracy
    assert Problem.model_validate_json(free.model_dump_json()) == free


def test_what_was_left_out_already_stays_out_until_it_is_taken_back() -> None:
    was = problem().replaced(excluded=without("find", "large"))

    kept = answer(changed(was, Wish.of(was)))
    back = answer(changed(was, replace(Wish.of(was), excluded=())))

    assert kept.best is not None and kept.best.configuration["find"].variant == "small"
    assert back.best is not None and back.best.configuration["find"].variant == "large"


def test_more_load_never_needs_fewer_cores_where_nothing_waits_for_a_batch() -> None:
    one_by_one = stage("a", variant("small", 0.6, 1, (1, 0.1)), variant("large", 0.9, 2, (1, 0.2)))
    was = Problem.of(pipeline(one_by_one, objective={"minimise": "cost", "minAccuracy": 0.7}), 5.0)
    usual = Wish.of(was)

    answers = [answer(changed(was, replace(usual, load_rps=rps))).best for rps in range(1, 50, 4)]

    needed = [best.prediction.cores for best in answers if best is not None]
    assert len(needed) == len(answers)
    assert needed == sorted(needed)
    assert needed[-1] > needed[0]


@pytest.mark.parametrize("budget", [4.0, 6.0, 9.0, 20.0])
def test_less_freedom_is_never_better(budget: float) -> None:
    was = problem()
    free = answer(was).best

    told = answer(changed(was, replace(Wish.of(was), max_cores=budget, excluded=without("find", "small"))))

    assert free is not None
    assert told.best is None or told.best.objective <= free.objective + 1e-9


def test_what_cannot_be_had_is_said_in_sentences_with_what_would_help() -> None:
    was = problem()

    told = answer(changed(was, replace(Wish.of(was), max_cores=1.0)))

    assert isinstance(told.solution, Infeasible)
    assert told.best is None and told.tradeoffs == ()
    assert sentences(told.solution) == (
        "The load needs at least 2 cores, 1 over the limit of 1.",
        "All else as it is, 2 cores would fit.",
    )


@pytest.mark.parametrize(
    ("goal", "wish", "said"),
    [
        (ACCURACY, {"min_accuracy": 0.5}, "leave the floor off"),
        (
            WEIGHTED,
            {"excluded": without("read", "only")},
            "every variant of stage 'read' is left out; keep one",
        ),
        (WEIGHTED, {"excluded": without("read", "none")}, "stage 'read' has no variant 'none'"),
    ],
)
def test_a_wish_that_contradicts_itself_is_told_so(goal: str, wish: dict[str, Any], said: str) -> None:
    was = problem(written((WEIGHTED, goal)))

    with pytest.raises(UsageError, match=said):
        changed(was, replace(Wish.of(was), **wish))


@pytest.mark.parametrize(("replicas", "holds"), [(1, False), (8, True)])
def test_it_says_whether_what_runs_would_still_do(replicas: int, holds: bool) -> None:
    told = answer(problem(load_rps=12.0), running("small", replicas))

    assert told.holds is holds
    assert told.runs is not None
    assert told.runs.cores == replicas + 4


def test_what_runs_is_unknown_where_it_is_of_another_pipeline() -> None:
    other = Problem.of(pipeline(), 1.0)

    told = answer(other, ENOUGH)

    assert (told.runs, told.holds) == (None, False)


def test_every_variant_can_be_left_out_and_four_times_the_load_be_asked_for() -> None:
    was = problem()

    assert [(n.stage, n.variant) for n in offered(was)] == [
        ("find", "small"),
        ("find", "large"),
        ("read", "only"),
    ]
    assert most_load_rps(was, 20.0) == 40.0
    assert most_load_rps(was, 90.0) == 90.0
    assert most_load_rps(problem(load_rps=0.0), 0.0) == 1.0


def test_an_answer_takes_less_than_the_second_it_may() -> None:
    assert answer(problem()).seconds < 1.0
