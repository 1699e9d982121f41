"""Openings for which nothing is read are stored only if what was taken for granted is so."""

import pytest

from diameter_ocs.charging.accounts import NewAccount
from diameter_ocs.charging.decisions import Decision, Novelty, Outcome
from diameter_ocs.charging.faults import StaleCase
from diameter_ocs.charging.information import Direction, ServiceInformation
from diameter_ocs.charging.requests import ChargingRequest, Identity, IdentityKind
from diameter_ocs.handlers.devices import add_identities, remove_identity
from diameter_ocs.handlers.provisioning import create_accounts
from diameter_ocs.store.presumed import NAMES_REMEMBERED, Names
from diameter_ocs.store.remembered import BATCHES_IN_DOUBT
from diameter_ocs.store.work import PostgresStore, PostgresWork
from tests.store.scenario import (
    NOW,
    ORDER,
    Kept,
    afresh,
    case_of,
    charged,
    furnish,
    imsi,
    initial,
    octets,
    shown,
    terminate,
)

OTHER = Identity(IdentityKind.MSISDN, "4917100000001")
NAMES = (imsi(1), OTHER)
"""Only the first belongs to somebody."""
INTERNET = ServiceInformation(apn="internet")


@pytest.fixture
async def group(postgres: Kept) -> int:
    """A group that the store remembers, with whom its requests name."""
    group, *_ = await furnish(postgres.accounts)
    await charged(postgres.store, (group, initial(session=b"first", identities=NAMES)))
    return group


def opening(session: bytes = b"new", **others: object) -> ChargingRequest:
    return initial(session=session, **{"identities": NAMES, **others})


async def is_read(kept: Kept, group: int, request: ChargingRequest) -> bool:
    """Whether the database is asked before the request is decided."""
    assert isinstance(kept.store, PostgresStore)
    async with kept.store.work() as work:
        await work.lock([group], [(group, request)], NOW)
        return is_asking(work)


def is_asking(work: PostgresWork) -> bool:
    return work._is_piped


async def test_nothing_is_read_for_an_opening_of_a_known_subscriber(
    postgres: Kept, group: int
) -> None:
    assert not await is_read(postgres, group, opening())
    (decision,) = await charged(postgres.store, (group, opening()))
    assert isinstance(decision, Decision)
    assert (decision.outcome, decision.novelty) == (Outcome.SUCCESS, Novelty.NEW)
    assert (await octets(postgres.accounts)).reserved == 200


@pytest.mark.parametrize(
    "request_",
    [
        opening(is_retransmission=True),
        opening(is_spooled=True),
        opening(b"first"),
        opening(identities=(imsi(1),)),
        opening(
            information=ServiceInformation(direction=Direction.ORIGINATING, called="4917100000002")
        ),
    ],
    ids=["a retransmission", "spooled", "a name that is open", "other names", "a call"],
)
async def test_what_may_matter_is_read(
    postgres: Kept, group: int, request_: ChargingRequest
) -> None:
    assert await is_read(postgres, group, request_)


async def test_a_bearer_that_is_known_to_be_open_is_read(postgres: Kept, group: int) -> None:
    bearer = {"information": INTERNET, "charging_id": 7}
    await charged(postgres.store, (group, opening(b"one", **bearer)))
    assert await is_read(postgres, group, opening(b"two", **bearer))
    assert not await is_read(postgres, group, opening(b"two", information=INTERNET, charging_id=8))


async def refused_once(kept: Kept, group: int, request: ChargingRequest) -> Decision:
    """Charge a request that was not what it was taken for."""
    with pytest.raises(StaleCase):
        await charged(kept.store, (group, request))
    (decision,) = await charged(kept.store, (group, request))
    assert isinstance(decision, Decision)
    return decision


@pytest.mark.parametrize("is_own", [True, False])
async def test_a_repeated_opening_of_a_session_that_has_ended_is_answered_again(
    postgres: Kept, group: int, is_own: bool
) -> None:
    request = opening()
    store = postgres.store if is_own else afresh(postgres)
    (first,) = await charged(store, (group, request))
    await charged(store, (group, terminate(session=b"new")))
    if not is_own:
        with pytest.raises(StaleCase):  # of its group more than this has changed
            await charged(postgres.store, (group, opening(b"another")))
        for number in range(BATCHES_IN_DOUBT + 1):
            await charged(postgres.store, (group, opening(b"%d" % number)))
    assert not await is_read(postgres, group, request)
    decision = await refused_once(postgres, group, request)
    assert decision.novelty is Novelty.REPEATED
    assert isinstance(first, Decision)
    assert decision.services[0].grant == first.services[0].grant


async def test_a_session_that_another_server_opened_under_the_name_is_replaced(
    postgres: Kept, group: int
) -> None:
    await charged(afresh(postgres), (group, opening(usages=())))
    decision = await refused_once(postgres, group, opening(request_number=3))
    assert [closed.reason for closed in decision.closed] == ["replaced"]
    assert (await octets(postgres.accounts)).reserved == 200


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_name_that_has_moved_is_charged_to_nobody(
    postgres: Kept, group: int, is_known: bool
) -> None:
    moved = imsi(1) if is_known else OTHER
    target = (await shown(postgres.accounts, 2)).group_id
    if is_known:
        await remove_identity(postgres.accounts, None, moved, ORDER)
    await add_identities(postgres.accounts, None, ("account 2", [moved]), ORDER)
    asked = [(group, opening())]
    with pytest.raises(StaleCase):
        await charged(postgres.store, *asked)
    async with postgres.store.work() as work:
        await work.lock([group], asked, NOW)
        _, misplaced = await work.load(asked, NOW)
        assert list(misplaced) == [asked[0][1]]
    assert len((await case_of(postgres.store, target, opening())).sessions) == 0


async def test_a_name_that_another_tenant_knows_too_is_read(postgres: Kept, group: int) -> None:
    await furnish(postgres.accounts, [5], "other")
    named = NewAccount("same", ("plan",), (imsi(1),), 0)
    await create_accounts(postgres.accounts, "other", [named], ORDER)
    with pytest.raises(StaleCase):
        await charged(postgres.store, (group, opening(tenant="demo")))
    for number in range(BATCHES_IN_DOUBT + 1):
        await charged(postgres.store, (group, opening(b"%d" % number, tenant="demo")))
    assert await is_read(postgres, group, opening(tenant="demo"))


async def test_what_was_refused_was_so_in_the_database(postgres: Kept, group: int) -> None:
    """Nothing is stored for who is not served, and yet it must not rest on what has changed."""
    request = opening(service_context=None)
    await charged(postgres.store, (group, request))
    await remove_identity(postgres.accounts, None, imsi(1), ORDER)
    await add_identities(postgres.accounts, None, ("account 2", [imsi(1)]), ORDER)
    with pytest.raises(StaleCase):
        await charged(postgres.store, (group, opening(service_context=None)))


def test_names_are_bounded() -> None:
    names = Names()
    for number in range(NAMES_REMEMBERED + 1):
        names.remember(1, initial(number), {imsi(number): [("demo", 1, 1)]})
    long = initial(identities=(Identity(IdentityKind.SIP_URI, "sip:" + "x" * 256),))
    many = initial(identities=tuple(imsi(number) for number in range(9)))
    for request in (long, many):
        names.remember(1, request, {})
    assert len(names._known) == NAMES_REMEMBERED
    assert (imsi(0),) not in names._known
