"""The Gy application: takes each request from its connection to `gy` and the lanes, and back."""

from collections.abc import Callable, Mapping
from functools import partial

import structlog

from ..base.capabilities import LocalNode
from ..base.errors import DiameterError, TooBusy, UnableToComply
from ..base.events import RequestReceived
from ..base.message import Message, error_answer
from ..base.message import decode as decode_message
from ..base.strict import refusal
from ..charging.decisions import Decision, Edr, Novelty
from ..charging.requests import RequestType, session_id_text
from ..charging.session import CloseReason
from ..gy.asked import on_terms
from ..gy.decode import Decoded
from ..gy.encode import Encoder, result_code
from ..gy.remembered import Remembered
from ..gy.strict import ERRORS
from ..gy.terms import AnswerTerms
from ..handlers.credit_control import Fault
from ..handlers.lanes import Lanes
from ..handlers.spooling import SESSION_ID_LOGGED
from ..jobs.clocks import MovedClock
from ..observability import Metrics, SparingLog
from ..transport.connection import Connection
from ..transport.peers import PeerTable
from .moved import Decodes, in_world_time

log = structlog.get_logger()

TENANTS_REMEMBERED = 1024
"""Combinations of hosts and realms of which it is remembered whose they are."""
TENANT_NAMES_LENGTH_MAX = 1024
"""Characters of the names of such a combination; longer ones are looked up each time."""

FAULTS: dict[Fault, DiameterError] = {
    Fault.TOO_BUSY: TooBusy("the server or its database is overloaded: try again"),
    Fault.CATALOGUE_UNREADABLE: TooBusy(
        "this server is older than the tenant's catalogue and cannot read it: ask another one"
    ),
    Fault.UNABLE_TO_COMPLY: UnableToComply("the request cannot be decided"),
}


class CreditControl:
    """The Gy application: from a message to its answer (RFC 8506).

    `answers` says how peers are answered, by their profiles.
    """

    def __init__(
        self,
        lanes: Lanes,
        peers: PeerTable,
        decoder: Decodes,
        local: LocalNode,
        metrics: Metrics,
        answers: Mapping[str, AnswerTerms],
    ) -> None:
        self._lanes = lanes
        self._clock = lanes.clock
        self._moved = lanes.clock if isinstance(lanes.clock, MovedClock) else None
        self._peers = peers
        self._decoder = decoder
        self._dictionary = local.dictionary
        self._identity = local.identity
        self._encoders: dict[str | None, Encoder] = {
            None: Encoder(self._dictionary, self._identity)
        }
        for profile, terms in answers.items():
            self._encoders[profile] = Encoder(self._dictionary, self._identity, terms)
        self._metrics = metrics
        self._tenants: Remembered[tuple[str, ...], tuple[str | None]] = Remembered(
            TENANTS_REMEMBERED
        )
        self._counted: dict[tuple[RequestType, int], Callable[[], None]] = {}
        self._refusals = SparingLog("request refused")
        self._replaced = SparingLog("session replaced")

    def take(self, connection: Connection, received: RequestReceived) -> None:
        """Decodes a request and sends it down; a request that says nothing useful is answered."""
        message = received.message
        try:
            tenant = self._tenant_of(connection, message)
            decoded = self._decoder.decode(message, tenant, self._clock())
            if decoded.tolerated and connection.is_strict:
                raise refusal(message, decoded.tolerated, self._dictionary, ERRORS)
        except DiameterError as error:
            self._refuse(connection, message, error)
            return
        for kind in decoded.tolerated:
            connection.tolerate(kind)
        encoder = self._encoders[connection.profile]
        decoded = asked_on_terms(decoded, encoder)
        reply = partial(self._reply, connection, encoder, decoded)
        self._lanes.submit(decoded.request, reply, connection.answer_budget_seconds)

    def forget_tenants(self) -> None:
        """Asks anew whose requests are: there are other rules."""
        self._tenants.forget()

    def _tenant_of(self, connection: Connection, message: Message) -> str | None:
        """Returns whose request it is; while the rules stay as they are it is asked once."""
        facts = connection.facts
        assert facts is not None
        first = message.group.first
        origin = (first("Origin-Host") or "", first("Origin-Realm") or "")
        names = (*origin, first("Destination-Realm") or "", facts.origin_host, facts.origin_realm)
        known = self._tenants.get(names)
        if known is None:
            known = (self._peers.tenant_of(origin, names[2], names[3:]),)
            if sum(map(len, names)) <= TENANT_NAMES_LENGTH_MAX:
                self._tenants.keep(names, known)
        return known[0]

    def _reply(
        self, connection: Connection, encoder: Encoder, decoded: Decoded, result: Decision | Fault
    ) -> None:
        if isinstance(result, Fault):
            message = decode_message(decoded.octets, self._dictionary)
            self._refuse(connection, message, FAULTS[result])
            return
        request = decoded.request
        self._count(request.request_type, result_code(result, decoded))
        if not result.edrs and result.novelty is Novelty.NEW:
            self._refusals.info(
                log,
                reason=result.outcome.name.lower(),
                identities=[identity.value for identity in request.identities],
                session_id=session_id_text(request.session_key.session_id, SESSION_ID_LOGGED),
            )
        if len(result.edrs) > 1:
            self._count_replaced(result.edrs)
        if self._moved is not None:
            result = in_world_time(result, self._moved.ahead)
        self._send(connection, encoder.encode(result, decoded))

    def _count_replaced(self, edrs: tuple[Edr, ...]) -> None:
        """Counts and logs sessions that end because their gateway began anew."""
        for edr in edrs:
            if edr.reason == CloseReason.REPLACED:
                self._metrics.sessions_abandoned.labels(edr.reason).inc()
                self._replaced.info(
                    log, account_id=edr.account_id, session_number=edr.session_number
                )

    def _count(self, request_type: RequestType, code: int) -> None:
        """Counts an answer; what a kind of answers is counted by is looked up once."""
        count = self._counted.get((request_type, code))
        if count is None:
            count = self._metrics.requests.labels(request_type.name.lower(), str(code)).inc
            self._counted[request_type, code] = count
        count()

    def _refuse(self, connection: Connection, message: Message, error: DiameterError) -> None:
        self._metrics.refusals.labels(str(error.result_code)).inc()
        peer = None if connection.facts is None else connection.facts.origin_host
        self._refusals.info(log, peer=peer, result_code=error.result_code, reason=str(error))
        self._send(connection, error_answer(message, self._dictionary, self._identity, error))

    def _send(self, connection: Connection, answer: bytes) -> None:
        if not connection.answer(answer):
            self._metrics.answers_dropped.labels("no connection").inc()


def asked_on_terms(decoded: Decoded, encoder: Encoder) -> Decoded:
    """Returns the request of a gateway that is answered on an encoder's terms."""
    return on_terms(decoded, encoder.terms) if encoder.changes_requests else decoded
