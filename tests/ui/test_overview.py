"""The overview says at once whether the pipelines are fine, and what to do where there are none."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agent.folder import DECISIONS
from agent.planners.rules import RulesPlanner
from tests.agent.toy import CHEAPER, Scripted, toy_run, turns
from tests.ui.approvals.waiting_run import loop_in, turn
from tools.presence import Presence, read_presence, write_presence
from tools.store import DecisionStore


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a loop that took five turns and ended."""
    folder = tmp_path_factory.mktemp("overview")
    with toy_run(folder, RulesPlanner()) as run:
        run.loop.recover()
        turns(run, 5)
    return folder / "data"


def _script(data: str) -> None:
    from pathlib import Path  # noqa: PLC0415 - AppTest runs this text alone

    from ui import overview, settings  # noqa: PLC0415 - as above

    settings.use(settings.ConsoleSettings(data=Path(data)))
    overview.page()


def shown(data: Path) -> AppTest:
    """Return the page as it is drawn."""
    page = AppTest.from_function(_script, kwargs={"data": str(data)}, default_timeout=20).run()
    assert not page.exception
    return page


def words(page: AppTest) -> str:
    """Return all texts, labels and chips of a page."""
    elements = (*page.markdown, *page.get("text"), *page.metric, *page.warning, *page.error, *page.subheader)
    return "\n".join(f"{getattr(e, 'label', '')} {e.value}" for e in elements)


def test_a_pipeline_is_told_with_its_state_its_figures_and_its_last_decision(store: Path) -> None:
    page = shown(store)

    told = words(page)
    assert "1 fine" in told
    assert {m.label for m in page.metric} == {
        "SLO attainment, 1 h",
        "latency, p99",
        "accuracy",
        "cores",
    }
    assert "the run has ended" in told
    assert "fresh" in told


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    page = shown(tmp_path)

    assert [s.value for s in page.subheader] == ["No pipeline yet"]
    assert "trimtab demo" in [c.value for c in page.code]


def test_a_folder_that_is_not_there_yet_says_so_and_what_to_do(tmp_path: Path) -> None:
    page = shown(tmp_path / "nowhere")

    assert not page.error
    assert [s.value for s in page.subheader] == ["No pipeline yet"]
    assert "nowhere yet" in words(page)


def test_a_loop_that_was_killed_is_named_as_silent(store: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(store, tmp_path / "data"))
    told = read_presence(data)
    assert told is not None
    write_presence(data, told.model_copy(update={"ended": None, "beat": time.time() - 300}))

    page = shown(data)

    [banner] = page.error
    assert "No sign of life from the loop for 5" in banner.value
    assert "start it again" in banner.value
    assert "1 silent" in words(page)
    assert "1 fine" not in words(page)
    assert "fine when last seen" in words(page)
    assert "fresh" not in words(page)


def test_a_loop_in_real_time_that_was_stopped_is_not_told_as_fine(store: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(store, tmp_path / "data"))
    told = read_presence(data)
    assert told is not None
    write_presence(data, told.model_copy(update={"real_time": True, "ended": time.time() - 120}))

    page = shown(data)

    [banner] = page.warning
    assert "The loop was stopped 2 min ago" in banner.value
    assert "1 stopped" in words(page)
    assert "1 fine" not in words(page)


def test_a_change_that_waits_for_a_person_is_said_on_the_card(tmp_path: Path) -> None:
    with loop_in(tmp_path, Scripted([CHEAPER])) as run:
        turn(run)
        turn(run)

        assert "A change waits for an answer" in words(shown(tmp_path))


def test_a_paused_loop_is_paused_whatever_it_measures(store: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(store, tmp_path / "data"))
    told = read_presence(data)
    assert isinstance(told, Presence)
    write_presence(data, told.model_copy(update={"paused_by": "ann"}))

    assert "1 paused" in words(shown(data))


def test_a_locked_store_is_a_banner_and_hides_no_other(store: Path, tmp_path: Path) -> None:
    good, locked = (Path(shutil.copytree(store, tmp_path / name)) for name in ("good", "locked"))
    with sqlite3.connect(locked / DECISIONS, isolation_level=None) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")

        page = shown(tmp_path)

        [banner] = page.warning
        assert "another process holds it" in banner.value.replace("\\", "")
        assert "1 fine" in words(page)
        assert good.exists()


def test_a_damaged_word_of_the_loop_is_a_banner(store: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(store, tmp_path / "data"))
    (data / "loop.json").write_text("{")

    page = shown(data)

    assert "is damaged" in words(page)


def test_a_model_that_does_not_answer_is_a_banner_with_the_reason(store: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(store, tmp_path / "data"))
    with closing(DecisionStore(data / DECISIONS)) as decisions:
        last = decisions.latest(1)[0]
        planning = last.planning.model_copy(update={"fell_back": "the endpoint cannot be reached"})
        decisions.record(last.model_copy(update={"id": "toy-000099", "planning": planning}))

    [banner] = shown(data).warning
    assert "The language model did not decide" in banner.value
    assert "the endpoint cannot be reached" in banner.value


def test_a_prometheus_that_does_not_answer_is_a_banner_with_the_reason(store: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(store, tmp_path / "data"))
    with closing(DecisionStore(data / DECISIONS)) as decisions:
        last = decisions.latest(1)[0]
        blind = {"observation": None, "findings": (), "signals": (), "note": "Prometheus cannot be reached"}
        decisions.record(last.model_copy(update={"id": "toy-000099", **blind}))

    page = shown(data)

    [banner] = page.warning
    assert "Prometheus cannot be reached" in banner.value
    assert "1 blind" in words(page)


def test_a_decision_that_came_since_is_seen_with_the_next_look(store: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(store, tmp_path / "data"))
    assert "abandoned" not in words(shown(data))
    with closing(DecisionStore(data / DECISIONS)) as decisions:
        last = decisions.latest(1)[0]
        decisions.record(last.model_copy(update={"id": "toy-000099", "outcome": "abandoned"}))

    assert "abandoned" in words(shown(data))


def test_a_damaged_row_is_a_banner_and_hides_no_other(store: Path, tmp_path: Path) -> None:
    _, broken = (Path(shutil.copytree(store, tmp_path / name)) for name in ("good", "broken"))
    with closing(sqlite3.connect(broken / DECISIONS)) as db:
        db.execute("DROP TRIGGER points_stay")
        db.execute("UPDATE points SET findings = 'no JSON'")
        db.commit()

    page = shown(tmp_path)

    assert len(page.error) == 1
    assert "1 fine" in words(page)
