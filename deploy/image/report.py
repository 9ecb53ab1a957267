"""Prints what was built: layers, sizes, what was tried, what was found."""

from __future__ import annotations

import os
import platform
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.image.archive import Layer
from deploy.image.scan import Finding
from deploy.image.start import Tried
from deploy.image.view import View
from pipelines.profiling.machine import cpu_model

MEGABYTE = 1_000_000
BIGGEST = 8
FOLDER_DEPTH = 6
"""Enough to tell one installed package from another."""

NOISE = re.compile(r"^/bin/sh -c |#\(nop\)|\b(?:dir|file|multi):[0-9a-f]+|# buildkit$")
MADE_BY_CHARACTERS = 40
SAID_CHARACTERS = 200
INSTALLED = re.compile(r"^/.+/(?=site-packages/)")


@dataclass(frozen=True, slots=True)
class Report:
    """All there is to say of one image."""

    tag: str
    engine: str
    base: str
    layers: tuple[Layer, ...]
    view: View
    tried: Sequence[Tried]
    findings: Sequence[Finding]

    @property
    def passed(self) -> bool:
        """Whether it may leave this machine."""
        return not self.findings and all(check.passed for check in self.tried)


def printed(report: Report, console: Console) -> None:
    """Print it all, figures first."""
    console.print(f"{datetime.now(UTC):%Y-%m-%d}, {cpu_model()}, {os.cpu_count()} cores, {platform.system()}")
    console.print(f"{report.tag}: {report.engine}; base: {report.base}")
    console.print(_layers(report))
    console.print(_biggest(report.view))
    console.print(_tried(report.tried))
    for line in _complaints(report.findings):
        console.print(line, soft_wrap=True)
    rules = Counter(finding.rule for finding in report.findings)
    counts = ", ".join(f"{count} x {rule}" for rule, count in rules.items())
    console.print(f"what should not be there: {counts or 'nothing'}")


def _layers(report: Report) -> Table:
    table = Table("layer", "MB", "MB packed", "made by", "most of it")
    for number, layer in enumerate(report.layers):
        table.add_row(
            str(number),
            _mb(layer.size_bytes),
            _mb(layer.packed_bytes),
            escape(_step(layer.made_by)),
            escape(_most_of(number, report.view)),
        )
    sizes = [_mb(sum(layer.size_bytes for layer in report.layers))]
    sizes.append(_mb(sum(layer.packed_bytes for layer in report.layers)))
    table.add_row("all", *sizes, "", f"{len(report.view.files)} files and folders")
    return table


def _step(made_by: str) -> str:
    """Return the start of a step of a Dockerfile, without what an engine adds to it."""
    words = NOISE.sub("", made_by).split()
    return " ".join(words)[:MADE_BY_CHARACTERS]


def _most_of(layer: int, view: View) -> str:
    return " ".join(folder for folder, _ in _folders(view, layer).most_common(1))


def _biggest(view: View) -> Table:
    table = Table("biggest", "MB")
    for folder, size_bytes in _folders(view).most_common(BIGGEST):
        table.add_row(escape(folder), _mb(size_bytes))
    return table


def _folders(view: View, of_layer: int | None = None) -> Counter[str]:
    """Return the bytes in every folder, of one layer or of all."""
    sizes: Counter[str] = Counter()
    for path, (layer, size_bytes) in view.files.items():
        if of_layer in (None, layer):
            folder = "/".join(("", *path.split("/")[:-1][:FOLDER_DEPTH]))
            sizes[INSTALLED.sub("", folder)] += size_bytes
    return sizes


def _tried(tried: Sequence[Tried]) -> Table:
    table = Table("check", "", "s", "said")
    for check in tried:
        grade = "ok" if check.passed else "[red]failed[/red]"
        table.add_row(check.what, grade, f"{check.took_s:.1f}", escape(check.said[-SAID_CHARACTERS:]))
    return table


def _complaints(findings: Sequence[Finding]) -> list[str]:
    """Return a line for every rule and folder, with the first thing found there."""
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        folder = "/".join(finding.where.split("/")[: FOLDER_DEPTH + 1])
        grouped.setdefault((finding.rule, folder), []).append(finding)
    return [
        f"[red]{rule}[/red] {escape(found[0].where)}"
        f"{f' and {len(found) - 1} more beside it' if len(found) > 1 else ''}: {found[0].why}"
        for (rule, _), found in grouped.items()
    ]


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / MEGABYTE:.1f}"
