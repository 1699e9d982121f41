"""Reads the dictionaries, which an operator may have changed."""

from ..base import dictionary as dictionaries
from ..base.dictionary import Dictionary
from ..config import resource

DICTIONARIES = ("base.xml", "credit_control.xml", "3gpp_gy.xml", "3gpp_sy.xml")
FALLBACK = "fallback.xml"


def server_dictionary() -> Dictionary:
    """Returns the whole dictionary; DictionaryError names the file that cannot be used."""
    folder = resource("dictionaries")
    files = [folder / name for name in DICTIONARIES]
    return dictionaries.load(
        *(file.read_text(encoding="utf-8") for file in files),
        names=[str(file) for file in files],
        fallback=(folder / FALLBACK).read_text(encoding="utf-8"),
    )
