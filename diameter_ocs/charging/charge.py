"""Decide a charging request. Nothing here reads, writes or waits.

The states of RFC 8506 section 7 are few on the server: a session is open or it is not. All
services of a request are settled before any is granted, then granted in the request's order.
"""

from collections.abc import Iterable
from typing import NamedTuple

from .case import Account, Case
from .catalogue import RatingGroup
from .decisions import (
    Decision,
    Edr,
    EdrKind,
    Grant,
    Outcome,
    ServiceDecision,
    ServiceRecord,
    Settlement,
)
from .identification import subscriber
from .ledger import Ledger
from .quota import VALIDITY_SECONDS_MIN, clamp, grant, validity_seconds
from .rating import Tariff, tariff_of
from .requests import ChargingRequest, RequestType, ServiceUsage
from .session import RATING_GROUPS_MAX, Line, Reservation, Session
from .settlement import USED_MAX, release, settle

ACTIONS = {
    RequestType.INITIAL: (EdrKind.CHARGING, "initial"),
    RequestType.UPDATE: (EdrKind.CHARGING, "update"),
    RequestType.TERMINATION: (EdrKind.BILLING, "terminate"),
}


def charge(request: ChargingRequest, case: Case) -> Decision:
    """Return what a request is answered and what it moves on its account."""
    session = case.sessions.get(request.session_key)
    if request.request_type is RequestType.INITIAL:
        return _open(request, case, session)
    if session is None:
        return Decision(Outcome.SESSION_UNKNOWN)
    return _continue(request, case, session)


def _open(request: ChargingRequest, case: Case, old: Session | None) -> Decision:
    """Open a session; one that is open under the same key is abandoned first."""
    account_id = subscriber(request.identities, case.directory)
    if account_id is None:
        return Decision(Outcome.USER_UNKNOWN)
    if old is not None:
        abandoned = _abandon(old, case)
        opened = _open(request, case.after(abandoned), None)
        return opened._replace(
            edrs=abandoned.edrs + opened.edrs,
            closed=abandoned.closed,
            balances={**abandoned.balances, **opened.balances},
        )
    session = Session(
        number=case.version + 1,
        account_id=account_id,
        key=request.session_key,
        service_context=request.service_context,
        origin_host=request.origin_host,
        origin_realm=request.origin_realm,
        opened_at=case.now,
        last_request_at=case.now,
        request_number=request.request_number,
        catalogue_version=case.catalogue.version,
    )
    work = _Charging(case, session)
    services = work.services(request) if request.service_context is not None else []
    is_rated = any(service.outcome is not Outcome.RATING_FAILED for service in services)
    if request.service_context is None or (services and not is_rated):
        return _decision(request, Outcome.RATING_FAILED, services, work, None)
    return _decision(request, Outcome.SUCCESS, services, work, work.session_after(request))


def _continue(request: ChargingRequest, case: Case, session: Session) -> Decision:
    """Settle and grant within an open session; a termination releases everything and ends it."""
    work = _Charging(case, session)
    services = work.services(request)
    if request.request_type is RequestType.TERMINATION:
        work.release_all()
        decision = _decision(request, Outcome.SUCCESS, services, work, None)
        return decision._replace(closed=(session.key,))
    return _decision(request, Outcome.SUCCESS, services, work, work.session_after(request))


def _abandon(session: Session, case: Case) -> Decision:
    """Close a session that its client has forgotten: everything it holds is released."""
    work = _Charging(case, session)
    work.release_all()
    edr = Edr(
        number=case.version + 1,
        at=case.now,
        account_id=session.account_id,
        kind=EdrKind.BILLING,
        action="abandoned",
        outcome=Outcome.SUCCESS,
        postings=work.ledger.postings(),
        session_id=session.key.session_id,
        request_number=session.request_number,
        origin_host=session.origin_host,
        catalogue_version=session.catalogue_version,
    )
    return Decision(
        Outcome.SUCCESS, (), (edr,), None, (session.key,), work.ledger.changed_balances()
    )


class _Service(NamedTuple):
    """One service of a request on its way: what it is, what became of it."""

    usage: ServiceUsage
    rating_group: RatingGroup | None
    outcome: Outcome
    settlement: Settlement = Settlement()
    grant: Grant | None = None


def _decision(
    request: ChargingRequest,
    outcome: Outcome,
    services: list[_Service],
    work: "_Charging",
    session: Session | None,
) -> Decision:
    return Decision(
        outcome,
        tuple(
            ServiceDecision(service.usage, service.outcome, service.grant) for service in services
        ),
        (work.edr(request, outcome, services),),
        session,
        (),
        work.ledger.changed_balances(),
    )


class _Charging:
    """An open session, and the balances of its group, while one request changes them."""

    __slots__ = ("account", "case", "ledger", "lines", "reservations", "session")

    def __init__(self, case: Case, session: Session) -> None:
        self.case = case
        self.session = session
        self.account: Account = case.accounts[session.account_id]
        self.ledger = Ledger(case.balances)
        self.lines = {line.number: line for line in session.lines}
        self.reservations = {
            (reservation.rating_group, reservation.service_identifiers): reservation
            for reservation in session.reservations
        }

    def services(self, request: ChargingRequest) -> list[_Service]:
        """Settle every service of the request, then grant in order."""
        settled = [self._settled(service) for service in self._merged(request)]
        return [self._granted(request, service) for service in settled]

    def release_all(self) -> None:
        """Give back everything that the session holds."""
        self.reservations.clear()
        for number, line in self.lines.items():
            self.lines[number] = release(line, 0, self.ledger)

    def session_after(self, request: ChargingRequest) -> Session:
        """Return the session as the request leaves it, without lines that nothing needs."""
        newest: dict[int, int] = {}
        for line in self.lines.values():
            newest[line.rating_group] = max(line.number, newest.get(line.rating_group, 0))
        needed = {reservation.line for reservation in self.reservations.values()}
        needed.update(newest.values())
        return self.session._replace(
            origin_host=request.origin_host,
            origin_realm=request.origin_realm,
            last_request_at=self.case.now,
            request_number=request.request_number,
            catalogue_version=self.case.catalogue.version,
            lines=tuple(line for line in self.lines.values() if line.number in needed),
            reservations=tuple(self.reservations.values()),
        )

    def edr(self, request: ChargingRequest, outcome: Outcome, services: list[_Service]) -> Edr:
        """Return the journal's record of the request."""
        kind, action = ACTIONS[request.request_type]
        return Edr(
            number=self.case.version + 1,
            at=self.case.now,
            account_id=self.account.id,
            kind=kind,
            action=action,
            outcome=outcome,
            postings=self.ledger.postings(),
            session_id=request.session_key.session_id,
            request_number=request.request_number,
            origin_host=request.origin_host,
            end_to_end_id=request.end_to_end_id,
            catalogue_version=self.case.catalogue.version,
            services=tuple(_record(service) for service in services),
        )

    def _merged(self, request: ChargingRequest) -> Iterable[_Service]:
        """Return the services of a request; those of equal identity are one (TS 32.299 6.3)."""
        context = request.service_context or self.session.service_context
        services: dict[tuple[int | None, tuple[int, ...]], _Service] = {}
        for usage in request.usages:
            group = self.case.catalogue.rating_group_of(
                usage.rating_group, usage.service_identifiers, context
            )
            number = usage.rating_group if group is None else group.id
            identity = number, usage.service_identifiers
            twin = services.get(identity)
            if twin is not None:
                usage = twin.usage._replace(
                    requested=usage.requested if usage.requested else twin.usage.requested,
                    used=twin.usage.used + usage.used,
                    is_quota_returned=twin.usage.is_quota_returned and usage.is_quota_returned,
                )
            outcome = Outcome.RATING_FAILED if group is None else Outcome.SUCCESS
            services[identity] = _Service(usage, group, outcome)
        return services.values()

    def _settled(self, service: _Service) -> _Service:
        """Pay for what was used and end the service's reservation."""
        usage, group = service.usage, service.rating_group
        is_kept = not usage.used and usage.requested is None and not usage.is_quota_returned
        if group is None or is_kept:
            return service
        reported = sum(units.of(group.unit_type) or 0 for units in usage.used)
        used = min(reported, USED_MAX[group.unit_type])
        reservation = self.reservations.pop((group.id, usage.service_identifiers), None)
        if reservation is None and not used:
            return service
        tariff = self._tariff(group)
        line = self.lines[reservation.line] if reservation else self._line(group, tariff)
        line, settlement = settle(
            line,
            reservation.granted if reservation else 0,
            self._granted_on(line),
            used,
            tariff,
            self.ledger,
        )
        self.lines[line.number] = line
        return service._replace(settlement=settlement._replace(reported=reported))

    def _granted(self, request: ChargingRequest, service: _Service) -> _Service:
        """Grant a quota where one is asked for."""
        usage, group = service.usage, service.rating_group
        if group is None or not _wants_quota(request, usage):
            return service
        tariff = self._tariff(group)
        groups = {line.rating_group for line in self.lines.values()} | {group.id}
        if not tariff.sources or len(groups) > RATING_GROUPS_MAX:
            return service._replace(outcome=Outcome.SERVICE_DENIED)
        wanted = None if usage.requested is None else usage.requested.of(group.unit_type)
        line = self._line(group, tariff)
        quota = grant(line, self._granted_on(line), clamp(wanted, group), tariff, self.ledger)
        self.lines[line.number] = quota.line
        if not quota.units:
            return service._replace(outcome=Outcome.LIMIT_REACHED)
        identity = group.id, usage.service_identifiers
        self.reservations[identity] = Reservation(*identity, quota.units, line.number)
        key = request.session_key
        seconds = validity_seconds(group, key.session_id, request.request_number)
        if quota.is_last and not quota.is_final:
            seconds = VALIDITY_SECONDS_MIN
        return service._replace(grant=Grant(group.unit_type, quota.units, seconds, quota.is_final))

    def _tariff(self, rating_group: RatingGroup) -> Tariff:
        return tariff_of(self.account, self.ledger.balances, self.case.catalogue, rating_group)

    def _line(self, rating_group: RatingGroup, tariff: Tariff) -> Line:
        """Return the line that usage and grants of a group stand on now."""
        newest = max(self.lines, default=0)
        lines = [line for line in self.lines.values() if line.rating_group == rating_group.id]
        line = max(lines, default=None, key=_number)
        if line is None or (tariff.sources and line.price != tariff.price):
            line = Line(newest + 1, rating_group.id, tariff.price)
        return line

    def _granted_on(self, line: Line) -> int:
        return sum(
            reservation.granted
            for reservation in self.reservations.values()
            if reservation.line == line.number
        )


def _number(line: Line) -> int:
    return line.number


def _wants_quota(request: ChargingRequest, usage: ServiceUsage) -> bool:
    if request.request_type is RequestType.TERMINATION or usage.is_quota_returned:
        return False
    if usage.requested is not None:
        return True
    return request.request_type is RequestType.INITIAL and not usage.used


def _record(service: _Service) -> ServiceRecord:
    usage, group = service.usage, service.rating_group
    return ServiceRecord(
        usage.rating_group if group is None else group.id,
        usage.service_identifiers,
        service.outcome,
        service.settlement,
        service.grant,
    )
