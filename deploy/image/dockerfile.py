"""What a Dockerfile builds on: the images that must be there before it is built."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.errors import UsageError

ARGUMENT = re.compile(r"^ARG\s+(\w+)=(\S+)", re.IGNORECASE)
FROM = re.compile(r"^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)
REFERENCE = re.compile(r"\$\{?(\w+)\}?")
PYTHON = re.compile(r"^python:(\d+\.\d+)-slim-([a-z]+)$")
NOTHING = "scratch"
"""The name of the empty image."""


@dataclass(frozen=True, slots=True)
class Base:
    """The image of a Python on a release of Debian, by the name that FROM uses."""

    name: str
    python: str
    suite: str


def images(text: str) -> tuple[str, ...]:
    """Return the images named in FROM lines that the file does not build itself, each once, in order.

    Raises:
        UsageError: a name holds an argument that has no value.
    """
    arguments: dict[str, str] = {}
    stages: set[str] = set()
    found: dict[str, None] = {}
    for line in text.splitlines():
        if argument := ARGUMENT.match(line):
            arguments[argument[1]] = argument[2].strip("\"'")
        if source := FROM.match(line):
            name = _filled_in(source[1], arguments)
            if name not in stages and name != NOTHING:
                found[name] = None
            stages.add(source[2] or "")
    return tuple(found)


def base(text: str) -> Base:
    """Return the one base of a Dockerfile.

    Raises:
        UsageError: it has several, or one that is not a slim Python on a release of Debian.
    """
    names = images(text)
    known = PYTHON.match(names[0]) if len(names) == 1 else None
    if known is None:
        raise UsageError(f"only one base like 'python:3.11-slim-bookworm' can be made here, not {names}")
    return Base(name=names[0], python=known[1], suite=known[2])


def qualified(name: str) -> str:
    """Return the name with its registry, as it is stored: `python:3` is `docker.io/library/python:3`."""
    first, slash, _ = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    is_host = "." in first or ":" in first or first == "localhost"
    return name if is_host else f"docker.io/{name}"


def _filled_in(name: str, arguments: dict[str, str]) -> str:
    def value(reference: re.Match[str]) -> str:
        if reference[1] not in arguments:
            raise UsageError(
                f"Dockerfile: FROM {name!r} needs a default: write 'ARG {reference[1]}=...' above it"
            )
        return arguments[reference[1]]

    return REFERENCE.sub(value, name)
