"""A packet of SCTP over UDP comes in only where it may, and answers go where its peer is now."""

from ipaddress import ip_address

import pytest

from diameter_ocs.transport.association import Address, address_of
from diameter_ocs.transport.udp_paths import Drop, Path, Paths, Sender
from tests.transport.packets import (
    ABORT,
    COOKIE_ACK,
    COOKIE_ECHO,
    DATA,
    INIT,
    init,
    init_ack,
    packet,
)

PEER = "192.0.2.1"
THERE, HERE = 40000, 3868
BEFORE: Sender = (PEER, 9899)
AFTER: Sender = (PEER, 61000)
OURS, THEIRS = 0x11223344, 0x55667788


class Table(Paths):
    """A table that knows one peer, with what it has told."""

    def __init__(self, paths_max: int = 4) -> None:
        super().__init__(self.expects, self.note, paths_max)
        self.moves: list[tuple[int, Sender, Sender]] = []
        self.listen(HERE)

    def expects(self, address: Address) -> bool:
        return address == ip_address(PEER)

    def note(self, path: Path, sender: Sender) -> None:
        self.moves.append((path.number, path.udp, sender))


def greet(
    paths: Paths,
    sender: Sender = BEFORE,
    there: int = THERE,
    tag: int = OURS,
    is_held: bool = True,
) -> int:
    """A peer opens an association; return the number of its path."""
    number = paths.incoming(init(there, HERE, THEIRS), sender)
    assert not isinstance(number, Drop)
    assert paths.outgoing(number, init_ack(HERE, there, THEIRS, tag)) == sender
    assert paths.incoming(packet(there, HERE, tag, COOKIE_ECHO), sender) == number
    assert paths[number].tag != tag, "the library has not taken it yet"
    assert paths.outgoing(number, packet(HERE, there, THEIRS, COOKIE_ACK)) == sender
    if is_held:
        assert paths.hold(number) is not None
    return number


def place(paths: Paths, number: int) -> Sender | None:
    """Return where a packet of an association goes now."""
    return paths.outgoing(number, packet(HERE, THERE, THEIRS, DATA))


def test_an_association_that_a_peer_opens_has_a_path() -> None:
    paths = Table()
    number = greet(paths)
    assert paths[number].tag == OURS
    assert place(paths, number) == BEFORE


def test_an_association_that_is_dialled_has_a_path_whoever_is_expected() -> None:
    paths = Table()
    udp = "198.51.100.7", 9899
    path, port = paths.dial(udp, THERE)
    assert paths.outgoing(path.number, init(port, THERE, OURS)) == udp
    assert paths.incoming(init_ack(THERE, port, OURS, THEIRS), udp) == path.number
    assert not paths.moves
    paths.release(path)
    assert paths.incoming(packet(THERE, port, OURS, DATA), udp) is Drop.STRANGER


def test_no_two_dialled_associations_share_a_port() -> None:
    paths = Table(100)
    assert len({paths.dial(BEFORE, THERE)[1] for _ in range(100)}) == 100
    with pytest.raises(OSError, match="every path is in use"):
        paths.dial(BEFORE, THERE)


@pytest.mark.parametrize(
    ("octets", "sender", "drop"),
    [
        (init(THERE, HERE, THEIRS), ("192.0.2.2", 9899), Drop.STRANGER),
        (init(THERE, HERE, THEIRS), ("::ffff:192.0.2.2", 9899, 0, 0), Drop.STRANGER),
        (packet(THERE, HERE, OURS, DATA), ("192.0.2.2", 9899), Drop.STRANGER),
        (init(THERE, HERE + 1, THEIRS), BEFORE, Drop.UNKNOWN),
        (packet(THERE, HERE, OURS, DATA), BEFORE, Drop.UNKNOWN),
        (packet(THERE, HERE, OURS, COOKIE_ECHO), BEFORE, Drop.UNKNOWN),
        (packet(THERE, HERE, 0, ABORT), BEFORE, Drop.UNKNOWN),
        (packet(THERE, HERE, OURS, INIT, bytes(16)), BEFORE, Drop.UNKNOWN),
        (b"", BEFORE, Drop.MALFORMED),
        (init(THERE, HERE, THEIRS)[:15], BEFORE, Drop.MALFORMED),
    ],
)
def test_what_belongs_to_nothing_is_dropped(octets: bytes, sender: Sender, drop: Drop) -> None:
    paths = Table()
    assert paths.incoming(octets, sender) is drop
    assert not len(paths)


def test_no_init_comes_in_once_nobody_listens() -> None:
    paths = Table()
    paths.stop_listening(HERE)
    assert paths.incoming(init(THERE, HERE, THEIRS), BEFORE) is Drop.UNKNOWN


def test_ipv4_within_ipv6_is_ipv4() -> None:
    paths = Table()
    assert paths.incoming(init(THERE, HERE, THEIRS), (f"::ffff:{PEER}", 9899, 0, 0)) == 1
    assert address_of("fe80::1%eth0") == ip_address("fe80::1")


def test_the_udp_port_is_followed_when_the_tag_is_right() -> None:
    paths = Table()
    number = greet(paths)
    assert paths.incoming(packet(THERE, HERE, OURS, DATA), AFTER) == number
    assert place(paths, number) == AFTER
    assert paths.moves == [(number, BEFORE, AFTER)]


@pytest.mark.parametrize("tag", [0, OURS ^ 1, THEIRS])
@pytest.mark.parametrize("chunk", [DATA, COOKIE_ECHO, ABORT])
def test_the_udp_port_is_not_followed_when_the_tag_is_wrong(tag: int, chunk: int) -> None:
    paths = Table()
    number = greet(paths)
    assert paths.incoming(packet(THERE, HERE, tag, chunk), AFTER) is Drop.UNKNOWN
    assert paths.incoming(packet(THERE, HERE, tag, chunk), BEFORE) == number
    assert place(paths, number) == BEFORE
    assert not paths.moves


@pytest.mark.parametrize("there", [THERE, THERE + 1])
def test_a_tag_is_right_only_between_the_ports_of_its_association(there: int) -> None:
    paths = Table()
    number = greet(paths)
    is_its_own = there == THERE
    number_of = paths.incoming(packet(there, HERE, OURS, DATA), AFTER)
    assert number_of == (number if is_its_own else Drop.UNKNOWN)
    assert paths.incoming(packet(THERE, HERE, OURS, DATA), ("192.0.2.2", 9899)) is Drop.STRANGER


def test_peers_behind_one_nat_may_use_the_same_sctp_port() -> None:
    paths = Table()
    first, second = greet(paths), greet(paths, AFTER, tag=OURS + 1)
    assert first != second
    assert (place(paths, first), place(paths, second)) == (BEFORE, AFTER)
    assert paths.incoming(packet(THERE, HERE, OURS, DATA), BEFORE) == first
    assert paths.incoming(packet(THERE, HERE, OURS + 1, DATA), AFTER) == second
    assert not paths.moves


def test_a_peer_may_be_moved_to_where_another_one_was() -> None:
    paths = Table()
    first, second = greet(paths), greet(paths, AFTER, tag=OURS + 1)
    elsewhere = PEER, 61001
    assert paths.incoming(packet(THERE, HERE, OURS, DATA), AFTER) == first
    assert paths.incoming(packet(THERE, HERE, 0, ABORT), AFTER) == first
    assert paths.incoming(packet(THERE, HERE, 0, ABORT), BEFORE) is Drop.UNKNOWN
    assert paths.incoming(packet(THERE, HERE, OURS + 1, DATA), elsewhere) == second
    assert (place(paths, first), place(paths, second)) == (AFTER, elsewhere)
    assert paths.incoming(packet(THERE, HERE, 0, ABORT), AFTER) == first
    paths.release(paths[second])
    assert paths.incoming(packet(THERE, HERE, OURS, DATA), AFTER) == first


def test_the_init_of_nobody_takes_nothing_away() -> None:
    paths = Table()
    number = greet(paths)
    other = paths.incoming(init(THERE, HERE, THEIRS + 1), AFTER)
    assert isinstance(other, int)
    assert other != number
    assert paths.outgoing(other, init_ack(HERE, THERE, THEIRS + 1, OURS + 1)) == AFTER
    assert place(paths, number) == BEFORE
    assert paths[number].tag == OURS


def test_a_peer_that_was_started_anew_is_known_by_its_new_tag() -> None:
    paths = Table()
    number = greet(paths)
    assert greet(paths, tag=OURS + 1) == number
    assert paths.incoming(packet(THERE, HERE, OURS, DATA), AFTER) is Drop.UNKNOWN
    assert paths.incoming(packet(THERE, HERE, OURS + 1, DATA), AFTER) == number
    assert place(paths, number) == AFTER


def test_a_cookie_that_is_not_taken_changes_nothing_later() -> None:
    paths = Table()
    number = greet(paths)
    paths.incoming(packet(THERE, HERE, OURS + 1, COOKIE_ECHO), BEFORE)
    paths.incoming(packet(THERE, HERE, OURS, DATA), BEFORE)
    assert paths.outgoing(number, packet(HERE, THERE, THEIRS, COOKIE_ACK)) == BEFORE
    assert paths[number].tag == OURS


def test_a_tag_is_forgotten_with_its_association() -> None:
    paths = Table()
    number = greet(paths)
    paths.release(paths[number])
    assert paths.incoming(packet(THERE, HERE, OURS, DATA), AFTER) is Drop.UNKNOWN
    assert greet(paths, AFTER, tag=OURS + 1) != number


def test_a_path_that_is_given_away_is_not_where_it_was() -> None:
    paths = Table(paths_max=1)
    number = greet(paths)
    paths.release(paths[number])
    assert greet(paths, AFTER, tag=OURS + 1) == number
    assert place(paths, number) == AFTER
    assert paths.incoming(packet(THERE, HERE, OURS, DATA), BEFORE) is Drop.UNKNOWN
    assert not paths.moves


def test_an_association_without_a_cookie_is_nobodys() -> None:
    paths = Table()
    number = paths.incoming(init(THERE, HERE, THEIRS), BEFORE)
    assert isinstance(number, int)
    paths.outgoing(number, init_ack(HERE, THERE, THEIRS, OURS))
    assert paths.hold(number) is None
    assert paths.hold(number + 1) is None


def test_a_path_that_nobody_held_takes_its_tag_with_it() -> None:
    paths = Table(paths_max=1)
    greet(paths, is_held=False)
    assert paths.incoming(init(THERE + 1, HERE, THEIRS), BEFORE) == 1
    assert paths[1].tag is None
    assert paths.incoming(packet(THERE, HERE, OURS, DATA), BEFORE) is Drop.UNKNOWN


def test_the_table_is_bounded_and_the_longest_unused_path_is_given_away() -> None:
    paths = Table(paths_max=3)
    first, second, third = (greet(paths, there=THERE + each) for each in range(3))
    assert paths.incoming(init(THERE + 3, HERE, THEIRS), BEFORE) is Drop.FULL
    paths.release(paths[third])
    paths.release(paths[first])
    assert paths.incoming(init(THERE + 3, HERE, THEIRS), BEFORE) == third
    assert paths.incoming(init(THERE + 4, HERE, THEIRS), BEFORE) == first
    assert paths[second].tag == OURS
    assert paths[first].tag is None
    assert len(paths) == 3


def test_inits_never_push_an_association_out() -> None:
    paths = Table(paths_max=3)
    number = greet(paths)
    for each in range(1000):
        assert paths.incoming(init(each, HERE, THEIRS), AFTER) in (2, 3)
    assert place(paths, number) == BEFORE


def test_two_associations_of_a_path_leave_it_one_after_the_other() -> None:
    """The first one is ending when the peer comes again."""
    paths = Table()
    number = greet(paths)
    assert greet(paths, tag=OURS + 1) == number
    paths.release(paths[number])
    assert paths[number].tag == OURS + 1
    paths.release(paths[number])
    assert paths[number].tag is None


def test_a_path_that_nobody_has_leads_nowhere() -> None:
    assert Table().outgoing(1, packet(HERE, THERE, THEIRS, DATA)) is None


@pytest.mark.parametrize("reason", Drop)
def test_of_each_packet_that_is_dropped_is_said_why(reason: Drop) -> None:
    assert " " in reason.meaning
