"""Commands are kept in order with who, when and with what right, and each gets one outcome."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from core.calendar import Event
from core.errors import StoreError, UsageError
from tools.commands import TABLES, Command, CommandKind, Commands, Outcome
from tools.requests import Requests

ROOT = Path(__file__).parents[2]
EVENT = Event(
    id="launch", pipeline="toy", start_s=60, end_s=120, load_factor=3, author="somebody", entered_s=0
)
DONE = Outcome(ok=True, note="done", at=9.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requests.sqlite"


@pytest.fixture
def commands(path: Path) -> Iterator[Commands]:
    with closing(Commands(path)) as opened:
        yield opened


def put(
    commands: Commands, kind: CommandKind, body: str = "", *, who: str = "ann", at: float = 1.0
) -> Command:
    return commands.put(kind, body, who=who, role="admin", at=at)


def forged(path: Path, body: str | bytes) -> None:
    """Write a row past every check, as whoever owns the file can."""
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO commands (body) VALUES (CAST(? AS TEXT))", (body,))


def test_commands_come_in_order_and_those_after_a_number_alone(commands: Commands) -> None:
    first = put(commands, "pause")
    second = commands.put("mode", "observe", who="bob", role="admin", at=2.0)

    assert [given.command for given in commands.after(0)] == [first, second]
    assert (second.seq, second.kind, second.mode, second.who, second.role) == (
        2,
        "mode",
        "observe",
        "bob",
        "admin",
    )
    assert [given.command for given in commands.after(1)] == [second]
    assert commands.after(2) == ()


def test_an_event_is_announced_in_the_name_of_who_commands_it(commands: Commands) -> None:
    command = put(commands, "announce", EVENT.model_dump_json())

    assert command.event == EVENT.model_copy(update={"author": "ann"})


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        pytest.param("mode", "full", "there is no mode 'full'; known: observe, approve, auto", id="no mode"),
        pytest.param("mode", "", "there is no mode ''", id="mode of nothing"),
        pytest.param("pause", "please", "'pause' takes no more words", id="a pause with words"),
        pytest.param("announce", "{}", "the event cannot be read: id: is missing", id="no event"),
        pytest.param("announce", "launch", "the event cannot be read", id="no JSON"),
        pytest.param("withdraw", "", "that is no id of an event", id="no id"),
        pytest.param("withdraw", "two words", "that is no id of an event", id="two words"),
        pytest.param("reboot", "", "kind: must be 'pause', 'resume'", id="an unknown kind"),
    ],
)
def test_what_means_nothing_is_refused_and_not_kept(
    commands: Commands, kind: CommandKind, body: str, message: str
) -> None:
    with pytest.raises(UsageError) as refused:
        put(commands, kind, body)

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert commands.after(0) == ()


@pytest.mark.parametrize("who", ["", "ann lee", "x" * 254])
def test_a_command_in_nobodys_name_is_refused(commands: Commands, who: str) -> None:
    with pytest.raises(UsageError, match="who: must be a name"):
        put(commands, "pause", who=who)

    assert commands.after(0) == ()


def test_the_first_outcome_stays_and_is_listed_with_its_command(commands: Commands) -> None:
    first, second = put(commands, "pause"), put(commands, "resume")

    commands.settle(first.seq, DONE)
    commands.settle(first.seq, Outcome(ok=False, note="changed my mind", at=10.0))

    assert [(g.command, g.outcome) for g in commands.latest(5)] == [(second, None), (first, DONE)]
    assert [g.seq for g in commands.latest(1)] == [2]
    assert len(commands.latest(None)) == 2


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("{}", id="nothing in it"),
        pytest.param("pause", id="no JSON"),
        pytest.param(b'\xff\xfe{"', id="no text"),
        pytest.param('{"seq": 1, "kind": "mode", "body": "root", "who": "eve", "at": 1}', id="no such mode"),
        pytest.param('{"seq": 1, "kind": "pause", "who": "eve", "role": "god", "at": 1}', id="no such role"),
        pytest.param('{"seq": 1, "kind": "pause", "who": "eve", "at": 1e300}', id="a time without a date"),
    ],
)
def test_a_command_that_cannot_be_read_says_why_and_hides_no_other(
    commands: Commands, path: Path, body: str | bytes
) -> None:
    forged(path, body)
    put(commands, "pause")

    bad, good = commands.after(0)

    assert (bad.command, bad.outcome, good.problem) == (None, None, "")
    assert bad.problem
    assert "\n" not in bad.problem
    assert good.command is not None


def test_a_file_from_before_there_were_roles_and_outcomes_opens_and_its_commands_are_the_owners(
    path: Path,
) -> None:
    with closing(sqlite3.connect(path)) as old, old:
        old.execute("CREATE TABLE commands (seq INTEGER PRIMARY KEY, body TEXT NOT NULL)")
        old.execute(
            "INSERT INTO commands VALUES (1, ?)",
            ('{"seq": 1, "kind": "pause", "body": "", "who": "ann", "at": 1.0}',),
        )

    with closing(Commands(path)) as commands:
        (given,) = commands.after(0)

    assert given.command is not None
    assert (given.command.who, given.command.role, given.outcome) == ("ann", "admin", None)


def test_requests_and_commands_share_a_file_whichever_comes_first(path: Path) -> None:
    with closing(Requests(path)) as requests, closing(Commands(path)) as commands:
        put(commands, "pause")

        assert requests.open_requests() == ()
        assert len(commands.after(0)) == 1
    with closing(Requests(path, must_exist=True)), closing(Commands(path, must_exist=True)) as again:
        assert len(again.after(0)) == 1


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["UPDATE {} SET rowid = 99", "DELETE FROM {}"])
def test_nothing_on_record_can_be_changed_or_deleted(
    commands: Commands, path: Path, table: str, change: str
) -> None:
    commands.settle(put(commands, "pause").seq, DONE)

    with closing(sqlite3.connect(path)) as raw, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(change.format(table))


def test_those_who_command_at_once_each_get_a_number_of_their_own(path: Path) -> None:
    def several(name: str) -> list[int]:
        with closing(Commands(path)) as mine:
            return [put(mine, "pause", who=name).seq for _ in range(10)]

    with ThreadPoolExecutor(4) as pool:
        numbers = [n for given in pool.map(several, ["ann", "bob", "eve", "dan"]) for n in given]

    assert sorted(numbers) == list(range(1, 41))


def test_a_loop_sees_what_another_process_commands(commands: Commands, path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tools.commands import Commands\n"
        "Commands(Path(sys.argv[1])).put('pause', who='ann', role='approver', at=1.0)\n"
    )

    subprocess.run([sys.executable, "-c", script, str(path)], cwd=ROOT, check=True, timeout=60)

    (given,) = commands.after(0)
    assert given.command is not None
    assert (given.command.kind, given.command.role) == ("pause", "approver")


def test_where_no_loop_has_run_nothing_is_commanded_and_no_file_made(path: Path) -> None:
    with pytest.raises(UsageError, match="no loop has used this folder"):
        Commands(path, must_exist=True)

    assert not path.exists()


def test_a_held_lock_is_reported_and_the_command_can_be_given_after_it(path: Path) -> None:
    with (
        closing(Commands(path, busy_s=0.05)) as commands,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")

        assert commands.after(0) == (), "reading waits for nobody"
        with pytest.raises(StoreError, match="another process holds it: try again"):
            put(commands, "pause")

        other.execute("ROLLBACK")
        assert put(commands, "pause").seq == 1
