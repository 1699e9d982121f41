"""What the accounts of a family are told by the model when a gateway asks."""

from __future__ import annotations

from typing import NamedTuple

from diameter_ocs.charging.decisions import Outcome
from diameter_ocs.charging.requests import ChargingRequest, ServiceUsage
from tests.handlers.family import (
    EVENT,
    INITIAL,
    TERMINATION,
    UPDATE,
    Family,
    Paid,
    Person,
    Session,
    Told,
    is_repeat,
)


class Expected(NamedTuple):
    """What a request is to be told."""

    outcome: Outcome = Outcome.SUCCESS
    services: tuple[Told, ...] = ()
    """In the order of the request."""
    edrs: int = 1
    again: object = None
    """What was told the first time, where it is a repeat."""
    session: Session | None = None
    """The one that remembers the request."""


def decide(family: Family, request: ChargingRequest) -> Expected:
    """Do in the model what a request does."""
    name = request.session_key.session_id
    session = family.sessions.get(name)
    if session is not None:
        by_content = session.closed_at is None or request.request_type is not INITIAL
        for first in reversed(session.answers):
            if is_repeat(first, request, family.now, by_content):
                return Expected(edrs=0, again=first.told)
    if request.request_type in (INITIAL, EVENT):
        person = family.owner(request.identities[0])
        if person is None:
            return Expected(Outcome.USER_UNKNOWN, edrs=0)
        if request.request_type is EVENT:
            return _event(family, request, person)
        return _open(family, request, person)
    assert session is not None
    if session.closed_at is None:
        return _continue(family, request, session)
    return _late(family, request, session)


def _open(family: Family, request: ChargingRequest, person: Person) -> Expected:
    name, bearer = request.session_key.session_id, request.charging_id
    replaced = [
        each
        for each in family.sessions.values()
        if each.closed_at is None
        if each.name == name or (each.person is person and bearer and each.bearer == bearer)
    ]
    for each in replaced:
        each.close(family.now, "replaced")
    edrs = 1 + len(replaced)
    session = Session(person, name, family.now, bearer=bearer)
    family.sessions[session.name] = session
    services = _services(family, request, session)
    if not family.denies(person):
        return Expected(Outcome.SUCCESS, services, edrs, None, session)
    session.close(family.now, "refused")
    return Expected(Outcome.SERVICE_DENIED, services, edrs, None, session)


def _continue(family: Family, request: ChargingRequest, session: Session) -> Expected:
    session.heard_at = family.now
    services = _services(family, request, session)
    if request.request_type is TERMINATION:
        session.close(family.now, "terminated")
    return Expected(Outcome.SUCCESS, services, 1, None, session)


def _late(family: Family, request: ChargingRequest, session: Session) -> Expected:
    is_update = request.request_type is UPDATE
    is_told = is_update and session.reason == "suspended" and family.denies(session.person)
    outcome = Outcome.SESSION_UNKNOWN if is_update and not is_told else Outcome.SUCCESS
    if not is_told and not any(usage.used for usage in request.usages):
        return Expected(outcome, edrs=0)
    services = _services(family, request, session, grants=is_told)
    session.close(family.now, session.reason)
    return Expected(outcome, services, 1, None, session)


def _services(
    family: Family, request: ChargingRequest, session: Session, grants: bool = True
) -> tuple[Told, ...]:
    """Settle everything, then grant in order."""
    paid = [
        Paid()
        if not usage.used and usage.requested is None
        else family.settle(session, _group(usage), reported(usage) if usage.used else None)
        for usage in request.usages
    ]
    told = []
    for usage, settled in zip(request.usages, paid, strict=True):
        outcome, granted, is_final = Outcome.SUCCESS, 0, False
        if grants and usage.requested is not None and request.request_type is not TERMINATION:
            wanted = usage.requested.octets or 1
            outcome, granted, is_final = family.grant(session, _group(usage), wanted)
        told.append(Told(outcome, granted, is_final, settled))
    return tuple(told)


def _event(family: Family, request: ChargingRequest, person: Person) -> Expected:
    session = Session(person, request.session_key.session_id, family.now)
    family.sessions[session.name] = session
    session.close(family.now, "event")
    (usage,) = request.usages
    assert usage.requested is not None
    group, wanted = _group(usage), usage.requested.octets or 1
    if family.denies(person) or not family.sources(person, group):
        refused = Told(Outcome.SERVICE_DENIED, 0, False, Paid())
        return Expected(refused.outcome, (refused,), 1, None, session)
    price = family.price(person, group)
    units = family.take(person, group, wanted, price, begins=False)
    units += family.take(person, group, wanted - len(units), price)
    count, money = family.spend(units)
    outcome = Outcome.SUCCESS if count else Outcome.LIMIT_REACHED
    told = Told(outcome, count, 0 < count < wanted, Paid(count, money))
    return Expected(outcome, (told,), 1, None, session)


def reported(usage: ServiceUsage) -> int:
    return sum(units.octets or 0 for units in usage.used)


def _group(usage: ServiceUsage) -> int:
    assert usage.rating_group is not None
    return usage.rating_group
