"""Commands and requests truly at once: whoever is first, each counts once and none is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from diameter_ocs.charging.case import Change
from diameter_ocs.charging.charge import charge
from diameter_ocs.charging.decisions import Decision, Outcome
from diameter_ocs.charging.faults import StaleCase
from diameter_ocs.charging.requests import ChargingRequest
from diameter_ocs.handlers.accounts import create_child, delete_account, suspend_account
from diameter_ocs.handlers.balances import Credit, Terms, credit_balance, new_balance, set_terms
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.commands import Accounts, Done, Order
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.devices import (
    add_identities,
    create_device,
    delete_device,
    remove_identity,
)
from diameter_ocs.handlers.lanes import Lanes, LaneSettings
from diameter_ocs.handlers.ports import Store
from diameter_ocs.handlers.provisioning import apply_catalogue
from diameter_ocs.handlers.refusals import Refusal
from diameter_ocs.handlers.sessions import close_session
from diameter_ocs.handlers.subscriptions import (
    NewSubscription,
    add_subscription,
    cancel_subscription,
)
from diameter_ocs.handlers.tenants import suspend_tenant
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.work import PostgresStore
from tests.store.scenario import (
    DOCUMENT,
    NOW,
    OCTETS,
    ORDER,
    Kept,
    afresh,
    charged,
    furnish,
    imsi,
    initial,
    new_account,
    octets,
    open_accounts,
    shown,
    terminate,
    update,
    used,
    want,
)
from tests.store.staging import Staged

FIRST = "account 1"
HOUR = 3_600_000_000
Command = Callable[[Accounts], Awaitable[Done]]
GOLD = """
  - name: gold
    services:
      - {name: gold, rating_groups: [300], allowance: {balance_type: nuggets, amount: 5}}
"""
RICHER = DOCUMENT.replace("plans:", "  - {name: nuggets, unit_type: volume}\nplans:") + GOLD


async def cancel(accounts: Accounts) -> Done:
    (account,) = await accounts.find_accounts(None, FIRST, 1)
    return await cancel_subscription(accounts, None, (FIRST, account.subscriptions[0].id), ORDER)


async def debit(accounts: Accounts) -> Done:
    asked = Credit(FIRST, str(OCTETS - 200), True, "octets")
    return await credit_balance(accounts, None, asked, ORDER)


COMMANDS: dict[str, Command] = {
    "suspend": lambda accounts: suspend_account(accounts, None, FIRST, ORDER),
    "delete": lambda accounts: delete_account(accounts, None, FIRST, ORDER),
    "cancel": cancel,
    "debit": debit,
    "end": lambda accounts: set_terms(
        accounts, None, (FIRST, Terms(None, valid_until=NOW + 1, balance_type="octets")), ORDER
    ),
    "close": lambda accounts: close_session(accounts, None, "session", ORDER),
    "tenant": lambda accounts: suspend_tenant(accounts, "demo", ORDER),
    "catalogue": lambda accounts: apply_catalogue(
        accounts, read_document(DOCUMENT.replace("default_quota: 100", "default_quota: 7")), ORDER
    ),
}
HOLDING = [kind for kind in COMMANDS if kind not in ("tenant", "catalogue")]
"""Those that lock the group of an account."""
TOLD: dict[str, tuple[Outcome, Outcome | None, int]] = {
    "suspend": (Outcome.SUCCESS, Outcome.SERVICE_DENIED, 40),
    "delete": (Outcome.SESSION_UNKNOWN, None, 0),
    "cancel": (Outcome.SUCCESS, Outcome.SERVICE_DENIED, 40),
    "debit": (Outcome.SUCCESS, Outcome.SUCCESS, 40),
    "end": (Outcome.SUCCESS, Outcome.SUCCESS, 40),
    "close": (Outcome.SESSION_UNKNOWN, None, 40),
    "tenant": (Outcome.SUCCESS, Outcome.SERVICE_DENIED, 40),
    "catalogue": (Outcome.SUCCESS, Outcome.SUCCESS, 40),
}
"""What an update that reports 40 of 100 is told after a command, and what is used then."""


@asynccontextmanager
async def serving(store: Store) -> AsyncIterator[Lanes]:
    lanes = Lanes(store, LaneSettings(answer_budget_seconds=20), lambda: NOW)
    running = asyncio.create_task(lanes.run())
    yield lanes
    await lanes.drain()
    running.cancel()
    await asyncio.wait([running])


@pytest.fixture
async def server(postgres: Kept, emptied: str) -> AsyncIterator[Store]:
    """A server: what it remembers it forgets when it opens a new connection."""
    pool = Database(emptied, pool_size=1)
    yield PostgresStore(pool, Catalogues(read_stored))
    await pool.close()


async def opened(postgres: Kept, server: Store) -> int:
    """Make an account whose session holds 100 octets; the server would trust what it remembers."""
    (group,) = await furnish(postgres.accounts, [1], money=5_000_000)
    await charged(postgres.store, (group, initial()))
    await delete_device(postgres.accounts, None, FIRST, ORDER)
    await charged(server, (group, update(usages=(want(100),))))
    return group


def report() -> ChargingRequest:
    return update(request_number=9, usages=(used(40, 100),))


async def used_in_all(postgres: Kept, group: int) -> int:
    """Return what was used of octets by all accounts of a group."""
    balances = await postgres.accounts.group_balances(group)
    return sum(balance.used for balance in balances if balance.balance_type == "octets")


def check_told(kind: str, answer: Decision | Fault, units: int) -> None:
    assert isinstance(answer, Decision)
    outcome, of_service, expected = TOLD[kind]
    outcomes = [service.outcome for service in answer.services]
    assert (answer.outcome, outcomes) == (outcome, [] if of_service is None else [of_service])
    assert units == expected


@pytest.mark.parametrize("kind", HOLDING)
async def test_a_request_waits_for_a_command_that_holds_its_account(
    postgres: Kept, server: Store, kind: str
) -> None:
    group = await opened(postgres, server)
    staged = Staged(postgres.accounts, "conclude")
    command = asyncio.create_task(COMMANDS[kind](staged))
    await staged.reached.wait()
    answers: list[Decision | Fault] = []
    with pytest.raises(StaleCase):  # it trusts what it remembers, and cannot write
        await charged(server, (group, report()))
    async with afresh(postgres).work() as work:
        assert not await work.lock([group])
    async with serving(server) as lanes:
        lanes.submit(report(), answers.append)
        staged.go.set()
        await command
    check_told(kind, answers[0], await used_in_all(postgres, group))


async def overtaken(
    server: Store, asked: tuple[int, ChargingRequest], command: Awaitable[Done]
) -> None:
    """Decide a request on trust, and have a command commit before it is stored."""
    group, request = asked
    async with server.work() as work:
        await work.lock([group], [asked], NOW)
        cases, _ = await work.load([asked], NOW)
        await command
        decision = charge(request, cases[group])
        assert decision.services[0].grant is not None
        await work.apply([Change(cases[group], cases[group].after(decision), decision.edrs)])


@pytest.mark.parametrize("is_remembered", [True, False])
@pytest.mark.parametrize("kind", COMMANDS)
async def test_what_was_decided_on_trust_is_not_stored_once_a_command_has_come_first(
    postgres: Kept, server: Store, kind: str, is_remembered: bool
) -> None:
    group = await opened(postgres, server)
    request = report()
    if not is_remembered:
        server = afresh(postgres)
    with pytest.raises(StaleCase):
        await overtaken(server, (group, request), COMMANDS[kind](postgres.accounts))
    (answer,) = await charged(server, (group, request))
    check_told(kind, answer, await used_in_all(postgres, group))


@pytest.mark.parametrize("kind", HOLDING)
async def test_a_command_waits_for_a_request_that_holds_its_account(
    postgres: Kept, server: Store, kind: str
) -> None:
    """What the request reports is charged, and what it is granted is released or kept."""
    group = await opened(postgres, server)
    request = report()
    call = {"debit": "find_accounts", "close": "find_sessions"}.get(kind, "load_group")
    staged = Staged(postgres.accounts, call, is_after=True)
    staged.go.set()
    async with afresh(postgres).work() as work:
        await work.lock([group])
        cases, _ = await work.load([(group, request)], NOW)
        command = asyncio.create_task(COMMANDS[kind](staged))
        await staged.reached.wait()
        decision = charge(request, cases[group])
        await work.apply([Change(cases[group], cases[group].after(decision), decision.edrs)])
    await command
    assert await used_in_all(postgres, group) == (0 if kind == "delete" else 40)
    balances = await postgres.accounts.group_balances(group)
    is_ended = kind in ("suspend", "delete", "close")
    assert sum(balance.reserved for balance in balances) == (0 if is_ended else 100)


async def test_of_two_commands_under_one_id_at_once_one_is_done(postgres: Kept) -> None:
    await furnish(postgres.accounts, [1])
    order = Order("anna", "once", NOW)
    staged = Staged(postgres.accounts, "conclude", is_after=True)
    asked = Credit(FIRST, "5", balance_type="octets")
    first = asyncio.create_task(credit_balance(staged, None, asked, order))
    await staged.reached.wait()
    second = asyncio.create_task(credit_balance(postgres.accounts, None, asked, order))
    other = asked._replace(amount="6")
    third = asyncio.create_task(credit_balance(postgres.accounts, None, other, order))
    staged.go.set()
    assert (await first).is_repeated is False
    assert (await second).is_repeated is True
    assert (await second).answer == (await first).answer
    with pytest.raises(Refusal) as caught:
        await third
    assert caught.value.code == "transaction_id_reused"
    assert (await octets(postgres.accounts)).total == OCTETS + 5


async def test_an_id_under_which_something_was_refused_is_free_for_who_waited(
    postgres: Kept,
) -> None:
    await furnish(postgres.accounts, [1])
    order = Order("anna", "once", NOW)
    staged = Staged(postgres.accounts, "find_accounts", is_after=True)
    nobody = Credit("nobody", "5", balance_type="octets")
    first = asyncio.create_task(credit_balance(staged, "demo", nobody, order))
    await staged.reached.wait()
    asked = Credit(FIRST, "5", balance_type="octets")
    second = asyncio.create_task(credit_balance(postgres.accounts, None, asked, order))
    staged.go.set()
    with pytest.raises(Refusal):
        await first
    assert (await second).is_repeated is False
    assert (await octets(postgres.accounts)).total == OCTETS + 5


VANISHED: dict[str, tuple[Command, str]] = {
    "device": (lambda accounts: delete_device(accounts, None, FIRST, ORDER), "device_unknown"),
    "identity": (
        lambda accounts: remove_identity(accounts, None, imsi(1), ORDER),
        "identity_unknown",
    ),
    "more": (
        lambda accounts: add_identities(accounts, None, (FIRST, [imsi(7)]), ORDER),
        "device_unknown",
    ),
}


@pytest.mark.parametrize("kind", VANISHED)
async def test_what_vanishes_between_being_found_and_locked_is_not_there(
    postgres: Kept, kind: str
) -> None:
    await furnish(postgres.accounts, [1])
    command, code = VANISHED[kind]
    staged = Staged(postgres.accounts, "load_group")
    late = asyncio.create_task(command(staged))
    await staged.reached.wait()
    await delete_device(postgres.accounts, None, FIRST, ORDER)
    staged.go.set()
    with pytest.raises(Refusal) as caught:
        await late
    assert caught.value.code == code


LATE: dict[str, Command] = {
    "suspend": lambda accounts: suspend_account(accounts, None, FIRST, ORDER),
    "delete": lambda accounts: delete_account(accounts, None, FIRST, ORDER),
    "child": lambda accounts: create_child(accounts, None, (new_account(2), FIRST), ORDER),
    "device": lambda accounts: create_device(accounts, None, (FIRST, "tablet", []), ORDER),
    "balance": lambda accounts: new_balance(accounts, None, (FIRST, Terms("1")), ORDER),
}


@pytest.mark.parametrize("kind", LATE)
async def test_an_account_that_is_deleted_meanwhile_is_unknown(postgres: Kept, kind: str) -> None:
    await furnish(postgres.accounts, [1])
    await delete_device(postgres.accounts, None, FIRST, ORDER)
    staged = Staged(postgres.accounts, "load_group")
    late = asyncio.create_task(LATE[kind](staged))
    await staged.reached.wait()
    await delete_account(postgres.accounts, None, FIRST, ORDER)
    staged.go.set()
    with pytest.raises(Refusal) as caught:
        await late
    assert caught.value.code == "account_unknown"


async def test_money_for_an_account_that_is_deleted_meanwhile_is_refused(postgres: Kept) -> None:
    await furnish(postgres.accounts, [1])
    await delete_device(postgres.accounts, None, FIRST, ORDER)
    staged = Staged(postgres.accounts, "find_accounts", is_after=True)
    late = asyncio.create_task(credit_balance(staged, "demo", Credit(FIRST, "5"), ORDER))
    await staged.reached.wait()
    await delete_account(postgres.accounts, None, FIRST, ORDER)
    staged.go.set()
    with pytest.raises(Refusal):
        await late


async def somebody_waits(postgres: Kept) -> bool:
    """Say whether a transaction waits for what another one has locked."""
    assert postgres.database is not None
    async with postgres.database.connection() as connection:
        cursor = await connection.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return await cursor.fetchone() != (0,)


GAINED: dict[str, tuple[Command, str]] = {
    "subscription": (
        lambda accounts: add_subscription(accounts, None, NewSubscription(FIRST, "gold"), ORDER),
        "plan_in_use",
    ),
    "balance": (
        lambda accounts: new_balance(
            accounts, None, (FIRST, Terms("5", balance_type="nuggets")), ORDER
        ),
        "balance_type_in_use",
    ),
    "child": (
        lambda accounts: create_child(
            accounts, None, (new_account(2)._replace(plans=("gold",)), FIRST), ORDER
        ),
        "plan_in_use",
    ),
}


@pytest.mark.parametrize("kind", GAINED)
async def test_a_catalogue_keeps_what_an_account_gets_at_the_same_moment(
    postgres: Kept, kind: str
) -> None:
    """Who applies one waits for whoever gives an account what it would take away."""
    await furnish(postgres.accounts, [1])
    await apply_catalogue(postgres.accounts, read_document(RICHER), ORDER)
    gaining, code = GAINED[kind]
    staged = Staged(postgres.accounts, "conclude")
    gained = asyncio.create_task(gaining(staged))
    await staged.reached.wait()
    applying = Staged(postgres.accounts, "claim", is_after=True)
    applied = asyncio.create_task(apply_catalogue(applying, read_document(DOCUMENT), ORDER))
    await applying.reached.wait()
    applying.go.set()
    while not applied.done() and not await somebody_waits(postgres):
        pass
    staged.go.set()
    await gained
    with pytest.raises(Refusal) as caught:
        await applied
    assert caught.value.code == code


async def test_an_account_that_comes_again_under_its_name_is_another_one(postgres: Kept) -> None:
    (group,) = await furnish(postgres.accounts, [1])
    answers: list[Any] = []
    async with serving(postgres.store) as lanes:
        lanes.submit(initial(), answers.append)
        await lanes.drain()
        await delete_device(postgres.accounts, None, FIRST, ORDER)
        await delete_account(postgres.accounts, None, FIRST, ORDER)
        (again,) = await open_accounts(postgres.accounts, [1])
        for request in (
            update(usages=(used(40, 100),)),
            terminate(request_number=2, usages=(used(5),)),
            initial(request_number=3),
            update(request_number=4, usages=(used(30, 50),)),
        ):
            lanes.submit(request, answers.append)
            await lanes.drain()
    assert again != group
    assert [answer.outcome.name for answer in answers] == [
        "SUCCESS",
        "SESSION_UNKNOWN",
        "SUCCESS",
        "SUCCESS",
        "SUCCESS",
    ]
    assert (await shown(postgres.accounts, 1)).group_id == again
    assert (await octets(postgres.accounts))[4:7] == (OCTETS, 30, 50)
    assert await postgres.accounts.group_balances(group) == []
