"""Octets of messages written by hand, so that the codec is not its own witness."""

from pathlib import Path

from diameter_ocs.base.dictionary import Dictionary, load

FOLDER = Path(__file__).parents[2] / "dictionaries"
NAMES = ("base.xml", "credit_control.xml", "3gpp_gy.xml", "3gpp_sy.xml")

REQUEST = 0xC0
ANSWER = 0x40


def load_dictionary() -> Dictionary:
    """Loads what the server loads."""
    return load(
        *((FOLDER / name).read_text(encoding="utf-8") for name in NAMES),
        fallback=(FOLDER / "fallback.xml").read_text(encoding="utf-8"),
    )


def avp(code: int, data: bytes, *, vendor: int = 0, flags: int = 0x40) -> bytes:
    header = 8 if not vendor else 12
    octets = code.to_bytes(4) + bytes([flags | (0x80 if vendor else 0)])
    octets += (header + len(data)).to_bytes(3) + (vendor.to_bytes(4) if vendor else b"")
    return octets + data + bytes(-len(data) % 4)


def number(value: int) -> bytes:
    return value.to_bytes(4)


def message(
    code: int,
    *avps: bytes,
    application: int = 4,
    flags: int = REQUEST,
    hop_by_hop: int = 0x11111111,
    end_to_end: int = 0x22222222,
    version: int = 1,
) -> bytes:
    body = b"".join(avps)
    return (
        bytes([version])
        + (20 + len(body)).to_bytes(3)
        + bytes([flags])
        + code.to_bytes(3)
        + application.to_bytes(4)
        + hop_by_hop.to_bytes(4)
        + end_to_end.to_bytes(4)
        + body
    )


SESSION_ID = avp(263, b"gw.example;1;2")
ORIGIN_HOST = avp(264, b"gw.example")
ORIGIN_REALM = avp(296, b"example")
DESTINATION_REALM = avp(283, b"ocs.example")
AUTH_APPLICATION_ID = avp(258, number(4))
SERVICE_CONTEXT_ID = avp(461, b"32251@3gpp.org")
CC_REQUEST_TYPE = avp(416, number(1))
CC_REQUEST_NUMBER = avp(415, number(0))

CCR_AVPS = (
    SESSION_ID,
    ORIGIN_HOST,
    ORIGIN_REALM,
    DESTINATION_REALM,
    AUTH_APPLICATION_ID,
    SERVICE_CONTEXT_ID,
    CC_REQUEST_TYPE,
    CC_REQUEST_NUMBER,
)


def ccr(*more: bytes, without: bytes | None = None, **header: int) -> bytes:
    return message(272, *(each for each in CCR_AVPS if each != without), *more, **header)


def cer(*more: bytes, without: bytes | None = None, **header: int) -> bytes:
    avps = (
        ORIGIN_HOST,
        ORIGIN_REALM,
        avp(257, b"\0\1\x7f\0\0\1"),
        avp(266, number(0)),
        avp(269, b"gateway", flags=0),
        AUTH_APPLICATION_ID,
    )
    kept = (each for each in avps if each != without)
    return message(257, *kept, *more, **{"application": 0, "flags": 0x80, **header})
