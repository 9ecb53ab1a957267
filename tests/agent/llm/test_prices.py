"""What tokens cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.llm.prices import Price, Prices, read_prices
from core.errors import UsageError


def test_what_runs_here_is_free_and_nothing_else_has_a_price() -> None:
    prices = read_prices()

    for host in ("127.0.0.1", "localhost", "::1"):
        local = prices.of("anything", host)
        assert local is not None
        assert local.usd(input_tokens=10**6, output_tokens=10**6) == 0
    assert prices.of("gpt-4o", "api.openai.com") is None
    assert prices.of("local", "127.example.com") is None


def test_a_price_is_for_a_million_tokens() -> None:
    price = Price(model="m", input_usd=2.0, output_usd=8.0)

    assert price.usd(input_tokens=500_000, output_tokens=250_000) == 3.0


def test_the_users_rows_come_first(tmp_path: Path) -> None:
    own = tmp_path / "prices.yaml"
    own.write_text(
        "prices:\n  - {model: 'big-*', host: '*', input_usd: 5, output_usd: 10}\n", encoding="utf-8"
    )

    prices = read_prices(own)

    big = prices.of("big-1", "127.0.0.1")
    assert big is not None
    assert big.input_usd == 5
    assert prices.of("small", "example.com") is None


def test_the_first_row_that_fits_counts() -> None:
    rows = (Price(model="m", input_usd=1, output_usd=1), Price(model="*", input_usd=2, output_usd=2))

    assert Prices(prices=rows).of("m", "h") == rows[0]


@pytest.mark.parametrize(
    "text",
    ["prices: 7", "prices: [{model: m}]", "[", "prices: [{model: m, input_usd: -1, output_usd: 0}]", ""],
)
def test_a_table_that_is_none_is_refused_by_name(tmp_path: Path, text: str) -> None:
    own = tmp_path / "prices.yaml"
    own.write_text(text, encoding="utf-8")

    with pytest.raises(UsageError, match=r"prices\.yaml"):
        read_prices(own)


def test_a_table_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        read_prices(tmp_path / "nowhere.yaml")
