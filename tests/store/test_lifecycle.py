"""What time brings is found when it is due, and told once whoever looks: in both stores."""

import asyncio

import pytest

from diameter_ocs.charging.decisions import EdrKind
from diameter_ocs.handlers import lifecycle
from diameter_ocs.handlers.balances import Terms, new_balance
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.commands import Order
from diameter_ocs.handlers.lifecycle import Lifecycle
from diameter_ocs.handlers.provisioning import apply_catalogue
from diameter_ocs.handlers.subscriptions import (
    NewSubscription,
    add_subscription,
    cancel_subscription,
)
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.journal import EdrsAsked, list_edrs
from diameter_ocs.store.lifecycle import PostgresLifecycle
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.memory_lifecycle import MemoryLifecycle
from diameter_ocs.store.work import PostgresStore
from tests.store.scenario import (
    DOCUMENT,
    NOW,
    Kept,
    case_of,
    charged,
    furnish,
    initial,
    terminate,
    used,
    want,
)

DAY = 86_400_000_000
Dated = PostgresLifecycle | MemoryLifecycle


def order(days: float = 0) -> Order:
    return Order("operator", at=NOW + round(days * DAY))


def dated_of(kept: Kept) -> Dated:
    if kept.database is not None:
        assert isinstance(kept.store, PostgresStore)
        return PostgresLifecycle(kept.database, kept.store)
    assert isinstance(kept.store, MemoryStore)
    return MemoryLifecycle(kept.store)


@pytest.fixture
def dated(kept: Kept) -> Dated:
    return dated_of(kept)


async def subscribed(
    kept: Kept, begins: float | None, ends: float | None, number: int = 1, now: float = 0
) -> int:
    """Gives an account the plan once more, with dates in days; returns the subscription."""
    dates = [None if days is None else NOW + round(days * DAY) for days in (begins, ends)]
    asked = NewSubscription(f"account {number}", "plan", *dates)
    done = await add_subscription(kept.accounts, "demo", asked, order(now))
    found = done.answer["id"]
    assert isinstance(found, int)
    return found


async def look(dated: Dated, days: float) -> bool:
    return await Lifecycle(dated, lambda: NOW + round(days * DAY)).look()


async def told(kept: Kept, group: int) -> list[str]:
    """Returns what the journal says that time has brought."""
    if kept.database is None:
        assert isinstance(kept.store, MemoryStore)
        edrs = kept.store.groups[group].edrs
    else:
        listed = await list_edrs(kept.database, EdrsAsked(NOW, NOW + 9999 * DAY, group), 99)
        edrs = [each.edr for each in reversed(listed)]
    return [edr.action for edr in edrs if edr.kind is EdrKind.ACCOUNT and edr.actor is None]


async def test_what_begins_and_ends_is_told_when_it_is_due(kept: Kept, dated: Dated) -> None:
    (group,) = await furnish(kept.accounts, [1])
    await subscribed(kept, 1, 31)
    assert await dated.due_groups(NOW + DAY - 1, 9) == []
    assert await dated.due_groups(NOW + DAY, 9) == [group]
    assert await look(dated, 2) is False
    assert await told(kept, group) == ["activate plan subscription"]
    assert await dated.due_groups(NOW + 31 * DAY - 1, 9) == []
    await look(dated, 31)
    await look(dated, 32)
    assert await told(kept, group) == ["activate plan subscription", "expire plan subscription"]
    assert await dated.due_groups(NOW + 9999 * DAY, 9) == []


async def test_accounts_without_dates_are_never_due(kept: Kept, dated: Dated) -> None:
    await furnish(kept.accounts)
    await subscribed(kept, None, None)
    assert await dated.due_groups(NOW + 9999 * DAY, 9) == []


async def test_balances_of_their_own_begin_and_end(kept: Kept, dated: Dated) -> None:
    (group,) = await furnish(kept.accounts, [1])
    terms = Terms("5", valid_from=NOW + DAY, valid_until=NOW + 2 * DAY, balance_type="octets")
    await new_balance(kept.accounts, "demo", ("account 1", terms), order())
    await look(dated, 3)
    assert await told(kept, group) == ["activate balance", "expire balance"]


async def test_what_is_cancelled_is_due_no_more(kept: Kept, dated: Dated) -> None:
    (group,) = await furnish(kept.accounts, [1])
    number = await subscribed(kept, None, 31)
    await cancel_subscription(kept.accounts, "demo", ("account 1", number), order(3))
    assert await dated.due_groups(NOW + 9999 * DAY, 9) == []
    assert await told(kept, group) == []


async def test_a_command_tells_first_what_came_before_it(kept: Kept, dated: Dated) -> None:
    (group,) = await furnish(kept.accounts, [1])
    await subscribed(kept, None, 1)
    await subscribed(kept, None, 5, now=2)
    assert await told(kept, group) == ["expire plan subscription"]
    await look(dated, 2)
    assert await dated.due_groups(NOW + 5 * DAY, 9) == [group]
    await look(dated, 5)
    assert await told(kept, group) == ["expire plan subscription"] * 2


async def test_charging_goes_on_with_what_time_has_made(kept: Kept, dated: Dated) -> None:
    (group,) = await furnish(kept.accounts, [1])
    await charged(kept.store, (group, initial(usages=(want(100),))))
    await subscribed(kept, None, 1)
    await look(dated, 1)
    later = NOW + DAY
    await charged(kept.store, (group, terminate(usages=(used(70),))), now=later)
    case = await case_of(kept.store, group, now=later)
    assert sum(balance.used for balance in case.balances.values()) == 70
    assert case.version == 5


async def test_what_is_charged_does_not_put_it_off(kept: Kept, dated: Dated) -> None:
    (group,) = await furnish(kept.accounts, [1])
    await subscribed(kept, None, 1)
    await charged(kept.store, (group, initial(usages=(want(100),))), now=NOW + 2 * DAY)
    assert await told(kept, group) == []
    await look(dated, 2)
    assert await told(kept, group) == ["expire plan subscription"]


async def test_an_account_that_is_held_waits_and_holds_up_nobody(kept: Kept, dated: Dated) -> None:
    first, second = await furnish(kept.accounts, [1, 2])
    await subscribed(kept, None, 1)
    await subscribed(kept, None, 2, number=2)
    looker = Lifecycle(dated, lambda: NOW + 3 * DAY)
    async with kept.store.work() as work:
        await work.lock([first])
        await looker.look()
        assert await told(kept, second) == ["expire plan subscription"]
    assert await told(kept, first) == []
    await looker.look()
    assert await told(kept, first) == ["expire plan subscription"]
    assert await told(kept, second) == ["expire plan subscription"]


async def test_other_times_of_notices_count_at_once(kept: Kept, dated: Dated) -> None:
    first, other = await furnish(kept.accounts, [1]), await furnish(kept.accounts, [1], "other")
    telling = DOCUMENT + "notices: {files: [{name: sink}], expiring_before: [1 d]}\n"
    await apply_catalogue(kept.accounts, read_document(telling), order())
    await subscribed(kept, None, 30)
    assert await dated.due_groups(NOW + 29 * DAY - 1, 9) == []
    later = telling.replace("1 d", "10 d")
    await apply_catalogue(kept.accounts, read_document(later), order(2))
    assert await dated.due_groups(NOW + 2 * DAY, 9) == first
    await look(dated, 2)
    assert await dated.due_groups(NOW + 20 * DAY, 9) == first
    await look(dated, 20)
    assert await told(kept, first[0]) == ["announce expiry"]
    await apply_catalogue(kept.accounts, read_document(f"{later}policy_counters: []\n"), order(21))
    assert await dated.due_groups(NOW + 21 * DAY, 9) == []
    assert other != first


async def test_a_process_that_dies_before_the_commit_has_told_nothing(
    kept: Kept, dated: Dated
) -> None:
    (group,) = await furnish(kept.accounts, [1])
    await subscribed(kept, 1, 2)
    now = NOW + DAY

    class Dies(Exception):
        pass

    async def die() -> None:
        async with dated.waking() as waking:
            found = await waking.load([group], now)
            await waking.apply([lifecycle.wake(found[group])])
            raise Dies

    with pytest.raises(Dies):
        await die()
    assert await told(kept, group) == []
    await look(dated, 1)
    assert await told(kept, group) == ["activate plan subscription"]


async def test_two_servers_side_by_side_tell_each_thing_once(
    postgres: Kept, opened: Database
) -> None:
    groups = await furnish(postgres.accounts, range(1, 31))
    for number in range(1, 31):
        await subscribed(postgres, 1, 2, number)
    servers = [PostgresStore(opened, Catalogues(read_stored)) for _ in range(2)]
    lookers = [
        Lifecycle(PostgresLifecycle(opened, store), lambda: NOW + 3 * DAY) for store in servers
    ]
    for _ in range(3):
        await asyncio.gather(*(looker.look() for looker in lookers))
    for group in groups:
        assert await told(postgres, group) == [
            "activate plan subscription",
            "expire plan subscription",
        ]


async def test_many_are_looked_at_in_batches(
    kept: Kept, dated: Dated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "DUE_MAX", 2)
    groups = await furnish(kept.accounts, range(1, 6))
    for number in range(1, 6):
        await subscribed(kept, None, number, number)
    looker = Lifecycle(dated, lambda: NOW + 6 * DAY)
    assert [await looker.look() for _ in range(3)] == [True, True, False]
    assert [await told(kept, group) for group in groups] == [["expire plan subscription"]] * 5
