"""Where a figure was measured: the line that goes above every table."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

from pipelines.profiling.machine import cpu_model


def machine(*packages: str) -> str:
    """Return date, processor, cores, Python and the versions of *packages*, in one line."""
    versions = "".join(f", {name} {version(name)}" for name in packages)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {cpu_model()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}{versions}"
    )
