"""When reservations expire and sessions are given up; times are microseconds since 1970."""

from .catalogue import SessionRules
from .session import Session

RESERVATION_SECONDS_MIN = 300
"""A reservation outlives its quota's validity at least so long after the grant."""
IMS_CONTEXTS = frozenset({"32260", "32275"})
"""The service contexts of calls in the IMS (TS 32.260) and its telephony (TS 32.275)."""
SECOND = 1_000_000


def reservation_expires_at(now: int, validity_seconds: int, holding_seconds: int = 0) -> int:
    """Returns when a quota granted now is taken back.

    Its client had twice its validity to come, and the time that it may hold an idle quota.
    """
    seconds = 2 * validity_seconds + holding_seconds
    return now + max(seconds, RESERVATION_SECONDS_MIN) * SECOND


def idle_at(session: Session, rules: SessionRules) -> int:
    """Returns when a session is given up unless something is heard of it."""
    is_ims = session.service_context in IMS_CONTEXTS
    seconds = rules.ims_idle_seconds if is_ims else rules.idle_seconds
    return session.last_request_at + seconds * SECOND


def supervise_at(session: Session, rules: SessionRules) -> int:
    """Returns when the first deadline of a session is reached."""
    first = idle_at(session, rules)
    for reservation in session.reservations:
        expires_at = reservation.expires_at
        if 0 < expires_at < first:
            first = expires_at
    return first


def look_early(now: int, deadline: int) -> int:
    """Returns when to look after a grant: earlier than its deadline, by a tenth of the time.

    The validity of grants is spread by so much: later ones end later than this, so that requests
    need not move it, which would cost a place in an index each time.
    """
    return deadline - (deadline - now) // 10
