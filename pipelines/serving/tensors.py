"""Items as Open Inference Protocol (v2) requests and answers: one BYTES tensor, an element for each item.

Elements travel as base64 (`content_type: base64`, MLServer's word for it); text may travel as it is. A
request that is none of this is refused with one sentence.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from mlserver.types import InferenceRequest, InferenceResponse, Parameters, ResponseOutput

from pipelines.serving.refusals import BadRequest

INPUT, OUTPUT, COUNTS, ANSWER = "items", "items", "counts", "answer"
BASE64 = "base64"
MOST_ITEMS = 1024
"""Of one request."""


def items_of(request: InferenceRequest) -> list[bytes]:
    """Return the items that a request brings.

    Raises:
        BadRequest: it does not have exactly one BYTES tensor of at least one element, or an element is not
            what its content type says.
    """
    if len(request.inputs) != 1:
        raise BadRequest(f"the request has {len(request.inputs)} inputs; send one BYTES tensor of items")
    tensor = request.inputs[0]
    kind = str(getattr(tensor.datatype, "value", tensor.datatype))
    if kind != "BYTES":
        raise BadRequest(f"input {tensor.name!r} is {kind}; send BYTES")
    data = tensor.data.root if hasattr(tensor.data, "root") else tensor.data
    if not isinstance(data, list) or not 1 <= len(data) <= MOST_ITEMS:
        raise BadRequest(f"the input must hold 1 to {MOST_ITEMS} items")
    if list(tensor.shape) not in ([len(data)], [len(data), 1]):
        raise BadRequest(f"the input's shape is {list(tensor.shape)}, but it holds {len(data)} items")
    is_base64 = tensor.parameters is not None and tensor.parameters.content_type == BASE64
    return [_item(element, is_base64=is_base64) for element in data]


def parameter(request: InferenceRequest, name: str) -> object:
    """Return a parameter of the request; None where it has none of that name."""
    extra = request.parameters.model_extra if request.parameters is not None else None
    return (extra or {}).get(name)


def header(request: InferenceRequest, name: str) -> str | None:
    """Return a header that the request came with."""
    headers = request.parameters.headers if request.parameters is not None else None
    return None if headers is None else headers.get(name)


def request_body(items: Sequence[bytes]) -> bytes:
    """Return the JSON body of a request that sends *items*."""
    return json.dumps(
        {
            "inputs": [
                {
                    "name": INPUT,
                    "shape": [len(items)],
                    "datatype": "BYTES",
                    "parameters": {"content_type": BASE64},
                    "data": [b64encode(item).decode("ascii") for item in items],
                }
            ]
        }
    ).encode()


def stage_response(
    stage: str, outputs: Sequence[Sequence[bytes]], *, variant: str, batch: int
) -> InferenceResponse:
    """Return the answer of a stage: all outputs in a row, how many belong to each item, and who served."""
    flat = [b64encode(output).decode("ascii") for of_item in outputs for output in of_item]
    return InferenceResponse(
        model_name=stage,
        parameters=Parameters(variant=variant, batch=batch),
        outputs=[
            ResponseOutput(
                name=COUNTS,
                shape=[len(outputs)],
                datatype="INT32",
                data=[len(of_item) for of_item in outputs],
            ),
            ResponseOutput(
                name=OUTPUT,
                shape=[len(flat)],
                datatype="BYTES",
                parameters=Parameters(content_type=BASE64),
                data=flat,
            ),
        ],
    )


def outputs_in(answer: Mapping[str, Any], count: int) -> list[list[bytes]]:
    """Return the outputs for each of *count* items out of a stage's answer.

    Raises:
        ValueError, KeyError, TypeError: the answer is not one of a stage.
    """
    tensors = {tensor["name"]: tensor["data"] for tensor in answer["outputs"]}
    counts, flat = tensors[COUNTS], [b64decode(text) for text in tensors[OUTPUT]]
    if len(counts) != count or sum(counts) != len(flat):
        raise ValueError(f"the stage answered {len(counts)} of {count} items")
    found, start = [], 0
    for number in counts:
        found.append(flat[start : start + number])
        start += number
    return found


def router_response(model: str, answer: Any, variants: Mapping[str, str]) -> InferenceResponse:  # noqa: ANN401 - JSON
    """Return the pipeline's answer, and which variants gave it."""
    return InferenceResponse(
        model_name=model,
        parameters=Parameters(variants=dict(variants)),
        outputs=[
            ResponseOutput(
                name=ANSWER,
                shape=[1],
                datatype="BYTES",
                parameters=Parameters(content_type="str"),
                data=[json.dumps(answer)],
            )
        ],
    )


def _item(element: object, *, is_base64: bool) -> bytes:
    if not isinstance(element, str):
        raise BadRequest("an element of the input is not text; send base64, or text as it is")
    if not is_base64:
        return element.encode()
    try:
        return b64decode(element, validate=True)
    except ValueError as error:
        raise BadRequest("an element of the input is not base64") from error
