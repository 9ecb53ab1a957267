"""Checks of a started image, by a program with podman's words that does what its script says."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from core.errors import UsageError
from deploy.image.engine import Engine
from deploy.image.processes import ProgramFailed, ask, must_have
from deploy.image.start import Check, Ending, Tried, tried

SCRIPT = """\
import sys
words = sys.argv[1:]
open({log!r}, "a").write(" ".join(words) + "\\n")
answers = {answers!r}
text, status = answers.get(words[0], ("", 0))
print(text)
sys.stderr.write("no room\\n" if status else "")
sys.exit(status)
"""


class ScriptedEngine:
    """Podman for the tests: one answer and exit status per command, and a log of what was asked."""

    def __init__(self, folder: Path, **answers: tuple[str, int]) -> None:
        self._log = folder / "log"
        script = folder / "engine.py"
        script.write_text(SCRIPT.format(log=str(self._log), answers=answers))
        self.engine = Engine(name="scripted", builder=(), runner=(sys.executable, str(script)))

    def tried(self, *checks: Check | Ending, data: str | None = "/data") -> list[Tried]:
        """Run the checks and return what came of them."""
        return list(tried(checks, tag="image", engine=self.engine, data=data))

    @property
    def heard(self) -> list[str]:
        """Every command, in order."""
        return self._log.read_text().splitlines()


def test_a_check_tells_the_last_thing_that_was_said(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path, run=("first\n│ twin │ ok │\n└──────┘", 0))

    [outcome] = engine.tried(Check("doctor", ("doctor",)))

    assert (outcome.passed, outcome.said) == (True, "twin │ ok")


def test_a_container_is_started_sealed_and_with_its_data(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path)

    engine.tried(Check("help", ("--help",)))

    run = next(line for line in engine.heard if line.startswith("run "))
    assert {"--read-only", "--network=none", "--cap-drop=all", "--tmpfs=/tmp"} <= set(run.split())
    assert run.endswith(":/data image --help")


def test_a_check_that_fails_says_why_and_the_next_one_is_tried(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path, run=("", 3))

    outcomes = engine.tried(Check("one", ()), Check("two", ()))

    assert [outcome.passed for outcome in outcomes] == [False, False]
    assert outcomes[0].said.endswith("ended with status 3: no room")


def test_the_volume_is_gone_after_a_failure_too(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path, run=("", 1))

    engine.tried(Check("one", ()))

    name = engine.heard[0].removeprefix("volume create ")
    assert engine.heard[-1] == f"volume rm --force {name}"


@pytest.mark.parametrize(("status", "passed"), [("0", True), ("137", False)])
def test_what_is_told_to_stop_must_end_well(tmp_path: Path, status: str, *, passed: bool) -> None:
    engine = ScriptedEngine(tmp_path, logs=("12 rps", 0), wait=(status, 0))

    [outcome] = engine.tried(Ending("stop", ("run",), begun="rps"), data=None)

    assert outcome.passed is passed
    assert [line.split()[0] for line in engine.heard] == ["run", "logs", "stop", "wait", "rm"]


def test_a_probe_is_read_by_the_interpreter_of_the_image(tmp_path: Path) -> None:
    engine = ScriptedEngine(tmp_path)

    engine.tried(Check("sealed", ("/data",), probe="sealed.py", environment=("A=1",)), data=None)

    assert engine.heard[0].endswith("--entrypoint=python --env=A=1 image - /data")


def test_a_program_that_hangs_is_ended_and_named() -> None:
    with pytest.raises(ProgramFailed, match=r"did not end within 0\.1 s"):
        ask([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.1)


def test_what_is_not_installed_is_named_with_the_way_to_get_it() -> None:
    with pytest.raises(UsageError, match="apt-get install no-such-program"):
        must_have(("sh", "no-such-program"))
