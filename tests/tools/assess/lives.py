"""Moments by hand, and the loop's view of a twin with faults."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from core.configuration import Configuration
from core.errors import MetricsUnavailable
from core.forecast import Forecast
from core.observation import LabelledObservation, Observation, ServiceObservation, StageObservation
from core.pipeline import Pipeline
from simulator.faults import Fault
from simulator.options import TwinOptions
from simulator.scrape import Scrape
from simulator.twin import Twin
from tests.core.toys import configuration, pipeline, stage, variant
from tools.assess import Moment
from tools.observe import arrived, observed
from tools.waits import batch_waits_s

SMALL = variant("small", 0.8, 1, loadTime=5) | {
    "profile": [
        {"batch": 1, "latency": 0.1, "median": 0.08},
        {"batch": 4, "latency": 0.2, "median": 0.16},
    ]
}
LARGE = variant("large", 0.95, 2, loadTime=5) | {
    "profile": [
        {"batch": 1, "latency": 0.2, "median": 0.16},
        {"batch": 4, "latency": 0.5, "median": 0.4},
    ]
}
PIPELINE = pipeline(stage("first", SMALL, LARGE), stage("second", SMALL, LARGE), slo_s=1.0)
"""The 99th percentile is a quarter above the median: sigma 0.096."""
RUNNING = configuration(("first", "small", 1, 3), ("second", "small", 1, 2))


def observation(end_s: float = 10.0, **fields: Any) -> Observation:  # noqa: ANN401 - any field of it
    """Return ten quiet seconds, where nothing else is said."""
    ready = fields.pop("ready", (3, 2))
    services: tuple[ServiceObservation, ...] = fields.pop("services", ())
    quiet = {
        "time_s": end_s,
        "interval_s": 10.0,
        "loads_rps": (10.0,) * 10,
        "latency_s": 0.5,
        "in_time": 1.0,
        "judged": 100,
        "dropped_rps": 0.0,
        "accuracy": None,
        "stages": tuple(
            StageObservation(
                stage=name, arrivals_rps=10.0, queue=0, ready=n, services=services if name == "first" else ()
            )
            for name, n in zip(("first", "second"), ready, strict=True)
        ),
    }
    return Observation.model_validate(quiet | fields)


def moment(seen: Observation | None, **fields: Any) -> Moment:  # noqa: ANN401 - any field of it
    """Return the turn after *seen*."""
    usual: dict[str, Any] = {
        "time_s": 10.0 if seen is None else seen.time_s,
        "forecast": None,
        "running": RUNNING,
        "decided_rps": 20.0,
        "settled": True,
    }
    return Moment(observation=seen, **(usual | fields))


def served(batches: int, mean_s: float, *, batch: int = 1, name: str = "small") -> ServiceObservation:
    """Return batches of one size."""
    sizes = ((batch, batches),)
    return ServiceObservation(variant=name, batch=batch, batches=batches, mean_s=mean_s, sizes=sizes)


def labelled(n: int, correct: int, *variants: str) -> tuple[LabelledObservation, ...]:
    """Return the samples of one combination, `small` twice where nothing else is said."""
    return (LabelledObservation(variants=variants or ("small", "small"), labelled=n, correct=correct),)


def turns(
    *faults: Fault,
    seconds: int,
    seed: int = 1,
    running: Configuration = RUNNING,
    spec: Pipeline = PIPELINE,
    rps: float = 12.0,
    labelled_share: float = 0.0,
) -> Iterator[Moment]:
    """Yield what a loop sees of a twin every ten seconds, by scrapes alone."""
    twin = Twin(
        spec,
        running,
        [rps] * seconds,
        seed=seed,
        batch_wait_s=batch_waits_s(spec, running, rps),
        options=TwinOptions(labelled_share=labelled_share),
        faults=faults,
    )
    scrapes = [scraped(twin)]
    while twin.now_s < seconds:
        for _ in range(10):
            twin.step(twin.now_s + 1.0)
            scrapes.append(scraped(twin))
        yield moment(
            _seen(spec, scrapes),
            time_s=twin.now_s,
            forecast=forecast(3 * rps),
            running=running,
            decided_rps=3 * rps,
        )
        scrapes = scrapes[-1:]


def forecast(upper_rps: float) -> Forecast:
    """Return a forecast for the ten seconds to come."""
    return Forecast(point_rps=upper_rps, upper_rps=upper_rps, quantile=0.9, horizon_s=10, method="by hand")


def scraped(twin: Twin) -> Scrape | None:
    """Return what the twin exposes, if it can be had."""
    try:
        return twin.scrape()
    except MetricsUnavailable:
        return None


def _seen(spec: Pipeline, scrapes: Sequence[Scrape | None]) -> Observation | None:
    first, last = scrapes[0], scrapes[-1]
    if first is None or last is None:
        return None
    return observed(spec, first, last, [arrived(a, b) for a, b in pairwise(scrapes)])
