"""What a gateway asks when the server has it ask again (TS 32.299, forced re-authorisation)."""

from dataclasses import fields, replace
from typing import Any

from .answers import Answer
from .information import UNASKED
from .server_requests import ServerRequest
from .steps import ReportingReason, ServiceStep, Step, Units

Key = tuple[int | None, tuple[int, ...]]


class Services:
    """What a session has asked for last, service by service, and in which units it was granted."""

    def __init__(self) -> None:
        self.information = UNASKED
        self._asked: dict[Key, ServiceStep] = {}
        self._unused: dict[Key, Units] = {}

    def note(self, step: Step, answer: Answer) -> None:
        """Takes in a request and what was answered."""
        self.information = step.information
        for service in step.services:
            key = service.rating_group, service.service_identifiers
            if service.requested is not None:
                self._asked[key] = service
            else:
                self._asked.pop(key, None)
                self._unused.pop(key, None)
        for told in answer.services:
            key = told.rating_group, told.service_identifiers
            if told.granted is not None:
                self._unused[key] = _nothing_of(told.granted)

    def again(self, request: ServerRequest) -> tuple[ServiceStep, ...]:
        """Returns the services of the update that a RAR asks for: those it names, or all."""
        reason = ReportingReason.FORCED_REAUTHORISATION
        asked = [
            self._service(key, service.requested, reason)
            for key, service in self._asked.items()
            if not request.rating_groups or key[0] in request.rating_groups
        ]
        known = {service.rating_group for service in asked}
        new = [group for group in request.rating_groups if group not in known]
        return (*asked, *(ServiceStep(group, requested=Units()) for group in new))

    def last(self) -> tuple[ServiceStep, ...]:
        """Returns the services of the request that ends the session."""
        return tuple(self._service(key, None, ReportingReason.FINAL) for key in self._asked)

    def _service(self, key: Key, requested: Units | None, reason: ReportingReason) -> ServiceStep:
        """Reports nothing used where something was granted."""
        used = self._unused.get(key)
        return ServiceStep(
            rating_group=key[0],
            service_identifiers=key[1],
            requested=requested,
            used=used,
            reporting_reason=None if used is None else reason,
        )


def _nothing_of(granted: Units) -> Units:
    """Returns none of the units in which a quota was granted; of money alone, no octets."""
    counted = replace(granted, money=None)
    if counted == Units():
        return Units(total_octets=0)
    none: dict[str, Any] = {
        each.name: 0 for each in fields(counted) if getattr(counted, each.name) is not None
    }
    return replace(counted, **none)
