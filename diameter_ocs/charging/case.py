"""Everything stored that the requests of one group of accounts may need, read once."""

from collections.abc import Mapping
from typing import NamedTuple

from .catalogue import Catalogue
from .decisions import Decision, Edr
from .ledger import Balance
from .requests import Identity, SessionKey
from .session import Session


class Account(NamedTuple):
    """Who is charged."""

    id: int
    name: str
    """What the operator calls it, unique in the tenant."""
    plans: tuple[str, ...]
    """The plans of its active subscriptions."""


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

    def after(self, decision: Decision) -> "Case":
        """Returns the case that the next request of the group sees."""
        sessions = dict(self.sessions)
        for key in decision.closed:
            del sessions[key]
        if decision.session is not None:
            sessions[decision.session.key] = decision.session
        return self._replace(
            version=self.version + len(decision.edrs),
            balances={**self.balances, **decision.balances},
            sessions=sessions,
        )


class Change(NamedTuple):
    """What several decisions, one after the other, make of a group."""

    before: Case
    after: Case
    edrs: tuple[Edr, ...]
