"""What is taken for granted of a session that begins, so that nothing has to be read for it.

Whom its request names is remembered, and its name is taken for a new one; the statement that stores
what was decided does nothing when that is not so.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ..charging.bounded import keep
from ..charging.case import Case
from ..charging.identification import other_identity
from ..charging.requests import ChargingRequest, Identity, RequestType
from .database import Row
from .resolving import Directory
from .sessions import digest

NAMES_REMEMBERED = 100_000
"""Combinations of identities; the oldest are forgotten first."""
IDENTITIES_MAX = 8
LENGTH_MAX = 256
"""Identities of a combination that is remembered, and the characters of all of them."""
NOBODY = 0
"""Stands for the account of an identity that nobody has."""

Accounts = tuple[int, ...]
"""The account of each identity of a combination."""


class Presumed(NamedTuple):
    """A request that begins a session, and whom it names if nothing has changed."""

    group_id: int
    request: ChargingRequest
    accounts: Accounts


class Names:
    """Whom combinations of identities named when they were read, all of one group."""

    def __init__(self) -> None:
        self._known: dict[tuple[Identity, ...], tuple[int, Accounts]] = {}

    def forget(self) -> None:
        """Forgets everything: it may have been another database that said so."""
        self._known.clear()

    def remember(self, group_id: int, request: ChargingRequest, directory: Directory) -> None:
        """Takes what the directory says of a request, if it names nobody in any other group."""
        identities = request.identities
        self._known.pop(identities, None)
        length = sum([len(identity.value) for identity in identities])
        if len(identities) > IDENTITIES_MAX or length > LENGTH_MAX:
            return
        accounts = []
        for identity in identities:
            found = directory.get(identity, ())
            if len(found) > 1 or any(group != group_id for _, group, _ in found):
                return
            accounts.append(found[0][2] if found else NOBODY)
        keep(self._known, identities, (group_id, tuple(accounts)), NAMES_REMEMBERED)

    def presumed(self, group_id: int, request: ChargingRequest, case: Case) -> Presumed | None:
        """Returns what may be taken for granted of a request; None: it has to be read.

        What was sent before, or takes the place of a session that is open, begins no new one; and
        who is called has to be looked up.
        """
        was_sent_before = request.is_retransmission or request.is_spooled
        if request.request_type is not RequestType.INITIAL or was_sent_before:
            return None
        known_group, accounts = self._known.get(request.identities, (NOBODY, ()))
        if known_group != group_id or request.session_key in case.sessions:
            return None
        bearer = request.charging_id
        if bearer is not None and any(s.charging_id == bearer for s in case.sessions.values()):
            return None
        if other_identity(request.information) is not None:
            return None
        return Presumed(group_id, request, accounts)


def presumed_rows(presumed: Iterable[Presumed], until: int) -> Mapping[str, list[Row]]:
    """Returns the rows of APPLY_PRESUMING for what was taken for granted.

    `until` bounds, in microseconds since 1970, when a session may have ended.
    """
    named: set[Row] = set()
    begun: list[Row] = []
    ended: list[Row] = []
    for group_id, request, accounts in presumed:
        for identity, account_id in zip(request.identities, accounts, strict=True):
            group = NOBODY if account_id == NOBODY else group_id
            named.add((int(identity.kind), identity.value, group, account_id))
        name = digest(request.session_key)
        begun.append((group_id, name, request.charging_id or 0))
        ended.append((group_id, name, until))
    return {"misnamed": sorted(named), "open": begun, "remembered": ended}
