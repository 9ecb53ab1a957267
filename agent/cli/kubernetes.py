"""The options of `trimtab run --cluster kubernetes`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from core.decision import Mode
from core.errors import UsageError

DEFAULT_LISTEN = "127.0.0.1:8090"
PANEL = "On Kubernetes (--cluster kubernetes)"

Namespaces = Annotated[
    list[str] | None,
    typer.Option("--namespace", "-n", help="Where pipelines are declared; repeat it.", rich_help_panel=PANEL),
]
DeclaredBy = Annotated[
    Literal["crd", "configmap"],
    typer.Option("--declared", help="Objects of kind Pipeline, or ConfigMaps.", rich_help_panel=PANEL),
]
Kubeconfig = Annotated[
    Path | None,
    typer.Option(help="By default the pod's own account, or kubectl's file.", rich_help_panel=PANEL),
]
KubeContext = Annotated[
    str | None, typer.Option("--context", help="Of the kubeconfig.", rich_help_panel=PANEL)
]
PrometheusUrl = Annotated[
    str | None, typer.Option("--prometheus-url", help="Where the metrics are.", rich_help_panel=PANEL)
]
BearerTokenFile = Annotated[
    Path | None,
    typer.Option(help="Token for Prometheus; read anew at every request.", rich_help_panel=PANEL),
]
CaFile = Annotated[
    Path | None, typer.Option(help="Certificates that Prometheus' is signed by.", rich_help_panel=PANEL)
]
Headers = Annotated[
    list[str] | None,
    typer.Option("--header", help="NAME=VALUE, sent to Prometheus; repeat it.", rich_help_panel=PANEL),
]
ScrapeInterval = Annotated[
    float, typer.Option(min=1, help="Seconds between Prometheus' scrapes.", rich_help_panel=PANEL)
]
Listen = Annotated[
    str,
    typer.Option(help="HOST:PORT of /healthz, /readyz and /metrics.", rich_help_panel=PANEL),
]
LeaseNamespace = Annotated[
    str | None,
    typer.Option(
        help="Where the Lease is that lets one controller act at a time; the first --namespace by default.",
        rich_help_panel=PANEL,
    ),
]
LogFormat = Annotated[Literal["json", "text"], typer.Option(help="On stderr.", rich_help_panel=PANEL)]


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says."""

    file: Path | None
    trace: Path | None
    namespaces: tuple[str, ...]
    declared: Literal["crd", "configmap"]
    kubeconfig: Path | None
    context: str | None
    prometheus_url: str | None
    bearer_token_file: Path | None
    ca_file: Path | None
    headers: tuple[str, ...]
    scrape_interval: float
    listen: str
    lease_namespace: str | None
    log_format: Literal["json", "text"]
    planner: tuple[str, str | None, Path | None, Path | None]
    """Name, model, settings and prices."""
    mode: Mode
    autonomy: Path | None
    data: Path
    interval: int


def run(given: Given) -> None:
    """Run the controller.

    Raises:
        UsageError: what is needed is missing, or what makes no sense here is given.
    """
    from agent.choosing import Choice  # noqa: PLC0415 - langgraph and numba are heavy
    from agent.context import LoopSettings  # noqa: PLC0415 - as above
    from agent.controller.running import (  # noqa: PLC0415 - as above
        PrometheusOptions,
        RunOptions,
        run_on_kubernetes,
    )
    from agent.controller.settings import ControllerSettings  # noqa: PLC0415 - as above
    from agent.policy import read_policy  # noqa: PLC0415 - as above

    url = _checked(given)
    policy = None if given.autonomy is None else read_policy(given.autonomy)
    run_on_kubernetes(
        RunOptions(
            settings=ControllerSettings(
                namespaces=given.namespaces,
                data=given.data,
                mode=given.mode,
                declared=given.declared,
                loop=LoopSettings(mode=given.mode, interval_s=given.interval, autonomy=policy),
            ),
            prometheus=PrometheusOptions(
                url=url,
                bearer_token_file=given.bearer_token_file,
                ca_file=given.ca_file,
                headers=given.headers,
                scrape_s=given.scrape_interval,
            ),
            choice=Choice(*given.planner),
            kubeconfig=given.kubeconfig,
            context=given.context,
            listen=given.listen,
            lease_namespace=given.lease_namespace,
            log_format=given.log_format,
        )
    )


def _checked(given: Given) -> str:
    """Return the address of Prometheus, if everything that is needed is there."""
    if given.file is not None or given.trace is not None:
        raise UsageError(
            "the cluster declares the pipelines and brings the load: leave out the file and --trace"
        )
    if not given.namespaces:
        raise UsageError("--namespace: name the namespaces whose pipelines are to be looked after")
    if given.prometheus_url is None:
        raise UsageError("--prometheus-url: name the Prometheus that scrapes the pipelines, http://HOST:PORT")
    return given.prometheus_url
