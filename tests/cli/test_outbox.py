"""`outbox`: what it lists, and how it has things tried again."""

import asyncio
from collections.abc import Sequence

import pytest

from diameter_ocs.charging.case import Change
from diameter_ocs.charging.delivery import Claimed, Fate, HeldPeer, Lease, Result, Settled, Way
from diameter_ocs.charging.groups import Deed, edr_of
from diameter_ocs.charging.outbox import OutboxKind, Outgoing
from diameter_ocs.cli.database import Rooms, opened
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.provisioning import find_account
from diameter_ocs.jobs.clocks import wall_clock
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.outbox import PostgresOutbox
from diameter_ocs.store.work import PostgresStore
from tests.cli.conftest import Run

REPORT = Outgoing(
    OutboxKind.SPENDING_LIMIT, 0, {"statuses": []}, "pcrf.example", "example", 7, b"pcrf;\xff"
)
NOTICE = Outgoing(OutboxKind.NOTICE, 0, {"type": "x"}, "crm")
HOUR = 3600 * 1_000_000


def left(database: str, *outgoing: Outgoing) -> list[str]:
    """Have these leave because of alice; return their ids."""

    async def story() -> list[str]:
        async with opened(database) as rooms:
            group = (await find_account(rooms.accounts, None, "alice")).group_id
            store = PostgresStore(rooms.database, Catalogues(read_stored))
            async with store.work() as work:
                await work.lock([group])
                case = (await work.load_sessions((), wall_clock()))[group]
                edr = edr_of(Deed("set", group, "test"), case)
                own = tuple(each._replace(account_id=group) for each in outgoing)
                await work.apply([Change(case, case._replace(version=edr.number), (edr,), own)])
            return [f"{group}-{edr.number}-{part}" for part in range(len(own))]

    return asyncio.run(story())


def claimed(database: str, fate: Fate | None = None, ahead: int = 0) -> None:
    """Claim all, and write down what became of it; None: a server is still at it."""

    async def story() -> None:
        async with opened(database) as rooms:
            outbox, now = PostgresOutbox(rooms.database), wall_clock() + ahead
            found = await claim(rooms, now)
            if fate is not None:
                settled = [Settled(each, fate, now, now + HOUR) for each in found]
                await outbox.settle(settled, "server")

    asyncio.run(story())


async def claim(rooms: Rooms, now: int) -> Sequence[Claimed]:
    ways = {Way(each.kind, each.target): 5 for each in (REPORT, NOTICE)}
    lease = Lease("server", now, now + HOUR)
    return await PostgresOutbox(rooms.database).claim(ways, now, lease, range(10))


def test_what_waits_is_listed_with_the_reason(shop: Run, database: str) -> None:
    report, notice = left(database, REPORT, NOTICE)
    heading, first, second = shop("outbox", "list").out.splitlines()
    assert heading.split() == [
        "id",
        "kind",
        "account",
        "target",
        "since",
        "attempts",
        "next",
        "why",
    ]
    assert first.split()[:4] == [report, "spending_limit", "alice", "pcrf.example"]
    assert first.endswith("no server is connected to pcrf.example")
    assert second.split()[:4] == [notice, "notice", "alice", "crm"]
    (listed,) = shop("outbox", "list", "--kind", "spending_limit", "--json").json
    assert listed["session_id"] == "pcrf;\\xff"
    assert (listed["attempts"], listed["given_up_at"]) == (0, None)
    assert len(shop("outbox", "list", "--account", "alice", "--json").json) == 2
    assert shop("outbox", "list", "--dead", "--json").json == []
    assert "more than 1" in shop("outbox", "list", "--limit", 1).err


def test_who_holds_the_target_is_no_reason(shop: Run, database: str) -> None:
    left(database, REPORT)

    async def story() -> None:
        async with opened(database) as rooms:
            now = wall_clock()
            pcrf = HeldPeer("pcrf.example", "example", False, frozenset())
            await PostgresOutbox(rooms.database).hold([pcrf], Lease("one", now, now + HOUR))

    asyncio.run(story())
    (listed,) = shop("outbox", "list", "--json").json
    assert listed["fault"] is None


def test_what_was_given_up_is_listed_and_tried_again(shop: Run, database: str) -> None:
    report, notice = left(database, REPORT, NOTICE)
    claimed(database, Fate(Result.GIVEN_UP, "410 Gone"))
    dead = shop("outbox", "list", "--dead", "--json").json
    assert [(each["id"], each["fault"]) for each in dead] == [
        (report, "410 Gone"),
        (notice, "410 Gone"),
    ]
    assert "given up" in shop("outbox", "list").out
    again = shop("outbox", "retry", notice, "--transaction-id", "t1", "--json").json
    assert again["retried"] == [notice]
    repeated = shop("outbox", "retry", notice, "--transaction-id", "t1", "--json").json
    assert (repeated["retried"], repeated["repeated"]) == ([notice], True)
    assert [each["id"] for each in shop("outbox", "list", "--dead", "--json").json] == [report]
    ended = shop("outbox", "retry", "--all-dead", "--kind", "notice")
    assert ended.out == "0 to be tried again.\n"
    assert shop("outbox", "retry", "--all-dead").out == "1 to be tried again.\n"
    assert shop("outbox", "list", "--dead", "--json").json == []
    (entry, *_) = shop("audit", "list", "--json").json
    assert entry["operation"] == "outbox retry"


def test_what_rests_may_be_tried_at_once(shop: Run, database: str) -> None:
    (report,) = left(database, REPORT)
    claimed(database, Fate(Result.PUT_OFF, "3004"))
    (before,) = shop("outbox", "list", "--json").json
    assert (before["attempts"], before["fault"]) == (1, "3004")
    shop("outbox", "retry", report)
    (after,) = shop("outbox", "list", "--json").json
    assert after["due_at"] < before["due_at"]
    assert after["attempts"] == 0


@pytest.mark.parametrize("name", ["1-2-3", "nothing", "1-2"])
def test_what_is_not_there_is_not_tried_again(shop: Run, name: str) -> None:
    ended = shop("outbox", "retry", name)
    assert ended.status == 1
    assert "`outbox list` shows" in ended.err


def test_what_is_being_delivered_goes_on(shop: Run, database: str) -> None:
    (report,) = left(database, REPORT)
    claimed(database)
    ended = shop("outbox", "retry", report)
    assert (ended.status, "is being delivered" in ended.err) == (1, True)
    (listed,) = shop("outbox", "list", "--json").json
    assert (listed["delivered_by"], listed["fault"]) == ("server", None)


@pytest.mark.parametrize("words", [(), ("1-2-3", "--all-dead")])
def test_one_or_all_are_tried_again(shop: Run, words: tuple[str, ...]) -> None:
    ended = shop("outbox", "retry", *words)
    assert (ended.status, "--all-dead" in ended.err) == (2, True)


def test_a_kind_that_is_none_is_refused(shop: Run) -> None:
    ended = shop("outbox", "list", "--kind", "letter")
    assert (ended.status, "spending_limit" in ended.err) == (1, True)
