"""Pods that a real Prometheus scrapes: they come, go, restart, and stop answering while tests watch."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

from tests.tools.exporter import configured

CONFIGURATION = """\
global: {{scrape_interval: {scrape_s}s, scrape_timeout: {scrape_s}s}}
scrape_configs:
  - job_name: pods
    file_sd_configs: [{{files: ['{targets}']}}]
"""
POLL_S = 0.2
T = TypeVar("T")


@dataclass(slots=True)
class Pod:
    """A process with metrics; its counters grow by themselves."""

    rates: Mapping[str, float]
    """By series: how much it grows a second."""
    levels: Mapping[str, float] = field(default_factory=dict)
    answers: bool = True
    began: float = field(default_factory=time.monotonic)

    def restart(self) -> None:
        """Begin anew: all counters at zero."""
        self.began = time.monotonic()

    def page(self) -> str:
        """Return its metrics."""
        age_s = time.monotonic() - self.began
        lines = [f"{series} {int(rate * age_s)}" for series, rate in self.rates.items()]
        return "\n".join([*lines, *(f"{series} {value}" for series, value in self.levels.items()), ""])


@dataclass(slots=True)
class Pods:
    """All pods of a cluster, and the list of those that are to be scraped."""

    targets: Path
    address: str = ""
    _pods: dict[tuple[str, str], Pod] = field(default_factory=dict)

    def router(self, pipeline: str, name: str, rate: float) -> Pod:
        """Start a router that answers *rate* requests a second, each within 0.5 to 1 s."""
        label = f'pipeline="{pipeline}"'
        rates = {
            f"trimtab_requests_total{{{label}}}": rate,
            f"trimtab_completed_total{{{label}}}": rate,
            f'trimtab_dropped_total{{{label},reason="expired"}}': 0.0,
        }
        for le in ("0.5", "1.0", "+Inf"):
            rates[f'trimtab_latency_seconds_bucket{{{label},le="{le}"}}'] = 0.0 if le == "0.5" else rate
        return self._start(pipeline, name, Pod(rates))

    def replica(self, pipeline: str, name: str, stage: str, rate: float) -> Pod:
        """Start a replica of variant `small`, with two items waiting."""
        label = f'pipeline="{pipeline}",stage="{stage}",variant="small"'
        rates = {f"trimtab_items_{what}_total{{{label}}}": rate for what in ("arrived", "served")}
        rates |= {f"trimtab_service_seconds_count{{{label}}}": rate}
        rates |= {f'trimtab_batch_size_bucket{{{label},le="{le}"}}': rate for le in ("1", "+Inf")}
        levels = {
            f"trimtab_queue_length{{{label}}}": 2.0,
            f"trimtab_ready{{{label}}}": 1.0,
            f"trimtab_service_seconds_sum{{{label}}}": 1.0,
        }
        return self._start(pipeline, name, Pod(rates, levels))

    def pod(self, pipeline: str, name: str) -> Pod:
        """Return a pod that was started."""
        return self._pods[pipeline, name]

    def delete(self, pipeline: str, name: str) -> None:
        """End a pod: it is no longer among those to be scraped."""
        del self._pods[pipeline, name]
        self._list()

    def page(self, path: str) -> str | None:
        """Return the metrics behind a path; None where nobody answers."""
        pod = self._pods.get(tuple(path.strip("/").split("/")[-2:]))  # type: ignore[arg-type]
        return pod.page() if pod is not None and pod.answers else None

    def _start(self, pipeline: str, name: str, pod: Pod) -> Pod:
        self._pods[pipeline, name] = pod
        self._list()
        return pod

    def _list(self) -> None:
        groups = [
            {
                "targets": [self.address],
                "labels": {
                    "__metrics_path__": f"/{pipeline}/{name}",
                    "namespace": "p",
                    "instance": f"{pipeline}-{name}",
                },
            }
            for pipeline, name in self._pods
        ]
        fresh = self.targets.with_suffix(".tmp")
        fresh.write_text(json.dumps(groups), encoding="utf-8")
        fresh.replace(self.targets)


@contextmanager
def pods(folder: Path) -> Iterator[Pods]:
    """Serve the metrics of pods that are started later."""
    found = Pods(folder / "targets.json")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(found))
    found.address = f"127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def scraping(found: Pods, folder: Path, scrape_s: int, address: str | None = None) -> Iterator[str]:
    """Start a Prometheus that scrapes these pods, and give its URL."""
    text = CONFIGURATION.format(scrape_s=scrape_s, targets=found.targets)
    with configured(text, folder, address) as url:
        yield url


def eventually(look: Callable[[], T], wanted: Callable[[T], bool], *, within_s: float = 15.0) -> T:
    """Return what is seen once it is as wanted; fail with what was seen last."""
    end = time.monotonic() + within_s
    while True:
        seen = look()
        if wanted(seen):
            return seen
        assert time.monotonic() < end, seen
        pause(POLL_S)


def during(seconds: float, look: Callable[[], T]) -> Iterator[T]:
    """Yield what is seen, again and again, for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        yield look()
        pause(POLL_S)


def pause(seconds: float) -> None:
    """Let the scrapes go on."""
    threading.Event().wait(seconds)


def _handler(found: Pods) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = found.page(self.path)
            if page is None:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
