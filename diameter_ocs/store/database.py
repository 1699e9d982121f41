"""Connections to PostgreSQL: SQLAlchemy owns the pool, psycopg the wire."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from select import POLLIN, poll
from typing import Any, LiteralString, NamedTuple, cast

import msgspec
import psycopg
from psycopg import errors
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ..charging.faults import BrokenBatch, CasesUnavailable, StaleCase
from . import arrays

APPLICATION_ROLE = "diameter_ocs_application"
"""Reads and writes accounts and sessions, adds EDRs, changes no EDR."""
UNAVAILABLE = (psycopg.OperationalError, psycopg.InterfaceError, errors.ReadOnlySqlTransaction)
"""The database is away, or is a standby: another try may find it."""
TOO_MUCH = (
    errors.ProgramLimitExceeded,
    errors.StatementTooComplex,
    errors.TooManyArguments,
    errors.TooManyColumns,
)
"""Operational errors by their class, but the same statement meets the same limit again."""
MISSING = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.InsufficientPrivilege,
)
"""The database was replaced, or is being restored: no request can help it."""
NOT_OURS = "the database is not one that this program can work with: run `db migrate`"
OWNER_ROLE = "diameter_ocs_owner"
"""Owns the tables; makes partitions and migrations."""

PLANNING = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off"
"""Plans are kept, and are often made while a table, or a day's partition, is still empty."""

Row = tuple[Any, ...]
Connection = psycopg.AsyncConnection[Row]
Cursor = psycopg.AsyncCursor[Row]
NOW_TEXT: LiteralString = (
    "(clock_timestamp() + coalesce((SELECT max(ahead) FROM test_clock), 0)"
    " * interval '1 microsecond')"
)
"""What time it is in the database, within a statement; see `store.clocks`."""
_PING: LiteralString = (
    "SELECT current_setting('transaction_read_only'),"
    f" (extract(epoch FROM {NOW_TEXT}) * 1000000)::bigint"
)


@contextmanager
def renamed_faults() -> Iterator[None]:
    """Turns psycopg's errors, and rows that cannot be read, into the faults of the use cases."""
    try:
        yield
    except msgspec.MsgspecError as error:
        raise BrokenBatch(f"a stored row cannot be read: {error}") from error
    except PoolTimeout as error:
        raise CasesUnavailable("all connections to the database are in use") from error
    except DBAPIError as error:
        raise _renamed(error.orig) from error
    except psycopg.Error as error:
        raise _renamed(error) from error


def _renamed(error: BaseException | None) -> Exception:
    reason = str(error).strip()
    if isinstance(error, errors.DivisionByZero):  # see store.batches.together
        return StaleCase("something was not as it had been read")
    if isinstance(error, errors.SerializationFailure | errors.DeadlockDetected):
        return StaleCase(reason)
    if isinstance(error, UNAVAILABLE) and not isinstance(error, TOO_MUCH):
        return CasesUnavailable(reason)
    if isinstance(error, MISSING):
        return CasesUnavailable(f"{NOT_OURS} ({reason.splitlines()[0]})")
    return BrokenBatch(reason)


class Lease(NamedTuple):
    """For how long psycopg's own connection is lent, as a database may not answer at all."""

    seconds: float
    cut: Callable[[int], None]
    """Ends a socket, by its number, and leaves it open.

    The number of one that is closed is given out again at once, and the event loop would take a new
    connection, of a peer perhaps, for the one that is still waited on.
    """


class Database:
    """A pool of connections that act as the application role.

    `statement_seconds` bounds every statement and every wait for a lock or a free connection.
    Without a lease a database that does not answer is waited for.
    """

    def __init__(
        self,
        conninfo: str,
        pool_size: int = 4,
        statement_seconds: float = 30,
        lease: Lease | None = None,
    ) -> None:
        self._conninfo = conninfo
        self._statement_seconds = statement_seconds
        self._lease = lease
        self.generation = 0
        """Grows with every connection that is opened: there may be another database behind it."""
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=self._connect,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=statement_seconds,
            pool_reset_on_return=None,
        )
        event.listen(self._engine.sync_engine, "checkout", _refuse_ended)

    async def close(self) -> None:
        """Closes the connections that are not in use."""
        await self._engine.dispose()

    async def ping(self) -> int:
        """Asks the database whether it takes changes; returns its clock, microseconds since 1970.

        Raises:
            CasesUnavailable: it does not answer, or is a standby.
        """
        with renamed_faults():
            async with self.connection() as connection:
                cursor = await connection.execute(_PING)
                row = await cursor.fetchone()
                assert row is not None
                if row[0] == "on":
                    raise errors.ReadOnlySqlTransaction("it takes no changes now")
                return int(row[1])

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lends psycopg's own connection, in autocommit; a broken one does not come back."""
        async with self._engine.connect() as lent:
            pooled = await lent.get_raw_connection()
            connection = cast(Connection, pooled.driver_connection)
            await connection.set_autocommit(True)
            try:
                with self._leased(connection):
                    yield connection
            finally:
                info = connection.info
                if connection.closed or info.transaction_status or info.pipeline_status:
                    await lent.invalidate()
                else:
                    await connection.set_autocommit(False)

    @asynccontextmanager
    async def dedicated(self) -> AsyncIterator[Connection]:
        """Opens a connection that is not of the pool, in autocommit, for as long as it is used."""
        connection = await self._connect()
        try:
            await connection.set_autocommit(True)
            yield connection
        finally:
            await connection.close()

    @contextmanager
    def _leased(self, connection: Connection) -> Iterator[None]:
        """Cuts the connection when its time is over: whoever waits on it then meets an error.

        Cancelling would not do: psycopg waits for the server to confirm that.
        """
        if self._lease is None:
            yield
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._lease.seconds, _cut, connection, self._lease)
        try:
            yield
        except (psycopg.OperationalError, DBAPIError) as error:
            if loop.time() < timer.when():
                raise
            raise CasesUnavailable(f"no answer within {self._lease.seconds:g} s") from error
        finally:
            timer.cancel()

    @asynccontextmanager
    async def transaction(
        self, isolation_level: str = "READ COMMITTED"
    ) -> AsyncIterator[AsyncConnection]:
        """Lends a SQLAlchemy connection within a transaction, for what need not be fast."""
        with renamed_faults():
            async with self._engine.connect() as connection:
                pooled = await connection.get_raw_connection()
                with self._leased(cast(Connection, pooled.driver_connection)):
                    await connection.execution_options(isolation_level=isolation_level)
                    async with connection.begin():
                        yield connection

    async def _connect(self) -> Connection:
        seconds = self._statement_seconds
        milliseconds = int(seconds * 1000)
        connection = await psycopg.AsyncConnection.connect(
            self._conninfo,
            prepare_threshold=0,
            connect_timeout=2,
            tcp_user_timeout=milliseconds,
            application_name="diameter-ocs",
            options=f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
            f" {PLANNING} -c timezone=UTC",
        )
        self.generation += 1
        arrays.register(connection)
        try:
            await connection.execute(f"SET ROLE {APPLICATION_ROLE}")
            await connection.commit()
        except psycopg.OperationalError:
            await connection.close()
            raise
        except psycopg.DatabaseError as error:
            await connection.close()
            raise CasesUnavailable(f"{NOT_OURS} ({error})") from error
        return connection


def _cut(connection: Connection, lease: Lease) -> None:
    """Cuts a connection, unless it has lost its socket already."""
    with suppress(psycopg.OperationalError):
        lease.cut(connection.pgconn.socket)


def _refuse_ended(lent: Any, _record: object, _proxy: object) -> None:
    """Has the pool replace a connection that ended while nobody used it.

    An idle connection has nothing to say: when there is something to read, it is the end.
    """
    idle = poll()
    idle.register(lent.driver_connection.pgconn.socket, POLLIN)
    if idle.poll(0):
        raise DisconnectionError
