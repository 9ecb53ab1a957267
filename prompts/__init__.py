"""Prompt templates: Markdown with strict Jinja2 variables, each with a version on its first line.

    prompt = load("plan")
    prompt.label            # 'plan@1', what a decision records
    prompt.render(...)      # fails on a variable that is missing

`quoted` puts text of strangers into a prompt: as one JSON string of bounded length without `<`, so that it
can neither end the block it stands in nor pass for one of ours.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template, TemplateError

from core.errors import UsageError

FOLDER = Path(__file__).parent
MOST_QUOTED = 200
"""Characters of a stranger's text that are shown, unless the template says otherwise."""
_VERSION = re.compile(r"\A<!-- version: (\d+) -->\n")


@dataclass(frozen=True, slots=True)
class Prompt:
    """One template."""

    name: str
    version: int
    source: str

    @property
    def label(self) -> str:
        """Name and version, `plan@1`."""
        return f"{self.name}@{self.version}"

    def render(self, **values: object) -> str:
        """Return the text.

        Raises:
            UsageError: a variable of the template is missing, or the template is wrong.
        """
        try:
            return _compiled(self.source).render(**values).strip()
        except TemplateError as error:
            raise UsageError(f"prompt {self.label}: {error}; pass what the template names") from error


@cache
def load(name: str) -> Prompt:
    """Return the prompt called *name*.

    Raises:
        UsageError: there is none, or its first line has no version.
    """
    path = FOLDER / f"{name}.md"
    if name not in names():
        raise UsageError(f"no prompt called {name!r}. Known: {', '.join(names())}")
    return parsed(name, path.read_text(encoding="utf-8"))


def parsed(name: str, text: str) -> Prompt:
    """Return the prompt in a template file's *text*.

    Raises:
        UsageError: its first line has no version.
    """
    found = _VERSION.match(text)
    if found is None:
        raise UsageError(f"prompt {name!r} must begin with a line `<!-- version: 1 -->`")
    return Prompt(name, int(found[1]), text[found.end() :])


def names() -> tuple[str, ...]:
    """Return the names of all prompts."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.md")))


def quoted(text: object, most: int = MOST_QUOTED) -> str:
    """Return a stranger's text as one JSON string of at most *most* characters of it, without `<`."""
    return json.dumps(shortened(str(text), most), ensure_ascii=False).replace("<", "\\u003c")


def fenced(text: object, most: int) -> str:
    """Return JSON of a tool as it is, but for its length and `<`, so that it cannot end its block."""
    return shortened(str(text), most).replace("<", "\\u003c")


def shortened(text: str, most: int) -> str:
    """Return at most *most* characters of *text*, and say where some are missing."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most} more characters)"


def figure(value: float | None) -> str:
    """Return a figure with four significant digits; `unknown` for None."""
    return "unknown" if value is None else f"{value:.4g}"


@cache
def _compiled(source: str) -> Template:
    return _template_environment().from_string(source)


@cache
def _template_environment() -> Environment:
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters.update(quoted=quoted, fenced=fenced, figure=figure)
    return environment
