"""Conversations of a stack, as gateway and as policy server, with a demonstration."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

from tests.interop.offer import COUNTED
from tests.interop.recording import Recorder
from tests.interop.relaying import relay
from tests.interop.requests import REALM, Session
from tests.interop.speaking import Speaker, speaking
from tests.interop.stacks import OCS, Node, Stack
from tests.interop.subscriptions import Subscription
from tests.system.serving import Demonstration

RELAYED = "Route-Record"
"""What freeDiameter as a relay adds to answers, too."""


class Talk:
    """What takes part: a demonstration, the speakers of a stack, and subscribers of their own."""

    def __init__(
        self, demo: Demonstration, stack: Stack, folder: Path, recorder: Recorder, first: int
    ) -> None:
        self.demo = demo
        self.stack = stack
        self._folder = folder
        self._recorder = recorder
        self._connected = ExitStack()
        self._subscribers = count(stack.first_subscriber + first)
        self._sessions = count(1)

    def relay(self) -> Node:
        """Connect a relay to the server; return where it is."""
        node = Node(self._recorder.port, f"relay.{REALM}", "relay")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        self._run(relay(self._folder, node, port), node.host).is_ready()
        return node._replace(port=port)

    def connect(self, role: str, applications: str, relay: Node | None = None) -> Speaker:
        """Connect the stack to the server, or to a relay."""
        host = f"{role}.{self.stack.name.partition('_')[0]}.{REALM}"
        server = Node(self._recorder.port, OCS) if relay is None else relay
        node = Node(server.port, host, applications, server.host)
        excused = None if relay is None else RELAYED
        return self._run(self.stack.command(self._folder, node), host, excused)

    def subscriber(self) -> int:
        """Return the number of one who was not talked of yet."""
        return next(self._subscribers)

    def session(self, subscriber: int) -> Session:
        """Open a session of data."""
        at = int(time.time())
        session_id = f"talk.{self.stack.host};{at};{next(self._sessions)}"
        return Session(session_id, at, subscriber, "32251@3gpp.org")

    def subscription(self, subscriber: int, session_id: str | bytes | None = None) -> Subscription:
        """Open a subscription to counters."""
        named = f"talk.pcrf.{self.stack.host};{next(self._sessions)}"
        return Subscription(session_id or named, subscriber)

    def credit(self, subscriber: int, amount: str) -> None:
        """Top a subscriber up."""
        self.demo.command("balance", "credit", account(subscriber), amount, "--type", COUNTED)

    def balance(self, subscriber: int) -> dict[str, int]:
        """Return what a subscriber has."""
        return self.demo.balances(account(subscriber))[COUNTED]

    def is_subscribed_to(self, subscriber: int) -> bool:
        """Say whether a policy server has a subscription to the counters of a subscriber."""
        return bool(self.demo.command("sy", "list", "--account", account(subscriber)))

    def delete(self, subscriber: int) -> None:
        """Delete the account of a subscriber, with its devices."""
        name = account(subscriber)
        for device in self.demo.command("account", "show", name)["devices"]:
            self.demo.command("device", "remove", device["device"])
        self.demo.command("account", "delete", name)

    def _run(self, command: list[str], host: str, excused: str | None = None) -> Speaker:
        return self._connected.enter_context(speaking(command, self._folder, host, excused))

    def end(self) -> Path:
        """Disconnect all, which have found no fault, and return the capture of what was said."""
        self._connected.close()
        path = self._folder / f"{self.stack.name}_talk.pcap"
        self._recorder.write(path)
        return path


def account(subscriber: int) -> str:
    """Return the name of a subscriber's account."""
    return f"{COUNTED}-{subscriber}"


@contextmanager
def talking(demo: Demonstration, stack: Stack, folder: Path, first: int) -> Iterator[Talk]:
    """Record what a stack says of subscribers from a number on; in the end all disconnect."""
    with Recorder(demo.server.port).recording() as recorder:
        talk = Talk(demo, stack, folder, recorder, first)
        try:
            yield talk
        finally:
            talk.end()
