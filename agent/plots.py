"""Pictures the command line writes. Pure from records to a file; colours safe for colour-blind eyes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("agg")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from agent.answers import Answer
from core.decision import Decision
from core.errors import UsageError
from core.pipeline import Pipeline
from pipelines.files import replacing
from simulator.report import Report

LEGEND_ROOM = 1.3
"""Height of an axis over its highest value, so that the legend covers nothing."""
LEAST_LABELLED = 0.05
"""Share of the picture a span must have to bear its name."""


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
    _saved(figure, path)


def plot_episode(
    path: Path,
    pipeline: Pipeline,
    trace_rps: Sequence[float],
    decisions: Sequence[Decision],
    report: Report,
    *,
    where: str = "on the embedded cluster",
) -> None:
    """Draw load and forecast, latency against the SLO, cores, and the variant of each stage over time.

    Raises:
        UsageError: the file cannot be written.
    """
    figure = Figure(figsize=(10, 9), layout="constrained")
    load, latency, cores, variants = figure.subplots(4, 1, sharex=True, height_ratios=(3, 3, 2, 2))
    _draw_load(load, trace_rps, decisions)
    _draw_latency(latency, pipeline, report)
    cores.plot(report.series.cores, color="C0")
    cores.set(ylabel="cores", ylim=(0, None))
    _draw_variants(variants, pipeline, decisions, len(trace_rps))
    variants.set(xlabel="seconds", xlim=(0, len(trace_rps)))
    figure.suptitle(f"{pipeline.name}: one episode {where}")
    for axes in (load, latency, cores, variants):
        axes.grid(alpha=0.3)
    _saved(figure, path)


def _draw_load(axes: Axes, trace_rps: Sequence[float], decisions: Sequence[Decision]) -> None:
    axes.plot(trace_rps, color="0.4", linewidth=1, label="load")
    known = [(d.time_s, d.forecast) for d in decisions if d.forecast is not None]
    times_s = [time_s for time_s, _ in known]
    axes.step(times_s, [f.upper_rps for _, f in known], where="post", color="C1", label="forecast, upper")
    axes.step(times_s, [f.point_rps for _, f in known], where="post", color="C2", label="forecast, point")
    highest = max([*trace_rps, *(f.upper_rps for _, f in known)])
    axes.set(ylabel="requests/s", ylim=(0, LEGEND_ROOM * highest))
    axes.legend(loc="upper right", ncols=3)


def _draw_latency(axes: Axes, pipeline: Pipeline, report: Report) -> None:
    slo, series = pipeline.slo, report.series
    values = [math.nan if value is None else value for value in series.latency_s]
    axes.plot(values, color="C0", linewidth=1, label=f"latency, {slo.quantile:.0%} of each second")
    axes.axhline(slo.latency_s, color="C3", linestyle="--", label=f"SLO {slo.latency_s:g} s")
    lost = [n + late for n, late in zip(series.dropped, series.late, strict=True)]
    missed = axes.twinx()
    missed.fill_between(range(len(lost)), lost, step="mid", color="C3", alpha=0.3)
    missed.set(ylabel="late or dropped", ylim=(0, max(4, *lost) * 2))
    highest_s = max([slo.latency_s, *(value for value in values if not math.isnan(value))])
    axes.set(ylabel="seconds", ylim=(0, LEGEND_ROOM * highest_s))
    axes.legend(loc="upper right", ncols=2)


def _draw_variants(axes: Axes, pipeline: Pipeline, decisions: Sequence[Decision], seconds: float) -> None:
    """Draw one line for each stage: a coloured span for as long as a variant was asked for."""
    names = [(stage.name, variant.name) for stage in pipeline.stages for variant in stage.variants]
    for row, stage in enumerate(pipeline.stages):
        for start_s, end_s, variant in _spans(stage.name, decisions, seconds):
            colour = f"C{names.index((stage.name, variant)) % 10}"
            axes.barh(row, end_s - start_s, left=start_s, height=0.8, color=colour, alpha=0.6)
            if end_s - start_s > seconds * LEAST_LABELLED:
                axes.text((start_s + end_s) / 2, row, variant, ha="center", va="center", fontsize=8)
    axes.set_yticks(range(len(pipeline.stages)), [stage.name for stage in pipeline.stages])
    axes.set_ylabel("variant")


def _spans(stage: str, decisions: Sequence[Decision], seconds: float) -> list[tuple[float, float, str]]:
    """Return from when to when each variant of a stage was asked for."""
    changes = [
        (d.time_s, d.certificate.configuration) for d in decisions if d.outcome == "applied" and d.certificate
    ]
    first = next((d.running for d in decisions if d.running is not None), None)
    known = [] if first is None else [(0.0, first)]
    spans: list[tuple[float, float, str]] = []
    for time_s, configuration in [*known, *changes]:
        variant = configuration[stage].variant
        if spans and spans[-1][2] == variant:
            continue
        if spans:
            spans[-1] = (spans[-1][0], time_s, spans[-1][2])
        spans.append((time_s, seconds, variant))
    return spans


def _saved(figure: Figure, path: Path) -> None:
    """Write it whole: where the disk is full the old picture stays."""
    try:
        with replacing(path, sync="none") as file:
            figure.savefig(file, format="png", dpi=120)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
