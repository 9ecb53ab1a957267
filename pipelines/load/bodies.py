"""The requests of a run as they go over the wire, made before it starts."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.kit import Example, Kit
from pipelines.load.plan import Plan
from pipelines.serving.contract import TRUTH


@dataclass(frozen=True, slots=True)
class Body:
    """One request, ready to be sent."""

    text: bytes
    truth: Any


def bodies(kit: Kit, plan: Plan) -> Mapping[float, Sequence[Body]]:
    """Return the requests by drift."""
    drifts = {0.0, *(worse.drift for worse in plan.worse)}
    return {
        drift: [
            body(example, labelled=plan.labels) for example in kit.examples(plan.examples, plan.seed, drift)
        ]
        for drift in sorted(drifts)
    }


def body(example: Example, *, labelled: bool) -> Body:
    """Return an Open Inference Protocol (v2) request for one example."""
    request: dict[str, Any] = {
        "inputs": [
            {
                "name": "items",
                "shape": [1],
                "datatype": "BYTES",
                "parameters": {"content_type": "base64"},
                "data": [b64encode(example.payload).decode("ascii")],
            }
        ]
    }
    if labelled:
        request["parameters"] = {TRUTH: json.dumps(example.truth)}
    return Body(json.dumps(request).encode(), example.truth)
