"""What a text is about: which of the nine relations a question asks for, or a sentence tells.

    P(r | text) = softmax(W v(text) + b)_r        v: n-grams or MiniLM

trained by plain gradient descent (Adam) on the cross-entropy with a small penalty; and, without training,
a list of word stems for each relation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.minilm import Matrix
from pipelines.qa.world import KINDS, vocabulary

STEMS = {
    "founder": re.compile(r"found|establish|start|launch|idea"),
    "head": re.compile(r"direct|\bled\b|lead|manag|chief|today|now"),
    "architect": re.compile(r"architect|design|plan|draw|sketch"),
    "opened": re.compile(r"open|since|start|began|first"),
    "renovated": re.compile(r"renov|restor|rebuil|repair|renew"),
    "visitors": re.compile(r"visit|guest|tourist|year|annual"),
    "staff": re.compile(r"staff|employ|work|job|people"),
    "fee": re.compile(r"cost|price|ticket|euro|pay|admission"),
    "patron": re.compile(r"donor|donat|financ|fund|sponsor|pays"),
}
"""Stems that mark a relation: those of the passages and of the questions to train on, written by hand."""
KIND_WORDS = {
    "person": re.compile(r"\b(who|whom|whose)\b"),
    "year": re.compile(r"\b(when|which year|what year)\b"),
    "number": re.compile(r"\bhow (many|large|big)\b"),
    "money": re.compile(r"\b(how much|expensive|price|cost)\b"),
}
KIND_MARKS = 2.0
"""A word that asks for a kind of answer counts as much as two stems."""
DOUBT = 0.05
"""What a list of stems leaves to each relation that it does not name."""
STEPS, RATE, PENALTY = 400, 0.05, 1e-4
"""Of training. The penalty is the best of four on the wordings set aside for tuning."""


class Classifier(Protocol):
    """What tells relations apart."""

    def __call__(self, texts: Sequence[str], vectors: Matrix) -> Matrix:
        """Return the likelihood of each relation (column) for each text (row)."""
        ...


class Stems:
    """The share of a relation among the stems found; the kind that a question word asks for counts double."""

    def __call__(self, texts: Sequence[str], vectors: Matrix) -> Matrix:
        """Return the likelihoods; the vectors are not looked at."""
        marks = np.array([self._marks(text.lower()) for text in texts]) + DOUBT
        likelihoods: Matrix = (marks / marks.sum(axis=1, keepdims=True)).astype(np.float32)
        return likelihoods

    def _marks(self, text: str) -> list[float]:
        asked = {kind for kind, words in KIND_WORDS.items() if words.search(text)}
        return [
            len(STEMS[relation.name].findall(text)) + KIND_MARKS * (relation.kind in asked)
            for relation in vocabulary().relations
        ]


@dataclass(frozen=True, slots=True)
class Softmax:
    """A trained linear classifier."""

    weights: Matrix
    """(dimension + 1, relation); the last row is the bias."""

    def __call__(self, texts: Sequence[str], vectors: Matrix) -> Matrix:
        """Return the likelihoods; the texts are not looked at."""
        return _softmax(_with_one(vectors) @ self.weights)


def trained(vectors: Matrix, labels: Sequence[int], classes: int) -> Softmax:
    """Return the classifier that fits *labels* best; the same inputs give the same weights."""
    inputs, wanted = _with_one(vectors), np.eye(classes, dtype=np.float32)[np.asarray(labels)]
    weights = np.zeros((inputs.shape[1], classes), np.float32)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        slope = inputs.T @ (_softmax(inputs @ weights) - wanted) / len(inputs) + PENALTY * weights
        mean = 0.9 * mean + 0.1 * slope
        square = 0.999 * square + 0.001 * slope**2
        corrected = mean / (1 - 0.9**step), square / (1 - 0.999**step)
        weights -= (RATE * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)).astype(np.float32)
    return Softmax(weights)


def of_kind() -> NDArray[np.bool_]:
    """Return which relations (column) have answers of each kind (row)."""
    return np.array([[relation.kind == kind for relation in vocabulary().relations] for kind in KINDS])


def _with_one(vectors: Matrix) -> Matrix:
    return np.concatenate([vectors, np.ones((len(vectors), 1), np.float32)], axis=1)


def _softmax(scores: Matrix) -> Matrix:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Matrix = raised / raised.sum(axis=1, keepdims=True)
    return shares
