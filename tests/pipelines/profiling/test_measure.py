"""A whole run over the toy, with a stopwatch and a machine that do as they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("mlserver", reason="measuring starts real servers: make serving")
pytest.importorskip("onnxruntime", reason="as above")

from core.errors import UsageError
from pipelines.profiling.measure import MOST_TRIES, Run, TooNoisy, outline
from pipelines.profiling.measured import Point, Settings, Timed
from pipelines.profiling.noise import Noise
from pipelines.profiling.settings import variants_of
from pipelines.profiling.steps import Steps
from pipelines.profiling.timing import Task
from tests.pipelines.left import LEFT
from tests.pipelines.profiling.toy import QUIET, TOY

LOUD = QUIET.model_copy(update={"foreign_cores": 0.9})
SETTINGS = Settings(runs=2, rounds=2, examples=4, timed_examples=4, drifts=(0.0,), only={"words": ("all",)})
TASKS = 2 * 5
"""Two rounds over five variants."""


class Machine:
    """Times nothing, and is loud when it is told to be."""

    def __init__(self, *, loud: Iterator[bool]) -> None:
        self.timed: list[str] = []
        self._loud = loud

    def time(self, task: Task, _: object) -> Timed:
        """Return what a stopwatch might."""
        self.timed.append(task.variant)
        after = tuple(next(iter(task.items)) for _ in range(task.runs))
        points = tuple(
            Point(batch=batch, seconds=(0.01,) * task.runs, after=after, throughput_rps=9.0, saturated_s=1.0)
            for batch in task.batches
        )
        return Timed(stage=task.stage, variant=task.variant, load_s=1.0, memory_bytes=1, points=points)

    def watch(self, work: Callable[[], Timed]) -> tuple[Timed, Noise]:
        """Do the work and return the noise that is due."""
        return work(), LOUD if next(self._loud) else QUIET


def _run(folder: Path, machine: Machine, *, resume: bool = False, allow_noise: bool = False) -> Run:
    steps = Steps.open(folder / "work", {"a": 1}, resume=resume)
    return Run(
        TOY,
        SETTINGS,
        folder,
        steps,
        allow_noise=allow_noise,
        told=lambda _, __: None,
        time=machine.time,
        watch=machine.watch,
    )


def _always(*, loud: bool) -> Iterator[bool]:
    while True:
        yield loud


def _loud_in(*tries: int) -> Iterator[bool]:
    number = 0
    while True:
        yield number in tries
        number += 1


def test_every_round_times_every_variant_in_an_order_of_its_own(tmp_path: Path) -> None:
    machine = Machine(loud=_always(loud=False))

    measured = _run(tmp_path, machine).measured()

    first, second = machine.timed[:5], machine.timed[5:]
    assert sorted(first) == sorted(second) == ["all", "count", "equals", "one", "upper"]
    assert first != second
    assert [r.number for r in measured.rounds] == [1] * 5 + [2] * 5


def test_a_disturbed_step_is_timed_again(tmp_path: Path) -> None:
    machine = Machine(loud=_loud_in(3, 4))

    measured = _run(tmp_path, machine).measured()

    assert len(machine.timed) == TASKS + 2
    assert {r.noise for r in measured.rounds} == {QUIET}


def test_a_machine_that_stays_loud_is_refused_and_said_why(tmp_path: Path) -> None:
    machine = Machine(loud=_loud_in(2, 3, 4))

    with pytest.raises(
        TooNoisy, match=r"other processes used 0\.90 cores \(limit 0\.15\).*run again with --resume"
    ):
        _run(tmp_path, machine).measured()

    assert len(machine.timed) == 2 + MOST_TRIES


def test_a_refused_run_goes_on_where_it_was(tmp_path: Path) -> None:
    with pytest.raises(TooNoisy):
        _run(tmp_path, Machine(loud=_loud_in(2, 3, 4))).measured()
    machine = Machine(loud=_always(loud=False))

    _run(tmp_path, machine, resume=True).measured()

    assert len(machine.timed) == TASKS - 2


def test_allowed_noise_is_kept_and_recorded(tmp_path: Path) -> None:
    machine = Machine(loud=_loud_in(2))

    measured = _run(tmp_path, machine, allow_noise=True).measured()

    assert len(machine.timed) == TASKS
    assert [r.noise for r in measured.rounds].count(LOUD) == 1


def test_what_was_measured_under_allowed_noise_is_measured_again_without(tmp_path: Path) -> None:
    _run(tmp_path, Machine(loud=_loud_in(2, 7)), allow_noise=True).measured()
    machine = Machine(loud=_always(loud=False))

    measured = _run(tmp_path, machine, resume=True).measured()

    assert len(machine.timed) == 2
    assert {r.noise for r in measured.rounds} == {QUIET}


def test_a_variant_that_is_not_there_is_named(tmp_path: Path) -> None:
    run = _run(tmp_path, Machine(loud=_always(loud=False)))
    object.__setattr__(run, "settings", SETTINGS.model_copy(update={"only": {"words": ("al",)}}))

    with pytest.raises(UsageError, match="stage 'words' has no variant 'al', only lossy, all"):
        run.measured()


def test_weights_are_listed_without_what_a_killed_preparation_left(tmp_path: Path) -> None:
    (tmp_path / "words.onnx").write_bytes(b"123")
    (tmp_path / LEFT).write_bytes(b"12")

    found = outline(TOY, tmp_path, variants_of(TOY, {}), SETTINGS)

    assert found.weights == {"words.onnx": 3}
