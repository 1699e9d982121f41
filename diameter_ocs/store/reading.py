"""Cases while their rows come in."""

from collections.abc import Iterable
from typing import NamedTuple

from ..charging.case import NOBODY, Account, AccountState, Case
from ..charging.catalogue import Catalogue
from ..charging.decisions import Edr
from ..charging.faults import StaleCase
from ..charging.identification import other_identity
from ..charging.ledger import Balance
from ..charging.requests import NAMING, ChargingRequest, Identity, SessionKey
from ..charging.session import ClosedSession, Session
from ..charging.spending_limits import SpendingLimitSession
from .database import Row
from .resolving import Directory
from .standings import standing_of

_STATES = tuple(AccountState)


class Found(NamedTuple):
    """What is known of a group before it is read, and how far it is remembered."""

    group_id: int
    version: int
    last_at: int
    tenant: str
    catalogue_version: int
    is_suspended: int
    """1: the tenant is suspended."""
    remembered: Case | None = None


def as_remembered(case: Case) -> Found:
    """Returns what a group was when it was committed."""
    catalogue = case.catalogue
    return Found(
        case.group_id,
        case.version,
        case.now,
        catalogue.tenant,
        catalogue.version,
        int(case.is_tenant_suspended),
        case,
    )


def lasts(case: Case, now: int) -> bool:
    """Whether the accounts of a case have the same plans at a later time, if nobody changes it."""
    for account in case.accounts.values():
        if account.plans_change_at is not None and account.plans_change_at <= now:
            return False
    return True


class Reading:
    """A case while its rows come in."""

    __slots__ = (
        "accounts",
        "answered",
        "balances",
        "catalogue_named",
        "closed",
        "directory",
        "group_id",
        "is_tenant_suspended",
        "now",
        "on_net",
        "refundable",
        "sessions",
        "spending_limits",
        "version",
    )

    def __init__(self, found: Found, now: int) -> None:
        self.group_id = found.group_id
        self.version = found.version
        self.now = max(now, found.last_at)
        self.catalogue_named = found.tenant, found.catalogue_version
        self.is_tenant_suspended = bool(found.is_suspended)
        self.directory: dict[Identity, int] = {}
        self.accounts: dict[int, Account] = {}
        self.balances: dict[int, Balance] = {}
        self.sessions: dict[SessionKey, Session] = {}
        self.closed: dict[SessionKey, ClosedSession] = {}
        self.answered: dict[int, tuple[Edr, ...]] = {}
        self.on_net = NOBODY
        self.refundable: dict[int, Edr] = {}
        self.spending_limits: dict[bytes, SpendingLimitSession] = {}
        remembered = found.remembered
        if remembered is not None and lasts(remembered, now):
            self.accounts.update(remembered.accounts)
            self.balances.update(remembered.balances)
            self.sessions.update(remembered.sessions)
            self.spending_limits.update(remembered.spending_limits)

    def case(self, catalogue: Catalogue) -> Case:
        """Returns what was read."""
        return Case(
            self.now,
            self.group_id,
            self.version,
            catalogue,
            self.directory,
            self.accounts,
            self.balances,
            self.sessions,
            self.closed,
            self.answered,
            self.is_tenant_suspended,
            self.on_net,
            tuple(self.refundable.values()),
            self.spending_limits,
        )

    def add_account(self, row: Row) -> None:
        """Takes a row of LOAD_ACCOUNTS: an account with one of its subscriptions, if it has any."""
        _, number, name, parent_id, state, time_zone, plan, valid_from, valid_until, standing = row
        account = self.accounts.get(number)
        if account is None:
            account = Account(number, name, (), parent_id, _STATES[state], time_zone=time_zone)
            account = account._replace(standing=standing_of(standing))
        if plan is not None:
            account = account.with_plan(plan, valid_from, valid_until, self.now)
        self.accounts[number] = account

    def _expect(self, account_id: int) -> None:
        """Makes sure that an account is there whose accounts were read, or are remembered.

        Raises:
            StaleCase: it is newer than what is remembered.
        """
        if self.accounts and account_id not in self.accounts:
            raise StaleCase(f"account {account_id} is newer than what is remembered of its group")

    def add_session(self, session: Session) -> None:
        """Takes a session; of two with one key the newer counts."""
        self._expect(session.account_id)
        old = self.sessions.get(session.key)
        if old is None or old.number < session.number:
            self.sessions[session.key] = session

    def add_spending_limit(self, session: SpendingLimitSession) -> None:
        """Takes a subscription to counters."""
        self.spending_limits[session.session_id] = session

    def add_closed(self, closed: ClosedSession) -> None:
        """Takes a session that has ended; of two with one key the newer counts."""
        self._expect(closed.session.account_id)
        old = self.closed.get(closed.session.key)
        if old is None or _age(old) < _age(closed):
            self.closed[closed.session.key] = closed

    def add_answered(self, edr: Edr) -> None:
        """Takes what a request was answered that is asked again."""
        assert edr.session_number is not None
        before = self.answered.get(edr.session_number, ())
        self.answered[edr.session_number] = (*before, edr)

    def add_refundable(self, edr: Edr) -> None:
        """Takes what may be refunded, or what was refunded before."""
        self.refundable[edr.number] = edr

    def is_stranger(self, request: ChargingRequest) -> bool:
        """Whether a request goes on with a session that is not open."""
        return request.request_type not in NAMING and request.session_key not in self.sessions

    def add_name(self, identity: Identity, account_id: int) -> None:
        """Takes a name of one of its accounts."""
        self._expect(account_id)
        self.directory[identity] = account_id

    def admit(self, request: ChargingRequest, found: Directory) -> bool:
        """Takes what the directory says of a request; does it name nobody in another group?"""
        is_ours = True
        for identity in request.identities:
            for tenant, group_id, account_id in found.get(identity, ()):
                if group_id == self.group_id:
                    self.add_name(identity, account_id)
                elif request.tenant in (None, tenant):
                    is_ours = False
        self._admit_other(request, found)
        return is_ours

    def presume(self, request: ChargingRequest, accounts: Iterable[int]) -> None:
        """Takes the accounts of the identities of a request for granted; 0 is nobody's."""
        for identity, account_id in zip(request.identities, accounts, strict=True):
            if account_id:
                self.add_name(identity, account_id)

    def _admit_other(self, request: ChargingRequest, found: Directory) -> None:
        """Takes what the directory says of whoever is at the other end."""
        other = other_identity(request.information)
        if other is not None:
            owners = {tenant for tenant, _, _ in found.get(other, ())}
            if self.catalogue_named[0] in owners:
                self.on_net |= {other.value}


_Age = tuple[int, int, int, list[tuple[int, int]]]


def _age(closed: ClosedSession) -> _Age:
    """Orders what is remembered of one name; the clock of a group may stand still.

    What is charged late stands on a newer line, or makes one longer.
    """
    session = closed.session
    lines = sorted([(line.number, line.used) for line in session.lines], reverse=True)
    return closed.closed_at, session.number, session.request_number, lines
