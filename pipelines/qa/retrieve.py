"""Find the passages that may hold the answer: by words, by letter n-grams, by meaning.

`bm25` is Okapi BM25 over words. The others compare vectors with those of the passages' first sentences,
which say what and where a place is; `hybrid` adds the standardised scores of MiniLM-L6 and of n-grams.
Every retriever sends on its best `SENT_ON` passages, each with the question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from pipelines.minilm import Matrix
from pipelines.qa import files
from pipelines.qa.vectors import Encoder
from pipelines.weights import present
from pipelines.wordpiece import words

SENT_ON = 4
SATURATION, LENGTH_SHARE = 1.2, 0.75
"""BM25's k1 and b, as usual."""
GRAM_WEIGHT = 0.5
"""Of n-grams beside MiniLM in `hybrid`; of 0.5 and 1 the better on questions of seed 1."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is to be read: an item of the second stage."""

    question: str
    passage: str


class Searcher(Protocol):
    """What compares questions with the corpus."""

    def __call__(self, questions: Sequence[str]) -> Matrix:
        """Return a score for each question (row) and passage (column); higher is nearer."""
        ...


@dataclass(frozen=True, slots=True)
class Retriever:
    """A variant: a searcher and the passages it searches."""

    searcher: Searcher
    passages: Sequence[str]

    def __call__(self, questions: Sequence[str]) -> list[list[Reading]]:
        """Return for each question its nearest passages, best first."""
        nearest = np.argsort(-self.searcher(questions), axis=1, kind="stable")[:, :SENT_ON]
        return [
            [Reading(question, self.passages[k]) for k in row]
            for question, row in zip(questions, nearest, strict=True)
        ]


class Bm25:
    """The sum over a question's words of what each is worth in each passage."""

    def __init__(self, terms: Sequence[str], worth: Matrix) -> None:
        """Take the words of the corpus and their worth (word, passage)."""
        self._row = {term: k for k, term in enumerate(terms)}
        self._worth = worth

    def __call__(self, questions: Sequence[str]) -> Matrix:
        """Return the scores; words that no passage has count nothing."""
        rows = [sorted({self._row[w] for w in words(q) if w in self._row}) for q in questions]
        return np.stack([self._worth[row].sum(axis=0) for row in rows])


@dataclass(frozen=True, slots=True)
class Nearest:
    """The product of the question's vector with those of the passages."""

    encoder: Encoder
    index: Matrix

    def __call__(self, questions: Sequence[str]) -> Matrix:
        """Return the scores."""
        scores: Matrix = self.encoder(questions) @ self.index.T
        return scores


@dataclass(frozen=True, slots=True)
class Hybrid:
    """Meaning and spelling together."""

    meaning: Searcher
    spelling: Searcher

    def __call__(self, questions: Sequence[str]) -> Matrix:
        """Return the sum of both, each standardised for each question."""
        return _standard(self.meaning(questions)) + GRAM_WEIGHT * _standard(self.spelling(questions))


def bm25_table(corpus: Sequence[str]) -> tuple[list[str], Matrix]:
    """Return the words of *corpus* and what each is worth in each text."""
    split = [[word for word in words(text) if word[0].isalnum()] for text in corpus]
    terms = sorted({word for text in split for word in text})
    row = {term: k for k, term in enumerate(terms)}
    counts = np.zeros((len(terms), len(corpus)), np.float32)
    for column, text in enumerate(split):
        np.add.at(counts[:, column], [row[word] for word in text], 1)
    holding = (counts > 0).sum(axis=1, keepdims=True)
    lengths = counts.sum(axis=0)
    rarity = np.log(1 + (len(corpus) - holding + 0.5) / (holding + 0.5))
    damping = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * lengths / lengths.mean())
    worth: Matrix = (rarity * counts * (SATURATION + 1) / (counts + damping)).astype(np.float32)
    return terms, worth


def _standard(scores: Matrix) -> Matrix:
    spread = scores.std(axis=1, keepdims=True)
    centred: Matrix = (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread == 0, 1, spread)
    return centred


def _bm25(folder: Path) -> Searcher:
    with np.load(present(files.BM25, folder)) as table:
        return Bm25(table["terms"].tolist(), table["worth"])


def _nearest(encoder: str) -> Callable[[Path], Searcher]:
    def load(folder: Path) -> Searcher:
        index = np.load(present(files.index(encoder), folder))
        return Nearest(files.encoder(encoder, folder), index)

    return load


def _hybrid(folder: Path) -> Searcher:
    return Hybrid(_nearest("minilm-l6")(folder), _nearest("ngrams")(folder))


def _variant(searcher: Callable[[Path], Searcher]) -> Callable[[Path], Retriever]:
    return lambda folder: Retriever(searcher(folder), files.passages(folder))


RETRIEVERS: Mapping[str, Callable[[Path], Retriever]] = {
    "bm25": _variant(_bm25),
    "ngrams": _variant(_nearest("ngrams")),
    "minilm-l3": _variant(_nearest("minilm-l3")),
    "hybrid": _variant(_hybrid),
}
"""How each variant is loaded, given the folder that was prepared; cheapest first."""
