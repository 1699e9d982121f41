"""How a test speaks with an end of SCTP over UDP, and what it puts between two of them."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Queue
from select import select
from socket import AF_INET, SOCK_DGRAM, socket
from typing import Any

from tests.transport.packets import (
    COOKIE,
    COOKIE_ECHO,
    HEARTBEAT,
    HEARTBEAT_ACK,
    INIT_ACK,
    Data,
    chunks,
    data,
    init,
    packet,
    parameters,
    sealed,
)

CLONE = Path(__file__).parents[2]
PATIENCE_SECONDS = 20.0


class Failed(Exception):
    """What an end said of a request that it could not fulfil."""


class RemoteEnd:
    """An end in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.transport.udp_end"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CLONE,
        )
        self._told: Queue[list[Any]] = Queue()
        self._unread: list[list[Any]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = 0

    def start(self, host: str = "127.0.0.1", *expected: str, is_quick: bool = False) -> None:
        self.port = self.ask("start", host, expected or [host], is_quick)

    def ask(self, what: str, *arguments: object) -> Any:
        """Have a request done; return what comes of it."""
        assert self._process.stdin is not None
        print(json.dumps([what, arguments]), file=self._process.stdin, flush=True)
        kind, value = self.wait(lambda told: told[0] in ("done", "failed"))
        if kind == "failed":
            raise Failed(value)
        return value

    def hear(self, what: str, name: str) -> list[Any]:
        """Wait until something happened to an association."""
        return self.wait(lambda told: told[:2] == [what, name])[2:]

    def wait(self, is_it: Callable[[list[Any]], bool]) -> list[Any]:
        for told in self._unread:
            if is_it(told):
                self._unread.remove(told)
                return told
        while not is_it(told := self._told.get(timeout=PATIENCE_SECONDS)):
            assert told != ["over"], "the process of an end has ended"
            self._unread.append(told)
        return told

    def has_heard(self, what: str, name: str) -> bool:
        """Say whether something happened to an association before the last request was done."""
        return any(told[:2] == [what, name] for told in self._unread)

    def end(self) -> int:
        """Let the process end; return its status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):
            self._process.stdin.close()
        status = self._process.wait(PATIENCE_SECONDS)
        self._reader.join()
        self._process.stdout.close()
        return status

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told.put(json.loads(line))
        self._told.put(["over"])


class BarePeer:
    """A peer that opens an association by hand, and then only says that it is there."""

    PORT = 40_000

    def __init__(self, port: int, udp_port: int) -> None:
        self.udp = socket(AF_INET, SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(PATIENCE_SECONDS)
        self.udp.connect(("127.0.0.1", udp_port))
        self._port = port
        self._tag = 0

    def open(self, tag: int, beside: bytes = b"") -> None:
        """Open an association, or open it anew; with the last packet goes another chunk."""
        self.udp.send(sealed(self.begin(tag) + beside))

    def begin(self, tag: int) -> bytes:
        """Return the packet that opens an association; it was asked for."""
        self.udp.send(init(self.PORT, self._port, tag))
        value = self.hear(INIT_ACK)
        self._tag = int.from_bytes(value[:4])
        return self.packet(COOKIE_ECHO, parameters(value)[COOKIE])

    def packet(self, kind: int, value: bytes = b"") -> bytes:
        """Return a packet of one chunk for the association."""
        return packet(self.PORT, self._port, self._tag, kind, value)

    def hear(self, kind: int) -> bytes:
        """Answer heartbeats until a chunk of a kind comes; return its value."""
        while True:
            for came, value in chunks(self.udp.recv(65536)):
                if came == kind:
                    return value
                if came == HEARTBEAT:
                    self.udp.send(self.packet(HEARTBEAT_ACK, value))


class Forwarder:
    """What a NAT does: packets for its port go on to a peer, from another port that may change."""

    def __init__(self, peer_port: int) -> None:
        self._inner = self._bound()
        self._outer = self._bound()
        self._wake, self._woken = self._bound(), self._bound()
        self._peer = ("127.0.0.1", peer_port)
        self._client: tuple[str, int] | None = None
        self._is_over = False
        self.sent: list[Data] = []
        self.outer_ports: list[int] = [self._outer.getsockname()[1]]
        self.answered_at: set[int] = set()
        self.longest_octets = 0
        self.port: int = self._inner.getsockname()[1]
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def rebind(self) -> None:
        """Send from another port from now on; nothing that comes to the old one arrives."""
        self._outer, old = self._bound(), self._outer
        self.outer_ports.append(self._outer.getsockname()[1])
        self._wake.sendto(b"", self._woken.getsockname())
        old.close()

    def close(self) -> None:
        self._is_over = True
        self._wake.sendto(b"", self._woken.getsockname())
        self._thread.join()
        for each in (self._inner, self._outer, self._wake, self._woken):
            each.close()

    def _run(self) -> None:
        while not self._is_over:
            with suppress(OSError, ValueError):
                self._forward()

    def _forward(self) -> None:
        outer = self._outer
        ready, _, _ = select([self._inner, outer, self._woken], [], [])
        if self._woken in ready:
            self._woken.recv(1)
        if self._inner in ready:
            octets, self._client = self._inner.recvfrom(65536)
            self.sent += data(octets)
            self.longest_octets = max(self.longest_octets, len(octets))
            self._outer.sendto(octets, self._peer)
        if outer in ready and self._client is not None:
            octets = outer.recv(65536)
            self.answered_at.add(outer.getsockname()[1])
            self._inner.sendto(octets, self._client)

    @staticmethod
    def _bound() -> socket:
        bound = socket(AF_INET, SOCK_DGRAM)
        bound.bind(("127.0.0.1", 0))
        return bound
