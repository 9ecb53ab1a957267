"""What was measured, as the two files that ship: pipeline.yaml and accuracy.json. Needs no extra."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from core.document import API_VERSION, pipeline_from
from core.errors import UsageError
from pipelines.id_card.accuracy import Answers, Pair, Right, pairs_of
from pipelines.id_card.latency import Timing

NAME = "id-card"
STAGES = ("detect", "read")
SLO = {"latency": 0.4, "quantile": 0.99}
OBJECTIVE = {"alpha": 1.0, "beta": 0.04}
LIMITS = {"maxCores": 24}
CORES = 1
"""Every variant was timed on one thread."""
ONE_LINE = {"batch", "latency", "median", "quantile", "alpha", "beta", "maxCores", "variants", "accuracy"}
"""A mapping of nothing else is written on one line: the limits, a measured point, a row of the table."""
PIPELINE_FILE, ACCURACY_FILE = "pipeline.yaml", "accuracy.json"


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked for."""

    runs: int = 40
    """Timed runs of every point in a round."""
    rounds: int = 3
    cards: int = 300
    seed: int = 2026
    drifts: tuple[float, ...] = (0.0, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class VariantTimes:
    """The timings of one variant."""

    load_s: float
    points: tuple[Timing, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that was measured."""

    settings: Settings
    times: Mapping[tuple[str, str], VariantTimes]
    """By stage and variant."""
    answers: tuple[Answers, ...]
    """By drift, the clean cards first."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where and when."""

    date: str
    machine: str
    """CPU model and cores; nothing that names the machine."""
    packages: Mapping[str, str]
    command: str


def write(folder: Path, measured: Measured, provenance: Provenance) -> None:
    """Write both files into *folder*.

    Raises:
        UsageError: the folder cannot be written.
    """
    document = pipeline_document(measured, provenance)
    pipeline_from(document)
    figures = json.dumps(accuracy_document(measured, provenance), indent=1)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PIPELINE_FILE).write_text(_as_yaml(document), encoding="utf-8")
        (folder / ACCURACY_FILE).write_text(figures + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written: {error.strerror}; give another --out") from error


def pipeline_document(measured: Measured, provenance: Provenance) -> dict[str, Any]:
    """Return the pipeline file: accuracies of the clean cards, measured jointly."""
    clean = measured.answers[0]
    alone = {"detect": clean.detectors, "read": clean.readers}
    return {
        "apiVersion": API_VERSION,
        "kind": "Pipeline",
        "metadata": {
            "name": NAME,
            "description": "Find the lines of text on an ID card, then read them.",
            "provenance": {
                "date": provenance.date,
                "machine": provenance.machine,
                "command": provenance.command,
                "cards": measured.settings.cards,
                "runs": measured.settings.runs,
                "seed": measured.settings.seed,
            },
        },
        "spec": {
            "slo": SLO,
            "accuracy": "measured",
            "objective": OBJECTIVE,
            "limits": LIMITS,
            "stages": [
                {
                    "name": stage,
                    "variants": [
                        _variant(stage, name, right, measured) for name, right in alone[stage].items()
                    ],
                }
                for stage in STAGES
            ],
            "accuracyTable": [
                {"variants": list(pair.variants), "accuracy": round(pair.joint, 4)}
                for pair in pairs_of(clean)
            ],
        },
    }


def _variant(stage: str, name: str, right: Right, measured: Measured) -> dict[str, Any]:
    times = measured.times[stage, name]
    fan_out = {"fanOut": round(measured.answers[0].boxes[name], 3)} if stage == "detect" else {}
    return {
        "name": name,
        "accuracy": round(float(right.mean()), 4),
        "cores": CORES,
        "loadTime": round(times.load_s, 2),
        **fan_out,
        "profile": [
            {"batch": p.batch, "latency": round(p.p99_s, 5), "median": round(p.median_s, 5)}
            for p in times.points
        ],
    }


def accuracy_document(measured: Measured, provenance: Provenance) -> dict[str, Any]:
    """Return every accuracy at every drift, and how each latency was measured."""
    return {
        "date": provenance.date,
        "machine": provenance.machine,
        "packages": dict(provenance.packages),
        "command": provenance.command,
        "cards": measured.settings.cards,
        "seed": measured.settings.seed,
        "levels": [_level(answers) for answers in measured.answers],
        "latency": [
            {"stage": stage, "variant": name, **_timing(point)}
            for (stage, name), times in measured.times.items()
            for point in times.points
        ],
    }


def _level(answers: Answers) -> dict[str, Any]:
    pairs = pairs_of(answers)
    differences = [pair.difference for pair in pairs]
    phis = [pair.phi for pair in pairs if pair.phi is not None]
    return {
        "drift": answers.drift,
        "detectors": {
            name: {"accuracy": round(float(right.mean()), 4), "boxes": round(answers.boxes[name], 3)}
            for name, right in answers.detectors.items()
        },
        "readers": {name: {"accuracy": round(float(r.mean()), 4)} for name, r in answers.readers.items()},
        "pairs": [_pair(pair) for pair in pairs],
        "differences": {
            "mean": round(sum(differences) / len(differences), 4),
            "lowest": round(min(differences), 4),
            "highest": round(max(differences), 4),
            "mean_absolute": round(sum(map(abs, differences)) / len(differences), 4),
        },
        "mean_phi": round(sum(phis) / len(phis), 4) if phis else None,
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "variants": list(pair.variants),
        "right": pair.right,
        "joint": round(pair.joint, 4),
        "product": round(pair.product, 4),
        "difference": round(pair.difference, 4),
        "phi": None if pair.phi is None else round(pair.phi, 4),
    }


def _timing(point: Timing) -> dict[str, Any]:
    return {
        "batch": point.batch,
        "runs": point.runs,
        "median_s": round(point.median_s, 5),
        "p99_s": round(point.p99_s, 5),
        "round_medians_s": [round(seconds, 5) for seconds in point.round_medians_s],
    }


def _as_yaml(document: dict[str, Any]) -> str:
    from ruamel.yaml import YAML  # noqa: PLC0415 - only where a file is written

    yaml = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(dict, _short_maps_on_one_line)
    with StringIO() as file:
        file.write("# Written by `trimtab profile id_card`: measured, not edited. See docs/id_card.md.\n")
        yaml.dump(document, file)
        return file.getvalue()


def _short_maps_on_one_line(representer: Any, mapping: Mapping[str, Any]) -> Any:  # noqa: ANN401 - ruamel's
    short = mapping.keys() <= ONE_LINE
    return representer.represent_mapping("tag:yaml.org,2002:map", mapping, flow_style=short)
