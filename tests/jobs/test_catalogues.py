"""A server that is older than a catalogue says so once, and is taken out until it can read it."""

import pytest
import structlog

from diameter_ocs.handlers.catalogue import read_document, read_stored, stored_text
from diameter_ocs.jobs.catalogues import CatalogueWatch
from diameter_ocs.observability import create_metrics
from diameter_ocs.store.memory import MemoryStore
from tests.store.scenario import DOCUMENT, NOW, furnish


class Counted(MemoryStore):
    """Counts what is read."""

    reads = 0

    async def read_catalogue(self, tenant_name: str, version: int) -> object:  # type: ignore[override]
        self.reads += 1
        return await super().read_catalogue(tenant_name, version)


@pytest.fixture
async def store() -> Counted:
    kept = Counted(read_stored)
    await furnish(kept)
    await furnish(kept, (4,), "other")
    kept.reads = 0
    return kept


async def apply_newer(store: MemoryStore, version: int) -> None:
    async with store.commanding() as work:
        await work.add_catalogue("demo", version, '{"colour": "red"}', (NOW, "a newer program"))


async def test_each_version_is_read_once_and_before_a_request_needs_it(store: Counted) -> None:
    watch = CatalogueWatch(store, create_metrics())
    assert [await watch.unready() for _ in range(3)] == [None] * 3
    assert store.reads == 2


async def test_a_catalogue_that_cannot_be_read_is_told_until_another_runs(store: Counted) -> None:
    metrics = create_metrics()
    watch = CatalogueWatch(store, metrics)
    await apply_newer(store, 2)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            reason = await watch.unready()
            assert reason is not None
            assert "version 2" in reason
            assert "'demo'" in reason
    assert [each["event"] for each in logs] == ["catalogue unreadable"], "once for each version"
    assert logs[0]["log_level"] == "error"
    assert "colour" in logs[0]["reason"]
    assert metrics.registry.get_sample_value("ocs_catalogues_unreadable") == 1
    async with store.commanding() as work:
        await work.add_catalogue("demo", 3, stored_text(read_document(DOCUMENT)), (NOW, "a test"))
    assert await watch.unready() is None
    assert metrics.registry.get_sample_value("ocs_catalogues_unreadable") == 0
