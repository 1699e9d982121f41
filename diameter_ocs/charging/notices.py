"""Which notices follow from a change, and the rows of them that leave, one for each sink.

What commands and time make of accounts is found between a group before and after; what charging
does, in its EDRs, balances and counters.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

from .case import Account, AccountState, Case
from .catalogue import Catalogue
from .counters import BalanceCounter
from .counting import CREDIT, CounterChange
from .decisions import Edr, Outcome
from .groups import Device, Group, Subscription
from .ledger import Balance
from .moments import moment_text, optional_moment_text
from .notice_types import (
    AccountChanged,
    AccountCreated,
    AccountDeleted,
    AccountStateName,
    BalanceExhausted,
    BalanceReplenished,
    CounterChanged,
    CreditCrossed,
    DeviceChanged,
    DeviceCreated,
    DeviceDeleted,
    IdentityKindName,
    NamedIdentity,
    NoticeData,
    SessionAbandoned,
    SessionUnknown,
    SubscriptionActivated,
    SubscriptionAdded,
    SubscriptionCancelled,
    UnitTypeName,
    UsageOverrun,
    target_of,
)
from .outbox import OutboxKind, Outgoing
from .requests import Identity, IdentityKind, session_id_text
from .units import UnitType

DELETED = AccountState.DELETED
UNIT_TYPE_NAMES: Mapping[UnitType | None, UnitTypeName] = {
    None: "money",
    UnitType.MONEY: "money",
    UnitType.TIME: "time",
    UnitType.VOLUME: "volume",
    UnitType.SERVICE_SPECIFIC_UNITS: "units",
}
STATE_NAMES: Mapping[AccountState, AccountStateName] = {
    AccountState.ACTIVE: "active",
    AccountState.SUSPENDED: "suspended",
}
KIND_NAMES: Mapping[IdentityKind, IdentityKindName] = {
    IdentityKind.IMSI: "imsi",
    IdentityKind.MSISDN: "msisdn",
    IdentityKind.SIP_URI: "sip_uri",
    IdentityKind.NAI: "nai",
    IdentityKind.PRIVATE: "private",
}


class Owned(Protocol):
    """What belongs to an account."""

    @property
    def account_id(self) -> int:
        """The account's id."""


P = TypeVar("P", bound=Owned)


class Notice(NamedTuple):
    """Something that has happened, and whom it is about."""

    account_id: int
    subject: str
    """The account's name, or what peers are told apart by."""
    data: NoticeData


class Occasion(NamedTuple):
    """When notices come about."""

    group_id: int
    number: int
    """With the group it tells the occasion from all others."""
    at: int
    """Microseconds since 1970."""


def rows_of(
    notices: Iterable[Notice], catalogue: Catalogue, occasion: Occasion
) -> tuple[Outgoing, ...]:
    """Returns what leaves of notices: each for every sink of the tenant that wants its type.

    The id of a notice is the same for all of them.
    """
    group_id, number, at = occasion
    return tuple(
        Outgoing(
            OutboxKind.NOTICE,
            notice.account_id,
            {
                "id": f"{group_id}-{number}-{place}",
                "type": notice.data.type,
                "subject": notice.subject,
                "time": moment_text(at),
                "data": _plain(notice.data),
            },
            target_of(catalogue.tenant, sink),
        )
        for place, notice in enumerate(notices)
        for sink in catalogue.noticed.get(notice.data.type, ())
    )


def charged(
    before: Case, after: Case, edrs: Sequence[Edr], changes: Iterable[CounterChange]
) -> Iterator[Notice]:
    """Yields what charging, supervision and credits bring about."""
    accounts = after.accounts
    for edr in edrs:
        name = accounts[edr.account_id].name
        for data in _of_edr(edr):
            yield Notice(edr.account_id, name, data)
    moved = {posting.balance_id for edr in edrs for posting in edr.postings}
    for number in sorted(moved & before.balances.keys() & after.balances.keys()):
        balance = after.balances[number]
        for data in _of_balance(before.balances[number], balance, after):
            yield Notice(balance.account_id, accounts[balance.account_id].name, data)
    yield from turned(changes, accounts, after.catalogue)


def turned(
    changes: Iterable[CounterChange], accounts: Mapping[int, Account], catalogue: Catalogue
) -> Iterator[Notice]:
    """Yields which counters of accounts have other states."""
    for change in changes:
        if change.is_notified:
            data = _of_counter(change, catalogue)
            yield Notice(change.account_id, accounts[change.account_id].name, data)


def commanded(before: Group, after: Group) -> Iterator[Notice]:
    """Yields what is new, other or gone among accounts, their devices and subscriptions.

    What an account had goes with it, without a word of its own.
    """
    for number, account in sorted(after.case.accounts.items()):
        known = before.case.accounts.get(number)
        for data in _of_account(known, account, after.case):
            yield Notice(number, account.name, data)
        if account.state is not DELETED:
            found = _of_devices(_own(before.devices, number), _own(after.devices, number))
            for device_data in found:
                yield Notice(number, account.name, device_data)
            old, new = _own(before.subscriptions, number), _own(after.subscriptions, number)
            for data in _of_subscriptions(old, new, after.case.now):
                yield Notice(number, account.name, data)


def opened(
    account: Account, device: Device | None, subscriptions: Sequence[Subscription], at: int
) -> Iterator[Notice]:
    """Yields what there is to say of an account that is opened without a parent."""
    data: list[NoticeData] = [AccountCreated(account.plans, None, account.time_zone)]
    if device is not None:
        data += _of_devices({}, {device.id: device})
    data += _of_subscriptions({}, {each.id: each for each in subscriptions}, at)
    for each in data:
        yield Notice(account.id, account.name, each)


def _of_edr(edr: Edr) -> Iterator[NoticeData]:
    session_id = None if edr.session_id is None else session_id_text(edr.session_id)
    if edr.action == "abandoned" and session_id is not None:
        groups = dict.fromkeys(each.rating_group for each in edr.services)
        held = tuple(group for group in groups if group is not None)
        yield SessionAbandoned(session_id, edr.origin_host, edr.reason, held)
    is_unknown = edr.outcome is Outcome.SESSION_UNKNOWN and "session_unknown" in (edr.reason or "")
    if is_unknown and session_id is not None:
        yield SessionUnknown(session_id, edr.origin_host)
    for service in edr.services:
        settlement = service.settlement
        if settlement.overrun:
            over = settlement.overrun, settlement.overrun_amount
            yield UsageOverrun(session_id, service.rating_group, *over)


def _of_balance(old: Balance, new: Balance, case: Case) -> Iterator[NoticeData]:
    had, has = old.total - old.used, new.total - new.used
    if (had > 0) is (has > 0):
        return
    kind = new.balance_type
    named = new.id, kind, UNIT_TYPE_NAMES[case.catalogue.balance_types[kind].unit_type]
    if has > 0:
        yield BalanceReplenished(*named, has)
        return
    others = [
        each.total - each.used
        for each in case.balances.values()
        if (each.account_id, each.balance_type) == (new.account_id, kind)
        and each.id != new.id
        and not each.has_ended(case.now)
    ]
    yield BalanceExhausted(*named, new.total, sum(others))


def _of_counter(change: CounterChange, catalogue: Catalogue) -> NoticeData:
    counter, previous, state = change.counter, change.previous, change.state
    if not isinstance(counter, BalanceCounter):
        return CounterChanged(counter.name, None, previous, state, None, False, None)
    kind = counter.balance_type
    thresholds = {each.name: each.threshold for each in counter.states}
    if counter.name == CREDIT:
        return CreditCrossed(kind, thresholds.get(state), thresholds.get(previous))
    unit_type = UNIT_TYPE_NAMES[catalogue.balance_types[kind].unit_type]
    threshold, is_in_percent = thresholds.get(state), counter.is_in_percent
    return CounterChanged(counter.name, kind, previous, state, threshold, is_in_percent, unit_type)


def _of_account(old: Account | None, new: Account, case: Case) -> Iterator[NoticeData]:
    if old is None:
        parent = None if new.parent_id is None else case.accounts[new.parent_id].name
        yield AccountCreated(new.plans, parent, new.time_zone)
    elif new.state is DELETED:
        if old.state is not DELETED:
            yield AccountDeleted()
    elif (old.state, old.time_zone) != (new.state, new.time_zone):
        states = STATE_NAMES[new.state], STATE_NAMES[old.state]
        yield AccountChanged(*states, new.time_zone, old.time_zone)


def _of_devices(old: Mapping[int, Device], new: Mapping[int, Device]) -> Iterator[NoticeData]:
    for number in sorted(old.keys() | new.keys()):
        was, device = old.get(number), new.get(number)
        if device is None:
            assert was is not None
            yield DeviceDeleted(was.name, _identities(was.identities))
        elif was is None:
            yield DeviceCreated(device.name, _identities(device.identities))
        elif was.identities != device.identities:
            known, before = _identities(device.identities), _identities(was.identities)
            yield DeviceChanged(device.name, known, before)


def _of_subscriptions(
    old: Mapping[int, Subscription], new: Mapping[int, Subscription], now: int
) -> Iterator[NoticeData]:
    for number, each in sorted({**old, **new}.items()):
        was, until = old.get(number), optional_moment_text(each.valid_until)
        if number not in new:
            yield SubscriptionCancelled(number, each.plan)
        elif was is None:
            begins = each.subscribed_at if each.valid_from is None else each.valid_from
            yield SubscriptionAdded(number, each.plan, moment_text(begins), until)
            if each.is_active(now):
                yield SubscriptionActivated(number, each.plan, until)
        elif was.valid_until != each.valid_until and not each.is_active(now):
            yield SubscriptionCancelled(number, each.plan)


def _own(parts: Mapping[int, P], account_id: int) -> Mapping[int, P]:
    return {number: each for number, each in parts.items() if each.account_id == account_id}


def _identities(identities: Iterable[Identity]) -> tuple[NamedIdentity, ...]:
    return tuple(NamedIdentity(KIND_NAMES[each.kind], each.value) for each in identities)


def _plain(value: Any) -> Any:
    """Returns what can be written as JSON."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value
