"""Sessions that may ask again: they were refused, or got their last quota, and something came back.

Their gateways are told so (RFC 8506 section 5.5), and in the next request of such a session a
service that says nothing of a quota asks for one.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from .case import Account, Case
from .catalogue import Reauthorization
from .decisions import Edr, EdrKind, Outcome
from .ledger import Balance, is_valid
from .outbox import OutboxKind, Outgoing
from .session import Session
from .standing import Standing

ACCOUNT = EdrKind.ACCOUNT
SHORT_MAX = 64
"""Rating groups of sessions of one account that are remembered as refused."""
REFUSED = frozenset({Outcome.LIMIT_REACHED, Outcome.SERVICE_DENIED})


class Reason(StrEnum):
    """Why a session may ask again."""

    BALANCE = "balance"
    """There is more available than before."""
    PLANS = "plans"
    """The account has other plans."""
    UNBLOCKED = "unblocked"
    """A counter lets balances pay again."""
    COMMAND = "command"
    """An operator says so."""


class _Return(NamedTuple):
    """What has come back to an account."""

    reason: Reason
    types: frozenset[str] | None = None
    """The types of the balances that have more available; None: whatever it is."""


_NOTHING = _Return(Reason.BALANCE)


def called(account_id: int, reason: Reason, sessions: Sequence[int] | None) -> Outgoing:
    """Returns the call to ask again for sessions of an account; None: all that are open."""
    content = {"reason": reason, "sessions": None if sessions is None else list(sessions)}
    return Outgoing(OutboxKind.REAUTHORIZATION, account_id, content)


def aborted(session: Session) -> Outgoing:
    """Returns what tells a gateway that its session has ended here."""
    return Outgoing(
        OutboxKind.ABORT,
        session.account_id,
        {},
        session.origin_host,
        session.origin_realm,
        session.number,
        session.key.session_id,
    )


def reauthorized(before: Case, after: Case, edrs: Sequence[Edr]) -> tuple[Case, list[Outgoing]]:
    """Returns the case with what is known of refused sessions, and which are called to ask again.

    A session that has just asked is answered: it is not called for what its request frees.
    """
    whom = after.catalogue.session_rules.reauthorization
    if whom is Reauthorization.NONE:
        return after, []
    answered: set[int] = set()
    for edr in edrs:
        if edr.session_number is not None:
            answered.add(edr.session_number)
            after = _noted(edr, after)
    returns = _returns(before, after, edrs)
    if not returns:
        return after, []
    is_commanded = any(edr.actor is not None for edr in edrs)
    return _called(after, returns, answered, is_commanded and whom is Reauthorization.ALL)


def sessions_called(account_id: int, case: Case) -> tuple[Case, Outgoing]:
    """Calls all open sessions of an account, because an operator says so."""
    standing = case.accounts[account_id].standing
    numbers = _open(account_id, case)
    standings = {account_id: standing._replace(called=_latest(numbers))}
    return _standing(case, standings), called(account_id, Reason.COMMAND, None)


def _noted(edr: Edr, after: Case) -> Case:
    """Notes what a request, or the end of a session, makes of it."""
    standing, number = after.accounts[edr.account_id].standing, edr.session_number
    short, served = _groups(edr)
    if not (short or standing.short or standing.called):
        return after
    assert number is not None
    is_open = any(session.number == number for session in after.sessions.values())
    found = [
        each
        for each in standing.short
        if each[0] != number or (is_open and each[1] not in short and each[1] not in served)
    ]
    if is_open:
        found += [(number, group) for group in short]
    kept = tuple(sorted(found)[-SHORT_MAX:])
    waiting = standing.called
    if edr.end_to_end_id is not None or not is_open:
        waiting = tuple([each for each in waiting if each != number])
    if kept == standing.short and waiting == standing.called:
        return after
    return _standing(after, {edr.account_id: standing._replace(short=kept, called=waiting)})


def _groups(edr: Edr) -> tuple[set[int], set[int]]:
    """Returns the rating groups that were refused or got their last quota, and the others."""
    short, served = set(), set()
    for service in edr.services:
        grant, group = service.grant, service.rating_group
        if group is None:
            continue
        if service.outcome in REFUSED or (grant is not None and grant.is_final):
            short.add(group)
        elif grant is not None and grant.units:
            served.add(group)
    return short, served


def _returns(before: Case, after: Case, edrs: Iterable[Edr]) -> dict[int, _Return]:
    """Returns what has come back to accounts."""
    returns: dict[int, _Return] = {}
    raised: dict[int, int] = {}
    for edr in edrs:
        for number, total, used, reserved in edr.postings:
            raised[number] = raised.get(number, 0) + total - used - reserved
        if edr.kind is ACCOUNT:
            raised |= _begun(before, after)
    for number, by in raised.items():
        balance = after.balances.get(number)
        if by <= 0 or balance is None or balance.available <= 0:
            continue
        if _is_valid(balance, after):
            standing = after.accounts[balance.account_id].standing
            if balance.balance_type not in standing.blocked:
                old = returns.get(balance.account_id, _NOTHING)
                types = frozenset({balance.balance_type}).union(old.types or ())
                returns[balance.account_id] = _Return(Reason.BALANCE, types)
    if after.accounts is not before.accounts:
        returns.update(_of_accounts(before.accounts, after.accounts))
    return returns


def _begun(before: Case, after: Case) -> dict[int, int]:
    """Returns what is available of balances that did not pay before, by their dates."""
    return {
        number: balance.available
        for number, balance in after.balances.items()
        if _is_valid(balance, after) and not _is_valid(before.balances.get(number), before)
    }


def _is_valid(balance: Balance | None, case: Case) -> bool:
    """Is there such a balance that has begun and not ended?"""
    return balance is not None and is_valid(balance.valid_from, balance.valid_until, case.now)


def _of_accounts(
    before: Mapping[int, Account], after: Mapping[int, Account]
) -> Iterable[tuple[int, _Return]]:
    for number, account in after.items():
        old = before.get(number)
        if old is None or old is account:
            continue
        if not set(account.plans) <= set(old.plans):
            yield number, _Return(Reason.PLANS)
        elif not set(old.standing.blocked) <= set(account.standing.blocked):
            yield number, _Return(Reason.UNBLOCKED)


def _called(
    after: Case, returns: Mapping[int, _Return], answered: set[int], calls_all: bool
) -> tuple[Case, list[Outgoing]]:
    """Calls the sessions of the accounts that somebody may pay for who has more than before."""
    outgoing: list[Outgoing] = []
    standings: dict[int, Standing] = {}
    for account in after.accounts.values():
        standing = account.standing
        if not standing.short and not calls_all:
            continue
        back = [returns[payer] for payer in after.payers(account) if payer in returns]
        due = {
            each
            for each in standing.short
            if each[0] not in answered and any(_may_pay(account, each[1], r, after) for r in back)
        }
        if not back or not (due or calls_all):
            continue
        reason, _ = back[0]
        numbers = {number for number, _ in due}
        if calls_all:
            numbers |= _open(account.id, after)
        outgoing.append(called(account.id, reason, None if calls_all else sorted(numbers)))
        standings[account.id] = standing._replace(
            short=tuple([each for each in standing.short if each not in due]),
            called=_latest({*standing.called, *numbers}),
        )
    return (_standing(after, standings) if standings else after), outgoing


def _may_pay(account: Account, rating_group: int, back: _Return, case: Case) -> bool:
    """May what has come back pay for a rating group, if its restrictions hold?"""
    if back.types is None:
        return True
    candidates = case.catalogue.candidates(account.plans, rating_group)
    return any(not back.types.isdisjoint(each.service.balance_types) for each in candidates)


def _open(account_id: int, case: Case) -> set[int]:
    """Returns the sessions of an account that are known to be open."""
    sessions = case.sessions.values()
    return {session.number for session in sessions if session.account_id == account_id}


def _latest(numbers: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(numbers)[-SHORT_MAX:])


def _standing(case: Case, standings: Mapping[int, Standing]) -> Case:
    accounts = dict(case.accounts)
    for number, standing in standings.items():
        accounts[number] = accounts[number]._replace(standing=standing)
    return case._replace(accounts=accounts)
