"""Every case of an event and its outcome, by what is to be done."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from diameter_ocs.charging.case import Account, AccountState
from diameter_ocs.charging.catalogue import Price, Rate
from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.information import Direction, ServiceInformation
from diameter_ocs.charging.requests import EventAction, Identity, IdentityKind, ServiceUsage, Units
from diameter_ocs.charging.restrictions import Restrictions
from tests.charging.scenario import (
    ALICE,
    MONEY,
    TEXT,
    VOICE,
    Desk,
    balance,
    outcomes,
    rating_group,
    want,
)
from tests.charging.test_outcomes import ANY, NOWHERE, at, selling, service

DEBIT, REFUND, CHECK, PRICE = EventAction
PAID = Rate(Price(100, 1))
AT_A_PLACE = Rate(Price(100, 1), restrictions=Restrictions(from_countries=ANY))
HELP = ServiceInformation(called="112", direction=Direction.ORIGINATING)


def alice(**others: object) -> dict[Identity, Account]:
    return {ALICE: Account(1, "alice", ("demo",))._replace(**others)}


def desk(*rates: Rate, money: int = 10_000, accounts=None, groups=(VOICE, TEXT)) -> Desk:
    """A subscriber who had an event before, so that there is something to be refunded."""
    offered = selling(service(*(rates or (PAID,)), groups=groups))
    offered = replace(offered, emergency_numbers=frozenset({"112"}))
    opened = Desk(offered, balance(1, MONEY, 10**6))
    opened.event(want(VOICE, 50), want(TEXT, 1), information=at("DE"))
    spent = opened.case.balances[1].used
    opened.credit(1, money + spent - 10**6)
    if accounts is not None:
        opened.case = opened.case._replace(accounts={each.id: each for each in accounts.values()})
    return opened


def poor() -> Desk:
    return desk(money=0)


def suspended() -> Desk:
    return desk(accounts=alice(state=AccountState.SUSPENDED))


def without_plan() -> Desk:
    return desk(accounts=alice(plans=()))


def of_suspended_tenant() -> Desk:
    opened = desk()
    opened.case = opened.case._replace(is_tenant_suspended=True)
    return opened


def by_place() -> Desk:
    return desk(AT_A_PLACE)


VOICE_TYPE = selling().rating_groups[VOICE].unit_type
FINE = "SUCCESS SUCCESS"
STRANGER = {"identities": (Identity(IdentityKind.IMSI, "999"),)}
SECONDS = ServiceUsage(TEXT, (), Units(seconds=5))
"""Of what is counted."""

# (who, what, how): by action, how the event ends, then what is told of services.
CASES: dict[str, tuple[Callable[[], Desk], tuple[ServiceUsage, ...], dict[str, object]]] = {
    "paid": (desk, (want(VOICE, 5),), {}),
    "nothing left": (poor, (want(VOICE, 5),), {}),
    "one of several is too much": (desk, (want(VOICE, 50), want(TEXT, 90)), {}),
    "several": (desk, (want(VOICE, 5), want(TEXT, 1)), {}),
    "one of several is unknown": (desk, (want(VOICE, 5), want(999, 1)), {}),
    "other units": (desk, (SECONDS,), {}),
    "no such context": (desk, (want(VOICE, 5),), {"service_context": None}),
    "nobody": (desk, (want(VOICE, 5),), STRANGER),
    "suspended": (suspended, (want(VOICE, 5),), {}),
    "tenant suspended": (of_suspended_tenant, (want(VOICE, 5),), {}),
    "no plan": (without_plan, (want(VOICE, 5),), {}),
    "nowhere": (by_place, (want(VOICE, 5),), {"information": at(NOWHERE)}),
    "somewhere": (by_place, (want(VOICE, 5),), {"information": at("US")}),
    "emergency": (suspended, (want(VOICE, 5),), {"information": HELP}),
    "command level": (desk, (want(None, 5),), {"service_context": "32260", "is_its_service": True}),
}
DENIED, LIMIT, UNRATED = "SERVICE_DENIED", "LIMIT_REACHED", "RATING_FAILED"
EXPECTED: dict[str, tuple[str, str, str, str]] = {
    "paid": (FINE, FINE, FINE + " yes", FINE + " 500"),
    "nothing left": (f"{LIMIT} {LIMIT}", FINE, FINE + " no", FINE + " 500"),
    "one of several is too much": (
        f"{FINE} SUCCESS",
        f"{FINE} SUCCESS",
        f"{FINE} SUCCESS no",
        f"{FINE} SUCCESS 14000",
    ),
    "several": (f"{FINE} SUCCESS", f"{FINE} SUCCESS", f"{FINE} SUCCESS yes", f"{FINE} SUCCESS 600"),
    "one of several is unknown": (f"{UNRATED} {UNRATED}",) * 4,
    "other units": (f"{UNRATED} {UNRATED}",) * 4,
    "no such context": (UNRATED, FINE, UNRATED, UNRATED),
    "nobody": ("USER_UNKNOWN",) * 4,
    "suspended": (f"{DENIED} {DENIED}",) * 4,
    "tenant suspended": (f"{DENIED} {DENIED}",) * 4,
    "no plan": (f"{DENIED} {DENIED}", FINE, FINE + " no", f"{DENIED} {DENIED}"),
    "nowhere": (
        "LOCATION_UNKNOWN LOCATION_UNKNOWN",
        FINE,
        "LOCATION_UNKNOWN LOCATION_UNKNOWN",
        "LOCATION_UNKNOWN LOCATION_UNKNOWN",
    ),
    "somewhere": (FINE, FINE, FINE + " yes", FINE + " 500"),
    "emergency": (FINE, FINE, FINE + " yes", FINE + " 0"),
    # What is to be refunded names two services, and the refund neither: how much of which?
    "command level": (FINE, f"{UNRATED} {UNRATED}", FINE + " yes", FINE + " 500"),
}


def told(decision: Decision) -> str:
    """Return in words how an event ends, and what of it is told besides."""
    words = [decision.outcome.name, *outcomes(decision)]
    if decision.told is not None and decision.told.has_enough is not None:
        words.append("yes" if decision.told.has_enough else "no")
    if decision.told is not None and decision.told.cost is not None:
        words.append(str(decision.told.cost))
    return " ".join(words)


@pytest.mark.parametrize("action", EventAction)
@pytest.mark.parametrize("name", CASES)
def test_an_event_ends_as_it_must(name: str, action: EventAction) -> None:
    who, usages, others = CASES[name]
    opened = who()
    offered = replace(opened.case.catalogue, default_rating_groups={"32260": VOICE})
    opened.case = opened.case._replace(catalogue=offered)
    before = opened.case.balances
    decision = opened.event(*usages, action=action, **others)
    assert told(decision) == EXPECTED[name][action]
    moves = {REFUND} if name == "emergency" else {DEBIT, REFUND}
    is_served = decision.outcome.name == "SUCCESS"
    assert (opened.case.balances != before) == (is_served and action in moves)


def test_an_event_may_have_more_services_than_a_session() -> None:
    """Nothing is kept of them."""
    groups = tuple(rating_group(number, VOICE_TYPE) for number in range(1, 41))
    offered = selling(service(PAID, groups=tuple(range(1, 41))), groups=groups)
    opened = Desk(offered, balance(1, MONEY, 10**6))
    decision = opened.event(*(want(number, 1) for number in range(1, 41)))
    assert set(outcomes(decision)) == {"SUCCESS"}
