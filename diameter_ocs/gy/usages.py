"""What the services of a request used and ask for (RFC 8506 sections 8.16 to 8.19)."""

from enum import StrEnum

from ..base.codec import Group
from ..base.errors import AvpOccursTooManyTimes
from ..base.message import Message
from ..charging.requests import ServiceUsage, Units
from ..charging.units import AMOUNT_MAX
from .events import messages_of
from .money import with_money
from .tolerance import Tolerated

SERVICES_MAX = 100
"""Multiple-Services-Credit-Control AVPs in one request; one more is refused."""

_BESIDE_OCTETS = ("CC-Time", "CC-Service-Specific-Units", "CC-Money")

_QUOTA_RETURNED = frozenset({1, 2})
"""The Reporting-Reasons QHT and FINAL (TS 32.299)."""

_AFTER_TARIFF_CHANGE = 1
"""The Tariff-Change-Usage UNIT_AFTER_TARIFF_CHANGE; what is not said to be that came before."""


def usages_of(
    message: Message, services: list[Group], tolerated: set[StrEnum]
) -> tuple[ServiceUsage, ...]:
    """Returns what each service used and asks for.

    Without Multiple-Services-Credit-Control, units at command level are one service. Beside it
    they are ignored: clients that send both say the same twice, and to charge it twice is worse.
    """
    group = message.group
    if len(services) > SERVICES_MAX:
        first_beyond = group.avps("Multiple-Services-Credit-Control")[SERVICES_MAX]
        raise AvpOccursTooManyTimes(
            f"At most {SERVICES_MAX} services fit in one request", message.raw(first_beyond)
        )
    has_units = "Requested-Service-Unit" in group or "Used-Service-Unit" in group
    if not services:
        if not has_units:
            return ()
        tolerated.add(Tolerated.UNITS_AT_COMMAND_LEVEL)
        return (_usage(message, group, tolerated),)
    if has_units:
        tolerated.add(Tolerated.UNITS_AT_BOTH_LEVELS)
    return tuple([_usage(message, service, tolerated) for service in services])


def event_usages(
    message: Message, services: list[Group], tolerated: set[StrEnum]
) -> tuple[ServiceUsage, ...]:
    """Returns what an event asks for: without Multiple-Services-Credit-Control one service, too."""
    usages = (
        usages_of(message, services, tolerated)
        if services
        else (_usage(message, message.group, tolerated),)
    )
    if any(usage.used for usage in usages):
        tolerated.add(Tolerated.USAGE_IN_EVENT)
    messages = messages_of(message.group)
    return tuple([usage._replace(used=(), used_after=(), messages=messages) for usage in usages])


def _usage(message: Message, group: Group, tolerated: set[StrEnum]) -> ServiceUsage:
    """Reads one service out of its group, or out of the command."""
    requested = group.first("Requested-Service-Unit")
    reasons = group.all("Reporting-Reason")
    part = group.first("Tariff-Change-Usage")
    used, used_after = [], []
    for units in group.all("Used-Service-Unit"):
        used.append(_used(message, units, tolerated))
        own_part = units.first("Tariff-Change-Usage")
        if (part if own_part is None else own_part) == _AFTER_TARIFF_CHANGE:
            used_after.append(used[-1])
        if "Reporting-Reason" in units:
            reasons = [*reasons, *units.all("Reporting-Reason")]
    return ServiceUsage(
        group.first("Rating-Group"),
        tuple(sorted(set(group.all("Service-Identifier")))),
        None if requested is None else _requested(message, requested),
        tuple(used),
        bool(reasons) and not _QUOTA_RETURNED.isdisjoint(reasons),
        used_after=tuple(used_after),
    )


def _requested(message: Message, group: Group) -> Units:
    """Reads a Requested-Service-Unit; more than any balance can have is as much as possible."""
    octets, _ = _octets(group)
    service_specific = group.first("CC-Service-Specific-Units")
    units = Units(
        None if octets is None else min(octets, AMOUNT_MAX),
        group.first("CC-Time"),
        None if service_specific is None else min(service_specific, AMOUNT_MAX),
    )
    return with_money(message, group, units)


def _used(message: Message, group: Group, tolerated: set[StrEnum]) -> Units:
    """Reads a Used-Service-Unit as it is, however absurd: charging has a bound and records it."""
    octets, is_total = _octets(group)
    if not is_total:
        tolerated.add(Tolerated.USAGE_WITHOUT_TOTAL)
    if not any(name in group for name in _BESIDE_OCTETS):
        return Units(octets)
    units = Units(octets, group.first("CC-Time"), group.first("CC-Service-Specific-Units"))
    units = with_money(message, group, units)
    if units.count(None) < 3:
        tolerated.add(Tolerated.SEVERAL_UNIT_TYPES)
    return units


def _octets(group: Group) -> tuple[int | None, bool]:
    """Returns the octets of a group of units; False: they are the sum of both directions."""
    total = group.first("CC-Total-Octets")
    if total is not None:
        return total, True
    uplink, downlink = group.first("CC-Input-Octets"), group.first("CC-Output-Octets")
    if uplink is None and downlink is None:
        return None, True
    return (uplink or 0) + (downlink or 0), False
