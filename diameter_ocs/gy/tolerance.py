"""What a credit-control request may have against the standard and is served all the same."""

from enum import StrEnum


class Tolerated(StrEnum):
    """What is accepted; the rim counts each kind and logs it once a connection."""

    UNITS_AT_COMMAND_LEVEL = "units_at_command_level"
    """Requested or used units without Multiple-Services-Credit-Control."""
    UNITS_AT_BOTH_LEVELS = "units_at_both_levels"
    """Units at command level beside Multiple-Services-Credit-Control: the former are ignored."""
    SERVICE_WITHOUT_NAME = "service_without_name"
    """Neither Rating-Group nor Service-Identifier."""
    REPEATED_SERVICE = "repeated_service"
    """The same Rating-Group and Service-Identifiers more than once: merged."""
    USAGE_WITHOUT_TOTAL = "usage_without_total"
    """Input and output octets without their total: added up."""
    SEVERAL_UNIT_TYPES = "several_unit_types"
    """More than one type of unit in one Used-Service-Unit."""
    MULTIPLE_SERVICES_NOT_INDICATED = "multiple_services_not_indicated"
    """Multiple-Services-Indicator absent or 0, with Multiple-Services-Credit-Control present."""
    USAGE_IN_EVENT = "usage_in_event"
    """Used-Service-Unit in an event request, which is charged by what it asks for: ignored."""
    REQUESTED_ACTION = "requested_action"
    """Requested-Action outside an event request: ignored."""
    ADVICE_OF_CHARGE = "advice_of_charge"
    """AoC-Request-Type: ignored."""
    ABSURD_TIME = "absurd_time"
    """An Event-Timestamp that cannot be true: the time of receipt is used."""
    PRIVATE_SERVICE_CONTEXT = "private_service_context"
    """A Service-Context-Id of no standard that the configuration maps."""
