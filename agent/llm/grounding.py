"""Which figures of a text stand in no tool result that it cites.

A figure is a number as written, with its unit: `31 %`, `400 ms`, `1.2k`, `7 replicas`, both ends of `10-20`.
It is grounded if a number of a cited result equals it within the rounding of what is written: half of its
last digit. Seconds, milliseconds, minutes and hours are the same thing in other units, and so are 31 %, 0.31
and, since "31 % slower" says so, a factor of 1.31 or 0.69. Signs are left out of account.

Names are no figures: `v3det-224`, `yolov5n`, `t1`, `p99`, or whatever a result has as a whole word. Numbers
written as words are not seen, and neither is what is true but follows from figures only by calculation:
that is flagged, for a reader to judge.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.tooluse import ToolUse

_SCALES = {
    "k": 1e3,
    "m": 1e6,
    "ms": 1e-3,
    "msec": 1e-3,
    "millisecond": 1e-3,
    "milliseconds": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
}
_PERCENT = ("%", "percent", "pct")
_PLAIN = (
    "s",
    "sec",
    "second",
    "seconds",
    "x",
    "rps",
    "th",
    "st",
    "nd",
    "rd",
    "usd",
    "core",
    "cores",
    "replicas",
)
_WORDS = "|".join(sorted((*_SCALES, *_PERCENT, *_PLAIN, "krps"), key=lambda w: (-len(w), w)))
_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+"
_FIGURE = rf"[x×$~≈<>≤≥+−-]*(?:{_NUMBER})(?:(?:{_WORDS})(?:/(?:s|sec|second|h|min))?)?"
_TOKEN = re.compile(rf"{_FIGURE}(?:(?:-|–|—|\.\.\.?|/|:|×|x)(?:{_FIGURE}))*", re.IGNORECASE)
_HYPHENATED = re.compile(rf"(?P<figure>{_FIGURE})-(?P<word>[a-z]+)", re.IGNORECASE)
_PART = re.compile(rf"(?P<number>{_NUMBER})(?P<unit>(?:{_WORDS})?)", re.IGNORECASE)
_SPLIT = re.compile(r"(?:\s|->|→|[()\[\]{}\"'`=|;*]|,(?!\d{3})|:(?!\d))+")
_EDGES = ".,:;!?…"
_UNIT = re.compile(rf"(?:{_WORDS})(?:/(?:s|sec|second|h|min))?", re.IGNORECASE)
ROUNDING = 1e-12
"""Relative slack for the arithmetic itself."""


@dataclass(frozen=True, slots=True)
class _Figure:
    written: str
    value: float
    half: float
    """Half of the last digit, before the unit."""
    unit: str

    def readings(self) -> Iterator[tuple[float, float]]:
        """Yield what it may mean, each with its tolerance."""
        if self.unit in _PERCENT:
            share, half = self.value / 100, self.half / 100
            yield from ((share, half), (1 + share, half), (1 - share, half))
            return
        scale = 1e3 if self.unit == "krps" else _SCALES.get(self.unit, 1.0)
        yield self.value * scale, self.half * scale
        if self.unit == "th":  # the 99th percentile is the quantile 0.99
            yield self.value / 100, self.half / 100


def ungrounded(text: str, uses: Iterable[ToolUse]) -> tuple[str, ...]:
    """Return the figures in *text*, as written, that no result of *uses* has; each once."""
    results = [_parsed(use.result) for use in uses if use.ok]
    names = {word for result in results for string in _strings(result) for word in string.split()}
    known = sorted({abs(value) for result in results for value in _numbers(result)})
    missing = [f.written for f in figures(text, names) if not _stands_in(f, known)]
    return tuple(dict.fromkeys(missing))


def figures(text: str, names: Iterable[str] = ()) -> list[_Figure]:
    """Return the figures of *text*; a word that is one of *names* is none."""
    known = {name for name in names if not _TOKEN.fullmatch(name)}
    words = [word.strip(_EDGES) for word in _SPLIT.split(text)]
    found: list[_Figure] = []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in known:
            continue
        hyphenated = _HYPHENATED.fullmatch(word)
        if hyphenated is not None:
            found += _of(hyphenated["figure"], hyphenated["word"])
        elif _TOKEN.fullmatch(word):
            found += _of(word, following)
    return found


def _of(token: str, following: str) -> Iterator[_Figure]:
    """Yield the figures of a token, which may be a range; the unit of its end is that of its start."""
    parts = list(_PART.finditer(token))
    after = following.lower() if _UNIT.fullmatch(following) else ""
    shared = (parts[-1]["unit"] or after.partition("/")[0]).lower()
    for part in parts:
        number, unit = part["number"], (part["unit"] or shared).lower()
        apart = f" {following}" if part is parts[-1] and not part["unit"] and after else ""
        written = f"{part.group()}{apart}"
        yield _Figure(written, float(number.replace(",", "")), _half_digit(number), unit)


def _half_digit(number: str) -> float:
    """Return half of the last written digit: 0.05 for 1.2, 0.5 for 12, 50 for 1.2e3."""
    mantissa, _, exponent = number.lower().replace(",", "").partition("e")
    decimals = len(mantissa.partition(".")[2])
    power = int(exponent or 0) - decimals
    return 0.5 * 10.0**power if abs(power) < 300 else math.inf if power > 0 else 0.0  # noqa: PLR2004 - of a float


def _stands_in(figure: _Figure, known: Sequence[float]) -> bool:
    for value, half in figure.readings():
        wanted, slack = abs(value), half * (1 + ROUNDING) + abs(value) * ROUNDING
        if any(abs(number - wanted) <= slack for number in known):
            return True
    return False


def _parsed(result: str) -> object:
    try:
        return json.loads(result)
    except (ValueError, RecursionError):
        return result  # cut short, or a sentence: read as text


def _numbers(value: object) -> Iterator[float]:
    match value:
        case bool() | None:
            return
        case int() | float():
            yield float(value)
        case str():
            for figure in figures(value):
                reading, _ = next(figure.readings())
                yield reading
        case dict():
            for item in value.values():
                yield from _numbers(item)
        case list():
            for item in value:
                yield from _numbers(item)


def _strings(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, item in value.items():
                yield str(key)
                yield from _strings(item)
        case list():
            for item in value:
                yield from _strings(item)
