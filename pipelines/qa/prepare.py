"""Make everything that the variants load: fetch the networks, index the corpus, train the readers.

Takes about a minute on one core; seeded, so twice the same. What is there is kept: training is told apart by
`RECIPE`, which counts up whenever corpus, wording or training change.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipelines.files import replaced
from pipelines.qa import files
from pipelines.qa.questions import Question, Sort, questions
from pipelines.qa.read import evident, sentences
from pipelines.qa.relations import Classifier, Stems, trained
from pipelines.qa.retrieve import RETRIEVERS, Reading, bm25_table
from pipelines.qa.vectors import Encoder, Words, rarity
from pipelines.qa.world import for_training, places, vocabulary
from pipelines.weights import fetch

RECIPE = 1
RECIPE_FILE = "recipe.json"
RELATION_SEED, WEIGHT_SEED = 11, 12
TRAINING_DRIFTS = (0.0, 0.4, 0.8)
"""Readers learn from questions with errors too."""
RELATION_QUESTIONS = 800
"""At each drift, to learn what a question asks."""
WEIGHT_QUESTIONS = 80
"""At each drift, to learn how far to trust relation and nearness; each with four passages. They are worded
otherwise than those above: on its own questions a classifier is surer than on any others."""
TOLD_SENTENCES = 1500


def prepare(folder: Path, say: Callable[[str], None]) -> None:
    """Fill *folder*; what is there and whole is kept.

    Raises:
        UsageError: the folder cannot be written.
        ModelUnavailable: a file cannot be fetched.
    """
    for name, file in files.FETCHED.items():
        say(f"{name}: {file.name} of {file.requirement}")
        fetch(file, folder)
    if _is_made(folder):
        say("corpus, index and readers are there")
        return
    _index(folder, say)
    _train(folder, say)
    replaced(folder / RECIPE_FILE, json.dumps({"recipe": RECIPE}), sync="none")


def _is_made(folder: Path) -> bool:
    path = folder / RECIPE_FILE
    if not path.is_file() or json.loads(path.read_text("utf-8")) != {"recipe": RECIPE}:
        return False
    return all((folder / name).is_file() for name in files.MADE)


def _index(folder: Path, say: Callable[[str], None]) -> None:
    corpus = [place.passage for place in places()]
    leads = [sentences(passage)[0] for passage in corpus]
    say(f"indexing {len(corpus)} passages")
    replaced(folder / files.PASSAGES, json.dumps(corpus), sync="none")
    terms, worth = bm25_table(corpus)
    _save(folder / files.BM25, terms=np.array(terms), worth=worth)
    _save(folder / files.RARITY, rarity(corpus))
    for name in files.ENCODERS:
        _save(folder / files.index(name), files.encoder(name, folder)(leads))


def _train(folder: Path, say: Callable[[str], None]) -> None:
    readings, answers = _readings(folder)
    say("training the reader stems")
    weights = _weights(readings, answers, (Words(),), Stems())
    _save(folder / files.reader("stems"), weights=weights)
    spelling = files.encoder("ngrams", folder)
    for name in files.ENCODERS:
        say(f"training the reader {name}")
        encoder = files.encoder(name, folder)
        classifier = trained(*_labelled(encoder), len(vocabulary().relations))
        encoders = (encoder,) if name == "ngrams" else (encoder, spelling)
        weights = _weights(readings, answers, encoders, classifier)
        _save(folder / files.reader(name), relations=classifier.weights, weights=weights)


def _labelled(encoder: Encoder) -> tuple[NDArray[np.float32], list[int]]:
    """Return vectors of questions and of sentences, and the number of the relation of each."""
    number = {relation.name: k for k, relation in enumerate(vocabulary().relations)}
    asked = [(q.text, q.relation.name) for q in _questions(RELATION_QUESTIONS, "training", RELATION_SEED)]
    told = [
        pair
        for place in for_training()
        for pair in zip(sentences(place.passage)[1:], place.facts, strict=True)
    ]
    labelled = [*asked, *told[:TOLD_SENTENCES]]
    return encoder([text for text, _ in labelled]), [number[name] for _, name in labelled]


def _readings(folder: Path) -> tuple[list[Reading], list[str | None]]:
    """Return what a good retriever sends on, and the answer where the passage has it."""
    asked = list(_questions(WEIGHT_QUESTIONS, "tuning", WEIGHT_SEED))
    sent = RETRIEVERS["hybrid"](folder)([question.text for question in asked])
    readings = [reading for row in sent for reading in row]
    answers = [
        question.answer if reading.passage == question.place.passage else None
        for question, row in zip(asked, sent, strict=True)
        for reading in row
    ]
    return readings, answers


def _weights(
    readings: list[Reading],
    answers: list[str | None],
    encoders: tuple[Encoder, ...],
    classifier: Classifier,
) -> NDArray[np.float32]:
    candidates = evident(readings, encoders, classifier)
    right = [int(candidate.text == answers[candidate.reading]) for candidate in candidates]
    return trained(np.stack([candidate.evidence for candidate in candidates]), right, 2).weights


def _questions(count: int, sort: Sort, seed: int) -> Iterator[Question]:
    return chain.from_iterable(
        questions(count, sort=sort, seed=seed + 100 * k, drift=drift)
        for k, drift in enumerate(TRAINING_DRIFTS)
    )


def _save(path: Path, array: NDArray[np.float32] | None = None, **arrays: NDArray[np.generic]) -> None:
    content = io.BytesIO()
    if array is None:
        np.savez(content, **arrays)  # type: ignore[arg-type] # to mypy ** may hold allow_pickle
    else:
        np.save(content, array)
    replaced(path, content.getvalue(), sync="none")
