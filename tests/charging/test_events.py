"""Events are debited at once, all of their services or none, and never succeed with nothing."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diameter_ocs.charging.case import Account, AccountState
from diameter_ocs.charging.catalogue import Catalogue, Price, SessionRules
from diameter_ocs.charging.decisions import Decision, EdrKind, Grant, Novelty, Outcome
from diameter_ocs.charging.requests import Identity, IdentityKind, ServiceUsage, SessionKey, Units
from diameter_ocs.charging.session import CloseReason
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    ALICE,
    BOB,
    BONUS,
    DATA,
    DATA_BY_KIBIBYTES,
    MONEY,
    TEXT,
    TEXT_EACH,
    TEXTS,
    VOICE,
    VOICE_BY_MINUTES,
    Desk,
    allowance,
    balance,
    catalogue,
    priced,
    rating_group,
    used,
    want,
)

EIGHT_CENTS = Price(80_000, 1)
GROUPS = (TEXT_EACH, VOICE_BY_MINUTES, DATA_BY_KIBIBYTES)
SECOND = 1_000_000


def offered(*services, in_part: bool = True, groups=GROUPS) -> Catalogue:
    rules = SessionRules(serves_events_in_part=in_part)
    return replace(catalogue(*services, groups=groups), session_rules=rules)


def texts(count: int, money: int = 0, in_part: bool = True) -> Desk:
    """A subscriber with some texts, and money for more."""
    services = allowance(TEXTS, TEXT), priced(EIGHT_CENTS, TEXT)
    return Desk(
        offered(*services, in_part=in_part), balance(1, TEXTS, count), balance(2, MONEY, money)
    )


def units(decision: Decision) -> list[int]:
    return [0 if each.grant is None else each.grant.units for each in decision.services]


def finals(decision: Decision) -> list[bool]:
    return [each.grant is not None and each.grant.is_final for each in decision.services]


def test_an_event_is_paid_at_once_and_holds_nothing():
    desk = texts(10)
    decision = desk.event(want(TEXT, 3))
    (service,) = decision.services
    assert (decision.outcome, service.outcome) == (Outcome.SUCCESS, Outcome.SUCCESS)
    assert service.grant == Grant(UnitType.SERVICE_SPECIFIC_UNITS, 3, None, False)
    assert desk.balance(1) == (3, 0)
    assert decision.session is None
    assert not desk.case.sessions


def test_its_record_is_a_bill_and_the_kept_decision():
    desk = texts(2, 1_000_000)
    desk.event(want(TEXT, 5))
    (edr,) = desk.decisions[-1].edrs
    assert (edr.kind, edr.action, edr.outcome) == (EdrKind.BILLING, "event", Outcome.SUCCESS)
    assert edr.session_number == edr.number == 1
    (record,) = edr.services
    assert record.settlement == (5, 5, 5, 240_000, 0, 0, 0, 0)
    (closed,) = desk.decisions[-1].closed
    assert (closed.reason, closed.session.key) == (CloseReason.EVENT, SessionKey(b"event"))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (ServiceUsage(TEXT, (), Units(service_specific=4)), 4),
        (ServiceUsage(TEXT, (), Units(service_specific=4), messages=2), 4),
        (ServiceUsage(TEXT, (), Units(), messages=2), 2),
        (ServiceUsage(TEXT, (), Units(service_specific=0), messages=2), 2),
        (ServiceUsage(TEXT, (), None, messages=7), 7),
        (ServiceUsage(TEXT), 1),
        (ServiceUsage(None, (7,)), 1),
    ],
)
def test_how_much_is_what_is_asked_else_the_messages_else_one(asked, expected):
    desk = texts(10)
    assert units(desk.event(asked)) == [expected]
    assert desk.balance(1) == (expected, 0)


def test_an_event_is_never_served_more_than_it_asks_for():
    group = replace(TEXT_EACH, min_reservation=10)
    desk = Desk(offered(allowance(TEXTS, TEXT), groups=(group,)), balance(1, TEXTS, 50))
    assert units(desk.event(want(TEXT, 1))) == [1]


@pytest.mark.parametrize(
    ("left", "money", "asked", "served"),
    [
        (3, 0, 5, 3),
        (0, 80_000, 5, 1),
        (0, 80_001, 5, 2),  # what is left begins one more
        (0, 1, 1, 1),
        (3, 100_000, 9, 5),
    ],
)
def test_what_can_be_paid_is_served_and_said_to_be_all(left, money, asked, served):
    desk = texts(left, money)
    decision = desk.event(want(TEXT, asked))
    assert units(decision) == [served]
    assert finals(decision) == [served < asked]
    assert (desk.balance(1), desk.balance(2)) == ((left, 0), (money, 0))


def test_the_last_unit_asked_for_is_not_said_to_be_in_part():
    assert finals(texts(5).event(want(TEXT, 5))) == [False]


def test_nothing_left_is_no_success():
    decision = texts(0).event(want(TEXT, 1))
    assert decision.outcome is Outcome.LIMIT_REACHED
    assert units(decision) == [0]
    assert decision.edrs[0].postings == ()


def test_a_voice_unit_that_is_begun_is_served_and_its_lack_recorded():
    desk = Desk(offered(allowance("seconds", VOICE)), balance(1, "seconds", 90))
    decision = desk.event(want(VOICE, 300))
    assert (units(decision), finals(decision)) == ([120], [True])
    assert desk.balance(1) == (90, 0)
    assert desk.settlements[0].shortfall == 30


@pytest.mark.parametrize(
    ("left", "money", "asked", "is_served"),
    [
        (5, 0, 5, True),
        (4, 0, 5, False),
        (4, 79_999, 5, False),
        (4, 80_000, 5, True),
        (0, 32_000, 1, False),
    ],
)
def test_all_or_nothing_where_the_tenant_says_so(left, money, asked, is_served):
    desk = texts(left, money, in_part=False)
    decision = desk.event(want(TEXT, asked))
    assert decision.outcome is (Outcome.SUCCESS if is_served else Outcome.LIMIT_REACHED)
    assert units(decision) == [asked if is_served else 0]
    assert finals(decision) == [False]
    assert desk.balance(1) == ((min(left, asked), 0) if is_served else (0, 0))


def test_a_rest_of_money_does_not_stand_in_the_way_of_other_money():
    """Three cents of bonus pay for no text: other money does, before a text is begun with them."""
    services = (
        priced(Price(50_000, 1), TEXT, priority=0, balance_types=(BONUS,)),
        priced(EIGHT_CENTS, TEXT, priority=1),
    )
    for in_part in (False, True):
        desk = Desk(
            offered(*services, in_part=in_part),
            balance(1, BONUS, 130_000),
            balance(2, MONEY, 1_000_000),
        )
        assert units(desk.event(want(TEXT, 5))) == [5]
        assert (desk.balance(1), desk.balance(2)) == ((100_000, 0), (240_000, 0))


def test_a_free_event_is_served_whole():
    desk = Desk(offered(priced(Price(0, 1), TEXT)), balance(2, MONEY, 0))
    assert units(desk.event(want(TEXT, 5))) == [5]


def test_more_than_may_be_asked_for_is_cut_and_all_or_nothing_is_nothing():
    group = replace(TEXT_EACH, max_reservation=4)
    for in_part, served in ((True, [4]), (False, [0])):
        desk = Desk(
            offered(allowance(TEXTS, TEXT), in_part=in_part, groups=(group,)),
            balance(1, TEXTS, 50),
        )
        assert units(desk.event(want(TEXT, 2**63 - 1))) == served


def test_several_services_are_all_served_or_none():
    desk = texts(10)
    desk.offer(offered(allowance(TEXTS, TEXT), allowance("seconds", VOICE, priority=1)))
    decision = desk.event(want(TEXT, 1), want(VOICE, 60))
    assert decision.outcome is Outcome.LIMIT_REACHED
    assert [each.usage.rating_group for each in decision.services] == [VOICE]
    assert desk.balance(1) == (0, 0)
    assert [each.outcome.name for each in decision.edrs[0].services] == ["SUCCESS", "LIMIT_REACHED"]
    assert all(each.grant is None for each in decision.edrs[0].services)
    assert all(each.settlement.used == 0 for each in decision.edrs[0].services)


def test_the_first_failure_is_the_commands():
    desk = texts(0)
    decision = desk.event(want(TEXT, 1), want(999, 1), want(DATA, 1))
    assert decision.outcome is Outcome.LIMIT_REACHED
    names = [each.outcome.name for each in decision.services]
    assert names == ["LIMIT_REACHED", "RATING_FAILED", "SERVICE_DENIED"]
    assert desk.event(want(999, 1), want(TEXT, 1), session=b"b").outcome is Outcome.RATING_FAILED
    assert desk.event(want(DATA, 1), want(TEXT, 1), session=b"c").outcome is Outcome.SERVICE_DENIED


def test_a_service_that_is_served_in_part_is_no_failure():
    desk = texts(3, 0)
    desk.offer(offered(allowance(TEXTS, TEXT), priced(Price(1, 1), DATA)))
    desk.credit(2, 5_000)
    decision = desk.event(want(TEXT, 9), want(DATA, 1024))
    assert decision.outcome is Outcome.SUCCESS
    assert (units(decision), finals(decision)) == ([3, 1024], [True, False])


def test_two_services_never_share_the_same_units():
    desk = texts(5)
    decision = desk.event(want(TEXT, 3, 1), want(TEXT, 3, 2))
    assert units(decision) == [3, 2]
    assert finals(decision) == [False, True]


def test_parts_of_one_service_are_added_up():
    desk = texts(5)
    decision = desk.event(want(TEXT, 1), want(TEXT, 2))
    assert units(decision) == [3]


def test_units_of_another_type_cannot_be_rated():
    desk = texts(5)
    decision = desk.event(ServiceUsage(TEXT, (), Units(seconds=60)))
    assert decision.outcome is Outcome.RATING_FAILED


@pytest.mark.parametrize(
    ("usages", "others"), [((want(TEXT, 1),), {"service_context": None}), ((), {})]
)
def test_what_cannot_be_rated_at_all_is_refused(usages, others):
    decision = texts(5).event(*usages, **others)
    assert decision.outcome is Outcome.RATING_FAILED
    assert decision.services == ()


def test_without_a_plan_the_event_is_denied():
    desk = Desk(
        offered(allowance(TEXTS, TEXT)),
        balance(1, TEXTS, 9),
        accounts={ALICE: Account(1, "alice", ())},
    )
    assert desk.event(want(TEXT, 1)).outcome is Outcome.SERVICE_DENIED


def test_a_suspended_account_is_denied_whatever_it_asks():
    alice = Account(1, "alice", ("demo",), state=AccountState.SUSPENDED)
    desk = Desk(offered(allowance(TEXTS, TEXT)), balance(1, TEXTS, 9), accounts={ALICE: alice})
    assert desk.event(want(999, 1), want(TEXT, 1)).outcome is Outcome.SERVICE_DENIED


def test_a_stranger_is_told_so_and_nothing_is_stored():
    stranger = Identity(IdentityKind.IMSI, "999")
    decision = texts(5).event(want(TEXT, 1), identities=(stranger,))
    assert decision == Decision(Outcome.USER_UNKNOWN)


def ask_again(desk: Desk, *usages: ServiceUsage, number: int = 0, **others: object) -> Decision:
    return desk.event(*usages, **{"request_number": number, "end_to_end_id": 9, **others})


@pytest.mark.parametrize(
    ("again", "wanted", "is_repeat"),
    [
        ({"end_to_end_id": 1}, 5, True),
        ({"is_retransmission": True}, 5, True),
        ({}, 2, True),
        ({}, 5, False),
        ({"event_at": 7}, 2, False),
        ({"number": 1}, 2, False),
        ({"end_to_end_id": 1, "origin_host": "other.example"}, 5, False),
    ],
)
def test_an_event_is_repeated_by_identifier_flag_or_content(again, wanted, is_repeat):
    desk = texts(10)
    first = ask_again(desk, want(TEXT, 2), end_to_end_id=1)
    second = ask_again(desk, want(TEXT, wanted), **again)
    if is_repeat:
        assert second.novelty is Novelty.REPEATED
        assert not second.edrs
        names = [(each.usage.rating_group, each[1:]) for each in first.services]
        assert [(each.usage.rating_group, each[1:]) for each in second.services] == names
        assert desk.balance(1) == (2, 0)
    else:
        assert units(second) == [wanted]
        assert desk.balance(1) == (2 + wanted, 0)


def test_messages_are_content_too():
    desk = texts(10)
    ask_again(desk, ServiceUsage(TEXT, messages=2), end_to_end_id=1)
    ask_again(desk, ServiceUsage(TEXT, messages=3))
    assert desk.balance(1) == (5, 0)


def test_every_event_of_one_name_is_remembered():
    desk = texts(100)
    for number in range(3):
        ask_again(desk, want(TEXT, number + 1), number=number, end_to_end_id=number)
    for number in range(3):
        again = ask_again(desk, want(TEXT, number + 1), number=number, end_to_end_id=77)
        assert again.novelty is Novelty.REPEATED
        assert units(again) == [number + 1]
    assert desk.balance(1) == (6, 0)


def test_a_refused_event_is_refused_again_as_it_was():
    desk = texts(0)
    first = ask_again(desk, want(TEXT, 1), want(999, 1), want(TEXT, 1, 5))
    desk.credit(1, 50)
    again = ask_again(desk, want(TEXT, 1), want(999, 1), want(TEXT, 1, 5))
    assert again.outcome is first.outcome is Outcome.LIMIT_REACHED
    assert [each[1:] for each in again.services] == [each[1:] for each in first.services]
    assert not again.edrs


def test_a_forgotten_event_is_new_work_unless_it_says_that_it_is_not():
    desk = texts(10)
    ask_again(desk, want(TEXT, 2))
    desk.case = desk.case._replace(now=desk.case.now + 49 * 3600 * SECOND)
    again = ask_again(desk, want(TEXT, 2), is_retransmission=True)
    assert again.novelty is Novelty.REPEATED
    assert ask_again(desk, want(TEXT, 2)).novelty is Novelty.NEW
    assert desk.balance(1) == (4, 0)


def test_an_event_within_an_open_session_leaves_it_open():
    desk = texts(10)
    desk.offer(offered(allowance(TEXTS, TEXT), allowance("seconds", VOICE)))
    desk.initial(want(TEXT, 4))
    session = desk.case.sessions[SessionKey(b"one")]
    event = {"session": b"one", "number": 1}
    assert units(ask_again(desk, want(TEXT, 2), **event)) == [2]
    assert desk.case.sessions[SessionKey(b"one")].reservations == session.reservations
    assert ask_again(desk, want(TEXT, 2), **event).novelty is Novelty.REPEATED
    assert desk.balance(1) == (2, 4)
    desk.terminate(used(TEXT, 4), request_number=2)
    assert desk.balance(1) == (6, 0)


def test_usage_under_the_name_of_an_event_is_that_of_an_unknown_session():
    desk = texts(10)
    ask_again(desk, want(TEXT, 2))
    late = desk.update(used(TEXT, 3), session=b"event", request_number=1)
    assert late.outcome is Outcome.SESSION_UNKNOWN
    assert late.edrs[0].reason == "session_unknown"
    assert desk.balance(1) == (2, 0)
    assert ask_again(desk, want(TEXT, 2)).novelty is Novelty.REPEATED


def test_a_session_may_begin_under_the_name_of_an_event():
    desk = texts(10)
    ask_again(desk, want(TEXT, 2))
    assert desk.initial(want(TEXT, 3), session=b"event").outcome is Outcome.SUCCESS
    assert desk.balance(1) == (2, 3)


def test_an_event_after_a_session_keeps_what_is_remembered_of_it():
    desk = texts(10)
    desk.initial(want(TEXT, 3))
    desk.terminate(used(TEXT, 1))
    ask_again(desk, want(TEXT, 2), session=b"one", number=5)
    late = desk.update(used(TEXT, 1), request_number=4)
    assert late.edrs[0].reason == "late"
    assert desk.balance(1) == (4, 0)


def test_each_pays_from_his_own_though_they_share_a_name():
    accounts = {ALICE: Account(1, "alice", ("demo",)), BOB: Account(2, "bob", ("demo",))}
    desk = Desk(
        offered(allowance(TEXTS, TEXT)),
        balance(1, TEXTS, 5),
        balance(2, TEXTS, 5, account_id=2),
        accounts=accounts,
    )
    ask_again(desk, want(TEXT, 1))
    ask_again(desk, want(TEXT, 2), number=1, identities=(BOB,))
    assert (desk.balance(1), desk.balance(2)) == ((1, 0), (2, 0))
    assert [each.edrs[0].account_id for each in desk.decisions] == [1, 2]


prices = st.builds(
    Price, st.integers(0, 300_000), st.sampled_from([1, 7, 60]), st.sampled_from([0, 190_000])
)


@given(
    has=st.tuples(st.integers(0, 200), st.integers(0, 500_000), st.integers(0, 2_000_000)),
    asked=st.lists(st.integers(0, 2**63 - 1) | st.integers(0, 50), min_size=1, max_size=3),
    rounding=st.sampled_from([1, 7, 60]),
    offers=st.tuples(prices, prices),
    in_part=st.booleans(),
)
def test_no_event_is_served_more_than_is_paid_or_nothing(has, asked, rounding, offers, in_part):
    group = rating_group(TEXT, UnitType.SERVICE_SPECIFIC_UNITS, rounding, max_reservation=10**6)
    services = (
        priced(offers[0], TEXT, priority=0, balance_types=(BONUS,)),
        allowance(TEXTS, TEXT, priority=1),
        priced(offers[1], TEXT, priority=2),
    )
    desk = Desk(
        offered(*services, in_part=in_part, groups=(group,)),
        balance(1, TEXTS, has[0]),
        balance(2, BONUS, has[1]),
        balance(3, MONEY, has[2]),
    )
    decision = desk.event(*(want(TEXT, each, at) for at, each in enumerate(asked)))
    is_success = decision.outcome is Outcome.SUCCESS
    assert all(each.grant is None for each in decision.services) or is_success
    spent = [desk.balance(number)[0] for number in (1, 2, 3)]
    if not is_success:
        assert decision.outcome is Outcome.LIMIT_REACHED
        assert spent == [0, 0, 0]
        return
    assert len(decision.services) == len(asked)
    free = any(price.micro_units == 0 for price in offers)
    for each, wanted, settled in zip(decision.services, asked, desk.settlements, strict=True):
        assert 0 < each.grant.units <= max(wanted, 1)
        assert each.grant.units == max(wanted, 1) or in_part
        assert each.grant.is_final == (each.grant.units < min(max(wanted, 1), 10**6))
        assert each.grant.units == settled.used == settled.reported
        assert settled.overrun == 0
        assert settled.shortfall < 2 * rounding, "each price may begin one"
        if not in_part:
            assert settled.shortfall == 0
    if any(each.grant.is_final for each in decision.services) and not free:
        assert spent == list(has), "nothing is left that could begin another unit"
