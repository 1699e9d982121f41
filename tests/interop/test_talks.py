"""Foreign policy servers are told of counters, and foreign gateways that they may ask again.

They decode strictly what the server asks by itself, too (TS 29.219, RFC 8506 section 5.5).
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from tests.conftest import temporary_folder
from tests.interop.counters_talk import (
    FULL,
    LIMITED_SUCCESS,
    REFUSED,
    SUCCESS,
    UNKNOWN_SESSION_ID,
    asks,
    charged,
    crosses,
    granted,
    hold_counters_talk,
    refuses,
    step,
)
from tests.interop.offer import COUNTED, COUNTED_DATA
from tests.interop.requests import (
    FINAL,
    FORCED_REAUTHORISATION,
    MIB,
    UNIX_TO_NTP,
    Service,
    Session,
    reason,
    service,
    used,
)
from tests.interop.speaking import Speaker
from tests.interop.stacks import STACKS
from tests.interop.subscriptions import ABORT_FEATURE, code, pending, statuses
from tests.interop.talking import Talk, account, talking
from tests.interop.test_tshark import check
from tests.system.serving import Demonstration, eventually

pytestmark = pytest.mark.ci

SILENCE = 0
COMMAND_UNSUPPORTED, TOO_BUSY, SERVICE_DENIED = 3001, 3004, 4010
AUTHORIZE_ONLY = 0
ABORT = 2
FIRST = 120


class Parties(NamedTuple):
    """A policy server and a gateway, each on a connection of its own, and what they talk of."""

    talk: Talk
    policy: Speaker
    gateway: Speaker


@pytest.fixture(scope="module", params=STACKS)
def parties(request: pytest.FixtureRequest, demo: Demonstration) -> Iterator[Parties]:
    """Those of each stack."""
    for folder in temporary_folder():
        with talking(demo, STACKS[request.param], folder, FIRST) as talk:
            yield Parties(talk, talk.connect("pcrf", "sy"), talk.connect("pgw", "gy"))


def gets_the_last(gateway: Speaker, session: Session) -> None:
    """Get all that there is."""
    opening = session.initial(asks(10 * MIB))
    assert charged(gateway, session, opening) == granted(4 * MIB, is_final=True)


def test_a_subscription_is_for_all_counters_for_some_and_again_for_all(parties: Parties) -> None:
    talk, policy, _ = parties
    subscription = talk.subscription(talk.subscriber())
    begun = policy.ask(subscription.begin())
    assert (code(begun), statuses(begun)) == (SUCCESS, FULL)
    changed = policy.ask(subscription.change("speed", "left"))
    assert (code(changed), statuses(changed)) == (SUCCESS, {"left": "normal", "speed": "fast"})
    assert statuses(policy.ask(subscription.change())) == FULL
    assert code(policy.ask(subscription.end())) == SUCCESS
    assert code(policy.ask(subscription.change())) == UNKNOWN_SESSION_ID
    assert code(policy.ask(subscription.end())) == UNKNOWN_SESSION_ID


def test_refusals_say_why(parties: Parties) -> None:
    refuses(parties.policy, parties.talk)


def test_a_session_id_of_odd_octets_is_the_same_in_every_message(parties: Parties) -> None:
    talk, policy, gateway = parties
    subscriber = talk.subscriber()
    subscription = talk.subscription(subscriber, talk.stack.odd)
    answers = [policy.ask(step) for step in (subscription.begin(), subscription.change("used"))]
    crosses(gateway, talk.session(subscriber))
    report = policy.asked("SNR").avps
    answers.append(policy.ask(subscription.end()))
    assert [code(answer) for answer in answers] == 3 * [SUCCESS]
    written = f"0x{talk.stack.odd.hex().upper()}"
    assert [dict(each)["Session-Id"] for each in (*answers, report)] == 4 * [written]


def test_what_a_gateway_reports_throttles_and_a_top_up_ends_that(parties: Parties) -> None:
    talk, policy, gateway = parties
    subscriber = talk.subscriber()
    subscription = talk.subscription(subscriber)
    policy.ask(subscription.begin())
    session = talk.session(subscriber)
    crosses(gateway, session)
    throttled = policy.asked("SNR")
    assert statuses(throttled.avps) == {"used": "much", "speed": "slow"}
    assert throttled.said("Destination-Host") == policy.host
    assert throttled.said("SN-Request-Type") is None
    talk.credit(subscriber, "4MiB")
    assert statuses(policy.asked("SNR").avps) == {"speed": "fast"}
    rest = service(COUNTED_DATA, used(MIB // 2, reason(FINAL)))
    charged(gateway, session, session.terminate(2, rest))
    assert statuses(policy.ask(subscription.change())) == {**FULL, "used": "much"}
    assert code(policy.ask(subscription.end())) == SUCCESS


def test_only_what_is_subscribed_to_is_told(parties: Parties) -> None:
    talk, policy, gateway = parties
    subscriber = talk.subscriber()
    subscription = talk.subscription(subscriber)
    policy.ask(subscription.begin("left"))
    session = talk.session(subscriber)
    crosses(gateway, session)
    charged(gateway, session, session.update(2, service(COUNTED_DATA, used(MIB // 2))))
    assert statuses(policy.asked("SNR").avps) == {"left": "little"}
    charged(gateway, session, session.terminate(3))
    assert code(policy.ask(subscription.end())) == SUCCESS


def test_a_report_comes_again_until_it_is_taken(parties: Parties) -> None:
    talk, policy, gateway = parties
    subscriber = talk.subscriber()
    subscription = talk.subscription(subscriber)
    policy.ask(subscription.begin("speed"))
    policy.answering("SNR", TOO_BUSY)
    session = talk.session(subscriber)
    crosses(gateway, session)
    first = policy.asked("SNR")
    for code_of_answer in (UNKNOWN_SESSION_ID, SUCCESS):
        policy.answering("SNR", code_of_answer)
        assert policy.asked("SNR") == first
    assert statuses(first.avps) == {"speed": "slow"}
    policy.answering("SNR", SILENCE)
    talk.credit(subscriber, "4MiB")
    first = policy.asked("SNR")
    policy.answering("SNR", SUCCESS)
    assert policy.asked("SNR") == first._replace(is_again=True)
    assert statuses(first.avps) == {"speed": "fast"}
    charged(gateway, session, session.terminate(2))
    assert code(policy.ask(subscription.end())) == SUCCESS


@pytest.mark.parametrize("answer", [SUCCESS, LIMITED_SUCCESS, UNKNOWN_SESSION_ID])
def test_who_got_the_last_quota_is_called_when_there_is_more(parties: Parties, answer: int) -> None:
    talk, _, gateway = parties
    gateway.answering("RAR", answer)
    subscriber = talk.subscriber()
    session = talk.session(subscriber)
    gets_the_last(gateway, session)
    talk.credit(subscriber, "4MiB")
    call = gateway.asked("RAR")
    assert call.said("Session-Id") == session.session_id
    assert call.said("Destination-Host") == gateway.host
    assert call.said("Re-Auth-Request-Type") == AUTHORIZE_ONLY
    assert not call.is_again
    more = session.update(1, asks(2 * MIB, used(MIB, reason(FORCED_REAUTHORISATION))))
    assert charged(gateway, session, more) == granted(2 * MIB)
    charged(gateway, session, session.terminate(2, service(COUNTED_DATA, used(MIB))))
    assert talk.balance(subscriber)["used"] == 2 * MIB


def test_who_was_refused_is_called_and_need_not_say_what_it_wants(parties: Parties) -> None:
    talk, _, gateway = parties
    gateway.answering("RAR", LIMITED_SUCCESS)
    subscriber = talk.subscriber()
    first, session = talk.session(subscriber), talk.session(subscriber)
    gets_the_last(gateway, first)
    charged(gateway, first, first.terminate(1, service(COUNTED_DATA, used(4 * MIB))))
    assert charged(gateway, session, session.initial(asks(MIB))) == REFUSED
    talk.credit(subscriber, "4MiB")
    assert gateway.asked("RAR").said("Session-Id") == session.session_id
    again = session.update(1, service(COUNTED_DATA))
    assert charged(gateway, session, again) == granted(MIB)
    charged(gateway, session, session.terminate(2))


def test_an_operator_calls_a_session_and_ends_it_with_its_account(parties: Parties) -> None:
    talk, _, gateway = parties
    gateway.answering("RAR", SUCCESS)
    subscriber = talk.subscriber()
    session = talk.session(subscriber)
    assert charged(gateway, session, session.initial(asks(MIB))) == granted(MIB)
    talk.demo.command("account", "reauthorize", account(subscriber))
    assert gateway.asked("RAR").said("Session-Id") == session.session_id
    more = session.update(1, asks(MIB, used(1000, reason(FORCED_REAUTHORISATION))))
    assert charged(gateway, session, more) == granted(MIB)
    talk.demo.command("account", "suspend", account(subscriber))
    end = gateway.asked("ASR")
    assert end.said("Session-Id") == session.session_id
    assert end.said("Destination-Host") == gateway.host
    charged(gateway, session, session.terminate(2, service(COUNTED_DATA, used(24))))
    assert talk.balance(subscriber)["used"] == 1024


def test_a_gateway_that_takes_no_ends_of_sessions_is_called_instead(parties: Parties) -> None:
    talk, _, gateway = parties
    gateway.answering("RAR", SUCCESS)
    gateway.answering("ASR", COMMAND_UNSUPPORTED)
    subscriber = talk.subscriber()
    session = talk.session(subscriber)
    charged(gateway, session, session.initial(asks(MIB)))
    talk.demo.command("account", "suspend", account(subscriber))
    assert gateway.asked("ASR").said("Session-Id") == session.session_id
    assert gateway.asked("RAR").said("Session-Id") == session.session_id
    gateway.answering("ASR", SUCCESS)
    more = session.update(1, asks(MIB, used(24, reason(FORCED_REAUTHORISATION))))
    assert charged(gateway, session, more) == (Service(COUNTED_DATA, SERVICE_DENIED),)
    assert talk.balance(subscriber)["used"] == 24


def test_what_cannot_be_delivered_waits_for_who_comes_back(parties: Parties) -> None:
    talk, _, _ = parties
    away = talk.connect("away", "gy,sy")
    subscriber = talk.subscriber()
    subscription, session = talk.subscription(subscriber), talk.session(subscriber)
    away.ask(subscription.begin("used", "speed"))
    gets_the_last(away, session)
    charged(away, session, session.update(1, asks(MIB, used(3 * MIB))))
    away.asked("SNR")
    away.end()
    talk.credit(subscriber, "8MiB")
    back = talk.connect("away", "gy,sy")
    assert statuses(back.asked("SNR").avps) == {"speed": "fast"}
    assert back.asked("RAR").said("Session-Id") == session.session_id
    charged(back, session, session.terminate(2))
    assert code(back.ask(subscription.end())) == SUCCESS


def test_who_subscribes_to_an_account_that_is_deleted_is_asked_to_end(parties: Parties) -> None:
    talk, policy, gateway = parties
    subscriber = talk.subscriber()
    subscription = talk.subscription(subscriber)
    begun = policy.ask(subscription.begin("used", further=(ABORT_FEATURE,)))
    name, value = ABORT_FEATURE
    assert [name, [list(member) for member in value]] in begun
    session = talk.session(subscriber)
    charged(gateway, session, session.initial(asks(MIB)))
    talk.delete(subscriber)
    assert gateway.asked("ASR").said("Session-Id") == session.session_id
    charged(gateway, session, session.terminate(1, service(COUNTED_DATA, used(MIB))))
    abort = policy.asked("SNR")
    assert abort.said("SN-Request-Type") == ABORT
    assert statuses(abort.avps) == {}
    assert code(policy.ask(subscription.end())) == SUCCESS


def test_what_peers_do_not_know_any_more_ends(parties: Parties) -> None:
    talk, policy, gateway = parties
    gateway.answering("RAR", UNKNOWN_SESSION_ID)
    policy.answering("SNR", UNKNOWN_SESSION_ID)
    subscriber = talk.subscriber()
    subscription = talk.subscription(subscriber)
    policy.ask(subscription.begin("speed"))
    session = talk.session(subscriber)
    gets_the_last(gateway, session)
    talk.credit(subscriber, "4MiB")
    gateway.asked("RAR")
    eventually("its session is closed", lambda: not talk.balance(subscriber)["reserved"])
    assert code(gateway.ask(step(session, session.update(1, asks(MIB))))) == UNKNOWN_SESSION_ID
    session = talk.session(subscriber)
    charged(gateway, session, session.initial(asks(5 * MIB)))
    charged(gateway, session, session.terminate(1, service(COUNTED_DATA, used(5 * MIB))))
    assert statuses(policy.asked("SNR").avps) == {"speed": "slow"}
    eventually("its subscription ends", lambda: not talk.is_subscribed_to(subscriber))
    assert code(policy.ask(subscription.end())) == UNKNOWN_SESSION_ID


def test_a_gateway_and_a_policy_server_may_share_a_connection(parties: Parties) -> None:
    hold_counters_talk(parties.talk)


def test_what_will_become_of_counters_is_foretold(parties: Parties) -> None:
    talk, policy, _ = parties
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
    assert code(policy.ask(subscription.end())) == SUCCESS


def test_nothing_that_was_said_is_wrong(parties: Parties) -> None:
    check(parties.talk.end(), parties.policy.unanswered)
