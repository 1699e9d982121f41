"""What leaves this node later, in no protocol's words: notices, reports, calls to ask again."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple


class OutboxKind(IntEnum):
    """Who is told, and of what."""

    NOTICE = 1
    """A sink of the tenant, of something that has happened."""
    SPENDING_LIMIT = 2
    """A policy server, of counters (an SNR, TS 29.219 section 4.5.2)."""
    REAUTHORIZATION = 3
    """A gateway, that it may ask again (a RAR, RFC 8506 section 5.5).

    Without a session it is for all sessions of an account that want it.
    """
    ABORT = 4
    """A gateway, that a session has ended (an ASR, RFC 6733 section 8.5)."""


class Outgoing(NamedTuple):
    """What is to leave once the change that causes it is committed."""

    kind: OutboxKind
    account_id: int
    content: Mapping[str, Any]
    """What can be written as JSON."""
    target: str = ""
    """The name of a sink, or the Origin-Host of a peer."""
    realm: str | None = None
    """The peer's Origin-Realm."""
    session_number: int | None = None
    """Of the session that it is about."""
    session_id: bytes | None = None
    """Its Session-Id as it was sent."""

    @property
    def stream(self) -> str:
        """What it is kept in order with, within its group."""
        about = self.account_id if self.session_number is None else self.session_number
        return f"{self.kind.name.lower()} {about} {self.target}"
