"""`trimtab simulate`, `run` and `demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from agent.cli import kubernetes
from agent.cli.kubernetes import (
    DEFAULT_LISTEN,
    BearerTokenFile,
    CaFile,
    DeclaredBy,
    Headers,
    Kubeconfig,
    KubeContext,
    LeaseNamespace,
    Listen,
    LogFormat,
    Namespaces,
    PrometheusUrl,
    ScrapeInterval,
)
from agent.cli.local import DEFAULT_MODELS, Kit, MaxCores, Models, PrometheusProgram, ServingPython
from agent.cli.options import (
    DEFAULT_DATA,
    AsJson,
    DataFolder,
    LlmSettings,
    Model,
    PipelineFile,
    PlannerName,
    Prices,
    app,
)
from core.errors import UsageError


@app.command(rich_help_panel="Run")
def simulate(
    file: PipelineFile,
    trace: Annotated[Path, typer.Option("--trace", help="CSV with a column of requests per second.")],
    policy: Annotated[str, typer.Option(help="ilp, oracle, ipa ...; a wrong name lists them all.")] = "ilp",
    config: Annotated[
        Path | None, typer.Option("--config", help="Hold this configuration instead of a policy.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    column: Annotated[str | None, typer.Option(help="Column of the trace; guessed by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay a trace against the request-level twin with a policy deciding."""
    from agent import simulation  # noqa: PLC0415 - numba is heavy

    simulation.simulate(file, trace, policy=policy, config=config, seed=seed, column=column, as_json=as_json)


@app.command(rich_help_panel="Run")
def run(
    file: Annotated[
        Path | None,
        typer.Argument(help="Pipeline file, YAML or JSON. On Kubernetes the cluster declares them."),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option("--trace", help="The load: CSV with requests per second. Needed where it is simulated."),
    ] = None,
    cluster: Annotated[
        str,
        typer.Option(
            help="What to act on: embedded (the twin, in process), local (servers here), or kubernetes."
        ),
    ] = "embedded",
    planner: PlannerName = "auto",
    model: Model = None,
    llm: LlmSettings = None,
    prices: Prices = None,
    mode: Annotated[
        Literal["observe", "approve", "auto"] | None,
        typer.Option(help="Recommend only, ask for each change, or act; observe on Kubernetes, else auto."),
    ] = None,
    autonomy: Annotated[
        Path | None, typer.Option(help="Policy by which the mode is earned; --mode is then the most.")
    ] = None,
    data: DataFolder = DEFAULT_DATA,
    interval: Annotated[int, typer.Option(min=1, max=3600, help="Seconds between decisions.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
    column: Annotated[str | None, typer.Option(help="Column of the trace; guessed by default.")] = None,
    real_time: Annotated[bool, typer.Option("--real-time", help="No faster than the clock.")] = False,
    kit: Kit = None,
    models: Models = DEFAULT_MODELS,
    serving_python: ServingPython = None,
    prometheus: PrometheusProgram = None,
    max_cores: MaxCores = None,
    labels: Annotated[
        bool, typer.Option("--labels", help="local: count answers whose requests bring the truth along.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="local: let the servers run on at the end.")] = False,
    namespace: Namespaces = None,
    declared: DeclaredBy = "crd",
    kubeconfig: Kubeconfig = None,
    context: KubeContext = None,
    prometheus_url: PrometheusUrl = None,
    bearer_token_file: BearerTokenFile = None,
    ca_file: CaFile = None,
    header: Headers = None,
    scrape_interval: ScrapeInterval = 5.0,
    listen: Listen = DEFAULT_LISTEN,
    lease_namespace: LeaseNamespace = None,
    log_format: LogFormat = "json",
    as_json: AsJson = False,
) -> None:
    """Run the loop: observe, forecast, decide exactly, verify, apply and record, every interval."""
    if cluster == "kubernetes":
        kubernetes.run(
            kubernetes.Given(
                file=file,
                trace=trace,
                namespaces=tuple(namespace or ()),
                declared=declared,
                kubeconfig=kubeconfig,
                context=context,
                prometheus_url=prometheus_url,
                bearer_token_file=bearer_token_file,
                ca_file=ca_file,
                headers=tuple(header or ()),
                scrape_interval=scrape_interval,
                listen=listen,
                lease_namespace=lease_namespace,
                log_format=log_format,
                planner=(planner, model, llm, prices),
                mode=mode or "observe",
                autonomy=autonomy,
                data=data,
                interval=interval,
            )
        )
        return
    if file is None:
        raise UsageError("name the pipeline file; only --cluster kubernetes finds its pipelines by itself")
    from agent import running  # noqa: PLC0415 - langgraph and numba are heavy
    from agent.choosing import Choice  # noqa: PLC0415 - as above

    if cluster == "local":
        from agent import runninglive  # noqa: PLC0415 - as above
        from agent.live import LocalOptions  # noqa: PLC0415 - as above
        from tools.serving_python import serving_python as found  # noqa: PLC0415 - as above

        runninglive.run_local(
            file,
            trace,
            choice=Choice(planner, model, llm, prices),
            mode=mode or "auto",
            autonomy=autonomy,
            data=data,
            interval_s=interval,
            seed=seed,
            column=column,
            options=LocalOptions(
                serving_python=found(serving_python),
                models=models,
                kit=kit,
                prometheus=prometheus,
                max_cores=max_cores,
                labels=labels,
                keep=keep,
            ),
            as_json=as_json,
        )
        return
    running.run(
        file,
        trace,
        cluster=cluster,
        choice=Choice(planner, model, llm, prices),
        mode=mode or "auto",
        autonomy=autonomy,
        data=data,
        interval_s=interval,
        seed=seed,
        column=column,
        real_time=real_time,
        as_json=as_json,
    )


@app.command(rich_help_panel="Run")
def demo(
    file: Annotated[
        Path | None, typer.Option("--pipeline", help="Another pipeline than the ID card reader.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the plot and the decisions.")] = Path(
        "trimtab-out/demo"
    ),
    planner: PlannerName = "auto",
    model: Model = None,
    llm: LlmSettings = None,
    prices: Prices = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 7,
) -> None:
    """Twenty bursty minutes on the embedded cluster, beside perfect foresight and standing still."""
    from agent import demo as show  # noqa: PLC0415 - as above
    from agent.choosing import Choice  # noqa: PLC0415 - as above

    show.demo(file, out, choice=Choice(planner, model, llm, prices), seed=seed)
