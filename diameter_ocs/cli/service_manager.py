"""Telling systemd that the server serves, as sd_notify(3) does."""

import socket
from collections.abc import Callable, MutableMapping
from contextlib import suppress

VARIABLE = "NOTIFY_SOCKET"
READY = "READY=1"


def notifier(environment: MutableMapping[str, str]) -> Callable[[str], None]:
    """Returns what tells the service manager something, or does nothing where there is none.

    The variable is taken out of the environment: the database, a child of ours, would tell it too.
    """
    address = environment.pop(VARIABLE, "")
    if address.startswith("@"):
        address = f"\0{address[1:]}"

    def tell(state: str) -> None:
        with (
            suppress(OSError),  # a server serves though nobody is told
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
        ):
            sender.sendto(state.encode(), address)

    return tell if address else _ignore


def _ignore(_state: str) -> None:
    """Tells nobody."""
