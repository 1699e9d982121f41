"""The Sy application: takes each request from its connection to `sy` and its handler, and back."""

from collections.abc import Callable
from functools import partial

import structlog

from ..base.errors import DiameterError
from ..base.events import RequestReceived
from ..base.strict import TEXT_ERRORS, refusal
from ..charging.bounded import keep
from ..charging.requests import session_id_text
from ..charging.spending_limits import (
    SpendingLimitAnswer,
    SpendingLimitEnd,
    SpendingLimitOutcome,
    SpendingLimitRequest,
)
from ..handlers.credit_control import Fault
from ..handlers.spending_limits import SpendingLimits
from ..handlers.spooling import SESSION_ID_LOGGED
from ..jobs.clocks import MovedClock, wall_clock
from ..sy.decode import Decoded, decode
from ..sy.encode import Encoder, result_code
from ..transport.connection import Connection
from .door import FAULTS, Door
from .moved import foreseen_in_world_time

log = structlog.get_logger()

ANSWERED_REMEMBERED = 20_000
"""Sessions of which it is remembered when they were answered last: some seconds of them."""


class SpendingLimitControl:
    """The Sy application: from a message to its answer (TS 29.219)."""

    def __init__(self, limits: SpendingLimits, door: Door, clock: Callable[[], int]) -> None:
        self._limits = limits
        self._door = door
        self._encoder = Encoder(door.dictionary, door.identity)
        self._moved = clock if isinstance(clock, MovedClock) else None
        self._answered: dict[bytes, int] = {}

    def is_busy(self, session_id: bytes, since: int) -> bool:
        """Does a request of a session wait for its answer, or was it answered since a moment?

        The moment is of the clock of the machine, some seconds ago at most.
        """
        answered_at = self._answered.get(session_id, 0)
        return self._limits.is_busy(session_id) or answered_at >= since

    def take(self, connection: Connection, received: RequestReceived) -> None:
        """Decodes a request and sends it down; a request that says nothing useful is answered."""
        message, door = received.message, self._door
        try:
            decoded = decode(message, door.tenant_of(connection, message), door.dictionary)
            if decoded.tolerated and connection.is_strict:
                raise refusal(message, decoded.tolerated, door.dictionary, TEXT_ERRORS)
        except DiameterError as error:
            door.refuse(connection, message, error)
            return
        for kind in decoded.tolerated:
            connection.tolerate(kind)
        reply = partial(self._reply, connection, decoded)
        self._limits.submit(decoded.request, reply, connection.answer_budget_seconds)

    def _reply(
        self, connection: Connection, decoded: Decoded, result: SpendingLimitAnswer | Fault
    ) -> None:
        door = self._door
        if isinstance(result, Fault):
            door.refuse(connection, decoded.message, FAULTS[result])
            return
        request, outcome = decoded.request, result.outcome
        code = str(result_code(outcome))
        door.metrics.requests.labels(_kind(request), code).inc()
        if outcome is not SpendingLimitOutcome.SUCCESS:
            names = request.identities if isinstance(request, SpendingLimitRequest) else ()
            door.refusals.info(
                log,
                reason=outcome.name.lower(),
                identities=[identity.value for identity in names],
                session_id=session_id_text(request.session_id, SESSION_ID_LOGGED),
            )
        if self._moved is not None:
            statuses = foreseen_in_world_time(result.statuses, self._moved.ahead)
            result = result._replace(statuses=statuses)
        self._answered.pop(request.session_id, None)
        keep(self._answered, request.session_id, wall_clock(), ANSWERED_REMEMBERED)
        door.send(connection, self._encoder.encode(result, decoded))


def _kind(request: SpendingLimitRequest | SpendingLimitEnd) -> str:
    """Returns what requests are counted as."""
    if isinstance(request, SpendingLimitEnd):
        return "spending_limit_end"
    return f"spending_limit_{'initial' if request.is_initial else 'intermediate'}"
