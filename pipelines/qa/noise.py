"""What becomes of a question that is typed in haste or dictated: typing errors, lost and added words.

Every letter and word draws its fate once; *drift* only moves the threshold, so that a harder question has
all the errors of an easier one and more.
"""

from __future__ import annotations

import numpy as np

MOST_TYPOS = 0.05
"""Share of letters that are hit at drift 1."""
MOST_LOST = 0.05
"""Share of words that are lost at drift 1."""
MOST_FILLED = 0.06
"""Share of words before which a dictation has a filler at drift 1."""
MOST_PLAIN = 0.8
"""Share of questions with neither capitals nor punctuation, as dictation leaves them, at drift 1."""
FILLERS = ("uh", "um", "well", "like", "you know", "er")
WAYS = ("beside", "doubled", "swapped", "lost")
"""How a key is missed."""
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
NEIGHBOURS = {
    letter: "".join(row[k] for k in (at - 1, at + 1) if 0 <= k < len(row))
    for row in ROWS
    for at, letter in enumerate(row)
}
"""Keys beside a key."""


def harmed(question: str, drift: float, rng: np.random.Generator) -> str:
    """Return *question* with as much noise as *drift* in [0, 1] says; at 0 it is untouched.

    Raises:
        ValueError: *drift* is not in [0, 1].
    """
    if not 0 <= drift <= 1:
        raise ValueError(f"drift {drift!r} is not in [0, 1]")
    plain = rng.random() < drift * MOST_PLAIN
    words = []
    for word in question.split():
        lost, filled, filler = rng.random(), rng.random(), FILLERS[int(rng.integers(len(FILLERS)))]
        mistyped = _typed(word, drift, rng)
        if filled < drift * MOST_FILLED:
            words.append(filler)
        if lost >= drift * MOST_LOST:
            words.append(mistyped)
    text = " ".join(words)
    return "".join(c for c in text.lower() if c.isalnum() or c == " ") if plain else text


def _typed(word: str, drift: float, rng: np.random.Generator) -> str:
    """Return the word with some keys missed."""
    typed: list[str] = []
    for letter in word:
        hit, way, side = rng.random(), WAYS[int(rng.integers(len(WAYS)))], int(rng.integers(2))
        keys = NEIGHBOURS.get(letter.lower(), "")
        if hit >= drift * MOST_TYPOS or not keys:
            typed.append(letter)
        elif way == "beside":
            typed.append(keys[side % len(keys)])
        elif way == "doubled":
            typed += [letter, letter]
        elif way == "swapped" and typed:
            typed.insert(len(typed) - 1, letter)
    return "".join(typed)
