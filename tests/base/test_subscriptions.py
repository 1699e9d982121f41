"""Whom a message names, as it was sent."""

from enum import StrEnum
from typing import Any

import pytest

from diameter_ocs.base.codec import Group
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import decode, request
from diameter_ocs.base.subscriptions import names_of
from diameter_ocs.base.tolerance import Tolerated
from tests.base.wire import load_dictionary

E164, IMSI, SIP_URI, NAI, PRIVATE = range(5)
DICTIONARY = load_dictionary()

Member = tuple[str, Any]


def group(*members: Member, dictionary: Dictionary = DICTIONARY) -> Group:
    """Return what a request of these members holds."""
    return decode(request(dictionary, "Credit-Control", 1, 2, members), dictionary).group


def subscription(kind: int, name: str | bytes) -> Member:
    members = [("Subscription-Id-Type", kind), ("Subscription-Id-Data", name)]
    return "Subscription-Id", members


@pytest.mark.parametrize(
    ("octets", "text", "noted"),
    [
        (b"15550100001", "15550100001", set()),
        (b" 15550100001 ", "15550100001", set()),
        (b"15550100001\0\0", "15550100001", {Tolerated.NUL_IN_TEXT}),
        (b"\xff7", "\\xff7", {Tolerated.OCTETS_IN_TEXT}),
        (b"", "", set()),
        (b"\0", "", {Tolerated.NUL_IN_TEXT}),
    ],
)
def test_a_name_is_told_as_text(octets: bytes, text: str, noted: set[Tolerated]) -> None:
    tolerated: set[StrEnum] = set()
    assert names_of(group(subscription(E164, octets)), tolerated) == [(E164, text)]
    assert tolerated == noted


def test_a_kind_that_nobody_knows_is_told_too() -> None:
    assert names_of(group(subscription(-1, "x")), set()) == [(-1, "x")]


def test_all_names_are_told() -> None:
    named = group(subscription(NAI, "a@b"), subscription(E164, "1"), subscription(E164, "1"))
    assert names_of(named, set()) == [(NAI, "a@b"), (E164, "1"), (E164, "1")]


def test_service_information_names_subscribers_too() -> None:
    named = group(("Service-Information", [subscription(IMSI, "001010000000001")]))
    assert names_of(named, set()) == [(IMSI, "001010000000001")]


def test_extensions_name_subscribers_too() -> None:
    members = {
        "Subscription-Id-E164": "15550100001",
        "Subscription-Id-IMSI": "001010000000001",
        "Subscription-Id-SIP-URI": "sip:a@b",
        "Subscription-Id-NAI": "a@b",
        "Subscription-Id-Private": "seven",
    }
    named = group(*[("Subscription-Id-Extension", [member]) for member in members.items()])
    assert names_of(named, set()) == list(enumerate(members.values()))


def test_user_name_counts_where_nothing_else_names_anyone() -> None:
    user_name = ("User-Name", "a@B")
    assert names_of(group(user_name), set()) == [(NAI, "a@B")]
    assert names_of(group(user_name, subscription(E164, "1")), set()) == [(E164, "1")]


def test_a_message_may_name_nobody() -> None:
    assert names_of(group(), set()) is None
