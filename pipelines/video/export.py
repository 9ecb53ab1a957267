"""Write trained layers as ONNX files: what is served is arrays and sums, never a pickle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.files import replaced
from pipelines.runtime import Tensor
from pipelines.video.locate import CHANNELS, Grid

OPSET, IR_VERSION = 13, 8
"""Old enough for every onnxruntime since 1.8."""
INPUT, OUTPUT = "input", "likelihood"


@dataclass(frozen=True, slots=True)
class Layer:
    """What a layer multiplies by (inputs, outputs) and adds."""

    weights: Tensor
    bias: Tensor


def write_patches(path: Path, layers: Sequence[Layer], grid: Grid) -> None:
    """Write a patch network as convolutions: the first as wide as a patch, the others over single cells."""
    first = layers[0].weights.T.reshape(-1, CHANNELS, grid.patch, grid.patch)
    kernels = [first, *(layer.weights.T[..., None, None] for layer in layers[1:])]
    steps: list[dict[str, Any]] = [
        {"strides": [grid.stride] * 2, "pads": [grid.margin] * 4}, *({} for _ in layers[1:])
    ]  # fmt: skip
    _write(path, "Conv", list(zip(kernels, [la.bias for la in layers], steps, strict=True)), "Sigmoid", 4)


def write_matrices(path: Path, layers: Sequence[Layer]) -> None:
    """Write a network whose last layer gives one likelihood for each class."""
    _write(path, "Gemm", [(layer.weights, layer.bias, {}) for layer in layers], "Softmax", 2)


def _write(
    path: Path, product: str, layers: Sequence[tuple[Tensor, Tensor, dict[str, Any]]], last: str, rank: int
) -> None:
    """Write product, ReLU, product, ..., *last*."""
    import onnx  # noqa: PLC0415 - a server loads weights and writes none
    from onnx import helper, numpy_helper  # noqa: PLC0415

    nodes, arrays, name = [], [], INPUT
    for k, (weights, bias, settings) in enumerate(layers):
        arrays += [
            numpy_helper.from_array(np.ascontiguousarray(array, np.float32), f"{kind}{k}")
            for kind, array in (("weights", weights), ("bias", bias))
        ]
        nodes.append(helper.make_node(product, [name, f"weights{k}", f"bias{k}"], [f"sum{k}"], **settings))
        ends = k == len(layers) - 1
        name = OUTPUT if ends else f"layer{k}"
        nodes.append(helper.make_node(last if ends else "Relu", [f"sum{k}"], [name]))
    free = [[f"size{k}" for k in range(rank)]]
    ports = [[helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, *free)] for n in (INPUT, OUTPUT)]
    graph = helper.make_graph(nodes, path.stem, ports[0], ports[1], arrays)
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="trimtab")
    replaced(path, model.SerializeToString(), sync="none")
