"""`edr explain`: what is said of a decision, sentence by sentence."""

import asyncio

import pytest

from diameter_ocs.charging.announcements import Announcement
from diameter_ocs.charging.catalogue import Price
from diameter_ocs.charging.considered import Reason
from diameter_ocs.charging.decisions import (
    Charge,
    Edr,
    EdrKind,
    Grant,
    Outcome,
    Payment,
    ServiceRecord,
    Settlement,
    Told,
)
from diameter_ocs.charging.final_units import TERMINATE, AddressType, FinalUnit, FinalUnitAction
from diameter_ocs.charging.information import Direction, LocationSource, ServiceInformation
from diameter_ocs.charging.location import Circumstances, Location
from diameter_ocs.charging.progress import BALANCE_BLOCKED
from diameter_ocs.charging.units import UnitType
from diameter_ocs.cli.database import opened
from diameter_ocs.cli.edr_explain import (
    NOT_REFUNDED,
    OUTCOMES,
    REASONS,
    REFUSED_ALL_THE_SAME,
    Terms,
    explanation_json,
    explanation_text,
    percent_text,
    price_text,
)
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.explanation import explained
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.journal import ListedEdr
from diameter_ocs.store.work import PostgresStore
from tests.cli.conftest import Run
from tests.cli.test_sessions import SESSION_ID, session
from tests.handlers.catalogue_text import GOOD
from tests.store.scenario import charged, terminate, used

__all__ = ["session"]

CATALOGUE = build(
    read_document(
        GOOD + "      - {name: abroad, rating_groups: [0], rates: [{zone: EU, price: {amount: 0.5,"
        ' per: 1 min, initial_charge: 0.1, tax: 0.19}, when: {countries: "(FR,IT)"}}]}\n'
    ),
    3,
)
TERMS = Terms(CATALOGUE, lambda plmn: {"20801": ("Orange",)}.get(plmn, ()))
PARIS = Location(LocationSource.VLR_NUMBER, "20801", ("FR",), (LocationSource.USER_LOCATION,))
CALL = ServiceInformation(
    direction=Direction.ORIGINATING, called="4930123", other_countries=("DE",)
)
EVENT = Edr(
    number=7,
    at=1_800_000_000_000_000,
    account_id=5,
    kind=EdrKind.BILLING,
    action="event",
    outcome=Outcome.SUCCESS,
    postings=(),
    session_id=b"s;1",
    request_number=0,
    origin_host="ims.example.net",
    catalogue_version=3,
    circumstances=Circumstances(PARIS, CALL, False),
    considered="0:0.1c,0.2p0!",
)


def record(number: int = 0, **said: object) -> ServiceRecord:
    nothing = ServiceRecord(number, (), Outcome.SUCCESS, Settlement(), None)
    return nothing._replace(**said)


def said(edr: Edr, terms: Terms = TERMS) -> list[str]:
    why = explained(edr.considered, terms.catalogue)
    return explanation_text(ListedEdr(5, "alice", "acme", edr), why, terms).splitlines()


def test_an_event_is_explained_from_the_place_to_the_codes() -> None:
    granted = Grant(UnitType.TIME, 120, None, False)
    settled = Settlement(120, 120, 120, 1_309_000, 209_000)
    served = record(settlement=settled, grant=granted)
    assert said(EVENT._replace(services=(served,))) == [
        "Event of account alice of tenant acme by ims.example.net.",
        "Version 3 of the catalogue was in force.",
        "3GPP-User-Location-Info could not be read, or nobody knows the place: it was passed over.",
        "The subscriber was in FR, in network 208/01 (Orange): VLR-Number says so.",
        "The subscriber was connecting to 4930123 of DE, not of the tenant's own.",
        "",
        "Rating group 0 (Voice):",
        "  plan / paid is not for the country where the subscriber is.",
        "  plan / abroad may pay from money in zone EU: 0.50 EUR for 1 min and 0.10 EUR to begin"
        " with, plus 19 % tax; after it no other was asked.",
        "  2 min were reported.",
        "  Charged 2 min, in multiples of 1 min, with 1.309 EUR, of which 0.209 EUR are tax.",
        "  Served 2 min.",
        "",
        "Answered with Result-Code 2001 for the request, 2001 for rating group 0.",
    ]


def test_a_refund_says_of_what_it_was() -> None:
    charge = Charge(3, 1_799_999_999_000_000, 0)
    back = Payment(120, ((1, 1_309_000),), None, 0, charge)
    settled = Settlement(charged=-120, charged_amount=-1_309_000)
    refund = EVENT._replace(action="refund", considered=None)
    given = record(settlement=settled, paid=(back,))
    assert said(refund._replace(services=(given,)))[-5:] == [
        "Rating group 0 (Voice):",
        "  Gave back 2 min, with 1.309 EUR.",
        "  It had been charged by 5-1799999999000000-3.",
        "",
        "Answered with Result-Code 2001 for the request, 2001 for rating group 0.",
    ]
    for outcome, words in NOT_REFUNDED.items():
        assert f"  {words}" in said(refund._replace(services=(record(outcome=outcome),)))


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Told(has_enough=True), "There is enough for it."),
        (Told(has_enough=False), "There is not enough for it."),
        (Told(cost=80_000), "The answer says that the cost is 0.08 EUR."),
    ],
)
def test_what_the_answer_told_besides_is_said(told: Told, words: str) -> None:
    assert words in said(EVENT._replace(action="check balance", told=told))


def test_a_refusal_says_why_and_what_callers_hear() -> None:
    announcement = Announcement(1001, language="de")
    refused = record(outcome=Outcome.LIMIT_REACHED, announcements=(announcement,))
    lines = said(EVENT._replace(outcome=Outcome.LIMIT_REACHED, services=(refused,)))
    assert "  Refused: what may pay for it has nothing left." in lines
    assert "  Callers hear announcement 1001 in de." in lines
    assert lines[-1] == "Answered with Result-Code 4012 for the request, 4012 for rating group 0."


def test_a_refusal_though_something_could_pay_is_not_put_down_to_the_plans() -> None:
    refused = EVENT._replace(
        outcome=Outcome.SERVICE_DENIED, services=(record(outcome=Outcome.SERVICE_DENIED),)
    )
    assert f"  {REFUSED_ALL_THE_SAME}" in said(refused)
    unsold = refused._replace(considered="0:0.1c")
    assert f"  {OUTCOMES[Outcome.SERVICE_DENIED]}" in said(unsold)
    assert f"  {REFUSED_ALL_THE_SAME}" not in said(unsold)


def test_a_refusal_since_balances_are_blocked_says_what_shows_why() -> None:
    denied = EVENT._replace(services=(record(outcome=Outcome.SERVICE_DENIED),))
    words = "What could pay was blocked by a counter: `counter list alice`."
    assert words in said(denied._replace(reason=BALANCE_BLOCKED))
    assert words not in said(denied)


def test_an_answer_to_a_termination_speaks_of_no_service() -> None:
    settled = record(settlement=Settlement(60, 60, 60, 1_000, 0))
    edr = EVENT._replace(action="terminate", considered=None, services=(settled,))
    assert said(edr)[-1] == "Answered with Result-Code 2001 for the request."
    assert explanation_json(edr, explained(None, CATALOGUE), {})["service_result_codes"] == []


def test_an_unknown_place_has_its_codes_at_both_levels() -> None:
    refused = record(outcome=Outcome.LOCATION_UNKNOWN)
    nowhere = Circumstances(Location(skipped=(LocationSource.USER_LOCATION,)))
    edr = EVENT._replace(
        outcome=Outcome.LOCATION_UNKNOWN,
        services=(refused,),
        circumstances=nowhere,
        considered="0:0.1l,0.2l",
    )
    lines = said(edr)
    assert "Nobody says where the subscriber was." in lines
    assert "  plan / abroad is sold by place, and nobody says where the subscriber is." in lines
    assert lines[-1] == "Answered with Result-Code 5004 for the request, 4010 for rating group 0."


def test_an_update_says_what_was_used_and_what_may_be() -> None:
    settled = Settlement(
        reported=2**44, used=10 * 2**40, charged=2**30, overrun=2**20, overrun_amount=1, shortfall=5
    )
    quota = Grant(UnitType.VOLUME, 2**20, 3600, True, True, final_unit=TERMINATE)
    data = record(300, settlement=settled, grant=quota, announcements=(
        Announcement(1, seconds_before_end=0), Announcement(2, seconds_before_end=30),
    ))  # fmt: skip
    edr = EVENT._replace(
        kind=EdrKind.CHARGING, action="update", request_number=4, services=(data,),
        considered="300:0.0p,0.1d!~",
        circumstances=Circumstances(PARIS._replace(is_remembered=True, skipped=())),
    )  # fmt: skip
    assert said(edr, TERMS._replace(reserved_by={300: "5-1-2"})) == [
        "Update 4 of account alice of tenant acme by ims.example.net.",
        "Version 3 of the catalogue was in force.",
        "The subscriber was in FR, in network 208/01 (Orange): VLR-Number said so earlier in the"
        " session.",
        "What was used is priced as it was reserved, what is granted as things are now.",
        "",
        "Rating group 300 (Data):",
        "  plan / included may pay from data.",
        "  plan / paid is there to refuse it; after it no other was asked.",
        "  16 TiB were reported, priced as reserved by 5-1-2.",
        "  No request may report so much: 10 TiB count.",
        "  Charged 1 GiB, in multiples of 1 KiB.",
        "  1 MiB above the grant, worth 0.000001 EUR, were paid by nothing.",
        "  5 B of the grant nothing had covered.",
        "  Granted 1 MiB for 3600 s, the last, for nothing can pay after it: the service ends;"
        " elsewhere it may be paid otherwise.",
        "  Callers hear announcement 1, at the quota's end.",
        "  Callers hear announcement 2, 30 s before the quota's end.",
        "",
        "More services were looked at than the EDR keeps; with `explain_in_full` in the",
        "settings of the catalogue it keeps all of them.",
        "",
        "Answered with Result-Code 2001 for the request, 2001 for rating group 300.",
    ]


def test_usage_at_several_prices_is_told_apart() -> None:
    paid = (
        Payment(1024, ((1, 1024),), None),
        Payment(2048, ((2, 20_000),), Price(10_000, 1024)),
        Payment(1024, ((2, 3000),), Price(3000, 1024)),
    )
    settled = Settlement(4096, 4096, 4096, charged_amount=23_000)
    change_at = 1_781_121_600_000_000
    quota = Grant(UnitType.VOLUME, 2**20, 3600, False, tariff_change_at=change_at)
    data = record(300, settlement=settled, grant=quota)._replace(paid=paid)
    edr = EVENT._replace(kind=EdrKind.CHARGING, action="update", request_number=4, services=(data,))
    lines = said(edr, TERMS)
    begin = next(at for at, line in enumerate(lines) if line.startswith("  Charged"))
    assert lines[begin : begin + 5] == [
        "  Charged 4 KiB, in multiples of 1 KiB, with 0.023 EUR.",
        "  Of these 1 KiB by allowances.",
        "  Of these 2 KiB at 0.01 EUR for 1 KiB: 0.02 EUR.",
        "  Of these 1 KiB at 0.003 EUR for 1 KiB: 0.003 EUR.",
        "  Granted 1 MiB for 3600 s; the price changes at 2026-06-10T20:00:00.000000Z.",
    ]


def test_what_a_newer_program_wrote_is_told() -> None:
    lines = said(EVENT._replace(considered="0:new"))
    assert "Which services were looked at was written by a newer program: ask that one." in lines


def test_an_emergency_and_a_group_without_services_are_said() -> None:
    information = CALL._replace(is_emergency=True, called="112", other_countries=())
    emergency = EVENT._replace(
        considered="0:e 300:", circumstances=Circumstances(PARIS, information)
    )
    lines = said(emergency)
    assert "It was an emergency." in lines
    assert "The subscriber was connecting to 112." in lines
    assert "  An emergency is served for nothing, whatever the account has." in lines
    assert "  No plan that the account has now sells it." in lines


def test_a_command_was_not_rated() -> None:
    command = Edr(2, 5, 5, EdrKind.ACCOUNT, "suspend account", Outcome.SUCCESS, (), actor="root")
    assert said(command) == [
        "Suspend account of account alice of tenant acme.",
        "It was done by root: nothing was rated.",
    ]


def test_what_nobody_asked_has_no_codes() -> None:
    released = EVENT._replace(action="release", reason="reservation_expired", considered=None)
    lines = said(released)
    assert lines[0].endswith("by ims.example.net (reservation expired).")
    assert not any("Result-Code" in line for line in lines)
    described = explanation_json(released, explained(None, CATALOGUE), {})
    assert (described["result_code"], described["service_result_codes"]) == (None, [])


def test_a_catalogue_that_cannot_be_read_is_no_hindrance() -> None:
    unread = Terms(None, lambda plmn: ())
    lines = said(EVENT._replace(services=(record(settlement=Settlement(5, 5, 5)),)), unread)
    assert lines[1] == "Version 3 of the catalogue was in force, which cannot be read."
    assert "  ? / ? may pay; after it no other was asked." in lines
    assert "  Charged 5." in lines


def test_the_json_has_names_prices_and_codes() -> None:
    edr = EVENT._replace(services=(record(outcome=Outcome.LIMIT_REACHED),))
    described = explanation_json(edr, explained(edr.considered, CATALOGUE), {0: "5-1-2"})
    assert (described["result_code"], described["service_result_codes"]) == (2001, [4012])
    assert described["reserved_by"] == [{"rating_group": 0, "edr": "5-1-2"}]
    (group,) = described["considered"]
    assert [each["reason"] for each in group["services"]] == ["COUNTRY", "PAYS"]
    assert group["services"][1] == {
        "plan": "plan",
        "service": "abroad",
        "reason": "PAYS",
        "unmet": None,
        "ends_search": True,
        "balance_types": ["money"],
        "zone": "EU",
        "price": {
            "micro_units": 500_000,
            "per_units": 60,
            "tax_millionths": 190_000,
            "initial_micro_units": 100_000,
            "minimum_units": 0,
        },
    }


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (Price(0, 1), "free"),
        (Price(10_000, 2**20), "0.01 EUR for 1 MiB"),
        (Price(0, 1, 0, 500_000), "0.00 EUR for 1 B and 0.50 EUR to begin with"),
        (Price(10_000, 1, 75_000, 0, 2048), "0.01 EUR for 1 B, 2 KiB at least, plus 7.5 % tax"),
    ],
)
def test_a_price_is_said(price: Price, text: str) -> None:
    assert price_text(price, TERMS, 300) == text


def test_percentages_are_short() -> None:
    fractions = [190_000, 75_000, 1_000_000, 10_000_000, 1]
    assert [percent_text(each) for each in fractions] == [
        "19 %", "7.5 %", "100 %", "1000 %", "0.0001 %",
    ]  # fmt: skip


def test_every_reason_and_every_outcome_has_words() -> None:
    assert set(REASONS) == set(Reason)
    assert set(OUTCOMES) == set(Outcome)


def test_the_command_explains_what_a_server_has_decided(shop: Run, session: str) -> None:
    (edr,) = shop("edr", "list", "--session", SESSION_ID, "--json").json
    lines = shop("edr", "explain", edr["edr"]).out.splitlines()
    assert "Nobody says where the subscriber was." in lines
    assert "  basic / data may pay from data." in lines
    assert any(line.startswith("  Granted 10 MiB for ") for line in lines)
    assert lines[-1] == "Answered with Result-Code 2001 for the request, 2001 for rating group 300."
    described = shop("edr", "explain", edr["edr"], "--json").json
    assert described.items() >= edr.items()
    assert (described["result_code"], described["service_result_codes"]) == (2001, [2001])


def test_usage_is_explained_by_what_reserved_it(shop: Run, session: str, database: str) -> None:
    async def use() -> None:
        async with opened(database) as rooms:
            store = PostgresStore(rooms.database, Catalogues(read_stored))
            group = int(session.partition("-")[0])
            usages = (used(5),)
            await charged(store, (group, terminate(1, SESSION_ID.encode(), usages=usages)))

    asyncio.run(use())
    last, first = shop("edr", "list", "--session", SESSION_ID, "--json").json
    lines = shop("edr", "explain", last["edr"]).out.splitlines()
    assert f"  5 B were reported, priced as reserved by {first['edr']}." in lines
    described = shop("edr", "explain", last["edr"], "--json").json
    assert described["reserved_by"] == [{"rating_group": 300, "edr": first["edr"]}]
    assert shop("edr", "explain", first["edr"], "--json").json["reserved_by"] == []


def test_the_command_explains_an_edr(shop: Run) -> None:
    (created,) = shop("edr", "list", "--account", "alice", "--json").json
    ended = shop("edr", "explain", created["edr"])
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith("Create account of account alice of tenant acme.\n")
    described = shop("edr", "explain", created["edr"], "--json").json
    assert (described["edr"], described["considered"]) == (created["edr"], [])
    assert shop("edr", "explain", "1-2-3", "--json").json["error"]["code"] == "edr_unknown"


FILTERS = ("permit in ip from any to any",), ("pay",)
REDIRECTED = FinalUnit(FinalUnitAction.REDIRECT, AddressType.URL, "https://pay", *FILTERS)
RESTRICTED = FinalUnit(FinalUnitAction.RESTRICT_ACCESS, None, "", *FILTERS)


@pytest.mark.parametrize(
    ("units", "final_unit", "text"),
    [
        (60, TERMINATE, "Granted 1 min for 600 s, the last, for nothing can pay after it: the"
         " service ends."),
        (60, None, "Granted 1 min for 600 s, the last, for nothing can pay after it: the gateway is"
         " not told."),
        (0, REDIRECTED, "Nothing is left: users are redirected to https://pay, and may"
         " use what filters permit (permit in ip from any to any, pay); the gateway asks again"
         " after 600 s."),
        (0, RESTRICTED, "Nothing is left: only what filters permit goes on (permit in ip from any"
         " to any, pay); the gateway asks again after 600 s."),
    ],
)  # fmt: skip
def test_what_follows_the_last_units_is_said(
    units: int, final_unit: FinalUnit | None, text: str
) -> None:
    grant = Grant(UnitType.TIME, units, 600, True, final_unit=final_unit)
    assert f"  {text}" in said(EVENT._replace(services=(record(grant=grant),)))


def test_a_report_while_it_goes_on_is_said() -> None:
    grant = Grant(UnitType.TIME, 0, 600, False)
    lines = said(EVENT._replace(services=(record(grant=grant),)))
    assert "  It goes on so: the gateway asks again after 600 s." in lines
