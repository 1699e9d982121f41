"""Everything stored that the requests of one group of accounts may need, read once."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from .catalogue import Catalogue
from .decisions import Decision, Edr
from .ledger import Balance
from .requests import Identity, SessionKey
from .session import ClosedSession, Session


class Account(NamedTuple):
    """Who is charged."""

    id: int
    name: str
    """What the operator calls it, unique in the tenant."""
    plans: tuple[str, ...]
    """The plans of its active subscriptions."""


NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Case(NamedTuple):
    """A group of accounts that share balances, as its next request finds it.

    `now` and all names that end in `_at` are microseconds since 1970 UTC; `now` is never earlier
    than the group's last request.
    """

    now: int
    group_id: int
    version: int
    """Counts every change of the group; the number of its latest EDR."""
    catalogue: Catalogue
    directory: Mapping[Identity, int]
    """The accounts of the identities asked for."""
    accounts: Mapping[int, Account]
    balances: Mapping[int, Balance]
    sessions: Mapping[SessionKey, Session]
    """The open ones among the sessions asked for."""
    closed: Mapping[SessionKey, ClosedSession] = NOTHING
    """The latest that has ended, of those asked for; looked for where it may matter."""
    answered: Mapping[int, tuple[Edr, ...]] = NOTHING
    """By the number of their session, the EDRs of requests that may be repeated here, by number.

    Those are the session's EDRs with the type and number of a request asked for.
    """

    def remembered(self, key: SessionKey) -> ClosedSession | None:
        """Returns the session of that name that has ended, as long as the tenant keeps it."""
        closed = self.closed.get(key)
        if closed is None:
            return None
        seconds = (self.now - closed.closed_at) // 1_000_000
        return closed if seconds <= self.catalogue.session_rules.tombstone_seconds else None

    def after(self, decision: Decision) -> "Case":
        """Returns the case that the next request of the group sees."""
        sessions, closed, answered = dict(self.sessions), self.closed, self.answered
        for ended in decision.closed:
            key = ended.session.key
            sessions.pop(key, None)
            closed = {**closed, key: ended}
        if decision.session is not None:
            sessions[decision.session.key] = decision.session
        for edr in decision.edrs:
            if edr.session_number is not None:
                before = answered.get(edr.session_number, ())
                answered = {**answered, edr.session_number: (*before, edr)}
        return Case(
            self.now,
            self.group_id,
            self.version + len(decision.edrs),
            self.catalogue,
            self.directory,
            self.accounts,
            {**self.balances, **decision.balances},
            sessions,
            closed,
            answered,
        )


class Change(NamedTuple):
    """What several decisions, one after the other, make of a group."""

    before: Case
    after: Case
    edrs: tuple[Edr, ...]
