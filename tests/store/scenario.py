"""A small operator and its accounts in a store, requests for them, and the books of a twin."""

import itertools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from diameter_ocs.charging.accounts import AccountSummary, NewAccount
from diameter_ocs.charging.case import Case, Change
from diameter_ocs.charging.decisions import Decision, Edr
from diameter_ocs.charging.faults import StaleCase
from diameter_ocs.charging.ledger import Balance
from diameter_ocs.charging.requests import (
    ChargingRequest,
    Identity,
    IdentityKind,
    RequestType,
    ServiceUsage,
    SessionKey,
    Units,
)
from diameter_ocs.charging.spooled import Owed
from diameter_ocs.handlers.balances import Credit, credit_balance
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.commands import Accounts, Order
from diameter_ocs.handlers.credit_control import Fault, Step, fold
from diameter_ocs.handlers.ports import Store
from diameter_ocs.handlers.provisioning import (
    apply_catalogue,
    create_accounts,
    find_account,
)
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.memory import MemoryStore
from diameter_ocs.store.work import PostgresStore

NOW = 1_700_000_000_000_000
ORDER = Order("a test", at=NOW)
DATA, VOICE = 300, 100
OCTETS = 1000
"""The allowance of data that an account begins with."""

DOCUMENT = f"""
tenant: demo
currency: EUR
rating_groups:
  - {{id: {DATA}, name: Data, unit_type: volume, default_quota: 100}}
  - {{id: {VOICE}, name: Voice, unit_type: time, rounding: 60, default_quota: 60}}
default_rating_groups: {{"32251": {DATA}}}
balance_types:
  - {{name: octets, unit_type: volume}}
  - {{name: money, unit_type: money}}
plans:
  - name: plan
    services:
      - {{name: allowance, rating_groups: [{DATA}], allowance: {{balance_type: octets, amount: {OCTETS}}}}}
      - {{name: as you go, priority: 1, rating_groups: [{DATA}, {VOICE}], price: {{amount: "0.01", per: 10}}}}
"""  # noqa: E501

identifiers = itertools.count(1000)
"""Of requests: what says nothing else is not the same message twice."""


class Kept(NamedTuple):
    """A store under test, both its sides."""

    store: Store
    accounts: Accounts
    database: Database | None
    """None: it is the twin."""


def imsi(number: int) -> Identity:
    return Identity(IdentityKind.IMSI, f"00101{number:010d}")


def new_account(number: int, money: int = 0) -> NewAccount:
    return NewAccount(f"account {number}", ("plan",), (imsi(number),), money)


async def furnish(
    accounts: Accounts, numbers: Collection[int] = (1, 2, 3), tenant: str = "demo", money: int = 0
) -> list[int]:
    """Make a tenant with a catalogue and accounts; return their groups."""
    await create_tenant(accounts, tenant, ORDER)
    document = read_document(DOCUMENT.replace("tenant: demo", f"tenant: {tenant}"))
    await apply_catalogue(accounts, document, ORDER)
    return await open_accounts(accounts, numbers, tenant, money)


async def open_accounts(
    accounts: Accounts, numbers: Collection[int], tenant: str = "demo", money: int = 0
) -> list[int]:
    """Open accounts; return their groups."""
    new = [new_account(number, money) for number in numbers]
    await create_accounts(accounts, tenant, new, ORDER)
    return [(await shown(accounts, number, tenant)).group_id for number in numbers]


async def credited(
    accounts: Accounts, number: int, amount: int, tenant: str = "demo", order: Order = ORDER
) -> Mapping[str, Any]:
    """Credit, or debit, the allowance of data of an account; return what it answers."""
    asked = Credit(f"account {number}", str(abs(amount)), amount < 0, "octets")
    return (await credit_balance(accounts, tenant, asked, order)).answer


def ask(
    request_type: RequestType,
    subscriber: int = 1,
    session: bytes = b"session",
    usages: Sequence[ServiceUsage] = (),
    **others: object,
) -> ChargingRequest:
    request = ChargingRequest(
        request_type=request_type,
        request_number=0 if request_type is RequestType.INITIAL else 1,
        session_key=SessionKey(session),
        service_context="32251",
        origin_host="gateway.example",
        origin_realm="example",
        end_to_end_id=next(identifiers),
        is_retransmission=False,
        tenant=None,
        identities=(imsi(subscriber),),
        event_at=None,
        usages=tuple(usages),
    )
    return request._replace(**others)


def initial(subscriber: int = 1, session: bytes = b"session", **others: object) -> ChargingRequest:
    return ask(RequestType.INITIAL, subscriber, session, **{"usages": (want(100),), **others})


def update(subscriber: int = 1, session: bytes = b"session", **others: object) -> ChargingRequest:
    return ask(RequestType.UPDATE, subscriber, session, **{"usages": (used(10, 100),), **others})


def terminate(
    subscriber: int = 1, session: bytes = b"session", **others: object
) -> ChargingRequest:
    return ask(RequestType.TERMINATION, subscriber, session, **{"usages": (used(10),), **others})


def event(subscriber: int = 1, session: bytes = b"event", **others: object) -> ChargingRequest:
    usages = {"usages": (want(10),), "request_number": 0}
    return ask(RequestType.EVENT, subscriber, session, **{**usages, **others})


def want(units: int | None, rating_group: int = DATA) -> ServiceUsage:
    return ServiceUsage(rating_group, (), Units(units, units, units))


def used(units: int, wanted: int | None = None, rating_group: int = DATA) -> ServiceUsage:
    requested = None if wanted is None else Units(wanted, wanted, wanted)
    return ServiceUsage(rating_group, (), requested, (Units(units, units, units),))


def steps(*pairs: tuple[int, ChargingRequest]) -> list[Step]:
    """Return (group, request) as steps of a fold, with nothing spooled before."""
    return [(group, Owed(request)) for group, request in pairs]


async def charged(
    store: Store, *pairs: tuple[int, ChargingRequest], now: int = NOW
) -> list[Decision | Fault]:
    """Take (group, request) through one transaction."""
    async with store.work() as work:
        await work.lock({group for group, _ in pairs}, pairs, now)
        cases, _ = await work.load(pairs, now)
        folded = fold(steps(*pairs), cases)
        await work.apply(folded.changes)
    return folded.results


async def charged_anew(
    store: Store, *pairs: tuple[int, ChargingRequest], now: int = NOW
) -> list[Decision | Fault]:
    """Take them through a store that may not know what has become of their groups or sessions."""
    try:
        return await charged(store, *pairs, now=now)
    except StaleCase:
        return await charged(store, *pairs, now=now)


async def case_of(store: Store, group: int, *requests: ChargingRequest, now: int = NOW) -> Case:
    """Read a group as the given requests would find it, without what else a store remembers."""
    async with store.work() as work:
        await work.lock([group])
        cases, _ = await work.load([(group, request) for request in requests], now)
    case, asked = cases[group], {request.session_key for request in requests}
    sessions = {key: session for key, session in case.sessions.items() if key in asked}
    return case._replace(sessions=sessions)


def afresh(kept: Kept) -> Store:
    """Return the store as a process sees it that remembers nothing."""
    assert kept.database is not None
    return PostgresStore(kept.database, Catalogues(read_stored))


async def keep(store: Store, before: Case, after: Case, *edrs: Edr) -> None:
    """Store what has changed, as a batch would."""
    await applied(store, Change(before, after, edrs))


async def applied(store: Store, *changes: Change, fault: Exception | None = None) -> None:
    """Lock and store; a fault comes after all was stored and before the commit."""
    async with store.work() as work:
        await work.lock([change.before.group_id for change in changes])
        await work.apply(changes)
        if fault is not None:
            raise fault


async def shown(accounts: Accounts, number: int, tenant: str = "demo") -> AccountSummary:
    return await find_account(accounts, tenant, f"account {number}")


async def octets(accounts: Accounts, number: int = 1, tenant: str = "demo") -> Balance:
    """Return the allowance of data of an account."""
    (found,) = [
        balance
        for balance in (await shown(accounts, number, tenant)).balances
        if balance.balance_type == "octets"
    ]
    return found


def memory_faults(store: MemoryStore) -> list[str]:
    """Say which balances of a twin are not what its journal and its sessions add up to."""
    faults = []
    for group in store.groups.values():
        assert [edr.number for edr in group.edrs] == list(range(1, group.version + 1))
        postings = [posting for edr in group.edrs for posting in edr.postings]
        held: Counter[int] = Counter()
        for session in group.sessions.values():
            held.update(session.held())
        gone = {posting.balance_id for posting in postings} - group.balances.keys()
        owned = {number: Balance(number, 0, "", 0, 0, 0, 0) for number in gone}
        for number, balance in {**group.balances, **owned}.items():
            own = [posting for posting in postings if posting.balance_id == number]
            pairs = {
                "total": (balance.total, sum(posting.total for posting in own)),
                "used": (balance.used, sum(posting.used for posting in own)),
                "reserved": (balance.reserved, sum(posting.reserved for posting in own)),
                "held": (balance.reserved, held[number]),
            }
            faults += [
                f"{number}: {name} is {stored} and adds up to {recorded}"
                for name, (stored, recorded) in pairs.items()
                if stored != recorded
            ]
    return faults
