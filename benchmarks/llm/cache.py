"""Where the model and its server are kept, and how a file is known to be whole."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from core.errors import UsageError

LOCKS = Path(__file__).with_name("locks")
CHUNK = 1 << 20
"""Bytes read at once."""


def cache_folder() -> Path:
    """Return `$TRIMTAB_LLM`, or else `trimtab/llm` in the user's cache; 1.2 GB are kept there."""
    stated = os.environ.get("TRIMTAB_LLM")
    if stated:
        return Path(stated)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "trimtab" / "llm"


def download(lock: str, folder: Path) -> None:
    """Download what a lock names; pip checks each file's sha256 and skips what is there.

    Raises:
        UsageError: a file could not be had, or is not the one that was pinned.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    done = subprocess.run(
        [*command, "--dest", str(folder), "-r", str(LOCKS / lock)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise UsageError(
            f"pip could not download {LOCKS.name}/{lock}: {last[0]}; try again when PyPI answers"
        )


def sha256_of(path: Path) -> str:
    """Return a file's sha256 in hexadecimal digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()
