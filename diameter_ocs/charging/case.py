"""Everything stored that the requests of one group of accounts may need, read once."""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from .catalogue import Catalogue
from .decisions import Decision, Edr
from .ledger import Balance
from .outbox import Outgoing
from .requests import Identity, SessionKey
from .session import ClosedSession, Session
from .spending_limits import SpendingLimitSession
from .standing import NO_STANDING, Standing
from .tuples import new


class AccountState(IntEnum):
    """Whether an account may be served."""

    ACTIVE = 0
    SUSPENDED = 1
    DELETED = 2
    """It is remembered for what is reported late."""


ACTIVE = AccountState.ACTIVE  # a member takes 0.1 µs to be looked up in its class


class Account(NamedTuple):
    """Who is charged."""

    id: int
    name: str
    """What the operator calls it, unique in the tenant."""
    plans: tuple[str, ...]
    """The plans of its subscriptions that are active now."""
    parent_id: int | None = None
    """The account whose balances pay after its own."""
    state: AccountState = ACTIVE
    plans_change_at: int | None = None
    """When the next of its subscriptions begins or ends; None: none will."""
    time_zone: str | None = None
    """Where its days begin and its working hours are, as "Europe/Berlin"; None: the tenant's."""
    standing: Standing = NO_STANDING
    """How its counters stand."""

    def with_plan(
        self, plan: str, valid_from: int | None, valid_until: int | None, now: int
    ) -> "Account":
        """Returns the account with one more subscription, be it active now or not."""
        if valid_until is not None and valid_until <= now:
            return self
        if valid_from is not None and now < valid_from:
            return self._changing(valid_from)
        after = self._replace(plans=(*self.plans, plan))
        return after if valid_until is None else after._changing(valid_until)

    def _changing(self, at: int) -> "Account":
        """Returns the account with a time at which its plans change."""
        if self.plans_change_at is not None and self.plans_change_at <= at:
            return self
        return self._replace(plans_change_at=at)


NOTHING: Mapping[Any, Any] = MappingProxyType({})
NOBODY: frozenset[str] = frozenset()


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
    """The open ones among the sessions asked for, and perhaps others of the group."""
    closed: Mapping[SessionKey, ClosedSession] = NOTHING
    """The latest that has ended, of those asked for; looked for where it may matter."""
    answered: Mapping[int, tuple[Edr, ...]] = NOTHING
    """By the number of their session, the EDRs of requests that may be repeated here, by number.

    Those are the session's EDRs with the type and number of a request asked for.
    """
    is_tenant_suspended: bool = False
    """No account of the tenant is served."""
    on_net: frozenset[str] = NOBODY
    """Of the numbers at the other end of requests, those of the tenant's own devices.

    It is known for requests that are found by whom they name, as every INITIAL and EVENT; what
    goes on with a session does so with whom it began.
    """
    refundable: tuple[Edr, ...] = ()
    """Of what requests ask to be refunded, or to be taken back, the EDRs that charged it, and all
    later ones that refund or take back."""
    spending_limits: Mapping[bytes, SpendingLimitSession] = NOTHING
    """All subscriptions to the counters of the group's accounts, by Session-Id."""

    def denies(self, account: Account) -> bool:
        """Is an account denied as a whole? What it has used is still settled."""
        return self.is_tenant_suspended or account.state is not ACTIVE

    def payers(self, account: Account) -> tuple[int, ...]:
        """Returns the accounts whose balances pay for an account: itself, then its parents.

        A parent that is suspended pays for nobody.
        """
        parent_id = account.parent_id
        if parent_id is None:
            return (account.id,)
        payers = [account.id]
        while parent_id is not None:
            parent = self.accounts[parent_id]
            if parent.state is ACTIVE:
                payers.append(parent_id)
            parent_id = parent.parent_id
        return tuple(payers)

    def remembered(self, key: SessionKey) -> ClosedSession | None:
        """Returns the session of that name that has ended, as long as the tenant keeps it."""
        closed = self.closed.get(key)
        if closed is None:
            return None
        seconds = (self.now - closed.closed_at) // 1_000_000
        return closed if seconds <= self.catalogue.session_rules.tombstone_seconds else None

    def after(self, decision: Decision) -> "Case":
        """Returns the case that the next request of the group sees.

        What changes without an EDR moves the time: the version does not tell that it has changed.
        """
        sessions, closed, answered = dict(self.sessions), self.closed, self.answered
        is_silent = not decision.edrs and (decision.session is not None or decision.closed)
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
        return new(
            Case,
            (
                self.now + 1 if is_silent else self.now,
                self.group_id,
                self.version + len(decision.edrs),
                self.catalogue,
                self.directory,
                self.accounts,
                {**self.balances, **decision.balances},
                sessions,
                closed,
                answered,
                self.is_tenant_suspended,
                self.on_net,
                self.refundable,
                self.spending_limits,
            ),
        )

    def without_requests(self, sessions: Mapping[SessionKey, Session]) -> "Case":
        """Returns the case without what was read for requests alone, and with some sessions."""
        now, group_id, version, catalogue, _, accounts, balances, *_, is_suspended, _, _, limits = (
            self
        )
        group = now, group_id, version, catalogue, NOTHING, accounts, balances
        return new(Case, (*group, sessions, NOTHING, NOTHING, is_suspended, NOBODY, (), limits))


class Change(NamedTuple):
    """What several decisions, one after the other, make of a group."""

    before: Case
    after: Case
    edrs: tuple[Edr, ...]
    outgoing: tuple[Outgoing, ...] = ()
    """What leaves when it is stored, in order."""
