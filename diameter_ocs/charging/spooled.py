"""Usage of requests that were refused, and what of it is owed once its session is heard of again.

A gateway that was refused repeats the request, reports the usage once more with what came after
it, or stays silent; by the first two it is not charged twice, by the last not lost.
"""

from collections.abc import Sequence
from typing import NamedTuple

from .case import Case
from .decisions import Decision
from .requests import ChargingRequest, RequestType, ServiceUsage, Units

USAGE_DROPPED = "spooled_usage_dropped"
"""Why an EDR stands for usage that had been spooled: its request reported at least as much."""
WAIT_MICROSECONDS = 48 * 3600 * 1_000_000
"""How long usage waits for the next request of an open session."""


class SpooledRequest(NamedTuple):
    """A request whose usage is kept though it was refused."""

    number: int
    """Its name in the spool."""
    at: int
    """When it was refused, microseconds since 1970 UTC."""
    request: ChargingRequest


class Owed(NamedTuple):
    """What of spooled requests is to be charged before the next one."""

    requests: tuple[ChargingRequest, ...]
    """They say that they are repeats, so that what was charged after all is recognised."""
    is_usage_dropped: bool
    """The next request reports usage that had been spooled."""


def is_owed(request: ChargingRequest) -> bool:
    """Whether something is lost when nobody hears of a request again."""
    if request.request_type is RequestType.TERMINATION:
        return True
    is_update = request.request_type is RequestType.UPDATE
    return is_update and any(usage.used for usage in request.usages)


def owed(spooled: Sequence[ChargingRequest], following: ChargingRequest | None) -> Owed:
    """Returns what is owed of the spooled requests of one session, in their order.

    A request that was sent again counts once. Usage of a rating group counts once when the next
    request that reports on it reports at least as much. A termination is charged whole. `following`
    None: the session stays silent.
    """
    later = [] if following is None else [following]
    left: list[ChargingRequest] = []
    is_dropped = False
    for request in reversed(spooled):
        if not any(_is_same(request, each) for each in later):
            usages = _usages_left(request, later)
            is_dropped |= len(usages) < len(request.usages)
            rest = request._replace(usages=usages)
            if is_owed(rest):
                left.append(_as_repeat(rest))
        later.insert(0, request)
    return Owed(tuple(reversed(left)), is_dropped)


def is_due(spooled: Sequence[SpooledRequest], case: Case) -> bool:
    """Whether spooled usage of a session should not wait for its next request any longer."""
    requests = [each.request for each in spooled]
    session = case.sessions.get(requests[0].session_key)
    if session is None or case.now - spooled[0].at >= WAIT_MICROSECONDS:
        return True
    if any(request.request_type is RequestType.TERMINATION for request in requests):
        return True
    held = {each.rating_group for each in session.reservations if each.granted}
    for request in requests:
        context = request.service_context or session.service_context
        for usage in request.usages:
            group = case.catalogue.rating_group_of(
                usage.rating_group, usage.service_identifiers, context
            )
            if usage.used and group is not None and group.id in held:
                return False
    return True


def marked(decision: Decision) -> Decision:
    """Says in the journal that spooled usage was dropped for a request's own report."""
    if not decision.edrs:
        return decision
    *others, own = decision.edrs
    reason = USAGE_DROPPED if own.reason is None else f"{own.reason}, {USAGE_DROPPED}"
    return decision._replace(edrs=(*others, own._replace(reason=reason)))


def _is_same(one: ChargingRequest, other: ChargingRequest) -> bool:
    return (one.request_type, one.request_number) == (other.request_type, other.request_number)


def _usages_left(
    request: ChargingRequest, later: Sequence[ChargingRequest]
) -> tuple[ServiceUsage, ...]:
    """Returns the services of a request whose usage is not reported again."""
    if request.request_type is RequestType.TERMINATION:
        return request.usages
    dropped = set()
    for rating_group in {usage.rating_group for usage in request.usages if usage.used}:
        reports = [_reported(each, rating_group) for each in later]
        again = next((report for report in reports if report is not None), None)
        own = _reported(request, rating_group)
        if own is not None and again is not None and _covers(again, own):
            dropped.add(rating_group)
    return tuple([usage for usage in request.usages if usage.rating_group not in dropped])


def _reported(request: ChargingRequest, rating_group: int | None) -> Units | None:
    """Returns what a request reports on a rating group; None: it does not."""
    used = [
        units
        for usage in request.usages
        if usage.rating_group == rating_group
        for units in usage.used
    ]
    if not used:
        return None
    return Units(*[sum([amount or 0 for amount in amounts]) for amounts in zip(*used, strict=True)])


def _covers(report: Units, other: Units) -> bool:
    pairs = zip(report, other, strict=True)
    return all((amount or 0) >= (least or 0) for amount, least in pairs)


def _as_repeat(request: ChargingRequest) -> ChargingRequest:
    """Returns a request that asks for no quota, and otherwise says what it said."""
    usages = [
        usage._replace(is_quota_returned=usage.is_quota_returned or usage.requested is not None)
        for usage in request.usages
    ]
    return request._replace(usages=tuple(usages), is_retransmission=True)
