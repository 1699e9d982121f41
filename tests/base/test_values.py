"""The values of single AVPs, and what is said of one that cannot be."""

from typing import Any

import pytest

from diameter_ocs.base.errors import InvalidAvpValue
from diameter_ocs.base.message import Message, decode, request
from diameter_ocs.base.values import check_application, invalid
from tests.base.wire import load_dictionary

DICTIONARY = load_dictionary()


def message(*members: tuple[str, Any]) -> Message:
    """Return a credit-control request of these members."""
    return decode(request(DICTIONARY, "Credit-Control", 1, 2, members), DICTIONARY)


def test_a_value_that_cannot_be_is_shown_as_it_came() -> None:
    error = invalid(message(("User-Name", "x")), "User-Name", "no")
    assert (error.failed_avp, str(error)) == (DICTIONARY.encode("User-Name", "x"), "no")
    assert invalid(message(), "User-Name", "no").failed_avp is None


@pytest.mark.parametrize("members", [(), (("Auth-Application-Id", 4),)])
def test_the_application_is_that_of_the_header(members: tuple[tuple[str, int], ...]) -> None:
    check_application(message(*members))


def test_another_application_than_that_of_the_header_is_refused() -> None:
    with pytest.raises(InvalidAvpValue) as caught:
        check_application(message(("Auth-Application-Id", 3)))
    assert caught.value.failed_avp == DICTIONARY.encode("Auth-Application-Id", 3)
