"""Replay a trace against the twin with a policy deciding, faster than real time.

Every `interval_s` the policy gets a forecast of the maximum load until its next decision can have
taken effect (`horizon_s`: interval plus the slowest cold start) and the observation of the last
interval, both made from scrapes; it never sees the twin's state. Policies with foresight get the
true maximum instead. All policies of a comparison start from what they themselves choose for the first
interval, ready and warm. Over how many seconds the load is averaged, which quantile of it is told and with
which margins, is the settings' affair: they may differ between policies that are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from baselines.policy import Policy, Situation
from core.configuration import Configuration
from core.errors import MetricsUnavailable, UsageError
from core.forecast import Forecast
from core.observation import Observation
from core.patience import averaged_rps, averaged_s
from core.pipeline import Pipeline
from core.problem import Margins
from simulator.faults import Fault, MetricOutage
from simulator.options import TwinOptions
from simulator.report import Report
from simulator.scrape import Scrape
from simulator.twin import Twin, arrivals_per_second
from tools.cadence import FORECASTER, forecaster_of, horizon_s, margins_of, quantile_of
from tools.forecast import Forecaster
from tools.observe import arrived, observed
from tools.waits import batch_waits_s


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """How an episode is run."""

    interval_s: int = 10
    """Seconds between decisions."""
    forecaster: str = FORECASTER
    quantile: float | None = None
    """Of the forecast that is decided on; None for `tools.cadence.quantile_of` the pipeline."""
    averaged_s: int | None = None
    """Seconds over which the load is averaged; None for `core.patience.averaged_s` of the pipeline."""
    margins: Margins | None = None
    """None for `tools.cadence.margins_of` the pipeline."""
    faults: tuple[Fault, ...] = ()
    options: TwinOptions = field(default_factory=TwinOptions)

    def forecaster_for(self, pipeline: Pipeline) -> Forecaster:
        """Return a new forecaster of what *pipeline* must carry."""
        return forecaster_of(
            pipeline, method=self.forecaster, quantile=self.quantile, seconds=self.averaged_s
        )


@dataclass(frozen=True, slots=True)
class Foreknown:
    """What is the same for every policy with the same settings: what scrapes count, and the forecasts."""

    arrivals: tuple[int, ...]
    """By second."""
    forecasts: tuple[Forecast | None, ...]
    """By decision after the first; None where there was nothing to forecast from yet."""


@dataclass(frozen=True, slots=True)
class Step:
    """One decision of an episode."""

    time_s: float
    forecast: Forecast
    configuration: Configuration
    observation: Observation | None


@dataclass(frozen=True, slots=True)
class Episode:
    """What a policy did and what came of it."""

    report: Report
    steps: tuple[Step, ...]
    score: float | None
    """In the pipeline's objective; None where nothing was served."""


def replay(
    pipeline: Pipeline,
    policy: Policy,
    trace_rps: Sequence[float],
    *,
    seed: int,
    settings: ReplaySettings | None = None,
    foreknown: Foreknown | None = None,
    progress: Callable[[Step], None] = lambda _: None,
) -> Episode:
    """Run *policy* over the trace and return what came of it.

    With *foreknown*, which `foreknow` makes for the same arguments, nothing else comes of it, sooner.

    Raises:
        UsageError: the policy can decide nothing, or a fault names something unknown.
    """
    settings = settings or ReplaySettings()
    run = _Run(pipeline, policy, tuple(trace_rps), seed, settings, foreknown)
    steps = [run.first]
    progress(run.first)
    while run.twin.now_s + settings.interval_s < len(trace_rps):
        step = run.advance()
        steps.append(step)
        progress(step)
    run.twin.drain()
    report = run.twin.report()
    return Episode(report, tuple(steps), score(pipeline, report))


def foreknow(
    pipeline: Pipeline, trace_rps: Sequence[float], *, seed: int, settings: ReplaySettings
) -> Foreknown:
    """Count and forecast once what many policies will be told.

    Raises:
        UsageError: a fault takes the metrics away, so that the samples are not those of the arrivals.
    """
    if any(isinstance(fault, MetricOutage) for fault in settings.faults):
        raise UsageError("what will be scraped cannot be known before: the episode has an outage of metrics")
    arrivals = arrivals_per_second(trace_rps, seed=seed, options=settings.options)
    forecaster = settings.forecaster_for(pipeline)
    ahead_s = horizon_s(pipeline, settings.interval_s)
    forecasts: list[Forecast | None] = []
    for end in range(settings.interval_s, len(trace_rps), settings.interval_s):
        forecaster.observe(arrivals[end - settings.interval_s : end])
        try:
            forecasts.append(forecaster.forecast(ahead_s))
        except MetricsUnavailable:
            forecasts.append(None)
    return Foreknown(tuple(arrivals), tuple(forecasts))


def score(pipeline: Pipeline, report: Report) -> float | None:
    """Judge a report by the pipeline's own objective."""
    if report.effective_accuracy is None:
        return None
    return pipeline.objective.score(
        effective_accuracy=report.effective_accuracy, mean_cores=report.mean_cores
    )


class _Run:
    """An episode in progress."""

    def __init__(
        self,
        pipeline: Pipeline,
        policy: Policy,
        trace_rps: tuple[float, ...],
        seed: int,
        settings: ReplaySettings,
        foreknown: Foreknown | None,
    ) -> None:
        self._foreknown, self._decisions = foreknown, 0
        self._averaged_s = settings.averaged_s or averaged_s(pipeline)
        self._truth = [rps or 0.0 for rps in averaged_rps(trace_rps, self._averaged_s)]
        self._pipeline, self._policy, self._trace, self._settings = pipeline, policy, trace_rps, settings
        self._horizon_s = horizon_s(pipeline, settings.interval_s)
        self._forecaster = settings.forecaster_for(pipeline)
        forecast = self._foreseen(0.0, method="first interval", span_s=settings.interval_s)
        self._running = self._decided(forecast, None, None)
        self.twin = Twin(
            pipeline,
            self._running,
            trace_rps,
            seed=seed,
            batch_wait_s=batch_waits_s(pipeline, self._running, forecast.upper_rps),
            options=settings.options,
            faults=settings.faults,
        )
        self._before: Scrape | None = self._scraped()
        self.first = Step(0.0, forecast, self._running, None)

    def advance(self) -> Step:
        """Let one interval pass and decide; without metrics what runs is held."""
        before = self._before
        samples = self._lived() if self._foreknown is None else self._skipped(self._foreknown)
        after = self._before
        observation = None
        if before is not None and after is not None:
            observation = observed(self._pipeline, before, after, samples)
        self._decisions += 1
        forecast = self._forecast()
        if observation is not None:
            self._apply(self._decided(forecast, observation, self._running), forecast.upper_rps)
        return Step(self.twin.now_s, forecast, self._running, observation)

    def _lived(self) -> Sequence[float | None]:
        """Let an interval pass, scraping each second; return the samples, which the forecaster has too."""
        scrapes = [self._before]
        for _ in range(self._settings.interval_s):
            self.twin.step(self.twin.now_s + 1.0)
            scrapes.append(self._scraped())
        samples = [arrived(a, b) for a, b in pairwise(scrapes)]
        self._forecaster.observe(samples)
        self._before = scrapes[-1]
        return samples

    def _skipped(self, foreknown: Foreknown) -> Sequence[float | None]:
        """Let an interval pass at once; return the samples that are known already."""
        since, until = int(self.twin.now_s), int(self.twin.now_s) + self._settings.interval_s
        self.twin.step(float(until))
        self._before = self._scraped()
        return foreknown.arrivals[since:until]

    def _decided(
        self, forecast: Forecast, observation: Observation | None, running: Configuration | None
    ) -> Configuration:
        return self._policy.decide(
            Situation(
                pipeline=self._pipeline,
                forecast=forecast,
                observation=observation,
                running=running,
                future_rps=self._future() if self._policy.foresight else None,
                interval_s=self._settings.interval_s,
                planned_rps=max(self._trace),
                margins=self._settings.margins or margins_of(self._pipeline),
            )
        )

    def _apply(self, configuration: Configuration, load_rps: float) -> None:
        self.twin.apply(configuration, batch_waits_s(self._pipeline, configuration, load_rps))
        self._running = configuration

    def _forecast(self) -> Forecast:
        if self._policy.foresight:
            return self._foreseen(self.twin.now_s, method="foresight", span_s=self._horizon_s)
        if self._foreknown is not None:
            known = self._foreknown.forecasts[self._decisions - 1]
            return known or self._foreseen(0.0, method="first interval", span_s=self._settings.interval_s)
        try:
            return self._forecaster.forecast(self._horizon_s)
        except MetricsUnavailable:
            return self._foreseen(0.0, method="first interval", span_s=self._settings.interval_s)

    def _foreseen(self, from_s: float, *, method: str, span_s: float) -> Forecast:
        """Return the true maximum of the trace from *from_s* on."""
        peak_rps = max(self._truth[int(from_s) : int(from_s + span_s)] or self._truth[-1:])
        return Forecast(
            point_rps=peak_rps,
            upper_rps=peak_rps,
            quantile=self._settings.quantile or quantile_of(self._pipeline),
            horizon_s=span_s,
            method=method,
            averaged_s=self._averaged_s,
        )

    def _future(self) -> tuple[float, ...]:
        now_s = int(self.twin.now_s) if self._decisions else 0
        return self._trace[now_s:]

    def _scraped(self) -> Scrape | None:
        try:
            return self.twin.scrape()
        except MetricsUnavailable:
            return None
