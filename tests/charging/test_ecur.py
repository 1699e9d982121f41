"""Around one message units are reserved, and debited once it was delivered (TS 32.299 5.2.2.2)."""

import pytest

from diameter_ocs.charging.catalogue import Price
from diameter_ocs.charging.decisions import Novelty, Outcome
from diameter_ocs.charging.requests import EventAction, ServiceUsage, Units
from diameter_ocs.charging.session import CloseReason
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    MONEY,
    TEXT,
    TEXTS,
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

CONTEXTS = ("32274", "32270")
"""Of texts, of picture messages."""
EACH = rating_group(TEXT, UnitType.SERVICE_SPECIFIC_UNITS, default_quota=1)
DEAR = Price(80_000, 1, 0, 20_000)
"""The first costs something besides."""


def desk(texts: int = 0, money: int = 0) -> Desk:
    offered = catalogue(allowance(TEXTS, TEXT), priced(DEAR, TEXT), groups=(EACH,))
    return Desk(offered, balance(1, TEXTS, texts), balance(2, MONEY, money))


@pytest.fixture(params=CONTEXTS)
def context(request: pytest.FixtureRequest) -> dict[str, str]:
    """Whose messages they are."""
    return {"service_context": request.param}


@pytest.mark.parametrize("asked", [want(TEXT, 1), want(TEXT), ServiceUsage(TEXT)])
def test_a_message_is_reserved_delivered_and_debited(asked, context):
    opened = desk(texts=5)
    assert granted(opened.initial(asked, **context)) == [(1, False)]
    assert opened.balance(1) == (0, 1)
    ended = opened.terminate(used(TEXT, 1), **context)
    assert (ended.outcome, ended.closed[0].reason) == (Outcome.SUCCESS, CloseReason.TERMINATED)
    assert opened.balance(1) == (1, 0)


@pytest.mark.parametrize("report", [(used(TEXT, 0),), (ServiceUsage(TEXT),), ()])
def test_a_message_that_was_not_delivered_costs_nothing(report, context):
    opened = desk(money=500_000)
    assert granted(opened.initial(want(TEXT, 2), **context)) == [(2, False)]
    assert opened.balance(2) == (0, 180_000)
    assert opened.terminate(*report, **context).outcome is Outcome.SUCCESS
    assert opened.balance(2) == (0, 0)


@pytest.mark.parametrize(("delivered", "cost"), [(1, 100_000), (2, 180_000), (3, 260_000)])
def test_of_several_those_are_paid_that_were_delivered(delivered, cost, context):
    opened = desk(money=500_000)
    opened.initial(want(TEXT, 3), **context)
    opened.terminate(used(TEXT, delivered), **context)
    assert opened.balance(2) == (cost, 0)


def test_the_last_messages_are_final(context):
    opened = desk(texts=2)
    decision = opened.initial(want(TEXT, 5), **context)
    assert granted(decision) == [(2, True)]
    assert only(decision).grant.final_unit is not None
    opened.terminate(used(TEXT, 2), **context)
    assert opened.balance(1) == (2, 0)


def test_nothing_left_is_said_of_the_service_and_the_session_ends_as_it_began(context):
    opened = desk()
    decision = opened.initial(want(TEXT, 1), **context)
    assert (decision.outcome, outcomes(decision)) == (Outcome.SUCCESS, ["LIMIT_REACHED"])
    assert granted(decision) == [(0, False)]
    assert opened.terminate(used(TEXT, 0), **context).outcome is Outcome.SUCCESS
    assert not opened.case.sessions


def test_two_messages_at_once_never_have_the_same_unit(context):
    opened = desk(texts=1)
    assert granted(opened.initial(want(TEXT, 1), session=b"a", **context)) == [(1, True)]
    refused = opened.initial(want(TEXT, 1), session=b"b", **context)
    assert outcomes(refused) == ["LIMIT_REACHED"]
    opened.terminate(used(TEXT, 0), session=b"a", **context)
    assert granted(opened.initial(want(TEXT, 1), session=b"c", **context)) == [(1, True)]


def test_units_at_command_level_are_reserved_and_debited_alike(context):
    opened = desk(texts=3)
    opened.case.catalogue.default_rating_groups[context["service_context"]] = TEXT
    said = {"is_its_service": True, **context}
    asked = ServiceUsage(None, (), Units(service_specific=1))
    assert granted(opened.initial(asked, **said)) == [(1, False)]
    opened.terminate(ServiceUsage(None, (), None, (Units(service_specific=1),)), **said)
    assert opened.balance(1) == (1, 0)
    opened.event(want(TEXT, 2), session=b"event")
    refused = opened.initial(asked, session=b"another", **said)
    assert (refused.outcome, refused.session) == (Outcome.LIMIT_REACHED, None)


def test_a_repeated_report_is_paid_once_and_may_be_refunded(context):
    opened = desk(texts=3)
    opened.initial(want(TEXT, 2), **context)
    opened.terminate(used(TEXT, 2), **context)
    again = opened.terminate(
        used(TEXT, 2), request_number=1, is_retransmission=True, end_to_end_id=7, **context
    )
    assert again.novelty is Novelty.REPEATED
    assert opened.balance(1) == (2, 0)
    refund = opened.event(want(TEXT, 1), session=b"one", action=EventAction.REFUND, **context)
    assert granted(refund) == [(1, False)]
    assert opened.balance(1) == (1, 0)
