"""What time brings to accounts though nobody asks: subscriptions and balances that begin and end.

Each is told once: a group knows until when it was looked at, and what has a later date is new. That
something ends soon is told so long before as the tenant says.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from .consequences import consequences
from .decisions import Edr
from .groups import Deed, Group, GroupChange, Subscription, edr_of
from .ledger import Balance
from .moments import moment_text, optional_moment_text
from .notice_types import (
    BalanceExpired,
    BalanceExpiring,
    NoticeData,
    SubscriptionActivated,
    SubscriptionExpired,
    SubscriptionExpiring,
)
from .notices import UNIT_TYPE_NAMES, Notice

SECOND = 1_000_000


class Turn(IntEnum):
    """What may happen to a subscription or a balance; of one moment the end comes first."""

    END = 0
    SOON_TO_END = 1
    BEGINNING = 2


class Passage(NamedTuple):
    """Something has begun or ended at a moment, or was to end soon."""

    at: int
    turn: Turn
    is_balance: bool
    what: Subscription | Balance


ACTIONS: Mapping[tuple[Turn, bool], str] = {
    (Turn.BEGINNING, False): "activate plan subscription",
    (Turn.SOON_TO_END, False): "announce expiry",
    (Turn.END, False): "expire plan subscription",
    (Turn.BEGINNING, True): "activate balance",
    (Turn.SOON_TO_END, True): "announce expiry",
    (Turn.END, True): "expire balance",
}


def wake(group: Group) -> GroupChange:
    """Returns a group as time has made it, and what follows; perhaps nothing.

    Balances keep their figures. What a subscription brought, and begins or ends with it, stands in
    no EDR of its own.
    """
    now, since = group.case.now, group.woken_at
    if since is None or since >= now:
        return GroupChange(group, group._replace(woken_at=max(now, since or now)), ())
    passages = sorted(_passed(group, since))
    after = group._replace(woken_at=now)
    edrs: list[Edr] = []
    for passage in _on_their_own(passages):
        edrs.append(edr_of(_deed(passage), after.case))
        after = after._replace(case=after.case._replace(version=edrs[-1].number))
    if not edrs:
        return GroupChange(group, after, ())
    told = _notices(passages, group)
    case, outgoing = consequences(group.at(since).case, after.case, tuple(edrs), told)
    return GroupChange(group, after._replace(case=case), tuple(edrs), outgoing)


def wake_at(group: Group) -> int | None:
    """Returns when the next thing happens that is not told yet; None: nothing will."""
    since = group.case.now if group.woken_at is None else group.woken_at
    return min((each.at for each in _passages(group) if each.at > since), default=None)


def _passed(group: Group, since: int) -> Iterator[Passage]:
    """Yields what has come to pass; that something was to end soon is told once, before it does."""
    now = group.case.now
    soon: dict[tuple[bool, int], Passage] = {}
    for passage in _passages(group):
        if not since < passage.at <= now:
            continue
        if passage.turn is not Turn.SOON_TO_END:
            yield passage
        elif _matters(passage.what, now):
            soon[passage.is_balance, passage.what.id] = passage
    yield from soon.values()


def _matters(what: Subscription | Balance, now: int) -> bool:
    """Is something not over that was to end soon, and has it anything left?"""
    if what.valid_until is None or what.valid_until <= now:
        return False
    return not isinstance(what, Balance) or what.total > what.used


def _passages(group: Group) -> Iterator[Passage]:
    """Yields when anything begins or ends, and before each end when it is soon, ever nearer."""
    noticed, before = group.case.catalogue.noticed, group.case.catalogue.expiring_before
    of_plans = before if SubscriptionExpiring.type in noticed else ()
    of_balances = before if BalanceExpiring.type in noticed else ()
    for subscription in group.subscriptions.values():
        yield from _dates(subscription, of_plans)
    for balance in group.case.balances.values():
        yield from _dates(balance, of_balances)


def _dates(what: Subscription | Balance, expiring_before: Iterable[int]) -> Iterator[Passage]:
    is_balance, begins, ends = isinstance(what, Balance), what.valid_from, what.valid_until
    if begins is not None:
        yield Passage(begins, Turn.BEGINNING, is_balance, what)
    if ends is None:
        return
    for seconds in expiring_before:
        at = ends - seconds * SECOND
        if begins is None or begins < at:
            yield Passage(at, Turn.SOON_TO_END, is_balance, what)
    yield Passage(ends, Turn.END, is_balance, what)


def _on_their_own(passages: Iterable[Passage]) -> Iterator[Passage]:
    """Yields passages but for those of balances that go with the subscription that brought them."""
    passages = tuple(passages)
    of_plans = {(each.at, each.turn, each.what.id) for each in passages if not each.is_balance}
    for each in passages:
        bringer = each.what.subscription_id if isinstance(each.what, Balance) else None
        if (each.at, each.turn, bringer) not in of_plans:
            yield each


def _deed(passage: Passage) -> Deed:
    """Returns what the journal says of it; nobody gave the command."""
    what = passage.what
    about = what.balance_type if isinstance(what, Balance) else what.plan
    return Deed(ACTIONS[passage.turn, passage.is_balance], what.account_id, None, about)


def _notices(passages: Iterable[Passage], group: Group) -> Iterator[Notice]:
    """Yields what tenants are told; that a balance begins is seen by what it pays for."""
    for _, turn, _, what in passages:
        data = _of_balance(what, turn, group) if isinstance(what, Balance) else _of_plan(what, turn)
        if data is not None:
            yield Notice(what.account_id, group.case.accounts[what.account_id].name, data)


def _of_plan(what: Subscription, turn: Turn) -> NoticeData:
    if turn is Turn.BEGINNING:
        return SubscriptionActivated(what.id, what.plan, optional_moment_text(what.valid_until))
    assert what.valid_until is not None
    until = moment_text(what.valid_until)
    made = SubscriptionExpired if turn is Turn.END else SubscriptionExpiring
    return made(what.id, what.plan, until)


def _of_balance(what: Balance, turn: Turn, group: Group) -> NoticeData | None:
    if what.valid_until is None or turn is Turn.BEGINNING:
        return None
    kind, until = what.balance_type, moment_text(what.valid_until)
    unit_type = UNIT_TYPE_NAMES[group.case.catalogue.balance_types[kind].unit_type]
    made = BalanceExpired if turn is Turn.END else BalanceExpiring
    return made(what.id, kind, unit_type, what.total - what.used, until)
