"""Everything that was measured of a pipeline, as plain values: what figures, files and pages are made of."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from core.values import Count, Fraction, Frozen, Name, NonNegative, Positive, PositiveCount
from pipelines.profiling.noise import Noise

RESULT = "measured"
"""The work folder's file with all of it."""


class Settings(Frozen):
    """What was asked for."""

    runs: PositiveCount = 40
    """Timed runs of every point in a round."""
    rounds: PositiveCount = 3
    """Each starts every variant once, so there are as many load times."""
    examples: PositiveCount = 300
    """At each drift."""
    timed_examples: PositiveCount = 48
    """Whose items the timed batches are drawn from; of another seed."""
    seed: Count = 2026
    drifts: tuple[Fraction, ...] = (0.0, 0.5, 1.0)
    """The clean examples first."""
    saturation_s: Positive = 2.0
    """At least this long in each round, each batch size of a variant is kept saturated."""
    only: Mapping[Name, tuple[Name, ...]] = Field(default_factory=dict)
    """By stage: the variants to be measured; a stage that is left out has all."""
    batches: tuple[PositiveCount, ...] = ()
    """Instead of the kit's."""


class Alone(Frozen):
    """One variant on ideal inputs."""

    stage: str
    variant: str
    right: str
    """A 1 or 0 for each example."""
    fan_out: NonNegative | None
    """Outputs per item, on what the stages before it really send; None where it got none."""


class Joint(Frozen):
    """One combination, end to end."""

    variants: tuple[str, ...]
    right: str


class Answers(Frozen):
    """Everything that was answered at one drift."""

    drift: Fraction
    alone: tuple[Alone, ...]
    joint: tuple[Joint, ...]


class Point(Frozen):
    """One batch size in one round."""

    batch: PositiveCount
    seconds: tuple[Positive, ...]
    """Of each run, in order."""
    after: tuple[tuple[str, ...], ...]
    """Of each run: the variants whose outputs were served."""
    throughput_rps: Positive
    saturated_s: Positive
    """How long saturation was held."""


class Timed(Frozen):
    """One variant in one round."""

    stage: str
    variant: str
    load_s: Positive
    memory_bytes: PositiveCount
    """Resident after all batch sizes."""
    points: tuple[Point, ...]


class StageOutline(Frozen):
    """A stage without its code."""

    name: Name
    after: tuple[Name, ...]
    variants: tuple[Name, ...]
    batches: tuple[PositiveCount, ...]


class Outline(Frozen):
    """A kit without its code, and what it was measured with."""

    kit: Name
    description: str
    stages: tuple[StageOutline, ...]
    slo: Mapping[str, float]
    objective: Mapping[str, float | str]
    limits: Mapping[str, float]
    license_notes: Mapping[str, str]
    weights: Mapping[str, int]
    """Bytes by file."""
    packages: Mapping[str, str]
    machine: str
    threads: PositiveCount

    @property
    def pipeline(self) -> str:
        """The pipeline's name in its file and in metrics."""
        return pipeline_name(self.kit)


class Round(Frozen):
    """One variant timed in one round, and the noise around it."""

    number: int
    timed: Timed
    noise: Noise


class Measured(Frozen):
    """The result of a whole run."""

    outline: Outline
    settings: Settings
    answers: tuple[Answers, ...]
    """By drift, clean first."""
    rounds: tuple[Round, ...]


def pipeline_name(kit: str) -> str:
    """Return the name of a kit's pipeline in files and metrics: `id-card` for `id_card`."""
    return kit.replace("_", "-")
