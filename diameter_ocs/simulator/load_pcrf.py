"""The policy server of a load run: it subscribes to many accounts and measures when it is told.

It knows by itself how each counter stands, by the usage that was answered: a counter is in the
state `s3` when more than three times a number of octets is used. So it sees what is not told, told
too late, or told wrongly.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from diameter.message import constants as c  # type: ignore[import-untyped]

from .answers import SUCCESS
from .connection import Connection as Messages
from .connection import no_answer
from .encoding import Subscriber, answer_to_request
from .errors import SimulatorError
from .latency import LatencyHistogram
from .load_connections import Connection
from .load_plan import LoadPlan, subscriber_of
from .load_requests import IDENTIFIERS, IDENTIFIERS_AT, LoadSession, session_id
from .node import REQUEST_BIT
from .server_requests import answer_server_request, read_server_request
from .spending_limits import (
    INITIAL,
    INTERMEDIATE,
    SpendingLimitAnswer,
    SpendingLimitKeys,
    read_spending_limit_answer,
    session_termination_request,
    spending_limit_request,
)
from .steps import RequestType

KIB = 1024
WINDOW = 64
"""Requests that are under way while nothing else runs."""
PATIENCE_SECONDS = 10.0
SESSION_ID_AT = 28
"""After the header of the message and that of its first AVP."""
NUMBER_DIGITS = 10
SESSION_ID_HEADER = c.AVP_SESSION_ID.to_bytes(4)
STATUS_HEADER = c.AVP_TGPP_POLICY_COUNTER_STATUS.to_bytes(4)
STATUS_AT = 12
COMMAND = slice(5, 8)
NOTIFICATION = c.CMD_SPENDING_STATUS_NOTIFICATION.to_bytes(3)
REPEAT_BIT = 0x10


class LoadPcrf:
    """Subscriptions to some of the accounts of a run, each with what was used and what was told."""

    def __init__(
        self, plan: LoadPlan, connection: Connection, count_fault: Callable[[str], None]
    ) -> None:
        self.connection = connection
        self.identity = connection.identity
        self.is_patient = True
        self.notified = 0
        self.counts: Counter[str] = Counter()
        self.delay = LatencyHistogram()
        self._plan = plan
        self._count_fault = count_fault
        self._run_id = random.getrandbits(32)
        self._hop_by_hop = 0
        self._spent = dict.fromkeys(subscribed(plan), 0)
        self._told = dict.fromkeys(self._spent, 0)
        self._crossed: dict[int, list[tuple[int, float]]] = {}
        """Of who has yet to be told: the states entered, and when."""
        self._begun: set[int] = set()
        self._answer = b""
        self._subscribe_seconds = 0.0

    @property
    def is_behind(self) -> bool:
        """Has anything been answered of which the notification has yet to come?"""
        return self.is_patient and self.connection.is_open and bool(self._crossed)

    def subscribe(self) -> None:
        """Subscribes to the counters of all; SimulatorError when that is not possible."""
        began = time.perf_counter()
        for number, answer in self._ask_all(INITIAL):
            if answer.result_code != SUCCESS:
                raise SimulatorError(f"the policy server cannot subscribe: {answer.text()}")
            self._told[number] = _place_told(answer)
        self._subscribe_seconds = time.perf_counter() - began

    def finish(self) -> None:
        """Asks how all counters stand, compares that with what was told, and ends."""
        if not self.connection.is_open:
            return
        try:
            for number, answer in self._ask_all(INTERMEDIATE):
                place = _place_told(answer)
                self.counts["told_otherwise"] += place != self._told[number]
                self.counts["counted_otherwise"] += place != self._place(number)
            for _, answer in self._ask_all(None):
                if answer.result_code != SUCCESS:
                    self._count_fault(answer.text())
        except SimulatorError as error:
            self._count_fault(str(error))

    def used_octets(self, session: LoadSession, sent: int, services: int) -> tuple[int, ...]:
        """Returns what a request reports: whole KiB, as counters count what is rounded.

        The first report of each subscriber has all of them cross at times of their own.
        """
        if session.request_type is RequestType.UPDATE and session.subscriber not in self._begun:
            self._begun.add(session.subscriber)
            share = self._plan.threshold_octets // KIB // services
            return (KIB * (1 + session.subscriber * 7_919 % max(share, 1)),) * services
        return tuple(KIB * (1 + (sent * 7_919 + at * 6_007) % 19) for at in range(services))

    def spend(self, number: int, octets: int, now: float) -> None:
        """Counts what an answered request has reported of a subscriber."""
        if number not in self._spent:
            return
        before = self._place(number)
        self._spent[number] += octets
        after = self._place(number)
        if after == before:
            return
        self.counts["crossed"] += after - before
        if after <= self._told[number]:
            self.delay.record(0.0)  # it was told before the answer was read
        else:
            self._crossed.setdefault(number, []).append((after, now))

    def receive(self, octets: bytes, now: float) -> bytes:
        """Takes in a request of the server, and returns the answer."""
        if octets[COMMAND] != NOTIFICATION:
            return answer_to_request(self.identity, octets)[1]
        self.notified += 1
        number, place = self._read(octets)
        if octets[4] & REPEAT_BIT:
            self.counts["repeats"] += 1
        elif place <= self._told[number]:
            self.counts["not_news"] += 1
        self._told[number] = max(place, self._told[number])
        waiting = self._crossed.pop(number, [])
        for entered, at in waiting:
            if entered <= place:
                self.delay.record(now - at)
        left = [each for each in waiting if each[0] > place]
        if left:
            self._crossed[number] = left
        if self.notified % self._plan.check_every == 1:
            request = read_server_request(self.identity, octets)
            for fault in request.faults if request else ():
                self._count_fault(f"SNR: {fault}")
        return self._answered(octets)

    def report(self, seconds: float) -> dict[str, Any]:
        """Returns what has come of it, for JSON."""
        return {
            "accounts": len(self._spent),
            "subscribe_seconds": round(self._subscribe_seconds, 3),
            "notifications": self.notified,
            "notifications_per_second": round(self.notified / seconds, 1) if seconds else 0.0,
            "crossed": self.counts["crossed"],
            "never_told": sum(len(entered) for entered in self._crossed.values()),
            "repeats": self.counts["repeats"],
            "not_news": self.counts["not_news"],
            "told_otherwise": self.counts["told_otherwise"],
            "counted_otherwise": self.counts["counted_otherwise"],
            "delay_milliseconds": {
                "p50": self.delay.milliseconds(0.50),
                "p95": self.delay.milliseconds(0.95),
                "p99": self.delay.milliseconds(0.99),
                "max": self.delay.maximum_milliseconds,
            },
        }

    def _place(self, number: int) -> int:
        """Returns the place of the state in which a subscriber's counter should be."""
        passed = (self._spent[number] - 1) // self._plan.threshold_octets
        return min(max(passed, 0), self._plan.thresholds)

    def _read(self, octets: bytes) -> tuple[int, int]:
        """Returns the subscriber and the state of a notification."""
        end = SESSION_ID_AT - 8 + int.from_bytes(octets[SESSION_ID_AT - 3 : SESSION_ID_AT], "big")
        status = octets.find(STATUS_HEADER, end)
        if octets[20:24] != SESSION_ID_HEADER or status < 0:
            raise SimulatorError(f"an SNR is not as it was expected: {octets.hex()}")
        length = int.from_bytes(octets[status + 5 : status + 8], "big")
        number = int(octets[end - NUMBER_DIGITS : end])
        return number, int(octets[status + STATUS_AT + 1 : status + length])

    def _answered(self, octets: bytes) -> bytes:
        """Returns the SNA; made once, then only patched, as all Session-Ids are of one length."""
        if not self._answer:
            self._answer = answer_server_request(self.identity, octets, SUCCESS)
        answer = bytearray(self._answer)
        answer[IDENTIFIERS_AT : IDENTIFIERS_AT + 8] = octets[IDENTIFIERS_AT : IDENTIFIERS_AT + 8]
        end = SESSION_ID_AT - 8 + int.from_bytes(octets[SESSION_ID_AT - 3 : SESSION_ID_AT], "big")
        answer[SESSION_ID_AT:end] = octets[SESSION_ID_AT:end]
        return bytes(answer)

    def _ask_all(self, request_type: int | None) -> Iterator[tuple[int, SpendingLimitAnswer]]:
        """Sends one request for each subscription, and yields whose answer came, and the answer."""
        messages = Messages(self.connection.socket, self.connection.rest)
        waiting: dict[int, tuple[int, SpendingLimitKeys]] = {}
        left = list(reversed(self._spent))
        while left or waiting:
            while left and len(waiting) < WINDOW:
                number = left.pop()
                self._hop_by_hop += 1
                name = session_id(self.identity, self._run_id, number)
                keys = SpendingLimitKeys(name, self._hop_by_hop, self._hop_by_hop)
                waiting[self._hop_by_hop] = number, keys
                messages.send(self._request(keys, request_type, number))
            octets = messages.receive(time.monotonic() + PATIENCE_SECONDS)
            if octets is None:
                raise no_answer(PATIENCE_SECONDS)
            if octets[4] & REQUEST_BIT:
                messages.send(self.receive(octets, time.perf_counter()))
                continue
            hop_by_hop, _ = IDENTIFIERS.unpack_from(octets, IDENTIFIERS_AT)
            number, keys = waiting.pop(hop_by_hop)
            answer = read_spending_limit_answer(octets, keys, request_type)
            for fault in answer.faults:
                self._count_fault(f"Sy: {fault}")
            yield number, answer

    def _request(self, keys: SpendingLimitKeys, request_type: int | None, number: int) -> bytes:
        if request_type is None:
            return session_termination_request(self.identity, keys)
        imsi, msisdn = subscriber_of(self._plan, number)
        subscriber = Subscriber(imsi.decode(), msisdn.decode())
        return spending_limit_request(self.identity, keys, request_type, subscriber)


def subscribed(plan: LoadPlan) -> Iterable[int]:
    """Yields the numbers of the subscribers that are subscribed, spread evenly."""
    share = plan.subscribed
    return (n for n in range(plan.subscribers) if int((n + 1) * share) > int(n * share))


def _place_told(answer: SpendingLimitAnswer) -> int:
    """Returns the place of the state that an SLA tells; -1 where it tells none of ours."""
    statuses = [report.status for report in answer.reports]
    return int(statuses[0][1:]) if len(statuses) == 1 and statuses[0][1:].isdigit() else -1
