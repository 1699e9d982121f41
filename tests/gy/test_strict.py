"""A strict peer gets the error of what was tolerated; tests/bad_input.py has them all."""

from collections.abc import Callable

import pytest

from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.errors import AvpNotAllowed, MissingAvp
from diameter_ocs.base.message import Message
from diameter_ocs.base.strict import TEXT_ERRORS, refusal
from diameter_ocs.gy.decode import Decoder
from diameter_ocs.gy.strict import ERRORS
from diameter_ocs.gy.tolerance import Tolerated
from tests.gy.conftest import NOON, SUBSCRIPTION

Write = Callable[..., Message]
INDICATOR = ("Multiple-Services-Indicator", 1)
RATING_GROUP = ("Rating-Group", 300)
SERVICE = "Multiple-Services-Credit-Control"
DIRECTION = ("Used-Service-Unit", [("CC-Input-Octets", 1)])


@pytest.fixture
def refused(
    write: Write, decoder: Decoder, dictionary: Dictionary
) -> Callable[..., tuple[type[Exception], bytes | None]]:
    """Decodes a request of an indicator and some members; returns what a strict peer gets."""

    def refused(*members: object) -> tuple[type[Exception], bytes | None]:
        message = write(SUBSCRIPTION, INDICATOR, *members)
        decoded = decoder.decode(message, "demo", NOON)
        error = refusal(message, decoded.tolerated, dictionary, ERRORS)
        return type(error), error.failed_avp

    return refused


Refused = Callable[..., tuple[type[Exception], bytes | None]]


def test_of_several_faults_what_is_missing_comes_first(
    refused: Refused, dictionary: Dictionary
) -> None:
    error, failed = refused(("Requested-Action", 0), (SERVICE, [RATING_GROUP, DIRECTION]))
    assert error is MissingAvp
    total = dictionary.encode("CC-Total-Octets", 0)
    assert failed == dictionary.encode(SERVICE, [("Used-Service-Unit", [total])])


def test_usage_without_total_is_looked_for_behind_usage_with_one(
    refused: Refused, dictionary: Dictionary
) -> None:
    whole = ("Used-Service-Unit", [("CC-Total-Octets", 1)])
    other = ("Used-Service-Unit", [("CC-Service-Specific-Units", 1)])
    error, _ = refused((SERVICE, [RATING_GROUP, whole, other, DIRECTION]))
    assert error is MissingAvp


def test_usage_at_command_level_beside_services_is_not_allowed(
    refused: Refused, dictionary: Dictionary
) -> None:
    usage = ("Used-Service-Unit", [("CC-Total-Octets", 1)])
    error, failed = refused((SERVICE, [RATING_GROUP]), usage)
    assert (error, failed) == (AvpNotAllowed, dictionary.encode(*usage))


@pytest.mark.parametrize("kind", [*Tolerated, *TEXT_ERRORS])
def test_every_kind_has_an_error(kind: Tolerated, write: Write, dictionary: Dictionary) -> None:
    units = [("CC-Input-Octets", 1), ("CC-Time", 1)]
    message = write(
        (SERVICE, [("Used-Service-Unit", units)]),
        (SERVICE, []),
        ("Used-Service-Unit", units),
        ("Requested-Action", 0),
        ("AoC-Request-Type", 1),
        ("Event-Timestamp", 0),
        ("User-Name", b"\xff\0"),
    )
    assert refusal(message, (kind,), dictionary, ERRORS).failed_avp
