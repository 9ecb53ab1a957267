"""What the controller counts and measures of itself, for Prometheus: everything a decision says, as series.

    telemetry = Telemetry()
    telemetry.decided("shop", pipeline, decision, seconds=0.2)
    telemetry.exposed()        # the text of /metrics

What is unknown has no series: a gauge whose figure a decision does not have is taken away, not kept. Labels
are names of declared pipelines, dropped with `forget`, and words of closed sets, so there are never more
series than pipelines times a constant. It decides nothing and never raises into a turn.
"""

from __future__ import annotations

import threading
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from agent.controller.foresight import Foresight, Judgement
from agent.controller.states import State, cause_of, mean_rps, verdict_of
from agent.lines import chosen_of
from core.decision import Decision
from core.observation import Observation
from core.pipeline import Pipeline
from core.verdict import Verdict

PREFIX = "trimtab_controller_"
OWNER = ("namespace", "pipeline")
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""From a quiet turn, which solves one small problem, to a language model that takes its time."""
Key = tuple[str, str]


class Telemetry:
    """The controller's own metrics, in a registry of their own. Thread-safe."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self._lock = threading.Lock()
        self._labels: dict[Key, set[tuple[str, ...]]] = {}
        self._foresight: dict[Key, Foresight] = {}
        self._decisions = Counter(
            f"{PREFIX}decisions",
            "Decisions, by what came of them, what they answered to and what the check said.",
            (*OWNER, "outcome", "cause", "verdict"),
            registry=self.registry,
        )
        self._regret = self._gauge("regret", "Objective lost against the exact optimum by the last proposal.")
        self._error = self._gauge(
            "forecast_error_rps", "Highest load of the last judged horizon less forecast."
        )
        self._covered = self._counter("forecast_covered", "Judged forecasts whose upper quantile was kept.")
        self._judged = self._counter("forecast_judged", "Forecasts whose whole horizon was measured since.")
        self._tokens = self._counter("tokens", "Tokens used for planning, input and output.")
        self._spend = self._counter("spend_usd", "US dollars used for planning, where the price is known.")
        self._attainment = self._gauge("slo_attainment", "Share served in time in the last interval.")
        self._load = self._gauge("load_rps", "Mean requests per second over the last interval.")
        self._upper = self._gauge("forecast_upper_rps", "Upper quantile of the load over the next horizon.")
        self._accuracy = self._gauge("accuracy", "Accuracy the pipeline's file states for what is asked for.")
        self._cores = self._gauge("cores", "CPU cores of what is asked for.")
        self._state = self._gauge(
            "pipeline_state", "1 for the state a pipeline is in, 0 for the others.", "state"
        )
        self._planning = self._histogram("planner_seconds", "Seconds a turn waited for the language model.")
        self._turn = self._histogram("turn_seconds", "Seconds of a turn.")
        self._interval = self._plain("interval_seconds", "Seconds the last sweep over all pipelines took.")
        self._sweeps = Counter(f"{PREFIX}sweeps", "Sweeps over all pipelines.", registry=self.registry)
        self._leader = self._plain("leader", "1 while this process is the one that acts.")
        self._breaker = self._gauge("breaker_open", "1 while the language model is left alone.")
        self._api_errors = Counter(
            f"{PREFIX}api_errors",
            "Calls of the Kubernetes API that failed.",
            ("kind",),
            registry=self.registry,
        )
        self._prometheus_errors = Counter(
            f"{PREFIX}prometheus_errors", "Readings of Prometheus that failed.", registry=self.registry
        )

    def exposed(self) -> bytes:
        """Return all series in Prometheus' text format."""
        return bytes(generate_latest(self.registry))

    def decided(self, namespace: str, pipeline: Pipeline, decision: Decision, seconds: float) -> None:
        """Take in one decision and how long its turn took."""
        key = (namespace, pipeline.name)
        how = (decision.outcome, cause_of(decision), verdict_of(decision))
        with self._lock:
            self._labels.setdefault(key, set()).add(how)
            self._decisions.labels(*key, *how).inc()
            self._turn.observe(seconds)
            self._thought(key, decision)
            self._measured(key, decision.observation)
            self._judge(key, decision)
            self._asked(key, pipeline, decision)

    def state(self, namespace: str, name: str, state: State) -> None:
        """Say which state a pipeline is in."""
        with self._lock:
            self._labels.setdefault((namespace, name), set())
            for each in get_args(State):
                self._state.labels(namespace, name, each).set(each == state)

    def forget(self, namespace: str, name: str) -> None:
        """Drop the series of a pipeline that is declared no more."""
        key = (namespace, name)
        with self._lock:
            self._foresight.pop(key, None)
            for how in self._labels.pop(key, ()):
                self._decisions.remove(*key, *how)
            for state in get_args(State):
                self._state.remove(*key, state)
            for family in self._families():
                family.remove(*key)

    def leading(self, leads: bool) -> None:
        """Say whether this process is the one that acts."""
        self._leader.set(leads)

    def swept(self, seconds: float) -> None:
        """Say how long a sweep took."""
        self._interval.set(seconds)
        self._sweeps.inc()

    def api_error(self, kind: str) -> None:
        """Count a failed call of the Kubernetes API; *kind* is the name of the error's class."""
        self._api_errors.labels(kind).inc()

    def prometheus_error(self) -> None:
        """Count a failed reading of Prometheus."""
        self._prometheus_errors.inc()

    def _thought(self, key: Key, decision: Decision) -> None:
        planning = decision.planning
        verdict = _verdict(decision)
        _set(self._regret, key, None if verdict is None else verdict.regret)
        self._tokens.labels(*key).inc(planning.spend.tokens)
        self._spend.labels(*key).inc(planning.spend.usd or 0.0)
        if planning.spend.calls:
            self._planning.observe(planning.spend.seconds)
        if planning.triggers:
            _set(self._breaker, key, float(planning.breaker == "open"))

    def _measured(self, key: Key, seen: Observation | None) -> None:
        _set(self._attainment, key, None if seen is None else seen.in_time)
        _set(self._load, key, None if seen is None else mean_rps(seen.loads_rps))

    def _judge(self, key: Key, decision: Decision) -> None:
        foresight = self._foresight.setdefault(key, Foresight())
        for judged in foresight.seen(decision.observation):
            self._count(key, judged)
        foresight.made(decision.forecast, decision.observation)
        _set(self._upper, key, None if decision.forecast is None else decision.forecast.upper_rps)

    def _count(self, key: Key, judged: Judgement) -> None:
        self._judged.labels(*key).inc()
        self._covered.labels(*key).inc(judged.covered)
        self._error.labels(*key).set(judged.error_rps)

    def _asked(self, key: Key, pipeline: Pipeline, decision: Decision) -> None:
        asked = chosen_of(decision) if decision.outcome == "applied" else decision.running
        _set(self._cores, key, None if asked is None else asked.cores(pipeline))
        _set(self._accuracy, key, None if asked is None else asked.accuracy(pipeline))

    def _families(self) -> tuple[Counter | Gauge, ...]:
        """Return what has one series for each pipeline."""
        gauges = (self._regret, self._error, self._attainment, self._load, self._upper)
        counters = (self._covered, self._judged, self._tokens, self._spend)
        return (*gauges, self._accuracy, self._cores, self._breaker, *counters)

    def _gauge(self, name: str, says: str, *labels: str) -> Gauge:
        return Gauge(f"{PREFIX}{name}", says, (*OWNER, *labels), registry=self.registry)

    def _counter(self, name: str, says: str) -> Counter:
        return Counter(f"{PREFIX}{name}", says, OWNER, registry=self.registry)

    def _histogram(self, name: str, says: str) -> Histogram:
        return Histogram(f"{PREFIX}{name}", says, buckets=SECONDS, registry=self.registry)

    def _plain(self, name: str, says: str) -> Gauge:
        return Gauge(f"{PREFIX}{name}", says, registry=self.registry)


def _set(gauge: Gauge, key: Key, figure: float | None) -> None:
    """Set a gauge; without a figure, take its series away."""
    if figure is None:
        gauge.remove(*key)
    else:
        gauge.labels(*key).set(figure)


def _verdict(decision: Decision) -> Verdict | None:
    return decision.rulings[-1].verdict if decision.rulings else None
