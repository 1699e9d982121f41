"""Notices stand in the outbox with the change that causes them; the same in both stores."""

from diameter_ocs.charging.outbox import OutboxKind, Outgoing
from diameter_ocs.handlers.accounts import suspend_account
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.importing import ImportFile, Row, import_accounts
from diameter_ocs.handlers.provisioning import apply_catalogue, create_accounts
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.memory_outbox import MemoryOutbox
from diameter_ocs.store.outbox import PostgresOutbox
from tests.store.scenario import (
    DOCUMENT,
    NOW,
    OCTETS,
    ORDER,
    Kept,
    charged,
    initial,
    new_account,
    shown,
    terminate,
    used,
    want,
)
from tests.store.test_spreading import left

SINKS = "\nnotices: {files: [{name: all}, {name: ends, types: [balance.*]}]}\n"


async def told(kept: Kept) -> list[tuple[int, str, str, str]]:
    """Group, id, type and stream of all notices that wait."""
    rows = await left(kept)
    return [(row[0], row[4]["id"], row[4]["type"], row[3]) for row in rows]


async def furnish(kept: Kept) -> None:
    await create_tenant(kept.accounts, "demo", ORDER)
    await apply_catalogue(kept.accounts, read_document(DOCUMENT + SINKS), ORDER)


async def test_accounts_are_told_of_however_they_are_opened(kept: Kept) -> None:
    await furnish(kept)
    await create_accounts(kept.accounts, "demo", [new_account(1)], ORDER)
    rows = [Row(2, new_account(2)), Row(3, new_account(3))]
    file = ImportFile("new.csv", "", lambda: rows)
    await import_accounts(kept.accounts, "demo", file, ORDER, lambda count: None)
    groups = [(await shown(kept.accounts, number)).group_id for number in (1, 2, 3)]
    types = "account.created", "device.created", "subscription.added", "subscription.activated"
    assert await told(kept) == [
        (group, f"{group}-1-{place}", name, f"notice {group} demo/all")
        for group in groups
        for place, name in enumerate(types)
    ]


async def test_what_charging_and_commands_bring_about_leaves_in_their_order(kept: Kept) -> None:
    await furnish(kept)
    await create_accounts(kept.accounts, "demo", [new_account(1)], ORDER)
    opened = len(await left(kept))
    group = (await shown(kept.accounts, 1)).group_id
    await charged(kept.store, (group, initial(usages=[want(OCTETS)])))
    await charged(kept.store, (group, terminate(usages=[used(OCTETS)])))
    await suspend_account(kept.accounts, "demo", "account 1", ORDER)
    assert (await told(kept))[opened:] == [
        (group, f"{group}-3-0", "balance.exhausted", f"notice {group} demo/all"),
        (group, f"{group}-3-0", "balance.exhausted", f"notice {group} demo/ends"),
        (group, f"{group}-4-0", "account.changed", f"notice {group} demo/all"),
    ]


async def test_what_no_change_of_a_group_causes_leaves_too(kept: Kept) -> None:
    outbox = MemoryOutbox(kept.store) if isinstance(kept.store, MemoryStore) else None
    if outbox is None:
        assert kept.database is not None
        outbox = PostgresOutbox(kept.database)
    notice = Outgoing(OutboxKind.NOTICE, 0, {"id": ""}, "demo/all")
    numbers: list[int] = []

    def make(number: int) -> list[Outgoing]:
        numbers.append(number)
        return [notice._replace(content={"id": f"{number}-{place}"}) for place in range(2)]

    for _ in range(2):
        await outbox.leave(0, make, NOW)
    await outbox.leave(0, lambda number: [], NOW)
    assert [(row[0], row[4]["id"]) for row in await left(kept)] == [
        (0, f"{number}-{place}") for number in numbers for place in range(2)
    ]
    assert numbers[0] < numbers[1]
