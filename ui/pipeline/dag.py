"""The DAG of a pipeline as DOT text: what runs on each stage, and what is recommended where that differs.

Names come from files of others. They stand in quoted strings alone, never in HTML-like labels, and never as
the name of a node; what DOT would take for an escape or an entity is written so that it shows as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.explain.text import neutral
from core.configuration import Configuration, StageConfiguration
from core.pipeline import Pipeline, Stage

MOST_NAME = 32
"""Characters of a name in a box."""


@dataclass(frozen=True, slots=True)
class Ink:
    """The colours of a drawing; Graphviz knows no theme."""

    text: str
    line: str
    fill: str
    waits: str
    """The border of a stage that waits for replicas; the box says so in words too."""
    wanted: str
    """What is recommended."""


LIGHT = Ink(text="#1C2430", line="#6B7480", fill="#F4F6F8", waits="#D55E00", wanted="#0072B2")
DARK = Ink(text="#E4E9EF", line="#98A2AE", fill="#1B222B", waits="#F08A4B", wanted="#56B4E9")


def dot(
    pipeline: Pipeline,
    running: Configuration | None,
    ready: Mapping[str, int | None],
    recommended: Configuration | None = None,
    *,
    ink: Ink = LIGHT,
) -> str:
    """Return the drawing.

    Args:
        pipeline: What is drawn.
        running: What was last asked for; None where that is not known.
        ready: Replicas that serve, by stage; None where that is not known.
        recommended: Drawn beside each stage where it differs from what runs.
        ink: The colours.
    """
    lines = [
        "digraph {",
        '  graph [rankdir="LR", bgcolor="transparent", nodesep="0.25", ranksep="0.45"]',
        f'  node [shape="box", style="rounded,filled", fontname="sans-serif", fontsize="11", '
        f'margin="0.18,0.1", color="{ink.line}", fillcolor="{ink.fill}", fontcolor="{ink.text}"]',
        f'  edge [color="{ink.line}", arrowsize="0.7"]',
        *_stages(pipeline, running, ready, ink),
        *_edges(pipeline),
        *_recommended(pipeline, running, recommended, ink),
        "}",
    ]
    return "\n".join(lines)


def ready_of(stage: StageConfiguration, ready: int | None) -> str:
    """Return how many of a stage's replicas serve, in words."""
    noun = "replica" if stage.replicas == 1 else "replicas"
    if ready is None:
        return f"{stage.replicas} {noun}, ready unknown"
    if ready > stage.replicas:
        return f"{stage.replicas} {noun} ready, {ready - stage.replicas} leaving"
    return f"{ready} of {stage.replicas} {noun} ready"


def quoted(*lines: str) -> str:
    """Return untrusted *lines* as a quoted string of DOT that shows them as they are, one below the other."""
    return '"' + r"\n".join(_escaped(line) for line in lines) + '"'


def _escaped(line: str) -> str:
    return neutral(line).replace("\\", r"\\").replace('"', r"\"").replace("&", "&amp;")


def _stages(
    pipeline: Pipeline, running: Configuration | None, ready: Mapping[str, int | None], ink: Ink
) -> Iterator[str]:
    for number, stage in enumerate(pipeline.stages):
        setting = None if running is None else running.by_stage.get(stage.name)
        serving = ready.get(stage.name)
        lines = [neutral(stage.name, MOST_NAME), *_lines(stage, setting, serving)]
        waits = setting is not None and serving is not None and serving < setting.replicas
        border = f', color="{ink.waits}", penwidth="2"' if waits else ""
        yield f"  s{number} [label={quoted(*lines)}{border}]"


def _lines(stage: Stage, setting: StageConfiguration | None, ready: int | None) -> Iterator[str]:
    if setting is None:
        yield "what runs is not known"
        return
    yield neutral(setting.variant, MOST_NAME)
    yield f"batch {setting.batch}"
    yield ready_of(setting, ready)
    yield from _cores(stage, setting)


def _cores(stage: Stage, setting: StageConfiguration) -> Iterator[str]:
    variant = stage.by_name.get(setting.variant)
    if variant is not None:
        cores = setting.replicas * variant.cores
        yield f"{cores:g} core{'' if cores == 1 else 's'}"


def _edges(pipeline: Pipeline) -> Iterator[str]:
    numbers = {stage.name: number for number, stage in enumerate(pipeline.stages)}
    for stage in pipeline.stages:
        for edge in stage.after:
            yield f"  s{numbers[edge.stage]} -> s{numbers[stage.name]}"


def _recommended(
    pipeline: Pipeline, running: Configuration | None, recommended: Configuration | None, ink: Ink
) -> Iterator[str]:
    """Yield a box below each stage for which something else is recommended."""
    for number, stage in enumerate(pipeline.stages):
        wanted = None if recommended is None else recommended.by_stage.get(stage.name)
        ran = None if running is None else running.by_stage.get(stage.name)
        if wanted is None or wanted == ran:
            continue
        count = f"{wanted.replicas} replica{'' if wanted.replicas == 1 else 's'}"
        lines = ("recommended", neutral(wanted.variant, MOST_NAME), f"batch {wanted.batch}", count)
        label = quoted(*lines, *_cores(stage, wanted))
        yield (
            f'  r{number} [label={label}, style="rounded,dashed", color="{ink.wanted}", '
            f'fontcolor="{ink.wanted}"]'
        )
        yield f'  s{number} -> r{number} [style="dashed", color="{ink.wanted}", dir="none"]'
        yield f'  {{ rank="same"; s{number}; r{number} }}'
