"""How a suite says how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Told how many of how many rows are there, and which one comes."""


def quiet(done: int, total: int, what: str) -> None:
    """Tell nobody."""
