"""What stands in the tables of a scenario file: numbers, spans of time, names of shipped data; what a table is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from levcore.checks import LARGEST
from levcore.errors import LevcoreError

UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
SPAN = rf"^(\d{{1,9}}(?:\.\d{{1,6}})?) ?({'|'.join(UNITS)})$"


class Table(BaseModel):
    """A table of the file: no key but its own, no value turned into another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Made(Table):
    """A table that is one of levcore's values; the value's own constructor has the last word on its rules."""

    makes: ClassVar[Callable[..., Any]]

    def value(self) -> Any:
        """Return the value."""
        return type(self).makes(**self.given())

    def given(self) -> dict[str, Any]:
        """Return the constructor's arguments: what the file or a default says, nested tables as values."""
        named = ((name, getattr(self, name)) for name in type(self).model_fields if name != "kind")
        return {name: made(value) for name, value in named if value is not None}

    @model_validator(mode="after")
    def obeys_the_rules(self) -> Self:
        """Make the value once, so that a rule that it breaks is told along with all other mistakes of the file."""
        try:
            self.value()
        except LevcoreError as reason:
            raise ValueError(str(reason)) from None
        return self


def made(value: Any) -> Any:
    """Return a value with the tables in it as what they make."""
    if isinstance(value, Made):
        return value.value()
    return tuple(made(one) for one in value) if isinstance(value, tuple) else value


def _span(value: object) -> timedelta:
    match = re.match(SPAN, value) if isinstance(value, str) else None
    try:
        span = timedelta(0) if match is None else float(match[1]) * UNITS[match[2]]
    except OverflowError:
        span = timedelta(0)
    if not timedelta(0) < span <= timedelta(days=36_500):
        raise ValueError  # what is expected is said by the schema
    return span


class _AsText:
    """What a span of time is in the schema; a new dict for each key, which pydantic writes its own words into."""

    def __get_pydantic_json_schema__(self, *_: object) -> dict[str, Any]:
        return {"type": "string", "pattern": SPAN, "examples": ["1min", "8h", "1d"]}


def _shape(value: object) -> str:
    kinds = (dict, "<table>"), (list, "<array>"), (str, "<text>"), (bool, "<truth>")
    return next((tag for kind, tag in kinds if isinstance(value, kind)), "<number>")


#: A union is told apart by what the file holds, so that a mistake is told once and not once a member.
by_shape = Discriminator(_shape)
as_number, as_table, as_array, as_text = Tag("<number>"), Tag("<table>"), Tag("<array>"), Tag("<text>")
as_truth = Tag("<truth>")

Name = Annotated[str, Field(min_length=1)]
Span = Annotated[timedelta, BeforeValidator(_span), _AsText()]
Positive = Annotated[float, Field(gt=0, le=LARGEST)]
Amount = Annotated[float, Field(ge=0, le=LARGEST)]
Share = Annotated[float, Field(ge=0, le=1)]
ShareAboveZero = Annotated[float, Field(gt=0, le=1)]
ShareBelowOne = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=-1, lt=1)]
Move = Annotated[float, Field(gt=-1, le=LARGEST)]
Volatility = Annotated[float, Field(ge=0, le=1e3)]
Correlation = Annotated[float, Field(ge=-1, le=1)]
Drift = Annotated[float, Field(ge=-1e3, le=1e3)]
Seed = Annotated[int, Field(ge=0, lt=2**64)]
Steps = Annotated[int, Field(ge=1, le=1000)]

Numbers = Annotated[tuple[float, ...], Field(strict=False)]
Positives = Annotated[tuple[Positive, ...], Field(strict=False)]
Amounts = Annotated[tuple[Amount, ...], Field(strict=False)]
Shares = Annotated[tuple[ShareBelowOne, ...], Field(strict=False)]
Rates = Annotated[tuple[Rate, ...], Field(strict=False, min_length=1)]
Spans = Annotated[tuple[Span, ...], Field(strict=False, min_length=1)]
Row = Annotated[tuple[Correlation, ...], Field(strict=False)]
Matrix = Annotated[tuple[Row, ...], Field(strict=False, min_length=1)]

ShippedTiers = Literal[
    "binance:BTCUSDT", "binance:ETHUSDT", "binance:SOLUSDT", "binance:BNBUSDT", "binance:XRPUSDT", "binance:DOGEUSDT"
]
ShippedDepth = Literal["binance:BTCUSDT", "binance:ETHUSDT"]
ShippedPrices = Literal["binance:BTC", "binance:ETH", "binance:SOL"]
