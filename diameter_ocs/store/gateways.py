"""What gateways count their restarts with, and how far the sessions that they lost were sought.

Restarts are rare and no index waits for them: all open sessions are gone through by their key, a
slice at a time, by one process at a time.
"""

from sqlalchemy import BigInteger, Text, and_, bindparam, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from ..charging.requests import SessionKey
from ..charging.restarts import START, GatewayState, Place, Search, Slice
from .database import Database
from .tables import Moment, gateway_state, microseconds_of, moment, session

_slice = (
    select(session)
    .where(
        tuple_(session.c.group_id, session.c.number)
        > tuple_(bindparam("group", type_=BigInteger), bindparam("number", type_=BigInteger))
    )
    .order_by(session.c.group_id, session.c.number)
    .limit(bindparam("limit", type_=BigInteger))
    .cte("slice")
)
_is_left_behind = and_(
    func.lower(_slice.c.origin_host) == bindparam("host", type_=Text),
    _slice.c.origin_state_id < bindparam("state", type_=BigInteger),
    _slice.c.last_request_at < bindparam("seen", type_=Moment),
)
_last = (
    select(_slice.c.group_id, _slice.c.number)
    .order_by(_slice.c.group_id.desc(), _slice.c.number.desc())
    .limit(1)
)
_SLICE = (
    select(
        _slice.c.group_id,
        _slice.c.number,
        _slice.c.session_id,
        _slice.c.sub_session_id,
        func.coalesce(_is_left_behind, False).label("is_left_behind"),
    )
    .where(or_(_is_left_behind, tuple_(_slice.c.group_id, _slice.c.number).in_(_last)))
    .order_by(_slice.c.group_id, _slice.c.number)
)
"""Of a slice of the open sessions those that were left behind, and the last one."""


class PostgresGateways:
    """The states of gateways, and the search for the sessions that they lost."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, state: GatewayState) -> int:
        """Returns the greatest count of a gateway; if it is this one, its search begins anew."""
        group_id, number = START
        told = insert(gateway_state).values(
            origin_host=state.origin_host,
            origin_state_id=state.origin_state_id,
            seen_at=moment(state.seen_at),
            group_id=group_id,
            number=number,
            search_at=moment(state.seen_at),
        )
        changing = {name: told.excluded[name] for name in gateway_state.c.keys()[1:]}
        is_greater = gateway_state.c.origin_state_id < told.excluded.origin_state_id
        noted = told.on_conflict_do_update(
            index_elements=["origin_host"], set_=changing, where=is_greater
        )
        greatest = select(gateway_state.c.origin_state_id).where(
            gateway_state.c.origin_host == state.origin_host
        )
        async with self._database.transaction() as connection:
            await connection.execute(noted)
            return int((await connection.execute(greatest)).scalar_one())

    async def take_search(self, now: int, leased_until: int) -> Search | None:
        """Returns a search that nobody else is at, for this process alone until then."""
        waiting = (
            select(gateway_state.c.origin_host)
            .where(gateway_state.c.search_at <= moment(now))
            .order_by(gateway_state.c.search_at)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        taken = (
            update(gateway_state)
            .where(gateway_state.c.origin_host == waiting)
            .values(search_at=moment(leased_until))
            .returning(gateway_state)
        )
        async with self._database.transaction() as connection:
            row = (await connection.execute(taken)).first()
        if row is None:
            return None
        state = GatewayState(row.origin_host, row.origin_state_id, microseconds_of(row.seen_at))
        return Search(state, (row.group_id, row.number), leased_until)

    async def slice_of(self, search: Search, limit: int) -> Slice:
        """Returns the next so many of the open sessions."""
        state, (group_id, number), _ = search
        asked = {
            "group": group_id,
            "number": number,
            "limit": limit,
            "host": state.origin_host,
            "state": state.origin_state_id,
            "seen": moment(state.seen_at),
        }
        async with self._database.transaction() as connection:
            rows = (await connection.execute(_SLICE, asked)).all()
        left_behind = [
            (row.group_id, SessionKey(row.session_id, row.sub_session_id))
            for row in rows
            if row.is_left_behind
        ]
        return Slice(left_behind, (rows[-1].group_id, rows[-1].number) if rows else None)

    async def go_on(self, search: Search, after: Place, search_at: int | None) -> None:
        """Notes how far a search has come, and when it goes on; None: it has ended.

        It is left as it is where its gateway has restarted again or another process has taken it.
        """
        group_id, number = after
        is_mine = and_(
            gateway_state.c.origin_host == search.state.origin_host,
            gateway_state.c.origin_state_id == search.state.origin_state_id,
            gateway_state.c.search_at == moment(search.leased_until),
        )
        at = None if search_at is None else moment(search_at)
        noted = (
            update(gateway_state)
            .where(is_mine)
            .values(group_id=group_id, number=number, search_at=at)
        )
        async with self._database.transaction() as connection:
            await connection.execute(noted)
