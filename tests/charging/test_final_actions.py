"""What follows the last units: a table of actions, of what is asked, and of what comes back."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.announcements import Announcement, AnnouncementKey
from diameter_ocs.charging.case import Account
from diameter_ocs.charging.catalogue import Catalogue, RatingGroup
from diameter_ocs.charging.decisions import Decision, Novelty, Outcome
from diameter_ocs.charging.expressions import parse_countries
from diameter_ocs.charging.final_actions import FILLED_IN_LENGTH_MAX
from diameter_ocs.charging.final_units import (
    TERMINATE,
    AddressType,
    FinalUnit,
    FinalUnitAction,
    FinalUnitHandling,
    RedirectServer,
)
from diameter_ocs.charging.hours import working_hours
from diameter_ocs.charging.information import LocationReport, LocationSource, ServiceInformation
from diameter_ocs.charging.requests import Identity, IdentityKind, ServiceUsage, SessionKey
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.charging.supervision import supervise
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    ALICE,
    BOB,
    DATA,
    OCTETS,
    VIDEO,
    VOICE,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    only,
    outcomes,
    rating_group,
    used,
    want,
)

SECOND = 1_000_000
URL = "https://pay.example/"
RULE = "permit out ip from 192.0.2.1 to any"
ACTIONS = FinalUnitAction
TERMINATES = FinalUnitHandling()
TELLS_NOTHING = FinalUnitHandling(None)
REDIRECTS = FinalUnitHandling(ACTIONS.REDIRECT, (RedirectServer(AddressType.URL, URL),))
RESTRICTS = FinalUnitHandling(ACTIONS.RESTRICT_ACCESS, (), (RULE,), ("garden",))
REDIRECTED = FinalUnit(ACTIONS.REDIRECT, AddressType.URL, URL)
RESTRICTED = FinalUnit(ACTIONS.RESTRICT_ACCESS, None, "", (RULE,), ("garden",))

SILENT = ServiceUsage(DATA)
"""It neither reports nor asks."""


def data(handling: FinalUnitHandling, number: int = DATA, **others: object) -> RatingGroup:
    return replace(rating_group(number, UnitType.VOLUME), final_unit=handling, **others)


def offering(*groups: RatingGroup) -> Catalogue:
    return catalogue(allowance(OCTETS, *[group.id for group in groups]), groups=groups)


def desk(handling: FinalUnitHandling, octets: int = 300, **others: object) -> Desk:
    return Desk(offering(data(handling, **others)), balance(1, OCTETS, octets))


def told(decision: Decision) -> FinalUnit | None:
    grant = only(decision).grant
    return None if grant is None else grant.final_unit


def validity(decision: Decision) -> int | None:
    grant = only(decision).grant
    return None if grant is None else grant.validity_seconds


def is_for_minutes(decision: Decision) -> bool:
    seconds = validity(decision)
    return seconds is not None and 300 <= seconds <= 330


HANDLINGS = [
    (TERMINATES, TERMINATE),
    (TELLS_NOTHING, None),
    (REDIRECTS, REDIRECTED),
    (RESTRICTS, RESTRICTED),
]
RUNNING = HANDLINGS[2:]
OTHERS = HANDLINGS[:2]


@pytest.mark.parametrize(("handling", "final_unit"), HANDLINGS)
def test_last_quota_comes_with_what_follows_it(
    handling: FinalUnitHandling, final_unit: FinalUnit | None
) -> None:
    decision = desk(handling).initial(want(DATA, 300))
    assert granted(decision) == [(300, True)]
    assert told(decision) == final_unit
    assert is_for_minutes(decision)


@pytest.mark.parametrize(("handling", "final_unit"), HANDLINGS)
def test_quota_that_more_can_follow_tells_of_no_end(
    handling: FinalUnitHandling, final_unit: FinalUnit | None
) -> None:
    decision = desk(handling).initial(want(DATA, 299))
    assert granted(decision) == [(299, False)]
    assert told(decision) is None


@pytest.mark.parametrize(("handling", "final_unit"), OTHERS)
def test_nothing_left_is_refused(handling: FinalUnitHandling, final_unit: FinalUnit | None) -> None:
    opened = desk(handling, 0)
    for decision in (opened.initial(want(DATA, 10)), opened.update(want(DATA, 10))):
        assert outcomes(decision) == ["LIMIT_REACHED"]
        assert only(decision).grant is None
    assert outcomes(opened.update(SILENT)) == ["SUCCESS"]
    assert only(opened.update(SILENT)).grant is None


@pytest.mark.parametrize(("handling", "final_unit"), RUNNING)
@pytest.mark.parametrize("is_first", [True, False])
def test_nothing_left_begins_the_action_at_once(
    handling: FinalUnitHandling, final_unit: FinalUnit, is_first: bool
) -> None:
    opened = desk(handling, 0)
    decision = opened.initial(want(DATA, 10)) if is_first else opened.initial()
    if not is_first:
        decision = opened.update(want(DATA, 10))
    assert decision.outcome is Outcome.SUCCESS
    assert outcomes(decision) == ["SUCCESS"]
    assert granted(decision) == [(0, True)]
    assert told(decision) == final_unit
    assert is_for_minutes(decision)
    assert opened.balance(1) == (0, 0)


@pytest.mark.parametrize(("handling", "final_unit"), RUNNING)
def test_report_that_it_has_begun_is_answered_with_how_long_it_lasts(
    handling: FinalUnitHandling, final_unit: FinalUnit
) -> None:
    opened = desk(handling)
    opened.initial(want(DATA, 300))
    for octets in (300, 0, 0):
        decision = opened.update(used(DATA, octets))
        assert outcomes(decision) == ["SUCCESS"]
        assert granted(decision) == [(0, False)]
        assert told(decision) is None
        assert is_for_minutes(decision)
        assert opened.balance(1) == (300, 0)


@pytest.mark.parametrize(("handling", "final_unit"), OTHERS)
def test_report_alone_is_only_settled_where_nothing_goes_on(
    handling: FinalUnitHandling, final_unit: FinalUnit | None
) -> None:
    opened = desk(handling)
    opened.initial(want(DATA, 300))
    decision = opened.update(used(DATA, 300))
    assert outcomes(decision) == ["SUCCESS"]
    assert only(decision).grant is None


def test_report_alone_is_only_settled_where_more_can_follow() -> None:
    opened = desk(REDIRECTS)
    opened.initial(want(DATA, 200))
    assert only(opened.update(used(DATA, 200))).grant is None


@pytest.mark.parametrize(("handling", "final_unit"), RUNNING)
def test_quota_that_is_given_back_ends_it(
    handling: FinalUnitHandling, final_unit: FinalUnit
) -> None:
    opened = desk(handling)
    opened.initial(want(DATA, 300))
    decision = opened.update(used(DATA, 100)._replace(is_quota_returned=True))
    assert only(decision).grant is None
    assert only(opened.update(SILENT)).grant is None
    assert opened.balance(1) == (100, 0)


@pytest.mark.parametrize(("handling", "final_unit"), RUNNING)
def test_action_is_told_again_when_its_time_is_over(
    handling: FinalUnitHandling, final_unit: FinalUnit
) -> None:
    opened = desk(handling)
    opened.initial(want(DATA, 300))
    opened.update(used(DATA, 300))
    for usage in (SILENT, want(DATA, 50), used(DATA, 0, wanted=50), SILENT):
        decision = opened.update(usage)
        assert granted(decision) == [(0, True)]
        assert told(decision) == final_unit
        assert is_for_minutes(decision)


@pytest.mark.parametrize(("handling", "final_unit"), RUNNING)
@pytest.mark.parametrize(
    ("usage", "units"), [(SILENT, 100), (want(DATA), 100), (want(DATA, 70), 70)]
)
def test_what_comes_back_is_granted_when_it_is_asked_for(
    handling: FinalUnitHandling, final_unit: FinalUnit, usage: ServiceUsage, units: int
) -> None:
    opened = desk(handling, 0)
    opened.initial(want(DATA, 10))
    opened.credit(1, 1000)
    report = opened.update(used(DATA, 0))
    assert granted(report) == [(0, False)], "who only reports asks for nothing"
    decision = opened.update(usage)
    assert granted(decision) == [(units, False)]
    assert told(decision) is None
    assert opened.balance(1) == (0, units)
    assert only(opened.update(used(DATA, units))).grant is None, "it does not go on any more"
    assert only(opened.update(SILENT)).grant is None


def test_what_is_used_meanwhile_is_paid_by_what_came_back() -> None:
    opened = desk(REDIRECTS, 0)
    opened.initial(want(DATA, 10))
    opened.credit(1, 1000)
    opened.update(used(DATA, 30))
    assert opened.balance(1) == (30, 0)
    assert granted(opened.update(SILENT)) == [(100, False)]


def test_who_still_has_a_quota_must_say_what_was_used_of_it() -> None:
    opened = desk(REDIRECTS)
    opened.initial(want(DATA, 300))
    assert only(opened.update(SILENT)).grant is None
    assert opened.balance(1) == (0, 300)


def test_it_goes_on_though_its_quota_was_taken_back() -> None:
    opened = desk(REDIRECTS)
    opened.initial(want(DATA, 300))
    opened.case = opened.case._replace(now=opened.case.now + 3 * 3600 * SECOND)
    decision = supervise(SessionKey(b"one"), opened.case)
    assert decision is not None
    opened.decisions.append(decision)
    opened.case = opened.case.after(decision)
    assert opened.balance(1) == (0, 0)
    assert granted(opened.update(used(DATA, 0))) == [(0, False)]
    decision = opened.update(SILENT)
    assert granted(decision) == [(100, False)]


def test_it_goes_on_for_as_long_as_the_session_is_heard_of() -> None:
    opened = desk(REDIRECTS, 0)
    opened.initial(want(DATA, 10))
    for _ in range(60):
        opened.case = opened.case._replace(now=opened.case.now + 3600 * SECOND)
        decision = supervise(SessionKey(b"one"), opened.case)
        assert decision is not None
        assert not decision.edrs
        opened.case = opened.case.after(decision)
        assert told(opened.update(SILENT)) == REDIRECTED


def test_end_of_the_session_is_the_end_of_it() -> None:
    opened = desk(REDIRECTS, 0)
    opened.initial(want(DATA, 10))
    assert opened.terminate(used(DATA, 0)).outcome is Outcome.SUCCESS
    assert not opened.case.sessions
    assert opened.update(SILENT).outcome is Outcome.SESSION_UNKNOWN


@pytest.mark.parametrize("plans", [(), ("demo",)])
def test_denial_says_nothing_of_units(plans: tuple[str, ...]) -> None:
    offered = offering(data(REDIRECTS))
    if plans:
        offered = replace(offered, plans={})
    opened = Desk(offered, balance(1, OCTETS, 0), accounts={ALICE: Account(1, "alice", plans)})
    for decision in (opened.initial(want(DATA, 10)), opened.update(want(DATA, 10))):
        assert outcomes(decision) == ["SERVICE_DENIED"]
        assert only(decision).grant is None


def test_suspended_account_is_denied_while_it_goes_on() -> None:
    opened = desk(REDIRECTS, 0)
    opened.initial(want(DATA, 10))
    opened.case = opened.case._replace(is_tenant_suspended=True)
    assert only(opened.update(used(DATA, 0))).grant is None
    assert outcomes(opened.update(want(DATA, 10))) == ["SERVICE_DENIED"]


def test_units_at_command_level_end_no_session() -> None:
    opened = desk(REDIRECTS, 0)
    decision = opened.initial(want(None, 10), is_its_service=True)
    assert decision.outcome is Outcome.SUCCESS
    assert told(decision) == REDIRECTED
    assert opened.case.sessions
    assert desk(TERMINATES, 0).initial(want(None, 10), is_its_service=True).session is None


def test_it_is_no_refusal_that_could_be_the_commands() -> None:
    opened = desk(REDIRECTS, 0, mirrors_result_code=True)
    assert opened.initial(want(DATA, 10)).outcome is Outcome.SUCCESS
    refused = desk(TELLS_NOTHING, 0, mirrors_result_code=True)
    assert refused.initial(want(DATA, 10)).outcome is Outcome.LIMIT_REACHED


def test_refusal_of_another_service_does_not_end_it() -> None:
    groups = data(REDIRECTS), data(TERMINATES, VIDEO, mirrors_result_code=True)
    opened = Desk(offering(*groups), balance(1, OCTETS, 0))
    opened.initial(want(DATA, 10))
    decision = opened.update(want(VIDEO, 10))
    assert outcomes(decision) == ["LIMIT_REACHED"]
    assert decision.outcome is Outcome.SUCCESS
    assert opened.case.sessions


def test_repeat_is_told_the_same() -> None:
    opened = desk(REDIRECTS, 0)
    first = opened.initial(want(DATA, 10), end_to_end_id=7)
    number = first.edrs[0].session_number
    assert number is not None
    opened.case = opened.case._replace(answered={number: first.edrs})
    again = opened.initial(want(DATA, 10), end_to_end_id=7, request_number=0)
    assert again.novelty is Novelty.REPEATED
    assert only(again).grant == only(first).grant


def at(country: str) -> ServiceInformation:
    report = LocationReport(LocationSource.USER_LOCATION, None, countries=(country,))
    return ServiceInformation((report,))


def server(address: str, **restrictions: object) -> RedirectServer:
    held = Restrictions(**restrictions) if restrictions else None
    return RedirectServer(AddressType.URL, address, held)


SERVERS = FinalUnitHandling(
    ACTIONS.REDIRECT,
    (
        server("https://de", from_countries=parse_countries("DE")),
        server("https://known", from_countries=parse_countries("*")),
        server("https://work", hours=working_hours([("mon-fri", "08:00-18:00")])),
    ),
    (RULE,),
)
TUESDAY_NOON = 1_700_568_000 * SECOND


@pytest.mark.parametrize(
    ("place", "at_noon", "address"),
    [
        ("DE", True, "https://de"),
        ("US", True, "https://known"),
        (None, True, "https://work"),
        (None, False, None),
    ],
)
def test_first_server_that_takes_the_user_counts(
    place: str | None, at_noon: bool, address: str | None
) -> None:
    opened = desk(SERVERS, 5)
    now = TUESDAY_NOON if at_noon else TUESDAY_NOON + 12 * 3600 * SECOND
    opened.case = opened.case._replace(now=now)
    information = ServiceInformation() if place is None else at(place)
    found = told(opened.initial(want(DATA, 5), information=information))
    expected = FinalUnit(ACTIONS.REDIRECT, AddressType.URL, address or "", (RULE,))
    assert found == (TERMINATE if address is None else expected)
    decision = opened.update(used(DATA, 5, wanted=5), information=information)
    assert outcomes(decision) == ["LIMIT_REACHED" if address is None else "SUCCESS"]


def test_hours_are_those_of_the_account() -> None:
    offered = offering(data(SERVERS))
    account = Account(1, "alice", ("demo",), time_zone="-10:00")
    opened = Desk(offered, balance(1, OCTETS, 0), accounts={ALICE: account})
    opened.case = opened.case._replace(now=TUESDAY_NOON)
    assert outcomes(opened.initial(want(DATA, 5))) == ["LIMIT_REACHED"]


@pytest.mark.parametrize(
    ("address", "filled"),
    [
        ("https://pay/{msisdn}?i={imsi}", "https://pay/4915112?i=001010000000001"),
        ("https://pay/{account}", "https://pay/Al%20%2F%3F%26ice%C3%A9"),
        ("https://{rating_group}/{session_id}", "https://300/pgw%3B1%2F2%26"),
        ("sip:{msisdn}@pay", "sip:4915112@pay"),
        ("https://pay/%7B", "https://pay/%7B"),
    ],
)
def test_placeholders_are_filled_in_and_escaped(address: str, filled: str) -> None:
    handling = FinalUnitHandling(ACTIONS.REDIRECT, (RedirectServer(AddressType.URL, address),))
    account = Account(1, "Al /?&iceé", ("demo",))
    opened = Desk(offering(data(handling)), balance(1, OCTETS, 0), accounts={ALICE: account})
    msisdn = Identity(IdentityKind.MSISDN, "4915112")
    decision = opened.initial(want(DATA, 5), session=b"pgw;1/2&", identities=(ALICE, msisdn))
    assert told(decision) == FinalUnit(ACTIONS.REDIRECT, AddressType.URL, filled)


@pytest.mark.parametrize("octet", [b"x", b"\xff", b"\0"])
def test_names_of_any_length_leave_an_address_short(octet: bytes) -> None:
    handling = FinalUnitHandling(ACTIONS.REDIRECT, (server("https://pay/{msisdn}{session_id}"),))
    opened = desk(handling, 0)
    longest, longer = b"x" * FILLED_IN_LENGTH_MAX, octet * (FILLED_IN_LENGTH_MAX + 1)
    whole = told(opened.initial(want(DATA, 5), session=longest))
    msisdn = Identity(IdentityKind.MSISDN, "1" * 60_000)
    cut = told(opened.initial(want(DATA, 5), session=longer, identities=(ALICE, msisdn)))
    assert whole is not None
    assert cut is not None
    assert whole.address == "https://pay/" + longest.decode()
    assert cut.address == "https://pay/"


def test_names_that_nobody_says_are_empty() -> None:
    handling = FinalUnitHandling(ACTIONS.REDIRECT, (server("https://pay/{msisdn}"),))
    opened = desk(handling, 0)
    opened.initial()
    found = told(opened.update(want(DATA, 5), identities=()))
    assert found is not None
    assert found.address == "https://pay/"


EMPTY = Announcement(1001)
ENDING = Announcement(1004, seconds_before_end=0)


def test_callers_hear_what_is_said_where_nothing_is_left() -> None:
    said = {AnnouncementKey.QUOTA_LIMIT_REACHED: (EMPTY, ENDING)}
    group = replace(rating_group(VOICE, UnitType.TIME), final_unit=REDIRECTS, announcements=said)
    offered = catalogue(allowance("seconds", VOICE), groups=(group,))
    opened = Desk(offered, balance(1, "seconds", 60))
    ims = {"service_context": "32260"}
    assert only(opened.initial(want(VOICE, 60), **ims)).announcements == (ENDING,)
    assert only(opened.update(used(VOICE, 60), **ims)).announcements == ()
    assert only(opened.update(want(VOICE, 60), **ims)).announcements == (EMPTY,)


def test_two_sessions_of_one_balance_end_one_after_the_other() -> None:
    opened = desk(REDIRECTS)
    assert granted(opened.initial(want(DATA, 200), session=b"one")) == [(200, False)]
    second = opened.initial(want(DATA, 200), session=b"two")
    assert granted(second) == [(100, False)], "what the first one holds may come back"
    assert validity(second) == 60
    at_once = opened.update(used(DATA, 100, wanted=100), session=b"two")
    assert told(at_once) == REDIRECTED, "nothing is left now, whatever others hold"
    opened.terminate(used(DATA, 50), session=b"one")
    last = opened.update(SILENT._replace(requested=want(DATA, 200).requested), session=b"two")
    assert granted(last) == [(150, True)]
    assert told(last) == REDIRECTED


def test_of_three_sessions_the_last_one_is_told_the_end() -> None:
    accounts = {ALICE: Account(1, "alice", ("demo",)), BOB: Account(2, "bob", ("demo",), 1)}
    opened = Desk(offering(data(RESTRICTS)), balance(1, OCTETS, 300), accounts=accounts)
    decisions = [
        opened.initial(want(DATA, 100), session=name, identities=(who,))
        for name, who in ((b"one", ALICE), (b"two", BOB), (b"three", ALICE))
    ]
    assert [granted(each) for each in decisions] == [[(100, False)]] * 3
    names = (b"one", b"two", b"three")
    ends = [opened.update(used(DATA, 100, wanted=10), session=name) for name in names]
    assert [told(each) for each in ends] == [RESTRICTED] * 3
    opened.credit(1, 40)
    assert granted(opened.update(want(DATA, 30), session=b"one")) == [(30, False)]
    assert granted(opened.update(want(DATA, 30), session=b"two")) == [(10, False)]
    opened.terminate(used(DATA, 30), session=b"one")
    last = opened.update(used(DATA, 5, wanted=30), session=b"two")
    assert granted(last) == [(5, True)]
    assert told(last) == RESTRICTED


def test_event_served_in_part_ends_at_once_whatever_the_operator_decided() -> None:
    decision = desk(REDIRECTS, 5).event(want(DATA, 9))
    assert granted(decision) == [(5, True)]
    assert told(decision) == TERMINATE
    assert outcomes(desk(REDIRECTS, 0).event(want(DATA, 9))) == ["LIMIT_REACHED"]
