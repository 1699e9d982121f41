"""The audit is listed by what one asks for, and kept as long as the journal."""

from diameter_ocs.handlers.commands import Order
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.store.audit import list_audit
from diameter_ocs.store.partitions import DAY, EDR_DAYS, Partitions
from tests.store.scenario import NOW, Kept, credited, furnish

SECOND = 1_000_000


async def test_entries_are_listed_newest_first(postgres: Kept) -> None:
    assert postgres.database is not None
    await furnish(postgres.accounts, [1], "first")
    await furnish(postgres.accounts, [1], "second")
    await credited(postgres.accounts, 1, 5, "second", Order("anna", "one", NOW + SECOND))

    async def listed(
        tenant: str | None = None,
        account: str | None = None,
        since: int | None = None,
        limit: int = 100,
    ) -> list[str]:
        assert postgres.database is not None
        entries = await list_audit(postgres.database, tenant, account, since, limit)
        return [entry.operation for entry in entries]

    made = ["account import", "catalogue apply", "tenant create"]
    assert await listed() == ["balance credit", *made, *made]
    assert await listed(limit=2) == ["balance credit", "account import"]
    assert await listed("first") == made
    assert await listed(account="account 1") == ["balance credit"]
    assert await listed("first", "account 1") == []
    assert await listed(since=NOW + 1) == ["balance credit"]
    (entry,) = await list_audit(postgres.database, None, "account 1", None, 1)
    assert (entry.at, entry.actor, entry.transaction_id) == (NOW + SECOND, "anna", "one")


async def test_what_is_older_than_the_journal_is_forgotten(postgres: Kept, emptied: str) -> None:
    assert postgres.database is not None
    now = await postgres.database.ping()
    day = DAY // DAY.resolution
    for number, at in enumerate(
        (now - EDR_DAYS * day - SECOND, now - EDR_DAYS * day + 60 * SECOND)
    ):
        await create_tenant(postgres.accounts, f"tenant {number}", Order("anna", at=at))
    assert Partitions(emptied).keep(now) == ()
    entries = await list_audit(postgres.database, None, None, None, 9)
    assert [entry.tenant for entry in entries] == ["tenant 1"]
