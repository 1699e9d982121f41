"""Every state of a connection meets all that can happen to one; the table says what follows."""

from collections.abc import Callable

import pytest

from diameter_ocs.base.capabilities import PeerAccepted, PeerRefused
from diameter_ocs.base.events import CloseReason, Event, PeerClosed, RequestReceived
from diameter_ocs.base.message import Message, request
from diameter_ocs.base.peer import EARLY_MESSAGES_MAX, DisconnectCause
from diameter_ocs.base.states import FORBIDDEN, TABLE, Ending, Input, State
from tests.base.peers import (
    DICTIONARY,
    DPR,
    DWR,
    calling_peer,
    cea,
    new_peer,
    reply,
    reply_to,
    sent,
)
from tests.base.wire import ORIGIN_HOST, ORIGIN_REALM, avp, ccr, cer, message, number

NOW = 2.0
STRAY = message(280, avp(268, number(2001)), ORIGIN_HOST, application=0, flags=0)
ACCEPTED, REFUSED = PeerAccepted(), PeerRefused(None, "not wanted")
OURS = request(DICTIONARY, "Re-Auth", 5, 6, [("Session-Id", "a")])
UNOPENED = frozenset((State.WAIT_CER, State.HELD, State.WAIT_CEA, State.HELD_CEA))
INITIATED = frozenset((State.WAIT_CEA, State.HELD_CEA))
HELD = frozenset((State.HELD, State.HELD_CEA))


class Subject:
    """A connection in a state, and what it has asked; if it is closing it may owe an answer."""

    def __init__(self, state: State, *, is_stream: bool = True, owes: bool = False) -> None:
        self._owes = owes
        self.decision: PeerAccepted | PeerRefused | None = ACCEPTED
        self.asked: dict[int, Message] = {}
        """Our own requests, by command code."""
        if state in INITIATED:
            self.peer, cer_sent = calling_peer(lambda _: self.decision, is_stream=is_stream)
            self.asked[257] = cer_sent
        else:
            self.peer = new_peer(lambda _: self.decision, is_stream=is_stream)
        if state in HELD:
            self.decision = None
            self.receive(cea(self.asked[257]) if state in INITIATED else cer())
        if state not in UNOPENED:
            self._open(state)
        assert self.peer.state is state

    def receive(self, octets: bytes) -> list[Event]:
        return self.peer.receive_data(octets, NOW)

    def _open(self, state: State) -> None:
        self.receive(cer())
        self.peer.messages_to_send()
        self.peer.send(OURS)
        self.peer.timer_expired(31.0 + NOW)
        (given_out,) = self.receive(ccr())
        if state is State.LEAVING:
            self.receive(DPR)
        if state in (State.CLOSING, State.DRAINING):
            self.peer.disconnect(DisconnectCause.REBOOTING, NOW)
        self.asked |= {each.command_code: each for each in sent(self.peer) if each.is_request}
        if state is State.DRAINING:
            self.receive(reply_to(self.asked[282]))
        elif not self._owes:
            assert isinstance(given_out, RequestReceived)
            reply(self.peer, given_out.message)
            self.peer.messages_to_send()


def by_answer(code: int) -> Callable[[Subject], list[Event]]:
    """The answer to a request of ours; where there is none, to one that was never sent."""

    def cause(subject: Subject) -> list[Event]:
        asked = subject.asked.get(code)
        return subject.receive(STRAY if asked is None else reply_to(asked))

    return cause


def by_octets(octets: bytes) -> Callable[[Subject], list[Event]]:
    return lambda subject: subject.receive(octets)


def by_capabilities(
    decision: PeerAccepted | PeerRefused | None, **made: bytes
) -> Callable[[Subject], list[Event]]:
    """A CER; the CEA where this node waits for one."""

    def cause(subject: Subject) -> list[Event]:
        subject.decision = decision
        if subject.peer.state is State.WAIT_CEA:
            return subject.receive(cea(subject.asked[257], **made))  # type: ignore[arg-type]
        return subject.receive(cer(**made))  # type: ignore[arg-type]

    return cause


def by_silence(subject: Subject) -> list[Event]:
    """As long as it takes."""
    events: list[Event] = []
    while not events or not isinstance(events[-1], PeerClosed):
        deadline = subject.peer.next_timer()
        assert deadline is not None
        events = subject.peer.timer_expired(deadline)
    return events


def by_probe(subject: Subject) -> list[Event]:
    subject.peer.probe(NOW)
    deadline = subject.peer.next_timer()
    assert deadline is not None
    return subject.peer.timer_expired(deadline)


CAUSES: dict[str, Callable[[Subject], list[Event]]] = {
    "this node initiates": lambda subject: subject.peer.initiate("gw.example", NOW),
    "capabilities that are accepted": by_capabilities(ACCEPTED),
    "capabilities that are held": by_capabilities(None),
    "capabilities that are refused": by_capabilities(REFUSED),
    "capabilities that are wrong": by_capabilities(ACCEPTED, without=ORIGIN_REALM),
    "another CER": by_octets(cer(avp(264, b"other.example"), without=ORIGIN_HOST)),
    "the decision to accept": lambda subject: subject.peer.decide(ACCEPTED, NOW),
    "the decision to refuse": lambda subject: subject.peer.decide(REFUSED, NOW),
    "a request": by_octets(ccr()),
    "an answer": by_answer(258),
    "a stray answer": by_octets(STRAY),
    "a DWR": by_octets(DWR),
    "a DWA": by_answer(280),
    "a DPR": by_octets(DPR),
    "a DPA": by_answer(282),
    "another connection is kept": lambda subject: subject.peer.give_way(NOW),
    "a stop": lambda subject: subject.peer.disconnect(DisconnectCause.BUSY, NOW),
    "silence": by_silence,
    "a probe without an answer": by_probe,
    "the transport ends": lambda subject: subject.peer.connection_lost(NOW),
}
OPENED = (State.OPEN, State.CLOSING, State.DRAINING, State.LEAVING)
BEFORE = {
    State.WAIT_CER: Input.UNEXPECTED,
    State.HELD: Input.UNEXPECTED,
    State.WAIT_CEA: Input.UNEXPECTED,
    State.HELD_CEA: Input.EARLY,
}
EVERYWHERE = (*BEFORE, *OPENED)


def of(what: Input, *states: State) -> dict[State, Input]:
    return dict.fromkeys(states, what)


def exchanged(what: Input, later: Input = Input.CER_REPEATED) -> dict[State, Input]:
    """What capabilities are where they are awaited, and later."""
    return BEFORE | of(what, State.WAIT_CER, State.WAIT_CEA) | of(later, *OPENED)


# What each cause is in each state; in all others it is nothing.
INPUTS: dict[str, dict[State, Input]] = {
    "this node initiates": of(Input.INITIATE, *EVERYWHERE),
    "capabilities that are accepted": exchanged(Input.ACCEPTED),
    "capabilities that are held": exchanged(Input.HELD),
    "capabilities that are refused": exchanged(Input.REFUSED),
    "capabilities that are wrong": exchanged(Input.REFUSED, Input.REFUSED),
    "another CER": BEFORE | of(Input.ACCEPTED, State.WAIT_CER) | of(Input.CER_CHANGED, *OPENED),
    "the decision to accept": of(Input.ACCEPTED, *HELD),
    "the decision to refuse": of(Input.REFUSED, *HELD),
    "a request": BEFORE | of(Input.REQUEST, *OPENED),
    "an answer": BEFORE | of(Input.ANSWER, *OPENED),
    "a stray answer": BEFORE | of(Input.STRAY_ANSWER, *OPENED),
    "a DWR": BEFORE | of(Input.DWR, *OPENED),
    "a DWA": BEFORE | of(Input.DWA, *OPENED),
    "a DPR": BEFORE | of(Input.DPR, *OPENED),
    "a DPA": BEFORE | of(Input.STRAY_ANSWER, *OPENED) | of(Input.DPA, State.CLOSING),
    "another connection is kept": of(Input.GIVE_WAY, *EVERYWHERE),
    "a stop": of(Input.STOP, *EVERYWHERE),
    "silence": of(Input.TIMEOUT, *EVERYWHERE) | of(Input.WATCHDOG_LOST, State.OPEN),
    "a probe without an answer": of(Input.PROBE_LOST, State.OPEN),
    "the transport ends": of(Input.TRANSPORT_LOST, *EVERYWHERE),
}
ROWS = [(state, cause, what) for cause, inputs in INPUTS.items() for state, what in inputs.items()]
NOTHING = [
    (state, cause)
    for cause, inputs in INPUTS.items()
    for state in EVERYWHERE
    if state not in inputs and not cause.startswith("a probe")
]


def assert_obeyed(subject: Subject, state: State, what: Input, events: list[Event]) -> None:
    action, after = TABLE.get((state, what), FORBIDDEN)
    assert subject.peer.state is after
    closed = [event for event in events if isinstance(event, PeerClosed)]
    assert len(closed) == (after is State.CLOSED)
    if isinstance(action, Ending):
        assert closed == [PeerClosed(*action)]


@pytest.mark.parametrize(
    ("state", "cause", "what"), ROWS, ids=[f"{row[0].name} {row[1]}" for row in ROWS]
)
def test_the_table_is_obeyed(state: State, cause: str, what: Input) -> None:
    subject = Subject(state)
    assert_obeyed(subject, state, what, CAUSES[cause](subject))


@pytest.mark.parametrize(
    ("state", "cause"), NOTHING, ids=[f"{row[0].name} {row[1]}" for row in NOTHING]
)
def test_what_is_nothing_in_a_state_changes_nothing(state: State, cause: str) -> None:
    subject = Subject(state)
    assert CAUSES[cause](subject) == []
    assert (subject.peer.state, subject.peer.messages_to_send()) == (state, [])


def test_a_dpa_that_finds_a_request_unanswered_is_early() -> None:
    subject = Subject(State.CLOSING, owes=True)
    events = by_answer(282)(subject)
    assert_obeyed(subject, State.CLOSING, Input.DPA_EARLY, events)


@pytest.mark.parametrize("cause", ["a request", "a DWR", "another CER", "a stray answer"])
def test_without_a_stream_a_message_may_overtake_the_cea(cause: str) -> None:
    subject = Subject(State.WAIT_CEA, is_stream=False)
    events = CAUSES[cause](subject)
    assert_obeyed(subject, State.WAIT_CEA, Input.EARLY, events)


def test_one_message_too_many_before_the_cea_ends_the_connection() -> None:
    subject = Subject(State.HELD_CEA)
    for _ in range(EARLY_MESSAGES_MAX):
        assert subject.receive(DWR) == []
    assert_obeyed(subject, State.HELD_CEA, Input.UNEXPECTED, subject.receive(DWR))


def test_every_row_of_the_table_is_met() -> None:
    met = {(state, what) for state, _, what in ROWS}
    met |= {
        (State.CLOSING, Input.DPA_EARLY),
        (State.WAIT_CEA, Input.EARLY),
        (State.HELD_CEA, Input.UNEXPECTED),
    }
    assert set(TABLE) <= met


@pytest.mark.parametrize("what", Input)
@pytest.mark.parametrize("state", EVERYWHERE)
def test_what_is_absent_from_the_table_ends_the_connection(state: State, what: Input) -> None:
    if (state, what) in TABLE:
        return
    peer = Subject(state).peer
    peer._machine.apply(what, None, NOW)
    assert peer.state is State.CLOSED
    (closed,) = (each for each in peer.connection_lost(NOW) if isinstance(each, PeerClosed))
    assert closed.reason is CloseReason.UNEXPECTED_MESSAGE


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if "silence" not in cause])
def test_nothing_happens_to_a_connection_that_is_over(cause: str) -> None:
    subject = Subject(State.OPEN)
    subject.peer.connection_lost(NOW)
    subject.peer.messages_to_send()
    if not cause.startswith("a probe"):
        assert CAUSES[cause](subject) == []
    assert subject.peer.next_timer() is None
    assert (subject.peer.state, subject.peer.messages_to_send()) == (State.CLOSED, [])


def test_every_state_but_the_last_can_be_stopped_lost_and_timed() -> None:
    for state in set(State) - {State.CLOSED}:
        assert (state, Input.STOP) in TABLE
        assert (state, Input.TRANSPORT_LOST) in TABLE
        assert (state, Input.TIMEOUT if state is not State.OPEN else Input.WATCHDOG_LOST) in TABLE
    assert not any(state is State.CLOSED for state, _ in TABLE)
