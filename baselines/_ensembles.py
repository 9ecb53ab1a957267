"""What Cocktail chooses from: by stage, every variant that keeps the stage's deadline, sized for a load.

A choice is a variant name for each stage; of a stage with ensembles that name stands for its members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from baselines._room import Room, room_of
from baselines._split import replicas_for, smallest_batch_latency_s, stage_floors, stage_slos_s
from baselines.policy import Situation
from core.configuration import Configuration, StageConfiguration
from core.ensemble import FEWEST, ensemble_of, members_of, single_variants
from core.errors import UsageError
from core.observation import Observation
from core.pipeline import Pipeline, Stage, Variant
from core.prediction import filling_s, stage_loads

Choice = dict[str, str]
"""Variant by stage."""


@dataclass(frozen=True, slots=True)
class Menu:
    """What may be chosen, and for which load it is sized."""

    pipeline: Pipeline
    load_rps: float
    """Entering the pipeline: what replicas must carry."""
    arriving_rps: float
    """Entering the pipeline: what fills the batches; smaller, as replicas are planned with a surplus."""
    floors: Mapping[str, float]
    """Accuracy wanted, by stage."""
    slos_s: Mapping[str, float]
    room: Room

    @classmethod
    def of(cls, situation: Situation, target: float, load_rps: float) -> Menu:
        """Return the menu at *load_rps* for a pipeline accuracy of *target*."""
        return cls(
            pipeline=situation.pipeline,
            load_rps=load_rps,
            arriving_rps=situation.forecast.upper_rps,
            floors=stage_floors(situation.pipeline, target),
            slos_s=stage_slos_s(situation.pipeline),
            room=room_of(situation),
        )

    def candidates(self, stage: Stage) -> list[Variant]:
        """Return the variants that keep the deadline; where none does, the quickest.

        Raises:
            UsageError: of no variant may the least replicas run.
        """
        usable = [
            v
            for v in stage.variants
            if stage.batches_of(v) and self.room.most(stage, v) >= self.room.least(stage)
        ]
        if not usable:
            raise UsageError(
                f"stage {stage.name!r} may run the least replicas of no variant; raise its maxCores, lower "
                "replicas.min, or restore the capacity it lost"
            )
        quickest = min(usable, key=lambda v: (smallest_batch_latency_s(stage, v), -v.accuracy, v.name))
        in_time = [v for v in usable if smallest_batch_latency_s(stage, v) <= self.slos_s[stage.name]]
        return in_time or [quickest]

    def sized(self, stage: Stage, variant: Variant, items: float) -> StageConfiguration:
        """Return the batch within the deadline that needs the fewest replicas, the smallest of those.

        *items* reach the stage for each request.
        """
        batches = stage.batches_of(variant)
        in_time = [
            batch
            for batch in batches
            if variant.at(batch).latency_s + filling_s(batch, self.arriving_rps * items)
            <= self.slos_s[stage.name]
        ]
        settings = [self._setting(stage, variant, batch, items) for batch in in_time or batches[:1]]
        return min(settings, key=lambda s: (s.replicas, s.batch))

    def _setting(self, stage: Stage, variant: Variant, batch: int, items: float) -> StageConfiguration:
        replicas = replicas_for(
            self.load_rps * items,
            variant.at(batch).throughput_rps,
            most=self.room.most(stage, variant),
            least=self.room.least(stage),
        )
        return StageConfiguration(stage=stage.name, variant=variant.name, batch=batch, replicas=replicas)


def planned(menu: Menu, choice: Choice) -> Configuration:
    """Return a choice, sized for what its own fan-outs bring to each stage."""
    items = items_by_stage(menu.pipeline, choice)
    return Configuration(
        stages=tuple(
            menu.sized(stage, stage.variant(choice[stage.name]), items[stage.name])
            for stage in menu.pipeline.stages
        )
    )


def items_by_stage(pipeline: Pipeline, choice: Choice) -> Mapping[str, float]:
    """Return how many items reach each stage for a request."""
    alone = Configuration(
        stages=tuple(
            StageConfiguration(stage=name, variant=variant, batch=1, replicas=1)
            for name, variant in choice.items()
        )
    )
    return stage_loads(pipeline, alone, 1.0)


def searched(menu: Menu) -> Choice:
    """Return, stage by stage, the fewest cores that reach the accuracy; where none do, the most accurate."""
    choice = {stage.name: stage.variants[0].name for stage in menu.pipeline.stages}
    for stage in menu.pipeline.stages:
        items = items_by_stage(menu.pipeline, choice)[stage.name]
        able = [v for v in menu.candidates(stage) if v.accuracy >= menu.floors[stage.name]]
        best = min(
            able or menu.candidates(stage),
            key=lambda v: (_cores(menu, stage, v, items) if able else 0.0, -v.accuracy, v.cores, v.name),
        )
        choice[stage.name] = best.name
    return choice


def walked(menu: Menu) -> Choice:
    """Return, stage by stage, the most accurate ensemble on the walk from the best variant downwards."""
    return {stage.name: _walked(menu, stage) for stage in menu.pipeline.stages}


def _walked(menu: Menu, stage: Stage) -> str:
    members: tuple[str, ...] = ()
    passed: list[Variant] = []
    for single in _singles(menu, stage):
        members = (*members, single.name)
        offered = vote_of(stage, members)
        passed += [] if offered is None else [stage.variant(offered)]
        if passed and passed[-1].accuracy >= menu.floors[stage.name]:
            break
    if not passed:
        return menu.candidates(stage)[0].name
    return max(passed, key=lambda v: (v.accuracy, -v.cores)).name


def shrunk(menu: Menu, choice: Choice, observation: Observation) -> Choice:
    """Return the choice with one member less in its largest ensemble; where it has none, itself."""
    ensembles = [s for s in menu.pipeline.stages if len(members_of(s, choice[s.name])) > 1]
    if not ensembles:
        return choice
    stage = max(ensembles, key=lambda s: len(members_of(s, choice[s.name])))
    members = members_of(stage, choice[stage.name])
    victim = _victim(stage, members, observation)
    left = vote_of(stage, tuple(m for m in members if m != victim))
    return choice if left is None else choice | {stage.name: left}


def _victim(stage: Stage, members: tuple[str, ...], observation: Observation) -> str:
    """Return the member with the fewest right votes; where not all were examined, the least accurate."""
    seen = {e.variant: e for s in observation.stages if s.stage == stage.name for e in s.examined}
    if all(m in seen for m in members):
        return min(members, key=lambda m: (seen[m].correct / seen[m].labelled, stage.variant(m).accuracy, m))
    return min(members, key=lambda m: (stage.variant(m).accuracy, m))


def grown(menu: Menu, choice: Choice) -> Choice:
    """Return the choice with more members in the smallest ensemble that gains from them; else itself."""
    by_size = sorted(menu.pipeline.stages, key=lambda s: len(members_of(s, choice[s.name])))
    for stage in (s for s in by_size if _votes(s)):
        larger = _grown(menu, stage, stage.variant(choice[stage.name]))
        if larger is not None:
            return choice | {stage.name: larger}
    return choice


def _grown(menu: Menu, stage: Stage, chosen: Variant) -> str | None:
    """Return the first more accurate ensemble as the best unused variants are added, one after another."""
    members = members_of(stage, chosen.name)
    for single in _singles(menu, stage):
        if single.name not in members:
            members = (*members, single.name)
            offered = vote_of(stage, members)
            if offered is not None and stage.variant(offered).accuracy > chosen.accuracy:
                return offered
    return None


def fitted(menu: Menu, choice: Choice) -> Configuration | None:
    """Return the choice, sized and within the core budget; None where not even its least replicas fit.

    Over the budget, the stage with the most cores that has any takes its most accurate cheaper variant;
    where none has one, the stage with the most replicas to spare for its load gives one back.
    """
    choice = dict(choice)
    while not menu.room.fits((plan := planned(menu, choice)).cores(menu.pipeline)):
        cheaper = _cheaper(menu, plan)
        if cheaper is None:
            return _trimmed(menu, plan)
        choice |= cheaper
    return plan


def vote_of(stage: Stage, members: tuple[str, ...]) -> str | None:
    """Return the variant that votes as *members* do: of two the better one; None where it is not offered."""
    best_first = [v.name for v in single_variants(stage) if v.name in members]
    name = best_first[0] if len(best_first) < FEWEST else ensemble_of(best_first)
    return name if name in stage.by_name else None


def _votes(stage: Stage) -> bool:
    return any(len(members_of(stage, v.name)) > 1 for v in stage.variants)


def _singles(menu: Menu, stage: Stage) -> list[Variant]:
    in_time = menu.candidates(stage)
    return [v for v in single_variants(stage) if v in in_time]


def _cores(menu: Menu, stage: Stage, variant: Variant, items: float) -> float:
    return menu.sized(stage, variant, items).replicas * variant.cores


def _cheaper(menu: Menu, plan: Configuration) -> Choice | None:
    items = items_by_stage(menu.pipeline, {s.stage: s.variant for s in plan.stages})
    used = {
        s.name: plan[s.name].replicas * s.variant(plan[s.name].variant).cores for s in menu.pipeline.stages
    }
    for stage in sorted(menu.pipeline.stages, key=lambda s: -used[s.name]):
        options = [
            v for v in menu.candidates(stage) if _cores(menu, stage, v, items[stage.name]) < used[stage.name]
        ]
        if options:
            return {stage.name: max(options, key=lambda v: (v.accuracy, -v.cores, v.name)).name}
    return None


def _trimmed(menu: Menu, plan: Configuration) -> Configuration | None:
    """Return the plan with replicas taken, one after another, where most capacity is left for the load."""
    pipeline = menu.pipeline
    items = items_by_stage(pipeline, {s.stage: s.variant for s in plan.stages})
    counts = {s.stage: s.replicas for s in plan.stages}

    def share(name: str) -> float:
        point = pipeline.stage(name).variant(plan[name].variant).at(plan[name].batch)
        load_rps = menu.load_rps * items[name]
        return (counts[name] - 1) * point.throughput_rps / load_rps if load_rps else counts[name]

    while True:
        plan = Configuration(
            stages=tuple(s.model_copy(update={"replicas": counts[s.stage]}) for s in plan.stages)
        )
        if menu.room.fits(plan.cores(pipeline)):
            return plan
        spare = [s.name for s in pipeline.stages if counts[s.name] > menu.room.least(s)]
        if not spare:
            return None
        counts[max(spare, key=share)] -= 1
