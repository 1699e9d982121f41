"""Subscriptions to counters as rows, and rows as subscriptions."""

from typing import Any

import msgspec

from ..charging.case import Case
from ..charging.requests import SessionKey
from ..charging.spending_limits import CounterStatus, SpendingLimitSession
from .database import Row
from .sessions import digest

_counters = msgspec.json.Decoder(tuple[str, ...])
_told = msgspec.json.Decoder(tuple[CounterStatus, ...])
_encode = msgspec.json.Encoder().encode


def session_of(row: tuple[Any, ...]) -> SpendingLimitSession:
    """Reads a row of LOAD_SPENDING_LIMITS."""
    _, number, account_id, session_id, host, realm, opened_at, updated_at, *rest = row
    counters, features, told, version = rest
    return SpendingLimitSession(
        number,
        account_id,
        session_id,
        host,
        realm,
        opened_at,
        updated_at,
        None if counters is None else _counters.decode(counters),
        features,
        _told.decode(told),
        version,
    )


def add_changed(rows: dict[str, list[Row]], before: Case, after: Case) -> None:
    """Adds the rows of what has become of the subscriptions of a group."""
    group = before.group_id
    old = {session.number: session for session in before.spending_limits.values()}
    new = {session.number: session for session in after.spending_limits.values()}
    for number, session in sorted(new.items()):
        if number not in old:
            rows["subscribed"].append(_inserted(group, session))
        elif session is not old[number] and session != old[number]:
            rows["resubscribed"].append(_updated(group, session))
    rows["unsubscribed"] += [(group, number) for number in sorted(old.keys() - new.keys())]


def _inserted(group_id: int, session: SpendingLimitSession) -> Row:
    key = digest(SessionKey(session.session_id))
    return (
        group_id,
        session.number,
        session.account_id,
        key,
        session.session_id,
        session.origin_host,
        session.origin_realm,
        session.opened_at,
        *_changing(session),
        None,
    )


def _updated(group_id: int, session: SpendingLimitSession) -> Row:
    where = group_id, session.number, session.origin_host, session.origin_realm
    return (*where, *_changing(session))


def _changing(session: SpendingLimitSession) -> Row:
    """Returns what requests of the policy server make anew, and reports to it."""
    counters = session.counters
    return (
        session.updated_at,
        None if counters is None else _encode(counters),
        session.features,
        _encode(session.told),
        session.answered_version,
    )
