"""The figures of a profile as Markdown tables: `python -m pipelines.profiling.page PROFILE [PAGE]`.

They go between two marker comments of a page, and everything else on it stays as it is; without a page they
are printed. Every sentence here is computed from profile.json.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from core.errors import TrimtabError, UsageError
from pipelines.profiling.accuracy_tables import alone, differences, drift, joint, made_of
from pipelines.profiling.document import to_out
from pipelines.profiling.markdown import Json
from pipelines.profiling.speed_tables import dependence, latency, serving, where
from pipelines.reader import read_text

BEGIN, END = "<!-- figures: written by trimtab profile -->", "<!-- end of figures -->"


def inserted(page: str, profile: Json) -> str:
    """Return a page with the figures between its markers.

    Raises:
        UsageError: the page has not exactly one pair of markers, in order.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise UsageError(f"the page must hold the line {BEGIN!r} once, and the line {END!r} once below it")
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{figures(profile)}\n{END}{rest.partition(END)[2]}"


def figures(profile: Json) -> str:
    """Return all tables."""
    sections = (where, latency, serving, dependence, alone, joint, differences, drift, made_of)
    return "\n".join(found for make in sections if (found := make(profile)))


def main() -> None:
    """Print the figures, or put them into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("profile", type=Path)
    parser.add_argument("page", type=Path, nargs="?")
    given = parser.parse_args()
    try:
        update(given.profile, given.page)
    except TrimtabError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


def update(profile: Path, page: Path | None) -> None:
    """Put the figures of a profile into a page; print them where there is none.

    Raises:
        UsageError: a file cannot be read or written, or has no markers.
    """
    try:
        found = json.loads(read_text(profile))
    except ValueError as error:
        raise UsageError(f"{profile}: is not JSON; write it anew with trimtab profile") from error
    if page is None:
        sys.stdout.write(figures(found))
        return
    to_out(page, inserted(read_text(page), found))


if __name__ == "__main__":
    main()
