"""What policy servers are told of counters, and when (TS 29.219 section 4.5).

A report stands in the outbox beside the change that causes it; when it leaves, whatever has been
answered or reported since counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .case import NOTHING, AccountState, Case
from .counting import Found, concerned, statuses, statuses_of
from .decisions import Edr
from .outbox import OutboxKind, Outgoing
from .spending_limits import ABORT_FEATURE, CounterStatus, PendingStatus, SpendingLimitSession

DATES_MAX = 32
"""So many of the dates on which balances begin or end are looked ahead to, the nearest ones."""


class Report(NamedTuple):
    """What a policy server is to be told."""

    statuses: tuple[CounterStatus, ...] = ()
    is_abort: bool = False
    """It is asked to end its subscription: nobody is left whose counters these are."""
    before: tuple[CounterStatus, ...] = ()
    """What it was told of the same counters until then, or was to be told."""

    @property
    def content(self) -> Mapping[str, Any]:
        """Itself as the outbox keeps it."""
        statuses, before = _kept(self.statuses), _kept(self.before)
        return {"statuses": statuses, "is_abort": self.is_abort, "before": before}


def report_of(content: Mapping[str, Any]) -> Report:
    """Returns the report that the outbox keeps as this."""
    return Report(_read(content["statuses"]), content["is_abort"], _read(content["before"]))


def due_report(
    session: SpendingLimitSession,
    waiting: Iterable[tuple[int, Report]],
    now: int,
    may_be_known: bool = False,
) -> Report | None:
    """Returns what a policy server is told of reports that wait, each with its number.

    The newest status of each counter counts. None: there is nothing that it was not told; where
    some of it may have arrived, nobody knows what it was told.
    """
    newest: dict[str, CounterStatus] = {}
    told: dict[str, CounterStatus] = {}
    is_abort = False
    for number, report in sorted(waiting):
        if number > session.answered_version:
            for each in report.before:
                if each.name not in newest:
                    told[each.name] = each
            newest.update({each.name: each for each in report.statuses})
            is_abort = is_abort or report.is_abort
    news = [each.at(now) for _, each in sorted(newest.items())]
    if not may_be_known:
        known = {name: each.at(now) for name, each in told.items()}
        news = [each for each in news if known.get(each.name) != each]
    return Report(tuple(news), is_abort) if news or is_abort else None


def as_known_now(report: Report, session: SpendingLimitSession, now: int) -> Report:
    """Returns a report with what its policy server is told of the same counters in the end."""
    latest = {each.name: each.at(now) for each in session.told}
    statuses = tuple(latest.get(each.name, each) for each in report.statuses)
    return report._replace(statuses=statuses)


def _kept(statuses: Iterable[CounterStatus]) -> Sequence[Any]:
    return [[name, status, [[*each] for each in pending]] for name, status, pending in statuses]


def _read(kept: Iterable[Any]) -> tuple[CounterStatus, ...]:
    return tuple(
        CounterStatus(name, status, tuple(PendingStatus(*each) for each in pending))
        for name, status, pending in kept
    )


def foreseen(
    case: Case, account_id: int, found: Iterable[Found] | None = None
) -> tuple[CounterStatus, ...]:
    """Returns how the counters of an account stand, by name, with what will become of them.

    That balances begin and end is certain; that somebody uses them, or adds to them, is not.
    `found` are its counters as they are now; None: they are not known yet.
    """
    now_known = statuses(case, account_id) if found is None else statuses_of(found)
    dates = _dates(case, account_id)
    if not now_known or not dates:
        return now_known
    latest = {each.name: each.status for each in now_known}
    pending: dict[str, list[PendingStatus]] = {}
    for at in dates:
        for name, status, _ in statuses(case, account_id, at):
            if latest.get(name, status) != status:
                pending.setdefault(name, []).append(PendingStatus(status, at))
                latest[name] = status
    return tuple(each._replace(pending=tuple(pending.get(each.name, ()))) for each in now_known)


def reported(
    before: Case, after: Case, edrs: tuple[Edr, ...], found: Mapping[int, Iterable[Found]] = NOTHING
) -> tuple[Case, tuple[Outgoing, ...]]:
    """Returns a case with what policy servers are to be told of it, and those reports.

    Those accounts are looked at that the EDRs are about, and those whose balances they post.
    `found` are the counters of some, as they are now.
    """
    limits, now = after.spending_limits, after.now
    if not limits:
        return after, ()
    accounts = concerned(after, edrs)
    sessions = [each for each in limits.values() if each.account_id in accounts]
    outgoing: list[Outgoing] = []
    now_known: dict[int, tuple[CounterStatus, ...]] = {}
    for session in sorted(sessions):
        number = session.account_id
        if number not in now_known:
            now_known[number] = foreseen(after, number, found.get(number))
        told, report = _news(session, now_known[number], now)
        if report is not None:
            limits = {**limits, session.session_id: session._replace(told=told)}
            outgoing.append(_outgoing(session, report))
        elif _has_lost_account(session, before, after):
            outgoing.append(_outgoing(session, Report(is_abort=True)))
    if not outgoing:
        return after, ()
    return after._replace(spending_limits=limits), tuple(outgoing)


def _news(
    session: SpendingLimitSession, known: Iterable[CounterStatus], now: int
) -> tuple[tuple[CounterStatus, ...], Report | None]:
    """Returns all that a policy server is told in the end, and what of it it was not told yet."""
    told = {each.name: each.at(now) for each in session.told}
    news = [each for each in known if session.wants(each.name) and told.get(each.name) != each]
    if not news:
        return session.told, None
    before = tuple(told[each.name] for each in news if each.name in told)
    told.update({each.name: each for each in news})
    return tuple(told.values()), Report(tuple(news), before=before)


def _has_lost_account(session: SpendingLimitSession, before: Case, after: Case) -> bool:
    """Is its account deleted with this change, and does its policy server want to hear of it?"""
    number, deleted = session.account_id, AccountState.DELETED
    was, is_now = before.accounts[number].state, after.accounts[number].state
    return is_now is deleted and was is not deleted and bool(session.features & ABORT_FEATURE)


def _outgoing(session: SpendingLimitSession, report: Report) -> Outgoing:
    return Outgoing(
        OutboxKind.SPENDING_LIMIT,
        session.account_id,
        report.content,
        session.origin_host,
        session.origin_realm,
        session.number,
        session.session_id,
    )


def _dates(case: Case, account_id: int) -> list[int]:
    """Returns when balances of an account begin or end, the nearest dates first."""
    dates = {
        date
        for balance in case.balances.values()
        if balance.account_id == account_id
        for date in (balance.valid_from, balance.valid_until)
        if date is not None and date > case.now
    }
    return sorted(dates)[:DATES_MAX]
