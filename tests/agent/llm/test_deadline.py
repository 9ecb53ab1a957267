"""A call with one deadline, which tells what it has on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from agent.llm.deadline import OutOfTime, in_time

Tell = Callable[[int], None]


def test_what_is_told_is_heard_in_order_and_in_the_thread_that_waits() -> None:
    heard: list[tuple[int, threading.Thread]] = []

    def call(tell: Tell) -> str:
        for number in range(3):
            tell(number)
            time.sleep(0.02)
        return "made"

    made = in_time(call, 5, lambda number: heard.append((number, threading.current_thread())))

    assert made == "made"
    assert heard == [(number, threading.current_thread()) for number in range(3)]


def test_who_listens_slowly_hears_only_the_latest() -> None:
    heard: list[int] = []

    def slowly(number: int) -> None:
        heard.append(number)
        time.sleep(0.1)

    def call(tell: Tell) -> None:
        for number in range(50):
            tell(number)
            time.sleep(0.002)
        time.sleep(0.2)

    in_time(call, 5, slowly)

    assert heard[0] < 5
    assert heard[-1] == 49
    assert len(heard) < 10


def test_a_call_that_raises_raises() -> None:
    def call(tell: Tell) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        in_time(call, 5, lambda _: None)


@pytest.mark.parametrize("pause_s", [0.0, 0.001, 0.03])
def test_the_deadline_holds_however_fast_it_tells(pause_s: float) -> None:
    over = threading.Event()

    def call(tell: Tell) -> None:
        while not over.wait(pause_s):
            tell(1)

    began = time.monotonic()
    try:
        with pytest.raises(OutOfTime):
            in_time(call, 0.2, lambda _: None)
    finally:
        over.set()

    assert time.monotonic() - began < 1.5


def test_nothing_is_heard_after_the_deadline_even_if_it_waits_already() -> None:
    heard: list[int] = []
    over = threading.Event()

    def slowly(number: int) -> None:
        heard.append(number)
        time.sleep(0.3)

    def call(tell: Tell) -> None:
        tell(1)
        time.sleep(0.05)
        tell(2)
        over.wait(5)

    try:
        with pytest.raises(OutOfTime):
            in_time(call, 0.2, slowly)
    finally:
        over.set()

    assert heard == [1]


def test_a_call_that_nobody_waits_for_any_more_ends_with_the_next_that_it_tells() -> None:
    ended = threading.Event()

    def call(tell: Tell) -> None:
        try:
            while True:
                tell(1)
                time.sleep(0.01)
        finally:
            ended.set()

    with pytest.raises(OutOfTime):
        in_time(call, 0.1, lambda _: None)

    assert ended.wait(5)
