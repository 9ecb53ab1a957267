"""Latency drift: a variant takes longer than profiled, by stage and variant.

An interval gives x = ln(measured mean service time / profiled mean of the same batches), which is about
normal with variance v = ln(1 + scv / batches) + `COMMON_SD`^2: few batches say little, and no interval says
everything, as what disturbs one batch disturbs its neighbours. Where replicas have just started, `COLD_SD`
is added. An e-detector tests x against "at most `LEAST_EFFECT` slower" (and whatever the profile leaves open,
see `_service`); after an alarm a second one tests whether it is over.

The factor is exp of the precision-weighted mean of the last `WINDOW` values since the drift began. Its
interval is a normal-mixture confidence sequence (Howard et al. 2021, "Time-uniform, nonparametric,
nonasymptotic confidence sequences", eq. 14), 95 % at all times for one run of a steady factor, widened by
what the profile leaves open. A single slow replica of several raises the mean and is told as that.
Only slower is corrected: trusting a faster one would take capacity away on the word of a few intervals.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from core import belief
from core.assessment import Finding
from core.observation import ServiceObservation
from core.pipeline import Pipeline, Stage
from tools.assess._evidence import END_RUN_LENGTH, RUN_LENGTH, Evidence
from tools.assess._moment import Moment
from tools.assess._service import Curve

LEAST_EFFECT = 0.1
"""Slower by less is not corrected: the loop's headroom carries it."""
MOST_FACTOR = 4.0
"""No correction goes further: what is four times slower is broken, not drifting."""
EFFECTS = (0.05, 0.15, 0.4, 1.0)
"""Logs beyond the least effect that the test looks for: 16, 28, 64 and 199 % slower than profiled."""
COMMON_SD = 0.03
"""Standard deviation of x that all batches of an interval share."""
COLD_SD = 0.2
"""The same where replicas started lately: first batches are slow."""
WINDOW = 12
"""Values the factor rests on: two minutes of ten seconds, so that it follows a ramp."""
MISS = 0.05
"""Chance that the interval is wrong."""
PRIOR_PRECISION = 500.0
"""Where the confidence sequence is tightest: at a standard error of 4.5 %."""
EXPIRY_S = 1800.0
"""A drift of a variant that no longer serves is forgotten then, so that it may prove itself again."""
REPROFILE_S = 600.0
"""A drift that lasts this long is no passing trouble: measure the variant again."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one interval says of a variant."""

    began_s: float
    x: float
    variance: float
    below: float
    above: float


@dataclass(slots=True)
class Watch:
    """What is remembered of one variant."""

    curve: Curve
    rising: Evidence = field(default_factory=lambda: Evidence(len(EFFECTS)))
    ending: Evidence = field(default_factory=lambda: Evidence(len(EFFECTS), END_RUN_LENGTH))
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=WINDOW))
    since_s: float | None = None
    """When the present drift began; None where there is none."""
    last_s: float = 0.0
    """When it last served."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A factor with its interval."""

    factor: float
    low: float
    high: float
    since_s: float
    exact: bool


@dataclass(slots=True)
class LatencyDrift:
    """Watches the service time of every variant that serves."""

    pipeline: Pipeline
    watches: dict[tuple[str, str], Watch] = field(default_factory=dict)

    def learn(self, moment: Moment) -> None:
        """Take in one interval."""
        for key, watch in list(self.watches.items()):
            if moment.time_s - watch.last_s > EXPIRY_S:
                del self.watches[key]
        for seen in () if moment.observation is None else moment.observation.stages:
            for served in seen.services:
                if served.batches and served.mean_s > 0:
                    self._learn(moment, self.pipeline.stage(seen.stage), served)

    def findings(self, moment: Moment) -> tuple[Finding, ...]:
        """Return a finding for each variant that drifts, and one more where it does for long."""
        found = []
        for (stage, variant), drift in self._drifts().items():
            found.append(_finding(stage, variant, drift))
            if moment.time_s - drift.since_s >= REPROFILE_S:
                found.append(_reprofile(moment, stage, variant, drift))
        return tuple(found)

    def belief(self) -> tuple[belief.LatencyFactor, ...]:
        """Return the corrections."""
        return tuple(
            belief.LatencyFactor(
                stage=stage,
                variant=variant,
                factor=drift.factor,
                evidence=belief.Evidence(
                    statement=_told(stage, variant, drift),
                    low=drift.low,
                    high=drift.high,
                    since_s=drift.since_s,
                ),
            )
            for (stage, variant), drift in self._drifts().items()
        )

    def _learn(self, moment: Moment, stage: Stage, served: ServiceObservation) -> None:
        key = (stage.name, served.variant)
        if key not in self.watches:
            curve = Curve.of(stage.variant(served.variant), self.pipeline.slo.quantile)
            self.watches[key] = Watch(curve)
        watch = self.watches[key]
        watch.last_s = moment.time_s
        sample = _sample(moment, stage, watch.curve, served)
        watch.samples.append(sample)
        least = math.log1p(LEAST_EFFECT)
        if watch.since_s is None:
            over = sample.x - least - sample.above
            watch.rising.add([_log_ratio(over, d, sample.variance) for d in EFFECTS], sample.began_s)
            if watch.rising.alarmed:
                watch.since_s = watch.rising.since_s
                watch.ending.clear()
            return
        under = least - sample.x
        watch.ending.add([_log_ratio(under, d, sample.variance) for d in EFFECTS], sample.began_s)
        if watch.ending.alarmed:
            watch.since_s = None
            watch.rising.clear()

    def _drifts(self) -> dict[tuple[str, str], Drift]:
        found = {}
        for key, watch in self.watches.items():
            drift = _drift(watch)
            if drift is not None:
                found[key] = drift
        return found


def _sample(moment: Moment, stage: Stage, curve: Curve, served: ServiceObservation) -> Sample:
    expected = curve.expected(served)
    variance = math.log1p(expected.scv / served.batches) + COMMON_SD**2
    if _started_lately(moment, stage, served.variant):
        variance += COLD_SD**2
    return Sample(
        began_s=moment.began_s,
        x=math.log(served.mean_s / expected.mean_s),
        variance=variance,
        below=expected.below,
        above=expected.above,
    )


def _started_lately(moment: Moment, stage: Stage, variant: str) -> bool:
    """Say whether replicas of the stage may have become ready in the interval."""
    load_time_s, before = stage.variant(variant).load_time_s, None
    for time_s, configuration in moment.applied:
        setting = configuration.by_stage.get(stage.name)
        now = None if setting is None else (setting.variant, setting.replicas)
        if now != before and moment.began_s - load_time_s <= time_s < moment.time_s:
            return True
        before = now
    return False


def _log_ratio(over: float, effect: float, variance: float) -> float:
    """Return the log likelihood ratio of a normal mean *effect* against 0; its mean is at most 1 below 0."""
    return effect * over / variance - effect**2 / (2 * variance)


def _drift(watch: Watch) -> Drift | None:
    """Return the drift, if there is one worth a correction."""
    if watch.since_s is None:
        return None
    run = [s for s in watch.samples if s.began_s >= watch.since_s]
    steady = run[1:] or run  # it may have begun in the midst of the first
    precision = math.fsum(1 / s.variance for s in steady)
    mean = math.fsum(s.x / s.variance for s in steady) / precision
    half = _half_width(precision)
    low, high = mean - half - max(s.above for s in steady), mean + half + max(s.below for s in steady)
    factor = min(MOST_FACTOR, math.exp(mean))
    if factor < 1 + LEAST_EFFECT:
        return None
    return Drift(
        factor=factor,
        low=min(factor, max(1.0, math.exp(low))),
        high=max(factor, min(MOST_FACTOR, math.exp(high))),
        since_s=watch.since_s,
        exact=watch.curve.exact,
    )


def _half_width(precision: float) -> float:
    """Return the half width of the confidence sequence for a mean known with so much precision."""
    total = precision + PRIOR_PRECISION
    return math.sqrt(total * math.log(total / (PRIOR_PRECISION * MISS**2))) / precision


def _finding(stage: str, variant: str, drift: Drift) -> Finding:
    return Finding(
        kind="latency drift",
        subject=stage,
        statement=_told(stage, variant, drift),
        false_alarm=1 / RUN_LENGTH,
        since_s=drift.since_s,
        figure=_percent(drift.factor),
        low=_percent(drift.low),
        high=_percent(drift.high),
    )


def _reprofile(moment: Moment, stage: str, variant: str, drift: Drift) -> Finding:
    lasted_s = moment.time_s - drift.since_s
    return Finding(
        kind="re-profile",
        subject=stage,
        statement=f"{stage}/{variant} has been slower than profiled for {lasted_s:g} s: profile it again",
        since_s=drift.since_s,
        figure=_percent(drift.factor),
    )


def _told(stage: str, variant: str, drift: Drift) -> str:
    least = "" if drift.exact else "at least "
    return (
        f"{stage}/{variant} is {least}{_percent(drift.factor):.0f} % slower than profiled "
        f"since {drift.since_s:g} s ({_percent(drift.low):.0f} to {_percent(drift.high):.0f} %)"
    )


def _percent(factor: float) -> float:
    return 100 * (factor - 1)
