"""Circumstances are what a request says, with what its session and its tenant know."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.catalogue import Rate, Service
from diameter_ocs.charging.circumstances import CIRCUMSTANCES_REMEMBERED, circumstances_of
from diameter_ocs.charging.decisions import Outcome
from diameter_ocs.charging.information import (
    Direction,
    LocationReport,
    LocationSource,
    ServiceInformation,
)
from diameter_ocs.charging.location import NO_CIRCUMSTANCES, Circumstances, Location
from diameter_ocs.charging.requests import RequestType, SessionKey
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.charging.reversals import reverse_unclaimed
from diameter_ocs.charging.supervision import close_commanded, supervise
from tests.charging.scenario import (
    DATA,
    DATA_BY_KIBIBYTES,
    MONEY,
    TEXT,
    TEXT_EACH,
    VOICE,
    VOICE_BY_SECONDS,
    Desk,
    Price,
    balance,
    catalogue,
    priced,
    used,
    want,
)

OFFERED = replace(
    catalogue(priced(Price(1, 1), DATA, TEXT), groups=(DATA_BY_KIBIBYTES, TEXT_EACH)),
    carrier_code="D001",
    emergency_numbers=frozenset({"112"}),
)


def at(plmn: str, *countries: str) -> ServiceInformation:
    report = LocationReport(LocationSource.USER_LOCATION, plmn, countries=countries)
    return ServiceInformation((report,), apn="internet")


def call(called: str | None, **others: object) -> ServiceInformation:
    said = ServiceInformation(called=called, direction=Direction.ORIGINATING)
    return said._replace(**others)


HOME, ABROAD = at("26201", "DE"), at("20801", "FR")
THERE = Location(LocationSource.USER_LOCATION, "26201", ("DE",))


def test_what_was_said_of_places_is_kept_as_the_place_alone():
    found = circumstances_of(HOME, NO_CIRCUMSTANCES, OFFERED)
    assert found == Circumstances(THERE, HOME._replace(reports=()))


def test_what_is_not_said_any_more_still_holds():
    before = circumstances_of(
        call("4930", other_countries=("DE",), carrier="X", access="3GPP", rat_type=6),
        NO_CIRCUMSTANCES,
        OFFERED,
    )
    after = circumstances_of(ABROAD, before, OFFERED)
    assert after.information == before.information._replace(apn="internet")
    assert after.location.plmn == "20801"
    assert after.is_on_net is False


def test_who_communicates_with_whom_is_said_as_a_whole():
    said = call("4930", other_countries=("DE",), carrier="X", recipients=("4930", "4940"))
    before = circumstances_of(said, NO_CIRCUMSTANCES, OFFERED)
    after = circumstances_of(call("999"), before, OFFERED)
    assert after.information == call("999")


def test_the_size_of_a_message_is_that_message_s():
    before = circumstances_of(call("4930", message_octets=7), NO_CIRCUMSTANCES, OFFERED)
    assert circumstances_of(HOME, before, OFFERED).information.message_octets is None


@pytest.mark.parametrize(
    ("information", "on_net", "expected"),
    [
        (HOME, {"4930"}, None),
        (call("4930"), set(), False),
        (call("4930"), {"4930"}, True),
        (call("4930", carrier="D001"), set(), True),
        (call("4930", carrier="D002"), set(), False),
        (call("4930", calling="4940"), {"4940"}, False),
        (call("4930", calling="4940", direction=Direction.TERMINATING), {"4940"}, True),
    ],
)
def test_the_other_end_is_on_net_by_its_number_or_its_carrier(information, on_net, expected):
    found = circumstances_of(information, NO_CIRCUMSTANCES, OFFERED, on_net)
    assert found.is_on_net is expected


def test_no_carrier_is_not_the_tenant_s_that_has_none():
    offered = replace(OFFERED, carrier_code=None)
    assert circumstances_of(call("4930"), NO_CIRCUMSTANCES, offered).is_on_net is False


def test_the_other_end_stays_on_net_while_nobody_speaks_of_it():
    before = circumstances_of(call("4930"), NO_CIRCUMSTANCES, OFFERED, {"4930"})
    assert circumstances_of(HOME, before, OFFERED).is_on_net is True
    assert circumstances_of(call("4940"), before, OFFERED).is_on_net is False


@pytest.mark.parametrize("direction", Direction)
def test_the_other_end_stays_on_net_while_it_is_the_same(direction):
    said = call("4930", calling="4940", direction=direction)
    other = said.other_party
    assert other is not None
    before = circumstances_of(said, NO_CIRCUMSTANCES, OFFERED, {other})
    assert circumstances_of(said, before, OFFERED).is_on_net is True
    somebody_else = call("4931", calling="4941", direction=direction)
    assert circumstances_of(somebody_else, before, OFFERED).is_on_net is False


def test_a_call_within_the_net_costs_the_same_to_its_end():
    inside = Restrictions(is_on_net=True)
    rates = Rate(Price(1, 1), "inside", inside), Rate(Price(10, 1), "outside")
    calls = Service("calls", 1, frozenset({VOICE}), (MONEY,), rates)
    desk = Desk(catalogue(calls, groups=(VOICE_BY_SECONDS,)), balance(1, MONEY, 10**6))
    desk.case = desk.case._replace(on_net=frozenset({"4930"}))
    desk.initial(want(VOICE, 60), information=call("4930"))
    desk.case = desk.case._replace(on_net=frozenset())
    desk.update(used(VOICE, 60, wanted=60), information=call("4930"))
    desk.terminate(used(VOICE, 60), information=call("4930"))
    assert desk.balance(1) == (120, 0)


@pytest.mark.parametrize(
    ("recipients", "expected"), [(("4930", "4931"), False), (("4930", "4930"), True)]
)
@pytest.mark.parametrize("carrier", ["D001", None])
def test_a_message_to_several_is_off_net_for_nobody_asks_of_all(recipients, expected, carrier):
    said = call("4930", recipients=recipients, carrier=carrier)
    assert circumstances_of(said, NO_CIRCUMSTANCES, OFFERED, {"4930"}).is_on_net is expected


def test_who_turns_out_to_be_of_the_carrier_is_on_net():
    before = circumstances_of(call("4930"), NO_CIRCUMSTANCES, OFFERED)
    assert circumstances_of(call("4930", carrier="D001"), before, OFFERED).is_on_net is True


@pytest.mark.parametrize("recipients", [("112", "4930"), ("4930", "112")])
def test_a_message_for_help_may_go_to_others_too(recipients):
    said = call(recipients[0], recipients=recipients)
    found = circumstances_of(said, NO_CIRCUMSTANCES, OFFERED)
    assert found.information.is_emergency
    received = said._replace(direction=Direction.TERMINATING)
    assert not circumstances_of(received, NO_CIRCUMSTANCES, OFFERED).information.is_emergency


def test_who_calls_an_emergency_number_is_in_an_emergency_until_the_end():
    found = circumstances_of(call("112"), NO_CIRCUMSTANCES, OFFERED)
    assert found.information.is_emergency
    assert circumstances_of(HOME, found, OFFERED).information.is_emergency


def test_who_is_called_by_an_emergency_number_is_not():
    said = call("112", calling="4930", direction=Direction.TERMINATING)
    assert not circumstances_of(said, NO_CIRCUMSTANCES, OFFERED).information.is_emergency


def test_equal_circumstances_are_found_once_and_a_bounded_number_is_remembered():
    offered = replace(OFFERED, version=2)
    first = circumstances_of(at("26201", "DE"), NO_CIRCUMSTANCES, offered)
    assert circumstances_of(at("26201", "DE"), NO_CIRCUMSTANCES, offered) is first
    for number in range(CIRCUMSTANCES_REMEMBERED + 10):
        circumstances_of(call(str(number)), NO_CIRCUMSTANCES, offered)
    assert len(offered.circumstances) == CIRCUMSTANCES_REMEMBERED
    assert circumstances_of(at("26201", "DE"), NO_CIRCUMSTANCES, offered) == first


@pytest.fixture
def desk():
    return Desk(OFFERED, balance(1, MONEY, 10**9))


def places(desk: Desk) -> list[str | None]:
    return [edr.circumstances.location.plmn for each in desk.decisions for edr in each.edrs]


def test_every_edr_of_a_session_says_where_it_was(desk):
    desk.initial(want(DATA), information=HOME)
    desk.update(used(DATA, 10, wanted=10))
    desk.update(used(DATA, 10, wanted=10), information=ABROAD)
    assert desk.case.sessions[SessionKey(b"one")].circumstances.location.plmn == "20801"
    desk.terminate(used(DATA, 10))
    desk.update(used(DATA, 10))
    assert places(desk) == ["26201", "26201", "20801", "20801", "20801"]
    remembered = [each.edrs[0].circumstances.location.is_remembered for each in desk.decisions]
    assert remembered == [False, True, False, True, True]


def test_what_a_session_left_behind_says_where_it_was(desk):
    desk.initial(want(DATA), information=ABROAD)
    later = desk.case._replace(now=desk.case.now + 10**6 * 3 * 3600)
    released = supervise(SessionKey(b"one"), later)
    session = later.sessions[SessionKey(b"one")]
    closed = close_commanded(session, "root", later)
    for decision in (released, closed):
        (edr,) = decision.edrs
        assert edr.circumstances.location.plmn == "20801"
        assert edr.circumstances.information.apn == "internet"


def test_a_session_that_replaces_another_begins_where_its_request_says(desk):
    desk.initial(want(DATA), information=HOME)
    decision = desk.initial(want(DATA), request_number=9)
    places = [edr.circumstances.location.plmn for edr in decision.edrs]
    assert places == ["26201", None]


def test_an_event_stands_alone_though_others_had_its_name(desk):
    desk.event(want(TEXT, 1), information=call("4930", reports=HOME.reports))
    second = desk.event(want(TEXT, 1))
    assert places(desk) == ["26201", None]
    assert second.edrs[0].circumstances == NO_CIRCUMSTANCES


def test_an_event_in_a_session_is_where_the_session_was_and_changes_nothing_there(desk):
    desk.initial(want(DATA), information=HOME)
    before = desk.case.sessions[SessionKey(b"one")].circumstances
    decision = desk.event(want(TEXT, 1), session=b"one", information=call("4930"))
    assert decision.edrs[0].circumstances.location.plmn == "26201"
    assert decision.edrs[0].circumstances.information.apn is None
    assert decision.session.circumstances == before


def test_a_refused_event_and_a_reversed_one_say_where_they_were(desk):
    refused = desk.event(want(999, 1), information=HOME)
    assert refused.outcome is Outcome.RATING_FAILED
    desk.event(want(TEXT, 1), session=b"two", information=ABROAD)
    (edr,) = desk.decisions[-1].edrs
    request = desk.request(RequestType.EVENT, (), b"two")
    (reversal,) = reverse_unclaimed(request, edr.stored, desk.case).edrs
    assert [refused.edrs[0].circumstances.location.plmn, reversal.circumstances.location.plmn] == [
        "26201",
        "20801",
    ]


def test_a_request_whose_context_nobody_knows_says_where_it_was(desk):
    decision = desk.initial(want(DATA), service_context=None, information=HOME)
    assert decision.outcome is Outcome.RATING_FAILED
    assert places(desk) == ["26201"]
