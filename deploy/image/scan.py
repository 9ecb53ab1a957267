"""Searches an image for what should not be in it, and for what should but is not."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.image.archive import Entry
from deploy.image.rules import RULES, RUNS_AS, Rule, no_mention_of
from deploy.image.view import View

SECRET = re.compile(
    r"\b\w*(?:PASSWORD|PASSWD|TOKEN|SECRET|API_?KEY|CREDENTIALS?)\w*=[^\s\"']+", re.IGNORECASE
)
"""An assignment. The official Python image sets GPG_KEY, the print of a public key; that is none."""

USER_INFO = re.compile(r"://[^/\s:@]+:[^/\s@]+@")
INSTALL_SOURCE = re.compile(
    r"\b(?:PIP_(?:EXTRA_)?INDEX_URL|PIP_PROXY|HTTPS?_PROXY|ALL_PROXY)=\S+", re.IGNORECASE
)

SAID_IN_SETTINGS = {"secret": SECRET, "password": USER_INFO, "install settings": INSTALL_SOURCE}
SAID = "whoever has the image can read it"
SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend before the image goes anywhere."""

    rule: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What a search found, and what the container sees."""

    findings: tuple[Finding, ...]
    view: View


def search(
    entries: Iterable[tuple[int, Entry]], withheld: Sequence[str] = (), *, allowed: Collection[str] = ()
) -> Scan:
    """Hold every rule that is not allowed to be broken against everything in every layer.

    *withheld* are words that no file may hold.
    """
    rules = [rule for rule in (*RULES, no_mention_of(withheld)) if rule.name not in allowed]
    view = View()
    broken: list[tuple[Rule, int, str]] = []
    for layer, entry in entries:
        view.add(layer, entry)
        broken += [(rule, layer, entry.path) for rule in rules if rule.breaks(entry)]
    findings = [
        Finding(rule.name, _place(path, layer, view), rule.why)
        for rule, layer, path in broken
        if rule.everywhere or view.shows(path, layer)
    ]
    return Scan(tuple(findings), view)


def of_settings(settings: Mapping[str, Any], withheld: Sequence[str] = ()) -> list[Finding]:
    """Search an image's configuration: its user, its environment and how its layers were made."""
    config = settings["config"]
    findings = []
    if not re.fullmatch(rf"{RUNS_AS}(?::{RUNS_AS})?", config.get("User", "")):
        why = f"a cluster that forbids root wants a number: {RUNS_AS}"
        findings.append(Finding("user", f"USER {config.get('User', '')!r}", why))
    for where, text in _texts(settings):
        for rule, pattern in SAID_IN_SETTINGS.items():
            findings += [
                Finding(rule, f"{where}: {_shortened(text)}", SAID) for _ in pattern.findall(text)[:1]
            ]
        findings += [
            Finding("mention", f"{where}: {_shortened(text)}", SAID) for word in withheld if word in text
        ]
    return findings


def missing(view: View, sources: Iterable[str], home: re.Pattern[str]) -> list[Finding]:
    """Say which of our files are not where Python finds them, the first group of *home*."""
    there = {found[1] for path in view.files if (found := home.fullmatch(path))}
    return [Finding("missing", path, "the product may read it") for path in sorted(set(sources) - there)]


def _place(path: str, layer: int, view: View) -> str:
    return f"/{path}" if view.shows(path, layer) else f"/{path} (hidden, in layer {layer})"


def _texts(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for variable in settings["config"].get("Env") or ():
        yield "environment", variable
    for label, value in (settings["config"].get("Labels") or {}).items():
        yield "label", f"{label}={value}"
    for step in settings.get("history", ()):
        yield "history", step.get("created_by", "")


def _shortened(text: str) -> str:
    """Return the name of what is set: what was found may be a secret."""
    return text.partition("=")[0][-SHOWN_CHARACTERS:]
