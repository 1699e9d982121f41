"""Whatever amounts a catalogue may have: what passes the check charges any usage, and is stored."""

import itertools
from struct import pack

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from diameter_ocs.charging.accounts import NewAccount, open_account
from diameter_ocs.charging.case import Account, Case
from diameter_ocs.charging.catalogue import Insufficiency
from diameter_ocs.charging.charge import charge
from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.information import LocationReport, LocationSource, ServiceInformation
from diameter_ocs.charging.requests import (
    ChargingRequest,
    RequestType,
    ServiceUsage,
    SessionKey,
    Units,
)
from diameter_ocs.charging.session import Session
from diameter_ocs.charging.settlement import USED_MAX
from diameter_ocs.charging.units import AMOUNT_MAX
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.handlers.catalogue_text import CatalogueError
from diameter_ocs.store import edrs, sessions
from tests.store.scenario import NOW, imsi

HOME = ("26201", None, None, ("DE",))
ABROAD = ("20801", None, None, ("FR",))
UNIT_TYPES = ("volume", "time", "units")
BOUNDS = (1, 60, 1024, 999_999, 10**6, 2_678_400, 10 * 2**40, AMOUNT_MAX)
QUANTITIES = st.one_of(st.sampled_from(BOUNDS), st.integers(1, AMOUNT_MAX))
WANTED = st.one_of(st.just(0), QUANTITIES, st.just(2**64 - 1))
MONEY = st.builds(
    "{}.{:06d}".format,
    st.sampled_from((0, 0, 1, 7, 10**6, 10**9)) | st.integers(0, 10**9),
    st.sampled_from((0, 0, 1, 999_999)) | st.integers(0, 999_999),
)


def keys(**quantities: int | str | None) -> str:
    return "".join(f", {key}: {value}" for key, value in quantities.items() if value is not None)


def pricing(draw: st.DrawFn) -> str:
    """Write a price alone, or one for each of two zones."""
    if draw(st.booleans()):
        return price(draw)
    home = f'{{zone: home, {price(draw)}, when: {{countries: "DE"}}}}'
    return f"rates: [{home}, {{zone: world, {price(draw)}}}]"


def price(draw: st.DrawFn) -> str:
    """Write a price that may begin with a charge."""
    beginning = ""
    if draw(st.booleans()):
        beginning = keys(initial_charge=draw(MONEY), minimum_units=draw(st.just(0) | QUANTITIES))
    return (
        f"price: {{amount: {draw(MONEY)}, per: {draw(QUANTITIES)},"
        f" tax: {draw(st.sampled_from(('0', '0.19', '10')))}{beginning}}}"
    )


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Write catalogues with one rating group, an allowance and two prices, of any amounts."""
    unit_type = draw(st.sampled_from(UNIT_TYPES))
    some = st.none() | QUANTITIES
    group = keys(
        rounding=draw(some),
        min_reservation=draw(some),
        max_reservation=draw(some),
        default_quota=draw(some),
        quota_threshold=draw(st.none() | st.integers(0, 99)),
        max_session_share=draw(st.none() | st.integers(1, 100)),
    )
    if "min_reservation" in group and draw(st.booleans()):
        group += keys(dynamic_quota="true", min_validity=300, quota_validity=3600)
    option = draw(st.sampled_from([each.name for each in Insufficiency]))
    prices = "".join(
        f"      - {{name: p{n}, priority: {n}, rating_groups: [1], {pricing(draw)}}}\n"
        for n in range(draw(st.integers(0, 2)))
    )
    return f"""
tenant: demo
currency: EUR
settings: {{insufficient_balance_sessions: {option}}}
rating_groups: [{{id: 1, name: one, unit_type: {unit_type}{group}}}]
balance_types: [{{name: units, unit_type: {unit_type}}}, {{name: money, unit_type: money}}]
plans:
  - name: plan
    services:
      - name: a
        rating_groups: [1]
        allowance: {{balance_type: units, amount: {draw(QUANTITIES)}}}
{prices}"""


def opened(text: str, money: int) -> Case:
    """Return an account that has the plan and so much money."""
    try:
        catalogue = build(read_document(text), 1)
    except CatalogueError:
        assume(False)
    new = NewAccount("alice", ("plan",), (imsi(1),), money)
    numbers = itertools.count(1)
    opening = open_account(new, catalogue, numbers, (NOW, "a test"))
    account = Account(opening.account.id, "alice", ("plan",))
    return Case(
        now=NOW,
        group_id=account.id,
        version=1,
        catalogue=catalogue,
        directory={imsi(1): account.id},
        accounts={account.id: account},
        balances={balance.id: balance for balance in opening.balances},
        sessions={},
    )


def asked(kind: RequestType, number: int, used: int | None, wanted: int | None) -> ChargingRequest:
    """Ask the same for four services of the rating group, each second request from abroad."""
    place = LocationReport(LocationSource.USER_LOCATION, *(ABROAD if number % 2 else HOME))
    usages = [
        ServiceUsage(
            1,
            (identifier,),
            requested=None if wanted is None else Units(wanted, wanted, wanted),
            used=() if used is None else (Units(used, used, used),),
        )
        for identifier in range(4)
    ]
    return ChargingRequest(
        request_type=kind,
        request_number=number,
        session_key=SessionKey(b"session"),
        service_context="32251",
        origin_host="pgw.example",
        origin_realm="example",
        end_to_end_id=number,
        is_retransmission=False,
        tenant="demo",
        identities=(imsi(1),),
        event_at=None,
        usages=tuple(usages),
        information=ServiceInformation(reports=(place,)),
    )


def check_stored(case: Case, decision: Decision) -> None:
    """What a decision changes has a place in its columns, and is read as it was written."""
    for balance in decision.balances.values():
        pack(">qqqq", balance.total, balance.used, balance.reserved, balance.available)
        assert 0 <= balance.used + balance.reserved <= balance.total
    kept: list[Session] = [closed.session for closed in decision.closed]
    if decision.session is not None:
        kept.append(decision.session)
        row = sessions.inserted(1, decision.session)
        assert sessions.session_of((*row[:3], *row[4:])) == decision.session
    for closed in decision.closed:
        sessions.closed(1, closed)
    for record in decision.edrs:
        row = edrs.inserted(1, record)
        for posted in row[14:18]:
            pack(f">{len(posted)}q", *posted)
        assert edrs._services.decode(row[13]) == record.services
        for service in record.services:
            assert service.settlement.overrun_amount < AMOUNT_MAX, "more is owed than is written"
    for answer in decision.services:
        if answer.grant is not None:
            assert 0 < answer.grant.units <= max(USED_MAX.values())


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(
    text=documents(),
    money=st.sampled_from((0, 1, 20_000_000, AMOUNT_MAX)),
    first=st.none() | WANTED,
    updates=st.lists(st.tuples(WANTED, st.none() | WANTED), max_size=5),
    last=WANTED,
)
def test_what_passes_the_check_charges_any_usage(
    text: str,
    money: int,
    first: int | None,
    updates: list[tuple[int, int | None]],
    last: int,
) -> None:
    case = opened(text, money)
    requests = [
        asked(RequestType.INITIAL, 0, None, first),
        *(asked(RequestType.UPDATE, n, *each) for n, each in enumerate(updates, 1)),
        asked(RequestType.TERMINATION, len(updates) + 1, last, None),
        asked(RequestType.EVENT, 0, None, first)._replace(session_key=SessionKey(b"event")),
    ]
    for request in requests:
        decision = charge(request, case)
        check_stored(case, decision)
        case = case.after(decision)
    assert not any(balance.reserved for balance in case.balances.values())
