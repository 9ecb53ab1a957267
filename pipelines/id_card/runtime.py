"""ONNX models on one CPU thread: the one module that knows onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

Tensor = NDArray[np.float32]

cv2.setNumThreads(1)


class Network:
    """A loaded model with one input and one output."""

    def __init__(self, path: Path) -> None:
        """Load *path* for one thread."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
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
