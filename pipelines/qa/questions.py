"""Questions whose answers are known: to examine with, and others to train on.

A question names its place, or says what it is in the words of its passage or in others, always with its city.
Questions to examine with share no place and no wording with the others, but for a kind of place that is
quoted from its passage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipelines.qa.noise import harmed
from pipelines.qa.world import Place, Relation, for_examination, for_training, vocabulary

NAMED_SHARE, QUOTED_SHARE = 0.40, 0.35
"""Of questions that name the place, and that describe it as its passage does; the others find other words."""

Sort = Literal["training", "tuning", "asked"]
"""To learn relations, to learn how far to trust them, to examine."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question and where its answer stands."""

    text: str
    place: Place
    relation: Relation

    @property
    def answer(self) -> str:
        """The right answer."""
        return self.place.facts[self.relation.name]


def questions(count: int, *, sort: Sort, seed: int, drift: float = 0.0) -> Iterator[Question]:
    """Yield *count* questions; question k depends only on sort, seed, k and drift."""
    pool = for_examination() if sort == "asked" else for_training()
    for k in range(count):
        clean = _asked(pool, sort, np.random.default_rng([seed, k, 0]))
        text = harmed(clean.text, drift, np.random.default_rng([seed, k, 1]))
        yield Question(text, clean.place, clean.relation)


def _asked(pool: tuple[Place, ...], sort: Sort, rng: np.random.Generator) -> Question:
    place = pool[int(rng.integers(len(pool)))]
    known = [relation for relation in vocabulary().relations if relation.name in place.facts]
    relation = known[int(rng.integers(len(known)))]
    subject = _subject(place, sort, rng)
    gap = str(rng.choice(_wordings(relation, sort)))
    return Question(gap.format(f"{subject} in {place.city}"), place, relation)


def _wordings(relation: Relation, sort: Sort) -> tuple[str, ...]:
    return {"training": relation.training, "tuning": relation.tuning, "asked": relation.asked}[sort]


def _subject(place: Place, sort: Sort, rng: np.random.Generator) -> str:
    way = rng.random()
    if way < NAMED_SHARE:
        return place.name
    if way < NAMED_SHARE + QUOTED_SHARE:
        return place.topic.told.replace("a ", "the ", 1).replace("an ", "the ", 1)
    return str(rng.choice(place.topic.asked if sort == "asked" else place.topic.training))
