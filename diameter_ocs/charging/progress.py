"""A session, and the balances of its group, while one request changes them."""

from .case import Case
from .catalogue import RatingGroup, Tariff
from .circumstances import circumstances_of
from .counting import blocked_by, blocked_now
from .deadlines import look_early, supervise_at
from .decisions import ACTIONS, Edr, EdrKind, Outcome, Told
from .information import ServiceInformation
from .ledger import Ledger
from .location import NO_CIRCUMSTANCES, Circumstances
from .price_changes import Choose, Offer
from .rating import tariff_now
from .repeats import digest
from .requests import ChargingRequest, RequestType
from .services import Service, considered, services_of
from .session import RATING_GROUPS_MAX, Line, Reservation, Session
from .settlement import continued, new_line, release
from .telling import money_told
from .tuples import new
from .units import UnitType, round_up

# A member takes 0.1 µs to be looked up in its class; these are looked for several times a request.
INITIAL, UPDATE, TERMINATION, EVENT = RequestType
CHARGING, BILLING = EdrKind.CHARGING, EdrKind.BILLING

BALANCE_BLOCKED = "balance_blocked"
"""What the journal says where only balances could pay that counters keep from it."""


class Progress:
    """An open session, and the balances of its group, while one request changes them."""

    __slots__ = (
        "account",
        "believed",
        "case",
        "circumstances",
        "cost",
        "granted",
        "insufficiency",
        "is_denied",
        "is_emergency",
        "ledger",
        "lines",
        "newest",
        "payers",
        "pooled",
        "reason",
        "reservations",
        "session",
    )

    def __init__(
        self, case: Case, session: Session, information: ServiceInformation | None = None
    ) -> None:
        """`information` is what the request says; None: nobody asks."""
        self.case = case
        self.session = session
        self.cost = session.cost
        self.circumstances = session.circumstances
        if information is not None:
            self.circumstances = circumstances_of(
                information, session.circumstances, case.catalogue, case.on_net
            )
        self.account = case.accounts[session.account_id]
        self.is_emergency = self.circumstances.information.is_emergency
        self.is_denied = case.denies(self.account) and not self.is_emergency
        # The services of a request whose gateway uses quotas for each other; None: it does not.
        self.pooled: tuple[tuple[int | None, tuple[int, ...]], ...] | None = None
        self.insufficiency = case.catalogue.session_rules.insufficiency
        self.payers = case.payers(self.account)
        self.ledger = Ledger(case.balances, self.payers, case.now)
        if case.catalogue.blockable:
            self.ledger.block(frozenset(blocked_now(case, self.payers)))
        # What the journal says was unusual.
        self.reason: str | None = None
        self.lines = {line.number: line for line in session.lines}
        # By rating group, the number of its latest line.
        self.newest = {line.rating_group: line.number for line in session.lines}
        self.reservations: dict[tuple[int | None, tuple[int, ...]], Reservation] = {}
        # By line, the units of its reservations.
        self.granted = granted = dict.fromkeys(self.lines, 0)
        covers = []
        for reservation in session.reservations:
            group, service_identifiers, units, number, *_, cover = reservation
            self.reservations[group, service_identifiers] = reservation
            if cover is not None:
                covers.append(number := cover)
            granted[number] += units
        if covers:
            lines = [line for line in session.lines if line.number not in covers]
            self.newest = {line.rating_group: line.number for line in lines}
        self.believed: dict[tuple[int, UnitType], int] = {}

    def renew_blocks(self) -> None:
        """Has counters keep from paying what they block too, as balances are now."""
        if self.case.catalogue.blockable:
            balances = self.ledger.balances.values()
            self.ledger.block(blocked_by(self.case, self.payers, balances))

    def limit_reached(self, tariff: Tariff) -> Outcome:
        """Returns how a service is refused for which nothing is left at all, or that is blocked."""
        if not self.ledger.has_only_blocked(tariff.balance_types):
            return Outcome.LIMIT_REACHED
        self.reason = BALANCE_BLOCKED
        return Outcome.SERVICE_DENIED

    def merged(self, request: ChargingRequest) -> list[Service]:
        """Returns the services of a request; those of equal identity are one (TS 32.299 6.3)."""
        context = request.service_context or self.session.service_context
        case = self.case
        return services_of(
            request, context, self.account, case.catalogue, self.circumstances, case.now
        )

    def grants_others(self, rating_group: int) -> bool:
        """Does the session hold a quota of another rating group, or do something without one?"""
        return any(
            (reservation.granted or reservation.is_final)
            and reservation.rating_group != rating_group
            for reservation in self.reservations.values()
        )

    def release_all(self) -> None:
        """Gives back everything that the session holds."""
        self.reservations.clear()
        self.granted.clear()
        for number, line in self.lines.items():
            self.lines[number] = release(line, 0, self.ledger)

    def reserve(self, reservation: Reservation) -> None:
        """Notes a quota that was granted; its line holds what it needs."""
        identity = reservation.rating_group, reservation.service_identifiers
        self.reservations[identity] = reservation

    def expire(self, reservation: Reservation) -> None:
        """Takes a quota back; its line stays, for usage that is reported late."""
        identity = reservation.rating_group, reservation.service_identifiers
        self.reservations[identity] = reservation._replace(granted=0, expires_at=0, cover=None)
        self.give_back(reservation)

    def give_back(self, reservation: Reservation) -> None:
        """Releases what a quota holds that is none of the session's any more."""
        if reservation.cover is not None:
            release(self.lines.pop(reservation.cover), 0, self.ledger)
            return
        line = self.lines[reservation.line]
        self.granted[line.number] -= reservation.granted
        outstanding = line.used + self.granted[line.number]
        keep = round_up(outstanding, line.rounding) - line.settled
        self.lines[line.number] = release(line, keep, self.ledger)

    def session_after(self, request: ChargingRequest) -> Session:
        """Returns the session as the request leaves it.

        The time to look at it again is only ever made earlier here, for a quota that expires before
        it: that others have been prolonged is found out when it is looked at.
        """
        old, now, catalogue = self.session, self.case.now, self.case.catalogue
        before, highest = old.supervise_at, old.request_number
        session = new(
            Session,
            (
                old.number,
                old.account_id,
                old.key,
                old.service_context,
                request.origin_host,
                request.origin_realm,
                old.opened_at,
                now,
                max(request.request_number, highest),
                catalogue.version,
                self._lines_needed(),
                tuple(self.reservations.values()),
                before,
                self.circumstances,
                old.charging_id,
                old.origin_state_id,
                self.cost,
            ),
        )
        look_at = supervise_at(session, catalogue.session_rules)
        if 0 < before <= look_at:
            return session
        return session._replace(supervise_at=look_early(now, look_at))

    def session_now(self) -> Session:
        """Returns the session with what has changed in it, though nothing was asked."""
        return self.session._replace(
            lines=self._lines_needed(),
            reservations=tuple(self.reservations.values()),
            circumstances=self.circumstances,
            cost=self.cost,
        )

    def edr(self, request: ChargingRequest, outcome: Outcome, services: list[Service]) -> Edr:
        """Returns the journal's record of the request."""
        case, request_type = self.case, request.request_type
        is_last = request_type is TERMINATION or request_type is EVENT
        actor: str | None = None
        told: Told | None = None
        if request.tells_money or request.currency is not None:
            told = money_told(request_type, self.cost, services, self.ledger, case.catalogue)
        return new(
            Edr,
            (
                case.version + 1,
                case.now,
                self.account.id,
                BILLING if is_last else CHARGING,
                ACTIONS[request_type],
                outcome,
                self.ledger.postings(),
                request.session_key.session_id,
                request.request_number,
                request.origin_host,
                request.end_to_end_id,
                case.catalogue.version,
                tuple([service.record() for service in services]),
                actor,
                self.session.number,
                digest(request),
                self.reason,
                self.circumstances,
                None if request_type is TERMINATION else considered(services, case.catalogue),
                told,
                self.session.charging_id,
                None,
            ),
        )

    def _lines_needed(self) -> tuple[Line, ...]:
        """Returns the lines without those that nothing needs.

        A rating group that was refused as one too many keeps no line.
        """
        if len(self.newest) == len(self.lines) <= RATING_GROUPS_MAX:
            return tuple(self.lines.values())
        needed = set(list(self.newest.values())[:RATING_GROUPS_MAX])
        for reservation in self.reservations.values():
            needed.add(reservation.line)
            if reservation.cover is not None:
                needed.add(reservation.cover)
        return tuple(line for line in self.lines.values() if line.number in needed)

    def begin_others(self, begun: Line) -> None:
        """Has the other lines of a rating group go on with what one of them has begun."""
        if not _has_begun(begun):
            return
        for number, line in self.lines.items():
            is_other = number != begun.number and line.rating_group == begun.rating_group
            if is_other and not (line.priced or line.has_begun):
                self.lines[number] = continued(line, self.ledger)

    def tariff_of(self, group: RatingGroup | None, tariffs: tuple[Tariff, ...]) -> Tariff:
        """Returns what counts of the tariffs of a rating group: the first that can be paid."""
        if len(tariffs) == 1 or group is None:
            return tariffs[0]
        return tariff_now(tariffs, self.ledger, self.lines.get(self.newest.get(group.id, 0)))

    def line(self, rating_group: RatingGroup, tariff: Tariff) -> Line:
        """Returns the line that usage and grants of a group stand on now."""
        line = self.line_at(rating_group, tariff)
        number = line.number
        if number not in self.lines:
            self.newest[rating_group.id] = number
            self.granted[number] = 0
            self.lines[number] = line
        return line

    def line_at(self, rating_group: RatingGroup, tariff: Tariff) -> Line:
        """Returns the line that usage and grants of a group would stand on, new where need be."""
        number = self.newest.get(rating_group.id)
        if number is not None:
            line = self.lines[number]
            if _still_holds(line, rating_group, tariff):
                if line.services is not tariff.services and tariff.services:
                    line = line._replace(services=tariff.services)
                return line
        return self.beside(rating_group, tariff)

    def beside(self, rating_group: RatingGroup, tariff: Tariff) -> Line:
        """Returns a new line for a group, whatever stands on its others."""
        has_begun = any(
            line.rating_group == rating_group.id and _has_begun(line)
            for line in self.lines.values()
        )
        number = max(self.lines, default=0) + 1
        return new_line(number, rating_group, tariff, has_begun)

    @property
    def circumstances_before(self) -> Circumstances:
        """Those under which something was used; where nobody has said any, those of now."""
        before = self.session.circumstances
        return self.circumstances if before == NO_CIRCUMSTANCES else before

    def offer(
        self, rating_group: RatingGroup, circumstances: Circumstances, choose: Choose
    ) -> Offer:
        """Returns what the account is sold for a group in some circumstances, at any time."""
        account = self.account
        return Offer(
            account.plans,
            rating_group,
            self.case.catalogue,
            circumstances,
            account.time_zone,
            choose,
        )


def new_session(request: ChargingRequest, case: Case, account_id: int) -> Session:
    """Returns a session of the name of a request, in which nothing has happened yet."""
    return Session(
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
        charging_id=request.charging_id,
        origin_state_id=request.origin_state_id,
    )


def _has_begun(line: Line) -> bool:
    """Was what the price of a rating group begins with charged? Money has no beginning."""
    return line.has_begun or (line.priced > 0 and line.unit_type is not UnitType.MONEY)


def _still_holds(line: Line, rating_group: RatingGroup, tariff: Tariff) -> bool:
    """May a line go on? Where nothing can pay, its price stays."""
    if line.rounding != rating_group.rounding or line.unit_type is not rating_group.unit_type:
        return False
    price = tariff.price
    if line.has_begun and price is not None:
        price = price.continued
    is_same = line.zone == tariff.zone and (line.price is price or line.price == price)
    return is_same or not tariff.sources
