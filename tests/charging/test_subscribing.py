"""Subscriptions to counters: who gets one, of what, and how long it lasts."""

from dataclasses import replace

import pytest

from diameter_ocs.charging import subscribing
from diameter_ocs.charging.case import AccountState
from diameter_ocs.charging.conditions import CounterCondition
from diameter_ocs.charging.counters import PolicyCounter, PolicyCounterType, PolicyState
from diameter_ocs.charging.decisions import EdrKind
from diameter_ocs.charging.spending_limits import ABORT_FEATURE, SpendingLimitOutcome
from tests.charging.policing import (
    OFFERED,
    SECOND,
    SESSION,
    PolicyDesk,
    intermediate,
    said,
    slr,
    str_,
)
from tests.charging.scenario import ALICE, BOB

SUCCESS, USER_UNKNOWN, SESSION_UNKNOWN, NO_COUNTERS, UNKNOWN_COUNTERS = SpendingLimitOutcome
ALL = {"data left": "normal", "talked": "little"}


def test_who_names_no_counters_is_told_of_all() -> None:
    desk = PolicyDesk()
    answer = desk.police(slr())
    assert (answer.outcome, said(answer.statuses)) == (SUCCESS, ALL)
    assert desk.sy.counters is None
    assert (desk.sy.session_id, desk.sy.account_id, desk.sy.number) == (SESSION, 1, 1)
    assert (desk.sy.told, desk.sy.answered_version) == (answer.statuses, desk.case.version)


def test_who_names_counters_is_told_of_those() -> None:
    desk = PolicyDesk()
    answer = desk.police(slr("talked"))
    assert said(answer.statuses) == {"talked": "little"}
    assert desk.sy.counters == ("talked",)


def test_the_answer_is_how_counters_stand_at_that_moment() -> None:
    desk = PolicyDesk()
    desk.spend(1, 901)
    assert said(desk.police(slr("data left")).statuses) == {"data left": "low"}
    desk.spend(1, 99)
    assert said(desk.police(intermediate("data left")).statuses) == {"data left": "gone"}


@pytest.mark.parametrize(
    "directory",
    [{}, {ALICE: 1, BOB: 2}],
    ids=["nobody", "two accounts"],
)
def test_whoever_is_not_one_account_is_unknown(directory: dict) -> None:
    desk = PolicyDesk()
    desk.case = desk.case._replace(directory=directory)
    assert desk.police(slr(identities=(ALICE, BOB))).outcome is USER_UNKNOWN
    assert not desk.case.spending_limits


def test_a_deleted_account_is_unknown_and_its_subscription_waits_for_its_end() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    desk.in_state(1, AccountState.DELETED)
    for request in (slr(), intermediate()):
        assert desk.police(request).outcome is USER_UNKNOWN
    assert desk.police(str_()).outcome is SUCCESS
    assert not desk.case.spending_limits


def test_a_suspended_account_has_counters_as_before() -> None:
    desk = PolicyDesk()
    desk.in_state(1, AccountState.SUSPENDED)
    assert said(desk.police(slr()).statuses) == ALL


def test_counters_that_nobody_knows_are_named_and_nothing_is_subscribed_to() -> None:
    desk = PolicyDesk()
    answer = desk.police(slr("talked", "moon", "sun"))
    assert (answer.outcome, answer.unknown) == (UNKNOWN_COUNTERS, ("moon", "sun"))
    assert answer.statuses == ()
    assert not desk.case.spending_limits


def test_a_tenant_may_have_unknown_counters_ignored() -> None:
    desk = PolicyDesk(replace(OFFERED, ignores_unknown_counters=True))
    answer = desk.police(slr("talked", "moon"))
    assert (answer.outcome, said(answer.statuses)) == (SUCCESS, {"talked": "little"})
    assert desk.sy.counters == ("talked",)
    assert desk.police(slr("moon", session_id=b"2")).outcome is NO_COUNTERS


def test_a_counter_that_the_account_lacks_is_known_and_told_of_when_it_comes() -> None:
    desk = PolicyDesk()
    assert desk.police(slr("money left")).outcome is NO_COUNTERS
    answer = desk.police(slr("money left", "talked"))
    assert (answer.outcome, said(answer.statuses)) == (SUCCESS, {"talked": "little"})
    assert desk.sy.counters == ("money left", "talked")


def test_an_account_without_counters_has_nothing_to_tell() -> None:
    desk = PolicyDesk(replace(OFFERED, counters={}))
    assert desk.police(slr()).outcome is NO_COUNTERS
    assert not desk.case.spending_limits


@pytest.mark.parametrize("kind", PolicyCounterType)
def test_policy_servers_know_policy_counters_and_no_others(kind: PolicyCounterType) -> None:
    states = (PolicyState("slow", (CounterCondition("data left", "normal", False),)),)
    counter = PolicyCounter("speed", "fast", states, kind)
    plan = replace(OFFERED.plans["demo"], policy_counters=("speed",))
    offered = replace(OFFERED, policy_counters={"speed": counter}, plans={"demo": plan})
    desk = PolicyDesk(offered)
    is_policy = kind is PolicyCounterType.POLICY
    assert ("speed" in said(desk.police(slr()).statuses)) is is_policy
    outcome = desk.police(slr("speed")).outcome
    assert outcome is (SUCCESS if is_policy else UNKNOWN_COUNTERS)


def test_a_later_request_puts_other_counters_in_the_place_of_the_first() -> None:
    desk = PolicyDesk()
    opened_at = desk.case.now
    desk.police(slr("talked"))
    desk.case = desk.case._replace(now=opened_at + SECOND)
    answer = desk.police(intermediate("data left", origin_host="other.example"))
    assert said(answer.statuses) == {"data left": "normal"}
    session = desk.sy
    assert (session.counters, session.origin_host) == (("data left",), "other.example")
    assert (session.number, session.opened_at) == (1, opened_at)
    assert session.updated_at == opened_at + SECOND
    assert said(desk.police(intermediate()).statuses) == ALL
    assert desk.sy.counters is None


def test_what_was_never_opened_neither_goes_on_nor_ends() -> None:
    desk = PolicyDesk()
    assert desk.police(intermediate()).outcome is SESSION_UNKNOWN
    assert desk.police(str_()).outcome is SESSION_UNKNOWN
    assert desk.case.version == 0


def test_a_refused_change_leaves_the_subscription_as_it_was() -> None:
    desk = PolicyDesk()
    desk.police(slr("talked"))
    before = desk.case
    assert desk.police(intermediate("moon")).outcome is UNKNOWN_COUNTERS
    assert desk.police(intermediate("money left")).outcome is NO_COUNTERS
    assert desk.case is before


@pytest.mark.parametrize("is_retransmission", [False, True])
def test_a_repeated_opening_is_refreshed_and_not_doubled(is_retransmission: bool) -> None:
    desk = PolicyDesk()
    desk.police(slr("data left"))
    desk.spend(1, 901)
    answer = desk.police(slr("data left", is_retransmission=is_retransmission))
    assert said(answer.statuses) == {"data left": "low"}
    assert (desk.sy.number, desk.sy.answered_version) == (1, desk.case.version)


def test_an_opening_for_another_subscriber_ends_the_old_subscription() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    done = subscribing.subscribe(slr(identities=(BOB,)), desk.case)
    assert [edr.action for edr in done.edrs] == [subscribing.ENDED, subscribing.SUBSCRIBED]
    assert [edr.account_id for edr in done.edrs] == [1, 2]
    assert done.edrs[0].reason == subscribing.REPLACED
    desk.carry_out(done)
    assert (desk.sy.account_id, desk.sy.number) == (2, 3)
    assert said(done.answer.statuses) == {"data left": "low"}


def test_an_end_ends_exactly_its_subscription() -> None:
    desk = PolicyDesk()
    names = [b"a;1", b"a;1%", b"a;1;", b"\xff/ ;", b""]
    for name in names:
        desk.police(slr(session_id=name))
    assert desk.police(str_(session_id=b"a;1%")).outcome is SUCCESS
    assert set(desk.case.spending_limits) == set(names) - {b"a;1%"}
    assert desk.police(str_(session_id=b"a;1%")).outcome is SESSION_UNKNOWN


def test_who_asks_for_an_end_may_mean_only_what_was_asked_for_then() -> None:
    desk = PolicyDesk()
    desk.police(slr())
    asked_at = desk.sy.updated_at
    desk.case = desk.case._replace(now=asked_at + 1)
    desk.police(slr())
    assert desk.police(str_(updated_at=asked_at)).outcome is SESSION_UNKNOWN
    assert desk.police(str_(updated_at=asked_at + 1)).outcome is SUCCESS


def test_the_journal_says_who_subscribed_and_when_it_ended() -> None:
    desk = PolicyDesk()
    opened = subscribing.subscribe(slr(), desk.case)
    desk.carry_out(opened)
    desk.spend(1, 1)
    ended = subscribing.unsubscribe(str_(), desk.case)
    for edr, action in (
        (opened.edrs[0], "spending limit subscription"),
        (ended.edrs[0], "spending limit subscription ended"),
    ):
        assert (edr.kind, edr.action, edr.account_id) == (EdrKind.ACCOUNT, action, 1)
        assert (edr.session_id, edr.session_number, edr.postings) == (SESSION, 1, ())
        assert edr.origin_host == "pcrf.example"
    assert opened.edrs[0].end_to_end_id == 7


@pytest.mark.parametrize(
    ("asked", "answered", "agreed"),
    [
        (None, None, 0),
        (0, None, 0),
        (ABORT_FEATURE, ABORT_FEATURE, ABORT_FEATURE),
        (0b110, None, 0),
        (0b111, ABORT_FEATURE, ABORT_FEATURE),
    ],
)
def test_features_are_those_of_both_sides(
    asked: int | None, answered: int | None, agreed: int
) -> None:
    desk = PolicyDesk()
    assert desk.police(slr(features=asked)).features == answered
    assert desk.sy.features == agreed


def test_features_stay_until_they_are_said_anew() -> None:
    desk = PolicyDesk()
    desk.police(slr(features=ABORT_FEATURE))
    assert desk.police(intermediate()).features is None
    assert desk.sy.features == ABORT_FEATURE
    desk.police(slr())
    assert desk.sy.features == 0, "who begins anew and says nothing supports nothing"


def test_where_an_account_has_too_many_the_one_not_heard_of_for_longest_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscribing, "SESSIONS_MAX", 2)
    desk = PolicyDesk()
    for count, name in enumerate((b"a", b"b", b"a", b"c")):
        desk.case = desk.case._replace(now=desk.case.now + count)
        desk.police(slr(session_id=name))
    desk.police(slr(session_id=b"of bob", identities=(BOB,)))
    assert set(desk.case.spending_limits) == {b"a", b"c", b"of bob"}
