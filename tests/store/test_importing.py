"""A file of accounts is imported whole or not at all; the same in both stores."""

from collections.abc import Sequence

import pytest

from diameter_ocs.charging.accounts import NewAccount
from diameter_ocs.handlers.commands import Done, Order
from diameter_ocs.handlers.importing import (
    FAULTS_MAX,
    ROWS_TOGETHER,
    ImportFile,
    Row,
    import_accounts,
)
from diameter_ocs.handlers.refusals import Refusal
from tests.store.scenario import NOW, OCTETS, Kept, furnish, imsi, new_account, octets

FIRST = Order("anna", "first", NOW)


def rows(*accounts: NewAccount, first: int = 2) -> list[Row]:
    return [Row(line, account) for line, account in enumerate(accounts, first)]


async def imported(kept: Kept, listed: Sequence[Row], order: Order = FIRST) -> Done:
    file = ImportFile("new.csv", str(hash(tuple(listed))), lambda: listed)
    return await import_accounts(kept.accounts, "demo", file, order, lambda count: None)


async def refused(kept: Kept, listed: Sequence[Row]) -> tuple[str, ...]:
    """Try a file that is wrong; nothing of it is left."""
    before = await kept.accounts.find_accounts(None, None, 100)
    with pytest.raises(Refusal) as caught:
        await imported(kept, listed)
    assert caught.value.code == "rows_wrong"
    assert await kept.accounts.find_accounts(None, None, 100) == before
    return caught.value.sentences


async def test_accounts_begin_with_what_their_plans_bring(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    done = await imported(kept, rows(new_account(2), NewAccount("no device", ("plan",), ())))
    assert done.answer == {"tenant": "demo", "accounts": 2}
    assert (await octets(kept.accounts, 2)).total == OCTETS
    found = await kept.accounts.find_accounts("demo", "no device", 2)
    assert [each.devices for each in found] == [()]
    assert (
        await imported(kept, rows(new_account(2), NewAccount("no device", ("plan",), ())))
    ).is_repeated


async def test_rows_of_several_portions_are_all_opened(kept: Kept) -> None:
    await furnish(kept.accounts, [])
    heard: list[int] = []
    count = ROWS_TOGETHER + 1
    listed = rows(*(NewAccount(f"a {number}", ("plan",), ()) for number in range(count)))
    file = ImportFile("new.csv", "", lambda: iter(listed))
    await import_accounts(kept.accounts, None, file, FIRST, heard.append)
    assert heard == [ROWS_TOGETHER, count]
    assert len(await kept.accounts.find_accounts("demo", None, 2 * count)) == count


async def test_each_line_that_is_wrong_is_told(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    listed = [
        Row(2, None, "it has 2 fields"),
        Row(3, new_account(2)),
        Row(4, NewAccount("account 1", ("plan",), (imsi(4),))),
        Row(5, NewAccount("new", ("plan",), (imsi(1),))),
        Row(6, NewAccount("other", ("plan",), (imsi(2),))),
        Row(7, NewAccount("", ("plan",), ())),
        Row(8, NewAccount("x", ("gold",), ())),
        Row(9, new_account(2)),
    ]
    assert await refused(kept, listed) == (
        "line 2: it has 2 fields",
        "line 4: the account 'account 1' belongs to an account already",
        f"line 5: imsi:{imsi(1).value} belongs to an account already",
        f"line 6: imsi:{imsi(2).value} stands on line 3 already",
        "line 7: an account's name has 1 to 100 printable characters",
        "line 8: there is no plan 'gold'; there is: plan",
        "line 9: the account 'account 2' stands on line 3 already",
        f"line 9: imsi:{imsi(2).value} stands on line 3 already",
    )


async def test_a_name_may_have_stood_in_a_portion_before(kept: Kept) -> None:
    await furnish(kept.accounts, [])
    listed = rows(*(NewAccount(f"a {number}", ("plan",), ()) for number in range(ROWS_TOGETHER)))
    again = Row(ROWS_TOGETHER + 7, NewAccount("a 5", ("plan",), ()))
    assert await refused(kept, [*listed, again]) == (
        f"line {ROWS_TOGETHER + 7}: the account 'a 5' stands on line 7 already",
    )


async def test_more_faults_than_one_reads_are_not_told(kept: Kept) -> None:
    await furnish(kept.accounts, [])
    listed = [Row(line, None, "wrong") for line in range(1, 3 * ROWS_TOGETHER)]
    sentences = await refused(kept, listed)
    assert sentences[FAULTS_MAX - 1] == f"line {FAULTS_MAX}: wrong"
    assert sentences[FAULTS_MAX:] == (f"and more: the first {FAULTS_MAX} are told",)


async def test_a_file_without_accounts_is_refused(kept: Kept) -> None:
    await furnish(kept.accounts, [])
    assert await refused(kept, []) == ("there is no account in the file",)
