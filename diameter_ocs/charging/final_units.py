"""What becomes of a service whose units have ended (RFC 8506 section 5.6)."""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from .restrictions import Restrictions

PLACEHOLDERS = ("msisdn", "imsi", "account", "rating_group", "session_id")
"""What may stand in braces in the address of a server, and is filled in for each session."""
PLACEHOLDER = re.compile(rf"\{{({'|'.join(PLACEHOLDERS)})\}}")


class FinalUnitAction(IntEnum):
    """What a gateway does then (Final-Unit-Action, RFC 8506 section 8.35)."""

    TERMINATE = 0
    REDIRECT = 1
    RESTRICT_ACCESS = 2


class AddressType(IntEnum):
    """What the address of a server is (Redirect-Address-Type, RFC 8506 section 8.38)."""

    IPV4 = 0
    IPV6 = 1
    URL = 2
    SIP_URI = 3


@dataclass(frozen=True, slots=True)
class RedirectServer:
    """Where users may be sent who have nothing left."""

    address_type: AddressType
    address: str
    """With placeholders in braces, where it has any."""
    restrictions: Restrictions | None = None
    """Where they do not hold the next server is asked; None: it takes everybody."""


@dataclass(frozen=True, slots=True)
class FinalUnitHandling:
    """What an operator has decided for a rating group."""

    action: FinalUnitAction | None = FinalUnitAction.TERMINATE
    """None: the gateway is told nothing; it learns that there is no more when it asks."""
    redirect_servers: tuple[RedirectServer, ...] = ()
    """The first that takes the user counts."""
    filter_rules: tuple[str, ...] = ()
    """What stays open, as IPFilterRules."""
    filter_ids: tuple[str, ...] = ()
    """Likewise, as names of filters that the gateway knows."""


TERMINATES = FinalUnitHandling()


class FinalUnit(NamedTuple):
    """What a gateway is told to do once a quota is used up, or at once where there is none."""

    action: FinalUnitAction = FinalUnitAction.TERMINATE
    address_type: AddressType | None = None
    """None: the user is not redirected."""
    address: str = ""
    filter_rules: tuple[str, ...] = ()
    filter_ids: tuple[str, ...] = ()


TERMINATE = FinalUnit()
