"""The requests of this node on one connection: each is answered or given up, exactly once."""

import asyncio
from collections.abc import Callable
from enum import Enum, StrEnum, auto
from typing import NamedTuple

from ..base.message import Message, numbered
from ..base.peer import Peer

REQUESTS_MAX = 256
"""Requests of this node that may wait for their answers on one connection."""


class Sending(Enum):
    """What became of a request that was to be sent."""

    SENT = auto()
    BUSY = auto()
    """Too many wait for their answers: try again later."""
    NO_WAY = auto()
    """The connection is suspect, being closed or over, or there is none."""


class Unanswered(StrEnum):
    """Why a request that was sent is waited for no more."""

    LATE = "late"
    SUSPECTED = "suspected"
    """The peer owes a DWA: send the request another way, as a retransmission."""
    CLOSED = "closed"


OnAnswer = Callable[[Message | Unanswered], None]
"""Called once for each request that was sent, in a later turn of the loop.

An answer may hold a fault, as a message may, and anything that its peer likes to say.
"""


class _Awaited(NamedTuple):
    on_answer: OnAnswer
    timer: asyncio.TimerHandle


class OwnRequests:
    """Those of a connection that wait; `next_identifier` gives hop-by-hop ids."""

    def __init__(self, loop: asyncio.AbstractEventLoop, next_identifier: Callable[[], int]) -> None:
        self._loop = loop
        self._next_identifier = next_identifier
        self._awaited: dict[int, _Awaited] = {}

    def send(self, peer: Peer, octets: bytes, seconds: float, on_answer: OnAnswer) -> Sending:
        """Hands a request to the peer machine, under a hop-by-hop id of its own."""
        if len(self._awaited) >= REQUESTS_MAX:
            return Sending.BUSY
        hop_by_hop = self._next_identifier()
        if not peer.send(numbered(octets, hop_by_hop)):
            return Sending.NO_WAY
        timer = self._loop.call_later(seconds, self._expire, peer, hop_by_hop)
        self._awaited[hop_by_hop] = _Awaited(on_answer, timer)
        return Sending.SENT

    def answered(self, message: Message) -> None:
        """Gives an answer to the one who waits for it."""
        self._tell(message.hop_by_hop, message)

    def give_up(self, peer: Peer, reason: Unanswered) -> None:
        """Waits for no answer any more."""
        for hop_by_hop in tuple(self._awaited):
            peer.give_up(hop_by_hop)
            self._tell(hop_by_hop, reason)

    def _expire(self, peer: Peer, hop_by_hop: int) -> None:
        peer.give_up(hop_by_hop)
        self._tell(hop_by_hop, Unanswered.LATE)

    def _tell(self, hop_by_hop: int, outcome: Message | Unanswered) -> None:
        awaited = self._awaited.pop(hop_by_hop)
        awaited.timer.cancel()
        self._loop.call_soon(awaited.on_answer, outcome)
