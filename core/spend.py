"""What thinking costs: calls, tokens, seconds and money, and the budgets that bound them."""

from __future__ import annotations

from core.values import Count, Frozen, NonNegative, Positive, PositiveCount


class Spend(Frozen):
    """What was used, in one decision or in one day."""

    calls: Count = 0
    input_tokens: Count = 0
    output_tokens: Count = 0
    seconds: NonNegative = 0.0
    """Waiting for the model."""
    usd: NonNegative | None = 0.0
    """None where the price of the model is not known."""

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def plus(self, other: Spend) -> Spend:
        """Return both together; money is unknown where either is."""
        usd = None if self.usd is None or other.usd is None else self.usd + other.usd
        return Spend(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            seconds=self.seconds + other.seconds,
            usd=usd,
        )


class Budget(Frozen):
    """The most that may be used; None is no limit."""

    calls: PositiveCount | None = None
    tokens: PositiveCount | None = None
    seconds: Positive | None = None
    usd: Positive | None = None

    def exceeded(self, spend: Spend) -> str | None:
        """Return which limit is reached, in one line; None where there is room for another call."""
        pairs = (
            ("calls", spend.calls, self.calls),
            ("tokens", spend.tokens, self.tokens),
            ("seconds", spend.seconds, self.seconds),
            ("usd", spend.usd, self.usd),
        )
        for name, used, limit in pairs:
            if limit is None:
                continue
            if used is None:
                return f"the budget has a limit of {limit:g} {name}, and what was used is not known"
            if used >= limit:
                return f"{used:.6g} of {limit:g} {name} are used"
        return None


class Planning(Frozen):
    """How a proposal came about."""

    triggers: tuple[str, ...] = ()
    """Why a model was asked; empty where none was."""
    model: str | None = None
    prompt: str | None = None
    """Name and version of the prompt, `plan@1`."""
    spend: Spend = Spend()
    day: Spend = Spend()
    """What all decisions of the last 24 hours used, this one included."""
    fell_back: str = ""
    """Why the rules decided instead of the model; empty where they did not."""
    ungrounded: tuple[str, ...] = ()
    """Figures in the rationale that no cited tool result has."""
    breaker: str = "closed"
    """`closed`, `open` or `half-open` when the turn ended."""
