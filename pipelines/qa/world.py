"""The corpus: passages about invented places, each with facts whose wording is known.

    Falcon Mill is a bakery known for rye bread in Ghent. It opened in 1931. Its founder was Dora Kraus. ...

The places, people and numbers are invented and seeded: nothing can be known from elsewhere, so an answer has
to be read. The words are ours (`vocabulary.json`); the cities are real. A kind of place and a fact are worded
in one way in passages, in a second in questions to train on and in a third in questions to examine with;
of the second, training sets the last `TUNING` wordings of a fact aside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

PLACES = 2400
SEED = 20261125
"""Of the corpus: there is one, whatever the seed of the questions."""
FACTS = 4
"""Facts in a passage, out of nine: some have answers of one kind, so reading is a choice."""
TRAINING_SHARE = 4
"""Every fourth place is asked about in training only, and never in an examination."""
TUNING = 2
"""Wordings for training that only tune how far a reader trusts what it has learned."""
YEARS = {"opened": (1850, 1960), "renovated": (1961, 2025)}
NUMBERS = {"visitors": (3000, 90000), "staff": (12, 900), "fee": (3, 40)}

Kind = Literal["person", "year", "number", "money"]
KINDS: tuple[Kind, ...] = ("person", "year", "number", "money")
"""What an answer can be."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A kind of place in the words of passages and of questions."""

    told: str
    training: tuple[str, ...]
    asked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """What can be asked about a place: sentences of passages and questions, with one gap each."""

    name: str
    kind: Kind
    told: tuple[str, ...]
    training: tuple[str, ...]
    tuning: tuple[str, ...]
    asked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One invented place and what its passage says of it."""

    name: str
    city: str
    topic: Topic
    facts: Mapping[str, str]
    """Relation -> answer, as it stands in the passage."""
    passage: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All words that the corpus and the questions are made of."""

    topics: tuple[Topic, ...]
    relations: tuple[Relation, ...]
    cities: tuple[str, ...]
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    estates: tuple[str, ...]
    buildings: tuple[str, ...]


@cache
def vocabulary() -> Vocabulary:
    """Return the words."""
    said: dict[str, Any] = json.loads(Path(__file__).with_name("vocabulary.json").read_text("utf-8"))
    topics = tuple(Topic(t["told"], tuple(t["training"]), tuple(t["asked"])) for t in said.pop("topics"))
    relations = tuple(
        Relation(
            r["name"],
            r["kind"],
            told=tuple(r["told"]),
            training=tuple(r["training"][:-TUNING]),
            tuning=tuple(r["training"][-TUNING:]),
            asked=tuple(r["asked"]),
        )
        for r in said.pop("relations")
    )
    return Vocabulary(topics, relations, **{name: tuple(words) for name, words in said.items()})


@cache
def places() -> tuple[Place, ...]:
    """Return the whole corpus; no two places share kind and city, or name and city."""
    words = vocabulary()
    rng = np.random.default_rng(SEED)
    pairs = rng.permutation(len(words.topics) * len(words.cities))[:PLACES]
    taken: set[tuple[str, str]] = set()
    return tuple(
        _place(words.topics[pair // len(words.cities)], words.cities[pair % len(words.cities)], taken, rng)
        for pair in pairs
    )


def for_training() -> tuple[Place, ...]:
    """Return the places that training may ask about."""
    return places()[::TRAINING_SHARE]


def for_examination() -> tuple[Place, ...]:
    """Return the places that only examinations ask about."""
    return tuple(place for k, place in enumerate(places()) if k % TRAINING_SHARE)


def _place(topic: Topic, city: str, taken: set[tuple[str, str]], rng: np.random.Generator) -> Place:
    words = vocabulary()
    name = f"{rng.choice(words.estates)} {rng.choice(words.buildings)}"
    while (name, city) in taken:
        name = f"{rng.choice(words.estates)} {rng.choice(words.buildings)}"
    taken.add((name, city))
    chosen = [words.relations[k] for k in rng.permutation(len(words.relations))[:FACTS]]
    facts = {relation.name: _answer(relation, rng) for relation in chosen}
    sentences = [str(rng.choice(relation.told)).format(facts[relation.name]) for relation in chosen]
    return Place(name, city, topic, facts, " ".join([f"{name} is {topic.told} in {city}.", *sentences]))


def _answer(relation: Relation, rng: np.random.Generator) -> str:
    words = vocabulary()
    if relation.kind == "person":
        return f"{rng.choice(words.first_names)} {rng.choice(words.last_names)}"
    if relation.kind == "year":
        return str(rng.integers(*YEARS[relation.name]))
    return f"{rng.integers(*NUMBERS[relation.name]):,}"
