"""Who a request is about, and who is at the other end."""

from collections.abc import Iterable, Mapping

from .information import ServiceInformation
from .requests import Identity, IdentityKind


def subscriber(identities: Iterable[Identity], directory: Mapping[Identity, int]) -> int | None:
    """Returns the account that the identities name; None: they name none, or more than one."""
    accounts = {directory[identity] for identity in identities if identity in directory}
    return accounts.pop() if len(accounts) == 1 else None


def other_identity(information: ServiceInformation) -> Identity | None:
    """Returns the identity by which a subscriber at the other end would be known.

    None: there is nobody, or it is neither a number nor a URI.
    """
    party = information.other_party
    if party is None:
        return None
    if party.isascii() and party.isdigit():
        return Identity(IdentityKind.MSISDN, party)
    is_uri = ":" in party and party.isprintable()
    return Identity(IdentityKind.SIP_URI, party) if is_uri else None
