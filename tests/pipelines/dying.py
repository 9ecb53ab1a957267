"""Replaces a file once for every line of `pipelines.files`, killed at that line; prints what each left.

A program of its own, as it forks: `python -m tests.pipelines.dying FOLDER SYNC`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any, cast

from pipelines import files
from pipelines.files import Sync

OLD, NEW = "old" * 9000, "brand new" * 9000
"""Longer than a buffer, so that a part is on the disk before the rest."""
LAST = -1
"""The line of a process that nothing killed."""


def main(folder: Path, sync: Sync) -> None:
    """Die at each line in turn, until a process comes through."""
    path, found, line = folder / "file", [], 0
    while line != LAST:
        path.write_text(OLD)
        line = line + 1 if _dies(path, sync, line + 1) else LAST
        others = sorted(p.name for p in folder.iterdir() if p != path)
        found.append((line, path.read_text(), others))
        for name in others:
            (folder / name).unlink()
    print(json.dumps(found))  # noqa: T201 - what the test reads


def _dies(path: Path, sync: Sync, at: int) -> bool:
    child = os.fork()
    if child == 0:
        _kill_at(at)
        files.replaced(path, NEW, sync=sync)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _kill_at(at: int) -> None:
    """Let this process be killed before the line of the module that it comes to as the *at*-th."""
    seen = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - a trace function returns itself
        nonlocal seen
        if frame.f_code.co_filename != files.__file__:
            return None
        if event == "line":
            seen += 1
            if seen == at:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


if __name__ == "__main__":
    main(Path(sys.argv[1]), cast(Sync, sys.argv[2]))
