"""Counters and thresholds of accounts, set by command and turned by credit; in both stores."""

import pytest

from diameter_ocs.charging.accounts import AccountSummary, NewAccount
from diameter_ocs.charging.catalogue import Catalogue
from diameter_ocs.charging.counting import CREDIT
from diameter_ocs.charging.standing import NO_STANDING, Standing
from diameter_ocs.handlers.accounts import create_child
from diameter_ocs.handlers.balances import Credit, credit_balance
from diameter_ocs.handlers.catalogue import read_document
from diameter_ocs.handlers.counters import (
    OwnCounter,
    change_thresholds,
    counters_answer,
    override_counter,
    restore_counter,
)
from diameter_ocs.handlers.provisioning import apply_catalogue
from diameter_ocs.handlers.refusals import Refusal
from tests.store.scenario import (
    DOCUMENT,
    NOW,
    OCTETS,
    ORDER,
    Kept,
    credited,
    furnish,
    open_accounts,
    shown,
)

COUNTING = DOCUMENT.replace(
    "{name: octets, unit_type: volume}",
    "{name: octets, unit_type: volume, counters: [{name: left, states: ["
    "{name: fine, actions: [UNBLOCK_BALANCE]},"
    "{name: none, threshold: 10, actions: [BLOCK_BALANCE]}, {name: low, threshold: 100}]}]}",
)
NAME = "account 1"


async def counting(kept: Kept) -> None:
    """Furnish a store, and apply a catalogue with a counter."""
    await furnish(kept.accounts, [1])
    assert COUNTING != DOCUMENT
    await apply_catalogue(kept.accounts, read_document(COUNTING), ORDER)


async def known(kept: Kept) -> tuple[AccountSummary, Catalogue]:
    version = (await kept.accounts.tenants())["demo"]
    assert version is not None
    return await shown(kept.accounts, 1), await kept.accounts.read_catalogue("demo", version)


async def state(kept: Kept) -> str:
    """Return the state of the only counter, which is also what is stored."""
    account, catalogue = await known(kept)
    ((_, found),) = account.counters(catalogue, NOW)
    assert dict(account.standing.states).get("left", "fine") == found
    return found


async def code_of(kept: Kept, *wanted: object) -> str:
    with pytest.raises(Refusal) as caught:
        await override_counter(kept.accounts, "demo", (NAME, OwnCounter(*wanted)), ORDER)
    return caught.value.code


async def test_credit_and_debit_turn_counters_and_block(kept: Kept) -> None:
    await counting(kept)
    assert await state(kept) == "fine"
    for amount, expected, blocked in (
        (-OCTETS + 99, "low", ()),
        (-90, "none", ("octets",)),
        (1, "low", ("octets",)),
        (90, "fine", ()),
    ):
        answer = await credited(kept.accounts, 1, amount)
        assert await state(kept) == expected
        account, _ = await known(kept)
        assert account.standing.blocked == blocked
        assert answer["state"] == ("blocked" if blocked else "active")


async def test_an_account_has_thresholds_of_its_own_until_they_are_reset(kept: Kept) -> None:
    await counting(kept)
    left = OCTETS + 1
    asked = NAME, OwnCounter("left", (("low", str(left)),))
    done = await override_counter(kept.accounts, "demo", asked, ORDER)
    assert (done.answer["state"], done.answer["is_own"]) == ("low", True)
    assert await state(kept) == "low"
    account, catalogue = await known(kept)
    (shown_counter,) = counters_answer(account, catalogue, NOW)
    assert [each["threshold"] for each in shown_counter["states"]] == [None, f"{left} B", "10 B"]
    off = NAME, OwnCounter("left", (), False)
    await override_counter(kept.accounts, "demo", off, ORDER)
    account, catalogue = await known(kept)
    assert account.counters(catalogue, NOW) == ()
    assert account.standing.states == ()
    done = await restore_counter(kept.accounts, "demo", (NAME, "left"), ORDER)
    assert (done.answer["state"], done.answer["is_own"]) == ("fine", False)
    assert (await known(kept))[0].standing == NO_STANDING


async def test_what_blocked_does_so_no_more_when_it_counts_no_more(kept: Kept) -> None:
    await counting(kept)
    await credited(kept.accounts, 1, -OCTETS)
    assert (await known(kept))[0].standing.blocked == ("octets",)
    asked = NAME, OwnCounter("left", (), False)
    await override_counter(kept.accounts, "demo", asked, ORDER)
    assert (await known(kept))[0].standing.blocked == ()


async def test_what_no_counter_can_be_is_refused(kept: Kept) -> None:
    await counting(kept)
    assert await code_of(kept, "lefd") == "counter_unknown"
    assert await code_of(kept, "left", (("fine", "5"),)) == "state_unknown"
    assert await code_of(kept, "left", (("low", "much"),)) == "invalid_threshold"
    assert await code_of(kept, "left", (("low", "5 %"),)) == "invalid_threshold"
    assert await code_of(kept, "left", (("low", "10"),)) == "invalid_threshold"
    assert await code_of(kept, "left", (("low", "100"),)) == "nothing_to_do"
    with pytest.raises(Refusal, match="as the catalogue says"):
        await restore_counter(kept.accounts, "demo", (NAME, "left"), ORDER)


async def test_thresholds_of_money_turn_with_it(kept: Kept) -> None:
    await counting(kept)
    await change_thresholds(kept.accounts, "demo", (NAME, ("1.00", "5", "1")), ORDER)
    for amount, expected in (("4.99", "below 5.00"), ("0.01", None)):
        asked = Credit(NAME, amount)
        await credit_balance(kept.accounts, "demo", asked, ORDER)
        account, _ = await known(kept)
        assert account.standing.thresholds == (5_000_000, 1_000_000)
        assert dict(account.standing.states).get(CREDIT) == expected
    with pytest.raises(Refusal, match="so already"):
        await change_thresholds(kept.accounts, "demo", (NAME, ("5.00", "1.00")), ORDER)
    await change_thresholds(kept.accounts, "demo", (NAME, ()), ORDER)
    assert (await known(kept))[0].standing == NO_STANDING


async def test_a_new_account_stands_as_its_balances_do(kept: Kept) -> None:
    await counting(kept)
    less = COUNTING.replace(f"amount: {OCTETS}}}", "amount: 9}")
    assert less != COUNTING
    await apply_catalogue(kept.accounts, read_document(less), ORDER)
    await open_accounts(kept.accounts, [2])
    below = NewAccount("account 3", ("plan",), ())
    await create_child(kept.accounts, "demo", (below, "account 2"), ORDER)
    for number in (2, 3):
        account = await shown(kept.accounts, number)
        assert account.standing == Standing((("left", "none"),), ("octets",))
