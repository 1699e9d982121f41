"""Until when certificates and revocation lists are good (RFC 5280 sections 4.1 and 5.1)."""

import re
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Iterator
from datetime import UTC, datetime

PEM = re.compile(rb"-----BEGIN (CERTIFICATE|X509 CRL)-----([^-]+)-----END ")
SEQUENCE = 0x30
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
FORMATS = {UTC_TIME: "%y%m%d%H%M%SZ", GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}
LONG_LENGTH = 0x80


def first_expiry(text: bytes) -> datetime | None:
    """Returns when the first of what is in a PEM text expires; None: nothing says when it does."""
    expiries = [_expiry(found[2]) for found in PEM.finditer(text)]
    return min((each for each in expiries if each is not None), default=None)


def _expiry(base64: bytes) -> datetime | None:
    """Returns `notAfter` of a certificate, or `nextUpdate` of a list."""
    try:
        _, whole = next(_members(a2b_base64(base64)))
        _, signed = next(_members(whole))
        times = _times(signed)
        for tag, octets in _members(signed):
            if tag == SEQUENCE:
                times = times or _times(octets)
    except (NotBase64, ValueError, StopIteration):
        return None
    return times[1] if len(times) > 1 else None


def _times(octets: bytes) -> list[datetime]:
    return [
        datetime.strptime(value.decode("ascii"), FORMATS[tag]).replace(tzinfo=UTC)
        for tag, value in _members(octets)
        if tag in FORMATS
    ]


def _members(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields tag and content of what follows one another (X.690 section 8.1)."""
    at = 0
    while at + 2 <= len(octets):
        tag, length = octets[at], octets[at + 1]
        at += 2
        if length >= LONG_LENGTH:
            size = length - LONG_LENGTH
            length = int.from_bytes(octets[at : at + size])
            at += size
        if at + length > len(octets):
            raise ValueError("an element is longer than what holds it")
        yield tag, octets[at : at + length]
        at += length
