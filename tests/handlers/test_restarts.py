"""What gateways lost when they restarted is closed, once, whoever hears of it."""

import asyncio

from structlog.testing import capture_logs

from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.handlers import restarts
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.restarts import ATTEMPTS_MAX, Restarts
from diameter_ocs.handlers.supervision import DUE_MAX, Supervision
from diameter_ocs.handlers.unclaimed import Unclaimed
from diameter_ocs.observability import create_metrics
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.books import check_books
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.gateways import PostgresGateways
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.memory_gateways import MemoryGateways
from diameter_ocs.store.work import PostgresStore
from tests.handlers.virtual_time import play
from tests.store.scenario import NOW, charged, furnish, initial, memory_faults, octets

HOST = "pgw.example"
OLD = {"origin_host": HOST, "origin_state_id": 5}


class Post:
    """Sessions of a gateway in a twin, and who hears of its restarts."""

    def __init__(self) -> None:
        self.store = MemoryStore(read_stored)
        self.gateways = MemoryGateways(self.store)
        self.now = NOW + 1000
        self.metrics = create_metrics()
        self.restarts = self.another()

    def another(self) -> Restarts:
        """Another server of the same store."""
        supervision = Supervision(self.store, Unclaimed(), lambda: self.now, self.metrics)
        return Restarts(self.gateways, supervision, lambda: self.now)

    async def open(self, accounts: int) -> list[int]:
        groups = await furnish(self.store, range(1, accounts + 1))
        pairs = [(group, initial(number, **OLD)) for number, group in enumerate(groups, 1)]
        await charged(self.store, *pairs)
        return groups

    async def work(self, restarts: Restarts | None = None) -> int:
        """Do a round of everything; return how often it went on."""
        times = 0
        for work in (restarts or self.restarts).works:
            while await work():
                times += 1
        return times

    @property
    def closed(self) -> float | None:
        labels = {"reason": "gateway_restarted"}
        return self.metrics.registry.get_sample_value("ocs_sessions_abandoned_total", labels)

    def open_sessions(self) -> int:
        return sum(len(group.sessions) for group in self.store.groups.values())


def test_what_was_lost_is_closed_in_batches_and_counted() -> None:
    async def story() -> None:
        post = Post()
        await post.open(DUE_MAX + 2)
        post.restarts.hear(HOST, 6)
        with capture_logs() as logs:
            await post.work()
        assert (post.open_sessions(), post.closed) == (0, DUE_MAX + 2)
        assert (await octets(post.store)).reserved == 0
        assert memory_faults(post.store) == []
        assert {"origin_host": HOST, "reason": "gateway_restarted"}.items() <= {
            **logs[-1],
            **logs[0],
        }.items()
        assert logs[0]["log_level"] == "warning"

    play(story())


def test_the_same_count_again_closes_nothing() -> None:
    async def story() -> None:
        post = Post()
        post.restarts.hear(HOST, 5)
        await post.work()
        groups = await post.open(2)
        post.restarts.hear(HOST, 5)
        post.restarts.hear(HOST.upper(), 5)
        await post.work()
        assert post.open_sessions() == len(groups)

    play(story())


def test_a_count_that_goes_back_is_told_and_closes_nothing() -> None:
    async def story() -> None:
        post = Post()
        post.restarts.hear(HOST, 5)
        await post.work()
        await post.open(1)
        fresh = post.another()
        with capture_logs() as logs:
            for server in post.restarts, fresh:
                server.hear(HOST, 4)
                await post.work(server)
                server.hear(HOST, 4)
        assert [(each["told"], each["greatest"]) for each in logs] == [(4, 5)] * 4
        assert {each["log_level"] for each in logs} == {"warning"}
        assert post.open_sessions() == 1

    play(story())


def test_another_server_goes_on_with_the_search_of_one_that_died() -> None:
    async def story() -> None:
        post = Post()
        await post.open(3)
        post.restarts.hear(HOST, 6)
        await post.restarts.write()
        await post.gateways.take_search(post.now, post.now + restarts.LEASE_MICROSECONDS)
        other = post.another()
        assert await post.work(other) == 0
        post.now += restarts.LEASE_MICROSECONDS
        await post.work(other)
        assert post.open_sessions() == 0

    play(story())


def test_sessions_that_somebody_holds_are_tried_again_and_given_up_in_the_end() -> None:
    async def story() -> None:
        post = Post()
        groups = await post.open(3)
        post.restarts.hear(HOST, 6)
        post.store.locked.add(groups[0])
        for _ in range(ATTEMPTS_MAX - 1):
            assert await post.work() == 0
        assert post.open_sessions() == 1
        with capture_logs() as logs:
            await post.work()
        (told,) = [each for each in logs if each["log_level"] == "error"]
        assert (told["origin_host"], told["sessions"]) == (HOST, 1)
        post.store.locked.clear()
        assert await post.work() == 0, "supervision finds it when it is idle"

    play(story())


def test_a_session_that_is_free_in_time_is_closed() -> None:
    async def story() -> None:
        post = Post()
        (group,) = await post.open(1)
        post.restarts.hear(HOST, 6)
        post.store.locked.add(group)
        await post.work()
        post.store.locked.clear()
        await post.work()
        assert post.open_sessions() == 0

    play(story())


async def test_two_processes_search_side_by_side(database: str) -> None:
    pools = [Database(database), Database(database)]
    stores = [PostgresStore(pool, Catalogues(read_stored)) for pool in pools]
    groups = await furnish(PostgresAccounts(pools[0], Catalogues(read_stored)), range(1, 41))
    for name in b"one", b"two":
        pairs = [(g, initial(n, name, **OLD)) for n, g in enumerate(groups, 1)]
        await charged(stores[0], *pairs)
    young = initial(1, b"young", origin_host=HOST, origin_state_id=6)
    await charged(stores[0], (groups[0], young))
    metrics = create_metrics()
    both = [
        Restarts(
            PostgresGateways(pool),
            Supervision(store, Unclaimed(), lambda: NOW + 1000, metrics),
            lambda: NOW + 1000,
        )
        for pool, store in zip(pools, stores, strict=True)
    ]
    for each in both:
        each.hear(HOST, 6)
    await asyncio.gather(*(each.write() for each in both))
    for _ in range(3):
        await asyncio.gather(*(each.search() for each in both))
    labels = {"reason": "gateway_restarted"}
    assert metrics.registry.get_sample_value("ocs_sessions_abandoned_total", labels) == 80
    left = await stores[0].due_sessions(NOW + 10**15, 99)
    assert left == [(groups[0], SessionKey(b"young"))]
    assert (await check_books(pools[0])).are_balanced
    for pool in pools:
        await pool.close()
