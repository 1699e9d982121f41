"""Two operators behind one gateway: the callers of each hear its own announcements."""

import asyncio

import pytest

from diameter_ocs.charging.accounts import NewAccount
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.commands import Order
from diameter_ocs.handlers.provisioning import apply_catalogue, create_accounts
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.simulator.encoding import Subscriber
from diameter_ocs.simulator.gateway import Identity as GatewayIdentity
from diameter_ocs.simulator.gateway import connect, parse_steps
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.transport.peer_rules import PeerRule
from tests.in_process import Server
from tests.store.scenario import NOW, memory_faults

CATALOGUE = """
tenant: {tenant}
currency: EUR
rating_groups:
  - id: 100
    name: Calls
    unit_type: time
    announcements:
      quota_limit_reached:
        - {quota}
        - {{identifier: {ending}, time_indicator: 0, language: {language}}}
      end_user_service_denied: {denied}
    children:
      - {{id: 110, name: Calls abroad, announcements: {{quota_limit_reached: {abroad}}}}}
      - {{id: 120, name: Quiet calls, announcements: {{quota_limit_reached: 0}}}}
  - {{id: 300, name: Data, unit_type: volume}}
balance_types:
  - {{name: voice, unit_type: time}}
  - {{name: money, unit_type: money}}
plans:
  - name: calls
    services:
      - {{name: voice, rating_groups: [100], allowance: {{balance_type: voice, amount: 90 s}}}}
"""
NORTH = {"quota": 11, "ending": 12, "language": "de", "denied": 13, "abroad": 14}
SOUTH = {"quota": 21, "ending": 22, "language": "fr", "denied": 23, "abroad": -1}
SUBSCRIBERS = {
    "north": Subscriber("262019000000001", "4915900000001"),
    "south": Subscriber("208019000000001", "33600000001"),
}
GATEWAY = GatewayIdentity("gw.example", "example", "ocs.example")
CALL = ["initial:rg=100/time=60", "update:rg=100/time=60/used-time=60"]
NOTHING_LEFT = "update:rg=100/time=60/used-time=30,rg=110/time=1,rg=120/time=1,rg=300/request=1"


@pytest.fixture
async def store() -> MemoryStore:
    """Two operators, each with one subscriber."""
    store, order = MemoryStore(read_stored), Order("a test", at=NOW)
    for tenant, announced in (("north", NORTH), ("south", SOUTH)):
        await create_tenant(store, tenant, order)
        document = read_document(CATALOGUE.format(tenant=tenant, **announced))
        await apply_catalogue(store, document, order)
        imsi = Identity(IdentityKind.IMSI, SUBSCRIBERS[tenant].imsi)
        await create_accounts(store, tenant, [NewAccount(tenant, ("calls",), (imsi,), 0)], order)
    return store


def heard(port: int, tenant: str, *words: str) -> list[list[tuple[int | str | None, ...]]]:
    """Return what each service of each answer announces: which, when before the end, in what."""
    with connect("127.0.0.1", port, GATEWAY) as gateway:
        session = gateway.session(SUBSCRIBERS[tenant])
        return [
            [
                tuple(
                    said
                    for each in service.announcements
                    for said in (each.identifier, each.time_indicator, each.language)
                )
                for service in session.credit_control(step).services
            ]
            for step in parse_steps(words)
        ]


@pytest.mark.parametrize(("tenant", "own"), [("north", NORTH), ("south", SOUTH)])
async def test_callers_hear_what_their_operator_announces(
    store: MemoryStore, tenant: str, own: dict[str, int | str]
) -> None:
    async with Server(store, [PeerRule(is_loopback_only=True)]).serving() as server:
        said = await asyncio.to_thread(
            heard, server.port, tenant, "context=32260", *CALL, NOTHING_LEFT, "terminate"
        )
        data = "context=32251", "initial:rg=100/time=60", "terminate"
        said_of_data = await asyncio.to_thread(heard, server.port, tenant, *data)
    at_once = (own["quota"], None, None)
    abroad = (own["abroad"], None, None) if own is NORTH else at_once
    assert said == [
        [()],
        [(own["ending"], 0, own["language"])],
        [at_once, abroad, (), ()],
        [],
    ]
    assert said_of_data == [[()], []], "data has no callers"
    assert memory_faults(store) == []
