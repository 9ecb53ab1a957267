"""ONNX models on CPU: the one module that knows onnxruntime."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

Tensor = NDArray[np.float32]

THREADS_VARIABLE = "TRIMTAB_THREADS"
"""The server's setting of the same name; a profile and a test without it use one thread."""


def threads() -> int:
    """Return how many threads a model of this process may use."""
    return int(os.environ.get(THREADS_VARIABLE, "1"))


def session(path: Path) -> Any:  # noqa: ANN401 - onnxruntime has no types
    """Return *path* loaded for the threads of this process."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Network:
    """A loaded model with one input and one output."""

    def __init__(self, path: Path) -> None:
        """Load *path*."""
        self._session = session(path)
        self._input = self._session.get_inputs()[0].name

    def __call__(self, batch: Tensor) -> Tensor:
        """Return the network's output for a batch (items, channels, height, width)."""
        output: Tensor = self._session.run(None, {self._input: batch})[0]
        return output

    @property
    def alphabet(self) -> list[str]:
        """The characters a recogniser knows, as written into the model file."""
        said: str = self._session.get_modelmeta().custom_metadata_map["character"]
        return said.splitlines()
