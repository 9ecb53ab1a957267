"""Run the commands of a page, top to bottom, as a reader would; write their output anew when asked to.

    python -m tests.docs.session README.md docs/architecture.md

runs everything on these pages that can be run and puts what it printed below each command. Outputs that are
cut with `...` are left to whoever cut them.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.docs.pages import FENCE, ROOT, Example, examples

NOT_RUN = re.compile(
    r"^(make|kubectl|kind|docker|buildah|git|source|\.|\.venv/bin/pre-commit"
    r"|trimtab (profile|demo-live|local|evaluate|console|doctor --prometheus)|trimtab run .*--cluster local"
    r"|.*\bkubectl|.* --running)\b"
)
"""Setting up, what measures this machine or serves on it for minutes, and what acts on a cluster."""
CHEAP = re.compile(r"^(printf|cat|trimtab (solve|verify|frontier|export)\b)")
TIMINGS = re.compile(r"(?<=\bseconds)\W+[\d.e-]+|[\d.]+(?= ms\b)|\d+(?= s in all)")
COMPARISON = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SECONDS = 240
WIDTH = 100


def cheap(example: Example) -> bool:
    """Say whether a command takes about a second."""
    return bool(CHEAP.match(example.command))


def played(page: Path, folder: Path, wanted: Callable[[Example], bool]) -> Iterator[tuple[Example, str]]:
    """Run the page's wanted commands in *folder* and yield each with what it printed."""
    shipped = folder / "pipelines"
    if not shipped.exists():
        shipped.symlink_to(ROOT / "pipelines")
    for example in examples(page):
        if not NOT_RUN.match(example.command) and wanted(example):
            yield example, _printed(example.command, folder)


def agree(example: Example, printed: str) -> bool:
    """Say whether a command printed what the page shows, timings apart; `...` stands for any text."""
    want, got = (TIMINGS.sub("#", text) for text in (example.output, printed))
    shown = "" if not want.strip() else want.strip() + "\n"
    return not shown or doctest.OutputChecker().check_output(shown, got.strip() + "\n", COMPARISON)


def _printed(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "COLUMNS": str(WIDTH), "PYTHONUTF8": "1", "NO_COLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return done.stdout + done.stderr if done.returncode else done.stdout


def rewritten(page: Path) -> str:
    """Return the page with every uncut output as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        now = [(e.command, text) for e, text in played(page, Path(folder), lambda _: True)]
    waiting = iter(now)

    def renewed(block: re.Match[str]) -> str:
        if block[2] != "console":
            return block[0]
        head, *parts = re.split(r"^\$ ", block[3], flags=re.MULTILINE)
        return f"```console\n{head}{''.join(_renewed(part, waiting) for part in parts)}```"

    return FENCE.sub(renewed, page.read_text(encoding="utf-8"))


def _renewed(part: str, now: Iterator[tuple[str, str]]) -> str:
    shown = re.match(r"(?:.*\\\n)*.*\n?", part)
    command = part if shown is None else shown[0]
    if NOT_RUN.match(command):
        return f"$ {part}"
    _, printed = next(now)
    output = part[len(command) :]
    if not output.strip() or re.search(r"^ *\.\.\. *$", output, re.MULTILINE):
        return f"$ {part}"
    gap = "\n" if output.endswith("\n\n") else ""
    tidy = "\n".join(line.rstrip() for line in printed.strip("\n").splitlines())
    return f"$ {command}{tidy}\n{gap}"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = ROOT / name
        path.write_text(rewritten(path), encoding="utf-8")
