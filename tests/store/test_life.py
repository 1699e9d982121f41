"""The life of an account in both stores: what commands make of it, and what charging finds."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from diameter_ocs.charging.accounts import AccountSummary, Narrowed, NewAccount
from diameter_ocs.charging.case import AccountState
from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.faults import StaleCase
from diameter_ocs.charging.requests import ChargingRequest, Identity, IdentityKind
from diameter_ocs.handlers.accounts import (
    DEPTH_MAX,
    GROUP_MAX,
    create_child,
    delete_account,
    move_account,
    resume_account,
    suspend_account,
)
from diameter_ocs.handlers.balances import (
    Credit,
    Terms,
    credit_balance,
    new_balance,
    set_terms,
)
from diameter_ocs.handlers.commands import Done, Order
from diameter_ocs.handlers.devices import (
    DEVICES_MAX,
    add_identities,
    create_device,
    delete_device,
    remove_identity,
)
from diameter_ocs.handlers.provisioning import create_accounts
from diameter_ocs.handlers.refusals import Refusal
from diameter_ocs.handlers.subscriptions import (
    NewSubscription,
    add_subscription,
    cancel_subscription,
)
from tests.store.scenario import (
    NOW,
    OCTETS,
    ORDER,
    Kept,
    case_of,
    charged,
    furnish,
    imsi,
    initial,
    octets,
    shown,
    terminate,
    update,
    used,
    want,
)

FIRST = "account 1"
HOUR = 3_600_000_000
MSISDN = Identity(IdentityKind.MSISDN, "15550123456")


async def ask(kept: Kept, request: ChargingRequest, now: int = NOW) -> Decision:
    """Take a request to whatever group it belongs to; once more where a command came first."""
    (group,) = await kept.store.resolve([request])
    assert group is not None
    try:
        (decision,) = await charged(kept.store, (group, request), now=now)
    except StaleCase:
        (decision,) = await charged(kept.store, (group, request), now=now)
    assert isinstance(decision, Decision)
    return decision


async def refused(
    code: str, kept: Kept, do: Callable[..., Awaitable[Done]], *arguments: object
) -> str:
    """Expect a refusal; nothing is left of what was asked."""
    before = await kept.accounts.find_accounts(None, None, 99)
    with pytest.raises(Refusal) as caught:
        await do(kept.accounts, None, *arguments, ORDER)
    assert caught.value.code == code
    assert await kept.accounts.find_accounts(None, None, 99) == before
    return str(caught.value)


def child(number: int, *identities: Identity) -> NewAccount:
    return NewAccount(f"account {number}", ("plan",), identities)


async def family(kept: Kept) -> AccountSummary:
    """Furnish a parent and its child with an allowance each."""
    await furnish(kept.accounts, [1])
    await create_child(kept.accounts, None, (child(2, imsi(2)), FIRST), ORDER)
    return await shown(kept.accounts, 2)


async def test_a_child_is_stored_in_its_parents_group(kept: Kept) -> None:
    found = await family(kept)
    parent = await shown(kept.accounts, 1)
    assert (found.group_id, found.parent) == (parent.id, FIRST)
    assert found.identities == (imsi(2),)
    assert [balance.total for balance in found.balances] == [OCTETS, 0]
    case = await case_of(kept.store, parent.id, initial(2))
    assert case.accounts.keys() == {parent.id, found.id}
    assert case.accounts[found.id].parent_id == parent.id
    assert case.directory == {imsi(2): found.id}
    assert case.version == 2


async def test_a_child_is_charged_and_goes_on_with_its_parents_allowance(kept: Kept) -> None:
    await family(kept)
    first, second = initial(1), initial(2, b"child", usages=(want(OCTETS + 300),))
    await ask(kept, first)
    decision = await ask(kept, second)
    assert decision.services[0].grant.units == OCTETS + 300
    assert (await octets(kept.accounts, 2))[5:7] == (0, OCTETS)
    assert (await octets(kept.accounts, 1))[5:7] == (0, 400)
    await ask(kept, terminate(2, b"child", usages=(used(OCTETS + 50),)))
    assert (await octets(kept.accounts, 2))[5:7] == (OCTETS, 0)
    assert (await octets(kept.accounts, 1))[5:7] == (50, 100)


async def test_a_family_is_four_accounts_deep_and_no_deeper(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    for number in range(2, DEPTH_MAX + 1):
        new = child(number), f"account {number - 1}"
        await create_child(kept.accounts, None, new, ORDER)
    await refused("too_deep", kept, create_child, (child(9), f"account {DEPTH_MAX}"))


async def test_a_family_has_a_bounded_number_of_accounts_and_devices(memory: Kept) -> None:
    await furnish(memory.accounts, [1])
    for number in range(2, GROUP_MAX + 1):
        await create_child(memory.accounts, None, (child(number), FIRST), ORDER)
    await refused("too_many", memory, create_child, (child(999), FIRST))
    await delete_account(memory.accounts, None, "account 2", ORDER)
    await create_child(memory.accounts, None, (child(999), FIRST), ORDER)
    for number in range(DEVICES_MAX - 1):
        await create_device(memory.accounts, None, (FIRST, f"device {number}", []), ORDER)
    await refused("too_many", memory, create_device, (FIRST, "tablet", []))


async def test_what_two_tenants_have_is_asked_for_with_the_tenant(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    await furnish(kept.accounts, [1], "other")
    for do, asked in ((suspend_account, FIRST), (delete_device, FIRST), (remove_identity, imsi(1))):
        await refused("tenant_needed", kept, do, asked)
    await suspend_account(kept.accounts, "other", FIRST, ORDER)
    assert (await shown(kept.accounts, 1, "other")).state is AccountState.SUSPENDED
    assert (await shown(kept.accounts, 1, "demo")).state is AccountState.ACTIVE


async def test_a_child_with_a_name_in_use_is_not_opened(kept: Kept) -> None:
    await family(kept)
    assert "account 2" in await refused("exists", kept, create_child, (child(2), FIRST))
    await refused("exists", kept, create_child, (child(3, imsi(1)), FIRST))
    await refused("account_unknown", kept, create_child, (child(3), "nobody"))


async def test_a_child_is_known_to_who_remembers_its_family_without_it(kept: Kept) -> None:
    (group,) = await furnish(kept.accounts, [1])
    await ask(kept, initial())
    await create_child(kept.accounts, None, (child(2, imsi(2)), FIRST), ORDER)
    assert await kept.store.resolve([initial(2)]) == [group]
    assert (await ask(kept, initial(2, b"child"))).outcome.name == "SUCCESS"
    late = update(2, b"never opened", usages=(used(5),))
    assert (await ask(kept, late)).outcome.name == "SESSION_UNKNOWN"


async def test_suspending_closes_sessions_and_resuming_serves_again(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    await ask(kept, initial())
    await ask(kept, initial(1, b"other"))
    done = await suspend_account(kept.accounts, None, FIRST, ORDER)
    assert (done.answer["state"], done.answer["closed_sessions"]) == ("suspended", 2)
    assert (await octets(kept.accounts))[5:7] == (0, 0)
    assert (await ask(kept, initial(1, b"new"))).outcome.name == "SERVICE_DENIED"
    late = await ask(kept, update(1, b"session", usages=(used(40, 100),)))
    assert late.outcome.name == "SUCCESS"
    assert [service.outcome.name for service in late.services] == ["SERVICE_DENIED"]
    assert (await octets(kept.accounts))[5:7] == (40, 0)
    ended = await ask(kept, terminate(1, b"session", request_number=2, usages=()))
    assert ended.outcome.name == "SUCCESS"
    await refused("account_suspended", kept, suspend_account, FIRST)
    await resume_account(kept.accounts, None, FIRST, ORDER)
    await refused("account_active", kept, resume_account, FIRST)
    assert (await ask(kept, initial(1, b"newer"))).outcome.name == "SUCCESS"


async def test_an_account_lives_by_the_time_zone_that_it_is_given(kept: Kept) -> None:
    (group,) = await furnish(kept.accounts, [1])
    await ask(kept, initial())
    case = await case_of(kept.store, group, initial())
    assert case.accounts[group].time_zone is None
    moves = (("Asia/Tokyo", "Asia/Tokyo"), ("-05:30", "-05:30"), (None, "UTC"))
    for number, (zone, shows) in enumerate(moves, case.version + 1):
        done = await move_account(kept.accounts, None, (FIRST, zone), ORDER)
        assert done.answer["time_zone"] == shows
        assert done.answer["has_own_time_zone"] is (zone is not None)
        case = await case_of(kept.store, group, initial())
        assert (case.accounts[group].time_zone, case.version) == (zone, number)
        assert (await shown(kept.accounts, 1)).time_zone == zone
        await refused("nothing_to_do", kept, move_account, (FIRST, zone))
    await refused("invalid_time_zone", kept, move_account, (FIRST, "Mars/Olympus"))
    await refused("account_unknown", kept, move_account, ("nobody", "UTC"))
    assert (await ask(kept, update(1))).outcome.name == "SUCCESS"


async def test_an_account_and_a_child_are_opened_with_a_time_zone(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    new = NewAccount("account 8", ("plan",), (imsi(8),), time_zone="Europe/Berlin")
    await create_accounts(kept.accounts, "demo", [new], ORDER)
    below = child(9)._replace(time_zone="+01:00")
    done = await create_child(kept.accounts, None, (below, "account 8"), ORDER)
    assert done.answer["time_zone"] == "+01:00"
    assert (await shown(kept.accounts, 8)).time_zone == "Europe/Berlin"
    assert (await shown(kept.accounts, 9)).time_zone == "+01:00"
    wrong = child(10)._replace(time_zone="Berlin")
    await refused("invalid_time_zone", kept, create_child, (wrong, FIRST))


async def test_a_child_is_served_while_its_parent_is_suspended(kept: Kept) -> None:
    await family(kept)
    await suspend_account(kept.accounts, None, FIRST, ORDER)
    decision = await ask(kept, initial(2, usages=(want(OCTETS + 5),)))
    assert decision.services[0].grant.units == OCTETS


async def test_a_deleted_account_is_gone_and_its_names_are_free(kept: Kept) -> None:
    (group,) = await furnish(kept.accounts, [1])
    await ask(kept, initial())
    await refused("account_in_use", kept, delete_account, FIRST)
    await delete_device(kept.accounts, None, FIRST, ORDER)
    done = await delete_account(kept.accounts, None, FIRST, ORDER)
    assert done.answer["closed_sessions"] == 1
    assert [each["total"] for each in done.answer["written_off"]] == [OCTETS, 0]
    assert await kept.accounts.find_accounts(None, None, 9) == []
    case = await case_of(kept.store, group, initial())
    assert (case.accounts[group].state, case.balances) == (AccountState.DELETED, {})
    assert await kept.store.resolve([initial()]) == [None]
    await furnish_again(kept)
    assert (await shown(kept.accounts, 1)).id != group
    assert (await ask(kept, initial(1, b"new"))).outcome.name == "SUCCESS"


async def furnish_again(kept: Kept) -> None:
    await create_accounts(kept.accounts, "demo", [child(1, imsi(1))], ORDER)


async def test_what_a_deleted_account_reports_late_is_answered(kept: Kept) -> None:
    (group,) = await furnish(kept.accounts, [1])
    await ask(kept, initial())
    await delete_device(kept.accounts, None, FIRST, ORDER)
    await delete_account(kept.accounts, None, FIRST, ORDER)
    assert await kept.store.resolve([update(), terminate()]) == [group, group]
    assert (await ask(kept, update())).outcome.name == "SESSION_UNKNOWN"
    assert (await ask(kept, terminate(request_number=2))).outcome.name == "SUCCESS"


async def test_an_account_with_children_is_not_deleted(kept: Kept) -> None:
    await family(kept)
    await delete_device(kept.accounts, None, FIRST, ORDER)
    assert "account 2" in await refused("account_in_use", kept, delete_account, FIRST)
    await delete_device(kept.accounts, None, "account 2", ORDER)
    await delete_account(kept.accounts, None, "account 2", ORDER)
    await delete_account(kept.accounts, None, FIRST, ORDER)


async def test_devices_and_identities_come_and_go(kept: Kept) -> None:
    await furnish(kept.accounts, [1, 2])
    await create_device(kept.accounts, None, (FIRST, "tablet", [imsi(7)]), ORDER)
    await add_identities(kept.accounts, None, ("tablet", [MSISDN]), ORDER)
    found = await shown(kept.accounts, 1)
    assert {device.name: device.identities for device in found.devices} == {
        FIRST: (imsi(1),),
        "tablet": (imsi(7), MSISDN),
    }
    assert (await ask(kept, initial(7))).outcome.name == "SUCCESS"
    await remove_identity(kept.accounts, None, imsi(7), ORDER)
    assert await kept.store.resolve([initial(7)]) == [None]
    assert (await ask(kept, update(7))).outcome.name == "SUCCESS"
    await add_identities(kept.accounts, None, ("account 2", [imsi(7)]), ORDER)
    assert (await ask(kept, terminate(7, request_number=2))).outcome.name == "SUCCESS"
    assert (await octets(kept.accounts, 1)).used == 20
    await ask(kept, initial(7, b"second"))
    assert (await octets(kept.accounts, 2)).reserved == 100
    await delete_device(kept.accounts, None, "tablet", ORDER)
    await create_device(kept.accounts, None, ("account 2", "tablet", [MSISDN]), ORDER)


async def test_names_in_use_are_refused(kept: Kept) -> None:
    await furnish(kept.accounts, [1, 2])
    await refused("exists", kept, create_device, (FIRST, "account 2", []))
    await refused("exists", kept, create_device, (FIRST, "tablet", [imsi(2)]))
    await refused("exists", kept, add_identities, (FIRST, [imsi(2)]))
    await refused("exists", kept, add_identities, (FIRST, [imsi(1)]))
    await refused("invalid_name", kept, create_device, (FIRST, "", []))
    await refused("device_unknown", kept, delete_device, "tablet")
    await refused("device_unknown", kept, add_identities, ("tablet", [imsi(9)]))
    await refused("identity_unknown", kept, remove_identity, imsi(9))


async def test_a_plan_with_dates_counts_between_them(kept: Kept) -> None:
    (group,) = await furnish(kept.accounts, [1])
    new = NewSubscription(FIRST, "plan", NOW + HOUR, NOW + 2 * HOUR)
    done = await add_subscription(kept.accounts, None, new, ORDER)
    (bucket,) = done.answer["balances"]
    assert (done.answer["state"], bucket["state"], bucket["total"]) == (
        "to come",
        "to come",
        OCTETS,
    )
    cases = [await case_of(kept.store, group, now=NOW + HOUR * hours // 2) for hours in range(5)]
    assert [case.accounts[group].plans for case in cases] == [
        ("plan",),
        ("plan",),
        ("plan", "plan"),
        ("plan", "plan"),
        ("plan",),
    ]
    changes = [case.accounts[group].plans_change_at for case in cases]
    assert changes == [NOW + HOUR, NOW + HOUR, NOW + 2 * HOUR, NOW + 2 * HOUR, None]
    decision = await ask(kept, initial(usages=(want(2 * OCTETS),)), NOW + HOUR)
    assert decision.services[0].grant.units == 2 * OCTETS
    ended = await ask(kept, update(usages=(used(2 * OCTETS, 5),)), NOW + 2 * HOUR)
    assert ended.services[0].outcome.name == "LIMIT_REACHED"
    case = await case_of(kept.store, group)
    assert case.balances[bucket["id"]][4:7] == (OCTETS, OCTETS, 0)


async def test_cancelling_leaves_what_is_reserved_and_grants_no_more(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    await ask(kept, initial())
    (subscription,) = (await shown(kept.accounts, 1)).subscriptions
    asked = FIRST, subscription.id
    done = await cancel_subscription(kept.accounts, None, asked, ORDER)
    assert done.answer["state"] == "ended"
    await refused("subscription_ended", kept, cancel_subscription, asked)
    decision = await ask(kept, update(usages=(used(100, 100),)))
    assert decision.services[0].outcome.name == "SERVICE_DENIED"
    assert (await octets(kept.accounts))[4:9] == (OCTETS, 100, 0, None, NOW)
    await refused("subscription_unknown", kept, cancel_subscription, (FIRST, 99_999))


async def test_a_plan_that_was_to_come_can_be_undone(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    before = await shown(kept.accounts, 1)
    new = NewSubscription(FIRST, "plan", NOW + HOUR)
    done = await add_subscription(kept.accounts, None, new, ORDER)
    await cancel_subscription(kept.accounts, None, (FIRST, done.answer["id"]), ORDER)
    assert await shown(kept.accounts, 1) == before


async def test_a_plan_that_was_to_come_and_has_paid_already_is_ended(kept: Kept) -> None:
    """An operator had its allowance begin earlier: what is reserved of it stays so."""
    await furnish(kept.accounts, [1])
    new = NewSubscription(FIRST, "plan", NOW + HOUR)
    done = await add_subscription(kept.accounts, None, new, ORDER)
    (bucket,) = done.answer["balances"]
    terms = Terms(None, 1, valid_from=NOW, balance=bucket["id"])
    await set_terms(kept.accounts, None, (FIRST, terms), ORDER)
    await ask(kept, initial())
    done = await cancel_subscription(kept.accounts, None, (FIRST, done.answer["id"]), ORDER)
    assert done.answer["state"] == "ended"
    assert done.answer["balances"][0]["state"] == "ended"
    await ask(kept, terminate(usages=(used(150),)))
    case = await case_of(kept.store, (await shown(kept.accounts, 1)).group_id)
    assert case.balances[bucket["id"]][4:7] == (OCTETS, 100, 0)
    assert sum(balance.used for balance in case.balances.values()) == 150


async def test_a_plan_can_be_cancelled_at_the_moment_at_which_it_begins(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    new = NewSubscription(FIRST, "plan", NOW + HOUR)
    done = await add_subscription(kept.accounts, None, new, ORDER)
    by = Order("ben", at=NOW + HOUR)
    done = await cancel_subscription(kept.accounts, None, (FIRST, done.answer["id"]), by)
    assert done.answer["state"] == "ended"
    assert [each["state"] for each in done.answer["balances"]] == ["ended"]


async def test_dates_that_cannot_be_are_refused(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    for dates in ((None, NOW), (NOW + 2, NOW + 2), (NOW + 2, NOW + 1)):
        await refused(
            "invalid_time", kept, add_subscription, NewSubscription(FIRST, "plan", *dates)
        )
    await refused("plan_unknown", kept, add_subscription, NewSubscription(FIRST, "gold"))


async def test_balances_pay_highest_priority_first_and_only_while_they_are_valid(
    kept: Kept,
) -> None:
    await furnish(kept.accounts, [1])
    terms = Terms("300", 5, None, NOW + HOUR, "octets")
    done = await new_balance(kept.accounts, None, (FIRST, terms), ORDER)
    number = done.answer["balance"]
    assert (done.answer["state"], done.answer["priority"]) == ("active", 5)
    group = (await shown(kept.accounts, 1)).group_id
    await ask(kept, initial(usages=(want(350),)))
    case = await case_of(kept.store, group)
    assert sorted(b.reserved for b in case.balances.values()) == [0, 50, 300]
    await ask(kept, update(usages=(used(350, 350),)), NOW + HOUR)
    case = await case_of(kept.store, group)
    assert case.balances[number][4:7] == (300, 300, 0)
    assert sorted(b.reserved for b in case.balances.values()) == [0, 0, 350]


async def test_setting_a_balance_fixes_its_value_and_its_terms(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    await ask(kept, initial())
    by = Terms("150", 7, None, NOW + HOUR, "octets")
    done = await set_terms(kept.accounts, None, (FIRST, by), ORDER)
    assert (done.answer["total"], done.answer["available"]) == (150, 50)
    assert (await octets(kept.accounts))[3:9] == (7, 150, 0, 100, None, NOW + HOUR)
    await refused("nothing_to_do", kept, set_terms, (FIRST, by))
    await refused("insufficient_balance", kept, set_terms, (FIRST, by._replace(amount="99")))
    await set_terms(kept.accounts, None, (FIRST, Terms("100", balance_type="octets")), ORDER)
    await refused("balance_unknown", kept, set_terms, (FIRST, Terms("1", balance=999)))
    await refused("invalid_priority", kept, set_terms, (FIRST, Terms("1", 10**7)))
    await refused("balance_type_unknown", kept, new_balance, (FIRST, Terms("1", balance_type="x")))


async def test_what_has_ended_is_not_credited(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    (subscription,) = (await shown(kept.accounts, 1)).subscriptions
    await cancel_subscription(kept.accounts, None, (FIRST, subscription.id), ORDER)
    credit = Credit(FIRST, "5", balance_type="octets")
    await refused("balance_ended", kept, credit_balance, credit)
    await credit_balance(kept.accounts, None, credit._replace(is_debit=True), ORDER)
    later = Terms(None, valid_until=NOW + HOUR, balance_type="octets")
    await set_terms(kept.accounts, None, (FIRST, later), ORDER)
    await credit_balance(kept.accounts, None, credit, ORDER)


async def test_commands_are_done_once_under_one_transaction_id(kept: Kept) -> None:
    await furnish(kept.accounts, [1])
    order = Order("ben", "once", NOW)
    terms = Terms("300", balance_type="octets")
    done = [await new_balance(kept.accounts, None, (FIRST, terms), order) for _ in range(2)]
    assert [each.is_repeated for each in done] == [False, True]
    assert done[0].answer == done[1].answer
    assert len((await shown(kept.accounts, 1)).balances) == 3


async def test_accounts_are_found_by_what_they_have(kept: Kept) -> None:
    await family(kept)
    await create_device(kept.accounts, None, (FIRST, "tablet", [MSISDN]), ORDER)
    await suspend_account(kept.accounts, None, FIRST, ORDER)
    await cancel_all(kept, "account 2")

    async def found(**narrowed: object) -> list[str]:
        by = Narrowed(**narrowed)
        return [each.name for each in await kept.accounts.find_accounts(None, None, 9, by)]

    assert await found(parent=FIRST) == ["account 2"]
    assert await found(parent="account 2") == []
    assert await found(state=AccountState.SUSPENDED) == [FIRST]
    assert await found(state=AccountState.ACTIVE) == ["account 2"]
    assert await found(plan="plan") == [FIRST]
    assert await found(device="tablet") == [FIRST]
    assert await found(identity=imsi(2)) == ["account 2"]
    assert await found(identity=MSISDN, state=AccountState.ACTIVE) == []


async def cancel_all(kept: Kept, name: str) -> None:
    (account,) = await kept.accounts.find_accounts(None, name, 1)
    for each in account.subscriptions:
        await cancel_subscription(kept.accounts, None, (name, each.id), ORDER)


async def test_commands_and_requests_of_a_family_at_once_all_count(kept: Kept) -> None:
    await family(kept)
    credit = Credit(FIRST, "5", balance_type="octets")
    await asyncio.gather(
        *(credit_balance(kept.accounts, None, credit, ORDER) for _ in range(3)),
        suspend_account(kept.accounts, None, "account 2", ORDER),
        create_device(kept.accounts, None, (FIRST, "tablet", [MSISDN]), ORDER),
        new_balance(kept.accounts, None, (FIRST, Terms("1")), ORDER),
    )
    case = await case_of(kept.store, (await shown(kept.accounts, 1)).group_id)
    assert case.version == 8
    assert (await octets(kept.accounts)).total == OCTETS + 15
