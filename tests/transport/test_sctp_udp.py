"""Two ends of SCTP over UDP, each in a process of its own, carry messages to each other."""

import errno
import sys
import threading
from collections.abc import Iterator
from itertools import count
from socket import AF_INET, AF_INET6, SOCK_DGRAM, socket
from zlib import crc32

import pytest

from diameter_ocs.transport import usrsctp
from diameter_ocs.transport.usrsctp import missing
from tests.transport.packets import (
    ABORT,
    DATA,
    INIT,
    SHUTDOWN,
    chunks,
    init,
    packet,
    parameters,
)
from tests.transport.udp_end import FAULTY, MESSAGE_OCTETS_MAX, message
from tests.transport.udp_ends import BarePeer, Failed, Forwarder, RemoteEnd

pytestmark = pytest.mark.usrsctp

PORT = 3868
names = (f"association {each}" for each in count(1))


@pytest.fixture(scope="module")
def server() -> Iterator[RemoteEnd]:
    """An end that sends every message back, and expects peers from one address alone."""
    end = RemoteEnd()
    end.start()
    assert end.ask("listen", PORT, True) == [f"127.0.0.1:{PORT}"]
    yield end
    end.ask("stop")
    assert end.end() == 0


@pytest.fixture(scope="module")
def client() -> Iterator[RemoteEnd]:
    """An end that expects nobody; whom it dials may answer."""
    end = RemoteEnd()
    end.start("127.0.0.1", "192.0.2.1")
    yield end
    end.ask("stop")
    assert end.end() == 0


def connect(client: RemoteEnd, server: RemoteEnd, udp_port: int | None = None) -> tuple[str, str]:
    """Open an association; return what it is called at each end."""
    name = next(names)
    client.ask("connect", name, "127.0.0.1", PORT, udp_port or server.port, 5)
    client.hear("made", name)
    return name, server.wait(lambda told: told[0] == "made")[1]


def exchange(client: RemoteEnd, name: str, *messages: tuple[int, int, int]) -> None:
    """Send messages and have each come back as it was."""
    client.ask("send", name, messages)
    back = sorted(client.hear("data", name) for _ in messages)
    sent = [message(*each) for each in messages]
    assert back == sorted([len(each), crc32(each)] for each in sent)


def end(client: RemoteEnd, name: str) -> None:
    client.ask("abort", name)
    assert client.hear("lost", name) == [None]


def test_messages_of_every_length_arrive_whole(client: RemoteEnd, server: RemoteEnd) -> None:
    name, _ = connect(client, server)
    for length in (20, 1400, 65_536, 200_000, MESSAGE_OCTETS_MAX):
        exchange(client, name, (4, length, length % 251))
    end(client, name)


def test_ends_know_where_they_are(client: RemoteEnd, server: RemoteEnd) -> None:
    name = next(names)
    client.ask("connect", name, "127.0.0.1", PORT, server.port, 5)
    assert client.hear("made", name) == [[f"127.0.0.1:{PORT}"], ["127.0.0.1"]]
    (place,), local = server.wait(lambda told: told[0] == "made")[2:]
    assert place.startswith("127.0.0.1:")
    assert local == ["127.0.0.1"]
    end(client, name)


def test_base_messages_take_stream_0_and_others_take_turns(
    client: RemoteEnd, server: RemoteEnd
) -> None:
    forwarder = Forwarder(server.port)
    name, _ = connect(client, server, forwarder.port)
    exchange(client, name, *[(0, 40, each) for each in range(4)])
    exchange(client, name, *[(4, 60, each) for each in range(16)])
    forwarder.close()
    end(client, name)
    assert {each.stream for each in forwarder.sent if len(each.octets) == 40} == {0}
    ours = [each.stream for each in forwarder.sent if len(each.octets) == 60]
    assert sorted(ours) == sorted([*range(8)] * 2)
    assert {each.ppid for each in forwarder.sent} == {46}


def test_no_packet_needs_to_be_cut_on_its_way(client: RemoteEnd, server: RemoteEnd) -> None:
    forwarder = Forwarder(server.port)
    name, _ = connect(client, server, forwarder.port)
    exchange(client, name, (4, 65_536, 1))
    forwarder.close()
    end(client, name)
    assert 1300 < forwarder.longest_octets <= 1400


def test_a_burst_waits_and_arrives_as_it_was_sent(client: RemoteEnd, server: RemoteEnd) -> None:
    name, there = connect(client, server)
    burst = [(4, 500, each % 256) for each in range(4000)]
    assert client.ask("send", name, burst) > 1_000_000
    client.hear("paused", name)
    sums = sorted(client.hear("data", name)[1] for _ in burst)
    assert sums == sorted(crc32(message(*each)) for each in burst)
    client.hear("resumed", name)
    assert client.ask("send", name, []) == 0
    end(client, name)
    server.hear("lost", there)


def test_a_message_over_the_limit_is_not_sent_and_all_goes_on(
    client: RemoteEnd, server: RemoteEnd
) -> None:
    name, _ = connect(client, server)
    client.ask("send", name, [(4, MESSAGE_OCTETS_MAX + 4, 1)])
    assert client.hear("not sent", name) == [MESSAGE_OCTETS_MAX + 4, errno.EMSGSIZE]
    exchange(client, name, (4, 100, 2))
    end(client, name)


def test_an_orderly_end_lets_what_waits_arrive(client: RemoteEnd, server: RemoteEnd) -> None:
    name, there = connect(client, server)
    client.ask("send", name, [(4, 500, each % 256) for each in range(300)])
    client.ask("close", name)
    assert client.hear("lost", name) == [None]
    assert server.hear("lost", there) == [None]
    for _ in range(300):
        server.hear("data", there)
    assert not client.has_heard("not sent", name)


def test_either_end_may_end_in_order(client: RemoteEnd, server: RemoteEnd) -> None:
    name, there = connect(client, server)
    server.ask("close", there)
    assert client.hear("lost", name) == [None]
    assert server.hear("lost", there) == [None]


@pytest.mark.parametrize("is_by_client", [True, False])
def test_an_abort_is_a_fault_at_the_other_end(
    client: RemoteEnd, server: RemoteEnd, is_by_client: bool
) -> None:
    name, there = connect(client, server)
    ends = [(client, name), (server, there)]
    (near, near_name), (far, far_name) = ends if is_by_client else reversed(ends)
    near.ask("abort", near_name)
    assert near.hear("lost", near_name) == [None]
    (error,) = far.hear("lost", far_name)
    assert error == "WireFault: the peer has aborted the association"


def test_calls_after_the_end_do_nothing(client: RemoteEnd, server: RemoteEnd) -> None:
    name, there = connect(client, server)
    client.ask("abort", name)
    assert client.ask("misuse", name)
    server.hear("lost", there)
    assert server.ask("misuse", there)
    name, there = connect(client, server)
    client.ask("close", name)
    server.hear("lost", there)
    client.hear("lost", name)
    assert client.ask("misuse", name)


def test_nobody_there_is_given_up_in_time(client: RemoteEnd) -> None:
    with socket(AF_INET, SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        port = mute.getsockname()[1]
        with pytest.raises(
            Failed, match=rf"TimeoutError: .*:3868 does not answer over SCTP at UDP port {port}: "
        ):
            client.ask("connect", "nobody", "127.0.0.1", PORT, port, 0.2)
        (kind, value), *others = chunks(mute.recv(65536))
    assert (kind, others) == (INIT, [])
    assert value[8:10] == (8).to_bytes(2), "it asks for as many streams as it was told to"
    assert parameters(value) == {}, "it offers no extension"


def test_who_refuses_is_not_waited_for(client: RemoteEnd) -> None:
    with socket(AF_INET, SOCK_DGRAM) as refusing:
        refusing.bind(("127.0.0.1", 0))
        refusing.settimeout(5)

        def refuse() -> None:
            octets, sender = refusing.recvfrom(65536)
            source, tag = int.from_bytes(octets[:2]), int.from_bytes(octets[16:20])
            refusing.sendto(packet(PORT, source, tag, ABORT), sender)

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(
            Failed, match=r"ConnectionRefusedError: .*cannot connect to .* refuses associations"
        ):
            client.ask("connect", "no", "127.0.0.1", PORT, refusing.getsockname()[1], 20)
        thread.join()


def test_a_cancelled_connect_leaves_nothing(client: RemoteEnd, server: RemoteEnd) -> None:
    client.ask("connect_and_cancel", "cancelled", "127.0.0.1", PORT, server.port)
    assert not client.has_heard("made", "cancelled")
    end(client, connect(client, server)[0])


def test_an_ip_of_another_version_cannot_be_reached(client: RemoteEnd) -> None:
    with pytest.raises(Failed, match="::1 cannot be reached from 127"):
        client.ask("connect", "six", "::1", PORT, 9899, 5)


def test_a_listening_that_is_closed_takes_nobody_but_lets_others_go_on(
    client: RemoteEnd, server: RemoteEnd
) -> None:
    server.ask("listen", 3999, True)
    client.ask("connect", "late", "127.0.0.1", 3999, server.port, 5)
    server.ask("stop_listening", 3999)
    with pytest.raises(Failed, match="TimeoutError"):
        client.ask("connect", "later", "127.0.0.1", 3999, server.port, 0.2)
    exchange(client, "late", (4, 100, 1))
    server.wait(lambda told: told[0] == "made")
    end(client, "late")


def test_a_port_that_is_taken_cannot_be_listened_on(server: RemoteEnd) -> None:
    with pytest.raises(
        Failed, match="cannot listen on SCTP port 3868 over SCTP: Address already in use"
    ):
        server.ask("listen", PORT, True)


def test_a_process_has_one_stack(client: RemoteEnd) -> None:
    with pytest.raises(Failed, match="RuntimeError: libusrsctp can be started once"):
        client.ask("start_again")


def test_packets_of_strangers_are_dropped_and_counted(client: RemoteEnd, server: RemoteEnd) -> None:
    before = server.ask("dropped", "stranger")
    with socket(AF_INET, SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        for _ in range(5):
            stranger.sendto(init(40000, PORT, 1), ("127.0.0.1", server.port))
        end(client, connect(client, server)[0])  # by then they have come, too
        stranger.setblocking(False)
        with pytest.raises(BlockingIOError):
            stranger.recv(1)
    assert server.ask("dropped", "stranger") == before + 5


def test_faults_of_ours_cost_a_packet_and_are_logged(other: RemoteEnd) -> None:
    other.start()
    other.ask("listen", PORT, True)
    with socket(AF_INET, SOCK_DGRAM) as faulty:
        faulty.bind((str(FAULTY), 0))
        faulty.sendto(init(40000, PORT, 1), ("127.0.0.1", other.port))
        other.ask("connect", "there", "127.0.0.1", PORT, other.port, 5)
    other.ask("fail_to_send")
    exchange(other, "there", (4, 100, 1))
    assert other.ask("told_faults") == ["packet not taken", "packet not sent"]
    other.ask("stop")


def test_a_stack_that_is_closed_gives_up_who_connects(other: RemoteEnd, mute: socket) -> None:
    other.start()
    with pytest.raises(Failed, match=r"ConnectionAbortedError: .*: the attempt was given up$"):
        other.ask("connect_and_stop", "127.0.0.1", PORT, mute.getsockname()[1])


@pytest.fixture
def mute() -> Iterator[socket]:
    """A UDP port where nobody answers."""
    with socket(AF_INET, SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.1", 0))
        yield mute


def test_a_peer_is_followed_when_its_udp_port_changes(client: RemoteEnd, server: RemoteEnd) -> None:
    forwarder = Forwarder(server.port)
    name, there = connect(client, server, forwarder.port)
    exchange(client, name, (4, 100, 1))
    forwarder.rebind()
    exchange(client, name, *[(4, 1000, each) for each in range(50)])
    assert not server.has_heard("lost", there)
    forwarder.close()
    end(client, name)
    assert set(forwarder.outer_ports) == forwarder.answered_at


def test_an_init_in_the_name_of_a_peer_does_not_move_it(
    client: RemoteEnd, server: RemoteEnd
) -> None:
    forwarder = Forwarder(server.port)
    name = next(names)
    client.ask("connect", name, "127.0.0.1", PORT, forwarder.port, 5)
    client.hear("made", name)
    _, there, (place,), _ = server.wait(lambda told: told[0] == "made")
    with socket(AF_INET, SOCK_DGRAM) as liar:
        liar.bind(("127.0.0.1", 0))
        liar.settimeout(5)
        port = int(place.rpartition(":")[2])
        liar.sendto(init(port, PORT, 77), ("127.0.0.1", server.port))
        assert liar.recv(65536)
    exchange(client, name, (4, 100, 1))
    assert not server.has_heard("lost", there)
    forwarder.close()
    end(client, name)


@pytest.fixture
def bare(server: RemoteEnd) -> Iterator[BarePeer]:
    peer = BarePeer(PORT, server.port)
    yield peer
    peer.udp.close()


def test_a_peer_that_is_started_anew_is_lost(server: RemoteEnd, bare: BarePeer) -> None:
    bare.open(1)
    _, there, *_ = server.wait(lambda told: told[0] == "made")
    bare.open(2)
    (error,) = server.hear("lost", there)
    assert error == "WireFault: the peer was started anew"
    bare.hear(ABORT)


def test_peers_behind_one_nat_do_not_disturb_each_other(server: RemoteEnd, bare: BarePeer) -> None:
    """They have one address and one SCTP port, and are told apart by their UDP ports."""
    neighbour = BarePeer(PORT, server.port)
    names = []
    for tag, each in enumerate((bare, neighbour), 1):
        each.open(tag)
        names.append(server.wait(lambda told: told[0] == "made")[1])
    for each, there in zip((bare, neighbour), names, strict=True):
        server.ask("send", there, [(4, 100, 1)])
        assert each.hear(DATA)
        assert not server.has_heard("lost", there)
    for there in names:
        server.ask("abort", there)
    neighbour.udp.close()


def test_an_orderly_end_is_bounded(server: RemoteEnd, bare: BarePeer) -> None:
    """The peer answers heartbeats, so that the association itself is never given up."""
    bare.open(1)
    _, there, *_ = server.wait(lambda told: told[0] == "made")
    server.ask("give_up_after", 0.5)
    server.ask("close", there)
    bare.hear(SHUTDOWN)
    bare.hear(ABORT)
    assert server.hear("lost", there) == [None]
    server.ask("give_up_after", 5)


def test_associations_that_are_over_before_they_were_seen_harm_nobody(
    client: RemoteEnd, server: RemoteEnd, bare: BarePeer
) -> None:
    """The library tells of none of them, and takes no more once too many wait."""
    _, there = connect(client, server)
    for tag in range(1, 401):
        bare.open(tag, beside=bytes([ABORT, 0, 0, 4]))
    name, next_there = connect(client, server)
    assert int(next_there.split()[1]) == int(there.split()[1]) + 1, "nobody was told of them"
    end(client, name)


def test_an_association_that_was_up_and_is_over_before_it_was_seen_is_nobody_s(
    client: RemoteEnd, server: RemoteEnd, bare: BarePeer
) -> None:
    _, there = connect(client, server)
    packets = [bare.begin(1).hex(), bare.packet(ABORT).hex()]
    server.ask("feed", packets, bare.udp.getsockname()[1])
    name, next_there = connect(client, server)
    assert int(next_there.split()[1]) == int(there.split()[1]) + 1
    end(client, name)


@pytest.fixture
def other() -> Iterator[RemoteEnd]:
    other = RemoteEnd()
    yield other
    other.end()


def test_the_silent_are_given_up_by_the_protocol_too(other: RemoteEnd) -> None:
    """Somebody who was there and is killed, and a port of a server that nobody listens on."""
    other.start(is_quick=True)
    other.ask("listen", PORT, True)
    peer = BarePeer(PORT, other.port)
    peer.open(1)
    _, there, *_ = other.wait(lambda told: told[0] == "made")
    peer.udp.close()
    (error,) = other.hear("lost", there)
    assert error.startswith("WireFault: the peer is not heard any more")
    with pytest.raises(
        Failed, match=r"TimeoutError: .*cannot connect to .*: the peer is not heard"
    ):
        other.ask("connect", "nobody", "127.0.0.1", PORT + 1, other.port, 20)
    other.ask("stop")


def test_the_clock_of_the_library_rests_while_there_is_no_association(
    other: RemoteEnd, server: RemoteEnd
) -> None:
    other.start()
    other.ask("rest_after", 0.05)
    other.ask("rests", True)
    name, there = connect(other, server)
    other.ask("rests", False)
    end(other, name)
    other.ask("rests", True)
    server.hear("lost", there)
    exchange(other, connect(other, server)[0], (4, 100, 1))
    other.ask("stop")


def test_a_stack_that_is_closed_ends_everything(other: RemoteEnd, server: RemoteEnd) -> None:
    other.start()
    other.ask("listen", PORT, True)
    name, there = connect(other, server)
    other.ask("stop")
    assert other.hear("lost", name) == [None]
    (error,) = server.hear("lost", there)
    assert "the peer has aborted" in error
    for request in (["listen", 4000, True], ["connect", "late", "127.0.0.1", PORT, 9899, 1]):
        with pytest.raises(Failed, match="SCTP over UDP is closed"):
            other.ask(*request)
    assert other.ask("misuse", name)
    with pytest.raises(Failed, match="can be started once"):
        other.ask("start_again")
    assert other.end() == 0


@pytest.mark.parametrize("host", ["::1", "::"])
def test_ipv6_carries_it_too(other: RemoteEnd, host: str, client: RemoteEnd) -> None:
    with socket(AF_INET6, SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("there is no IPv6 here")
    other.start(host, "::1", "127.0.0.1")
    other.ask("listen", PORT, True)
    # A stack may connect with itself.
    other.ask("connect", "six", "::1", PORT, other.port, 5)
    assert other.hear("made", "six") == [[f"[::1]:{PORT}"], ["::1"]]
    exchange(other, "six", (4, 5000, 6))
    if host == "::":
        client.ask("connect", "four", "127.0.0.1", PORT, other.port, 5)
        exchange(client, "four", (4, 5000, 4))
        end(client, "four")
    other.ask("stop")


def test_what_is_missing_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usrsctp, "LIBRARY", "libusrsctp.so.none")
    assert (missing() or "").endswith("install it, on Debian libusrsctp2")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "Linux only" in (missing() or "")
