"""What `trimtab profile` does: measure ready pipelines on this machine and write what was found.

The measuring itself is `python -m pipelines.profiling` in the environment of the servers; this module starts
it, shows how far it is, and writes the files out of its result.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from core.errors import TransientError, UsageError
from pipelines.kits import EXTRAS
from pipelines.profiling.document import write
from pipelines.profiling.figures import Provenance
from pipelines.profiling.lifeline import end_with_parent
from pipelines.profiling.measured import RESULT, Measured, Settings, pipeline_name
from pipelines.profiling.page import update
from tools.serving_python import project, serving_python

ALL = "all"
"""Instead of a name: every ready pipeline."""
OUR_VARIABLES = "TRIMTAB_"
"""They are for other processes: a server refuses those that it does not know."""
BAD_INPUT = 2
MOST_BATCH = 512
"""Two requests of it fit what a server takes at once."""
REDRAWN_PER_S = 1
"""Seldom, as drawing uses the machine that is measured."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the command was asked for."""

    name: str
    out: Path | None
    """Folder of the files; with `ALL`, the folder of their folders. None for the pipelines' own."""
    models: Path
    """Folder with a folder of weights for each pipeline."""
    settings: Settings
    resume: bool
    allow_noise: bool
    page: Path | None
    """Into which the figures are put."""
    serving_python: Path | None


def profile(request: Request) -> None:
    """Measure what is asked for, show progress, and write pipeline.yaml and profile.json.

    Raises:
        UsageError: there is no such pipeline, stage or variant, or a package is missing.
        TransientError: the machine is too noisy, or a replica failed.
    """
    if request.name not in (*EXTRAS, ALL):
        raise UsageError(
            f"there is no ready pipeline {request.name!r}, only {', '.join(EXTRAS)}, or all of them: {ALL}"
        )
    if request.name == ALL and request.page is not None:
        raise UsageError("--page is the page of one pipeline; name the pipeline instead of all")
    python = serving_python(request.serving_python)
    console = Console()
    for name in EXTRAS if request.name == ALL else (request.name,):
        folder = _folder(request, name)
        measured = _measured(request, name, folder / f".profile-{name}", python, console)
        provenance = Provenance(
            date=datetime.now(UTC).date().isoformat(),
            command=_command(request, name),
            pipeline=pipeline_name(name),
        )
        written = write(folder, measured, provenance)
        console.print(f"written: {' and '.join(map(str, written))}", highlight=False, soft_wrap=True)
        if request.page is not None:
            update(written[1], request.page)


def settings(
    *, runs: int, rounds: int, examples: int, seed: int, only: Sequence[str], batches: str | None
) -> Settings:
    """Return what the options say.

    Raises:
        UsageError: one is not of its form.
    """
    return Settings(
        runs=runs,
        rounds=rounds,
        examples=examples,
        seed=seed,
        only={stage: tuple(names.split(",")) for stage, names in (pair("--only", text) for text in only)},
        batches=() if batches is None else _sizes(batches),
    )


def pair(option: str, text: str) -> tuple[str, str]:
    """Return the two sides of NAME=VALUE.

    Raises:
        UsageError: it is something else.
    """
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise UsageError(f"{option} is {text!r}; write NAME=VALUE")
    return name, value


def _sizes(text: str) -> tuple[int, ...]:
    sizes = text.split(",")
    if not all(size.isdecimal() and 1 <= int(size) <= MOST_BATCH for size in sizes):
        raise UsageError(f"--batches is {text!r}; write sizes from 1 to {MOST_BATCH} as 1,2,4")
    return tuple(sorted({int(size) for size in sizes}))


def _folder(request: Request, name: str) -> Path:
    if request.out is None:
        return project() / "pipelines" / name
    return request.out / name if request.name == ALL else request.out


def _command(request: Request, name: str) -> str:
    settings = request.settings
    words = [f"trimtab profile {name} --runs {settings.runs} --rounds {settings.rounds}"]
    words += [f"--examples {settings.examples} --seed {settings.seed}"]
    words += [f"--only {stage}={','.join(variants)}" for stage, variants in settings.only.items()]
    words += [f"--batches {','.join(map(str, settings.batches))}"] * bool(settings.batches)
    words += ["--allow-noise"] * request.allow_noise
    return " ".join(words)


def _measured(request: Request, name: str, work: Path, python: Path, console: Console) -> Measured:
    """Run the measuring process to its end and return what it found."""
    command = [str(python), "-m", "pipelines.profiling", name]
    command += ["--models", str((request.models / name).absolute()), "--work", str(work.absolute())]
    command += ["--settings", request.settings.model_dump_json()]
    command += ["--resume"] * request.resume + ["--allow-noise"] * request.allow_noise
    with _progress(name, console) as shown, TemporaryFile("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            command,
            cwd=project(),
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - the bar's thread holds no lock that this needs
        )
        if process.stdout is None:
            raise AssertionError("the process was started with a pipe")
        for line in process.stdout:
            shown.tell(json.loads(line))
        status = process.wait()
        said.seek(0)
        lines = said.read().strip().splitlines() or ["no message"]
    if status:
        raise (UsageError if status == BAD_INPUT else TransientError)(lines[-1])
    return Measured.model_validate_json((work / f"{RESULT}.json").read_text(encoding="utf-8"))


def _environment(own: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in own.items() if not name.startswith(OUR_VARIABLES)}
    return {**kept, "PYTHONPATH": str(project()), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class _Shown:
    """Two bars: the steps, and how far the present one is. Lines where nobody watches."""

    def __init__(self, name: str, bars: Progress, console: Console) -> None:
        self._name, self._bars, self._console = name, bars, console
        self._all = bars.add_task(name, total=None)
        self._now = bars.add_task("starting", total=1.0)

    def tell(self, line: Mapping[str, Any]) -> None:
        """Show one line of the measuring process."""
        if "steps" in line:
            self._bars.update(self._all, total=line["steps"])
            if line["taken_over"]:
                text = f"{self._name}: {line['taken_over']} finished steps are taken over"
                self._console.print(text, highlight=False)
            return
        is_done = line["share"] >= 1
        self._bars.update(self._now, description=line["what"], completed=line["share"])
        if is_done:
            self._bars.update(self._all, advance=1)
        if is_done and not self._console.is_terminal:
            self._console.print(f"{self._name}: {line['what']}", highlight=False, soft_wrap=True)


@contextmanager
def _progress(name: str, console: Console) -> Iterator[_Shown]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, refresh_per_second=REDRAWN_PER_S) as bars:
        yield _Shown(name, bars, console)
