"""A family changed, charged and left to time at random: each date is told once, by whoever comes.

What is told of a subscription stands in the outbox under its id.
"""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from diameter_ocs.charging.groups import Subscription
from diameter_ocs.charging.outbox import OutboxKind
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.lifecycle import Dated, Lifecycle
from diameter_ocs.handlers.provisioning import apply_catalogue
from diameter_ocs.handlers.subscriptions import NewSubscription, add_subscription
from diameter_ocs.store.lifecycle import PostgresLifecycle
from diameter_ocs.store.memory_lifecycle import MemoryLifecycle
from diameter_ocs.store.tables import outbox
from diameter_ocs.store.work import PostgresStore
from tests.handlers.test_life_walk import (
    MEMBERS,
    SECOND,
    SECONDS,
    SESSIONS,
    UNITS,
    LifeWalk,
    LifeWalkInPostgres,
    name,
)
from tests.store.scenario import DOCUMENT

TELLING = DOCUMENT + "notices: {files: [{name: sink}], expiring_before: [60 s, 10 s]}\n"
EXPIRING, LEAD_TIMES = "subscription.expiring", 2


class TimeWalk(LifeWalk):
    """A family whose dates are looked at beside all that is done to it."""

    async def open(self) -> None:
        await super().open()
        telling = TELLING.replace("tenant: demo", f"tenant: {self.tenant}")
        await apply_catalogue(self.accounts, read_document(telling), self.order())
        self.older = {each.id for account in await self.members() for each in account.subscriptions}
        self.lookers = [Lifecycle(self.dated(), lambda: self.now) for _ in range(2)]

    def dated(self) -> Dated:
        return MemoryLifecycle(self.memory)

    async def notices(self) -> Iterable[Mapping[str, Any]]:
        rows = self.memory.outbox.values()
        return [row.content for row in rows if row.kind is OutboxKind.NOTICE]

    async def look(self) -> None:
        """Two servers look at once, and again at what the other one held."""
        for _ in range(2):
            await asyncio.gather(*(looker.look() for looker in self.lookers))

    @rule(member=MEMBERS, session=SESSIONS, units=UNITS)
    def time_comes_at_once(self, member: int, session: bytes, units: int) -> None:
        async def both() -> None:
            await asyncio.gather(
                self.ask(self.requests(member, session, units, units)), self.look()
            )

        self.play(both())

    @rule(days=st.integers(1, 90))
    def wait_long(self, days: int) -> None:
        self.now += days * 86_400_000_000

    @rule(member=MEMBERS, lasts=SECONDS)
    def a_command_comes_before_time_is_looked_at(self, member: int, lasts: int) -> None:
        self.add(member, lasts)
        self.now += lasts * SECOND
        self.add(member, lasts)

    def add(self, member: int, lasts: int) -> None:
        asked = NewSubscription(name(member), "plan", None, self.now + lasts * SECOND)
        self.play(
            self.do(lambda: add_subscription(self.accounts, self.tenant, asked, self.order()))
        )

    @rule()
    def time_comes(self) -> None:
        self.play(self.look())
        told = self.told()
        for account in self.play(self.members()):
            for each in account.subscriptions:
                self.is_told_as_it_is(each, told)

    @invariant()
    def nothing_is_told_twice(self) -> None:
        for (kind, _), times in self.told().items():
            assert times <= (LEAD_TIMES if kind == EXPIRING else 1)

    def told(self) -> Counter[tuple[str, int]]:
        """How often notices of each type were told of each subscription."""
        told = Counter[tuple[str, int]]()
        notices = list(self.play(self.notices()))
        assert len({each["id"] for each in notices}) == len(notices)
        for notice in notices:
            if "subscription" in notice["data"]:
                told[notice["type"], notice["data"]["subscription"]] += 1
        return told

    def is_told_as_it_is(self, each: Subscription, told: Counter[tuple[str, int]]) -> None:
        has_begun = each.valid_from is None or each.valid_from <= self.now
        is_known = each.id not in self.older
        ended = [told[f"subscription.{word}", each.id] for word in ("expired", "cancelled")]
        if each.valid_until is None or each.valid_until > self.now:
            assert ended == [0, 0]
            assert told["subscription.activated", each.id] == (has_begun and is_known)
        else:
            assert sorted(ended) == [0, 1]


class TimeWalkInPostgres(TimeWalk, LifeWalkInPostgres):
    """The same, with transactions that last."""

    def dated(self) -> Dated:
        return PostgresLifecycle(self.pool, PostgresStore(self.pool, self.catalogues))

    async def notices(self) -> Iterable[Mapping[str, Any]]:
        mine = select(outbox.c.content).where(
            outbox.c.group_id == self.group, outbox.c.kind == OutboxKind.NOTICE
        )
        async with self.pool.transaction() as connection:
            return (await connection.execute(mine)).scalars().all()


def test_time_in_memory_is_told_once() -> None:
    run_state_machine_as_test(
        TimeWalk, settings=settings(max_examples=12, stateful_step_count=30, deadline=None)
    )


@pytest.mark.ci
def test_time_in_postgres_is_told_once(database: str) -> None:
    TimeWalkInPostgres.conninfo = database
    TimeWalkInPostgres.tenants = itertools.count()
    run_state_machine_as_test(
        TimeWalkInPostgres,
        settings=settings(
            max_examples=10,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
