"""How the console was started: one value, given before the server starts, read by every page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from core.errors import TrimtabError
from ui.signing.signin import SignIn

DEFAULT_DATA = Path("trimtab-out")
DEFAULT_EVALS = Path("trimtab-out/evals")
DEFAULT_LISTEN = "127.0.0.1:8501"


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """What the command line says."""

    data: Path = DEFAULT_DATA
    """The folder below which loops keep theirs."""
    evals: Path = DEFAULT_EVALS
    """The folder below which `trimtab evaluate` wrote its results."""
    home: Path = DEFAULT_DATA
    """Where the console keeps its own file, the conversations."""
    host: str = "127.0.0.1"
    port: int = 8501
    model: str | None = None
    """The language model that answers questions; None to answer from the record."""
    llm: Path | None = None
    prices: Path | None = None
    login: SignIn | None = None
    """None where nobody signs in."""
    writable: bool = False
    """Without sign-in: whoever reaches the page acts as the user whose process this is."""


@dataclass(slots=True)
class _Given:
    settings: ConsoleSettings | None = field(default=None)


_given = _Given()


def use(settings: ConsoleSettings) -> None:
    """Give every page of this process its settings."""
    _given.settings = settings


def given() -> ConsoleSettings:
    """Return the settings.

    Raises:
        TrimtabError: the page was not started by `trimtab console`.
    """
    if _given.settings is None:
        raise TrimtabError("start the console with `trimtab console`: it was given no settings")
    return _given.settings
