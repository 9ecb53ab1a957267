"""BERT's WordPiece tokenizer (uncased), as the MiniLM models expect it.

Text is lowered and stripped of accents, split at blanks and around every punctuation mark; a word becomes
the longest pieces of the vocabulary from left to right, those after the first marked with `##`. Ideographs,
which BERT splits one by one, are not: the models here know English.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LONGEST_WORD = 100
"""Letters; a longer word is unknown as a whole, as in BERT."""

CACHED = 5000
"""Words whose pieces are kept."""

Ids = NDArray[np.int64]


class WordPiece:
    """Turns texts into the numbers of their pieces."""

    def __init__(self, path: Path) -> None:
        """Read the vocabulary: one piece a line."""
        pieces = path.read_text("utf-8").splitlines()
        self.ids = {piece: k for k, piece in enumerate(pieces)}
        self._first, self._last, self._unknown = (self.ids[p] for p in ("[CLS]", "[SEP]", "[UNK]"))
        self._pieces = lru_cache(maxsize=CACHED)(self._split)

    def __call__(self, text: str) -> list[int]:
        """Return the pieces of *text*, without the marks of its beginning and end."""
        return [piece for word in words(text) for piece in self._pieces(word)]

    def padded(self, texts: Sequence[str], longest: int) -> tuple[Ids, Ids]:
        """Return the pieces of each text between marks, cut to *longest*, and what is no padding."""
        rows = [[self._first, *self(text)[: longest - 2], self._last] for text in texts]
        width = max(map(len, rows))
        ids = np.zeros((len(rows), width), np.int64)
        mask = np.zeros((len(rows), width), np.int64)
        for k, row in enumerate(rows):
            ids[k, : len(row)] = row
            mask[k, : len(row)] = 1
        return ids, mask

    def _split(self, word: str) -> tuple[int, ...]:
        if len(word) > LONGEST_WORD:
            return (self._unknown,)
        pieces: list[int] = []
        start = 0
        while start < len(word):
            end = len(word)
            while end > start and (piece := ("##" if start else "") + word[start:end]) not in self.ids:
                end -= 1
            if end == start:
                return (self._unknown,)
            pieces.append(self.ids[piece])
            start = end
        return tuple(pieces)


def words(text: str) -> Iterator[str]:
    """Yield the words and punctuation marks of *text*, lowered and without accents."""
    plain = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    for run in plain.split():
        word = ""
        for letter in run:
            if _is_mark(letter):
                yield from (word, letter) if word else (letter,)
                word = ""
            else:
                word += letter
        if word:
            yield word


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter).startswith("P") or letter in "$+<=>^`|~"
