"""Usage across changes of price: each part at its own price, out of what its quota held."""

from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import pytest

from diameter_ocs.charging.catalogue import Catalogue, Plan, Price, Rate, RatingGroup, Service
from diameter_ocs.charging.decisions import Outcome, Payment
from diameter_ocs.charging.expressions import parse_countries
from diameter_ocs.charging.hours import working_hours
from diameter_ocs.charging.information import LocationReport, LocationSource, ServiceInformation
from diameter_ocs.charging.ledger import Balance
from diameter_ocs.charging.location import NO_CIRCUMSTANCES
from diameter_ocs.charging.money import tariffs_in_money
from diameter_ocs.charging.payments import payments_in
from diameter_ocs.charging.price_changes import CHANGES_COVERED_MAX, Offer
from diameter_ocs.charging.rating import tariffs_of
from diameter_ocs.charging.requests import ServiceUsage, SessionKey, Units
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.charging.supervision import supervise
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    BONUS,
    DATA,
    MONEY,
    OCTETS,
    SECONDS,
    TEXT,
    TEXT_EACH,
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
    rating_group,
    used,
)

BERLIN = ZoneInfo("Europe/Berlin")
DATA_BY_OCTETS = rating_group(DATA, UnitType.VOLUME)
DAY, NIGHT = Price(10, 1), Price(3, 1)
SECOND = 1_000_000
EUR = 978


def hours(days: str, times: str) -> Restrictions:
    return Restrictions(hours=working_hours([(days, times)]))


def by_hours(
    group: int, day: Price = DAY, night: Price = NIGHT, types: tuple[str, ...] = (MONEY,)
) -> Service:
    """From 8 to 20 o'clock another price than in the night."""
    rates = (Rate(day, "day", hours("mon-sun", "08:00-20:00")), Rate(night, "night"))
    return Service("by hours", 1, frozenset({group}), types, rates)


def sold(*services: Service, groups: tuple[RatingGroup, ...], zone: str = "UTC") -> Catalogue:
    return replace(catalogue(*services, groups=groups), time_zone=zone)


def moment(text: str, zone: tzinfo = UTC, fold: int = 0) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()) * SECOND


class Clock(Desk):
    """A desk with a clock on its wall."""

    def at(self, text: str, zone: tzinfo = UTC, fold: int = 0) -> "Clock":
        self.case = self.case._replace(now=moment(text, zone, fold))
        return self


def desk_of(group: RatingGroup, *balances: Balance, **prices: Price) -> Clock:
    offered = sold(by_hours(group.id, **prices), groups=(group,))
    return Clock(offered, *(balances or (balance(1, MONEY, 10**9),)))


def data(wanted: int | None = None) -> ServiceUsage:
    return ServiceUsage(DATA, (), Units(octets=wanted))


def reported(before: int, after: int, wanted: int | None = None) -> ServiceUsage:
    """Volume in two parts, as Tariff-Change-Usage tells them."""
    parts = Units(octets=before), Units(octets=after)
    requested = None if wanted is None else Units(octets=wanted)
    return ServiceUsage(DATA, (), requested, parts, used_after=parts[1:])


def talk(wanted: int | None = None) -> ServiceUsage:
    return ServiceUsage(VOICE, (), Units(seconds=wanted))


def spent(desk: Clock) -> int:
    return desk.balance(1)[0]


def held(desk: Clock) -> int:
    return desk.balance(1)[1]


@pytest.mark.parametrize(
    ("opened_at", "change_at"),
    [
        ("2026-06-10 19:10", "2026-06-10 20:00"),
        ("2026-06-10 07:30", "2026-06-10 08:00"),
        ("2026-06-10 18:50", None),
        ("2026-06-10 20:00", None),
    ],
)
def test_a_quota_of_volume_tells_the_next_change_while_it_lasts(opened_at, change_at):
    desk = desk_of(DATA_BY_OCTETS).at(opened_at)
    grant = only(desk.initial(data(1000))).grant
    assert grant.tariff_change_at == (None if change_at is None else moment(change_at))
    assert 3600 <= grant.validity_seconds <= 3960, "a change of price does not cut it"


def test_until_when_nothing_changes_is_found_once_from_wherever_it_is_asked():
    offered = sold(by_hours(DATA), groups=(DATA_BY_OCTETS,))
    offer = Offer(("demo",), DATA_BY_OCTETS, offered, NO_CIRCUMSTANCES, None, lambda all: all[0])
    asked = ["12:00", "19:59", "09:00", "20:00", "07:59", "08:00"]
    until = [offer.lasts_until(moment(f"2026-06-10 {time}")) for time in asked]
    evening, morning = moment("2026-06-10 20:00"), moment("2026-06-10 08:00")
    assert until == [evening] * 3 + [moment("2026-06-11 08:00"), morning, evening]
    menu = offered.menus[("demo",), DATA]
    assert list(menu.lasting.values()) == [(morning, evening)]


def test_a_change_is_told_up_to_the_end_of_the_validity():
    desk = desk_of(rating_group(DATA, UnitType.VOLUME, quota_validity_seconds=60))
    grant = only(desk.at("2026-06-10 19:59").initial(data(1000))).grant
    assert (grant.validity_seconds, grant.tariff_change_at) == (60, moment("2026-06-10 20:00"))
    grant = only(desk.at("2026-06-10 19:58:59").initial(data(1000))).grant
    assert (grant.validity_seconds, grant.tariff_change_at) == (60, None)


@pytest.mark.parametrize(
    ("opened_at", "reserved"), [("2026-06-10 19:30", 10_000), ("2026-06-10 07:30", 10_000)]
)
def test_a_quota_that_meets_a_change_is_held_at_the_dearer_price(opened_at, reserved):
    desk = desk_of(DATA_BY_OCTETS).at(opened_at)
    desk.initial(data(1000))
    assert held(desk) == reserved


@pytest.mark.parametrize(
    ("before", "after", "cost"),
    [(400, 600, 4000 + 1800), (1000, 0, 10_000), (0, 1000, 3000), (0, 0, 0), (1, 1, 13)],
)
def test_each_part_of_volume_costs_its_own_price(before, after, cost):
    desk = desk_of(DATA_BY_OCTETS).at("2026-06-10 19:30")
    desk.initial(data(1000))
    desk.at("2026-06-10 20:20").update(reported(before, after, 1000))
    assert (spent(desk), held(desk)) == (cost, 3000)
    desk.terminate()
    assert (spent(desk), held(desk)) == (cost, 0)


def test_volume_of_which_the_client_does_not_say_when_pays_the_price_before():
    desk = desk_of(DATA_BY_OCTETS).at("2026-06-10 19:30")
    desk.initial(data(1000))
    desk.at("2026-06-10 20:20").terminate(used(DATA, 700))
    assert spent(desk) == 7000


def test_volume_after_a_change_that_nobody_was_told_of_came_after_the_latest():
    desk = desk_of(DATA_BY_OCTETS).at("2026-06-10 18:00")
    assert only(desk.initial(data(1000))).grant.tariff_change_at is None
    desk.at("2026-06-10 20:20").update(reported(400, 600))
    assert spent(desk) == 4000 + 1800


def test_volume_after_a_change_that_never_was_pays_the_price_before():
    desk = desk_of(DATA_BY_OCTETS).at("2026-06-10 12:00")
    desk.initial(data(1000))
    desk.at("2026-06-10 12:20").update(reported(400, 600))
    assert spent(desk) == 10_000


def test_parts_of_what_is_not_sold_by_hours_are_one():
    plain = Service("data", 1, frozenset({DATA}), (MONEY,), (Rate(DAY),))
    desk = Clock(sold(plain, groups=(DATA_BY_OCTETS,)), balance(1, MONEY, 10**9))
    desk.at("2026-06-10 19:30").initial(data(1000))
    desk.at("2026-06-10 20:20").update(reported(400, 600))
    assert spent(desk) == 10_000


def test_each_line_rounds_once_though_quotas_follow_one_another():
    kilo = rating_group(DATA, UnitType.VOLUME, 1000)
    desk = desk_of(kilo).at("2026-06-10 19:30")
    desk.initial(data(1000))
    desk.at("2026-06-10 19:40").update(reported(300, 0, 1000))
    desk.at("2026-06-10 19:50").update(reported(300, 0, 1000))
    desk.at("2026-06-10 20:10").update(reported(300, 100, 1000))
    desk.at("2026-06-10 20:20").update(reported(100, 0, 1000))
    desk.terminate()
    assert (spent(desk), held(desk)) == (1000 * 10 + 1000 * 3, 0)


def test_whatever_the_split_a_quota_is_covered_with_its_rounding():
    kilo = rating_group(DATA, UnitType.VOLUME, 1000)
    desk = desk_of(kilo, balance(1, MONEY, 20_000)).at("2026-06-10 19:30")
    desk.initial(data(1000))
    assert held(desk) == 20_000
    desk.at("2026-06-10 20:10").terminate(reported(500, 500))
    assert desk.settlements[0].shortfall == 0
    assert (spent(desk), held(desk)) == (13_000, 0)


def test_where_the_dearer_price_cannot_be_held_the_quota_ends_at_the_change():
    desk = desk_of(DATA_BY_OCTETS, balance(1, MONEY, 5000)).at("2026-06-10 07:30")
    grant = only(desk.initial(data(1000))).grant
    assert (grant.units, grant.is_final) == (1000, False)
    assert held(desk) == 3000
    assert (grant.validity_seconds, grant.tariff_change_at) == (1800, moment("2026-06-10 08:00"))
    desk.at("2026-06-10 08:00").update(reported(900, 0, 1000))
    assert spent(desk) == 2700
    assert granted(desk.decisions[-1]) == [(230, True)]


def test_a_cover_leaves_others_their_share_at_the_dearer_price_too():
    shared = rating_group(DATA, UnitType.VOLUME, max_session_share_percent=50)
    for money, cover in ((20_000, 10_000), (19_000, 3000)):
        desk = desk_of(shared, balance(1, MONEY, money)).at("2026-06-10 07:30")
        grant = only(desk.initial(data(1000))).grant
        assert (grant.units, held(desk)) == (1000, cover)
        assert (grant.validity_seconds == 1800) is (cover == 3000)


def test_what_is_free_now_is_granted_though_nothing_is_left_for_later():
    desk = desk_of(DATA_BY_OCTETS, balance(1, MONEY, 0), night=Price(0, 1)).at("2026-06-10 07:30")
    grant = only(desk.initial(data(1000))).grant
    assert (grant.units, grant.is_final, grant.validity_seconds) == (1000, False, 1800)
    assert outcomes(desk.at("2026-06-10 08:00").update(reported(1000, 0, 10))) == ["LIMIT_REACHED"]
    assert spent(desk) == 0


def test_a_quota_ends_at_the_change_no_sooner_than_after_a_minute():
    desk = desk_of(DATA_BY_OCTETS, balance(1, MONEY, 5000)).at("2026-06-10 07:59:30")
    grant = only(desk.initial(data(1000))).grant
    assert (grant.validity_seconds, grant.tariff_change_at) == (60, moment("2026-06-10 08:00"))
    desk.at("2026-06-10 08:00:30").update(reported(100, 20))
    assert spent(desk) == 300 + 200


def night_allowance(*balances: Balance) -> Clock:
    night = replace(allowance(OCTETS, DATA), restrictions=hours("mon-sun", "20:00-08:00"))
    offered = sold(night, by_hours(DATA, night=DAY), groups=(DATA_BY_OCTETS,))
    return Clock(offered, balance(1, MONEY, 10**9), *balances)


def test_where_other_balances_pay_afterwards_a_quota_ends_at_the_change():
    desk = night_allowance(balance(2, OCTETS, 5000)).at("2026-06-10 19:30")
    grant = only(desk.initial(data(1000))).grant
    assert (grant.validity_seconds, held(desk)) == (1800, 10_000)
    desk.at("2026-06-10 20:00").update(reported(800, 0, 1000))
    assert (spent(desk), held(desk)) == (8000, 0)
    assert desk.balance(2) == (0, 1000)


def test_where_other_balances_pay_within_the_last_minute_each_part_has_its_own():
    desk = night_allowance(balance(2, OCTETS, 5000)).at("2026-06-10 19:59:40")
    grant = only(desk.initial(data(1000))).grant
    assert (grant.validity_seconds, grant.tariff_change_at) == (60, moment("2026-06-10 20:00"))
    desk.at("2026-06-10 20:00:30").update(reported(700, 200))
    assert (spent(desk), held(desk), desk.balance(2)) == (7000, 0, (200, 0))


def test_of_volume_a_second_change_ends_the_quota():
    noon = Rate(Price(7, 1), "noon", hours("mon-sun", "12:00-12:30"))
    rates = (noon, Rate(DAY, "else"))
    service = Service("by hours", 1, frozenset({DATA}), (MONEY,), rates)
    desk = Clock(sold(service, groups=(DATA_BY_OCTETS,)), balance(1, MONEY, 10**9))
    grant = only(desk.at("2026-06-10 11:50").initial(data(1000))).grant
    assert (grant.validity_seconds, grant.tariff_change_at) == (2400, moment("2026-06-10 12:00"))
    desk.at("2026-06-10 12:30").update(reported(10, 20, 1000))
    assert spent(desk) == 100 + 140


def test_units_of_a_service_are_divided_as_volume_is():
    desk = desk_of(TEXT_EACH).at("2026-06-10 19:30")
    grant = only(desk.initial(ServiceUsage(TEXT, (), Units(service_specific=9)))).grant
    assert grant.tariff_change_at == moment("2026-06-10 20:00")
    parts = Units(service_specific=4), Units(service_specific=2)
    desk.at("2026-06-10 20:10").terminate(ServiceUsage(TEXT, (), None, parts, used_after=parts[1:]))
    assert (spent(desk), held(desk)) == (46, 0)


@pytest.mark.parametrize(
    ("opened_at", "ended_at", "seconds", "cost"),
    [
        ("2026-06-10 19:50", "2026-06-10 20:10", 1200, 600 * 10 + 600 * 3),
        ("2026-06-10 19:50", "2026-06-10 20:00", 600, 600 * 10),
        ("2026-06-10 19:50", "2026-06-10 20:00:01", 601, 600 * 10 + 3),
        ("2026-06-10 19:50", "2026-06-10 20:10", 100, 1000),
        ("2026-06-10 20:00", "2026-06-10 20:10", 600, 1800),
        ("2026-06-10 07:59:59", "2026-06-10 08:00:01", 2, 13),
    ],
)
def test_time_is_divided_where_the_price_changes(opened_at, ended_at, seconds, cost):
    desk = desk_of(VOICE_BY_SECONDS).at(opened_at)
    grant = only(desk.initial(talk(1800))).grant
    assert (grant.units, grant.tariff_change_at) == (1800, None)
    desk.at(ended_at).terminate(used(VOICE, seconds))
    assert (spent(desk), held(desk)) == (cost, 0)


def test_time_counts_on_from_the_last_answer():
    desk = desk_of(VOICE_BY_SECONDS).at("2026-06-10 19:40")
    desk.initial(talk(600))
    desk.at("2026-06-10 19:50").update(used(VOICE, 600, wanted=900))
    desk.at("2026-06-10 20:05").update(used(VOICE, 900, wanted=600))
    assert spent(desk) == 6000 + 600 * 10 + 300 * 3
    desk.at("2026-06-10 20:06").terminate(used(VOICE, 60))
    assert (spent(desk), held(desk)) == (6000 + 6000 + 900 + 180, 0)


def test_no_second_is_later_than_the_report_says():
    desk = desk_of(VOICE_BY_SECONDS).at("2026-06-10 19:50")
    desk.initial(talk(1800))
    said = moment("2026-06-10 19:59:58")
    desk.at("2026-06-10 20:10").terminate(used(VOICE, 900), event_at=said)
    assert spent(desk) == 9000


def test_no_second_is_later_than_its_report_comes_though_the_client_s_clock_is_ahead():
    desk = desk_of(VOICE_BY_SECONDS).at("2026-06-10 19:50")
    desk.initial(talk(1800))
    ahead = moment("2026-06-10 20:30")
    desk.at("2026-06-10 19:55").terminate(used(VOICE, 900), event_at=ahead)
    assert spent(desk) == 9000


def test_a_client_s_clock_behind_the_answer_moves_nothing():
    desk = desk_of(VOICE_BY_SECONDS).at("2026-06-10 20:00")
    desk.initial(talk(600))
    behind = moment("2026-06-10 19:59")
    desk.at("2026-06-10 20:05").terminate(used(VOICE, 300), event_at=behind)
    assert spent(desk) == 900


def test_a_call_over_many_changes_has_a_line_for_each():
    rates = (
        Rate(Price(7, 1), "noon", hours("mon-sun", "12:00-12:10")),
        Rate(DAY, "day", hours("mon-sun", "08:00-12:20")),
        Rate(NIGHT, "else"),
    )
    service = Service("by hours", 1, frozenset({VOICE}), (MONEY,), rates)
    desk = Clock(sold(service, groups=(VOICE_BY_MINUTES,)), balance(1, MONEY, 10**9))
    desk.at("2026-06-10 11:59:30").initial(talk(1800))
    assert held(desk) == 1980 * 10, "a minute more may begin at each of three changes"
    desk.at("2026-06-10 12:29:30").terminate(used(VOICE, 1800))
    # A minute, ten minutes, ten minutes and ten minutes, of which the first and last were begun.
    assert (spent(desk), held(desk)) == (60 * 10 + 600 * 7 + 600 * 10 + 600 * 3, 0)


def test_a_quota_of_time_covers_so_many_changes_and_no_more():
    odd = ",".join(f"12:{minute:02}-12:{minute + 1:02}" for minute in range(1, 59, 2))
    rates = (Rate(NIGHT, "odd", hours("mon-sun", odd)), Rate(DAY, "even"))
    service = Service("by minutes", 1, frozenset({VOICE}), (MONEY,), rates)
    desk = Clock(sold(service, groups=(VOICE_BY_SECONDS,)), balance(1, MONEY, 10**9))
    grant = only(desk.at("2026-06-10 12:00").initial(talk(1800))).grant
    assert grant.validity_seconds == 60 * (CHANGES_COVERED_MAX + 1)
    assert held(desk) == 18_000
    desk.at("2026-06-10 12:30").terminate(used(VOICE, 1800))
    assert (spent(desk), held(desk)) == (900 * 10 + 900 * 3, 0)


def test_time_above_its_quota_is_divided_too():
    desk = desk_of(VOICE_BY_SECONDS).at("2026-06-10 19:50")
    desk.initial(talk(300))
    assert held(desk) == 3000
    desk.at("2026-06-10 20:10").terminate(used(VOICE, 1200))
    assert (spent(desk), held(desk)) == (600 * 10 + 600 * 3, 0)


def test_what_nothing_pays_of_the_last_part_is_an_overrun():
    desk = desk_of(VOICE_BY_SECONDS, balance(1, MONEY, 6000)).at("2026-06-10 19:50")
    desk.initial(talk(600))
    assert held(desk) == 6000
    desk.at("2026-06-10 20:10").terminate(used(VOICE, 1200))
    (settlement,) = desk.settlements
    assert (settlement.overrun, settlement.shortfall) == (600, 0)
    assert (settlement.used, settlement.charged, settlement.overrun_amount) == (1200, 600, 1800)
    assert spent(desk) == 6000


def test_what_other_sessions_hold_pays_no_part():
    desk = desk_of(VOICE_BY_SECONDS, balance(1, MONEY, 10_000)).at("2026-06-10 07:50")
    desk.initial(talk(300), session=b"one")
    desk.initial(talk(2000), session=b"two")
    reserved = held(desk)
    desk.at("2026-06-10 08:10").terminate(used(VOICE, 1200), session=b"one")
    assert desk.case.balances[1].available == 0
    assert held(desk) == reserved - 900
    desk.terminate(session=b"two")
    assert held(desk) == 0


def test_what_an_ended_balance_held_pays_still():
    bonus = balance(1, BONUS, 10**6)._replace(valid_until=moment("2026-06-10 20:00"))
    offered = sold(by_hours(VOICE, types=(BONUS, MONEY)), groups=(VOICE_BY_SECONDS,))
    desk = Clock(offered, bonus, balance(2, MONEY, 10**6)).at("2026-06-10 19:50")
    desk.initial(talk(1800))
    desk.at("2026-06-10 20:10").terminate(used(VOICE, 1200))
    assert desk.balance(1) == (600 * 10 + 600 * 3, 0)
    assert desk.balance(2) == (0, 0)


def test_an_allowance_gives_all_it_has_to_the_first_part():
    offered = sold(allowance(SECONDS, VOICE), by_hours(VOICE), groups=(VOICE_BY_SECONDS,))
    desk = Clock(offered, balance(1, MONEY, 10**6), balance(2, SECONDS, 700))
    desk.at("2026-06-10 19:50").initial(talk(1800))
    desk.at("2026-06-10 20:10").terminate(used(VOICE, 1200))
    assert (desk.balance(1), desk.balance(2)) == ((500 * 3, 0), (700, 0))


def test_the_journal_keeps_what_paid_for_each_part():
    offered = sold(allowance(SECONDS, VOICE), by_hours(VOICE), groups=(VOICE_BY_SECONDS,))
    desk = Clock(offered, balance(1, MONEY, 10**6), balance(2, SECONDS, 500))
    desk.at("2026-06-10 19:50").initial(talk(1800))
    (edr,) = desk.at("2026-06-10 20:10").terminate(used(VOICE, 1200)).edrs
    assert edr.services[0].paid == (
        Payment(500, ((2, 500),), None),
        Payment(100, ((1, 1000),), DAY),
        Payment(600, ((1, 1800),), NIGHT),
    )
    assert payments_in(edr, desk.case) == [edr.services[0].paid]


def test_what_was_not_divided_is_paid_by_the_rest_of_the_postings():
    plain = Service("data", 1, frozenset({DATA}), (MONEY,), (Rate(Price(7, 1)),))
    offered = sold(plain, by_hours(VOICE), groups=(VOICE_BY_SECONDS, DATA_BY_OCTETS))
    desk = Clock(offered, balance(1, MONEY, 10**6))
    desk.at("2026-06-10 19:50").initial(talk(1800), data(1000))
    (edr,) = desk.at("2026-06-10 20:10").terminate(used(VOICE, 1200), used(DATA, 100)).edrs
    talked, loaded = payments_in(edr, desk.case)
    assert sum(amount for each in talked for _, amount in each.amounts) == 600 * 10 + 600 * 3
    assert loaded == (Payment(100, ((1, 700),), Price(700, 100)),)


@pytest.mark.parametrize("opened_at", ["2026-06-10 19:50", "2026-06-10 07:50"])
def test_money_is_not_divided(opened_at):
    desk = desk_of(VOICE_BY_SECONDS).at(opened_at)
    desk.initial(ServiceUsage(VOICE, (), Units(money=900)), currency=EUR)
    assert held(desk) == 900
    part = Units(money=400)
    desk.case = desk.case._replace(now=desk.case.now + 1200 * SECOND)
    usage = ServiceUsage(VOICE, (), None, (part, part), used_after=(part,))
    desk.terminate(usage, currency=EUR)
    assert (spent(desk), held(desk)) == (800, 0)


def test_money_for_what_is_denied_is_not_divided():
    denied = Service("denied", 0, frozenset({VOICE}), (), (), hours("mon", "08:00-20:00"), True)
    offered = sold(denied, groups=(VOICE_BY_SECONDS,))
    monday = moment("2026-06-15 12:00")
    sold_by_hours = tariffs_of(("demo",), VOICE, offered, at=monday)
    assert sold_by_hours[0].is_by_hours
    assert not tariffs_in_money(sold_by_hours, offered)[0].is_by_hours


def test_usage_of_a_quota_that_has_expired_is_divided():
    desk = desk_of(VOICE_BY_SECONDS).at("2026-06-10 19:50")
    desk.initial(talk(1800))
    desk.at("2026-06-10 22:30")
    decision = supervise(SessionKey(b"one"), desk.case)
    desk.case = desk.case.after(decision)
    desk.decisions.append(decision)
    desk.audit()
    assert held(desk) == 0
    desk.terminate(used(VOICE, 1200))
    assert (spent(desk), held(desk)) == (600 * 10 + 600 * 3, 0)


def test_usage_that_is_told_after_the_end_is_divided():
    desk = desk_of(VOICE_BY_SECONDS).at("2026-06-10 19:50")
    desk.initial(talk(1800))
    desk.at("2026-06-10 19:55").terminate(used(VOICE, 300))
    desk.at("2026-06-10 20:10").terminate(used(VOICE, 600))
    assert spent(desk) == 3000 + 300 * 10 + 300 * 3


def test_usage_without_a_quota_counts_on_from_the_latest_request():
    desk = desk_of(VOICE_BY_SECONDS).at("2026-06-10 19:50")
    desk.initial(data(1))
    desk.at("2026-06-10 20:10").update(used(VOICE, 1200))
    assert spent(desk) == 600 * 10 + 600 * 3


def test_time_that_was_charged_before_is_passed_over():
    desk = desk_of(VOICE_BY_SECONDS).at("2026-06-10 19:50")
    desk.initial(talk(1800))
    again = used(VOICE, 1200)._replace(counted=Units(seconds=300))
    desk.at("2026-06-10 20:10").terminate(again)
    assert spent(desk) == 300 * 10 + 600 * 3


def test_the_price_of_a_quota_stays_in_a_new_catalogue_and_changes_by_its_hours():
    desk = desk_of(VOICE_BY_SECONDS).at("2026-06-10 19:50")
    desk.initial(talk(1800))
    desk.offer(sold(by_hours(VOICE, Price(20, 1), Price(4, 1)), groups=(VOICE_BY_SECONDS,)))
    desk.at("2026-06-10 20:10").terminate(used(VOICE, 1200))
    assert (spent(desk), held(desk)) == (600 * 10 + 600 * 4, 0)


def test_what_is_not_sold_any_more_keeps_the_price_of_its_quota():
    desk = desk_of(VOICE_BY_SECONDS).at("2026-06-10 19:50")
    desk.initial(talk(1800))
    account = desk.case.accounts[1]._replace(plans=())
    desk.case = desk.case._replace(accounts={1: account})
    desk.at("2026-06-10 20:10").terminate(used(VOICE, 1200))
    assert (spent(desk), held(desk)) == (12_000, 0)


def test_a_rating_group_that_is_no_more_is_settled_by_its_line_whole():
    desk = desk_of(VOICE_BY_SECONDS).at("2026-06-10 19:50")
    desk.initial(talk(1800))
    desk.offer(sold(by_hours(VOICE), groups=()))
    desk.at("2026-06-10 20:10").terminate(used(VOICE, 1200))
    assert (spent(desk), held(desk)) == (12_000, 0)


def test_what_begins_is_charged_once_however_its_usage_is_divided():
    call = Price(10, 1, initial_micro_units=1000, minimum_units=60)
    desk = desk_of(VOICE_BY_SECONDS, day=call, night=replace(call, micro_units=3))
    desk.at("2026-06-10 19:59:50").initial(talk(1800))
    desk.at("2026-06-10 20:10").terminate(used(VOICE, 40))
    assert (spent(desk), held(desk)) == (1000 + 60 * 10 + 30 * 3, 0)


def test_what_begins_is_held_at_its_dearest_and_covers_any_split():
    day = Price(10, 1, 190_000, 0, 0)
    night = Price(3, 1, 0, 5000, 60)
    for opened_at in ("2026-06-10 19:59:50", "2026-06-10 07:59:50"):
        desk = desk_of(VOICE_BY_SECONDS, day=day, night=night).at(opened_at)
        desk.initial(talk(1800))
        reserved = held(desk)
        for seconds in (0, 1, 9, 10, 11, 60, 61, 1800):
            copy = Clock(desk.case.catalogue, *desk.opening.values())
            copy.case, copy.decisions, copy.numbers = desk.case, [*desk.decisions], {**desk.numbers}
            later = copy.case.now + 1800 * SECOND
            copy.case = copy.case._replace(now=later)
            copy.terminate(used(VOICE, seconds))
            assert copy.settlements[0].shortfall == 0
            assert spent(copy) <= reserved


@pytest.mark.parametrize(
    "zones", [("home", "night", "away", "away at night"), ("day", "night") * 2]
)
def test_what_was_granted_at_another_place_keeps_its_price(zones):
    """Another service has told of the new place; this one was granted before."""
    day = working_hours([("mon-sun", "08:00-20:00")])
    germany, france = parse_countries("DE"), parse_countries("FR")
    rates = (
        Rate(Price(10, 1), zones[0], Restrictions(from_countries=germany, hours=day)),
        Rate(Price(3, 1), zones[1], Restrictions(from_countries=germany)),
        Rate(Price(100, 1), zones[2], Restrictions(from_countries=france, hours=day)),
        Rate(Price(50, 1), zones[3], Restrictions(from_countries=france)),
    )
    service = Service("by place and hour", 1, frozenset({VOICE, DATA}), (MONEY,), rates)
    groups = (VOICE_BY_SECONDS, DATA_BY_OCTETS)
    desk = Clock(sold(service, groups=groups), balance(1, MONEY, 10**9)).at("2026-06-10 19:30")
    desk.initial(talk(3600), data(10), information=seen_in("26201", "DE"))
    desk.at("2026-06-10 19:40").update(reported(0, 0, 10), information=seen_in("20801", "FR"))
    desk.at("2026-06-10 20:30").update(used(VOICE, 3600))
    assert spent(desk) == 3600 * 10


def seen_in(network: str, country: str) -> ServiceInformation:
    source = LocationSource.USER_LOCATION
    return ServiceInformation((LocationReport(source, plmn=network, countries=(country,)),))


def test_services_of_one_rating_group_keep_their_quotas_across_a_change():
    desk = desk_of(DATA_BY_OCTETS).at("2026-06-10 19:30")
    one, two = (ServiceUsage(DATA, (name,), Units(octets=1000)) for name in (1, 2))
    desk.initial(one, two)
    assert held(desk) == 20_000
    desk.at("2026-06-10 20:10").update(reported(300, 100, 500)._replace(service_identifiers=(1,)))
    assert (spent(desk), held(desk)) == (3300, 10_000 + 1500)
    desk.terminate(reported(200, 700)._replace(service_identifiers=(2,)))
    assert (spent(desk), held(desk)) == (3300 + 2000 + 2100, 0)


def test_a_repeat_is_told_of_the_change_again():
    desk = desk_of(DATA_BY_OCTETS).at("2026-06-10 19:30")
    first = desk.initial(data(1000))
    desk.numbers[SessionKey(b"one")] -= 1
    again = desk.at("2026-06-10 19:31").initial(data(1000))
    assert again.edrs == ()
    assert only(again).grant == only(first).grant
    assert only(again).grant.tariff_change_at == moment("2026-06-10 20:00")


@pytest.mark.parametrize(
    ("account_zone", "tenant_zone", "cost"),
    [
        (None, "Europe/Berlin", 600 * 10 + 600 * 3),
        ("Europe/Berlin", "America/New_York", 600 * 10 + 600 * 3),
        ("America/New_York", "Europe/Berlin", 1200 * 10),
    ],
)
def test_hours_are_those_of_the_account_s_time_zone(account_zone, tenant_zone, cost):
    offered = sold(by_hours(VOICE), groups=(VOICE_BY_SECONDS,), zone=tenant_zone)
    desk = Clock(offered, balance(1, MONEY, 10**9)).at("2026-06-10 19:50", BERLIN)
    account = desk.case.accounts[1]._replace(time_zone=account_zone)
    desk.case = desk.case._replace(accounts={1: account})
    desk.initial(talk(1800))
    desk.at("2026-06-10 20:10", BERLIN).terminate(used(VOICE, 1200))
    assert (spent(desk), held(desk)) == (cost, 0)


EARLY = "00:00-02:30"
LORD_HOWE = "Australia/Lord_Howe"
CLOCKS_MOVED = [
    # The hour from 2 to 3 comes twice, and with it the cheaper half of each.
    ("Europe/Berlin", "2026-10-25 01:50", 0, 7200, [(2400, 10), (1800, 3), (1800, 10), (1200, 3)]),
    # It does not come: what would begin at half past 2 begins at 3.
    ("Europe/Berlin", "2026-03-29 01:50", 0, 1200, [(600, 10), (600, 3)]),
    # Half an hour comes twice: from 1:30 to 2:00.
    (LORD_HOWE, "2026-04-05 01:20", 0, 7200, [(6000, 10), (1200, 3)]),
    # Half an hour is left out: 2:00 is 2:30.
    (LORD_HOWE, "2026-10-04 01:50", 0, 1200, [(600, 10), (600, 3)]),
]


@pytest.mark.parametrize(("name", "opened_at", "fold", "seconds", "parts"), CLOCKS_MOVED)
def test_time_is_divided_by_the_clock_on_the_wall_when_it_is_moved(
    name, opened_at, fold, seconds, parts
):
    rates = (Rate(DAY, "early", hours("sun", EARLY)), Rate(NIGHT, "late"))
    service = Service("by hours", 1, frozenset({VOICE}), (MONEY,), rates)
    offered = sold(service, groups=(VOICE_BY_SECONDS,), zone=name)
    desk = Clock(offered, balance(1, MONEY, 10**9)).at(opened_at, ZoneInfo(name), fold)
    desk.initial(talk(7200))
    desk.case = desk.case._replace(now=desk.case.now + seconds * SECOND)
    desk.terminate(used(VOICE, seconds))
    assert sum(part for part, _ in parts) == seconds
    assert (spent(desk), held(desk)) == (sum(part * price for part, price in parts), 0)


def test_a_call_over_midnight_changes_with_the_day():
    rates = (Rate(DAY, "week", hours("mon-fri", "00:00-24:00")), Rate(NIGHT, "weekend"))
    service = Service("by days", 1, frozenset({VOICE}), (MONEY,), rates)
    desk = Clock(sold(service, groups=(VOICE_BY_SECONDS,)), balance(1, MONEY, 10**9))
    desk.at("2026-06-12 23:50").initial(talk(1800))
    desk.at("2026-06-13 00:20").terminate(used(VOICE, 1800))
    assert (spent(desk), held(desk)) == (600 * 10 + 1200 * 3, 0)


def test_a_call_into_a_holiday_changes_with_the_date():
    christmas = Restrictions(hours=working_hours([], [("12-25", "mon-sun", "00:00-24:00")]))
    rates = (Rate(NIGHT, "holiday", christmas), Rate(DAY, "else"))
    service = Service("by dates", 1, frozenset({VOICE}), (MONEY,), rates)
    desk = Clock(sold(service, groups=(VOICE_BY_SECONDS,)), balance(1, MONEY, 10**9))
    desk.at("2026-12-24 23:50").initial(talk(1800))
    desk.at("2026-12-25 00:20").terminate(used(VOICE, 1800))
    assert (spent(desk), held(desk)) == (600 * 10 + 1200 * 3, 0)


def test_where_nothing_is_sold_afterwards_a_quota_ends_there_and_keeps_its_price():
    day = replace(by_hours(VOICE, night=DAY), restrictions=hours("mon-sun", "08:00-20:00"))
    desk = Clock(sold(day, groups=(VOICE_BY_SECONDS,)), balance(1, MONEY, 10**9))
    grant = only(desk.at("2026-06-10 19:50").initial(talk(1800))).grant
    assert grant.validity_seconds == 600
    decision = desk.at("2026-06-10 20:00:10").update(used(VOICE, 610, wanted=60))
    assert only(decision).outcome is Outcome.SERVICE_DENIED
    assert (spent(desk), held(desk)) == (6100, 0)


def test_hours_of_which_the_price_does_not_depend_change_nothing():
    other = Service("bonus", 0, frozenset({DATA}), (MONEY,), (Rate(DAY),))
    late = replace(by_hours(DATA, night=DAY), name="late", restrictions=hours("mon", "08:00-20:00"))
    desk = Clock(sold(other, late, groups=(DATA_BY_OCTETS,)), balance(1, MONEY, 10**9))
    grant = only(desk.at("2026-06-15 19:30").initial(data(1000))).grant
    assert (grant.tariff_change_at, held(desk)) == (None, 10_000)


def test_a_plan_of_the_night_and_one_of_the_day_change_at_their_hours():
    night = Service(
        "night", 0, frozenset({VOICE}), (MONEY,), (Rate(NIGHT),), hours("mon-sun", "20:00-08:00")
    )
    day = Service("day", 0, frozenset({VOICE}), (MONEY,), (Rate(DAY),))
    offered = sold(groups=(VOICE_BY_SECONDS,))
    plans = {"n": Plan("n", 0, (night,), ()), "d": Plan("d", 1, (day,), ())}
    desk = Clock(replace(offered, plans=plans), balance(1, MONEY, 10**9))
    account = desk.case.accounts[1]._replace(plans=("n", "d"))
    desk.case = desk.case._replace(accounts={1: account})
    desk.at("2026-06-10 19:50").initial(talk(1800))
    desk.at("2026-06-10 20:10").terminate(used(VOICE, 1200))
    assert (spent(desk), held(desk)) == (600 * 10 + 600 * 3, 0)
