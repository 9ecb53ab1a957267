"""A past for a real Prometheus: samples at chosen times, written into its storage before it starts.

So half an hour of silence, a restart in the middle of an interval or 200 pipelines cost a test no waiting.
What only scraping shows (`up`, series that end) is for `scraping.py`.
"""

from __future__ import annotations

import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.tools.exporter import program, prometheus

SCRAPE_S = 5
BEFORE_S = 60
AFTER_S = 60
"""Written ahead, so that the newest sample stays fresh for as long as a test may take."""
Level = Callable[[float], float]
"""The value of a series at a time, in seconds after the history's now."""


class Adder(Protocol):
    """Writes series that have some labels in common."""

    def __call__(self, metric: str, level: Level, **labels: str) -> None: ...


def growing(rate: float, start: float = 0.0) -> Level:
    """Return a counter that had *start* BEFORE_S seconds ago."""
    return lambda t: start + rate * (t + BEFORE_S)


def steady(value: float) -> Level:
    """Return a gauge that does not move."""
    return lambda t: value


@dataclass(frozen=True, slots=True)
class Times:
    """When a series was scraped, in seconds after the history's now."""

    since: float = -BEFORE_S
    until: float = AFTER_S
    every: int = SCRAPE_S


ALWAYS = Times()


@dataclass(slots=True)
class History:
    """Series with the times at which they were scraped."""

    now: int = field(default_factory=lambda: int(time.time()))
    _series: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, metric: str, level: Level, labels: Mapping[str, str], times: Times = ALWAYS) -> None:
        """Write a series of pipeline `toy` in namespace `p`, or another."""
        tags = {"namespace": "p", "pipeline": "toy", "job": "pods", "instance": "router", **labels}
        text = ",".join(f'{k}="{v}"' for k, v in tags.items() if v)
        family = metric.removesuffix("_total")
        at = times.since
        while at <= times.until:
            self._series[family].append(f"{metric}{{{text}}} {level(at)} {self.now + at}")
            at += times.every

    def router(self, *, rate: float = 6.0, done: float = 5.0, times: Times = ALWAYS, **labels: str) -> None:
        """Write a router: *rate* requests a second, *done* of them answered in 0.5 to 1 s; others expired."""
        add = self._adder(times, labels)
        add("trimtab_requests_total", growing(rate))
        add("trimtab_completed_total", growing(done))
        for reason in ("expired", "queue_full"):
            add("trimtab_dropped_total", growing(rate - done if reason == "expired" else 0.0), reason=reason)
        for le, share in (("0.5", 0.0), ("1.0", 1.0), ("2.0", 1.0), ("+Inf", 1.0)):
            add("trimtab_latency_seconds_bucket", growing(done * share), le=le)

    def replica(
        self,
        stage: str,
        variant: str,
        *,
        rate: float = 6.0,
        size: int = 1,
        service_s: float = 0.1,
        queue: float = 2.0,
        ready: float = 1.0,
        times: Times = ALWAYS,
        **labels: str,
    ) -> None:
        """Write a replica: *rate* items a second in batches of *size* that take *service_s*."""
        add = self._adder(times, {"instance": "replica", **labels, "stage": stage, "variant": variant})
        for metric in ("trimtab_items_arrived_total", "trimtab_items_served_total"):
            add(metric, growing(rate))
        add("trimtab_queue_length", steady(queue))
        add("trimtab_ready", steady(ready))
        add("trimtab_service_seconds_count", growing(rate / size))
        add("trimtab_service_seconds_sum", growing(rate / size * service_s))
        for bound in ("1", "2", "4", "+Inf"):
            add("trimtab_batch_size_bucket", growing(rate / size if size <= float(bound) else 0.0), le=bound)

    def _adder(self, times: Times, common: Mapping[str, str]) -> Adder:
        def add(metric: str, level: Level, **labels: str) -> None:
            self.add(metric, level, {**common, **labels}, times)

        return add

    @contextmanager
    def served(self, folder: Path) -> Iterator[str]:
        """Start a Prometheus that has lived through it, and give its URL."""
        text = folder / "history.om"
        with text.open("w", encoding="utf-8") as file:
            for family, lines in self._series.items():
                file.write(f"# TYPE {family} unknown\n")
                file.writelines(f"{line}\n" for line in lines)
            file.write("# EOF\n")
        arguments: Sequence[str] = [
            program("promtool"),
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            str(text),
        ]
        subprocess.run([*arguments, str(folder / "data")], check=True, capture_output=True)
        text.unlink()
        with prometheus([], folder) as url:
            yield url
