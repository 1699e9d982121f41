"""What is to leave is delivered in order, again when it must be, and by whoever can."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from structlog.testing import capture_logs

from diameter_ocs.charging.delivery import (
    EXPIRY_SECONDS,
    Claimed,
    Fate,
    HeldPeer,
    OutboxRow,
    Result,
    Settled,
    row_of,
)
from diameter_ocs.charging.faults import BrokenBatch, CasesUnavailable
from diameter_ocs.charging.outbox import OutboxKind, Outgoing
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.jobs.delivery import (
    HELD_SECONDS,
    LEASE_SECONDS,
    POLL_SECONDS,
    ROUND_SECONDS,
    Bell,
    Deliverer,
    Here,
    Sending,
)
from diameter_ocs.jobs.pacing import AT_ONCE_MAX, CALLS_A_SECOND, CALLS_IN_A_ROW
from diameter_ocs.observability import create_metrics
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.memory_groups import Group
from diameter_ocs.store.memory_outbox import MemoryOutbox
from tests.handlers.virtual_time import play

NOW = 1_800_000_000_000_000
GROUP = 1
GY, SY = 4, 16777302
PGW = HeldPeer("pgw.example", "example", False, frozenset({GY}))
PCRF = HeldPeer("pcrf.example", "example", False, frozenset({SY}))
AGENT = HeldPeer("agent.example", "elsewhere", True, frozenset())
DONE = Fate(Result.DELIVERED)
Said = Callable[[Claimed], Awaitable[Fate]]


class Courier:
    """Notes what it is given, when and how much at once, and says what it is told to."""

    def __init__(self, say: Said | None = None, *sinks: str) -> None:
        self.say = say or always(DONE)
        self.sinks = sinks or ("sink", "")
        self.given: list[tuple[float, Claimed]] = []
        self.at_once: Counter[str] = Counter()
        self.at_once_max = 0

    def serves(self, target: str) -> bool:
        return target in self.sinks

    async def deliver(self, claimed: Claimed) -> Fate:
        self.given.append((asyncio.get_running_loop().time(), claimed))
        self.at_once[claimed.head.target] += 1
        self.at_once_max = max(self.at_once_max, *self.at_once.values())
        try:
            return await self.say(claimed)
        finally:
            self.at_once[claimed.head.target] -= 1

    @property
    def contents(self) -> list[Any]:
        return [row.content["a"] for _, claimed in self.given for row in claimed.rows]

    @property
    def times(self) -> list[float]:
        return [round(at, 3) for at, _ in self.given]


def always(fate: Fate, seconds: float = 0.0) -> Said:
    async def say(_: Claimed) -> Fate:
        await asyncio.sleep(seconds)
        return fate

    return say


def first(*fates: Fate) -> Said:
    """Say these one after the other, then that it is delivered."""
    left = list(fates)

    async def say(_: Claimed) -> Fate:
        return left.pop(0) if left else DONE

    return say


class Failing(MemoryOutbox):
    """An outbox whose database may be away."""

    is_away = False

    async def waiting(self, at: int) -> Any:
        if self.is_away:
            raise CasesUnavailable("away")
        return await super().waiting(at)

    async def settle(self, settled: Any, server_id: str) -> None:
        if self.is_away:
            raise CasesUnavailable("away")
        await super().settle(settled, server_id)


class House:
    """An outbox and servers that deliver from it, in virtual time."""

    def __init__(self) -> None:
        store = MemoryStore(read_stored)
        self.outbox = Failing(store)
        self.rows = store.outbox
        store.groups[GROUP] = Nobody()
        self._numbers: Counter[str] = Counter()
        self._running: list[asyncio.Task[None]] = []
        self.metrics = create_metrics()
        self.ahead = 0

    def now(self) -> int:
        return self.machine() + self.ahead

    @staticmethod
    def machine() -> int:
        return NOW + int(asyncio.get_running_loop().time() * 1e6)

    def leave(
        self, kind: OutboxKind, content: object, target: str = "sink", number: int = 7
    ) -> None:
        session = (None, None) if kind is OutboxKind.NOTICE else (number, b"s")
        outgoing = Outgoing(kind, GROUP, {"a": content}, target, "example", *session)
        self._numbers["last"] += 1
        row = row_of((GROUP, self._numbers["last"], 0), outgoing, self.now())
        self.rows[row.key] = row

    def start(
        self, courier: Courier, *peers: HeldPeer, server: str = "one"
    ) -> tuple[Bell, asyncio.Task[None]]:
        sendings = {
            OutboxKind.NOTICE: Sending(courier),
            OutboxKind.SPENDING_LIMIT: Sending(courier, SY),
            OutboxKind.REAUTHORIZATION: Sending(courier, GY),
        }
        bell = Bell()
        here = Here(server, self.now, self.machine, iter(range(1, 10**6)).__next__)
        job = Deliverer(self.outbox, sendings, Held(peers), here, bell, self.metrics)
        running = asyncio.create_task(job.run())
        self._running += [running, asyncio.create_task(job.listen())]
        return bell, running

    async def stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.wait(self._running)
        for task in self._running:
            assert task.cancelled(), task.exception()

    def counted(self, kind: OutboxKind, result: Result) -> float:
        return self.metrics.deliveries.labels(kind.name.lower(), result)._value.get()


class Nobody(Group):
    """A group of which nothing is asked but the sessions it does not have."""

    def __init__(self) -> None:
        self.sessions = {}
        self.spending_limits = {}
        self.stale = {}


class Held:
    def __init__(self, peers: Sequence[HeldPeer]) -> None:
        self.peers = peers

    def held(self) -> Sequence[HeldPeer]:
        return self.peers


def story(tell: Callable[[House], Awaitable[None]], breaks: bool = False) -> None:
    """Plays a story to its end, and looks whether all went well but for what is to break."""

    async def whole() -> None:
        house = House()
        await tell(house)
        await house.stop()

    with capture_logs() as events:
        play(whole())
    assert any(event["log_level"] == "error" for event in events) is breaks, events


NOTICE, REPORT, CALL = OutboxKind.NOTICE, OutboxKind.SPENDING_LIMIT, OutboxKind.REAUTHORIZATION


def test_what_waits_is_delivered_at_once_and_gone() -> None:
    async def tell(house: House) -> None:
        house.leave(NOTICE, 1)
        house.leave(NOTICE, 2)
        house.leave(REPORT, 3, "PCRF.example")
        courier = Courier()
        house.start(courier, PCRF)
        await asyncio.sleep(POLL_SECONDS)
        assert (courier.contents, courier.times) == ([1, 2, 3], [0, 0])
        assert house.rows == {}
        assert house.counted(NOTICE, Result.DELIVERED) == 1

    story(tell)


def test_a_commit_of_this_server_rings_and_others_are_told() -> None:
    async def tell(house: House) -> None:
        mine, other = Courier(), Courier()
        bell, _ = house.start(mine)
        house.start(other, PCRF, server="two")
        await asyncio.sleep(POLL_SECONDS / 2)
        house.leave(NOTICE, 1)
        house.leave(REPORT, 2, "pcrf.example")
        bell.committed()
        await asyncio.sleep(3 * ROUND_SECONDS)
        assert sorted(mine.contents + other.contents) == [1, 2]
        assert 2 in other.contents

    story(tell)


def test_what_nobody_tells_of_is_found_within_a_second() -> None:
    async def tell(house: House) -> None:
        courier = Courier()
        house.start(courier)
        await asyncio.sleep(POLL_SECONDS / 2)
        house.leave(NOTICE, 1)
        await asyncio.sleep(POLL_SECONDS)
        assert courier.contents == [1]

    story(tell)


@pytest.mark.parametrize(
    ("here", "elsewhere", "delivers"),
    [
        ([PCRF], [], True),
        ([PCRF], [AGENT], True),
        ([AGENT], [], True),
        ([AGENT], [PCRF], False),
        ([PCRF._replace(host="standby.example")], [], True),
        ([PCRF._replace(host="standby.example", realm="elsewhere")], [], False),
        ([PGW], [], False),
        ([], [], False),
    ],
    ids=["its own", "own before a relay", "a relay", "another server has it", "a peer of the realm",
         "of another realm", "of another application", "nobody"],
)  # fmt: skip
def test_who_can_reach_a_peer_delivers(
    here: list[HeldPeer], elsewhere: list[HeldPeer], delivers: bool
) -> None:
    async def tell(house: House) -> None:
        mine, other = Courier(), Courier()
        house.start(other, *elsewhere, server="two")
        await asyncio.sleep(1)
        house.start(mine, *here)
        house.leave(REPORT, 1, "pcrf.example")
        await asyncio.sleep(2 * POLL_SECONDS)
        assert mine.contents == [1] * delivers

    story(tell)


def test_a_server_that_dies_is_followed_by_a_relay_of_another() -> None:
    async def tell(house: House) -> None:
        lost, found = Courier(always(DONE, 10**6)), Courier()
        _, running = house.start(lost, PCRF)
        house.leave(REPORT, 1, "pcrf.example")
        await asyncio.sleep(1)
        assert lost.contents == [1]
        house.outbox.settle = silent  # type: ignore[method-assign, assignment]
        house.outbox.hold = silent  # type: ignore[method-assign, assignment]
        running.cancel()
        await asyncio.wait([running])
        del house.outbox.settle, house.outbox.hold
        house.start(found, AGENT, server="two")
        await asyncio.sleep(max(HELD_SECONDS, LEASE_SECONDS) - 2)
        assert found.contents == []
        await asyncio.sleep(3)
        ((_, again),) = found.given
        ((_, before),) = lost.given
        assert (again.was_sent, again.end_to_end_id) == (True, before.end_to_end_id)

    story(tell)


async def silent(*_: object) -> None:
    """Does nothing, as what a dead server would do."""


def test_a_server_that_ends_leaves_what_it_has_to_others() -> None:
    async def tell(house: House) -> None:
        slow, quick = Courier(always(DONE, 10**6)), Courier()
        _, running = house.start(slow, PCRF)
        house.leave(REPORT, 1, "pcrf.example")
        await asyncio.sleep(1)
        running.cancel()
        await asyncio.wait([running])
        house.start(quick, PCRF, server="two")
        await asyncio.sleep(0.1)
        assert (slow.contents, quick.contents) == ([1], [1])
        assert quick.given[0][1].was_sent

    story(tell)


def test_one_request_of_a_stream_is_under_way() -> None:
    async def tell(house: House) -> None:
        courier = Courier(always(DONE, 2.5))
        bell, _ = house.start(courier, PCRF)
        for content in range(3):
            house.leave(REPORT, content, "pcrf.example")
            bell.committed()
            await asyncio.sleep(1)
        assert courier.at_once_max == 1
        await asyncio.sleep(6)
        assert [[row.content["a"] for row in c.rows] for _, c in courier.given] == [[0], [1, 2]]

    story(tell)


def test_what_is_put_off_rests_longer_each_time_and_holds_up_only_its_stream() -> None:
    async def tell(house: House) -> None:
        put_off = Fate(Result.PUT_OFF, "3004", is_answered=True)

        async def say(claimed: Claimed) -> Fate:
            return put_off if claimed.head.session_number == 7 else DONE

        courier = Courier(say)
        house.start(courier, PCRF)
        house.leave(REPORT, 1, "pcrf.example")
        await asyncio.sleep(0.5)
        house.leave(REPORT, 2, "pcrf.example", number=8)
        await asyncio.sleep(400)
        of_first = [at for at, claimed in courier.given if claimed.head.session_number == 7]
        rests = [later - at for at, later in pairwise(of_first)]
        nominal = [1, 2, 5, 15, 60, 300]
        assert all(
            0.79 * n <= rest <= 1.21 * n + 1 for rest, n in zip(rests, nominal, strict=False)
        )
        assert len(rests) in (5, 6)
        assert 2 in courier.contents
        ids = [c.end_to_end_id for _, c in courier.given if c.head.session_number == 7]
        assert len(set(ids)) == len(ids), "each answered request is followed by another one"
        (row,) = house.rows.values()
        assert row.fault == "3004"

    story(tell)


@pytest.mark.parametrize("kind", [NOTICE, REPORT, CALL])
def test_what_is_in_vain_is_given_up_in_its_time(kind: OutboxKind) -> None:
    async def tell(house: House) -> None:
        target = "sink" if kind is NOTICE else "pcrf.example"
        peers = [PGW._replace(host=target, application_ids=frozenset({GY, SY}))]
        courier = Courier(always(Fate(Result.PUT_OFF, "503")))
        house.start(courier, *peers)
        house.leave(kind, 1, target)
        await asyncio.sleep(30)
        house.ahead = (EXPIRY_SECONDS[kind] - 2000) * 1_000_000
        await asyncio.sleep(100)
        assert all(row.given_up_at is None for row in house.rows.values())
        house.ahead = EXPIRY_SECONDS[kind] * 1_000_000
        await asyncio.sleep(100)
        (row,) = house.rows.values()
        assert row.given_up_at is not None
        assert row.fault == "503"
        assert house.counted(kind, Result.GIVEN_UP) == 1

    story(tell)


def test_a_notice_that_is_given_up_takes_no_later_one_with_it() -> None:
    async def tell(house: House) -> None:
        courier = Courier(always(Fate(Result.PUT_OFF, "503")))
        house.start(courier)
        house.leave(NOTICE, 1)
        await asyncio.sleep(30)
        house.ahead = EXPIRY_SECONDS[NOTICE] * 1_000_000 - 60_000_000
        house.leave(NOTICE, 2)
        await asyncio.sleep(100)
        given_up = {row.content["a"]: row.given_up_at for row in house.rows.values()}
        assert given_up[1] is not None
        assert given_up[2] is None
        courier.say = always(DONE)
        await asyncio.sleep(1000)
        assert [row.content["a"] for row in house.rows.values()] == [1]

    story(tell)


def test_while_a_target_is_away_nothing_goes_there_but_one_now_and_then() -> None:
    async def tell(house: House) -> None:
        away, is_away = Fate(Result.PUT_OFF, "refused", is_target_away=True), [True]

        async def say(claimed: Claimed) -> Fate:
            return away if claimed.head.target == "sink" and is_away[0] else DONE

        courier = Courier(say, "sink", "other")
        house.start(courier)
        for number in range(10):
            house.leave(NOTICE, number, number=number)
            house.rows[GROUP, number + 1, 0] = stream(house.rows[GROUP, number + 1, 0], number)
        await asyncio.sleep(10.5)
        in_vain = Counter(courier.times)
        assert in_vain[0] == 10
        assert len(courier.times) == 13, "after 1, 2 and 5 seconds one is tried"
        house.leave(NOTICE, "elsewhere", "other")
        await asyncio.sleep(1)
        assert courier.contents[-1] == "elsewhere"
        is_away[0] = False
        await asyncio.sleep(16)
        assert house.rows == {}

    story(tell)


def stream(row: OutboxRow, number: int) -> OutboxRow:
    """The same row as one of another account."""
    return row._replace(account_id=number, stream=f"notice {number} {row.target}")


def test_so_many_streams_of_a_way_are_under_way_at_once() -> None:
    async def tell(house: House) -> None:
        courier = Courier(always(DONE, 0.5))
        for number in range(3 * AT_ONCE_MAX):
            house.leave(REPORT, number, "pcrf.example", number=number + 1)
        house.start(courier, PCRF)
        await asyncio.sleep(2)
        assert courier.at_once_max == AT_ONCE_MAX
        assert sorted(courier.contents) == list(range(3 * AT_ONCE_MAX))

    story(tell)


def test_a_gateway_gets_no_more_calls_a_second_than_it_may() -> None:
    async def tell(house: House) -> None:
        courier = Courier()
        for number in range(1000):
            house.leave(CALL, number, "pgw.example", number=number + 1)
        house.start(courier, PGW)
        await asyncio.sleep(3)
        assert len(courier.given) <= 3 * CALLS_A_SECOND + CALLS_IN_A_ROW
        assert len(courier.given) >= 3 * CALLS_A_SECOND * 0.8
        await asyncio.sleep(4)
        assert len(courier.given) == 1000

    story(tell)


def test_what_cannot_be_written_down_is_written_later() -> None:
    async def tell(house: House) -> None:
        courier = Courier(always(DONE, 0.5))
        house.start(courier)
        house.leave(NOTICE, 1)
        await asyncio.sleep(0.4)
        house.outbox.is_away = True
        await asyncio.sleep(10)
        assert house.rows != {}
        house.outbox.is_away = False
        await asyncio.sleep(2 * POLL_SECONDS)
        assert house.rows == {}
        assert courier.contents == [1]

    story(tell)


@pytest.mark.parametrize("fault", [ZeroDivisionError(), BrokenBatch("x")])
def test_a_courier_that_breaks_harms_nobody_else(fault: Exception) -> None:
    async def tell(house: House) -> None:
        async def say(claimed: Claimed) -> Fate:
            if claimed.head.content["a"] == "bad" and len(courier.given) < 3:
                raise fault
            return DONE

        courier = Courier(say)
        house.leave(REPORT, "bad", "pcrf.example")
        house.leave(REPORT, "good", "pcrf.example", number=8)
        house.start(courier, PCRF)
        await asyncio.sleep(3)
        assert courier.contents == ["bad", "good", "bad"]
        assert house.rows == {}

    story(tell, breaks=True)


def test_what_cannot_be_written_harms_nothing_else() -> None:
    async def tell(house: House) -> None:
        courier = Courier(always(Fate(Result.GIVEN_UP, "a\0b" + 1000 * "c")))
        settle = house.outbox.settle

        async def picky(settled: Sequence[Settled], server_id: str) -> None:
            if any(each.claimed.head.session_number == 7 for each in settled):
                raise BrokenBatch("no text")
            await settle(settled, server_id)

        house.outbox.settle = picky  # type: ignore[method-assign]
        for number in (6, 7, 8):
            house.leave(REPORT, number, "pcrf.example", number=number)
        house.start(courier, PCRF)
        await asyncio.sleep(2)
        left = [row for row in house.rows.values() if row.given_up_at is None]
        assert [row.session_number for row in left] == [7]
        kept = {row.fault for row in house.rows.values() if row.given_up_at is not None}
        assert kept == {"ab" + 498 * "c"}

    story(tell, breaks=True)


def test_many_ways_all_get_their_share() -> None:
    async def tell(house: House) -> None:
        courier = Courier()
        hosts = [f"pcrf{number}.example" for number in range(600)]
        for number, host in enumerate(hosts):
            house.leave(REPORT, number, host, number=number + 1)
        house.start(courier, AGENT)
        await asyncio.sleep(1)
        assert sorted(courier.contents) == list(range(600))

    story(tell)


def test_what_leaves_instead_is_delivered_next() -> None:
    async def tell(house: House) -> None:
        call = Outgoing(CALL, GROUP, {"a": "one"}, "pgw.example", "example", 9, b"s")
        courier = Courier(first(Fate(Result.DROPPED, instead=(call,))))
        house.start(courier, PGW)
        everybody = Outgoing(CALL, GROUP, {"a": "all"})
        house.rows[GROUP, 1, 0] = row_of((GROUP, 1, 0), everybody, house.now())
        await asyncio.sleep(2 * POLL_SECONDS)
        assert courier.contents == ["all", "one"]

    story(tell)
