"""The load client of `bench`, a process of its own: `python -m diameter_ocs.simulator.load`.

Each slot runs sessions of I, U, U, U, U, T one after the other with one request in flight, so the
number of slots is the number of outstanding requests. The result is one line of JSON. When the time
or the number of requests is reached, open sessions are ended with their T; on SIGTERM and when a
connection ends, nothing more is sent, and what was answered is reported.
"""

import argparse
import contextlib
import json
import random
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from .answers import SUCCESS, UNKNOWN_SESSION_ID, read_answer
from .encoding import (
    Identity,
    RequestKeys,
    Subscriber,
    answer_to_request,
    is_disconnect,
)
from .errors import SimulatorError
from .gateway import REQUEST_BIT, Gateway, open_connection
from .load_answers import AnswerLayout, UnreadableAnswer, learn_layout
from .load_requests import (
    IDENTIFIERS,
    IDENTIFIERS_AT,
    LoadSession,
    RequestTemplate,
    event_time,
    make_templates,
    session_id,
)
from .load_tally import Tally, journal_line
from .steps import UNSIGNED32_MAX, RequestType

HEADER_OCTETS = 20
READ_OCTETS = 262_144
MESSAGE_OCTETS_MAX = 65_536
OUTSTANDING_MAX = 65_536
LAYOUTS_MAX = 1_000
IMSI_DIGITS = 15
MSISDN_DIGITS_MAX = 15
CONNECT_SECONDS = 10.0
SILENCE_SECONDS_MAX = 10.0
POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What to send and for how long.

    The run ends after `duration_seconds` or when `requests` have been sent, whichever comes first
    (None is no limit). The subscribers follow one another from the first IMSI and MSISDN. Each
    connection has an Origin-Host of its own, `pgw1`, `pgw2` and so on in `origin_realm`. Every
    `check_every`-th answer is decoded in full and compared with its request. `answered` is a file
    for one line of JSON per answer, written before the next request of its session is sent.
    """

    host: str = "127.0.0.1"
    port: int = 3868
    connections: int = 4
    outstanding: int = 64
    subscribers: int = 100
    first_imsi: str = "001010000000001"
    first_msisdn: str = "15550100001"
    rating_groups: tuple[int, ...] = (300, 380)
    updates: int = 4
    duration_seconds: float | None = 10.0
    requests: int | None = None
    check_every: int = 100
    answered: Path | None = None
    origin_realm: str = "demo.example"
    destination_realm: str = "demo.example"

    def __post_init__(self) -> None:
        """Raises SimulatorError for a plan that cannot be run."""
        if not 1 <= self.connections <= self.outstanding <= OUTSTANDING_MAX:
            raise SimulatorError(
                f"{self.connections} connections do not go with {self.outstanding} outstanding "
                f"requests; write one for each connection at least, {OUTSTANDING_MAX} at most"
            )
        if self.duration_seconds is None and self.requests is None:
            raise SimulatorError(
                "the run would never end; write a duration or a number of requests"
            )
        if min(self.subscribers, self.check_every, len(self.rating_groups)) < 1:
            raise SimulatorError(
                "write at least one subscriber, one rating group, one check in one"
            )
        if not (self.first_imsi.isdigit() and len(self.first_imsi) == IMSI_DIGITS):
            raise SimulatorError(f"the first IMSI must have {IMSI_DIGITS} digits and nothing else")
        if not (self.first_msisdn.isdigit() and 5 <= len(self.first_msisdn) <= MSISDN_DIGITS_MAX):
            raise SimulatorError(
                f"the first MSISDN must have 5 to {MSISDN_DIGITS_MAX} digits and nothing else"
            )


class Connection:
    """One connection: its socket, its templates, and the octets not yet read or written."""

    __slots__ = ("identity", "is_open", "outbox", "rest", "socket", "templates")

    def __init__(
        self,
        identity: Identity,
        connected: socket.socket,
        templates: Mapping[RequestType, RequestTemplate],
    ) -> None:
        self.identity = identity
        self.socket = connected
        self.templates = templates
        self.rest = b""
        self.outbox = bytearray()
        self.is_open = True


class LoadRun:
    """One run over open connections."""

    def __init__(self, plan: LoadPlan, connections: Sequence[Connection]) -> None:
        self.plan = plan
        self.tally = Tally()
        self._connections = connections
        self._selector = selectors.DefaultSelector()
        self._waiting: dict[int, LoadSession] = {}
        self._layouts: dict[tuple[int, RequestType], AnswerLayout] = {}
        self._ended: str | None = None
        self._sending = True
        self._run_id = random.getrandbits(32)
        self._hop_by_hop = random.getrandbits(16)
        self._end_to_end = (int(time.time()) & 0xFFF) << 20 | random.getrandbits(20)
        self._event_time = event_time(time.time())
        self._first_imsi = int(plan.first_imsi)
        self._first_msisdn = int(plan.first_msisdn)
        self._journal: BinaryIO | None = None
        self._lines: list[bytes] = []

    def stop(self, reason: str) -> None:
        """Sends nothing more; answers still under way are awaited."""
        self._sending = False
        self._ended = self._ended or reason

    def run(self) -> dict[str, Any]:
        """Runs to the end and returns the report."""
        cpu_began = time.process_time()
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._selector)
            if self.plan.answered is not None:
                self._journal = stack.enter_context(self.plan.answered.open("wb", buffering=0))
            for connection in self._connections:
                connection.socket.setblocking(False)
                self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            full_speed = self._loop()
        cpu_seconds = time.process_time() - cpu_began
        return self.tally.report(self._ended or "answered", full_speed, cpu_seconds)

    def _loop(self) -> tuple[int, float]:
        """Returns how many answers came, and in how many seconds, before the run began to end."""
        began = latest_answer = time.perf_counter()
        full_speed: tuple[int, float] | None = None
        for slot in range(self.plan.outstanding):
            self._send_next(self._new_session(slot), began)
        for connection in self._connections:
            self._write(connection)
        while self._waiting:
            answered = self.tally.answered
            ready = self._selector.select(POLL_SECONDS)
            now = time.perf_counter()
            self._event_time = event_time(time.time())
            for key, events in ready:
                self._serve(key.data, events, now)
            if self.tally.answered > answered:
                latest_answer = now
            elif now - latest_answer > SILENCE_SECONDS_MAX:
                self.stop(f"no answer for {SILENCE_SECONDS_MAX:g} s")
                self._waiting.clear()
            self._check_limits(now - began)
            if full_speed is None and self._ended is not None:
                full_speed = self.tally.answered, now - began
        return full_speed or (self.tally.answered, time.perf_counter() - began)

    def _check_limits(self, elapsed: float) -> None:
        plan = self.plan
        if self._ended is not None:
            return
        if plan.duration_seconds is not None and elapsed >= plan.duration_seconds:
            self._ended = "duration"
        elif plan.requests is not None and self.tally.sent >= plan.requests:
            self._ended = "requests"

    def _new_session(self, slot: int) -> LoadSession:
        number = self.tally.sessions_opened
        self.tally.sessions_opened += 1
        connection = slot % len(self._connections)
        name = session_id(self._connections[connection].identity, self._run_id, number)
        # A fresh Charging-Id: the server takes a repeated one for the same bearer.
        charging_id = (self._run_id + number) % UNSIGNED32_MAX + 1
        session = LoadSession(slot, connection, name, charging_id)
        subscriber = number % self.plan.subscribers
        session.imsi = b"%015d" % (self._first_imsi + subscriber)
        session.msisdn = b"%0*d" % (len(self.plan.first_msisdn), self._first_msisdn + subscriber)
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
        # Amounts that all differ show in the sums when one is charged in another's place.
        session.used = tuple(
            1_000 + (sent * 7_919 + position * 6_007) % 19_001
            for position in range(len(template.used_at))
        )
        connection.outbox += template.render(session, self._event_time)
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
            while outbox:
                del outbox[: connection.socket.send(outbox)]
        except BlockingIOError:
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
        except BlockingIOError:
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
        if end_to_end != session.end_to_end:
            tally.count_fault("the end-to-end id is not the request's")
        code, services = self._read_codes(octets, session)
        used = dict(zip(self.plan.rating_groups, session.used, strict=False))
        tally.count_answer(code, services, used)
        if self._journal is not None:
            request = session.request_type, session.request_number
            self._lines.append(journal_line(session.session_id, request, code, used))
        if tally.answered % self.plan.check_every == 0:
            self._check(octets, session)
        self._continue(session, code, now)

    def _read_codes(self, octets: bytes, session: LoadSession) -> tuple[int, dict[int, int]]:
        """Returns the command's and the services' result codes, 0 for an answer without."""
        key = len(octets), session.request_type
        layout = self._layouts.get(key)
        if layout is None or not layout.fits(octets):
            try:
                layout = learn_layout(octets)
            except UnreadableAnswer as error:
                self.tally.count_fault(f"an answer cannot be read: {error}")
                return 0, {}
            if len(self._layouts) < LAYOUTS_MAX:
                self._layouts[key] = layout
        return layout.result_code(octets), layout.service_codes(octets)

    def _check(self, octets: bytes, session: LoadSession) -> None:
        """Decodes an answer with python-diameter and compares it with its request."""
        self.tally.checked += 1
        keys = RequestKeys(
            session_id=session.session_id.decode(),
            charging_id=session.charging_id,
            request_number=session.request_number,
            hop_by_hop=session.hop_by_hop,
            end_to_end=session.end_to_end,
            event_time=0,
        )
        try:
            answer = read_answer(octets, keys, session.request_type)
        except SimulatorError as error:
            self.tally.count_fault(str(error))
            return
        for fault in answer.faults:
            self.tally.count_fault(fault)
        if answer.result_code != SUCCESS or session.request_type is RequestType.TERMINATE:
            return
        if [service.rating_group for service in answer.services] != [*self.plan.rating_groups]:
            self.tally.count_fault("the services are not the requested rating groups in order")
        for service in answer.services:
            octets_granted = service.granted and service.granted.total_octets
            if service.result_code == SUCCESS and not (octets_granted or service.final_unit_action):
                self.tally.count_fault("a service has 2001 but no octets are granted")
            if service.result_code is None:
                self.tally.count_fault("a service has no Result-Code")

    def _continue(self, session: LoadSession, code: int, now: float) -> None:
        """Sends what comes next in the slot: the session's next request, or a new session's."""
        kind = session.request_type
        is_over = kind is RequestType.TERMINATE or code == UNKNOWN_SESSION_ID
        if kind is RequestType.TERMINATE:
            self.tally.sessions_closed += 1
        if is_over or (kind is RequestType.INITIAL and code != SUCCESS):
            if self._ended is not None:
                return
            session = self._new_session(session.slot)
        else:
            session.request_number += 1
            is_last = self._ended is not None or session.request_number > self.plan.updates
            session.request_type = RequestType.TERMINATE if is_last else RequestType.UPDATE
        if self._sending:
            self._send_next(session, now)

    def _lose(self, connection: Connection, reason: str) -> None:
        """Gives up a connection and, with it, the run."""
        self._selector.unregister(connection.socket)
        connection.socket.close()
        connection.is_open = False
        self._waiting = {
            key: session
            for key, session in self._waiting.items()
            if self._connections[session.connection] is not connection
        }
        self.stop(f"connection lost ({reason})")


def connect_all(plan: LoadPlan) -> list[Connection]:
    """Opens the connections of a plan; raises SimulatorError when the server refuses one."""
    first = Subscriber(plan.first_imsi, plan.first_msisdn)
    connections = []
    for number in range(1, plan.connections + 1):
        identity = Identity(
            f"pgw{number}.{plan.origin_realm}", plan.origin_realm, plan.destination_realm
        )
        templates = make_templates(identity, plan.rating_groups, first)
        connected = open_connection(plan.host, plan.port, identity, CONNECT_SECONDS)
        connections.append(Connection(identity, connected, templates))
    return connections


def disconnect_all(connections: Sequence[Connection]) -> None:
    """Takes leave of the server on every connection that is still open."""
    for connection in connections:
        if connection.is_open:
            Gateway(connection.socket, connection.identity).close()


def parse_arguments(arguments: Sequence[str]) -> LoadPlan:
    """Reads the command line; argparse ends the process when it is wrong."""
    plan = LoadPlan()
    parser = argparse.ArgumentParser(prog="python -m diameter_ocs.simulator.load")
    parser.add_argument("--host", default=plan.host)
    parser.add_argument("--port", type=int, default=plan.port)
    parser.add_argument("--connections", type=int, default=plan.connections)
    parser.add_argument("--outstanding", type=int, default=plan.outstanding)
    parser.add_argument("--subscribers", type=int, default=plan.subscribers)
    parser.add_argument("--first-imsi", default=plan.first_imsi)
    parser.add_argument("--first-msisdn", default=plan.first_msisdn)
    parser.add_argument("--rating-group", type=int, action="append", dest="rating_groups")
    parser.add_argument("--updates", type=int, default=plan.updates, help="CCR-U per session")
    parser.add_argument("--duration", type=float, dest="duration_seconds", help="in seconds")
    parser.add_argument("--requests", type=int, help="how many to send")
    parser.add_argument("--check-every", type=int, default=plan.check_every)
    parser.add_argument("--answered", type=Path, help="a file for one line per answer")
    parser.add_argument("--origin-realm", default=plan.origin_realm)
    parser.add_argument("--destination-realm", default=plan.destination_realm)
    values = vars(parser.parse_args(arguments))
    values["rating_groups"] = tuple(values["rating_groups"] or plan.rating_groups)
    if values["duration_seconds"] is None and values["requests"] is None:
        values["duration_seconds"] = plan.duration_seconds
    return LoadPlan(**values)


def main(arguments: Sequence[str]) -> int:
    """Runs a plan and prints its report; 0 when every request was answered without a fault."""
    try:
        plan = parse_arguments(arguments)
        connections = connect_all(plan)
    except SimulatorError as error:
        print(error, file=sys.stderr)
        return 2
    run = LoadRun(plan, connections)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: run.stop("terminated"))
    report = run.run()
    disconnect_all(connections)
    print(json.dumps(report), flush=True)
    return 1 if report["unanswered"] or report["faults"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
