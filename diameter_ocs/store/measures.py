"""What a database says about itself, for those who measure it."""

from sqlalchemy import text

from .database import Database


async def wal_position(database: Database) -> int:
    """Returns how many octets of write-ahead log the cluster has written since it was made."""
    async with database.transaction() as connection:
        statement = text("SELECT (pg_current_wal_lsn() - '0/0')::bigint")
        return int((await connection.execute(statement)).scalar_one())


async def server_version(database: Database) -> str:
    """Returns PostgreSQL's version, as in `18.4`."""
    async with database.transaction() as connection:
        version = (await connection.execute(text("SHOW server_version"))).scalar_one()
        return str(version).split()[0]
