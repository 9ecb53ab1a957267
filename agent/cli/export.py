"""`trimtab export`: what to create on a cluster, and what to leave there when Trimtab goes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from agent.cli.options import INFEASIBLE, PipelineFile, app

if TYPE_CHECKING:
    from agent.exporting import Policy

Load = Annotated[
    str | None,
    typer.Option("--load", help="Requests per second that it is decided for; with --running the last."),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="The configuration (JSON); the optimum at the load by default."),
]
Headroom = Annotated[
    str | None,
    typer.Option(help="Capacity carries this many times the load; as the loop has it (1.1) by default."),
]
Running = Annotated[
    bool,
    typer.Option("--running", help="Take configuration and load from the Deployments of the namespace."),
]
Kubeconfig = Annotated[
    Path | None, typer.Option(help="For --running; by default the pod's own account, or kubectl's file.")
]
Context = Annotated[str | None, typer.Option(help="Of the kubeconfig.")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Of all objects.")]


export = typer.Typer(
    name="export",
    help="Print a pipeline, or its present policy, as Kubernetes objects.",
    no_args_is_help=True,
)
app.add_typer(export, rich_help_panel="Kubernetes")


@export.command("manifests")
def manifests(
    file: PipelineFile,
    load: Load = None,
    config: Config = None,
    running: Running = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    headroom: Headroom = None,
    namespace: Namespace = "default",
    image: Annotated[str, typer.Option(help="What serves (Dockerfile.serving).")] = "trimtab-serving:latest",
    kit: Annotated[
        str | None, typer.Option(help="Ready pipeline whose code serves; the pipeline's name by default.")
    ] = None,
    memory: Annotated[str, typer.Option(help="Of one replica, requested and at most.")] = "1Gi",
    routers: Annotated[int, typer.Option(min=1, help="Replicas of the router.")] = 1,
    labels: Annotated[
        bool, typer.Option("--labels", help="Let requests bring their right answers along, to be counted.")
    ] = False,
    workload: Annotated[
        Literal["deployment", "kserve"],
        typer.Option(help="What a stage is: a Deployment, or an InferenceService of KServe."),
    ] = "deployment",
    budgets: Annotated[
        Literal["v1", "v1beta1", "none"],
        typer.Option(help="Version of the PodDisruptionBudgets: v1 from Kubernetes 1.21 on; or none."),
    ] = "v1",
) -> None:
    """Print the objects that serve a pipeline: workloads, Services, the router, disruption budgets."""
    from agent import exporting  # noqa: PLC0415 - the solver takes most of the start-up time

    policy = _policy(file, namespace, load, config, headroom, running, kubeconfig, context)
    _end(
        exporting.export_manifests(
            policy,
            image=image,
            kit=kit,
            memory=memory,
            routers=routers,
            labels=labels,
            workload=workload,
            budgets=None if budgets == "none" else budgets,
        )
    )


@export.command("hpa")
def hpa(
    file: PipelineFile,
    load: Load = None,
    config: Config = None,
    running: Running = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    headroom: Headroom = None,
    namespace: Namespace = "default",
    api_version: Annotated[
        Literal["v2", "v2beta2"],
        typer.Option(help="Of autoscaling: v2 from Kubernetes 1.23 on, v2beta2 before."),
    ] = "v2",
) -> None:
    """Print a HorizontalPodAutoscaler for each stage, and the metric's rule for prometheus-adapter."""
    from agent import exporting  # noqa: PLC0415 - as above

    policy = _policy(file, namespace, load, config, headroom, running, kubeconfig, context)
    _end(exporting.export_hpa(policy, version=api_version))


@export.command("keda")
def keda(
    file: PipelineFile,
    load: Load = None,
    config: Config = None,
    running: Running = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    headroom: Headroom = None,
    namespace: Namespace = "default",
    prometheus: Annotated[
        str, typer.Option("--prometheus", help="URL of the Prometheus that KEDA asks.")
    ] = "http://prometheus-server.monitoring",
) -> None:
    """Print a KEDA ScaledObject for each stage."""
    from agent import exporting  # noqa: PLC0415 - as above

    policy = _policy(file, namespace, load, config, headroom, running, kubeconfig, context)
    _end(exporting.export_keda(policy, prometheus=prometheus))


def _policy(
    file: Path,
    namespace: str,
    load: str | None,
    config: Path | None,
    headroom: str | None,
    running: bool,
    kubeconfig: Path | None,
    context: str | None,
) -> Policy:
    from agent.exporting import Policy, Running  # noqa: PLC0415 - as above

    cluster = Running(kubeconfig, context) if running else None
    return Policy(file, namespace, load, config, headroom, cluster)


def _end(status: object) -> None:
    from agent.commands import Status  # noqa: PLC0415 - as above

    raise typer.Exit(INFEASIBLE if status is Status.INFEASIBLE else 0)
