"""What commands make of a group of accounts: every step keeps its books."""

import itertools
from dataclasses import replace

import pytest

from diameter_ocs.charging import accounts, balances, devices, subscriptions
from diameter_ocs.charging.accounts import NewAccount, open_account, open_child
from diameter_ocs.charging.case import AccountState
from diameter_ocs.charging.catalogue import Allowance, Catalogue, Plan
from diameter_ocs.charging.decisions import Edr, EdrKind
from diameter_ocs.charging.groups import Device, Group, GroupChange, Subscription
from diameter_ocs.charging.ledger import Balance, InsufficientBalance
from diameter_ocs.charging.requests import Identity, IdentityKind, RequestType, ServiceUsage
from diameter_ocs.charging.session import CloseReason
from tests.charging.scenario import (
    ALICE,
    MONEY,
    TEXT,
    TEXT_EACH,
    TEXTS,
    Desk,
    allowance,
    catalogue,
    granted,
    outcomes,
    used,
    want,
)

NOW = 1_700_000_000_000_000
SECOND = 1_000_000
BOB = Identity(IdentityKind.MSISDN, "15550123456")


def offered() -> Catalogue:
    services = (allowance(TEXTS, TEXT),)
    plans = {
        "demo": Plan("demo", 0, services, (Allowance(TEXTS, 100),)),
        "extra": Plan("extra", 1, services, (Allowance(TEXTS, 50), Allowance(MONEY, 7))),
    }
    made = catalogue(*services, groups=(TEXT_EACH,))
    return replace(made, plans=plans, default_monetary_balance_type=MONEY)


class Office(Desk):
    """Gives commands to a group, one after the other and between requests; books after each."""

    def __init__(self) -> None:
        super().__init__(offered())
        self.ids = itertools.count(1)
        opening = open_account(
            NewAccount("alice", ("demo",), (ALICE,), 20), offered(), self.ids, (NOW, "ben")
        )
        assert opening.device is not None
        self.group = Group(
            self.case._replace(
                version=1,
                accounts={1: opening.account},
                balances={each.id: each for each in opening.balances},
                directory={ALICE: 1},
            ),
            {each.id: each for each in opening.subscriptions},
            {opening.device.id: opening.device},
        )
        self.edrs: list[Edr] = [opening.edr]
        self.check()

    def do(self, change: GroupChange) -> Group:
        assert change.before is self.group
        self.edrs += change.edrs
        self.group = change.after
        assert self.group.renewed() == self.group
        self.check()
        return self.group

    def ask(
        self,
        request_type: RequestType,
        usages: tuple[ServiceUsage, ...],
        session: bytes,
        **others: object,
    ):
        self.case = self.group.case
        before = len(self.decisions)
        decision = super().ask(request_type, usages, session, **others)
        self.group = self.group._replace(case=self.case)
        self.edrs += self.decisions[before].edrs
        self.check()
        return decision

    def audit(self) -> None:
        """The books are checked after each step, those of commands too."""

    def wait(self, seconds: int) -> None:
        now = self.group.case.now + seconds * SECOND
        self.group = self.group._replace(case=self.group.case._replace(now=now)).renewed()

    def check(self) -> None:
        """Postings add up to the balances that are there, and to nothing for those that are not."""
        case = self.group.case
        assert [edr.number for edr in self.edrs] == list(range(1, case.version + 1))
        sums: dict[int, list[int]] = {}
        for posting in [posting for edr in self.edrs for posting in edr.postings]:
            before = sums.get(posting.balance_id, [0, 0, 0])
            sums[posting.balance_id] = [a + b for a, b in zip(before, posting[1:], strict=True)]
        for number, total in sums.items():
            bucket = case.balances.get(number)
            assert total == ([0, 0, 0] if bucket is None else list(bucket[4:7]))
        held: dict[int, int] = {}
        for session in case.sessions.values():
            for number, amount in session.held().items():
                held[number] = held.get(number, 0) + amount
        assert held == {b.id: b.reserved for b in case.balances.values() if b.reserved}
        assert all(b.available >= 0 for b in case.balances.values())

    def texts(self) -> list[int]:
        return [b.id for b in self.group.case.balances.values() if b.balance_type == TEXTS]


@pytest.fixture
def office() -> Office:
    return Office()


def last(office: Office) -> tuple[str, EdrKind, str | None, str | None]:
    edr = office.edrs[-1]
    return edr.action, edr.kind, edr.reason, edr.actor


def test_an_account_opens_with_ids_of_its_own_for_all_that_it_has(office):
    needed = accounts.numbers_needed(NewAccount("a", ("demo",), (ALICE,)), offered())
    assert next(office.ids) == needed + 1
    ids = [1, *office.group.devices, *office.group.subscriptions, *office.group.case.balances]
    assert sorted(ids) == list(range(1, needed + 1))


def test_a_child_opens_in_its_parent_s_group(office):
    new = NewAccount("bob", ("extra",), (BOB,))
    opening = open_account(new, offered(), office.ids, (NOW - 5, "ben"))
    group = office.do(open_child(office.group, 1, opening))
    bob = group.case.accounts[opening.account.id]
    assert (bob.parent_id, bob.plans) == (1, ("extra",))
    assert office.edrs[-1].at == group.case.now
    assert accounts.depth(group.case, bob.id) == 2
    assert accounts.children(group.case, 1) == [bob]
    assert {d.name for d in group.devices.values()} == {"alice", "bob"}


def test_suspending_closes_what_is_open_and_denies_what_comes(office):
    office.initial(want(TEXT, 30))
    office.initial(want(TEXT, 30), session=b"two")
    office.do(accounts.suspend(office.group, 1, "ben"))
    assert [edr.reason for edr in office.edrs[-3:-1]] == [CloseReason.SUSPENDED] * 2
    assert last(office) == ("suspend account", EdrKind.ACCOUNT, None, "ben")
    assert office.group.case.sessions == {}
    update = office.update(used(TEXT, 10, wanted=10))
    assert (update.outcome.name, outcomes(update)) == ("SUCCESS", ["SERVICE_DENIED"])
    idle = office.update(want(TEXT, 10), session=b"two")
    assert (idle.outcome.name, outcomes(idle)) == ("SUCCESS", ["SERVICE_DENIED"])
    assert office.terminate(session=b"two").outcome.name == "SUCCESS"
    assert office.initial(want(TEXT, 1), session=b"three").outcome.name == "SERVICE_DENIED"
    (texts,) = office.texts()
    assert office.group.case.balances[texts].used == 10


def test_a_resumed_account_is_served_and_its_old_sessions_stay_closed(office):
    office.initial(want(TEXT, 30))
    office.do(accounts.suspend(office.group, 1, "ben"))
    office.do(accounts.resume(office.group, 1, "ben"))
    assert office.update(used(TEXT, 10, wanted=10)).outcome.name == "SESSION_UNKNOWN"
    assert granted(office.initial(want(TEXT, 5), session=b"two")) == [(5, False)]


def test_a_deleted_account_leaves_nothing_in_the_books(office):
    office.initial(want(TEXT, 30))
    office.update(used(TEXT, 10, wanted=30))
    (device,) = office.group.devices
    office.do(devices.remove_device(office.group, device, "ben"))
    group = office.do(accounts.delete(office.group, 1, "ben"))
    assert (group.case.balances, group.case.sessions, group.subscriptions) == ({}, {}, {})
    assert group.case.accounts[1].state is AccountState.DELETED
    assert last(office) == ("delete account", EdrKind.ACCOUNT, "alice", "ben")
    assert office.update(used(TEXT, 10)).outcome.name == "SESSION_UNKNOWN"
    assert office.terminate(used(TEXT, 10)).outcome.name == "SUCCESS"


def test_deleting_a_child_leaves_what_it_used_of_its_parent(office):
    new = NewAccount("bob", ("demo",), ())
    opening = open_account(new, offered(), office.ids, (NOW, "ben"))
    office.do(open_child(office.group, 1, opening))
    bob = opening.account.id
    directory = {ALICE: bob}
    office.group = office.group._replace(case=office.group.case._replace(directory=directory))
    (own,) = [b.id for b in opening.balances if b.balance_type == TEXTS]
    office.initial(want(TEXT, 150))
    office.update(used(TEXT, 150, wanted=20))
    group = office.do(accounts.delete(office.group, bob, "ben"))
    (left,) = office.texts()
    assert left != own
    assert group.case.balances[left][4:7] == (100, 50, 0)
    assert accounts.children(group.case, 1) == []


def test_a_plan_brings_balances_that_count_as_long_as_it_does(office):
    at, until = office.group.case.now + 10 * SECOND, office.group.case.now + 20 * SECOND
    new = Subscription(next(office.ids), 1, "extra", office.group.case.now, at, until)
    group = office.do(subscriptions.subscribe(office.group, new, office.ids, "ben"))
    brought = [b for b in group.case.balances.values() if b.subscription_id == new.id]
    assert [(b.balance_type, b.total) for b in brought] == [(TEXTS, 50), (MONEY, 7)]
    assert {b[7:9] for b in brought} == {(at, until)}
    assert last(office) == ("subscribe to plan", EdrKind.ACCOUNT, "extra", "ben")
    for seconds, plans in ((0, ("demo",)), (10, ("demo", "extra")), (10, ("demo",))):
        office.wait(seconds)
        assert office.group.case.accounts[1].plans == plans


def test_cancelling_ends_a_plan_and_its_balances_but_not_what_they_have_promised(office):
    office.initial(want(TEXT, 30))
    (number,) = office.group.subscriptions
    group = office.do(subscriptions.cancel(office.group, number, "ben"))
    (texts,) = office.texts()
    assert group.case.balances[texts][4:9] == (100, 0, 30, None, group.case.now)
    assert group.case.accounts[1].plans == ()
    assert last(office) == ("cancel plan subscription", EdrKind.ACCOUNT, "demo", "ben")
    decision = office.update(used(TEXT, 30, wanted=10))
    assert outcomes(decision) == ["SERVICE_DENIED"]
    assert office.group.case.balances[texts][4:7] == (100, 30, 0)
    office.terminate(used(TEXT, 5))
    assert office.group.case.balances[texts][4:7] == (100, 30, 0)
    assert outcomes(office.initial(want(TEXT, 1), session=b"two")) == ["SERVICE_DENIED"]


def test_cancelling_what_has_not_begun_takes_its_balances_back(office):
    before = office.group
    at = before.case.now + SECOND
    new = Subscription(next(office.ids), 1, "extra", before.case.now, at)
    office.do(subscriptions.subscribe(office.group, new, office.ids, "ben"))
    group = office.do(subscriptions.cancel(office.group, new.id, "ben"))
    assert (group.subscriptions, group.case.balances) == (
        before.subscriptions,
        before.case.balances,
    )


def test_cancelling_does_not_prolong_a_balance_that_ends_earlier(office):
    (texts,) = office.texts()
    ended = office.group.case.now - 5
    old = office.group.case.balances[texts]
    office.do(balances.set_balance(office.group, old._replace(valid_until=ended), None, "ben"))
    (number,) = office.group.subscriptions
    group = office.do(subscriptions.cancel(office.group, number, "ben"))
    assert group.case.balances[texts].valid_until == ended


def test_a_balance_is_created_with_its_terms(office):
    new = Balance(next(office.ids), 1, TEXTS, 5, 40, 0, 0, None, office.group.case.now + SECOND)
    group = office.do(balances.create_balance(office.group, new, "ben"))
    assert group.case.balances[new.id] == new
    assert last(office) == ("create balance", EdrKind.ACCOUNT, TEXTS, "ben")
    office.initial(want(TEXT, 45))
    assert office.group.case.balances[new.id].reserved == 40


def value_set(office: Office, value: int) -> Balance:
    (number,) = office.texts()
    terms = office.group.case.balances[number]._replace(priority=3)
    return office.do(balances.set_balance(office.group, terms, value, "ben")).case.balances[number]


@pytest.mark.parametrize("value", [30, 31, 500])
def test_setting_a_balance_fixes_what_is_left_of_it(office, value):
    office.initial(want(TEXT, 20))
    office.update(used(TEXT, 20, wanted=30))
    after = value_set(office, value)
    assert (after.total - after.used, after.used, after.reserved) == (value, 20, 30)
    assert after.priority == 3
    assert last(office) == ("set", EdrKind.ACCOUNT, TEXTS, "ben")


def test_setting_a_balance_never_takes_what_is_reserved(office):
    office.initial(want(TEXT, 30))
    with pytest.raises(InsufficientBalance):
        value_set(office, 29)


def test_a_credit_while_a_session_runs_is_granted_to_it(office):
    office.initial(want(TEXT, 100))
    (texts,) = office.texts()
    change = balances.credit(office.group.case, texts, 50, "ben")
    office.edrs += change.edrs
    office.group = office.group._replace(case=change.after)
    office.check()
    assert granted(office.update(used(TEXT, 100, wanted=50))) == [(50, True)]


def test_devices_come_and_go_with_their_identities(office):
    new = Device(next(office.ids), 1, "tablet", (BOB,))
    office.do(devices.add_device(office.group, new, "ben"))
    assert last(office) == ("create device", EdrKind.DEVICE, "tablet", "ben")
    group = office.do(devices.set_identities(office.group, new.id, [BOB, ALICE], "ben"))
    assert group.devices[new.id].identities == (ALICE, BOB)
    assert last(office) == ("update device", EdrKind.DEVICE, "tablet", "ben")
    group = office.do(devices.remove_device(office.group, new.id, "ben"))
    assert new.id not in group.devices
    assert last(office) == ("delete device", EdrKind.DEVICE, "tablet", "ben")


def test_a_session_stays_with_its_account_when_its_device_goes(office):
    office.initial(want(TEXT, 30))
    (device,) = office.group.devices
    office.do(devices.remove_device(office.group, device, "ben"))
    case = office.group.case._replace(directory={})
    office.group = office.group._replace(case=case)
    assert outcomes(office.update(used(TEXT, 10, wanted=10))) == ["SUCCESS"]


def test_what_a_command_does_between_two_requests_is_what_the_next_one_finds(office):
    case = office.group.case
    office.do(accounts.suspend(office.group, 1, "ben"))
    office.do(accounts.resume(office.group, 1, "ben"))
    assert office.group.case == case._replace(version=case.version + 2)
