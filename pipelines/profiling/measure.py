"""Measure a whole pipeline, step by step: weights, answers at every drift, rounds of timing.

A round times every variant once, in an order of its own, so that what changes on the machine over minutes
does not fall on one variant. A round's step that the machine disturbed is done again, a few times; if it
stays disturbed the run ends there, unless noise is allowed, and can be resumed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import TransientError
from pipelines.files import left_behind
from pipelines.kit import Kit
from pipelines.profiling.answers import Items, Told, examine, items_for
from pipelines.profiling.machine import machine
from pipelines.profiling.measured import (
    Answers,
    Measured,
    Outline,
    Round,
    Settings,
    StageOutline,
    Timed,
    pipeline_name,
)
from pipelines.profiling.noise import Noise, Summary
from pipelines.profiling.settings import packages, variants_of
from pipelines.profiling.steps import Steps
from pipelines.profiling.timing import Task, timed
from pipelines.profiling.watch import watched
from pipelines.runtime import threads

MOST_TRIES = 3
"""Of a step that the machine disturbs."""


class TooNoisy(TransientError):
    """The machine is not quiet enough; the message says what disturbs and how much."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run over a kit."""

    kit: Kit
    settings: Settings
    models: Path
    steps: Steps
    allow_noise: bool
    told: Told
    time: Callable[[Task, Told], Timed] = timed
    watch: Callable[[Callable[[], Timed]], tuple[Timed, Noise]] = watched

    def measured(self) -> Measured:
        """Do every step that is not done yet, and return all that was found.

        Raises:
            TooNoisy: the machine is too noisy and that is not allowed.
            TransientError: weights cannot be had, or a replica failed.
        """
        variants = variants_of(self.kit, self.settings.only)
        self.kit.prepare(self.models, lambda step: self.told(f"weights: {step}", 0.0))
        answers = tuple(self._answers(variants, drift) for drift in self.settings.drifts)
        return Measured(
            outline=outline(self.kit, self.models, variants, self.settings),
            settings=self.settings,
            answers=answers,
            rounds=tuple(self._rounds(variants)),
        )

    @property
    def count(self) -> int:
        """How many steps the whole run takes."""
        variants = variants_of(self.kit, self.settings.only)
        return len(self.settings.drifts) + self.settings.rounds * sum(map(len, variants.values()))

    def _answers(self, variants: Mapping[str, Sequence[str]], drift: float) -> Answers:
        name = f"answers-{drift:g}"
        found = self.steps.get(name, Answers)
        if found is None:
            found = examine(
                self.kit,
                variants,
                self.models,
                examples=self.settings.examples,
                seed=self.settings.seed,
                drift=drift,
                told=self.told,
            )
            self.steps.keep(name, found)
        self.told(f"drift {drift:g}: done", 1.0)
        return found

    def _rounds(self, variants: Mapping[str, Sequence[str]]) -> Iterator[Round]:
        items: Items | None = None
        finished: list[Noise] = []
        for number in range(1, self.settings.rounds + 1):
            for stage, variant in _shuffled(variants, seed=self.settings.seed, number=number):
                name = f"round-{number}-{stage}-{variant}"
                found = self.steps.get(name, Round)
                if found is None or not self._acceptable(found.noise, finished):
                    items = items or self._items(variants)
                    found = self._timed(number, self._task(stage, variant, items), finished)
                    self.steps.keep(name, found)
                finished.append(found.noise)
                self.told(f"round {number}: {variant} done", 1.0)
                yield found

    def _items(self, variants: Mapping[str, Sequence[str]]) -> Items:
        return items_for(
            self.kit,
            variants,
            self.models,
            examples=self.settings.timed_examples,
            seed=self.settings.seed + 1,
            told=lambda what, _: self.told(what, 0.0),
        )

    def _task(self, stage: str, variant: str, items: Items) -> Task:
        return Task(
            kit=self.kit.name,
            pipeline=pipeline_name(self.kit.name),
            stage=stage,
            variant=variant,
            models=self.models,
            slo_s=self.kit.slo["latency"],
            batches=batches_of(self.kit, stage, self.settings),
            items=items[stage],
            runs=self.settings.runs,
            seed=self.settings.seed,
            saturation_s=self.settings.saturation_s,
        )

    def _timed(self, number: int, task: Task, finished: Sequence[Noise]) -> Round:
        """Time one variant; again while the machine disturbs it.

        Raises:
            TooNoisy: it was disturbed every time, and that is not allowed.
        """
        complaints: tuple[str, ...] = ()

        def told(what: str, share: float) -> None:
            self.told(f"round {number}: {what}", share)

        for _ in range(MOST_TRIES):
            found, noise = self.watch(lambda: self.time(task, told))
            if self._acceptable(noise, finished):
                return Round(number=number, timed=found, noise=noise)
            complaints = Summary.of([*finished, noise]).complaints
            self.told(f"round {number}: {task.variant} again, as {complaints[0]}", 0.0)
        raise TooNoisy(
            f"this machine is too noisy to be measured on: while {task.variant} was timed "
            f"{' and '.join(complaints)}. No profile is written; finished steps are kept: "
            "run again with --resume when it is quiet, or with --allow-noise"
        )

    def _acceptable(self, noise: Noise, finished: Sequence[Noise]) -> bool:
        return self.allow_noise or not Summary.of([*finished, noise]).complaints


def outline(kit: Kit, models: Path, variants: Mapping[str, Sequence[str]], settings: Settings) -> Outline:
    """Return what is known of a kit without measuring."""
    return Outline(
        kit=kit.name,
        description=kit.description,
        stages=tuple(
            StageOutline(
                name=stage.name,
                after=stage.after,
                variants=tuple(variants[stage.name]),
                batches=batches_of(kit, stage.name, settings),
            )
            for stage in kit.stages
        ),
        slo=dict(kit.slo),
        objective=dict(kit.objective),
        limits=dict(kit.limits),
        license_notes=dict(kit.license_notes),
        weights={
            p.name: p.stat().st_size for p in sorted(models.iterdir()) if p.is_file() and not left_behind(p)
        },
        packages=packages(),
        machine=machine(),
        threads=threads(),
    )


def batches_of(kit: Kit, stage: str, settings: Settings) -> tuple[int, ...]:
    """Return the batch sizes that are timed, ascending."""
    return tuple(sorted(settings.batches or kit.stage(stage).batches))


def _shuffled(variants: Mapping[str, Sequence[str]], *, seed: int, number: int) -> list[tuple[str, str]]:
    """Return every stage and variant in the order of a round."""
    everyone = [(stage, name) for stage, names in variants.items() for name in names]
    order = np.random.default_rng([seed, number]).permutation(len(everyone))
    return [everyone[k] for k in order]
