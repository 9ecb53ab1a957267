"""What is decided: variant, batch size and replicas of every stage."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated

from pydantic import Field, model_validator

from core.errors import UsageError
from core.pipeline import Pipeline
from core.values import MOST_SIZE, Count, Frozen, Name, Size


class StageConfiguration(Frozen):
    """What one stage runs."""

    stage: Name
    variant: Name
    batch: Size
    replicas: Annotated[Count, Field(le=MOST_SIZE)]


class Configuration(Frozen):
    """What every stage runs."""

    stages: tuple[StageConfiguration, ...]

    @model_validator(mode="after")
    def _each_stage_once(self) -> Configuration:
        names = [s.stage for s in self.stages]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"stage {twice[0]!r} is configured twice; keep one")
        return self

    @cached_property
    def by_stage(self) -> Mapping[str, StageConfiguration]:
        """The settings by stage name."""
        return {s.stage: s for s in self.stages}

    def __getitem__(self, stage: str) -> StageConfiguration:
        return self.by_stage[stage]

    def checked(self, pipeline: Pipeline) -> Configuration:
        """Return this configuration in the pipeline's stage order.

        Raises:
            UsageError: a stage is missing or unknown, a variant unknown, a batch size not offered.
        """
        for setting in self.stages:
            stage = pipeline.stage(setting.stage)
            variant = stage.variant(setting.variant)
            if setting.batch not in stage.batches_of(variant):
                offered = ", ".join(map(str, stage.batches_of(variant))) or "none"
                raise UsageError(
                    f"stage {stage.name!r}: variant {variant.name!r} is not offered at batch "
                    f"{setting.batch}; measured and allowed: {offered}"
                )
        missing = [s.name for s in pipeline.stages if s.name not in self.by_stage]
        if missing:
            raise UsageError(f"the configuration has no stage {missing[0]!r}; add it")
        return Configuration(stages=tuple(self[s.name] for s in pipeline.stages))

    def cores(self, pipeline: Pipeline) -> float:
        """Return the cores in use."""
        return sum(s.replicas * pipeline.stage(s.stage).variant(s.variant).cores for s in self.stages)

    def accuracy(self, pipeline: Pipeline) -> float | None:
        """Return the pipeline's accuracy in its own mode; None for a combination never measured."""
        names = tuple(self[stage.name].variant for stage in pipeline.stages)
        if pipeline.accuracy == "measured":
            return pipeline.joint_accuracy.get(names)
        values = [st.variant(n).accuracy for st, n in zip(pipeline.stages, names, strict=True)]
        if pipeline.accuracy == "sum":
            return sum(values)
        product = 1.0
        for value in values:
            product *= value
        return product

    def switching(self, pipeline: Pipeline, running: Configuration | None) -> float:
        """Return the core-seconds of cold starts on the way here from *running*; 0 if unknown.

        A replica starts cold where the variant changes or the count grows. A batch size changes live.
        """
        if running is None:
            return 0.0
        total = 0.0
        for setting in self.stages:
            before = running.by_stage.get(setting.stage)
            same = before is not None and before.variant == setting.variant
            kept = before.replicas if before is not None and same else 0
            variant = pipeline.stage(setting.stage).variant(setting.variant)
            total += max(0, setting.replicas - kept) * variant.cores * variant.load_time_s
        return total
