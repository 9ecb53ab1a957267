"""Read the answer out of a passage: which sentence tells what is asked, and is it about the right place?

    likelihood(span) = sum over the relations r that such a span can answer of P(r | question) P(r | sentence)
    score(span)      = sigmoid(a ln likelihood + sum_e b_e cos_e(question, first sentence) + c)

Spans are found by their shape: a name of two words, a year, a number, a price. The best span of a passage is
its answer; its score can be compared with those of other passages. The variants differ in how relations are
told apart (`pipelines.qa.relations`) and in what the question is compared with the first sentence by.
A batch is encoded in one go, each text once: readings of one question share it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipelines.minilm import Matrix
from pipelines.qa import files
from pipelines.qa.relations import Classifier, Softmax, Stems, of_kind
from pipelines.qa.retrieve import Reading
from pipelines.qa.vectors import Encoder, Words
from pipelines.qa.world import KINDS, Kind
from pipelines.weights import present

SHAPES: Mapping[Kind, str] = {
    "money": r"(?P<money>\d[\d,]*)(?= euros)",
    "year": r"(?P<year>\b[12]\d{3}\b)",
    "number": r"(?P<number>\b\d[\d,]*\b)",
    "person": r"(?P<person>\b[A-Z]\w+ [A-Z]\w+\b)(?! [A-Z])",
}
"""What an answer of each kind looks like; the first that fits is taken. Of three capitalised words the last
two are a name: the first only begins the sentence."""
SPAN = re.compile("|".join(SHAPES.values()))
LEAST_LIKELIHOOD = 1e-4
"""So that its logarithm is bounded."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a passage answers, and how sure the reader is of both passage and span."""

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A span of one reading that may be the answer, and what speaks for it."""

    reading: int
    text: str
    evidence: Matrix


@dataclass(frozen=True, slots=True)
class Reader:
    """A variant."""

    encoders: tuple[Encoder, ...]
    """The first one's vectors are also what the classifier sees."""
    classifier: Classifier
    weights: Softmax
    """Of the evidence, for wrong and right."""

    def __call__(self, readings: Sequence[Reading]) -> list[list[Answer]]:
        """Return for each reading its best answer, or none where the passage has nothing to answer with."""
        candidates = evident(readings, self.encoders, self.classifier)
        best: list[list[Answer]] = [[] for _ in readings]
        if not candidates:
            return best
        scores = self.weights([c.text for c in candidates], np.stack([c.evidence for c in candidates]))[:, 1]
        for candidate, score in zip(candidates, scores, strict=True):
            held = best[candidate.reading]
            if not held or held[0].score < score:
                best[candidate.reading] = [Answer(candidate.text, float(score))]
        return best


def evident(
    readings: Sequence[Reading], encoders: Sequence[Encoder], classifier: Classifier
) -> list[Candidate]:
    """Return every span of every reading with its evidence: ln likelihood, then nearness by each encoder."""
    split = [sentences(reading.passage) for reading in readings]
    texts = sorted({t for r, parts in zip(readings, split, strict=True) for t in (r.question, *parts)})
    row = {text: k for k, text in enumerate(texts)}
    vectors = [encoder(texts) for encoder in encoders]
    relations = classifier(texts, vectors[0])
    kinds = of_kind()
    found: list[Candidate] = []
    for k, (reading, (lead, *told)) in enumerate(zip(readings, split, strict=True)):
        asked = row[reading.question]
        nearness = [float(v[asked] @ v[row[lead]]) for v in vectors]
        for sentence in told:
            agreed = relations[asked] * relations[row[sentence]]
            for kind, span in spans(sentence):
                likelihood = max(float(agreed[kinds[KINDS.index(kind)]].sum()), LEAST_LIKELIHOOD)
                evidence = np.array([np.log(likelihood), *nearness], np.float32)
                found.append(Candidate(k, span, evidence))
    return found


def sentences(passage: str) -> list[str]:
    """Return the sentences of a passage."""
    ends = [0, *(m.end() for m in re.finditer(r"[.!?]\s+", passage)), len(passage)]
    return [passage[start:end].strip() for start, end in pairwise(ends)]


def spans(sentence: str) -> list[tuple[Kind, str]]:
    """Return what could be an answer in a sentence, with its kind."""
    return [
        (kind, text) for m in SPAN.finditer(sentence) for kind in KINDS if (text := m.group(kind)) is not None
    ]


def _trained(encoder: str, *others: str) -> Callable[[Path], Reader]:
    def load(folder: Path) -> Reader:
        encoders = tuple(files.encoder(name, folder) for name in (encoder, *others))
        with np.load(present(files.reader(encoder), folder)) as learned:
            return Reader(encoders, Softmax(learned["relations"]), Softmax(learned["weights"]))

    return load


def _stems(folder: Path) -> Reader:
    with np.load(present(files.reader("stems"), folder)) as learned:
        return Reader((Words(),), Stems(), Softmax(learned["weights"]))


READERS: Mapping[str, Callable[[Path], Reader]] = {
    "stems": _stems,
    "ngrams": _trained("ngrams"),
    "minilm-l3": _trained("minilm-l3", "ngrams"),
    "minilm-l6": _trained("minilm-l6", "ngrams"),
}
"""How each variant is loaded, given the folder that was prepared; cheapest first."""
