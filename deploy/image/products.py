"""The images of this project, and what each must be able to do."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.pipeline import Pipeline, Stage
from deploy.image.start import Check, Ending
from pipelines.reader import read_pipeline

PROJECT = Path(__file__).resolve().parents[2]
CARD_PIPELINE = "/opt/trimtab/lib/python3.11/site-packages/pipelines/id_card/pipeline.yaml"
CONSOLE = ("trimtab", "console", "--data", "trimtab-out/demo", "--listen", "127.0.0.1:8501")
HOUR_OF_LOAD = ("run", CARD_PIPELINE, "--trace", "even.csv", "--real-time", "--interval", "1")


@dataclass(frozen=True, slots=True)
class Product:
    """One image."""

    tag: str
    dockerfile: str
    arguments: tuple[str, ...]
    """Of the build, NAME=VALUE."""

    checks: tuple[Check | Ending, ...]
    data: str | None
    """The folder it keeps things in, if any."""

    packages: tuple[str, ...]
    """Ours, that must be in it."""

    home: re.Pattern[str]
    """Where they are in the image: the first group is the path in the project."""

    allowed: tuple[str, ...] = ()
    """Rules that it breaks on purpose."""


CONTROLLER = Product(
    tag="trimtab",
    dockerfile="Dockerfile",
    arguments=(),
    checks=(
        Check("help", ("--help",)),
        Check("user and folders", ("/data", "/tmp"), probe="sealed.py"),
        Check("all modules", (), probe="imports.py"),
        Check("doctor, the health check", ("doctor",)),
        Check("demo", ("demo",), timeout_s=300),
        Check("decisions of the demo", ("decisions", "--data", "trimtab-out/demo", "--limit", "1")),
        Check("console", ("8501", "/_stcore/health", "/", "--", *CONSOLE), probe="answers.py"),
        Check("an hour of load", (), probe="long_trace.py"),
        Ending("stop", HOUR_OF_LOAD, begun="rps"),
    ),
    data="/data",
    packages=("core", "simulator", "baselines", "tools", "prompts", "agent", "evals", "ui", "pipelines"),
    home=re.compile(r"opt/trimtab/lib/python3\.\d+/site-packages/(.+)"),
)


def serving(name: str) -> Product:
    """Return the image that serves one ready pipeline, such as `id-card`."""
    kit = name.replace("-", "_")
    pipeline = read_pipeline(PROJECT / "pipelines" / kit / "pipeline.yaml")
    return Product(
        tag=f"trimtab-serving:{name}",
        dockerfile="Dockerfile.serving",
        arguments=(f"PIPELINES={name}",),
        checks=(
            Check("user and folders", ("/tmp",), probe="sealed.py"),
            *(_serves(pipeline, stage, kit) for stage in pipeline.stages),
        ),
        data=None,
        packages=("core", "pipelines"),
        home=re.compile(r"opt/trimtab/(.+)"),
        # A replica should be ready soon, and starts where the profile was measured: with compiled libraries.
        allowed=("bytecode",),
    )


def _serves(pipeline: Pipeline, stage: Stage, kit: str) -> Check:
    told = {
        "PIPELINE": pipeline.name,
        "KIT": kit,
        "STAGE": stage.name,
        "VARIANT": stage.variants[0].name,
        "MODELS": f"/opt/models/{kit}",
        "SLO_S": f"{pipeline.slo.latency_s:g}",
    }
    return Check(
        f"serves {stage.name}",
        ("8080", "/v2/health/ready", "--", "python", "-m", "pipelines.serving"),
        probe="answers.py",
        environment=tuple(f"TRIMTAB_{name}={value}" for name, value in told.items()),
    )


def sources(packages: Sequence[str]) -> list[str]:
    """Return every file of these packages in the working tree, by its path in the project."""
    return [
        str(Path(folder, name).relative_to(PROJECT))
        for package in packages
        for folder, folders, names in os.walk(PROJECT / package)
        if "__pycache__" not in folder
        for name in names
    ]
