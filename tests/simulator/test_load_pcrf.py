"""The policy server of a load run, against a stand-in whose counters turn with what is used."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from diameter.message import Message

from diameter_ocs.simulator import load
from diameter_ocs.simulator.errors import SimulatorError
from diameter_ocs.simulator.load_connections import (
    connect_all,
    connect_policy_server,
    disconnect_all,
)
from diameter_ocs.simulator.load_pcrf import subscribed
from diameter_ocs.simulator.load_plan import LoadPlan
from tests.simulator.conftest import FakeServer, grant_all
from tests.simulator.test_load import used_octets
from tests.simulator.test_pcrf import Avp, answer_of, report, session_id, snr, values

STEP = 40 * 1024
STATES = 6


@dataclass
class Counters:
    """What the stand-in knows: what each subscriber has used, and who wants to know.

    `lost` SNRs are not sent, by their numbers; where there are flags in `again` each is sent twice.
    """

    server: FakeServer
    lost: frozenset[int] = frozenset()
    again: int = 0
    wrong: int = 0
    used: Counter[str] = field(default_factory=Counter)
    sessions: dict[str, bytes] = field(default_factory=dict)
    sent: int = 0

    def place(self, imsi: str) -> int:
        return min(max((self.used[imsi] - 1) // STEP, 0), STATES)

    def answer(self, request: Message) -> bytes:
        if request.header.command_code == 272:
            self.charge(request)
            return grant_all(request)
        done = Avp.new(268, value=2001)
        if request.header.command_code == 275:
            return answer_of(request, done)
        if values(request, 2904, 10415) == [0]:
            imsi = next(avp.value for avp in values(request, 443)[0] if avp.code == 444)
            self.sessions[imsi] = session_id(request)
        imsi = next(key for key, name in self.sessions.items() if name == session_id(request))
        return answer_of(request, done, report("used", f"s{self.place(imsi)}"))

    def charge(self, request: Message) -> None:
        imsi = request.subscription_id[0].subscription_id_data
        before = self.place(imsi)
        self.used[imsi] += sum(used_octets(request).values())
        if self.place(imsi) == before or imsi not in self.sessions:
            return
        self.sent += 1
        status = report("used", f"s{self.place(imsi) + self.wrong}")
        names = {"host": b"pcrf.demo.example", "realm": b"demo.example"}
        octets = snr(self.sessions[imsi], status, **names)
        policy = self.server.connections[b"pcrf.demo.example"]
        if self.sent not in self.lost:
            policy.sendall(octets)
        if self.again:
            policy.sendall(snr(self.sessions[imsi], status, flags=self.again, **names))


def run(server: FakeServer, **changes: object) -> dict:
    counts = {"connections": 1, "outstanding": 2, "subscribers": 5, "requests": 90}
    counters = {"subscribed": 0.4, "threshold_octets": STEP, "thresholds": STATES}
    settings = {"duration_seconds": None, "check_every": 1} | counts | counters | changes
    plan = LoadPlan(port=server.port, **settings)
    connections, policy = connect_all(plan), connect_policy_server(plan)
    told = load.LoadRun(plan, connections, policy).run()
    disconnect_all([*connections, policy])
    return told


def test_all_that_was_crossed_is_told_and_agrees(fake_server) -> None:
    counters = Counters(fake_server)
    fake_server.answer = counters.answer
    told = run(fake_server)
    sy = told["sy"]
    assert set(counters.sessions) == {"001010000000003", "001010000000005"}
    assert sy["accounts"] == 2
    assert sy["notifications"] == counters.sent > 2
    assert sy["crossed"] == sum(counters.place(imsi) for imsi in counters.sessions)
    assert [sy[each] for each in ("never_told", "told_otherwise", "counted_otherwise")] == [0, 0, 0]
    assert [sy[each] for each in ("repeats", "not_news")] == [0, 0]
    assert told["faults"] == {}
    assert sy["delay_milliseconds"]["max"] < 1000
    kinds = Counter(request.header.command_code for request in fake_server.requests)
    assert kinds[8388635] == 4
    assert kinds[275] == 2
    answered = [each for each in fake_server.others if each.header.command_code == 8388636]
    assert [values(each, 268) for each in answered] == [[2001]] * counters.sent
    assert {session_id(each) for each in answered} <= set(counters.sessions.values())


@pytest.mark.parametrize(("flags", "kind"), [(0xD0, "repeats"), (0xC0, "not_news")])
def test_what_is_told_twice_is_counted(fake_server, flags: int, kind: str) -> None:
    counters = Counters(fake_server, again=flags)
    fake_server.answer = counters.answer
    sy = run(fake_server)["sy"]
    assert (sy[kind], sy["notifications"]) == (counters.sent, 2 * counters.sent)
    assert sy["repeats"] + sy["not_news"] == counters.sent
    assert sy["never_told"] == 0


def test_what_is_never_told_is_seen(fake_server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "SILENCE_SECONDS_MAX", 0.1)
    counters = Counters(fake_server, lost=frozenset(range(100)))
    fake_server.answer = counters.answer
    told = run(fake_server)
    assert told["sy"]["notifications"] == 0
    assert told["sy"]["never_told"] > 0
    assert told["sy"]["told_otherwise"] == 2
    assert told["sy"]["counted_otherwise"] == 0
    assert told["ended"] == "requests"


def test_what_is_told_later_makes_up_for_what_was_lost(fake_server) -> None:
    counters = Counters(fake_server, lost=frozenset({1}))
    fake_server.answer = counters.answer
    sy = run(fake_server)["sy"]
    assert sy["notifications"] == counters.sent - 1
    assert (sy["never_told"], sy["told_otherwise"]) == (0, 0)


def test_what_is_told_wrongly_is_seen(fake_server) -> None:
    counters = Counters(fake_server, wrong=7)
    fake_server.answer = counters.answer
    sy = run(fake_server)["sy"]
    assert (sy["told_otherwise"], sy["counted_otherwise"]) == (2, 0)


def test_who_is_not_subscribed_ends_the_run(fake_server) -> None:
    fake_server.answer = lambda request: answer_of(request, Avp.new(268, value=5030))
    with pytest.raises(SimulatorError, match="cannot subscribe: subscribe: 5030"):
        run(fake_server)


@pytest.mark.parametrize(("share", "count"), [(0.2, 20), (1.0, 100), (0.5, 50), (0.01, 1)])
def test_the_share_is_kept_and_spread(share: float, count: int) -> None:
    plan = LoadPlan(subscribers=100, subscribed=share, threshold_octets=1)
    numbers = list(subscribed(plan))
    assert len(numbers) == len(set(numbers)) == count
    assert max(numbers) == 99


def test_nobody_is_subscribed_unasked(fake_server) -> None:
    assert connect_policy_server(LoadPlan(port=fake_server.port)) is None
    with pytest.raises(SimulatorError, match="a share of at most 1"):
        LoadPlan(subscribed=1.5, threshold_octets=1)
