"""Sends requests of this node that wait in the outbox, once nothing else of their session waits."""

import asyncio
from collections.abc import Callable, Sequence

from ..base.message import Message
from ..charging.delivery import Fate, HeldPeer, Result
from ..transport.requests import Sending, Unanswered
from ..transport.routes import Destination, Routes

ANSWER_SECONDS = 5.0
"""How long an answer is waited for."""
BUSY_SECONDS = 0.02
"""How soon a session is looked at again that has a request waiting."""
BUSY_SECONDS_MAX = 5.0
"""How long it may have: then it is left for later."""

IsBusy = Callable[[bytes], bool]
"""Says whether a request of a Session-Id waits for its answer here, or the answer to be written."""

_HELD = Fate(Result.PUT_OFF, has_left=False, is_attempt=False)
BUSY = _HELD._replace(fault="its peer is being answered", seconds=BUSY_SECONDS_MAX)
CROWDED = _HELD._replace(fault="too much is under way there", seconds=1.0)
NO_WAY = _HELD._replace(fault="there is no way to its peer", seconds=1.0)
_OF_THE_TARGET = frozenset({2001, 2002, 5002})
"""What nobody says in the place of whom a request is for: it is taken, or of no session there."""
_UNANSWERED = {
    Unanswered.LATE: f"no answer within {ANSWER_SECONDS:g} s",
    Unanswered.SUSPECTED: "its peer is silent",
    Unanswered.CLOSED: "its connection ended before the answer",
}


class Correspondence:
    """Sends requests by the best way there is, one after the answer to the other."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes

    def held(self) -> Sequence[HeldPeer]:
        """Returns the peers that take requests now."""
        return [HeldPeer(*each) for each in self._routes.neighbours()]

    async def ask(self, destination: Destination, octets: bytes) -> Message | Fate:
        """Sends a request in this turn of the loop; returns its answer, or why there is none."""
        answered: asyncio.Future[Message | Unanswered] = asyncio.get_running_loop().create_future()
        sending = self._routes.request(destination, octets, ANSWER_SECONDS, answered.set_result)
        if sending is Sending.BUSY:
            return CROWDED
        if sending is Sending.NO_WAY:
            return NO_WAY
        answer = await answered
        if isinstance(answer, Unanswered):
            return Fate(Result.PUT_OFF, _UNANSWERED[answer])
        if answer.group.first("Result-Code") in _OF_THE_TARGET:
            host = answer.group.first("Origin-Host") or ""
            if self._routes.has_ended_at(host, destination):
                fault = f"{host} took it for itself"
                return Fate(Result.PUT_OFF, fault, is_answered=True, seconds=1, is_attempt=False)
        return answer


async def quiet(session_id: bytes, is_busy: IsBusy) -> bool:
    """Waits until nothing of a session waits here; False: it takes too long."""
    left = BUSY_SECONDS_MAX
    while is_busy(session_id):
        if left <= 0:
            return False
        left -= BUSY_SECONDS
        await asyncio.sleep(BUSY_SECONDS)
    return True
