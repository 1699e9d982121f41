"""The books find every kind of disagreement, and nothing else."""

import asyncio

import psycopg
import pytest

from diameter_ocs.store.books import FAULTS_MAX, Fault, check_books
from diameter_ocs.store.database import Database
from tests.store.scenario import OCTETS, Kept, charged, furnish, initial, octets, terminate, update


@pytest.fixture
async def busy(postgres: Kept) -> Kept:
    """A store in which two accounts have sessions, and one has none."""
    groups = await furnish(postgres.accounts, money=1_000_000)
    await charged(postgres.store, (groups[0], initial()), (groups[1], initial(2, b"two")))
    await charged(postgres.store, (groups[0], update()))
    await charged(postgres.store, (groups[0], initial(session=b"brief")))
    await charged(postgres.store, (groups[0], terminate(session=b"brief")))
    return postgres


class Tampering:
    """Changes what no command can, and afterwards undoes it, so that the books agree again."""

    def __init__(self, database: Database, conninfo: str) -> None:
        self.database = database
        self.conninfo = conninfo

    async def found(self, *statements: str) -> list[Fault]:
        """Tamper, check the books, and put everything back."""
        assert (await check_books(self.database)).are_balanced
        self._execute(
            "CREATE TABLE balance_copy AS TABLE balance; CREATE TABLE edr_copy AS TABLE edr;"
            " CREATE TABLE session_copy AS TABLE session"
        )
        self._execute(*statements)
        books = await check_books(self.database)
        for table in ("balance", "edr", "session"):
            self._execute(
                f"DELETE FROM {table}; INSERT INTO {table} TABLE {table}_copy; "
                f"DROP TABLE {table}_copy"
            )
        assert books.are_balanced == (not books.faults)
        return list(books.faults)

    def _execute(self, *statements: str) -> None:
        with psycopg.connect(self.conninfo) as connection:
            for statement in statements:
                connection.execute(statement)


@pytest.fixture
def tampering(busy: Kept, emptied: str) -> Tampering:
    assert busy.database is not None
    return Tampering(busy.database, emptied)


async def test_what_was_charged_is_in_balance(busy: Kept, tampering: Tampering) -> None:
    books = await check_books(tampering.database)
    assert books.faults == ()
    assert (books.balances, books.sessions) == (6, 2)
    assert books.edrs == 3 + 5


async def test_a_balance_changed_by_hand_is_found(busy: Kept, tampering: Tampering) -> None:
    number = (await octets(busy.accounts)).id
    for column, recorded in (("total", OCTETS), ("used", 20)):
        found = await tampering.found(
            f"UPDATE balance SET {column} = {column} + 7 WHERE id = {number}"
        )
        assert [fault[1:] for fault in found] == [(number, column, recorded + 7, recorded)]


async def test_a_reservation_changed_by_hand_is_found_twice(
    busy: Kept, tampering: Tampering
) -> None:
    number = (await octets(busy.accounts)).id
    found = await tampering.found(f"UPDATE balance SET reserved = reserved + 1 WHERE id = {number}")
    assert [fault[1:] for fault in found] == [
        (number, "reserved", 101, 100),
        (number, "held", 101, 100),
    ]


async def test_a_missing_posting_is_found(busy: Kept, tampering: Tampering) -> None:
    number = (await octets(busy.accounts)).id
    found = await tampering.found("DELETE FROM edr WHERE action = 'update'")
    assert [fault[1:] for fault in found] == [(number, "used", 20, 10)]


async def test_a_posting_too_many_is_found(busy: Kept, tampering: Tampering) -> None:
    found = await tampering.found("INSERT INTO edr SELECT * FROM edr WHERE action = 'update'")
    assert [fault.field for fault in found] == ["used"]


async def test_a_posting_without_a_balance_is_found(busy: Kept, tampering: Tampering) -> None:
    balance = await octets(busy.accounts, 3)
    found = await tampering.found(f"DELETE FROM balance WHERE id = {balance.id}")
    assert [fault[1:] for fault in found] == [(balance.id, "total", 0, OCTETS)]


async def test_a_balance_without_a_posting_is_found(busy: Kept, tampering: Tampering) -> None:
    balance = await octets(busy.accounts, 3)
    found = await tampering.found("DELETE FROM edr WHERE action = 'create account'")
    fields = {
        (fault.field, fault.stored, fault.recorded) for fault in found if fault[1] == balance.id
    }
    assert fields == {("total", OCTETS, 0)}


async def test_what_a_lost_session_held_is_found(busy: Kept, tampering: Tampering) -> None:
    balance = await octets(busy.accounts, 2)
    found = await tampering.found(f"DELETE FROM session WHERE account_id = {balance.account_id}")
    assert [fault[1:] for fault in found] == [(balance.id, "held", 100, 0)]


async def test_a_session_that_holds_of_no_balance_is_found(
    busy: Kept, tampering: Tampering
) -> None:
    found = await tampering.found(
        "UPDATE session SET lines = (lines::jsonb ||"
        """ '[[9, 300, null, 0, 0, 0, [["s", false, 5, [[999, 5]]]]]]')::json"""
        " WHERE session_id = 'two'"
    )
    assert [fault[1:] for fault in found] == [(999, "held", 0, 5)]


async def test_one_number_in_two_groups_is_two_balances(busy: Kept, tampering: Tampering) -> None:
    number = (await octets(busy.accounts)).id
    found = await tampering.found(f"UPDATE balance SET group_id = 777 WHERE id = {number}")
    assert {fault.group_id for fault in found} >= {777}
    assert len(found) > 1


async def test_faults_beyond_count_are_cut(tampering: Tampering) -> None:
    found = await tampering.found(
        "INSERT INTO balance SELECT 5, n, 5, 'x', 0, 1, 0, 0"
        f" FROM generate_series(1000, {1010 + FAULTS_MAX}) AS n"
    )
    assert len(found) == FAULTS_MAX


async def test_the_books_are_one_snapshot_while_requests_are_charged(
    busy: Kept, tampering: Tampering
) -> None:
    (group, *_) = await busy.store.resolve([initial()])
    assert group is not None

    async def charge() -> None:
        for number in range(2, 22):
            await charged(busy.store, (group, update(request_number=number)))

    charging = asyncio.create_task(charge())
    while not charging.done():
        assert (await check_books(tampering.database)).are_balanced
    await charging
