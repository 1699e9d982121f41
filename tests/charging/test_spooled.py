"""Spooled usage is charged exactly once, whichever way its gateway goes on."""

import pytest

from diameter_ocs.charging.charge import charge
from diameter_ocs.charging.decisions import Novelty
from diameter_ocs.charging.requests import ChargingRequest, RequestType, ServiceUsage, Units
from diameter_ocs.charging.spooled import (
    WAIT_MICROSECONDS,
    Owed,
    SpooledRequest,
    is_due,
    is_owed,
    less_stored,
    marked,
    owed,
)
from diameter_ocs.charging.supervision import supervise
from tests.charging.scenario import (
    SECONDS,
    TEXT,
    VOICE,
    VOICE_BY_SECONDS,
    Desk,
    allowance,
    balance,
    catalogue,
    used,
    want,
)
from tests.store.scenario import ask, initial

OFFERED = catalogue(allowance(SECONDS, VOICE), groups=(VOICE_BY_SECONDS,))


def update(number: int, *usages: ServiceUsage) -> ChargingRequest:
    return ask(RequestType.UPDATE, usages=usages, request_number=number)


def terminate(number: int, *usages: ServiceUsage) -> ChargingRequest:
    return ask(RequestType.TERMINATION, usages=usages, request_number=number)


def left(spooled: list[ChargingRequest], following: ChargingRequest | None) -> list[object]:
    """Return number and usage of what is owed, and whether some was dropped."""
    found = owed(spooled, following)
    if following is not None:
        assert found[-1].request is following
    requests = [each.request for each in found if each.request is not following]
    assert all(request.is_spooled for request in requests)
    numbers = [
        (request.request_number, {u.rating_group: u.used[0].octets for u in request.usages})
        for request in requests
    ]
    return [*numbers, any(each.again for each in found)]


def test_only_what_would_be_lost_is_owed() -> None:
    assert not is_owed(initial())
    assert not is_owed(update(1, want(VOICE, 5)))
    assert is_owed(update(1, want(VOICE, 5), used(TEXT, 0)))
    assert is_owed(terminate(1))
    assert not is_owed(initial()._replace(request_type=RequestType.EVENT)), "nothing was granted"


@pytest.mark.parametrize(
    ("spooled", "following", "expected"),
    [
        ([update(1, used(1, 10))], None, [(1, {1: 10}), False]),
        ([update(1, used(1, 10))], update(1, used(1, 10)), [False]),
        ([update(1, used(1, 10))], update(2, used(1, 10)), [True]),
        ([update(1, used(1, 10))], update(2, used(1, 9)), [(1, {1: 10}), False]),
        ([update(1, used(1, 10))], update(2, used(2, 10)), [(1, {1: 10}), False]),
        ([update(1, used(1, 10))], update(2, want(1, 10)), [(1, {1: 10}), False]),
        ([update(1, used(1, 10))], terminate(2, used(1, 11)), [True]),
        ([update(1, used(1, 10))], terminate(1), [(1, {1: 10}), False]),
        ([update(1, used(1, 10))], initial(), [(1, {1: 10}), False]),
        ([update(1, used(1, 10), used(2, 5))], update(2, used(1, 10)), [(1, {2: 5}), True]),
        ([update(1, used(1, 6, 7), used(1, 6))], update(2, used(1, 11)),
         [(1, {1: 6}), False]),
        ([update(1, used(1, 6, 7), used(1, 6))], update(2, used(1, 12)), [True]),
        ([update(1, used(1, 10)), update(2, used(1, 25))], update(3, used(1, 30)), [True]),
        ([update(1, used(1, 10)), update(2, used(1, 25))], None, [(2, {1: 25}), True]),
        ([update(1, used(1, 10)), update(2, used(1, 5))], update(3, used(1, 7)),
         [(1, {1: 10}), True]),
        ([update(1, used(1, 10)), update(2, used(2, 5))], update(3, used(1, 12)),
         [(2, {2: 5}), True]),
        ([update(1, used(1, 10)), update(1, used(1, 10))], None, [(1, {1: 10}), False]),
        ([update(1, used(1, 10))], update(1, used(2, 10)), [(1, {1: 10}), False]),
        ([update(1, used(1, 10))], update(1, used(1, 9)), [(1, {1: 10}), False]),
        ([update(1, used(1, 10)), update(1, used(2, 5))], None,
         [(1, {1: 10}), (1, {2: 5}), False]),
        ([terminate(2, used(1, 10))], None, [(2, {1: 10}), False]),
        ([terminate(2, used(1, 10))], update(3, used(1, 99)), [(2, {1: 10}), False]),
        ([terminate(2, used(1, 10))], terminate(2, used(1, 10)), [False]),
        ([update(1, used(1, 9)), terminate(2, used(1, 10))], None, [(2, {1: 10}), True]),
        ([update(1, used(1, 9)), terminate(2)], None, [(1, {1: 9}), (2, {}), False]),
    ],
)  # fmt: skip
def test_usage_that_is_reported_again_is_owed_no_more(spooled, following, expected) -> None:
    assert left(spooled, following) == expected


def test_every_type_of_unit_has_to_be_reported_again() -> None:
    both = ServiceUsage(1, (), None, (Units(10, 5, None),))
    less = update(2, ServiceUsage(1, (), None, (Units(10, 4, 9),)))
    assert left([update(1, both)], less) == [(1, {1: 10}), False]
    assert left([update(1, both)], update(2, both)) == [True]


def desk() -> Desk:
    counter = Desk(OFFERED, balance(1, SECONDS, 1000))
    counter.initial(want(VOICE, 100))
    return counter


def refused(counter: Desk, seconds: int, is_charged: bool) -> ChargingRequest:
    """Return an UPDATE that was refused, be it charged after all."""
    request = update(1, used(VOICE, seconds, wanted=100))._replace(
        session_key=next(iter(counter.case.sessions)), origin_host="gw.example", end_to_end_id=77
    )
    if is_charged:
        decision = charge(request, counter.case)
        counter.case = counter.case.after(decision)
        counter.decisions.append(decision)
    return request


def run(counter: Desk, steps: list[Owed]) -> list[Novelty]:
    novelties = []
    for step in steps:
        decision = charge(less_stored(step, counter.case), counter.case)
        assert all(service.grant is None for service in decision.services) or not decision.edrs
        novelties.append(decision.novelty)
        counter.case = counter.case.after(decision)
        counter.decisions.append(decision)
        counter.audit()
    return novelties


@pytest.mark.parametrize("is_charged", [False, True])
def test_what_is_owed_is_charged_once_and_grants_nothing(is_charged: bool) -> None:
    counter = desk()
    spooled = refused(counter, 60, is_charged)
    kind = Novelty.REPEATED if is_charged else Novelty.NEW
    assert run(counter, owed([spooled], None)) == [kind]
    assert counter.balance(1) == (60, 100 if is_charged else 0)
    assert run(counter, owed([spooled], None)) == [Novelty.REPEATED]
    assert counter.balance(1)[0] == 60


def test_its_gateways_own_repeat_is_recognised_afterwards() -> None:
    counter = desk()
    spooled = refused(counter, 60, is_charged=False)
    run(counter, owed([spooled], None))
    again = charge(spooled._replace(end_to_end_id=78), counter.case)
    assert (again.novelty, again.edrs) == (Novelty.REPEATED, ())


def test_usage_under_a_number_that_was_answered_is_charged_once() -> None:
    counter = desk()
    spooled = refused(counter, 60, is_charged=False)
    counter.update(used(VOICE, 10, wanted=100), request_number=spooled.request_number)
    assert run(counter, owed([spooled], None)) == [Novelty.NUMBER_REUSED]
    assert counter.balance(1)[0] == 70
    assert run(counter, owed([spooled], None)) == [Novelty.REPEATED]
    assert counter.balance(1)[0] == 70


def test_what_another_server_stored_of_the_same_request_is_recognised_in_part() -> None:
    """Its gateway went elsewhere with it, under another identifier, and came back."""
    counter = desk()
    whole = refused(counter, 60, is_charged=False)
    whole = whole._replace(usages=(*whole.usages, used(TEXT, 2)))
    assert charged_elsewhere(counter, whole) is Novelty.NEW
    following = whole._replace(request_number=2, end_to_end_id=79, usages=(used(TEXT, 2),))
    assert run(counter, owed([whole], following))[0] is Novelty.REPEATED
    assert counter.balance(1)[0] == 60


def test_what_is_left_of_a_request_is_not_taken_for_the_part_that_is_reported_again() -> None:
    """The part that is reported again was never stored: its next report pays for all of it."""
    counter = desk()
    spooled = refused(counter, 60, is_charged=False)
    spooled = spooled._replace(usages=(*spooled.usages, used(TEXT, 2)))
    following = spooled._replace(
        request_number=2, end_to_end_id=79, usages=(used(VOICE, 90), used(TEXT, 1))
    )
    steps = owed([spooled], following)
    assert [bool(step.again) for step in steps] == [False, True]
    run(counter, steps)
    assert counter.balance(1)[0] == 90


def charged_elsewhere(counter: Desk, request: ChargingRequest) -> Novelty:
    decision = charge(request._replace(end_to_end_id=78), counter.case)
    counter.case = counter.case.after(decision)
    counter.decisions.append(decision)
    return decision.novelty


def test_usage_that_was_stored_is_recognised_after_days() -> None:
    counter = desk()
    spooled = refused(counter, 60, is_charged=True)
    counter.case = counter.case._replace(now=counter.case.now + 24 * WAIT_MICROSECONDS)
    rest = owed([spooled], None)[0]._replace(request=spooled._replace(is_spooled=True, usages=()))
    assert run(counter, [rest]) == [Novelty.REPEATED]


def test_a_spooled_termination_ends_its_session() -> None:
    counter = desk()
    (key,) = counter.case.sessions
    spooled = terminate(1, used(VOICE, 30))._replace(session_key=key)
    run(counter, owed([spooled], None))
    assert not counter.case.sessions
    assert counter.balance(1) == (30, 0)


def test_usage_waits_while_its_rating_group_holds_a_quota() -> None:
    counter = desk()
    (key,) = counter.case.sessions
    request = refused(counter, 60, is_charged=False)
    spooled = [SpooledRequest(1, counter.case.now, request)]
    assert not is_due(spooled, counter.case)
    assert is_due([*spooled, SpooledRequest(2, 0, terminate(2))], counter.case)
    other = request._replace(usages=(used(TEXT, 1),))
    assert is_due([SpooledRequest(1, counter.case.now, other)], counter.case)
    waited = counter.case._replace(now=counter.case.now + WAIT_MICROSECONDS)
    assert is_due(spooled, waited)
    later = counter.case._replace(now=counter.case.now + 3 * 3600 * 10**6)
    released = supervise(key, later)
    assert released is not None
    assert is_due(spooled, later.after(released))
    assert is_due(spooled, later._replace(sessions={}))


def test_the_journal_says_that_usage_was_dropped() -> None:
    counter = desk()
    decision = counter.update(used(VOICE, 60))
    assert marked(decision).edrs[-1].reason == "spooled_usage_dropped"
    late = decision._replace(edrs=(decision.edrs[0]._replace(reason="late"),))
    assert marked(late).edrs[-1].reason == "late, spooled_usage_dropped"
    assert marked(decision._replace(edrs=())).edrs == ()


@pytest.mark.parametrize("is_charged", [False, True])
@pytest.mark.parametrize("reported", [60, 61, 100])
def test_a_report_that_holds_what_was_stored_after_all_pays_for_the_rest(
    is_charged: bool, reported: int
) -> None:
    counter = desk()
    spooled = refused(counter, 60, is_charged)
    larger = spooled._replace(
        request_number=2, end_to_end_id=78, usages=(used(VOICE, reported, wanted=50),)
    )
    (step,) = owed([spooled], larger)
    decision = charge(less_stored(step, counter.case), counter.case)
    (record,) = decision.edrs[0].services
    assert record.settlement.reported == reported
    counter.case = counter.case.after(decision)
    assert counter.balance(1) == (reported, 50)
    again = charge(larger._replace(end_to_end_id=79), counter.case)
    assert again.novelty is Novelty.REPEATED, "it is recognised by what it said"


def test_of_several_reports_that_were_stored_the_latest_holds_the_others() -> None:
    counter = desk()
    first = refused(counter, 10, is_charged=True)
    second = first._replace(request_number=2, end_to_end_id=78, usages=(used(VOICE, 25),))
    (step,) = owed([first], second)
    decision = charge(less_stored(step, counter.case), counter.case)
    counter.case = counter.case.after(decision)
    counter.decisions.append(decision)
    assert counter.balance(1)[0] == 25
    third = first._replace(request_number=3, end_to_end_id=79, usages=(used(VOICE, 40),))
    (step,) = owed([first, second], third)
    assert [each.request_number for each in step.again] == [2, 1]
    counter.case = counter.case.after(charge(less_stored(step, counter.case), counter.case))
    assert counter.balance(1)[0] == 40


def test_services_of_one_rating_group_share_what_was_stored() -> None:
    counter = desk()
    spooled = refused(counter, 30, is_charged=True)
    parts = (used(VOICE, 20, 1), used(VOICE, 15, 2))
    larger = spooled._replace(request_number=2, end_to_end_id=78, usages=parts)
    (step,) = owed([spooled], larger)
    counter.case = counter.case.after(charge(less_stored(step, counter.case), counter.case))
    assert counter.balance(1)[0] == 35
