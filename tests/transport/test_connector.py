"""This node connects to a peer while the peer is not here, and leaves it alone when it must."""

import asyncio
import errno
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from diameter_ocs.base.peer import DisconnectCause
from diameter_ocs.transport.association import Wire as Kind
from diameter_ocs.transport.connector import (
    BUSY_SECONDS,
    CONNECT_SECONDS,
    FIRST_SECONDS,
    JITTER,
    PROVED_SECONDS,
    TC_SECONDS,
    UNWANTED_SECONDS,
    State,
)
from diameter_ocs.transport.node import Node
from tests.base.wire import avp
from tests.handlers.virtual_time import play
from tests.transport.far import HOST, Far, FarWire, cea, come, dpr, new_node, target
from tests.transport.wires import send

REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('192.0.2.9', 3868)")
MOMENT = 0.001
Story = Callable[[Node, Far], Coroutine[Any, Any, None]]


def tell(story: Story) -> None:
    async def whole() -> None:
        node, _ = new_node()
        await story(node, Far())
        await node.stop([], 1)

    play(whole())


def end(wire: FarWire) -> None:
    """The far end is gone."""
    wire.abort()


def test_a_peer_is_connected_to_at_once() -> None:
    async def story(node: Node, far: Far) -> None:
        connector = node.keep(target(far))
        await asyncio.sleep(MOMENT)
        assert connector.state is State.CONNECTING
        await far.take()
        assert (connector.state, connector.last_error, connector.attempts) == (State.OPEN, None, 0)
        assert [each.facts.origin_host for each in node.opened if each.facts] == [HOST]
        await asyncio.sleep(1)
        assert len(far.tries) == 1

    tell(story)


def test_the_waits_double_up_to_tc_and_are_drawn_at_random() -> None:
    async def story(node: Node, far: Far) -> None:
        far.answers = [REFUSED] * 10
        connector = node.keep(target(far))
        while len(far.tries) < 10:
            await asyncio.sleep(1)
        longest = [min(FIRST_SECONDS * 2**n, TC_SECONDS) for n in range(9)]
        assert all(most / 2 <= w <= most for most, w in zip(longest, far.waits, strict=True))
        assert len(set(far.waits[-4:])) == 4
        assert (connector.state, connector.attempts) == (State.WAITING, 10)
        assert connector.last_error == "192.0.2.9:3868: connection refused"
        assert 0 < connector.waits_seconds <= TC_SECONDS

    tell(story)


@pytest.mark.parametrize(("seconds", "most"), [(PROVED_SECONDS + 1, 1), (PROVED_SECONDS - 1, 8)])
def test_only_a_connection_that_has_proved_itself_lets_the_waits_begin_anew(
    seconds: float, most: float
) -> None:
    async def story(node: Node, far: Far) -> None:
        far.answers = [REFUSED] * 3
        node.keep(target(far))
        while not far.wires:
            await asyncio.sleep(MOMENT)
        wire = await far.take()
        await asyncio.sleep(seconds)
        end(wire)
        await asyncio.sleep(MOMENT)
        gone = asyncio.get_running_loop().time()
        while len(far.wires) < 2:
            await asyncio.sleep(MOMENT)
        assert most / 2 <= far.tries[-1][0] - gone + MOMENT <= most + 2 * MOMENT

    tell(story)


@pytest.mark.parametrize("is_ours", [True, False])
@pytest.mark.parametrize(
    ("cause", "seconds"),
    [
        (DisconnectCause.REBOOTING, TC_SECONDS),
        (DisconnectCause.BUSY, BUSY_SECONDS),
        (DisconnectCause.DO_NOT_WANT_TO_TALK_TO_YOU, UNWANTED_SECONDS),
        (77, TC_SECONDS),
    ],
)
def test_a_peer_that_disconnects_is_left_alone_as_it_says_why(
    cause: int, seconds: float, is_ours: bool
) -> None:
    async def story(node: Node, far: Far) -> None:
        if is_ours:
            connector = node.keep(target(far))
            await asyncio.sleep(MOMENT)
            wire = await far.take()
        else:
            wire = await come(node)
            connector = node.keep(target(far))
            await asyncio.sleep(MOMENT)
        before = len(far.tries)
        send(wire, dpr(cause))
        await asyncio.sleep(MOMENT)
        end(wire)
        await asyncio.sleep(MOMENT)
        assert connector.state is State.HELD_BACK
        waits = connector.waits_seconds
        assert seconds - 1 <= waits <= seconds * (1 + JITTER)
        await asyncio.sleep(waits - 1)
        assert len(far.tries) == before
        await asyncio.sleep(1 + MOMENT)
        assert len(far.tries) == before + 1

    tell(story)


def test_who_was_left_alone_is_left_no_longer_when_it_comes_itself() -> None:
    async def story(node: Node, far: Far) -> None:
        connector = node.keep(target(far))
        await asyncio.sleep(MOMENT)
        wire = await far.take()
        send(wire, dpr(DisconnectCause.DO_NOT_WANT_TO_TALK_TO_YOU))
        await asyncio.sleep(MOMENT)
        end(wire)
        await asyncio.sleep(100)
        again = await come(node)
        await asyncio.sleep(MOMENT)
        assert connector.state is State.OPEN
        end(again)
        await asyncio.sleep(FIRST_SECONDS + MOMENT)
        assert len(far.tries) == 2

    tell(story)


def test_a_peer_that_is_here_already_is_not_connected_to_until_it_is_gone() -> None:
    async def story(node: Node, far: Far) -> None:
        wire = await come(node)
        connector = node.keep(target(far))
        await asyncio.sleep(1)
        assert (connector.state, far.tries) == (State.OPEN, [])
        end(wire)
        await asyncio.sleep(FIRST_SECONDS + MOMENT)
        assert len(far.tries) == 1

    tell(story)


def test_a_peer_that_comes_while_it_is_called_ends_the_call() -> None:
    async def story(node: Node, far: Far) -> None:
        far.answers = [9.0]
        connector = node.keep(target(far))
        await asyncio.sleep(1)
        wire = await come(node)
        await asyncio.sleep(MOMENT)
        assert (connector.state, connector.last_error) == (State.OPEN, None)
        (answer,) = await wire.messages()
        assert answer.group.first("Result-Code") == 2001
        await asyncio.sleep(20)
        assert (far.wires, len(far.tries)) == ([], 1)

    tell(story)


def test_a_peer_that_does_not_answer_is_given_up_in_time() -> None:
    async def story(node: Node, far: Far) -> None:
        far.answers = [100.0]
        connector = node.keep(target(far))
        await asyncio.sleep(CONNECT_SECONDS + MOMENT)
        assert connector.last_error == "192.0.2.9:3868: nobody has answered in 5 s"
        await asyncio.sleep(FIRST_SECONDS)
        assert len(far.tries) == 2
        await far.take()
        assert connector.state is State.OPEN

    tell(story)


@pytest.mark.parametrize(
    ("members", "code", "host", "said"),
    [
        ((), 3010, b"gw.example", "its CEA says 3010"),
        ((avp(281, b"who are you?"),), 5010, b"gw.example", "who are you?"),
        ((), 2001, b"other.example", "its CEA comes from"),
    ],
)
def test_what_is_wrong_with_a_cea_is_told(
    members: tuple[bytes, ...], code: int, host: bytes, said: str
) -> None:
    async def story(node: Node, far: Far) -> None:
        connector = node.keep(target(far))
        await asyncio.sleep(MOMENT)
        (asked,) = await far.wires[0].messages()
        send(far.wires[0], cea(asked, *members, code=code, host=host))
        await asyncio.sleep(MOMENT)
        assert connector.state is State.WAITING
        assert connector.last_error is not None
        assert connector.last_error.startswith("192.0.2.9:3868: ")
        assert said in connector.last_error
        assert not node.opened

    tell(story)


def test_a_cea_that_does_not_come_is_told() -> None:
    async def story(node: Node, far: Far) -> None:
        connector = node.keep(target(far))
        await asyncio.sleep(10 + MOMENT)
        assert connector.last_error == "192.0.2.9:3868: no CEA came in time"
        assert far.wires[0].is_aborted

    tell(story)


def test_the_addresses_are_tried_in_turn_before_it_waits() -> None:
    async def story(node: Node, far: Far) -> None:
        far.answers = [REFUSED]
        places = ("192.0.2.9", 3868), ("2001:db8::9", 3869)
        connector = node.keep(target(far, *places))
        await asyncio.sleep(MOMENT)
        assert [where for _, where in far.tries] == [["192.0.2.9:3868"], ["[2001:db8::9]:3869"]]
        wire = await far.take()
        assert connector.state is State.OPEN
        end(wire)
        await asyncio.sleep(FIRST_SECONDS + MOMENT)
        assert far.tries[-1][1] == ["192.0.2.9:3868"]

    tell(story)


def test_an_address_whose_peer_is_no_use_does_not_keep_the_next_one_from_being_tried() -> None:
    async def story(node: Node, far: Far) -> None:
        far.answers = [end]
        connector = node.keep(target(far, ("192.0.2.9", 3868), ("192.0.2.10", 3868)))
        await asyncio.sleep(MOMENT)
        assert connector.last_error is not None
        assert connector.last_error.startswith("192.0.2.9:3868: ")
        await far.take()
        assert connector.state is State.OPEN

    tell(story)


def test_all_addresses_of_sctp_are_one_association() -> None:
    async def story(node: Node, far: Far) -> None:
        far.answers = [REFUSED]
        places = ("192.0.2.9", 3868), ("198.51.100.9", 3868)
        connector = node.keep(target(far, *places, wire=Kind.SCTP))
        await asyncio.sleep(MOMENT)
        assert [where for _, where in far.tries] == [["192.0.2.9:3868", "198.51.100.9:3868"]]
        said = "192.0.2.9:3868, 198.51.100.9:3868: connection refused"
        assert connector.last_error == said

    tell(story)


def test_stopping_ends_the_tries() -> None:
    async def story(node: Node, far: Far) -> None:
        far.answers = [5.0]
        node.keep(target(far))
        await asyncio.sleep(1)
        await node.stop([], 1)
        await asyncio.sleep(100)
        assert (far.wires, len(far.tries)) == ([], 1)

    tell(story)
