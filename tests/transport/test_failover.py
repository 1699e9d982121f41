"""Requests go on by the other of two relays, whichever of them this node has connected to."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from diameter_ocs.base.capabilities import RELAY_APPLICATION_ID
from diameter_ocs.base.watchdog import REOPEN_ANSWERS
from diameter_ocs.transport.requests import Sending
from diameter_ocs.transport.routes import Destination, Routes
from tests.base.wire import ORIGIN_HOST, avp, cer, number
from tests.handlers.virtual_time import play
from tests.transport.bench import DWR
from tests.transport.far import Far, FarWire, come, new_node, target
from tests.transport.test_requests import WATCHDOG_SECONDS, Outcomes, dwa, raa, rar, told
from tests.transport.wires import send

GATEWAY = Destination("gw.example", "example", 4)
OURS, THEIRS = "dra1.example", "dra2.example"
RELAYING = avp(258, number(RELAY_APPLICATION_ID))
MOMENT = 0.001
LONG = 10_000.0
Asked = tuple[int, bool]
"""The end-to-end id of a request, and whether it was sent again."""


class Relays:
    """Two relays before one gateway: this node connects to the one, the other one connects."""

    def __init__(self) -> None:
        self.node, peers = new_node()
        self.routes = Routes(peers)
        self.far = Far()
        self.calls = 0
        self.wires: dict[str, FarWire] = {}
        self.silent: set[str] = set()
        self.came: dict[str, list[Asked]] = {OURS: [], THEIRS: []}
        self.outcomes: Outcomes = []

    async def begin(self, first: str) -> None:
        """Opens both connections, first that which requests take."""
        self.node.keep(target(self.far, host=OURS))
        for each in (first, *({OURS, THEIRS} - {first})):
            await self.come(each)

    async def come(self, relay: str) -> None:
        if relay == THEIRS:
            whose = avp(264, THEIRS.encode())
            wire = await come(self.node, cer(whose, RELAYING, without=ORIGIN_HOST))
        else:
            while len(self.far.wires) == self.calls:
                await asyncio.sleep(MOMENT)
            self.calls += 1
            wire = await self.far.take(RELAYING, host=OURS.encode())
        self.wires[relay] = wire
        await self.hear()

    async def hear(self) -> None:
        """Takes what came to the relays; who is not silent answers its watchdog."""
        await asyncio.sleep(MOMENT)
        for name, wire in self.wires.items():
            for each in await wire.messages():
                if each.is_request and each.command_code != 280:
                    self.came[name].append((each.end_to_end, each.is_retransmission))
                elif each.is_request and name not in self.silent:
                    send(wire, dwa(each))

    async def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            await asyncio.sleep(1)
            await self.hear()

    async def ask(self, end_to_end: int) -> str:
        """Sends a request to the gateway; returns the relay that it went to."""
        sending = self.routes.request(GATEWAY, rar(end_to_end), LONG, self.outcomes.append)
        assert sending is Sending.SENT
        await self.hear()
        (way,) = [name for name, came in self.came.items() if (end_to_end, False) in came]
        return way


Story = Callable[[Relays, str, str], Coroutine[Any, Any, None]]


def tell(first: str, story: Story) -> None:
    async def whole() -> None:
        relays = Relays()
        await relays.begin(first)
        await story(relays, first, THEIRS if first == OURS else OURS)
        await relays.node.stop([], 1)

    play(whole())


@pytest.mark.parametrize("first", [OURS, THEIRS])
def test_what_waits_at_a_silent_relay_goes_on_by_the_other_one(first: str) -> None:
    async def story(relays: Relays, first: str, other: str) -> None:
        assert await relays.ask(1) == first
        relays.silent.add(first)
        await relays.pass_time(2 * WATCHDOG_SECONDS + 4)
        assert relays.came[other] == [(1, True)]
        assert await relays.ask(2) == other
        # It was only slow: what it says makes it good again at once.
        relays.silent.clear()
        send(relays.wires[first], DWR)
        assert await relays.ask(3) == first

    tell(first, story)


@pytest.mark.parametrize("first", [OURS, THEIRS])
def test_what_waits_at_a_relay_that_is_gone_goes_on_by_the_other_one(first: str) -> None:
    async def story(relays: Relays, first: str, other: str) -> None:
        assert await relays.ask(1) == first
        relays.wires[first].abort()
        await relays.hear()
        assert relays.came[other] == [(1, True)]
        await relays.come(first)
        assert len(relays.node.opened) == 2
        # A retransmission is answered once.
        (again,) = [each for each in relays.came[other] if each[1]]
        assert again[0] == 1

    tell(first, story)


@pytest.mark.parametrize("first", [OURS, THEIRS])
def test_a_relay_that_was_silent_too_long_is_trusted_after_three_answers(first: str) -> None:
    async def story(relays: Relays, first: str, other: str) -> None:
        relays.silent.add(first)
        while len(relays.node.opened) > 1:
            await relays.pass_time(1)
        relays.silent.clear()
        await relays.come(first)
        assert relays.wires[first].protocol.is_on_trial
        assert await relays.ask(1) == other
        # While it is on trial, it is asked where there is no other way.
        relays.wires[other].abort()
        await relays.hear()
        assert relays.came[first] == [(1, True)]
        await relays.pass_time(REOPEN_ANSWERS * (WATCHDOG_SECONDS + 2))
        assert not relays.wires[first].protocol.is_on_trial

    tell(first, story)


@pytest.mark.parametrize("first", [OURS, THEIRS])
def test_an_answer_by_the_other_relay_is_given_once(first: str) -> None:
    async def story(relays: Relays, first: str, other: str) -> None:
        assert await relays.ask(1) == first
        relays.wires[first].abort()
        await asyncio.sleep(MOMENT)
        (again,) = await relays.wires[other].messages()
        send(relays.wires[other], raa(again))
        await asyncio.sleep(MOMENT)
        assert told(relays.outcomes) == [1]

    tell(first, story)
