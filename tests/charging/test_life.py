"""Dates, parents and denials: what may pay, for whom, and when."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.accounts import children, summary, suspend
from diameter_ocs.charging.case import Account, AccountState, Case
from diameter_ocs.charging.catalogue import Catalogue, Plan, Price, Service
from diameter_ocs.charging.groups import Group
from diameter_ocs.charging.ledger import Ledger, Posting, is_valid
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.session import CloseReason
from diameter_ocs.charging.supervision import supervise
from tests.charging.scenario import (
    ALICE,
    BONUS,
    DATA,
    MONEY,
    TEXT,
    TEXT_EACH,
    TEXTS,
    VOICE,
    VOICE_BY_SECONDS,
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

SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND
TEXTS_ONLY = catalogue(allowance(TEXTS, TEXT), groups=(TEXT_EACH,))
CHILD = Account(2, "child", ("demo",), parent_id=1)
GRANDCHILD = Account(3, "grandchild", ("demo",), parent_id=2)
PARENT = Account(1, "parent", ())


def family(*accounts: Account, **balances: int) -> Desk:
    """Serve the last of some accounts; each balance of texts is named by its owner."""
    numbers = {"own": accounts[-1].id, "of_child": 2, "of_parent": 1}
    buckets = [
        balance(number, TEXTS, total, numbers[owner])
        for number, (owner, total) in enumerate(balances.items(), 1)
    ]
    desk = Desk(TEXTS_ONLY, *buckets, accounts={ALICE: accounts[-1]})
    desk.case = desk.case._replace(accounts={account.id: account for account in accounts})
    return desk


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "expected"),
    [
        (None, None, True),
        (NOW, None, True),
        (NOW + 1, None, False),
        (None, NOW, False),
        (None, NOW + 1, True),
        (NOW - 1, NOW + 1, True),
    ],
)
def test_a_balance_pays_from_its_first_moment_to_before_its_last(valid_from, valid_until, expected):
    assert is_valid(valid_from, valid_until, NOW) is expected
    dated = balance(1, MONEY, 5)._replace(valid_from=valid_from, valid_until=valid_until)
    books = Ledger({1: dated}, (1,), NOW)
    assert books.paying((MONEY,)) == ((1,) if expected else ())


def test_own_balances_pay_before_a_parent_s_whatever_their_priority():
    purse = {
        1: balance(1, MONEY, 5, 1)._replace(priority=9),
        2: balance(2, MONEY, 5, 2),
        3: balance(3, MONEY, 5, 3)._replace(priority=-1),
        4: balance(4, BONUS, 5, 1),
    }
    assert Ledger(purse, (3, 2, 1)).paying((BONUS, MONEY)) == (4, 3, 2, 1)


def test_a_child_goes_on_with_its_parents_balances():
    desk = family(PARENT, CHILD, GRANDCHILD, own=10, of_child=10, of_parent=10)
    assert granted(desk.initial(want(TEXT, 25))) == [(25, False)]
    assert [desk.balance(number)[1] for number in (1, 2, 3)] == [10, 10, 5]
    desk.terminate(used(TEXT, 15))
    assert [desk.balance(number) for number in (1, 2, 3)] == [(10, 0), (5, 0), (0, 0)]


def test_a_child_with_an_allowance_of_nothing_has_its_parents_pay():
    desk = family(PARENT, CHILD, own=0, of_parent=10)
    assert granted(desk.initial(want(TEXT, 7))) == [(7, False)]
    desk.terminate(used(TEXT, 7))
    assert [desk.balance(number) for number in (1, 2)] == [(0, 0), (7, 0)]


def test_a_parent_does_not_use_its_children_s_balances():
    desk = family(CHILD, PARENT._replace(plans=("demo",)), of_child=10)
    assert outcomes(desk.initial(want(TEXT, 5))) == ["LIMIT_REACHED"]


def test_a_parent_s_plans_are_not_its_children_s():
    desk = family(PARENT._replace(plans=("demo",)), CHILD._replace(plans=()), of_parent=10)
    assert outcomes(desk.initial(want(TEXT, 5))) == ["SERVICE_DENIED"]


def test_a_suspended_parent_pays_for_nobody_and_its_own_parent_still_does():
    suspended = CHILD._replace(state=AccountState.SUSPENDED)
    desk = family(PARENT, suspended, GRANDCHILD, own=0, of_child=10, of_parent=10)
    assert granted(desk.initial(want(TEXT, 25))) == [(10, True)]
    assert desk.balance(2) == (0, 0)


@pytest.mark.parametrize("state", [AccountState.SUSPENDED, AccountState.DELETED])
def test_an_account_that_is_not_active_opens_no_session(state):
    desk = family(PARENT._replace(plans=("demo",), state=state), own=10)
    decision = desk.initial(want(TEXT, 5))
    assert (decision.outcome.name, outcomes(decision)) == ("SERVICE_DENIED", ["SERVICE_DENIED"])
    assert [closed.reason for closed in decision.closed] == [CloseReason.REFUSED]
    assert desk.balance(1) == (0, 0)


def deny_tenant(case: Case) -> Case:
    return case._replace(is_tenant_suspended=True)


def suspend_account(case: Case) -> Case:
    (account,) = case.accounts.values()
    return case._replace(accounts={1: account._replace(state=AccountState.SUSPENDED)})


@pytest.mark.parametrize("deny", [deny_tenant, suspend_account])
def test_what_is_denied_while_a_session_is_open_is_settled_and_granted_no_more(deny):
    desk = family(PARENT._replace(plans=("demo",)), own=100)
    desk.initial(want(TEXT, 20))
    desk.case = deny(desk.case)
    decision = desk.update(used(TEXT, 12, wanted=20))
    assert (decision.outcome.name, outcomes(decision)) == ("SUCCESS", ["SERVICE_DENIED"])
    assert only(decision).grant is None
    assert desk.balance(1) == (12, 0)
    decision = desk.terminate(used(TEXT, 3))
    assert (decision.outcome.name, outcomes(decision)) == ("SUCCESS", ["SUCCESS"])
    assert desk.balance(1) == (15, 0)


def test_nothing_is_granted_to_a_suspended_tenant_s_new_sessions():
    desk = family(PARENT._replace(plans=("demo",)), own=100)
    desk.case = deny_tenant(desk.case)
    assert desk.initial(want(TEXT, 20)).outcome.name == "SERVICE_DENIED"


def test_a_reservation_outlives_the_end_of_its_balance():
    desk = family(PARENT._replace(plans=("demo",)), own=100)
    desk.initial(want(TEXT, 20))
    ended = desk.case.balances[1]._replace(valid_until=desk.case.now)
    desk.case = desk.case._replace(balances={1: ended})
    decision = desk.update(used(TEXT, 20, wanted=20))
    assert outcomes(decision) == ["LIMIT_REACHED"]
    assert desk.balance(1) == (20, 0)
    assert decision.edrs[-1].postings == (Posting(1, 0, 20, -20),)


def test_usage_above_the_grant_is_not_taken_from_what_has_ended():
    desk = family(PARENT._replace(plans=("demo",)), own=100)
    desk.initial(want(TEXT, 20))
    ended = desk.case.balances[1]._replace(valid_until=desk.case.now)
    desk.case = desk.case._replace(balances={1: ended})
    desk.terminate(used(TEXT, 30))
    assert desk.balance(1) == (20, 0)
    assert desk.settlements[0].overrun == 10


def test_a_balance_to_come_pays_when_it_has_begun():
    desk = family(PARENT._replace(plans=("demo",)), own=100)
    dated = desk.case.balances[1]._replace(valid_from=desk.case.now + SECOND)
    desk.case = desk.case._replace(balances={1: dated})
    assert outcomes(desk.initial(want(TEXT, 5))) == ["LIMIT_REACHED"]
    desk.case = desk.case._replace(now=desk.case.now + SECOND)
    assert granted(desk.update(want(TEXT, 5))) == [(5, False)]


def cancelled(desk: Desk, *plans: str) -> None:
    """Leave an account so many plans."""
    (account,) = desk.case.accounts.values()
    desk.case = desk.case._replace(accounts={1: account._replace(plans=plans)})


def of_plans(**plans: Service) -> Catalogue:
    offered = catalogue(groups=(VOICE_BY_SECONDS,))
    made = {name: Plan(name, 0, (service,), ()) for name, service in plans.items()}
    return replace(offered, plans=made)


HELD, OTHER = priced(Price(10, 1), VOICE), priced(Price(20, 1), VOICE, balance_types=(BONUS,))


def subscriber_of_both(**totals: int) -> Desk:
    account = Account(1, "alice", ("held", "other"))
    return Desk(
        of_plans(held=HELD, other=OTHER),
        balance(1, MONEY, totals.get("money", 1000)),
        balance(2, BONUS, 1000),
        accounts={ALICE: account},
    )


def test_a_cancelled_plan_that_holds_a_reservation_is_charged():
    desk = subscriber_of_both()
    desk.initial(want(VOICE, 30))
    cancelled(desk)
    desk.terminate(used(VOICE, 40))
    assert desk.balance(1) == (400, 0)
    assert desk.settlements[0].overrun == 0


def test_another_cancelled_plan_is_never_charged():
    desk = subscriber_of_both(money=300)
    desk.initial(want(VOICE, 30))
    cancelled(desk)
    desk.terminate(used(VOICE, 40))
    assert (desk.balance(1), desk.balance(2)) == ((300, 0), (0, 0))
    assert desk.settlements[0].overrun == 10


def test_an_active_plan_of_another_price_does_not_pay_for_what_a_cancelled_one_holds():
    desk = subscriber_of_both(money=300)
    desk.initial(want(VOICE, 30))
    cancelled(desk, "other")
    desk.update(used(VOICE, 40, wanted=10))
    assert (desk.balance(1), desk.balance(2)) == ((300, 0), (0, 200))
    desk.terminate(used(VOICE, 10))
    assert desk.balance(2) == (200, 0)


def test_late_usage_is_charged_by_the_plan_that_held_it_though_that_is_cancelled():
    desk = subscriber_of_both()
    desk.initial(want(VOICE, 30))
    desk.case = desk.case._replace(now=desk.case.now + 3 * 3600 * 10**6)
    released = supervise(SessionKey(b"one"), desk.case)
    desk.case = desk.case.after(released)
    desk.decisions.append(released)
    assert desk.balance(1) == (0, 0)
    cancelled(desk)
    desk.terminate(used(VOICE, 20))
    assert (desk.balance(1), desk.balance(2)) == ((200, 0), (0, 0))


def test_what_a_cancelled_plan_holds_is_settled_though_the_catalogue_has_it_no_more():
    desk = subscriber_of_both()
    desk.initial(want(VOICE, 30))
    desk.offer(of_plans(other=OTHER))
    cancelled(desk)
    desk.terminate(used(VOICE, 40))
    assert desk.balance(1) == (300, 0)
    assert desk.settlements[0].overrun == 10


def test_a_service_of_no_active_plan_is_denied():
    desk = Desk(catalogue(priced(Price(1, 1), DATA)), accounts={ALICE: Account(1, "alice", ())})
    assert outcomes(desk.initial(want(VOICE, 30))) == ["SERVICE_DENIED"]


@pytest.mark.parametrize(
    ("valid_from", "valid_until", "plans", "change_at"),
    [
        (None, None, ("plan",), None),
        (None, NOW + 9, ("plan",), NOW + 9),
        (NOW, NOW + 9, ("plan",), NOW + 9),
        (NOW + 1, NOW + 9, (), NOW + 1),
        (None, NOW, (), None),
    ],
)
def test_a_plan_counts_between_its_dates(valid_from, valid_until, plans, change_at):
    account = Account(1, "alice", ()).with_plan("plan", valid_from, valid_until, NOW)
    assert (account.plans, account.plans_change_at) == (plans, change_at)


def test_the_first_change_of_several_plans_counts():
    account = Account(1, "alice", ())
    for name, valid_from, valid_until in [("a", None, NOW + 5), ("b", NOW + 3, None)]:
        account = account.with_plan(name, valid_from, valid_until, NOW)
    account = account.with_plan("c", NOW - 1, NOW + 4, NOW)
    assert (account.plans, account.plans_change_at) == (("a", "c"), NOW + 3)


@pytest.mark.parametrize(("seconds", "validity"), [(600, 600), (59, 60), (1, 60)])
def test_a_grant_ends_with_the_plans_it_was_made_by(seconds, validity):
    change_at = NOW + seconds * SECOND + 1
    account = Account(1, "alice", ("demo",), plans_change_at=change_at)
    desk = Desk(TEXTS_ONLY, balance(1, TEXTS, 100), accounts={ALICE: account})
    grant = only(desk.initial(want(TEXT, 5))).grant
    assert grant is not None
    assert grant.validity_seconds == validity


def test_a_change_of_plans_far_away_shortens_no_grant():
    account = Account(1, "alice", ("demo",), plans_change_at=NOW + 10_000 * SECOND)
    grants = []
    for each in (account, account._replace(plans_change_at=None)):
        desk = Desk(TEXTS_ONLY, balance(1, TEXTS, 100), accounts={ALICE: each})
        grants.append(only(desk.initial(want(TEXT, 5))).grant)
    assert grants[0] == grants[1]


def test_what_belongs_to_an_account_is_told_in_the_order_in_which_it_came():
    desk = family(PARENT, GRANDCHILD._replace(parent_id=1), CHILD)
    case = desk.case._replace(
        balances={number: balance(number, TEXTS, 1, PARENT.id) for number in (9, 7, 8)},
        accounts={each.id: each for each in (GRANDCHILD._replace(parent_id=1), PARENT, CHILD)},
    )
    told = summary(Group(case, {}, {}), PARENT.id)
    assert [each.id for each in told.balances] == [7, 8, 9]
    assert [each.name for each in children(case, PARENT.id)] == ["child", "grandchild"]


def test_the_sessions_of_an_account_are_closed_in_the_order_in_which_they_were_opened():
    desk = family(PARENT._replace(plans=("demo",)), own=9)
    for name in (b"one", b"two", b"three"):
        desk.initial(want(TEXT, 1), session=name)
    turned = dict(reversed(desk.case.sessions.items()))
    change = suspend(Group(desk.case._replace(sessions=turned), {}, {}), PARENT.id, "a test")
    assert [edr.session_id for edr in change.edrs] == [b"one", b"two", b"three", None]
