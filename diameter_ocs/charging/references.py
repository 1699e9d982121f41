"""Which EDRs may be those that a request wants refunded: what a store has to look for."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from .decisions import EVENT_ACTIONS, REVERSAL, Edr, parse_edr_name
from .requests import ChargingRequest, EventAction, SessionKey
from .session import ClosedSession, Session

CORRELATED_MICROSECONDS = 48 * 3600 * 1_000_000
"""How long an event is found by its CC-Correlation-Id."""

UNDOING = (EVENT_ACTIONS[EventAction.REFUND], REVERSAL)
"""What EDRs are called by which others are given back, in part or whole."""


class Reference(NamedTuple):
    """Which EDRs of a group are looked for in a span of time, both ends included.

    With them come all UNDOING ones since its beginning.
    """

    since: int
    until: int
    number: int | None = None
    session_number: int | None = None
    correlation_id: bytes | None = None

    def means(self, edr: Edr) -> bool:
        """Is an EDR one of those?"""
        if edr.action in UNDOING:
            return self.since <= edr.at
        return self.since <= edr.at <= self.until and (
            edr.number == self.number
            or (edr.session_number is not None and edr.session_number == self.session_number)
            or (edr.correlation_id is not None and edr.correlation_id == self.correlation_id)
        )


def references_of(
    request: ChargingRequest,
    group_id: int,
    sessions: Mapping[SessionKey, Session],
    closed: Mapping[SessionKey, ClosedSession],
    now: int,
) -> Iterator[Reference]:
    """Yields all that a request names to be refunded or taken back, given the sessions of its name.

    What it was marked with by an answer is good for as long as the journal is kept; by its session
    something is found as long as that is remembered.
    """
    for marked in request.refunds:
        name = parse_edr_name(marked.decode(errors="replace"))
        if name is not None and name.group_id == group_id:
            yield Reference(name.at, name.at, number=name.number)
    if request.action is not EventAction.REFUND:
        return
    if request.correlation_id is not None:
        since = now - CORRELATED_MICROSECONDS
        yield Reference(since, now, correlation_id=request.correlation_id)
    session = sessions.get(request.session_key)
    if session is None and request.session_key in closed:
        session = closed[request.session_key].session
    if session is not None:
        until = max(session.last_request_at, now)
        yield Reference(session.opened_at, until, session_number=session.number)
