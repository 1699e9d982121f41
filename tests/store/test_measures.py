"""What a database says about itself."""

from diameter_ocs.store.database import Database
from diameter_ocs.store.measures import server_version, wal_position
from tests.store.scenario import Kept, charged, furnish, initial


async def test_the_write_ahead_log_grows_with_what_is_stored(
    postgres: Kept, opened: Database
) -> None:
    (group, *_) = await furnish(postgres.accounts)
    before = await wal_position(opened)
    await charged(postgres.store, (group, initial()))
    assert 500 < await wal_position(opened) - before < 1_000_000


async def test_the_version_is_a_number(opened: Database) -> None:
    major, *_ = (await server_version(opened)).split(".")
    assert int(major) >= 15
