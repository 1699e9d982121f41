"""A policy server at the desk: it subscribes to the counters of an account, and hears of them."""

from collections.abc import Iterable
from dataclasses import replace

from diameter_ocs.charging.case import Account, AccountState, Case
from diameter_ocs.charging.catalogue import Catalogue
from diameter_ocs.charging.charge import charge
from diameter_ocs.charging.counters import BalanceCounter, CounterState
from diameter_ocs.charging.course import Course
from diameter_ocs.charging.decisions import Edr
from diameter_ocs.charging.groups import Deed, edr_of
from diameter_ocs.charging.ledger import Balance
from diameter_ocs.charging.outbox import Outgoing
from diameter_ocs.charging.requests import RequestType, ServiceUsage, SessionKey
from diameter_ocs.charging.spending_limits import (
    CounterStatus,
    SpendingLimitAnswer,
    SpendingLimitEnd,
    SpendingLimitRequest,
    SpendingLimitSession,
)
from diameter_ocs.charging.subscribing import Subscribed, subscribe, unsubscribe
from diameter_ocs.charging.units import UnitType
from tests.charging.scenario import (
    ALICE,
    BOB,
    DATA,
    MONEY,
    OCTETS,
    SECONDS,
    VIDEO,
    VOICE,
    VOICE_BY_SECONDS,
    Desk,
    allowance,
    balance,
    catalogue,
    rating_group,
)

SESSION = b"pcrf.example;1;2;%/\xff "
SECOND = 1_000_000
DAY = 86_400 * SECOND

DATA_LEFT = BalanceCounter(
    "data left",
    OCTETS,
    (CounterState("normal", None), CounterState("low", 100), CounterState("gone", 1)),
)
TALKED = BalanceCounter(
    "talked", SECONDS, (CounterState("little", None), CounterState("much", 500)), is_on_used=True
)
MONEY_LEFT = BalanceCounter("money left", MONEY, (CounterState("rich", None),))
"""The account has no money, so that it has no such counter."""

OFFERED = replace(
    catalogue(
        allowance(OCTETS, DATA, VIDEO),
        allowance(SECONDS, VOICE),
        groups=(
            VOICE_BY_SECONDS,
            rating_group(DATA, UnitType.VOLUME),
            rating_group(VIDEO, UnitType.VOLUME),
        ),
    ),
    counters={each.name: each for each in (DATA_LEFT, MONEY_LEFT, TALKED)},
)


def slr(*counters: str, **others: object) -> SpendingLimitRequest:
    request = SpendingLimitRequest(
        is_initial=True,
        session_id=SESSION,
        origin_host="pcrf.example",
        origin_realm="example",
        end_to_end_id=7,
        is_retransmission=False,
        tenant=None,
        identities=(ALICE,),
        counters=counters,
    )
    return request._replace(**others)


def intermediate(*counters: str, **others: object) -> SpendingLimitRequest:
    return slr(*counters, is_initial=False, identities=(), **others)


def str_(**others: object) -> SpendingLimitEnd:
    return SpendingLimitEnd(SESSION, "pcrf.example", "example", None)._replace(**others)


def said(statuses: Iterable[CounterStatus]) -> dict[str, str]:
    """Return statuses by name, without what is pending."""
    return {each.name: each.status for each in statuses}


class PolicyDesk(Desk):
    """A desk with counters, where a policy server may ask, too."""

    def __init__(self, offered: Catalogue = OFFERED) -> None:
        accounts = {ALICE: Account(1, "alice", ("demo",)), BOB: Account(2, "bob", ("demo",))}
        super().__init__(
            offered,
            balance(1, OCTETS, 1000),
            balance(2, SECONDS, 1000),
            balance(3, OCTETS, 50, account_id=2),
            accounts=accounts,
        )
        self.outgoing: list[Outgoing] = []

    def gateway(self, request_type: RequestType, *usages: ServiceUsage) -> list[Outgoing]:
        """Ask as a gateway, and go on with what follows; return what leaves."""
        key = SessionKey(b"one")
        self.numbers[key] = self.numbers.get(key, -1) + 1
        decision = charge(self.request(request_type, usages, b"one"), self.case)
        course = Course({1: self.case})
        course.take(self.case, decision)
        return self.take(course)

    def police(self, request: SpendingLimitRequest | SpendingLimitEnd) -> SpendingLimitAnswer:
        """Ask as a policy server, and go on with what comes of it."""
        decide = unsubscribe if isinstance(request, SpendingLimitEnd) else subscribe
        before = self.case
        done = decide(request, before)
        assert decide(request, before) == done, "the same question, the same answer"
        self.carry_out(done)
        return done.answer

    def carry_out(self, done: Subscribed) -> list[Outgoing]:
        assert (done.after is self.case) is (not done.edrs)
        numbers = [edr.number for edr in done.edrs]
        assert numbers == list(range(self.case.version + 1, done.after.version + 1))
        return self.go_on(done.after, done.edrs)

    def go_on(self, after: Case, edrs: tuple[Edr, ...]) -> list[Outgoing]:
        """Make a case of the present one with these EDRs, and return what leaves."""
        course = Course({1: self.case})
        course.go_on(self.case, after, edrs)
        return self.take(course)

    def take(self, course: Course) -> list[Outgoing]:
        outgoing = [each for change in course.changes() for each in change.outgoing]
        self.case = course.cases[1]
        self.outgoing += outgoing
        return outgoing

    def spend(self, balance_id: int, amount: int) -> list[Outgoing]:
        """Use, or give back, what a balance has; return what leaves."""
        found = self.case.balances[balance_id]
        return self.with_balance(found._replace(used=found.used + amount))

    def with_balance(self, changed: Balance) -> list[Outgoing]:
        """Put a balance in the place of the one of its number; return what leaves."""
        edr = edr_of(Deed("set", changed.account_id, "test"), self.case)
        balances = {**self.case.balances, changed.id: changed}
        return self.go_on(self.case._replace(version=edr.number, balances=balances), (edr,))

    def in_state(self, account_id: int, state: AccountState) -> None:
        account = self.case.accounts[account_id]._replace(state=state)
        self.case = self.case._replace(accounts={**self.case.accounts, account_id: account})

    @property
    def sy(self) -> SpendingLimitSession:
        """The only subscription."""
        (session,) = self.case.spending_limits.values()
        return session
