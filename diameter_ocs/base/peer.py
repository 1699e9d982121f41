"""One connection: turns what comes into inputs of the table of `states` (RFC 6733 section 5.6).

Octets and clock come in as arguments; what happened comes back as events, what has to be sent
waits in `Peer.messages_to_send`. What the table says does the `machine`.
"""

from collections.abc import Callable
from enum import IntEnum

from .capabilities import CerDecision, LocalNode, refusing_cea
from .errors import DiameterError, InvalidMessageLength, UnsupportedVersion
from .events import (
    AnswerReceived,
    CerFacts,
    CloseReason,
    Event,
    PeerProved,
    RequestReceived,
    RequestRefused,
)
from .exchange import Authorise, Exchange
from .framing import Framer
from .intake import CAPABILITIES_EXCHANGE, DEVICE_WATCHDOG, DISCONNECT_PEER, Intake
from .machine import Machine, Unopened
from .message import REQUEST_BIT, VERSION, Decoder, Message, parse_header
from .outgoing import Outgoing
from .states import Input, State

# A deadline that has passed already: the machine acts at the next look at its timer.
AT_ONCE = float("-inf")

EARLY_MESSAGES_MAX = 8
"""Messages that may overtake a CEA, where the wire is no stream, or wait for its decision."""

_REQUESTS = {DEVICE_WATCHDOG: Input.DWR, DISCONNECT_PEER: Input.DPR}
_ANSWERS = {DEVICE_WATCHDOG: Input.DWA, DISCONNECT_PEER: Input.DPA}


class DisconnectCause(IntEnum):
    """Why this node disconnects (RFC 6733 section 5.4.3)."""

    REBOOTING = 0
    BUSY = 1
    DO_NOT_WANT_TO_TALK_TO_YOU = 2


class Peer:
    """One connection, which the peer opened, or, after `initiate`, this node.

    `authorise` decides on the CER or CEA; with None it leaves that to `decide`. `next_identifier`
    gives hop-by-hop and end-to-end ids for our own requests, unlike any other of this node;
    `jitter` is the watchdog's. What is no stream keeps the boundaries of messages.
    """

    def __init__(
        self,
        local: LocalNode,
        authorise: Authorise,
        *,
        next_identifier: Callable[[], int],
        jitter: Callable[[], float],
        now: float,
        is_stream: bool = True,
    ) -> None:
        self._local = local
        self._is_stream = is_stream
        self._intake = Intake(local)
        self._decoder = Decoder(local.dictionary)
        self._framer = Framer(local.message_octets_max, is_stream=is_stream)
        self._exchange = Exchange(local, authorise, self._intake)
        self._outgoing = Outgoing(local, next_identifier)
        self._machine = Machine(local, self._exchange, self._outgoing, jitter, now)

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._machine.state

    @property
    def facts(self) -> CerFacts | None:
        """What the peer says of itself; None before it was taken."""
        return self._exchange.facts

    @property
    def answer_budget_seconds(self) -> float | None:
        """The peer's own; None: it has none, or was not taken yet."""
        return self._exchange.terms.answer_budget_seconds

    @property
    def profile(self) -> str | None:
        """Likewise."""
        return self._exchange.terms.profile

    @property
    def requests_in_flight(self) -> int:
        """How many requests were given out and not answered yet."""
        return self._machine.requests_in_flight

    @property
    def disconnect_cause(self) -> int | None:
        """Why the peer has disconnected (`DisconnectCause`, if it is one); None: it has not."""
        return self._machine.disconnect_cause

    @property
    def is_initiator(self) -> bool:
        """Whether this node opened the connection."""
        return self._exchange.is_initiator

    @property
    def is_closed(self) -> bool:
        """Whether the connection is over."""
        return self._machine.state is State.CLOSED

    @property
    def is_open(self) -> bool:
        """Whether requests flow: the capabilities were exchanged, and nobody disconnected."""
        return self._machine.state is State.OPEN

    @property
    def is_strict(self) -> bool:
        """Whether requests of the peer are held to the letter."""
        return self._intake.is_strict

    @property
    def is_suspect(self) -> bool:
        """Whether the peer owes a DWA for longer than the watchdog waits."""
        watchdog = self._machine.watchdog
        return watchdog is not None and watchdog.is_suspect

    @property
    def is_on_trial(self) -> bool:
        """Whether the peer's last connection failed and this one has not proved itself yet."""
        watchdog = self._machine.watchdog
        return watchdog is not None and watchdog.is_on_trial

    @property
    def is_usable(self) -> bool:
        """Whether requests of ours may go out (RFC 3539 section 3.4.1)."""
        return self.is_open and not self.is_suspect

    def initiate(self, expected_host: str, now: float) -> list[Event]:
        """Sends the CER on a new connection that this node has opened to a host."""
        if not self.is_closed:
            self._exchange.expected_host = expected_host
            self._machine.apply(Input.INITIATE, None, now)
        return self._take_events()

    def give_way(self, now: float) -> list[Event]:
        """Ends a connection of ours that is not open, as the peer's own is kept (`pair`)."""
        if not self.is_closed:
            self._machine.apply(Input.GIVE_WAY, None, now)
        return self._take_events()

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

    def messages_to_send(self) -> list[bytes]:
        """Returns what has to be sent, in order, and forgets it."""
        return self._outgoing.take()

    def send(self, octets: bytes) -> bool:
        """Queues a message of the rim: the answer to a request given out, or a request of ours.

        Returns False when it cannot be sent: the connection is over, or, for a request, being
        closed or suspect.
        """
        if octets[4] & REQUEST_BIT:
            if not self.is_usable:
                return False
            self._outgoing.send(octets)
            return True
        machine = self._machine
        if machine.state is State.CLOSED:
            return False
        machine.requests_in_flight -= 1
        assert machine.requests_in_flight >= 0, "a request was answered twice"
        if machine.state is State.DRAINING and not machine.requests_in_flight:
            machine.deadline = AT_ONCE
        self._outgoing.messages.append(octets)
        return True

    def give_up(self, hop_by_hop: int) -> None:
        """Awaits the answer to a request of ours no more: one that comes is dropped."""
        self._outgoing.awaited.pop(hop_by_hop, None)

    def next_timer(self) -> float | None:
        """Returns when `timer_expired` has to be called, None for never."""
        return self._machine.next_timer()

    def timer_expired(self, now: float) -> list[Event]:
        """Acts on the timer if its time has come."""
        self._machine.timer_expired(now)
        return self._take_events()

    def decide(self, decision: CerDecision, now: float) -> list[Event]:
        """Takes the decision on a peer that was held, if the connection has not ended meanwhile."""
        if self.state in (State.HELD, State.HELD_CEA):
            self._conclude(self._exchange.decide(decision), now)
        return self._take_events()

    def probe(self, now: float) -> list[Event]:
        """Asks an open peer at once whether it is there (RFC 3539 section 3.4.1, out of turn).

        Either PeerProved follows, or the connection ends.
        """
        if self.state is State.OPEN and self._machine.probe_deadline is None:
            self._machine.probe_deadline = now + self._local.probe_seconds
            self._machine.send_watchdog()
        return self._take_events()

    def disconnect(self, cause: DisconnectCause, now: float) -> list[Event]:
        """Sends a DPR; requests that arrived before are still answered, then it closes."""
        if not self.is_closed:
            self._machine.cause = cause
            self._machine.apply(Input.STOP, None, now)
        return self._take_events()

    def connection_lost(self, now: float) -> list[Event]:
        """Takes note that the transport is gone."""
        if not self.is_closed:
            self._machine.apply(Input.TRANSPORT_LOST, None, now)
        return self._take_events()

    def _take_events(self) -> list[Event]:
        events, self._machine.events = self._machine.events, []
        return events

    def _receive(self, octets: bytes, now: float) -> None:
        machine = self._machine
        if machine.state is State.CLOSED:
            return
        message = self._decoder.decode(octets)
        if machine.probe_deadline is not None:
            machine.probe_deadline = None
            machine.events.append(PeerProved())
        if message.version != VERSION:
            error = UnsupportedVersion(f"version {message.version} is not spoken here, only 1")
            if message.is_request:
                machine.refuse(message, error)
            machine.end(CloseReason.UNSUPPORTED_VERSION, str(error))
        elif self._exchange.facts is None:
            self._receive_unopened(message, now)
        elif message.is_request:
            self._receive_request(message, now)
        else:
            self._receive_answer(message, now)

    def _receive_request(self, message: Message, now: float) -> None:
        machine = self._machine
        if machine.watchdog is not None:
            machine.obey(machine.watchdog.message_received(now), now)
        name = message.name
        if name == CAPABILITIES_EXCHANGE:
            self._conclude(self._exchange.receive_cer(message), now)
            return
        try:
            tolerated = self._intake.check(message, machine.requests_in_flight)
        except DiameterError as error:
            machine.refuse(message, error)
            return
        what = _REQUESTS.get(name or "", Input.REQUEST)
        machine.apply(what, RequestReceived(message, tolerated), now)

    def _receive_unopened(self, message: Message, now: float) -> None:
        """Takes a message before the peer was taken: the CER, or the CEA to our own."""
        is_exchange = message.name == CAPABILITIES_EXCHANGE
        if self.state is State.WAIT_CER and is_exchange and message.is_request:
            self._conclude(self._exchange.receive_cer(message), now)
        elif self.state is State.WAIT_CEA and is_exchange and self._is_answer(message):
            self._conclude(self._exchange.receive_cea(message), now)
        else:
            what = Input.EARLY if self._may_be_early else Input.UNEXPECTED
            self._machine.apply(what, Unopened(message), now)

    @property
    def _may_be_early(self) -> bool:
        """Whether a message may wait until the CEA is here, or is decided on."""
        may_overtake = self.state is State.WAIT_CEA and not self._is_stream
        is_there_room = len(self._machine.early) < EARLY_MESSAGES_MAX
        return is_there_room and (may_overtake or self.state is State.HELD_CEA)

    def _is_answer(self, message: Message) -> bool:
        return not message.is_request and self._outgoing.is_awaited(message)

    def _conclude(self, what: Input, now: float) -> None:
        """Takes what a CER or CEA is; what has come before the CEA is taken after it."""
        exchange, machine = self._exchange, self._machine
        message = exchange.message
        assert message is not None
        if message.is_request and what is Input.REFUSED and exchange.refusal is not None:
            self._outgoing.messages.append(refusing_cea(message, self._local, exchange.refusal))
            machine.events.append(RequestRefused(message, exchange.refusal))
        subject = RequestReceived(message, exchange.tolerated)
        machine.apply(what, subject if message.is_request else AnswerReceived(message), now)
        if self.is_open:
            early, machine.early = machine.early, []
            for each in early:
                self._receive(each.octets, now)

    def _receive_answer(self, message: Message, now: float) -> None:
        machine = self._machine
        what = Input.STRAY_ANSWER
        if self._outgoing.is_awaited(message):
            what = _ANSWERS.get(message.name or "", Input.ANSWER)
        if what is Input.DPA and machine.requests_in_flight:
            what = Input.DPA_EARLY
        watchdog = machine.watchdog
        if watchdog is not None:
            is_dwa = what is Input.DWA
            note = watchdog.answer_received if is_dwa else watchdog.message_received
            machine.obey(note(now), now)
        machine.apply(what, AnswerReceived(message), now)

    def _abandon(self, error: InvalidMessageLength) -> None:
        """Ends a stream that cannot be followed; the request that breaks it is answered."""
        if self.is_closed:
            return
        message = parse_header(self._framer.fault_header)
        if message.is_request and message.version == VERSION and self.facts is not None:
            self._machine.refuse(message, error)
        self._machine.end(CloseReason.MALFORMED, str(error))
