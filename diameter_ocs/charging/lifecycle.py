"""What time brings to accounts though nobody asks: subscriptions and balances that begin and end.

Each is told once: a group knows until when it was looked at, and what has a later date is new.
"""

from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import NamedTuple

from .consequences import consequences
from .decisions import Edr
from .groups import Deed, Group, GroupChange, Subscription, edr_of
from .ledger import Balance


class Turn(IntEnum):
    """What may happen to a subscription or a balance at a moment; the end comes first."""

    END = 0
    BEGINNING = 1


class Passage(NamedTuple):
    """Something has begun or ended at a moment."""

    at: int
    turn: Turn
    is_balance: bool
    what: Subscription | Balance


ACTIONS: Mapping[tuple[Turn, bool], str] = {
    (Turn.BEGINNING, False): "activate plan subscription",
    (Turn.END, False): "expire plan subscription",
    (Turn.BEGINNING, True): "activate balance",
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
    after = group._replace(woken_at=now)
    edrs: list[Edr] = []
    for passage in sorted(_passages(group, since, now)):
        if not _goes_with_another(passage, group):
            edrs.append(edr_of(_deed(passage), after.case))
            after = after._replace(case=after.case._replace(version=edrs[-1].number))
    if not edrs:
        return GroupChange(group, after, ())
    before = group.at(since).case
    case, outgoing = consequences(before, after.case, tuple(edrs))
    return GroupChange(group, after._replace(case=case), tuple(edrs), outgoing)


def wake_at(group: Group) -> int | None:
    """Returns when something begins or ends next, since the group was woken; None: nothing does."""
    since = group.case.now if group.woken_at is None else group.woken_at
    return min((each.at for each in _passages(group, since)), default=None)


def _passages(group: Group, since: int, until: int | None = None) -> Iterator[Passage]:
    """Yields what begins or ends after a moment, and not after another; None: ever."""
    owned: tuple[tuple[bool, Mapping[int, Subscription | Balance]], ...] = (
        (False, group.subscriptions),
        (True, group.case.balances),
    )
    for is_balance, parts in owned:
        for what in parts.values():
            for turn, at in ((Turn.BEGINNING, what.valid_from), (Turn.END, what.valid_until)):
                if at is not None and since < at and (until is None or at <= until):
                    yield Passage(at, turn, is_balance, what)


def _goes_with_another(passage: Passage, group: Group) -> bool:
    """Did a subscription bring it, and begins or ends at the same moment?"""
    what = passage.what
    if not isinstance(what, Balance) or what.subscription_id is None:
        return False
    bringer = group.subscriptions.get(what.subscription_id)
    if bringer is None:
        return False
    dates = {Turn.BEGINNING: bringer.valid_from, Turn.END: bringer.valid_until}
    return dates[passage.turn] == passage.at


def _deed(passage: Passage) -> Deed:
    """Returns what the journal says of it; nobody gave the command."""
    what = passage.what
    about = what.balance_type if isinstance(what, Balance) else what.plan
    return Deed(ACTIONS[passage.turn, passage.is_balance], what.account_id, None, about)
