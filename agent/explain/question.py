"""What a question asks for: seven intents, found by patterns. What no pattern knows is said so.

`PATTERNS` is the whole of the grammar, tried in order; figures with units are read by the expressions below.
A variant or a stage counts where its name stands in the question by itself. The intent parsers there are
(Rasa, Snips, Padatious, Adapt) want training data or are no longer kept; six patterns need neither.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from agent.explain.text import neutral
from core.errors import UsageError
from core.pipeline import Pipeline, Stage, Variant
from core.problem import VariantName

MOST_QUESTION = 500
"""Characters of a question; a longer one is not a question."""

Kind = Literal["what if", "why not", "switch", "changed", "well", "why"]
Size = Literal["larger", "smaller"]
PATTERNS: tuple[tuple[Kind, str], ...] = (
    ("changed", r"\bwhy (did|has) (it|you) (switch|change)"),
    ("switch", r"\b(switch|flip|tip\b|when would|(what|which) would (make|it take|have to)|change its mind)"),
    ("what if", r"\b(what (would )?(happens?|then)?\s*(if|at|with|when)|suppose|could it carry|if)\b"),
    ("why not", r"\b(why not|why no|why (is|was|did|do|does|are)(n.t| not)|instead of|rather than)\b"),
    ("changed", r"\bwhat (\w+ )?(changed|changes|is new|was (done|changed)|is different)"),
    ("changed", r"\bwhat did (it|you) (do|change)"),
    ("well", r"\b(all right|alright|ok(ay)?|healthy|well|fine|problems?|wrong|keep(ing)? (the )?slo)\b"),
    ("why", r"\b(why|reason|explain|how come)\b"),
)
"""Which intent a question has: the first pattern found in it, in lower case."""
SIZES: tuple[tuple[Size, str], ...] = (
    (
        "larger",
        r"\b(larger|bigger|largest|biggest|better|best|more accurate|most accurate|heavier|stronger)\b",
    ),
    (
        "smaller",
        r"\b(smaller|smallest|cheaper|cheapest|lighter|faster|fastest|less accurate|least accurate)\b",
    ),
)
NUMBER = r"(\d+(?:[.,]\d+)?)"
RPS = NUMBER + r"\s*(?:rps|req(?:uests?)?\s*(?:/|per|a)\s*s(?:ec(?:ond)?)?)\b"
SECONDS = NUMBER + r"\s*(ms|milliseconds?|s|seconds?|sec)\b(?!\s*/)"
TIMES = NUMBER + r"\s*(?:x\b|×|times\b|-?fold\b)"
PER_CENT = NUMBER + r"\s*(?:%|per ?cent)"
WORDS: tuple[tuple[str, float], ...] = (
    (r"\b(doubl\w+|twice)\b", 2.0),
    (r"\b(tripl\w+|three times|treble\w*)\b", 3.0),
    (r"\b(quadrupl\w+|four times)\b", 4.0),
    (r"\bten times\b", 10.0),
    (r"\b(halv\w+|half)\b", 0.5),
)
"""Factors that are words."""
LESS = r"\b(less|lower|falls?|drops?|decreas\w+|shrinks?|down|reduc\w+|tighter|shorter)\b"
ASKABLE = (
    "why this configuration?",
    "why not VARIANT?  why not the larger (or the smaller) model?",
    "what if the load doubles?  what if the load is 40 rps?  what if the SLO is 0.3 s?",
    "what would make it switch?",
    "what changed?",
    "is it all right?",
)
"""What can be asked, for whoever asked something else."""


@dataclass(frozen=True, slots=True)
class Why:
    """Why this configuration?"""


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why not these variants? Each is looked at by itself."""

    variants: tuple[VariantName, ...]
    size: Size | None = None
    """Which way, where the question named no variant: the next one up or down in accuracy."""
    stage: str | None = None
    """The only stage to look at; None for all."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What if the load or the SLO were another?"""

    load_rps: float | None = None
    load_factor: float | None = None
    slo_s: float | None = None
    slo_factor: float | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """What would make it switch?"""


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed?"""


@dataclass(frozen=True, slots=True)
class Well:
    """Is it all right?"""


@dataclass(frozen=True, slots=True)
class Unknown:
    """None of the above."""


Intent = Why | WhyNot | WhatIf | Switch | Changed | Well | Unknown
PLAIN: Mapping[Kind, Intent] = {
    "why": Why(),
    "why not": Why(),
    "switch": Switch(),
    "changed": Changed(),
    "well": Well(),
}
"""Intents without particulars; why not something that is not named is why."""


def parse(question: str, pipeline: Pipeline) -> Intent:
    """Return what *question* asks for.

    Raises:
        UsageError: it is empty or too long.
    """
    text = asked(question).lower()
    named, size, stage = _named(text, pipeline), _size(text), _stage(text, pipeline)
    kind = next((kind for kind, pattern in PATTERNS if re.search(pattern, text)), None)
    if kind == "what if":
        return _what_if(text)
    if kind in ("why not", None) and (named or size):
        return WhyNot(named, size, stage)
    return Unknown() if kind is None else PLAIN[kind]


def asked(question: str) -> str:
    """Return the question on one line, nothing hidden in it.

    Raises:
        UsageError: it is empty or too long.
    """
    if len(question) > MOST_QUESTION:
        raise UsageError(f"the question has {len(question)} characters; ask in {MOST_QUESTION}")
    text = neutral(question, MOST_QUESTION)
    if not text:
        raise UsageError(f"there is no question; ask for example: {ASKABLE[0]}")
    return text


def neighbour(stage: Stage, chosen: str, size: Size) -> Variant | None:
    """Return the next more (or less) accurate variant than *chosen*; None where there is none."""
    own = stage.variant(chosen).accuracy
    if size == "larger":
        return min((v for v in stage.variants if v.accuracy > own), key=lambda v: v.accuracy, default=None)
    return max((v for v in stage.variants if v.accuracy < own), key=lambda v: v.accuracy, default=None)


def _what_if(text: str) -> WhatIf | Unknown:
    """Return the figures of a what-if; SLO figures are seconds, load figures requests per second."""
    rps = re.search(RPS, text)
    load_rps = None if rps is None else _number(rps[1])
    if re.search(r"\b(slo|latency|deadline)\b", text):
        seconds = re.search(SECONDS, text)
        if seconds is not None:
            scale = 1e-3 if seconds[2].startswith("m") else 1.0
            return WhatIf(load_rps=load_rps, slo_s=_number(seconds[1]) * scale)
        factor = _factor(text)
        return Unknown() if factor is None else WhatIf(load_rps=load_rps, slo_factor=factor)
    if load_rps is not None:
        return WhatIf(load_rps=load_rps)
    factor = _factor(text)
    return Unknown() if factor is None else WhatIf(load_factor=factor)


def _factor(text: str) -> float | None:
    """Return what a question multiplies by; None where it does not say."""
    for pattern, factor in WORDS:
        if re.search(pattern, text):
            return factor
    times = re.search(TIMES, text)
    if times is not None:
        return _number(times[1]) or None
    per_cent = re.search(PER_CENT, text)
    if per_cent is None:
        return None
    change = _number(per_cent[1]) / 100
    factor = 1 - change if re.search(LESS, text) else 1 + change
    return factor if factor > 0 else None


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _size(text: str) -> Size | None:
    return next((size for size, pattern in SIZES if re.search(pattern, text)), None)


def _stage(text: str, pipeline: Pipeline) -> str | None:
    return next((s.name for s in pipeline.stages if _says(text, s.name)), None)


def _named(text: str, pipeline: Pipeline) -> tuple[VariantName, ...]:
    """Return the variants whose names stand in the question, only those of a named stage if there is one."""
    found = tuple(
        VariantName(stage=stage.name, variant=variant.name)
        for stage in pipeline.stages
        for variant in stage.variants
        if _says(text, variant.name)
    )
    stage = _stage(text, pipeline)
    return tuple(name for name in found if name.stage == stage) or found


def _says(text: str, name: str) -> bool:
    """Say whether a name stands in the text by itself: not as a part of a longer one."""
    return re.search(rf"(?<![\w.-]){re.escape(name.lower())}(?![\w-])", text) is not None
