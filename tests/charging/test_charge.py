"""One request, one decision: the answer, the session, the balances and the journal."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.case import Account
from diameter_ocs.charging.catalogue import Price
from diameter_ocs.charging.decisions import Decision, EdrKind, Outcome, Settlement
from diameter_ocs.charging.requests import SessionKey, Units
from diameter_ocs.charging.session import RATING_GROUPS_MAX, RESERVATIONS_MAX, CloseReason
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    ALICE,
    BOB,
    DATA,
    DATA_BY_KIBIBYTES,
    MONEY,
    OCTETS,
    SECONDS,
    TEXT,
    TEXT_EACH,
    VIDEO,
    VOICE,
    VOICE_BY_MINUTES,
    VOICE_BY_SECONDS,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    only,
    outcomes,
    priced,
    rating_group,
    used,
    want,
)

GROUPS = (VOICE_BY_MINUTES, TEXT_EACH, DATA_BY_KIBIBYTES)
OFFERED = catalogue(
    allowance(SECONDS, VOICE),
    allowance(OCTETS, DATA),
    priced(Price(80_000, 1), TEXT),
    groups=GROUPS,
)


def desk() -> Desk:
    return Desk(
        OFFERED, balance(1, SECONDS, 600), balance(2, OCTETS, 10**6), balance(3, MONEY, 10**6)
    )


def test_a_session_is_opened_used_and_closed():
    counter = desk()
    assert granted(counter.initial(want(VOICE, 120))) == [(120, False)]
    assert counter.balance(1) == (0, 120)
    assert granted(counter.update(used(VOICE, 100, wanted=120))) == [(120, False)]
    assert counter.balance(1) == (120, 120)
    decision = counter.terminate(used(VOICE, 30))
    assert [closed.session.key for closed in decision.closed] == [SessionKey(b"one")]
    assert decision.closed[0].reason is CloseReason.TERMINATED
    assert decision.session is None
    assert counter.balance(1) == (180, 0)


def test_a_decision_is_journalled_with_what_it_moved():
    (edr,) = desk().initial(want(VOICE, 120)).edrs
    assert (edr.kind, edr.action, edr.outcome) == (EdrKind.CHARGING, "initial", Outcome.SUCCESS)
    assert [posting.balance_id for posting in edr.postings] == [1]
    assert edr.services[0].grant.units == 120
    assert (edr.number, edr.catalogue_version, edr.request_number) == (1, 1, 0)


@pytest.mark.parametrize(
    ("identities", "directory"), [((BOB,), {ALICE: 1}), ((ALICE, BOB), {ALICE: 1, BOB: 2})]
)
def test_who_is_unknown_or_two_at_once_is_refused_and_stores_nothing(identities, directory):
    counter = desk()
    counter.case = counter.case._replace(directory=directory)
    decision = counter.initial(want(VOICE, 120), identities=identities)
    assert decision == Decision(Outcome.USER_UNKNOWN)


@pytest.mark.parametrize("ask", [Desk.update, Desk.terminate])
def test_a_session_that_never_was_open_is_unknown_and_stores_nothing(ask):
    assert ask(desk(), want(VOICE, 60)) == Decision(Outcome.SESSION_UNKNOWN)
    nobody = ask(desk(), used(VOICE, 60), identities=())
    assert nobody == Decision(Outcome.SESSION_UNKNOWN)


def test_an_update_belongs_to_the_session_s_account_without_a_look_up():
    counter = desk()
    counter.initial(want(VOICE, 120))
    decision = counter.update(used(VOICE, 120, wanted=60), identities=(BOB,))
    assert decision.edrs[0].account_id == 1
    assert granted(decision) == [(60, False)]


def test_an_initial_request_of_which_nothing_can_be_rated_opens_nothing():
    counter = desk()
    decision = counter.initial(want(999), want(998))
    assert decision.outcome is Outcome.RATING_FAILED
    assert outcomes(decision) == ["RATING_FAILED"] * 2
    assert counter.case.sessions == {}
    assert len(decision.edrs) == 1


def test_an_initial_request_of_which_something_can_be_rated_opens_a_session():
    decision = desk().initial(want(999), want(VOICE, 60))
    assert decision.outcome is Outcome.SUCCESS
    assert outcomes(decision) == ["RATING_FAILED", "SUCCESS"]


def test_a_context_that_nothing_maps_is_refused_and_charges_nothing():
    counter = desk()
    decision = counter.initial(want(VOICE, 60), service_context=None)
    assert (decision.outcome, decision.session) == (Outcome.RATING_FAILED, None)
    assert counter.balance(1) == (0, 0)


def test_an_initial_request_without_services_opens_a_session():
    assert desk().initial().session is not None


def test_a_group_that_no_plan_takes_is_denied_and_one_with_nothing_left_is_limited():
    counter = Desk(catalogue(allowance(SECONDS, VOICE), groups=GROUPS), balance(1, SECONDS, 0))
    assert outcomes(counter.initial(want(VOICE), want(TEXT))) == [
        "LIMIT_REACHED",
        "SERVICE_DENIED",
    ]


def test_an_account_whose_plan_is_gone_is_denied_and_not_a_fault():
    counter = Desk(OFFERED, accounts={ALICE: Account(1, "alice", ("gone",))})
    assert outcomes(counter.initial(want(VOICE))) == ["SERVICE_DENIED"]


def test_everything_is_settled_before_anything_is_granted():
    counter = desk()
    counter.initial(want(VOICE, 300, 1), want(VOICE, 300, 2))
    decision = counter.update(want(VOICE, 600, 1), used(VOICE, 60, 2))
    assert granted(decision) == [(540, True), (0, False)]


def test_grants_are_made_in_the_order_of_the_request():
    decision = desk().initial(want(VOICE, 400, 2), want(VOICE, 400, 1))
    assert granted(decision) == [(400, False), (200, False)]


def test_services_of_equal_identity_are_merged_and_answered_once():
    counter = desk()
    counter.initial(want(VOICE, 120))
    decision = counter.update(used(VOICE, 50), used(VOICE, 60), want(VOICE, 60))
    assert granted(decision) == [(60, False)]
    assert counter.settlements == [Settlement(reported=110, used=110, charged=120)]


def test_a_mapped_service_and_one_that_names_its_group_are_different_by_identifier_only():
    counter = desk()
    decision = counter.initial(want(None, 5, 7), want(TEXT, 3, 7), want(TEXT, 2))
    assert granted(decision) == [(3, False), (2, False)]


def test_only_units_of_the_group_s_own_type_are_charged():
    counter = desk()
    counter.initial(want(VOICE, 60))
    usage = used(VOICE, 0)._replace(used=(Units(10**6, 45, 9), Units(octets=5), Units(seconds=5)))
    counter.terminate(usage)
    assert counter.settlements == [Settlement(reported=50, used=50, charged=60)]


@pytest.mark.parametrize("requested", [None, Units()])
def test_an_initial_request_that_names_no_amount_gets_the_usual_quota(requested):
    usage = want(VOICE)._replace(requested=requested)
    assert granted(desk().initial(usage)) == [(100, False)]


def test_a_report_alone_is_settled_and_granted_nothing():
    counter = desk()
    counter.initial(want(VOICE, 120))
    decision = counter.update(used(VOICE, 60))
    assert (only(decision).outcome, only(decision).grant) == (Outcome.SUCCESS, None)
    assert counter.balance(1) == (60, 0)
    assert decision.session.reservations == ()


def test_a_quota_that_is_given_back_is_settled_and_not_granted_anew():
    counter = desk()
    counter.initial(want(VOICE, 120))
    decision = counter.update(used(VOICE, 60, wanted=120)._replace(is_quota_returned=True))
    assert only(decision).grant is None
    assert counter.balance(1) == (60, 0)


def test_a_service_that_reports_and_asks_nothing_keeps_its_reservation():
    counter = desk()
    counter.initial(want(VOICE, 120))
    decision = counter.update(want(VOICE)._replace(requested=None))
    assert (only(decision).outcome, only(decision).grant) == (Outcome.SUCCESS, None)
    assert counter.balance(1) == (0, 120)
    counter.terminate(used(VOICE, 120))
    assert counter.settlements == [Settlement(120, 120, 120)]


def test_groups_that_an_update_does_not_name_keep_their_reservations():
    counter = desk()
    counter.initial(want(VOICE, 120), want(TEXT, 2))
    counter.update(used(TEXT, 2))
    assert counter.balance(1) == (0, 120)


def test_asking_anew_without_a_report_replaces_the_reservation():
    counter = desk()
    counter.initial(want(VOICE, 120))
    counter.update(want(VOICE, 60))
    assert counter.balance(1) == (0, 60)


def test_a_termination_releases_what_it_does_not_name_and_grants_nothing():
    counter = desk()
    counter.initial(want(VOICE, 120), want(TEXT, 2), want(DATA, 5000))
    decision = counter.terminate(used(VOICE, 60, wanted=60))
    assert only(decision).grant is None
    assert [counter.balance(number) for number in (1, 2, 3)] == [(60, 0), (0, 0), (0, 0)]


def test_a_termination_that_reports_nothing_costs_nothing():
    counter = desk()
    counter.initial(want(VOICE, 120), want(TEXT, 2))
    counter.terminate(used(VOICE, 0), want(TEXT)._replace(requested=None))
    assert [counter.balance(number) for number in (1, 3)] == [(0, 0), (0, 0)]


def test_usage_without_a_reservation_is_charged_to_what_is_free():
    counter = desk()
    counter.initial()
    counter.update(used(VOICE, 70))
    assert counter.settlements == [Settlement(70, 70, 120)]


def test_an_initial_request_abandons_the_session_that_is_open_under_its_key():
    counter = desk()
    counter.initial(want(VOICE, 600))
    decision = counter.initial(want(VOICE, 600))
    assert granted(decision) == [(600, True)]
    assert [edr.action for edr in decision.edrs] == ["abandoned", "initial"]
    assert [edr.kind for edr in decision.edrs] == [EdrKind.BILLING, EdrKind.CHARGING]
    assert [closed.reason for closed in decision.closed] == [CloseReason.REPLACED]
    assert decision.session.number == 3
    assert counter.balance(1) == (0, 600)


def test_a_session_is_abandoned_though_its_successor_cannot_be_rated():
    counter = desk()
    counter.initial(want(VOICE, 600))
    assert counter.initial(want(999)).session is None
    assert counter.case.sessions == {}
    assert counter.balance(1) == (0, 0)


def test_sub_sessions_are_sessions_of_their_own():
    counter = desk()
    key = SessionKey(b"one", 5)
    counter.initial(want(VOICE, 60))
    counter.initial(want(VOICE, 60), session_key=key)
    assert set(counter.case.sessions) == {SessionKey(b"one"), key}


def many_groups(number: int) -> Desk:
    groups = [rating_group(n, UnitType.TIME) for n in range(1, number + 1)]
    offered = catalogue(allowance(SECONDS, *range(1, number + 1)), groups=groups)
    return Desk(offered, balance(1, SECONDS, 10_000))


def test_the_rating_group_that_is_one_too_many_is_denied():
    counter = many_groups(RATING_GROUPS_MAX + 1)
    decision = counter.initial(*(want(n, 1) for n in range(1, RATING_GROUPS_MAX + 2)))
    assert outcomes(decision) == ["SUCCESS"] * RATING_GROUPS_MAX + ["SERVICE_DENIED"]


def test_the_last_rating_group_of_a_session_has_many_services():
    counter = many_groups(RATING_GROUPS_MAX)
    counter.initial(*(want(n, 1) for n in range(1, RATING_GROUPS_MAX + 1)))
    last = RATING_GROUPS_MAX
    assert granted(counter.update(want(last, 1, 1), want(last, 1, 2))) == [(1, False)] * 2


def test_usage_of_one_group_too_many_is_charged_and_takes_nothing_from_the_others():
    counter = many_groups(RATING_GROUPS_MAX + 2)
    counter.initial(*(want(n, 1) for n in range(1, RATING_GROUPS_MAX + 1)))
    one_too_many = RATING_GROUPS_MAX + 1
    decision = counter.update(
        used(one_too_many, 7), used(one_too_many + 1, 7, wanted=7), used(1, 1, wanted=1)
    )
    assert outcomes(decision) == ["SUCCESS", "SERVICE_DENIED", "SUCCESS"]
    assert counter.balance(1)[0] == 15
    assert len(decision.session.lines) == RATING_GROUPS_MAX
    assert granted(counter.update(used(1, 1, wanted=1))) == [(1, False)]


def test_a_rating_group_with_a_closed_line_counts_once():
    counter = many_groups(RATING_GROUPS_MAX)
    names = range(2, RATING_GROUPS_MAX)
    counter.initial(want(1, 1, 1), want(1, 1, 2), *(want(n, 1) for n in names))
    offered = counter.case.catalogue
    group = replace(offered.rating_groups[1], rounding=2)
    counter.offer(replace(offered, rating_groups={**offered.rating_groups, 1: group}))
    decision = counter.update(want(1, 1, 1), want(RATING_GROUPS_MAX, 1))
    assert len(decision.session.lines) == RATING_GROUPS_MAX + 1
    assert outcomes(decision) == ["SUCCESS", "SUCCESS"]


def voice_at(micro_units: int, group=VOICE_BY_SECONDS):
    return catalogue(priced(Price(micro_units, 1), VOICE), groups=(group,))


def test_a_new_price_opens_a_new_line_and_what_is_outstanding_keeps_the_old_one():
    counter = Desk(voice_at(100), balance(1, MONEY, 10**6))
    counter.initial(want(VOICE, 10))
    counter.offer(voice_at(300))
    decision = counter.update(used(VOICE, 10, wanted=10))
    assert counter.balance(1) == (1_000, 3_000)
    assert [line.price.micro_units for line in decision.session.lines] == [300]
    counter.terminate(used(VOICE, 10))
    assert counter.balance(1) == (4_000, 0)


def test_a_closed_line_is_not_reopened():
    counter = Desk(voice_at(100), balance(1, MONEY, 10**6))
    counter.initial(want(VOICE, 10))
    for micro_units in (300, 100):
        counter.offer(voice_at(micro_units))
        counter.update(used(VOICE, 10, wanted=10))
    ((session,),) = [counter.case.sessions.values()]
    assert [line.number for line in session.lines] == [3]


def test_a_closed_line_stays_as_long_as_a_reservation_stands_on_it():
    counter = Desk(voice_at(100), balance(1, MONEY, 10**6))
    counter.initial(want(VOICE, 10, 1), want(VOICE, 10, 2))
    counter.offer(voice_at(300))
    decision = counter.update(used(VOICE, 10, 1, wanted=10))
    assert [line.number for line in decision.session.lines] == [1, 2]
    counter.update(used(VOICE, 10, 2))
    assert counter.settlements == [Settlement(10, 10, 10, charged_amount=1_000)]


def test_a_new_rounding_does_not_change_what_is_outstanding():
    counter = Desk(voice_at(100), balance(1, MONEY, 10**6))
    counter.initial(want(VOICE, 30))
    counter.offer(voice_at(100, VOICE_BY_MINUTES))
    counter.update(used(VOICE, 10, wanted=30))
    assert counter.settlements == [Settlement(10, 10, 10, charged_amount=1_000)]
    assert counter.balance(1) == (1_000, 6_000)


def test_a_new_type_of_unit_does_not_change_what_is_outstanding():
    counter = Desk(voice_at(100), balance(1, MONEY, 10**6))
    counter.initial(want(VOICE, 30))
    counter.offer(voice_at(100, replace(VOICE_BY_SECONDS, unit_type=UnitType.VOLUME)))
    usage = want(VOICE, 500)._replace(used=(Units(octets=5_000_000, seconds=30),))
    decision = counter.update(usage)
    assert counter.settlements == [Settlement(30, 30, 30, charged_amount=3_000)]
    assert only(decision).grant.unit_type is UnitType.VOLUME


def test_usage_of_a_group_that_the_catalogue_has_no_more_is_settled():
    counter = desk()
    counter.initial(want(VOICE, 120))
    counter.offer(catalogue(groups=(TEXT_EACH,)))
    decision = counter.update(used(VOICE, 60, wanted=60))
    assert outcomes(decision) == ["RATING_FAILED"]
    assert counter.settlements == [Settlement(60, 60, 60)]
    assert counter.balance(1) == (60, 0)


def test_usage_of_a_service_that_the_plan_has_no_more_is_settled_and_then_denied():
    counter = desk()
    counter.initial(want(VOICE, 120))
    counter.offer(catalogue(groups=GROUPS))
    decision = counter.update(used(VOICE, 60, wanted=60))
    assert outcomes(decision) == ["SERVICE_DENIED"]
    assert counter.balance(1) == (60, 0)


def test_what_is_reserved_on_a_negative_balance_is_still_settled():
    counter = desk()
    counter.initial(want(VOICE, 120))
    counter.case = counter.case._replace(
        balances={**counter.case.balances, 1: counter.case.balances[1]._replace(total=50)}
    )
    counter.opening[1] = counter.opening[1]._replace(total=50)
    assert counter.case.balances[1].available == -70
    assert outcomes(counter.update(used(VOICE, 60, wanted=60))) == ["LIMIT_REACHED"]
    assert counter.balance(1) == (60, 0)


def test_balances_of_another_account_of_the_group_never_pay():
    counter = Desk(OFFERED, balance(1, SECONDS, 600, account_id=2), balance(2, SECONDS, 60))
    assert granted(counter.initial(want(VOICE, 300))) == [(60, True)]
    counter.terminate(used(VOICE, 300))
    assert counter.balance(1) == (0, 0)


def test_a_group_that_nothing_defines_is_not_the_one_above_it():
    assert outcomes(desk().initial(want(VIDEO), want(VOICE))) == ["RATING_FAILED", "SUCCESS"]


def test_the_bound_of_a_report_is_kept_for_each_type_of_unit():
    octets_group = replace(VOICE_BY_SECONDS, unit_type=UnitType.VOLUME)
    counter = Desk(voice_at(100, octets_group), balance(1, MONEY, 10**15))
    counter.initial(want(VOICE, 100, 1), want(VOICE, 100, 2))
    counter.offer(voice_at(100, VOICE_BY_SECONDS))
    counter.update(used(VOICE, 100, 2, wanted=100))
    decision = counter.update(used(VOICE, 10**9, 1), used(VOICE, 60, 2))
    (edr,) = decision.edrs
    assert [record.settlement.used for record in edr.services] == [10**9, 60]


def test_a_session_may_not_hold_more_quotas_than_it_may():
    counter = Desk(voice_at(1, VOICE_BY_SECONDS), balance(1, MONEY, 10**15))
    opened = counter.initial(*(want(VOICE, 1, number) for number in range(RESERVATIONS_MAX)))
    assert {service.outcome for service in opened.services} == {Outcome.SUCCESS}
    assert only(counter.update(want(VOICE, 1, 10_000))).outcome is Outcome.SERVICE_DENIED
    assert only(counter.update(want(VOICE, 2, 1))).outcome is Outcome.SUCCESS


def test_a_session_that_names_no_service_gets_the_usual_one_where_it_is_wanted():
    desk = Desk(
        catalogue(allowance(OCTETS, DATA), groups=(DATA_BY_KIBIBYTES,)), balance(1, OCTETS, 9000)
    )
    decision = desk.initial(wants_default=True)
    (service,) = decision.services
    assert (service.usage.rating_group, service.grant.units) == (DATA, 100)
    assert desk.initial(session=b"other").services == ()


def test_a_context_without_a_usual_service_grants_none_at_the_start():
    desk = Desk(
        catalogue(allowance(OCTETS, DATA), groups=(DATA_BY_KIBIBYTES,)), balance(1, OCTETS, 9000)
    )
    decision = desk.initial(wants_default=True, service_context="32260")
    assert (decision.outcome, decision.services) == (Outcome.SUCCESS, ())
