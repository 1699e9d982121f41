"""Two nodes that connect to each other are left with one connection, whatever the order of events.

Every order is tried: in each state of both nodes and their links all that can happen next happens.
"""

import pytest

from tests.base.nodes import World

STEPS_MAX = 200


def explore(dialling: str, faults: int) -> set[tuple[str, ...]]:
    """Returns how things have ended, by the names of the reasons at all ends."""
    seen = set[tuple[object, ...]]()
    endings = set[tuple[str, ...]]()
    ways: list[tuple[str, ...]] = [()]
    while ways:
        way = ways.pop()
        world = World(dialling, faults)
        for choice in way:
            world.do(choice)
        while True:
            assert world.open_links <= 1, way
            assert len(way) < STEPS_MAX, way
            signature = world.signature()
            if signature in seen:
                break
            seen.add(signature)
            choices = world.choices()
            if not choices:
                assert world.is_settled, way
                endings.add(tuple(str(end.reason) for link in world.links for end in link))
                break
            ways += [(*way, choice) for choice in choices[1:]]
            way = (*way, choices[0])
            world.do(choices[0])
    return endings


@pytest.mark.parametrize("dialling", ["ab", "a", "b"])
def test_one_connection_survives_whatever_the_order(dialling: str) -> None:
    endings = explore(dialling, faults=0)
    assert ("None", "None") in endings
    assert any("gave_way" in ending for ending in endings) is (dialling == "ab")


@pytest.mark.parametrize(
    ("dialling", "faults"),
    [("ab", 1), ("a", 1), ("b", 1), pytest.param("ab", 2, marks=pytest.mark.ci)],
)
def test_after_faults_there_is_one_connection_again(dialling: str, faults: int) -> None:
    """A connect that fails, or an end that is gone while the other one hears nothing of it."""
    endings = explore(dialling, faults)
    assert any("replaced" in ending for ending in endings)
