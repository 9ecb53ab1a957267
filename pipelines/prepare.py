"""`python -m pipelines.prepare NAME FOLDER`: fetch or train the weights of a ready pipeline."""

from __future__ import annotations

import sys
from pathlib import Path

from core.errors import TrimtabError
from pipelines import kits

ARGUMENTS = 2


def main(arguments: list[str]) -> int:
    """Prepare the pipeline's folder, telling each step; return the exit status."""
    if len(arguments) != ARGUMENTS:
        sys.stderr.write("usage: python -m pipelines.prepare NAME FOLDER\n")
        return 2
    name, folder = arguments
    try:
        kits.load(name).prepare(Path(folder), _say)
    except TrimtabError as error:
        sys.stderr.write(f"trimtab: {error}\n")
        return 1
    return 0


def _say(step: str) -> None:
    sys.stdout.write(f"{step}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
