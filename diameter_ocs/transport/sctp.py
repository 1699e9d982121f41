"""Listening and connecting over SCTP of the kernel (RFC 6733 section 2.1, RFC 6458)."""

import asyncio
import socket
import sys
from collections.abc import Sequence

import structlog

from . import sctp_options as options
from .association import Accept, Address, Handler, PathState, Place, Wire
from .sctp_association import SctpAssociation, read_facts
from .sctp_settings import SctpSettings

log = structlog.get_logger()

BACKLOG = 1024
"""Associations that the system keeps until they are taken."""
TAKEN_AT_ONCE = 16
"""Associations taken before those taken earlier are read again."""
PAUSE_SECONDS = 1.0
"""How long no association is taken when the system has no file descriptor for one."""


def missing() -> str | None:
    """Says why this machine has no SCTP, and what to do about it; None: it has."""
    if sys.platform != "linux":
        return "SCTP of the kernel works on Linux only: use SCTP over UDP"
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, options.IPPROTO_SCTP).close()
    except OSError as error:
        return (
            f"this kernel gives no SCTP ({error.strerror}): "
            "load its module (modprobe sctp), or take a kernel that has it"
        )
    return None


async def listen(
    accept: Accept, addresses: Sequence[Address], port: int, settings: SctpSettings
) -> "SctpListening":
    """Takes associations on all these addresses of one end, at least one, of either family.

    IPv6's any address stands for IPv4's too where both are there.

    Raises:
        OSError: there is no SCTP, or an address cannot be used.
    """
    places = [Place(address, port) for address in addresses]
    sock = _socket_for(places, settings)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if all(address.version == 6 for address in addresses):
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        elif all(address.is_unspecified for address in addresses):
            places = [max(places, key=lambda place: place.address.version)]
        options.bind(sock, places)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise _telling(error, f"cannot listen on {_spell(addresses)}, port {port}") from error
    return SctpListening(asyncio.get_running_loop(), sock, accept, addresses, settings)


async def connect(
    handler: Handler,
    places: Sequence[Place],
    settings: SctpSettings,
    seconds: float,
    local_addresses: Sequence[Address] = (),
) -> None:
    """Connects to a peer that has all these places, at least one; they have one port.

    Without local addresses the kernel uses all that it has.

    Raises:
        OSError: there is no SCTP, an address cannot be used, or the peer refuses.
        TimeoutError: the peer did not answer within these seconds.
    """
    loop = asyncio.get_running_loop()
    local = [Place(address, 0) for address in local_addresses]
    sock = _socket_for([*places, *local], settings)
    try:
        if local:
            options.bind(sock, local)
        async with asyncio.timeout(seconds):
            await _connect(loop, sock, places)
        facts = read_facts(sock)
    except TimeoutError as error:
        options.abort(sock)
        raise TimeoutError(
            f"{_spell(places)} does not answer over SCTP: does a firewall, or a NAT between, drop"
            f" IP protocol {options.IPPROTO_SCTP}?"
        ) from error
    except OSError as error:
        options.abort(sock)
        source = f" from {_spell(local_addresses)}" if local else ""
        raise _telling(error, f"cannot connect to {_spell(places)}{source}") from error
    except BaseException:
        options.abort(sock)
        raise
    association = SctpAssociation(loop, sock, facts, handler, settings)
    association.begin()
    for place in facts.peer_places[1:]:
        # RFC 9260 section 5.4: what this node was given is confirmed, and the kernel silent of it.
        if place in places and not association.is_closing:
            handler.path_changed(place, PathState.CONFIRMED)


async def _connect(
    loop: asyncio.AbstractEventLoop, sock: socket.socket, places: Sequence[Place]
) -> None:
    options.begin_connecting(sock, places)
    done = asyncio.Event()
    loop.add_writer(sock, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_writer(sock)
    error = options.take_error(sock)
    if error is not None:
        raise error


def _socket_for(places: Sequence[Place], settings: SctpSettings) -> socket.socket:
    """Returns a socket of the family that can reach all these."""
    is_ipv6 = any(place.address.version == 6 for place in places)
    return options.create_socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, settings)


def _telling(error: OSError, what: str) -> OSError:
    """Returns the error with what it hinders."""
    return OSError(error.errno, f"{what} over SCTP: {error.strerror}")


def _spell(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


class SctpListening:
    """Takes associations and gives them to handlers."""

    wire = Wire.SCTP

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        accept: Accept,
        addresses: Sequence[Address],
        settings: SctpSettings,
    ) -> None:
        self._loop = loop
        self._socket = sock
        self._accept = accept
        self._settings = settings
        self._pause: asyncio.TimerHandle | None = None
        port = sock.getsockname()[1]
        self.places = tuple(Place(address, port) for address in addresses)
        loop.add_reader(sock, self._take)

    def close(self) -> None:
        """Takes no association any more."""
        if self._pause is not None:
            self._pause.cancel()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _take(self) -> None:
        for _ in range(TAKEN_AT_ONCE):
            try:
                sock, _ = self._socket.accept()
            except BlockingIOError:
                return
            except ConnectionError:
                continue
            except OSError as error:
                self._rest(error)
                return
            self._begin(sock)
            if self._socket.fileno() < 0:
                return

    def _begin(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        try:
            facts = read_facts(sock)
        except OSError:  # it has ended already
            options.abort(sock)
            return
        SctpAssociation(self._loop, sock, facts, self._accept(), self._settings).begin()

    def _rest(self, error: OSError) -> None:
        """Leaves associations where they wait, as the system has nothing to take them with."""
        log.warning("no association taken", error=error.strerror, pause_seconds=PAUSE_SECONDS)
        self._loop.remove_reader(self._socket)
        self._pause = self._loop.call_later(
            PAUSE_SECONDS, self._loop.add_reader, self._socket, self._take
        )
