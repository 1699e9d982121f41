"""Who communicates with whom in each domain, and which of them is charged."""

from collections.abc import Callable
from typing import Any

import pytest

from diameter_ocs.base.message import Message
from diameter_ocs.charging.information import Direction
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.gy.parties import NOBODY, RECIPIENTS_MAX, Parties, parties_of
from diameter_ocs.gy.parts import parts_of
from diameter_ocs.gy.party import Party

ORIGINATING, TERMINATING, FORWARDING = Direction
DATA, VOICE, PICTURES, TEXTS, TELEPHONY, CIRCUIT = (
    "32251",
    "32260",
    "32270",
    "32274",
    "32275",
    "32276",
)
ALICE = Party("491710000001", "491710000001")
BOB = Party("33123456789", "33123456789")
CAROL = Party("12065550100", "12065550100")
CHARGED_ALICE = (Identity(IdentityKind.MSISDN, "491710000001"),)
CHARGED_BOB = (Identity(IdentityKind.MSISDN, "33123456789"),)

Pair = tuple[str, Any]
Read = Callable[..., Parties]


@pytest.fixture(scope="module")
def read(write: Callable[..., Message]) -> Read:
    """Read the parties of a request with these members of Service-Information."""

    def read(document: str | None, *members: Pair, identities: Any = ()) -> Parties:
        parts = parts_of(write(("Service-Information", members)).group)
        return parties_of(document, parts, identities)

    return read


def address(name: str, data: str, kind: int = 1) -> Pair:
    return name, [("Address-Type", kind), ("Address-Data", data)]


def call(*members: Pair) -> Pair:
    return "IMS-Information", members


def text(*members: Pair) -> Pair:
    return "SMS-Information", members


def to(*members: Pair) -> Pair:
    return "Recipient-Info", members


def picture(*members: Pair) -> Pair:
    return "MMS-Information", members


def interface(name: str, kind: int) -> Pair:
    return name, [("Interface-Type", kind)]


FROM_ALICE: Pair = ("Calling-Party-Address", "tel:+491710000001")
TO_BOB: Pair = ("Called-Party-Address", "sip:+33123456789@ims.example;user=phone")
SENT_BY_ALICE = address("Originator-Received-Address", "491710000001")
SENT_TO_BOB = to(address("Recipient-Address", "33123456789"))


@pytest.mark.parametrize("document", [VOICE, TELEPHONY, CIRCUIT, TEXTS, PICTURES])
@pytest.mark.parametrize("direction", Direction)
def test_role_of_the_node_is_the_side_that_is_charged(
    read: Read, document: str, direction: Direction
) -> None:
    parties = read(document, call(("Role-Of-Node", direction), FROM_ALICE, TO_BOB))
    assert parties == Parties(direction, ALICE, BOB)
    assert parties.other == (ALICE if direction is TERMINATING else BOB)


def test_a_call_for_help_is_one_though_nobody_knows_its_context(read: Read) -> None:
    help_is_called = "Called-Party-Address", "urn:service:sos.police"
    assert read(None, call(("Role-Of-Node", 0), FROM_ALICE, help_is_called)).is_emergency
    assert read(None, call(("Role-Of-Node", 0), FROM_ALICE, TO_BOB)).called == BOB


@pytest.mark.parametrize("document", [DATA, "32271"])
def test_other_services_have_no_parties(read: Read, document: str | None) -> None:
    assert read(document, call(("Role-Of-Node", 0), FROM_ALICE, TO_BOB)) == NOBODY


@pytest.mark.parametrize("members", [(), (call(),), (text(),), (picture(),)])
@pytest.mark.parametrize("document", [VOICE, TEXTS, PICTURES])
def test_request_that_names_nobody_has_no_parties(
    read: Read, document: str, members: tuple[Pair, ...]
) -> None:
    assert read(document, *members) == NOBODY


CALLS: list[tuple[tuple[Pair, ...], Parties]] = [
    ((("Role-Of-Node", 7), FROM_ALICE), Parties(None, ALICE)),
    # a number is preferred where several names of one party are there
    ((("Calling-Party-Address", "sip:alice@ims.example"), FROM_ALICE), Parties(None, ALICE)),
    (
        (("Calling-Party-Address", "unknown"), ("Calling-Party-Address", "sip:a@b")),
        Parties(None, Party("sip:a@b")),
    ),
    # who is called is the one that the call goes to, else the one dialled, else the one reached
    ((TO_BOB, ("Requested-Party-Address", "tel:+12065550100")), Parties(None, None, BOB)),
    ((("Requested-Party-Address", "tel:+12065550100"),), Parties(None, None, CAROL)),
    (
        (("Called-Party-Address", "unknown"), ("Called-Asserted-Identity", "tel:+12065550100")),
        Parties(None, None, CAROL),
    ),
    # the carrier of a ported number, else the one in its URI, else the one chosen
    (
        (TO_BOB, ("Number-Portability-Routing-Information", "+33-999")),
        Parties(None, None, BOB, carrier="33999"),
    ),
    (
        (
            ("Called-Party-Address", "tel:+33123456789;npdi;rn=D1"),
            ("Carrier-Select-Routing-Information", "6789"),
        ),
        Parties(None, None, BOB._replace(carrier="D1"), carrier="D1"),
    ),
    (
        (TO_BOB, ("Carrier-Select-Routing-Information", "6789")),
        Parties(None, None, BOB, carrier="6789"),
    ),
    (
        (
            ("Role-Of-Node", 1),
            ("Calling-Party-Address", "tel:+491710000001;rn=D2"),
            ("Number-Portability-Routing-Information", "D1"),
        ),
        Parties(TERMINATING, ALICE._replace(carrier="D2"), carrier="D2"),
    ),
    # emergencies
    ((TO_BOB, ("IMS-Emergency-Indicator", 1)), Parties(None, None, BOB, is_emergency=True)),
    ((TO_BOB, ("IMS-Emergency-Indicator", 0)), Parties(None, None, BOB)),
    (
        (TO_BOB, ("Requested-Party-Address", "urn:service:sos.fire")),
        Parties(None, None, BOB, is_emergency=True),
    ),
    (
        (("Called-Party-Address", "urn:service:sos"),),
        Parties(None, None, Party("urn:service:sos", is_emergency=True), is_emergency=True),
    ),
]


@pytest.mark.parametrize(("members", "parties"), CALLS)
def test_parties_of_a_call(read: Read, members: tuple[Pair, ...], parties: Parties) -> None:
    assert read(VOICE, call(*members)) == parties


TEXT_SIDES: list[tuple[Any, tuple[Pair, ...], Direction | None]] = [
    (CHARGED_ALICE, (), ORIGINATING),
    (CHARGED_BOB, (), TERMINATING),
    (CHARGED_BOB, (interface("Originator-Interface", 1), ("SM-Message-Type", 0)), TERMINATING),
    ((*CHARGED_ALICE, *CHARGED_BOB), (interface("Originator-Interface", 1),), ORIGINATING),
    ((), (interface("Originator-Interface", 1),), ORIGINATING),
    ((), (interface("Originator-Interface", 2),), TERMINATING),
    ((), (interface("Originator-Interface", 3),), TERMINATING),
    ((), (interface("Originator-Interface", 4),), ORIGINATING),
    ((), (to(interface("Destination-Interface", 2)),), TERMINATING),
    ((), (to(interface("Destination-Interface", 4)),), ORIGINATING),
    ((), (interface("Originator-Interface", 0), ("SM-Message-Type", 0)), ORIGINATING),
    ((), (("SM-Message-Type", 0),), ORIGINATING),
    ((), (("SM-Message-Type", 3),), TERMINATING),
    ((), (("SM-Message-Type", 4),), TERMINATING),
    ((), (("SM-Message-Type", 5),), ORIGINATING),
    ((), (("SM-Message-Type", 1),), None),
    ((), (("SM-Message-Type", -1),), None),
    ((), (), None),
]


@pytest.mark.parametrize(("identities", "members", "direction"), TEXT_SIDES)
def test_side_of_a_short_message_is_told_by_numbers_then_interfaces_then_its_type(
    read: Read, identities: Any, members: tuple[Pair, ...], direction: Direction | None
) -> None:
    message = text(SENT_BY_ALICE, SENT_TO_BOB, *members)
    parties = read(TEXTS, message, identities=identities)
    assert parties == Parties(direction, ALICE, BOB, (BOB,))


def test_recipients_of_a_short_message_are_all_named(read: Read) -> None:
    received = to(address("Recipient-Received-Address", "12065550100"))
    both = to(
        address("Recipient-Received-Address", "12065550100"),
        address("Recipient-Address", "33123456789"),
    )
    assert read(TEXTS, text(received, both, to())).recipients == (CAROL, BOB)


PICTURE_SIDES: list[tuple[Any, int | None, Direction | None]] = [
    (CHARGED_ALICE, 5, ORIGINATING),
    (CHARGED_BOB, 1, TERMINATING),
    ((), 1, ORIGINATING),
    ((), 3, TERMINATING),
    ((), 5, TERMINATING),
    ((), 10, ORIGINATING),
    ((), 7, None),
    ((), None, None),
]


@pytest.mark.parametrize(("identities", "kind", "direction"), PICTURE_SIDES)
def test_side_of_a_multimedia_message_is_told_by_numbers_then_its_type(
    read: Read, identities: Any, kind: int | None, direction: Direction | None
) -> None:
    message = picture(
        address("Originator-Address", "+491710000001/TYPE=PLMN"),
        address("Recipient-Address", "+33123456789/TYPE=PLMN"),
        address("Recipient-Address", "a@b.example", 0),
        *([] if kind is None else [("Message-Type", kind)]),
    )
    parties = read(PICTURES, message, identities=identities)
    assert parties == Parties(direction, ALICE, BOB, (BOB, Party("a@b.example")))


def test_recipients_that_are_named_are_bounded(read: Read) -> None:
    many = [address("Recipient-Address", f"4917100{number:05}") for number in range(100)]
    assert len(read(PICTURES, picture(*many)).recipients) == RECIPIENTS_MAX


def test_message_that_only_the_ims_tells_of_has_the_parties_of_a_call(read: Read) -> None:
    assert read(TEXTS, call(FROM_ALICE, TO_BOB)) == Parties(None, ALICE, BOB)
    assert read(TEXTS, call(FROM_ALICE, TO_BOB), text()) == NOBODY
