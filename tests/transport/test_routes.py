"""A request of this node takes the best way there is, and another one when that is gone."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from diameter_ocs.base.capabilities import RELAY_APPLICATION_ID
from diameter_ocs.transport.connection import Connection
from diameter_ocs.transport.requests import REQUESTS_MAX, Sending, Unanswered
from diameter_ocs.transport.rim import Rim
from diameter_ocs.transport.routes import Destination, Neighbour, Routes
from tests.base.wire import avp, message, number
from tests.handlers.virtual_time import play
from tests.transport.bench import DWR
from tests.transport.test_requests import (
    DPR,
    SECONDS,
    WATCHDOG_SECONDS,
    Outcomes,
    dwa,
    raa,
    rar,
    told,
)
from tests.transport.wires import Wire, new_rim, opened, send

GY, SY = 4, 16777302
GATEWAY = Destination("GW.example", "Example", GY)

ITSELF = "gw.example", "example", GY
RELAY = "relay.example", "example", RELAY_APPLICATION_ID
FAR_RELAY = "relay.far", "far", RELAY_APPLICATION_ID
NEIGHBOUR = "gw2.example", "example", GY
STRANGER = "gw.far", "far", GY

Peer = tuple[str, str, int]
Asked = tuple[int, bool]
"""The end-to-end id of a request, and whether it was sent again."""
Story = Callable[[Rim[Connection]], Coroutine[Any, Any, None]]


def tell(story: Story) -> None:
    async def whole() -> None:
        await story(new_rim())

    play(whole())


async def connect(rim: Rim[Connection], peer: Peer) -> Wire:
    """Connect a peer, and return its wire with nothing left to read."""
    host, realm, application_id = peer
    avps = (
        avp(264, host.encode()),
        avp(296, realm.encode()),
        avp(257, b"\0\1\x7f\0\0\1"),
        avp(266, number(0)),
        avp(269, b"peer", flags=0),
        avp(258, number(application_id)),
    )
    wire = opened(rim, message(257, *avps, application=0, flags=0x80))
    cea, *_ = await wire.messages()
    assert cea.group.first("Result-Code") == 2001
    return wire


async def fall_silent(wire: Wire, *others: Wire) -> list[Asked]:
    """Let a peer become suspect, while others answer their watchdogs; what else came to these."""
    came = []
    for _ in range(2):
        await asyncio.sleep(WATCHDOG_SECONDS)
        for other in others:
            came += await asked(other)
        await wire.messages()
    assert wire.protocol.is_suspect
    return came


async def asked(wire: Wire) -> list[Asked]:
    """Return the requests that came to a peer; it answers its watchdog."""
    came = []
    for each in await wire.messages():
        if each.command_code == 280 and each.is_request:
            send(wire, dwa(each))
        elif each.is_request:
            came.append((each.end_to_end, each.is_retransmission))
    return came


@pytest.mark.parametrize(
    ("peers", "chosen"),
    [
        ([RELAY, NEIGHBOUR, ITSELF], ITSELF),
        ([FAR_RELAY, NEIGHBOUR, RELAY], RELAY),
        ([NEIGHBOUR, FAR_RELAY, STRANGER], FAR_RELAY),
        ([STRANGER, NEIGHBOUR], NEIGHBOUR),
        ([STRANGER], None),
        ([], None),
    ],
)
def test_the_best_way_is_taken(peers: list[Peer], chosen: Peer | None) -> None:
    async def story(rim: Rim[Connection]) -> None:
        wires = {peer: await connect(rim, peer) for peer in peers}
        sending = Routes(rim.peers).request(GATEWAY, rar(), SECONDS, print)
        assert sending is (Sending.SENT if chosen else Sending.NO_WAY)
        for peer, wire in wires.items():
            assert await asked(wire) == ([(7, False)] if peer == chosen else [])

    tell(story)


def test_a_peer_of_the_realm_without_the_application_is_no_way() -> None:
    async def story(rim: Rim[Connection]) -> None:
        await connect(rim, NEIGHBOUR)
        routes = Routes(rim.peers)
        policy_server = Destination("pcrf.example", "example", SY)
        assert routes.request(policy_server, rar(), SECONDS, print) is Sending.NO_WAY
        relay = await connect(rim, RELAY)
        assert routes.request(policy_server, rar(), SECONDS, print) is Sending.SENT
        assert await asked(relay) == [(7, False)]

    tell(story)


def test_a_suspect_peer_is_not_asked_and_keeps_no_request_that_can_go_elsewhere() -> None:
    async def story(rim: Rim[Connection]) -> None:
        itself, relay = await connect(rim, ITSELF), await connect(rim, RELAY)
        routes = Routes(rim.peers)
        outcomes: Outcomes = []
        routes.request(GATEWAY, rar(1), 1000.0, outcomes.append)
        assert await asked(itself) == [(1, False)]
        assert await fall_silent(itself, relay) == [(1, True)]
        routes.request(GATEWAY, rar(2), SECONDS, outcomes.append)
        (again,) = await relay.messages()
        assert (again.end_to_end, again.is_retransmission) == (2, False)
        send(relay, raa(again))
        await asyncio.sleep(0)
        assert told(outcomes) == [2]
        assert await itself.messages() == []

    tell(story)


def test_a_request_whose_peer_is_gone_goes_another_way_as_a_retransmission() -> None:
    async def story(rim: Rim[Connection]) -> None:
        itself, relay = await connect(rim, ITSELF), await connect(rim, RELAY)
        routes = Routes(rim.peers)
        outcomes: Outcomes = []
        assert routes.request(GATEWAY, rar(), SECONDS, outcomes.append) is Sending.SENT
        itself.protocol.connection_lost(None)
        await asyncio.sleep(0)
        (again,) = await relay.messages()
        assert (again.end_to_end, again.is_retransmission) == (7, True)
        assert outcomes == []
        send(relay, raa(again))
        await asyncio.sleep(2 * SECONDS)
        assert told(outcomes) == [7]

    tell(story)


def test_the_time_for_an_answer_counts_from_the_first_sending() -> None:
    async def story(rim: Rim[Connection]) -> None:
        itself, relay = await connect(rim, ITSELF), await connect(rim, RELAY)
        outcomes: Outcomes = []
        Routes(rim.peers).request(GATEWAY, rar(), SECONDS, outcomes.append)
        await asyncio.sleep(SECONDS - 1)
        itself.protocol.connection_lost(None)
        await asyncio.sleep(0.5)
        assert await asked(relay) == [(7, True)]
        assert outcomes == []
        await asyncio.sleep(1)
        assert outcomes == [Unanswered.LATE]

    tell(story)


def test_who_waits_is_told_when_no_other_way_is_left() -> None:
    async def story(rim: Rim[Connection]) -> None:
        outcomes: Outcomes = []
        itself, relay = await connect(rim, ITSELF), await connect(rim, RELAY)
        Routes(rim.peers).request(GATEWAY, rar(), SECONDS, outcomes.append)
        for wire in (itself, relay):
            wire.protocol.connection_lost(None)
            await asyncio.sleep(0.1)
        assert outcomes == [Unanswered.CLOSED]

    tell(story)


def test_a_peer_that_disconnects_gets_no_new_requests() -> None:
    async def story(rim: Rim[Connection]) -> None:
        itself, relay = await connect(rim, ITSELF), await connect(rim, RELAY)
        send(itself, DPR)
        assert Routes(rim.peers).request(GATEWAY, rar(), SECONDS, print) is Sending.SENT
        assert await asked(relay) == [(7, False)]

    tell(story)


@pytest.mark.parametrize(("others", "chosen"), [((RELAY, NEIGHBOUR), 1), ((NEIGHBOUR,), 0)])
def test_a_peer_on_trial_is_asked_when_no_other_may_know_the_host(
    others: tuple[Peer, ...], chosen: int
) -> None:
    async def story(rim: Rim[Connection]) -> None:
        wires = [await connect(rim, other) for other in others]
        await fall_silent(await connect(rim, ITSELF), *wires)
        again = await connect(rim, ITSELF)
        assert again.protocol.is_on_trial
        routes = Routes(rim.peers)
        routes.request(GATEWAY, rar(), SECONDS, print)
        asked_now = [(7, False) in await asked(wire) for wire in (again, *wires)]
        assert asked_now.index(True) == chosen
        assert asked_now.count(True) == 1

    tell(story)


def test_who_is_busy_says_so() -> None:
    async def story(rim: Rim[Connection]) -> None:
        await connect(rim, ITSELF)
        routes = Routes(rim.peers)
        for _ in range(REQUESTS_MAX):
            assert routes.request(GATEWAY, rar(), SECONDS, print) is Sending.SENT
        assert routes.request(GATEWAY, rar(), SECONDS, print) is Sending.BUSY

    tell(story)


def test_who_watches_hears_of_peers_that_come_go_and_are_silent() -> None:
    async def story(rim: Rim[Connection]) -> None:
        heard: list[list[str]] = []
        routes = Routes(rim.peers)
        rim.peers.watch(lambda: heard.append(sorted(each.host for each in routes.neighbours())))
        relay, itself = await connect(rim, RELAY), await connect(rim, ITSELF)
        await fall_silent(itself, relay)
        send(itself, DWR)
        relay.protocol.connection_lost(None)
        assert heard == [
            ["relay.example"],
            ["gw.example", "relay.example"],
            ["relay.example"],
            ["gw.example", "relay.example"],
            ["gw.example"],
        ]

    tell(story)


def test_neighbours_say_who_they_are_in_lower_case() -> None:
    async def story(rim: Rim[Connection]) -> None:
        await connect(rim, ("GW.Example", "EXAMPLE", GY))
        await connect(rim, RELAY)
        assert Routes(rim.peers).neighbours() == [
            Neighbour("gw.example", "example", False, frozenset({GY})),
            Neighbour("relay.example", "example", True, frozenset({RELAY_APPLICATION_ID})),
        ]

    tell(story)
