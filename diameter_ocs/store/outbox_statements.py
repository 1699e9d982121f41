"""The statements by which servers share what is to leave.

Only the first row of a stream that is not given up may be claimed, and with it come those behind
it; whoever has it has the stream. So no row is claimed by two, and none leaves before another one
of its stream.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Text,
    bindparam,
    cast,
    column,
    delete,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY

from .batches import (
    batch_of,
    compiled,
    each_found,
    equal,
    looked_up,
    microseconds,
    same_key,
    statement_of,
)
from .statements import SPENDING_LIMIT_FACTS
from .tables import Moment, outbox, peer_connection, session, spending_limit

STREAM_ROWS_MAX = 256
"""Rows of one stream that are claimed together."""
EXPIRED_MAX = 1000
"""Rows of one way that are given up at once."""
MEASURED_MAX = 100_000
"""Rows of one kind that are counted; of those given up, rows of all kinds."""

OUTBOX_FACTS: tuple[ColumnElement[Any], ...] = (
    outbox.c.group_id,
    outbox.c.number,
    outbox.c.part,
    outbox.c.account_id,
    outbox.c.kind,
    outbox.c.stream,
    outbox.c.target,
    outbox.c.realm,
    outbox.c.session_number,
    outbox.c.session_id,
    cast(outbox.c.content, Text),
    microseconds(outbox.c.created_at),
    microseconds(outbox.c.due_at),
    outbox.c.attempts,
    outbox.c.leased_by,
    microseconds(outbox.c.leased_until),
    outbox.c.end_to_end_id,
    outbox.c.fault,
    microseconds(outbox.c.given_up_at),
)
"""What a row is read from, in the order of `OutboxRow`."""

_KEY: Sequence[Column[Any]] = tuple(outbox.primary_key.columns)
_AT = bindparam("at", type_=Moment)
_NOW = bindparam("now", type_=Moment)
_SERVER = bindparam("server", type_=Text)
_is_waiting = outbox.c.given_up_at.is_(None)
_is_free = or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= _AT)

_first = (
    select(outbox.c.kind, outbox.c.target, outbox.c.realm, outbox.c.due_at)
    .where(_is_waiting)
    .order_by(outbox.c.kind, outbox.c.target, outbox.c.due_at)
    .limit(literal_column("1"))
)
_begin = _first.subquery("beginning")
_ways = select(*_begin.c).cte("way", recursive=True)
_next = (
    _first.where(tuple_(outbox.c.kind, outbox.c.target) > tuple_(_ways.c.kind, _ways.c.target))
    .correlate(_ways)
    .lateral("next")
)
_ways = _ways.union_all(select(*_next.c).select_from(_ways).join(_next, true()))
_holders = select(peer_connection.c.server_id).where(
    peer_connection.c.host == func.lower(_ways.c.target), peer_connection.c.leased_until > _AT
)
FIND_WAITING = compiled(
    select(
        _ways.c.kind,
        _ways.c.target,
        _ways.c.realm,
        microseconds(_ways.c.due_at),
        func.array(_holders.scalar_subquery()),
    )
)
"""One row for each way that something waits for, found by as many looks into the index."""

_wanted = (outbox.c.kind, outbox.c.target, Column("streams_max", BigInteger))
_wanting = batch_of(*_wanted)
_earlier = outbox.alias("earlier")
_has_earlier = exists().where(
    looked_up(_earlier.c.group_id, outbox.c.group_id),
    _earlier.c.stream == outbox.c.stream,
    tuple_(_earlier.c.number, _earlier.c.part) < tuple_(outbox.c.number, outbox.c.part),
    func.num_nulls(_earlier.c.given_up_at) == literal_column("1"),
)
_first_of_stream = (
    select(outbox.c.group_id, outbox.c.stream)
    .where(
        outbox.c.kind == _wanting.c.kind,
        outbox.c.target == _wanting.c.target,
        _is_waiting,
        outbox.c.due_at <= _NOW,
        _is_free,
        ~_has_earlier,
    )
    .order_by(outbox.c.due_at)
    .limit(_wanting.c.streams_max)
    .with_for_update(skip_locked=True, of=outbox)
    .lateral("first_of_stream")
)
_heads = (
    select(_first_of_stream.c.group_id, _first_of_stream.c.stream)
    .select_from(_wanting)
    .join(_first_of_stream, true())
    .cte("head")
)
_streams = select(*_heads.c, func.row_number().over().label("position")).cte("streams")
_follower = outbox.alias("follower")
_followers = (
    select(_follower.c.number, _follower.c.part, _follower.c.end_to_end_id)
    .where(
        _follower.c.group_id == _streams.c.group_id,
        _follower.c.stream == _streams.c.stream,
        _follower.c.given_up_at.is_(None),
    )
    .order_by(_follower.c.number, _follower.c.part)
    .limit(literal_column(str(STREAM_ROWS_MAX)))
    .lateral("followers")
)
_taken = (
    select(
        _streams.c.group_id,
        _streams.c.position,
        _followers.c.number,
        _followers.c.part,
        func.last_value(_followers.c.end_to_end_id)
        .over(
            partition_by=_streams.c.position,
            order_by=(_followers.c.number, _followers.c.part),
            rows=(None, None),
        )
        .label("sent_as"),
        func.bool_or(_followers.c.end_to_end_id.is_not(None))
        .over(partition_by=_streams.c.position)
        .label("may_have_left"),
    )
    .select_from(_streams)
    .join(_followers, true())
    .cte("taken")
)
_identifiers = (
    func.unnest(bindparam("identifiers", type_=ARRAY(BigInteger)))
    .table_valued(column("identifier", BigInteger), with_ordinality="position")
    .render_derived(name="identifiers")
)
CLAIM = statement_of(
    update(outbox)
    .values(
        leased_by=_SERVER,
        leased_until=bindparam("until", type_=Moment),
        end_to_end_id=func.coalesce(_taken.c.sent_as, _identifiers.c.identifier),
    )
    .where(
        same_key(_KEY, _taken),
        _identifiers.c.position == _taken.c.position,
    )
    .returning(*OUTBOX_FACTS, _taken.c.sent_as.is_not(None), _taken.c.may_have_left),
    *_wanted,
)
"""Takes so many streams of each way, those whose first row waits longest.

Each of them gets one of the identifiers, unless all its rows have left under another one.
"""

_place = (spending_limit.c.group_id, spending_limit.c.number)
_places = batch_of(*_place)
FIND_SUBSCRIPTIONS = statement_of(
    each_found(SPENDING_LIMIT_FACTS, _places, *equal(_place, _places)), *_place
)
_session_place = (session.c.group_id, session.c.number)
_session_places = batch_of(*_session_place)
_called = (
    session.c.group_id,
    session.c.number,
    session.c.session_id,
    session.c.sub_session_id,
    session.c.origin_host,
    session.c.origin_realm,
    microseconds(session.c.last_request_at),
)
FIND_CALLED = statement_of(
    each_found(_called, _session_places, *equal(_session_place, _session_places)), *_session_place
)
_accounts_place = (session.c.group_id, session.c.account_id)
_accounts = batch_of(*_accounts_place)
FIND_OPEN_SESSIONS = statement_of(
    each_found(_called, _accounts, *equal(_accounts_place, _accounts)), *_accounts_place
)
"""The sessions of accounts all of whose sessions are called."""

_settled = batch_of(*_KEY)
_is_mine = outbox.c.leased_by == _SERVER
REMOVE = statement_of(delete(outbox).where(same_key(_KEY, _settled), _is_mine), *_KEY)

_putting_off = (
    *_KEY,
    outbox.c.due_at,
    outbox.c.attempts,
    outbox.c.end_to_end_id,
    outbox.c.fault,
    outbox.c.given_up_at,
)
_put_off = batch_of(*_putting_off)
PUT_OFF = statement_of(
    update(outbox)
    .values(
        leased_by=null(),
        leased_until=null(),
        **{name.name: _put_off.c[name.name] for name in _putting_off[len(_KEY) :]},
    )
    .where(same_key(_KEY, _put_off), _is_mine),
    *_putting_off,
)

_stale = (*_place, spending_limit.c.stale_at, spending_limit.c.announced_version)
_stale_batch = batch_of(*_stale)
MARK_STALE = statement_of(
    update(spending_limit)
    .values(stale_at=_stale_batch.c.stale_at)
    .where(
        same_key(_place, _stale_batch),
        spending_limit.c.announced_version < _stale_batch.c.announced_version,
    ),
    *_stale,
)

_late = (
    select(*_KEY)
    .where(
        outbox.c.kind == _ways.c.kind,
        outbox.c.target == _ways.c.target,
        _is_waiting,
        outbox.c.due_at < bindparam("before", type_=Moment),
        _is_free,
    )
    .order_by(outbox.c.due_at)
    .limit(literal_column(str(EXPIRED_MAX)))
    .with_for_update(skip_locked=True, of=outbox)
    .correlate(_ways)
    .lateral("late")
)
_expired = (
    select(*_late.c)
    .select_from(_ways)
    .join(_late, true())
    .where(
        _ways.c.kind == bindparam("kind", type_=BigInteger),
        _ways.c.due_at < bindparam("before", type_=Moment),
    )
    .cte("expired")
)
EXPIRE = compiled(
    update(outbox)
    .values(
        given_up_at=_NOW,
        leased_by=null(),
        leased_until=null(),
        end_to_end_id=null(),
        fault=func.coalesce(outbox.c.fault, bindparam("fault", type_=Text)),
    )
    .where(same_key(_KEY, _expired))
    .returning(outbox.c.group_id, outbox.c.session_number, outbox.c.number)
)
"""Gives up what has been due since before a moment: nobody can have claimed it meanwhile.

What is tried again and again is given up by who tries it.
"""

FORGET = compiled(delete(outbox).where(outbox.c.given_up_at < bindparam("before", type_=Moment)))

_kind = bindparam("kind", type_=BigInteger)
_counted = (
    select(outbox.c.created_at)
    .where(outbox.c.kind == _kind, _is_waiting)
    .limit(literal_column(str(MEASURED_MAX)))
    .subquery("waiting")
)
_given_up = (
    select(outbox.c.kind)
    .where(outbox.c.given_up_at.is_not(None))
    .limit(literal_column(str(MEASURED_MAX)))
    .subquery("given_up")
)
MEASURE = compiled(
    select(
        func.count(),
        microseconds(func.min(_counted.c.created_at)),
        select(func.count()).where(_given_up.c.kind == _kind).scalar_subquery(),
    ).select_from(_counted)
)
"""How much of a kind waits, since when, and how much was given up, as far as it is counted."""
