"""A process that takes TCP on loopback and goes on over SCTP over UDP, for who has only TCP.

    python -m diameter_ocs.cli.bridge HOST PORT UDP_PORT

It prints the port that it takes, and ends with its standard input. Each connection gets an
association of its own, on which its messages go whole.
"""

import asyncio
import sys
from collections.abc import Sequence
from ipaddress import ip_address
from socket import SOCK_STREAM, getaddrinfo

from ..base.errors import InvalidMessageLength
from ..base.framing import Framer
from ..observability import configure_logging, create_metrics
from ..transport import sctp_udp, tcp
from ..transport.association import Association, PathState, Place
from ..transport.sctp_settings import SctpSettings

CONNECT_SECONDS = 5.0
LOCAL = {4: Place(ip_address("0.0.0.0"), 0), 6: Place(ip_address("::"), 0)}
"""Any UDP port, for packets to an address of this version of IP."""


class End:
    """One end of a bridge: the messages that come here leave there, once a turn of the loop."""

    def __init__(self, octets_max: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._framer = Framer(octets_max)
        self._association: Association | None = None
        self._outgoing: list[bytes] = []
        self._is_flush_due = False
        self.other = self

    def connection_made(self, association: Association) -> None:
        """Sends what has waited for the connection."""
        self._association = association
        self._flush()

    def data_received(self, octets: bytes) -> None:
        """Takes what came to the other end."""
        try:
            self.other.send(self._framer.receive_data(octets))
        except InvalidMessageLength as error:
            say(str(error))
            self.end()
            self.other.end()

    def path_changed(self, place: Place, state: PathState) -> None:
        """Has no other path."""

    def not_sent(self, octets: bytes, error: OSError) -> None:
        """Tells of a message that cannot go on."""
        say(str(error))

    def pause_writing(self) -> None:
        """Keeps what waits: who sends waits for answers, too."""

    def resume_writing(self) -> None:
        """Keeps nothing back."""

    def connection_lost(self, error: Exception | None) -> None:
        """Ends the other end, too."""
        if error is not None:
            say(str(error))
        self.other.end()

    def send(self, messages: Sequence[bytes]) -> None:
        """Sends messages with all else of this turn of the loop."""
        self._outgoing += messages
        if not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)

    def end(self) -> None:
        """Ends the connection after what waits."""
        self._flush()
        if self._association is not None:
            self._association.close()

    def _flush(self) -> None:
        self._is_flush_due = False
        if self._association is not None and self._outgoing:
            self._association.send(self._outgoing)
            self._outgoing = []


async def bridge(server: Place, udp_port: int) -> None:
    """Goes on until the standard input ends."""
    settings = SctpSettings()
    local = LOCAL[server.address.version]
    stack = await sctp_udp.Stack.start(local, lambda _: False, settings, create_metrics())
    crossings: set[asyncio.Task[None]] = set()

    async def cross(far: End) -> None:
        try:
            await stack.connect(far, server, udp_port, CONNECT_SECONDS)
        except OSError as error:
            say(str(error))
            far.other.end()

    def accept() -> End:
        near, far = End(settings.message_octets_max), End(settings.message_octets_max)
        near.other, far.other = far, near
        crossing = asyncio.create_task(cross(far))
        crossings.add(crossing)
        crossing.add_done_callback(crossings.discard)
        return near

    listening = await tcp.listen(accept, "127.0.0.1", 0)
    print(listening.places[0].port, flush=True)
    try:
        await asyncio.to_thread(sys.stdin.read)
    finally:
        listening.close()
        await stack.aclose()


def say(reason: str) -> None:
    """Says on standard error what is wrong."""
    print(f"diameter-ocs: {reason}", file=sys.stderr, flush=True)


def main(words: Sequence[str]) -> int:
    """Runs a bridge; 1 when it cannot be."""
    configure_logging("error", "auto")
    host, port, udp_port = words
    try:
        address = getaddrinfo(host, int(port), type=SOCK_STREAM)[0][4][0]
        asyncio.run(bridge(Place(ip_address(address), int(port)), int(udp_port)))
    except OSError as error:
        say(str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
