"""What a peer leaves unread of what was sent to it: how much it may be, and for how long."""

import asyncio
from collections.abc import Callable, Sequence

from .association import Association

UNREAD_OCTETS_MAX = 4 * 2**20
"""Answers that a peer may leave unread; one that leaves more is disconnected."""
UNREAD_SECONDS = 10.0
"""How long a peer may read nothing of what waits for it."""


class Unread:
    """Sends to a peer that reads it; `on_too_long` is called when it does not."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        association: Association,
        on_too_long: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._association = association
        self._on_too_long = on_too_long
        self._sent_octets = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def octets(self) -> int:
        """How much waits for the peer to read."""
        return self._association.unsent_octets

    @property
    def is_too_much(self) -> bool:
        """Whether more waits than may."""
        return self._association.unsent_octets > UNREAD_OCTETS_MAX

    def send(self, messages: Sequence[bytes]) -> None:
        """Sends messages."""
        self._sent_octets += sum(map(len, messages))
        self._association.send(messages)

    def begin(self) -> None:
        """Gives the peer some time to read what could not be sent at once."""
        self._await_reading(self._read_octets())

    def end(self) -> None:
        """Takes note that nothing waits any more, or that nobody does."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _read_octets(self) -> int:
        """Returns how much of what was sent has left: the peer, or the system, has read it."""
        return self._sent_octets - self.octets

    def _await_reading(self, read_octets: int) -> None:
        self._timer = self._loop.call_later(UNREAD_SECONDS, self._check_reading, read_octets)

    def _check_reading(self, read_before: int) -> None:
        read_octets = self._read_octets()
        if read_octets > read_before:
            self._await_reading(read_octets)
        else:
            self._on_too_long()
