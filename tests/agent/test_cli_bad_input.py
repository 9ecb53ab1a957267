"""Bad input ends in status 2 with one line that names the place and the fix; never in a traceback.

Warnings are errors in these tests, so a figure that overflows on the way fails them too.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.agent.command import trimtab, trimtab_cold
from tests.agent.toy import TEXT, written

ONE_REPLICA = (
    '{"stages": [{"stage": "find", "variant": "small", "batch": 1, "replicas": 1},'
    ' {"stage": "read", "variant": "only", "batch": 1, "replicas": 1}]}'
)


def changed(before: str, after: str) -> str:
    """Return the toy's file with one thing changed."""
    assert before in TEXT
    return TEXT.replace(before, after, 1)


PIPELINES = [
    pytest.param("", "the file is empty", id="empty"),
    pytest.param("- 1\n", "must be a mapping", id="a list"),
    pytest.param("a: [", "line 1, column", id="broken YAML"),
    pytest.param("\x00", "unacceptable character", id="binary"),
    pytest.param(
        changed("  slo:", "  slow: 1\n  slo:"), "spec.slow: unknown field; did you mean 'slo'?", id="unknown"
    ),
    pytest.param(
        changed("batch: 1, latency: 0.1}", "batch: 1, latency: -0.1}"),
        "spec.stages[0].variants[0].profile[0].latency: must be above 0, not -0.1",
        id="negative latency",
    ),
    pytest.param(
        changed("accuracy: 0.5", "accuracy: 1.5"),
        "spec.stages[0].variants[0].accuracy: must be at most 1, not 1.5",
        id="accuracy above 1",
    ),
    pytest.param(
        TEXT[: TEXT.rindex("      variants:")] + "      variants: []\n",
        "spec.stages[1].variants: is empty",
        id="no variants",
    ),
    pytest.param(
        changed("- name: find\n", "- name: find\n      after: [read]\n"),
        "find -> read -> find; remove one of these edges",
        id="cycle",
    ),
    pytest.param(
        changed("- name: find\n", "- name: find\n      after: [find]\n"), "find -> find", id="own parent"
    ),
    pytest.param(
        changed("- name: find\n", "- name: find\n      batches: [1, 3]\n"),
        "spec.stages[0].batches[1]: batch 3 was not measured",
        id="batch not measured",
    ),
    pytest.param(changed("accuracy: 0.5", "accuracy: .nan"), "must be a finite number, not nan", id="NaN"),
    pytest.param(changed("cores: 1", "cores: .inf"), "must be a finite number, not inf", id="infinite"),
    pytest.param(changed("cores: 1", "cores: many"), "cores: must be a number, not 'many'", id="letters"),
    pytest.param(changed("cores: 1", "cores: true"), "cores: must be a number, not True", id="a truth value"),
    pytest.param(changed("cores: 1", "cores: 1.0e+300"), "must be between 1e-12 and 1e+12", id="huge cores"),
    pytest.param(changed("latency: 2.0", "latency: 1.0e+300"), "spec.slo.latency: must be", id="huge SLO"),
    pytest.param(
        changed("alpha: 10.0", "alpha: 1.0e+300"), "spec.objective.alpha: must be", id="huge weight"
    ),
    pytest.param(
        changed("latency: 0.1}", "latency: 1.0e-300}"), "latency: must be between", id="tiny latency"
    ),
    pytest.param(changed("max: 8", f"max: {10**24}"), "replicas.max: must be at most 1e+06", id="huge bound"),
    pytest.param(changed("batch: 2", f"batch: {10**24}"), "batch: must be at most 1e+06", id="huge batch"),
]


@pytest.mark.parametrize(("text", "says"), PIPELINES)
def test_a_wrong_pipeline_file_is_refused_in_one_line(text: str, says: str, tmp_path: Path) -> None:
    file = written(tmp_path, text)

    said = trimtab("solve", file, "--load", 5, "--json").complaint()

    assert str(file) in said
    assert says in said


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("missing.yaml", "No such file", id="missing"),
        pytest.param(".", "Is a directory", id="a folder"),
        pytest.param("a\0b", "null byte", id="no name"),
    ],
)
@pytest.mark.parametrize("command", ["solve", "verify", "simulate"])
def test_a_pipeline_that_is_no_file_is_refused(command: str, name: str, says: str, tmp_path: Path) -> None:
    rest = {
        "solve": ("--load", 5),
        "verify": ("--load", 5, "--config", written(tmp_path, ONE_REPLICA, "config.json")),
        "simulate": ("--trace", written(tmp_path, "rps\n5\n", "trace.csv")),
    }[command]

    assert says in trimtab(command, tmp_path / name, *rest).complaint()


@pytest.mark.parametrize(
    "load", ["0", "nan", "inf", "-inf", "-1", "many", "", "5,,6", "5,0", "1e-300", "0x10", "1e999"]
)
@pytest.mark.parametrize("command", ["solve", "frontier"])
def test_a_load_that_is_none_is_refused_before_anything_is_printed(
    command: str, load: str, tmp_path: Path
) -> None:
    ended = trimtab(command, written(tmp_path), f"--load={load}", "--json")

    assert "--load: " in ended.complaint()
    assert ended.out == ""


@pytest.mark.parametrize("load", ["1e6", "1e15", "1e308"])
def test_an_enormous_load_is_infeasible_and_says_what_would_fit(load: str, tmp_path: Path) -> None:
    ended = trimtab("solve", written(tmp_path), "--load", load, "--json")

    assert (ended.status, ended.err) == (3, "")
    assert ended.objects[0]["feasible"] is False
    assert "at most 100 rps" in " ".join(r["statement"] for r in ended.objects[0]["reasons"])


def test_an_slo_below_the_fastest_path_is_infeasible(tmp_path: Path) -> None:
    file = written(tmp_path, changed("latency: 2.0", "latency: 0.15"))

    ended = trimtab("solve", file, "--load", 5, "--json")

    assert (ended.status, ended.err) == (3, "")
    (reason,) = ended.objects[0]["reasons"]
    assert reason["constraint"] == "latency"
    assert reason["value"] == pytest.approx(0.2)
    assert reason["by"] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["solve", "FILE"], "Missing option '--load'", id="nothing asked"),
        pytest.param(["frob"], "No such command 'frob'", id="unknown command"),
        pytest.param(["solve", "FILE", "--load", "5", "--frob"], "No such option: --frob", id="no option"),
        pytest.param(["solve", "FILE", "--load", "5", "--solver", "abacus"], "known: HiGHS", id="solver"),
        pytest.param(
            ["solve", "FILE", "--load", "5", "--headroom", "nan"], "--headroom: 'nan'", id="headroom"
        ),
        pytest.param(
            ["solve", "FILE", "--load", "5", "--wait-quantile", "2"], "between 0 and 1", id="quantile"
        ),
        pytest.param(
            ["solve", "FILE", "--load", "5", "--wait-quantile", "x"], "a valid number", id="no quantile"
        ),
        pytest.param(["simulate", "FILE", "--trace", "TRACE", "--seed", "-1"], "--seed", id="seed"),
        pytest.param(
            ["simulate", "FILE", "--trace", "TRACE", "--policy", "x"],
            "Known: cocktail, fa2-high",
            id="policy",
        ),
        pytest.param(["simulate", "FILE", "--trace", "TRACE", "--column", "x"], "known: rps", id="column"),
        pytest.param(
            ["run", "FILE", "--trace", "TRACE", "--planner", "x"], "Known: ilp, rules", id="planner"
        ),
        pytest.param(["run", "FILE", "--trace", "TRACE", "--cluster", "x"], "known: embedded", id="cluster"),
        pytest.param(["run", "FILE", "--trace", "TRACE", "--mode", "x"], "'approve'", id="mode"),
        pytest.param(
            ["run", "FILE", "--trace", "TRACE", "--mode", "approve"], "terminal", id="nobody to ask"
        ),
        pytest.param(["frontier", "FILE", "--load", "5", "--plot", "x.gif"], "must end in .png", id="plot"),
        pytest.param(
            ["frontier", "FILE", "--load", "5", "--plot", "no/such/x.png"], "cannot write", id="no folder"
        ),
        pytest.param(["decisions", "--data", "no/such"], "`trimtab run` makes one", id="no store"),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    files = {
        "FILE": str(written(tmp_path)),
        "TRACE": str(written(tmp_path, "rps\n" + "20\n" * 30, "trace.csv")),
    }
    data = ["--data", str(tmp_path / "data")] if arguments[0] == "run" else []

    assert says in trimtab(*(files.get(a, a) for a in arguments), *data).complaint()


TRACES = [
    pytest.param("", "the trace is empty", id="empty"),
    pytest.param("rps\n", "a header and no rows", id="header alone"),
    pytest.param("second,rps\n0,5\n2,5\n", "row 3: second 2 follows 0", id="a second left out"),
    pytest.param("second,rps\n0,5\n0,5\n", "row 3: second 0 follows 0", id="a second twice"),
    pytest.param("rps,x\n5,1\n,1\n", "row 3, rps: nothing there; fill the gap", id="an empty cell"),
    pytest.param("rps\n5\n\n5\n", "row 3, rps: nothing there; fill the gap", id="an empty line"),
    pytest.param("rps\n5\nfive\n", "row 3, rps: 'five' is not a finite number", id="letters"),
    pytest.param("rps\n5\n-1\n", "row 3, rps: -1 is negative", id="negative"),
    pytest.param("rps\n5\nnan\n", "row 3, rps: 'nan' is not a finite number", id="NaN"),
    pytest.param("rps\n5\n1e999\n", "row 3, rps: '1e999' is not a finite number", id="infinite"),
    pytest.param("a,b\n1,2\n", "Name it with --column; known: a, b", id="two columns"),
    pytest.param("rps\n0\n0\n", "request", id="no request at all"),
    pytest.param("rps\n1e300\n", "1e+300", id="enormous"),
]


@pytest.mark.parametrize(("text", "says"), TRACES)
@pytest.mark.parametrize("command", ["simulate", "run"])
def test_a_wrong_trace_is_refused_in_one_line(command: str, text: str, says: str, tmp_path: Path) -> None:
    trace, data = written(tmp_path, text, "trace.csv"), tmp_path / "data"
    rest = ["--data", data] if command == "run" else []

    assert says in trimtab(command, written(tmp_path), "--trace", trace, "--json", *rest).complaint()
    assert not data.exists(), "a refused run leaves nothing behind"


def test_lines_of_a_trace_may_end_as_they_like(tmp_path: Path) -> None:
    trace = written(tmp_path, "\n\nrps\r\n" + "5\r\n" * 12 + "\n\n", "trace.csv")

    ended = trimtab("simulate", written(tmp_path), "--trace", trace, "--json")

    assert ended.status == 0
    assert 20 < ended.objects[0]["requests"] < 120


CONFIGURATIONS = [
    pytest.param("", "the file is empty", id="empty"),
    pytest.param('{"stages": [', "line 1, column", id="broken JSON"),
    pytest.param("{}", 'a list "stages"', id="no stages"),
    pytest.param('{"stages": [1]}', "stages[0]", id="a number"),
    pytest.param(ONE_REPLICA.replace("find", "seek"), "has no stage 'seek', only find", id="stage"),
    pytest.param(ONE_REPLICA.replace("small", "tiny"), "has no variant 'tiny', only small", id="variant"),
    pytest.param(ONE_REPLICA.replace('"batch": 1', '"batch": 7', 1), "not offered at batch 7", id="batch"),
    pytest.param(ONE_REPLICA.replace('as": 1', 'as": -1', 1), "must be at least 0, not -1", id="negative"),
    pytest.param(ONE_REPLICA.replace('as": 1', f'as": {10**26}', 1), "must be at most", id="enormous"),
    pytest.param(ONE_REPLICA.replace('as": 1', 'as": NaN', 1), "number", id="NaN"),
    pytest.param(json.dumps({"stages": json.loads(ONE_REPLICA)["stages"][:1]}), "add it", id="a stage short"),
]


@pytest.mark.parametrize(("text", "says"), CONFIGURATIONS)
@pytest.mark.parametrize("command", ["verify", "simulate", "solve"])
def test_a_wrong_configuration_is_refused_in_one_line(
    command: str, text: str, says: str, tmp_path: Path
) -> None:
    config = written(tmp_path, text, "config.json")
    rest: list[object] = {
        "verify": ["--load", 5, "--config", config],
        "simulate": ["--trace", written(tmp_path, "rps\n5\n", "trace.csv"), "--config", config],
        "solve": ["--load", 5, "--current", config],
    }[command]

    assert says in trimtab(command, written(tmp_path), *rest, "--json").complaint()


def test_a_refusal_is_the_same_in_a_process_of_its_own(tmp_path: Path) -> None:
    file = written(tmp_path, changed("accuracy: 0.5", "accuracy: 1.5"))

    assert trimtab_cold("solve", file, "--load", 5) == trimtab("solve", file, "--load", 5)
