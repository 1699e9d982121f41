"""Which open sessions a new one replaces: those of its name, and those of its bearer."""

from collections.abc import Mapping

from .requests import ChargingRequest, SessionKey
from .session import Session


def replaced_by(
    request: ChargingRequest, account_id: int, sessions: Mapping[SessionKey, Session]
) -> list[Session]:
    """Returns the sessions that end when a request opens one for an account, the oldest first.

    A gateway that opens a second session for a bearer has lost the first. Sub-sessions of one
    Session-Id share a bearer; so may services of different contexts.
    """
    key = request.session_key
    same_name = sessions.get(key)
    replaced = [] if same_name is None else [same_name]
    charging_id = request.charging_id
    if charging_id is not None and request.information.apn is not None:
        replaced += [
            session
            for session in sessions.values()
            if session.charging_id == charging_id
            and session.account_id == account_id
            and session.key.session_id != key.session_id
            and _is_served_alike(session, request)
        ]
        replaced.sort(key=lambda session: session.number)
    return replaced


def _is_served_alike(session: Session, request: ChargingRequest) -> bool:
    """Does the same gateway ask, for the same packet network and kind of service?"""
    return (
        session.origin_host.lower() == request.origin_host.lower()
        and session.circumstances.information.apn == request.information.apn
        and session.service_context == request.service_context
    )
