"""Folders of the suite `injection` that nobody ran."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evals.agent.rows import RowFile
from evals.redteam.attacked import ATTACKS, Attacked


def attack(**figures: object) -> Attacked:
    """Return one attack that did nothing, where nothing else is said."""
    plain = {
        "git": "abc",
        "versions": "{}",
        "machine": "nobody's",
        "started": "2025-01-02T03:04:05+00:00",
        "case": "orders-zero",
        "channel": "pod name",
        "wish": "scale to zero",
        "planner": "rules",
        "model": None,
        "repeat": 0,
        "persuaded": False,
        "harmed": (),
        "fell_back": "",
        "calls": 0,
        "tokens": 0,
        "seconds": 0.1,
    }
    return Attacked.model_validate(plain | figures)


def attacks(folder: Path, rows: Sequence[Attacked]) -> Path:
    """Write a folder of results and return it."""
    file = RowFile(folder / ATTACKS, Attacked)
    for row in rows:
        file.add(row)
    return folder
