"""Reports of how counters stand, and what is answered to them."""

import pytest
from diameter.message import Message as PythonMessage
from diameter.message.commands import SpendingStatusNotificationRequest

from diameter_ocs.base.checks import check
from diameter_ocs.base.dictionary import Dictionary
from diameter_ocs.base.message import Identity, decode
from diameter_ocs.charging.spending_limits import CounterStatus, PendingStatus
from diameter_ocs.sy.notify import (
    NotificationAnswer,
    Notifier,
    Reception,
    StatusNotification,
    answered,
)
from tests.base.wire import avp, message, number
from tests.sy.wire import AUTH_APPLICATION_ID, SY, VENDOR, pending, report, sna

NOON = 1_709_985_600_000_000
NOON_NTP = 0xE996CDC0
SESSION_ID = b"pcrf.example;a/b c%2F;\xff"
LOW = CounterStatus("data", "low", (PendingStatus("full", NOON),))
OWN = avp(264, b"ocs.example") + avp(296, b"realm.example")
TO_WHOM = avp(283, b"example") + avp(293, b"pcrf.example")


def notification(
    *statuses: CounterStatus, is_abort: bool = False, session_id: bytes = SESSION_ID
) -> StatusNotification:
    return StatusNotification(session_id, "pcrf.example", "example", statuses, is_abort)


def snr(*members: bytes, flags: int = 0xC0, session_id: bytes = SESSION_ID) -> bytes:
    """Return an SNR of these members after those that each has."""
    own = (avp(263, session_id), OWN, TO_WHOM, AUTH_APPLICATION_ID)
    ids = {"hop_by_hop": 0, "end_to_end": 77}
    return message(8388636, *own, *members, application=SY, flags=flags, **ids)


def kind(bits: int) -> bytes:
    """Return an SN-Request-Type, which never has the M bit."""
    return avp(2907, number(bits), vendor=VENDOR, flags=0)


REPORT = report(b"data", b"low", pending(b"full", NOON_NTP))


@pytest.mark.parametrize(
    ("sent", "members"),
    [
        (notification(LOW), [REPORT]),
        (
            notification(CounterStatus("a", "x"), CounterStatus("b", "y")),
            [report(b"a", b"x"), report(b"b", b"y")],
        ),
        (notification(is_abort=True), [kind(2)]),
        (notification(LOW, is_abort=True), [REPORT, kind(3)]),
    ],
)
def test_a_report_octet_by_octet(
    notifier: Notifier, sent: StatusNotification, members: list[bytes]
) -> None:
    assert notifier.encode(sent, 77) == snr(*members)


def test_a_report_that_may_have_arrived_says_so(notifier: Notifier) -> None:
    again = notifier.encode(notification(LOW), 77, is_retransmission=True)
    assert again == snr(REPORT, flags=0xD0)


@pytest.mark.parametrize("session_id", [b"", b";;;", b"\0\xff", b"x" * 1001])
def test_session_has_the_octets_that_it_was_opened_with(
    notifier: Notifier, session_id: bytes
) -> None:
    sent = notifier.encode(notification(LOW, session_id=session_id), 77)
    assert sent == snr(REPORT, session_id=session_id)


def test_state_of_the_origin_is_told(dictionary: Dictionary) -> None:
    notifier = Notifier(dictionary, Identity("ocs.example", "realm.example", 9))
    assert notifier.encode(notification(LOW), 77) == snr(avp(278, number(9)), REPORT)


@pytest.mark.parametrize("sent", [notification(LOW), notification(LOW, is_abort=True)])
def test_a_strict_peer_takes_a_report(
    notifier: Notifier, dictionary: Dictionary, sent: StatusNotification
) -> None:
    read = decode(notifier.encode(sent, 77), dictionary)
    assert check(read, dictionary, strict=True, applications={SY}) == ()


def test_another_stack_reads_a_report(notifier: Notifier) -> None:
    read = PythonMessage.from_bytes(
        notifier.encode(notification(LOW, is_abort=True, session_id=b"a;b"), 77)
    )
    assert isinstance(read, SpendingStatusNotificationRequest)
    assert (read.session_id, read.destination_host) == ("a;b", b"pcrf.example")
    (told,) = read.policy_counter_status_report
    assert (told.policy_counter_identifier, told.policy_counter_status) == ("data", "low")


def code(value: int) -> bytes:
    return avp(268, number(value))


def experimental(value: int, vendor: int = VENDOR) -> bytes:
    return avp(297, avp(266, number(vendor)) + avp(298, number(value)))


@pytest.mark.parametrize(
    ("members", "reception", "told"),
    [
        ([code(2001)], Reception.TAKEN, 2001),
        ([code(2002)], Reception.TAKEN, 2002),
        ([code(5002)], Reception.SESSION_UNKNOWN, 5002),
        ([code(3002)], Reception.NOT_NOW, 3002),
        ([code(3004)], Reception.NOT_NOW, 3004),
        ([code(4001)], Reception.NOT_NOW, 4001),
        ([code(3001)], Reception.REFUSED, 3001),
        ([code(3007)], Reception.REFUSED, 3007),
        ([code(5012)], Reception.REFUSED, 5012),
        ([code(1001)], Reception.REFUSED, 1001),
        ([code(2**32 - 1)], Reception.REFUSED, 2**32 - 1),
        ([experimental(2001)], Reception.TAKEN, 2001),
        ([experimental(4999)], Reception.NOT_NOW, 4999),
        ([experimental(5570)], Reception.REFUSED, 5570),
        ([experimental(5002)], Reception.REFUSED, 5002),
        ([experimental(5002, vendor=0)], Reception.SESSION_UNKNOWN, 5002),
        ([code(2001), experimental(5570)], Reception.TAKEN, 2001),
        ([], Reception.REFUSED, None),
        ([avp(297, b"")], Reception.REFUSED, None),
        ([avp(268, b"\0")], Reception.REFUSED, None),
        ([b"\0" * 8], Reception.REFUSED, None),
    ],
)
def test_what_is_answered_to_a_report(
    dictionary: Dictionary, members: list[bytes], reception: Reception, told: int | None
) -> None:
    read = decode(sna(*members), dictionary)
    assert answered(read, "PCRF.example") == NotificationAnswer(reception, told)


def test_only_the_policy_server_itself_knows_its_sessions(dictionary: Dictionary) -> None:
    for said, reception in ((5002, Reception.NOT_NOW), (2001, Reception.TAKEN)):
        read = decode(sna(code(said)), dictionary)
        assert answered(read, "other.example") == NotificationAnswer(reception, said)
