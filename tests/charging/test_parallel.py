"""Sessions side by side on shared balances: the order in which they report changes no sum."""

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from diameter_ocs.charging.case import Account
from diameter_ocs.charging.catalogue import Price
from diameter_ocs.charging.requests import Identity, RequestType
from tests.charging.scenario import (
    ALICE,
    BOB,
    MONEY,
    SECONDS,
    VOICE,
    VOICE_BY_MINUTES,
    Desk,
    allowance,
    balance,
    catalogue,
    priced,
    used,
    want,
)

FEW = settings(max_examples=40)
MINUTE = 60
PRICE = Price(700, 9, 190_000)
OFFERED = catalogue(allowance(SECONDS, VOICE), priced(PRICE, VOICE), groups=(VOICE_BY_MINUTES,))
FAMILY = {ALICE: Account(1, "alice", ("demo",)), BOB: Account(2, "bob", ("demo",), 1)}
SESSIONS: tuple[tuple[bytes, Identity], ...] = (
    (b"alice one", ALICE),
    (b"alice two", ALICE),
    (b"bob", BOB),
)
PLENTY = 10**9
REPORTS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 300)), min_size=2, max_size=12)
"""Which session reports, and how much."""


def charged(reports: Sequence[tuple[int, int]], seconds: int, money: int) -> Desk:
    """Open all sessions, have them report in this order, and end them."""
    desk = Desk(OFFERED, balance(1, SECONDS, seconds), balance(2, MONEY, money), accounts=FAMILY)

    def say(at: int, request_type: RequestType, *usages: object) -> None:
        name, identity = SESSIONS[at]
        desk.ask(request_type, usages, name, identities=(identity,), event_at=len(desk.decisions))

    for at in range(len(SESSIONS)):
        say(at, RequestType.INITIAL, want(VOICE, MINUTE))
    for at, units in reports:
        say(at, RequestType.UPDATE, used(VOICE, units, wanted=MINUTE))
    for at in range(len(SESSIONS)):
        say(at, RequestType.TERMINATION)
    assert all(each.reserved == 0 for each in desk.case.balances.values())
    return desk


def settled(desk: Desk) -> tuple[int, int, int]:
    """Return what was charged, what was overrun and what fell short, in units."""
    settlements = [
        service.settlement
        for decision in desk.decisions
        for edr in decision.edrs
        for service in edr.services
    ]
    return (
        sum(each.charged for each in settlements),
        sum(each.overrun for each in settlements),
        sum(each.shortfall for each in settlements),
    )


def due(reports: Sequence[tuple[int, int]]) -> int:
    """Return what all sessions used, each rounded up once."""
    totals = [sum(units for at, units in reports if at == each) for each in range(len(SESSIONS))]
    return sum(-(-total // MINUTE) * MINUTE for total in totals)


@FEW
@given(REPORTS, st.randoms(use_true_random=False))
def test_sums_are_the_same_in_every_order(reports, random):
    shuffled = random.sample(reports, len(reports))
    for seconds, money in ((PLENTY, 0), (0, PLENTY)):
        one, other = (charged(order, seconds, money) for order in (reports, shuffled))
        assert one.balance(1) == other.balance(1)
        assert one.balance(2) == other.balance(2)
        assert settled(one) == settled(other) == (due(reports), 0, 0)
    assert charged(reports, PLENTY, 0).balance(1) == (due(reports), 0)


@FEW
@given(REPORTS, st.randoms(use_true_random=False), st.integers(0, 2000))
def test_who_reports_first_uses_the_allowance_and_all_together_pay_for_the_rest(
    reports, random, seconds
):
    for order in (reports, random.sample(reports, len(reports))):
        desk = charged(order, seconds, PLENTY)
        assert settled(desk) == (due(reports), 0, 0)
        (allowed, _), (paid, _) = desk.balance(1), desk.balance(2)
        price = Fraction(PRICE.micro_units, PRICE.per_units) * (1 + Fraction(19, 100))
        assert abs(paid - (due(reports) - allowed) * price) <= Fraction(len(SESSIONS), 2), (
            "each session's money is rounded once"
        )


@FEW
@given(REPORTS, st.integers(0, 2000))
def test_what_one_balance_does_not_pay_is_an_overrun_or_falls_short(reports, seconds):
    """Desk sees to it after each request that nobody was promised what is not there."""
    desk = charged(reports, seconds, 0)
    used_seconds, reserved = desk.balance(1)
    assert used_seconds <= min(seconds, due(reports))
    assert reserved == 0
    _, overrun, shortfall = settled(desk)
    assert used_seconds + overrun + shortfall == due(reports)
