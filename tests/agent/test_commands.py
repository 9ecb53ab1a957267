"""What the commands print when all is well. Figures are worked out by hand for the toy.

At 10 requests/s stage `find` needs one small replica (1 core) or two large ones (4 cores), stage `read`
one replica. The objective is 10 x accuracy - 0.1 x cores: 10 x 0.72 - 0.1 x 5 = 6.7 at best.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.command import trimtab, trimtab_cold
from tests.agent.toy import TEXT, TOO_SMALL, Scripted, toy_run, written

EPISODE = {
    "requests", "completed", "dropped", "slo_attainment", "effective_accuracy", "mean_cores",
    "core_seconds", "switches", "latency", "score", "seconds",
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return written(tmp_path, "rps\n" + "10\n" * 60, "trace.csv")


def test_solve_prints_the_optimum_in_the_promised_form(file: Path) -> None:
    ended = trimtab("solve", file, "--load", 10, "--json")

    assert (ended.status, ended.err) == (0, "")
    (answer,) = ended.objects
    assert answer["feasible"] is True
    assert answer["objective"] == pytest.approx(6.7)
    assert answer["accuracy"] == pytest.approx(0.72)
    assert answer["cores"] == 5.0
    assert answer["latency"] == pytest.approx(0.3)
    assert answer["load"] == 10.0
    assert answer["solver"] == "HiGHS"
    assert 0 < answer["seconds"] < 10
    assert answer["stages"] == [
        {"stage": "find", "variant": "large", "batch": 1, "replicas": 2, "cores": 4.0},
        {"stage": "read", "variant": "only", "batch": 1, "replicas": 1, "cores": 1.0},
    ]


@pytest.mark.parametrize("solver", ["HiGHS", "CBC", "Gurobi"])
def test_every_solver_prints_json_and_nothing_else(file: Path, solver: str) -> None:
    ended = trimtab_cold("solve", file, "--load", 10, "--solver", solver, "--json")
    if solver == "Gurobi" and "is not installed" in ended.err:
        pytest.skip(ended.err.strip())  # the one solver that does not come with the product

    assert (ended.status, ended.err) == (0, "")
    assert ended.objects[0]["objective"] == pytest.approx(6.7)
    assert ended.objects[0]["solver"] == solver


def test_a_list_of_loads_gets_an_object_a_line_in_order_feasible_or_not(file: Path) -> None:
    ended = trimtab("solve", file, "--load", "20, 5,1000,10", "--json")

    assert ended.status == 0
    assert [(o["load"], o["feasible"]) for o in ended.objects] == [
        (20.0, True),
        (5.0, True),
        (1000.0, False),
        (10.0, True),
    ]


def test_an_infeasible_load_names_each_limit_and_by_how_much(file: Path) -> None:
    ended = trimtab("solve", file, "--load", 60, "--json")

    assert ended.status == 3
    (answer,) = ended.objects
    assert answer["feasible"] is False
    (reason,) = answer["reasons"]
    assert reason["constraint"] == "capacity[read]"
    assert (reason["value"], reason["limit"], reason["by"]) == pytest.approx((40.0, 60.0, 20.0))


def test_headroom_asks_for_more_capacity(file: Path) -> None:
    (answer,) = trimtab("solve", file, "--load", 10, "--headroom", "1.5", "--json").objects

    assert [s["replicas"] for s in answer["stages"]] == [3, 2]


def test_what_solve_printed_is_a_configuration_that_verify_accepts(file: Path, tmp_path: Path) -> None:
    config = written(tmp_path, trimtab("solve", file, "--load", 10, "--json").out, "config.json")

    ended = trimtab("verify", file, "--load", 10, "--config", config, "--current", config, "--json")

    assert ended.status == 0
    (answer,) = ended.objects
    assert answer["accepted"] is True
    assert answer["violations"] == []
    assert answer["objective"] == answer["optimum"] == pytest.approx(6.7)
    assert answer["regret"] == pytest.approx(0, abs=1e-9)


def test_verify_lists_what_is_violated_with_figures(file: Path, tmp_path: Path) -> None:
    config = written(tmp_path, TOO_SMALL.model_dump_json(), "config.json")

    ended = trimtab("verify", file, "--load", 20, "--config", config, "--json")

    assert ended.status == 0
    (answer,) = ended.objects
    assert answer["accepted"] is False
    violated = [{k: v[k] for k in ("constraint", "value", "limit")} for v in answer["violations"]]
    assert violated == [
        {"constraint": "capacity[find]", "value": 10.0, "limit": 20.0},
        {"constraint": "capacity[read]", "value": 10.0, "limit": 20.0},
    ]
    assert answer["objective"] == pytest.approx(10 * 0.45 - 0.1 * 2)
    assert answer["optimum"] == pytest.approx(10 * 0.72 - 0.1 * 10)
    assert answer["regret"] == pytest.approx(1.9)


def test_frontier_lists_the_trade_offs_cheapest_first(file: Path, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"

    ended = trimtab("frontier", file, "--load", 10, "--plot", picture, "--json")

    assert ended.status == 0
    (answer,) = ended.objects
    points = [(p["cores"], p["accuracy"]) for p in answer["points"]]
    assert points == [(2.0, pytest.approx(0.45)), (5.0, pytest.approx(0.72))]
    assert [s["variant"] for s in answer["points"][0]["stages"]] == ["small", "only"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_simulate_prints_the_promised_figures_the_same_for_the_same_seed(file: Path, trace: Path) -> None:
    command = ("simulate", file, "--trace", trace, "--policy", "ilp", "--json")

    first, again, other = (trimtab(*command, "--seed", seed).objects[0] for seed in (3, 3, 4))

    assert set(first) == EPISODE
    assert set(first["latency"]) == {"p50", "p95", "p99"}
    assert first["requests"] == first["completed"] + first["dropped"]
    assert first["core_seconds"] == pytest.approx(first["mean_cores"] * 60, rel=0.1)
    assert 0.3 < first["effective_accuracy"] <= first["slo_attainment"] <= 1
    assert first | {"seconds": 0} == again | {"seconds": 0}
    assert first["requests"] != other["requests"]


def test_simulate_holds_a_configuration(file: Path, trace: Path, tmp_path: Path) -> None:
    config = written(tmp_path, TOO_SMALL.model_dump_json(), "config.json")

    (answer,) = trimtab("simulate", file, "--trace", trace, "--config", config, "--json").objects

    assert answer["switches"] == 0
    assert answer["mean_cores"] == pytest.approx(2.0)


def test_a_run_prints_its_decisions_and_they_can_be_listed_and_proven(
    file: Path, trace: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"

    ended = trimtab("run", file, "--trace", trace, "--cluster", "embedded", "--data", data, "--json")
    listed = trimtab("decisions", "--data", data, "--json")
    last_two = trimtab("decisions", "--data", data, "--limit", 2, "--json")

    assert (ended.status, ended.err) == (0, "")
    *decisions, episode = ended.objects
    assert set(episode) == EPISODE
    assert [d["time"] for d in decisions] == [10, 20, 30, 40, 50]
    assert listed.objects == decisions
    assert last_two.objects == decisions[-2:]
    applied = [d["id"] for d in decisions if d["outcome"] == "applied"]
    assert applied, "the first forecast asks for more than the first second did"
    for name in applied:
        proof = trimtab("decisions", "--data", data, "--verify", name, "--json")
        assert proof.status == 0
        assert proof.objects[0]["agrees"] is True
        assert proof.objects[0]["certificate"]["problem_digest"]


def test_a_decision_that_changed_nothing_has_nothing_to_prove(
    file: Path, trace: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    trimtab("run", file, "--trace", trace, "--mode", "observe", "--data", data)

    assert "nothing was applied" in trimtab("decisions", "--data", data, "--verify", "toy-000001").complaint()
    assert "no decision 'x'" in trimtab("decisions", "--data", data, "--verify", "x").complaint()


def test_a_second_run_goes_on_where_the_first_ended(file: Path, trace: Path, tmp_path: Path) -> None:
    command = ("run", file, "--trace", trace, "--data", tmp_path / "data", "--json")

    first, second = trimtab(*command).objects[:-1], trimtab(*command).objects[:-1]

    assert [d["id"] for d in first + second] == [f"toy-{k:06d}" for k in range(1, 11)]


def test_a_second_loop_on_the_same_folder_is_refused(file: Path, trace: Path, tmp_path: Path) -> None:
    command = ("run", file, "--trace", trace, "--data", tmp_path / "data")

    with toy_run(tmp_path, Scripted([None])):
        assert "another loop is running" in trimtab(*command).complaint(1)

    assert trimtab(*command).status == 0


def test_a_folder_of_another_pipeline_is_refused(file: Path, trace: Path, tmp_path: Path) -> None:
    other = written(tmp_path, TEXT.replace("name: find", "name: seek"), "other.yaml")
    data = ("--trace", trace, "--data", tmp_path / "data")
    assert trimtab("run", file, *data).status == 0

    assert "use another --data folder" in trimtab("run", other, *data).complaint()


def test_doctor_finds_nothing_wrong_here(tmp_path: Path) -> None:
    ended = trimtab("doctor", "--data", tmp_path, "--json")

    assert ended.status == 0
    assert all(set(check) == {"what", "grade", "found"} for check in ended.objects)
    assert {check["grade"] for check in ended.objects} <= {"ok", "warning"}
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


@pytest.mark.parametrize("command", ["solve", "verify", "frontier", "simulate", "decisions", "doctor"])
def test_people_get_words_where_programs_get_json(
    command: str, file: Path, trace: Path, tmp_path: Path
) -> None:
    config = written(tmp_path, TOO_SMALL.model_dump_json(), "config.json")
    trimtab("run", file, "--trace", trace, "--data", tmp_path / "data")
    given: dict[str, tuple[tuple[object, ...], str]] = {
        "solve": ((file, "--load", 10), "objective 6.7"),
        "verify": ((file, "--load", 20, "--config", config), "rejected"),
        "frontier": ((file, "--load", 10), "find=small"),
        "simulate": ((file, "--trace", trace), "slo_attainment"),
        "decisions": (("--data", tmp_path / "data"), "toy-000001"),
        "doctor": (("--data", tmp_path / "data"), "decision store"),
    }
    arguments, says = given[command]

    ended = trimtab(command, *arguments)

    assert (ended.status, ended.err) == (0, "")
    assert says in ended.out
