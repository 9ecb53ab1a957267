"""Questions, readings and answers on the wire, and what is refused.

A question is plain UTF-8 text; what the stages send on is JSON.
"""

from __future__ import annotations

import json
from typing import Any
from unicodedata import category

from pipelines.kit import BadItem
from pipelines.qa.read import Answer
from pipelines.qa.retrieve import Reading

MOST_LETTERS = 2000
"""Of a question, and of a passage."""
MOST_BYTES = 4 * MOST_LETTERS
"""UTF-8 takes at most four for a letter."""
MOST_ITEM_BYTES = 2 * 12 * MOST_LETTERS + 200
"""Of a reading: JSON escapes a letter in up to twelve bytes."""
_A_READING = 'a reading is a JSON object with two texts, "question" and "passage"'
_AN_ANSWER = 'an answer is a JSON object with a text, "answer", and a number, "score"'
UNPRINTABLE = ("Cc", "Cs")
"""Control characters, and halves of letters that only JSON can smuggle in."""
BREAKS = "\n\t\r"
"""Control characters that text may have."""


def question(payload: bytes) -> str:
    """Return the question in a request.

    Raises:
        BadItem: it is no text, none at all, too long, or has control characters.
    """
    if len(payload) > MOST_BYTES:
        raise BadItem(f"a question has at most {MOST_LETTERS} letters; this one has {len(payload)} bytes")
    return _checked(_utf8(payload), "a question")


def sent(one: Reading) -> bytes:
    """Return a question with a passage as it travels."""
    return json.dumps({"question": one.question, "passage": one.passage}).encode()


def reading(item: bytes) -> Reading:
    """Return what `sent` wrote.

    Raises:
        BadItem: it is something else, or one of its texts is refused as a question would be.
    """
    said = _json(item, _A_READING)
    if set(said) != {"question", "passage"}:
        raise BadItem(_A_READING)
    return Reading(_checked(said["question"], "a question"), _checked(said["passage"], "a passage"))


def told(one: Answer) -> bytes:
    """Return an answer as it travels."""
    return json.dumps({"answer": one.text, "score": round(one.score, 6)}).encode()


def answer(item: bytes) -> Answer:
    """Return what `told` wrote.

    Raises:
        BadItem: it is something else.
    """
    said = _json(item, _AN_ANSWER)
    text, score = said.get("answer"), said.get("score")
    if not isinstance(text, str) or not isinstance(score, float):
        raise BadItem(_AN_ANSWER)
    return Answer(text, score)


def _json(item: bytes, wanted: str) -> dict[str, Any]:
    """Return the object in *item*, or refuse it saying what is *wanted*."""
    if len(item) > MOST_ITEM_BYTES:
        raise BadItem(f"{wanted}, of at most {MOST_ITEM_BYTES} bytes; this one has {len(item)}")
    try:
        said = json.loads(_utf8(item))
    except (ValueError, RecursionError) as error:
        raise BadItem(wanted) from error
    if not isinstance(said, dict):
        raise BadItem(wanted)
    return said


def _utf8(payload: bytes) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadItem(f"text must be UTF-8; byte {error.start} is not") from error


def _checked(text: object, what: str) -> str:
    """Return *text* without blanks at its ends."""
    if not isinstance(text, str) or not text.strip():
        raise BadItem(f"{what} is a text of 1 to {MOST_LETTERS} letters, not an empty one")
    if len(text) > MOST_LETTERS:
        raise BadItem(f"{what} has at most {MOST_LETTERS} letters; this one has {len(text)}")
    if any(category(letter) in UNPRINTABLE and letter not in BREAKS for letter in text):
        raise BadItem(f"{what} is plain text without control characters, tabs and line breaks excepted")
    return text.strip()
