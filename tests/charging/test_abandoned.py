"""The record of a session given up is as complete as that of one that was ended by its client."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from diameter_ocs.charging.catalogue import Price, Rate, Service
from diameter_ocs.charging.decisions import Decision, Edr, EdrKind, Novelty, Outcome
from diameter_ocs.charging.expressions import parse_countries
from diameter_ocs.charging.information import (
    Direction,
    LocationReport,
    LocationSource,
    ServiceInformation,
)
from diameter_ocs.charging.requests import SessionKey
from diameter_ocs.charging.restarts import GatewayState, close_left_behind
from diameter_ocs.charging.restrictions import Restrictions
from diameter_ocs.charging.session import CloseReason
from diameter_ocs.charging.supervision import (
    close,
    close_commanded,
    close_forgotten,
    close_unclaimed,
    supervise,
)
from tests.charging.scenario import (
    DATA,
    DATA_BY_KIBIBYTES,
    MONEY,
    OCTETS,
    SECONDS,
    TEXT,
    TEXT_EACH,
    TEXTS,
    VOICE,
    VOICE_BY_SECONDS,
    Desk,
    allowance,
    balance,
    catalogue,
    used,
    want,
)

OFFERED = catalogue(
    allowance(SECONDS, VOICE),
    allowance(TEXTS, TEXT),
    allowance(OCTETS, DATA),
    groups=(VOICE_BY_SECONDS, TEXT_EACH, DATA_BY_KIBIBYTES),
)
KEY = SessionKey(b"one")
HOUR = 3600 * 10**6
PARIS = LocationReport(LocationSource.USER_LOCATION, "20801", countries=("FR",))
DATA_SESSION = ServiceInformation((PARIS,), apn="internet", rat_type=6)
CALL = ServiceInformation(
    (PARIS,),
    Direction.ORIGINATING,
    "4915550001",
    "33140000000",
    other_countries=("FR",),
    access="3GPP-E-UTRAN-FDD",
)
MESSAGE = ServiceInformation(
    (LocationReport(LocationSource.ORIGINATOR, number="336", countries=("FR",)),),
    Direction.ORIGINATING,
    "4915550001",
    "33140000000",
    ("33140000000", "33140000001"),
    message_octets=140,
)
KINDS = {
    "data": (DATA, "32251", DATA_SESSION),
    "voice in the IMS": (VOICE, "32260", CALL),
    "telephony of the IMS": (VOICE, "32275", CALL),
    "voice by circuit": (VOICE, "32276", CALL),
    "message": (TEXT, "32274", MESSAGE),
}
SAID = (
    "account_id",
    "kind",
    "session_id",
    "session_number",
    "origin_host",
    "charging_id",
    "outcome",
    "catalogue_version",
)


def opened(rating_group: int = VOICE, **said: object) -> Desk:
    counter = Desk(
        OFFERED, balance(1, SECONDS, 6000), balance(2, TEXTS, 6000), balance(3, OCTETS, 60000)
    )
    told = {"charging_id": 9, "origin_state_id": 5, **said}
    counter.initial(want(rating_group, 10), **told)
    counter.case = counter.case._replace(now=counter.case.now + 1)
    return counter


def take(counter: Desk, decision: Decision | None) -> Edr:
    assert decision is not None
    counter.case = counter.case.after(decision)
    counter.decisions.append(decision)
    counter.audit()
    (edr,) = decision.edrs
    return edr


@pytest.mark.parametrize("kind", KINDS)
def test_the_record_says_what_that_of_a_termination_says(kind: str):
    rating_group, context, information = KINDS[kind]
    records = []
    for is_abandoned in (False, True):
        counter = opened(rating_group, service_context=context, information=information)
        counter.update(
            used(rating_group, 5, wanted=10), service_context=context, information=information
        )
        if is_abandoned:
            late = counter.case._replace(now=counter.case.now + 48 * HOUR)
            counter.case = late
            records.append(take(counter, supervise(KEY, late)))
        else:
            ended = counter.terminate(service_context=context, information=ServiceInformation())
            records.append(ended.edrs[0])
    terminated, abandoned = records
    for name in SAID:
        assert getattr(abandoned, name) == getattr(terminated, name) is not None, name
    assert abandoned.kind is EdrKind.BILLING
    location, where = abandoned.circumstances.location, terminated.circumstances.location
    assert (location.countries, location.plmn) == (where.countries, where.plmn)
    assert location.countries == ("FR",)
    for name in ("called", "calling", "apn", "rat_type", "access", "recipients", "direction"):
        said = getattr(abandoned.circumstances.information, name)
        assert said == getattr(terminated.circumstances.information, name)
        assert said == getattr(information, name)
    assert [each.rating_group for each in abandoned.services] == [rating_group]
    assert (abandoned.reason, abandoned.request_number) == ("idle", 1)
    assert sum(posting.used for posting in abandoned.postings) == 0, "only what was reported"


def replaced(counter: Desk) -> Decision:
    return close(counter.case.sessions[KEY], CloseReason.REPLACED, counter.case)


def idle(counter: Desk) -> Decision | None:
    counter.case = counter.case._replace(now=counter.case.now + 48 * HOUR)
    return supervise(KEY, counter.case)


def unclaimed(counter: Desk) -> Decision | None:
    (initial,) = counter.decisions[0].edrs
    return close_unclaimed(KEY, initial.stored, counter.case)


def restarted(counter: Desk) -> Decision | None:
    state = GatewayState("gw.example", 6, counter.case.now)
    return close_left_behind(KEY, state, counter.case)


def forgotten(counter: Desk) -> Decision | None:
    (session,) = counter.case.sessions.values()
    said_at = session.last_request_at
    assert close_forgotten(session.number, said_at - 1, counter.case) is None, "it has asked since"
    assert close_forgotten(session.number + 1, said_at, counter.case) is None
    return close_forgotten(session.number, said_at, counter.case)


def commanded(counter: Desk) -> Decision:
    return close_commanded(counter.case.sessions[KEY], "operator", counter.case)


ENDINGS: dict[str, Callable[[Desk], Decision | None]] = {
    "replaced": replaced,
    "idle": idle,
    "unclaimed": unclaimed,
    "gateway_restarted": restarted,
    "unknown_to_gateway": forgotten,
    "closed_by_command": commanded,
}


@pytest.mark.parametrize("reason", ENDINGS)
def test_whatever_ends_a_session_is_told_and_what_it_held_is_free(reason: str):
    counter = opened()
    edr = take(counter, ENDINGS[reason](counter))
    assert (edr.kind, edr.reason, edr.charging_id) == (EdrKind.BILLING, reason, 9)
    assert counter.balance(1) == (0, 0)
    assert not counter.case.sessions
    (closed,) = counter.decisions[-1].closed
    assert closed.session.charging_id == 9


@pytest.mark.parametrize("reason", ENDINGS)
def test_usage_after_whatever_end_is_charged_once_and_answered_by_its_kind(reason: str):
    counter = opened()
    take(counter, ENDINGS[reason](counter))
    update = counter.update(used(VOICE, 4, wanted=10), end_to_end_id=2)
    assert (update.outcome, update.services) == (Outcome.SESSION_UNKNOWN, ())
    again = counter.update(used(VOICE, 4, wanted=10), end_to_end_id=2, request_number=1)
    assert (again.outcome, again.novelty) == (Outcome.SESSION_UNKNOWN, Novelty.REPEATED)
    ended = counter.terminate(used(VOICE, 3), end_to_end_id=3)
    assert (ended.outcome, ended.novelty) == (Outcome.SUCCESS, Novelty.LATE)
    other = counter.terminate(used(VOICE, 2), end_to_end_id=4)
    assert other.outcome is Outcome.SUCCESS, "another number is another request"
    assert counter.balance(1) == (9, 0)
    assert [edr.reason for each in (update, ended, other) for edr in each.edrs] == ["late"] * 3
    assert {edr.charging_id for each in counter.decisions for edr in each.edrs} == {9}


@pytest.mark.parametrize("reason", ENDINGS)
def test_a_client_that_goes_on_with_what_has_ended_without_usage_moves_nothing(reason: str):
    counter = opened()
    take(counter, ENDINGS[reason](counter))
    update, ended = counter.update(want(VOICE, 10)), counter.terminate(used(VOICE, 0))
    assert (update.outcome, update.edrs) == (Outcome.SESSION_UNKNOWN, ())
    assert ended.outcome is Outcome.SUCCESS
    assert counter.balance(1) == (0, 0)


HOME, ABROAD = (
    Rate(price, zone, Restrictions(from_countries=parse_countries(country)))
    for price, zone, country in ((Price(10, 1), "home", "DE"), (Price(70, 1), "abroad", "FR"))
)
BY_PLACE = Service("by place", 0, frozenset({VOICE}), (MONEY,), (HOME, ABROAD))
BERLIN = LocationReport(LocationSource.USER_LOCATION, "26201", countries=("DE",))


def roaming(service: str) -> Desk:
    """A quota abroad that expired; since then everything costs more, perhaps by another service."""
    counter = Desk(catalogue(BY_PLACE, groups=(VOICE_BY_SECONDS,)), balance(1, MONEY, 10_000))
    counter.initial(want(VOICE, 60), information=CALL)
    assert counter.balance(1) == (0, 4200)
    counter.case = counter.case._replace(now=counter.case.now + 3 * HOUR)
    edr = take(counter, supervise(KEY, counter.case))
    assert (edr.reason, edr.action) == ("reservation_expired", "release")
    assert edr.circumstances.location.countries == ("FR",)
    assert counter.balance(1) == (0, 0)
    dearer = Service(service, 0, frozenset({VOICE}), (MONEY,), (Rate(Price(900, 1)),))
    offered = catalogue(dearer, groups=(VOICE_BY_SECONDS,))
    counter.offer(replace(offered, default_monetary_balance_type=MONEY))
    return counter


@pytest.mark.parametrize("service", ["by place", "renamed"])
def test_usage_of_an_expired_quota_is_priced_where_and_when_it_was_granted(service: str):
    counter = roaming(service)
    home = ServiceInformation((BERLIN,))
    counter.update(used(VOICE, 10, wanted=1), information=home)
    assert counter.balance(1) == (700, 900), "what is granted now costs what it costs now"
    counter.terminate(used(VOICE, 1), information=home)
    assert counter.balance(1) == (1600, 0)


@pytest.mark.parametrize("service", ["by place", "renamed"])
def test_usage_of_an_expired_quota_is_priced_so_after_the_session_has_ended_too(service: str):
    counter = roaming(service)
    counter.case = counter.case._replace(now=counter.case.now + 48 * HOUR)
    assert take(counter, supervise(KEY, counter.case)).reason == "idle"
    counter.terminate(used(VOICE, 10), information=ServiceInformation((BERLIN,)))
    assert counter.balance(1) == (700, 0)
