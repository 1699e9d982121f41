"""What a strict peer is refused for: each thing tolerated of others as the standard's error.

What the standard has no error for is taken from every peer: AVPs in another order, used units above
the grant, and an odd User-Equipment-Info, which nothing reads.
"""

from collections.abc import Iterator
from types import MappingProxyType

from ..base.checks import wrapped
from ..base.codec import Avp, Group
from ..base.dictionary import Dictionary
from ..base.errors import (
    AvpNotAllowed,
    AvpOccursTooManyTimes,
    AvpUnsupported,
    ContradictingAvps,
    DiameterError,
    InvalidAvpValue,
    MissingAvp,
)
from ..base.message import Message
from ..base.strict import TEXT_ERRORS, Errors, shown
from .tolerance import Tolerated

_SERVICES = "Multiple-Services-Credit-Control"
_TOTAL = "CC-Total-Octets"
_DIRECTIONS = ("CC-Input-Octets", "CC-Output-Octets")
_OTHER_UNITS = ("CC-Time", "CC-Service-Specific-Units", "CC-Money")


class RatingFailed(DiameterError):
    """The service cannot be rated (RFC 8506 section 9.2)."""

    result_code = 5031


def _nameless_service(message: Message, dictionary: Dictionary) -> DiameterError:
    service = next(each for each in message.group.avps(_SERVICES) if _name(each.value) == ((), ()))
    return MissingAvp(
        "Rating-Group is missing in Multiple-Services-Credit-Control",
        wrapped(dictionary.example("Rating-Group"), [service]),
    )


def _usage_without_total(message: Message, dictionary: Dictionary) -> DiameterError:
    around = next(each for each in _used_units(message) if _lacks_total(each[-1].value))
    return MissingAvp(
        f"{_TOTAL} is missing in Used-Service-Unit",
        wrapped(dictionary.example(_TOTAL), around),
    )


def _services_not_indicated(message: Message, dictionary: Dictionary) -> DiameterError:
    indicator = message.group.avp("Multiple-Services-Indicator")
    if indicator is None:
        return MissingAvp(
            "Multiple-Services-Indicator is missing",
            dictionary.example("Multiple-Services-Indicator"),
        )
    return InvalidAvpValue(
        "Multiple-Services-Indicator does not allow Multiple-Services-Credit-Control",
        message.raw(indicator),
    )


def _repeated_service(message: Message, _dictionary: Dictionary) -> DiameterError:
    seen = set()
    for service in message.group.avps(_SERVICES):
        name = _name(service.value)
        if name in seen:
            break
        seen.add(name)
    return AvpOccursTooManyTimes("a service stands there more than once", message.raw(service))


def _units_at_command_level(message: Message, _dictionary: Dictionary) -> DiameterError:
    group = message.group
    units = group.avp("Requested-Service-Unit") or group.avp("Used-Service-Unit")
    assert units is not None
    return AvpNotAllowed("units must stand in Multiple-Services-Credit-Control", message.raw(units))


def _requested_action(message: Message, _dictionary: Dictionary) -> DiameterError:
    return AvpNotAllowed("Requested-Action belongs to an event", shown(message, "Requested-Action"))


def _usage_in_event(message: Message, _dictionary: Dictionary) -> DiameterError:
    around = next(_used_units(message))
    return AvpNotAllowed("An event has used nothing yet; ask for units", message.raw(around[-1]))


def _advice_of_charge(message: Message, _dictionary: Dictionary) -> DiameterError:
    return AvpUnsupported("no advice of charge is given", shown(message, "AoC-Request-Type"))


def _several_unit_types(message: Message, _dictionary: Dictionary) -> DiameterError:
    around = next(each for each in _used_units(message) if _unit_types(each[-1].value) > 1)
    return ContradictingAvps(
        "Used-Service-Unit has more than one type of unit", message.raw(around[-1])
    )


def _absurd_time(message: Message, _dictionary: Dictionary) -> DiameterError:
    return InvalidAvpValue("Event-Timestamp cannot be", shown(message, "Event-Timestamp"))


def _private_service_context(message: Message, _dictionary: Dictionary) -> DiameterError:
    return RatingFailed(
        "Service-Context-Id names no standard", shown(message, "Service-Context-Id")
    )


ERRORS: Errors = MappingProxyType(
    {
        Tolerated.SERVICE_WITHOUT_NAME: _nameless_service,
        Tolerated.USAGE_WITHOUT_TOTAL: _usage_without_total,
        Tolerated.MULTIPLE_SERVICES_NOT_INDICATED: _services_not_indicated,
        Tolerated.REPEATED_SERVICE: _repeated_service,
        Tolerated.UNITS_AT_COMMAND_LEVEL: _units_at_command_level,
        Tolerated.UNITS_AT_BOTH_LEVELS: _units_at_command_level,
        Tolerated.USAGE_IN_EVENT: _usage_in_event,
        Tolerated.REQUESTED_ACTION: _requested_action,
        Tolerated.ADVICE_OF_CHARGE: _advice_of_charge,
        Tolerated.SEVERAL_UNIT_TYPES: _several_unit_types,
        Tolerated.ABSURD_TIME: _absurd_time,
        **TEXT_ERRORS,
        Tolerated.PRIVATE_SERVICE_CONTEXT: _private_service_context,
    }
)
"""Of all that is tolerated in a Credit-Control-Request."""


def _name(service: Group) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Returns the Rating-Group, if any, and the Service-Identifiers of a service."""
    identifiers = sorted(set(service.all("Service-Identifier")))
    return tuple(service.all("Rating-Group")), tuple(identifiers)


def _used_units(message: Message) -> Iterator[list[Avp]]:
    """Yields each Used-Service-Unit, after the service that it stands in."""
    for service in message.group.avps(_SERVICES):
        for units in service.value.avps("Used-Service-Unit"):
            yield [service, units]
    for units in message.group.avps("Used-Service-Unit"):
        yield [units]


def _unit_types(units: Group) -> int:
    has_octets = any(name in units for name in (_TOTAL, *_DIRECTIONS))
    return has_octets + sum(name in units for name in _OTHER_UNITS)


def _lacks_total(units: Group) -> bool:
    return _TOTAL not in units and any(name in units for name in _DIRECTIONS)
