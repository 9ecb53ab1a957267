"""The judge of the long runs condemns what it should, and nothing else."""

from __future__ import annotations

from core.configuration import Configuration
from tests.agent.controller.judge import Judge
from tests.kube.stream import Event
from tests.tools.kubernetes.stages import asked, configured, toy, written

PIPELINE = toy(max_cores=8)
START, GOAL = configured("small", 2, 2), configured("large", 3, 2)
INTENTS = {"toy-1": START, "toy-2": GOAL}


def event(version: int, change: str, configuration: Configuration, stage: str = "find") -> Event:
    body = written(asked(PIPELINE, configuration)[stage], change=change)
    body["metadata"]["resourceVersion"] = str(version)
    return Event("MODIFIED", body)


def complaints(*events: Event, hands: set[int] | None = None, quiet: tuple[int, int] = (0, 0)) -> str:
    judge = Judge(PIPELINE, START, INTENTS, hands or set(), (quiet,))
    return " ".join(judge.complaints(events))


def test_an_approved_change_and_its_putting_back_are_right() -> None:
    there, back = event(2, "toy-2", GOAL), event(3, "toy-1", START)

    assert complaints(event(1, "toy-1", START), there, back) == ""


def test_what_is_on_no_record_is_condemned() -> None:
    assert "is in no record" in complaints(event(1, "toy-1", START), event(2, "toy-9", GOAL))


def test_what_nobody_approved_is_condemned() -> None:
    other = configured("large", 2, 2)

    assert "not on the way" in complaints(event(1, "toy-1", START), event(2, "toy-2", other))
    assert "nobody approved" in complaints(
        event(1, "toy-1", START), event(2, "toy-2", configured("small", 3, 2))
    )


def test_a_change_that_comes_back_is_condemned() -> None:
    versions = [event(1, "toy-1", START), event(2, "toy-2", GOAL), event(3, "toy-1", START)]

    assert "applied twice" in complaints(*versions, event(4, "toy-2", GOAL))


def test_a_fight_is_condemned() -> None:
    edit = event(2, "toy-1", START)
    edit.object["spec"]["replicas"] = 7

    assert "written over" in complaints(event(1, "toy-1", START), edit, event(3, "toy-2", GOAL), hands={2})
    assert "had a say" in complaints(event(1, "toy-1", START), event(3, "toy-2", GOAL), quiet=(1, 5))


def test_too_many_cores_on_the_way_are_condemned() -> None:
    readers = event(1, "toy-1", configured("small", 2, 4), "read")

    assert "10 cores of at most 8" in complaints(readers, event(2, "toy-1", START), event(3, "toy-2", GOAL))
