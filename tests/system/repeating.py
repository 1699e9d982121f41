"""What a load client recorded, and sending it again as a gateway does after a crash."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from diameter.message import Message

from diameter_ocs.simulator.answers import Answer, read_answer
from diameter_ocs.simulator.encoding import RequestKeys
from diameter_ocs.simulator.gateway import Identity, RequestType, receive_message
from diameter_ocs.simulator.load_answers import learn_layout
from tests.system.serving import Server
from tests.system.wire import hop_by_hop, is_request

IDENTIFIERS = slice(12, 20)
RETRANSMITTED = 0x10
AT_ONCE = 100
"""Requests that are under way at a time: neither side waits for the other to read."""
ANOTHER_IDENTIFIER = 0x5A5A5A5A
ACTIONS = {1: "initial", 2: "update", 3: "terminate"}
EVENT_ACTIONS = ("event", "refund", "check balance", "price enquiry")
"""What EDRs call an event, by its Requested-Action."""


class Exchange(NamedTuple):
    """The octets of a request, and of its answer if one came."""

    request: bytes
    answer: bytes | None

    @property
    def key(self) -> tuple[str, str, int]:
        """The Session-Id, action and number that its EDR has."""
        session_id, _, action, number = key_of(self.request)
        return (session_id, action, number)

    @property
    def result_code(self) -> int | None:
        """What was answered, if anything."""
        return None if self.answer is None else learn_layout(self.answer).result_code(self.answer)


class Key(NamedTuple):
    """What tells a request from others, but for repeats."""

    session_id: str
    request_type: int
    action: str
    """As its EDR calls it."""
    number: int


@cache
def key_of(request: bytes) -> Key:
    """Read what tells a request from others; it is asked for again and again."""
    message = Message.from_bytes(request)
    kind = message.cc_request_type
    action = ACTIONS.get(kind) or EVENT_ACTIONS[message.requested_action]
    return Key(message.session_id, kind, action, message.cc_request_number)


def recorded(file: Path) -> list[Exchange]:
    """Read the record of a load client, in the order of the requests."""
    requests: dict[bytes, bytes] = {}
    answers: dict[bytes, bytes] = {}
    for octets in _messages(file.read_bytes()):
        (requests if is_request(octets) else answers)[octets[IDENTIFIERS]] = octets
    return [Exchange(octets, answers.get(key)) for key, octets in requests.items()]


def read(exchange: Exchange, answer: bytes) -> Answer:
    """Decode an answer and compare it with its request; faults stand in it."""
    session_id, request_type, _, number = key_of(exchange.request)
    keys = RequestKeys(
        session_id=session_id,
        charging_id=0,
        request_number=number,
        hop_by_hop=hop_by_hop(exchange.request),
        end_to_end=int.from_bytes(exchange.request[16:20], "big"),
        event_time=0,
    )
    return read_answer(answer, keys, RequestType(request_type))


def send_again(
    server: Server, exchanges: Iterable[Exchange], with_another_identifier: bool = False
) -> dict[tuple[str, str, int], Answer]:
    """Send requests once more, each from its Origin-Host with the T flag; return the answers."""
    answers = {}
    for host, own in groupby(sorted(exchanges, key=_host), key=_host):
        identity = Identity(host, host.partition(".")[2], "demo.example")
        repeats = [repeated(exchange, with_another_identifier) for exchange in own]
        with server.open(identity) as connection:
            for start in range(0, len(repeats), AT_ONCE):
                some = {hop_by_hop(repeat.request): repeat for repeat in repeats[start:][:AT_ONCE]}
                connection.sendall(b"".join(repeat.request for repeat in some.values()))
                while some:
                    octets = receive_message(connection)
                    if not is_request(octets):
                        repeat = some.pop(hop_by_hop(octets))
                        answers[repeat.key] = read(repeat, octets)
    return answers


def first_answers(exchanges: Sequence[Exchange]) -> dict[tuple[str, str, int], Answer]:
    """Return what the requests were answered the first time."""
    return {
        exchange.key: read(exchange, exchange.answer)
        for exchange in exchanges
        if exchange.answer is not None
    }


def repeated(exchange: Exchange, with_another_identifier: bool = False) -> Exchange:
    """Return a request as it is sent again, which was not answered yet."""
    octets = bytearray(exchange.request)
    octets[4] |= RETRANSMITTED
    if with_another_identifier:
        end_to_end = int.from_bytes(octets[16:20], "big") ^ ANOTHER_IDENTIFIER
        octets[16:20] = end_to_end.to_bytes(4, "big")
    return Exchange(bytes(octets), None)


def _host(exchange: Exchange) -> str:
    """Return the Origin-Host, with which the load client begins its Session-Ids."""
    return exchange.key[0].partition(";")[0]


def _messages(octets: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(octets):
        end = at + int.from_bytes(octets[at + 1 : at + 4], "big")
        yield octets[at:end]
        at = end
