"""The Gy application: takes each request from its connection to `gy` and the lanes, and back."""

from collections.abc import Callable, Mapping
from functools import partial

import structlog

from ..base.errors import DiameterError
from ..base.events import RequestReceived
from ..base.message import decode as decode_message
from ..base.strict import refusal
from ..charging.decisions import Decision, Edr, Novelty
from ..charging.requests import RequestType, session_id_text
from ..charging.session import CloseReason
from ..gy.asked import on_terms
from ..gy.decode import Decoded
from ..gy.encode import Encoder, result_code
from ..gy.strict import ERRORS
from ..gy.terms import AnswerTerms
from ..handlers.credit_control import Fault
from ..handlers.lanes import Lanes
from ..handlers.spooling import SESSION_ID_LOGGED
from ..jobs.clocks import MovedClock
from ..observability import SparingLog
from ..transport.connection import Connection
from .door import FAULTS, Door
from .moved import Decodes, in_world_time

log = structlog.get_logger()


class CreditControl:
    """The Gy application: from a message to its answer (RFC 8506).

    `answers` says how peers are answered, by their profiles.
    """

    def __init__(
        self,
        lanes: Lanes,
        door: Door,
        decoder: Decodes,
        answers: Mapping[str, AnswerTerms],
    ) -> None:
        self._lanes = lanes
        self._door = door
        self._clock = lanes.clock
        self._moved = lanes.clock if isinstance(lanes.clock, MovedClock) else None
        self._decoder = decoder
        named = door.dictionary, door.identity
        self._encoders: dict[str | None, Encoder] = {None: Encoder(*named)}
        for profile, terms in answers.items():
            self._encoders[profile] = Encoder(*named, terms)
        self._counted: dict[tuple[RequestType, int], Callable[[], None]] = {}
        self._replaced = SparingLog("session replaced")

    def take(self, connection: Connection, received: RequestReceived) -> None:
        """Decodes a request and sends it down; a request that says nothing useful is answered."""
        message = received.message
        try:
            tenant = self._door.tenant_of(connection, message)
            decoded = self._decoder.decode(message, tenant, self._clock())
            if decoded.tolerated and connection.is_strict:
                raise refusal(message, decoded.tolerated, self._door.dictionary, ERRORS)
        except DiameterError as error:
            self._door.refuse(connection, message, error)
            return
        for kind in decoded.tolerated:
            connection.tolerate(kind)
        encoder = self._encoders[connection.profile]
        decoded = asked_on_terms(decoded, encoder)
        reply = partial(self._reply, connection, encoder, decoded)
        self._lanes.submit(decoded.request, reply, connection.answer_budget_seconds)

    def _reply(
        self, connection: Connection, encoder: Encoder, decoded: Decoded, result: Decision | Fault
    ) -> None:
        if isinstance(result, Fault):
            message = decode_message(decoded.octets, self._door.dictionary)
            self._door.refuse(connection, message, FAULTS[result])
            return
        request = decoded.request
        self._count(request.request_type, result_code(result, decoded))
        if not result.edrs and result.novelty is Novelty.NEW:
            self._door.refusals.info(
                log,
                reason=result.outcome.name.lower(),
                identities=[identity.value for identity in request.identities],
                session_id=session_id_text(request.session_key.session_id, SESSION_ID_LOGGED),
            )
        if len(result.edrs) > 1:
            self._count_replaced(result.edrs)
        if self._moved is not None:
            result = in_world_time(result, self._moved.ahead)
        self._door.send(connection, encoder.encode(result, decoded))

    def _count_replaced(self, edrs: tuple[Edr, ...]) -> None:
        """Counts and logs sessions that end because their gateway began anew."""
        for edr in edrs:
            if edr.reason == CloseReason.REPLACED:
                self._door.metrics.sessions_abandoned.labels(edr.reason).inc()
                self._replaced.info(
                    log, account_id=edr.account_id, session_number=edr.session_number
                )

    def _count(self, request_type: RequestType, code: int) -> None:
        """Counts an answer; what a kind of answers is counted by is looked up once."""
        count = self._counted.get((request_type, code))
        if count is None:
            count = self._door.metrics.requests.labels(request_type.name.lower(), str(code)).inc
            self._counted[request_type, code] = count
        count()


def asked_on_terms(decoded: Decoded, encoder: Encoder) -> Decoded:
    """Returns the request of a gateway that is answered on an encoder's terms."""
    return on_terms(decoded, encoder.terms) if encoder.changes_requests else decoded
