"""`trimtab evaluate`: one command runs and prints; whatever is wrong is one line and an exit status.

The suite is run on files in IPA's format with figures of our own (`ipafiles`), forty seconds each.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evals import frames, store
from evals.episode import play
from tests.agent.command import Ended, trimtab
from tests.evals.cells import ILP, cell
from tests.evals.ipafiles import written


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("ipa"))


@pytest.fixture(scope="module")
def results(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a small run: three policies on two cells with three seeds."""
    folder = tmp_path_factory.mktemp("results")
    ended = paper(data, folder)
    assert (ended.status, ended.err) == (0, ""), ended
    return folder


def paper(data: Path, folder: Path, *more: object) -> Ended:
    return trimtab(
        "evaluate", "paper", "--data", data, "--out", folder, "--seeds", 3, "--workers", 1,
        "--policies", "ilp,ipa,oracle", "--cells", "video/bursty,nlp/steady-low", *more,
    )  # fmt: skip


def test_what_was_asked_for_is_run(results: Path) -> None:
    loaded = frames.load(results)

    assert len(loaded.rows) == 2 * 3 * 3
    assert loaded.policies == ("ilp", "ipa", "oracle")
    assert {row.scenario for row in loaded.rows} == {"video/bursty", "nlp/steady-low"}
    assert len(loaded.trails) == 6


def test_it_prints_the_cells_and_everybody_in_them(data: Path, results: Path) -> None:
    ended = paper(data, results)

    assert (ended.status, ended.err) == (0, "")
    for word in ("video/bursty", "nlp/steady-low", "ilp", "ipa", "oracle"):
        assert word in ended.out


def test_what_is_done_is_not_run_again(data: Path, results: Path) -> None:
    before = frames.load(results).rows

    paper(data, results)
    assert frames.load(results).rows == before

    assert paper(data, results, "--fresh").status == 0
    assert [row.score for row in frames.load(results).rows] == [row.score for row in before]


def test_the_table_of_a_folder_is_what_the_run_printed(data: Path, results: Path) -> None:
    assert trimtab("evaluate", "table", results).out == paper(data, results).out


def test_the_results_are_objects_too_one_a_line(data: Path, results: Path) -> None:
    found = paper(data, results, "--json").objects

    assert found == trimtab("evaluate", "table", results, "--json").objects
    assert len(found) >= 2
    assert all(isinstance(each, dict) for each in found)


def test_a_report_is_written(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "deep" / "report.html"

    ended = trimtab("evaluate", "report", results, "--out", page)

    assert (ended.status, ended.err) == (0, "")
    assert "video/bursty" in page.read_text()


def test_the_page_of_results_is_written(results: Path, tmp_path: Path) -> None:
    page = tmp_path / "results.md"

    ended = trimtab("evaluate", "results", results, "--out", page)

    assert (ended.status, ended.err) == (0, "")
    assert "\n# Results\n" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("--policies", "ilp,illp"), "no 'illp' in this suite. Known: ilp, ipa", id="policy"),
        pytest.param(("--policies", "ilp,"), "no '' in this suite", id="a comma too many"),
        pytest.param(("--cells", "nowhere"), "--cells nowhere: no such cell. Known: video/bursty", id="cell"),
        pytest.param(("--cells", ","), "--cells ,: no such cell", id="no cell"),
        pytest.param(("--seeds", "0"), "--seeds", id="no seed"),
        pytest.param(("--workers", "0"), "--workers", id="no worker"),
        pytest.param(("--accuracy", "guessed"), "--accuracy", id="another accuracy"),
        pytest.param(("--data", "missing"), "missing/pipelines/video.json", id="no data"),
        pytest.param(("--ray", "127.0.0.1:1"), "--ray 127.0.0.1:1: ", id="no cluster"),
    ],
)
def test_wrong_input_is_one_line(data: Path, tmp_path: Path, arguments: tuple[str, str], said: str) -> None:
    ended = paper(data, tmp_path / "out", *arguments)

    assert said in ended.complaint()
    assert ended.out == ""


def test_a_word_of_a_cell_is_enough_and_a_comma_too_many_does_no_harm(data: Path, tmp_path: Path) -> None:
    ended = paper(data, tmp_path, "--cells", "nlp/steady-low,", "--policies", "ilp,ilp", "--seeds", 1)

    assert ended.status == 0
    assert [row.scenario for row in frames.load(tmp_path).rows] == ["nlp/steady-low"]


def test_results_of_another_commit_are_left_alone(data: Path, tmp_path: Path) -> None:
    (played,) = play(cell(), [ILP], 0, series=False)
    store.keep(tmp_path, [replace(played, row=played.row.model_copy(update={"git": "d" * 40}))])

    assert "of commit dddddddddddd, this is another" in paper(data, tmp_path).complaint()
    assert not (tmp_path / frames.EPISODES).exists()


@pytest.mark.parametrize("command", ["table", "report", "results"])
def test_a_folder_without_results_is_one_line(tmp_path: Path, command: str) -> None:
    ended = trimtab("evaluate", command, tmp_path / "nowhere")

    assert "nowhere" in ended.complaint()


def test_traces_that_are_not_where_they_were_said_to_be_are_no_smaller_suite(tmp_path: Path) -> None:
    ended = trimtab("evaluate", "ours", "--data", tmp_path / "missing", "--out", tmp_path / "out")

    assert "missing/traces/bursty.csv: not there" in ended.complaint()


def test_a_model_without_an_endpoint_is_said_before_anything_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    ended = trimtab("evaluate", "drift", "--model", "some", "--out", tmp_path / "out")

    assert "no endpoint is set" in ended.complaint()
    assert not (tmp_path / "out").exists()


def test_a_policy_of_the_drift_suite_may_run_alone(tmp_path: Path) -> None:
    ended = trimtab(
        "evaluate", "drift", "--policies", "static-large", "--cells", "stationary", "--seeds", 1,
        "--workers", 1, "--out", tmp_path,
    )  # fmt: skip

    assert (ended.status, ended.err) == (0, "")
    assert "stationary" in ended.out


def test_a_policy_that_can_decide_nothing_fails_the_run_in_one_line(tmp_path: Path) -> None:
    """Nothing carries a million requests a second with a hundred replicas."""
    data = written(tmp_path / "ipa")
    (data / "traces" / "bursty.csv").write_text("second,rps_div8\n0,1000000\n1,1000000\n")

    ended = paper(data, tmp_path / "out", "--cells", "video/bursty")

    assert "nothing is feasible" in ended.complaint()


def test_the_command_is_there_with_what_it_can_do() -> None:
    ended = trimtab("evaluate", "--help")

    assert ended.status == 0
    for command in ("paper", "ours", "drift", "agent", "injection", "table", "report", "results"):
        assert command in ended.out
