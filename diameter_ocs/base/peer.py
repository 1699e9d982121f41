"""The peer machine of the responder as a table of states and inputs (RFC 6733 section 5.6).

Octets and clock come in as arguments; what happened comes back as events, what has to be sent
waits in `Peer.data_to_send`. What is absent from the table is forbidden: it ends the connection.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, IntEnum, auto
from typing import NamedTuple

from .capabilities import LocalNode, cer_facts, check_capabilities, own_capabilities
from .checks import check
from .dictionary import Member
from .errors import (
    CommandUnsupported,
    DiameterError,
    InvalidMessageLength,
    TooBusy,
    UnsupportedVersion,
)
from .events import (
    AnswerDropped,
    AnswerReceived,
    CerFacts,
    CloseReason,
    Event,
    PeerClosed,
    PeerOpened,
    PeerProved,
    PeerRecovered,
    PeerSuspected,
    RequestReceived,
    RequestRefused,
    RequestTolerated,
)
from .framing import Framer
from .message import (
    PROTOCOL_ERRORS,
    REQUEST_BIT,
    VERSION,
    Decoder,
    Message,
    answer,
    error_answer,
    parse_header,
)
from .message import request as encode_request
from .routing import check_destination, destinations
from .tolerance import Tolerated
from .watchdog import Action, Watchdog

SUCCESS = 2001
# A deadline that has passed already: the machine acts at the next look at its timer.
AT_ONCE = float("-inf")

CAPABILITIES_EXCHANGE = "Capabilities-Exchange"
DEVICE_WATCHDOG = "Device-Watchdog"
DISCONNECT_PEER = "Disconnect-Peer"


class DisconnectCause(IntEnum):
    """Why this node disconnects (RFC 6733 section 5.4.3)."""

    REBOOTING = 0
    BUSY = 1
    DO_NOT_WANT_TO_TALK_TO_YOU = 2


class PeerAccepted(NamedTuple):
    """The rim takes the peer; with `strict` its requests are held to the letter.

    `is_reopened` tells that the peer's last connection failed, so that this one is on trial. What
    is None is as for the whole node.
    """

    strict: bool = False
    is_reopened: bool = False
    watchdog_seconds: float | None = None
    requests_in_flight_max: int | None = None
    answer_budget_seconds: float | None = None
    """For whoever answers the requests."""


class PeerRefused(NamedTuple):
    """The rim does not take the peer; without an error the connection ends without a CEA."""

    error: DiameterError | None
    reason: str


Subject = RequestReceived | AnswerReceived | None
Authorise = Callable[[CerFacts], PeerAccepted | PeerRefused | None]


class State(Enum):
    """Where the connection stands; WAIT_CER is Closed of the RFC with a transport."""

    # The enumeration's own hash runs in Python at every look into the table.
    __hash__ = object.__hash__

    WAIT_CER = auto()
    # The CER is here and waits for the decision of the rim.
    HELD = auto()
    OPEN = auto()
    # A DPR of ours waits for its DPA.
    CLOSING = auto()
    # The DPA came, requests that arrived before are still to be answered.
    DRAINING = auto()
    # The peer sent a DPR and has its DPA; it closes the transport.
    LEAVING = auto()
    CLOSED = auto()


class Input(Enum):
    """What can happen to a connection."""

    # The enumeration's own hash runs in Python at every look into the table.
    __hash__ = object.__hash__

    CER_HELD = auto()
    CER_ACCEPTED = auto()
    CER_REFUSED = auto()
    CER_REPEATED = auto()
    CER_CHANGED = auto()
    REQUEST = auto()
    ANSWER = auto()
    DWR = auto()
    DWA = auto()
    DPR = auto()
    # A DPA that finds every request answered, and one that does not.
    DPA = auto()
    DPA_EARLY = auto()
    # An answer to no request of ours that is open.
    STRAY_ANSWER = auto()
    STOP = auto()
    TIMEOUT = auto()
    WATCHDOG_LOST = auto()
    PROBE_LOST = auto()
    TRANSPORT_LOST = auto()


class Peer:
    """One connection that a peer opened to this node.

    `authorise` decides on the CER; with None it leaves that to `decide`. `next_identifier` gives
    hop-by-hop and end-to-end ids for our own requests, unlike any other of this node; `jitter` is
    the watchdog's.
    """

    def __init__(
        self,
        local: LocalNode,
        authorise: Authorise,
        *,
        next_identifier: Callable[[], int],
        jitter: Callable[[], float],
        now: float,
    ) -> None:
        self.state = State.WAIT_CER
        self.facts: CerFacts | None = None
        self.requests_in_flight = 0
        self._local = local
        self._authorise = authorise
        self._next_identifier = next_identifier
        self._jitter = jitter
        self._served = destinations(local)
        self._taken = {each.id: each.requests for each in local.applications}
        self._application_ids = local.application_ids
        self._strict = local.strict
        self.answer_budget_seconds: float | None = None
        self._requests_in_flight_max = local.requests_in_flight_max
        self._decoder = Decoder(local.dictionary)
        self._framer = Framer(local.message_octets_max)
        self._watchdog: Watchdog | None = None
        self._deadline: float | None = now + local.cer_seconds
        self._probe_deadline: float | None = None
        self._held: tuple[RequestReceived, CerFacts] | None = None
        self._awaited: set[int] = set()
        self._output: list[bytes] = []
        self._events: list[Event] = []
        self._cause = DisconnectCause.REBOOTING
        self._refusal = ""

    @property
    def is_closed(self) -> bool:
        """Whether the connection is over."""
        return self.state is State.CLOSED

    @property
    def is_open(self) -> bool:
        """Whether requests flow: the capabilities were exchanged, and nobody disconnected."""
        return self.state is State.OPEN

    @property
    def is_strict(self) -> bool:
        """Whether requests of the peer are held to the letter."""
        return self._strict

    @property
    def is_suspect(self) -> bool:
        """Whether the peer owes a DWA for longer than the watchdog waits."""
        return self._watchdog is not None and self._watchdog.is_suspect

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """Takes octets from the peer and returns what they mean, in order.

        What comes after the end of the connection means nothing.
        """
        try:
            for octets in self._framer.receive_data(data):
                self._receive(octets, now)
        except InvalidMessageLength as error:
            self._abandon(error)
        else:
            if self._framer.fault is not None:
                self._abandon(self._framer.fault)
        return self._take_events()

    def data_to_send(self) -> bytes:
        """Returns what has to be written to the transport, and forgets it."""
        data = b"".join(self._output)
        self._output.clear()
        return data

    def send(self, octets: bytes) -> bool:
        """Queues a message of the rim: the answer to a request given out, or a request of ours.

        Returns False when it cannot be sent any more: the connection is over, or, for a request,
        being closed.
        """
        if octets[4] & REQUEST_BIT:
            if self.state is not State.OPEN:
                return False
            self._awaited.add(int.from_bytes(octets[12:16]))
        elif self.is_closed:
            return False
        else:
            self.requests_in_flight -= 1
            assert self.requests_in_flight >= 0, "a request was answered twice"
            if self.state is State.DRAINING and not self.requests_in_flight:
                self._deadline = AT_ONCE
        self._output.append(octets)
        return True

    def next_timer(self) -> float | None:
        """Returns when `timer_expired` has to be called, None for never."""
        deadline = self._deadline if self._watchdog is None else self._watchdog.deadline
        probe = self._probe_deadline
        return probe if deadline is None or (probe is not None and probe < deadline) else deadline

    def timer_expired(self, now: float) -> list[Event]:
        """Acts on the timer if its time has come."""
        deadline = self.next_timer()
        if deadline is not None and deadline <= now:
            if deadline == self._probe_deadline:
                self._apply(Input.PROBE_LOST, None, now)
            elif self._watchdog is not None:
                self._obey(self._watchdog.timer_expired(now), now)
            else:
                self._apply(Input.TIMEOUT, None, now)
        return self._take_events()

    def decide(self, decision: PeerAccepted | PeerRefused, now: float) -> list[Event]:
        """Takes the decision on a CER that was held, if the connection has not ended meanwhile."""
        if self.state is State.HELD and self._held is not None:
            subject, facts = self._held
            self._conclude(subject, facts, decision, now)
        return self._take_events()

    def probe(self, now: float) -> list[Event]:
        """Asks an open peer at once whether it is there (RFC 3539 section 3.4.1, out of turn).

        Either PeerProved follows, or the connection ends.
        """
        if self.state is State.OPEN and self._probe_deadline is None:
            self._probe_deadline = now + self._local.probe_seconds
            self._send_watchdog()
        return self._take_events()

    def disconnect(self, cause: DisconnectCause, now: float) -> list[Event]:
        """Sends a DPR; requests that arrived before are still answered, then it closes."""
        if not self.is_closed:
            self._cause = cause
            self._apply(Input.STOP, None, now)
        return self._take_events()

    def connection_lost(self, now: float) -> list[Event]:
        """Takes note that the transport is gone."""
        if not self.is_closed:
            self._apply(Input.TRANSPORT_LOST, None, now)
        return self._take_events()

    def _take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _apply(self, what: Input, subject: Subject, now: float) -> None:
        action, state = TABLE.get((self.state, what), FORBIDDEN)
        action(self, subject, now)
        self.state = state

    def _receive(self, octets: bytes, now: float) -> None:
        if self.is_closed:
            return
        message = self._decoder.decode(octets)
        if self._probe_deadline is not None:
            self._probe_deadline = None
            self._events.append(PeerProved())
        if message.version != VERSION:
            error = UnsupportedVersion(f"version {message.version} is not spoken here, only 1")
            if message.is_request:
                self._refuse(message, error)
            self._end(CloseReason.UNSUPPORTED_VERSION, str(error))
        elif message.is_request:
            self._receive_request(message, now)
        else:
            self._receive_answer(message, now)

    def _receive_request(self, message: Message, now: float) -> None:
        if self._watchdog is not None:
            self._obey(self._watchdog.message_received(now), now)
        name = message.name
        if name == CAPABILITIES_EXCHANGE and self.state is not State.HELD:
            self._receive_capabilities(message, now)
        elif self.facts is None:
            self._apply(Input.REQUEST, None, now)
        else:
            try:
                tolerated = self._check(message)
            except DiameterError as error:
                self._refuse(message, error)
                return
            what = _REQUESTS.get(name or "", Input.REQUEST)
            self._apply(what, RequestReceived(message, tolerated), now)

    def _check(self, message: Message) -> tuple[Tolerated, ...]:
        """Returns what is tolerated in a request; raises what its answer says otherwise."""
        local = self._local
        tolerated = check(
            message, local.dictionary, strict=self._strict, applications=self._application_ids
        )
        name = message.name
        if name in _REQUESTS:
            return tolerated
        check_destination(message, self._served)
        if name not in self._taken[message.application_id]:
            raise CommandUnsupported(f"{name} is sent from here, not taken")
        if self.requests_in_flight >= self._requests_in_flight_max:
            raise TooBusy(f"{self.requests_in_flight} requests of this connection are open")
        return tolerated

    def _receive_capabilities(self, message: Message, now: float) -> None:
        local = self._local
        try:
            tolerated = self._tolerated(message)
            facts = cer_facts(message, local.dictionary)
            check_capabilities(facts, local)
        except DiameterError as error:
            self._refuse_capabilities(message, PeerRefused(error, str(error)), now)
            return
        subject = RequestReceived(message, tolerated)
        if self.facts is not None:
            is_same = _is_same_peer(self.facts, facts)
            self._apply(Input.CER_REPEATED if is_same else Input.CER_CHANGED, subject, now)
            return
        decision = self._authorise(facts)
        if decision is None:
            self._held = subject, facts
            self._deadline = now + local.cer_seconds
            self._apply(Input.CER_HELD, subject, now)
        else:
            self._conclude(subject, facts, decision, now)

    def _conclude(
        self,
        subject: RequestReceived,
        facts: CerFacts,
        decision: PeerAccepted | PeerRefused,
        now: float,
    ) -> None:
        if isinstance(decision, PeerRefused):
            self._refuse_capabilities(subject.message, decision, now)
            return
        local = self._local
        self._strict = decision.strict or local.strict
        try:
            if subject.tolerated and self._strict:
                # Nobody knew whose CER it was when it was checked.
                self._tolerated(subject.message)
        except DiameterError as error:
            self._refuse_capabilities(subject.message, PeerRefused(error, str(error)), now)
            return
        self.facts = facts
        self.answer_budget_seconds = decision.answer_budget_seconds
        self._requests_in_flight_max = (
            decision.requests_in_flight_max or local.requests_in_flight_max
        )
        self._watchdog = Watchdog(
            decision.watchdog_seconds or local.watchdog_seconds,
            self._jitter,
            is_reopened=decision.is_reopened,
        )
        self._apply(Input.CER_ACCEPTED, subject, now)

    def _tolerated(self, message: Message) -> tuple[Tolerated, ...]:
        """Returns what is tolerated in a CER; raises what its answer says otherwise."""
        return check(
            message,
            self._local.dictionary,
            strict=self._strict,
            applications=self._application_ids,
        )

    def _refuse_capabilities(self, message: Message, refusal: PeerRefused, now: float) -> None:
        if refusal.error is not None:
            self._output.append(_capabilities_error(message, self._local, refusal.error))
            self._events.append(RequestRefused(message, refusal.error))
        self._refusal = refusal.reason
        self._apply(Input.CER_REFUSED, None, now)

    def _receive_answer(self, message: Message, now: float) -> None:
        is_awaited = message.hop_by_hop in self._awaited
        self._awaited.discard(message.hop_by_hop)
        what = _ANSWERS.get(message.name or "", Input.ANSWER) if is_awaited else Input.STRAY_ANSWER
        if what is Input.DPA and self.requests_in_flight:
            what = Input.DPA_EARLY
        if self._watchdog is not None:
            watchdog = self._watchdog
            is_dwa = what is Input.DWA
            note = watchdog.answer_received if is_dwa else watchdog.message_received
            self._obey(note(now), now)
        self._apply(what, AnswerReceived(message), now)

    def _refuse(self, message: Message, error: DiameterError) -> None:
        local = self._local
        self._output.append(error_answer(message, local.dictionary, local.identity, error))
        self._events.append(RequestRefused(message, error))

    def _abandon(self, error: InvalidMessageLength) -> None:
        """Ends a stream that cannot be followed; the request that breaks it is answered."""
        if self.is_closed:
            return
        message = parse_header(self._framer.fault_header)
        if message.is_request and message.version == VERSION and self.facts is not None:
            self._refuse(message, error)
        self._end(CloseReason.MALFORMED, str(error))

    def _end(self, reason: CloseReason, detail: str) -> None:
        self._watchdog = None
        self._deadline = None
        self._probe_deadline = None
        self.state = State.CLOSED
        self._events.append(PeerClosed(reason, detail))

    def _wait(self, seconds: float, now: float) -> None:
        """Leaves the watchdog for a last deadline."""
        self._watchdog = None
        self._probe_deadline = None
        self._deadline = now + seconds

    def _obey(self, action: Action, now: float) -> None:
        """Does what the watchdog asks for."""
        if action is Action.SEND_WATCHDOG:
            self._send_watchdog()
        elif action is Action.FAIL_OVER:
            self._events.append(PeerSuspected())
        elif action is Action.FAIL_BACK:
            self._events.append(PeerRecovered())
        elif action is Action.CLOSE:
            self._apply(Input.WATCHDOG_LOST, None, now)

    def _send_watchdog(self) -> None:
        state_id = self._local.identity.origin_state_id
        members: list[Member] = [] if state_id is None else [("Origin-State-Id", state_id)]
        self._send_request(DEVICE_WATCHDOG, members)

    def _send_request(self, name: str, members: list[Member]) -> None:
        local = self._local
        identifier = self._next_identifier()
        self._awaited.add(identifier)
        own: list[Member] = [
            ("Origin-Host", local.identity.origin_host),
            ("Origin-Realm", local.identity.origin_realm),
            *members,
        ]
        self._output.append(encode_request(local.dictionary, name, identifier, identifier, own))

    def _answer(self, subject: Subject, members: Iterable[Member] = ()) -> None:
        assert subject is not None, "only a request is answered"
        local = self._local
        all_members: list[Member] = [("Result-Code", SUCCESS), *members]
        self._output.append(answer(subject.message, local.dictionary, local.identity, all_members))
        if isinstance(subject, RequestReceived) and subject.tolerated:
            self._events.append(RequestTolerated(subject.tolerated))

    # The actions of the table. Each takes what was received, None where nothing was.

    def _ignore(self, _subject: Subject, _now: float) -> None:
        pass

    def _report(self, subject: Subject, _now: float) -> None:
        assert subject is not None
        self._events.append(subject)

    def _drop_answer(self, subject: Subject, _now: float) -> None:
        assert subject is not None
        self._events.append(AnswerDropped(subject.message))

    def _take_request(self, subject: Subject, _now: float) -> None:
        assert subject is not None
        self.requests_in_flight += 1
        self._events.append(subject)

    def _turn_away(self, subject: Subject, _now: float) -> None:
        assert subject is not None
        self._refuse(subject.message, TooBusy("this connection is being closed"))

    def _open(self, subject: Subject, now: float) -> None:
        assert isinstance(subject, RequestReceived)
        assert self.facts is not None
        assert self._watchdog is not None
        self._deadline = None
        self._answer_capabilities(subject, now)
        self._obey(self._watchdog.connection_up(now), now)
        facts = self.facts
        self._events.append(PeerOpened(facts.origin_host, facts.origin_realm, facts))

    def _answer_capabilities(self, subject: Subject, _now: float) -> None:
        self._answer(subject, own_capabilities(self._local))

    def _answer_watchdog(self, subject: Subject, _now: float) -> None:
        self._answer(subject)

    def _answer_disconnect(self, subject: Subject, now: float) -> None:
        self._answer(subject)
        if self.state is State.OPEN:
            self._wait(self._local.disconnect_seconds, now)

    def _send_disconnect(self, _subject: Subject, now: float) -> None:
        self._send_request(DISCONNECT_PEER, [("Disconnect-Cause", self._cause)])
        self._wait(self._local.disconnect_seconds, now)

    def _end_refused(self, _subject: Subject, _now: float) -> None:
        self._end(CloseReason.CAPABILITIES_REFUSED, self._refusal)


# An action; one that ends the connection leaves the state that the table gives, which is CLOSED.
Act = Callable[[Peer, Subject, float], None]


def _ending(reason: CloseReason, detail: str) -> Act:
    def end(peer: Peer, _subject: Subject, _now: float) -> None:
        peer._end(reason, detail)

    return end


FORBIDDEN: tuple[Act, State] = (
    _ending(CloseReason.UNEXPECTED_MESSAGE, "the peer sent what cannot come now"),
    State.CLOSED,
)
_LOST = (_ending(CloseReason.CONNECTION_LOST, "the transport is gone"), State.CLOSED)
_LEFT = (_ending(CloseReason.DISCONNECTED_BY_PEER, "the peer disconnected"), State.CLOSED)
_DONE = (_ending(CloseReason.DISCONNECTED_BY_US, "this node disconnected"), State.CLOSED)

TABLE: Mapping[tuple[State, Input], tuple[Act, State]] = {
    (State.WAIT_CER, Input.CER_HELD): (Peer._ignore, State.HELD),
    (State.WAIT_CER, Input.CER_ACCEPTED): (Peer._open, State.OPEN),
    (State.WAIT_CER, Input.CER_REFUSED): (Peer._end_refused, State.CLOSED),
    (State.WAIT_CER, Input.STOP): _DONE,
    (State.WAIT_CER, Input.TIMEOUT): (
        _ending(CloseReason.CAPABILITIES_LATE, "no CER came in time"),
        State.CLOSED,
    ),
    (State.WAIT_CER, Input.TRANSPORT_LOST): _LOST,
    (State.HELD, Input.CER_ACCEPTED): (Peer._open, State.OPEN),
    (State.HELD, Input.CER_REFUSED): (Peer._end_refused, State.CLOSED),
    (State.HELD, Input.STOP): _DONE,
    (State.HELD, Input.TIMEOUT): (
        _ending(CloseReason.CAPABILITIES_LATE, "nothing was decided on the CER in time"),
        State.CLOSED,
    ),
    (State.HELD, Input.TRANSPORT_LOST): _LOST,
    (State.OPEN, Input.CER_REPEATED): (Peer._answer_capabilities, State.OPEN),
    (State.OPEN, Input.CER_CHANGED): (
        _ending(CloseReason.CAPABILITIES_CHANGED, "a second CER tells of another peer"),
        State.CLOSED,
    ),
    (State.OPEN, Input.REQUEST): (Peer._take_request, State.OPEN),
    (State.OPEN, Input.ANSWER): (Peer._report, State.OPEN),
    (State.OPEN, Input.STRAY_ANSWER): (Peer._drop_answer, State.OPEN),
    (State.OPEN, Input.DWR): (Peer._answer_watchdog, State.OPEN),
    (State.OPEN, Input.DWA): (Peer._ignore, State.OPEN),
    (State.OPEN, Input.DPR): (Peer._answer_disconnect, State.LEAVING),
    (State.OPEN, Input.STOP): (Peer._send_disconnect, State.CLOSING),
    (State.OPEN, Input.WATCHDOG_LOST): (
        _ending(CloseReason.WATCHDOG, "the peer is silent and answers no DWR"),
        State.CLOSED,
    ),
    (State.OPEN, Input.PROBE_LOST): (
        _ending(CloseReason.REPLACED, "the peer came again and is silent here"),
        State.CLOSED,
    ),
    (State.OPEN, Input.TRANSPORT_LOST): _LOST,
    (State.CLOSING, Input.REQUEST): (Peer._turn_away, State.CLOSING),
    (State.CLOSING, Input.ANSWER): (Peer._report, State.CLOSING),
    (State.CLOSING, Input.STRAY_ANSWER): (Peer._drop_answer, State.CLOSING),
    (State.CLOSING, Input.DWR): (Peer._answer_watchdog, State.CLOSING),
    (State.CLOSING, Input.DWA): (Peer._ignore, State.CLOSING),
    (State.CLOSING, Input.DPR): (Peer._answer_disconnect, State.CLOSING),
    (State.CLOSING, Input.DPA): _DONE,
    (State.CLOSING, Input.DPA_EARLY): (Peer._ignore, State.DRAINING),
    (State.CLOSING, Input.STOP): (Peer._ignore, State.CLOSING),
    (State.CLOSING, Input.TIMEOUT): (
        _ending(CloseReason.DISCONNECT_LATE, "no DPA came in time"),
        State.CLOSED,
    ),
    (State.CLOSING, Input.TRANSPORT_LOST): _DONE,
    (State.DRAINING, Input.REQUEST): (Peer._turn_away, State.DRAINING),
    (State.DRAINING, Input.ANSWER): (Peer._report, State.DRAINING),
    (State.DRAINING, Input.STRAY_ANSWER): (Peer._drop_answer, State.DRAINING),
    (State.DRAINING, Input.DWR): (Peer._answer_watchdog, State.DRAINING),
    (State.DRAINING, Input.DWA): (Peer._ignore, State.DRAINING),
    (State.DRAINING, Input.DPR): (Peer._answer_disconnect, State.DRAINING),
    (State.DRAINING, Input.STOP): (Peer._ignore, State.DRAINING),
    (State.DRAINING, Input.TIMEOUT): _DONE,
    (State.DRAINING, Input.TRANSPORT_LOST): _DONE,
    (State.LEAVING, Input.REQUEST): (Peer._turn_away, State.LEAVING),
    (State.LEAVING, Input.ANSWER): (Peer._report, State.LEAVING),
    (State.LEAVING, Input.STRAY_ANSWER): (Peer._drop_answer, State.LEAVING),
    (State.LEAVING, Input.DWR): (Peer._answer_watchdog, State.LEAVING),
    (State.LEAVING, Input.DWA): (Peer._ignore, State.LEAVING),
    (State.LEAVING, Input.DPR): (Peer._answer_disconnect, State.LEAVING),
    (State.LEAVING, Input.STOP): (Peer._ignore, State.LEAVING),
    (State.LEAVING, Input.TIMEOUT): _LEFT,
    (State.LEAVING, Input.TRANSPORT_LOST): _LEFT,
}

_REQUESTS = {DEVICE_WATCHDOG: Input.DWR, DISCONNECT_PEER: Input.DPR}
_ANSWERS = {DEVICE_WATCHDOG: Input.DWA, DISCONNECT_PEER: Input.DPA}


def _is_same_peer(known: CerFacts, told: CerFacts) -> bool:
    return (
        known.origin_host.lower() == told.origin_host.lower()
        and known.origin_realm.lower() == told.origin_realm.lower()
        and known.application_ids == told.application_ids
    )


def _capabilities_error(message: Message, local: LocalNode, error: DiameterError) -> bytes:
    """Returns the CEA that refuses; without the E bit it has the grammar of a CEA."""
    if error.result_code in PROTOCOL_ERRORS:
        return error_answer(message, local.dictionary, local.identity, error)
    members: list[Member] = [
        ("Result-Code", error.result_code),
        *own_capabilities(local),
        ("Error-Message", str(error)),
    ]
    if error.failed_avp is not None:
        members.append(("Failed-AVP", error.failed_avp))
    return answer(message, local.dictionary, local.identity, members)
