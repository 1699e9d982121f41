"""What the tests of the base protocol share."""

import pytest

from diameter_ocs.base.dictionary import Dictionary
from tests.base.wire import load_dictionary


@pytest.fixture(scope="session")
def dictionary() -> Dictionary:
    return load_dictionary()
