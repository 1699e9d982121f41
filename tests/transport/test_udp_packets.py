"""The UDP socket of SCTP over UDP: what came while the loop did other things is taken at once."""

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from socket import AF_INET, SOCK_DGRAM, socket

from diameter_ocs.transport.association import Place
from diameter_ocs.transport.udp_packets import TAKEN_AT_ONCE, Packets
from diameter_ocs.transport.udp_paths import Sender

ANYWHERE = Place(ip_address("127.0.0.1"), 0)
COUNT = 2 * TAKEN_AT_ONCE


async def turns_to_take(on_packet: Callable[[bytes, Sender], None], taken: list[bytes]) -> int:
    """Return how many turns of the loop pass until packets that have come already are taken."""
    packets = await Packets.bind(ANYWHERE, on_packet)
    try:
        with socket(AF_INET, SOCK_DGRAM) as peer:
            for number in range(COUNT):
                peer.sendto(bytes([number]), (str(packets.place.address), packets.place.port))
        turns = 0
        while len(taken) < COUNT:
            await asyncio.sleep(0)
            turns += 1
            assert turns < 100 * COUNT
        return turns
    finally:
        await packets.aclose()


async def test_packets_that_have_come_are_taken_in_few_turns_and_in_order() -> None:
    taken: list[bytes] = []
    turns = await turns_to_take(lambda packet, _: taken.append(packet), taken)
    assert taken == [bytes([number]) for number in range(COUNT)]
    assert turns < COUNT // 4


async def test_a_packet_that_breaks_who_takes_it_costs_no_other_one() -> None:
    taken: list[bytes] = []

    def take(packet: bytes, _: Sender) -> None:
        taken.append(packet)
        raise ValueError(packet)

    await turns_to_take(take, taken)
    assert len(taken) == COUNT
