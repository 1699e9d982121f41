"""A group of accounts in the store without a database."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ..charging import groups as charging
from ..charging.accounts import AccountSummary, Narrowed, Opening
from ..charging.case import Account, AccountState, Case
from ..charging.commands import OpenSpendingLimit, SessionsAsked
from ..charging.decisions import Edr
from ..charging.delivery import OutboxRow
from ..charging.groups import Device, Subscription
from ..charging.ledger import Balance
from ..charging.lifecycle import wake_at
from ..charging.outbox import OutboxKind
from ..charging.references import references_of
from ..charging.repeats import asked_again, kept_actions
from ..charging.requests import ChargingRequest, EventAction, SessionKey
from ..charging.session import ClosedSession, Session
from ..charging.spending_limits import SpendingLimitSession


class Group:
    """The rows of one group of accounts."""

    def __init__(self, tenant: str, opening: Opening) -> None:
        self.tenant = tenant
        self.version = opening.edr.number
        self.last_at = opening.edr.at
        self.accounts: Mapping[int, Account] = {opening.account.id: opening.account}
        self.subscriptions: Mapping[int, Subscription] = {s.id: s for s in opening.subscriptions}
        self.devices: Mapping[int, Device] = {}
        if opening.device is not None:
            self.devices = {opening.device.id: opening.device}
        self.balances: dict[int, Balance] = {balance.id: balance for balance in opening.balances}
        self.sessions: dict[SessionKey, Session] = {}
        self.closed: dict[SessionKey, ClosedSession] = {}
        self.edrs: list[Edr] = [opening.edr]
        self.spending_limits: Mapping[bytes, SpendingLimitSession] = {}
        self.woken_at: int | None = None
        self.wake_at: int | None = None
        self.stale: dict[int, int] = {}
        """The numbers of those of which nobody could be told, and since when."""

    def keep(self, after: Case) -> None:
        """Keeps how counters stand after a change, and who wants to know."""
        for name, session in after.spending_limits.items():
            before = self.spending_limits.get(name)
            if before is not None and before.updated_at != session.updated_at:
                self.stale.pop(session.number, None)
        self.spending_limits = after.spending_limits
        self.accounts = {
            number: account._replace(standing=after.accounts[number].standing)
            for number, account in self.accounts.items()
        }

    def with_all(self, case: Case) -> charging.Group:
        """Returns a case, its accounts with their plans, with all that belongs to the group."""
        return charging.Group(case, self.subscriptions, self.devices, self.woken_at).renewed()

    def take(self, after: charging.Group) -> None:
        """Takes what a command has made of it, but for what a change of its case says."""
        self.accounts = after.case.accounts
        self.subscriptions = after.subscriptions
        self.devices = after.devices
        self.balances = dict(after.case.balances)
        self.take_wake(after)

    def take_wake(self, after: charging.Group) -> None:
        """Notes when it is to be looked at next; nothing if it has no dates to come."""
        self.wake_at = wake_at(after)
        self.woken_at = None if self.wake_at is None else after.woken_at

    def wake_soon(self) -> None:
        """Has it looked at as soon as can be, if it has dates to come."""
        self.wake_at = None if self.woken_at is None else self.woken_at + 1

    def policed(self, number: int, rows: Collection[OutboxRow]) -> Iterator[OpenSpendingLimit]:
        """Returns the subscriptions to its counters, given its number and all that is to leave."""
        for session in sorted(self.spending_limits.values()):
            waiting = [
                row
                for row in rows
                if row.kind is OutboxKind.SPENDING_LIMIT
                and row.session_number == session.number
                and row.given_up_at is None
            ]
            account = self.accounts[session.account_id].name
            stale_at = self.stale.get(session.number)
            yield OpenSpendingLimit(number, account, self.tenant, session, stale_at, len(waiting))

    def summaries(self) -> Iterator[AccountSummary]:
        """Returns the accounts as commands show them, without those deleted."""
        for account in self.accounts.values():
            if account.state is AccountState.DELETED:
                continue
            parent = None
            if account.parent_id is not None:
                parent = self.accounts[account.parent_id].name
            owner = account.id
            yield AccountSummary(
                next(iter(self.accounts)),
                owner,
                self.tenant,
                account.name,
                parent,
                account.state,
                tuple(each for each in self.subscriptions.values() if each.account_id == owner),
                tuple(each for each in self.devices.values() if each.account_id == owner),
                tuple(each for each in self.balances.values() if each.account_id == owner),
                account.time_zone,
                account.standing,
            )


def is_asked_for(each: OpenSpendingLimit, asked: SessionsAsked) -> bool:
    """Is a subscription to counters one of those asked for?"""
    session = each.session
    return (
        asked.tenant in (None, each.tenant)
        and asked.account in (None, (each.group_id, session.account_id))
        and asked.session_id in (None, session.session_id)
        and asked.place in (None, (each.group_id, session.number))
    )


def is_meant(account: AccountSummary, narrowed: Narrowed, now: int) -> bool:
    """Is an account one of those asked for?"""
    return (
        narrowed.parent in (None, account.parent)
        and narrowed.state in (None, account.state)
        and narrowed.plan in (None, *account.plans(now))
        and narrowed.device in (None, *(device.name for device in account.devices))
        and narrowed.identity in (None, *account.identities)
    )


def refundable(
    group: Group,
    requests: Iterable[ChargingRequest],
    opened: Mapping[SessionKey, Session],
    closed: Mapping[SessionKey, ClosedSession],
    now: int,
) -> tuple[Edr, ...]:
    """Returns what requests want refunded, or taken back, and what of it was before."""
    group_id = next(iter(group.accounts))
    references = [
        each
        for request in requests
        if request.refunds or request.action is EventAction.REFUND
        for each in references_of(request, group_id, opened, closed, now)
    ]
    return tuple(edr for edr in group.edrs if any(each.means(edr) for each in references))


def answered(
    group: Group,
    requests: Sequence[ChargingRequest],
    opened: Mapping[SessionKey, Session],
    closed: Mapping[SessionKey, ClosedSession],
) -> dict[int, tuple[Edr, ...]]:
    """Returns by session the EDRs of requests that may be asked again."""
    found: dict[int, tuple[Edr, ...]] = {}
    for request in requests:
        session = asked_again(request, opened, closed)
        if session is None:
            continue
        named = session.number, request.request_number
        actions = kept_actions(request)
        same = [
            edr
            for edr in group.edrs
            if (edr.session_number, edr.request_number) == named
            and edr.action in actions
            and session.opened_at <= edr.at <= session.last_request_at
        ]
        known = found.get(session.number, ())
        found[session.number] = (*known, *(edr for edr in same if edr not in known))
    return {number: edrs for number, edrs in found.items() if edrs}
