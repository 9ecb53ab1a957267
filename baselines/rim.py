"""RIM, as in IPA: replicas are fixed; variants and batches are switched.

Source: the peer that IPA's evaluation calls RIM: IPA's own model (`_ipa.py`) with n_s frozen (Ghafouri et
al., JSys 4(1) 2024; `baseline_mode: switch` of its code). It is not the algorithm of Hu et al., "Rim"
(IoTDI'21), whose abstract switches no variants. The cost term stays in the objective, as in IPA's code: with
n_s frozen it still charges a variant for its cores per replica. Where nothing is feasible, what runs is kept.

Replicas: IPA's counts, by stage, were 3|3 (video), 27|6 or 20|5 (audio), 12|8 (sum-qa), 4|15|8 or 6|22|12
(nlp), with no rule that gives them. By default (ours) a stage gets the fewest with which its lightest
variant, at its smallest batch, carries the peak the operator planned for: the least fixed hardware that
serves that peak at all, which leaves heavier variants for the rest of the time. At IPA's peak of 34 rps the
rule gives 3|2 for video and 23|7 for audio-qa. `replicas` states other counts.

Assumptions, ours: the load is the shared forecast's point, in whole requests per second, as for IPA. Limits
on replicas and cores hold for the fixed counts too. Belief and margins of a situation are not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from baselines._ipa import BATCH_CAP, Model, Queue, model_of, whole_rps
from baselines._room import lightest, room_of
from baselines.policy import Situation, register
from core.configuration import Configuration
from core.errors import UsageError


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is laid out at the first decision and kept."""

    model: Model
    start: Configuration
    """The lightest variants with the fixed replicas."""

    @property
    def replicas(self) -> Mapping[str, int]:
        return {s.stage: s.replicas for s in self.start.stages}


@register("rim")
@dataclass(slots=True)
class Rim:
    """IPA's optimum over variants and batches, with replicas fixed. Its state is what it planned at first."""

    foresight: ClassVar[bool] = False
    replicas: Mapping[str, int] | None = None
    """Replicas by stage; None for as many as the lightest variants need at the planned peak."""
    queue: Queue = "paper"
    batch_cap: int = BATCH_CAP
    """Largest batch considered; IPA's files have 8 for video and 1 for its other pipelines."""
    margin: float = 0.0
    """Share added to the forecast; IPA's files have 0.2 for its audio pipelines, else 0."""
    _plan: _Plan | None = field(default=None, init=False)

    def decide(self, situation: Situation) -> Configuration:
        """Return the optimum with the fixed replicas, or what runs where nothing is feasible.

        Raises:
            UsageError: `replicas` does not fit the pipeline, or the pipeline is too large to enumerate.
        """
        if self._plan is None:
            self._plan = self._planned(situation)
        load_rps = whole_rps(situation.forecast.point_rps, self.margin)
        best = self._plan.model.best(load_rps, room_of(situation), fixed=self._plan.replicas)
        return best or situation.running or self._plan.start

    def _planned(self, situation: Situation) -> _Plan:
        model = model_of(situation.pipeline, queue=self.queue, batch_cap=self.batch_cap)
        start = lightest(situation, situation.planned_rps)
        return _Plan(model, start if self.replicas is None else self._stated(situation, start, self.replicas))

    def _stated(
        self, situation: Situation, start: Configuration, replicas: Mapping[str, int]
    ) -> Configuration:
        """Return *start* with the counts that the user states."""
        pipeline, room = situation.pipeline, room_of(situation)
        for stage in pipeline.stages:
            if stage.name not in replicas:
                raise UsageError(f"rim: 'replicas' says nothing of stage {stage.name!r}; add its count")
            most = room.most(stage, stage.variant(start[stage.name].variant))
            if not room.least(stage) <= replicas[stage.name] <= most:
                raise UsageError(
                    f"rim: 'replicas' gives stage {stage.name!r} {replicas[stage.name]}, "
                    f"its limits allow {room.least(stage)} to {most}"
                )
        counted = [s.model_copy(update={"replicas": replicas[s.stage]}) for s in start.stages]
        configuration = Configuration(stages=tuple(counted))
        if not room.fits(configuration.cores(pipeline)):
            raise UsageError(f"rim: 'replicas' needs more than the limit of {room.max_cores:g} cores")
        return configuration
