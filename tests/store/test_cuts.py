"""A connection that breaks between any two messages of a batch leaves all of it, or nothing."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import count

import psycopg
import pytest

from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.faults import CasesUnavailable, StaleCase
from diameter_ocs.charging.information import (
    LocationReport,
    LocationSource,
    ServiceInformation,
)
from diameter_ocs.charging.requests import ChargingRequest
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.credit_control import Fault
from diameter_ocs.handlers.provisioning import apply_catalogue
from diameter_ocs.handlers.tenants import create_tenant
from diameter_ocs.store.books import check_books
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from diameter_ocs.store.work import PostgresStore
from tests.store.cutting import Cutter, cutting
from tests.store.scenario import (
    DATA,
    NOW,
    ORDER,
    Kept,
    charged,
    charged_anew,
    event,
    furnish,
    initial,
    open_accounts,
    terminate,
    update,
)

ACCOUNTS = 5
"""In each batch."""
MESSAGES_MAX = 400
WRITTEN = {
    *("UPDATE account", "UPDATE balance", "INSERT INTO edr", "INSERT INTO session"),
    *("UPDATE session", "DELETE FROM session", "INSERT INTO closed_session"),
}

Batch = Sequence[tuple[int, ChargingRequest]]
BY_PLACE = f"""
tenant: travel
currency: EUR
settings: {{announcement_contexts: ["32251"]}}
rating_groups:
  - {{id: {DATA}, name: Data, unit_type: volume, announcements: {{end_user_service_denied: 7}}}}
balance_types: [{{name: money, unit_type: money}}]
plans:
  - name: plan
    services:
      - name: by place
        rating_groups: [{DATA}]
        rates:
          - {{zone: home, price: {{amount: 0.01, per: 10}}, when: {{countries: DE}}}}
          - {{zone: Europe, price: {{amount: 0.05, per: 10, initial_charge: 1}}, when: {{countries: FR}}}}
"""  # noqa: E501
MONEY = 100_000_000


def place(country: str) -> ServiceInformation:
    report = LocationReport(LocationSource.USER_LOCATION, "00101", countries=(country,))
    return ServiceInformation((report,), apn="internet")


HOME, ABROAD, UNSOLD = map(place, ("DE", "FR", "US"))


async def prepared(kept: Kept, first: int) -> Batch:
    """Make accounts and sessions, and a batch with every kind of change to them."""
    numbers = range(first, first + ACCOUNTS)
    one, two, three, four, five = await open_accounts(kept.accounts, numbers)
    names = [b"session %d" % number for number in numbers]
    await charged(
        kept.store,
        (two, initial(numbers[1], names[1])),
        (three, initial(numbers[2], names[2])),
        (four, initial(numbers[3], names[3])),
        (five, initial(numbers[4], names[4])),
        (five, terminate(numbers[4], names[4], end_to_end_id=8)),
    )
    return [
        (one, initial(numbers[0], names[0], end_to_end_id=11)),
        (two, update(numbers[1], names[1], end_to_end_id=12)),
        (two, update(numbers[1], names[1], request_number=2, end_to_end_id=13)),
        (three, terminate(numbers[2], names[2], end_to_end_id=14)),
        # The old session of the name is closed, and another one opened.
        (four, initial(numbers[3], names[3], request_number=5, end_to_end_id=15)),
        # The session has ended: late usage.
        (five, update(numbers[4], names[4], request_number=3, end_to_end_id=16)),
    ]


async def travelling(kept: Kept, first: int) -> Batch:
    """Make travellers, and a batch of what they do at borders and far away."""
    numbers = range(first, first + ACCOUNTS)
    one, two, three, four, five = await open_accounts(kept.accounts, numbers, "travel", MONEY)
    names = [b"travel %d" % number for number in numbers]
    await charged(
        kept.store,
        (two, initial(numbers[1], names[1], information=HOME)),
        (five, initial(numbers[4], names[4], information=ABROAD)),
    )
    return [
        (one, initial(numbers[0], names[0], information=ABROAD, end_to_end_id=11)),
        (two, update(numbers[1], names[1], information=ABROAD, end_to_end_id=12)),
        (
            two,
            update(numbers[1], names[1], information=UNSOLD, request_number=2, end_to_end_id=13),
        ),
        (three, event(numbers[2], names[2], information=ABROAD, end_to_end_id=14)),
        (four, event(numbers[3], names[3], end_to_end_id=15)),
        (five, terminate(numbers[4], names[4], information=HOME, end_to_end_id=16)),
    ]


def records(conninfo: str, batch: Batch) -> list[int]:
    """Return how many EDRs each request of a batch has."""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "SELECT group_id, session_id, end_to_end_id FROM edr WHERE end_to_end_id >= 11"
        ).fetchall()
    found = Counter(rows)
    return [
        found[group, request.session_key.session_id, request.end_to_end_id]
        for group, request in batch
    ]


def told(decisions: Sequence[Decision | Fault]) -> list[object]:
    """Return what requests are answered, be it for the first time or again."""
    return [
        (
            decision.outcome,
            [(each.outcome, each.grant, each.announcements) for each in decision.services],
        )
        for decision in decisions
        if isinstance(decision, Decision)
    ]


async def remember(store: PostgresStore, batch: Batch) -> None:
    """Have a store decide on what it remembers of the accounts of a batch and their sessions."""
    groups = sorted({group for group, _ in batch})
    subscribers = {group: request.identities for group, request in batch}
    opened = [update(session=r.session_key.session_id, usages=()) for _, r in batch]
    await charged(store, *zip((group for group, _ in batch), opened, strict=True))
    await charged(
        store,
        *((group, initial(identities=subscribers[group], session=b"other")) for group in groups),
    )
    async with store.work() as work:
        await work.lock(groups, batch, NOW)
        assert not work.is_locking


async def doubt(store: PostgresStore, batch: Batch) -> None:
    """Have a store lock the next batches before it decides on them, for one was not stored."""
    with suppress(StaleCase):
        async with store.work():
            raise StaleCase
    async with store.work() as work:
        await work.lock([group for group, _ in batch], batch, NOW)
        await work.load(batch, NOW)
        assert work.is_locking


async def trust(store: PostgresStore, batch: Batch) -> None:
    """Have a store read what it does not remember, and lock nothing."""
    async with store.work() as work:
        await work.lock([group for group, _ in batch], batch, NOW)
        await work.load(batch, NOW)
        assert not work.is_locking


Mood = Callable[[PostgresStore, Batch], Awaitable[None]]
MOODS: dict[str, tuple[Mood, int]] = {
    "remembering": (remember, 5),
    "reading": (trust, 5),
    "locking": (doubt, 10),
}
"""How a store takes a batch, and how many breaks there are at least before it has sent all."""


async def interrupted(
    cutter: Cutter, catalogues: Catalogues, batch: Batch, after: int, put_in_mood: Mood
) -> bool:
    """Take a batch through a connection that breaks; return whether the client saw its end."""
    database = Database(cutter.conninfo, pool_size=1)
    store = PostgresStore(database, catalogues)
    try:
        await database.ping()
        await put_in_mood(store, batch)
        cutter.cut_after(after)
        await charged(store, *batch)
    except (CasesUnavailable, StaleCase):
        await cutter.settled()
        return False
    finally:
        await database.close()
    return True


@pytest.mark.parametrize(
    ("mood", "prepare"), [*((mood, prepared) for mood in MOODS), ("remembering", travelling)]
)
async def test_a_batch_is_stored_as_a_whole_or_not_at_all_wherever_it_breaks(
    postgres: Kept,
    opened: Database,
    emptied: str,
    mood: str,
    prepare: Callable[[Kept, int], Awaitable[Batch]],
) -> None:
    await furnish(postgres.accounts, [])
    await create_tenant(postgres.accounts, "travel", ORDER)
    await apply_catalogue(postgres.accounts, read_document(BY_PLACE), ORDER)
    catalogues = Catalogues(read_stored)
    put_in_mood, breaks_min = MOODS[mood]
    outcomes: Counter[tuple[bool, bool]] = Counter()
    async with cutting(emptied) as cutter:
        for after in count(1):
            assert after < MESSAGES_MAX
            batch = await prepare(postgres, 1 + after * ACCOUNTS)
            is_answered = await interrupted(cutter, catalogues, batch, after, put_in_mood)
            was_cut = cutter.stop_cutting()
            stored = records(emptied, batch)
            assert stored in ([0] * len(batch), [1] * len(batch))
            assert (await check_books(opened)).are_balanced
            outcomes[is_answered, all(stored)] += 1
            again = await charged_anew(postgres.store, *batch)
            assert records(emptied, batch) == [1] * len(batch)
            assert told(again) == told(await charged(postgres.store, *batch))
            if not was_cut:
                break
    assert outcomes[True, False] == 0  # never an answer without its EDR
    assert outcomes[True, True] >= 1
    assert outcomes[False, True] >= 1  # a commit of which the client does not know
    assert outcomes[False, False] >= breaks_min
    sent = " ".join(" ".join(cutter.statements).split())
    written = WRITTEN if prepare is prepared else {"INSERT INTO edr", "UPDATE session"}
    assert [kind for kind in written if f"{kind} " not in sent] == []
