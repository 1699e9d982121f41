"""Take back what an event was charged that was stored too late to be answered.

The reversal is an EDR of the same name, newer than the event's: who repeats the event later finds
it first, and is charged anew.

A refund stands: its client asks again until it is answered, and gets the same; to charge again what
was given back might find nothing to pay it with, and no charge is refunded twice.
"""

from .case import Case
from .decisions import (
    ANSWERED,
    EVENT_ACTIONS,
    REVERSAL,
    Decision,
    Edr,
    EdrKind,
    Outcome,
    ServiceRecord,
    Settlement,
    Stored,
)
from .ledger import Ledger
from .refunds import refunded
from .requests import ChargingRequest, EventAction
from .session import ClosedSession, CloseReason, Session

_DEBITED = EVENT_ACTIONS[EventAction.DEBIT]


def reverse_unclaimed(request: ChargingRequest, stored: Stored, case: Case) -> Decision | None:
    """Gives back what an event was charged of which an EDR was stored.

    None: there is nothing to give back, it was answered since, or the tenant has it stand.
    """
    session = _named(request, case)
    event = _open(session, stored, case)
    if session is None or event is None:
        return None
    if not case.catalogue.session_rules.reverses_unclaimed_events:
        return None
    ledger = Ledger(case.balances)
    for posting in event.postings:
        if posting.balance_id in case.balances:
            ledger.give_back(posting.balance_id, posting.used)
    reversal = event._replace(
        number=case.version + 1,
        at=case.now,
        action=REVERSAL,
        postings=ledger.postings(),
        session_id=request.session_key.session_id,
        catalogue_version=case.catalogue.version,
        services=tuple([_undone(record) for record in event.services]),
        reason=CloseReason.UNCLAIMED,
        circumstances=session.circumstances,
    )
    return _heard_of(request, case)._replace(edrs=(reversal,), balances=ledger.changed_balances())


def mark_event_answered(request: ChargingRequest, stored: Stored, case: Case) -> Decision | None:
    """Notes in the journal that an event was answered after all: no server reverses it.

    Several events may have one name; only the journal tells which of them it was. None: nothing is
    remembered of it, or it is noted already.
    """
    session = _named(request, case)
    event = _open(session, stored, case)
    if session is None or event is None:
        return None
    mark = event._replace(
        number=case.version + 1,
        at=case.now,
        kind=EdrKind.CHARGING,
        action=ANSWERED,
        postings=(),
        session_id=request.session_key.session_id,
        catalogue_version=case.catalogue.version,
        services=(),
        circumstances=session.circumstances,
    )
    return _heard_of(request, case)._replace(edrs=(mark,))


def _open(session: Session | None, stored: Stored, case: Case) -> Edr | None:
    """Returns an event that was charged and about which nothing was noted since; None: no such."""
    answered = () if session is None else case.answered.get(session.number, ())
    event = next((edr for edr in answered if edr.stored == stored), None)
    if event is None or event.outcome is not Outcome.SUCCESS or event.action != _DEBITED:
        return None
    if stored in refunded(case):
        return None  # who has it refunded knows of it
    said = event.message
    is_noted = any(
        edr.action in (REVERSAL, ANSWERED) and edr.number > event.number and edr.message == said
        for edr in answered
    )
    return None if is_noted else event


def _named(request: ChargingRequest, case: Case) -> Session | None:
    """Returns the session whose name the event has, open or ended."""
    closed = case.closed.get(request.session_key)
    return case.sessions.get(request.session_key) or (closed.session if closed else None)


def _heard_of(request: ChargingRequest, case: Case) -> Decision:
    """Returns the decision that moves the time up to which the journal of a name is read."""
    session = _named(request, case)
    assert session is not None
    heard_at = max(case.now, session.last_request_at + 1)
    session = session._replace(last_request_at=heard_at)
    if request.session_key in case.sessions:
        return Decision(Outcome.SUCCESS, session=session)
    closed = case.closed[request.session_key]
    # Of two records of one name the newer is read, though the clock may stand still.
    closed_at = max(case.now, closed.closed_at + 1)
    return Decision(Outcome.SUCCESS, closed=(ClosedSession(session, closed_at, closed.reason),))


def _undone(record: ServiceRecord) -> ServiceRecord:
    """Returns a service as the journal says that none of it was used, and nothing is granted."""
    undone = Settlement(*[-amount for amount in record.settlement])
    return record._replace(settlement=undone, grant=None)
