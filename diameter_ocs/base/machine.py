"""One connection as the table of `states` sees it: does what the table says (RFC 6733 section 5.6).

Whatever is an input to the table says `peer`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from .capabilities import LocalNode, own_capabilities
from .dictionary import Member
from .errors import DiameterError, TooBusy
from .events import (
    AnswerDropped,
    AnswerReceived,
    CloseReason,
    Event,
    PeerClosed,
    PeerOpened,
    PeerRecovered,
    PeerSuspected,
    RequestReceived,
    RequestRefused,
    RequestTolerated,
)
from .exchange import Exchange
from .intake import CAPABILITIES_EXCHANGE, DEVICE_WATCHDOG, DISCONNECT_PEER
from .message import Message
from .outgoing import Outgoing
from .states import FORBIDDEN, TABLE, Action, Ending, Input, State
from .watchdog import Action as WatchdogAction
from .watchdog import Watchdog


class Unopened(NamedTuple):
    """A message that is neither the CER nor the CEA and comes before the peer was taken."""

    message: Message


Subject = RequestReceived | AnswerReceived | Unopened | None


class Machine:
    """The state of one connection, and all that the actions of the table need.

    `deadline` is when the state ends; the watchdog has its own, and a probe. `early` are messages
    that have overtaken the CEA. `disconnect_cause` is why the peer has disconnected, `cause` why
    this node does.
    """

    __slots__ = (
        "_jitter",
        "cause",
        "deadline",
        "disconnect_cause",
        "early",
        "events",
        "exchange",
        "local",
        "outgoing",
        "probe_deadline",
        "requests_in_flight",
        "state",
        "watchdog",
    )

    def __init__(
        self,
        local: LocalNode,
        exchange: Exchange,
        outgoing: Outgoing,
        jitter: Callable[[], float],
        now: float,
    ) -> None:
        self.state = State.WAIT_CER
        self.requests_in_flight = 0
        self.disconnect_cause: int | None = None
        self.cause = 0
        self.local = local
        self.exchange = exchange
        self.outgoing = outgoing
        self.watchdog: Watchdog | None = None
        self.deadline: float | None = now + local.cer_seconds
        self.probe_deadline: float | None = None
        self.early: list[Message] = []
        self.events: list[Event] = []
        self._jitter = jitter

    def apply(self, what: Input, subject: Subject, now: float) -> None:
        """Does what the table says; `subject` is what was received, None where nothing was."""
        action, state = _STEPS.get((self.state, what), _FORBIDDEN)
        action(self, subject, now)
        self.state = state

    def next_timer(self) -> float | None:
        """Returns when `timer_expired` has to be called, None for never."""
        deadline = self.deadline if self.watchdog is None else self.watchdog.deadline
        probe = self.probe_deadline
        return probe if deadline is None or (probe is not None and probe < deadline) else deadline

    def timer_expired(self, now: float) -> None:
        """Acts on the timer if its time has come."""
        deadline = self.next_timer()
        if deadline is not None and deadline <= now:
            if deadline == self.probe_deadline:
                self.apply(Input.PROBE_LOST, None, now)
            elif self.watchdog is not None:
                self.obey(self.watchdog.timer_expired(now), now)
            else:
                self.apply(Input.TIMEOUT, None, now)

    def refuse(self, message: Message, error: DiameterError) -> None:
        """Answers a request with an error."""
        self.outgoing.refuse(message, error)
        self.events.append(RequestRefused(message, error))

    def end(self, reason: CloseReason, detail: str) -> None:
        """Ends the connection."""
        self.watchdog = None
        self.deadline = None
        self.probe_deadline = None
        self.state = State.CLOSED
        self.events.append(PeerClosed(reason, detail))

    def obey(self, action: WatchdogAction, now: float) -> None:
        """Does what the watchdog asks for."""
        if action is WatchdogAction.SEND_WATCHDOG:
            self.send_watchdog()
        elif action is WatchdogAction.FAIL_OVER:
            self.events.append(PeerSuspected())
        elif action is WatchdogAction.FAIL_BACK:
            self.events.append(PeerRecovered())
        elif action is WatchdogAction.CLOSE:
            self.apply(Input.WATCHDOG_LOST, None, now)

    def send_watchdog(self) -> None:
        """Sends a DWR."""
        self.outgoing.request(DEVICE_WATCHDOG, self._state_id())

    def _wait(self, seconds: float, now: float) -> None:
        """Leaves the watchdog for a last deadline."""
        self.watchdog = None
        self.probe_deadline = None
        self.deadline = now + seconds

    def _state_id(self) -> list[Member]:
        state_id = self.local.identity.origin_state_id
        return [] if state_id is None else [("Origin-State-Id", state_id)]

    def _answer(self, subject: Subject, members: Iterable[Member] = ()) -> None:
        assert isinstance(subject, RequestReceived), "only a request is answered"
        self.outgoing.answer(subject.message, members)
        if subject.tolerated:
            self.events.append(RequestTolerated(subject.tolerated))

    # The actions of `states.TABLE`. Each takes what was received, None where nothing was.

    def _ignore(self, _subject: Subject, _now: float) -> None:
        pass

    def _report(self, subject: Subject, _now: float) -> None:
        assert isinstance(subject, AnswerReceived)
        self.events.append(subject)

    def _drop_answer(self, subject: Subject, _now: float) -> None:
        assert subject is not None
        self.events.append(AnswerDropped(subject.message))

    def _take_request(self, subject: Subject, _now: float) -> None:
        assert isinstance(subject, RequestReceived)
        self.requests_in_flight += 1
        self.events.append(subject)

    def _turn_away(self, subject: Subject, _now: float) -> None:
        assert subject is not None
        self.refuse(subject.message, TooBusy("this connection is being closed"))

    def _send_capabilities(self, _subject: Subject, now: float) -> None:
        self.deadline = now + self.local.cea_seconds
        members = [*self._state_id(), *own_capabilities(self.local)]
        self.outgoing.request(CAPABILITIES_EXCHANGE, members)

    def _hold(self, _subject: Subject, now: float) -> None:
        self.deadline = now + self.local.cer_seconds

    def _keep(self, subject: Subject, _now: float) -> None:
        assert subject is not None
        self.early.append(subject.message)

    def _answer_and_open(self, subject: Subject, now: float) -> None:
        self._answer_capabilities(subject, now)
        self._begin(now)

    def _open(self, _subject: Subject, now: float) -> None:
        if self.exchange.tolerated:
            self.events.append(RequestTolerated(self.exchange.tolerated))
        self._begin(now)

    def _begin(self, now: float) -> None:
        """Starts the watchdog of a peer that is taken."""
        terms, facts = self.exchange.terms, self.exchange.facts
        assert facts is not None
        self.deadline = None
        self.watchdog = Watchdog(
            terms.watchdog_seconds or self.local.watchdog_seconds,
            self._jitter,
            is_reopened=terms.is_reopened,
        )
        self.obey(self.watchdog.connection_up(now), now)
        self.events.append(PeerOpened(facts.origin_host, facts.origin_realm, facts))

    def _answer_capabilities(self, subject: Subject, _now: float) -> None:
        self._answer(subject, own_capabilities(self.local))

    def _answer_watchdog(self, subject: Subject, _now: float) -> None:
        self._answer(subject)

    def _answer_disconnect(self, subject: Subject, now: float) -> None:
        self._answer(subject)
        assert subject is not None
        self.disconnect_cause = subject.message.group.first("Disconnect-Cause")
        if self.state is State.OPEN:
            self._wait(self.local.disconnect_seconds, now)

    def _send_disconnect(self, _subject: Subject, now: float) -> None:
        self.outgoing.request(DISCONNECT_PEER, [("Disconnect-Cause", self.cause)])
        self._wait(self.local.disconnect_seconds, now)

    def _end_refused(self, _subject: Subject, _now: float) -> None:
        self.end(*self.exchange.ending)

    def _end_unexpected(self, subject: Subject, _now: float) -> None:
        assert subject is not None
        awaited = "CEA" if self.exchange.is_initiator else "CER"
        told = f"the peer sent {_described(subject.message)}"
        detail = f"{told} after {len(self.early)} others" if self.early else told
        self.end(CloseReason.UNEXPECTED_MESSAGE, f"{detail}, where its {awaited} was awaited")


def _described(message: Message) -> str:
    name = message.name or f"command {message.command_code}"
    return f"{name} ({'request' if message.is_request else 'answer'})"


Act = Callable[[Machine, Subject, float], None]

_ACTS: Mapping[Action, Act] = {
    Action.IGNORE: Machine._ignore,
    Action.REPORT: Machine._report,
    Action.DROP_ANSWER: Machine._drop_answer,
    Action.TAKE_REQUEST: Machine._take_request,
    Action.TURN_AWAY: Machine._turn_away,
    Action.SEND_CAPABILITIES: Machine._send_capabilities,
    Action.HOLD: Machine._hold,
    Action.KEEP: Machine._keep,
    Action.OPEN: Machine._open,
    Action.ANSWER_AND_OPEN: Machine._answer_and_open,
    Action.ANSWER_CAPABILITIES: Machine._answer_capabilities,
    Action.ANSWER_WATCHDOG: Machine._answer_watchdog,
    Action.ANSWER_DISCONNECT: Machine._answer_disconnect,
    Action.SEND_DISCONNECT: Machine._send_disconnect,
    Action.END_REFUSED: Machine._end_refused,
    Action.END_UNEXPECTED: Machine._end_unexpected,
}


def _act(action: Action | Ending) -> Act:
    if isinstance(action, Action):
        return _ACTS[action]
    reason, detail = action

    def end(machine: Machine, _subject: Subject, _now: float) -> None:
        machine.end(reason, detail)

    return end


# The table with methods for its actions: looked up once, not for every message.
_STEPS = {key: (_act(action), state) for key, (action, state) in TABLE.items()}
_FORBIDDEN = _act(FORBIDDEN[0]), FORBIDDEN[1]
