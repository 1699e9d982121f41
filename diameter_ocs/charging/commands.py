"""What operators ask for, and what comes of it, as values: commands, effects and the audit."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .session import Session
from .spending_limits import SpendingLimitSession


class Command(NamedTuple):
    """What is asked for: the same again, under the same transaction id, is a repeat."""

    tenant: str
    operation: str
    transaction_id: str
    actor: str
    at: int | None
    digest: bytes
    """Of the body."""


class Effect(NamedTuple):
    """What a command has changed; all of it can be written as JSON and none of it is secret."""

    answer: Mapping[str, Any]
    before: Any
    after: Any
    account: str | None = None
    """The name of the one that was changed."""


class Claim(NamedTuple):
    """What a transaction id is, once nobody else is at work under it."""

    at: int
    """When the command is given, in microseconds since 1970."""
    kept: tuple[bytes, Mapping[str, Any]] | None
    """Digest and answer of the command that was done under it; None: none was."""


class Tenant(NamedTuple):
    """An operator, as commands see it."""

    name: str
    catalogue_version: int | None
    """None: none was applied yet."""
    suspended_at: int | None
    """Microseconds since 1970; None: it is not suspended."""


class OpenSession(NamedTuple):
    """An open session, and whose it is."""

    group_id: int
    account: str
    tenant: str
    session: Session


class OpenSpendingLimit(NamedTuple):
    """A policy server's subscription to the counters of an account, and whose they are."""

    group_id: int
    account: str
    tenant: str
    session: SpendingLimitSession
    stale_at: int | None
    """Since when the policy server is not up to date; None: it is, or will be."""
    waiting: int
    """How many reports are to leave."""


class SessionsAsked(NamedTuple):
    """Which open sessions, or subscriptions to counters, are meant; None: any."""

    tenant: str | None = None
    account: tuple[int, int] | None = None
    """Group and id."""
    session_id: bytes | None = None
    """Without CC-Sub-Session-Id."""
    place: tuple[int, int] | None = None
    """Group and number."""


class AuditEntry(NamedTuple):
    """What is kept of a command that changed something."""

    at: int
    """Microseconds since 1970."""
    actor: str
    operation: str
    tenant: str
    """Empty: no tenant's."""
    account: str | None
    transaction_id: str
    before: Any
    after: Any
