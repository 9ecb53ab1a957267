"""The command line, run in this process (warm) or in one of its own (cold)."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import IO, Any

from agent.cli import main

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON objects it printed, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def complaint(self, status: int = 2) -> str:
        """Return the one line it complained with; fail if it ended in another way."""
        assert (self.status, self.err.count("\n")) == (status, 1), self
        assert self.err.startswith("trimtab: "), self
        assert "Traceback" not in self.err, self
        return self.err.strip()


def trimtab(*arguments: object) -> Ended:
    """Run a command here."""
    out, err = StringIO(), StringIO()
    status: int | str | None = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(a) for a in arguments])
        except SystemExit as ended:
            status = ended.code
    assert status is None or isinstance(status, int)
    return Ended(status or 0, out.getvalue(), err.getvalue())


def trimtab_cold(*arguments: object, out: IO[str] | None = None) -> Ended:
    """Run a command in a new process, as a shell does, its output going to *out* if given."""
    ended = subprocess.run(
        [sys.executable, "-c", "from agent.cli import main; main()", *map(str, arguments)],
        cwd=ROOT,
        stdout=out or subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout or "", ended.stderr)
