"""What `trimtab run --cluster kubernetes` does: sweep while it is the leader, until it is told to stop."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from agent.choosing import Choice, chosen_planner
from agent.controller.cluster import Reading
from agent.controller.fleet import Fleet
from agent.controller.health import Health, serving
from agent.controller.logs import log_to_stderr
from agent.controller.reporting import Reporter
from agent.controller.settings import ControllerSettings
from agent.controller.telemetry import Telemetry
from agent.controller.tracing import Tracer, tracing
from agent.metricsdoctor import headers_of
from agent.planners import Planner
from agent.running import stopping
from core.errors import MetricsUnavailable
from tools.kubernetes.api import Api, connect
from tools.kubernetes.declared import ConfigMaps, Declarations, Key, PipelineObjects
from tools.kubernetes.errors import KubernetesError
from tools.kubernetes.events import Recorder
from tools.kubernetes.lease import Lease
from tools.prometheus import Prometheus
from tools.promql.asking import Watched
from tools.promql.source import SCRAPE_S, PromqlSource

logger = logging.getLogger(__name__)

LEASE = "trimtab"
CANDIDATE_S = 2.0
"""Between two attempts to become or stay the leader, as client-go has it."""


@dataclass(frozen=True, slots=True)
class PrometheusOptions:
    """Where the metrics are, and what shows that we may read them."""

    url: str
    bearer_token_file: Path | None = None
    ca_file: Path | None = None
    headers: Sequence[str] = ()
    """As NAME=VALUE."""
    scrape_s: float = SCRAPE_S
    """Seconds between two scrapes of a target."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says."""

    settings: ControllerSettings
    prometheus: PrometheusOptions
    choice: Choice
    kubeconfig: Path | None = None
    context: str | None = None
    listen: str = "127.0.0.1:8090"
    lease_namespace: str | None = None
    """By default the first namespace that is looked after."""
    log_format: Literal["json", "text"] = "json"


@dataclass(slots=True)
class Controller:
    """A candidate that sweeps once an interval while it leads."""

    fleet: Fleet
    lease: Lease
    health: Health
    telemetry: Telemetry
    tracer: Tracer
    stop: threading.Event

    def run(self) -> None:
        """Go on until it is told to stop; the present sweep is brought to its end.

        Raises:
            UsageError: the cluster does not know what pipelines are declared with.
        """
        interval_s = self.fleet.settings.loop.interval_s
        due_s = time.monotonic()
        while not self.stop.wait(max(0.0, min(CANDIDATE_S, due_s - time.monotonic()))):
            if not self.lease.held:
                self._stand_by()
                continue
            if time.monotonic() < due_s:
                continue
            self._sweep()
            # What was missed is not made up for: turns look at the present.
            due_s = max(due_s + interval_s, time.monotonic())

    def _sweep(self) -> None:
        began_s = time.monotonic()
        self.telemetry.leading(True)
        try:
            with self.tracer.sweep():
                self.fleet.sweep()
        except KubernetesError as error:
            self.telemetry.api_error(type(error).__name__)
            logger.error("nothing was decided: %s", error)
        self.telemetry.swept(time.monotonic() - began_s)
        self.health.swept()

    def _stand_by(self) -> None:
        """Wait for the lease. What was open is closed, for the one that acts now."""
        if self.fleet.members:
            logger.warning("another controller acts now; this one stands by")
            self.fleet.close()
        self.telemetry.leading(False)
        self.health.stands_by()
        self.stop.wait(CANDIDATE_S)


def run_on_kubernetes(options: RunOptions) -> None:
    """Run the controller.

    Raises:
        UsageError: an option, the kubeconfig or the planner is wrong, or the CRD is missing.
    """
    log_to_stderr(options.log_format)
    settings = options.settings
    api = connect(options.kubeconfig, options.context)
    declarations = _declarations(api, settings)
    source = PromqlSource(_prometheus(options.prometheus), scrape_s=options.prometheus.scrape_s)
    telemetry = Telemetry()
    health = Health(float(settings.loop.interval_s))
    lease = Lease(api, options.lease_namespace or settings.namespaces[0], LEASE, socket.gethostname())
    recorder = Recorder(api, telemetry.api_error, instance=lease.holder)
    line = _line(options.choice)
    reporter = Reporter(declarations, recorder, telemetry)
    with (
        stopping() as stop,
        tracing(os.environ) as tracer,
        serving(options.listen, health, telemetry.exposed) as (host, port),
        _renewing(lease),
    ):
        logger.info("%s; /healthz, /readyz and /metrics are on %s:%s", line, host, port)
        fleet = Fleet(
            api,
            declarations,
            CountedSource(source, telemetry),
            settings,
            lambda folder: _planner(options.choice, folder),
            reporter,
            may_write=lambda: lease.held,
            tracer=tracer,
        )
        try:
            Controller(fleet, lease, health, telemetry, tracer, stop).run()
        finally:
            health.drains()
            fleet.close()
    logger.info("stopped after the present turns; nothing is left half done")


@contextmanager
def _planner(choice: Choice, folder: Path) -> Iterator[Planner]:
    """Give the planner of one pipeline: its budgets and its breaker are its own."""
    with chosen_planner(choice, folder, os.environ) as (planner, _):
        yield planner


def _line(choice: Choice) -> str:
    """Return what decides, for the log; what is wrong with it is found before anything starts."""
    with TemporaryDirectory() as folder, chosen_planner(choice, Path(folder), os.environ) as (_, line):
        return line


@dataclass(frozen=True, slots=True)
class CountedSource:
    """A metrics source whose failures are counted. Implements `Source`."""

    source: PromqlSource
    telemetry: Telemetry

    @property
    def notes(self) -> Mapping[Key, str]:
        """What the last reading found odd, and used all the same."""
        return self.source.notes

    def read(self, watched: Sequence[Watched]) -> Mapping[Key, Reading]:
        """Read, and count a sweep in which nothing usable is known of some pipeline."""
        found = self.source.read(watched)
        if any(isinstance(reading, MetricsUnavailable) for reading in found.values()):
            self.telemetry.prometheus_error()
        return found


@contextmanager
def _renewing(lease: Lease) -> Iterator[None]:
    """Keep the lease, in a thread of its own; at the end give it free, after everything else has ended."""
    over = threading.Event()

    def renew() -> None:
        while not over.is_set():
            lease.try_acquire()
            over.wait(CANDIDATE_S)

    thread = threading.Thread(target=renew, name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        lease.release()


def _declarations(api: Api, settings: ControllerSettings) -> Declarations:
    return ConfigMaps(api) if settings.declared == "configmap" else PipelineObjects(api)


def _prometheus(options: PrometheusOptions) -> Prometheus:
    return Prometheus(
        options.url,
        bearer_token_file=options.bearer_token_file,
        ca_file=options.ca_file,
        headers=headers_of(options.headers),
    )
