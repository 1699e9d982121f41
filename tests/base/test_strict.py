"""A strict peer gets the error of text that is tolerated of others."""

from typing import Any

import pytest

from diameter_ocs.base.errors import InvalidAvpValue
from diameter_ocs.base.message import Message, decode, request
from diameter_ocs.base.strict import TEXT_ERRORS, refusal
from diameter_ocs.base.tolerance import Tolerated
from tests.base.wire import load_dictionary

DICTIONARY = load_dictionary()
SESSION_ID = ("Session-Id", "x")
DATA = ("Subscription-Id-Data", b"1\0")
IN_A_GROUP = ("Subscription-Id", [("Subscription-Id-Type", 0), DATA])
OCTETS = ("User-Name", b"\xff")


def message(*members: tuple[str, Any]) -> Message:
    """Return a request of these members."""
    return decode(request(DICTIONARY, "Credit-Control", 1, 2, members), DICTIONARY)


@pytest.mark.parametrize(
    ("kind", "members", "shown"),
    [
        (Tolerated.ODD_SESSION_ID, [SESSION_ID], SESSION_ID),
        (Tolerated.NUL_IN_TEXT, [("User-Name", "Zürich"), IN_A_GROUP], DATA),
        (Tolerated.OCTETS_IN_TEXT, [OCTETS], OCTETS),
    ],
)
def test_odd_text_is_a_value_that_cannot_be(
    kind: Tolerated, members: list[tuple[str, Any]], shown: tuple[str, bytes]
) -> None:
    error = refusal(message(*members), (kind,), DICTIONARY, TEXT_ERRORS)
    assert (type(error), error.failed_avp) == (InvalidAvpValue, DICTIONARY.encode(*shown))


def test_of_several_kinds_the_first_of_the_table_is_told() -> None:
    odd = message(SESSION_ID, OCTETS)
    kinds = (Tolerated.OCTETS_IN_TEXT, Tolerated.ODD_SESSION_ID)
    assert refusal(odd, kinds, DICTIONARY, TEXT_ERRORS).failed_avp == DICTIONARY.encode(*SESSION_ID)
