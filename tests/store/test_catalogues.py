"""A version of a catalogue is read once, and never another one in its place."""

from diameter_ocs.charging.catalogue import Catalogue
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.store.catalogues import CATALOGUES_REMEMBERED, Catalogues
from diameter_ocs.store.database import Database
from tests.store.scenario import Kept, furnish


class Reading:
    """Counts what is built from a document."""

    def __init__(self) -> None:
        self.versions: list[int] = []

    def __call__(self, tenant: str, version: int, document: str) -> Catalogue:
        self.versions.append(version)
        return read_stored(tenant, version, document)


async def test_a_version_is_read_once(postgres: Kept, opened: Database) -> None:
    await furnish(postgres.accounts)
    reading = Reading()
    catalogues = Catalogues(reading)
    async with opened.connection() as connection:
        first = await catalogues.get(connection, "demo", 1)
        assert await catalogues.get(connection, "demo", 1) is first
    assert reading.versions == [1]
    assert (first.tenant, first.version) == ("demo", 1)


async def test_what_is_remembered_is_bounded(postgres: Kept, opened: Database) -> None:
    await furnish(postgres.accounts)
    reading = Reading()
    catalogues = Catalogues(reading)
    async with opened.connection() as connection:
        await connection.execute(
            "INSERT INTO catalogue SELECT tenant, n, document, applied_at, actor"
            f" FROM catalogue, generate_series(2, {CATALOGUES_REMEMBERED + 1}) n"
        )
        for version in range(1, CATALOGUES_REMEMBERED + 2):
            assert (await catalogues.get(connection, "demo", version)).version == version
        await catalogues.get(connection, "demo", CATALOGUES_REMEMBERED + 1)
        assert len(reading.versions) == CATALOGUES_REMEMBERED + 1
        await catalogues.get(connection, "demo", 1)
    assert len(reading.versions) == CATALOGUES_REMEMBERED + 2
