"""Requests of this node are answered or given up, exactly once, and never more than a bound."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from diameter_ocs.base.message import Message, retransmitted
from diameter_ocs.base.peer import DisconnectCause
from diameter_ocs.transport.requests import REQUESTS_MAX, Sending, Unanswered
from tests.base.wire import (
    ANSWER,
    AUTH_APPLICATION_ID,
    ORIGIN_HOST,
    ORIGIN_REALM,
    SESSION_ID,
    avp,
    ccr,
    message,
    number,
)
from tests.handlers.virtual_time import play
from tests.transport.bench import DWR, Bench
from tests.transport.wires import Wire, opened, send

SECONDS = 10.0
WATCHDOG_SECONDS = 32.0
"""Tw with as much jitter as there may be."""
DPR = message(282, ORIGIN_HOST, ORIGIN_REALM, avp(273, number(0)), application=0, flags=0x80)

STEPS = "ask", "answer", "say again", "wait", "be silent", "disconnect", "be lost"
WEIGHTS = 40, 30, 5, 15, 2, 0.5, 0.5
"""What a peer does, and how often."""

Outcomes = list[Message | Unanswered]
Story = Callable[[Wire], Coroutine[Any, Any, None]]


def rar(end_to_end: int = 7) -> bytes:
    members = (
        SESSION_ID,
        avp(264, b"ocs1.example"),
        avp(296, b"ocs.example"),
        avp(283, b"example"),
        avp(293, b"gw.example"),
        AUTH_APPLICATION_ID,
        avp(285, number(0)),
    )
    return message(258, *members, hop_by_hop=0, end_to_end=end_to_end)


def raa(asked: Message, *more: bytes, code: int = 258) -> bytes:
    ids = {"hop_by_hop": asked.hop_by_hop, "end_to_end": asked.end_to_end}
    members = SESSION_ID, avp(268, number(2002)), ORIGIN_HOST, ORIGIN_REALM
    return message(code, *members, *more, flags=ANSWER, **ids)


def dwa(asked: Message) -> bytes:
    members = avp(268, number(2001)), ORIGIN_HOST, ORIGIN_REALM
    return message(280, *members, application=0, flags=0, hop_by_hop=asked.hop_by_hop)


def told(outcomes: Outcomes) -> list[int | Unanswered]:
    """Return the end-to-end ids of answers, and why there are none."""
    return [each if isinstance(each, Unanswered) else each.end_to_end for each in outcomes]


def tell(story: Story) -> None:
    """Play a story with a peer that is open and has said nothing more."""

    async def whole() -> None:
        wire = opened()
        await wire.messages()
        await story(wire)

    play(whole())


async def sent(wire: Wire, outcomes: Outcomes, *end_to_end: int) -> list[Message]:
    """Send requests and return them as they came to the peer."""
    for each in end_to_end:
        assert wire.protocol.request(rar(each), SECONDS, outcomes.append) is Sending.SENT
    asked = await wire.messages()
    assert [each.end_to_end for each in asked] == list(end_to_end)
    return asked


def test_a_request_goes_out_as_it_is_under_a_hop_by_hop_id_of_its_own() -> None:
    async def story(wire: Wire) -> None:
        first, again = await sent(wire, [], 7, 7)
        assert first.octets[:12] + first.octets[16:] == rar()[:12] + rar()[16:]
        assert first.hop_by_hop != again.hop_by_hop

    tell(story)


def test_a_retransmission_keeps_its_end_to_end_id_and_says_that_it_is_one() -> None:
    async def story(wire: Wire) -> None:
        assert wire.protocol.request(retransmitted(rar(9)), SECONDS, print) is Sending.SENT
        (asked,) = await wire.messages()
        assert asked.is_retransmission
        assert asked.is_proxiable
        assert asked.end_to_end == 9

    tell(story)


@pytest.mark.parametrize("octets_at_once", [1, 7, 10_000])
def test_the_answer_is_given_to_the_one_who_waits_for_it(octets_at_once: int) -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        (asked,) = await sent(wire, outcomes, 7)
        octets = raa(asked)
        for start in range(0, len(octets), octets_at_once):
            assert not outcomes
            send(wire, octets[start : start + octets_at_once])
            await asyncio.sleep(0)
        (answer,) = outcomes
        assert isinstance(answer, Message)
        assert answer.octets == octets
        await asyncio.sleep(SECONDS * 2)
        assert len(outcomes) == 1

    tell(story)


def test_answers_may_come_in_another_order_and_between_requests_of_the_peer() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        first, second, third = await sent(wire, outcomes, 1, 2, 3)
        send(wire, raa(third) + ccr() + raa(first) + DWR + raa(second))
        assert {each.command_code for each in await wire.messages()} == {272, 280}
        assert told(outcomes) == [3, 1, 2]

    tell(story)


def test_an_answer_that_came_through_agents_is_taken() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        (asked,) = await sent(wire, outcomes, 7)
        proxy = avp(284, avp(280, b"relay.example") + avp(33, b"state"))
        send(wire, raa(asked, avp(282, b"relay.example"), proxy, proxy))
        await asyncio.sleep(0)
        assert told(outcomes) == [7]

    tell(story)


def test_an_answer_with_the_error_bit_is_taken() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        (asked,) = await sent(wire, outcomes, 7)
        members = avp(268, number(3002)), avp(264, b"relay.example"), avp(296, b"example")
        send(wire, message(258, *members, flags=0x60, hop_by_hop=asked.hop_by_hop, end_to_end=7))
        await asyncio.sleep(0)
        assert told(outcomes) == [7]

    tell(story)


def test_a_second_answer_and_one_to_no_request_are_dropped() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        first, second = await sent(wire, outcomes, 1, 2)
        unknown = message(258, SESSION_ID, flags=ANSWER, hop_by_hop=first.hop_by_hop + 1000)
        send(wire, raa(first) + raa(first) + unknown + raa(second))
        await asyncio.sleep(0)
        assert told(outcomes) == [1, 2]
        assert wire.protocol.state == "open"

    tell(story)


def test_an_answer_of_another_command_is_not_taken_for_that_of_the_request() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        (asked,) = await sent(wire, outcomes, 7)
        send(wire, raa(asked, code=274) + dwa(asked))
        await asyncio.sleep(0)
        assert not outcomes
        send(wire, raa(asked))
        await asyncio.sleep(0)
        assert told(outcomes) == [7]

    tell(story)


def test_an_answer_that_cannot_be_decoded_is_given_with_its_fault() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        (asked,) = await sent(wire, outcomes, 7)
        send(wire, raa(asked, b"\0\0\1\x01\x40\0\0\x05\0\0\0\0"))
        await asyncio.sleep(0)
        (answer,) = outcomes
        assert isinstance(answer, Message)
        assert answer.fault is not None
        assert answer.group.first("Result-Code") == 2002
        assert wire.protocol.state == "open"

    tell(story)


def test_who_waits_too_long_is_told_so_and_the_late_answer_is_dropped() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        (asked,) = await sent(wire, outcomes, 7)
        await asyncio.sleep(SECONDS - 0.1)
        assert not outcomes
        await asyncio.sleep(0.2)
        assert outcomes == [Unanswered.LATE]
        send(wire, raa(asked))
        await asyncio.sleep(0)
        assert outcomes == [Unanswered.LATE]
        assert wire.protocol.state == "open"

    tell(story)


def test_the_end_of_the_connection_is_told_once_for_each_request() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        (_, second, _) = await sent(wire, outcomes, 1, 2, 3)
        send(wire, raa(second))
        wire.protocol.connection_lost(None)
        assert wire.protocol.request(rar(), SECONDS, outcomes.append) is Sending.NO_WAY
        await asyncio.sleep(SECONDS * 2)
        assert told(outcomes) == [2, Unanswered.CLOSED, Unanswered.CLOSED]

    tell(story)


def test_what_the_connection_ends_with_is_heard_before_its_end() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        first, _ = await sent(wire, outcomes, 1, 2)
        send(wire, raa(first) + bytes(20))
        await asyncio.sleep(0)
        assert told(outcomes) == [1, Unanswered.CLOSED]

    tell(story)


def test_a_peer_that_disconnects_may_still_answer_and_is_asked_no_more() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        first, _ = await sent(wire, outcomes, 1, 2)
        send(wire, DPR)
        assert wire.protocol.request(rar(), SECONDS, outcomes.append) is Sending.NO_WAY
        send(wire, raa(first))
        await asyncio.sleep(SECONDS)
        assert told(outcomes) == [1, Unanswered.CLOSED]

    tell(story)


def test_this_node_disconnects_with_requests_under_way_and_sends_no_more() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        first, _ = await sent(wire, outcomes, 1, 2)
        wire.protocol.disconnect(DisconnectCause.REBOOTING)
        assert wire.protocol.request(rar(), SECONDS, outcomes.append) is Sending.NO_WAY
        send(wire, raa(first))
        await asyncio.sleep(SECONDS)
        assert told(outcomes) == [1, Unanswered.CLOSED]

    tell(story)


def test_a_suspect_peer_owes_no_answer_and_is_asked_again_when_it_speaks() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        await asyncio.sleep(WATCHDOG_SECONDS)
        (dwr,) = await wire.messages()
        assert dwr.command_code == 280
        wire.protocol.request(rar(1), 1000.0, outcomes.append)
        (asked,) = await wire.messages()
        await asyncio.sleep(WATCHDOG_SECONDS)
        assert outcomes == [Unanswered.SUSPECTED]
        assert wire.protocol.request(rar(2), SECONDS, outcomes.append) is Sending.NO_WAY
        send(wire, raa(asked) + dwa(dwr))
        assert wire.protocol.request(rar(3), SECONDS, outcomes.append) is Sending.SENT
        await asyncio.sleep(0)
        assert outcomes == [Unanswered.SUSPECTED]

    tell(story)


def test_no_more_wait_on_one_connection_than_may() -> None:
    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        asked = await sent(wire, outcomes, *range(REQUESTS_MAX))
        assert wire.protocol.request(rar(), SECONDS, outcomes.append) is Sending.BUSY
        send(wire, raa(asked[5]))
        assert wire.protocol.request(rar(), SECONDS, outcomes.append) is Sending.SENT
        assert wire.protocol.request(rar(), SECONDS, outcomes.append) is Sending.BUSY
        await asyncio.sleep(SECONDS + 1)
        assert told(outcomes) == [5, *[Unanswered.LATE] * REQUESTS_MAX]
        assert wire.protocol.request(rar(), SECONDS, outcomes.append) is Sending.SENT

    tell(story)


def test_who_breaks_on_an_answer_hurts_nobody_else() -> None:
    def broken(_outcome: object) -> None:
        raise RuntimeError("this breaks")

    async def story(wire: Wire) -> None:
        outcomes: Outcomes = []
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        wire.protocol.request(rar(1), SECONDS, broken)
        wire.protocol.request(rar(2), SECONDS, outcomes.append)
        first, second = await wire.messages()
        send(wire, raa(first) + raa(second))
        await asyncio.sleep(0)
        assert told(outcomes) == [2]

    tell(story)


def test_whatever_comes_each_request_that_was_sent_ends_exactly_once() -> None:
    source = random.Random(7)
    kinds: Counter[str] = Counter()

    def hear(ends: Counter[int], key: int, outcome: Message | Unanswered) -> None:
        ends[key] += 1
        kinds[outcome if isinstance(outcome, Unanswered) else "answered"] += 1

    async def story(wire: Wire) -> None:
        ends: Counter[int] = Counter()
        sent: list[int] = []
        under_way: list[Message] = []
        answers = [ccr()]
        for key in range(200):
            match source.choices(STEPS, WEIGHTS)[0]:
                case "ask":
                    seconds = source.choice((1.0, 10.0, 100.0))
                    sending = wire.protocol.request(rar(key), seconds, partial(hear, ends, key))
                    sent += [key] if sending is Sending.SENT else []
                case "answer" if under_way:
                    asked = under_way.pop(source.randrange(len(under_way)))
                    answers.append(dwa(asked) if asked.command_code == 280 else raa(asked))
                    send(wire, answers[-1])
                case "say again":
                    send(wire, source.choice(answers))
                case "wait":
                    await asyncio.sleep(source.random() * 5)
                case "be silent":
                    for _ in range(source.randrange(20)):
                        await asyncio.sleep(5)
                        under_way += await wire.messages()
                case "disconnect":
                    send(wire, DPR)
                case "be lost":
                    wire.protocol.connection_lost(None)
                    break
            under_way += [each for each in await wire.messages() if each.is_request]
        await asyncio.sleep(200)
        assert ends == Counter(sent)

    for _ in range(60):
        tell(story)
    assert kinds.keys() == {"answered", *Unanswered}
    assert min(kinds.values()) > 20


async def test_a_request_of_this_node_goes_over_a_socket_and_its_answer_comes_back(
    bench: Bench,
) -> None:
    await bench.listen()
    client = await bench.connect_open()
    (connection,) = bench.node.opened
    outcome: asyncio.Future[Message | Unanswered] = asyncio.Future()
    octets = rar(bench.node.next_identifier())
    assert connection.request(octets, SECONDS, outcome.set_result) is Sending.SENT
    asked = await client.read()
    client.writer.write(raa(asked))
    answer = await outcome
    assert isinstance(answer, Message)
    assert answer.end_to_end == asked.end_to_end
