"""The work folder: one file for each finished step, so that a run that was ended goes on where it was.

The steps belong to one set of settings (what was asked for, the code, the packages, the kind of machine). A
run that resumes takes finished steps over only where all of these are the same.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from core.errors import UsageError
from core.values import Frozen
from pipelines.files import replaced

KEY_FILE = "settings.json"
Value = TypeVar("Value", bound=Frozen)


class Steps:
    """The finished steps of one run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def open(cls, folder: Path, key: Mapping[str, object], *, resume: bool) -> Steps:
        """Return the steps in *folder*, none of them unless *resume*.

        Raises:
            UsageError: they belong to other settings, or the folder cannot be written.
        """
        text = json.dumps(key, indent=1, sort_keys=True)
        try:
            if resume and folder.is_dir():
                _refuse_other(folder / KEY_FILE, json.loads(text))
            else:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
            replaced(folder / KEY_FILE, text, sync="none")
        except OSError as error:
            raise UsageError(f"{folder}: cannot be written: {error.strerror}; give another --out") from error
        return cls(folder)

    def get(self, name: str, kind: type[Value]) -> Value | None:
        """Return what a step found; None where it is not finished."""
        path = self._path(name)
        if not path.is_file():
            return None
        try:
            return kind.model_validate_json(path.read_text(encoding="utf-8"))
        except ValidationError as error:
            raise UsageError(
                f"{path}: is not what this step writes; start afresh without --resume"
            ) from error

    def keep(self, name: str, found: Frozen) -> None:
        """Keep what a step found, whole or not at all."""
        replaced(self._path(name), found.model_dump_json(), sync="none")

    def __len__(self) -> int:
        return len(list(self._folder.glob("*-*.json")))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def _refuse_other(path: Path, wanted: Mapping[str, object]) -> None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        found = {}
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise UsageError(
                f"{path.parent}: its steps were measured with {name} {found.get(name)!r}, "
                f"now it is {wanted.get(name)!r}; start afresh without --resume"
            )
