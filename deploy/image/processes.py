"""Runs other programs, and says in one line what failed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

from core.errors import TrimtabError, UsageError

LAST_LINES = 8


class ProgramFailed(TrimtabError):
    """A program ended with an error, or did not end in time."""


def must_have(programs: Sequence[str]) -> None:
    """Refuse to go on without these programs.

    Raises:
        UsageError: one is not installed.
    """
    absent = [program for program in programs if shutil.which(program) is None]
    if absent:
        raise UsageError(f"{', '.join(absent)} not found: apt-get install {' '.join(absent)}, or run Docker")


def show(command: Sequence[str]) -> None:
    """Run a long program with its output on the terminal.

    Raises:
        ProgramFailed: it ended with an error.
    """
    status = subprocess.run(command, check=False).returncode
    if status:
        raise ProgramFailed(f"'{_name(command)}' ended with status {status}; its output is above")


def ask(command: Sequence[str], *, given: str = "", timeout_s: float = 60.0) -> str:
    """Run a program and return what it prints.

    Raises:
        ProgramFailed: it ended with an error or took too long; the message has its last lines.
    """
    try:
        done = subprocess.run(
            command, input=given, check=False, capture_output=True, text=True, timeout=timeout_s
        )
    except subprocess.TimeoutExpired as error:
        raise ProgramFailed(f"'{_name(command)}' did not end within {timeout_s:g} s") from error
    if done.returncode:
        said = " | ".join((done.stderr + done.stdout).strip().splitlines()[-LAST_LINES:])
        raise ProgramFailed(f"'{_name(command)}' ended with status {done.returncode}: {said}")
    return done.stdout


def _name(command: Sequence[str]) -> str:
    return " ".join(command[:2])
