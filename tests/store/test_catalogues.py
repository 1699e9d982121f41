"""A version of a catalogue is read once, and never another one in its place."""

import asyncio
import threading
from contextlib import suppress

import pytest

from diameter_ocs.charging.catalogue import Catalogue
from diameter_ocs.charging.decisions import Decision, Outcome
from diameter_ocs.charging.faults import CatalogueUnreadable, StaleCase
from diameter_ocs.charging.requests import ChargingRequest
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.provisioning import apply_catalogue
from diameter_ocs.store.catalogues import CATALOGUES_REMEMBERED, Catalogues
from diameter_ocs.store.database import Database
from tests.store.scenario import (
    NOW,
    ORDER,
    VOICE,
    Kept,
    charged,
    furnish,
    initial,
    octets,
    terminate,
    update,
    used,
)


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


async def test_others_are_charged_while_a_long_one_is_read(
    postgres: Kept, opened: Database
) -> None:
    await furnish(postgres.accounts)
    begun, others_are_charged = threading.Event(), threading.Event()
    versions: list[int] = []

    def read(tenant: str, version: int, document: str) -> Catalogue:
        versions.append(version)
        begun.set()
        assert others_are_charged.wait(10)
        return read_stored(tenant, version, document)

    catalogues = Catalogues(read)
    async with (
        opened.connection() as one,
        opened.connection() as other,
        asyncio.TaskGroup() as tasks,
    ):
        gets = [tasks.create_task(catalogues.get(each, "demo", 1)) for each in (one, other)]
        assert await asyncio.to_thread(begun.wait, 10)
        others_are_charged.set()
    first, second = (get.result() for get in gets)
    assert first is second
    assert versions == [1]


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


WITHOUT_DATA = f"""
tenant: demo
currency: EUR
rating_groups: [{{id: {VOICE}, name: Voice, unit_type: time}}]
balance_types: [{{name: octets, unit_type: volume}}, {{name: money, unit_type: money}}]
plans:
  - name: plan
    services: [{{name: voice, rating_groups: [{VOICE}], price: {{amount: 1}}}}]
"""


async def decided(kept: Kept, group: int, request: ChargingRequest) -> Decision:
    """Charge a request, once more where the process had remembered an older catalogue."""
    with suppress(StaleCase):
        (decision,) = await charged(kept.store, (group, request))
        assert isinstance(decision, Decision)
        return decision
    (decision,) = await charged(kept.store, (group, request))
    assert isinstance(decision, Decision)
    return decision


@pytest.mark.parametrize("last", [terminate(usages=(used(30),)), update(usages=(used(30, 10),))])
async def test_a_session_outlives_the_rating_group_that_it_uses(
    kept: Kept, last: ChargingRequest
) -> None:
    """What was used under a grant is paid as it was granted; nothing more is."""
    (group, *_) = await furnish(kept.accounts)
    await decided(kept, group, initial())
    assert (await octets(kept.accounts)).reserved == 100
    await apply_catalogue(kept.accounts, read_document(WITHOUT_DATA), ORDER)
    decision = await decided(kept, group, last)
    assert decision.outcome is Outcome.SUCCESS
    (service,) = decision.services
    assert (service.outcome, service.grant) == (Outcome.RATING_FAILED, None)
    after = await octets(kept.accounts)
    assert (after.used, after.reserved) == (30, 0)


async def test_a_version_for_a_newer_program_is_named_with_the_groups_that_need_it(
    kept: Kept,
) -> None:
    mine = await furnish(kept.accounts)
    others = await furnish(kept.accounts, (4,), "other")
    async with kept.accounts.commanding() as work:
        await work.add_catalogue("demo", 2, '{"colour": "red"}', (NOW, "a newer program"))
    for _ in range(2):  # read, and remembered
        with pytest.raises(CatalogueUnreadable) as caught:
            await charged(kept.store, (mine[0], initial(1)), (others[0], initial(4)))
        assert set(caught.value.groups) & {mine[0], *others} == {mine[0]}
    (decision,) = await charged(kept.store, (others[0], initial(4)))
    assert isinstance(decision, Decision)
