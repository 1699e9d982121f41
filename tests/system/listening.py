"""Gateways that a server connects to, and a meeting of nodes that connect to each other."""

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from diameter.message import Message
from diameter.message.commands import CapabilitiesExchangeAnswer

from diameter_ocs.simulator.connection import receive_message
from diameter_ocs.simulator.encoding import CREDIT_CONTROL, Identity
from diameter_ocs.simulator.gateway import Gateway
from tests.system.serving import eventually

WAIT_SECONDS = 10.0
LOCALHOST = "127.0.0.1"


class Listener:
    """Takes the connections of a server at a port of its own, as a gateway.

    `asked` are the CERs that it got.
    """

    def __init__(self, identity: Identity) -> None:
        self.asked: list[Message] = []
        self._identity = identity
        self._socket = socket.create_server((LOCALHOST, 0))
        self._socket.settimeout(WAIT_SECONDS)
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    def take(self, result_code: int = 2001) -> Gateway:
        """Wait for the server and answer its CER."""
        connected, _ = self._socket.accept()
        connected.settimeout(WAIT_SECONDS)
        request = receive_message(connected)
        self.asked.append(Message.from_bytes(request))
        answer = capabilities_answer(self._identity, request, [LOCALHOST], result_code)
        connected.sendall(answer)
        return Gateway(connected, self._identity)


def capabilities_answer(
    identity: Identity, request: bytes, addresses: Sequence[str], result_code: int = 2001
) -> bytes:
    """Return the CEA with which a gateway that has these addresses takes a server, or refuses."""
    answer: CapabilitiesExchangeAnswer = Message.from_bytes(request).to_answer()
    answer.result_code = result_code
    answer.origin_host = identity.origin_host.encode()
    answer.origin_realm = identity.origin_realm.encode()
    answer.host_ip_address = addresses
    answer.vendor_id = 0
    answer.product_name = "gateway that listens"
    answer.auth_application_id = [CREDIT_CONTROL]
    return bytes(answer.as_bytes())


def own_addresses(asked: Message) -> set[str]:
    """Return the addresses that a server has named as its own."""
    return {address for _, address in asked.host_ip_address}


class Meeting:
    """Two ways, each to a port; on the first connections nothing passes until both are there.

    So each of two nodes has sent its CER before that of the other one comes.
    """

    def __init__(self) -> None:
        self._both = threading.Barrier(2, self._note)
        self.have_met = False
        self._listeners = [socket.create_server((LOCALHOST, 0)) for _ in range(2)]
        self.ports: list[int] = [each.getsockname()[1] for each in self._listeners]

    def lead(self, way: int, port: int, may_pass: Callable[[], bool] = lambda: True) -> None:
        """Passes on to a port what comes on a way, the first of it not before it may pass."""
        arguments = (self._listeners[way], port, may_pass)
        threading.Thread(target=self._take, args=arguments, daemon=True).start()

    def close(self) -> None:
        """Takes no connection any more."""
        self._both.abort()
        for each in self._listeners:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _note(self) -> None:
        self.have_met = True

    def _take(self, listener: socket.socket, port: int, may_pass: Callable[[], bool]) -> None:
        is_first = True
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection((LOCALHOST, port))
            except OSError:
                return
            # The CER of who has connected is here.
            near.recv(1, socket.MSG_PEEK)
            if is_first:
                with suppress(threading.BrokenBarrierError):
                    self._both.wait(WAIT_SECONDS)
                eventually("it may pass", may_pass, WAIT_SECONDS)
            is_first = False
            for ends in ((near, far), (far, near)):
                threading.Thread(target=_pass_on, args=ends, daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while octets := source.recv(65536):
            target.sendall(octets)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
