"""An event that was stored too late to be answered is taken back, and may be asked for anew."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.catalogue import Price, SessionRules
from diameter_ocs.charging.decisions import Decision, EdrKind, Novelty, Outcome, Stored
from diameter_ocs.charging.requests import ChargingRequest, RequestType, SessionKey
from diameter_ocs.charging.reversals import mark_event_answered, reverse_unclaimed
from tests.charging.scenario import (
    ALICE,
    MONEY,
    TEXT,
    TEXT_EACH,
    TEXTS,
    Desk,
    allowance,
    balance,
    catalogue,
    priced,
    used,
    want,
)

SECOND = 1_000_000
ASKED = ChargingRequest(
    request_type=RequestType.EVENT,
    request_number=0,
    session_key=SessionKey(b"event"),
    service_context="32251",
    origin_host="gw.example",
    origin_realm="example",
    end_to_end_id=1,
    is_retransmission=False,
    tenant=None,
    identities=(ALICE,),
    event_at=None,
    usages=(want(TEXT, 3),),
)


@pytest.fixture
def desk() -> Desk:
    services = allowance(TEXTS, TEXT), priced(Price(80_000, 1), TEXT)
    return Desk(
        catalogue(*services, groups=(TEXT_EACH,)), balance(1, TEXTS, 2), balance(2, MONEY, 500_000)
    )


def later(desk: Desk, seconds: int = 240) -> None:
    desk.case = desk.case._replace(now=desk.case.now + seconds * SECOND)


def take(desk: Desk, decision: Decision | None) -> Decision:
    assert decision is not None
    desk.case = desk.case.after(decision)
    desk.decisions.append(decision)
    desk.audit()
    return decision


def ask(desk: Desk, number: int = 0, *, usages=ASKED.usages, **others: object) -> Decision:
    return desk.event(*usages, request_number=number, **others)


def stored(number: int) -> Stored:
    return Stored(number, 1_700_000_000_000_000)


def test_all_that_was_charged_goes_back_where_it_came_from(desk: Desk) -> None:
    ask(desk)
    assert (desk.balance(1), desk.balance(2)) == ((2, 0), (80_000, 0))
    later(desk)
    (edr,) = take(desk, reverse_unclaimed(ASKED, stored(1), desk.case)).edrs
    assert (desk.balance(1), desk.balance(2)) == ((0, 0), (0, 0))
    assert (edr.kind, edr.action, edr.reason) == (EdrKind.BILLING, "reversal", "unclaimed")
    first = desk.decisions[0].edrs[0]
    assert (edr.session_number, edr.request_number) == (first.session_number, 0)
    assert (edr.end_to_end_id, edr.session_id) == (first.end_to_end_id, b"event")
    settled = [each.settlement for each in (*first.services, *edr.services)]
    assert [sum(amounts) for amounts in zip(*settled, strict=True)] == [0] * 8


@pytest.mark.parametrize(
    "again", [{"end_to_end_id": 1}, {"is_retransmission": True, "end_to_end_id": 7}, {}]
)
def test_a_repeat_after_the_reversal_is_charged_anew_and_once(desk: Desk, again: dict) -> None:
    ask(desk)
    later(desk, 100)
    take(desk, reverse_unclaimed(ASKED, stored(1), desk.case))
    assert ask(desk, **again).novelty is Novelty.NEW
    assert desk.balance(2) == (80_000, 0)
    assert ask(desk, **again).novelty is Novelty.REPEATED
    assert desk.balance(2) == (80_000, 0)


def test_it_is_reversed_once(desk: Desk) -> None:
    ask(desk)
    later(desk)
    take(desk, reverse_unclaimed(ASKED, stored(1), desk.case))
    assert reverse_unclaimed(ASKED, stored(1), desk.case) is None
    later(desk)
    assert reverse_unclaimed(ASKED, stored(1), desk.case) is None


@pytest.mark.parametrize("numbers", [(0, 1, 2), (0, 0, 0)], ids=["counted", "of one number"])
def test_of_several_of_one_name_each_is_reversed_or_stands_by_itself(
    desk: Desk, numbers: tuple[int, ...]
) -> None:
    for at, number in enumerate(numbers):
        ask(desk, number, usages=(want(TEXT, at + 1),), end_to_end_id=at + 1)
        later(desk, 1)
    events = [decision.edrs[0] for decision in desk.decisions]
    asked = [ASKED._replace(request_number=number) for number in numbers]
    assert (desk.balance(1), desk.balance(2)) == ((2, 0), (320_000, 0))
    take(desk, mark_event_answered(asked[1], events[1].stored, desk.case))
    later(desk)
    take(desk, reverse_unclaimed(asked[0], events[0].stored, desk.case))
    assert reverse_unclaimed(asked[1], events[1].stored, desk.case) is None
    take(desk, reverse_unclaimed(asked[2], events[2].stored, desk.case))
    assert reverse_unclaimed(asked[0], events[0].stored, desk.case) is None
    left = events[1].postings
    assert desk.balance(1)[0] == sum(each.used for each in left if each.balance_id == 1)
    assert desk.balance(2)[0] == sum(each.used for each in left if each.balance_id == 2)


def test_what_was_noted_is_not_noted_again(desk: Desk) -> None:
    ask(desk)
    (mark,) = take(desk, mark_event_answered(ASKED, stored(1), desk.case)).edrs
    assert (mark.action, mark.postings, mark.services) == ("answered", (), ())
    assert mark_event_answered(ASKED, stored(1), desk.case) is None


def test_it_stands_when_a_repeat_of_it_was_answered(desk: Desk) -> None:
    ask(desk)
    take(desk, mark_event_answered(ASKED, stored(1), desk.case))
    later(desk)
    assert reverse_unclaimed(ASKED, stored(1), desk.case) is None
    assert ask(desk).novelty is Novelty.REPEATED


def test_nothing_else_is_reversed(desk: Desk) -> None:
    assert reverse_unclaimed(ASKED, stored(1), desk.case) is None
    assert mark_event_answered(ASKED, stored(1), desk.case) is None
    ask(desk)
    later(desk)
    assert reverse_unclaimed(ASKED, stored(2), desk.case) is None
    another = stored(1)._replace(at=desk.case.now)  # the number was given to one that was lost
    assert reverse_unclaimed(ASKED, another, desk.case) is None
    refused = ask(desk, 1, usages=(want(TEXT, 1), want(999, 1)))
    assert refused.outcome is Outcome.RATING_FAILED
    assert reverse_unclaimed(ASKED._replace(request_number=1), stored(2), desk.case) is None


def test_a_tenant_may_have_it_stand(desk: Desk) -> None:
    rules = SessionRules(reverses_unclaimed_events=False)
    desk.case = desk.case._replace(catalogue=replace(desk.case.catalogue, session_rules=rules))
    ask(desk)
    later(desk)
    assert reverse_unclaimed(ASKED, stored(1), desk.case) is None


def test_an_event_in_an_open_session_is_reversed_and_the_session_goes_on(desk: Desk) -> None:
    desk.initial(want(TEXT, 1), session=b"event")
    ask(desk, 1)
    later(desk)
    take(desk, reverse_unclaimed(ASKED._replace(request_number=1), stored(2), desk.case))
    assert (desk.balance(1), desk.balance(2)) == ((0, 1), (0, 0))
    assert ask(desk, 1).novelty is Novelty.NEW
    desk.terminate(used(TEXT, 1), session=b"event", request_number=2)
    assert (desk.balance(1), desk.balance(2)) == ((2, 0), (160_000, 0))


def test_a_balance_that_is_gone_gets_nothing_back(desk: Desk) -> None:
    ask(desk)
    later(desk)
    left = {2: desk.case.balances[2]}
    reversal = reverse_unclaimed(ASKED, stored(1), desk.case._replace(balances=left))
    assert reversal is not None
    assert [posting.balance_id for posting in reversal.edrs[0].postings] == [2]
