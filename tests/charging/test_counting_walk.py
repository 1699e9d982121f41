"""A random walk of sessions and credit: counters always stand as a slow recomputation says."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from diameter_ocs.charging.catalogue import Price
from diameter_ocs.charging.conditions import BalanceCondition, CounterCondition, Part
from diameter_ocs.charging.counters import (
    BalanceCounter,
    CounterAction,
    CounterState,
    PolicyCounter,
    PolicyState,
)
from diameter_ocs.charging.counting import counted, statuses
from diameter_ocs.charging.decisions import Edr, EdrKind, Outcome
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.standing import Standing
from tests.charging.scenario import (
    BONUS,
    MONEY,
    SECONDS,
    TEXT,
    TEXT_EACH,
    VOICE,
    VOICE_BY_MINUTES,
    Desk,
    allowance,
    balance,
    catalogue,
    priced,
    used,
    want,
)

_, BLOCK, UNBLOCK = CounterAction
KINDS = (SECONDS, SECONDS, BONUS, MONEY)
"""Of the balances, by number from 1 on."""
SESSIONS = st.sampled_from([b"one", b"two"])
GROUPS = st.sampled_from([VOICE, TEXT])
AMOUNTS = st.integers(0, 200)


def counter(number: int, kind: str, *thresholds: int, **others: bool) -> BalanceCounter:
    """Return a counter that blocks in its last state, and unblocks in the first."""
    states = [CounterState(f"state {n}", each) for n, each in enumerate(thresholds, 1)]
    states[-1] = states[-1]._replace(actions=(BLOCK,))
    normal = CounterState("normal", None, (UNBLOCK,))
    return BalanceCounter(f"counter {number}", kind, (normal, *states), **others)


COUNTERS = (
    counter(0, SECONDS, 300, 100),
    counter(1, BONUS, 2_000, 4_000, is_on_used=True),
    counter(2, MONEY, 50, 10, is_in_percent=True),
    counter(3, SECONDS, 50, 95, is_on_used=True, has_reservations=True, is_in_percent=True),
)
POLICY = PolicyCounter(
    "policy",
    "full",
    (
        PolicyState("stop", (CounterCondition("counter 0", "state 2", True),)),
        PolicyState("slow", (BalanceCondition(MONEY, Part.RESERVED, ">", 0),)),
    ),
)


def offered():
    sold = catalogue(
        allowance(SECONDS, VOICE),
        priced(Price(700, 9), VOICE, priority=1, balance_types=(BONUS, MONEY)),
        priced(Price(80, 1, 190_000), TEXT, priority=2),
        groups=(VOICE_BY_MINUTES, TEXT_EACH),
    )
    return replace(
        sold,
        plans={"demo": replace(sold.plans["demo"], policy_counters=("policy",))},
        counters={each.name: each for each in COUNTERS},
        policy_counters={"policy": POLICY},
        blockable=frozenset(KINDS),
    )


class Walk(RuleBasedStateMachine):
    """Each state, each change and each block, worked out anew from what balances are."""

    @initialize(totals=st.tuples(*[st.integers(0, 500)] * 2, *[st.integers(0, 9_000)] * 2))
    def begin(self, totals: tuple[int, ...]) -> None:
        held = [balance(n, KINDS[n - 1], total) for n, total in enumerate(totals, 1)]
        self.desk = Desk(offered(), *held)
        self.desk.follows = False  # `turn` does
        self.number = 0
        self.states = {each.name: 0 for each in COUNTERS}
        self.policy = "full"
        self.blocked: set[str] = set()
        self.turn()

    @rule(session=SESSIONS, group=GROUPS, amount=AMOUNTS)
    def initial(self, session: bytes, group: int, amount: int) -> None:
        self.charge(self.desk.initial(want(group, amount), session=session))

    @rule(session=SESSIONS, group=GROUPS, spent=AMOUNTS, amount=AMOUNTS)
    def update(self, session: bytes, group: int, spent: int, amount: int) -> None:
        if SessionKey(session) in self.desk.case.sessions:
            report = used(group, spent, wanted=amount)
            self.charge(self.desk.update(report, session=session))

    @rule(session=SESSIONS, group=GROUPS, spent=AMOUNTS)
    def terminate(self, session: bytes, group: int, spent: int) -> None:
        if SessionKey(session) in self.desk.case.sessions:
            self.charge(self.desk.terminate(used(group, spent), session=session))

    @rule(group=GROUPS, amount=AMOUNTS)
    def event(self, group: int, amount: int) -> None:
        self.number += 1
        self.charge(self.desk.event(want(group, amount), session=b"event %d" % self.number))

    @rule(number=st.integers(1, 4), amount=st.integers(0, 5_000))
    def credit(self, number: int, amount: int) -> None:
        self.desk.credit(number, amount)
        self.turn()

    @invariant()
    def policy_servers_hear_what_is_so(self) -> None:
        known = {each.name: each.status for each in statuses(self.desk.case, 1)}
        expected = {each.name: each.states[self.states[each.name]].name for each in COUNTERS}
        assert known == {**expected, "policy": self.policy}

    def charge(self, decision) -> None:
        """What was blocked before has nothing newly reserved or, in an event, spent."""
        for posting in (posting for edr in decision.edrs for posting in edr.postings):
            if KINDS[posting.balance_id - 1] in self.blocked:
                assert posting.reserved <= 0
                assert posting.used <= -posting.reserved
        self.turn(decision.edrs)

    def turn(self, edrs: tuple[Edr, ...] = ()) -> None:
        """Lets the counters turn, and compares what is said to have turned."""
        at = self.desk.case.now
        edrs = edrs or (Edr(1, at, 1, EdrKind.ACCOUNT, "credit", Outcome.SUCCESS, ()),)
        self.desk.case, changes = counted(self.desk.case, edrs)
        told = {change.counter.name: (change.previous, change.state) for change in changes}
        assert len(told) == len(changes)
        assert told == self.expected()
        states = [(c.name, c.states[self.states[c.name]].name) for c in COUNTERS]
        states = [(name, state) for name, state in states if state != "normal"]
        states += [("policy", self.policy)] * (self.policy != "full")
        standing = Standing(tuple(states), tuple(sorted(self.blocked)))
        assert self.desk.case.accounts[1].standing == standing

    def expected(self) -> dict[str, tuple[str, str]]:
        """Returns what turns, and turns it here."""
        told, on, off = {}, set(), set()
        for each in COUNTERS:
            before, now = self.states[each.name], self.place(each)
            self.states[each.name] = now
            if now != before:
                names = [state.name for state in each.states]
                told[each.name] = names[before], names[now]
                if now == 0:
                    off.add(each.balance_type)
                elif now == len(each.states) - 1:
                    on.add(each.balance_type)
        self.blocked = self.blocked - off | on
        policy = "full"
        if self.states["counter 0"] == 2:
            policy = "stop"
        elif self.sums(MONEY)[2]:
            policy = "slow"
        if policy != self.policy:
            told["policy"] = self.policy, policy
            self.policy = policy
        return told

    def sums(self, kind: str) -> tuple[int, int, int]:
        own = [each for each in self.desk.case.balances.values() if each.balance_type == kind]
        return tuple(sum(each[at] for each in own) for at in (4, 5, 6))

    def place(self, each: BalanceCounter) -> int:
        """Returns the furthest state that is reached."""
        total, spent, held = self.sums(each.balance_type)
        spent += held if each.has_reservations else 0
        amount = Fraction(spent if each.is_on_used else total - spent)
        if each.is_in_percent:
            if not total:
                return 0 if each.is_on_used else len(each.states) - 1
            amount = amount * 100 / total
        reached = [
            place
            for place, state in enumerate(each.states)
            if state.threshold is not None
            and (amount > state.threshold if each.is_on_used else amount < state.threshold)
        ]
        return max(reached, default=0)


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
