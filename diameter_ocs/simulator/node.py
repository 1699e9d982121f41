"""A node with one connection to a server: requests of its own one at a time, and those of the
server, which are answered whenever anything is awaited."""

import random
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from .answers import UNKNOWN_SESSION_ID
from .connection import Connection, no_answer
from .encoding import (
    Identity,
    answer_to_request,
    disconnect_peer_request,
    is_disconnect,
)
from .errors import ConnectionLost, SimulatorError
from .information import UNSIGNED32_MAX
from .reactions import USUAL_REACTIONS, Reaction
from .server_requests import ServerRequest, answer_server_request, read_server_request

REQUEST_BIT = 0x80
PATIENCE_SECONDS = 10.0
DISCONNECT_SECONDS = 2.0
DIAL_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Turn:
    """Something happened to the connection."""

    message: str

    def text(self) -> str:
        """Says what happened."""
        return self.message

    def as_dict(self) -> dict[str, Any]:
        """Returns it for JSON."""
        return {"command": None, "message": self.message}


class _Late(NamedTuple):
    """An answer that is held back."""

    due: float
    reply: bytes
    request: ServerRequest


class Node:
    """One connection to the server, and the reactions to what comes on it.

    DWR and DPR are answered with 2001; RAR, ASR and SNR as `reactions` say where the session is one
    of `open_sessions`, else with 5002; others with 3001. A lost connection is made anew by `dial`.
    """

    def __init__(
        self,
        connected: socket.socket,
        identity: Identity,
        dial: Callable[[], socket.socket] | None = None,
    ) -> None:
        self.identity = identity
        self.reactions = USUAL_REACTIONS
        self.open_sessions: set[bytes] = set()
        self.patience_seconds = connected.gettimeout() or PATIENCE_SECONDS
        self._connection: Connection | None = Connection(connected)
        self._dial = dial
        self._dial_at = 0.0
        self._came: deque[ServerRequest | Turn] = deque()
        self._late: list[_Late] = []
        self._hop_by_hop = random.getrandbits(32)
        # RFC 6733 section 3: the low 12 bits of the time, then 20 random bits.
        self._end_to_end = (int(time.time()) & 0xFFF) << 20 | random.getrandbits(20)

    def next_identifiers(self) -> tuple[int, int]:
        """Returns a hop-by-hop and an end-to-end id that no earlier request had."""
        self._hop_by_hop = (self._hop_by_hop + 1) & UNSIGNED32_MAX
        self._end_to_end = (self._end_to_end + 1) & UNSIGNED32_MAX
        return self._hop_by_hop, self._end_to_end

    def exchange(self, request: bytes, hop_by_hop: int) -> bytes:
        """Sends a request and returns the answer with its id; other answers are dropped.

        Raises SimulatorError when the connection ends or no answer comes in time.
        """
        self._connected().send(request)
        deadline = time.monotonic() + self.patience_seconds
        while True:
            octets = self._next_message(deadline)
            if octets is None and time.monotonic() >= deadline:
                raise no_answer(self.patience_seconds)
            if octets is not None and octets[4] & REQUEST_BIT:
                self._serve(octets)
            elif octets is not None and int.from_bytes(octets[12:16], "big") == hop_by_hop:
                return octets

    def next_event(self, deadline: float | None) -> ServerRequest | Turn | None:
        """Returns what the server has sent by itself, in its order; None: nothing more by then.

        `deadline` is of the monotonic clock, None is for ever. Where the connection can be made
        anew its loss is an event, too.
        """
        while not self._came:
            if self._connection is None and deadline is not None and self._dial_at > deadline:
                time.sleep(max(0.0, deadline - time.monotonic()))
                return None
            try:
                octets = self._next_message(deadline) if self._connection else None
                if octets is not None and octets[4] & REQUEST_BIT:
                    self._serve(octets)
                    continue
            except ConnectionLost as error:
                if self._dial is None:
                    raise
                self._leave(DIAL_AGAIN_SECONDS)
                self._came.append(Turn(str(error)))
                continue
            if self._connection is None:
                self._connected()
            elif octets is None and deadline is not None and time.monotonic() >= deadline:
                break
        return self._came.popleft() if self._came else None

    def taken(self) -> list[ServerRequest | Turn]:
        """Returns what the server has sent by itself so far; nothing is awaited."""
        came = list(self._came)
        self._came.clear()
        return came

    def reconnect(self) -> None:
        """Ends the connection without a word and makes it anew."""
        self._leave(0.0)
        self._connected()

    def close(self) -> None:
        """Sends DPR, waits a moment for DPA, and closes; a connection already gone is no fault."""
        if self._connection is None:
            return
        hop_by_hop, _ = self.next_identifiers()
        self.patience_seconds = DISCONNECT_SECONDS
        try:
            self.exchange(disconnect_peer_request(self.identity, hop_by_hop), hop_by_hop)
        except SimulatorError:
            pass
        finally:
            self._leave(0.0)

    def _serve(self, octets: bytes) -> None:
        """Answers a request of the server, or does what is to be done instead."""
        assert self._connection is not None
        request = read_server_request(self.identity, octets)
        if request is None:
            command_code, reply = answer_to_request(self.identity, octets)
            self._connection.send(reply)
            if is_disconnect(command_code):
                raise ConnectionLost(
                    "the server is going down (DPR); start it again, then repeat the session"
                )
            return
        reaction = self.reactions[request.command]
        if request.session_id not in self.open_sessions:
            reaction = Reaction(UNKNOWN_SESSION_ID)
        if reaction.is_dropping:
            self._leave(reaction.delay_seconds)
            self._came.append(replace(request, is_dropped=True))
        elif reaction.code is None:
            self._came.append(request)
        else:
            reply = answer_server_request(self.identity, octets, reaction.code)
            answered = replace(request, result_code=reaction.code, is_followed=reaction.is_followed)
            self._late.append(_Late(time.monotonic() + reaction.delay_seconds, reply, answered))
            self._send_due()

    def _next_message(self, deadline: float | None) -> bytes | None:
        """Returns the next message; None: it is the deadline, or an answer held back was sent."""
        if self._connection is None:
            raise SimulatorError("the connection was dropped while an answer was awaited")
        limits = [late.due for late in self._late]
        limits += [] if deadline is None else [deadline]
        octets = self._connection.receive(min(limits, default=None))
        self._send_due()
        return octets

    def _send_due(self) -> None:
        now = time.monotonic()
        due = [late for late in self._late if late.due <= now]
        self._late = [late for late in self._late if late.due > now]
        for late in due:
            assert self._connection is not None
            self._connection.send(late.reply)
            self._came.append(late.request)

    def _leave(self, away_seconds: float) -> None:
        """Closes the connection; what was held back is never sent."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._late.clear()
        self._dial_at = time.monotonic() + away_seconds

    def _connected(self) -> Connection:
        """Returns the connection, after it has been made anew where that is needed.

        Raises SimulatorError when that has not been possible for as long as patience lasts.
        """
        deadline = time.monotonic() + self.patience_seconds
        while self._connection is None:
            if self._dial is None:
                raise ConnectionLost("the connection has ended; open another")
            time.sleep(max(0.0, self._dial_at - time.monotonic()))
            try:
                self._connection = Connection(self._dial())
            except SimulatorError:
                if time.monotonic() >= deadline:
                    raise
                self._dial_at = time.monotonic() + DIAL_AGAIN_SECONDS
            else:
                self._came.append(Turn("connected again"))
        return self._connection
