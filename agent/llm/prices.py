"""What a model's tokens cost, by a table; a model that is not in it has no known price."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from core.errors import InvalidDocument, UsageError
from core.values import Frozen, NonNegative

MILLION = 1_000_000
SHIPPED = Path(__file__).with_name("prices.yaml")


class Price(Frozen):
    """One row."""

    model: str
    host: str = "*"
    input_usd: NonNegative
    """For a million tokens."""
    output_usd: NonNegative

    def usd(self, *, input_tokens: int, output_tokens: int) -> float:
        """Return what a call costs."""
        return (self.input_usd * input_tokens + self.output_usd * output_tokens) / MILLION


class Prices(Frozen):
    """The table; the first row that fits counts."""

    prices: tuple[Price, ...]

    def of(self, model: str, host: str) -> Price | None:
        """Return the price of *model* at *host*; None where it is not known."""
        fitting = (p for p in self.prices if fnmatchcase(model, p.model) and fnmatchcase(host, p.host))
        return next(fitting, None)


def read_prices(own: Path | None = None) -> Prices:
    """Return the rows of the user's *own* file, then those that are shipped.

    Raises:
        UsageError: the file cannot be read.
        InvalidDocument: it is no table of prices.
    """
    shipped = _read(SHIPPED)
    return shipped if own is None else Prices(prices=(*_read(own).prices, *shipped.prices))


def _read(path: Path) -> Prices:
    try:
        found = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the prices in {path}: {error}") from error
    except YAMLError as error:
        raise InvalidDocument(f"{path} is no YAML: {' '.join(str(error).split())}") from error
    try:
        return Prices.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the document"
        raise InvalidDocument(
            f"{path}: {where}: {first['msg']}; the format stands in agent/llm/prices.yaml"
        ) from error
