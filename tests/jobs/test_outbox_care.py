"""What nobody could deliver is given up, kept for a while, and told of in the metrics."""

import asyncio

import pytest

from diameter_ocs.charging.delivery import EXPIRY_SECONDS, row_of
from diameter_ocs.charging.outbox import OutboxKind, Outgoing
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.jobs.outbox_care import FORGOTTEN_SECONDS, OutboxCare
from diameter_ocs.observability import create_metrics
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.memory_outbox import MemoryOutbox

NOW = 1_800_000_000_000_000
DAY = EXPIRY_SECONDS[OutboxKind.SPENDING_LIMIT]
REPORT = Outgoing(OutboxKind.SPENDING_LIMIT, 1, {}, "pcrf.example", "example", None, b"s")


class House:
    """An outbox that is looked after, and what the metrics tell of it."""

    def __init__(self) -> None:
        store = MemoryStore(read_stored)
        self.rows = store.outbox
        self.now = NOW
        self.metrics = create_metrics()
        clock = lambda: self.now  # noqa: E731
        self.care = OutboxCare(MemoryOutbox(store), clock, clock, self.metrics)

    def leave(self, number: int, outgoing: Outgoing = REPORT) -> None:
        row = row_of((1, number, 0), outgoing, self.now)
        self.rows[row.key] = row

    def look(self, seconds: int) -> tuple[float, float, float]:
        """Look after it at a time; return what waits, since when, and what was given up."""
        self.now = NOW + seconds * 1_000_000
        for work in self.care.works:
            while asyncio.run(work()):
                pass
        gauges = (
            self.metrics.outbox_waiting,
            self.metrics.outbox_oldest_seconds,
            self.metrics.outbox_given_up,
        )
        waiting, oldest, given_up = (g.labels("spending_limit")._value.get() for g in gauges)
        return waiting, oldest, given_up


def test_what_waits_too_long_is_given_up_and_forgotten_in_the_end() -> None:
    house = House()
    house.leave(1)
    assert house.look(0) == (1, 0, 0)
    assert house.look(DAY) == (1, DAY, 0)
    assert house.look(DAY + 1) == (0, 0, 1)
    assert house.look(DAY + 1 + FORGOTTEN_SECONDS) == (0, 0, 1)
    assert house.look(DAY + 2 + FORGOTTEN_SECONDS) == (0, 0, 0)


@pytest.mark.parametrize("kind", OutboxKind)
def test_each_kind_has_its_time(kind: OutboxKind) -> None:
    house = House()
    house.leave(1, REPORT._replace(kind=kind))
    house.look(EXPIRY_SECONDS[kind])
    (row,) = house.rows.values()
    assert row.given_up_at is None
    house.look(EXPIRY_SECONDS[kind] + 1)
    (row,) = house.rows.values()
    assert row.given_up_at == house.now
    assert "no server was connected" in (row.fault or "")
