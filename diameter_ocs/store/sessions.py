"""Sessions as rows, and rows as sessions: open ones, and what is remembered of those that ended."""

from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Table, and_, or_

from ..charging.circumstances import may_come_again
from ..charging.location import NO_CIRCUMSTANCES, Circumstances
from ..charging.requests import SessionKey
from ..charging.session import ClosedSession, CloseReason, Line, Reservation, Session

CIRCUMSTANCES_REMEMBERED = 4096
"""How many different ones are kept as they are written."""

_lines = msgspec.json.Decoder(tuple[Line, ...])
_reservations = msgspec.json.Decoder(tuple[Reservation, ...])
_circumstances = msgspec.json.Decoder(Circumstances)
_encode = msgspec.json.Encoder().encode


def digest(key: SessionKey) -> int:
    """Returns a number by which a session is found; two keys may share it."""
    name = key.session_id
    if key.sub_session_id is not None:
        name += b"\0%d" % key.sub_session_id
    return int.from_bytes(blake2b(name, digest_size=8).digest(), signed=True)


def named(table: Table, session_id: bytes) -> ColumnElement[bool]:
    """Finds the sessions of a Session-Id with all sub-sessions, by the indexes of their table."""
    is_sub_session = table.c.sub_session_id.is_not(None)
    alone = and_(table.c.digest == digest(SessionKey(session_id)), ~is_sub_session)
    return or_(
        and_(alone, table.c.session_id == session_id),
        and_(is_sub_session, table.c.session_id == session_id),
    )


def session_of(row: tuple[Any, ...]) -> Session:
    """Reads a row of LOAD_SESSIONS."""
    (_, number, account_id, session_id, sub_session_id, context, host, realm, *rest) = row
    (opened_at, last_request_at, request_number, catalogue_version, lines, *rest) = rest
    reservations, supervise_at, circumstances, charging_id, origin_state_id, cost = rest
    return Session(
        number,
        account_id,
        SessionKey(session_id, sub_session_id),
        context,
        host,
        realm,
        opened_at,
        last_request_at,
        request_number,
        catalogue_version,
        _lines.decode(lines),
        _reservations.decode(reservations),
        supervise_at,
        circumstances_of(circumstances),
        charging_id,
        origin_state_id,
        cost,
    )


def circumstances_of(document: str | None) -> Circumstances:
    """Reads the circumstances of a session."""
    return NO_CIRCUMSTANCES if document is None else _circumstances.decode(document)


def circumstances_text(circumstances: Circumstances) -> bytes | None:
    """Writes circumstances; those of the requests of a session are mostly the same."""
    if may_come_again(circumstances.information):
        return _remembered_text(circumstances)
    return _encode(circumstances)


@lru_cache(maxsize=CIRCUMSTANCES_REMEMBERED)
def _remembered_text(circumstances: Circumstances) -> bytes | None:
    return None if circumstances == NO_CIRCUMSTANCES else _encode(circumstances)


def closed_session_of(row: tuple[Any, ...]) -> ClosedSession:
    """Reads a row of LOAD_CLOSED_SESSIONS."""
    *facts, circumstances, charging_id, origin_state_id, cost, closed_at, reason = row
    ended = session_of((*facts, b"[]", 0, circumstances, charging_id, origin_state_id, cost))
    return ClosedSession(ended, closed_at, CloseReason(reason))


def closed(group_id: int, ended: ClosedSession) -> tuple[Any, ...]:
    """Returns the values of INSERT_CLOSED_SESSIONS."""
    session = ended.session
    return (
        *_identifying(group_id, session),
        session.last_request_at,
        session.request_number,
        session.catalogue_version,
        _encode(session.lines),
        ended.closed_at,
        ended.reason,
        circumstances_text(session.circumstances),
        session.charging_id,
        session.origin_state_id,
        session.cost,
    )


def inserted(group_id: int, session: Session) -> tuple[Any, ...]:
    """Returns the values of INSERT_SESSIONS."""
    *changing, cost = _changing(session)
    bearer = session.charging_id, session.origin_state_id
    return *_identifying(group_id, session), *changing, *bearer, cost


def updated(group_id: int, session: Session) -> tuple[Any, ...]:
    """Returns the values of UPDATE_SESSIONS."""
    return (
        group_id,
        session.number,
        session.origin_host,
        session.origin_realm,
        *_changing(session),
    )


def _identifying(group_id: int, session: Session) -> tuple[Any, ...]:
    return (
        group_id,
        session.number,
        session.account_id,
        digest(session.key),
        session.key.session_id,
        session.key.sub_session_id,
        session.service_context,
        session.origin_host,
        session.origin_realm,
        session.opened_at,
    )


def _changing(session: Session) -> tuple[Any, ...]:
    return (
        session.last_request_at,
        session.request_number,
        session.catalogue_version,
        _encode(session.lines),
        _encode(session.reservations),
        session.supervise_at,
        circumstances_text(session.circumstances),
        session.cost,
    )
