"""The single values of a catalogue document: names, quantities, money, and how each is written."""

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

from ..charging.units import MICRO_UNITS, PRICE_MAX, UnitType, format_money, parse_money
from .quantities import PATTERN, parse_quantity, shortened

TAX_MAX = 10
CURRENCY = "[A-Z]{3}"
PERCENT = r"([0-9]{1,3})\s*%?"
SERVICE_CONTEXT = "32[0-9]{3}"
HOST = r"[A-Za-z0-9_.*?\[\]!-]{1,255}"

UnitTypeName = Literal["time", "volume", "units"]
"""Seconds, octets, or whatever the service counts."""
UNIT_TYPES = {
    "time": UnitType.TIME,
    "volume": UnitType.VOLUME,
    "units": UnitType.SERVICE_SPECIFIC_UNITS,
}


def _check_name(name: str) -> str:
    if not name.isprintable() or name != name.strip():
        raise ValueError("a name is printable and neither begins nor ends with a space")
    return name


def _check_price(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,13}(\.[0-9]{1,6})?", text):
        raise ValueError("write an amount of money like 12.50, with at most six decimals")
    if parse_money(text) > PRICE_MAX:
        raise ValueError(f"write a price of at most {format_money(PRICE_MAX)}")
    return text


def _check_fraction(text: str) -> str:
    _check_price(text)
    if parse_money(text) > TAX_MAX * MICRO_UNITS:
        raise ValueError("write a tax as a fraction, like 0.19")
    return text


def _check_currency(text: str) -> str:
    if not re.fullmatch(CURRENCY, text):
        raise ValueError("write a currency with three capital letters, like EUR")
    return text


def _check_service_context(text: str) -> str:
    if not re.fullmatch(SERVICE_CONTEXT, text):
        raise ValueError('name the document of a service context, like "32251"')
    return text


def _check_host(text: str) -> str:
    if not re.fullmatch(HOST, text):
        raise ValueError("write a host name or a pattern of it, like pgw*.example.net")
    return text


def _check_whole(value: object) -> object:
    """A number is written in one way, so that no two keys are the same number."""
    if isinstance(value, str) and not re.fullmatch("0|[1-9][0-9]{0,18}", value):
        raise ValueError(f"{shortened(value)} is no whole number; write it like 300")
    return value


def _parse_percent(value: object) -> int:
    """Reads a part of a whole, as "20 %"."""
    match = re.fullmatch(PERCENT, str(value).strip())
    if isinstance(value, bool) or match is None or int(match[1]) > 100:
        raise ValueError(f"{shortened(value)} is no part of a whole; write it like 20 %")
    return int(match[1])


def schema(*types: str, **more: object) -> WithJsonSchema:
    """An editor reads a number where we read text, and both are right."""
    return WithJsonSchema({"type": types[0] if len(types) == 1 else list(types), **more})


Name = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_check_name)]
Quantity = Annotated[
    int,
    BeforeValidator(parse_quantity),
    schema("integer", "string", minimum=0, pattern=f"^{PATTERN}$"),
]
Positive = Annotated[
    int,
    BeforeValidator(parse_quantity),
    Field(ge=1),
    schema("integer", "string", minimum=1, pattern=f"^{PATTERN}$"),
]
Percent = Annotated[
    int,
    BeforeValidator(_parse_percent),
    schema("integer", "string", minimum=0, maximum=100, pattern=f"^{PERCENT}$"),
]
Money = Annotated[
    str,
    AfterValidator(_check_price),
    schema("number", "string", minimum=0, maximum=PRICE_MAX // MICRO_UNITS),
]
Fraction = Annotated[
    str, AfterValidator(_check_fraction), schema("number", "string", minimum=0, maximum=TAX_MAX)
]
WHOLE = BeforeValidator(_check_whole)
RatingGroupId = Annotated[int, Field(ge=0, lt=2**32), WHOLE]
Priority = Annotated[int, Field(ge=0, le=1000), WHOLE]
Currency = Annotated[
    str, AfterValidator(_check_currency), schema("string", pattern=f"^{CURRENCY}$")
]
Host = Annotated[str, AfterValidator(_check_host), schema("string", pattern=f"^{HOST}$")]
ServiceContext = Annotated[
    str, AfterValidator(_check_service_context), schema("string", pattern=f"^{SERVICE_CONTEXT}$")
]


class Part(BaseModel):
    """A mapping of the document; a key that the model does not name is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
