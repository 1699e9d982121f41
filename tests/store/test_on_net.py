"""A number at the other end is on-net when a device of the same tenant has it."""

import pytest

from diameter_ocs.charging.accounts import NewAccount
from diameter_ocs.charging.information import Direction, ServiceInformation
from diameter_ocs.charging.requests import ChargingRequest, Identity, IdentityKind
from diameter_ocs.handlers.provisioning import create_accounts
from tests.store.scenario import (
    NOW,
    ORDER,
    Kept,
    charged,
    event,
    furnish,
    initial,
    terminate,
    update,
)

OURS, URI, FOREIGN, THEIRS = "4917100000001", "sip:bob@example.com", "33600000001", "4917200000001"


async def open_named(kept: Kept, tenant: str, number: int, *names: Identity) -> None:
    """Open an account whose device has these names."""
    new = NewAccount(f"named {number}", ("plan",), names, 0)
    await create_accounts(kept.accounts, tenant, [new], ORDER)


async def furnished(kept: Kept) -> int:
    """Make two tenants, each with a known number; return the group of the first one's caller."""
    (group,) = await furnish(kept.accounts, [1], "demo")
    await furnish(kept.accounts, [1], "other")
    names = Identity(IdentityKind.MSISDN, OURS), Identity(IdentityKind.SIP_URI, URI)
    await open_named(kept, "demo", 7, *names)
    await open_named(kept, "other", 7, Identity(IdentityKind.MSISDN, THEIRS))
    return group


async def on_net(kept: Kept, group: int, *requests: ChargingRequest) -> frozenset[str]:
    """Return whom the case of requests knows, read as a batch reads it."""
    asked = [(group, request) for request in requests]
    async with kept.store.work() as work:
        await work.lock([group], asked, NOW)
        cases, moved = await work.load(asked, NOW)
    assert not moved
    return cases[group].on_net


def calling(number: str | None) -> ServiceInformation:
    return ServiceInformation(direction=Direction.ORIGINATING, called=number)


@pytest.mark.parametrize(
    ("number", "known"),
    [
        (OURS, {OURS}),
        (URI, {URI}),
        (FOREIGN, set()),
        (THEIRS, set()),
        (None, set()),
        ("bob", set()),
    ],
)
async def test_only_names_of_the_same_tenant_are_on_net(
    kept: Kept, number: str | None, known: set[str]
) -> None:
    group = await furnished(kept)
    for request in (initial, event):
        found = await on_net(kept, group, request(tenant="demo", information=calling(number)))
        assert found == known


async def test_of_an_incoming_call_the_caller_counts(kept: Kept) -> None:
    group = await furnished(kept)
    incoming = ServiceInformation(direction=Direction.TERMINATING, calling=OURS, called=FOREIGN)
    assert await on_net(kept, group, initial(tenant="demo", information=incoming)) == {OURS}


async def test_each_request_of_a_batch_finds_its_own(kept: Kept) -> None:
    group = await furnished(kept)
    requests = [
        event(session=name, tenant="demo", information=calling(number))
        for name, number in ((b"a", OURS), (b"b", FOREIGN), (b"c", URI))
    ]
    assert await on_net(kept, group, *requests) == {OURS, URI}


async def test_who_a_remembered_group_calls_is_looked_up_anew(kept: Kept) -> None:
    group = await furnished(kept)
    late = Identity(IdentityKind.MSISDN, FOREIGN)
    request = event(session=b"first", tenant="demo", information=calling(FOREIGN))
    await charged(kept.store, (group, request))
    assert not await on_net(kept, group, request._replace(end_to_end_id=1))
    await open_named(kept, "demo", 8, late)
    assert await on_net(kept, group, request._replace(end_to_end_id=2)) == {FOREIGN}
    assert await on_net(kept, group, event(session=b"other", tenant="demo")) == set()


async def test_a_session_that_goes_on_looks_nobody_up(kept: Kept) -> None:
    group = await furnished(kept)
    await charged(kept.store, (group, initial(tenant="demo", information=calling(OURS))))
    for request in (update, terminate):
        assert await on_net(kept, group, request(information=calling(OURS))) == set()


async def test_what_goes_on_with_a_session_that_is_not_open_is_looked_up(kept: Kept) -> None:
    group = await furnished(kept)
    request = update(session=b"lost", tenant="demo", information=calling(OURS))
    assert await on_net(kept, group, request) == {OURS}


async def test_a_number_in_another_group_does_not_make_a_request_move(kept: Kept) -> None:
    group = await furnished(kept)
    request = initial(information=calling(THEIRS))
    assert await on_net(kept, group, request._replace(tenant="demo")) == set()
    decisions = await charged(kept.store, (group, request._replace(tenant="demo")))
    assert len(decisions) == 1
