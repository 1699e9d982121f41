"""Who a request is about: the names of a subscriber, each in one spelling (RFC 8506 section 8.46).

Names are compared octet by octet, so each kind has one spelling: an MSISDN is its digits, a URI
has neither parameters nor port and its host is in lower case, as is the realm of an NAI.
"""

from collections.abc import Callable, Iterator

from ..base.codec import Group
from ..charging.requests import Identity, IdentityKind
from .text import clean
from .tolerance import Tolerated
from .uris import SEPARATORS, uri_of

MSISDN_DIGITS_MAX = 15
"""E.164 numbers are not longer."""

Reader = Callable[[str], tuple[Identity, ...]]


def identities_of(group: Group, tolerated: set[Tolerated]) -> tuple[Identity, ...] | None:
    """Returns the names in a request, ascending by kind and without repeats.

    Those of Service-Information count too. A User-Name counts where nothing else names anyone.
    None: the request names nobody; empty: what names somebody cannot be read.
    """
    named = list(_named(group))
    if not named:
        user_name = group.first("User-Name")
        if user_name is None:
            return None
        named.append((nai, user_name))
    identities: set[Identity] = set()
    for reader, text in named:
        if reader is not None and text:
            identities.update(reader(clean(text, tolerated).strip()))
    return tuple(sorted(identities))


def _named(group: Group) -> Iterator[tuple[Reader | None, str | None]]:
    """Yields each name as it was sent, and what reads it; None: a type that nothing reads."""
    yield from map(_subscription, group.all("Subscription-Id"))
    service_information = group.first("Service-Information")
    if service_information is not None:
        yield from map(_subscription, service_information.all("Subscription-Id"))
    for extension in group.all("Subscription-Id-Extension"):
        for name, reader in _EXTENSION_READERS.items():
            if extension.avp(name) is not None:
                yield reader, extension.first(name)


def _subscription(subscription: Group) -> tuple[Reader | None, str | None]:
    kind = subscription.first("Subscription-Id-Type")
    return _READERS.get(kind), subscription.first("Subscription-Id-Data")


def _imsi(text: str) -> tuple[Identity, ...]:
    return (Identity(IdentityKind.IMSI, text),) if text else ()


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
    return (Identity(IdentityKind.NAI, name),) if name else ()


def _private(text: str) -> tuple[Identity, ...]:
    return (Identity(IdentityKind.PRIVATE, text),) if text else ()


def sip_uri(text: str) -> tuple[Identity, ...]:
    """Reads a SIP or tel URI; one that holds a telephone number is that MSISDN as well."""
    if not text:
        return ()
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


_READERS: dict[object, Reader] = {0: _msisdn, 1: _imsi, 2: sip_uri, 3: nai, 4: _private}
"""By Subscription-Id-Type; a name of another type is passed over."""

_EXTENSION_READERS: dict[str, Reader] = {
    "Subscription-Id-E164": _msisdn,
    "Subscription-Id-IMSI": _imsi,
    "Subscription-Id-SIP-URI": sip_uri,
    "Subscription-Id-NAI": nai,
    "Subscription-Id-Private": _private,
}
