"""A small pipeline file, and how to spoil it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from core.errors import UsageError
from pipelines.reader import read_pipeline

REMOVED = object()
"""As a value: take the field away."""

GOOD: dict[str, Any] = {
    "apiVersion": "trimtab/v1",
    "kind": "Pipeline",
    "metadata": {"name": "video"},
    "spec": {
        "slo": {"latency": 2.0, "quantile": 0.99},
        "accuracy": "product",
        "objective": {"alpha": 2.0, "beta": 1.0, "delta": 1e-6},
        "limits": {"maxCores": None},
        "stages": [
            {
                "name": "crop",
                "replicas": {"min": 1, "max": 10},
                "variants": [
                    {
                        "name": "small",
                        "accuracy": 0.4,
                        "cores": 1,
                        "loadTime": 6.0,
                        "fanOut": 1.0,
                        "profile": [
                            {"batch": 1, "latency": 0.1, "throughput": 15.1},
                            {"batch": 4, "latency": 0.3},
                        ],
                    },
                    {"name": "large", "accuracy": 0.6, "cores": 2, "profile": [{"batch": 1, "latency": 0.2}]},
                ],
            },
            {
                "name": "read",
                "variants": [
                    {"name": "only", "accuracy": 0.9, "cores": 1, "profile": [{"batch": 1, "latency": 0.1}]}
                ],
            },
        ],
    },
}


def spoilt(*path: str | int, to: object) -> dict[str, Any]:
    """Return the good document with the value at *path* in `spec` replaced, added or taken away."""
    return changed(copy.deepcopy(GOOD), "spec", *path, to=to)


def changed(document: dict[str, Any], *path: str | int, to: object) -> dict[str, Any]:
    """Replace the value at *path* in place."""
    owner: Any = document
    for part in path[:-1]:
        owner = owner[part]
    if to is REMOVED:
        del owner[path[-1]]
    else:
        owner[path[-1]] = to
    return document


def written(folder: Path, content: object, name: str = "pipeline.json") -> Path:
    """Write text as it is, anything else as JSON (which is YAML, too)."""
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    """The message of the refusal without the name of the file, which every one begins with."""
    with pytest.raises(UsageError) as caught:
        read_pipeline(path)
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(f"{path}: ")
    return text.removeprefix(f"{path}: ")
