"""What a gateway is told of the end of a service's units, and while it does that (RFC 8506 5.6)."""

from urllib.parse import quote

from .catalogue import RatingGroup
from .decisions import Grant
from .final_units import (
    PLACEHOLDER,
    TERMINATE,
    FinalUnit,
    FinalUnitAction,
    FinalUnitHandling,
    RedirectServer,
)
from .hours import zone
from .matching import Occasion, unmet
from .progress import Progress
from .requests import ChargingRequest, IdentityKind, session_id_text
from .services import Service
from .session import Reservation

RUNNING = frozenset({FinalUnitAction.REDIRECT, FinalUnitAction.RESTRICT_ACCESS})
"""What goes on until there is a quota again: the gateway asks for one from time to time."""

FILLED_IN_LENGTH_MAX = 255
"""Of a name that is filled in; many services of an answer may say it."""


def final_unit_of(
    group: RatingGroup, progress: Progress, request: ChargingRequest
) -> FinalUnit | None:
    """Returns what the gateway does when a rating group's units have ended; None: it is not told.

    The service of users whom no server takes is terminated.
    """
    handling = group.final_unit
    action = handling.action
    if action is None or action is FinalUnitAction.TERMINATE:
        return None if action is None else TERMINATE
    address_type, address = None, ""
    if action is FinalUnitAction.REDIRECT:
        server = _server(handling, progress)
        if server is None:
            return TERMINATE
        address_type = server.address_type
        address = _filled(server.address, group, progress, request)
    return FinalUnit(action, address_type, address, handling.filter_rules, handling.filter_ids)


def begins_at_once(final_unit: FinalUnit | None) -> bool:
    """Is it something to do where there is nothing to use before? Else the service is refused."""
    return final_unit is not None and final_unit.action in RUNNING


def running(service: Service, group: RatingGroup, progress: Progress) -> Reservation | None:
    """Returns what a service had before the request, where the gateway was told what to do then.

    None: that is nothing that goes on, so that nobody waits to hear more of it.
    """
    if group.final_unit.action not in RUNNING or progress.is_denied:
        return None
    for before in progress.session.reservations:
        if (
            before.is_final
            and (before.rating_group, before.service_identifiers) == service.identity
        ):
            return before
    return None


def go_on(
    service: Service, group: RatingGroup, before: Reservation, seconds: int, progress: Progress
) -> None:
    """Says for how long what it does goes on, to a gateway that only reports."""
    group_id, service_identifiers, _, line, *_ = before
    now, is_told = progress.case.now, True
    progress.reserve(Reservation(group_id, service_identifiers, 0, line, 0, now, is_told))
    service.grant = Grant(group.unit_type, 0, seconds, False)


def _server(handling: FinalUnitHandling, progress: Progress) -> RedirectServer | None:
    """Returns the first server that takes the user; what is not known never holds."""
    case = progress.case
    wall = zone(progress.account.time_zone or case.catalogue.time_zone)
    occasion = Occasion(progress.circumstances, case.now, wall, case.catalogue)
    for server in handling.redirect_servers:
        if unmet(server.restrictions, occasion, False) is None:
            return server
    return None


def _filled(address: str, group: RatingGroup, progress: Progress, request: ChargingRequest) -> str:
    """Fills placeholders in, each so that it can be no part of a URI but itself.

    Names that the request does not say are empty; so are those that are too long for an address.
    """
    if "{" not in address:
        return address
    names = {identity.kind: identity.value for identity in request.identities}
    values = {
        "msisdn": names.get(IdentityKind.MSISDN, ""),
        "imsi": names.get(IdentityKind.IMSI, ""),
        "account": progress.account.name,
        "rating_group": str(group.id),
        "session_id": session_id_text(request.session_key.session_id),
    }
    fit = {name: value for name, value in values.items() if len(value) <= FILLED_IN_LENGTH_MAX}
    return PLACEHOLDER.sub(lambda found: quote(fit.get(found[1], ""), safe=""), address)
