"""The written pages as data: which files are ours, their links, and the commands they show with their output.

In a block marked `console` a line that begins with `$ ` is a command and what follows is what it prints; a
line of its own that says `...` stands for any text. Blocks marked `sh` or `bash` are commands only.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = {".git", ".venv", ".models", "__pycache__", "build", "dist", "trimtab-out"}
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)>\s]+)>?[^)]*\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *#*$", re.MULTILINE)
PROMPT = "$ "


@dataclass(frozen=True, slots=True)
class Example:
    """A command shown on a page, with the output printed below it."""

    page: str
    command: str
    output: str


def tracked_files() -> list[Path]:
    """Return the files of the project: what git tracks, or everything where there is no git."""
    git = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=False
    )
    if git.returncode == 0:
        found = [ROOT / name for name in git.stdout.split("\0") if name]
    else:
        found = [p for p in ROOT.rglob("*") if not LEFT_OUT & {*p.relative_to(ROOT).parts}]
    return sorted(p for p in found if p.is_file())


def pages() -> list[Path]:
    """Return the Markdown pages of the project."""
    return [path for path in tracked_files() if path.suffix == ".md"]


def name_of(path: Path) -> str:
    """Return a file's path from the root."""
    return path.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures."""
    return LINK.findall(SPAN.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """Return the fragments that GitHub gives a page's headings."""
    plain = (re.sub(r"[^\w\- ]", "", text.lower()) for text in HEADING.findall(prose(page)))
    return {text.replace(" ", "-") for text in plain}


def spans(page: Path) -> list[str]:
    """Return the page's code in running text."""
    return [" ".join(span.split()) for span in SPAN.findall(prose(page))]


def examples(page: Path) -> Iterator[Example]:
    """Return the commands of a page's blocks, top to bottom."""
    for _, language, body in FENCE.findall(page.read_text(encoding="utf-8")):
        joined = body.replace("\\\n", " ")
        if language == "console":
            for part in re.split(r"^\s*\$ ", joined, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield Example(name_of(page), " ".join(command.split()), output)
        elif language in ("sh", "bash", "shell"):
            for line in joined.splitlines():
                if line.strip() and not line.lstrip().startswith("#"):
                    yield Example(name_of(page), line.strip(), "")


def all_examples() -> list[Example]:
    """Return the commands of all pages."""
    return [example for page in pages() for example in examples(page)]
