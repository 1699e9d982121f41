"""A blocking connection to a server: CER and CEA, then whole messages."""

import random
import socket
import ssl
import time

from diameter.message import constants as c  # type: ignore[import-untyped]

from .answers import SUCCESS, code_text
from .capabilities import read_capabilities
from .encoding import CREDIT_CONTROL, Identity, capabilities_exchange_request
from .errors import ConnectionLost, SimulatorError
from .wires import Connect, over_tcp

HEADER_OCTETS = 20
READ_OCTETS = 65_536
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
"""What a socket that does not wait says when it would have to."""
APPLICATION_NAMES = {CREDIT_CONTROL: "credit control", c.APP_3GPP_SY: "Sy"}


def open_connection(
    host: str,
    port: int,
    identity: Identity,
    timeout_seconds: float,
    application: int = CREDIT_CONTROL,
    connect: Connect = over_tcp,
) -> socket.socket:
    """Returns a connected socket on which CER and CEA have been exchanged.

    Raises SimulatorError when nobody listens or the server does not accept the node.
    """
    where = f"{host}:{port}"
    try:
        connection = connect(host, port, timeout_seconds)
    except OSError as error:
        raise SimulatorError(
            f"cannot connect to {where} ({error}); start the server there or name another address"
        ) from error
    try:
        address = connection.getsockname()[0]
        request = capabilities_exchange_request(
            identity, address, random.getrandbits(32), application
        )
        send_message(connection, request)
        capabilities = read_capabilities(receive_message(connection))
    except BaseException:
        connection.close()
        raise
    is_offered = capabilities.offers(application)
    if capabilities.result_code != SUCCESS or not is_offered:
        connection.close()
        reason = (
            code_text(capabilities.result_code)
            if capabilities.result_code != SUCCESS
            else f"an answer that does not offer {APPLICATION_NAMES[application]}"
        )
        message = f": {capabilities.error_message}" if capabilities.error_message else ""
        raise SimulatorError(
            f"the server at {where} met {identity.origin_host} with {reason}{message}; "
            f"`peer accept {identity.origin_host}`, or the server's [[peers]], say how it may come"
        )
    return connection


class Connection:
    """Messages on a connected socket; what has come of one in part is kept for later.

    `octets` are what has been read already.
    """

    def __init__(self, connected: socket.socket, octets: bytes = b"") -> None:
        self._socket = connected
        self._octets = bytearray(octets)

    def send(self, octets: bytes) -> None:
        """Sends a whole message; ConnectionLost when that cannot be done."""
        self._socket.settimeout(None)
        send_message(self._socket, octets)

    def receive(self, deadline: float | None) -> bytes | None:
        """Returns the next message; None: none has come whole by then.

        `deadline` is of the monotonic clock, None is for ever. Raises SimulatorError when the
        framing is lost, ConnectionLost at the end.
        """
        while (message := self._whole()) is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                self._socket.settimeout(left)
                chunk = self._socket.recv(READ_OCTETS)
            except (TimeoutError, *NOT_NOW):
                return None
            except OSError as error:
                raise _lost(error) from error
            if not chunk:
                raise _lost("closed by the server")
            self._octets += chunk
        return message

    def close(self) -> None:
        """Closes the connection without a word."""
        self._socket.close()

    def _whole(self) -> bytes | None:
        if len(self._octets) < HEADER_OCTETS:
            return None
        length = _length(bytes(self._octets[:HEADER_OCTETS]))
        if len(self._octets) < length:
            return None
        message = bytes(self._octets[:length])
        del self._octets[:length]
        return message


def receive_message(connection: socket.socket) -> bytes:
    """Reads one whole message; raises SimulatorError on silence, the end, or lost framing."""
    header = _receive(connection, HEADER_OCTETS)
    return header + _receive(connection, _length(header) - HEADER_OCTETS)


def send_message(connection: socket.socket, octets: bytes) -> None:
    """Sends a whole message; ConnectionLost when that cannot be done."""
    try:
        connection.sendall(octets)
    except OSError as error:
        raise _lost(error) from error


def no_answer(seconds: float | None) -> SimulatorError:
    """Returns what is said of a server that keeps silent."""
    return SimulatorError(
        f"no answer within {seconds:g} s; read the server's log, "
        "and its /readyz page for the state of the database"
    )


def _length(header: bytes) -> int:
    length = int.from_bytes(header[1:4], "big")
    if header[0] != 1 or length < HEADER_OCTETS:
        raise SimulatorError(
            f"what came is no Diameter message (it begins {header.hex()}); "
            "is another service listening on this port?"
        )
    return length


def _receive(connection: socket.socket, size: int) -> bytes:
    octets = bytearray()
    while len(octets) < size:
        try:
            chunk = connection.recv(size - len(octets))
        except TimeoutError as error:
            raise no_answer(connection.gettimeout()) from error
        except OSError as error:
            raise _lost(error) from error
        if not chunk:
            raise _lost("closed by the server")
        octets += chunk
    return bytes(octets)


def _lost(reason: object) -> ConnectionLost:
    return ConnectionLost(
        f"the connection was lost ({reason}); read the server's log for why, then try again"
    )
