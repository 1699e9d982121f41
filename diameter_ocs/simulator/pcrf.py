"""A policy server (PCRF) on one connection: it subscribes to spending limits over Sy and takes what
is notified (TS 29.219).

    SCRIPT  = {SETTING | ACTION}
    SETTING = counters=[NAME {"," NAME}] | features=[NUMBER] | snr=REACTION | patience=SECONDS
    ACTION  = (subscribe | update | terminate) ["@" CODE] | wait [":" SECONDS]
            | wait-snr [":" NAME=STATUS {"," NAME=STATUS}] | reconnect

`counters` are those of the requests after it, none are all; `features` the bits of list 1 of
Supported-Features. A `subscribe` while subscribed repeats the initial request of the session. A
`wait` without an end lasts until it is interrupted; wait-snr is over when one has told what stands
after it. A session that the server asks to end is terminated.
"""

import random
import re
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from .answers import SUCCESS, code_text
from .connection import open_connection
from .conversation import WAIT, parse_wait
from .encoding import Identity, Subscriber
from .errors import StepError
from .node import Node, Turn
from .policy_counters import CounterReport
from .reactions import PATIENCE, Manners
from .server_requests import ServerRequest
from .spending_limits import (
    INITIAL,
    KINDS,
    SY,
    SpendingLimitAnswer,
    SpendingLimitKeys,
    read_spending_limit_answer,
    session_termination_request,
    spending_limit_request,
)
from .steps import SETTING
from .wires import Connect, over_tcp
from .words import numbered, one_of, parse_amount, parse_code

FEATURES_MAX = 2**32 - 1
REQUESTS = {name: request_type for request_type, name in KINDS.items()}
WAIT_SNR, RECONNECT = "wait-snr", "reconnect"
ACTIONS = (*REQUESTS, WAIT, WAIT_SNR, RECONNECT)
SETTINGS = ("counters", "features", "snr", PATIENCE)


@dataclass(frozen=True, slots=True)
class Conduct:
    """What the settings say: what is asked for, and how the PCRF behaves."""

    counters: tuple[str, ...] = ()
    features: int | None = None
    manners: Manners = field(default_factory=Manners)


@dataclass(frozen=True, slots=True)
class PcrfAction:
    """What is done next; `seconds` are those of a wait, None is no end.

    `expected` is the code that the answer should have, or None; `statuses` what is awaited.
    """

    kind: str
    conduct: Conduct
    expected: int | None = None
    seconds: float | None = None
    statuses: tuple[tuple[str, str], ...] = ()


class PcrfTold(NamedTuple):
    """Something that happened, and what of it should have been otherwise."""

    event: SpendingLimitAnswer | ServerRequest | Turn | None
    unmet: tuple[str, ...] = ()


def parse_pcrf_script(texts: Iterable[str], conduct: Conduct) -> tuple[PcrfAction, ...]:
    """Reads a script; `conduct` is what holds at first. Raises StepError for a wrong word."""
    actions = []
    for where, word in numbered(texts):
        setting = SETTING.match(word)
        if setting is None:
            actions.append(_parse_action(where, word, conduct))
        else:
            conduct = _parse_setting(where, conduct, setting[1], word[setting.end() :])
    return tuple(actions)


def connect_pcrf(
    host: str,
    port: int,
    identity: Identity,
    subscriber: Subscriber,
    session_id: bytes | None,
    over: Connect = over_tcp,
) -> "Pcrf":
    """Connects to a server and exchanges capabilities; raises SimulatorError.

    `session_id` is that of all sessions, None: each has its own.
    """
    manners = Manners()

    def dial() -> socket.socket:
        return open_connection(host, port, identity, manners.patience_seconds, SY, over)

    return Pcrf(Node(dial(), identity, dial), subscriber, session_id)


class Pcrf:
    """A PCRF with one Sy session at a time; `view` holds what it was told of each counter."""

    def __init__(self, node: Node, subscriber: Subscriber, session_id: bytes | None) -> None:
        self.view: dict[str, CounterReport] = {}
        self._node = node
        self._subscriber = subscriber
        self._given_session_id = session_id
        self._identity = node.identity
        self._session_id = b""
        self._is_subscribed = False

    def run(self, script: Iterable[PcrfAction]) -> Iterator[PcrfTold]:
        """Does one action after the other, and yields what happens as it happens.

        Raises SimulatorError when the connection ends or no answer comes in time.
        """
        for action in script:
            manners = action.conduct.manners
            self._node.reactions = manners.reactions
            self._node.patience_seconds = manners.patience_seconds
            if action.kind == WAIT_SNR:
                yield from self._await(action)
                continue
            for event in self._node.taken():
                yield from self._take(event)
            if action.kind == WAIT:
                yield from self._wait(action.seconds)
            elif action.kind == RECONNECT:
                self._node.reconnect()
            else:
                yield self._ask(action)
        for event in self._node.taken():
            yield from self._take(event)

    def close(self) -> None:
        """Takes leave of the server with DPR."""
        self._node.close()

    def _ask(self, action: PcrfAction) -> PcrfTold:
        """Sends an SLR or STR, and takes the answer in."""
        request_type = REQUESTS[action.kind]
        if request_type == INITIAL and not self._is_subscribed:
            self._begin()
        hop_by_hop, end_to_end = self._node.next_identifiers()
        keys = SpendingLimitKeys(self._session_id, hop_by_hop, end_to_end)
        if request_type is None:
            request = session_termination_request(self._identity, keys)
            self._node.open_sessions.discard(self._session_id)
            self._is_subscribed = False
        else:
            conduct = action.conduct
            request = spending_limit_request(
                *(self._identity, keys, request_type, self._subscriber),
                *(conduct.counters, conduct.features),
            )
        octets = self._node.exchange(request, hop_by_hop)
        answer = read_spending_limit_answer(octets, keys, request_type)
        if answer.result_code == SUCCESS and request_type is not None:
            self._is_subscribed = True
            self._node.open_sessions.add(self._session_id)
            self._identity = replace(self._identity, destination_host=answer.origin_host)
            self.view = {report.counter: report for report in answer.reports}
        unmet = answer.faults
        if action.expected not in (None, answer.result_code):
            got = code_text(answer.result_code)
            unmet = (f"expected result code {action.expected}, got {got}", *unmet)
        return PcrfTold(answer, unmet)

    def _begin(self) -> None:
        self._identity = self._node.identity
        own = f"{self._identity.origin_host};{int(time.time())};{random.getrandbits(32)};sy"
        self._session_id = self._given_session_id or own.encode()
        self.view = {}

    def _await(self, action: PcrfAction) -> Iterator[PcrfTold]:
        """Takes what comes until an SNR has told what is awaited."""
        patience = action.conduct.manners.patience_seconds
        deadline = time.monotonic() + patience
        while (event := self._node.next_event(deadline)) is not None:
            yield from self._take(event)
            if isinstance(event, ServerRequest) and event.command == "SNR":
                told = {(report.counter, report.status) for report in event.reports}
                if told.issuperset(action.statuses):
                    return
        awaited = ", ".join(f"{name}={status}" for name, status in action.statuses)
        what = f"no SNR that tells {awaited}" if awaited else "no SNR"
        yield PcrfTold(None, (f"{what} came within {patience:g} s",))

    def _wait(self, seconds: float | None) -> Iterator[PcrfTold]:
        """Takes what comes until the time is over, or until it is interrupted."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while True:
            try:
                event = self._node.next_event(deadline)
            except KeyboardInterrupt:
                return
            if event is None:
                return
            yield from self._take(event)

    def _take(self, event: ServerRequest | Turn) -> Iterator[PcrfTold]:
        """Tells what came, and remembers it; ends the session where that is asked for."""
        if isinstance(event, Turn):
            yield PcrfTold(event)
            return
        unasked = [each.counter for each in event.reports if each.counter not in self.view]
        if event.result_code == SUCCESS:
            self.view.update((report.counter, report) for report in event.reports)
        faults = (f"nobody subscribed to the counter {name}" for name in unasked)
        yield PcrfTold(event, (*event.faults, *faults))
        if event.is_abort and event.is_followed and self._is_subscribed:
            yield self._ask(PcrfAction(KINDS[None], Conduct()))


def _parse_setting(where: str, conduct: Conduct, word: str, value: str) -> Conduct:
    if word not in SETTINGS:
        raise StepError(f"{where}: {word!r} is no setting; write {one_of(SETTINGS)}")
    if word == "counters":
        return replace(conduct, counters=tuple(name for name in value.split(",") if name))
    if word == "features":
        features = parse_amount(where, value, {}, FEATURES_MAX) if value else None
        return replace(conduct, features=features)
    return replace(conduct, manners=conduct.manners.having(where, word, value))


def _parse_action(where: str, word: str, conduct: Conduct) -> PcrfAction:
    kind = re.split("[:@]", word, maxsplit=1)[0]
    if kind not in ACTIONS:
        raise StepError(f"{where}: {kind!r} is no kind of step; write {one_of(ACTIONS)}")
    if kind == WAIT:
        return PcrfAction(kind, conduct, seconds=parse_wait(where, word))
    if kind == WAIT_SNR:
        return PcrfAction(kind, conduct, statuses=_parse_statuses(where, word))
    _, at, code = word.partition("@")
    return PcrfAction(kind, conduct, expected=parse_code(where, code) if at else None)


def _parse_statuses(where: str, word: str) -> tuple[tuple[str, str], ...]:
    _, colon, written = word.partition(":")
    if not colon:
        return ()
    pairs = [pair.partition("=") for pair in written.split(",")]
    if not all(name and status for name, _, status in pairs):
        raise StepError(f"{where}: write COUNTER=STATUS after the colon, several after commas")
    return tuple((name, status) for name, _, status in pairs)
