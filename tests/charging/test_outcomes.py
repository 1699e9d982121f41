"""Every case and its outcome, by request, at the command and at each of its services."""

from dataclasses import dataclass, replace

import pytest

from diameter_ocs.charging.accounts import suspend
from diameter_ocs.charging.case import Account, AccountState
from diameter_ocs.charging.catalogue import Catalogue, Plan, Price, Rate, RatingGroup, Service
from diameter_ocs.charging.charge import charge
from diameter_ocs.charging.decisions import Decision, Novelty
from diameter_ocs.charging.expressions import parse_countries
from diameter_ocs.charging.groups import Group
from diameter_ocs.charging.information import LocationReport, LocationSource, ServiceInformation
from diameter_ocs.charging.requests import (
    Identity,
    IdentityKind,
    RequestType,
    ServiceUsage,
    SessionKey,
)
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.charging.session import CloseReason
from tests.charging.scenario import (
    ALICE,
    DATA_BY_KIBIBYTES,
    MONEY,
    TEXT,
    TEXT_EACH,
    VOICE,
    VOICE_BY_SECONDS,
    Desk,
    balance,
    catalogue,
    granted,
    outcomes,
    used,
    want,
)

NOWHERE, HOME, ABROAD = None, "DE", "US"
UNKNOWN_GROUP = 999
GROUPS = (VOICE_BY_SECONDS, TEXT_EACH, DATA_BY_KIBIBYTES)
ANY = parse_countries("*")


def at(country: str | None) -> ServiceInformation:
    if country is None:
        return ServiceInformation((LocationReport(LocationSource.USER_LOCATION),))
    report = LocationReport(LocationSource.USER_LOCATION, None, countries=(country,))
    return ServiceInformation((report,))


def selling(*services: Service, catch_all: bool = False, groups=GROUPS) -> Catalogue:
    offered = catalogue(groups=groups)
    return replace(offered, plans={"demo": Plan("demo", 0, services, (), catch_all)})


def service(*rates: Rate, groups=(VOICE,), **others: object) -> Service:
    return Service("calls", 1, frozenset(groups), (MONEY,), rates, **others)


def in_country(country: str, price: int = 1) -> Rate:
    return Rate(Price(price, 1), country, Restrictions(from_countries=parse_countries(country)))


EVERYWHERE = selling(service(Rate(Price(1, 1))))
BY_PLACE = selling(service(in_country(HOME)))
CATCH_ALL = selling(service(in_country(HOME)), catch_all=True)
FREE = selling(service(Rate(Price(0, 1))))
TEXTS_ONLY = selling(service(Rate(Price(1, 1)), groups=(TEXT,)))
DENIER = selling(
    Service("no calls", 0, frozenset({VOICE}), (), denies_others=True), service(Rate(Price(1, 1)))
)


@dataclass(frozen=True)
class Row:
    """A case: what is sold to whom, and where; what an I, a U after a grant and an E get."""

    case: str
    offered: Catalogue
    place: str | None
    initial: tuple[str, list[str]]
    update: tuple[str, list[str]]
    event: tuple[str, list[str]]
    money: int = 1000
    usages: tuple[ServiceUsage, ...] = (want(VOICE, 10),)
    state: AccountState = AccountState.ACTIVE
    is_tenant_suspended: bool = False
    identities: tuple[Identity, ...] = (ALICE,)


OK, DENIED, LIMIT = "SUCCESS", "SERVICE_DENIED", "LIMIT_REACHED"
UNPLACED, UNRATED, UNKNOWN = "LOCATION_UNKNOWN", "RATING_FAILED", "USER_UNKNOWN"


def row(case, offered, place, initial, update, event, **others) -> Row:
    """A case of one service whose outcomes, command level first, are written in one word each."""
    split = [tuple(each.split("/")) for each in (initial, update, event)]
    told = [(command, [service] if service else []) for command, service in split]
    return Row(case, offered, place, *told, **others)


ROWS = [
    row("served at home", BY_PLACE, HOME, f"{OK}/{OK}", f"{OK}/{OK}", f"{OK}/{OK}"),
    row("served anywhere", EVERYWHERE, NOWHERE, f"{OK}/{OK}", f"{OK}/{OK}", f"{OK}/{OK}"),
    row("caught by all", CATCH_ALL, NOWHERE, f"{OK}/{OK}", f"{OK}/{OK}", f"{OK}/{OK}"),
    row("free", FREE, HOME, f"{OK}/{OK}", f"{OK}/{OK}", f"{OK}/{OK}", money=0),
    row(
        "nobody known",
        EVERYWHERE,
        HOME,
        f"{UNKNOWN}/",
        f"{OK}/{OK}",
        f"{UNKNOWN}/",
        identities=(Identity(IdentityKind.IMSI, "999"),),
    ),
    row(
        "no service for it",
        TEXTS_ONLY,
        HOME,
        f"{OK}/{DENIED}",
        f"{OK}/{DENIED}",
        f"{DENIED}/{DENIED}",
    ),
    row(
        "no rate there", BY_PLACE, ABROAD, f"{OK}/{DENIED}", f"{OK}/{DENIED}", f"{DENIED}/{DENIED}"
    ),
    row(
        "no rate there, caught by none",
        CATCH_ALL,
        ABROAD,
        f"{OK}/{DENIED}",
        f"{OK}/{DENIED}",
        f"{DENIED}/{DENIED}",
    ),
    row("others denied", DENIER, HOME, f"{OK}/{DENIED}", f"{OK}/{DENIED}", f"{DENIED}/{DENIED}"),
    row(
        "account suspended",
        EVERYWHERE,
        HOME,
        f"{DENIED}/{DENIED}",
        f"{OK}/{DENIED}",
        f"{DENIED}/{DENIED}",
        state=AccountState.SUSPENDED,
    ),
    row(
        "tenant suspended",
        EVERYWHERE,
        HOME,
        f"{DENIED}/{DENIED}",
        f"{OK}/{DENIED}",
        f"{DENIED}/{DENIED}",
        is_tenant_suspended=True,
    ),
    row(
        "nothing left",
        EVERYWHERE,
        HOME,
        f"{OK}/{LIMIT}",
        f"{OK}/{LIMIT}",
        f"{LIMIT}/{LIMIT}",
        money=0,
    ),
    row(
        "location unknown",
        BY_PLACE,
        NOWHERE,
        f"{UNPLACED}/{UNPLACED}",
        f"{OK}/{UNPLACED}",
        f"{UNPLACED}/{UNPLACED}",
    ),
    row(
        "suspended, location unknown",
        BY_PLACE,
        NOWHERE,
        f"{DENIED}/{DENIED}",
        f"{OK}/{DENIED}",
        f"{DENIED}/{DENIED}",
        state=AccountState.SUSPENDED,
    ),
    row(
        "rating group unknown",
        EVERYWHERE,
        HOME,
        f"{UNRATED}/{UNRATED}",
        f"{OK}/{UNRATED}",
        f"{UNRATED}/{UNRATED}",
        usages=(want(UNKNOWN_GROUP, 10),),
    ),
    Row(
        "one is served, one is not placed",
        selling(service(in_country(HOME)), service(Rate(Price(1, 1)), groups=(TEXT,))),
        NOWHERE,
        (OK, [UNPLACED, OK]),
        (OK, [UNPLACED, OK]),
        (DENIED, [UNPLACED]),
        usages=(want(VOICE, 10), want(TEXT, 1)),
    ),
    Row(
        "one is not placed, one is not known",
        BY_PLACE,
        NOWHERE,
        (UNPLACED, [UNPLACED, UNRATED]),
        (OK, [UNPLACED, UNRATED]),
        (UNPLACED, [UNPLACED, UNRATED]),
        usages=(want(VOICE, 10), want(UNKNOWN_GROUP, 1)),
    ),
    Row(
        "one is not sold, one has nothing left",
        EVERYWHERE,
        HOME,
        (OK, [DENIED, LIMIT]),
        (OK, [DENIED, LIMIT]),
        (DENIED, [DENIED, LIMIT]),
        money=0,
        usages=(want(TEXT, 1), want(VOICE, 10)),
    ),
]


def by_name(row: Row) -> str:
    return row.case


def desk_of(row: Row, **others: object) -> Desk:
    account = Account(1, "alice", ("demo",), state=row.state)
    desk = Desk(row.offered, balance(1, MONEY, row.money), accounts={ALICE: account})
    desk.case = desk.case._replace(is_tenant_suspended=row.is_tenant_suspended, **others)
    return desk


def told(decision: Decision) -> tuple[str, list[str]]:
    return decision.outcome.name, outcomes(decision)


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_an_initial_request(row):
    desk = desk_of(row)
    decision = desk.initial(*row.usages, information=at(row.place), identities=row.identities)
    assert told(decision) == row.initial
    is_open = decision.outcome.name == OK
    assert (SessionKey(b"one") in desk.case.sessions) is is_open
    assert [closed.reason for closed in decision.closed] == (
        [] if is_open or row.initial[0] == UNKNOWN else [CloseReason.REFUSED]
    )
    if not is_open:
        assert desk.balance(1) == (0, 0)


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_an_update_whose_usage_is_settled_whatever_becomes_of_it(row):
    """The session was opened while all was well; then came the case."""
    open_to_all = selling(service(Rate(Price(1, 1)), groups=(VOICE, TEXT)))
    desk = desk_of(replace(row, offered=open_to_all, money=10, state=AccountState.ACTIVE))
    desk.case = desk.case._replace(is_tenant_suspended=False)
    desk.initial(want(VOICE, 10))
    desk.case = desk.case._replace(
        catalogue=replace(row.offered, version=2),
        is_tenant_suspended=row.is_tenant_suspended,
        accounts={1: desk.case.accounts[1]._replace(state=row.state)},
    )
    if row.money:
        desk.credit(1, row.money)
    asked = [
        used(usage.rating_group, 10, wanted=10) if usage.rating_group == VOICE else usage
        for usage in row.usages
    ]
    decision = desk.update(*asked, information=at(row.place))
    assert told(decision) == row.update
    has_used = any(usage.rating_group == VOICE for usage in row.usages)
    assert desk.balance(1)[0] == (10 if has_used else 0)
    assert SessionKey(b"one") in desk.case.sessions


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_an_event(row):
    desk = desk_of(row)
    decision = desk.event(*row.usages, information=at(row.place), identities=row.identities)
    assert told(decision) == row.event
    if decision.outcome.name != OK:
        assert desk.balance(1) == (0, 0)
        assert set(granted(decision)) <= {(0, False)}


@pytest.mark.parametrize("row", ROWS, ids=by_name)
def test_a_refusal_says_in_full_what_was_considered_and_success_in_short(row):
    desk = desk_of(row)
    decision = desk.event(*row.usages, information=at(row.place), identities=row.identities)
    for edr in decision.edrs:
        if edr.considered is not None:
            is_full = "demo/" in edr.considered
            is_sold = "." in edr.considered or "/" in edr.considered
            assert is_full is (decision.outcome.name != OK and is_sold)


def test_a_tenant_may_have_everything_said_in_full():
    desk = Desk(replace(EVERYWHERE, explains_in_full=True), balance(1, MONEY, 1000))
    (edr,) = desk.initial(want(VOICE, 10)).edrs
    assert edr.considered == "100:demo/calls/p0"


def mirroring(*groups: int) -> tuple[RatingGroup, ...]:
    return tuple(replace(each, mirrors_result_code=each.id in groups) for each in GROUPS)


def mirror(*groups: int, **others: object) -> Desk:
    offered = selling(
        service(in_country(HOME)),
        service(Rate(Price(1, 1)), groups=(TEXT,)),
        groups=mirroring(*groups),
    )
    return Desk(offered, balance(1, MONEY, 1000))


def test_a_rating_group_may_refuse_the_whole_opening():
    desk = mirror(VOICE)
    decision = desk.initial(want(TEXT, 1), want(VOICE, 10), information=at(ABROAD))
    assert told(decision) == (DENIED, [DENIED])
    assert granted(decision) == [(0, False)]
    assert desk.balance(1) == (0, 0)
    assert not desk.case.sessions
    (record, _) = decision.edrs[0].services
    assert record.grant is None


def test_what_is_not_placed_refuses_the_whole_opening_as_what_is_denied():
    desk = mirror(VOICE)
    decision = desk.initial(want(TEXT, 1), want(VOICE, 10), information=at(NOWHERE))
    assert told(decision) == (DENIED, [UNPLACED])


def test_another_rating_group_refuses_itself_alone():
    desk = mirror(TEXT)
    decision = desk.initial(want(TEXT, 1), want(VOICE, 10), information=at(ABROAD))
    assert told(decision) == (OK, [OK, DENIED])


def test_an_update_is_refused_as_a_whole_only_when_no_other_group_holds_a_grant():
    desk = mirror(VOICE)
    desk.initial(want(TEXT, 1), want(VOICE, 10), information=at(HOME))
    first = desk.update(used(VOICE, 10, wanted=10), information=at(ABROAD))
    assert told(first) == (OK, [DENIED])
    second = desk.update(used(TEXT, 1), want(VOICE, 10))
    assert second.outcome.name == DENIED
    assert [closed.reason for closed in second.closed] == [CloseReason.REFUSED]
    assert desk.balance(1) == (11, 0)
    assert desk.terminate().outcome.name == OK


def test_an_update_that_grants_another_group_is_not_refused():
    desk = mirror(VOICE)
    desk.initial(want(VOICE, 10), information=at(HOME))
    decision = desk.update(want(VOICE, 10, 1), want(TEXT, 1), information=at(ABROAD))
    assert told(decision) == (OK, [DENIED, OK])


def test_the_group_s_own_other_grants_do_not_hold_it_open():
    desk = mirror(VOICE)
    desk.initial(want(VOICE, 10, 1), information=at(HOME))
    decision = desk.update(want(VOICE, 10, 2), information=at(ABROAD))
    assert decision.outcome.name == DENIED
    assert desk.balance(1) == (0, 0)


def test_an_event_has_the_code_of_its_first_failure_anyway():
    for groups in ((), (VOICE,)):
        decision = mirror(*groups).event(want(VOICE, 10), information=at(ABROAD))
        assert told(decision) == (DENIED, [DENIED])


def test_a_repeat_of_what_was_refused_as_a_whole_is_answered_alike():
    desk = mirror(VOICE)
    first = desk.initial(want(VOICE, 10), want(TEXT, 1), information=at(ABROAD))
    again = desk.initial(want(VOICE, 10), want(TEXT, 1), information=at(ABROAD), request_number=0)
    assert again.novelty is Novelty.REPEATED
    assert told(again) == told(first) == (DENIED, [DENIED])


def test_a_repeat_of_a_denied_opening_is_told_what_it_was_told():
    desk = desk_of(next(row for row in ROWS if row.case == "account suspended"))
    usages = want(VOICE, 10), used(TEXT, 1)
    first = desk.initial(*usages)
    again = desk.initial(*usages, request_number=0)
    assert again.novelty is Novelty.REPEATED
    assert told(again) == told(first) == (DENIED, [DENIED])


def test_a_suspended_account_s_session_is_refused_as_a_whole_where_its_group_wants_that():
    desk = mirror(VOICE)
    desk.initial(want(VOICE, 10), information=at(HOME))
    desk.case = suspend(Group(desk.case, {}, {}), 1, "root").after.case
    request = desk.request(RequestType.UPDATE, (used(VOICE, 10, wanted=10),), b"one")
    decision = charge(request._replace(request_number=1), desk.case)
    assert told(decision) == (DENIED, [DENIED])
    assert decision.edrs[0].services[0].settlement.charged == 10


@pytest.mark.parametrize("group", [VOICE, UNKNOWN_GROUP])
def test_a_session_ends_with_a_refusal_of_the_service_that_it_is_about(group):
    desk = Desk(BY_PLACE, balance(1, MONEY, 1000))
    alone = {"is_its_service": True, "information": at(ABROAD)}
    assert desk.initial(want(VOICE, 10), **alone).outcome.name == DENIED
    desk.initial(want(VOICE, 10), is_its_service=True, information=at(HOME))
    asked = used(VOICE, 10, wanted=10) if group == VOICE else want(group, 10)
    decision = desk.update(asked, **alone)
    expected = DENIED if group == VOICE else UNRATED
    assert told(decision) == (expected, [expected])
    assert not desk.case.sessions
    assert desk.balance(1) == (10 if group == VOICE else 0, 0)
    assert desk.terminate(used(VOICE, 2), is_its_service=True).outcome.name == OK
