"""An end of SCTP over UDP in a process of its own, which does what lines of JSON tell it.

A process has one libusrsctp, and whatever is wrong with one must not end the tests. Each line is
a request, `[what, arguments]`; what comes back are lines `["done", value]` or `["failed", error]`,
and what happens to associations in between.
"""

import asyncio
import json
import socket
import sys
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any
from zlib import crc32

import structlog
from structlog.typing import EventDict

from diameter_ocs.observability import create_metrics
from diameter_ocs.transport import sctp_udp, sctp_udp_association
from diameter_ocs.transport.association import Address, Association, PathState, Place
from diameter_ocs.transport.sctp_settings import SctpSettings
from diameter_ocs.transport.sctp_udp import Stack, UdpListening

FAULTY = ip_address("127.0.0.3")
"""Who has an end meet a fault of ours."""
MESSAGE_OCTETS_MAX = 250_000
PATIENT = SctpSettings(
    streams=8,
    rto_initial_seconds=0.1,
    rto_max_seconds=1.0,
    rto_min_seconds=0.05,
    heartbeat_seconds=0.5,
    path_retransmissions_max=4,
    association_retransmissions_max=8,
    message_octets_max=MESSAGE_OCTETS_MAX,
)
QUICK = SctpSettings(
    rto_initial_seconds=0.05,
    rto_max_seconds=0.1,
    rto_min_seconds=0.03,
    heartbeat_seconds=0.1,
    path_retransmissions_max=1,
    association_retransmissions_max=2,
)


def tell(*what: object) -> None:
    print(json.dumps(what), flush=True)


def described(error: Exception | None) -> str | None:
    return None if error is None else f"{type(error).__name__}: {error}"


class Teller:
    """A handler that tells all it is told, and sends messages back if it shall."""

    def __init__(self, end: "End", name: str, is_echo: bool = False) -> None:
        self.end = end
        self.name = name
        self.is_echo = is_echo

    def connection_made(self, association: Association) -> None:
        self.end.associations[self.name] = association
        places = [str(each) for each in association.peer_places]
        tell("made", self.name, places, [str(each) for each in association.local_addresses])

    def data_received(self, octets: bytes) -> None:
        association = self.end.associations[self.name]
        if self.is_echo:
            association.send([octets])
        tell("data", self.name, len(octets), crc32(octets))

    def path_changed(self, place: Place, state: PathState) -> None:
        tell("path", self.name, str(place), state)

    def not_sent(self, octets: bytes, error: OSError) -> None:
        tell("not sent", self.name, len(octets), error.errno)

    def pause_writing(self) -> None:
        tell("paused", self.name)

    def resume_writing(self) -> None:
        tell("resumed", self.name)

    def connection_lost(self, error: Exception | None) -> None:
        tell("lost", self.name, described(error))


class Passer(Teller):
    """A handler that passes messages on to a TCP port, and back what comes from there."""

    def __init__(self, end: "End", name: str, port: int) -> None:
        super().__init__(end, name)
        self._loop = asyncio.get_running_loop()
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._rest = b""

    def connection_made(self, association: Association) -> None:
        super().connection_made(association)
        self._loop.add_reader(self._socket, self._pass_back, association)

    def data_received(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def connection_lost(self, error: Exception | None) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        super().connection_lost(error)

    def _pass_back(self, association: Association) -> None:
        octets = self._socket.recv(65536)
        if not octets:
            self._loop.remove_reader(self._socket)
            association.close()
        self._rest += octets
        while 4 <= len(self._rest) >= (length := int.from_bytes(self._rest[1:4])):
            association.send([self._rest[:length]])
            self._rest = self._rest[length:]


class End:
    """What is done; every method is a request."""

    def __init__(self) -> None:
        self.stack: Stack | None = None
        self.metrics = create_metrics()
        self.expected: set[Address] = set()
        self.associations: dict[str, Association] = {}
        self.listening: dict[int, UdpListening] = {}
        self.accepted = 0
        self.faults: list[str] = []

    async def start(self, host: str, expected: list[str], is_quick: bool) -> int:
        """Start with the patience of a busy machine, or so that the silent are lost at once."""
        self.expected = {ip_address(each) for each in expected}
        place = Place(ip_address(host), 0)
        settings = QUICK if is_quick else PATIENT
        self.stack = await Stack.start(place, self.expects, settings, self.metrics)
        return self.stack.place.port

    def expects(self, address: Address) -> bool:
        if address == FAULTY:
            raise ValueError("a fault of ours")
        return address in self.expected

    def fail_to_send(self) -> None:
        """Let the next packet meet a fault of ours."""
        assert self.stack is not None
        packets = self.stack._packets
        assert packets is not None
        send = packets.send

        def fail(*_: object) -> None:
            packets.send = send  # type: ignore[method-assign]
            raise ValueError("a fault of ours")

        packets.send = fail  # type: ignore[method-assign]

    def note(self, logger: object, name: str, event: EventDict) -> EventDict:
        """Keep what is logged as a fault."""
        if "exc_info" in event:
            self.faults.append(event["event"])
        return event

    def told_faults(self) -> list[str]:
        return self.faults

    def listen(self, port: int, is_echo: bool) -> list[str]:
        def accept() -> Teller:
            self.accepted += 1
            return Teller(self, f"accepted {self.accepted}", is_echo)

        assert self.stack is not None
        self.listening[port] = self.stack.listen(accept, port)
        return [str(each) for each in self.listening[port].places]

    def lead(self, port: int, to: int) -> None:
        """Take associations at a port, each of which is passed on to a TCP port."""

        def accept() -> Passer:
            self.accepted += 1
            return Passer(self, f"accepted {self.accepted}", to)

        assert self.stack is not None
        self.listening[port] = self.stack.listen(accept, port)

    def stop_listening(self, port: int) -> None:
        self.listening.pop(port).close()

    async def connect(self, name: str, host: str, port: int, udp_port: int, seconds: float) -> None:
        assert self.stack is not None
        place = Place(ip_address(host), port)
        await self.stack.connect(Teller(self, name), place, udp_port, seconds)

    async def connect_and_cancel(self, name: str, host: str, port: int, udp_port: int) -> None:
        connecting = asyncio.create_task(self.connect(name, host, port, udp_port, 60))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        connecting.cancel()
        await asyncio.wait([connecting])
        assert connecting.cancelled()

    async def connect_and_stop(self, host: str, port: int, udp_port: int) -> None:
        connecting = asyncio.create_task(self.connect("stopped", host, port, udp_port, 60))
        await asyncio.sleep(0)
        await self.stop()
        await connecting

    def send(self, name: str, messages: list[tuple[int, int, int]]) -> int:
        """Send messages: their application, their length, and the octet they are filled with."""
        association = self.associations[name]
        association.send([message(*each) for each in messages])
        return association.unsent_octets

    def give_up_after(self, seconds: float) -> None:
        """Let orderly ends take so long at most."""
        sctp_udp_association.CLOSE_SECONDS = seconds

    def close(self, name: str) -> None:
        self.associations[name].close()

    def abort(self, name: str) -> None:
        self.associations[name].abort()

    def misuse(self, name: str) -> bool:
        """Call everything of an association that is over."""
        association = self.associations[name]
        for _ in range(3):
            association.send([message(4, 100, 1), b""])
            association.close()
            association.abort()
        assert association.unsent_octets == 0
        assert association.peer_places
        assert association.local_addresses
        return association.is_closing

    def rest_after(self, seconds: float) -> None:
        """Let the library's clock go on for so long after the last association."""
        sctp_udp.REST_SECONDS = seconds

    async def rests(self, is_it: bool) -> None:
        """Wait until the library's clock stands still, or goes."""
        assert self.stack is not None
        while (self.stack._clock is None) is not is_it:
            await asyncio.sleep(0.001)

    def feed(self, packets: list[str], udp_port: int) -> None:
        """Take packets of a peer of this machine as if they had come at once."""
        assert self.stack is not None
        for each in packets:
            self.stack._feed(bytes.fromhex(each), ("127.0.0.1", udp_port))

    def dropped(self, reason: str) -> float:
        name = "ocs_packets_dropped_total"
        return self.metrics.registry.get_sample_value(name, {"reason": reason}) or 0

    async def start_again(self) -> None:
        await self.start("127.0.0.1", [], False)

    async def stop(self) -> None:
        assert self.stack is not None
        await self.stack.aclose()
        await self.stack.aclose()


def message(application: int, length: int, filling: int) -> bytes:
    """Return what a message of an application looks like to a transport."""
    header = b"\1" + length.to_bytes(3) + bytes(4) + application.to_bytes(4)
    return header + bytes([filling]) * (length - len(header))


async def main() -> None:
    end = End()
    structlog.configure(
        processors=[end.note, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        what, arguments = json.loads(line)
        method: Callable[..., Any] = getattr(end, what)
        try:
            value = method(*arguments)
            if asyncio.iscoroutine(value):
                value = await value
        except (OSError, RuntimeError) as error:
            tell("failed", described(error))
        else:
            tell("done", value)


if __name__ == "__main__":
    asyncio.run(main())
