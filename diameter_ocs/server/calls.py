"""Has gateways ask for their quotas again, and end sessions (RFC 8506 section 5.5)."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

import structlog

from ..base.message import retransmitted
from ..charging.delivery import CalledSession, Claimed, Fate, OutboxRow, Result
from ..charging.outbox import OutboxKind, Outgoing
from ..charging.supervision import close_forgotten
from ..gy.reauth import Caller, Client, Reaction, reaction
from ..handlers.supervision import Look
from ..observability import SparingLog
from ..transport.routes import Destination
from .sending import BUSY, Correspondence, IsBusy, quiet

log = structlog.get_logger()

UNKNOWN_SECONDS = 10.0
"""How long a gateway that knows no such session may still ask for it."""
UNKNOWN = "its gateway knows no such session: it is closed unless a request follows"
DONE = Fate(Result.DELIVERED)
GONE = Fate(Result.DROPPED)
_TAKEN = frozenset({Reaction.DONE, Reaction.ASKS_AGAIN, Reaction.SESSION_UNKNOWN})


class Sessions(Protocol):
    """Where the open sessions are."""

    async def open_sessions(self, group_id: int, account_id: int) -> Sequence[CalledSession]:
        """Returns the open credit-control sessions of an account."""


Decide = Callable[[Sequence[Look]], Awaitable[Sequence[Look]]]
"""Decides about sessions in the place of their gateways; returns what was decided."""


class Calls:
    """Delivers calls to ask again, as RAR."""

    def __init__(
        self,
        correspondence: Correspondence,
        caller: Caller,
        sessions: Sessions,
        is_busy: IsBusy,
        decide: Decide,
    ) -> None:
        self._correspondence = correspondence
        self._caller = caller
        self._sessions = sessions
        self._is_busy = is_busy
        self._decide = decide
        self._unsupported = SparingLog("call to ask again not supported")

    def serves(self, target: str) -> bool:
        """Says that any server finds out who is called of an account."""
        return not target

    async def deliver(self, claimed: Claimed) -> Fate:
        """Calls one session, or finds out which sessions of an account are called."""
        if claimed.head.session_number is None:
            return await self._expand(claimed)
        session = claimed.session
        if not isinstance(session, CalledSession):
            return GONE
        said_at = _said_unknown_at(claimed.head)
        if said_at is None:
            return await self._call(claimed, session)
        if session.last_request_at <= said_at:
            return await self._close(claimed, session, said_at)
        if claimed.rows[-1].fault == UNKNOWN:
            return GONE
        return await self._call(claimed, session)

    async def _expand(self, claimed: Claimed) -> Fate:
        """Has a row for each session leave in the place of those for the account."""
        head = claimed.head
        wanted: set[int] = set()
        for row in claimed.rows:
            wanted.update(row.content["sessions"] or ())
        is_all = any(row.content["sessions"] is None for row in claimed.rows)
        reason = claimed.rows[-1].content["reason"]
        called = [
            Outgoing(
                OutboxKind.REAUTHORIZATION,
                head.account_id,
                {"reason": reason},
                session.origin_host,
                session.origin_realm,
                session.number,
                session.key.session_id,
            )
            for session in await self._sessions.open_sessions(head.group_id, head.account_id)
            if is_all or session.number in wanted
        ]
        return Fate(Result.EXPANDED, instead=tuple(called))

    async def _call(self, claimed: Claimed, session: CalledSession) -> Fate:
        key, host, realm = session.key, session.origin_host, session.origin_realm
        if not await quiet(key.session_id, self._is_busy):
            return BUSY
        client = Client(key.session_id, host, realm, key.sub_session_id)
        octets = self._caller.reauthorization(client, claimed.end_to_end_id)
        if claimed.was_sent:
            octets = retransmitted(octets)
        destination = Destination(host, realm, self._caller.application_id)
        answer = await self._correspondence.ask(destination, octets)
        if isinstance(answer, Fate):
            return answer
        said = reaction(answer, client)
        if said is Reaction.SESSION_UNKNOWN:
            return Fate(Result.PUT_OFF, UNKNOWN, is_answered=True, seconds=UNKNOWN_SECONDS)
        if said is Reaction.UNSUPPORTED:
            self._unsupported.info(log, peer=host)
            return GONE
        return _fate(said, answer.group.first("Result-Code"))

    async def _close(self, claimed: Claimed, session: CalledSession, said_at: int) -> Fate:
        """Closes a session that its gateway does not know, unless it is asking after all."""
        if not await quiet(session.key.session_id, self._is_busy):
            return BUSY
        decide = partial(close_forgotten, session.number, said_at)
        if await self._decide([Look(claimed.head.group_id, session.key, decide)]):
            return GONE
        return BUSY


class Aborts:
    """Delivers the end of sessions, as ASR; a gateway that does not know that is called instead.

    Its request is answered then as one of a session that has ended.
    """

    def __init__(
        self,
        correspondence: Correspondence,
        caller: Caller,
        is_busy: IsBusy,
        next_identifier: Callable[[], int],
    ) -> None:
        self._correspondence = correspondence
        self._caller = caller
        self._is_busy = is_busy
        self._next_identifier = next_identifier

    def serves(self, target: str) -> bool:
        """Says that all of them go to peers."""
        return False

    async def deliver(self, claimed: Claimed) -> Fate:
        """Ends one session."""
        head = claimed.head
        session_id, realm = head.session_id or b"", head.realm or ""
        if not await quiet(session_id, self._is_busy):
            return BUSY
        client = Client(session_id, head.target, realm)
        octets = self._caller.abort(client, claimed.end_to_end_id)
        said = await self._ask(client, retransmitted(octets) if claimed.was_sent else octets)
        if said == Reaction.UNSUPPORTED:
            call = self._caller.reauthorization(client, self._next_identifier())
            said = await self._ask(client, call)
        return said if isinstance(said, Fate) else _fate(said)

    async def _ask(self, client: Client, octets: bytes) -> Reaction | Fate:
        destination = Destination(
            client.origin_host, client.origin_realm, self._caller.application_id
        )
        answer = await self._correspondence.ask(destination, octets)
        return answer if isinstance(answer, Fate) else reaction(answer, client)


def _said_unknown_at(row: OutboxRow) -> int | None:
    """Returns when a gateway said that it knows no such session; None: it has not."""
    return row.due_at - int(UNKNOWN_SECONDS * 1e6) if row.fault == UNKNOWN else None


def _fate(said: Reaction, code: int | None = None) -> Fate:
    if said in _TAKEN:
        return DONE
    fault = f"its gateway said {code or said}"
    if said is Reaction.NOT_DELIVERED:
        return Fate(Result.PUT_OFF, fault, is_answered=True)
    return Fate(Result.GIVEN_UP, fault, is_answered=True)
