"""What the console keeps of questions and answers, and what it forgets."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from agent.explain.conversation import MOST_EXCHANGES
from agent.explain.reply import Reply, Statement
from core.errors import StoreError
from core.tooluse import ToolUse
from ui.questions.conversations import FILE, Answered, Conversations

USE = ToolUse(id="t1", call="c1", tool="solve", arguments="{}", ok=True, result='{"cores": 5}')


def answered(question: str = "why?", text: str = "because") -> Answered:
    """Return an answer."""
    reply = Reply("toy-000001", question, "model", (Statement(text, "t1 solve {}"),), "a note", ("9",))
    return Answered(reply, (USE,), ("toy-000001", "toy-000002"))


def questions(kept: Conversations, user: str = "ann", pipeline: str = "toy") -> list[str]:
    """Return what was asked."""
    return [one.answered.reply.question for one in kept.history(user, pipeline)]


def test_what_is_kept_comes_back_whole_in_order_and_with_its_time(tmp_path: Path) -> None:
    Conversations(tmp_path, unix=lambda: 5.0).keep("ann", "toy", answered("first?"))
    Conversations(tmp_path, unix=lambda: 6.0).keep("ann", "toy", answered("second?"))

    history = Conversations(tmp_path).history("ann", "toy")

    assert [one.answered for one in history] == [answered("first?"), answered("second?")]
    assert [one.at for one in history] == [5.0, 6.0]


def test_each_user_and_each_pipeline_has_its_own(tmp_path: Path) -> None:
    kept = Conversations(tmp_path)
    kept.keep("ann", "toy", answered("ann's"))
    kept.keep("bob", "toy", answered("bob's"))
    kept.keep("ann", "other/toy", answered("of another"))

    assert questions(kept) == ["ann's"]
    assert questions(kept, "bob") == ["bob's"]
    assert questions(kept, "ann", "other/toy") == ["of another"]
    assert questions(kept, "eve") == []


def test_the_oldest_go_where_there_are_too_many_and_only_one_s_own(tmp_path: Path) -> None:
    kept = Conversations(tmp_path, most=4)
    kept.keep("bob", "toy", answered("bob's"))
    for number in range(7):
        kept.keep("ann", "toy", answered(f"{number}?"))

    assert questions(kept) == ["3?", "4?", "5?", "6?"]
    assert questions(kept, "bob") == ["bob's"]


def test_the_last_exchanges_are_what_a_model_is_told(tmp_path: Path) -> None:
    kept = Conversations(tmp_path)
    for number in range(MOST_EXCHANGES + 1):
        kept.keep("ann", "toy", answered(f"{number}?", f"answer {number}"))

    exchanges = kept.conversation("ann", "toy").exchanges

    assert [(e.question, e.answer) for e in exchanges] == [
        (f"{number}?", f"answer {number}") for number in range(1, MOST_EXCHANGES + 1)
    ]
    assert kept.conversation("bob", "toy").exchanges == ()


def test_what_is_forgotten_is_not_in_the_file_any_more(tmp_path: Path) -> None:
    kept = Conversations(tmp_path)
    kept.keep("ann", "toy", answered("a question to be forgotten"))
    kept.keep("ann", "other", answered("another pipeline"))
    kept.keep("bob", "toy", answered("bob's"))

    kept.forget("ann", "toy")

    assert questions(kept) == []
    assert questions(kept, "ann", "other") == ["another pipeline"]
    assert questions(kept, "bob") == ["bob's"]
    left = b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE}*"))
    assert b"a question to be forgotten" not in left


def test_looking_and_forgetting_make_no_file(tmp_path: Path) -> None:
    kept = Conversations(tmp_path / "home")

    assert kept.history("ann", "toy") == ()
    kept.forget("ann", "toy")

    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_made_with_the_first_answer(tmp_path: Path) -> None:
    kept = Conversations(tmp_path / "new" / "home")

    kept.keep("ann", "toy", answered())

    assert questions(kept) == ["why?"]


def test_many_pages_may_keep_at_once(tmp_path: Path) -> None:
    failed: list[Exception] = []

    def keep(number: int) -> None:
        try:
            Conversations(tmp_path).keep("ann", "toy", answered(f"{number}?"))
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert sorted(questions(Conversations(tmp_path))) == sorted(f"{number}?" for number in range(8))


def test_a_file_that_is_none_is_reported_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database at all" * 100)
    kept = Conversations(tmp_path)

    with pytest.raises(StoreError, match=r"console\.sqlite.*not a database; move the file away"):
        kept.history("ann", "toy")
    with pytest.raises(StoreError, match="not a database"):
        kept.keep("ann", "toy", answered())


def test_a_row_of_another_version_is_reported_and_can_be_forgotten(tmp_path: Path) -> None:
    kept = Conversations(tmp_path)
    kept.keep("ann", "toy", answered())
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("UPDATE answers SET body = '{}'")
    db.close()

    with pytest.raises(StoreError, match="forget the conversation"):
        kept.history("ann", "toy")
    kept.forget("ann", "toy")

    assert kept.history("ann", "toy") == ()


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")

    with pytest.raises(StoreError, match="--home"):
        Conversations(tmp_path / "home").keep("ann", "toy", answered())


def test_a_file_that_another_process_holds_is_reported_soon(tmp_path: Path) -> None:
    kept = Conversations(tmp_path)
    kept.keep("ann", "toy", answered())
    holder = sqlite3.connect(tmp_path / FILE, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")

    with pytest.raises(StoreError, match="locked; another process holds it"):
        kept.keep("ann", "toy", answered())

    holder.close()
    assert questions(kept) == ["why?"]
