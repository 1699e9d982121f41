"""What time it is in a database: that of its machine, unless a test clock was moved ahead of it."""

from collections.abc import Mapping

from sqlalchemy import exists, func, insert, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..charging.decisions import EdrKind
from .database import NOW_TEXT, Database
from .tables import Moment, edr, moment, opening, running_server, session, test_clock

NOW = literal_column(NOW_TEXT, Moment)
"""What time it is, within a statement."""


class PostgresClocks:
    """The test clock of a database, and the servers that follow it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def now(self) -> int:
        """Returns what time it is in the database, in microseconds since 1970."""
        return await self._database.ping()

    async def ahead(self) -> int | None:
        """Returns how many microseconds the test clock is ahead; None: there is none."""
        async with self._database.transaction() as connection:
            return (await connection.execute(select(test_clock.c.ahead))).scalar()

    async def give(self) -> bool:
        """Gives the database a test clock; False: sessions or events have been charged in it."""
        kinds = (EdrKind.CHARGING, EdrKind.BILLING)
        is_charged = or_(
            exists().select_from(session),
            exists().select_from(opening),
            exists().where(edr.c.kind.in_(kinds)),
        )
        async with self._database.transaction() as connection:
            if (await connection.execute(select(is_charged))).scalar_one():
                return False
            await connection.execute(insert(test_clock).values(ahead=0))
            return True

    async def follow(self, server_id: str, ahead: int, now: int) -> bool:
        """Notes how far a server has followed; False: it has told nothing of itself yet."""
        of_server = update(running_server).where(running_server.c.id == server_id)
        told = of_server.values(clock_ahead=ahead, seen_at=moment(now))
        async with self._database.transaction() as connection:
            return bool((await connection.execute(told)).rowcount)

    async def followers(self) -> Mapping[str, int | None]:
        """Returns how far servers have followed, by their ids."""
        rows = select(running_server.c.id, running_server.c.clock_ahead)
        async with self._database.transaction() as connection:
            return {row.id: row.clock_ahead for row in await connection.execute(rows)}


async def locked_ahead(connection: AsyncConnection) -> int | None:
    """Returns how far the test clock is ahead, and has it stay so until the transaction ends."""
    locking = select(test_clock.c.ahead).with_for_update()
    return (await connection.execute(locking)).scalar()


async def move(connection: AsyncConnection, ahead: int) -> None:
    """Has the test clock be so many microseconds ahead, which is more than before."""
    further = func.greatest(test_clock.c.ahead, ahead)
    await connection.execute(update(test_clock).values(ahead=further))
