"""What `trimtab profile` does: measure a ready pipeline on this machine and write what was found."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from core.errors import UsageError

PIPELINES = ("id_card",)
NEEDED = {"onnxruntime": "onnxruntime", "cv2": "opencv-python-headless", "PIL": "pillow"}
"""Module and package of the extra `id-card`."""


def profile(name: str, out: Path, models: Path, *, runs: int, cards: int, seed: int) -> None:
    """Measure pipeline *name*, show progress, write pipeline.yaml and accuracy.json into *out*.

    Raises:
        UsageError: there is no such pipeline, a package is missing, or *out* cannot be written.
    """
    if name not in PIPELINES:
        raise UsageError(f"there is no pipeline {name!r} to profile; known: {', '.join(PIPELINES)}")
    _need_packages()
    from pipelines.id_card.measure import measure, steps  # noqa: PLC0415 - needs the extra
    from pipelines.id_card.report import Provenance, Settings, write  # noqa: PLC0415 - as above

    settings = Settings(runs=runs, cards=cards, seed=seed)
    provenance = Provenance(
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        packages={package: version(package) for package in (*NEEDED.values(), "numpy")},
        command=f"trimtab profile {name} --runs {runs} --cards {cards} --seed {seed}",
    )
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting", total=steps(settings))

        def begun(step: str) -> None:
            """Show the step that begins; the one before it is done."""
            bar.update(task, description=step, advance=1)
            if not console.is_terminal:
                console.print(step, highlight=False)

        measured = measure(models, settings, begun)
    write(out, measured, provenance)
    console.print(f"written: {out / 'pipeline.yaml'} and {out / 'accuracy.json'}", highlight=False)


def machine() -> str:
    """Return the CPU's model, the number of cores and the system: a kind of machine, not which one."""
    return f"{cpu_model()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def cpu_model() -> str:
    """Return the processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown CPU"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown CPU"


def _need_packages() -> None:
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise UsageError(
            f"measuring needs {', '.join(missing)}; "
            'install the extra with pip install "trimtab[id-card]", or run make profile'
        )
