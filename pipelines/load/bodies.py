"""The requests of a run as they go over the wire, made before it starts."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.kit import Example, Kit
from pipelines.load.plan import Plan
from pipelines.serving.contract import CASES, TRUTH

INPUT = "items"


@dataclass(frozen=True, slots=True)
class Body:
    """One request, ready to be sent."""

    text: bytes
    with_cases: bytes
    """The same with cases for the stages alone."""
    truth: Any


def bodies(kit: Kit, plan: Plan) -> Mapping[float, Sequence[Body]]:
    """Return the requests by drift."""
    drifts = sorted({0.0, *(worse.drift for worse in plan.worse)})
    return {
        drift: [body_of(e, labelled=plan.labels) for e in kit.examples(plan.examples, plan.seed, drift)]
        for drift in drifts
    }


def body_of(example: Example, *, labelled: bool) -> Body:
    """Return an Open Inference Protocol (v2) request for one example, with and without its cases."""
    request: dict[str, Any] = {
        "inputs": [
            {
                "name": INPUT,
                "shape": [1],
                "datatype": "BYTES",
                "parameters": {"content_type": "base64"},
                "data": [b64encode(example.payload).decode("ascii")],
            }
        ]
    }
    if not labelled:
        text = json.dumps(request).encode()
        return Body(text, text, example.truth)
    truth = {TRUTH: json.dumps(example.truth)}
    plain = json.dumps({**request, "parameters": truth}).encode()
    more = {**truth, CASES: json.dumps(_cases(example))}
    return Body(plain, json.dumps({**request, "parameters": more}).encode(), example.truth)


def _cases(example: Example) -> dict[str, list[dict[str, Any]]]:
    """Return the cases as the router reads them; the request's own item travels once."""
    return {
        name: [
            {
                "item": None if case.item == example.payload else b64encode(case.item).decode("ascii"),
                "truth": case.truth,
            }
            for case in cases
        ]
        for name, cases in example.cases.items()
    }
