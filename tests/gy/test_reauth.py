"""What has a client ask again or end a session is written to the octet, and its answer read."""

import random
from typing import Any

import pytest

from diameter_ocs.base.codec import Group
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity, Message, decode, retransmitted
from diameter_ocs.gy.reauth import Caller, Client, Reaction, reaction
from tests.base.wire import ANSWER, ORIGIN_REALM, avp, message, number

SESSION = b"pgw.example;1;2/%3B \xff\xc3\xa4"
CLIENT = Client(SESSION, "pgw.example", "example")
DESTINED = (
    avp(263, SESSION),
    avp(264, b"ocs.example"),
    avp(296, b"realm.example"),
    avp(283, b"example"),
    avp(293, b"pgw.example"),
    avp(258, number(4)),
)
AUTHORIZE_ONLY = avp(285, number(0))


@pytest.fixture(scope="module")
def caller(dictionary: Dictionary, identity: Identity) -> Caller:
    return Caller(dictionary, identity)


def said(
    dictionary: Dictionary, code: int, *members: bytes, host: bytes = b"PGW.example", **header: int
) -> Message:
    """Return an answer, as it is decoded."""
    header = {"flags": ANSWER, **header}
    origin = avp(264, host), ORIGIN_REALM
    return decode(message(code, avp(263, SESSION), *origin, *members, **header), dictionary)


def checked(octets: bytes, dictionary: Dictionary) -> Group:
    """Return what a request says that obeys the grammar of its command."""
    asked = decode(octets, dictionary)
    assert asked.fault is None
    assert asked.definition is not None
    rules = asked.definition.request_rules
    names = asked.group.by_name
    assert set(rules.required) <= set(names) <= rules.known
    assert all(len(avps) <= rules.limits.get(name, 1) for name, avps in names.items())
    return asked.group


def test_reauthorization_octet_by_octet(caller: Caller) -> None:
    expected = message(258, *DESTINED, AUTHORIZE_ONLY, hop_by_hop=0, end_to_end=0xABCDEF01)
    assert caller.reauthorization(CLIENT, 0xABCDEF01) == expected


def test_abort_octet_by_octet(caller: Caller) -> None:
    expected = message(274, *DESTINED, hop_by_hop=0, end_to_end=0xABCDEF01)
    assert caller.abort(CLIENT, 0xABCDEF01) == expected


def test_reauthorization_may_be_of_one_rating_group_or_sub_session(
    caller: Caller, dictionary: Dictionary
) -> None:
    whole = checked(caller.reauthorization(CLIENT, 1), dictionary)
    assert "Rating-Group" not in whole
    assert "CC-Sub-Session-Id" not in whole
    narrow = checked(
        caller.reauthorization(CLIENT._replace(sub_session_id=2**40), 1, 2**32 - 1), dictionary
    )
    assert narrow.first("Rating-Group") == 2**32 - 1
    assert narrow.first("CC-Sub-Session-Id") == 2**40


def test_state_of_this_node_is_told(dictionary: Dictionary) -> None:
    caller = Caller(dictionary, Identity("ocs.example", "realm.example", 77))
    for octets in (caller.reauthorization(CLIENT, 1), caller.abort(CLIENT, 1)):
        assert checked(octets, dictionary).first("Origin-State-Id") == 77


def test_retransmission_says_that_it_is_one_and_nothing_else(caller: Caller) -> None:
    octets = caller.reauthorization(CLIENT, 7)
    again = message(258, *DESTINED, AUTHORIZE_ONLY, flags=0xD0, hop_by_hop=0, end_to_end=7)
    assert retransmitted(octets) == again


@pytest.mark.parametrize(
    ("result_code", "expected"),
    [
        (2001, Reaction.DONE),
        (2002, Reaction.ASKS_AGAIN),
        (3001, Reaction.UNSUPPORTED),
        (3002, Reaction.NOT_DELIVERED),
        (3003, Reaction.NOT_DELIVERED),
        (3004, Reaction.NOT_DELIVERED),
        (3005, Reaction.NOT_DELIVERED),
        (3006, Reaction.NOT_DELIVERED),
        (3007, Reaction.UNSUPPORTED),
        (3008, Reaction.REFUSED),
        (4001, Reaction.NOT_DELIVERED),
        (4002, Reaction.NOT_DELIVERED),
        (5002, Reaction.SESSION_UNKNOWN),
        (5005, Reaction.REFUSED),
        (5012, Reaction.NOT_DELIVERED),
        (0, Reaction.REFUSED),
        (2**32 - 1, Reaction.REFUSED),
    ],
)
@pytest.mark.parametrize("command", [258, 274])
def test_answer_is_read_by_its_result_code(
    dictionary: Dictionary, command: int, result_code: int, expected: Reaction
) -> None:
    flags = 0x60 if result_code in range(3000, 4000) else ANSWER
    answer = said(dictionary, command, avp(268, number(result_code)), flags=flags)
    assert reaction(answer, CLIENT) is expected


@pytest.mark.parametrize("host", [b"relay.example", b"pgw2.example", b""])
def test_session_that_another_host_does_not_know_may_still_be_there(
    dictionary: Dictionary, host: bytes
) -> None:
    answer = said(dictionary, 258, avp(268, number(5002)), host=host)
    assert reaction(answer, CLIENT) is Reaction.NOT_DELIVERED


@pytest.mark.parametrize("command", [258, 274])
def test_answer_that_came_through_agents_is_read(dictionary: Dictionary, command: int) -> None:
    proxy = avp(284, avp(280, b"relay.example") + avp(33, b"state"))
    route = avp(282, b"relay.example")
    answer = said(dictionary, command, avp(268, number(2001)), route, proxy, proxy, route)
    assert reaction(answer, CLIENT) is Reaction.DONE


def test_answer_of_the_base_application_is_read(dictionary: Dictionary) -> None:
    answer = said(dictionary, 258, avp(268, number(2002)), application=0)
    assert reaction(answer, CLIENT) is Reaction.ASKS_AGAIN


@pytest.mark.parametrize(
    "members",
    [
        (),
        (avp(297, avp(266, number(10415)) + avp(298, number(5002))),),
        (avp(268, b"\0\0"),),
        (b"\0\0\1\x01\x40\0\0\x05\0\0\0\0", avp(268, number(2001))),
    ],
)
def test_answer_without_a_result_code_that_can_be_read_is_a_refusal(
    dictionary: Dictionary, members: tuple[bytes, ...]
) -> None:
    assert reaction(said(dictionary, 258, *members), CLIENT) is Reaction.REFUSED


def test_damaged_answer_is_read_as_something(dictionary: Dictionary) -> None:
    source = random.Random(5)
    members = avp(263, SESSION), avp(268, number(2002)), avp(264, b"pgw.example"), ORIGIN_REALM
    whole = message(258, *members, flags=ANSWER)
    read: dict[Any, int] = {}
    for _ in range(2000):
        octets = bytearray(whole)
        for _ in range(source.choice((1, 1, 3))):
            octets[source.randrange(20, len(octets))] = source.randrange(256)
        found = reaction(decode(bytes(octets), dictionary), CLIENT)
        read[found] = read.get(found, 0) + 1
    assert {Reaction.ASKS_AGAIN, Reaction.REFUSED} <= read.keys()
