"""A batch is decided in order, each request on what the one before left."""

import pytest
from structlog.testing import capture_logs

from diameter_ocs.charging.case import Case
from diameter_ocs.charging.decisions import Decision
from diameter_ocs.handlers.catalogue import read_stored
from diameter_ocs.handlers.credit_control import Fault, fold
from diameter_ocs.store.memory import MemoryStore
from tests.handlers.virtual_time import play
from tests.store.scenario import NOW, OCTETS, furnish, initial, steps, terminate, update, want


@pytest.fixture
def cases() -> dict[int, Case]:
    """Two groups, as two INITIAL requests find them."""
    store = MemoryStore(read_stored)
    groups = play(furnish(store, [1, 2]))
    return {group: store.case(group, [initial(1), initial(2)], NOW) for group in groups}


def test_each_request_sees_what_the_one_before_left(cases: dict[int, Case]) -> None:
    group, _ = cases
    requests = initial(), update(), update(request_number=2), terminate()
    batch = [(group, request) for request in requests]
    folded = fold(steps(*batch), cases)
    assert all(isinstance(result, Decision) for result in folded.results)
    (change,) = folded.changes
    assert change.before is cases[group]
    assert change.after.version == change.before.version + 4
    assert [edr.number for edr in change.edrs] == [2, 3, 4, 5]
    assert not change.after.sessions


def test_groups_do_not_see_each_other(cases: dict[int, Case]) -> None:
    first, second = cases
    whole = (want(OCTETS),)
    folded = fold(
        steps((first, initial(1, usages=whole)), (second, initial(2, usages=whole))), cases
    )
    assert [change.before.group_id for change in folded.changes] == [first, second]
    for result in folded.results:
        assert isinstance(result, Decision)
        assert result.services[0].grant is not None
        assert result.services[0].grant.units == OCTETS


def test_what_changes_nothing_is_no_change(cases: dict[int, Case]) -> None:
    group, _ = cases
    folded = fold(steps((group, update(usages=(want(10),))), (group, initial(99))), cases)
    assert folded.changes == []
    assert len(folded.results) == 2


@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_cannot_be_decided_leaves_no_trace(cases: dict[int, Case], place: int) -> None:
    group, _ = cases
    good = [(group, initial()), (group, update())]
    bad = (group, initial(session=b"bad", request_number=-1))
    folded = fold(steps(*good[:place], bad, *good[place:]), cases)
    assert folded.results.pop(place) is Fault.UNABLE_TO_COMPLY
    assert [at for at, _ in folded.faults] == [group]
    folded.faults.clear()
    assert folded == fold(steps(*good), cases)


def test_a_fault_is_told_of_when_the_case_is_known_to_be_right(cases: dict[int, Case]) -> None:
    group, _ = cases
    with capture_logs() as told:
        folded = fold(steps((group, initial(session=b"bad", request_number=-1))), cases)
        assert told == []
        folded.tell()
    ((_, fault),) = folded.faults
    assert [(each["event"], each["group"], each["exc_info"]) for each in told] == [
        ("request not decided", group, fault)
    ]


def test_a_request_without_a_case_harms_no_other(cases: dict[int, Case]) -> None:
    group, _ = cases
    folded = fold(steps((10**9, initial()), (group, initial())), cases)
    assert folded.results[0] is Fault.UNABLE_TO_COMPLY
    assert isinstance(folded.results[1], Decision)
