"""What one connection sends, once a turn of the loop, and when its machine has to act."""

import asyncio
from collections.abc import Callable

from ..base.events import CloseReason, Event
from ..base.peer import Peer
from .association import Association
from .unread import Unread

LINGER_SECONDS = 5.0
"""How long a peer may take to read its last answers once the connection is over."""


class Outlet:
    """Sends what a machine says, and closes its connection when the machine has.

    `on_timer` takes what comes of the machine's timer, `on_unread` gives up a peer that reads
    nothing. `reason` is why the connection is over, None before.
    """

    def __init__(
        self,
        association: Association,
        peer: Peer,
        on_timer: Callable[[list[Event]], None],
        on_unread: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._association = association
        self._peer = peer
        self._on_timer = on_timer
        self._on_unread = on_unread
        self._unread = Unread(self._loop, association, on_unread)
        self._timer: asyncio.TimerHandle | None = None
        self._is_flush_due = False
        self.reason: CloseReason | None = None

    def flush_soon(self) -> None:
        """Sends everything of this turn of the loop at once."""
        if not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)

    def pause(self) -> None:
        """Gives the peer some time to read what could not be written at once."""
        self._unread.begin()

    def resume(self) -> None:
        """Takes note that the peer has read everything."""
        self._unread.end()

    def end(self) -> None:
        """Takes note that nothing can be sent any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._unread.end()

    def _flush(self) -> None:
        self._is_flush_due = False
        messages = self._peer.messages_to_send()
        if self._association.is_closing:
            return
        if messages:
            self._unread.send(messages)
        if self._peer.is_closed:
            self._close()
        elif self._unread.is_too_much:
            self._on_unread()
        else:
            self._arm()

    def _close(self) -> None:
        """Lets the peer read what is left; who spoke no Diameter is cut off (RFC 6733 2.1)."""
        association = self._association
        if self._timer is not None:
            self._timer.cancel()
        if self.reason is CloseReason.REPLACED or (
            self.reason is CloseReason.MALFORMED and not association.unsent_octets
        ):
            association.abort()
            return
        self._timer = self._loop.call_later(LINGER_SECONDS, association.abort)
        association.close()

    def _arm(self) -> None:
        """Waits for the machine's timer; one that waits already looks again when it ends."""
        deadline = self._peer.next_timer()
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(max(deadline, self._loop.time()), self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._on_timer(self._peer.timer_expired(self._loop.time()))
