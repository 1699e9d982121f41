"""A connection that breaks between any two messages of a command leaves all of it, or nothing.

Given again under the same transaction id it is done once, whatever was left.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count
from typing import NamedTuple

import pytest

from diameter_ocs.charging.faults import CasesUnavailable, StaleCase
from diameter_ocs.handlers.accounts import delete_account
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.commands import Accounts, Done, Order
from diameter_ocs.handlers.devices import delete_device
from diameter_ocs.handlers.importing import ImportFile, Row, import_accounts
from diameter_ocs.handlers.subscriptions import cancel_subscription
from diameter_ocs.store.accounts import PostgresAccounts
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.database import Database
from tests.store.cutting import Cutter, cutting
from tests.store.scenario import (
    NOW,
    ORDER,
    Kept,
    charged,
    furnish,
    initial,
    new_account,
    open_accounts,
)

MESSAGES_MAX = 400
ROWS = 3
CHANGED = (
    *("account", "device", "directory", "subscription", "balance", "session", "closed_session"),
    *("edr", "audit", "command"),
)
STORED = " UNION ALL ".join(
    f"SELECT '{table}', count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t"
    for table in CHANGED
)


class Try(NamedTuple):
    """A command on accounts that no other try uses."""

    number: int
    order: Order


Prepare = Callable[[Kept, int], Awaitable[None]]
Command = Callable[[Accounts, Try], Awaitable[Done]]


async def with_session(kept: Kept, number: int) -> None:
    """Make an account without a device whose session holds 100 octets."""
    (group,) = await open_accounts(kept.accounts, [number])
    await charged(kept.store, (group, initial(number, b"%d" % number)))
    await delete_device(kept.accounts, None, f"account {number}", ORDER)


async def nothing(kept: Kept, number: int) -> None:
    """Make nothing: the command makes all."""


async def cancelled(accounts: Accounts, each: Try) -> Done:
    (account,) = await accounts.find_accounts(None, f"account {each.number}", 1)
    asked = account.name, account.subscriptions[0].id
    return await cancel_subscription(accounts, "demo", asked, each.order)


async def imported(accounts: Accounts, each: Try) -> Done:
    first = each.number * ROWS
    rows = [Row(line, new_account(1000 + first + line, 5)) for line in range(ROWS)]
    file = ImportFile("new.csv", str(each.number), lambda: rows)
    return await import_accounts(accounts, "demo", file, each.order, lambda told: None)


COMMANDS: dict[str, tuple[Prepare, Command]] = {
    "account delete": (
        with_session,
        lambda accounts, each: delete_account(
            accounts, "demo", f"account {each.number}", each.order
        ),
    ),
    "subscription cancel": (with_session, cancelled),
    "account import": (nothing, imported),
}
WRITTEN = {
    "account delete": {
        *("INSERT INTO command", "UPDATE account", "UPDATE balance", "DELETE FROM session"),
        *("INSERT INTO closed_session", "INSERT INTO edr", "DELETE FROM directory"),
        *("DELETE FROM subscription", "DELETE FROM balance", "UPDATE command", "INSERT INTO audit"),
    },
    "subscription cancel": {
        *("INSERT INTO command", "UPDATE account", "INSERT INTO edr", "UPDATE subscription"),
        *("UPDATE balance", "UPDATE command", "INSERT INTO audit"),
    },
    "account import": {
        *("INSERT INTO command", "INSERT INTO directory", "INSERT INTO account"),
        *("INSERT INTO device", "INSERT INTO subscription", "INSERT INTO balance"),
        *("INSERT INTO edr", "UPDATE command", "INSERT INTO audit"),
    },
}


async def stored(database: Database) -> dict[str, tuple[int, str]]:
    """Return for every table that a command may change how many rows it has, and a digest."""
    async with database.connection() as connection:
        cursor = await connection.execute(STORED)
        return {table: (rows, digest) for table, rows, digest in await cursor.fetchall()}


async def interrupted(cutter: Cutter, command: Command, each: Try, after: int) -> bool:
    """Give a command through a connection that breaks; return whether its answer came."""
    database = Database(cutter.conninfo, pool_size=1)
    accounts = PostgresAccounts(database, Catalogues(read_stored))
    try:
        await database.ping()
        cutter.cut_after(after)
        await command(accounts, each)
    except (CasesUnavailable, StaleCase):
        await cutter.settled()
        return False
    finally:
        await database.close()
    return True


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("account import", 1),
        ("account delete", 8),
        ("subscription cancel", 8),
        pytest.param("account delete", 1, marks=pytest.mark.ci),
        pytest.param("subscription cancel", 1, marks=pytest.mark.ci),
    ],
)
async def test_a_command_is_done_whole_or_not_at_all_wherever_it_breaks(
    postgres: Kept, opened: Database, emptied: str, kind: str, step: int
) -> None:
    """It breaks after each message, or after some of them; then it is given again."""
    prepare, command = COMMANDS[kind]
    await furnish(postgres.accounts, [])
    outcomes: Counter[tuple[bool, bool]] = Counter()
    async with cutting(emptied) as cutter:
        for after in count(1, step):
            assert after < MESSAGES_MAX
            await prepare(postgres, after)
            each = Try(after, Order("anna", f"{kind} {after}", NOW))
            before = await stored(opened)
            is_answered = await interrupted(cutter, command, each, after)
            was_cut = cutter.stop_cutting()
            left = await stored(opened)
            again = await command(postgres.accounts, each)
            done = await stored(opened)
            assert again.is_repeated == (left != before)
            assert not again.is_repeated or done == left
            assert [done[table][0] - before[table][0] for table in ("audit", "command")] == [1, 1]
            outcomes[is_answered, again.is_repeated] += 1
            if not was_cut:
                break
    assert outcomes[True, False] == 0  # never an answer without what it says
    assert outcomes[False, False] >= 5
    if step == 1:
        assert outcomes[True, True] >= 1
        assert outcomes[False, True] >= 1  # a commit of which nobody was told
    sent = " ".join(" ".join(cutter.statements).split())
    assert [each for each in WRITTEN[kind] if f"{each} " not in sent] == []
