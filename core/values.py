"""The base of every value that crosses a boundary: validated, immutable, no unknown fields."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

LEAST_STATED, MOST_STATED = 1e-12, 1e12
"""No latency, core or weight of a real pipeline lies outside."""
MOST_SIZE = 1_000_000
"""Largest batch size and number of replicas that is believed."""


class Frozen(BaseModel):
    """An immutable value. Unknown fields, NaN and infinities are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy; what was worked out of the fields of this one (`cached_property`) stays here."""
        copied = super().model_copy(update=update, deep=deep)
        if update:
            for name in copied.__dict__.keys() - type(self).model_fields.keys():
                del copied.__dict__[name]
        return copied


def _a_number(value: Any) -> Any:  # noqa: ANN401 - whatever a file holds
    """Refuse what pydantic would quietly turn into a number: `true` and quoted text."""
    if isinstance(value, bool | str):
        raise ValueError(f"must be a number, not {value!r}")
    return value


def _believable(value: float) -> float:
    """Refuse a slip of the pen before its products overflow."""
    if value and not LEAST_STATED <= value <= MOST_STATED:
        raise ValueError(f"must be between {LEAST_STATED:g} and {MOST_STATED:g}, not {value:g}")
    return value


Number = Annotated[float, BeforeValidator(_a_number)]
NonNegative = Annotated[Number, Field(ge=0)]
Positive = Annotated[Number, Field(gt=0)]
Fraction = Annotated[Number, Field(ge=0, le=1)]
Count = Annotated[int, BeforeValidator(_a_number), Field(ge=0)]
PositiveCount = Annotated[int, BeforeValidator(_a_number), Field(ge=1)]
Size = Annotated[PositiveCount, Field(le=MOST_SIZE)]
Stated = Annotated[NonNegative, AfterValidator(_believable)]
"""A figure of a pipeline file, in whatever unit."""
StatedPositive = Annotated[Positive, AfterValidator(_believable)]
Name = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[^\s\x00-\x1f]+$")]
