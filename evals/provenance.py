"""What made a figure: commit, versions, machine. It goes into every row of results.

Code that was changed since the commit is told from the commit's own, and from other changes to it.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from core.errors import UsageError
from pipelines.profiling.machine import cpu_model

ROOT = Path(__file__).parents[1]
NO_COMMIT = "none"
"""Where the code runs from an image, without its repository."""
GIT_S = 10.0
"""For git to answer."""
CODE = ("core", "simulator", "baselines", "tools", "prompts", "agent", "evals", "pipelines", "pyproject.toml")
"""What decides and judges: a change of it makes other figures."""


@cache
def provenance() -> Mapping[str, object]:
    """Return commit, versions and machine, by the names of the columns they go into.

    Raises:
        UsageError: a package that decides is not installed.
    """
    return {
        "git": commit_of(ROOT),
        "dirty": bool(_git(ROOT, "status", "--porcelain", "--untracked-files=no")),
        "trimtab": _version("trimtab"),
        "python": platform.python_version(),
        "numpy": _version("numpy"),
        "pulp": _version("pulp"),
        "highspy": _version("highspy"),
        "machine": cpu_model(),
        "cores": os.cpu_count() or 0,
    }


def commit_of(root: Path) -> str:
    """Return the commit at *root*, with a mark of the changes where the code differs from it."""
    changes = _git(root, "diff", "HEAD", "--", *CODE)
    mark = f"+{hashlib.sha256(changes.encode()).hexdigest()[:8]}" if changes else ""
    return f"{_git(root, 'rev-parse', 'HEAD')}{mark}" or NO_COMMIT


def _git(root: Path, *arguments: str) -> str:
    """Return what git says, empty where there is no git or no repository."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=GIT_S, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError as error:
        raise UsageError(f"{package} is not installed here; run `make setup`") from error
