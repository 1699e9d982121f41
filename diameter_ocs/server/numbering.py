"""Reads the table of networks, which an operator may have changed."""

from ..config import resource
from ..numbering.plmn import Plmns
from ..numbering.tables import Numbering


def numbering_tables() -> Numbering:
    """Returns the tables of numbers and networks; it takes some 5 ms, once.

    PlmnError names file and line where the table cannot be used.
    """
    file = resource("dictionaries/plmn.csv")
    return Numbering(Plmns.load(file.read_text(encoding="utf-8"), str(file)))
