"""What is done about a session without being asked: expired quotas, sessions given up."""

from .case import Case
from .deadlines import idle_at, supervise_at
from .decisions import Decision, Edr, EdrKind, Outcome, ServiceRecord, Stored
from .progress import Progress
from .requests import SessionKey
from .services import NOTHING_USED
from .session import ClosedSession, CloseReason, Reservation, Session

RESERVATION_EXPIRED = "reservation_expired"
CLOSE = "close"


def supervise(key: SessionKey, case: Case) -> Decision | None:
    """Returns what has come due in an open session; None: it is not open any more.

    A session of which nothing was heard for too long is closed. Otherwise quotas whose time is over
    are released, and the session is looked at again when the next one's is.
    """
    session = case.sessions.get(key)
    if session is None:
        return None
    rules = case.catalogue.session_rules
    if idle_at(session, rules) <= case.now:
        return close(session, CloseReason.IDLE, case)
    expired = [each for each in session.reservations if 0 < each.expires_at <= case.now]
    progress = Progress(case, session)
    for reservation in expired:
        progress.expire(reservation)
    after = progress.session_now()
    after = after._replace(supervise_at=supervise_at(after, rules))
    if not expired:
        return Decision(Outcome.SUCCESS, session=after)
    edr = _edr(session, progress, "release", RESERVATION_EXPIRED, expired)
    balances = progress.ledger.changed_balances()
    return Decision(Outcome.SUCCESS, (), (edr,), after, (), balances)


def close_unclaimed(key: SessionKey, stored: Stored, case: Case) -> Decision | None:
    """Closes the session that was opened by an EDR and never was answered.

    None: it is not open any more, or its client has gone on with it.
    """
    session = case.sessions.get(key)
    if session is None or (session.number, session.opened_at) != stored:
        return None
    if session.last_request_at > session.opened_at:
        return None
    if not case.catalogue.session_rules.closes_unclaimed:
        return None
    return close(session, CloseReason.UNCLAIMED, case)


def mark_answered(key: SessionKey, case: Case) -> Decision | None:
    """Notes in a session that its opening was answered after all: no server closes it as unclaimed.

    None: it is not open any more, or it says so already.
    """
    session = case.sessions.get(key)
    if session is None or session.last_request_at > session.opened_at:
        return None
    heard_at = max(case.now, session.opened_at + 1)
    return Decision(Outcome.SUCCESS, session=session._replace(last_request_at=heard_at))


def close_forgotten(number: int, said_at: int, case: Case) -> Decision | None:
    """Closes the session of a number whose gateway said that it has none.

    None: it is not open any more, or its gateway has asked for it since.
    """
    for session in case.sessions.values():
        if session.number == number and session.last_request_at <= said_at:
            return close(session, CloseReason.FORGOTTEN, case)
    return None


def close_commanded(session: Session, actor: str, case: Case) -> Decision:
    """Closes a session because an operator says so."""
    decision = close(session, CloseReason.COMMANDED, case)
    (edr,) = decision.edrs
    return decision._replace(edrs=(edr._replace(action=CLOSE, actor=actor),))


def close(session: Session, reason: CloseReason, case: Case) -> Decision:
    """Closes a session without its client: everything it holds is released."""
    progress = Progress(case, session)
    progress.release_all()
    edr = _edr(session, progress, "abandoned", reason, session.reservations)
    closed = ClosedSession(progress.session_now(), case.now, reason)
    balances = progress.ledger.changed_balances()
    return Decision(Outcome.SUCCESS, (), (edr,), None, (closed,), balances)


def _edr(
    session: Session,
    progress: Progress,
    action: str,
    reason: str,
    released: tuple[Reservation, ...] | list[Reservation],
) -> Edr:
    """Returns the journal's record; its services are the quotas that were released."""
    case = progress.case
    return Edr(
        number=case.version + 1,
        at=case.now,
        account_id=session.account_id,
        kind=EdrKind.BILLING if action == "abandoned" else EdrKind.CHARGING,
        action=action,
        outcome=Outcome.SUCCESS,
        postings=progress.ledger.postings(),
        session_id=session.key.session_id,
        request_number=session.request_number,
        origin_host=session.origin_host,
        catalogue_version=session.catalogue_version,
        services=tuple(
            [
                ServiceRecord(
                    each.rating_group, each.service_identifiers, Outcome.SUCCESS, NOTHING_USED, None
                )
                for each in released
            ]
        ),
        session_number=session.number,
        reason=reason,
        circumstances=session.circumstances,
        charging_id=session.charging_id,
    )
