"""What the server asks by itself finds its way through a relay, which is freeDiameter."""

from collections.abc import Iterator

import pytest

from tests.conftest import temporary_folder
from tests.interop.counters_talk import (
    LIMITED_SUCCESS,
    SUCCESS,
    asks,
    charged,
    crosses,
    granted,
)
from tests.interop.offer import COUNTED_DATA
from tests.interop.requests import MIB, service, used
from tests.interop.stacks import STACKS
from tests.interop.subscriptions import code, statuses
from tests.interop.talking import Talk, account, talking
from tests.interop.test_tshark import check
from tests.system.serving import Demonstration

pytestmark = pytest.mark.ci

FIRST = 145


@pytest.fixture(params=STACKS)
def talk(request: pytest.FixtureRequest, demo: Demonstration) -> Iterator[Talk]:
    for folder in temporary_folder():
        with talking(demo, STACKS[request.param], folder, FIRST) as talk:
            yield talk


def test_a_relay_brings_what_the_server_asks_to_whom_it_is_for(talk: Talk) -> None:
    relay = talk.relay()
    policy, gateway = talk.connect("pcrf", "sy", relay), talk.connect("pgw", "gy", relay)
    subscriber = talk.subscriber()
    subscription, session = talk.subscription(subscriber), talk.session(subscriber)
    assert code(policy.ask(subscription.begin("speed"))) == SUCCESS
    crosses(gateway, session)
    throttled = policy.asked("SNR")
    assert statuses(throttled.avps) == {"speed": "slow"}
    assert throttled.said("Destination-Host") == policy.host
    gateway.answering("RAR", LIMITED_SUCCESS)
    talk.demo.command("account", "reauthorize", account(subscriber))
    call = gateway.asked("RAR")
    assert call.said("Session-Id") == session.session_id
    assert call.said("Destination-Host") == gateway.host
    more = session.update(2, asks(MIB // 4, used(MIB // 4)))
    assert charged(gateway, session, more) == granted(MIB // 4)
    talk.demo.command("account", "suspend", account(subscriber))
    assert gateway.asked("ASR").said("Session-Id") == session.session_id
    charged(gateway, session, session.terminate(3, service(COUNTED_DATA, used(1))))
    assert code(policy.ask(subscription.end())) == SUCCESS
    check(talk.end())
