"""The names of subscribers, each in one spelling (RFC 8506 section 8.46).

Names are compared octet by octet, so each kind has one spelling: an MSISDN is its digits, a URI
has neither parameters nor port and its host is in lower case, as is the realm of an NAI.
"""

from collections.abc import Callable, Iterable

from .requests import Identity, IdentityKind
from .uris import SEPARATORS, uri_of

MSISDN_DIGITS_MAX = 15
"""E.164 numbers are not longer."""


def identities_in(names: Iterable[tuple[int, str]] | None) -> tuple[Identity, ...] | None:
    """Returns the identities that names tell of, ascending by kind and without repeats.

    The kinds of names are numbered as in RFC 8506 section 8.47; one of another kind is passed over.
    None: there are no names; empty: none of them can be read.
    """
    if names is None:
        return None
    identities: set[Identity] = set()
    for kind, text in names:
        reader = _READERS.get(kind)
        if reader is not None and text:
            identities.update(reader(text))
    return tuple(sorted(identities))


def _imsi(text: str) -> tuple[Identity, ...]:
    return (Identity(IdentityKind.IMSI, text),)


def _msisdn(text: str) -> tuple[Identity, ...]:
    """Reads a number; a URI in its place is read as one, and anything else names nobody."""
    digits = _digits(text)
    if digits is not None:
        return (Identity(IdentityKind.MSISDN, digits),)
    return sip_uri(text) if ":" in text else ()


def nai(text: str) -> tuple[Identity, ...]:
    """Reads a NAI, whose realm is the same in capitals (RFC 7542 section 2.4)."""
    user, at, realm = text.rpartition("@")
    name = f"{user}@{realm.lower()}" if at else text
    return (Identity(IdentityKind.NAI, name),)


def _private(text: str) -> tuple[Identity, ...]:
    return (Identity(IdentityKind.PRIVATE, text),)


def sip_uri(text: str) -> tuple[Identity, ...]:
    """Reads a SIP or tel URI; one that holds a telephone number is that MSISDN as well."""
    uri = uri_of(text)
    digits = _digits(uri.user) if uri.is_telephone and not uri.is_local else None
    is_number = digits is not None or uri.scheme == "tel"
    name = Identity(IdentityKind.SIP_URI, uri.spelled(uri.number if is_number else uri.user))
    return (name,) if digits is None else (name, Identity(IdentityKind.MSISDN, digits))


def _digits(text: str) -> str | None:
    """Returns the digits of an international number without its plus; None: it is none."""
    digits = text.translate(SEPARATORS).removeprefix("+")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= MSISDN_DIGITS_MAX
    return digits if is_number else None


_READERS: dict[int, Callable[[str], tuple[Identity, ...]]] = {
    0: _msisdn,
    1: _imsi,
    2: sip_uri,
    3: nai,
    4: _private,
}
