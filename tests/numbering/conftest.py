"""The table of networks that comes with the program."""

import pytest

from diameter_ocs.config import resource
from diameter_ocs.numbering.plmn import Plmns


@pytest.fixture(scope="session")
def plmns() -> Plmns:
    """The networks, loaded once."""
    return Plmns.load(resource("dictionaries/plmn.csv").read_text(encoding="utf-8"))
