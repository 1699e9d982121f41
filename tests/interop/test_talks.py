"""Foreign policy servers subscribe to counters, and decode strictly what they are told."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from tests.conftest import temporary_folder
from tests.interop.offer import COUNTED
from tests.interop.requests import UNIX_TO_NTP
from tests.interop.speaking import Speaker
from tests.interop.stacks import STACKS
from tests.interop.subscriptions import code, pending, statuses
from tests.interop.talking import Talk, account, talking
from tests.interop.test_tshark import check
from tests.system.serving import Demonstration

pytestmark = pytest.mark.ci

FIRST = 120
UNCOUNTED, NOBODY = 1, 999
"""Subscribers who have no counters, and who is none."""
FULL = {"used": "normal", "left": "normal", "speed": "fast"}
ODD = "identity with %2F, /, ;; and ü\u2028".encode()


class Parties(NamedTuple):
    """A policy server, and what it talks of."""

    talk: Talk
    policy: Speaker


@pytest.fixture(scope="module", params=STACKS)
def parties(request: pytest.FixtureRequest, demo: Demonstration) -> Iterator[Parties]:
    """Those of each stack."""
    for folder in temporary_folder():
        with talking(demo, STACKS[request.param], folder, FIRST) as talk:
            yield Parties(talk, talk.connect("pcrf", "sy"))


def test_a_subscription_is_for_all_counters_for_some_and_again_for_all(parties: Parties) -> None:
    talk, policy = parties
    subscription = talk.subscription(talk.subscriber())
    begun = policy.ask(subscription.begin())
    assert (code(begun), statuses(begun)) == (2001, FULL)
    changed = policy.ask(subscription.change("speed", "left"))
    assert (code(changed), statuses(changed)) == (2001, {"left": "normal", "speed": "fast"})
    assert statuses(policy.ask(subscription.change())) == FULL
    assert code(policy.ask(subscription.end())) == 2001
    assert code(policy.ask(subscription.change())) == 5002
    assert code(policy.ask(subscription.end())) == 5002


def test_refusals_say_why(parties: Parties) -> None:
    talk, policy = parties
    unknown = policy.ask(talk.subscription(talk.subscriber()).begin("used", "tariff", "speed", "x"))
    assert code(unknown) == 5570
    named = [["Policy-Counter-Identifier", name] for name in ("tariff", "x")]
    assert [value for name, value in unknown if name == "Failed-AVP"] == [named]
    first = talk.subscriber() // 1000 * 1000
    assert code(policy.ask(talk.subscription(first + UNCOUNTED).begin())) == 4241
    assert code(policy.ask(talk.subscription(first + NOBODY).begin())) == 5030
    assert statuses(unknown) == {}


def test_a_session_id_of_odd_octets_comes_back_as_it_was(parties: Parties) -> None:
    talk, policy = parties
    subscription = talk.subscription(talk.subscriber(), ODD)
    answers = [
        policy.ask(step)
        for step in (subscription.begin(), subscription.change("left"), subscription.end())
    ]
    assert [code(answer) for answer in answers] == 3 * [2001]
    assert [dict(answer)["Session-Id"] for answer in answers] == 3 * [f"0x{ODD.hex().upper()}"]


def test_what_will_become_of_counters_is_foretold(parties: Parties) -> None:
    talk, policy = parties
    subscriber = talk.subscriber()
    counted = ("--type", COUNTED)
    talk.demo.command("balance", "debit", account(subscriber), "3584KiB", *counted)
    until = ("--until", "2034-03-04T05:06:07")
    talk.demo.command("balance", "create", account(subscriber), "4MiB", *counted, *until)
    subscription = talk.subscription(subscriber)
    begun = policy.ask(subscription.begin("left", "speed"))
    assert statuses(begun) == {"left": "normal", "speed": "fast"}
    at = int(datetime(2034, 3, 4, 5, 6, 7, tzinfo=UTC).timestamp()) + UNIX_TO_NTP
    information = {
        "Policy-Counter-Status": "little",
        "Pending-Policy-Counter-Change-Time": f"0x{at:08X}",
    }
    assert pending(begun) == {"left": [information], "speed": []}
    assert code(policy.ask(subscription.end())) == 2001


def test_nothing_that_was_said_is_wrong(parties: Parties) -> None:
    check(parties.talk.end())
