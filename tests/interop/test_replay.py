"""What other stacks have said is answered as it was, however it arrives."""

from pathlib import Path

import pytest

from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.commands import Order
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.transport.peers import PeerRule
from tests.in_process import Server
from tests.interop.replaying import (
    DISCONNECT_PEER,
    WAYS,
    command,
    exchanges,
    one_by_one,
    recorded_at,
    shape,
)
from tests.interop.subscribers import CAPTURES, furnish
from tests.store.scenario import memory_faults

ANYBODY = [PeerRule(is_loopback_only=True)]
RECORDED = sorted(CAPTURES.glob("*.pcap"))
BATCH = 200


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_recorded_conversation_is_answered_as_it_was(path: Path, way: str) -> None:
    at = recorded_at(path)
    store = MemoryStore(read_stored)
    await furnish(store, Order("a test", at=at))
    said = exchanges(path)
    opening, *middle, ending = (each.request for each in said)
    assert command(ending) == DISCONNECT_PEER
    async with Server(store, ANYBODY, lambda: at, frozenset("*")).serving() as server:
        gateway = await server.open()
        answers = await one_by_one(gateway, [opening])
        answers += await WAYS[way](gateway, middle)
        answers += await one_by_one(gateway, [ending])
    assert [shape(answer) for answer in answers] == [shape(each.answer) for each in said]
    assert [answer[12:20] for answer in answers] == [each.request[12:20] for each in said]
    assert memory_faults(store) == []


def test_what_is_recorded_is_small() -> None:
    assert len(RECORDED) == 16
    assert sum(path.stat().st_size for path in RECORDED) <= 100 * 1024
