"""Who a request is about: the names of a subscriber, each in one spelling (RFC 8506 section 8.46).

Names are compared octet by octet, so each kind has one spelling: an MSISDN is its digits, a URI
has neither parameters nor port and its host is in lower case, as is the realm of an NAI.
"""

from collections.abc import Callable, Iterator
from urllib.parse import unquote

from ..base.codec import Group
from ..charging.requests import Identity, IdentityKind
from .text import clean
from .tolerance import Tolerated

MSISDN_DIGITS_MAX = 15
"""E.164 numbers are not longer."""

_SEPARATORS = str.maketrans("", "", "-.() ")

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
    scheme, _, rest = text.strip("<>").partition(":")
    scheme = scheme.lower()
    if scheme == "tel":
        return _tel_uri(rest)
    if scheme not in ("sip", "sips"):
        scheme, rest = "sip", text
        if "@" not in text:
            return _tel_uri(text) if text else ()
    user, _, host = rest.rpartition("@")
    host, _, parameters = host.partition("?")[0].lower().partition(";")
    host = f"{host.partition(']')[0]}]" if host.startswith("[") else host.partition(":")[0]
    user, _, user_parameters = unquote(user).replace("\0", "").partition(";")
    user = user.partition(":")[0]
    is_telephone = user.startswith("+") or "user=phone" in parameters.split(";")
    digits = _telephone(user, user_parameters) if is_telephone else None
    if digits is not None:
        user = user.translate(_SEPARATORS)
    uri = Identity(IdentityKind.SIP_URI, f"{scheme}:{user}@{host}" if user else f"{scheme}:{host}")
    return (uri,) if digits is None else (uri, Identity(IdentityKind.MSISDN, digits))


def _tel_uri(text: str) -> tuple[Identity, ...]:
    """Reads what follows `tel:` (RFC 3966)."""
    number, _, parameters = text.partition(";")
    number = number.translate(_SEPARATORS)
    uri = Identity(IdentityKind.SIP_URI, f"tel:{number}")
    digits = _telephone(number, parameters)
    return (uri,) if digits is None else (uri, Identity(IdentityKind.MSISDN, digits))


def _telephone(number: str, parameters: str) -> str | None:
    """Returns the digits of a number; None: no number, or one that is only valid in its context."""
    is_local = not number.startswith("+") and "phone-context=" in parameters.lower()
    return None if is_local else _digits(number)


def _digits(text: str) -> str | None:
    """Returns the digits of an international number without its plus; None: it is none."""
    digits = text.translate(_SEPARATORS).removeprefix("+")
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
