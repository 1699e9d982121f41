"""A group of accounts in the store without a database."""

from collections.abc import Mapping, Sequence

from ..charging.accounts import Opening
from ..charging.case import Account
from ..charging.decisions import ACTIONS, Edr
from ..charging.ledger import Balance
from ..charging.repeats import asked_again
from ..charging.requests import ChargingRequest, SessionKey
from ..charging.session import ClosedSession, Session


class Group:
    """The rows of one group of accounts."""

    def __init__(self, tenant: str, opening: Opening) -> None:
        self.tenant = tenant
        self.version = opening.edr.number
        self.last_at = opening.edr.at
        self.account: Account = opening.account
        self.identities = opening.identities
        self.balances: dict[int, Balance] = {balance.id: balance for balance in opening.balances}
        self.sessions: dict[SessionKey, Session] = {}
        self.closed: dict[SessionKey, ClosedSession] = {}
        self.edrs: list[Edr] = [opening.edr]


def answered(
    group: Group,
    requests: Sequence[ChargingRequest],
    opened: Mapping[SessionKey, Session],
    closed: Mapping[SessionKey, ClosedSession],
) -> dict[int, tuple[Edr, ...]]:
    """Returns by session the EDRs of requests that may be asked again."""
    found: dict[int, tuple[Edr, ...]] = {}
    for request in requests:
        session = asked_again(request, opened, closed)
        if session is None:
            continue
        named = session.number, ACTIONS[request.request_type], request.request_number
        same = [
            edr
            for edr in group.edrs
            if (edr.session_number, edr.action, edr.request_number) == named
        ]
        known = found.get(session.number, ())
        found[session.number] = (*known, *(edr for edr in same if edr not in known))
    return {number: edrs for number, edrs in found.items() if edrs}
