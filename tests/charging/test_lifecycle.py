"""What time brings to accounts is told once, in its order, and counts from then on."""

import itertools
import random
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from diameter_ocs.charging import balances, subscriptions
from diameter_ocs.charging.accounts import suspend
from diameter_ocs.charging.catalogue import Allowance, BalanceType, Catalogue, Plan
from diameter_ocs.charging.course import followed, followed_group
from diameter_ocs.charging.decisions import Edr, EdrKind, Outcome
from diameter_ocs.charging.groups import Group, GroupChange, Subscription
from diameter_ocs.charging.ledger import Balance
from diameter_ocs.charging.lifecycle import wake, wake_at
from diameter_ocs.charging.notice_types import NOTICE_TYPES
from diameter_ocs.charging.outbox import Outgoing
from diameter_ocs.charging.reporting import report_of
from diameter_ocs.charging.units import UnitType
from tests.charging.policing import SESSION, PolicyDesk, said, slr
from tests.charging.scenario import (
    DATA,
    OCTETS,
    Desk,
    allowance,
    balance,
    catalogue,
    rating_group,
    want,
)

DAY = 86_400_000_000
DATA_EACH = rating_group(DATA, UnitType.VOLUME)


def offered(*expiring_before: int, noticed: Collection[str] = NOTICE_TYPES) -> Catalogue:
    service = allowance(OCTETS, DATA)
    made = catalogue(service, groups=(DATA_EACH,))
    return replace(
        made,
        plans={"demo": Plan("demo", 0, (service,), (Allowance(OCTETS, 100),))},
        balance_types={OCTETS: BalanceType(OCTETS, UnitType.VOLUME)},
        noticed=dict.fromkeys(noticed, ("sink",)) if expiring_before else {},
        expiring_before=expiring_before,
    )


class Life:
    """An account with no plan, as commands, requests and time change it."""

    def __init__(self, *buckets: Balance, terms: Catalogue | None = None) -> None:
        self.desk = Desk(terms or offered(), *buckets)
        self.ids = itertools.count(100)
        self.group = Group(self.desk.case, {}, {}).renewed()
        self.outgoing: list[Outgoing] = []
        self.edrs: list[Edr] = []

    @property
    def now(self) -> int:
        return self.group.case.now

    def do(self, change: GroupChange) -> tuple[Edr, ...]:
        """Does what a command does after it has woken the group."""
        self.take(followed_group(change))
        return change.edrs

    def take(self, change: GroupChange) -> None:
        assert self.group == change.before
        self.group = change.after
        self.outgoing = list(change.outgoing)
        self.edrs += change.edrs
        self.desk.commanded += change.edrs
        for number, new in self.group.case.balances.items():
            self.desk.opening.setdefault(number, new._replace(total=0))
        if change.edrs:
            assert [edr.number for edr in change.edrs] == list(
                range(change.before.case.version + 1, change.after.case.version + 1)
            )

    def subscribe(self, begins: int | None = None, ends: int | None = None) -> Subscription:
        """Gives it the plan, from and until days from now."""
        self.take(wake(self.group))
        dates = [None if days is None else self.now + days * DAY for days in (begins, ends)]
        new = Subscription(next(self.ids), 1, "demo", self.now, *dates)
        self.do(subscriptions.subscribe(self.group, new, self.ids, "operator"))
        return new

    def add_balance(self, total: int, begins: int | None = None, ends: int | None = None) -> None:
        self.take(wake(self.group))
        dates = [None if days is None else self.now + days * DAY for days in (begins, ends)]
        new = Balance(next(self.ids), 1, OCTETS, 0, total, 0, 0, *dates)
        self.do(balances.create_balance(self.group, new, "operator"))

    def wait(self, days: float) -> list[tuple[str, str | None]]:
        """Lets time pass; returns what the journal says of it."""
        self.group = self.group.at(self.now + round(days * DAY))
        change = wake(self.group)
        self.take(change)
        return [(edr.action, edr.reason) for edr in change.edrs]

    def sleep_until_woken(self) -> list[tuple[str, str | None]]:
        """Lets time pass until something happens."""
        at = wake_at(self.group)
        assert at is not None
        assert at > self.now
        return self.wait((at - self.now) / DAY)

    @property
    def told(self) -> list[str]:
        """The types of the notices that time has last brought."""
        ids = [each.content["id"] for each in self.outgoing]
        assert len(set(ids)) == len(ids)
        return [each.content["type"] for each in self.outgoing]

    def ask(self, units: int) -> Outcome:
        self.desk.case = self.group.case
        decision = self.desk.initial(want(DATA, units), session=b"a %d" % next(self.ids))
        self.group = self.group._replace(case=self.desk.case)
        return decision.services[0].outcome


def test_a_subscription_begins_and_ends_once() -> None:
    life = Life()
    life.subscribe(begins=1, ends=31)
    assert life.wait(0.5) == []
    assert life.wait(1) == [("activate plan subscription", "demo")]
    assert life.wait(1) == []
    assert life.wait(40) == [("expire plan subscription", "demo")]
    assert life.wait(40) == []
    assert wake_at(life.group) is None


def test_what_began_and_ended_while_nobody_looked_is_told_in_its_order() -> None:
    life = Life()
    life.subscribe(begins=1, ends=31)
    life.add_balance(5, begins=2, ends=10)
    assert life.wait(100) == [
        ("activate plan subscription", "demo"),
        ("activate balance", OCTETS),
        ("expire balance", OCTETS),
        ("expire plan subscription", "demo"),
    ]


def test_what_ends_ends_before_what_begins_at_the_same_moment() -> None:
    life = Life()
    life.add_balance(5, ends=10)
    life.add_balance(5, begins=10)
    assert life.sleep_until_woken() == [("expire balance", OCTETS), ("activate balance", OCTETS)]


def test_a_balance_that_outlives_what_brought_it_is_told_of_itself() -> None:
    life = Life()
    new = life.subscribe(ends=30)
    (brought,) = [b for b in life.group.case.balances.values() if b.subscription_id == new.id]
    longer = brought._replace(valid_until=life.now + 40 * DAY)
    life.do(balances.set_balance(life.group, longer, None, "operator"))
    assert life.sleep_until_woken() == [("expire plan subscription", "demo")]
    assert life.sleep_until_woken() == [("expire balance", OCTETS)]


def test_what_time_brings_posts_nothing_and_was_nobody_s_command() -> None:
    life = Life()
    life.subscribe(begins=1, ends=2)
    life.edrs.clear()
    before = life.group.case.balances
    life.wait(3)
    assert life.group.case.balances == before
    assert {(edr.kind, edr.actor, edr.postings) for edr in life.edrs} == {
        (EdrKind.ACCOUNT, None, ())
    }
    assert {edr.at for edr in life.edrs} == {life.now}
    assert len(life.edrs) == 2


def test_what_is_cancelled_does_not_expire() -> None:
    life = Life()
    new = life.subscribe(ends=30)
    life.wait(1)
    life.do(subscriptions.cancel(life.group, new.id, "operator"))
    assert wake_at(life.group) is None
    assert life.wait(60) == []


def test_what_ended_before_a_command_came_is_told_first() -> None:
    life = Life()
    life.subscribe(ends=30)
    life.group = life.group.at(life.now + 31 * DAY)
    woken = wake(life.group)
    change = woken.then(followed_group(suspend(woken.after, 1, "operator")))
    life.take(change)
    assert [edr.action for edr in change.edrs] == ["expire plan subscription", "suspend account"]
    assert life.wait(1) == []


def test_an_account_without_dates_is_not_woken() -> None:
    life = Life(balance(1, OCTETS, 10))
    life.subscribe()
    assert wake_at(life.group) is None


def test_time_does_not_run_backwards() -> None:
    life = Life()
    life.subscribe(begins=1)
    life.wait(2)
    earlier = life.group.at(life.now - 2 * DAY)
    change = wake(earlier)
    assert (change.edrs, change.after.woken_at) == ((), life.now)


def test_a_refused_session_is_called_when_a_subscription_begins() -> None:
    life = Life()
    life.subscribe(begins=1)
    assert life.ask(10) is Outcome.SERVICE_DENIED
    life.wait(2)
    assert [each.content["reason"] for each in life.outgoing] == ["plans"]
    assert life.ask(10) is Outcome.SUCCESS


def test_a_refused_session_is_called_when_a_balance_begins() -> None:
    life = Life()
    life.subscribe()
    life.ask(100)
    assert life.ask(10) is Outcome.LIMIT_REACHED
    life.add_balance(50, begins=5)
    assert life.wait(4) == []
    assert life.wait(1) == [("activate balance", OCTETS)]
    assert [each.content["reason"] for each in life.outgoing] == ["balance"]
    assert life.ask(10) is Outcome.SUCCESS


def test_a_refused_session_is_called_when_a_balance_is_given_a_later_end() -> None:
    life = Life()
    life.subscribe()
    life.ask(100)
    life.add_balance(50, ends=5)
    life.wait(6)
    assert life.ask(10) is Outcome.LIMIT_REACHED
    ended = max(life.group.case.balances.values())
    life.do(balances.set_balance(life.group, ended._replace(valid_until=None), None, "operator"))
    assert [each.content["reason"] for each in life.outgoing] == ["balance"]


def test_a_balance_that_began_and_ended_calls_nobody() -> None:
    life = Life()
    life.subscribe()
    life.ask(100)
    life.ask(10)
    life.add_balance(50, begins=5, ends=6)
    life.wait(10)
    assert life.outgoing == []


def test_what_ends_calls_nobody() -> None:
    life = Life()
    life.subscribe(ends=2)
    life.ask(100)
    life.ask(10)
    life.wait(3)
    assert life.outgoing == []


@pytest.mark.parametrize("seed", range(20))
def test_over_months_each_date_is_told_once_and_in_order(seed: int) -> None:
    chance = random.Random(seed)
    life = Life(terms=offered(3 * 86_400, 3_600))
    dates, notices = list[tuple[int, str]](), list[Mapping[str, Any]]()
    for _ in range(60):
        begins = chance.choice([None, chance.randint(1, 20)])
        ends = chance.choice([None, (begins or 0) + chance.randint(1, 60)])
        match chance.randrange(4):
            case 0:
                life.subscribe(begins, ends)
                dates += _dated(life.now, begins, ends, "plan subscription")
            case 1:
                life.add_balance(1, begins, ends)
                dates += _dated(life.now, begins, ends, "balance")
            case _:
                life.wait(chance.choice([0.25, 1, 3, 30]))
        notices += [each.content for each in life.outgoing]
        life.outgoing.clear()
    due = sorted((each for each in dates if each[0] <= life.now), key=in_order)
    by_time = [edr.action for edr in life.edrs if edr.actor is None]
    told = [action for action in by_time if action != "announce expiry"]
    assert Counter(told) == Counter(action for _, action in due)
    assert told == [action for _, action in due]
    assert len({each["id"] for each in notices}) == len(notices)
    happened = Counter((each["type"], *each["data"].items()) for each in notices)
    assert all(
        times == 1 or (times == 2 and kind.endswith("expiring"))
        for (kind, *_), times in happened.items()
    )
    assert all(
        each["time"] < each["data"]["valid_until"]
        for each in notices
        if each["type"].endswith("expiring")
    )
    ended = [each for each in notices if each["type"] == "subscription.expired"]
    assert len(ended) == told.count("expire plan subscription")


def in_order(dated: tuple[int, str]) -> tuple[int, bool, bool]:
    at, action = dated
    return at, action.startswith("activate"), action.endswith("balance")


def _dated(now: int, begins: int | None, ends: int | None, what: str) -> list[tuple[int, str]]:
    words = ((begins, f"activate {what}"), (ends, f"expire {what}"))
    return [(now + days * DAY, word) for days, word in words if days is not None]


def test_tenants_are_told_before_and_when_it_ends() -> None:
    life = Life(terms=offered(3 * 86_400, 3_600))
    life.subscribe(ends=30)
    assert life.sleep_until_woken() == [("announce expiry", "demo")]
    assert life.told == ["subscription.expiring", "balance.expiring"]
    assert life.now == life.desk.case.now + 27 * DAY
    assert life.sleep_until_woken() == [("announce expiry", "demo")]
    assert life.told == ["subscription.expiring", "balance.expiring"]
    assert life.sleep_until_woken() == [("expire plan subscription", "demo")]
    assert life.told == ["subscription.expired", "balance.expired"]
    assert wake_at(life.group) is None


def test_what_is_told_says_what_it_is_about() -> None:
    life = Life(terms=offered(3_600))
    life.subscribe(begins=1, ends=2)
    life.sleep_until_woken()
    (activated,) = life.outgoing
    assert activated.content["data"] == {
        "subscription": 100,
        "plan": "demo",
        "valid_until": "2023-11-16T22:13:20.000000Z",
    }
    life.sleep_until_woken()
    _, expiring = life.outgoing
    assert (expiring.target, expiring.content["subject"]) == ("demo/sink", "alice")
    assert expiring.content["time"] == "2023-11-16T21:13:20.000000Z"
    assert expiring.content["data"] == {
        "balance": 101,
        "balance_type": OCTETS,
        "unit_type": "volume",
        "value": 100,
        "valid_until": "2023-11-16T22:13:20.000000Z",
    }


def test_of_several_times_that_have_passed_the_last_is_told() -> None:
    life = Life(terms=offered(3 * 86_400, 3_600))
    life.subscribe(ends=30)
    life.wait(30 - 1 / 48)
    assert life.told == ["subscription.expiring", "balance.expiring"]
    life.wait(1)
    assert life.told == ["subscription.expired", "balance.expired"]


def test_what_has_ended_is_not_soon_to_end() -> None:
    life = Life(terms=offered(3 * 86_400, 3_600))
    life.subscribe(ends=30)
    life.wait(31)
    assert life.told == ["subscription.expired", "balance.expired"]


def test_what_lasts_shorter_than_it_is_told_before_is_not_told() -> None:
    life = Life(terms=offered(3 * 86_400, 3_600))
    life.subscribe(begins=10, ends=11)
    life.sleep_until_woken()
    assert life.told == ["subscription.activated"]
    life.sleep_until_woken()
    assert life.now == life.desk.case.now + 11 * DAY - DAY // 24


def test_a_balance_with_nothing_left_is_not_soon_to_end_and_ends() -> None:
    life = Life(terms=offered(86_400, noticed=["balance.expiring", "balance.expired"]))
    life.subscribe(ends=30)
    emptied = {
        number: each._replace(used=each.total) for number, each in life.group.case.balances.items()
    }
    life.group = life.group.with_balances(emptied)
    assert life.sleep_until_woken() == []
    assert life.sleep_until_woken() == [("expire plan subscription", "demo")]
    assert life.told == ["balance.expired"]


def test_a_balance_that_is_given_something_is_told_of_though_it_had_nothing() -> None:
    life = Life(terms=offered(86_400))
    life.add_balance(0, ends=30)
    (empty,) = life.group.case.balances.values()
    life.take(followed_group_of(life, empty.id))
    assert life.sleep_until_woken() == [("announce expiry", OCTETS)]


def test_nobody_is_told_what_nobody_wants() -> None:
    life = Life(terms=offered(86_400, noticed=["balance.expiring"]))
    life.subscribe(begins=5, ends=30)
    assert life.sleep_until_woken() == [("activate plan subscription", "demo")]
    assert life.told == []
    assert life.sleep_until_woken() == [("announce expiry", OCTETS)]
    assert life.told == ["balance.expiring"]


def test_other_times_count_from_the_next_look_on() -> None:
    life = Life(terms=offered(3_600))
    life.subscribe(ends=30)
    case = life.group.case
    life.wait(28)
    told_earlier = replace(case.catalogue, expiring_before=(3 * 86_400, 3_600))
    life.group = life.group._replace(case=life.group.case._replace(catalogue=told_earlier))
    assert life.wait(0.1) == []
    life.group = life.group._replace(woken_at=case.now)
    assert life.wait(0.1) == [("announce expiry", "demo")]


def followed_group_of(life: Life, balance_id: int) -> GroupChange:
    """Credits a balance by command."""
    change = followed(balances.credit(life.group.case, balance_id, 5, "operator"))
    after = life.group._replace(case=change.after)
    return GroupChange(life.group, after, change.edrs, change.outgoing)


def test_counters_that_do_not_turn_are_not_reported() -> None:
    group = policed(balance(1, OCTETS, 1000), balance(9, OCTETS, 50)._replace(valid_from=TOMORROW))
    assert reports(wake(group)) == []
    change = wake(group.at(TOMORROW))
    assert reports(change) == []
    assert change.after.case.accounts[1].standing.states == ()


def test_what_was_foreseen_is_so_and_is_not_reported_again() -> None:
    group = policed(balance(1, OCTETS, 1000)._replace(valid_until=TOMORROW))
    assert group.case.spending_limits[SESSION].told[0].pending == (("gone", TOMORROW),)
    change = wake(group.at(TOMORROW))
    assert reports(change) == []
    assert change.after.case.accounts[1].standing.states == (("data left", "gone"),)
    (told,) = change.after.case.spending_limits.values()
    assert said(told.told)["data left"] == "normal"
    assert said(each.at(TOMORROW) for each in told.told)["data left"] == "gone"


def test_what_nobody_was_told_beforehand_is_reported_when_it_comes() -> None:
    group = policed(balance(1, OCTETS, 1000)._replace(valid_until=TOMORROW))
    (limit,) = group.case.spending_limits.values()
    blind = limit._replace(told=tuple(each._replace(pending=()) for each in limit.told))
    group = group._replace(case=group.case._replace(spending_limits={SESSION: blind}))
    assert reports(wake(group.at(TOMORROW))) == [{"data left": "gone"}]


TOMORROW = PolicyDesk().case.now + DAY


def policed(*buckets: Balance) -> Group:
    """A group with these balances whose counters a policy server has asked for."""
    desk = PolicyDesk()
    desk.case = desk.case._replace(balances={each.id: each for each in buckets})
    desk.police(slr())
    return Group(desk.case, {}, {}, desk.case.now)


def reports(change: GroupChange) -> list[dict[str, str]]:
    return [said(report_of(each.content).statuses) for each in change.outgoing]
