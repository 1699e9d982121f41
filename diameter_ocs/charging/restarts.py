"""Gateways that lost their sessions: they count it in Origin-State-Id (RFC 6733 section 8.16)."""

from collections.abc import Sequence
from typing import NamedTuple

from .case import Case
from .decisions import Decision
from .requests import SessionKey
from .session import CloseReason, Session
from .supervision import close


class GatewayState(NamedTuple):
    """The greatest count that a gateway has told."""

    origin_host: str
    """In lower case."""
    origin_state_id: int
    seen_at: int
    """When it was told first, microseconds since 1970."""


Place = tuple[int, int]
"""Group and number of a session: all are gone through in this order."""
START: Place = (-1, -1)


class Search(NamedTuple):
    """How far the open sessions have been gone through for those that a gateway has lost."""

    state: GatewayState
    after: Place
    """The last that was looked at."""
    leased_until: int
    """By then another process may go on, microseconds since 1970."""


class Slice(NamedTuple):
    """Some of the open sessions, in their order."""

    left_behind: Sequence[tuple[int, SessionKey]]
    """Those that the gateway has lost: (group, session)."""
    last: Place | None
    """None: there were none."""


def close_left_behind(key: SessionKey, state: GatewayState, case: Case) -> Decision | None:
    """Closes a session that its gateway has lost.

    None: it is not open any more, or was not lost.
    """
    session = case.sessions.get(key)
    if session is None or not is_left_behind(session, state):
        return None
    return close(session, CloseReason.GATEWAY_RESTARTED, case)


def is_left_behind(session: Session, state: GatewayState) -> bool:
    """Was a session opened under a smaller count, and never spoken of since?

    Whatever a gateway goes on with it has not lost. Of one that told no count nobody knows.
    """
    opened_under = session.origin_state_id
    return (
        opened_under is not None
        and opened_under < state.origin_state_id
        and session.origin_host.lower() == state.origin_host
        and session.last_request_at < state.seen_at
    )
