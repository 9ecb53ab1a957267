"""What was measured, as the two files that ship: pipeline.yaml for the solver, profile.json with all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from core.document import API_VERSION, pipeline_from
from core.errors import UsageError
from pipelines.files import replaced
from pipelines.profiling.figures import Json, Provenance, profile_document, summary_of
from pipelines.profiling.measured import Measured

PIPELINE_FILE, PROFILE_FILE = "pipeline.yaml", "profile.json"
ONE_LINE = {
    *("batch", "latency", "median", "throughput"),
    *("quantile", "alpha", "beta", "delta", "maxCores", "variants", "accuracy"),
}
"""A mapping of nothing else is written on one line: the limits, a measured point, a row of the table."""


def write(folder: Path, measured: Measured, provenance: Provenance) -> tuple[Path, Path]:
    """Write both files into *folder*, whole or not at all, and return their paths.

    Raises:
        UsageError: the folder cannot be written.
    """
    profile = profile_document(measured, provenance)
    document = pipeline_document(measured, profile, provenance)
    pipeline_from(document)
    paths = folder / PIPELINE_FILE, folder / PROFILE_FILE
    to_out(
        paths[0],
        as_yaml(document, f"Written by `trimtab profile {measured.outline.kit}`: measured, not edited."),
    )
    to_out(paths[1], json.dumps(profile, indent=1) + "\n")
    return paths


def pipeline_document(measured: Measured, profile: Json, provenance: Provenance) -> Json:
    """Return the pipeline file: latencies as served, accuracies of the clean examples, measured jointly."""
    outline, clean = measured.outline, profile["levels"][0]
    last = {stage.name for stage in outline.stages} - {
        name for stage in outline.stages for name in stage.after
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "Pipeline",
        "metadata": {
            "name": provenance.pipeline,
            "description": outline.description,
            "provenance": _provenance(measured, provenance),
        },
        "spec": {
            "slo": dict(outline.slo),
            "accuracy": "measured",
            "objective": dict(outline.objective),
            "limits": dict(outline.limits),
            "stages": [
                {
                    "name": stage["name"],
                    "after": stage["after"],
                    "variants": [
                        _variant(
                            stage["name"], variant, clean, outline.threads, is_last=stage["name"] in last
                        )
                        for variant in stage["variants"]
                    ],
                }
                for stage in profile["stages"]
            ],
            "accuracyTable": [
                {"variants": row["variants"], "accuracy": row["joint"]} for row in clean["combinations"]
            ],
        },
    }


def as_yaml(document: Mapping[str, Any], comment: str) -> str:
    """Return a pipeline file's text."""
    from ruamel.yaml import YAML  # noqa: PLC0415 - only where a file is written

    yaml = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(dict, _short_maps_on_one_line)
    with StringIO() as file:
        file.write(f"# {comment}\n")
        yaml.dump(dict(document), file)
        return file.getvalue()


def to_out(path: Path, text: str) -> None:
    """Write a file that was asked for as a whole, in a new folder where there is none.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replaced(path, text, sync="none")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}; give another --out") from error


def _provenance(measured: Measured, provenance: Provenance) -> dict[str, str | int | float]:
    noise = summary_of(measured)
    seen = f"spread {noise.spread:.2f}, drift {noise.drift:.2f}, foreign {noise.foreign_cores:.2f} cores"
    return {
        "date": provenance.date,
        "machine": measured.outline.machine,
        "command": provenance.command,
        "versions": ", ".join(f"{name} {version}" for name, version in measured.outline.packages.items()),
        "examples": measured.settings.examples,
        "runs": measured.settings.runs * measured.settings.rounds,
        "seed": measured.settings.seed,
        "noise": f"{seen}; {'above' if noise.complaints else 'within'} the limits",
    }


def _variant(stage: str, variant: Json, clean: Json, threads: int, *, is_last: bool) -> Json:
    (alone,) = [a for a in clean["alone"] if (a["stage"], a["variant"]) == (stage, variant["name"])]
    fan_out = {} if is_last or alone["fan_out"] is None else {"fanOut": alone["fan_out"]}
    return {
        "name": variant["name"],
        "accuracy": alone["accuracy"]["value"],
        "cores": threads,
        "loadTime": variant["load_s"]["value"],
        **fan_out,
        "profile": [
            {
                "batch": point["batch"],
                "latency": point["latency_s"],
                "median": point["median_s"]["value"],
                "throughput": point["throughput_rps"],
            }
            for point in variant["points"]
        ],
    }


def _short_maps_on_one_line(representer: Any, mapping: Mapping[str, Any]) -> Any:  # noqa: ANN401 - ruamel's
    short = mapping.keys() <= ONE_LINE
    return representer.represent_mapping("tag:yaml.org,2002:map", mapping, flow_style=short)
