"""Text of AVPs made fit to be compared, stored and logged."""

from enum import StrEnum

from .tolerance import Tolerated

SPELLED_OUT_LENGTH_MAX = 1024
"""Characters that are read of what is told to people."""


def note_session_id(text: str, tolerated: set[StrEnum]) -> None:
    """Notes a Session-Id that does not begin as it should (RFC 6733 section 8.8)."""
    if not _is_session_id(text):
        tolerated.add(Tolerated.ODD_SESSION_ID)


def _is_session_id(text: str) -> bool:
    """Whether text begins with an identity and a semicolon."""
    identity, semicolon, _ = text.partition(";")
    is_utf8 = text.isascii() or text.encode(errors="replace").decode() == text
    return bool(identity and semicolon) and is_utf8 and "\0" not in text


def clean(text: str, tolerated: set[StrEnum]) -> str:
    """Returns text without NUL, in which octets that are no UTF-8 are spelled out.

    The octets arrive as lone surrogates, which neither a database nor a log takes.
    """
    if "\0" in text:
        tolerated.add(Tolerated.NUL_IN_TEXT)
        text = text.replace("\0", "")
    if text.isascii():
        return text
    spelled = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if spelled != text:
        tolerated.add(Tolerated.OCTETS_IN_TEXT)
    return spelled


def spelled_out(text: str) -> str:
    """Returns text as `clean` does, with what cannot be seen spelled out, too.

    It is told to people and never compared with what was sent; of a long one it is the beginning.
    """
    text = clean(text[:SPELLED_OUT_LENGTH_MAX], set())
    if text.isprintable():
        return text
    return "".join([each if each.isprintable() else _escaped(each) for each in text])


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
