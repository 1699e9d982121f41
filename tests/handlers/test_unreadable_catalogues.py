"""A catalogue that only a newer program can read: its tenant is refused for now, nobody else."""

import asyncio
import json

import pytest

from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.faults import BrokenBatch, CatalogueUnreadable
from diameter_ocs.handlers.catalogue import read_document, read_stored, stored_text
from diameter_ocs.handlers.commands import Accounts
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.spooling import Sweep
from diameter_ocs.handlers.supervision import Supervision
from tests.handlers.counter import Counter, opened, outcomes
from tests.handlers.virtual_time import play
from tests.store.scenario import DOCUMENT, NOW, furnish, initial, octets, update, used

HOUR = 3600 * 1_000_000
READABLE = stored_text(read_document(DOCUMENT))
NEWER = json.dumps({**json.loads(READABLE), "colour": "red"})


async def apply_text(accounts: Accounts, version: int, text: str) -> None:
    """Apply a document as another program may have stored it."""
    async with accounts.commanding() as work:
        await work.add_catalogue("demo", version, text, (NOW, "a newer program"))


async def with_two_tenants(counter: Counter) -> None:
    await furnish(counter.kept, (11, 12), tenant="other")


def test_only_the_tenant_is_refused_and_may_ask_another_server() -> None:
    async def story() -> None:
        async with opened() as counter:
            await with_two_tenants(counter)
            await apply_text(counter.kept, 2, NEWER)
            asked = [
                initial(n, b"%d" % n, tenant=tenant)
                for n, tenant in ((1, "demo"), (11, "other"), (2, "demo"), (12, "other"))
            ]
            results = await counter.ask(*asked)
            assert outcomes(results) == ["CATALOGUE_UNREADABLE", "SUCCESS"] * 2
            assert len(counter.faulty.batches) == 2, "tried for each request"

    play(story())


def test_what_was_reported_meanwhile_is_charged_when_the_catalogue_can_be_read() -> None:
    async def story() -> None:
        async with opened() as counter:
            await counter.ask(initial())
            await apply_text(counter.kept, 2, NEWER)
            reported = update(usages=(used(40),))
            assert await counter.ask(reported) == [Fault.CATALOGUE_UNREADABLE]
            sweep = Sweep(counter.kept, counter.spooling, counter.clock)
            counter.now += HOUR
            await sweep.sweep()
            assert len(counter.spooling.sessions) == 1, "the usage was given up"
            await apply_text(counter.kept, 3, READABLE)
            (result,) = await counter.ask(update(request_number=2, usages=(used(5),)))
            assert isinstance(result, Decision)
            assert (await octets(counter.kept)).used == 45

    play(story())


def test_sessions_of_other_tenants_are_supervised() -> None:
    async def story() -> None:
        async with opened() as counter:
            await with_two_tenants(counter)
            await counter.ask(initial(1, b"1"), initial(11, b"11", tenant="other"))
            await apply_text(counter.kept, 2, NEWER)
            counter.now += 100 * HOUR
            supervision = Supervision(
                counter.kept, counter.unclaimed, counter.clock, counter.metrics
            )
            while await supervision.look():
                await asyncio.sleep(0)
            left = [each.tenant for each in counter.kept.groups.values() if each.sessions]
            assert left == ["demo"]

    play(story())


def test_the_fault_says_which_version_and_why() -> None:
    with pytest.raises(CatalogueUnreadable, match=r"version 7 .* 'demo' .*colour") as caught:
        read_stored("demo", 7, NEWER)
    assert isinstance(caught.value, BrokenBatch), "who asks for others too would be stopped"
