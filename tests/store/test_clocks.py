"""What time it is in a database, and who may move its test clock, and how."""

from collections.abc import Sequence

import psycopg
import pytest

from diameter_ocs.charging.commands import Command
from diameter_ocs.charging.peers import RunningServer
from diameter_ocs.handlers import clocks
from diameter_ocs.handlers.clocks import LATEST, Move, parse_move_by
from diameter_ocs.handlers.commands import Order
from diameter_ocs.handlers.moments import moment_text, parse_moment
from diameter_ocs.handlers.refusals import Refusal
from diameter_ocs.store.clocks import PostgresClocks
from diameter_ocs.store.database import Database
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.peers import PostgresPeers
from tests.store.scenario import Kept, charged, furnish, initial

SECOND = 1_000_000
DAY = 86400 * SECOND
ORDER = Order("anna")


def running(now: int, server_id: str = "one") -> RunningServer:
    return RunningServer(server_id, "ocs.example", now, now, (), (), (), ())


class Servers:
    """A register of servers, as the twin has none."""

    def __init__(self, *servers: RunningServer) -> None:
        self.listed = servers

    async def servers(self, seen_since: int) -> Sequence[RunningServer]:
        return [server for server in self.listed if server.seen_at >= seen_since]


@pytest.fixture
def kept_clock(opened: Database) -> PostgresClocks:
    """The clock of the emptied database."""
    return PostgresClocks(opened)


async def test_a_database_has_a_test_clock_only_where_it_was_given_one(
    opened: Database, kept_clock: PostgresClocks
) -> None:
    register = PostgresPeers(opened)
    assert await clocks.begin(kept_clock, register, False) is None
    assert await clocks.begin(kept_clock, register, True) == 0
    assert await clocks.begin(kept_clock, register, True) == 0
    with pytest.raises(Refusal, match="serve --test-clock") as caught:
        await clocks.begin(kept_clock, register, False)
    assert caught.value.code == "test_clock_needed"


async def test_where_was_charged_by_the_time_of_the_world_there_is_no_test_clock(
    postgres: Kept, kept_clock: PostgresClocks
) -> None:
    assert postgres.database is not None
    register = PostgresPeers(postgres.database)
    await furnish(postgres.accounts)
    await charged(postgres.store, (1, initial()))
    with pytest.raises(Refusal, match="another database") as caught:
        await clocks.begin(kept_clock, register, True)
    assert caught.value.code == "test_clock_refused"
    assert await kept_clock.ahead() is None


async def test_a_database_of_accounts_alone_may_get_one(
    postgres: Kept, kept_clock: PostgresClocks
) -> None:
    assert postgres.database is not None
    await furnish(postgres.accounts)
    assert await clocks.begin(kept_clock, PostgresPeers(postgres.database), True) == 0


async def test_a_database_that_is_served_gets_none(
    opened: Database, kept_clock: PostgresClocks
) -> None:
    register = PostgresPeers(opened)
    await register.tell(running(await kept_clock.now()))
    with pytest.raises(Refusal) as caught:
        await clocks.begin(kept_clock, register, True)
    assert caught.value.code == "database_in_use"


async def test_all_that_the_database_dates_goes_by_its_test_clock(
    postgres: Kept, kept_clock: PostgresClocks
) -> None:
    assert postgres.database is not None
    await kept_clock.give()
    real = await kept_clock.now()
    await clocks.move(postgres.accounts, PostgresPeers(postgres.database), Move(by=DAY), ORDER)
    assert DAY <= await kept_clock.now() - real < DAY + 60 * SECOND
    async with postgres.accounts.commanding() as work:
        claim = await work.claim(Command("", "test", "one", "anna", None, b""))
    assert DAY <= claim.at - real < DAY + 60 * SECOND


async def test_a_move_is_made_once_and_audited(postgres: Kept, kept_clock: PostgresClocks) -> None:
    assert postgres.database is not None
    register = PostgresPeers(postgres.database)
    await kept_clock.give()
    await register.tell(running(await kept_clock.now()))
    for is_repeated in (False, True):
        done = await clocks.move(postgres.accounts, register, Move(by=DAY), Order("anna", "monday"))
        assert done.is_repeated is is_repeated
        assert done.answer["servers"] == [{"id": "one", "origin_host": "ocs.example"}]
        assert await kept_clock.ahead() == done.answer["ahead_microseconds"] == DAY


async def test_it_moves_to_a_time(kept: Kept) -> None:
    await given(kept)
    target = parse_moment("2099-01-01")
    done = await clocks.move(kept.accounts, Servers(), Move(to=target), ORDER)
    assert done.answer["time"] == moment_text(target)
    second = await clocks.move(kept.accounts, Servers(), Move(by=3600 * SECOND), ORDER)
    assert parse_moment(second.answer["time"]) >= target + 3600 * SECOND
    assert second.answer["ahead_microseconds"] - done.answer["ahead_microseconds"] == 3600 * SECOND


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Move(to=parse_moment("2001-01-01")), "time_past"),
        (Move(by=0), "time_past"),
        (Move(to=LATEST + 1), "invalid_time"),
        (Move(by=LATEST), "invalid_time"),
    ],
)
async def test_it_only_moves_forward_and_not_for_ever(kept: Kept, asked: Move, code: str) -> None:
    await given(kept)
    with pytest.raises(Refusal) as caught:
        await clocks.move(kept.accounts, Servers(), asked, ORDER)
    assert caught.value.code == code


async def test_without_a_test_clock_nothing_is_moved(kept: Kept) -> None:
    with pytest.raises(Refusal, match="has no test clock") as caught:
        await clocks.move(kept.accounts, Servers(), Move(by=DAY), ORDER)
    assert caught.value.code == "test_clock_missing"


async def test_who_moves_it_waits_for_the_servers_that_run(
    opened: Database, kept_clock: PostgresClocks
) -> None:
    register = PostgresPeers(opened)
    await kept_clock.give()
    for server in ("one", "two"):
        await register.tell(running(await kept_clock.now(), server))
    assert not await kept_clock.follow("three", DAY, await kept_clock.now())
    assert await kept_clock.follow("one", DAY, await kept_clock.now())
    assert await clocks.left_behind(kept_clock, ["one"], DAY, 0) == []
    assert await clocks.left_behind(kept_clock, ["one", "two"], DAY, 0) == ["two"]
    await register.forget_servers(0, "two")
    assert await clocks.left_behind(kept_clock, ["one", "two"], DAY, 0) == []


def test_the_test_clock_is_one(emptied: str) -> None:
    with psycopg.connect(emptied) as connection:
        connection.execute("INSERT INTO test_clock (ahead) VALUES (0)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO test_clock (ahead) VALUES (5)")
        connection.rollback()


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15 min", 900), ("2h", 7200), ("365d", 365 * 86400)]
)
def test_a_span_is_written_in_units_of_time(text: str, seconds: int) -> None:
    assert parse_move_by(text) == Move(by=seconds * SECOND)


@pytest.mark.parametrize("text", ["", "2", "0s", "-2h", "2 GiB", "2 weeks", "1.5h", "h"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(Refusal, match="write 90s, 15min, 2h or 30d") as caught:
        parse_move_by(text)
    assert caught.value.code == "invalid_time"


async def given(kept: Kept) -> None:
    """Give either store a test clock."""
    if kept.database is not None:
        await PostgresClocks(kept.database).give()
    else:
        assert isinstance(kept.accounts, MemoryStore)
        kept.accounts.clock_ahead = 0
