"""Where a figure was measured: the line that goes above every table."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


def machine(*packages: str) -> str:
    """Return date, processor, cores, Python and the versions of *packages*, in one line."""
    versions = "".join(f", {name} {version(name)}" for name in packages)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {processor()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}{versions}"
    )


def processor() -> str:
    """Return the processor's name, where Linux tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    lines = cpuinfo.read_text().splitlines()
    return next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), platform.machine())
