"""A person's answer counts once, for one open request, whoever else has the file open."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from core.approval import MOST_COMMENT, proposal_hash
from core.errors import StoreError, UsageError
from tests.core.toys import configuration
from tools.requests import TABLES, Asked, Request, Requests

RUNNING = configuration(("first", "small", 1, 2))
ROOT = Path(__file__).parents[2]


def request(name: str, replicas: int = 4, *, asked_at: float = 1000.0) -> Request:
    proposed = configuration(("first", "small", 1, replicas))
    return Request(
        decision=name,
        pipeline="toy",
        proposal=proposal_hash("toy", RUNNING, proposed),
        running=RUNNING,
        proposed=proposed,
        asked_at=asked_at,
        expires_at=asked_at + 600,
    )


ONE, OTHER = request("toy-000001"), request("toy-000002", 5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "requests.sqlite"


@pytest.fixture
def requests(path: Path) -> Iterator[Requests]:
    with closing(Requests(path)) as opened:
        yield opened


def say(
    requests: Requests,
    which: str,
    *,
    agreed: bool = True,
    approver: str = "ann",
    comment: str = "",
    at: float = 1100.0,
) -> None:
    requests.answer(which, agreed=agreed, approver=approver, comment=comment, at=at)


def refusal(
    requests: Requests, which: str, *, approver: str = "ann", comment: str = "", at: float = 1100.0
) -> str:
    """Return why an answer is refused; fail if it is taken, or leaves a trace."""
    before = requests.latest(99)
    with pytest.raises(UsageError) as refused:
        say(requests, which, approver=approver, comment=comment, at=at)
    assert requests.latest(99) == before
    return str(refused.value)


def test_a_request_comes_back_as_it_went_in_and_asking_again_is_harmless(requests: Requests) -> None:
    requests.open(ONE)
    requests.open(OTHER)
    requests.open(ONE)

    assert requests.open_requests() == (ONE, OTHER)
    assert requests.answer_of(ONE.proposal) is None


@pytest.mark.parametrize("which", [ONE.decision, ONE.proposal, ONE.proposal[:6], ONE.proposal.upper()[:12]])
def test_an_answer_is_found_by_the_loop_with_name_time_and_comment(requests: Requests, which: str) -> None:
    requests.open(OTHER)
    requests.open(ONE)

    say(requests, which, agreed=False, comment="not tonight")

    word = requests.answer_of(ONE.proposal)
    assert word is not None
    assert (word.proposal, word.agreed, word.approver) == (ONE.proposal, False, "ann")
    assert (word.at, word.comment) == (1100.0, "not tonight")
    assert requests.answer_of(OTHER.proposal) is None
    assert requests.open_requests() == (OTHER, ONE)


@pytest.mark.parametrize("which", ["toy", "toy-00000", ONE.proposal[:5], "f" * 64, "", "%", "toy-00000_"])
def test_an_answer_to_nothing_that_was_asked_is_refused(requests: Requests, which: str) -> None:
    requests.open(ONE)

    assert refusal(requests, which) == f"there is no request {which!r}; `trimtab requests` lists them"


def test_a_prefix_of_two_open_requests_is_refused(requests: Requests) -> None:
    twin = OTHER.model_copy(update={"proposal": ONE.proposal[:8] + OTHER.proposal[8:]})
    requests.open(ONE)
    requests.open(twin)

    text = refusal(requests, ONE.proposal[:8])

    assert text == f"{ONE.proposal[:8]!r} may mean any of toy-000001, toy-000002; give the whole id"
    say(requests, ONE.proposal[:9])
    requests.settle(ONE.proposal, "answered", at=1101.0)
    say(requests, ONE.proposal[:8])
    assert requests.answer_of(twin.proposal) is not None


def test_the_first_answer_counts(requests: Requests) -> None:
    requests.open(ONE)
    say(requests, "toy-000001", agreed=False)

    text = refusal(requests, "toy-000001", approver="bob")

    assert text == f"request toy-000001 ({ONE.proposal[:12]}) is answered already: ann said no"


@pytest.mark.parametrize(("at", "taken"), [(1599.9, True), (1600.0, False), (1630.0, False)])
def test_an_answer_after_the_time_is_refused(requests: Requests, at: float, taken: bool) -> None:
    requests.open(ONE)

    if taken:
        say(requests, "toy-000001", at=at)
    else:
        assert f"expired {at - 1600:.0f} s ago" in refusal(requests, "toy-000001", at=at)
    assert (requests.answer_of(ONE.proposal) is not None) is taken


def test_an_answer_to_what_was_superseded_is_refused_with_the_reason(requests: Requests) -> None:
    requests.open(ONE)
    requests.settle(ONE.proposal, "superseded by toy-000002", at=1050.0)
    requests.settle(ONE.proposal, "nobody answered in time", at=1700.0)

    assert "is closed: superseded by toy-000002;" in refusal(requests, "toy-000001")
    assert requests.open_requests() == ()


def test_the_same_change_asked_again_needs_an_answer_of_its_own(requests: Requests) -> None:
    requests.open(ONE)
    say(requests, "toy-000001")
    requests.settle(ONE.proposal, "answered", at=1101.0)

    requests.open(ONE.model_copy(update={"decision": "toy-000009", "asked_at": 2000.0, "expires_at": 2600.0}))

    assert requests.answer_of(ONE.proposal) is None
    assert "answered already" in refusal(requests, "toy-000001", at=2100.0)
    say(requests, ONE.proposal[:10], at=2100.0)
    assert requests.answer_of(ONE.proposal) is not None


@pytest.mark.parametrize(
    ("approver", "comment", "message"),
    [
        pytest.param("", "", "approver: must be a name", id="no name"),
        pytest.param("ann lee", "", "approver: must be a name", id="a space"),
        pytest.param("ann", "x" * (MOST_COMMENT + 1), "comment: ", id="a long comment"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    requests: Requests, approver: str, comment: str, message: str
) -> None:
    requests.open(ONE)

    assert message in refusal(requests, "toy-000001", approver=approver, comment=comment)


def test_an_answer_to_what_was_shown_counts(requests: Requests) -> None:
    requests.open(ONE)

    word = requests.answer(
        ONE.decision, agreed=True, approver="ann", comment="", at=1100.0, shown=ONE.proposal
    )

    assert requests.answer_of(ONE.proposal) == word


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(OTHER.proposal, id="another change"),
        pytest.param(ONE.proposal[:12], id="only the beginning"),
        pytest.param(ONE.proposal.upper(), id="not as it is displayed"),
        pytest.param("", id="nothing"),
    ],
)
def test_an_answer_to_anything_but_the_whole_change_shown_is_refused(requests: Requests, shown: str) -> None:
    requests.open(ONE)

    with pytest.raises(UsageError, match=r"is about the change .*, not what was shown"):
        requests.answer(ONE.decision, agreed=True, approver="ann", comment="", at=1100.0, shown=shown)

    assert requests.answer_of(ONE.proposal) is None


def test_a_page_that_showed_the_old_question_does_not_answer_the_new_one(requests: Requests) -> None:
    requests.open(ONE)
    requests.settle(ONE.proposal, "superseded by toy-000002", at=1050.0)
    requests.open(ONE.model_copy(update={"decision": "toy-000009"}))

    for which in (ONE.decision, ONE.proposal):
        with pytest.raises(UsageError, match=r"is closed: superseded|is no decision that asks"):
            requests.answer(which, agreed=True, approver="ann", comment="", at=1100.0, shown=ONE.proposal)

    assert requests.answer_of(ONE.proposal) is None


def test_closing_what_was_never_asked_is_refused(requests: Requests) -> None:
    with pytest.raises(UsageError, match="there is no request"):
        requests.settle(ONE.proposal, "answered", at=1.0)


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        pytest.param((), "waiting", id="open"),
        pytest.param(("late",), "expired", id="expired"),
        pytest.param(("yes",), "agreed to by ann", id="agreed"),
        pytest.param(("no", "answered"), "refused by ann", id="refused"),
        pytest.param(("superseded",), "closed: superseded", id="superseded"),
        pytest.param(("yes", "superseded"), "closed: superseded", id="agreed, and superseded"),
    ],
)
def test_what_became_of_a_request_is_said(requests: Requests, steps: tuple[str, ...], state: str) -> None:
    requests.open(ONE)

    for step in steps:
        if step in ("yes", "no"):
            say(requests, "toy-000001", agreed=step == "yes")
        elif step != "late":
            requests.settle(ONE.proposal, step, at=1200.0)

    (found,) = requests.latest(5)
    assert isinstance(found, Asked)
    assert found.state(9999.0 if "late" in steps else 1200.0) == state


def test_two_who_answer_at_once_get_one_yes_and_one_refusal(path: Path) -> None:
    with closing(Requests(path)) as requests:
        for k in range(20):
            requests.open(request(f"toy-{k:06d}", k + 3))

    def answer_all(name: str) -> list[int]:
        won = []
        with closing(Requests(path)) as mine:
            for k in range(20):
                try:
                    say(mine, f"toy-{k:06d}", approver=name)
                except UsageError:
                    continue
                won.append(k)
        return won

    with ThreadPoolExecutor(4) as pool:
        wins = list(pool.map(answer_all, ["ann", "bob", "eve", "dan"]))

    assert sorted(k for won in wins for k in won) == list(range(20))


def test_the_command_line_and_the_loop_see_each_others_rows_from_two_processes(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from tools.requests import Requests\n"
        "requests = Requests(Path(sys.argv[1]))\n"
        "requests.answer('toy-000001', agreed=True, approver='ann', comment='', at=1100.0)\n"
    )
    with closing(Requests(path)) as loop:
        loop.open(ONE)

        subprocess.run([sys.executable, "-c", script, str(path)], cwd=ROOT, check=True, timeout=60)

        word = loop.answer_of(ONE.proposal)
        assert word is not None
        assert word.approver == "ann"


def test_requests_and_answers_survive_closing_the_file(path: Path) -> None:
    with closing(Requests(path)) as requests:
        requests.open(ONE)
        say(requests, "toy-000001")

    with closing(Requests(path, must_exist=True)) as again:
        assert again.open_requests() == (ONE,)
        assert again.answer_of(ONE.proposal) is not None


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("change", ["UPDATE {} SET rowid = 99", "DELETE FROM {}"])
def test_nothing_on_record_can_be_changed_or_deleted(
    requests: Requests, path: Path, table: str, change: str
) -> None:
    requests.open(ONE)
    say(requests, "toy-000001")
    requests.settle(ONE.proposal, "answered", at=1101.0)

    with closing(sqlite3.connect(path)) as raw, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(change.format(table))


def test_a_file_that_must_exist_and_does_not_is_named_and_not_made(path: Path) -> None:
    with pytest.raises(UsageError, match="nothing was ever asked"):
        Requests(path, must_exist=True)

    assert not path.exists()


def test_a_file_that_is_no_database_is_refused_with_a_fix(path: Path) -> None:
    path.write_text("something else " * 100)

    with pytest.raises(StoreError, match="not a database; move the file away"):
        Requests(path)


def test_a_row_of_another_version_is_refused_with_a_fix(requests: Requests, path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO requests (decision, proposal, body) VALUES ('x', 'y', '{}')")

    with pytest.raises(StoreError, match="written by another version"):
        requests.open_requests()


def test_a_held_lock_is_reported_and_the_answer_can_be_given_after_it(path: Path) -> None:
    with (
        closing(Requests(path, busy_s=0.05)) as requests,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        requests.open(ONE)
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="another process holds it: try again"):
            say(requests, "toy-000001")

        other.execute("ROLLBACK")
        say(requests, "toy-000001")
        assert requests.answer_of(ONE.proposal) is not None
