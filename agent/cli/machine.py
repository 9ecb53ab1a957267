"""`trimtab profile` and `doctor`: what this machine measures and has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.cli.options import DEFAULT_DATA, FAILED, AsJson, DataFolder, app
from core.errors import UsageError

MEASURED = "Measured here"
PRODUCTION = "From production (--from-prometheus)"
TRITON = "From Triton Model Analyzer (--from-triton)"
METRICS = "Metrics of a cluster (--prometheus)"


@app.command(rich_help_panel="This machine")
def profile(
    name: Annotated[str, typer.Argument(help="id_card, video, audio, qa, or all; any name for an import.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for pipeline.yaml and profile.json; the file, for the other sources."),
    ] = None,
    models: Annotated[
        Path, typer.Option(help="Folder of the weights by pipeline.", rich_help_panel=MEASURED)
    ] = Path(".models"),
    runs: Annotated[
        int, typer.Option(min=10, help="Of each point in a round.", rich_help_panel=MEASURED)
    ] = 40,
    rounds: Annotated[
        int, typer.Option(min=1, help="Over all points; each starts every variant.", rich_help_panel=MEASURED)
    ] = 3,
    examples: Annotated[int, typer.Option(min=10, help="At each drift.", rich_help_panel=MEASURED)] = 300,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.", rich_help_panel=MEASURED)] = 2026,
    only: Annotated[
        list[str] | None,
        typer.Option(help="STAGE=VARIANT,...: leave the others out.", rich_help_panel=MEASURED),
    ] = None,
    batches: Annotated[
        str | None, typer.Option(help="Batch sizes instead of the pipeline's.", rich_help_panel=MEASURED)
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Take finished steps over.", rich_help_panel=MEASURED)
    ] = False,
    allow_noise: Annotated[
        bool,
        typer.Option("--allow-noise", help="Write even if it is too noisy here.", rich_help_panel=MEASURED),
    ] = False,
    page: Annotated[
        Path | None,
        typer.Option(help="Page in docs into which the figures go.", rich_help_panel=MEASURED),
    ] = None,
    serving_python: Annotated[
        Path | None, typer.Option(help="The Python that has MLServer.", rich_help_panel=MEASURED)
    ] = None,
    from_prometheus: Annotated[
        str | None, typer.Option(help="URL of Prometheus.", rich_help_panel=PRODUCTION)
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="Pipeline file to be corrected.", rich_help_panel=PRODUCTION)
    ] = None,
    window: Annotated[
        str, typer.Option(help="How far back: 90s, 30m, 6h.", rich_help_panel=PRODUCTION)
    ] = "1h",
    from_triton: Annotated[
        Path | None, typer.Option(help="metrics-model-inference.csv.", rich_help_panel=TRITON)
    ] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(help="STAGE=MODEL,...: one for each stage, in order.", rich_help_panel=TRITON),
    ] = None,
    accuracy: Annotated[
        list[str] | None, typer.Option(help="MODEL=FRACTION, for each.", rich_help_panel=TRITON)
    ] = None,
    cores: Annotated[
        list[str] | None, typer.Option(help="MODEL=CORES of one replica, for each.", rich_help_panel=TRITON)
    ] = None,
    slo: Annotated[
        float | None, typer.Option(help="Seconds, at the 99th percentile.", rich_help_panel=TRITON)
    ] = None,
) -> None:
    """Measure a ready pipeline as served, or make its file from production metrics or Triton's results."""
    if from_prometheus is not None and from_triton is not None:
        raise UsageError("--from-prometheus and --from-triton are two sources; name one")
    if from_prometheus is not None:
        from agent.profile_import import from_prometheus as corrected  # noqa: PLC0415 - only where asked for

        corrected(name, from_prometheus, base, window=window, out=out)
    elif from_triton is not None:
        from agent.profile_import import from_triton as imported  # noqa: PLC0415 - as above

        imported(name, from_triton, stage or [], accuracy or [], cores or [], slo_s=slo, out=out)
    else:
        from agent import profile as measuring  # noqa: PLC0415 - as above

        settings = measuring.settings(
            runs=runs, rounds=rounds, examples=examples, seed=seed, only=only or [], batches=batches
        )
        measuring.profile(
            measuring.Request(
                name=name,
                out=out,
                models=models,
                settings=settings,
                resume=resume,
                allow_noise=allow_noise,
                page=page,
                serving_python=serving_python,
            )
        )


@app.command(rich_help_panel="This machine")
def doctor(
    data: DataFolder = DEFAULT_DATA,
    as_json: AsJson = False,
    prometheus: Annotated[
        str | None,
        typer.Option(
            "--prometheus",
            "--prometheus-url",
            help="Try every query on this server.",
            rich_help_panel=METRICS,
        ),
    ] = None,
    bearer_token_file: Annotated[
        Path | None, typer.Option(help="Holds the token to ask with.", rich_help_panel=METRICS)
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(help="Certificates to trust instead of the system's.", rich_help_panel=METRICS),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, to be sent along; repeat it.", rich_help_panel=METRICS),
    ] = None,
    pipeline: Annotated[
        Path | None,
        typer.Option(
            help="Look at this pipeline alone, and at the queries it has of its own.", rich_help_panel=METRICS
        ),
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Look there alone.", rich_help_panel=METRICS)
    ] = None,
    scrape_interval: Annotated[
        float, typer.Option(min=1, help="Seconds between scrapes.", rich_help_panel=METRICS)
    ] = 5.0,
    interval: Annotated[
        int, typer.Option(min=1, help="Seconds between decisions.", rich_help_panel=METRICS)
    ] = 10,
) -> None:
    """Try everything the loop needs on this machine, and its queries on a Prometheus; say what to mend."""
    from agent import doctor as check  # noqa: PLC0415 - as above

    metrics = None
    if prometheus is None and any((bearer_token_file, ca_file, header, pipeline, namespace)):
        raise UsageError("the options on metrics are for a server; name it with --prometheus URL")
    if prometheus is not None:
        from agent import metricsdoctor  # noqa: PLC0415 - as above

        metrics = metricsdoctor.prepared(
            metricsdoctor.MetricsOptions(
                url=prometheus,
                bearer_token_file=bearer_token_file,
                ca_file=ca_file,
                headers=header or (),
                pipeline=pipeline,
                namespace=namespace,
                scrape_s=scrape_interval,
                interval_s=interval,
            )
        )
    is_fine = check.doctor(data, as_json=as_json)
    if metrics is not None:
        is_fine = metricsdoctor.metrics_doctor(metrics, as_json=as_json) and is_fine
    if not is_fine:
        raise typer.Exit(FAILED)
