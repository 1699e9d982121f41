"""Decides whether a request is for this node (RFC 6733 section 6.1.4)."""

from typing import NamedTuple

from .capabilities import LocalNode
from .errors import RealmNotServed, UnableToDeliver
from .message import Message

ANY = "*"


class Destinations(NamedTuple):
    """The hosts and realms that are served, in lower case; `*` stands for any."""

    hosts: frozenset[str]
    realms: frozenset[str]


def destinations(local: LocalNode) -> Destinations:
    """Returns what the node answers for: itself, its aliases and its realms."""
    identity = local.identity
    return Destinations(
        hosts=frozenset(map(str.lower, (identity.origin_host, *local.host_aliases))),
        realms=frozenset(map(str.lower, (identity.origin_realm, *local.served_realms))),
    )


def check_destination(message: Message, served: Destinations) -> None:
    """Passes a request that names our realm or none, and us or no host.

    Raises:
        RealmNotServed: the Destination-Realm is not ours.
        UnableToDeliver: the Destination-Host is not us, or stands there without a realm.
    """
    realm = message.group.first("Destination-Realm")
    host = message.group.first("Destination-Host")
    if realm is not None and ANY not in served.realms and realm.lower() not in served.realms:
        raise RealmNotServed(f"the realm {realm} is not served here")
    if host is None:
        return
    if realm is None:
        raise UnableToDeliver("Destination-Host stands without Destination-Realm")
    if ANY not in served.hosts and host.lower() not in served.hosts:
        raise UnableToDeliver(f"the host {host} cannot be reached from here")
