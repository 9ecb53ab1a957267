"""What to install to serve: `python pipelines/requirements.py serving id-card` prints it, a line each.

Groups and extras are read from pyproject.toml, which pip cannot do without installing the project with them.
Runs before anything is installed, so it imports nothing of ours.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def wanted(names: list[str]) -> list[str]:
    """Return the requirements of groups and extras, sorted, each once.

    Raises:
        SystemExit: there is none of that name.
    """
    document = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
    known = {**document["dependency-groups"], **document["project"]["optional-dependencies"]}
    unknown = sorted(set(names) - known.keys())
    if unknown:
        raise SystemExit(f"there is no group or extra {unknown[0]!r}; known: {', '.join(sorted(known))}")
    return sorted({requirement for name in names for requirement in known[name]})


if __name__ == "__main__":
    sys.stdout.write("\n".join(wanted(sys.argv[1:])) + "\n")
