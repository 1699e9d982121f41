"""AVPs made and found with python-diameter; of those that are made all M bits are set.

TS 32.299 has it so for all that the simulator sends.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from diameter.message import Avp  # type: ignore[import-untyped]
from diameter.message import constants as c

EPOCH = datetime(1900, 1, 1, tzinfo=UTC)


def avp(code: int, value: object, vendor: int = 0, *, mandatory: bool = True) -> Any:
    """Returns an AVP; `value` is of the type that the table has for it."""
    return Avp.new(code, vendor, value=value, is_mandatory=mandatory)


def tgpp(code: int, value: object) -> Any:
    """Returns an AVP of 3GPP."""
    return avp(code, value, c.VENDOR_TGPP)


def octets_avp(code: int, octets: bytes) -> Any:
    """Returns an AVP that holds octets, whatever type the table has for it."""
    return Avp(code, 0, octets, Avp.avp_flag_mandatory)


def tgpp_octets(code: int, octets: bytes) -> Any:
    """Returns an AVP of 3GPP that holds octets, whatever type the table has for it."""
    return Avp(code, c.VENDOR_TGPP, octets, Avp.avp_flag_mandatory)


def tgpp_group(code: int, members: Iterable[Any]) -> list[Any]:
    """Returns a group of 3GPP, or nothing where it would be empty."""
    held = list(members)
    return [tgpp(code, held)] if held else []


def each(group: Iterable[Any], code: int, vendor: int = 0) -> list[Any]:
    """Returns the members of a group that are of a kind."""
    return [member for member in group if member.code == code and member.vendor_id == vendor]


def first(group: Iterable[Any], code: int, vendor: int = 0) -> Any:
    """Returns the value of the first member of a kind, None where there is none."""
    return next((member.value for member in each(group, code, vendor)), None)


def time_text(octets: bytes) -> str:
    """Writes a Time: seconds since 1900, and from 2036 on once more (RFC 6733 section 4.3.1)."""
    seconds = int.from_bytes(octets)
    seconds += 2**32 if seconds < 2**31 else 0
    return f"{EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
