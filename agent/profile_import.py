"""`trimtab profile` from other sources: production's metrics, and what Triton's Model Analyzer measured."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from agent.profile import pair
from core.document import pipeline_from
from core.errors import UsageError
from pipelines.profiling import triton
from pipelines.profiling.document import as_yaml, to_out
from pipelines.reader import parsed, read_pipeline
from tools.production import seen
from tools.prometheus import Prometheus
from tools.reprofile import corrected

SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def from_prometheus(name: str, url: str, base: Path | None, *, window: str, out: Path | None) -> None:
    """Write *base* with what production says better; the name must be the pipeline's in the file.

    Raises:
        UsageError: no base, or not a pipeline file, or of another name.
        MetricsUnavailable: Prometheus cannot be asked, or says too little.
    """
    if base is None:
        raise UsageError("--from-prometheus corrects a pipeline file; name it with --base")
    pipeline = read_pipeline(base)
    if name.replace("_", "-") != pipeline.name.replace("_", "-"):
        raise UsageError(f"{base} is pipeline {pipeline.name!r}, not {name!r}")
    document = parsed(base)
    if not isinstance(document, Mapping):
        raise AssertionError("a pipeline file is a mapping")
    now = time.time()
    found = seen(pipeline, Prometheus(url), window_s=window_s(window), now=now)
    until = datetime.fromtimestamp(now, UTC).isoformat(timespec="minutes")
    fresh, what = corrected(document, pipeline, found, when=f"{window} until {until}")
    _write(fresh, out, f"{base.name}, corrected by `trimtab profile {name} --from-prometheus`.")
    sys.stderr.write(
        f"replaced: {len(what.points)} points, {len(what.fan_outs)} fan-outs, "
        f"{len(what.accuracies)} joint accuracies; {found.mixed:g} batches could not be told apart by size\n"
    )


def from_triton(
    name: str,
    path: Path,
    stages: Sequence[str],
    accuracy: Sequence[str],
    cores: Sequence[str],
    *,
    slo_s: float | None,
    out: Path | None,
) -> None:
    """Write the pipeline file that a CSV of Model Analyzer describes.

    Raises:
        UsageError: the file is none, or something that it does not know is not given.
    """
    rows = triton.rows_of(path)
    if slo_s is None or not slo_s > 0:
        raise UsageError("a pipeline file promises a latency: give --slo SECONDS")
    if not stages:
        models = ",".join(dict.fromkeys(row.model for row in rows))
        raise UsageError(f"say which models are variants of which stage: --stage STAGE={models}")
    given = triton.Given(
        name=name,
        stages={stage: names.split(",") for stage, names in (pair("--stage", text) for text in stages)},
        accuracy=_figures("--accuracy", accuracy),
        cores=_figures("--cores", cores),
        slo_s=slo_s,
    )
    provenance = {
        "date": datetime.now(UTC).date().isoformat(),
        "source": f"{path.name} of Triton Model Analyzer; accuracy, cores and promise as given",
    }
    document = triton.document_of(rows, given, provenance=provenance)
    _write(document, out, f"Imported from {path.name} by `trimtab profile {name} --from-triton`.")


def window_s(text: str) -> float:
    """Return the seconds of `90s`, `30m`, `6h` or `1d`.

    Raises:
        UsageError: it is none of these.
    """
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None or int(found[1]) == 0:
        raise UsageError(f"--window is {text!r}; write 90s, 30m, 6h or 1d")
    return int(found[1]) * SECONDS[found[2]]


def _figures(option: str, texts: Sequence[str]) -> dict[str, float]:
    found = {}
    for text in texts:
        name, value = pair(option, text)
        try:
            found[name] = float(value)
        except ValueError as error:
            raise UsageError(f"{option} is {text!r}; write NAME=NUMBER") from error
    return found


def _write(document: dict[str, Any], out: Path | None, comment: str) -> None:
    pipeline_from(document)
    text = as_yaml(document, comment)
    if out is None:
        sys.stdout.write(text)
        return
    to_out(out, text)
    Console().print(f"written: {out}", highlight=False, soft_wrap=True)
