"""InferLine (SoCC 2020): a plan made once for the peak, and a tuner that follows the load with replicas.

    planner    `baselines._planner`: the cheapest batches and replicas that keep the SLO at the planned peak
    envelope   the largest rate over windows of the service time, twice that, and so on up to 60 s
    out        if any window's rate is above what the plan expects of it: with r the largest such rate,
               k_m = ceil(r s_m / (mu_m rho_m))
    in         15 s after the last change: with r the largest rate over 5-s windows of the last 30 s,
               k_m = ceil(r s_m / (mu_m min rho)), if fewer

s_m is the share of requests that reach stage m, mu_m what one replica serves, rho_m the planned utilisation.
Sources: third-party descriptions and re-implementations; the 15 s are recalled (Themis' has 10).

Assumptions made to fit this product:
- InferLine does not choose variants: the most accurate are run whose service times alone keep the SLO;
- it plans on a sample trace; here for a Poisson stream at the peak the operator planned for. Such a stream
  is expected to have windows of w seconds at a rate up to r + z sqrt(r / w), z for the 99th percentile;
- what is provided for now is the least of n_m mu_m rho_m / s_m, at first the planned peak itself. After a
  scale-in older samples than it looked at no longer count for scaling out, or it would be undone at once;
- loads come a sample a second, so no window is shorter; it tunes every interval (10 s), not continuously;
- a batch size is a most in InferLine, which never waits to fill one; see `baselines._deployed`;
- what a core limit leaves no room for is not granted. Where the plan itself exceeds the limits, all of
  them are used, and rho is at most 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from baselines._deployed import filled
from baselines._granted import granted, with_replicas
from baselines._loads import Loads
from baselines._planner import Plan, planned
from baselines._room import room_of
from baselines._split import replicas_for
from baselines.policy import Situation, register
from core.configuration import Configuration
from core.pipeline import Pipeline
from core.prediction import longest_path, stage_loads
from core.queueing import Z_99

LONGEST_WINDOW_S = 60
"""The longest window of the envelope."""
CALM_S = 15.0
"""Seconds without a change before replicas are taken away."""
RECENT_S = 30
"""Seconds that scaling in looks back at."""
SHORT_WINDOW_S = 5
"""The windows it looks at."""


@register("inferline")
@dataclass(slots=True)
class InferLine:
    """Its state: the plan, the load seen, when replicas were last changed and when last taken away."""

    foresight: ClassVar[bool] = False
    plan: Plan | None = field(default=None, init=False)
    loads: Loads = field(default_factory=Loads, init=False)
    changed_s: float = field(default=0.0, init=False)
    shrunk_s: float | None = field(default=None, init=False)

    def decide(self, situation: Situation) -> Configuration:
        """Return the plan, with as many replicas as the tuner asks for.

        Raises:
            UsageError: there are too many combinations of variants and batches to plan with.
        """
        if self.plan is None:
            self.plan = planned(situation.pipeline, situation.planned_rps, room_of(situation))
        self.loads.observe(situation)
        pipeline, running = situation.pipeline, situation.running
        chosen = filled(pipeline, self.plan.configuration, situation.forecast.upper_rps)
        if running is None or situation.observation is None:
            return chosen
        had = {s.stage: s.replicas for s in running.stages}
        tuner = _Tuner(situation, with_replicas(chosen, had), self.plan.utilisation)
        counts = self._tuned(tuner, situation.observation.time_s)
        tuned = granted(situation, with_replicas(chosen, counts))
        self._remember(had, tuned, situation.observation.time_s)
        return tuned

    def _tuned(self, tuner: _Tuner, now_s: float) -> dict[str, int]:
        had = {s.stage: s.replicas for s in tuner.running.stages}
        window_s = LONGEST_WINDOW_S
        if self.shrunk_s is not None:
            window_s = min(window_s, round(now_s - self.shrunk_s) + RECENT_S)
        exceeding_rps = tuner.exceeding_rps(self.loads.last(window_s))
        if exceeding_rps is not None:
            wanted = tuner.replicas(exceeding_rps, tuner.utilisation)
            return {name: max(had[name], wanted[name]) for name in had}
        recent = self.loads.last(RECENT_S)
        if now_s - self.changed_s < CALM_S or len(recent) < RECENT_S:
            return had
        least = min(tuner.utilisation.values())
        wanted = tuner.replicas(max(window_rates_rps(recent, SHORT_WINDOW_S)), dict.fromkeys(had, least))
        return {name: min(had[name], wanted[name]) for name in had}

    def _remember(self, had: Mapping[str, int], tuned: Configuration, now_s: float) -> None:
        changes = [s.replicas - had[s.stage] for s in tuned.stages]
        if any(changes):
            self.changed_s = now_s
        if any(change < 0 for change in changes):
            self.shrunk_s = now_s


@dataclass(frozen=True, slots=True)
class _Tuner:
    """What the tuner computes with."""

    situation: Situation
    running: Configuration
    """The plan's variants and batches, with the replicas there are."""
    utilisation: Mapping[str, float]

    def exceeding_rps(self, samples: Sequence[float]) -> float | None:
        """Return the largest rate of the envelope that exceeds what is provided for; None if none does."""
        provided_rps = self._provided_rps()
        exceeding = [
            rate_rps
            for window_s in windows_s(self._service_s(), len(samples))
            for rate_rps in [max(window_rates_rps(samples, window_s))]
            if rate_rps > expected_peak_rps(provided_rps, window_s)
        ]
        return max(exceeding, default=None)

    def replicas(self, load_rps: float, utilisation: Mapping[str, float]) -> dict[str, int]:
        """Return k_m for *load_rps*, within the limits of each stage."""
        room, pipeline = room_of(self.situation), self.situation.pipeline
        loads = stage_loads(pipeline, self.running, load_rps)
        return {
            stage.name: replicas_for(
                loads[stage.name],
                self._rate_rps(stage.name) * utilisation[stage.name],
                most=room.most(stage, stage.variant(self.running[stage.name].variant)),
                least=room.least(stage),
            )
            for stage in pipeline.stages
        }

    def _provided_rps(self) -> float:
        shares = stage_loads(self._pipeline, self.running, 1.0)
        return min(
            s.replicas * self._rate_rps(s.stage) * self.utilisation[s.stage] / shares[s.stage]
            if shares[s.stage] > 0
            else math.inf
            for s in self.running.stages
        )

    def _service_s(self) -> float:
        return longest_path(
            self._pipeline,
            {
                s.stage: self._pipeline.stage(s.stage).variant(s.variant).at(s.batch).latency_s
                for s in self.running.stages
            },
        )

    def _rate_rps(self, name: str) -> float:
        setting = self.running[name]
        return self._pipeline.stage(name).variant(setting.variant).at(setting.batch).throughput_rps

    @property
    def _pipeline(self) -> Pipeline:
        return self.situation.pipeline


def windows_s(service_s: float, longest_s: int) -> Iterator[int]:
    """Yield the envelope's windows: the service time, doubling, up to 60 s and to what was seen."""
    window_s = max(1, math.ceil(service_s))
    while window_s <= min(LONGEST_WINDOW_S, longest_s):
        yield window_s
        window_s *= 2


def window_rates_rps(samples: Sequence[float], window_s: int) -> list[float]:
    """Return the mean rate of every window of *window_s* consecutive samples, one a second."""
    return [math.fsum(samples[end - window_s : end]) / window_s for end in range(window_s, len(samples) + 1)]


def expected_peak_rps(load_rps: float, window_s: float) -> float:
    """Return the rate that windows of a Poisson stream at *load_rps* stay below 99 times in 100."""
    return load_rps + Z_99 * math.sqrt(load_rps / window_s) if math.isfinite(load_rps) else load_rps
