"""Bad input inside messages: what is sent, and the answer that it must get, as a table.

Each case is a conversation of one gateway on one connection about one session.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from diameter_ocs.base import tolerance as base
from diameter_ocs.base.codec import AVPS_MAX, GROUP_DEPTH_MAX
from diameter_ocs.gy import tolerance as gy
from diameter_ocs.gy.usages import SERVICES_MAX
from tests.base.wire import avp, message, number
from tests.store.scenario import NOW

GATEWAY, STRICT_GATEWAY = "gw.example", "strict.example"
VOICE, TEXTS, DATA = 100, 200, 300
"""Time, units, and the first of many rating groups of data."""
GROUPS = range(DATA, DATA + 120)
ALLOWANCE, QUOTA = 10_000, 100
NTP_NOW = NOW // 1_000_000 + 2_208_988_800
GREATEST = 2**64 - 1


class Answer(NamedTuple):
    """What an answer says."""

    code: int
    failed: bytes | None = None
    """What Failed-AVP holds."""
    services: tuple[tuple[int | None, int, int], ...] = ()
    """Rating group, Result-Code and granted octets of each."""


class Turn(NamedTuple):
    """Octets to send, and what comes back."""

    octets: bytes
    answers: tuple[Answer, ...] = ()
    is_last: bool = False
    """The server ends the connection afterwards."""


def says(octets: bytes, code: int, failed: bytes | None = None, *services: tuple) -> Turn:
    """Return a message that gets one answer."""
    return Turn(octets, (Answer(code, failed, services),))


class Caller:
    """A subscriber of its own with a session of its own."""

    def __init__(self, subscriber: int, host: str = GATEWAY) -> None:
        self.subscriber = subscriber
        self.host = host
        self.identifier = subscriber << 16
        self.imsi = b"00101%010d" % subscriber

    def initial(self, *more: bytes, **others: object) -> bytes:
        return self.request(1, 0, *more, **others)

    def update(self, request_number: int, *more: bytes, **others: object) -> bytes:
        return self.request(2, request_number, *more, **others)

    def terminate(self, request_number: int, *more: bytes, **others: object) -> bytes:
        return self.request(3, request_number, *more, **others)

    def request(
        self,
        kind: int,
        request_number: int,
        *more: bytes,
        instead: Iterable[bytes] = (),
        without: int | None = None,
        **header: int,
    ) -> bytes:
        """Return a request; AVPs take the place of those of their code, or `more` come at last."""
        avps = {
            263: avp(263, b"%s;1;%d" % (self.host.encode(), self.subscriber)),
            264: avp(264, self.host.encode()),
            296: avp(296, b"example"),
            283: avp(283, b"ocs.example"),
            258: avp(258, number(4)),
            461: avp(461, b"32251@3gpp.org"),
            416: avp(416, number(kind)),
            415: avp(415, number(request_number)),
            55: avp(55, number(NTP_NOW)),
            443: imsi(self.imsi),
            455: avp(455, number(1)),
        }
        avps |= {int.from_bytes(each[:4]): each for each in instead}
        self.identifier += 1
        named = {"hop_by_hop": self.identifier, "end_to_end": self.identifier, **header}
        return message(272, *(avps[code] for code in avps if code != without), *more, **named)


NOBODY = avp(443, avp(450, number(0)) + avp(444, b""))


def imsi(text: bytes) -> bytes:
    return avp(443, avp(450, number(1)) + avp(444, text))


def quantity(value: int) -> bytes:
    return value.to_bytes(8)


def bearer(octets: bytes) -> bytes:
    """Return a 3GPP-Charging-Id."""
    return avp(2, octets, vendor=10415)


def service(rating_group: int, *avps: bytes) -> bytes:
    return avp(456, avp(432, number(rating_group)) + b"".join(avps))


def wanted(*avps: bytes) -> bytes:
    return avp(437, b"".join(avps))


def used(*avps: bytes) -> bytes:
    return avp(446, b"".join(avps))


def total(octets: int) -> bytes:
    return avp(421, quantity(octets))


def money(digits: int, exponent: int = 0, currency: int | None = None) -> bytes:
    value = avp(447, digits.to_bytes(8, signed=True)) + avp(429, exponent.to_bytes(4, signed=True))
    code = b"" if currency is None else avp(425, number(currency))
    return avp(413, avp(445, value) + code)


def misfit(code: int, length: int, data: bytes = bytes(4), vendor: bytes = b"") -> bytes:
    """Return an AVP with a length of its own."""
    flags = 0xC0 if vendor else 0x40
    return number(code) + bytes([flags]) + length.to_bytes(3) + vendor + data


def nested(depth: int, innermost: bytes = b"") -> bytes:
    """Return services, each in the one before, so many levels below the first."""
    octets = innermost
    for _ in range(depth):
        octets = avp(456, octets)
    return octets


def announcing(octets: bytes, length: int) -> bytes:
    """Return a message whose header tells another length."""
    return octets[:1] + length.to_bytes(3) + octets[4:]


ASKING = service(DATA, wanted())
GRANTED = (DATA, 2001, QUOTA)
SETTLED = (DATA, 2001, 0)
FILLING = avp(9999, b"", flags=0)
"""The shortest AVP that there is."""
ESSENTIAL = 13
"""AVPs of a request that asks for nothing."""

Conversation = Callable[[Caller], list[Turn]]


def one(code: int, failed: bytes | None = None, *services: tuple) -> Callable[..., Conversation]:
    """Return what makes a conversation of one first request of some AVPs that is answered so."""

    def conversation(*more: bytes, **others: object) -> Conversation:
        return lambda me: [says(me.initial(*more, **others), code, failed, *services)]

    return conversation


def abandoned(length: int) -> Conversation:
    """Return a message of a length that is not waited for."""
    return lambda me: [
        says(announcing(me.initial()[:20], length), 5015)._replace(is_last=True),
    ]


served = one(2001, None, GRANTED)

LENGTHS: dict[str, Conversation] = {
    "message shorter than a header": abandoned(16),
    "message of no whole words": abandoned(22),
    "message above the limit": abandoned(65_540),
    "message of a million AVPs": abandoned(8_000_020),
    "message of the greatest length": abandoned(0xFFFFFC),
    "AVP of no octets": one(5014, avp(432, bytes(4)))(misfit(432, 0)),
    "AVP shorter than its header": one(5014, avp(432, bytes(4)))(misfit(432, 7)),
    "AVP beyond the message": one(5014, avp(432, bytes(4)))(misfit(432, 13)),
    "AVP of the greatest length": one(5014, avp(432, bytes(4)))(misfit(432, 0xFFFFFF)),
    "text beyond the message": one(5014, avp(1, b""))(misfit(1, 100)),
    "unknown AVP beyond the message": one(5014, avp(9999, b""))(misfit(9999, 100)),
    "vendor's AVP shorter than its header": one(5014, avp(869, bytes(4), vendor=10415))(
        misfit(869, 8, vendor=number(10415))
    ),
    "number of 3 octets": one(5014, avp(432, b"abc\0"))(misfit(432, 11, b"abc\0")),
    "number of 5 octets": one(5014, avp(432, b"abcd"))(misfit(432, 13, b"abcdefgh")),
    "octets of 4 octets in groups": one(5014, avp(421, b"\0\0\0\1\0\0\0\0"))(
        service(DATA, used(avp(421, number(1))))
    ),
    "address without a family": one(5014, avp(1227, b"\0\1\0\0\0\0", vendor=10415))(
        avp(873, avp(874, avp(1227, b"\0", vendor=10415), vendor=10415), vendor=10415)
    ),
    "member beyond its group": one(5014, avp(432, bytes(4)))(avp(456, misfit(432, 16))),
    "member beyond its Proxy-Info": one(5014, avp(280, b""))(avp(284, misfit(280, 16))),
    "less than a header at the end": one(5014, avp(432, bytes(4), flags=0))(number(432)),
    "padding that is not zero": one(2001)(avp(1, b"alice")[:-3] + b"abc"),
    "member without its padding": served(
        avp(456, avp(432, number(DATA)) + wanted() + avp(9999, b"x", flags=0)[:-3])
    ),
}

SIZES: dict[str, Conversation] = {
    "groups as deep as the limit": one(2001, None, GRANTED)(
        service(DATA, wanted(), nested(GROUP_DEPTH_MAX - 1))
    ),
    "groups deeper than the limit": one(5004, avp(456, b""))(nested(GROUP_DEPTH_MAX + 1)),
    "eight thousand groups in each other": one(5004, avp(456, b""))(nested(8_000)),
    "as many AVPs as the limit": one(2001)(FILLING * (AVPS_MAX - ESSENTIAL)),
    "one AVP above the limit": one(5009, FILLING)(FILLING * (AVPS_MAX - ESSENTIAL + 1)),
    "as many AVPs as fit in a message": one(5009, FILLING)(FILLING * 8_000),
    "as many AVPs as fit in a group": one(5009, FILLING)(avp(456, FILLING * 8_000)),
    "as many services as fit in a message": one(5009, service(SERVICES_MAX))(
        *map(service, range(2_000))
    ),
}

HEADERS: dict[str, Conversation] = {
    "version 0": lambda me: [says(me.initial(version=0), 5011)._replace(is_last=True)],
    "version 2": lambda me: [says(me.initial(version=2), 5011)._replace(is_last=True)],
    "an error that asks": one(3008)(ASKING, flags=0xE0),
    "reserved bits": served(ASKING, flags=0xCF),
    "not to be forwarded": served(ASKING, flags=0x80),
    "an answer that nobody asked for": lambda me: [Turn(me.initial(ASKING, flags=0x40))],
    "foreign application": one(3007)(application=5),
    "no application": one(3007)(application=0),
    "unknown command": lambda me: [says(message(999, me.initial()[20:]), 3001)],
    "a command that is only sent": lambda me: [
        says(message(258, avp(263, b"x"), avp(264, b"gw.example")), 5005, avp(296, b""))
    ],
}

FLAGS: dict[str, Conversation] = {
    "reserved bit": one(3009, avp(432, number(DATA), flags=0x41))(
        avp(456, avp(432, number(DATA), flags=0x41))
    ),
    "reserved bit of an unknown AVP": one(3009, avp(9999, b"", flags=0x10))(
        avp(9999, b"", flags=0x10)
    ),
    "protected bit": served(service(DATA, wanted(), avp(439, number(1), flags=0x60))),
    "not mandatory": served(avp(456, avp(432, number(DATA), flags=0) + wanted(), flags=0)),
    "vendor 0": served(avp(456, misfit(432, 16, number(DATA), number(0)) + wanted())),
    "a number of the standard with a vendor": one(5001, avp(456, avp(432, b"x", vendor=10415)))(
        avp(456, avp(432, b"x", vendor=10415))
    ),
    "unknown and mandatory": one(5001, avp(9999, b"x"))(avp(9999, b"x")),
    "unknown and mandatory in a group": one(5001, avp(456, avp(9999, b"x")))(
        service(DATA, avp(9999, b"x"))
    ),
    "unknown and mandatory of some maker": served(avp(9999, b"x", vendor=2011), ASKING),
    "unknown and not mandatory": served(avp(9999, b"x", flags=0), ASKING),
}

PRESENCE: dict[str, Conversation] = {
    "no Session-Id": one(5005, avp(263, b""))(without=263),
    "no Origin-Host": one(5005, avp(264, b""))(without=264),
    "no Origin-Realm": one(5005, avp(296, b""))(without=296),
    "no Destination-Realm": one(5005, avp(283, b""))(without=283),
    "no Auth-Application-Id": one(5005, avp(258, bytes(4)))(without=258),
    "no Service-Context-Id": one(5005, avp(461, b""))(without=461),
    "no CC-Request-Type": one(5005, avp(416, bytes(4)))(without=416),
    "no CC-Request-Number": one(5005, avp(415, bytes(4)))(without=415),
    "nobody named": one(5005, NOBODY)(without=443),
    "two CC-Request-Numbers": one(5009, avp(415, number(7)))(avp(415, number(7))),
    "two Session-Ids": one(5009, avp(263, b"other"))(avp(263, b"other")),
    "two Rating-Groups": one(5009, avp(432, number(7)))(service(DATA, avp(432, number(7)))),
    "a Result-Code in a request": one(5008, avp(268, number(2001)))(avp(268, number(2001))),
}

VALUES: dict[str, Conversation] = {
    "CC-Request-Type 0": one(5004, avp(416, number(0)))(instead=[avp(416, number(0))]),
    "CC-Request-Type 5": one(5004, avp(416, number(5)))(instead=[avp(416, number(5))]),
    "negative CC-Request-Type": one(5004, avp(416, b"\xff\xff\xff\xff"))(
        instead=[avp(416, b"\xff\xff\xff\xff")]
    ),
    "greatest CC-Request-Number": served(ASKING, instead=[avp(415, b"\xff\xff\xff\xff")]),
    "another application inside": one(5004, avp(258, number(5)))(instead=[avp(258, number(5))]),
    "CC-Sub-Session-Id of 2^63": one(5004, avp(419, quantity(2**63)))(avp(419, quantity(2**63))),
    "CC-Sub-Session-Id below 2^63": served(avp(419, quantity(2**63 - 1)), ASKING),
    "time before 1970": served(ASKING, instead=[avp(55, number(2**31))]),
    "time after 2036": served(ASKING, instead=[avp(55, number(0))]),
    "negative Subscription-Id-Type": one(5030)(
        instead=[avp(443, avp(450, b"\xff\xff\xff\xff") + avp(444, b"1"))]
    ),
    "unknown Rating-Group": one(5031, avp(432, b"\xff\xff\xff\xff"), (2**32 - 1, 5031, 0))(
        service(2**32 - 1, wanted())
    ),
}

UNITS: dict[str, Conversation] = {
    "as much as the wire can say": one(2001, None, (DATA, 2001, ALLOWANCE))(
        service(DATA, wanted(total(GREATEST)))
    ),
    "wanted 2^63": one(2001, None, (DATA, 2001, ALLOWANCE))(service(DATA, wanted(total(2**63)))),
    "wanted all the time that the wire can say": one(2001, None, (VOICE, 2001, ALLOWANCE))(
        service(VOICE, wanted(avp(420, b"\xff\xff\xff\xff")))
    ),
    "wanted 2^63 texts": one(2001, None, (TEXTS, 2001, ALLOWANCE))(
        service(TEXTS, wanted(avp(417, quantity(2**63))))
    ),
    "used all the time and 2^63 texts": lambda me: [
        says(me.initial(), 2001),
        says(
            me.update(
                1,
                service(VOICE, used(avp(420, b"\xff\xff\xff\xff"))),
                service(TEXTS, used(avp(417, quantity(2**63)))),
            ),
            2001,
            None,
            (VOICE, 2001, 0),
            (TEXTS, 2001, 0),
        ),
    ],
    "wanted nothing": served(service(DATA, wanted(total(0)))),
    "wanted both directions": one(2001, None, (DATA, 2001, ALLOWANCE))(
        service(DATA, wanted(avp(412, quantity(GREATEST)), avp(414, quantity(GREATEST))))
    ),
    "wanted another unit": served(service(DATA, wanted(avp(420, b"\xff\xff\xff\xff")))),
    "used as much as the wire can say": lambda me: [
        says(me.initial(ASKING), 2001, None, GRANTED),
        says(
            me.update(1, service(DATA, wanted(), used(total(GREATEST)))),
            2001,
            None,
            (DATA, 4012, 0),
        ),
        says(me.terminate(2), 2001),
    ],
    "used 2^63 a thousand times over": lambda me: [
        says(me.initial(ASKING), 2001, None, GRANTED),
        says(me.update(1, service(DATA, *[used(total(2**63))] * 1000)), 2001, None, SETTLED),
        says(me.terminate(2, service(DATA, used(total(GREATEST)))), 2001),
    ],
    "used both directions": lambda me: [
        says(me.initial(ASKING), 2001, None, GRANTED),
        says(
            me.terminate(
                1, service(DATA, used(avp(412, quantity(GREATEST)), avp(414, quantity(GREATEST))))
            ),
            2001,
        ),
    ],
    "used units of every type": lambda me: [
        says(me.initial(ASKING), 2001, None, GRANTED),
        says(
            me.terminate(
                1,
                service(
                    DATA,
                    used(total(1), avp(420, b"\xff\xff\xff\xff"), avp(417, quantity(GREATEST))),
                ),
            ),
            2001,
        ),
    ],
    "wanted negative money": one(5004, money(-1))(service(DATA, wanted(money(-1)))),
    "used negative money": one(5004, money(-1))(used(money(-1))),
    "money of an absurd exponent": one(5004, money(1, 13))(wanted(money(1, 13))),
    "more money than can be stored": one(5004, money(2**62, 12))(wanted(money(2**62, 12))),
}

NAMES: dict[str, Conversation] = {
    "NUL in an IMSI": lambda me: [
        says(me.initial(ASKING, instead=[imsi(b"\0%s\0" % me.imsi)]), 2001, None, GRANTED)
    ],
    "an IMSI of NUL": one(5030)(ASKING, instead=[imsi(b"\0")]),
    "an IMSI that is no UTF-8": one(5030)(ASKING, instead=[imsi(b"\xff\xfe")]),
    "an endless IMSI": one(5030)(ASKING, instead=[imsi(b"0" * 60_000)]),
    "an endless MSISDN": one(5030)(
        ASKING, instead=[avp(443, avp(450, number(0)) + avp(444, b"1" * 60_000))]
    ),
    "NUL in Origin-Host": served(ASKING, instead=[avp(264, b"gw\0.example")]),
    "Origin-Host that is no UTF-8": served(ASKING, instead=[avp(264, b"gw\xff.example")]),
    "endless Origin-Host": served(ASKING, instead=[avp(264, b"x" * 60_000)]),
    "endless Origin-Realm": served(ASKING, instead=[avp(296, b"\xff" * 60_000)]),
    "endless Destination-Realm": one(3003)(ASKING, instead=[avp(283, b"\xff" * 60_000)]),
    "NUL in Destination-Realm": one(3003)(ASKING, instead=[avp(283, b"ocs.example\0")]),
    "NUL in Service-Context-Id": served(ASKING, instead=[avp(461, b"32251@3gpp.org\0")]),
    "Service-Context-Id that is no UTF-8": one(5031, avp(461, b"\xff@3gpp.org"))(
        ASKING, instead=[avp(461, b"\xff@3gpp.org")]
    ),
    "empty Service-Context-Id": one(5031, avp(461, b""))(ASKING, instead=[avp(461, b"")]),
    "no UTF-8 in what is not read": served(avp(1, b"\xff\0"), ASKING),
}

SESSION_IDS: dict[str, Conversation] = {
    "of no octets": served(ASKING, instead=[avp(263, b"")]),
    "of 1 octet": lambda me: lifetime(me, b"x"),
    "of 60,000 octets": lambda me: lifetime(me, b"x" * 60_000),
    "of NUL and no UTF-8": lambda me: lifetime(me, b"\0\xff\0"),
}


def lifetime(me: Caller, session_id: bytes) -> list[Turn]:
    """Return a whole session of that name."""
    named = [avp(263, session_id)]
    update = service(DATA, wanted(), used(total(10)))
    return [
        says(me.initial(ASKING, instead=named), 2001, None, GRANTED),
        says(me.update(1, update, instead=named), 2001, None, GRANTED),
        says(me.terminate(2, service(DATA, used(total(5))), instead=named), 2001),
        says(me.update(3, ASKING, instead=named), 5002),
    ]


def again(octets: bytes) -> bytes:
    """Return the same request on another way, with the T bit."""
    return octets[:4] + bytes([octets[4] | 0x10]) + octets[5:12] + b"again..!" + octets[20:]


def repeated_initial(me: Caller) -> list[Turn]:
    first = me.initial(ASKING)
    return [
        says(first, 2001, None, GRANTED),
        says(first, 2001, None, GRANTED),
        says(again(first), 2001, None, GRANTED),
        says(me.initial(ASKING), 2001, None, GRANTED),
    ]


SESSIONS: dict[str, Conversation] = {
    "CCR-I four times": repeated_initial,
    "CCR-I that asks for something else": lambda me: [
        says(me.initial(service(DATA, wanted(total(ALLOWANCE)))), 2001, None, (DATA, 2001, 10_000)),
        says(me.initial(service(DATA, wanted(total(9_999)))), 2001, None, (DATA, 2001, 9_999)),
    ],
    "U after T": lambda me: [
        says(me.initial(ASKING), 2001, None, GRANTED),
        says(me.terminate(1, service(DATA, used(total(10)))), 2001),
        says(me.update(2, service(DATA, wanted(), used(total(10)))), 5002),
    ],
    "T after T": lambda me: [
        says(me.initial(ASKING), 2001, None, GRANTED),
        says(me.terminate(1, service(DATA, used(total(10)))), 2001),
        says(me.terminate(2, service(DATA, used(total(10)))), 2001),
    ],
    "U of no session": lambda me: [says(me.update(1, ASKING), 5002)],
    "T of no session": lambda me: [says(me.terminate(1, service(DATA, used(total(1)))), 5002)],
    "numbers that go down": lambda me: [
        says(me.initial(ASKING, instead=[avp(415, number(9))]), 2001, None, GRANTED),
        says(me.update(5, service(DATA, wanted(), used(total(1)))), 2001, None, GRANTED),
        says(me.update(0, service(DATA, wanted(), used(total(2)))), 2001, None, GRANTED),
    ],
}

THIRTY_TWO = tuple((group, 2001, QUOTA) for group in GROUPS[:32])

SERVICES: dict[str, Conversation] = {
    "33 rating groups": one(2001, None, *THIRTY_TWO, (GROUPS[32], 4010, 0))(
        *[service(group, wanted()) for group in GROUPS[:33]]
    ),
    "33 rating groups one by one": lambda me: [
        says(me.initial(), 2001),
        *[
            says(me.update(n, service(group, wanted())), 2001, None, (group, 2001, QUOTA))
            for n, group in enumerate(GROUPS[:32], 1)
        ],
        says(me.update(33, service(GROUPS[32], wanted())), 2001, None, (GROUPS[32], 4010, 0)),
    ],
    "100 services": one(2001, None, *THIRTY_TWO, *[(group, 4010, 0) for group in GROUPS[32:100]])(
        *[service(group, wanted()) for group in GROUPS[:100]]
    ),
    "100 unknown services": one(
        5031,
        avp(432, number(0)),
        *[(group, 5031, 0) for group in range(100)],
    )(*[service(group, wanted()) for group in range(100)]),
    "50 unknown services": one(
        5031,
        b"".join(avp(432, number(group)) for group in range(50)),
        *[(group, 5031, 0) for group in range(50)],
    )(*[service(group, wanted()) for group in range(50)]),
    "100 times the same service": served(*[service(DATA, wanted())] * 100),
    "101 services": one(5009, service(GROUPS[100], wanted()))(
        *[service(group, wanted()) for group in GROUPS[:101]]
    ),
    "service that names nothing": one(2001, None, (None, 2001, QUOTA))(avp(456, wanted())),
    "5,000 Service-Identifiers": served(
        service(DATA, wanted(), *[avp(439, number(each)) for each in range(2_000)])
    ),
}


class Forgiven(NamedTuple):
    """A first request that is served for a tolerant peer and refused to a strict one."""

    request: Callable[[Caller], bytes]
    served: Answer
    refused: Answer


def forgiven(
    refused: Answer, *more: bytes, code: int = 2001, service: tuple = GRANTED, **others: object
) -> Forgiven:
    return Forgiven(lambda me: me.initial(*more, **others), Answer(code, None, (service,)), refused)


PRIVATE_CONTEXT = b"gprs@maker.example"
ONE_USED = used(total(1))
DIRECTIONS = used(avp(412, quantity(1)), avp(414, quantity(2)))
TWO_TYPES = used(total(1), avp(420, number(1)))

FORGIVEN: dict[base.Tolerated | gy.Tolerated, Forgiven] = {
    base.Tolerated.APPLICATION_ID_IN_VENDOR_GROUP: forgiven(
        Answer(5005, avp(258, bytes(4))),
        avp(260, avp(266, number(10415)) + avp(258, number(4))),
        ASKING,
        without=258,
    ),
    base.Tolerated.AVP_FLAGS: forgiven(
        Answer(3009, avp(432, number(DATA), flags=0)),
        avp(456, avp(432, number(DATA), flags=0) + wanted()),
    ),
    base.Tolerated.AVP_OUT_OF_PLACE: forgiven(
        Answer(5008, avp(432, number(1))),
        avp(443, avp(450, number(0)) + avp(444, b"1") + avp(432, number(1))),
        ASKING,
    ),
    base.Tolerated.PROXIABLE_BIT_MISSING: forgiven(Answer(3008), ASKING, flags=0x80),
    base.Tolerated.REPEATED_ORIGIN: forgiven(
        Answer(5009, avp(296, b"EXAMPLE")), avp(296, b"EXAMPLE"), ASKING
    ),
    base.Tolerated.UNKNOWN_MANDATORY_AVP: forgiven(
        Answer(5001, avp(9999, b"x", vendor=2011)), avp(9999, b"x", vendor=2011), ASKING
    ),
    gy.Tolerated.UNITS_AT_COMMAND_LEVEL: Forgiven(
        lambda me: me.initial(wanted()), Answer(2001), Answer(5008, wanted())
    ),
    gy.Tolerated.UNITS_AT_BOTH_LEVELS: forgiven(
        Answer(5008, used(total(1))), ASKING, used(total(1))
    ),
    gy.Tolerated.SERVICE_WITHOUT_NAME: forgiven(
        Answer(5005, avp(456, avp(432, bytes(4)))),
        avp(456, wanted()),
        service=(None, 2001, QUOTA),
    ),
    gy.Tolerated.REPEATED_SERVICE: forgiven(
        Answer(5009, service(DATA, used(total(1)))), ASKING, service(DATA, used(total(1)))
    ),
    gy.Tolerated.USAGE_WITHOUT_TOTAL: forgiven(
        Answer(5005, avp(456, used(total(0)))), service(DATA, wanted(), DIRECTIONS)
    ),
    gy.Tolerated.SEVERAL_UNIT_TYPES: forgiven(
        Answer(5007, TWO_TYPES), service(DATA, wanted(), TWO_TYPES)
    ),
    gy.Tolerated.MULTIPLE_SERVICES_NOT_INDICATED: forgiven(
        Answer(5004, avp(455, number(0))), ASKING, instead=[avp(455, number(0))]
    ),
    gy.Tolerated.USAGE_IN_EVENT: Forgiven(
        lambda me: me.request(4, 0, avp(436, number(0)), service(DATA, wanted(total(1)), ONE_USED)),
        Answer(2001, None, ((DATA, 2001, 1),)),
        Answer(5008, ONE_USED),
    ),
    gy.Tolerated.REQUESTED_ACTION: forgiven(
        Answer(5008, avp(436, number(0))), ASKING, avp(436, number(0))
    ),
    gy.Tolerated.ADVICE_OF_CHARGE: forgiven(
        Answer(5001, avp(2055, number(1), vendor=10415)),
        ASKING,
        avp(2055, number(1), vendor=10415),
    ),
    gy.Tolerated.ABSURD_TIME: forgiven(
        Answer(5004, avp(55, number(2**31))), ASKING, instead=[avp(55, number(2**31))]
    ),
    base.Tolerated.ODD_SESSION_ID: forgiven(
        Answer(5004, avp(263, b"x")), ASKING, instead=[avp(263, b"x")]
    ),
    base.Tolerated.NUL_IN_TEXT: forgiven(
        Answer(5004, avp(461, b"32251@3gpp.org\0")),
        ASKING,
        instead=[avp(461, b"32251@3gpp.org\0")],
    ),
    base.Tolerated.OCTETS_IN_TEXT: forgiven(
        Answer(5004, avp(444, b"\xff")),
        ASKING,
        avp(443, avp(450, number(0)) + avp(444, b"\xff")),
    ),
    gy.Tolerated.PRIVATE_SERVICE_CONTEXT: forgiven(
        Answer(5031, avp(461, PRIVATE_CONTEXT)), ASKING, instead=[avp(461, PRIVATE_CONTEXT)]
    ),
}
"""All that is tolerated in a Credit-Control-Request."""


DEBIT, REFUND, CHECK, ENQUIRE = (avp(436, number(action)) for action in range(4))


def marked(mark: bytes) -> bytes:
    """Return what names what is to be given back."""
    return avp(2022, mark, vendor=10415)


def event(code: int, failed: bytes | None = None, *services: tuple) -> Callable[..., Conversation]:
    """Return what makes a conversation of one event of some AVPs that is answered so."""

    def conversation(*more: bytes, **others: object) -> Conversation:
        return lambda me: [says(me.request(4, 0, *more, **others), code, failed, *services)]

    return conversation


EVENTS: dict[str, Conversation] = {
    "no action": event(5005, avp(436, bytes(4)))(ASKING),
    "an unknown action": event(5004, avp(436, number(4)))(avp(436, number(4)), ASKING),
    "a negative action": event(5004, avp(436, b"\xff\xff\xff\xff"))(
        avp(436, b"\xff\xff\xff\xff"), ASKING
    ),
    "two actions": event(5009, REFUND)(DEBIT, REFUND, ASKING),
    "nobody named": event(5005, NOBODY)(DEBIT, ASKING, without=443),
    "as much as the wire can say": event(2001, None, (DATA, 2001, ALLOWANCE))(
        DEBIT, service(DATA, wanted(total(GREATEST)))
    ),
    "nothing wanted": event(2001, None, (DATA, 2001, 1))(DEBIT, service(DATA, wanted(total(0)))),
    "money that nobody has": event(4012, None, (DATA, 4012, 0))(
        DEBIT, service(DATA, wanted(money(5)))
    ),
    "money below nothing": event(5004, money(-1))(DEBIT, service(DATA, wanted(money(-1)))),
    "more money than can be stored": event(5004, money(2**62, 12))(
        DEBIT, service(DATA, wanted(money(2**62, 12)))
    ),
    "money of the greatest exponent": event(5004, money(1, 2**31 - 1))(
        DEBIT, service(DATA, wanted(money(1, 2**31 - 1)))
    ),
    "money of the least exponent": event(5004, money(1, -(2**31)))(
        DEBIT, service(DATA, wanted(money(1, -(2**31))))
    ),
    "money of another currency": event(5004, money(5, 0, 840))(
        DEBIT, service(DATA, wanted(money(5, 0, 840)))
    ),
    "money of two currencies": event(5004, money(5, 0, 840))(
        DEBIT,
        service(DATA, wanted(money(5, 0, 978))),
        service(DATA + 1, wanted(money(5, 0, 840))),
    ),
    "money of no amount": event(5005, avp(445, avp(447, bytes(8))))(
        DEBIT, service(DATA, wanted(avp(413, avp(425, number(978)))))
    ),
    "money of no digits": event(5005, avp(447, bytes(8)))(
        DEBIT, service(DATA, wanted(avp(413, avp(445, avp(429, bytes(4))))))
    ),
    "a refund of what nobody knows": event(5031, marked(b"none"), (DATA, 5031, 0))(
        REFUND, service(DATA, marked(b"none"))
    ),
    "units of another type": event(5031, avp(432, number(DATA)), (DATA, 5031, 0))(
        DEBIT, service(DATA, wanted(avp(420, number(5))))
    ),
    "an unknown rating group among others": event(5031, avp(432, number(9)), (9, 5031, 0))(
        DEBIT, service(DATA, wanted(total(1))), service(9, wanted(total(1)))
    ),
}

MOST_MONEY = 2**63 // 1_000_000


def after_change(octets: int, part: int = 1) -> bytes:
    return used(avp(452, part.to_bytes(4, signed=True)), total(octets))


def reason(kind: int) -> bytes:
    return avp(872, number(kind), vendor=10415)


def reports(code: int, failed: bytes | None, *avps: bytes) -> Conversation:
    """Return a session whose only report is answered so, and whose end succeeds."""
    granted = (GRANTED,) if code == 2001 else ()
    return lambda me: [
        says(me.initial(ASKING), 2001, None, GRANTED),
        says(me.update(1, *avps), code, failed, *granted),
        says(me.terminate(2), 2001),
    ]


CONTROLS: dict[str, Conversation] = {
    "unknown Tariff-Change-Usage": reports(
        2001, None, service(DATA, wanted(), after_change(5, 7), after_change(5, -1))
    ),
    "used after a change and never before": reports(
        2001, None, service(DATA, wanted(), after_change(5), after_change(6))
    ),
    "used after no change": reports(2001, None, service(DATA, wanted(), after_change(101))),
    "all that the wire can say, after a change as well": lambda me: [
        says(me.initial(ASKING), 2001, None, GRANTED),
        says(
            me.update(1, service(DATA, after_change(GREATEST), after_change(GREATEST, 0))),
            2001,
            None,
            SETTLED,
        ),
    ],
    "all Reporting-Reasons at once": lambda me: [
        says(me.initial(ASKING), 2001, None, GRANTED),
        says(
            me.update(1, service(DATA, wanted(), used(total(5)), *map(reason, range(10)))),
            2001,
            None,
            SETTLED,
        ),
    ],
    "an unknown Reporting-Reason": reports(
        2001, None, service(DATA, wanted(), used(total(5), reason(99)))
    ),
    "two Reporting-Reasons of one usage": reports(
        5009, reason(4), service(DATA, wanted(), used(total(5), reason(0), reason(4)))
    ),
    "another action in a session": lambda me: [
        says(me.initial(REFUND, ASKING), 2001, None, GRANTED),
        says(me.update(1, CHECK, ASKING), 2001, None, GRANTED),
        says(me.terminate(2, ENQUIRE), 2001),
    ],
    "Refund-Information in a session": served(service(DATA, wanted(), marked(b"x" * 60_000))),
    "units of all types and money": one(2001, None, (DATA, 4012, 0))(
        service(
            DATA,
            wanted(total(5), avp(420, number(5)), avp(417, quantity(5)), money(5)),
        )
    ),
    "money of no currency": one(2001, None, (DATA, 4012, 0))(service(DATA, wanted(money(1, 0, 0)))),
    "used all the money that can be said a hundred times": lambda me: [
        says(me.initial(ASKING), 2001, None, GRANTED),
        says(me.update(1, service(DATA, *[used(money(MOST_MONEY))] * 100)), 2001, None, SETTLED),
        says(me.update(2, service(DATA, used(money(MOST_MONEY)))), 2001, None, SETTLED),
    ],
    "a bearer of three octets": one(5014, bearer(b"abc\0"))(
        avp(873, avp(874, bearer(b"abc"), vendor=10415), vendor=10415)
    ),
    "Origin-State-Id that goes back": lambda me: [
        says(me.initial(ASKING, avp(278, b"\xff\xff\xff\xff")), 2001, None, GRANTED),
        says(me.update(1, ASKING, avp(278, number(0))), 2001, None, GRANTED),
        says(me.terminate(2, avp(278, number(1))), 2001),
    ],
}

UNKNOWN_MARKS = {
    "no EDR": b"1-1-1",
    "beyond all times": b"1-%d-1" % 10**17,
    "beyond all numbers": b"%d-1-%d" % (2**63, 2**63),
    "below nothing": b"1--5-1",
    "NUL": b"1-1-1\0",
    "a line": b"1-1-1\n",
    "no UTF-8": b"\xff\xfe",
    "digits of another script": "\u0661-\u0661-\u0661".encode(),
    "nothing": b"",
}
REFUNDS: dict[str, Conversation] = {
    **{
        name: event(5031, marked(mark), (DATA, 5031, 0))(REFUND, service(DATA, marked(mark)))
        for name, mark in UNKNOWN_MARKS.items()
    },
    "an endless mark": event(5031, marked(b""), (DATA, 5031, 0))(
        REFUND, service(DATA, marked(b"1" * 60_000))
    ),
    "no mark": event(5031, marked(b""), (DATA, 5031, 0))(REFUND, ASKING),
    "an endless CC-Correlation-Id": event(5031, avp(411, b"", flags=0), (DATA, 5031, 0))(
        REFUND, ASKING, avp(411, b"1" * 60_000)
    ),
    "twice, the second time with all that the wire can say": lambda me: [
        says(
            me.request(4, 0, DEBIT, service(DATA, wanted(total(5)))),
            2001,
            None,
            (DATA, 2001, 5),
        ),
        says(me.request(4, 1, REFUND, service(DATA)), 2001, None, (DATA, 2001, 5)),
        says(
            me.request(4, 2, REFUND, service(DATA, wanted(total(GREATEST)))),
            4010,
            None,
            (DATA, 4010, 0),
        ),
    ],
    "money of what was paid in octets": lambda me: [
        says(
            me.request(4, 0, DEBIT, service(DATA, wanted(total(5)))),
            2001,
            None,
            (DATA, 2001, 5),
        ),
        says(
            me.request(4, 1, REFUND, service(DATA, wanted(money(5)))),
            5031,
            marked(b""),
            (DATA, 5031, 0),
        ),
    ],
}
ENQUIRIES: dict[str, Conversation] = {
    "whether the greatest amount is there": event(2001, None, (DATA, 2001, 0))(
        CHECK, service(DATA, wanted(total(GREATEST)))
    ),
    "whether anything is there": event(2001)(CHECK),
    "the price of the greatest amount": event(2001, None, (DATA, 2001, 0))(
        ENQUIRE, service(DATA, wanted(total(GREATEST)))
    ),
    "the price of what nobody knows": event(5031, avp(432, number(9)), (9, 5031, 0))(
        ENQUIRE, service(9, wanted(total(1)))
    ),
}

TABLES = {
    "length": LENGTHS,
    "size": SIZES,
    "header": HEADERS,
    "flags": FLAGS,
    "presence": PRESENCE,
    "value": VALUES,
    "units": UNITS,
    "text": NAMES,
    "Session-Id": SESSION_IDS,
    "session": SESSIONS,
    "services": SERVICES,
    "event": EVENTS,
    "control": CONTROLS,
    "refund": REFUNDS,
    "enquiry": ENQUIRIES,
}
CASES = {f"{table}: {name}": TABLES[table][name] for table in TABLES for name in TABLES[table]}
