"""What other stacks have said is answered as it was, however it arrives."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from diameter_ocs.base.capabilities import PeerAccepted
from diameter_ocs.charging.accounts import NewAccount
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.gy.terms import AnswerTerms
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.commands import Order
from diameter_ocs.handlers.provisioning import apply_catalogue, create_accounts
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.jobs.delivery import Bell
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.memory_outbox import MemoryOutbox
from diameter_ocs.transport.peer_rules import PeerRule
from tests.in_process import Server, deliverer
from tests.interop.quota_steps import POOLING, RICH
from tests.interop.replaying import (
    CREDIT_CONTROL,
    DISCONNECT_PEER,
    RE_AUTH,
    SPENDING_STATUS_NOTIFICATION,
    WAYS,
    command,
    exchanges,
    in_one_write,
    one_by_one,
    recorded_at,
    result_code,
    said_again,
    shape,
    spoken,
)
from tests.interop.subscribers import CAPTURES, furnish
from tests.store.scenario import NOW, memory_faults

ANYBODY = [
    PeerRule(f"{RICH}*", terms=PeerAccepted(profile="rich"), is_loopback_only=True),
    PeerRule(f"{POOLING}*", terms=PeerAccepted(profile="pooling"), is_loopback_only=True),
    PeerRule(terms=PeerAccepted(profile="told"), is_loopback_only=True),
]
ANSWERS = {
    "told": AnswerTerms(tells_free=True),
    "rich": AnswerTerms(
        cost_information=True,
        remaining_balance=True,
        low_balance_indication=True,
        refund_information=True,
        qos_final_units=True,
    ),
    "pooling": AnswerTerms(quota_pools=True, cost_information=True, remaining_balance=True),
}
TALKS = sorted(CAPTURES.glob("*_counters.pcap"))
"""In which the server asks, too."""
RECORDED = sorted(set(CAPTURES.glob("*.pcap")) - set(TALKS))
BATCH = 200
GY = bytes([0, 0, 0, 4])
RECORDED_BY_OTHERS: dict[str, dict[tuple[int, int], int]] = {
    # All its sessions are those of one bearer, so that each one ends the one before it.
    "lab_erlang_gy_sy.pcap": {(2001, 5002): 580},
    # It asks whether there is enough for a message, and names no service but data.
    "lab_freediameter_gy_sy_rar_dwr.pcap": {(2001, 5031): 1},
    "magma_gx_gy_combined_03_210505_132953-1.pcapng": {},
    "magma_gx_gy_combined_06_210505_133132-1.pcapng": {},
}
"""Of each capture how many Result-Codes are others than the recorded ones."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_recorded_conversation_is_answered_as_it_was(path: Path, way: str) -> None:
    at = recorded_at(path)
    store = MemoryStore(read_stored)
    await furnish(store, Order("a test", at=at))
    said = exchanges(path)
    opening, *middle, ending = (each.request for each in said)
    assert command(ending) == DISCONNECT_PEER
    recorded = Server(store, ANYBODY, lambda: at, frozenset("*"), answers=ANSWERS)
    async with recorded.serving() as server:
        gateway = await server.open()
        answers = await one_by_one(gateway, [opening])
        answers += await WAYS[way](gateway, middle)
        answers += await one_by_one(gateway, [ending])
    assert [shape(answer) for answer in answers] == [shape(each.answer) for each in said]
    assert [answer[12:20] for answer in answers] == [each.request[12:20] for each in said]
    assert memory_faults(store) == []


@pytest.mark.parametrize("path", TALKS, ids=lambda path: path.stem)
async def test_a_recorded_policy_server_and_gateway_are_asked_what_they_were(path: Path) -> None:
    at = recorded_at(path)
    store = MemoryStore(read_stored)
    await furnish(store, Order("a test", at=at))
    bell = Bell()
    store.on_leaving = bell.committed
    recorded = Server(store, ANYBODY, lambda: at, frozenset("*"), answers=ANSWERS)
    said = spoken(path)
    async with recorded.serving() as server:
        delivering = asyncio.create_task(deliverer(server, MemoryOutbox(store), bell).run())
        heard = await said_again(await server.open(), said)
        delivering.cancel()
        await asyncio.wait([delivering])
    assert [shape(each) for each in heard] == [
        shape(each.octets) for each in said if each.is_from_server
    ]
    asked = {command(each.octets) for each in said if each.is_from_server and each.is_request}
    assert {SPENDING_STATUS_NOTIFICATION, RE_AUTH} <= asked
    assert memory_faults(store) == []


def test_what_is_recorded_is_small() -> None:
    assert (len(RECORDED), len(TALKS)) == (26, 2)
    assert sum(path.stat().st_size for path in (*RECORDED, *TALKS)) <= 190 * 1024


OFFER = f"""
tenant: others
currency: EUR
rating_groups:
  - id: 0
    name: All
    unit_type: volume
    default_quota: 1 MiB
    children: [{", ".join(f"{{id: {group}, name: Data {group}}}" for group in range(1, 10))}]
  - {{id: 10, name: Pieces, unit_type: units}}
service_identifiers: {{5: 10}}
default_rating_groups: {{"32251": 0}}
balance_types:
  - {{name: money, unit_type: money}}
plans:
  - name: free
    services:
      - {{name: data, rating_groups: [0], price: {{amount: 0}}}}
      - {{name: pieces, rating_groups: [10], price: {{amount: 0}}}}
"""
OTHERS = {"lab": ("001010000000001", "15551230001"), "magma": ("999991234567810", "1234567810")}
"""The IMSI and the MSISDN of the subscribers in the captures of others."""
HOSTS = frozenset({"tvm-vocs.magma.com", "magma-fedgw.magma.com"})


async def furnish_others(store: MemoryStore, order: Order) -> None:
    """Make a tenant that serves the subscribers of others for nothing."""
    await create_tenant(store, "others", order)
    await apply_catalogue(store, read_document(OFFER), order)
    accounts = [
        NewAccount(
            name,
            ("free",),
            (Identity(IdentityKind.IMSI, imsi), Identity(IdentityKind.MSISDN, msisdn)),
            0,
        )
        for name, (imsi, msisdn) in OTHERS.items()
    ]
    await create_accounts(store, "others", accounts, order)


def renumbered(request: bytes, number: int) -> bytes:
    """Return a request of one of many connections, as the only one of its Hop-by-Hop-Id."""
    return request[:12] + number.to_bytes(4) + request[16:]


@pytest.mark.shared
@pytest.mark.parametrize(("name", "otherwise"), RECORDED_BY_OTHERS.items())
async def test_what_others_recorded_is_served(
    name: str, otherwise: dict[tuple[int, int], int], shared: Path
) -> None:
    store = MemoryStore(read_stored)
    await furnish_others(store, Order("a test", at=NOW))
    said = [
        each
        for each in exchanges(shared / "captures" / name)
        if command(each.request) == CREDIT_CONTROL and each.request[8:12] == GY
    ]
    requests = [renumbered(each.request, number) for number, each in enumerate(said)]
    answers = []
    anybody = [PeerRule(is_loopback_only=True)]
    async with Server(store, anybody, lambda: NOW, frozenset("*"), HOSTS).serving() as server:
        gateway = await server.connect("relay.example")
        for start in range(0, len(requests), BATCH):
            answers += await in_one_write(gateway, requests[start : start + BATCH])
    pairs = zip((each.answer for each in said), answers, strict=True)
    codes = Counter((result_code(before), result_code(now)) for before, now in pairs)
    assert {pair: count for pair, count in codes.items() if pair[0] != pair[1]} == otherwise
    assert memory_faults(store) == []
