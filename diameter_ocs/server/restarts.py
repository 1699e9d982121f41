"""Has restarts of gateways heard, where the profiles of their peers say so."""

from collections.abc import Collection

from ..base.events import RequestReceived
from ..base.text import clean
from ..config import Configuration
from ..handlers.restarts import Restarts
from ..transport.connection import Connection
from .door import Take

HOST_LENGTH_MAX = 255
"""Of an Origin-Host whose restarts are heard, as of any name of a host."""


def hearing(take: Take, restarts: Restarts, profiles: Collection[str]) -> Take:
    """Returns what takes requests and hears in which state their gateways are.

    It is the gateway's own word, wherever the connection is from: a relay's restarts end nothing.
    A gateway has the name here that its sessions have: what no database takes is not in it.
    """
    if not profiles:
        return take

    def heard(connection: Connection, received: RequestReceived) -> None:
        if connection.profile in profiles:
            first = received.message.group.first
            origin_state_id = first("Origin-State-Id")
            origin_host = clean(first("Origin-Host") or "", set())
            if origin_state_id and 0 < len(origin_host) <= HOST_LENGTH_MAX:
                restarts.hear(origin_host, origin_state_id)
        take(connection, received)

    return heard


def closing_profiles(configuration: Configuration) -> frozenset[str]:
    """Returns the profiles whose gateways' restarts close sessions."""
    return frozenset(
        name for name, profile in configuration.profiles.items() if profile.closes_on_restart
    )
