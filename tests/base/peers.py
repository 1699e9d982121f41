"""A peer machine under test, and what it says."""

import itertools
from collections.abc import Callable

from diameter_ocs.base.capabilities import (
    Application,
    CerDecision,
    LocalNode,
    PeerAccepted,
)
from diameter_ocs.base.events import (
    CerFacts,
    CloseReason,
    Event,
    PeerClosed,
)
from diameter_ocs.base.message import (
    Identity,
    Message,
    answer,
    decode,
)
from diameter_ocs.base.peer import Peer
from diameter_ocs.base.states import State
from tests.base.wire import (
    ORIGIN_HOST,
    ORIGIN_REALM,
    avp,
    cer,
    load_dictionary,
    message,
    number,
)

DICTIONARY = load_dictionary()
LOCAL = LocalNode(
    identity=Identity("ocs1.example", "ocs.example", 77),
    host_ip_addresses=((1, b"\x7f\0\0\1"), (2, bytes(15) + b"\1")),
    vendor_id=0,
    product_name="ocs under test",
    applications=(
        Application(4, frozenset({"Credit-Control"})),
        Application(16777302, frozenset(), vendor_id=10415),
    ),
    dictionary=DICTIONARY,
    supported_vendor_ids=(10415,),
    firmware_revision=1,
    requests_in_flight_max=2,
)
DWR = message(280, ORIGIN_HOST, ORIGIN_REALM, application=0, flags=0x80, hop_by_hop=3)
DPR = message(282, ORIGIN_HOST, ORIGIN_REALM, avp(273, number(0)), application=0, flags=0x80)


def accept(_facts: CerFacts) -> PeerAccepted:
    return PeerAccepted()


def new_peer(
    authorise: Callable[[CerFacts], CerDecision | None] = accept,
    local: LocalNode = LOCAL,
    is_stream: bool = True,
) -> Peer:
    identifiers = itertools.count(1000)
    return Peer(
        local,
        authorise,
        next_identifier=lambda: next(identifiers),
        jitter=lambda: 0.0,
        now=0.0,
        is_stream=is_stream,
    )


def calling_peer(
    authorise: Callable[[CerFacts], CerDecision | None] = accept,
    local: LocalNode = LOCAL,
    is_stream: bool = True,
) -> tuple[Peer, Message]:
    """Returns a connection that this node opened, and the CER that it has sent."""
    peer = new_peer(authorise, local, is_stream)
    assert peer.initiate("GW.example", 0.0) == []
    return peer, one(peer)


def cea(
    asked: Message, *more: bytes, code: int = 2001, without: bytes | None = None, flags: int = 0
) -> bytes:
    """The CEA to a CER; all but its Result-Code is as in a CER."""
    result = (avp(268, number(code)),) if code else ()
    return cer(*result, *more, without=without, flags=flags, hop_by_hop=asked.hop_by_hop)


def open_peer(local: LocalNode = LOCAL, accepted: PeerAccepted | None = None) -> Peer:
    peer = new_peer(lambda _: accepted or PeerAccepted(), local)
    peer.receive_data(cer(), 0.0)
    assert peer.state is State.OPEN
    peer.messages_to_send()
    return peer


def sent(peer: Peer) -> list[Message]:
    data = b"".join(peer.messages_to_send())
    messages = []
    while data:
        length = int.from_bytes(data[1:4])
        messages.append(decode(data[:length], DICTIONARY))
        data = data[length:]
    assert all(each.fault is None for each in messages)
    return messages


def one(peer: Peer) -> Message:
    (only,) = sent(peer)
    return only


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


def reply(peer: Peer, received: Message) -> None:
    peer.send(answer(received, DICTIONARY, LOCAL.identity, [("Result-Code", 2001)]))


def reply_to(asked: Message) -> bytes:
    identity = Identity("gw.example", "example")
    return answer(asked, DICTIONARY, identity, [("Result-Code", 2001)])


def close_reason(events: list[Event]) -> CloseReason:
    last = events[-1]
    assert isinstance(last, PeerClosed)
    return last.reason
