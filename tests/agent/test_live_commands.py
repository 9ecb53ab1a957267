"""`run --cluster local`, `demo-live`, `local` from outside: what is missing is one line with the way out."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.agent.command import ROOT, trimtab
from tools.local.layout import ClusterState, Layout

CARDS = str(ROOT / "pipelines" / "id_card" / "pipeline.yaml")


@pytest.fixture
def python(tmp_path: Path) -> str:
    """Return an interpreter that is there; nothing is started in these tests."""
    found = tmp_path / "python"
    found.touch()
    return str(found)


@pytest.fixture
def program(tmp_path: Path) -> str:
    found = tmp_path / "prometheus"
    found.touch()
    return str(found)


def test_a_missing_serving_environment_is_named(tmp_path: Path) -> None:
    done = trimtab("run", CARDS, "--cluster", "local", "--serving-python", str(tmp_path / "none"))

    assert "make serving" in done.complaint()


def test_missing_weights_are_named(tmp_path: Path, python: str, program: str) -> None:
    done = trimtab(
        *("run", CARDS, "--cluster", "local", "--serving-python", python, "--prometheus", program),
        *("--models", str(tmp_path), "--data", str(tmp_path / "data")),
    )

    assert "make models" in done.complaint()


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        pytest.param("rps\n0\n0\n", "no request", id="nothing to start from"),
        pytest.param("rps\nmany\n", "many", id="no number"),
    ],
)
def test_a_trace_that_is_none_is_refused_before_anything_starts(
    tmp_path: Path, python: str, cells: str, said: str
) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text(cells)

    done = trimtab("run", CARDS, "--cluster", "local", "--serving-python", python, "--trace", str(trace))

    assert said in done.complaint()


def test_the_embedded_cluster_needs_a_trace() -> None:
    done = trimtab("run", CARDS)

    assert "--trace" in done.complaint()


def test_a_load_that_this_machine_cannot_carry_is_refused(tmp_path: Path, python: str, program: str) -> None:
    (tmp_path / "id_card").mkdir()
    trace = tmp_path / "trace.csv"
    trace.write_text("rps\n" + "5000\n" * 30)

    done = trimtab(
        *("run", CARDS, "--cluster", "local", "--serving-python", python, "--prometheus", program),
        *("--models", str(tmp_path), "--trace", str(trace), "--data", str(tmp_path / "data")),
    )

    assert "nothing is feasible" in done.complaint()


def test_no_cluster_is_said_so(tmp_path: Path) -> None:
    status = trimtab("local", "status", "--data", str(tmp_path))
    down = trimtab("local", "down", "--data", str(tmp_path))

    assert (status.status, down.status) == (1, 0)
    assert "no local cluster runs" in status.out
    assert "no local cluster runs" in down.out


def test_what_runs_is_shown(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "local")
    layout.create()
    state = ClusterState(
        pid=1,
        began_at=0,
        seen_at=time.time() + 60,
        router="127.0.0.1:1",
        router_ready=True,
        prometheus_url="http://127.0.0.1:2",
        change="id-card-000007",
        restarts=1,
        problem="read: [bold]x[/bold] ended by itself",
        replicas=(),
    )
    layout.state.write_text(state.model_dump_json())

    shown = trimtab("local", "status", "--data", str(tmp_path))
    plain = trimtab("local", "status", "--data", str(tmp_path), "--json")

    assert shown.status == plain.status == 0
    assert "id-card-000007" in shown.out
    assert "read: [bold]x[/bold] ended by itself" in shown.out
    assert plain.objects[0]["router"] == "127.0.0.1:1"
