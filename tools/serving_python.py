"""The Python that has MLServer and the models' libraries: an environment of its own beside the project."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from core.errors import UsageError

BESIDE = Path(".venv-serving") / "bin" / "python"
"""Of the project's folder; `make serving` makes it."""


def serving_python(given: Path | None) -> Path:
    """Return the interpreter that serves: the given one, the project's, or this one if it can.

    Raises:
        UsageError: the given one does not exist, or there is none.
    """
    if given is not None:
        if not given.is_file():
            raise UsageError(f"{given}: there is no such Python; run make serving, or name another one")
        return given.absolute()  # not resolved: a link to the system's Python is what makes it an environment
    beside = project() / BESIDE
    if beside.is_file():
        return beside
    if find_spec("mlserver") is not None:
        return Path(sys.executable)
    raise UsageError(
        "MLServer is not installed; run make serving, or name a Python that has it with --serving-python"
    )


def project() -> Path:
    """Return the folder that holds our packages."""
    return Path(__file__).resolve().parents[1]
