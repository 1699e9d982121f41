"""A small operator and one group of accounts, charged request by request; books after each."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from diameter_ocs.charging.balances import credit
from diameter_ocs.charging.case import Account, Case, Change
from diameter_ocs.charging.catalogue import (
    BalanceType,
    Catalogue,
    Plan,
    Price,
    Rate,
    RatingGroup,
    Service,
)
from diameter_ocs.charging.charge import charge
from diameter_ocs.charging.course import followed
from diameter_ocs.charging.decisions import Decision, Edr, ServiceDecision, Settlement
from diameter_ocs.charging.ledger import Balance, Ledger
from diameter_ocs.charging.outbox import Outgoing
from diameter_ocs.charging.requests import (
    ChargingRequest,
    Identity,
    IdentityKind,
    RequestType,
    ServiceUsage,
    SessionKey,
    Units,
)
from diameter_ocs.charging.units import UnitType

VOICE, TEXT, DATA, VIDEO = 100, 200, 300, 310
SECONDS, TEXTS, OCTETS, MONEY, BONUS = "seconds", "texts", "octets", "money", "bonus"
BALANCE_TYPES = {
    SECONDS: BalanceType(SECONDS, UnitType.TIME),
    TEXTS: BalanceType(TEXTS, UnitType.SERVICE_SPECIFIC_UNITS),
    OCTETS: BalanceType(OCTETS, UnitType.VOLUME),
    MONEY: BalanceType(MONEY, None),
    BONUS: BalanceType(BONUS, None),
}
ALICE = Identity(IdentityKind.IMSI, "001010000000001")
BOB = Identity(IdentityKind.IMSI, "001010000000002")


def rating_group(number: int, unit_type: UnitType, rounding: int = 1, **others: int) -> RatingGroup:
    settings = {
        "min_reservation": 0,
        "max_reservation": 2**40,
        "default_quota": 100,
        "quota_validity_seconds": 3600,
    }
    return RatingGroup(number, f"group {number}", None, unit_type, rounding, **settings | others)


VOICE_BY_MINUTES = rating_group(VOICE, UnitType.TIME, 60)
VOICE_BY_SECONDS = rating_group(VOICE, UnitType.TIME, 1)
TEXT_EACH = rating_group(TEXT, UnitType.SERVICE_SPECIFIC_UNITS)
DATA_BY_KIBIBYTES = rating_group(DATA, UnitType.VOLUME, 1024)


def allowance(name: str, *rating_groups: int, priority: int = 0) -> Service:
    return Service(name, priority, frozenset(rating_groups), (name,))


def priced(
    price: Price, *rating_groups: int, priority: int = 1, balance_types: Iterable[str] = (MONEY,)
) -> Service:
    name = f"pay as you go {priority}"
    return Service(name, priority, frozenset(rating_groups), tuple(balance_types), (Rate(price),))


def catalogue(
    *services: Service, groups: Iterable[RatingGroup] = (VOICE_BY_MINUTES,), version: int = 1
) -> Catalogue:
    return Catalogue(
        tenant="demo",
        version=version,
        currency="EUR",
        rating_groups={group.id: group for group in groups},
        balance_types=BALANCE_TYPES,
        plans={"demo": Plan("demo", 0, services, ())},
        default_rating_groups={"32251": DATA},
        service_identifiers={7: TEXT},
    )


def balance(number: int, balance_type: str, total: int, account_id: int = 1) -> Balance:
    return Balance(number, account_id, balance_type, 0, total, 0, 0)


def want(rating_group: int | None, units: int | None = None, *identifiers: int) -> ServiceUsage:
    """Ask for units of whatever type; None: as much as is usual."""
    return ServiceUsage(rating_group, identifiers, Units(units, units, units))


def used(
    rating_group: int | None, units: int, *identifiers: int, wanted: int | None = None
) -> ServiceUsage:
    """Report units of whatever type and ask for more, or for none."""
    requested = None if wanted is None else Units(wanted, wanted, wanted)
    return ServiceUsage(rating_group, identifiers, requested, (Units(units, units, units),))


def assert_whole(value: object) -> None:
    """Every named tuple within a value has all its fields, however it was made."""
    if isinstance(value, tuple):
        assert len(value) == len(getattr(value, "_fields", value)), value
        for part in value:
            assert_whole(part)


class Desk:
    """Charges requests one after the other, and audits the books after each."""

    def __init__(
        self,
        offered: Catalogue,
        *balances: Balance,
        accounts: Mapping[Identity, Account] | None = None,
    ) -> None:
        accounts = accounts or {ALICE: Account(1, "alice", ("demo",))}
        self.case = Case(
            now=1_700_000_000_000_000,
            group_id=1,
            version=0,
            catalogue=offered,
            directory={identity: account.id for identity, account in accounts.items()},
            accounts={account.id: account for account in accounts.values()},
            balances={balance.id: balance for balance in balances},
            sessions={},
        )
        self.opening = dict(self.case.balances)
        self.decisions: list[Decision] = []
        self.commanded: list[Edr] = []
        self.follows = True
        """Whether what follows from changes is done at once."""
        self.outgoing: tuple[Outgoing, ...] = ()
        self.numbers: dict[SessionKey, int] = {}

    def initial(self, *usages: ServiceUsage, session: bytes = b"one", **others: object) -> Decision:
        return self.ask(RequestType.INITIAL, usages, session, **others)

    def update(self, *usages: ServiceUsage, session: bytes = b"one", **others: object) -> Decision:
        return self.ask(RequestType.UPDATE, usages, session, **others)

    def terminate(
        self, *usages: ServiceUsage, session: bytes = b"one", **others: object
    ) -> Decision:
        return self.ask(RequestType.TERMINATION, usages, session, **others)

    def event(self, *usages: ServiceUsage, session: bytes = b"event", **others: object) -> Decision:
        return self.ask(RequestType.EVENT, usages, session, **others)

    def ask(
        self,
        request_type: RequestType,
        usages: tuple[ServiceUsage, ...],
        session: bytes,
        **others: object,
    ) -> Decision:
        key = SessionKey(session)
        self.numbers[key] = self.numbers.get(key, -1) + 1
        request = self.request(request_type, usages, session)._replace(**others)
        before = self.case
        decision = charge(request, before)
        assert charge(request, before) == decision, "the same question, the same answer"
        assert_whole(decision)
        self.follow(Change(before, before.after(decision), decision.edrs))
        for number, balance in self.case.balances.items():
            assert balance.available >= min(before.balances[number].available, 0)
        self.decisions.append(decision)
        self.audit()
        return decision

    def request(
        self, request_type: RequestType, usages: tuple[ServiceUsage, ...], session: bytes
    ) -> ChargingRequest:
        key = SessionKey(session)
        return ChargingRequest(
            request_type=request_type,
            request_number=self.numbers[key],
            session_key=key,
            service_context="32251",
            origin_host="gw.example",
            origin_realm="example",
            end_to_end_id=1,
            is_retransmission=False,
            tenant=None,
            identities=(ALICE,),
            event_at=None,
            usages=usages,
        )

    def credit(self, balance_id: int, amount: int) -> None:
        ledger = Ledger(self.case.balances)
        ledger.credit(balance_id, amount)
        self.case = self.case._replace(balances=ledger.balances)
        opened = self.opening[balance_id]
        self.opening[balance_id] = opened._replace(total=opened.total + amount)

    def deposit(self, balance_id: int, amount: int) -> None:
        """Credit a balance by command."""
        self.follow(credit(self.case, balance_id, amount, "test"))
        self.audit()

    def follow(self, change: Change) -> None:
        """Go on with a change and what follows from it."""
        if self.follows:
            change = followed(change)
        self.case, self.outgoing = change.after, change.outgoing
        self.commanded += [edr for edr in change.edrs if edr.actor is not None]

    def offer(self, offered: Catalogue) -> None:
        """Put another catalogue in force."""
        version = self.case.catalogue.version + 1
        self.case = self.case._replace(catalogue=replace(offered, version=version))

    def audit(self) -> None:
        """Postings add up to balances; what is reserved is what open sessions hold."""
        edrs = [edr for decision in self.decisions for edr in decision.edrs]
        edrs = sorted([*edrs, *self.commanded], key=lambda edr: edr.number)
        assert [edr.number for edr in edrs] == list(range(1, len(edrs) + 1))
        assert self.case.version == len(edrs)
        held: dict[int, int] = {}
        for session in self.case.sessions.values():
            for balance_id, amount in session.held().items():
                held[balance_id] = held.get(balance_id, 0) + amount
            lines = {line.number: line for line in session.lines}
            for reservation in session.reservations:
                assert lines[reservation.line].rating_group == reservation.rating_group
                assert bool(reservation.granted) == bool(reservation.expires_at)
        for number, now in self.case.balances.items():
            postings = [p for edr in edrs for p in edr.postings if p.balance_id == number]
            assert now.used == sum(posting.used for posting in postings)
            assert now.reserved == sum(posting.reserved for posting in postings)
            given = sum(posting.total for posting in postings)
            assert now.total == self.opening[number].total + given
            assert now.reserved == held.get(number, 0)
            assert min(now.used, now.reserved) >= 0

    def balance(self, number: int) -> tuple[int, int]:
        """Return what is used and what is reserved on a balance."""
        return self.case.balances[number].used, self.case.balances[number].reserved

    @property
    def settlements(self) -> list[Settlement]:
        """What became of the usage that the latest request reported."""
        return [service.settlement for service in self.decisions[-1].edrs[-1].services]


def granted(decision: Decision) -> list[tuple[int, bool]]:
    """Return units and finality of every grant; a service without one is (0, False)."""
    return [
        (0, False) if service.grant is None else (service.grant.units, service.grant.is_final)
        for service in decision.services
    ]


def outcomes(decision: Decision) -> list[str]:
    return [service.outcome.name for service in decision.services]


def only(decision: Decision) -> ServiceDecision:
    (service,) = decision.services
    return service
