"""The queries: what is asked by default, what a pipeline may ask instead, and their text for one interval.

A pipeline replaces a query by its name under `spec.operation.metrics`. What can be known of the replacement
before it is run is checked here; what labels its answer really has is only seen when it is run.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from core.errors import InvalidDocument, MetricsUnavailable
from core.values import Frozen, Name
from pipelines.reader import parsed

FILE = Path(__file__).with_name("queries.yaml")
PATH = "spec.operation.metrics"
"""Where replacements stand in a declaration."""
Variable = Literal["namespace", "pipeline", "interval", "interval_s", "rate", "edge", "after_edge", "fresh"]
VARIABLES: tuple[str, ...] = get_args(Variable)
RATE_SCRAPES = 4
"""Scrapes in the window of rates: Prometheus' own advice, one may be missed and another be at the edge."""
FRESH_SCRAPES = 3
"""Scrapes after which a sample is old: two were missed."""
EDGE_SCRAPES = 1.1
"""To `rate` of Prometheus the first sample is the beginning of the window up to so many scrapes after it."""
MOST_PARTS = 4
"""Parts inside parts; more can only be a circle."""

_VARIABLE = re.compile(r"\$([A-Za-z_]\w*)")
_TEXT = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|#[^\n]*""")
"""Strings and comments of PromQL: brackets in them mean nothing."""
_CALL = re.compile(r"\s*(?P<what>\w+)\s*(?:(?P<how>by|without)\s*\((?P<labels>[^()]*)\)\s*)?\(")
_AFTER = re.compile(r"\s*(?P<how>by|without)\s*\((?P<labels>[^()]*)\)\s*$")
_AGGREGATORS = ("sum", "min", "max", "avg", "group", "count", "stddev", "stdvar", "quantile")
"""Of PromQL, those that drop every label they are not told to keep."""
_PLAIN = re.compile(r"[A-Za-z0-9_-]")


class Query(Frozen):
    """One question to Prometheus."""

    says: str
    unit: str
    query: str
    keeps: tuple[Name, ...]
    """Labels the answer must have beside namespace and pipeline."""
    also: tuple[Name, ...] = ()
    """Labels it may have."""
    needs: tuple[Variable, ...] = ()
    """Variables that a replacement must mention: without them it would be of another time."""
    range: bool = False
    """Whether it is asked for each second of the interval."""
    optional: bool = False
    """Whether nothing is wrong where nobody counts it."""


class Queries(Frozen):
    """All of them, with the parts they share."""

    parts: Mapping[str, str]
    queries: Mapping[str, Query]
    completions: str
    """Asked where arrivals are missing, to say so if completions are there."""
    scrapes: str
    """Asked by `trimtab doctor`: how many scrapes the window of rates holds."""

    def text(self, promql: str, values: Mapping[str, str]) -> str:
        """Return a query with parts and variables filled in."""
        for _ in range(MOST_PARTS):
            promql = _VARIABLE.sub(lambda m: self.parts.get(m[1], m[0]), promql)
        return _VARIABLE.sub(lambda m: values.get(m[1], m[0]), promql)

    def checked(self, replacements: Mapping[str, str]) -> Mapping[str, str]:
        """Return the replacements of one pipeline, if they can be used.

        Raises:
            InvalidDocument: the path, what is wrong there, and the fix.
        """
        for name, promql in replacements.items():
            path = f"{PATH}.{name}"
            query = self.queries.get(name)
            if query is None:
                raise InvalidDocument(f"{path}: there is no such query{_meant(name, self.queries)}")
            self._check_variables(path, query, promql)
            _check_labels(path, query, promql)
        return replacements

    def _check_variables(self, path: str, query: Query, promql: str) -> None:
        known = (*VARIABLES, *self.parts)
        mentioned = _VARIABLE.findall(promql)
        for name in mentioned:
            if name not in known:
                raise InvalidDocument(f"{path}: there is no variable ${name}{_meant(name, known, '$')}")
        for name in query.needs:
            if name not in mentioned:
                as_in = "x - x offset $interval" if name == "interval" else f"rate(x[${name}])"
                raise InvalidDocument(f"{path}: it must mention ${name}, as in `{as_in}`")


@dataclass(frozen=True, slots=True)
class Windows:
    """The times that queries are filled with, in seconds."""

    interval_s: int
    rate_s: int
    edge_s: float
    """A first sample so early in the window of rates counts for its beginning too."""
    fresh_s: int

    @classmethod
    def of(cls, interval_s: float, scrape_s: float) -> Windows:
        """Return the windows of an interval where every target is scraped every *scrape_s* seconds."""
        return cls(
            interval_s=max(1, round(interval_s)),
            rate_s=max(1, math.ceil(RATE_SCRAPES * scrape_s)),
            edge_s=EDGE_SCRAPES * scrape_s,
            fresh_s=max(1, math.ceil(FRESH_SCRAPES * scrape_s)),
        )

    def check(self, scrape_s: float) -> None:
        """See that there is something new to be seen in an interval.

        Raises:
            MetricsUnavailable: scrapes are further apart than decisions.
        """
        if self.interval_s < scrape_s:
            raise MetricsUnavailable(
                f"decisions every {self.interval_s} s need scrapes at least as often, and there is one every "
                f"{scrape_s:g} s; scrape more often, or decide less often"
            )

    def values(self, keys: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Return what the variables stand for; *keys* are (namespace, name) of the pipelines asked for."""
        pairs = list(keys)
        return {
            "namespace": _alternatives(namespace for namespace, _ in pairs),
            "pipeline": _alternatives(name for _, name in pairs),
            "interval": f"{self.interval_s}s",
            "interval_s": str(self.interval_s),
            "rate": f"{self.rate_s}s",
            "edge": f"{round(1000 * self.edge_s)}ms",
            "after_edge": f"{round(1000 * (self.rate_s - self.edge_s))}ms",
            "fresh": str(self.fresh_s),
        }


@cache
def default_queries() -> Queries:
    """Return the queries of queries.yaml."""
    return Queries.model_validate(parsed(FILE))


def _check_labels(path: str, query: Query, promql: str) -> None:
    """Refuse a query that is one aggregation which drops a label that is needed."""
    outermost = _outermost(_TEXT.sub('""', promql))
    if outermost is None:
        return
    how, listed = outermost
    labels = {label.strip() for label in listed.split(",")}
    lost = [label for label in query.keeps if (label in labels) != (how == "by")]
    if lost:
        wanted = ", ".join(query.keeps)
        raise InvalidDocument(f"{path}: it drops the label {lost[0]!r}; write `sum by ({wanted}) (...)`")


def _outermost(bare: str) -> tuple[str, str] | None:
    """Return `by` or `without` and the labels, if the whole query is one aggregation."""
    call = _CALL.match(bare)
    if call is None or call["what"].lower() not in _AGGREGATORS:
        return None
    rest = _after_bracket(bare[call.end() :])
    if call["how"] is not None:
        return None if rest.strip() else (call["how"], call["labels"])
    after = _AFTER.match(rest)
    if after is not None:
        return after["how"], after["labels"]
    return None if rest.strip() else ("by", "")


def _after_bracket(inside: str) -> str:
    """Return what follows the bracket whose inside *inside* begins with."""
    depth = 1
    for place, character in enumerate(inside):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return inside[place + 1 :]
    return inside


def _meant(name: str, known: Iterable[str], sign: str = "") -> str:
    names = list(known)
    close = get_close_matches(name, names, n=1)
    did_you_mean = f"; did you mean `{sign}{close[0]}`?" if close else ";"
    return f"{did_you_mean} known: {', '.join(sign + n for n in names)}"


def _alternatives(names: Iterable[str]) -> str:
    """Return a regular expression that matches these names alone."""
    return "|".join(_literal(name) for name in dict.fromkeys(names))


def _literal(name: str) -> str:
    """Return a name as a regular expression that needs no backslash, and so fits any quotes.

    A bracket is what most characters need; the few that mean something in brackets, or end a string, stand
    as any character: a key that does not match exactly is passed over when the answer is read.
    """
    return "".join(c if _PLAIN.match(c) else "." if c in "^]\\\"'`" else f"[{c}]" for c in name)
