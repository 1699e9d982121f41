"""Credit-Control-Requests of the load client: made once by python-diameter, then only patched.

A template is the octets of one request in which the fields that differ from one request to the next
hold marks; a mark is found by its octets, which occur nowhere else.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from .encoding import (
    Identity,
    RequestKeys,
    Subscriber,
    credit_control_request,
)
from .steps import IN_SESSION, RequestType, ServiceStep, Step, Units

NTP_MINUS_UNIX_SECONDS = 2_208_988_800
REQUESTED_OCTETS = 102_400

IDENTIFIERS_AT = 12
IDENTIFIERS = struct.Struct(">II")
UNSIGNED32 = struct.Struct(">I")
UNSIGNED64 = struct.Struct(">Q")

IMSI_MARK = "9876598765"
MSISDN_MARK = "567856785678567"
CHARGING_ID_MARK = 0xA1A2A3A4
REQUEST_NUMBER_MARK = 0xB1B2B3B4
EVENT_TIME_MARK = 0xC1C2C3C4
USED_MARK = 0xD1D2D3D4D5D6D700


class LoadSession:
    """One session of the load client: what its next request holds, and when the last one left."""

    __slots__ = (
        "charging_id",
        "connection",
        "end_to_end",
        "hop_by_hop",
        "imsi",
        "msisdn",
        "request_number",
        "request_type",
        "sent_at",
        "session_id",
        "slot",
        "subscriber",
        "used",
    )

    def __init__(self, slot: int, connection: int, session_id: bytes, charging_id: int) -> None:
        self.slot = slot
        self.connection = connection
        self.session_id = session_id
        self.charging_id = charging_id
        self.subscriber = 0
        self.imsi = b""
        self.msisdn = b""
        self.request_type = RequestType.INITIAL
        self.request_number = 0
        self.hop_by_hop = 0
        self.end_to_end = 0
        self.used: tuple[int, ...] = ()
        self.sent_at = 0.0


@dataclass(frozen=True, slots=True)
class RequestTemplate:
    """The octets of one kind of request, and the offsets of what is patched into them.

    `used_at` has an offset for each rating group, and is empty where nothing is reported.
    """

    octets: bytes
    session_id_at: int
    imsi_at: int
    msisdn_at: int
    charging_id_at: int
    request_number_at: int
    event_time_at: int
    used_at: tuple[int, ...]

    def render(self, session: LoadSession, event_time: bytes) -> bytearray:
        """Returns the session's next request; `event_time` is the Event-Timestamp's four octets."""
        octets = bytearray(self.octets)
        IDENTIFIERS.pack_into(octets, IDENTIFIERS_AT, session.hop_by_hop, session.end_to_end)
        at = self.session_id_at
        octets[at : at + len(session.session_id)] = session.session_id
        at = self.imsi_at
        octets[at : at + len(session.imsi)] = session.imsi
        at = self.msisdn_at
        octets[at : at + len(session.msisdn)] = session.msisdn
        at = self.event_time_at
        octets[at : at + 4] = event_time
        UNSIGNED32.pack_into(octets, self.charging_id_at, session.charging_id)
        UNSIGNED32.pack_into(octets, self.request_number_at, session.request_number)
        for at, used in zip(self.used_at, session.used, strict=False):
            UNSIGNED64.pack_into(octets, at, used)
        return octets


def session_id(identity: Identity, run: int, number: int) -> bytes:
    """Returns the Session-Id of a run's session; of one identity they all have the same length."""
    return f"{identity.origin_host};{run:010d};{number:010d}".encode()


def event_time(unix_seconds: float) -> bytes:
    """Returns the octets of an Event-Timestamp (RFC 6733 section 4.3.1, Time)."""
    return UNSIGNED32.pack((int(unix_seconds) + NTP_MINUS_UNIX_SECONDS) & 0xFFFFFFFF)


def used_octets(sent: int, services: int) -> tuple[int, ...]:
    """Returns what a request reports in its services, by how many were sent before it.

    Amounts that all differ show in the sums when one is charged in another's place.
    """
    return tuple(1_000 + (sent * 7_919 + at * 6_007) % 19_001 for at in range(services))


def make_templates(
    identity: Identity, rating_groups: tuple[int, ...], first: Subscriber
) -> Mapping[RequestType, RequestTemplate]:
    """Returns a template of each kind of request in a session, one service for each rating group.

    All subscribers are at home in the first one's network, and their MSISDNs are as long as its.
    """
    return {
        kind: _make_template(identity, _step(kind, rating_groups), first) for kind in IN_SESSION
    }


def _step(kind: RequestType, rating_groups: tuple[int, ...]) -> Step:
    requested = None if kind is RequestType.TERMINATE else Units(total_octets=REQUESTED_OCTETS)
    has_usage = kind is not RequestType.INITIAL
    return Step(
        kind,
        tuple(
            ServiceStep(
                group,
                requested=requested,
                used=Units(total_octets=USED_MARK + position) if has_usage else None,
            )
            for position, group in enumerate(rating_groups)
        ),
    )


def _make_template(identity: Identity, step: Step, first: Subscriber) -> RequestTemplate:
    keys = RequestKeys(
        session_id=session_id(identity, 0, 0).decode(),
        charging_id=CHARGING_ID_MARK,
        request_number=REQUEST_NUMBER_MARK,
        hop_by_hop=0,
        end_to_end=0,
        event_time=EVENT_TIME_MARK - NTP_MINUS_UNIX_SECONDS,
    )
    subscriber = Subscriber(
        imsi=first.imsi[:5] + IMSI_MARK, msisdn=MSISDN_MARK[: len(first.msisdn)]
    )
    octets = credit_control_request(identity, subscriber, step, keys)
    return RequestTemplate(
        octets=octets,
        session_id_at=_only(octets, keys.session_id.encode()),
        imsi_at=_only(octets, subscriber.imsi.encode()),
        msisdn_at=_only(octets, subscriber.msisdn.encode()),
        charging_id_at=_only(octets, UNSIGNED32.pack(CHARGING_ID_MARK)),
        request_number_at=_only(octets, UNSIGNED32.pack(REQUEST_NUMBER_MARK)),
        event_time_at=_only(octets, UNSIGNED32.pack(EVENT_TIME_MARK)),
        used_at=tuple(
            _only(octets, UNSIGNED64.pack(service.used.total_octets))
            for service in step.services
            if service.used is not None
        ),
    )


def _only(octets: bytes, mark: bytes) -> int:
    assert octets.count(mark) == 1, f"{mark!r} must occur once"
    return octets.index(mark)
