"""The machine of one connection: turns what comes into inputs of its table and obeys that.

The table is in `states` (RFC 6733 section 5.6). Octets and clock come in as arguments; what
happened comes back as events, what has to be sent waits in `Peer.messages_to_send`.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from .capabilities import CerDecision, LocalNode, own_capabilities, refusing_cea
from .dictionary import Member
from .errors import (
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
from .exchange import Authorise, Exchange
from .framing import Framer
from .intake import CAPABILITIES_EXCHANGE, DEVICE_WATCHDOG, DISCONNECT_PEER, Intake
from .message import REQUEST_BIT, VERSION, Decoder, Message, parse_header
from .outgoing import Outgoing
from .states import FORBIDDEN, TABLE, Action, Ending, Input, State
from .watchdog import Action as WatchdogAction
from .watchdog import Watchdog

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


class Unopened(NamedTuple):
    """A message that is neither the CER nor the CEA and comes before the peer was taken."""

    message: Message


Subject = RequestReceived | AnswerReceived | Unopened | None


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
        self.state = State.WAIT_CER
        self.facts: CerFacts | None = None
        self.requests_in_flight = 0
        self.answer_budget_seconds: float | None = None
        self.profile: str | None = None
        self.disconnect_cause: int | None = None
        """Why the peer has disconnected (`DisconnectCause`, if it is one); None: it has not."""
        self._local = local
        self._outgoing = Outgoing(local, next_identifier)
        self._jitter = jitter
        self._intake = Intake(local)
        self._exchange = Exchange(local, authorise, self._intake)
        self._decoder = Decoder(local.dictionary)
        self._framer = Framer(local.message_octets_max, is_stream=is_stream)
        self._is_stream = is_stream
        self._watchdog: Watchdog | None = None
        self._deadline: float | None = now + local.cer_seconds
        self._probe_deadline: float | None = None
        self._early: list[Message] = []
        self._events: list[Event] = []
        self._cause = DisconnectCause.REBOOTING

    @property
    def is_initiator(self) -> bool:
        """Whether this node opened the connection."""
        return self._exchange.expected_host is not None

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
        return self._intake.is_strict

    @property
    def is_suspect(self) -> bool:
        """Whether the peer owes a DWA for longer than the watchdog waits."""
        return self._watchdog is not None and self._watchdog.is_suspect

    @property
    def is_on_trial(self) -> bool:
        """Whether the peer's last connection failed and this one has not proved itself yet."""
        return self._watchdog is not None and self._watchdog.is_on_trial

    @property
    def is_usable(self) -> bool:
        """Whether requests of ours may go out (RFC 3539 section 3.4.1)."""
        return self.is_open and not self.is_suspect

    def initiate(self, expected_host: str, now: float) -> list[Event]:
        """Sends the CER on a new connection that this node has opened to a host."""
        if not self.is_closed:
            self._exchange.expected_host = expected_host
            self._apply(Input.INITIATE, None, now)
        return self._take_events()

    def give_way(self, now: float) -> list[Event]:
        """Ends a connection of ours that is not open, as the peer's own is kept (`pair`)."""
        if not self.is_closed:
            self._apply(Input.GIVE_WAY, None, now)
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
        if self.is_closed:
            return False
        self.requests_in_flight -= 1
        assert self.requests_in_flight >= 0, "a request was answered twice"
        if self.state is State.DRAINING and not self.requests_in_flight:
            self._deadline = AT_ONCE
        self._outgoing.messages.append(octets)
        return True

    def give_up(self, hop_by_hop: int) -> None:
        """Awaits the answer to a request of ours no more: one that comes is dropped."""
        self._outgoing.awaited.pop(hop_by_hop, None)

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

    def decide(self, decision: CerDecision, now: float) -> list[Event]:
        """Takes the decision on a peer that was held, if the connection has not ended meanwhile."""
        if self.state in (State.HELD, State.HELD_CEA):
            self._conclude(self._exchange.decide(decision), now)
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
        action, state = _STEPS.get((self.state, what), _FORBIDDEN)
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
        elif self.facts is None:
            self._receive_unopened(message, now)
        elif message.is_request:
            self._receive_request(message, now)
        else:
            self._receive_answer(message, now)

    def _receive_request(self, message: Message, now: float) -> None:
        if self._watchdog is not None:
            self._obey(self._watchdog.message_received(now), now)
        name = message.name
        if name == CAPABILITIES_EXCHANGE:
            self._conclude(self._exchange.receive_cer(message), now)
            return
        try:
            tolerated = self._intake.check(message, self.requests_in_flight)
        except DiameterError as error:
            self._refuse(message, error)
            return
        what = _REQUESTS.get(name or "", Input.REQUEST)
        self._apply(what, RequestReceived(message, tolerated), now)

    def _receive_unopened(self, message: Message, now: float) -> None:
        """Takes a message before the peer was taken: the CER, or the CEA to our own."""
        is_exchange = message.name == CAPABILITIES_EXCHANGE
        if self.state is State.WAIT_CER and is_exchange and message.is_request:
            self._conclude(self._exchange.receive_cer(message), now)
        elif self.state is State.WAIT_CEA and is_exchange and self._is_answer(message):
            self._conclude(self._exchange.receive_cea(message), now)
        else:
            may_be_early = self.state is State.HELD_CEA or not self._is_stream
            is_kept = self.is_initiator and may_be_early and len(self._early) < EARLY_MESSAGES_MAX
            self._apply(Input.EARLY if is_kept else Input.UNEXPECTED, Unopened(message), now)

    def _is_answer(self, message: Message) -> bool:
        return not message.is_request and self._outgoing.is_awaited(message)

    def _conclude(self, what: Input, now: float) -> None:
        """Takes what a CER or CEA is; what has come before the CEA is taken after it."""
        exchange = self._exchange
        message = exchange.message
        assert message is not None
        if message.is_request and what is Input.REFUSED and exchange.refusal is not None:
            self._outgoing.messages.append(refusing_cea(message, self._local, exchange.refusal))
            self._events.append(RequestRefused(message, exchange.refusal))
        subject = RequestReceived(message, exchange.tolerated)
        self._apply(what, subject if message.is_request else AnswerReceived(message), now)
        if self.is_open:
            early, self._early = self._early, []
            for each in early:
                self._receive(each.octets, now)

    def _receive_answer(self, message: Message, now: float) -> None:
        what = Input.STRAY_ANSWER
        if self._outgoing.is_awaited(message):
            what = _ANSWERS.get(message.name or "", Input.ANSWER)
        if what is Input.DPA and self.requests_in_flight:
            what = Input.DPA_EARLY
        if self._watchdog is not None:
            watchdog = self._watchdog
            is_dwa = what is Input.DWA
            note = watchdog.answer_received if is_dwa else watchdog.message_received
            self._obey(note(now), now)
        self._apply(what, AnswerReceived(message), now)

    def _refuse(self, message: Message, error: DiameterError) -> None:
        self._outgoing.refuse(message, error)
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

    def _obey(self, action: WatchdogAction, now: float) -> None:
        """Does what the watchdog asks for."""
        if action is WatchdogAction.SEND_WATCHDOG:
            self._send_watchdog()
        elif action is WatchdogAction.FAIL_OVER:
            self._events.append(PeerSuspected())
        elif action is WatchdogAction.FAIL_BACK:
            self._events.append(PeerRecovered())
        elif action is WatchdogAction.CLOSE:
            self._apply(Input.WATCHDOG_LOST, None, now)

    def _send_watchdog(self) -> None:
        self._outgoing.request(DEVICE_WATCHDOG, self._state_id())

    def _state_id(self) -> list[Member]:
        state_id = self._local.identity.origin_state_id
        return [] if state_id is None else [("Origin-State-Id", state_id)]

    def _answer(self, subject: Subject, members: Iterable[Member] = ()) -> None:
        assert isinstance(subject, RequestReceived), "only a request is answered"
        self._outgoing.answer(subject.message, members)
        if subject.tolerated:
            self._events.append(RequestTolerated(subject.tolerated))

    # The actions of `states.TABLE`. Each takes what was received, None where nothing was.

    def _ignore(self, _subject: Subject, _now: float) -> None:
        pass

    def _report(self, subject: Subject, _now: float) -> None:
        assert isinstance(subject, AnswerReceived)
        self._events.append(subject)

    def _drop_answer(self, subject: Subject, _now: float) -> None:
        assert subject is not None
        self._events.append(AnswerDropped(subject.message))

    def _take_request(self, subject: Subject, _now: float) -> None:
        assert isinstance(subject, RequestReceived)
        self.requests_in_flight += 1
        self._events.append(subject)

    def _turn_away(self, subject: Subject, _now: float) -> None:
        assert subject is not None
        self._refuse(subject.message, TooBusy("this connection is being closed"))

    def _send_capabilities(self, _subject: Subject, now: float) -> None:
        self._deadline = now + self._local.cea_seconds
        members = [*self._state_id(), *own_capabilities(self._local)]
        self._outgoing.request(CAPABILITIES_EXCHANGE, members)

    def _hold(self, _subject: Subject, now: float) -> None:
        self._deadline = now + self._local.cer_seconds

    def _keep(self, subject: Subject, _now: float) -> None:
        assert subject is not None
        self._early.append(subject.message)

    def _answer_and_open(self, subject: Subject, now: float) -> None:
        self._answer_capabilities(subject, now)
        self._begin(now)

    def _open(self, _subject: Subject, now: float) -> None:
        if self._exchange.tolerated:
            self._events.append(RequestTolerated(self._exchange.tolerated))
        self._begin(now)

    def _begin(self, now: float) -> None:
        """Starts the watchdog of a peer that is taken."""
        terms, facts = self._exchange.terms, self._exchange.facts
        assert facts is not None
        self.facts = facts
        self.answer_budget_seconds = terms.answer_budget_seconds
        self.profile = terms.profile
        self._deadline = None
        self._watchdog = Watchdog(
            terms.watchdog_seconds or self._local.watchdog_seconds,
            self._jitter,
            is_reopened=terms.is_reopened,
        )
        self._obey(self._watchdog.connection_up(now), now)
        self._events.append(PeerOpened(facts.origin_host, facts.origin_realm, facts))

    def _answer_capabilities(self, subject: Subject, _now: float) -> None:
        self._answer(subject, own_capabilities(self._local))

    def _answer_watchdog(self, subject: Subject, _now: float) -> None:
        self._answer(subject)

    def _answer_disconnect(self, subject: Subject, now: float) -> None:
        self._answer(subject)
        assert subject is not None
        self.disconnect_cause = subject.message.group.first("Disconnect-Cause")
        if self.state is State.OPEN:
            self._wait(self._local.disconnect_seconds, now)

    def _send_disconnect(self, _subject: Subject, now: float) -> None:
        self._outgoing.request(DISCONNECT_PEER, [("Disconnect-Cause", self._cause)])
        self._wait(self._local.disconnect_seconds, now)

    def _end_refused(self, _subject: Subject, _now: float) -> None:
        self._end(*self._exchange.ending)

    def _end_unexpected(self, subject: Subject, _now: float) -> None:
        assert subject is not None
        awaited = "CEA" if self.is_initiator else "CER"
        told = f"the peer sent {_described(subject.message)}"
        detail = f"{told} after {len(self._early)} others" if self._early else told
        self._end(CloseReason.UNEXPECTED_MESSAGE, f"{detail}, where its {awaited} was awaited")


def _described(message: Message) -> str:
    name = message.name or f"command {message.command_code}"
    return f"{name} ({'request' if message.is_request else 'answer'})"


Act = Callable[[Peer, Subject, float], None]

_ACTS: Mapping[Action, Act] = {
    Action.IGNORE: Peer._ignore,
    Action.REPORT: Peer._report,
    Action.DROP_ANSWER: Peer._drop_answer,
    Action.TAKE_REQUEST: Peer._take_request,
    Action.TURN_AWAY: Peer._turn_away,
    Action.SEND_CAPABILITIES: Peer._send_capabilities,
    Action.HOLD: Peer._hold,
    Action.KEEP: Peer._keep,
    Action.OPEN: Peer._open,
    Action.ANSWER_AND_OPEN: Peer._answer_and_open,
    Action.ANSWER_CAPABILITIES: Peer._answer_capabilities,
    Action.ANSWER_WATCHDOG: Peer._answer_watchdog,
    Action.ANSWER_DISCONNECT: Peer._answer_disconnect,
    Action.SEND_DISCONNECT: Peer._send_disconnect,
    Action.END_REFUSED: Peer._end_refused,
    Action.END_UNEXPECTED: Peer._end_unexpected,
}


def _act(action: Action | Ending) -> Act:
    if isinstance(action, Action):
        return _ACTS[action]
    reason, detail = action

    def end(peer: Peer, _subject: Subject, _now: float) -> None:
        peer._end(reason, detail)

    return end


# The table with methods for its actions: looked up once, not for every message.
_STEPS = {key: (_act(action), state) for key, (action, state) in TABLE.items()}
_FORBIDDEN = _act(FORBIDDEN[0]), FORBIDDEN[1]
