"""Usage of requests that were refused, and what of it is owed once its session is heard of again.

A gateway that was refused repeats the request, reports the usage once more with what came after
it, or stays silent; by the first two it is not charged twice, by the last not lost.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import reduce
from typing import NamedTuple

from .case import Case
from .decisions import Decision
from .repeats import digest, was_stored_whole
from .requests import ChargingRequest, RequestType, Units

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
    """A request that is to be charged, and which spooled usage it reports once more."""

    request: ChargingRequest
    again: tuple[ChargingRequest, ...] = ()
    """The spooled requests, the latest first, with that usage alone."""


def is_owed(request: ChargingRequest) -> bool:
    """Whether something is lost when nobody hears of a request again."""
    if request.request_type is RequestType.TERMINATION:
        return True
    is_update = request.request_type is RequestType.UPDATE
    return is_update and any(usage.used for usage in request.usages)


def owed(spooled: Sequence[ChargingRequest], following: ChargingRequest | None) -> list[Owed]:
    """Returns what is to be charged of the spooled requests of a session, then the next request.

    A request that was sent again counts once. Usage of a rating group counts once when the next
    request that reports on it reports at least as much. A termination is charged whole. What is
    charged of spooled requests says that it was spooled, so that it is recognised where it was
    stored after all. `following` None: the session stays silent.
    """
    later: list[ChargingRequest] = []
    reporting: dict[int | None, list[ChargingRequest]] = {}
    left: list[tuple[ChargingRequest, list[ChargingRequest]]] = []
    if following is not None:
        left.append((following, []))
        later.append(following)
        reporting = dict.fromkeys(_rating_groups(following), left[0][1])
    for request in reversed(spooled):
        if not any(_is_sent_again(request, each) for each in later):
            again = _reported_again(request, later)
            for rating_group in again:
                reporting[rating_group].append(_only(request, {rating_group}))
            rest = _only(request, _rating_groups(request) - again)
            if is_owed(rest):
                left.append((_as_spooled(rest), []))
                reporting |= dict.fromkeys(_rating_groups(rest), left[-1][1])
        later.insert(0, request)
    return [Owed(request, tuple(again)) for request, again in reversed(left)]


def less_stored(owed: Owed, case: Case) -> ChargingRequest:
    """Returns a request that leaves out what it reports once more and was stored after all.

    Reports are sums: of several spooled ones the latest that was stored holds the others.
    """
    stored: dict[int | None, Units] = {}
    for spooled in owed.again:
        if was_stored_whole(_as_spooled(spooled), case):
            for rating_group in _rating_groups(spooled):
                stored.setdefault(rating_group, _reported(spooled, rating_group) or Units())
    if not stored:
        return owed.request
    usages = []
    for usage in owed.request.usages:
        counted = stored.get(usage.rating_group)
        if counted is not None and usage.used:
            own = _sum(usage.used)
            usage = usage._replace(counted=own.combined(min, counted))
            stored[usage.rating_group] = counted.combined(_less, own)
        usages.append(usage)
    return owed.request._replace(usages=tuple(usages))


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


def _is_sent_again(request: ChargingRequest, later: ChargingRequest) -> bool:
    """Whether a later request of the same name says all that this one said.

    One that says less is another one: there are clients that number all requests alike.
    """
    if (request.request_type, request.request_number) != (later.request_type, later.request_number):
        return False
    groups = _rating_groups(request)
    pairs = [(_reported(later, group), _reported(request, group)) for group in groups]
    return all(report and own and _covers(report, own) for report, own in pairs)


def _rating_groups(request: ChargingRequest) -> set[int | None]:
    """Returns the rating groups that a request reports on."""
    return {usage.rating_group for usage in request.usages if usage.used}


def _only(request: ChargingRequest, rating_groups: Collection[int | None]) -> ChargingRequest:
    """Returns a request with what it reports on some rating groups."""
    usages = [u for u in request.usages if u.used and u.rating_group in rating_groups]
    return request._replace(usages=tuple(usages), said=digest(request))


def _reported_again(request: ChargingRequest, later: Sequence[ChargingRequest]) -> set[int | None]:
    """Returns the rating groups of whose usage a later request reports at least as much."""
    again: set[int | None] = set()
    if request.request_type is RequestType.TERMINATION:
        return again
    for rating_group in _rating_groups(request):
        reports = [_reported(each, rating_group) for each in later]
        report = next((report for report in reports if report is not None), None)
        own = _reported(request, rating_group)
        if own is not None and report is not None and _covers(report, own):
            again.add(rating_group)
    return again


def _reported(request: ChargingRequest, rating_group: int | None) -> Units | None:
    """Returns what a request reports on a rating group; None: it does not."""
    used = [
        units
        for usage in request.usages
        if usage.rating_group == rating_group
        for units in usage.used
    ]
    return _sum(used) if used else None


def _sum(used: Iterable[Units]) -> Units:
    return reduce(Units.plus, used, Units())


def _less(amount: int, part: int) -> int:
    return max(amount - part, 0)


def _covers(report: Units, other: Units) -> bool:
    pairs = zip(report, other, strict=True)
    return all((amount or 0) >= (least or 0) for amount, least in pairs)


def _as_spooled(request: ChargingRequest) -> ChargingRequest:
    """Returns a request that asks for no quota, and otherwise says what it said."""
    usages = [
        usage._replace(is_quota_returned=usage.is_quota_returned or usage.requested is not None)
        for usage in request.usages
    ]
    return request._replace(usages=tuple(usages), is_spooled=True)
