"""Texts as vectors of length one: hashed letter n-grams.

N-grams know spelling only: a typing error costs a few of them, another word for the same thing costs all.
MiniLM (`pipelines.minilm`) knows meaning: the reverse. Both are compared by their product.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np

from pipelines.minilm import Matrix, unit
from pipelines.wordpiece import LONGEST_WORD, words

GRAM_LENGTHS = (3, 4)
BUCKETS = 2048
"""N-grams share these by hash. Twice as many cost twice the time and found a point more passages at most."""
CACHED = 5000
"""Words whose n-grams are kept; the corpus has some 1500."""
LONGER = 4
"""Letters of a word that counts where whole words are compared."""


class Encoder(Protocol):
    """What turns texts into vectors."""

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Return one row of length one for each text."""
        ...


class Grams:
    """Letter n-grams of each word, hashed, weighted by how rare they are in a corpus."""

    def __init__(self, rarity: Matrix) -> None:
        """Take the weight of each bucket."""
        self.rarity = rarity

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Return one row of length one for each text; zeros for one without letters and digits."""
        return unit(np.log1p(_counts(texts)) * self.rarity)


class Words:
    """The longer words, hashed: short ones are the same in every sentence."""

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Return one row of length one for each text; zeros for one without longer words."""
        rows = np.zeros((len(texts), BUCKETS), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[[_bucket(word) for word in words(text) if len(word) >= LONGER]] = 1
        return unit(rows)


def rarity(corpus: Sequence[str]) -> Matrix:
    """Return how rare each bucket of n-grams is: the logarithm of the share of texts without it."""
    holding = (_counts(corpus) > 0).sum(axis=0)
    rare: Matrix = np.log((len(corpus) + 1) / (holding + 1)).astype(np.float32)
    return rare


def _counts(texts: Sequence[str]) -> Matrix:
    counts = np.zeros((len(texts), BUCKETS), np.float32)
    for k, text in enumerate(texts):
        buckets = [
            bucket for word in words(text) if word[0].isalnum() for bucket in _grams(word[:LONGEST_WORD])
        ]
        if buckets:
            counts[k] = np.bincount(buckets, minlength=BUCKETS)
    return counts


@lru_cache(maxsize=CACHED)
def _grams(word: str) -> tuple[int, ...]:
    """Return the buckets of a word's n-grams."""
    framed = f"<{word}>"
    return tuple(
        _bucket(framed[k : k + length]) for length in GRAM_LENGTHS for k in range(len(framed) - length + 1)
    )


def _bucket(part: str) -> int:
    return zlib.crc32(part.encode()) % BUCKETS
