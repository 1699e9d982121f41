"""A request about spending limits goes from its connection to its handler and back."""

from collections.abc import AsyncIterator

import pytest

from diameter_ocs.base.capabilities import PeerAccepted
from diameter_ocs.base.message import Message
from diameter_ocs.charging.spending_limits import CounterStatus, PendingStatus
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.server.moved import foreseen_in_world_time
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.transport.peer_rules import PeerRule
from tests.base.wire import ORIGIN_HOST, avp, cer, number
from tests.in_process import SY, Gateway, Server
from tests.store.policing import furnish_counted
from tests.store.scenario import NOW, furnish, imsi, memory_faults
from tests.sy.wire import INTERMEDIATE, SUBSCRIPTION, counter, features, slr, str_

ABORT = 0x1
SUBSCRIBER = avp(443, avp(450, number(1)) + avp(444, imsi(1).value.encode()))
STRANGER = avp(443, avp(450, number(1)) + avp(444, b"001010000009999"))
ODD = avp(263, b"no identity %;/\xff \x00")
RULES = [
    PeerRule(host="pcrf.example", is_loopback_only=True),
    PeerRule(host="strict.example", is_loopback_only=True, terms=PeerAccepted(strict=True)),
]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    store = MemoryStore(read_stored)
    await furnish_counted(store)
    async with Server(store, RULES).serving() as server:
        yield server
    assert memory_faults(store) == []


@pytest.fixture
async def pcrf(server: Server) -> Gateway:
    return await server.connect("pcrf.example")


def initial(*more: bytes, subscriber: bytes = SUBSCRIBER, **others) -> bytes:
    return slr(subscriber, *more, without=SUBSCRIPTION, **others)


def code(answer: Message) -> int:
    """The Result-Code, or the Experimental-Result-Code."""
    plain = answer.group.first("Result-Code")
    if plain is not None:
        return plain
    return answer.group.first("Experimental-Result").first("Experimental-Result-Code")


def reported(answer: Message) -> dict[str, str]:
    return {
        each.first("Policy-Counter-Identifier"): each.first("Policy-Counter-Status")
        for each in answer.group.all("Policy-Counter-Status-Report")
    }


async def test_the_application_is_announced(server: Server) -> None:
    gateway = await server.open()
    answer = await gateway.ask(cer(avp(264, b"pcrf.example"), without=ORIGIN_HOST))
    ids = [
        (each.first("Vendor-Id"), each.first("Auth-Application-Id"))
        for each in answer.group.all("Vendor-Specific-Application-Id")
    ]
    assert (10415, SY.id) in ids
    assert answer.group.all("Auth-Application-Id") == [4]


async def test_a_subscription_lives_from_slr_to_str(server: Server, pcrf: Gateway) -> None:
    answer = await pcrf.ask(initial(features(ABORT), session_id=ODD))
    assert (code(answer), reported(answer)) == (2001, {"data left": "normal"})
    assert answer.data(answer.group.avp("Session-Id")) == b"no identity %;/\xff \x00"
    (granted,) = answer.group.all("Supported-Features")
    assert granted.first("Feature-List") == ABORT
    answer = await pcrf.ask(slr(kind=INTERMEDIATE, session_id=ODD))
    assert (code(answer), reported(answer)) == (2001, {"data left": "normal"})
    assert code(await pcrf.ask(str_(session_id=ODD))) == 2001
    assert code(await pcrf.ask(str_(session_id=ODD))) == 5002
    for kind, result, count in (
        ("initial", "2001", 1),
        ("intermediate", "2001", 1),
        ("end", "2001", 1),
        ("end", "5002", 1),
    ):
        labels = {"request_type": f"spending_limit_{kind}", "result_code": result}
        assert server.counted("ocs_requests_total", **labels) == count


async def test_what_cannot_be_subscribed_to_is_answered_as_the_standard_says(
    pcrf: Gateway,
) -> None:
    answer = await pcrf.ask(initial(counter(b"data left"), counter(b"moon"), counter(b"sun")))
    assert code(answer) == 5570
    assert answer.group.first("Result-Code") is None
    assert answer.group.first("Experimental-Result").first("Vendor-Id") == 10415
    assert answer.data(answer.group.avp("Failed-AVP")) == counter(b"moon") + counter(b"sun")
    assert code(await pcrf.ask(initial(subscriber=STRANGER))) == 5030
    assert code(await pcrf.ask(slr(kind=INTERMEDIATE))) == 5002


async def test_an_account_without_counters_has_none_available(
    pcrf: Gateway, server: Server
) -> None:
    await furnish(server.store, [9], "another")
    plain = avp(443, avp(450, number(1)) + avp(444, imsi(9).value.encode()))
    assert code(await pcrf.ask(initial(subscriber=plain))) == 4241


async def test_who_is_strict_is_told_what_is_odd(server: Server) -> None:
    gateway = await server.connect("strict.example")
    answer = await gateway.ask(initial(session_id=ODD))
    assert code(answer) == 5004
    assert code(await gateway.ask(initial())) == 2001


async def test_a_request_that_cannot_be_read_is_answered(pcrf: Gateway) -> None:
    answer = await pcrf.ask(initial(kind=avp(2904, number(7), vendor=10415)))
    assert code(answer) == 5004
    assert code(await pcrf.ask(initial())) == 2001


def test_what_is_pending_is_told_by_the_time_of_the_world() -> None:
    hour = 3_600_000_000
    pending = (PendingStatus("low", NOW + 3 * hour), PendingStatus("gone", NOW + 4 * hour))
    statuses = (CounterStatus("data left", "normal", pending), CounterStatus("other", "x"))
    moved, same = foreseen_in_world_time(statuses, 2 * hour)
    assert [each.change_at for each in moved.pending] == [NOW + hour, NOW + 2 * hour]
    assert [each.status for each in moved.pending] == ["low", "gone"]
    assert same == statuses[1]
