"""What a server tells of its peers: who opened a connection, and whom it tries to reach."""

import asyncio
import errno
from collections.abc import Callable, Coroutine
from typing import Any

from diameter_ocs.base.peer import DisconnectCause
from diameter_ocs.charging.peers import AbsentPeer, PeerPath
from diameter_ocs.config import Configuration
from diameter_ocs.server.gate import Gate
from diameter_ocs.transport.association import Wire as Kind
from diameter_ocs.transport.connector import BUSY_SECONDS, JITTER
from diameter_ocs.transport.node import Node
from tests.handlers.virtual_time import play
from tests.transport.far import HOST, Far, come, dpr, new_node, target
from tests.transport.wires import send

REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('192.0.2.9', 3868)")
MOMENT = 0.001
Story = Callable[[Node, Gate, Far], Coroutine[Any, Any, None]]


def tell(story: Story) -> None:
    async def whole() -> None:
        node, peers = new_node()
        await story(node, Gate(Configuration(), peers, node, lambda: None), Far())
        await node.stop([], 1)

    play(whole())


def only(gate: Gate) -> AbsentPeer:
    (absent,) = gate.absent()
    return absent


def waits_seconds(absent: AbsentPeer) -> float:
    """Return how long it is until the next try, since the last failure: both were just now."""
    assert absent.due_at is not None
    return (absent.due_at - absent.ended_at) / 1e6


def test_a_peer_is_told_of_from_the_first_try_on() -> None:
    async def story(node: Node, gate: Gate, far: Far) -> None:
        far.answers = [4.0]
        node.keep(target(far, ("192.0.2.9", 3868), ("2001:db8::9", 3868), host="GW.example"))
        await asyncio.sleep(MOMENT)
        absent = only(gate)
        assert (absent.host, absent.wire) == ("gw.example", Kind.TCP)
        assert absent.address == "192.0.2.9:3868 [2001:db8::9]:3868"
        assert (absent.state, absent.attempts, absent.due_at) == ("connecting", 1, None)
        assert (absent.reason, absent.times) == ("nobody has answered yet", 0)

    tell(story)


def test_a_peer_that_is_not_reached_has_one_line_with_the_tries_and_the_next_one() -> None:
    async def story(node: Node, gate: Gate, far: Far) -> None:
        far.answers = [REFUSED] * 20
        node.keep(target(far))
        await asyncio.sleep(60)
        absent = only(gate)
        assert absent.state == "waiting"
        assert absent.attempts == absent.times == len(far.tries)
        assert absent.reason == "192.0.2.9:3868: connection refused"
        assert 0 < waits_seconds(absent) <= 31

    tell(story)


def test_a_peer_that_has_disconnected_is_told_to_be_held_back_and_why() -> None:
    async def story(node: Node, gate: Gate, far: Far) -> None:
        node.keep(target(far))
        await asyncio.sleep(MOMENT)
        wire = await far.take()
        (here,) = gate.connected()
        assert (here.opened_by, gate.absent()) == ("server", ())
        assert here.paths == (PeerPath("192.0.2.9:3868", "available"),)
        send(wire, dpr(DisconnectCause.BUSY))
        await asyncio.sleep(MOMENT)
        wire.abort()
        await asyncio.sleep(MOMENT)
        absent = only(gate)
        assert (absent.state, absent.reason) == ("held back", "the peer has disconnected: BUSY")
        assert BUSY_SECONDS - 1 < waits_seconds(absent) < BUSY_SECONDS * (1 + JITTER) + 1

    tell(story)


def test_a_peer_that_has_come_by_itself_is_not_absent() -> None:
    async def story(node: Node, gate: Gate, far: Far) -> None:
        far.answers = [REFUSED] * 20
        node.keep(target(far))
        await asyncio.sleep(10)
        await come(node)
        (here,) = gate.connected()
        assert (here.host, here.opened_by, gate.absent()) == (HOST, "peer", ())

    tell(story)


def test_others_that_are_absent_are_told_of_beside() -> None:
    async def story(node: Node, gate: Gate, far: Far) -> None:
        far.answers = [REFUSED]
        node.keep(target(far, host="other.example"))
        await asyncio.sleep(MOMENT)
        (await come(node)).abort()
        await asyncio.sleep(MOMENT)
        wanted, gone = gate.absent()
        assert (wanted.host, wanted.state) == ("other.example", "waiting")
        assert (gone.host, gone.state, gone.attempts, gone.due_at) == (HOST, None, 0, None)

    tell(story)
