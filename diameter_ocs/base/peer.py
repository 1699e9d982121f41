"""The peer machine of the responder: turns what comes into inputs of its table and obeys that.

The table is in `states` (RFC 6733 section 5.6). Octets and clock come in as arguments; what
happened comes back as events, what has to be sent waits in `Peer.messages_to_send`.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum

from .capabilities import (
    CerDecision,
    LocalNode,
    PeerRefused,
    cer_facts,
    check_capabilities,
    is_same_peer,
    own_capabilities,
    refusing_cea,
)
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
from .framing import Framer
from .intake import CAPABILITIES_EXCHANGE, DEVICE_WATCHDOG, DISCONNECT_PEER, Intake
from .message import REQUEST_BIT, VERSION, Decoder, Message, parse_header
from .outgoing import Outgoing
from .states import FORBIDDEN, TABLE, Action, Ending, Input, State
from .watchdog import Action as WatchdogAction
from .watchdog import Watchdog

# A deadline that has passed already: the machine acts at the next look at its timer.
AT_ONCE = float("-inf")

_REQUESTS = {DEVICE_WATCHDOG: Input.DWR, DISCONNECT_PEER: Input.DPR}
_ANSWERS = {DEVICE_WATCHDOG: Input.DWA, DISCONNECT_PEER: Input.DPA}


class DisconnectCause(IntEnum):
    """Why this node disconnects (RFC 6733 section 5.4.3)."""

    REBOOTING = 0
    BUSY = 1
    DO_NOT_WANT_TO_TALK_TO_YOU = 2


Subject = RequestReceived | AnswerReceived | None
Authorise = Callable[[CerFacts], CerDecision | None]


class Peer:
    """One connection that a peer opened to this node.

    `authorise` decides on the CER; with None it leaves that to `decide`. `next_identifier` gives
    hop-by-hop and end-to-end ids for our own requests, unlike any other of this node; `jitter` is
    the watchdog's. What is no stream keeps the boundaries of messages.
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
        self._local = local
        self._authorise = authorise
        self._outgoing = Outgoing(local, next_identifier)
        self._jitter = jitter
        self._intake = Intake(local)
        self._decoder = Decoder(local.dictionary)
        self._framer = Framer(local.message_octets_max, is_stream=is_stream)
        self._watchdog: Watchdog | None = None
        self._deadline: float | None = now + local.cer_seconds
        self._probe_deadline: float | None = None
        self._held: tuple[RequestReceived, CerFacts] | None = None
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
                tolerated = self._intake.check(message, self.requests_in_flight)
            except DiameterError as error:
                self._refuse(message, error)
                return
            what = _REQUESTS.get(name or "", Input.REQUEST)
            self._apply(what, RequestReceived(message, tolerated), now)

    def _receive_capabilities(self, message: Message, now: float) -> None:
        local = self._local
        try:
            tolerated = self._intake.check(message, self.requests_in_flight)
            facts = cer_facts(message, local.dictionary)
            check_capabilities(facts, local)
        except DiameterError as error:
            self._refuse_capabilities(message, PeerRefused(error, str(error)), now)
            return
        subject = RequestReceived(message, tolerated)
        if self.facts is not None:
            is_same = is_same_peer(self.facts, facts)
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
        decision: CerDecision,
        now: float,
    ) -> None:
        if isinstance(decision, PeerRefused):
            self._refuse_capabilities(subject.message, decision, now)
            return
        local = self._local
        self._intake.settle(decision)
        try:
            if subject.tolerated and self._intake.is_strict:
                # Nobody knew whose CER it was when it was checked.
                self._intake.check(subject.message, self.requests_in_flight)
        except DiameterError as error:
            self._refuse_capabilities(subject.message, PeerRefused(error, str(error)), now)
            return
        self.facts = facts
        self.answer_budget_seconds = decision.answer_budget_seconds
        self.profile = decision.profile
        self._watchdog = Watchdog(
            decision.watchdog_seconds or local.watchdog_seconds,
            self._jitter,
            is_reopened=decision.is_reopened,
        )
        self._apply(Input.CER_ACCEPTED, subject, now)

    def _refuse_capabilities(self, message: Message, refusal: PeerRefused, now: float) -> None:
        if refusal.error is not None:
            self._outgoing.messages.append(refusing_cea(message, self._local, refusal.error))
            self._events.append(RequestRefused(message, refusal.error))
        self._refusal = refusal.reason
        self._apply(Input.CER_REFUSED, None, now)

    def _receive_answer(self, message: Message, now: float) -> None:
        awaited = self._outgoing.awaited
        is_awaited = awaited.get(message.hop_by_hop) == message.command_code
        if is_awaited:
            del awaited[message.hop_by_hop]
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
        state_id = self._local.identity.origin_state_id
        members: list[Member] = [] if state_id is None else [("Origin-State-Id", state_id)]
        self._outgoing.request(DEVICE_WATCHDOG, members)

    def _answer(self, subject: Subject, members: Iterable[Member] = ()) -> None:
        assert isinstance(subject, RequestReceived), "only a request is answered"
        self._outgoing.answer(subject.message, members)
        if subject.tolerated:
            self._events.append(RequestTolerated(subject.tolerated))

    # The actions of `states.TABLE`. Each takes what was received, None where nothing was.

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
        self._outgoing.request(DISCONNECT_PEER, [("Disconnect-Cause", self._cause)])
        self._wait(self._local.disconnect_seconds, now)

    def _end_refused(self, _subject: Subject, _now: float) -> None:
        self._end(CloseReason.CAPABILITIES_REFUSED, self._refusal)


Act = Callable[[Peer, Subject, float], None]

_ACTS: Mapping[Action, Act] = {
    Action.IGNORE: Peer._ignore,
    Action.REPORT: Peer._report,
    Action.DROP_ANSWER: Peer._drop_answer,
    Action.TAKE_REQUEST: Peer._take_request,
    Action.TURN_AWAY: Peer._turn_away,
    Action.OPEN: Peer._open,
    Action.ANSWER_CAPABILITIES: Peer._answer_capabilities,
    Action.ANSWER_WATCHDOG: Peer._answer_watchdog,
    Action.ANSWER_DISCONNECT: Peer._answer_disconnect,
    Action.SEND_DISCONNECT: Peer._send_disconnect,
    Action.END_REFUSED: Peer._end_refused,
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
