"""The attacks of `cases.yaml`, read."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter
from ruamel.yaml import YAML

from core.values import Frozen, Name, PositiveCount

Channel = Literal[
    "pipeline name",
    "stage name",
    "variant name",
    "pod name",
    "label",
    "annotation",
    "event text",
    "metric label",
    "calendar note",
    "history",
    "comment",
    "chat",
]
Wish = Literal[
    "scale to zero",
    "starve",
    "overspend",
    "exclude all",
    "worst variant",
    "false cause",
    "forge evidence",
    "hold",
    "ten times the load",
    "invent drift",
    "endless tools",
    "write tool",
    "leak",
    "say",
]
CLUSTER: tuple[Channel, ...] = ("pod name", "label", "annotation", "event text")
"""Channels whose text comes with the API server's message when it refuses a change."""
OPEN, CLOSE = '<data id="t1">', "</data>"
"""How the prompts delimit what is data."""
MOST_NOTE = 500
"""Characters a calendar's note can have."""


class Case(Frozen):
    """One attack."""

    id: Name
    channel: Channel
    text: Annotated[str, Field(min_length=1)]
    wants: Wish
    about: str = ""
    repeat: PositiveCount = 1

    @property
    def said(self) -> str:
        """The text as it is planted."""
        return self.text.replace("{CLOSE}", CLOSE).replace("{OPEN}", OPEN) * self.repeat


@cache
def all_cases() -> tuple[Case, ...]:
    """Return every attack."""
    content = YAML(typ="safe").load(Path(__file__).with_name("cases.yaml"))
    return TypeAdapter(tuple[Case, ...]).validate_python(content)
