"""The load client of `bench`, a process of its own: `python -m diameter_ocs.simulator.load`.

Each slot runs sessions of I, U, U, U, U, T one after the other with one request in flight, so the
number of slots is the number of outstanding requests. In a closed loop a slot's next request leaves
when the one before it is answered; in an open loop, with a rate, requests leave at their planned
times, each in a slot that is free then. The result is one line of JSON. When the time or the number
of requests is reached, open sessions are ended with their T; on SIGTERM and when a connection ends,
nothing more is sent, and what was answered is reported.
"""

import contextlib
import json
import random
import selectors
import signal
import sys
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

from .answers import SUCCESS, UNKNOWN_SESSION_ID
from .connection import NOT_NOW
from .encoding import answer_to_request, is_disconnect
from .errors import SimulatorError
from .information import UNSIGNED32_MAX
from .load_answers import AnswerLayouts, UnreadableAnswer
from .load_checks import faults_of
from .load_connections import Connection, connect_all, connect_policy_server, disconnect_all
from .load_pcrf import LoadPcrf
from .load_plan import LoadPlan, parse_arguments, subscriber_of
from .load_requests import (
    IDENTIFIERS,
    IDENTIFIERS_AT,
    LoadSession,
    event_time,
    session_id,
    used_octets,
)
from .load_tally import Tally, journal_line
from .node import REQUEST_BIT
from .pace import Pace
from .steps import IN_SESSION, RequestType

HEADER_OCTETS = 20
READ_OCTETS = 262_144
MESSAGE_OCTETS_MAX = 65_536
SILENCE_SECONDS_MAX = 10.0
POLL_SECONDS = 0.1


class LoadRun:
    """One run over open connections."""

    def __init__(
        self, plan: LoadPlan, connections: Sequence[Connection], policy: Connection | None = None
    ) -> None:
        self.plan = plan
        self.tally = Tally()
        self._pcrf: LoadPcrf | None = None
        if policy is not None:
            self._pcrf = LoadPcrf(plan, policy, self.tally.count_fault)
        self._connections = connections
        # Unlike epoll it can be told to wait for less than a millisecond, as a pace needs.
        self._selector = selectors.SelectSelector()
        self._waiting: dict[int, LoadSession] = {}
        self._layouts = AnswerLayouts()
        self._ended: str | None = None
        self._sending = True
        self._run_id = random.getrandbits(32)
        self._hop_by_hop = random.getrandbits(16)
        self._end_to_end = (int(time.time()) & 0xFFF) << 20 | random.getrandbits(20)
        self._event_time = event_time(time.time())
        self._pace: Pace | None = None
        self._free = deque(range(plan.outstanding))
        self._ready: deque[LoadSession] = deque()
        self._journal: BinaryIO | None = None
        self._lines: list[bytes] = []
        self._record: BinaryIO | None = None

    def stop(self, reason: str) -> None:
        """Sends nothing more; answers still under way are awaited."""
        self._sending = False
        self._ended = self._ended or reason

    def run(self) -> dict[str, Any]:
        """Runs to the end and returns the report."""
        connections = [*self._connections]
        if self._pcrf is not None:
            self._pcrf.subscribe()
            connections.append(self._pcrf.connection)
        cpu_began = time.process_time()
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._selector)
            if self.plan.answered is not None:
                self._journal = stack.enter_context(self.plan.answered.open("wb", buffering=0))
            if self.plan.record is not None:
                self._record = stack.enter_context(self.plan.record.open("wb"))
            for connection in connections:
                connection.socket.setblocking(False)
                self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            full_speed = self._loop()
        cpu_seconds = time.process_time() - cpu_began
        self.tally.late = 0 if self._pace is None else self._pace.late
        if self._pcrf is not None:
            self._pcrf.finish()
        report = self.tally.report(self._ended or "answered", full_speed, cpu_seconds)
        templates = self._connections[0].templates
        octets = {kind.name.lower(): len(templates[kind].octets) for kind in IN_SESSION}
        told = None if self._pcrf is None else self._pcrf.report(full_speed[1])
        return report | {"request_octets": octets, "sy": told}

    def _loop(self) -> tuple[int, float]:
        """Returns how many answers came, and in how many seconds, before the run began to end."""
        began = latest_answer = time.perf_counter()
        full_speed: tuple[int, float] | None = None
        self._begin(began)
        while self._is_going_on():
            received = self._received()
            ready = self._selector.select(self._patience())
            now = time.perf_counter()
            self._event_time = event_time(time.time())
            for key, events in ready:
                self._serve(key.data, events, now)
            self._send_due(now)
            if self._received() > received or not (self._waiting or self._is_behind()):
                latest_answer = now
            elif now - latest_answer > SILENCE_SECONDS_MAX:
                self._give_up()
            self._check_limits(now, began)
            if full_speed is None and self._ended is not None:
                full_speed = self.tally.answered, now - began
        return full_speed or (self.tally.answered, time.perf_counter() - began)

    def _is_going_on(self) -> bool:
        has_more_to_send = self._pace is not None and self._ended is None
        return bool(self._waiting) or has_more_to_send or self._is_behind()

    def _is_behind(self) -> bool:
        """Does the policy server wait for notifications?"""
        return self._pcrf is not None and self._pcrf.is_behind

    def _give_up(self) -> None:
        """Waits no longer for what has not come."""
        if self._waiting:
            self.stop(f"no answer for {SILENCE_SECONDS_MAX:g} s")
            self._waiting.clear()
        if self._pcrf is not None:
            self._pcrf.is_patient = False

    def _received(self) -> int:
        return self.tally.answered + (0 if self._pcrf is None else self._pcrf.notified)

    def _begin(self, now: float) -> None:
        """Fills all slots, or sets the pace by which they will be filled."""
        plan = self.plan
        if plan.rate is not None:
            until = None if plan.duration_seconds is None else now + plan.duration_seconds
            self._pace = Pace(plan.rate, now, until)
            return
        while self._free:
            self._send_next(self._new_session(), now)
        self._write_all(range(len(self._connections)))

    def _patience(self) -> float:
        if self._pace is None or self._ended is not None or not (self._ready or self._free):
            return POLL_SECONDS
        return min(POLL_SECONDS, self._pace.seconds_to_next(time.perf_counter()))

    def _send_due(self, now: float) -> None:
        """Sends what the pace has made due, as far as slots are free."""
        pace = self._pace
        if pace is None or self._ended is not None:
            return
        written = set()
        while (planned := pace.due(now)) is not None:
            if not self._ready and not self._free:
                pace.hold_up(now)
                break
            session = self._ready.popleft() if self._ready else self._new_session()
            pace.take()
            self._send_next(session, planned)
            written.add(session.connection)
        self._write_all(written)

    def _write_all(self, connections: Iterable[int]) -> None:
        for number in connections:
            if self._connections[number].is_open:
                self._write(self._connections[number])

    def _check_limits(self, now: float, began: float) -> None:
        plan = self.plan
        if self._ended is not None:
            return
        if plan.duration_seconds is not None and now - began >= plan.duration_seconds:
            self._ended = "duration"
        elif plan.requests is not None and self.tally.sent >= plan.requests:
            self._ended = "requests"
        if self._ended is not None and self._pace is not None:
            self._end_pace(self._pace, now)

    def _end_pace(self, pace: Pace, now: float) -> None:
        """Counts what never left, and ends the sessions that wait for their next request."""
        self.tally.unsent = pace.overdue(now)
        for session in self._ready:
            session.request_type = RequestType.TERMINATE
            self._send_next(session, now)
        self._write_all({session.connection for session in self._ready})
        self._ready.clear()

    def _new_session(self) -> LoadSession:
        slot = self._free.popleft()
        number = self.tally.sessions_opened
        self.tally.sessions_opened += 1
        connection = slot % len(self._connections)
        name = session_id(self._connections[connection].identity, self._run_id, number)
        # A fresh Charging-Id: the server takes a repeated one for the same bearer.
        charging_id = (self._run_id + number) % UNSIGNED32_MAX + 1
        session = LoadSession(slot, connection, name, charging_id)
        session.subscriber = number % self.plan.subscribers
        session.imsi, session.msisdn = subscriber_of(self.plan, session.subscriber)
        return session

    def _send_next(self, session: LoadSession, now: float) -> None:
        """Puts the session's request into its connection's outbox."""
        sent = self.tally.sent
        self.tally.sent = sent + 1
        self._hop_by_hop = (self._hop_by_hop + 1) & 0xFFFF
        self._end_to_end = (self._end_to_end + 1) & UNSIGNED32_MAX
        session.hop_by_hop = self._hop_by_hop << 16 | session.slot
        session.end_to_end = self._end_to_end
        connection = self._connections[session.connection]
        template = connection.templates[session.request_type]
        services = len(template.used_at)
        if self._pcrf is None:
            session.used = used_octets(sent, services)
        else:
            session.used = self._pcrf.used_octets(session, sent, services)
        octets = template.render(session, self._event_time)
        connection.outbox += octets
        if self._record is not None:
            self._record.write(octets)
        session.sent_at = now
        self._waiting[session.hop_by_hop] = session

    def _serve(self, connection: Connection, events: int, now: float) -> None:
        if events & selectors.EVENT_READ:
            self._read(connection, now)
            if self._lines and self._journal is not None:
                self._journal.write(b"".join(self._lines))
                self._lines.clear()
        if connection.is_open:
            self._write(connection)

    def _write(self, connection: Connection) -> None:
        outbox = connection.outbox
        was_full = bool(self._selector.get_key(connection.socket).events & selectors.EVENT_WRITE)
        try:
            connection.send()
        except NOT_NOW:
            pass
        except OSError as error:
            self._lose(connection, str(error))
            return
        if bool(outbox) is not was_full:
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if outbox else 0)
            self._selector.modify(connection.socket, events, connection)

    def _read(self, connection: Connection, now: float) -> None:
        try:
            chunk = connection.socket.recv(READ_OCTETS)
        except NOT_NOW:
            return
        except OSError as error:
            self._lose(connection, str(error))
            return
        if not chunk:
            self._lose(connection, "closed by the server")
            return
        octets = connection.rest + chunk
        at, end = 0, len(octets)
        while end - at >= HEADER_OCTETS:
            length = int.from_bytes(octets[at + 1 : at + 4], "big")
            if not HEADER_OCTETS <= length <= MESSAGE_OCTETS_MAX:
                self._lose(connection, f"a message of {length} octets")
                return
            if at + length > end:
                break
            self._receive(connection, octets[at : at + length], now)
            at += length
        connection.rest = octets[at:]

    def _receive(self, connection: Connection, octets: bytes, now: float) -> None:
        if not octets[4] & REQUEST_BIT:
            self._receive_answer(octets, now)
            return
        if self._pcrf is not None and connection is self._pcrf.connection:
            connection.outbox += self._pcrf.receive(octets, now)
            return
        command_code, reply = answer_to_request(connection.identity, octets)
        connection.outbox += reply
        if is_disconnect(command_code):
            self.stop("the server is going down (DPR)")

    def _receive_answer(self, octets: bytes, now: float) -> None:
        tally = self.tally
        hop_by_hop, end_to_end = IDENTIFIERS.unpack_from(octets, IDENTIFIERS_AT)
        session = self._waiting.pop(hop_by_hop, None)
        if session is None:
            tally.unmatched += 1
            return
        tally.latency.record(now - session.sent_at)
        if self._record is not None:
            self._record.write(octets)
        if end_to_end != session.end_to_end:
            tally.count_fault("the end-to-end id is not the request's")
        code, services = self._read_codes(octets, session)
        used = dict(zip(self.plan.rating_groups, session.used, strict=False))
        tally.count_answer(code, services, used)
        if self._pcrf is not None and code == SUCCESS:
            charged = (n for group, n in used.items() if services.get(group, code) == SUCCESS)
            self._pcrf.spend(session.subscriber, sum(charged), now)
        if self._journal is not None:
            request = session.request_type, session.request_number
            self._lines.append(journal_line(session.session_id, request, code, used))
        if tally.answered % self.plan.check_every == 0:
            self._check(octets, session)
        self._continue(session, code, now)

    def _read_codes(self, octets: bytes, session: LoadSession) -> tuple[int, dict[int, int]]:
        """Returns the command's and the services' result codes, 0 for an answer without."""
        try:
            return self._layouts.codes(octets, session.request_type)
        except UnreadableAnswer as error:
            self.tally.count_fault(f"an answer cannot be read: {error}")
            return 0, {}

    def _check(self, octets: bytes, session: LoadSession) -> None:
        """Decodes an answer with python-diameter and compares it with its request."""
        self.tally.checked += 1
        for fault in faults_of(octets, session, self.plan.rating_groups):
            self.tally.count_fault(fault)

    def _continue(self, session: LoadSession, code: int, now: float) -> None:
        """Sends what comes next in the slot: the session's next request, or a new session's."""
        kind = session.request_type
        is_over = kind is RequestType.TERMINATE or code == UNKNOWN_SESSION_ID
        if kind is RequestType.TERMINATE:
            self.tally.sessions_closed += 1
        if is_over or (kind is RequestType.INITIAL and code != SUCCESS):
            self._free.append(session.slot)
            if self._pace is not None or self._ended is not None:
                return
            session = self._new_session()
        else:
            session.request_number += 1
            is_last = self._ended is not None or session.request_number > self.plan.updates
            session.request_type = RequestType.TERMINATE if is_last else RequestType.UPDATE
        if self._pace is not None and self._ended is None:
            self._ready.append(session)
        elif self._sending:
            self._send_next(session, now)

    def _lose(self, connection: Connection, reason: str) -> None:
        """Gives up a connection and, with it, the run."""
        self._ready.clear()
        self._selector.unregister(connection.socket)
        connection.socket.close()
        connection.is_open = False
        self._waiting = {
            key: session
            for key, session in self._waiting.items()
            if self._connections[session.connection] is not connection
        }
        self.stop(f"connection lost ({reason})")


def main(arguments: Sequence[str]) -> int:
    """Runs a plan and prints its report; 0 when every request was answered without a fault."""
    try:
        plan = parse_arguments(arguments)
        connections = connect_all(plan)
        policy = connect_policy_server(plan)
        run = LoadRun(plan, connections, policy)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: run.stop("terminated"))
        report = run.run()
    except SimulatorError as error:
        print(error, file=sys.stderr)
        return 2
    disconnect_all([*connections, *filter(None, [policy])])
    print(json.dumps(report), flush=True)
    return 1 if report["unanswered"] or report["faults"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
