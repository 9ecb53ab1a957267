"""A loop's word is read whole or not at all, and its age says whether it still lives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from core.errors import StoreError
from tools.presence import FILE, Life, Presence, life_of, read_presence, silent_s, write_presence

WORD = Presence(
    pipeline="toy",
    process=77,
    host="here",
    started=100.0,
    beat=1000.0,
    clock_s=900.0,
    real_time=True,
    interval_s=10.0,
    limit="auto",
    mode="observe",
    mode_reason="paused by ann",
    paused_by="ann",
    planner="rules",
)


def test_a_word_comes_back_as_it_was_said_and_the_last_one_counts(tmp_path: Path) -> None:
    write_presence(tmp_path, WORD.model_copy(update={"beat": 1.0}))
    write_presence(tmp_path, WORD)

    assert read_presence(tmp_path) == WORD
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_where_no_loop_ever_spoke_there_is_nothing(tmp_path: Path) -> None:
    assert read_presence(tmp_path) is None
    assert read_presence(tmp_path / "nowhere") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", WORD.model_dump_json()[:-9]])
def test_a_damaged_file_is_named_with_the_way_out(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)

    with pytest.raises(StoreError, match=r"loop\.json: is damaged; remove it"):
        read_presence(tmp_path)


def test_what_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()

    with pytest.raises(StoreError, match=r"loop\.json: cannot be read"):
        read_presence(tmp_path)
    with pytest.raises(StoreError, match=r"loop\.json: cannot be written"):
        write_presence(tmp_path, WORD)
    with pytest.raises(StoreError, match=r"loop\.json: cannot be written"):
        write_presence(tmp_path / "nowhere", WORD)


def test_whoever_reads_while_it_is_written_sees_a_whole_word(tmp_path: Path) -> None:
    write_presence(tmp_path, WORD)
    over = Event()
    writer = Thread(target=lambda: until(over, lambda: write_presence(tmp_path, WORD)))
    writer.start()

    seen = {read_presence(tmp_path) for _ in range(500)}

    over.set()
    writer.join()
    assert seen == {WORD}


def until(over: Event, step: Callable[[], None]) -> None:
    while not over.is_set():
        step()


@pytest.mark.parametrize(
    ("interval_s", "ended", "after_s", "life"),
    [
        pytest.param(10.0, None, 0.0, "running", id="just spoke"),
        pytest.param(10.0, None, 30.0, "running", id="three intervals"),
        pytest.param(10.0, None, 30.5, "silent", id="more than three intervals"),
        pytest.param(1.0, None, 30.0, "running", id="a short interval has half a minute"),
        pytest.param(60.0, None, 180.0, "running", id="a long interval has three"),
        pytest.param(60.0, None, 181.0, "silent", id="but no more"),
        pytest.param(10.0, 1000.0, 5000.0, "ended", id="ended long ago"),
        pytest.param(10.0, None, -50.0, "running", id="a clock that went back"),
    ],
)
def test_its_silence_says_whether_it_lives(
    interval_s: float, ended: float | None, after_s: float, life: Life
) -> None:
    word = WORD.model_copy(update={"interval_s": interval_s, "ended": ended})

    assert life_of(word, 1000.0 + after_s) == life
    assert silent_s(word, 1000.0 + after_s) == max(0.0, after_s)


@pytest.mark.parametrize(("after_s", "expected"), [(149.0, "running"), (151.0, "silent")])
def test_a_loop_that_asks_a_language_model_may_think_for_two_minutes(after_s: float, expected: Life) -> None:
    thinking = WORD.model_copy(update={"planner": "llm"})

    assert life_of(thinking, 1000.0 + after_s) == expected
