"""What a tenant is told of: each type of notice, when it comes, and when it does not."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from diameter_ocs.charging import accounts, balances, devices, subscriptions
from diameter_ocs.charging.accounts import NewAccount, Opening, open_account, open_child
from diameter_ocs.charging.case import Case
from diameter_ocs.charging.catalogue import Allowance, Catalogue, Plan, SessionRules
from diameter_ocs.charging.charge import charge
from diameter_ocs.charging.counters import (
    BalanceCounter,
    CounterState,
    PolicyCounter,
    PolicyCounterType,
    PolicyState,
)
from diameter_ocs.charging.course import Course, followed, followed_group
from diameter_ocs.charging.decisions import Decision
from diameter_ocs.charging.groups import Device, Group, GroupChange, Subscription
from diameter_ocs.charging.ledger import Balance
from diameter_ocs.charging.notice_types import NOTICE_TYPES, sink_named, target_of, types_matching
from diameter_ocs.charging.outbox import OutboxKind, Outgoing
from diameter_ocs.charging.requests import (
    Identity,
    IdentityKind,
    RequestType,
    ServiceUsage,
    SessionKey,
)
from diameter_ocs.charging.session import CloseReason
from diameter_ocs.charging.supervision import close, close_commanded
from tests.charging.scenario import (
    ALICE,
    MONEY,
    TEXT,
    TEXT_EACH,
    TEXTS,
    Desk,
    allowance,
    catalogue,
    used,
    want,
)

SECOND = 1_000_000
BOB = Identity(IdentityKind.MSISDN, "15550123456")
INITIAL, UPDATE, TERMINATION, _ = RequestType
TEXTS_LEFT = BalanceCounter(
    "texts left",
    TEXTS,
    (
        CounterState("normal", None),
        CounterState("low", 50),
        CounterState("quiet", 30, ()),
        CounterState("none", 1),
    ),
)
SLOW = PolicyCounter("slow", "no", (PolicyState("yes", ()),), PolicyCounterType.NOTIFICATION)
EVERYTHING = dict.fromkeys(NOTICE_TYPES, ("crm",))


def offered(**others: Any) -> Catalogue:
    services = (allowance(TEXTS, TEXT),)
    plans = {
        "demo": Plan("demo", 0, services, (Allowance(TEXTS, 100),)),
        "extra": Plan("extra", 1, services, (Allowance(TEXTS, 40),)),
        "slow": Plan("slow", 2, services, (), policy_counters=("slow",)),
    }
    made = catalogue(*services, groups=(TEXT_EACH,))
    facts = {"default_monetary_balance_type": MONEY, "noticed": EVERYTHING}
    return replace(made, plans=plans, **{**facts, **others})


def opening_of(catalogue: Catalogue, name: str = "alice", *identities: Identity) -> Opening:
    new = NewAccount(name, ("demo",), identities, 20)
    first = 1 if name == "alice" else 100
    now = Desk(catalogue).case.now
    return open_account(new, catalogue, itertools.count(first), (now, "ben"))


class Reader:
    """An account of which a tenant is told, whoever changes it."""

    def __init__(self, **others: Any) -> None:
        catalogue = offered(**others)
        opening = opening_of(catalogue, "alice", ALICE)
        assert opening.device is not None
        self.desk = Desk(catalogue)
        self.group = Group(
            self.desk.case._replace(
                version=1,
                accounts={1: opening.account},
                balances={each.id: each for each in opening.balances},
                directory={ALICE: 1},
            ),
            {each.id: each for each in opening.subscriptions},
            {opening.device.id: opening.device},
        )
        self.outgoing: list[Outgoing] = []

    @property
    def case(self) -> Case:
        return self.group.case

    def texts(self) -> int:
        """The id of the first balance of texts."""
        return min(b.id for b in self.case.balances.values() if b.balance_type == TEXTS)

    def do(self, change: GroupChange) -> list[tuple[str, dict[str, Any]]]:
        done = followed_group(change)
        self.group = done.after
        return self.read(done.outgoing)

    def ask(
        self, request_type: RequestType, *usages: ServiceUsage, session: bytes = b"one"
    ) -> list[tuple[str, dict[str, Any]]]:
        key = SessionKey(session)
        self.desk.numbers[key] = self.desk.numbers.get(key, -1) + 1
        return self.take(charge(self.desk.request(request_type, usages, session), self.case))

    def take(self, decision: Decision) -> list[tuple[str, dict[str, Any]]]:
        course = Course({1: self.case})
        course.take(self.case, decision)
        self.group = self.group._replace(case=course.cases[1])
        return self.read([each for change in course.changes() for each in change.outgoing])

    def spend(self, units: int) -> list[tuple[str, dict[str, Any]]]:
        """Use so many texts in a session of its own."""
        session = b"number %d" % len(self.desk.numbers)
        self.ask(INITIAL, want(TEXT, units), session=session)
        return self.ask(TERMINATION, used(TEXT, units), session=session)

    def credit(self, balance_id: int, amount: int) -> list[tuple[str, dict[str, Any]]]:
        change = followed(balances.credit(self.case, balance_id, amount, "ben"))
        self.group = self.group._replace(case=change.after)
        return self.read(change.outgoing)

    def read(self, outgoing: Iterable[Outgoing]) -> list[tuple[str, dict[str, Any]]]:
        """Type and data of the notices among what leaves."""
        notices = [each for each in outgoing if each.kind is OutboxKind.NOTICE]
        self.outgoing += notices
        return [(each.content["type"], each.content["data"]) for each in notices]


def types(told: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [name for name, _ in told]


@pytest.fixture
def reader() -> Reader:
    return Reader()


def test_a_new_account_is_told_of_with_what_it_begins_with() -> None:
    opening = opening_of(offered(), "alice", ALICE, BOB)
    told = [(each.content["type"], each.content["data"]) for each in opening.outgoing]
    begins = "2023-11-14T22:13:20.000000Z"
    assert told == [
        ("account.created", {"plans": ["demo"], "parent": None, "time_zone": None}),
        (
            "device.created",
            {
                "device": "alice",
                "identities": [
                    {"kind": "imsi", "value": "001010000000001"},
                    {"kind": "msisdn", "value": "15550123456"},
                ],
            },
        ),
        (
            "subscription.added",
            {"subscription": 3, "plan": "demo", "valid_from": begins, "valid_until": None},
        ),
        ("subscription.activated", {"subscription": 3, "plan": "demo", "valid_until": None}),
    ]
    assert [each.content["id"] for each in opening.outgoing] == [f"1-1-{n}" for n in range(4)]
    assert {each.content["subject"] for each in opening.outgoing} == {"alice"}
    assert {each.content["time"] for each in opening.outgoing} == {begins}


def test_an_account_without_devices_is_told_of_without_them() -> None:
    opening = opening_of(offered())
    assert "device.created" not in [each.content["type"] for each in opening.outgoing]


def test_a_child_is_told_of_with_its_parent(reader: Reader) -> None:
    told = reader.do(open_child(reader.group, 1, opening_of(offered(), "ben", BOB)))
    assert types(told) == [
        "account.created",
        "device.created",
        "subscription.added",
        "subscription.activated",
    ]
    assert told[0][1]["parent"] == "alice"
    assert {(each.account_id, each.content["subject"]) for each in reader.outgoing} == {
        (100, "ben")
    }


def test_an_account_that_begins_with_little_is_told_of_at_once_and_once() -> None:
    """Be it a root, of which its opening tells, or a child, of which what follows from it does."""
    states = (CounterState("normal", None), CounterState("low", 101))
    counters = {"left": BalanceCounter("left", TEXTS, states)}
    opening = opening_of(offered(counters=counters))
    (told,) = [each.content for each in opening.outgoing if "counter" in each.content["type"]]
    assert (told["data"]["previous"], told["data"]["state"]) == ("normal", "low")
    assert opening.account.standing.states == (("left", "low"),)
    reader = Reader(counters=counters)
    child = types(reader.do(open_child(reader.group, 1, opening_of(reader.case.catalogue, "ben"))))
    assert child.count("counter.changed") == 1
    assert reader.case.accounts[100].standing.states == (("left", "low"),)


def test_an_account_that_changes_is_told_of_as_it_was_and_is(reader: Reader) -> None:
    zone = {"time_zone": None, "previous_time_zone": None}
    suspended = {"state": "suspended", "previous_state": "active"}
    resumed = {"state": "active", "previous_state": "suspended"}
    expected = [("account.changed", {**suspended, **zone})]
    assert reader.do(accounts.suspend(reader.group, 1, "ben")) == expected
    assert reader.do(accounts.resume(reader.group, 1, "ben")) == [
        ("account.changed", {**resumed, **zone})
    ]
    ((_, data),) = reader.do(accounts.move(reader.group, 1, "Europe/Berlin", "ben"))
    assert (data["time_zone"], data["previous_time_zone"]) == ("Europe/Berlin", None)


def test_a_deleted_account_is_told_of_once_and_nothing_of_what_it_had(reader: Reader) -> None:
    (device,) = reader.group.devices
    assert types(reader.do(devices.remove_device(reader.group, device, "ben"))) == [
        "device.deleted"
    ]
    assert reader.do(accounts.delete(reader.group, 1, "ben")) == [("account.deleted", {})]


def test_devices_are_told_of_with_what_they_are_called(reader: Reader) -> None:
    bob = {"kind": "msisdn", "value": "15550123456"}
    added = devices.add_device(reader.group, Device(50, 1, "tablet"), "ben")
    assert reader.do(added) == [("device.created", {"device": "tablet", "identities": []})]
    changed = devices.set_identities(reader.group, 50, [BOB], "ben")
    assert reader.do(changed) == [
        ("device.changed", {"device": "tablet", "identities": [bob], "previous_identities": []})
    ]
    removed = devices.remove_device(reader.group, 50, "ben")
    assert reader.do(removed) == [("device.deleted", {"device": "tablet", "identities": [bob]})]


def subscription(reader: Reader, **dates: int) -> Subscription:
    return Subscription(70, 1, "extra", reader.case.now, **dates)


def test_a_subscription_is_told_of_and_is_active_at_once(reader: Reader) -> None:
    new = subscription(reader, valid_until=reader.case.now + SECOND)
    told = reader.do(subscriptions.subscribe(reader.group, new, itertools.count(80), "ben"))
    until = "2023-11-14T22:13:21.000000Z"
    assert types(told) == ["subscription.added", "subscription.activated"]
    assert told[1][1] == {"subscription": 70, "plan": "extra", "valid_until": until}


def test_a_subscription_to_come_is_not_active_yet(reader: Reader) -> None:
    new = subscription(reader, valid_from=reader.case.now + SECOND)
    told = reader.do(subscriptions.subscribe(reader.group, new, itertools.count(80), "ben"))
    assert types(told) == ["subscription.added"]
    assert types(reader.do(subscriptions.cancel(reader.group, 70, "ben"))) == [
        "subscription.cancelled"
    ], "it is undone"


def test_a_cancelled_subscription_is_told_of_once(reader: Reader) -> None:
    (number,) = reader.group.subscriptions
    told = reader.do(subscriptions.cancel(reader.group, number, "ben"))
    assert told == [("subscription.cancelled", {"subscription": number, "plan": "demo"})]


def test_a_balance_is_exhausted_when_all_is_used_and_not_while_it_is_reserved(
    reader: Reader,
) -> None:
    assert reader.ask(INITIAL, want(TEXT, 100)) == []
    assert reader.ask(UPDATE, used(TEXT, 99)) == []
    ((name, data),) = reader.ask(TERMINATION, used(TEXT, 1))
    facts = {"balance_type": TEXTS, "unit_type": "units", "total": 100, "others": 0}
    assert (name, data) == ("balance.exhausted", {"balance": reader.texts(), **facts})


def test_a_balance_that_is_exhausted_is_told_of_once_until_it_has_something_again(
    reader: Reader,
) -> None:
    assert types(reader.spend(100)) == ["balance.exhausted"]
    told = reader.credit(reader.texts(), 5)
    named = {"balance": reader.texts(), "balance_type": TEXTS, "unit_type": "units"}
    assert told == [("balance.replenished", {**named, "value": 5})]
    assert reader.credit(reader.texts(), 5) == []
    assert types(reader.spend(10)) == ["balance.exhausted"]


def test_what_other_balances_of_the_type_have_is_told_with_the_one_that_is_exhausted(
    reader: Reader,
) -> None:
    now = reader.case.now
    more = Balance(60, 1, TEXTS, -1, 7, 0, 0)
    ended = Balance(61, 1, TEXTS, -1, 9, 0, 0, None, now - 1)
    case = reader.case._replace(balances={**reader.case.balances, 60: more, 61: ended})
    reader.group = reader.group._replace(case=case)
    ((_, data),) = reader.spend(100)
    assert data["others"] == 7


def test_a_debit_exhausts_as_usage_does_and_money_is_in_micro_units(reader: Reader) -> None:
    (money,) = [b.id for b in reader.case.balances.values() if b.balance_type == MONEY]
    ((name, data),) = reader.credit(money, -20)
    assert (name, data["unit_type"], data["total"]) == ("balance.exhausted", "money", 0)


def test_a_new_balance_of_nothing_is_not_exhausted(reader: Reader) -> None:
    new = Balance(60, 1, TEXTS, 0, 0, 0, 0)
    assert reader.do(balances.create_balance(reader.group, new, "ben")) == []


def test_a_counter_is_told_of_in_both_directions_where_its_state_says_so() -> None:
    reader = Reader(counters={"texts left": TEXTS_LEFT})
    facts = {"counter": "texts left", "balance_type": TEXTS, "unit_type": "units"}
    low = {"previous": "normal", "state": "low", "threshold": 50, "is_in_percent": False}
    assert reader.spend(50) == []
    assert reader.spend(1) == [("counter.changed", {**facts, **low})]
    assert reader.spend(25) == [], "a state without NOTIFY"
    normal = {"previous": "quiet", "state": "normal", "threshold": None, "is_in_percent": False}
    assert reader.credit(reader.texts(), 40) == [("counter.changed", {**facts, **normal})]


def test_a_counter_that_turns_with_the_last_unit_is_told_of_after_the_balance() -> None:
    reader = Reader(counters={"texts left": TEXTS_LEFT})
    assert types(reader.spend(100)) == ["balance.exhausted", "counter.changed"]


def test_a_policy_counter_is_told_of_whatever_its_type() -> None:
    reader = Reader(policy_counters={"slow": SLOW})
    new = Subscription(70, 1, "slow", reader.case.now)
    told = reader.do(subscriptions.subscribe(reader.group, new, itertools.count(80), "ben"))
    assert told[-1] == (
        "counter.changed",
        {
            "counter": "slow",
            "balance_type": None,
            "previous": "no",
            "state": "yes",
            "threshold": None,
            "is_in_percent": False,
            "unit_type": None,
        },
    )


def test_an_account_s_own_thresholds_of_money_are_told_of_in_both_directions(
    reader: Reader,
) -> None:
    (money,) = [b.id for b in reader.case.balances.values() if b.balance_type == MONEY]
    account = reader.case.accounts[1]
    account = account._replace(standing=account.standing._replace(thresholds=(15, 5)))
    reader.group = reader.group.with_account(account)
    crossed = {"balance_type": MONEY, "threshold": 5, "previous_threshold": None}
    assert reader.credit(money, -16) == [("credit.crossed", crossed)]
    back = {"balance_type": MONEY, "threshold": 15, "previous_threshold": 5}
    assert reader.credit(money, 4) == [("credit.crossed", back)]
    assert reader.credit(money, 1) == []


@pytest.mark.parametrize("reason", [CloseReason.IDLE, CloseReason.UNCLAIMED])
def test_an_abandoned_session_is_told_of_with_what_it_held(
    reader: Reader, reason: CloseReason
) -> None:
    reader.ask(INITIAL, want(TEXT, 5), session=b"a;\xff")
    (session,) = reader.case.sessions.values()
    assert reader.take(close(session, reason, reader.case)) == [
        (
            "session.abandoned",
            {
                "session_id": "a;\\xff",
                "origin_host": "gw.example",
                "reason": str(reason),
                "rating_groups": [TEXT],
            },
        )
    ]


def test_a_session_that_an_operator_closes_or_its_gateway_ends_is_not_abandoned(
    reader: Reader,
) -> None:
    reader.ask(INITIAL, want(TEXT, 5))
    (session,) = reader.case.sessions.values()
    assert reader.take(close_commanded(session, "ben", reader.case)) == []
    reader.ask(INITIAL, want(TEXT, 5), session=b"two")
    assert reader.ask(TERMINATION, session=b"two") == []


def test_sessions_that_end_with_their_account_are_told_of_after_it(reader: Reader) -> None:
    reader.ask(INITIAL, want(TEXT, 5))
    told = reader.do(accounts.suspend(reader.group, 1, "ben"))
    assert types(told) == ["account.changed", "session.abandoned"]


def test_what_nothing_paid_is_told_of(reader: Reader) -> None:
    reader.ask(INITIAL, want(TEXT, 100))
    told = reader.ask(TERMINATION, used(TEXT, 103))
    overrun = {"session_id": "one", "rating_group": TEXT, "units": 3, "amount": 0}
    assert told[0] == ("usage.overrun", overrun)
    assert types(told) == ["usage.overrun", "balance.exhausted"]


@pytest.mark.parametrize("is_charged", [False, True])
def test_a_session_that_nobody_knows_is_told_of(is_charged: bool) -> None:
    reader = Reader(session_rules=SessionRules(charges_unknown_sessions=is_charged))
    told = reader.ask(UPDATE, used(TEXT, 5), session=b"ghost")
    assert told[0] == ("session.unknown", {"session_id": "ghost", "origin_host": "gw.example"})
    assert types(told[1:]) == ([] if is_charged else ["usage.overrun"])


def test_each_sink_gets_what_it_wants_under_the_same_id() -> None:
    wanted = {"balance.exhausted": ("crm", "archive"), "account.changed": ("archive",)}
    reader = Reader(noticed=wanted)
    reader.spend(100)
    reader.do(accounts.suspend(reader.group, 1, "ben"))
    exhausted, changed = "1-3-0", "1-4-0"
    assert [(each.target, each.content["id"]) for each in reader.outgoing] == [
        ("demo/crm", exhausted),
        ("demo/archive", exhausted),
        ("demo/archive", changed),
    ]
    assert {each.stream for each in reader.outgoing} == {
        "notice 1 demo/crm",
        "notice 1 demo/archive",
    }


def test_nobody_is_told_where_nobody_wants_to_hear() -> None:
    reader = Reader(noticed={}, counters={"texts left": TEXTS_LEFT})
    assert reader.spend(100) == []
    assert reader.do(accounts.suspend(reader.group, 1, "ben")) == []
    assert opening_of(offered(noticed={})).outgoing == ()


def test_no_two_notices_have_the_same_id() -> None:
    reader = Reader(counters={"texts left": TEXTS_LEFT})
    for session in (b"one", b"two"):
        reader.spend(100)
        reader.credit(reader.texts(), 100)
        reader.ask(INITIAL, want(TEXT, 5), session=session)
        reader.do(accounts.suspend(reader.group, 1, "ben"))
        reader.do(accounts.resume(reader.group, 1, "ben"))
    ids = [each.content["id"] for each in reader.outgoing]
    assert len(set(ids)) == len(ids) == 14


def test_a_family_of_types_is_named_by_a_star() -> None:
    assert types_matching("peer.*") == ("peer.up", "peer.down")
    assert types_matching("peer.up") == ("peer.up",)
    assert types_matching("peer*") == types_matching("*") == types_matching("peer.") == ()


def test_a_sink_is_found_by_what_the_outbox_calls_it() -> None:
    assert sink_named(target_of("a/b", "crm")) == ("a/b", "crm")
