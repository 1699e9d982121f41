"""Which groups requests about spending limits concern, and whom they name there."""

from diameter_ocs.charging.case import Change
from diameter_ocs.charging.spending_limits import Whereabouts
from diameter_ocs.charging.subscribing import subscribe
from tests.store.policing import furnish_counted, intermediate, slr, str_
from tests.store.scenario import NOW, Kept, afresh, imsi

NAMES = [b"a;1", b"a;1%", b"a;1;", b"\xff/ ;\x00", b"a;1" * 600]


async def subscribed(kept: Kept, group: int, *requests, now: int = NOW) -> None:
    """Open subscriptions in a group."""
    for request in requests:
        async with kept.store.work() as work:
            await work.lock([group])
            (case,) = (await work.load_sessions((), now, request.identities)).values()
            done = subscribe(request, case)
            assert done.edrs, done.answer
            await work.apply([Change(case, done.after, done.edrs)])


async def test_a_subscription_is_found_by_every_octet_of_its_name(kept: Kept) -> None:
    first, second, _ = await furnish_counted(kept.accounts)
    for number, name in enumerate(NAMES):
        subscriber, group = (1, first) if number % 2 else (2, second)
        await subscribed(kept, group, slr(subscriber, name))
    for ask in (intermediate, str_):
        found = await kept.store.whereabouts([ask(name) for name in (*NAMES, b"a;", b"A;1")])
        held = [(first if number % 2 else second,) for number in range(len(NAMES))]
        assert found == [Whereabouts(None, holders) for holders in (*held, (), ())]


async def test_who_begins_is_found_by_whom_it_names(kept: Kept) -> None:
    first, second, _ = await furnish_counted(kept.accounts)
    await subscribed(kept, second, slr(2))
    asked = [
        slr(1),
        slr(2),
        slr(1, identities=(imsi(1), imsi(2))),
        slr(9),
        slr(1, identities=(imsi(1), imsi(9))),
        slr(1, b"another", identities=()),
    ]
    assert await kept.store.whereabouts(asked) == [
        Whereabouts(first, (second,)),
        Whereabouts(second, (second,)),
        Whereabouts(None, (second,)),
        Whereabouts(None, (second,)),
        Whereabouts(first, (second,)),
        Whereabouts(None, ()),
    ]


async def test_the_newest_of_several_subscriptions_of_a_name_comes_last(kept: Kept) -> None:
    first, second, third = await furnish_counted(kept.accounts)
    for number, group, now in ((2, second, NOW), (3, third, NOW + 1), (1, first, NOW + 2)):
        await subscribed(kept, group, slr(number), now=now)
    (found,) = await kept.store.whereabouts([str_()])
    assert found == Whereabouts(None, (second, third, first))


async def test_subscribers_and_subscriptions_of_other_tenants_are_none(kept: Kept) -> None:
    (first,) = await furnish_counted(kept.accounts, [1], "one")
    (second,) = await furnish_counted(kept.accounts, [1], "two")
    await subscribed(kept, first, slr())
    await subscribed(kept, second, slr(1, b"of two"))
    asked = [slr(tenant="two"), slr(tenant="one"), slr(), slr(tenant="three")]
    assert await kept.store.whereabouts(asked) == [
        Whereabouts(second, ()),
        Whereabouts(first, (first,)),
        Whereabouts(None, (first,)),
        Whereabouts(None, ()),
    ]
    asked = [str_(tenant="two"), str_(b"of two", tenant="two"), intermediate(tenant="one")]
    found = await kept.store.whereabouts(asked)
    assert [each.holders for each in found] == [(), (second,), (first,)]


async def test_nothing_is_asked_for_and_nothing_is_found(kept: Kept) -> None:
    assert list(await kept.store.whereabouts([])) == []


async def test_a_case_says_which_names_are_its_accounts(kept: Kept) -> None:
    first, second, _ = await furnish_counted(kept.accounts)
    stores = [kept.store, kept.store]
    if kept.database is not None:
        stores.append(afresh(kept))
    for store in stores:
        async with store.work() as work:
            await work.lock([first, second])
            names = {imsi(1), imsi(2), imsi(3), imsi(9)}
            cases = await work.load_sessions((), NOW, names)
        assert {group: dict(case.directory) for group, case in cases.items()} == {
            first: {imsi(1): first},
            second: {imsi(2): second},
        }
