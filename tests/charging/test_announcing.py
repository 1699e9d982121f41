"""Callers hear what their rating group says of an outcome, and a repeat hears it again."""

from dataclasses import replace

import pytest

from diameter_ocs.charging.announcements import Announcement, AnnouncementKey
from diameter_ocs.charging.announcing import announce
from diameter_ocs.charging.catalogue import Catalogue, RatingGroup
from diameter_ocs.charging.decisions import Decision, Novelty, Outcome
from diameter_ocs.charging.progress import Service
from diameter_ocs.charging.requests import ChargingRequest, RequestType, ServiceUsage, SessionKey
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    SECONDS,
    TEXTS,
    Desk,
    allowance,
    balance,
    catalogue,
    granted,
    rating_group,
    used,
    want,
)

CALL, MESSAGE, UNSOLD, QUIET, UNKNOWN = 100, 200, 300, 400, 999
IMS, TELEPHONY, CIRCUIT_SWITCHED, DATA = "32260", "32275", "32276", "32251"

EMPTY = Announcement(1001)
DENIED = Announcement(1002, language="de")
BROKEN = Announcement(1003)
ENDING = Announcement(1004, seconds_before_end=0)
WARNING = Announcement(1005, seconds_before_end=30)

SAID = {
    AnnouncementKey.QUOTA_LIMIT_REACHED: (WARNING, EMPTY, ENDING),
    AnnouncementKey.END_USER_SERVICE_DENIED: (DENIED,),
    AnnouncementKey.OTHER_ERROR: (BROKEN,),
}


def saying(
    number: int, unit_type: UnitType, said: dict[AnnouncementKey, tuple[Announcement, ...]]
) -> RatingGroup:
    return replace(rating_group(number, unit_type), announcements=said)


OFFER = catalogue(
    allowance(SECONDS, CALL, QUIET),
    allowance(TEXTS, MESSAGE),
    groups=(
        saying(CALL, UnitType.TIME, SAID),
        saying(MESSAGE, UnitType.SERVICE_SPECIFIC_UNITS, SAID),
        saying(UNSOLD, UnitType.VOLUME, SAID),
        saying(QUIET, UnitType.TIME, {AnnouncementKey.QUOTA_LIMIT_REACHED: ()}),
    ),
)


def desk(seconds: int = 0, texts: int = 0, offered: Catalogue = OFFER) -> Desk:
    return Desk(offered, balance(1, SECONDS, seconds), balance(2, TEXTS, texts))


def heard(decision: Decision) -> list[tuple[int, ...]]:
    return [tuple(each.identifier for each in said.announcements) for said in decision.services]


@pytest.mark.parametrize("context", [IMS, TELEPHONY, CIRCUIT_SWITCHED])
def test_caller_without_quota_hears_what_has_no_time(context: str) -> None:
    decision = desk().initial(want(CALL, 60), service_context=context)
    assert decision.services[0].outcome is Outcome.LIMIT_REACHED
    assert heard(decision) == [(1001,)]


def test_announcement_for_the_end_alone_is_heard_by_who_has_no_quota_too() -> None:
    said = {AnnouncementKey.QUOTA_LIMIT_REACHED: (WARNING, ENDING)}
    offered = catalogue(allowance(SECONDS, CALL), groups=(saying(CALL, UnitType.TIME, said),))
    assert heard(desk(offered=offered).initial(want(CALL, 60), service_context=IMS)) == [(1004,)]


def test_caller_hears_before_and_at_the_end_of_the_last_quota() -> None:
    decision = desk(seconds=45).initial(want(CALL, 60), service_context=IMS)
    assert granted(decision) == [(45, True)]
    assert heard(decision) == [(1005, 1004)]


def test_warning_finds_no_place_in_a_quota_as_short_as_it() -> None:
    decision = desk(seconds=30).initial(want(CALL, 60), service_context=IMS)
    assert heard(decision) == [(1004,)]


def test_caller_whose_quota_is_not_the_last_hears_nothing() -> None:
    assert heard(desk(seconds=90).initial(want(CALL, 60), service_context=IMS)) == [()]


def test_caller_whom_no_plan_serves_hears_so() -> None:
    decision = desk().initial(want(UNSOLD, 60), service_context=IMS)
    assert decision.services[0].outcome is Outcome.SERVICE_DENIED
    assert decision.services[0].announcements == (DENIED,)


def test_event_that_cannot_be_rated_is_another_error() -> None:
    decision = desk(texts=5).event(
        ServiceUsage(MESSAGE, (), want(MESSAGE).requested._replace(octets=5)),  # type: ignore[union-attr]
        service_context=IMS,
    )
    assert decision.outcome is Outcome.RATING_FAILED
    assert heard(decision) == [(1003,)]


def test_event_without_quota_is_announced() -> None:
    assert heard(desk().event(want(MESSAGE, 1), service_context=IMS)) == [(1001,)]


def test_unknown_rating_group_inherits_from_nobody() -> None:
    decision = desk(seconds=90).initial(want(CALL, 60), want(UNKNOWN, 1), service_context=IMS)
    assert decision.services[1].outcome is Outcome.RATING_FAILED
    assert heard(decision) == [(), ()]


def test_empty_entry_is_silence() -> None:
    decision = desk().initial(want(QUIET, 60), service_context=IMS)
    assert decision.services[0].outcome is Outcome.LIMIT_REACHED
    assert heard(decision) == [()]


def test_each_service_hears_its_own() -> None:
    decision = desk().initial(want(CALL, 60), want(UNSOLD, 1), service_context=IMS)
    assert heard(decision) == [(1001,), (1002,)]


@pytest.mark.parametrize("context", [DATA, "32274", "32270", None])
def test_other_contexts_are_not_announced_to(context: str | None) -> None:
    decision = desk().initial(want(CALL, 60), service_context=context)
    assert all(not said for said in heard(decision))


def test_tenant_says_which_contexts_are() -> None:
    offered = replace(OFFER, announcement_contexts=frozenset({DATA}))
    assert heard(desk(offered=offered).initial(want(CALL, 60))) == [(1001,)]
    decision = desk(offered=offered).initial(want(CALL, 60), service_context=IMS)
    assert heard(decision) == [()]


def test_caller_of_a_suspended_tenant_hears_of_being_denied() -> None:
    opened = desk(seconds=90)
    opened.case = opened.case._replace(is_tenant_suspended=True)
    decision = opened.initial(want(CALL, 60), service_context=IMS)
    assert decision.outcome is Outcome.SERVICE_DENIED
    assert heard(decision) == [(1002,)]


def test_repeat_hears_what_was_announced_though_the_catalogue_has_changed() -> None:
    opened = desk()
    request = {"service_context": IMS, "end_to_end_id": 7}
    first = opened.initial(want(CALL, 60), **request)
    opened.case = opened.case._replace(
        answered={first.edrs[0].session_number: first.edrs},  # type: ignore[dict-item]
        catalogue=catalogue(groups=()),
    )
    again = opened.initial(want(CALL, 60), request_number=0, **request)
    assert again.novelty is Novelty.REPEATED
    assert again.services[0].announcements == (EMPTY,) == first.services[0].announcements


def test_journal_keeps_what_was_announced() -> None:
    (edr,) = desk(seconds=45).initial(want(CALL, 60), service_context=IMS).edrs
    assert edr.services[0].announcements == (WARNING, ENDING)


def test_termination_announces_nothing() -> None:
    opened = desk(seconds=60)
    opened.initial(want(CALL, 60), service_context=IMS)
    (edr,) = opened.terminate(used(UNSOLD, 1), service_context=IMS).edrs
    assert [service.announcements for service in edr.services] == [()]


OUTCOMES = [
    # of the service, of the whole request, what is heard
    (Outcome.SUCCESS, Outcome.SUCCESS, ()),
    (Outcome.NOT_APPLICABLE, Outcome.SUCCESS, ()),
    (Outcome.LIMIT_REACHED, Outcome.SUCCESS, (EMPTY,)),
    (Outcome.LIMIT_REACHED, Outcome.LIMIT_REACHED, (EMPTY,)),
    (Outcome.SERVICE_DENIED, Outcome.SUCCESS, (DENIED,)),
    (Outcome.SERVICE_DENIED, Outcome.SERVICE_DENIED, (DENIED,)),
    (Outcome.LOCATION_UNKNOWN, Outcome.SUCCESS, (DENIED,)),
    (Outcome.LOCATION_UNKNOWN, Outcome.LOCATION_UNKNOWN, (BROKEN,)),
    (Outcome.RATING_FAILED, Outcome.SUCCESS, (BROKEN,)),
    (Outcome.RATING_FAILED, Outcome.RATING_FAILED, (BROKEN,)),
    (Outcome.SESSION_UNKNOWN, Outcome.SESSION_UNKNOWN, ()),
]


@pytest.mark.parametrize(("outcome", "of_request", "said"), OUTCOMES)
def test_what_is_heard_goes_with_the_code(
    outcome: Outcome, of_request: Outcome, said: tuple[Announcement, ...]
) -> None:
    group = saying(CALL, UnitType.TIME, SAID)
    service = Service(ServiceUsage(CALL), group, ())
    service.outcome = outcome
    request = ChargingRequest(
        RequestType.INITIAL, 0, SessionKey(b"one"), IMS, "", "", 1, False, None, (), None, ()
    )
    announce([service], request, of_request, OFFER)
    assert service.announcements == said


def test_every_outcome_of_a_service_is_tried() -> None:
    whole = {Outcome.USER_UNKNOWN, Outcome.FOREIGN_CURRENCY}
    assert {outcome for outcome, *_ in OUTCOMES} == set(Outcome) - whole
