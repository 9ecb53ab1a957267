"""Texts as rows of numbers: TF-IDF of words or of letters; a whole batch is one matrix.

TF-IDF as in Salton and Buckley (1988): a term's count times log((1 + n) / (1 + df)) + 1 over the n training
texts, df of which have it; rows are scaled to length 1. A term that training never saw counts for nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.minilm import unit
from pipelines.runtime import Tensor

GRAM_SIZES = range(2, 5)
"""Letters of a piece of a word; what a recogniser mishears keeps some of them."""

Split = Callable[[str], Iterator[str]]


def words(text: str) -> Iterator[str]:
    """Yield the words of *text*."""
    yield from text.split()


def letters(text: str) -> Iterator[str]:
    """Yield every run of 2 to 4 letters in each word, its ends marked by a blank."""
    for word in text.split():
        marked = f" {word} "
        for size in GRAM_SIZES:
            for start in range(len(marked) - size + 1):
                yield marked[start : start + size]


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms that training saw, and what each weighs."""

    split: Split
    columns: Mapping[str, int]
    weights: Tensor

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Return one row for each text."""
        rows: list[int] = []
        columns: list[int] = []
        for row, text in enumerate(texts):
            known = [self.columns[term] for term in self.split(text) if term in self.columns]
            columns += known
            rows += [row] * len(known)
        table = np.zeros((len(texts), len(self.columns)), np.float32)
        np.add.at(table, (rows, columns), 1)
        return unit(table * self.weights)


def fitted(texts: Sequence[str], split: Split) -> Terms:
    """Return the terms of *texts* and their weights."""
    seen = Counter(term for text in texts for term in set(split(text)))
    terms = sorted(seen)
    counts = np.array([seen[term] for term in terms], np.float32)
    weights = np.log((1 + len(texts)) / (1 + counts)) + 1
    return Terms(split, {term: k for k, term in enumerate(terms)}, weights.astype(np.float32))
