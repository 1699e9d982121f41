"""The networks of these tests: both paths carry, and each harm is seen and can be mended."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.sctp.network import NAMESPACES, Host, Network, made

SOON = 0.3
LONG = 5.0


@contextmanager
def udp(host: Host, address: str) -> Iterator[socket.socket]:
    """Open a socket for datagrams on a host."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with host.entered(), socket.socket(family, socket.SOCK_DGRAM) as opened:
        opened.bind((address, 0))
        yield opened


def arrives(network: Network, source: str, target: str, seconds: float = LONG) -> bool:
    """Say whether a datagram comes from the left host's address to the right one's."""
    with udp(network.right, target) as there, udp(network.left, source) as here:
        there.settimeout(seconds)
        try:
            here.sendto(b"hello", there.getsockname())
            return there.recv(100) == b"hello"
        except OSError:
            return False


def passes(network: Network, path: int, seconds: float = LONG) -> bool:
    """Say whether a path carries."""
    left, right = network.left, network.right
    return arrives(network, left.addresses[path], right.addresses[path], seconds)


def test_each_path_carries_both_kinds_of_addresses(network: Network) -> None:
    left, right = network.left, network.right
    pairs = [*zip(left.addresses, right.addresses, strict=True)]
    pairs += zip(left.addresses_6, right.addresses_6, strict=True)
    assert len(pairs) == 4
    assert all(arrives(network, source, target) for source, target in pairs)


def test_a_path_that_loses_everything_leaves_the_other(network: Network) -> None:
    network.lose(0)
    assert not passes(network, 0, SOON)
    assert passes(network, 1)
    network.lose_no_more(0)
    assert passes(network, 0)


def test_a_link_that_is_down_comes_back_with_its_addresses(network: Network) -> None:
    network.take_down(1)
    assert not passes(network, 1, SOON)
    assert passes(network, 0)
    network.bring_up(1)
    limit = time.monotonic() + LONG
    left, right = network.left.addresses_6[1], network.right.addresses_6[1]
    while not arrives(network, left, right, SOON):
        assert time.monotonic() < limit
    assert passes(network, 1)


def test_a_value_of_a_host_is_not_the_other_one_s(network: Network) -> None:
    before = network.right.get("net/sctp/rto_min")
    network.left.set("net/sctp/rto_min", 123)
    assert network.left.get("net/sctp/rto_min") == "123"
    assert network.right.get("net/sctp/rto_min") == before != "123"


def test_packets_are_cut_where_that_was_asked(network: Network) -> None:
    network.segment_in_software()
    shown = network.right.run("ethtool", "-k", "path1")
    assert "generic-segmentation-offload: off" in shown
    assert "tx-sctp-segmentation: off" in shown


def test_nothing_is_left_of_a_network() -> None:
    with made(paths=1) as network:
        names = {network.left.name, network.right.name}
        assert names <= {file.name for file in NAMESPACES.iterdir()}
    assert not names & {file.name for file in NAMESPACES.iterdir()}


def test_nothing_is_left_of_a_network_whose_test_failed() -> None:
    with pytest.raises(RuntimeError), made(paths=1) as network:
        raise RuntimeError
    assert not (NAMESPACES / network.left.name).exists()


def test_the_kernel_has_sctp(network: Network) -> None:
    kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
    with network.right.entered(), socket.socket(*kind) as there:
        there.bind((network.right.addresses[0], 0))
        there.listen()
        with network.left.entered(), socket.socket(*kind) as here:
            here.settimeout(LONG)
            here.connect(there.getsockname())
            here.sendall(b"whole")
            taken, _ = there.accept()
            with taken:
                taken.settimeout(LONG)
                assert taken.recv(100) == b"whole"
