"""What callers hear of how their services were decided (Announcement Information, TS 32.281)."""

from collections.abc import Iterable

from .announcements import Announcement, AnnouncementKey
from .catalogue import Catalogue, RatingGroup
from .decisions import Grant, Outcome
from .requests import ChargingRequest, RequestType
from .services import SERVED, Service
from .units import UnitType


def announce(
    services: Iterable[Service], request: ChargingRequest, outcome: Outcome, catalogue: Catalogue
) -> None:
    """Has each service that is refused, or ends, say so in the words of its rating group.

    `outcome` is the whole request's. A rating group that is unknown inherits from nobody, and of a
    session that is unknown, or ends because the gateway says so, no service is answered.
    """
    if request.service_context not in catalogue.announcement_contexts:
        return
    if request.request_type is RequestType.TERMINATION or outcome is Outcome.SESSION_UNKNOWN:
        return
    for service in services:
        group = service.rating_group
        if group is not None and group.announcements:
            service.announcements = _announced(group, service.outcome, service.grant, outcome)


def _announced(
    group: RatingGroup, outcome: Outcome, grant: Grant | None, request_outcome: Outcome
) -> tuple[Announcement, ...]:
    if outcome is Outcome.LIMIT_REACHED:
        return _at_refusal(_said(group, AnnouncementKey.QUOTA_LIMIT_REACHED))
    if grant is not None and grant.is_final:
        said = _said(group, AnnouncementKey.QUOTA_LIMIT_REACHED)
        return _before_end(said, grant) if grant.units else _at_refusal(said)
    if outcome in SERVED:
        return ()
    return _said(group, _key(outcome, request_outcome))


def _key(outcome: Outcome, request_outcome: Outcome) -> AnnouncementKey:
    """Returns the occasion; an unknown location is an error where the whole request ends by it."""
    is_denied = outcome is Outcome.SERVICE_DENIED or (
        outcome is Outcome.LOCATION_UNKNOWN and request_outcome is not Outcome.LOCATION_UNKNOWN
    )
    return AnnouncementKey.END_USER_SERVICE_DENIED if is_denied else AnnouncementKey.OTHER_ERROR


def _said(group: RatingGroup, key: AnnouncementKey) -> tuple[Announcement, ...]:
    return group.announcements.get(key, ())


def _at_refusal(said: tuple[Announcement, ...]) -> tuple[Announcement, ...]:
    """Returns what is played where there is no quota: what has no time, else what ends one."""
    at_once = tuple([each for each in said if each.seconds_before_end is None])
    return at_once or tuple([each for each in said if each.seconds_before_end == 0])


def _before_end(said: tuple[Announcement, ...], grant: Grant) -> tuple[Announcement, ...]:
    """Returns what is played while the last quota is used, or when it ends.

    What has no time would be played before it; a quota of time that is shorter than the time that
    an announcement has before its end has no place for it.
    """
    most = grant.units if grant.unit_type is UnitType.TIME else None
    return tuple(
        [
            each
            for each in said
            if each.seconds_before_end is not None
            and (most is None or each.seconds_before_end < most)
        ]
    )
