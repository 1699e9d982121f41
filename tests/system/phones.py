"""Phones of families, used at once by whatever is granted, and what they were answered.

Each phone is a thread with a gateway of its own. What has no answer, or is refused for a while, it
sends again, on another connection where it has lost its own, until it is answered.
"""

import random
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Event
from typing import NamedTuple

from diameter_ocs.simulator.answers import Answer, ServiceAnswer
from diameter_ocs.simulator.encoding import Identity, Subscriber
from diameter_ocs.simulator.gateway import Gateway, SimulatorError
from tests.system.families import DATA, EUROPE, HOME, SOCIAL, TEXT, VOICE, WORLD
from tests.system.repeating import Exchange, read, repeated
from tests.system.serving import Server, eventually
from tests.system.wire import credit_control, hop_by_hop

SUCCESS, TOO_BUSY = 2001, 3004
HOP_BY_HOP = slice(12, 16)
KIB = 1024
WORDS = {
    VOICE: ("time", "used-time", ""),
    TEXT: ("units", "used-units", "used-units-after"),
    DATA: ("request", "used", "used-after"),
    SOCIAL: ("request", "used", "used-after"),
}
"""What is asked for, what was used, and what was used after a change of price."""
ASKED_MAX = {VOICE: 300, TEXT: 8, DATA: 1024 * KIB, SOCIAL: 500_000}
STEPS = {VOICE: 1, TEXT: 1, DATA: KIB, SOCIAL: 1}
"""Usage is in multiples of these, as it is rounded: sums are exact."""
PLACES = (HOME, HOME, EUROPE, WORLD)
USED_SHARES = (0, 0.3, 0.7, 1, 1, 1.2)
PAUSE_SECONDS_MAX = 0.4
SOON = timedelta(seconds=3)
"""A change of price so near is waited for."""
REFUSED_SECONDS = 0.05
SENT_MAX = 200


class Asked(NamedTuple):
    """A request as it was answered, and what it reported by rating group."""

    exchange: Exchange
    """As it was sent last."""
    used: dict[int, int]
    answer: Answer


class Quota(NamedTuple):
    """What a phone was granted of a rating group."""

    units: int
    changes_at: datetime | None
    """When its price changes, if it does."""


@dataclass
class Session:
    """A session that was begun, and what may be used in it by rating group."""

    name: str
    quotas: dict[int, Quota]
    requests: int = 0


class Crowd:
    """Phones that are used at once, while a server may be away for a while."""

    def __init__(self, server: Server, subscribers: list[Subscriber]) -> None:
        self.server = server
        self.is_serving, self.is_hurrying, self.is_ending = Event(), Event(), Event()
        self.phones = [Phone(self, number, whose) for number, whose in enumerate(subscribers)]
        self._running: list[Future[None]] = []

    @property
    def asked(self) -> list[Asked]:
        """What was answered so far."""
        return [asked for phone in self.phones for asked in phone.asked]

    @property
    def sent_again(self) -> int:
        """How often something was sent again for want of an answer."""
        return sum(phone.sent_again for phone in self.phones)

    def count(self) -> int:
        """Return how many answers have come; raise what a phone has stumbled over."""
        for phone in self._running:
            if phone.done():
                phone.result()
        return sum(len(phone.asked) for phone in self.phones)

    @contextmanager
    def in_a_hurry(self) -> Iterator[None]:
        """Have all phones ask at once; who loses its connection connects again at the end."""
        self.is_hurrying.set()
        before = self.count()
        eventually("answers", lambda: self.count() > before + len(self.phones))
        self.is_serving.clear()
        yield
        self.is_serving.set()
        self.is_hurrying.clear()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Use all phones; at the end each ends what it has begun."""
        self.is_serving.set()
        with ThreadPoolExecutor(len(self.phones)) as threads:
            self._running = [threads.submit(phone.run) for phone in self.phones]
            try:
                yield
            finally:
                for event in (self.is_ending, self.is_hurrying, self.is_serving):
                    event.set()
                wait(self._running, return_when=FIRST_EXCEPTION)
                self.count()


class Phone:
    """One phone, and the gateway that asks for it; everything it does is drawn by lot."""

    def __init__(self, crowd: Crowd, number: int, whose: Subscriber) -> None:
        host = f"pgw{number}.demo.example"
        self.asked: list[Asked] = []
        self.sent_again = self.divided = 0
        self._crowd = crowd
        self._identity = Identity(host, "demo.example", "demo.example")
        self._whose = whose
        self._lot = random.Random(number)
        self._names = (f"{host};{time.time_ns()};{n}" for n in count())
        self._place = HOME
        self._gateway: Gateway | None = None

    def run(self) -> None:
        """Have sessions and events, one after the other, until the crowd ends."""
        while not self._crowd.is_ending.is_set():
            if self._lot.random() < 0.2:
                self._send_text()
            else:
                self._have_session()
        if self._gateway is not None:
            self._gateway.close()

    def _send_text(self) -> None:
        """Pay for a text, and have some of that or all given back; or only ask what it costs."""
        self._wait({})
        name, units = next(self._names), self._lot.randint(1, 4)
        kind = self._lot.choice(["check", "price", "event", "event", "event", "event"])
        answer = self._ask(f"{kind}:rg={TEXT}/units={units}", 0, name, {})
        if (kind, answer.result_code) == ("event", SUCCESS) and self._lot.random() < 0.5:
            some = self._lot.choice(["", "/units=1"])
            self._ask(f"refund:rg={TEXT}{some}", 1, name, {})

    def _have_session(self) -> None:
        self._wait({})
        session = Session(next(self._names), {})
        groups = self._lot.sample(list(WORDS), self._lot.randint(1, 3))
        self._go_on("initial", session, {group: self._request(group) for group in groups}, {})
        while not self._crowd.is_ending.is_set() and self._lot.random() < 0.8:
            self._wait(session.quotas)
            some = self._lot.sample(groups, self._lot.randint(1, len(groups)))
            words, used = self._usage(some, session.quotas)
            for group in some:
                words[group] = words.get(group, "") + self._next(group, group in used)
            self._go_on("update", session, words, used)
        self._go_on("terminate", session, *self._usage(groups, session.quotas))

    def _wait(self, quotas: dict[int, Quota]) -> None:
        """Do nothing for a moment, or until the price of a quota has changed, if that is near."""
        now = datetime.now(UTC)
        changes = [quota.changes_at - now for quota in quotas.values() if quota.changes_at]
        soon = [change.total_seconds() for change in changes if change < SOON]
        seconds = self._lot.uniform(0, PAUSE_SECONDS_MAX)
        self._crowd.is_hurrying.wait(max([seconds, *soon]))

    def _go_on(
        self, kind: str, session: Session, words: dict[int, str], used: dict[int, int]
    ) -> None:
        """Send the next request of a session, and note what may be used from now on."""
        services = ",".join(f"rg={group}{said}" for group, said in words.items())
        step = f"{kind}:{services}" if services else kind
        reported = {group: used.get(group, 0) for group in words}
        answer = self._ask(step, session.requests, session.name, reported)
        assert answer.result_code == SUCCESS, (step, answer.text())
        session.requests += 1
        for service in answer.services:
            session.quotas |= _granted(service)

    def _request(self, group: int) -> str:
        """Ask for a quota of some size, or of that which the rating group has by default."""
        units = _rounded(group, self._lot.randint(STEPS[group], ASKED_MAX[group]))
        return "/request" if self._lot.random() < 0.3 else f"/{WORDS[group][0]}={units}"

    def _next(self, group: int, has_used: bool) -> str:
        """Go on with a rating group, or give it back."""
        if has_used and self._lot.random() < 0.2:
            return "/reason=FINAL"
        return self._request(group)

    def _usage(
        self, groups: list[int], quotas: dict[int, Quota]
    ) -> tuple[dict[int, str], dict[int, int]]:
        """Use some of the quotas, or all, or more; return it in words and in units."""
        words, used = {}, {}
        for group in groups:
            quota = quotas.pop(group, None)
            if quota is not None:
                used[group] = _rounded(group, int(quota.units * self._lot.choice(USED_SHARES)))
                words[group] = self._said(group, used[group], quota.changes_at)
        return words, used

    def _said(self, group: int, used: int, changes_at: datetime | None) -> str:
        """Report usage, in two parts if the price has changed meanwhile."""
        _, before, after = WORDS[group]
        if changes_at is None or datetime.now(UTC) < changes_at:
            return f"/{before}={used}"
        late = _rounded(group, self._lot.randint(0, used))
        self.divided += bool(late)
        return f"/{before}={used - late}/{after}={late}"

    def _ask(self, step: str, number: int, name: str, used: dict[int, int]) -> Answer:
        """Send a request until it is answered."""
        if self._lot.random() < 0.2:
            self._place = self._lot.choice(PLACES)
        placed = f"location={self._place} {step}"
        request, _ = credit_control(self._identity, self._whose, placed, number, name)
        exchange = Exchange(request, None)
        for _ in range(SENT_MAX):
            answer = self._answered(exchange)
            if answer is not None:
                assert answer.faults == (), (placed, answer.text())
                self.asked.append(Asked(exchange, used, answer))
                return answer
            time.sleep(REFUSED_SECONDS)
            exchange = self._again(exchange, self._lot.random() < 0.5)
            self.sent_again += 1
        raise AssertionError(f"{placed} was sent {SENT_MAX} times")

    def _answered(self, exchange: Exchange) -> Answer | None:
        """Send a request, now and then twice at once; None: it must be sent again."""
        octets = exchange.request
        if self._lot.random() < 0.1:
            octets += self._again(exchange).request
        try:
            if self._gateway is None:
                self._gateway = self._connected()
            answer = read(exchange, self._gateway.exchange(octets, hop_by_hop(octets)))
        except SimulatorError:
            self._gateway = None
            return None
        return None if answer.result_code == TOO_BUSY else answer

    def _again(self, exchange: Exchange, with_another_identifier: bool = False) -> Exchange:
        """Return a request as it is sent again: answers to the two are told apart."""
        octets = bytearray(repeated(exchange, with_another_identifier).request)
        octets[HOP_BY_HOP] = self._lot.randbytes(4)
        return Exchange(bytes(octets), None)

    def _connected(self) -> Gateway:
        self._crowd.is_serving.wait()
        return self._crowd.server.connect(self._identity)


def _rounded(group: int, units: int) -> int:
    return units // STEPS[group] * STEPS[group]


def _granted(service: ServiceAnswer) -> dict[int, Quota]:
    """Return what a phone may use now, if anything."""
    if service.granted is None or service.rating_group is None:
        return {}
    granted = service.granted
    units = granted.total_octets or granted.seconds or granted.service_specific_units or 0
    change = service.tariff_change_at
    changes_at = None if change is None else datetime.fromisoformat(change)
    return {service.rating_group: Quota(units, changes_at)}
