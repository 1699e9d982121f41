"""A session over the end of the day: what the gateway is told, what it reports, what it costs."""

import asyncio

import pytest

from diameter_ocs.charging.accounts import NewAccount
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.commands import Order
from diameter_ocs.handlers.provisioning import apply_catalogue, create_accounts
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.jobs.clocks import MovedClock
from diameter_ocs.simulator.answers import Answer
from diameter_ocs.simulator.encoding import Subscriber
from diameter_ocs.simulator.gateway import Identity as GatewayIdentity
from diameter_ocs.simulator.gateway import connect, parse_steps
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.transport.peer_rules import PeerRule
from tests.in_process import Server
from tests.store.scenario import NOW, memory_faults

MINUTE = 60_000_000
DOCUMENT = """
tenant: demo
currency: EUR
time_zone: Europe/Berlin
rating_groups:
  - {id: 100, name: Calls, unit_type: time, rounding: 60, default_quota: 1 h}
  - {id: 300, name: Data, unit_type: volume, default_quota: 1000}
balance_types:
  - {name: money, unit_type: money}
plans:
  - name: by hours
    services:
      - name: all
        rating_groups: [100, 300]
        rates:
          - {zone: day, price: {amount: 0.01, per: 1}, when: {hours: {times: 08:00-23:30}}}
          - {zone: night, price: {amount: 0.002, per: 1}}
"""
BEFORE = NOW - NOW % MINUTE
"""23:13 in Berlin."""


@pytest.fixture
async def store() -> MemoryStore:
    store, order = MemoryStore(read_stored), Order("a test", at=NOW - MINUTE)
    await create_tenant(store, "demo", order)
    await apply_catalogue(store, read_document(DOCUMENT), order)
    imsi = Identity(IdentityKind.IMSI, "262019000000001")
    await create_accounts(store, "demo", [NewAccount("a", ("by hours",), (imsi,), 10**9)], order)
    return store


class WallClock(MovedClock):
    """A clock that stands still until it is moved, so far ahead of the gateways'."""

    def __init__(self, now: int, ahead: int) -> None:
        super().__init__(ahead)
        self.now = now

    def __call__(self) -> int:
        return self.now


def asked(port: int, clock: WallClock, *steps: tuple[int, str]) -> list[Answer]:
    """Send each step so many minutes after 23:13."""
    answers = []
    with connect("127.0.0.1", port, GatewayIdentity("gw.example", "example", "ocs.example")) as gw:
        session = gw.session(Subscriber("262019000000001", "4915900000001"))
        for minutes, words in steps:
            clock.now = BEFORE + minutes * MINUTE
            (step,) = parse_steps([words])
            answers.append(session.credit_control(step))
    return answers


@pytest.mark.parametrize(
    ("ahead", "told"),
    [(0, "2023-11-14T22:30:00Z"), (24 * 60 * MINUTE, "2023-11-13T22:30:00Z")],
)
async def test_data_and_a_call_last_beyond_a_change_of_price(
    store: MemoryStore, ahead: int, told: str
) -> None:
    clock = WallClock(BEFORE, ahead)
    rules = [PeerRule(is_loopback_only=True)]
    async with Server(store, rules, clock).serving() as server:
        opened, gone_on, ended = await asyncio.to_thread(
            asked,
            server.port,
            clock,
            (0, "initial:rg=300/request,rg=100/time=1h"),
            (27, "update:rg=300/used=600/used-after=400/request,rg=100/used-time=27min/time=1h"),
            (30, "terminate:rg=300/used=50,rg=100/used-time=3min"),
        )
    data, call = opened.services
    assert data.tariff_change_at == told, "gateways go by the time of the world"
    assert call.tariff_change_at is None, "time is divided by the server"
    assert [service.result_code for service in gone_on.services] == [2001, 2001]
    assert gone_on.services[0].tariff_change_at is None
    assert ended.result_code == 2001
    day, night = 10_000, 2_000
    cost = 600 * day + 400 * night + 50 * night + 17 * 60 * day + (10 + 3) * 60 * night
    (group,) = store.groups.values()
    (money,) = group.balances.values()
    assert (money.used, money.reserved) == (cost, 0)
    assert memory_faults(store) == []
