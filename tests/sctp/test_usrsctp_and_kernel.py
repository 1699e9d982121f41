"""SCTP over UDP against the kernel's own (RFC 6951), on hosts of their own, whoever connects."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address
from typing import Any
from zlib import crc32

import pytest

from diameter_ocs.transport.association import Place, WireFault
from diameter_ocs.transport.sctp_settings import SctpSettings
from tests.sctp.ends import BASE, Bare, End, Ends
from tests.sctp.network import Network, made
from tests.transport.udp_end import message
from tests.transport.udp_ends import RemoteEnd

pytestmark = pytest.mark.usrsctp

PORT = 3868
SETTINGS = SctpSettings(
    streams=8,
    rto_initial_seconds=0.2,
    rto_max_seconds=1.0,
    rto_min_seconds=0.1,
    association_retransmissions_max=10,
)
LONGEST = 65_536


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """The kernel's SCTP is on the left, libusrsctp on the right."""
    with made() as network:
        network.segment_in_software()
        yield network


@pytest.fixture(scope="module")
def remote(network: Network) -> Iterator[RemoteEnd]:
    """The end over libusrsctp, which sends messages of others back."""
    with network.right.entered():
        remote = RemoteEnd()
    remote.start(network.right.addresses[0], *network.left.addresses)
    remote.ask("listen", PORT, True)
    network.left.set("net/sctp/udp_port", 9899)
    network.left.set("net/sctp/encap_port", remote.port)
    yield remote
    remote.ask("stop")
    assert remote.end() == 0


@pytest.fixture
async def ends(network: Network) -> AsyncIterator[Ends]:
    """The kernel's end."""
    ends = Ends()
    with network.left.entered():
        yield ends
    await ends.end()


async def asked(remote: RemoteEnd, what: str, *arguments: object) -> Any:
    """Have the other end do something, while this one hears what comes."""
    return await asyncio.to_thread(remote.ask, what, *arguments)


async def heard(remote: RemoteEnd, what: str, name: str) -> list[Any]:
    return await asyncio.to_thread(remote.hear, what, name)


async def from_usrsctp(ends: Ends, remote: RemoteEnd, network: Network, *addresses: str) -> End:
    """Have the other end connect to the kernel's, as "there"; return the latter, which echoes."""
    listening = await ends.listen(*addresses or network.left.addresses[:1], settings=SETTINGS)
    port = listening.places[0].port
    await asked(remote, "connect", "there", network.left.addresses[0], port, 9899, 10)
    end = await ends.taken()
    end.on_heard = lambda octets: end.association.send([octets])
    await heard(remote, "made", "there")
    return end


async def from_kernel(ends: Ends, remote: RemoteEnd, network: Network) -> tuple[End, str]:
    """Connect the kernel to the other end; return also what it is called there."""
    place = Place(ip_address(network.right.addresses[0]), PORT)
    end = await ends.connect([place], network.left.addresses[0], settings=SETTINGS)
    told = await asyncio.to_thread(remote.wait, lambda told: told[0] == "made")
    return end, told[1]


async def exchange(remote: RemoteEnd, messages: list[tuple[int, int, int]]) -> None:
    """Have the other end send messages, and hear each come back as it was."""
    await asked(remote, "send", "there", messages)
    back = sorted([await heard(remote, "data", "there") for _ in messages])
    sent = [message(*each) for each in messages]
    assert back == sorted([len(each), crc32(each)] for each in sent)


async def test_usrsctp_connects_and_messages_come_back(
    ends: Ends, remote: RemoteEnd, network: Network
) -> None:
    await from_usrsctp(ends, remote, network)
    await exchange(remote, [*((4, 500, each) for each in range(16)), (4, LONGEST, 16)])
    await asked(remote, "close", "there")
    assert await heard(remote, "lost", "there") == [None]
    assert await ends.accepted[0].is_lost() is None


async def test_the_kernel_sees_streams_and_payload_protocols(
    ends: Ends, remote: RemoteEnd, network: Network
) -> None:
    listening = ends.bare(network.left.addresses[0], streams=8)
    listening.socket.listen()
    connecting = asyncio.create_task(
        asked(remote, "connect", "there", *listening.socket.getsockname(), 9899, 10)
    )
    peer: Bare = await listening.accept()
    ends.keep(peer.socket)
    await connecting
    await heard(remote, "made", "there")
    await asked(remote, "send", "there", [(0, 20, 0), *((4, 500, each) for each in range(8))])
    taken = [await peer.take() for _ in range(9)]
    assert [each.stream for each in taken if len(each.octets) == 20] == [0]
    assert sorted(each.stream for each in taken if len(each.octets) == 500) == [*range(8)]
    assert {each.payload_protocol for each in taken} == {46}
    await asked(remote, "abort", "there")
    with pytest.raises(ConnectionResetError):
        await peer.take()
    await heard(remote, "lost", "there")


async def test_the_kernel_connects_and_messages_come_back(
    ends: Ends, remote: RemoteEnd, network: Network
) -> None:
    end, there = await from_kernel(ends, remote, network)
    sent = [BASE, *(message(4, 500, each) for each in range(16)), message(4, LONGEST, 16)]
    end.association.send(sent)
    assert sorted(await end.hears(len(sent))) == sorted(sent)
    end.association.close()
    assert await end.is_lost() is None
    assert await heard(remote, "lost", there) == [None]


async def test_an_abort_of_either_end_is_a_fault_at_the_other(
    ends: Ends, remote: RemoteEnd, network: Network
) -> None:
    end, there = await from_kernel(ends, remote, network)
    end.association.abort()
    (error,) = await heard(remote, "lost", there)
    assert error == "WireFault: the peer has aborted the association"
    end, there = await from_kernel(ends, remote, network)
    await asked(remote, "abort", there)
    assert isinstance(await end.is_lost(), WireFault)
    await heard(remote, "lost", there)


async def test_the_kernel_refuses_a_port_that_nobody_listens_on(
    remote: RemoteEnd, network: Network
) -> None:
    with pytest.raises(Exception, match="ConnectionRefusedError"):
        await asked(remote, "connect", "there", network.left.addresses[0], 4000, 9899, 10)


async def test_a_kernel_with_two_addresses_is_spoken_with_over_one(
    ends: Ends, remote: RemoteEnd, network: Network
) -> None:
    await from_usrsctp(ends, remote, network, *network.left.addresses)
    await exchange(remote, [(4, 500, each) for each in range(16)])
    await asked(remote, "close", "there")
    assert await heard(remote, "lost", "there") == [None]


async def test_nothing_is_lost_though_packets_are_whoever_connects(
    ends: Ends, remote: RemoteEnd, network: Network
) -> None:
    network.lose(0, 5)
    try:
        await from_usrsctp(ends, remote, network)
        await exchange(remote, [(4, 500, each) for each in range(250)])
        end, there = await from_kernel(ends, remote, network)
        sent = [message(4, 500, each) for each in range(250)]
        end.association.send(sent)
        assert sorted(await end.hears(len(sent))) == sorted(sent)
    finally:
        network.lose_no_more(0)
    await asked(remote, "abort", "there")
    await asked(remote, "abort", there)
