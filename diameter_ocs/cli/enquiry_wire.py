"""The requests and answers of an enquiry, as a gateway would send them and get them.

They are written as steps of `simulate pgw`, become octets and are read again by `gy`: so what is
asked is what a gateway asks, and what is printed is what it gets.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

from ..base.errors import DiameterError
from ..base.message import Identity as Node
from ..base.message import decode, error_answer
from ..charging.decisions import Decision
from ..charging.requests import Identity, IdentityKind, session_id_text
from ..charging.session import Session
from ..gy.decode import Decoded, Decoder
from ..gy.encode import Encoder
from ..gy.terms import AnswerTerms
from ..handlers.credit_control import Fault
from ..server.application import asked_on_terms
from ..server.dictionaries import server_dictionary
from ..server.door import FAULTS
from ..server.numbering import numbering_tables
from ..simulator import encoding
from ..simulator.answers import Answer, read_answer
from ..simulator.encoding import RequestKeys, Subscriber, credit_control_request
from ..simulator.errors import StepError
from ..simulator.steps import RequestedAction, RequestType, Step, parse_steps

GATEWAY = encoding.Identity("gateway.invalid", "invalid", "invalid")
"""Who asks, where no session says who would go on with it."""
SERVER = Node("enquiry.invalid", "invalid")
UNPLACED = "location= network= sgsn= access="
"""The settings of a subscriber of whose home network nothing is known."""
UNCHANGED = f"{UNPLACED} apn= rat= calling= called="
"""And of a session that goes on: what was said before holds."""
SESSION_KINDS = (RequestType.UPDATE, RequestType.TERMINATE)


class Subject(NamedTuple):
    """Whose requests they are, and who would charge them."""

    tenant: str | None
    identities: tuple[Identity, ...]
    session: Session | None = None
    """The open one that they go on with; None: they begin anew."""

    def named(self, kind: IdentityKind) -> str | None:
        """Returns the first identity of a kind."""
        return next((each.value for each in self.identities if each.kind is kind), None)


class Treatment(NamedTuple):
    """How a gateway is treated."""

    private_contexts: Mapping[str, str]
    """What Service-Context-Ids of a maker's own mean."""
    terms: AnswerTerms


class Sent(NamedTuple):
    """A request, or why it could not be read."""

    step: Step
    keys: RequestKeys
    octets: bytes
    read: Decoded | DiameterError


class Wire:
    """Writes requests of a subject and reads the answers, without a connection."""

    def __init__(self, subject: Subject, treatment: Treatment, now: int) -> None:
        self._subject = subject
        self._now = now
        self._dictionary = server_dictionary()
        contexts, terms = treatment
        self._decoder = Decoder(self._dictionary, numbering_tables(), contexts)
        self._encoder = Encoder(self._dictionary, SERVER, terms)

    def send(self, words: Sequence[str]) -> list[Sent]:
        """Returns the requests of steps.

        Raises:
            StepError: a step is written wrongly, or cannot go on with the session.
        """
        steps = parse_steps([*self._settings(), *words])
        session = self._subject.session
        for step in steps:
            if session is not None and step.request_type not in SESSION_KINDS:
                raise StepError("a session that is open goes on by update and terminate alone")
        if not steps:
            raise StepError("nothing is asked: write a step, as initial:rg=300/request")
        return [self._sent(step, keys) for step, keys in zip(steps, self._keys(steps), strict=True)]

    def read(self, sent: Sent, result: Decision | Fault | None) -> Answer:
        """Returns the answer to a request; None: it could not be read."""
        fault = FAULTS[result] if isinstance(result, Fault) else sent.read
        if isinstance(fault, DiameterError):
            message = decode(sent.octets, self._dictionary)
            octets = error_answer(message, self._dictionary, SERVER, fault)
        else:
            assert isinstance(result, Decision), "what was read was decided"
            octets = self._encoder.encode(result, fault)
        return read_answer(octets, sent.keys, sent.step.request_type)

    def _settings(self) -> list[str]:
        """Returns what the requests say of their service where nothing else is written."""
        session = self._subject.session
        if session is not None:
            context = session.service_context
            direction = session.circumstances.information.direction
            settings = [] if context is None else [f"context={context}"]
            settings += [] if direction is None else [f"role={direction.name.lower()}"]
            return [UNCHANGED, *settings]
        return [] if self._subject.named(IdentityKind.IMSI) else [UNPLACED]

    def _keys(self, steps: Sequence[Step]) -> list[RequestKeys]:
        """Returns what tells the requests from each other.

        An event is a session of its own, but for a refund that goes on with the last one paid.
        """
        session = self._subject.session
        name, number, paid = f"{GATEWAY.origin_host};0", 0, None
        if session is not None:
            name, number = session_id_text(session.key.session_id), session.request_number + 1
        found = []
        for at, step in enumerate(steps, start=1):
            own = f"{GATEWAY.origin_host};{at}"
            if step.request_type is RequestType.EVENT:
                is_refund = step.action is RequestedAction.REFUND_ACCOUNT
                found.append(self._key((is_refund and paid) or own, at - 1, at))
                paid = own if step.action is RequestedAction.DIRECT_DEBITING else paid
                continue
            if step.request_type is RequestType.INITIAL:
                name, number = own, 0
            found.append(self._key(name, number, at))
            number += 1
        return found

    def _key(self, session_id: str, number: int, at: int) -> RequestKeys:
        bearer = crc32(session_id.encode()) | 1
        return RequestKeys(session_id, bearer, number, at, at, self._now // 1_000_000)

    def _sent(self, step: Step, keys: RequestKeys) -> Sent:
        subject, session = self._subject, self._subject.session
        subscriber = Subscriber(
            subject.named(IdentityKind.IMSI) or Subscriber().imsi,
            subject.named(IdentityKind.MSISDN) or Subscriber().msisdn,
        )
        octets = credit_control_request(GATEWAY, subscriber, step, keys)
        try:
            decoded = self._decoder.decode(
                decode(octets, self._dictionary), subject.tenant, self._now
            )
        except DiameterError as error:
            return Sent(step, keys, octets, error)
        request = decoded.request._replace(identities=subject.identities)
        if session is not None:
            request = request._replace(
                session_key=session.key,
                origin_host=session.origin_host,
                origin_realm=session.origin_realm,
            )
        decoded = asked_on_terms(decoded._replace(request=request), self._encoder)
        return Sent(step, keys, octets, decoded)
