"""Sessions that were refused are called to ask again when there is something for them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from diameter_ocs.charging.accounts import delete, reauthorize, suspend
from diameter_ocs.charging.case import Account, Change
from diameter_ocs.charging.catalogue import Catalogue, Price, Reauthorization
from diameter_ocs.charging.course import followed_group
from diameter_ocs.charging.decisions import Outcome
from diameter_ocs.charging.groups import Group, GroupChange
from diameter_ocs.charging.outbox import OutboxKind
from diameter_ocs.charging.requests import ServiceUsage, SessionKey
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    ALICE,
    BOB,
    DATA,
    MONEY,
    OCTETS,
    TEXT,
    TEXT_EACH,
    Desk,
    allowance,
    balance,
    catalogue,
    priced,
    rating_group,
    used,
    want,
)

DATA_EACH = rating_group(DATA, UnitType.VOLUME)
MONEY_ID, OCTETS_ID = 1, 2


def offered(whom: Reauthorization = Reauthorization.REFUSED) -> Catalogue:
    services = allowance(OCTETS, DATA), priced(Price(1, 1), TEXT)
    sold = catalogue(*services, groups=(DATA_EACH, TEXT_EACH))
    return replace(sold, session_rules=replace(sold.session_rules, reauthorization=whom))


def desk(
    octets: int = 100, money: int = 0, whom: Reauthorization = Reauthorization.REFUSED
) -> Desk:
    buckets = balance(MONEY_ID, MONEY, money), balance(OCTETS_ID, OCTETS, octets)
    return Desk(offered(whom), *buckets)


def called(at: Desk) -> list[tuple[str, list[int] | None]]:
    """Reason and sessions of each call that the latest change makes."""
    assert all(each.kind is OutboxKind.REAUTHORIZATION for each in at.outgoing)
    return [(each.content["reason"], each.content["sessions"]) for each in at.outgoing]


def test_a_session_with_its_last_quota_is_called_when_money_arrives() -> None:
    at = desk()
    assert at.initial(want(DATA, 100)).services[0].grant.is_final
    assert called(at) == []
    at.deposit(OCTETS_ID, 50)
    assert called(at) == [("balance", [1])]


def test_a_refused_session_is_called_when_money_arrives() -> None:
    at = desk()
    decision = at.initial(want(TEXT, 1), want(DATA, 10))
    assert [each.outcome for each in decision.services] == [Outcome.LIMIT_REACHED, Outcome.SUCCESS]
    at.deposit(MONEY_ID, 50)
    assert called(at) == [("balance", [1])]


def test_it_is_called_once() -> None:
    at = desk()
    at.initial(want(DATA, 100))
    at.deposit(OCTETS_ID, 50)
    at.deposit(OCTETS_ID, 50)
    assert called(at) == []


def test_who_has_what_it_wants_is_not_called() -> None:
    at = desk()
    at.initial(want(DATA, 50))
    at.deposit(OCTETS_ID, 50)
    assert called(at) == []


def test_a_session_that_was_served_since_is_not_called() -> None:
    at = desk()
    at.initial(want(DATA, 100))
    at.deposit(OCTETS_ID, 50)
    assert not at.update(used(DATA, 100, wanted=20)).services[0].grant.is_final
    at.deposit(OCTETS_ID, 50)
    assert called(at) == []


def test_a_session_that_has_ended_is_not_called() -> None:
    at = desk()
    at.initial(want(DATA, 100))
    at.terminate(used(DATA, 100))
    at.deposit(OCTETS_ID, 50)
    assert called(at) == []
    assert at.case.accounts[1].standing.short == ()


def test_what_a_session_gives_back_calls_the_others_that_were_refused() -> None:
    at = desk()
    at.initial(want(DATA, 100))
    decision = at.initial(want(DATA, 10), want(TEXT, 1), session=b"two")
    assert decision.services[0].outcome is Outcome.LIMIT_REACHED
    at.terminate(used(DATA, 20))
    assert called(at) == [("balance", [2])]


def test_what_is_used_up_calls_nobody() -> None:
    at = desk()
    at.initial(want(DATA, 100))
    at.initial(want(DATA, 10), want(TEXT, 1), session=b"two")
    at.terminate(used(DATA, 100))
    assert called(at) == []


def test_a_request_is_not_called_for_what_it_was_just_refused() -> None:
    at = desk(money=10)
    at.initial(want(DATA, 100))
    at.initial(want(TEXT, 5), session=b"two")
    at.update(used(TEXT, 0), want(TEXT, 11), session=b"two")
    assert called(at) == []
    assert at.case.accounts[1].standing.short == ((1, DATA), (2, TEXT))


def test_a_session_that_gives_its_quota_back_is_not_called() -> None:
    at = desk()
    at.initial(want(DATA, 100))
    at.update(used(DATA, 10)._replace(is_quota_returned=True))
    assert called(at) == []


def test_what_cannot_pay_for_it_calls_nobody() -> None:
    at = desk()
    at.initial(want(DATA, 100))
    at.deposit(MONEY_ID, 50)
    assert called(at) == []


def test_a_debit_calls_nobody() -> None:
    at = desk(octets=100, money=100)
    at.initial(want(DATA, 100))
    at.deposit(MONEY_ID, -50)
    assert called(at) == []


@pytest.mark.parametrize("whom", list(Reauthorization))
def test_the_tenant_says_who_is_called(whom: Reauthorization) -> None:
    at = desk(whom=whom)
    at.initial(want(DATA, 10), session=b"content")
    at.initial(want(DATA, 90), session=b"full")
    at.initial(want(DATA, 10), session=b"short")
    at.deposit(OCTETS_ID, 50)
    calls = {
        Reauthorization.NONE: [],
        Reauthorization.REFUSED: [("balance", [3])],
        Reauthorization.ALL: [("balance", None)],
    }
    assert called(at) == calls[whom]


def test_what_a_parent_has_more_of_calls_the_sessions_of_its_children() -> None:
    parent, child = Account(1, "alice", ("demo",)), Account(2, "bob", ("demo",), 1)
    buckets = balance(OCTETS_ID, OCTETS, 100), balance(3, OCTETS, 0, account_id=2)
    at = Desk(offered(), *buckets, accounts={ALICE: parent, BOB: child})
    at.initial(want(DATA, 100), identities=(BOB,))
    at.deposit(OCTETS_ID, 50)
    assert [(each.account_id, each.content["sessions"]) for each in at.outgoing] == [(2, [1])]


def test_what_a_child_has_more_of_does_not_call_its_parents_sessions() -> None:
    parent, child = Account(1, "alice", ("demo",)), Account(2, "bob", ("demo",), 1)
    buckets = balance(OCTETS_ID, OCTETS, 100), balance(3, OCTETS, 0, account_id=2)
    at = Desk(offered(), *buckets, accounts={ALICE: parent, BOB: child})
    at.initial(want(DATA, 100))
    at.deposit(3, 50)
    assert at.outgoing == ()


def test_a_new_plan_calls_those_who_were_denied() -> None:
    at = desk()
    account = at.case.accounts[1]
    at.case = at.case._replace(accounts={1: account._replace(plans=())})
    assert at.initial(want(DATA, 10)).services[0].outcome is Outcome.SERVICE_DENIED
    before = at.case
    with_plan = before.accounts[1]._replace(plans=("demo",))
    at.follow(Change(before, before._replace(accounts={1: with_plan}), ()))
    assert called(at) == [("plans", [1])]


def test_balances_that_pay_again_call_those_who_were_refused() -> None:
    at = desk()
    at.initial(want(DATA, 100))
    free = at.case.accounts[1]
    blocked = free._replace(standing=free.standing._replace(blocked=(OCTETS,)))
    at.case = at.case._replace(accounts={1: blocked})
    at.deposit(OCTETS_ID, 50)
    assert called(at) == []
    before = at.case
    at.follow(Change(before, before._replace(accounts={1: free}), ()))
    assert called(at) == [("unblocked", [1])]


def test_whoever_was_called_asks_by_saying_nothing() -> None:
    at = desk(octets=0, money=10)
    at.initial(want(DATA, 10), want(TEXT, 5))
    silent = ServiceUsage(DATA)
    assert at.update(silent).services[0].grant is None
    at.deposit(OCTETS_ID, 1000)
    grant = at.update(silent).services[0].grant
    assert grant is not None
    assert grant.units == DATA_EACH.default_quota
    at.deposit(OCTETS_ID, 1000)
    assert at.update(used(DATA, 100)).services[0].grant is None, "it has asked"


def test_whoever_was_called_and_has_a_quota_reports_by_saying_nothing() -> None:
    at = desk(octets=1000)
    at.initial(want(DATA, 100))
    at.follow(by_command(reauthorize, at).charged)
    assert at.update(ServiceUsage(DATA)).services[0].grant is None


def by_command(command: Callable[[Group, int, str], GroupChange], at: Desk) -> GroupChange:
    return command(Group(at.case, {}, {}), 1, "test")


def test_an_operator_calls_all_sessions() -> None:
    at = desk(octets=1000)
    at.initial(want(DATA, 100))
    at.follow(by_command(reauthorize, at).charged)
    assert called(at) == [("command", None)]
    assert at.case.accounts[1].standing.called == (1,)
    at.update(used(DATA, 100, wanted=100))
    assert at.case.accounts[1].standing.called == ()


@pytest.mark.parametrize("command", [suspend, delete])
def test_the_gateways_of_sessions_that_a_command_ends_are_told(
    command: Callable[[Group, int, str], GroupChange],
) -> None:
    at = desk(octets=1000)
    at.initial(want(DATA, 100), session=b"one;\xff")
    at.initial(want(DATA, 100), session=b"two")
    change = followed_group(by_command(command, at))
    assert [each[0] for each in change.outgoing] == [OutboxKind.ABORT] * 2
    told = [(each.session_number, each.session_id, each.target) for each in change.outgoing]
    assert told == [(1, b"one;\xff", "gw.example"), (2, b"two", "gw.example")]
    assert SessionKey(b"two") not in change.after.case.sessions
