"""What is absurd on record, or wrong with a file, is shown or said in a banner: no page breaks, none lies."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from agent.explain.reply import Reply, Statement
from agent.folder import DECISIONS, REQUESTS
from agent.planners.rules import RulesPlanner
from core.assessment import Finding
from core.tooluse import ToolUse
from tests.agent.toy import toy_run, turns
from tools.presence import read_presence, write_presence
from tools.store import DecisionStore
from ui.questions.conversations import Answered, Conversations
from ui.signing.access import NOBODY

PAGES = ("overview", "pipeline.page", "decisions.page", "questions.page", "approvals.page")
UNFORESEEN = "nobody foresaw"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a loop that took three turns and ended."""
    folder = tmp_path_factory.mktemp("absurd")
    with toy_run(folder, RulesPlanner()) as run:
        run.loop.recover()
        turns(run, 3)
    return folder / "data"


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "data")


def _script(name: str, data: str, writable: bool) -> None:
    from importlib import import_module  # noqa: PLC0415 - AppTest runs this text alone
    from pathlib import Path  # noqa: PLC0415 - as above

    from ui import settings  # noqa: PLC0415 - as above

    settings.use(settings.ConsoleSettings(data=Path(data), home=Path(data), writable=writable))
    import_module(f"ui.{name}").page()


def shown(name: str, data: Path, *, writable: bool = False, **address: str) -> AppTest:
    """Return a page as it is drawn."""
    args = (name, str(data), writable)
    page = AppTest.from_function(_script, args=args, default_timeout=30)
    for key, value in address.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    assert not [e.value for e in page.error if UNFORESEEN in e.value]
    return page


@pytest.mark.parametrize("result", ['{"a": "\\ud800"}', "[" * 4000, '{"a": "safe\u202eevil"}'])
def test_an_answer_whose_tool_said_something_absurd_does_not_end_the_conversation(
    result: str, data: Path
) -> None:
    use = ToolUse(id="t1", call="c1", tool="solve", arguments=result, ok=True, result=result)
    reply = Reply("toy-000001", "why?", "model", (Statement("so", "t1"),))
    Conversations(data).keep(NOBODY, "toy", Answered(reply, (use,)))

    page = shown("questions.page", data)

    assert page.chat_input
    assert not [c for c in page.code if "\u202e" in c.value]


@pytest.mark.parametrize("name", PAGES)
def test_a_store_that_cannot_be_read_is_never_taken_for_an_empty_one(name: str, data: Path) -> None:
    for beside in data.glob(f"{DECISIONS}*"):
        beside.write_bytes(b"not a database at all" * 100)

    page = shown(name, data)

    assert any("not a database" in w.value for w in page.warning)
    assert not [c for c in page.code if "trimtab" in c.value], "it says how to make a store that is there"


@pytest.fixture
def sealed(data: Path) -> Iterator[Path]:
    """Give a folder that nobody can write to, as on a volume that is mounted to be read."""
    with closing(sqlite3.connect(data / DECISIONS)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for beside in (*data.glob("*-wal"), *data.glob("*-shm")):
        beside.unlink()
    files = [data, *data.iterdir()]
    for one in files:
        one.chmod(0o555 if one.is_dir() else 0o444)
    yield data
    for one in files:
        one.chmod(0o755)


@pytest.mark.parametrize("name", PAGES)
def test_a_folder_that_can_only_be_read_is_shown(name: str, sealed: Path) -> None:
    page = shown(name, sealed)

    assert not page.warning
    assert not page.error


def test_whoever_looks_leaves_the_files_as_they_are(data: Path) -> None:
    with closing(sqlite3.connect(data / REQUESTS)) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            db.execute(f"DROP TABLE {table}")
        db.commit()
    for name in PAGES:
        shown(name, data)

    with closing(sqlite3.connect(data / REQUESTS)) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


@pytest.mark.parametrize("clock_s", [1e17, 1e300])
def test_a_clock_beyond_the_calendar_is_said_and_breaks_nothing(clock_s: float, data: Path) -> None:
    presence = read_presence(data)
    assert presence is not None
    absurd = {"clock_s": clock_s, "real_time": True, "ended": None}
    write_presence(data, presence.model_copy(update=absurd))

    page = shown("approvals.page", data, writable=True)

    assert any("beyond the calendar" in e.value for e in page.error)


def test_thousands_of_findings_and_tool_calls_are_counted_and_the_ends_of_them_drawn(data: Path) -> None:
    finding = Finding(kind="slo breach", subject="toy", statement="late", since_s=1.0)
    use = ToolUse(id="t1", call="c1", tool="solve", arguments="{}", ok=True, result="x" * 8000)
    with closing(DecisionStore(data / DECISIONS)) as store:
        last = store.latest(1)[0]
        many = {"id": "toy-000009", "findings": (finding,) * 5000, "uses": (use,) * 500}
        store.record(last.model_copy(update=many))

    page = shown("decisions.page", data, decision="toy-000009")

    told = [t.value for t in page.text]
    assert "and 4960 more findings: the record below has them" in told
    assert any(text.endswith("more steps: the record below has them") for text in told)
    assert len(page.expander) < 100
    assert page.get("download_button"), "the record is whole"
