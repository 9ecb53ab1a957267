"""Pictures the command line writes. Pure from records to a file; colours safe for colour-blind eyes."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("agg")

from matplotlib.figure import Figure

from agent.answers import Answer
from core.errors import UsageError
from core.pipeline import Pipeline


def plot_frontier(path: Path, pipeline: Pipeline, answers: list[Answer]) -> None:
    """Draw accuracy against cores, one staircase for each load.

    Raises:
        UsageError: the file cannot be written.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for answer in answers:
        cores = [point["cores"] for point in answer["points"]]
        accuracy = [point["accuracy"] for point in answer["points"]]
        axes.step(cores, accuracy, where="post", marker="o", markersize=4, label=f"{answer['load']:g} rps")
    axes.set(
        xlabel="cores",
        ylabel=f"accuracy ({pipeline.accuracy})",
        title=f"{pipeline.name}: what accuracy costs",
    )
    axes.legend()
    axes.grid(alpha=0.3)
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
