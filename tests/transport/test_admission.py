"""The newest connection is let in for the oldest, and a gateway's place is not a stranger's."""

from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from diameter_ocs.observability import create_metrics
from diameter_ocs.transport.admission import Admission, Places
from diameter_ocs.transport.peers import Address

GATEWAYS = ip_network("10.0.0.0/8")
NEAR, NEXT = ip_address("10.0.0.1"), ip_address("10.0.0.2")
FAR, FARTHER = ip_address("192.0.2.1"), ip_address("192.0.2.2")


@dataclass(eq=False)
class Half:
    """A connection that remembers whether it had to go."""

    is_gone: bool = False

    def make_way(self) -> None:
        self.is_gone = True


class Door:
    """An admission, and what it let in."""

    def __init__(self, connections_max: int, half_open_max: int) -> None:
        self.metrics = create_metrics()
        self.admission = Admission(
            Places(connections_max, half_open_max),
            lambda address: address in GATEWAYS,
            self.metrics,
        )

    def enter(self, address: Address) -> Half | None:
        """Returns the connection that was let in."""
        half = Half()
        return half if self.admission.admit(half, address) else None

    def crowd(self, address: Address, count: int) -> list[Half]:
        """Returns connections that were all let in."""
        return [half for half in (self.enter(address) for _ in range(count)) if half is not None]


def test_of_half_open_connections_there_are_never_more_than_so_many() -> None:
    door = Door(100, 10)
    crowd = [*door.crowd(FAR, 50), *door.crowd(FARTHER, 50), *door.crowd(NEAR, 50)]
    assert sum(not each.is_gone for each in crowd) == 10
    assert door.metrics.registry.get_sample_value("ocs_connections_half_open") == 10


def test_an_address_has_half_of_the_places_and_its_newest_connections_have_them() -> None:
    door = Door(100, 10)
    crowd = door.crowd(NEAR, 50)
    assert [each.is_gone for each in crowd] == [True] * 45 + [False] * 5


def test_a_network_of_ipv6_counts_as_one_address() -> None:
    door = Door(100, 10)
    crowd = [door.enter(ip_address(f"2001:db8::{number:x}")) for number in range(50)]
    assert sum(each is not None and not each.is_gone for each in crowd) == 5


def test_a_stranger_makes_way_for_a_gateway_even_from_a_smaller_crowd() -> None:
    door = Door(100, 10)
    gateways = [*door.crowd(NEAR, 4), *door.crowd(NEXT, 4)]
    strangers = door.crowd(FAR, 2)
    assert door.enter(ip_address("10.0.0.3")) is not None
    assert [each.is_gone for each in strangers] == [True, False]
    assert not any(each.is_gone for each in gateways)


def test_a_stranger_takes_the_place_of_a_stranger_only() -> None:
    door = Door(10, 10)
    gateways = [*door.crowd(NEAR, 5), *door.crowd(NEXT, 4)]
    (stranger,) = door.crowd(FAR, 1)
    assert door.enter(FARTHER) is not None
    assert stranger.is_gone
    assert not any(each.is_gone for each in gateways)
    full = Door(2, 2)
    full.crowd(NEAR, 1)
    full.crowd(NEXT, 1)
    assert full.enter(FAR) is None


def test_the_largest_crowd_makes_way() -> None:
    door = Door(10, 10)
    few, many = door.crowd(NEXT, 4), door.crowd(NEAR, 5)
    door.crowd(ip_address("10.0.0.3"), 1)
    door.crowd(ip_address("10.0.0.4"), 1)
    assert not any(each.is_gone for each in few)
    assert [each.is_gone for each in many] == [True, *[False] * 4]


def test_an_open_connection_never_makes_way() -> None:
    door = Door(2, 2)
    opened = []
    for address in (NEAR, NEXT):
        half = door.enter(address)
        assert half is not None
        door.admission.open(half)
        opened.append(half)
    assert door.enter(NEAR) is None
    assert not any(each.is_gone for each in opened)


def test_who_left_makes_room() -> None:
    door = Door(1, 1)
    first = door.enter(NEAR)
    assert first is not None
    door.admission.open(first)
    door.admission.leave(first)
    second = door.enter(NEAR)
    assert second is not None
    third = door.enter(NEAR)
    assert third is not None
    door.admission.leave(second)
    assert second.is_gone
    assert door.admission.connections == 1
