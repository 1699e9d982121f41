"""Subscriptions to counters: how they begin, change and end (TS 29.219 sections 4.5.1 and 4.5.3).

A suspended account is served as any other: its counters stand as they stand, and what it may use
is decided elsewhere.
"""

from collections.abc import Iterable
from typing import NamedTuple

from .case import AccountState, Case
from .counters import PolicyCounterType
from .decisions import Edr, EdrKind, Outcome
from .identification import subscriber
from .reporting import foreseen
from .spending_limits import (
    SUPPORTED_FEATURES,
    CounterStatus,
    SpendingLimitAnswer,
    SpendingLimitEnd,
    SpendingLimitOutcome,
    SpendingLimitRequest,
    SpendingLimitSession,
)

SUBSCRIBED = "spending limit subscription"
ENDED = "spending limit subscription ended"
"""What the EDRs call it."""
REPLACED = "replaced"
"""Why one ends whose policy server has begun another one of the same name."""
CROWDED_OUT = "too_many"
"""Why one ends that was not heard of for longest, where an account has too many."""
FORGOTTEN = "unknown_to_policy_server"
"""Why one ends whose policy server does not know it any more."""

SESSIONS_MAX = 256
"""Subscriptions to the counters of one account: each of its devices may have some. Every change of
its balances looks at each of them."""


class Subscribed(NamedTuple):
    """What a request is answered, and what it makes of a case."""

    answer: SpendingLimitAnswer
    after: Case
    edrs: tuple[Edr, ...] = ()
    """Empty: the case is as it was."""


def subscribe(request: SpendingLimitRequest, case: Case) -> Subscribed:
    """Opens a subscription, or goes on with the one of the same name.

    One that is opened anew, as when the first answer was lost, is still one subscription; of
    another account it is a new one. What is refused changes nothing.
    """
    known = case.spending_limits.get(request.session_id)
    if not request.is_initial and known is None:
        return _refused(SpendingLimitOutcome.SESSION_UNKNOWN, case)
    account_id = subscriber(request.identities, case.directory)
    if not request.is_initial and known is not None:
        account_id = known.account_id
    if account_id is None or case.accounts[account_id].state is AccountState.DELETED:
        return _refused(SpendingLimitOutcome.USER_UNKNOWN, case)
    unknown = [name for name in request.counters if not _is_known(name, case)]
    if unknown and not case.catalogue.ignores_unknown_counters:
        return _refused(SpendingLimitOutcome.UNKNOWN_COUNTERS, case, unknown)
    wanted = tuple(name for name in request.counters if name not in unknown)
    statuses = foreseen(case, account_id)
    if request.counters:
        statuses = tuple(each for each in statuses if each.name in wanted)
    if not statuses:
        return _refused(SpendingLimitOutcome.NO_COUNTERS, case)
    if known is not None and known.account_id != account_id:
        ended = _ended(known, REPLACED, case)
        opened = _opened(request, account_id, (wanted, statuses), ended.after)
        return opened._replace(edrs=(*ended.edrs, *opened.edrs))
    return _opened(request, account_id, (wanted, statuses), case)


def unsubscribe(asked: SpendingLimitEnd, case: Case, reason: str | None = None) -> Subscribed:
    """Ends the subscription of a name; nobody is told of it but who asked."""
    known = case.spending_limits.get(asked.session_id)
    if known is None or asked.updated_at not in (None, known.updated_at):
        return _refused(SpendingLimitOutcome.SESSION_UNKNOWN, case)
    return _ended(known, reason, case)


def _opened(
    request: SpendingLimitRequest,
    account_id: int,
    subject: tuple[tuple[str, ...], tuple[CounterStatus, ...]],
    case: Case,
) -> Subscribed:
    """Opens a subscription to counters with these statuses, or renews it."""
    wanted, statuses = subject
    edrs: tuple[Edr, ...] = ()
    known = case.spending_limits.get(request.session_id)
    if known is None:
        case, edrs = _with_room(account_id, case)
    features = _agreed(request, known)
    session = SpendingLimitSession(
        number=case.version + 1 if known is None else known.number,
        account_id=account_id,
        session_id=request.session_id,
        origin_host=request.origin_host,
        origin_realm=request.origin_realm,
        opened_at=case.now if known is None else known.opened_at,
        updated_at=case.now,
        counters=wanted if request.counters else None,
        features=features,
        told=statuses,
        answered_version=case.version + 1,
    )
    edr = _edr(SUBSCRIBED, session, case)._replace(end_to_end_id=request.end_to_end_id)
    limits = {**case.spending_limits, session.session_id: session}
    after = case._replace(version=edr.number, spending_limits=limits)
    answered = None if request.features is None else features or None
    answer = SpendingLimitAnswer(SpendingLimitOutcome.SUCCESS, statuses, (), answered)
    return Subscribed(answer, after, (*edrs, edr))


def _with_room(account_id: int, case: Case) -> tuple[Case, tuple[Edr, ...]]:
    """Returns a case in which an account may have one more subscription, and the EDR of that."""
    own = [each for each in case.spending_limits.values() if each.account_id == account_id]
    if len(own) < SESSIONS_MAX:
        return case, ()
    oldest = min(own, key=lambda session: (session.updated_at, session.number))
    ended = _ended(oldest, CROWDED_OUT, case)
    return ended.after, ended.edrs


def _ended(session: SpendingLimitSession, reason: str | None, case: Case) -> Subscribed:
    limits = {
        name: each for name, each in case.spending_limits.items() if name != session.session_id
    }
    edr = _edr(ENDED, session, case)._replace(reason=reason)
    after = case._replace(version=edr.number, spending_limits=limits)
    return Subscribed(SpendingLimitAnswer(SpendingLimitOutcome.SUCCESS), after, (edr,))


def _refused(outcome: SpendingLimitOutcome, case: Case, unknown: Iterable[str] = ()) -> Subscribed:
    return Subscribed(SpendingLimitAnswer(outcome, unknown=tuple(unknown)), case)


def _is_known(name: str, case: Case) -> bool:
    """Is there a counter of that name that policy servers may know? The account may lack it."""
    catalogue = case.catalogue
    policy = catalogue.policy_counters.get(name)
    return name in catalogue.counters or (
        policy is not None and policy.type is PolicyCounterType.POLICY
    )


def _agreed(request: SpendingLimitRequest, known: SpendingLimitSession | None) -> int:
    """Returns the features that both sides support; who goes on and names none keeps them."""
    if request.features is not None:
        return request.features & SUPPORTED_FEATURES
    return 0 if request.is_initial or known is None else known.features


def _edr(action: str, session: SpendingLimitSession, case: Case) -> Edr:
    return Edr(
        number=case.version + 1,
        at=case.now,
        account_id=session.account_id,
        kind=EdrKind.ACCOUNT,
        action=action,
        outcome=Outcome.SUCCESS,
        postings=(),
        session_id=session.session_id,
        origin_host=session.origin_host,
        catalogue_version=case.catalogue.version,
        session_number=session.number,
    )
