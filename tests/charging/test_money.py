"""Services in money: what is asked for is what it costs, down to a millionth of a micro-unit."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.catalogue import Catalogue, Insufficiency, Price, Rate, Service
from diameter_ocs.charging.decisions import Outcome, Told
from diameter_ocs.charging.hours import working_hours
from diameter_ocs.charging.information import ServiceInformation
from diameter_ocs.charging.requests import EventAction, RequestType, ServiceUsage, Units
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.charging.units import MILLIONTHS, UnitType
from tests.charging.scenario import (
    BONUS,
    DATA,
    MONEY,
    OCTETS,
    VOICE,
    VOICE_BY_MINUTES,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    only,
    outcomes,
    priced,
    rating_group,
)

EUR, USD = 978, 840
DATA_BY_KIB = rating_group(DATA, UnitType.VOLUME, 1024, min_reservation=1024)
TARIFF = Price(7, 1024, 190_000, initial_micro_units=50, minimum_units=4096)


def amount(micro_units: int, fraction: int = 0) -> Units:
    return Units(money=micro_units, fraction=fraction)


def ask(micro_units: int, group: int | None = DATA) -> ServiceUsage:
    return ServiceUsage(group, (), amount(micro_units))


def spent(units: Units, wanted: Units | None = None, group: int = DATA) -> ServiceUsage:
    return ServiceUsage(group, (), wanted, (units,))


def offer(*services: Service) -> Catalogue:
    sold = services or (priced(TARIFF, DATA), allowance(OCTETS, DATA))
    offered = catalogue(*sold, groups=(DATA_BY_KIB, VOICE_BY_MINUTES))
    return replace(offered, default_monetary_balance_type=MONEY)


def desk(money: int = 1000, *services: Service) -> Desk:
    return Desk(offer(*services), balance(1, MONEY, money), balance(2, OCTETS, 10**9))


IN_EURO = {"currency": EUR}


def test_money_is_reserved_debited_and_released_as_it_is_said() -> None:
    opened = desk(1000)
    assert granted(opened.initial(ask(301), **IN_EURO)) == [(301, False)]
    assert opened.balance(1) == (0, 301)
    decision = opened.update(spent(amount(77), amount(200)), **IN_EURO)
    assert granted(decision) == [(200, False)]
    assert only(decision).grant.unit_type is UnitType.MONEY
    assert opened.balance(1) == (77, 200)
    opened.terminate(spent(amount(150)), **IN_EURO)
    assert opened.balance(1) == (227, 0)
    assert opened.balance(2) == (0, 0)


def test_the_last_money_is_final() -> None:
    opened = desk(1000)
    decision = opened.initial(ask(5000), **IN_EURO)
    assert granted(decision) == [(1000, True)]
    decision = opened.update(spent(amount(1000), amount(1)), **IN_EURO)
    assert outcomes(decision) == ["LIMIT_REACHED"]


@pytest.mark.parametrize("insufficiency", Insufficiency)
def test_what_is_left_is_granted_to_the_micro_unit(insufficiency: Insufficiency) -> None:
    opened = desk(1023)
    offered = opened.case.catalogue
    rules = replace(offered.session_rules, insufficiency=insufficiency)
    opened.offer(replace(offered, session_rules=rules))
    assert granted(opened.initial(ask(2000), **IN_EURO)) == [(1023, True)]


@pytest.mark.parametrize("in_part", [True, False])
def test_an_event_in_money_is_paid_whole_or_not_at_all(in_part: bool) -> None:
    opened = desk(100)
    offered = opened.case.catalogue
    rules = replace(offered.session_rules, serves_events_in_part=in_part)
    opened.offer(replace(offered, session_rules=rules))
    decision = opened.event(ask(101), **IN_EURO)
    assert decision.outcome is Outcome.LIMIT_REACHED
    assert opened.balance(1) == (0, 0)
    decision = opened.event(ask(100), session=b"other", **IN_EURO)
    assert decision.outcome is Outcome.SUCCESS
    assert granted(decision) == [(100, False)]
    assert opened.balance(1) == (100, 0)


def test_fractions_of_a_micro_unit_are_rounded_up_once_for_all_of_a_session() -> None:
    opened = desk(1000)
    opened.initial(ask(10), **IN_EURO)
    third = amount(1, MILLIONTHS - 333_333)  # 0.333333 micro-units
    charged = [opened.update(spent(third, amount(10)), **IN_EURO) for _ in range(6)]
    assert [decision.edrs[0].services[0].settlement.charged for decision in charged] == [
        1, 0, 0, 1, 0, 0,
    ]  # fmt: skip
    opened.terminate(spent(amount(1, MILLIONTHS - 2)), **IN_EURO)
    assert opened.balance(1) == (2, 0)


def test_the_smallest_fraction_costs_a_micro_unit() -> None:
    opened = desk(1000)
    opened.event(ServiceUsage(DATA, (), amount(1, MILLIONTHS - 1)), **IN_EURO)
    assert opened.balance(1) == (1, 0)


def test_money_wins_beside_other_units() -> None:
    opened = desk(1000)
    both = ServiceUsage(DATA, (), Units(octets=4096, money=20))
    decision = opened.initial(both, **IN_EURO)
    assert only(decision).grant.unit_type is UnitType.MONEY
    assert granted(decision) == [(20, False)]
    opened.update(
        ServiceUsage(DATA, (), Units(octets=1024), (Units(octets=999, money=5),)), **IN_EURO
    )
    assert opened.balance(1) == (5, 0)
    assert opened.balance(2) == (0, 1024)


def test_no_money_at_all_asks_for_nothing_in_money() -> None:
    opened = desk(1000)
    decision = opened.initial(ServiceUsage(DATA, (), amount(0)), **IN_EURO)
    assert only(decision).grant.unit_type is UnitType.VOLUME


def test_usage_without_a_quota_is_paid_out_of_what_is_free() -> None:
    opened = desk(1000)
    opened.initial()
    opened.update(spent(amount(70)), **IN_EURO)
    assert opened.balance(1) == (70, 0)
    opened.terminate(spent(amount(2000)), **IN_EURO)
    assert opened.balance(1) == (1000, 0)
    assert [each.overrun for each in opened.settlements] == [1070]


def test_an_empty_request_gets_as_much_as_was_used() -> None:
    opened = desk(1000)
    opened.initial(ask(100), **IN_EURO)
    assert granted(opened.update(spent(amount(64), Units()), **IN_EURO)) == [(64, False)]


def test_money_pays_in_the_order_of_the_services() -> None:
    first = priced(Price(1, 1), DATA, priority=0, balance_types=(BONUS,))
    opened = Desk(
        offer(first, priced(Price(2, 1), DATA)), balance(1, MONEY, 100), balance(3, BONUS, 100)
    )
    opened.event(ask(150), **IN_EURO)
    assert opened.balance(3) == (100, 0)
    assert opened.balance(1) == (50, 0)


def test_without_a_priced_service_the_default_money_pays() -> None:
    opened = desk(1000, allowance(OCTETS, VOICE))
    assert opened.event(ask(30), **IN_EURO).outcome is Outcome.SUCCESS
    assert opened.balance(1) == (30, 0)


def test_what_a_plan_denies_is_denied_in_money() -> None:
    deny = Service("deny", 0, frozenset({DATA}), (), denies_others=True)
    opened = desk(1000, deny, priced(TARIFF, DATA))
    assert opened.event(ask(30), **IN_EURO).outcome is Outcome.SERVICE_DENIED


def test_without_money_nothing_can_be_paid_in_money() -> None:
    opened = Desk(
        replace(offer(allowance(OCTETS, DATA)), default_monetary_balance_type=None),
        balance(2, OCTETS, 100),
    )
    assert opened.event(ask(30), **IN_EURO).outcome is Outcome.SERVICE_DENIED


def test_a_rating_group_that_nobody_knows_cannot_be_paid_in_money() -> None:
    assert desk().event(ask(30, 999), **IN_EURO).outcome is Outcome.RATING_FAILED


def test_money_and_units_of_a_rating_group_do_not_mix() -> None:
    opened = desk(100_000, priced(TARIFF, DATA))
    opened.initial(ask(500), **IN_EURO)
    opened.update(spent(amount(500), Units(octets=4096)), **IN_EURO)
    opened.terminate(ServiceUsage(DATA, (), None, (Units(octets=1024),)))
    beginning = TARIFF.charge_of(1024)
    assert beginning > TARIFF.continued.charge_of(1024)
    assert opened.balance(1) == (500 + beginning, 0)


def test_money_above_its_quota_is_paid_in_money_whatever_is_asked_for_next() -> None:
    opened = desk(1000, allowance(OCTETS, DATA), priced(TARIFF, DATA))
    opened.initial(ask(100), **IN_EURO)
    opened.update(spent(amount(150), Units(octets=1024)), **IN_EURO)
    assert opened.balance(1) == (150, 0)
    assert opened.balance(2) == (0, 1024)


@pytest.mark.parametrize("wanted", [None, Units(octets=2048), amount(100)])
def test_what_was_used_in_other_units_than_its_quota_s_is_paid_all_the_same(wanted) -> None:
    opened = desk(1000, priced(TARIFF, DATA))
    opened.initial(ServiceUsage(DATA, (), Units(octets=4096)), **IN_EURO)
    opened.update(spent(amount(77), wanted), **IN_EURO)
    assert opened.balance(1)[0] == 77
    assert opened.settlements[0].charged == 77
    opened = desk(1000, priced(TARIFF, DATA))
    opened.initial(ask(300), **IN_EURO)
    opened.update(spent(Units(octets=5120), wanted), **IN_EURO)
    assert opened.balance(1)[0] == TARIFF.charge_of(5120)
    assert opened.settlements[0].charged == 5120
    opened.terminate()
    assert opened.balance(1)[1] == 0


def test_what_a_price_begins_with_is_charged_once_though_money_is_used_between() -> None:
    opened = desk(100_000, priced(TARIFF, DATA))
    opened.initial(ServiceUsage(DATA, (), Units(octets=8192)), **IN_EURO)
    opened.update(spent(Units(octets=8192), amount(100)), **IN_EURO)
    opened.update(spent(amount(10), Units(octets=8192)), **IN_EURO)
    opened.terminate(spent(Units(octets=8192)), **IN_EURO)
    continued = TARIFF.continued.charge_of(8192)
    assert opened.balance(1) == (TARIFF.charge_of(8192) + 10 + continued, 0)


def test_money_is_rounded_once_though_its_gateway_pools_quotas() -> None:
    opened = desk(1000)
    opened.initial(ask(1), has_pool=True, **IN_EURO)
    for _ in range(3):
        usage = spent(amount(10, MILLIONTHS // 2), amount(1))
        opened.update(usage, has_pool=True, **IN_EURO)
    assert opened.balance(1) == (29, 1)  # that is 28.5


def test_units_are_divided_where_their_price_changed_though_money_is_asked_for_next() -> None:
    night = Restrictions(hours=working_hours([("mon-sun", "22:30-06:00")]))
    rates = (Rate(Price(7, 1), "night", night), Rate(Price(9, 1)))
    sold = Service("by hours", 1, frozenset({VOICE}), (MONEY,), rates)
    opened = desk(100_000, sold)
    opened.initial(ServiceUsage(VOICE, (), Units(seconds=3600)), **IN_EURO)
    opened.case = opened.case._replace(now=opened.case.now + 3600 * 10**6)
    opened.update(spent(Units(seconds=3600), amount(100), VOICE), **IN_EURO)
    # It began at 22:13:20: 1000 s until 22:30, that is 17 minutes begun, and 44 minutes after.
    assert opened.balance(1) == (17 * 60 * 9 + 44 * 60 * 7, 100)


@pytest.mark.parametrize("kind", RequestType)
def test_money_of_another_currency_moves_nothing(kind: RequestType) -> None:
    opened = desk(1000)
    if kind in (RequestType.UPDATE, RequestType.TERMINATION):
        opened.initial(ask(100), **IN_EURO)
    before = opened.case
    decision = opened.ask(kind, (spent(amount(5), amount(5)),), b"one", currency=USD)
    assert decision.outcome is Outcome.FOREIGN_CURRENCY
    assert opened.case.balances == before.balances
    assert opened.case.sessions == before.sessions
    assert not decision.edrs


def test_money_without_a_currency_is_the_tenants() -> None:
    assert granted(desk().initial(ask(100), currency=0)) == [(100, False)]


def test_the_answer_knows_the_currency_and_so_does_its_repeat() -> None:
    opened = desk()
    decision = opened.initial(ask(100), **IN_EURO)
    assert decision.told == Told(None, 900, currency="EUR")
    opened.numbers.clear()
    assert opened.initial(ask(100), **IN_EURO).told == decision.told


def test_a_session_of_money_costs_what_was_spent() -> None:
    opened = desk()
    opened.initial(ask(100), **IN_EURO)
    told = opened.update(spent(amount(33), amount(5)), tells_money=True, **IN_EURO).told
    assert told == Told(33, 962, currency="EUR")


def test_what_says_no_money_has_the_digest_that_it_always_had() -> None:
    """It is stored: another one would charge what is asked again over an upgrade."""
    opened = desk()
    opened.initial(ServiceUsage(DATA, (), Units(octets=5), (Units(octets=3),)))
    (edr,) = opened.decisions[-1].edrs
    assert edr.digest == -3181365753868829197


def test_more_money_is_not_the_same_request() -> None:
    opened = desk()
    asked = [
        opened.event(ask(micro_units), session=b"%d" % micro_units, **IN_EURO).edrs[0].digest
        for micro_units in (1, 2)
    ]
    assert asked[0] != asked[1]


def test_a_call_for_help_is_free_in_money_too() -> None:
    opened = desk(0)
    opened.offer(replace(opened.case.catalogue, emergency_numbers=frozenset({"112"})))
    called = ServiceInformation(called="112", is_emergency=True)
    decision = opened.initial(ask(10**6, VOICE), information=called, **IN_EURO)
    assert granted(decision) == [(10**6, False)]
    opened.terminate(spent(amount(10**6), group=VOICE), information=called, **IN_EURO)
    assert opened.balance(1) == (0, 0)


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        (Units(), 0),
        (amount(30), 70),
        (amount(30, 1), 71),
        (amount(1, MILLIONTHS - 1), 100),
        (amount(101), 0),
    ],
)
def test_money_is_given_back_rounded_down(wanted: Units, left: int) -> None:
    opened = desk(1000)
    paid = opened.event(ask(100), **IN_EURO)
    opened.event(
        ServiceUsage(DATA, (), wanted),
        session=b"another",
        action=EventAction.REFUND,
        refunds=(str(paid.event).encode(),),
        **IN_EURO,
    )
    assert opened.balance(1) == (left, 0)


def test_units_are_not_given_back_for_money() -> None:
    opened = desk(10_000, priced(Price(1, 1), DATA))
    paid = opened.event(ServiceUsage(DATA, (), Units(octets=1024)))
    decision = opened.event(
        ask(100),
        session=b"another",
        action=EventAction.REFUND,
        refunds=(str(paid.event).encode(),),
        **IN_EURO,
    )
    assert decision.outcome is Outcome.RATING_FAILED
    assert opened.balance(1) == (1024, 0)


def test_the_journal_says_what_was_charged_in_money() -> None:
    opened = desk(1000)
    opened.initial(ask(100), **IN_EURO)
    opened.update(spent(amount(10), Units(octets=1024)), **IN_EURO)
    opened.terminate(ServiceUsage(DATA, (), None, (Units(octets=5),)))
    assert [decision.edrs[0].services[0].is_in_money for decision in opened.decisions] == [
        True,
        True,
        False,
    ]
