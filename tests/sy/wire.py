"""Octets of spending limit messages written by hand, so that the codec is not its own witness."""

from tests.base.wire import ANSWER, avp, message, number

SY = 16777302
VENDOR = 10415

SESSION_ID = avp(263, b"pcrf.example;1;2")
AUTH_APPLICATION_ID = avp(258, number(SY))
ORIGIN_HOST = avp(264, b"pcrf.example")
ORIGIN_REALM = avp(296, b"example")
DESTINATION_REALM = avp(283, b"ocs.example")
SUBSCRIPTION = avp(443, avp(450, number(0)) + avp(444, b"15550100001"))
INITIAL = avp(2904, number(0), vendor=VENDOR)
INTERMEDIATE = avp(2904, number(1), vendor=VENDOR)
LOGOUT = avp(295, number(1))


def slr(
    *more: bytes,
    kind: bytes = INITIAL,
    session_id: bytes = SESSION_ID,
    without: bytes | None = None,
    **header: int,
) -> bytes:
    """Return an SLR, an initial one unless it is said to be another."""
    own = _own(session_id, kind, SUBSCRIPTION)
    kept = (each for each in own if each != without)
    return message(8388635, *kept, *more, **{"application": SY, **header})


def str_(
    *more: bytes, session_id: bytes = SESSION_ID, without: bytes | None = None, **header: int
) -> bytes:
    """Return an STR."""
    kept = (each for each in _own(session_id, LOGOUT) if each != without)
    return message(275, *kept, *more, **{"application": SY, **header})


def _own(session_id: bytes, *more: bytes) -> tuple[bytes, ...]:
    return (session_id, AUTH_APPLICATION_ID, ORIGIN_HOST, ORIGIN_REALM, DESTINATION_REALM, *more)


def sna(*more: bytes) -> bytes:
    """Return an SNA that says what is given."""
    own = (SESSION_ID, ORIGIN_HOST, ORIGIN_REALM)
    return message(8388636, *own, *more, application=SY, flags=ANSWER)


def counter(name: bytes) -> bytes:
    """Return a Policy-Counter-Identifier."""
    return avp(2901, name, vendor=VENDOR)


def status(label: bytes) -> bytes:
    """Return a Policy-Counter-Status."""
    return avp(2902, label, vendor=VENDOR)


def report(name: bytes, label: bytes, *pending: bytes) -> bytes:
    """Return a Policy-Counter-Status-Report."""
    return avp(2903, counter(name) + status(label) + b"".join(pending), vendor=VENDOR)


def pending(label: bytes, ntp_seconds: int) -> bytes:
    """Return a Pending-Policy-Counter-Information."""
    change_time = avp(2906, number(ntp_seconds), vendor=VENDOR)
    return avp(2905, status(label) + change_time, vendor=VENDOR)


def features(bits: int, *, flags: int = 0, vendor: int = VENDOR, feature_list: int = 1) -> bytes:
    """Return a Supported-Features, with the M bit or without."""
    members = avp(266, number(vendor)) + avp(629, number(feature_list), vendor=VENDOR, flags=0)
    members += avp(630, number(bits), vendor=VENDOR, flags=0)
    return avp(628, members, vendor=VENDOR, flags=flags)
