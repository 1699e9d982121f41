"""What a connection knows of its peer's addresses is what its wire has told last."""

from ipaddress import ip_address

import pytest

from diameter_ocs.transport.association import PathState, Place
from diameter_ocs.transport.association import Wire as Kind
from diameter_ocs.transport.paths import Paths
from tests.base.wire import cer
from tests.transport.far import FarWire, new_node
from tests.transport.wires import send

FIRST, SECOND, THIRD = (Place(ip_address(f"10.9.{n}.2"), 3868) for n in (1, 2, 3))


def test_only_the_address_that_was_used_has_answered_at_the_beginning() -> None:
    states = Paths([FIRST, SECOND]).states
    assert list(states.items()) == [
        (FIRST, PathState.AVAILABLE),
        (SECOND, PathState.UNCONFIRMED),
    ]


@pytest.mark.parametrize(
    ("told", "known"),
    [
        (PathState.CONFIRMED, PathState.AVAILABLE),
        (PathState.AVAILABLE, PathState.AVAILABLE),
        (PathState.UNREACHABLE, PathState.UNREACHABLE),
        (PathState.POTENTIALLY_FAILED, PathState.POTENTIALLY_FAILED),
        (PathState.ADDED, PathState.UNCONFIRMED),
        (PathState.MADE_PRIMARY, PathState.UNCONFIRMED),
        (PathState.REMOVED, None),
    ],
)
def test_each_change_of_an_address_is_taken(told: PathState, known: PathState | None) -> None:
    paths = Paths([FIRST, SECOND])
    paths.note(SECOND, told)
    assert (paths.states.get(SECOND), paths.states[FIRST]) == (known, PathState.AVAILABLE)


def test_an_address_that_comes_later_is_known_from_then_on() -> None:
    paths = Paths([FIRST])
    paths.note(THIRD, PathState.ADDED)
    paths.note(THIRD, PathState.CONFIRMED)
    assert list(paths.states) == [FIRST, THIRD]
    assert paths.states[THIRD] is PathState.AVAILABLE


async def test_a_connection_tells_the_addresses_of_its_peer() -> None:
    node, _ = new_node()
    wire = FarWire(node.accept(), [FIRST, SECOND])
    wire.wire = Kind.SCTP
    wire.protocol.connection_made(wire)
    send(wire, cer())
    wire.protocol.path_changed(SECOND, PathState.CONFIRMED)
    wire.protocol.path_changed(FIRST, PathState.UNREACHABLE)
    (connection,) = node.opened
    assert list(connection.paths.items()) == [
        (FIRST, PathState.UNREACHABLE),
        (SECOND, PathState.AVAILABLE),
    ]
    assert not connection.is_called
    await node.stop([], 1)
