"""What a process remembers is used only as long as it is right."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from diameter_ocs.charging.case import Change
from diameter_ocs.charging.decisions import Decision, Outcome
from diameter_ocs.charging.faults import StaleCase
from diameter_ocs.charging.supervision import mark_answered
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.lanes import Lanes, LaneSettings
from diameter_ocs.handlers.ports import Store
from diameter_ocs.handlers.provisioning import apply_catalogue
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.remembered import (
    BATCHES_IN_DOUBT,
    GROUPS_REMEMBERED,
    PARTS_REMEMBERED,
    SESSIONS_REMEMBERED,
    Memory,
)
from diameter_ocs.store.work import PostgresStore
from tests.store.scenario import (
    DOCUMENT,
    NOW,
    ORDER,
    Kept,
    case_of,
    charged,
    furnish,
    initial,
    octets,
    terminate,
    update,
    used,
)


@pytest.fixture
async def other(postgres: Kept, emptied: str) -> AsyncIterator[Store]:
    """Another server on the same database."""
    database = Database(emptied)
    yield PostgresStore(database, Catalogues(read_stored))
    await database.close()


async def is_trusted(store: Store, group: int) -> bool:
    """Whether a batch about a group would not lock it first."""
    async with store.work() as work:
        assert await work.lock([group], [(group, update())], NOW)
        return not work.is_locking  # type: ignore[attr-defined]


async def is_remembered(store: Store, group: int, conninfo: str) -> bool:
    """Whether a store believes what it has read of a group before; its version says nothing new."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("UPDATE account SET name = name || '*' WHERE group_id = %s", [group])
        row = connection.execute("SELECT name FROM account WHERE id = %s", [group]).fetchone()
    async with store.work() as work:
        await work.lock([group], [(group, update())], NOW)
        cases, _ = await work.load([(group, update())], NOW)
    return (cases[group].accounts[group].name,) != row


async def test_a_group_is_not_read_again_by_who_stored_it(postgres: Kept, emptied: str) -> None:
    (group, *_) = await furnish(postgres.accounts)
    assert not await is_remembered(postgres.store, group, emptied)
    await charged(postgres.store, (group, initial()))
    assert await is_remembered(postgres.store, group, emptied)
    (decision,) = await charged(postgres.store, (group, update(usages=(used(100),))))
    assert isinstance(decision, Decision)
    assert (await octets(postgres.accounts)).used == 100


async def test_what_another_server_has_changed_is_decided_anew(
    postgres: Kept, other: Store
) -> None:
    (group, *_) = await furnish(postgres.accounts)
    await charged(postgres.store, (group, initial()))
    await charged(other, (group, update(usages=(used(1000),))))
    late = update(request_number=2, usages=(used(50),))
    with pytest.raises(StaleCase):
        await charged(postgres.store, (group, late))
    (decision,) = await charged(postgres.store, (group, late))
    assert isinstance(decision, Decision)
    (record,) = decision.edrs[0].services
    assert record.settlement.overrun == 50 or record.settlement.used == 50
    assert (await octets(postgres.accounts)).used == 1000


async def test_a_session_that_another_server_closed_is_not_open_any_more(
    postgres: Kept, other: Store
) -> None:
    (group, *_) = await furnish(postgres.accounts)
    await charged(postgres.store, (group, initial()))
    await charged(other, (group, terminate(request_number=1)))
    with pytest.raises(StaleCase):
        await charged(postgres.store, (group, update(request_number=2)))
    (decision,) = await charged(postgres.store, (group, update(request_number=2)))
    assert isinstance(decision, Decision)
    assert decision.outcome is Outcome.SESSION_UNKNOWN


async def test_a_repeat_of_what_another_server_answered_is_not_charged(
    postgres: Kept, other: Store
) -> None:
    (group, *_) = await furnish(postgres.accounts)
    await charged(postgres.store, (group, initial()))
    request = update(usages=(used(10),))
    (first,) = await charged(other, (group, request))
    with pytest.raises(StaleCase):
        await charged(postgres.store, (group, request))
    (again,) = await charged(postgres.store, (group, request))
    assert isinstance(first, Decision)
    assert isinstance(again, Decision)
    assert again.services[0].grant == first.services[0].grant
    assert (await octets(postgres.accounts)).used == 10


async def test_what_another_server_marked_is_seen_though_its_clock_is_behind(
    postgres: Kept, other: Store
) -> None:
    """A mark is no EDR: the version stays."""
    (group, *_) = await furnish(postgres.accounts)
    key = initial().session_key
    await charged(postgres.store, (group, initial()), now=NOW + 1_000_000)
    async with other.work() as work:
        await work.lock([group])
        case = (await work.load_sessions([(group, key)], NOW))[group]
        mark = mark_answered(key, case)
        assert mark is not None
        await work.apply([Change(case, case.after(mark), ())])
    async with postgres.store.work() as work:
        await work.lock([group])
        case = (await work.load_sessions([(group, key)], NOW + 2_000_000))[group]
    assert case.sessions[key].last_request_at > case.sessions[key].opened_at


async def test_a_new_catalogue_is_used_by_the_next_request(postgres: Kept) -> None:
    (group, *_) = await furnish(postgres.accounts)
    await charged(postgres.store, (group, initial()))
    await apply_catalogue(postgres.accounts, read_document(DOCUMENT), ORDER)
    with pytest.raises(StaleCase):
        await charged(postgres.store, (group, update()))
    await charged(postgres.store, (group, update()))
    assert (await case_of(postgres.store, group)).catalogue.version == 2
    (session,) = (await case_of(postgres.store, group, update())).sessions.values()
    assert session.catalogue_version == 2


async def test_a_group_that_somebody_else_holds_is_not_waited_for(
    postgres: Kept, other: Store
) -> None:
    (group, *_) = await furnish(postgres.accounts)
    await charged(postgres.store, (group, initial()))
    async with other.work() as work:
        assert await work.lock([group])
        with pytest.raises(StaleCase):
            async with asyncio.timeout(5):
                await charged(postgres.store, (group, update(usages=(used(1),))))
        async with postgres.store.work() as locking:
            assert not await locking.lock([group], [(group, update())], NOW)
    assert (await octets(postgres.accounts)).used == 0


async def test_one_group_that_has_changed_keeps_the_whole_batch_from_being_stored(
    postgres: Kept, other: Store
) -> None:
    first, second, _ = await furnish(postgres.accounts)
    both = (first, initial(1)), (second, initial(2, b"second"))
    await charged(postgres.store, *both)
    await charged(other, (second, update(2, b"second", usages=(used(7),))))
    batch = (
        (first, update(1, usages=(used(3),))),
        (second, update(2, b"second", request_number=2, usages=(used(5),))),
    )
    with pytest.raises(StaleCase):
        await charged(postgres.store, *batch)
    assert [(await octets(postgres.accounts, number)).used for number in (1, 2)] == [0, 7]
    await charged(postgres.store, *batch)
    assert [(await octets(postgres.accounts, number)).used for number in (1, 2)] == [3, 12]


async def test_servers_that_take_turns_lock_first(postgres: Kept, other: Store) -> None:
    first, second, _ = await furnish(postgres.accounts)
    await charged(postgres.store, (first, initial(1)))
    await charged(postgres.store, (second, initial(2, b"second")))
    await charged(other, (first, update(1)))
    with pytest.raises(StaleCase):
        await charged(postgres.store, (first, update(1, request_number=2)))
    for _ in range(BATCHES_IN_DOUBT):
        assert not await is_trusted(postgres.store, second)
    assert await is_trusted(postgres.store, second)
    await charged(postgres.store, (first, update(1, request_number=2)))


async def test_servers_that_take_turns_answer_every_request(postgres: Kept, other: Store) -> None:
    await furnish(postgres.accounts)
    servers = [Lanes(store, LaneSettings(), lambda: NOW) for store in (postgres.store, other)]
    running = [asyncio.create_task(lanes.run()) for lanes in servers]
    answers: list[object] = []
    servers[0].submit(initial(), answers.append)
    await servers[0].drain()
    for number in range(1, 50):
        lanes = servers[number % 2]
        lanes.submit(update(request_number=number, usages=(used(1),)), answers.append)
        await lanes.drain()
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    assert [answer.outcome for answer in answers if isinstance(answer, Decision)] == (
        [Outcome.SUCCESS] * 50
    )
    assert (await octets(postgres.accounts)).used == 49


async def test_nothing_is_remembered_beyond_a_new_connection(postgres: Kept, emptied: str) -> None:
    """The database may be another one, where the same version is something else."""
    (group, *_) = await furnish(postgres.accounts)
    await charged(postgres.store, (group, initial()))
    assert await is_remembered(postgres.store, group, emptied)
    with psycopg.connect(emptied, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'diameter-ocs'"
        )
    assert not await is_remembered(postgres.store, group, emptied)


async def test_a_batch_that_fails_is_not_remembered(postgres: Kept, emptied: str) -> None:
    (group, *_) = await furnish(postgres.accounts)
    await charged(postgres.store, (group, initial()))

    async def interrupted() -> None:
        async with postgres.store.work() as work:
            await work.lock([group], [(group, update())], NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await interrupted()
    assert not await is_remembered(postgres.store, group, emptied)


async def test_memory_is_bounded(postgres: Kept) -> None:
    (group, *_) = await furnish(postgres.accounts, (1,))
    for number in range(SESSIONS_REMEMBERED + 1):
        await charged(postgres.store, (group, initial(1, b"%d" % number)), now=NOW + number)
    keys = [(group, initial(1, b"%d" % number)) for number in range(SESSIONS_REMEMBERED + 1)]
    case = await case_of(postgres.store, group, *[request for _, request in keys])
    assert len(case.sessions) == SESSIONS_REMEMBERED + 1
    memory = Memory()
    memory.keep(case._replace(group_id=number) for number in range(GROUPS_REMEMBERED + 1))
    assert memory.get(0) is None
    kept = memory.get(GROUPS_REMEMBERED)
    assert kept is not None
    assert len(kept.sessions) == SESSIONS_REMEMBERED
    assert case.sessions.keys() - kept.sessions.keys() == {initial(1, b"0").session_key}


async def test_of_large_groups_fewer_are_remembered(postgres: Kept) -> None:
    (group, *_) = await furnish(postgres.accounts, (1,))
    case = await case_of(postgres.store, group)
    (account,) = case.accounts.values()
    large = case._replace(accounts=dict.fromkeys(range(PARTS_REMEMBERED // 10), account))
    memory = Memory()
    for number in (*range(12), *range(12)):
        memory.keep([large._replace(group_id=number)])
    assert [number for number in range(12) if memory.get(number)] == [*range(3, 12)]
    memory.forget(range(12))
    memory.keep(case._replace(group_id=number) for number in range(100))
    assert all(memory.get(number) for number in range(100))
