"""Say what a text is about: one of eight intents, by four means.

`keywords` counts words that a person thought of; `words` and `letters` are logistic regressions on TF-IDF of
words and of pieces of words; `sentence` is one on the vectors of a small transformer, which knows words that
the training phrases lack. The first three treat a batch as one matrix.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipelines.audio.features import Split, Terms, fitted, letters, words
from pipelines.audio.learn import Linear, corpus, kept, trained
from pipelines.audio.phrases import INTENTS
from pipelines.minilm import L3, VOCABULARY, MiniLM
from pipelines.runtime import Tensor
from pipelines.weights import present

KEYWORDS: Mapping[str, Sequence[str]] = {
    "alarm": ("alarm", "wake", "timer", "remind", "sleep"),
    "heating": ("heating", "heater", "warmer", "degrees", "temperature", "thermostat"),
    "lights": ("light", "lights", "lamp", "brighter", "dim", "bright"),
    "message": ("message", "messages", "call", "email", "tell", "text"),
    "music": ("music", "song", "play", "volume", "playlist", "band"),
    "route": ("way", "route", "navigate", "traffic", "bus"),
    "shopping": ("shopping", "list", "buy", "add", "order"),
    "weather": ("weather", "rain", "sunny", "umbrella", "snow"),
}
MEANING_SHARPNESS = 6.0
"""Vectors of sentences are close to each other: stretched, the regression learns them in as few steps."""
SPLITS: Mapping[str, Split] = {"words": words, "letters": letters}
SENTENCE = "sentence"


class Featurizer(Protocol):
    """What turns texts into rows."""

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Return one row for each text."""
        ...


@dataclass(frozen=True, slots=True)
class Keywords:
    """The variant without training: the intent with most keywords, the first of INTENTS among equals."""

    intents: Mapping[str, str]

    def __call__(self, items: Sequence[str]) -> list[list[str]]:
        """Return the intent of each text."""
        return [[self._intent(text)] for text in items]

    def _intent(self, text: str) -> str:
        votes = Counter(self.intents[word] for word in text.split() if word in self.intents)
        return max(INTENTS, key=lambda intent: votes[intent])


@dataclass(frozen=True, slots=True)
class Learnt:
    """A regression on features: a variant of the stage `classify`."""

    features: Featurizer
    linear: Linear

    def __call__(self, items: Sequence[str]) -> list[list[str]]:
        """Return the intent of each text."""
        return [[intent] for intent in self.linear(self.features(items))]


def learn(folder: Path, say: Callable[[str], None]) -> None:
    """Train into *folder* what is not there; the sentence network must be."""
    texts, classes = corpus()
    for name, split in SPLITS.items():
        say(f"training {_file(name)}")
        kept(folder / _file(name), partial(_terms_file, texts, classes, split))
    say(f"training {_file(SENTENCE)}")
    kept(
        folder / _file(SENTENCE),
        lambda: _arrays(trained(_sharp(_minilm(folder))(texts), classes)),
    )


def _file(name: str) -> str:
    return f"classify-{name}.npz"


def _terms_file(
    texts: Sequence[str], classes: NDArray[np.int64], split: Split
) -> dict[str, NDArray[np.generic]]:
    terms = fitted(texts, split)
    named = {"terms": np.array(list(terms.columns)), "idf": terms.weights}
    return named | _arrays(trained(terms(texts), classes))


def _arrays(linear: Linear) -> dict[str, NDArray[np.generic]]:
    return {"weights": linear.weights, "bias": linear.bias}


def _minilm(folder: Path) -> MiniLM:
    return MiniLM(present(L3.name, folder), present(VOCABULARY.name, folder))


def _sharp(meaning: MiniLM) -> Featurizer:
    def rows(texts: Sequence[str]) -> Tensor:
        return MEANING_SHARPNESS * meaning(texts)

    return rows


def _keywords(_: Path) -> Keywords:
    return Keywords({word: intent for intent, known in KEYWORDS.items() for word in known})


def _terms(name: str, folder: Path) -> Learnt:
    with np.load(present(_file(name), folder), allow_pickle=False) as arrays:
        columns = {str(term): k for k, term in enumerate(arrays["terms"])}
        terms = Terms(SPLITS[name], columns, arrays["idf"])
        return Learnt(terms, Linear(arrays["weights"], arrays["bias"]))


def _sentence(folder: Path) -> Learnt:
    with np.load(present(_file(SENTENCE), folder), allow_pickle=False) as arrays:
        return Learnt(
            _sharp(_minilm(folder)),
            Linear(arrays["weights"], arrays["bias"]),
        )


VARIANTS: Mapping[str, Callable[[Path], Keywords | Learnt]] = {
    "keywords": _keywords,
    "words": partial(_terms, "words"),
    "letters": partial(_terms, "letters"),
    "sentence": _sentence,
}
"""How each variant is loaded, given the folder that was prepared; cheapest first."""
