"""This node connects to a peer while the peer is not here, and leaves it alone when it must."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Coroutine
from ipaddress import ip_network
from typing import Any

import pytest
from structlog.testing import capture_logs

from diameter_ocs.base.peer import DisconnectCause
from diameter_ocs.transport.association import Wire as Kind
from diameter_ocs.transport.association import WireFault
from diameter_ocs.transport.connector import (
    BUSY_SECONDS,
    CONNECT_SECONDS,
    FIRST_SECONDS,
    JITTER,
    MARGIN_SECONDS,
    PROVED_SECONDS,
    TC_SECONDS,
    UNWANTED_SECONDS,
    State,
)
from diameter_ocs.transport.node import Node
from diameter_ocs.transport.peer_rules import PeerRule
from tests.base.wire import avp
from tests.handlers.virtual_time import play
from tests.transport.far import HOST, PLACES, Far, FarWire, cea, come, dpr, new_node, target
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
        await asyncio.sleep(CONNECT_SECONDS + MARGIN_SECONDS + MOMENT)
        assert connector.last_error == "192.0.2.9:3868: nobody has answered in 10 s"
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


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EHOSTUNREACH, "Connect call failed"), "no route to host"),
        (TimeoutError(errno.ETIMEDOUT, "Connect call failed"), "connection timed out"),
        (TimeoutError(), "nobody has answered in 10 s"),
        (TimeoutError("no answer at UDP port 9899"), "no answer at UDP port 9899"),
        (WireFault("its certificate has expired"), "its certificate has expired"),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "wrong_version_number"),
    ],
)
def test_why_nobody_could_be_reached_is_told_without_the_words_of_python(
    error: OSError, said: str
) -> None:
    async def story(node: Node, far: Far) -> None:
        far.answers = [error]
        connector = node.keep(target(far))
        await asyncio.sleep(MOMENT)
        assert connector.last_error == f"192.0.2.9:3868: {said}"
        (absence,) = node.absences.all()
        assert (absence.host, absence.address, absence.reason) == (HOST, "192.0.2.9:3868", said)

    tell(story)


def resolve(*answers: list[str] | Exception) -> None:
    """Have the system find these addresses, one answer after the other."""
    left = list(answers)

    async def look_up(name: str, port: int, **_: object) -> list[object]:
        assert (name, port) == ("pgw.example", 3868)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return [(None, None, None, "", (each, port)) for each in answer]

    asyncio.get_running_loop().getaddrinfo = look_up  # type: ignore[method-assign, assignment]


def test_a_name_is_looked_up_for_every_try() -> None:
    async def story(node: Node, far: Far) -> None:
        resolve(["192.0.2.9", "2001:db8::9"], ["192.0.2.10"])
        far.answers = [REFUSED, REFUSED]
        node.keep(target(far, ("pgw.example", 3868)))
        while len(far.tries) < 3:
            await asyncio.sleep(1)
        places = [where for _, where in far.tries]
        assert places == [["192.0.2.9:3868"], ["[2001:db8::9]:3868"], ["192.0.2.10:3868"]]

    tell(story)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "name or service not"),
        (UnicodeError("label empty or too long"), "no name of a host can be so"),
    ],
)
def test_a_name_that_nobody_knows_keeps_no_other_address_from_being_tried(
    error: Exception, said: str
) -> None:
    async def story(node: Node, far: Far) -> None:
        resolve(error)
        connector = node.keep(target(far, ("pgw.example", 3868), ("192.0.2.9", 3868)))
        await asyncio.sleep(MOMENT)
        assert connector.last_error is not None
        assert connector.last_error.startswith(f"pgw.example: {said}")
        assert [where for _, where in far.tries] == [["192.0.2.9:3868"]]

    tell(story)


def test_the_same_failure_is_logged_seldom_and_another_one_at_once() -> None:
    async def story(node: Node, far: Far) -> None:
        far.answers = [REFUSED] * 20
        with capture_logs() as logs:
            node.keep(target(far))
            while len(far.tries) < 20:
                await asyncio.sleep(1)
            assert [each["attempts"] for each in logs] == [1, 2, 4, 8, 16]
            far.answers = [TimeoutError(), REFUSED, TimeoutError()]
            while far.answers:
                await asyncio.sleep(1)
            assert [each["attempts"] for each in logs] == [1, 2, 4, 8, 16, 21]

    tell(story)


def test_a_fault_of_our_own_is_logged_and_it_is_tried_again() -> None:
    async def story(node: Node, far: Far) -> None:
        def break_down(_wire: FarWire) -> None:
            raise KeyError("a fault of our own")

        far.answers = [break_down]
        connector = node.keep(target(far))
        await asyncio.sleep(MOMENT)
        assert connector.last_error == "a fault of this server's own: see its log"
        await asyncio.sleep(FIRST_SECONDS)
        assert len(far.tries) == 2
        await far.take()
        assert connector.state is State.OPEN

    tell(story)


def test_a_call_takes_no_place_of_those_who_come_and_needs_none() -> None:
    async def story(node: Node, far: Far) -> None:
        comers = [FarWire(node.accept(), FarWire.peer_places) for _ in range(PLACES.half_open_max)]
        for each in comers:
            each.protocol.connection_made(each)
        there = [each for each in comers if not each.is_aborted]
        connector = node.keep(target(far))
        await asyncio.sleep(MOMENT)
        await far.take()
        assert connector.state is State.OPEN
        assert there
        assert not any(each.is_aborted for each in there)

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


def test_where_this_node_goes_itself_need_not_be_where_the_peer_may_come_from() -> None:
    async def story() -> None:
        node, peers = new_node(PeerRule(host=HOST, addresses=(ip_network("198.51.100.0/24"),)))
        far = Far()
        node.keep(target(far))
        await asyncio.sleep(MOMENT)
        await far.take()
        assert peers.taken_of(HOST) is not None
        await node.stop([], 1)

    play(story())
