"""How the counters of accounts turn with what is charged, and what turning them does."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from diameter_ocs.charging import counting
from diameter_ocs.charging.case import Account, Case
from diameter_ocs.charging.catalogue import Catalogue, Plan, Price
from diameter_ocs.charging.conditions import BalanceCondition, CounterCondition, Part
from diameter_ocs.charging.counters import (
    BalanceCounter,
    CounterAction,
    CounterState,
    PolicyCounter,
    PolicyCounterType,
    PolicyState,
)
from diameter_ocs.charging.counting import CREDIT, Counted, CounterChange, counted, statuses
from diameter_ocs.charging.decisions import Edr, EdrKind, Outcome
from diameter_ocs.charging.ledger import Balance, Posting
from diameter_ocs.charging.spending_limits import CounterStatus
from diameter_ocs.charging.standing import NO_STANDING, Standing
from tests.charging.scenario import (
    ALICE,
    DATA,
    DATA_BY_KIBIBYTES,
    MONEY,
    OCTETS,
    TEXT,
    TEXT_EACH,
    TEXTS,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    only,
    outcomes,
    priced,
    used,
    want,
)

NOTIFY, BLOCK, UNBLOCK = CounterAction
NOW = 1_700_000_000_000_000
LEFT = BalanceCounter(
    "left",
    OCTETS,
    (CounterState("normal", None), CounterState("low", 500), CounterState("none", 100)),
)
BLOCKING = LEFT._replace(
    states=(
        CounterState("normal", None, (NOTIFY, UNBLOCK)),
        CounterState("low", 500, ()),
        CounterState("none", 100, (BLOCK,)),
    )
)
THROTTLE = PolicyCounter(
    "throttle",
    "full",
    (
        PolicyState("stop", (CounterCondition("left", "none", True),)),
        PolicyState("slow", (BalanceCondition(MONEY, Part.AVAILABLE, "<", 50),)),
    ),
)


def selling(
    *counters: BalanceCounter, policies: Iterable[PolicyCounter] = (), groups=(DATA_BY_KIBIBYTES,)
) -> Catalogue:
    """Return a catalogue of data and texts with counters, its plan with the policy counters."""
    offered = catalogue(
        allowance(OCTETS, DATA), allowance(TEXTS, TEXT), groups=(*groups, TEXT_EACH)
    )
    plan = replace(offered.plans["demo"], policy_counters=tuple(each.name for each in policies))
    return replace(
        offered,
        plans={"demo": plan, "bare": Plan("bare", 0, (), ())},
        default_monetary_balance_type=MONEY,
        counters={each.name: each for each in counters},
        policy_counters={each.name: each for each in policies},
        blockable=frozenset(each.balance_type for each in counters if each.may_block),
    )


def case_of(
    offered: Catalogue, *balances: Balance, standing: Standing = NO_STANDING, plan: str = "demo"
) -> Case:
    accounts = {
        1: Account(1, "alice", (plan,), standing=standing),
        2: Account(2, "bob", (plan,), parent_id=1),
    }
    kept = {each.id: each for each in balances}
    return Case(NOW, 1, 1, offered, {}, accounts, kept, {})


def edr(account_id: int = 1, *posted: int) -> Edr:
    """Return an EDR about an account that posts on some balances."""
    postings = tuple(Posting(number, 0, 1, 0) for number in posted)
    kind = EdrKind.CHARGING
    return Edr(2, NOW, account_id, kind, "test", Outcome.SUCCESS, postings)


def counters_of(case: Case, account_id: int) -> tuple[Counted, ...]:
    account, balances = case.accounts[account_id], case.balances.values()
    return counting.counters_of(account, case.catalogue, balances, NOW)


def turned(case: Case, *edrs: Edr) -> tuple[Case, list[tuple[int, str, str, str, bool]]]:
    after, changes = counted(case, edrs or (edr(),))
    told = [
        (each.account_id, each.counter.name, each.previous, each.state, each.is_notified)
        for each in changes
    ]
    return after, told


def octets(number: int, total: int, spent: int = 0, held: int = 0, owner: int = 1) -> Balance:
    return Balance(number, owner, OCTETS, 0, total, spent, held)


def test_a_counter_that_turns_is_told_once_and_remembered():
    case, told = turned(case_of(selling(LEFT), octets(1, 1000, 501)))
    assert told == [(1, "left", "normal", "low", True)]
    assert case.accounts[1].standing == Standing((("left", "low"),))
    assert case.accounts[2].standing is NO_STANDING
    assert turned(case) == (case, [])


def test_a_counter_that_turns_back_is_told_too():
    case, told = turned(
        case_of(selling(LEFT), octets(1, 1000), standing=Standing((("left", "none"),)))
    )
    assert told == [(1, "left", "none", "normal", True)]
    assert case.accounts[1].standing == NO_STANDING


def test_two_thresholds_at_once_are_one_change():
    _, told = turned(case_of(selling(LEFT), octets(1, 1000, 999)))
    assert told == [(1, "left", "normal", "none", True)]


def test_a_state_without_notify_is_told_to_nobody_but_subscribers():
    _, told = turned(case_of(selling(BLOCKING), octets(1, 1000, 501)))
    assert told == [(1, "left", "normal", "low", False)]


def test_all_balances_of_a_type_count_together_that_are_valid():
    long_ago, later = NOW - 1, NOW + 1
    balances = (
        octets(1, 400),
        octets(2, 100, 1),
        octets(3, 1000)._replace(valid_until=long_ago),
        octets(4, 1000)._replace(valid_until=NOW),
        octets(5, 1000)._replace(valid_from=later),
        octets(6, 1000, owner=2),
        balance(7, TEXTS, 1000),
    )
    _, told = turned(case_of(selling(LEFT), *balances))
    assert told == [(1, "left", "normal", "low", True)]
    _, told = turned(case_of(selling(LEFT), *balances, octets(8, 1)))
    assert told == []


def test_what_has_ended_is_nothing_that_is_left():
    """Who had data that has ended has none; who never had any has no counter of it."""
    ended, to_come = (
        octets(1, 1000)._replace(valid_until=NOW),
        octets(1, 1000)._replace(valid_from=NOW + 1),
    )
    assert turned(case_of(selling(LEFT), ended))[1] == [(1, "left", "normal", "none", True)]
    for balances in ((), (to_come,), (balance(1, TEXTS, 5),)):
        assert turned(case_of(selling(LEFT), *balances))[1] == []
        assert counters_of(case_of(selling(LEFT), *balances), 1) == ()


def test_the_state_of_a_counter_that_is_lost_is_forgotten_silently():
    case, told = turned(case_of(selling(LEFT), standing=Standing((("left", "low"),))))
    assert told == []
    assert case.accounts[1].standing == NO_STANDING


def test_a_counter_that_is_not_active_is_nobodys():
    off = LEFT._replace(is_active=False)
    case = case_of(selling(off), octets(1, 1000, 1000), standing=Standing((("left", "low"),)))
    assert turned(case)[1] == []
    assert counters_of(case, 1) == ()


def test_the_owners_of_what_was_posted_are_looked_at_too():
    """Who uses what a parent shares turns the parent's counters."""
    case = case_of(selling(LEFT), octets(1, 1000, 950), octets(2, 1000, 950, owner=2))
    assert turned(case, edr(2))[1] == [(2, "left", "normal", "none", True)]
    found = turned(case, edr(2, 1))[1]
    assert sorted(found) == [
        (1, "left", "normal", "none", True),
        (2, "left", "normal", "none", True),
    ]


def test_without_an_edr_nothing_turns():
    case = case_of(selling(LEFT), octets(1, 1000, 950))
    assert counted(case, ()) == (case, ())


def test_without_counters_nothing_is_changed():
    case = case_of(selling(), octets(1, 1000, 950))
    after, changes = counted(case, (edr(),))
    assert after is case
    assert changes == ()


def test_an_account_may_have_thresholds_of_its_own():
    own = LEFT._replace(states=(CounterState("normal", None), CounterState("low", 900)))
    standing = Standing(overrides=(own,))
    case = case_of(
        selling(LEFT), octets(1, 1000, 101), octets(2, 1000, 101, 0, 2), standing=standing
    )
    assert turned(case, edr(1), edr(2))[1] == [(1, "left", "normal", "low", True)]
    assert counters_of(case, 1)[0].counter is own
    assert counters_of(case, 2)[0].counter is LEFT


def test_an_own_counter_that_the_catalogue_has_no_more_is_passed_over():
    other = LEFT._replace(name="right", balance_type=TEXTS)
    standing = Standing(overrides=(LEFT, other._replace(balance_type=OCTETS)))
    case = case_of(selling(other), octets(1, 1000, 999), balance(2, TEXTS, 5), standing=standing)
    assert [each.counter for each in counters_of(case, 1)] == [other]


def test_a_policy_counter_reads_counters_and_balances():
    offered = selling(LEFT, policies=(THROTTLE,))
    rich = balance(2, MONEY, 50)
    for spent, states in ((0, ["full"]), (501, ["full"]), (901, ["stop"])):
        case = case_of(offered, octets(1, 1000, spent), rich)
        found = [each.state for each in counters_of(case, 1) if each.counter is THROTTLE]
        assert found == states
    assert turned(case_of(offered, octets(1, 1000), rich._replace(used=1)))[1] == [
        (1, "throttle", "full", "slow", True)
    ]


def test_a_policy_counter_is_an_accounts_by_its_plans_alone():
    offered = selling(LEFT, policies=(THROTTLE,))
    case = case_of(offered, octets(1, 1000), plan="bare")
    assert [each.counter.name for each in counters_of(case, 1)] == ["left"]
    gone = case_of(offered, octets(1, 1000), plan="gone")
    assert [each.counter.name for each in counters_of(gone, 1)] == ["left"]
    both = case._replace(accounts={1: Account(1, "alice", ("bare", "demo", "demo"))})
    assert [each.counter.name for each in counters_of(both, 1)] == ["left", "throttle"]


def test_policy_servers_know_all_but_notifications_by_name():
    note = THROTTLE._replace(name="note", type=PolicyCounterType.NOTIFICATION)
    zoom = THROTTLE._replace(name="a throttle")
    offered = selling(LEFT, policies=(note, zoom))
    case = case_of(offered, octets(1, 1000, 950), standing=Standing(thresholds=(5,)))
    assert statuses(case, 1) == (CounterStatus("a throttle", "stop"), CounterStatus("left", "none"))
    assert turned(case)[1] == [
        (1, "left", "normal", "none", True),
        (1, "a throttle", "full", "stop", True),
        (1, "note", "full", "stop", True),
    ]


def test_statuses_are_known_for_any_time():
    case = case_of(selling(LEFT), octets(1, 1000)._replace(valid_until=NOW + 10))
    assert statuses(case, 1) == statuses(case, 1, NOW + 9) == (CounterStatus("left", "normal"),)
    assert statuses(case, 1, NOW + 10) == (CounterStatus("left", "none"),)


@pytest.mark.parametrize(
    ("left", "held", "expected"),
    [
        (2_000_000, 0, "normal"),
        (2_000_000, 1_999_999, "normal"),
        (1_999_999, 0, "below 2.00"),
        (500_000, 0, "below 2.00"),
        (499_999, 0, "below 0.50"),
    ],
)
def test_thresholds_of_money_turn_both_ways_without_reservations(left, held, expected):
    thresholds = Standing(thresholds=(500_000, 2_000_000))
    money = Balance(1, 1, MONEY, 0, left + 7, 7, held)
    case, told = turned(case_of(selling(), money, standing=thresholds))
    changed = expected != "normal"
    assert told == ([(1, CREDIT, "normal", expected, True)] if changed else [])
    back = case._replace(balances={1: money._replace(total=3_000_007)})
    after, told = turned(back)
    assert told == ([(1, CREDIT, expected, "normal", True)] if changed else [])
    assert after.accounts[1].standing == thresholds
    assert statuses(case, 1) == ()


def test_what_blocks_stays_so_until_something_unblocks():
    offered = selling(BLOCKING)
    case, _ = turned(case_of(offered, octets(1, 1000, 901)))
    assert case.accounts[1].standing == Standing((("left", "none"),), (OCTETS,))
    case, _ = turned(case._replace(balances={1: octets(1, 1000, 800)}))
    assert case.accounts[1].standing == Standing((("left", "low"),), (OCTETS,))
    case, _ = turned(case._replace(balances={1: octets(1, 1000, 0)}))
    assert case.accounts[1].standing == NO_STANDING


@pytest.mark.parametrize("steps", [(1000,), (600, 1000), (600, 901, 1000)])
def test_what_lies_on_the_way_is_entered_too(steps):
    """It does not matter how large the steps are."""
    states = (
        CounterState("normal", None, (UNBLOCK,)),
        CounterState("low", 500, (BLOCK,)),
        CounterState("none", 100, ()),
    )
    case = case_of(selling(LEFT._replace(states=states)), octets(1, 1000))
    for spent in steps:
        case, _ = turned(case._replace(balances={1: octets(1, 1000, spent)}))
    assert case.accounts[1].standing == Standing((("left", "none"),), (OCTETS,))
    case, _ = turned(case._replace(balances={1: octets(1, 1000)}))
    assert case.accounts[1].standing == NO_STANDING


def test_of_two_counters_that_turn_at_once_the_one_that_blocks_counts():
    blocking = LEFT._replace(
        name="blocks", states=(CounterState("normal", None), CounterState("a", 500, (BLOCK,)))
    )
    unblocking = LEFT._replace(
        name="unblocks", states=(CounterState("normal", None), CounterState("b", 500, (UNBLOCK,)))
    )
    case, _ = turned(case_of(selling(blocking, unblocking), octets(1, 1000, 501)))
    assert case.accounts[1].standing.blocked == (OCTETS,)


def test_a_change_says_which_counter_it_is():
    _, (change,) = counted(case_of(selling(LEFT), octets(1, 1000, 501)), (edr(),))
    assert change == CounterChange(1, LEFT, "normal", "low")


KIB = 1024
TIGHT = BLOCKING._replace(
    states=(
        CounterState("normal", None, (UNBLOCK,)),
        CounterState("none", 300 * KIB, (BLOCK,)),
    )
)


def blocked(charging: Desk) -> tuple[str, ...]:
    return charging.case.accounts[1].standing.blocked


def desk(*counters: BalanceCounter, kibibytes: int = 1000, money: int = 0) -> Desk:
    offered = selling(*counters)
    if money:
        plan = offered.plans["demo"]
        pay = priced(Price(1, KIB), DATA)
        offered = replace(offered, plans={"demo": replace(plan, services=(*plan.services, pay))})
    return Desk(offered, balance(1, OCTETS, kibibytes * KIB), balance(2, MONEY, money))


def test_what_is_blocked_pays_for_nothing_new_and_what_it_holds_is_still_paid():
    charging = desk(TIGHT)
    assert granted(charging.initial(want(DATA, 200 * KIB))) == [(200 * KIB, False)]
    charging.initial(want(DATA, 600 * KIB), session=b"two")
    charging.update(used(DATA, 550 * KIB), session=b"two")
    assert blocked(charging) == ()
    charging.terminate(used(DATA, 200 * KIB), session=b"two")
    assert blocked(charging) == (OCTETS,), "200 KiB are used above the quota, and 250 are left"
    refused = charging.initial(want(DATA, 1), session=b"three")
    assert outcomes(refused) == ["SERVICE_DENIED"]
    assert refused.edrs[-1].reason == "balance_blocked"
    charging.update(used(DATA, 200 * KIB))
    assert charging.balance(1) == (950 * KIB, 0)


def test_a_quota_is_refused_by_the_very_report_that_blocks():
    charging = desk(TIGHT)
    charging.initial(want(DATA, 800 * KIB))
    assert outcomes(charging.update(used(DATA, 701 * KIB, wanted=100 * KIB))) == ["SERVICE_DENIED"]
    assert blocked(charging) == (OCTETS,)


def test_usage_above_a_quota_is_not_paid_by_what_is_blocked():
    charging = desk(TIGHT)
    charging.initial(want(DATA, 10 * KIB), session=b"two")
    charging.initial(want(DATA, 710 * KIB))
    charging.terminate(used(DATA, 710 * KIB))
    charging.terminate(used(DATA, 15 * KIB), session=b"two")
    assert charging.settlements[0].overrun == 5 * KIB


def test_what_else_can_pay_does():
    charging = desk(TIGHT, money=100)
    charging.initial(want(DATA, 800 * KIB))
    decision = charging.update(used(DATA, 800 * KIB, wanted=10 * KIB))
    assert granted(decision) == [(10 * KIB, False)]
    assert charging.balance(1) == (800 * KIB, 0)
    assert charging.balance(2) == (0, 10)


def test_where_something_else_has_nothing_left_the_limit_is_reached():
    """That is said of what is blocked alone."""
    charging = desk(TIGHT, money=1)
    charging.initial(want(DATA, 800 * KIB))
    charging.update(used(DATA, 800 * KIB, wanted=KIB))
    assert outcomes(charging.update(used(DATA, KIB, wanted=KIB))) == ["LIMIT_REACHED"]


def test_an_event_is_refused_that_only_what_is_blocked_could_pay():
    counter = TIGHT._replace(
        balance_type=TEXTS, states=(TIGHT.states[0], CounterState("none", 5, (BLOCK,)))
    )
    charging = Desk(selling(counter), balance(1, TEXTS, 5))
    assert only(charging.event(want(TEXT, 1))).outcome is Outcome.SUCCESS
    refused = charging.event(want(TEXT, 1), session=b"next")
    assert outcomes(refused) == ["SERVICE_DENIED"]
    assert refused.edrs[0].reason == "balance_blocked"
    assert charging.balance(1) == (1, 0)


def test_credit_unblocks():
    charging = desk(TIGHT)
    charging.initial(want(DATA, 800 * KIB))
    charging.update(used(DATA, 800 * KIB))
    assert blocked(charging) == (OCTETS,)
    charging.credit(1, 1000 * KIB)
    charging.case, _ = counted(charging.case, (edr(),))
    assert blocked(charging) == ()
    assert granted(charging.update(want(DATA, KIB))) == [(KIB, False)]


def test_a_block_counts_as_long_as_a_counter_of_the_catalogue_can_make_it():
    charging = desk(TIGHT)
    charging.initial(want(DATA, 800 * KIB))
    charging.update(used(DATA, 800 * KIB))
    charging.offer(selling())
    assert granted(charging.update(want(DATA, KIB))) == [(KIB, False)]


def test_a_new_account_with_too_little_is_blocked_from_the_start():
    assert outcomes(desk(TIGHT, kibibytes=299).initial(want(DATA, 1))) == ["SERVICE_DENIED"]


def test_what_a_parent_shares_is_blocked_by_its_own_counters():
    counter = TIGHT._replace(states=(TIGHT.states[0], CounterState("none", 300, (BLOCK,))))
    offered = selling(counter, groups=(replace(DATA_BY_KIBIBYTES, rounding=1),))
    case = case_of(offered, octets(1, 200), octets(2, 1000, owner=2))
    charging = Desk(offered)
    charging.case = case._replace(version=0, directory={ALICE: 2})
    charging.opening = dict(case.balances)
    assert granted(charging.initial(want(DATA, 1500))) == [(1000, True)]
