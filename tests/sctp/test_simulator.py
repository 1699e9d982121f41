"""Simulated gateways over the kernel's SCTP."""

import asyncio

from diameter_ocs.simulator.encoding import Identity
from diameter_ocs.simulator.load_connections import Connection
from diameter_ocs.simulator.wires import over_sctp
from tests.sctp.ends import LOOPBACK, Ends, Taken, message

PAYLOAD_PROTOCOL = 46


async def test_what_waits_is_sent_as_whole_messages_of_diameter(ends: Ends) -> None:
    listening = ends.bare()
    listening.socket.listen()
    port = listening.place.port
    dialled = asyncio.to_thread(over_sctp, LOOPBACK, port, 10.0)
    connected, taken = await asyncio.gather(dialled, listening.accept())
    ends.keep(connected)
    ends.keep(taken.socket)
    messages = [message(number, 100 + 4 * number) for number in range(3)]
    connection = Connection(Identity("gw.example", "example", "example"), connected, {})
    connection.outbox += b"".join(messages)
    connection.send()
    assert not connection.outbox
    assert [await taken.take() for _ in messages] == [
        Taken(octets, 0, PAYLOAD_PROTOCOL) for octets in messages
    ]
