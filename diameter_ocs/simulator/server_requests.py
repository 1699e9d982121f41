"""Requests that a server sends by itself, read with python-diameter: RAR and ASR (RFC 6733) and
SNR (TS 29.219).

The library has no vendor for SN-Request-Type in its message class and knows no Pending-Policy-
Counter-Information there, so AVPs are read one by one.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from diameter.message import Message, MessageHeader  # type: ignore[import-untyped]
from diameter.message import constants as c

from .answers import UNDECODABLE, code_name, code_text
from .avps import avp, each, first, octets_avp
from .encoding import CREDIT_CONTROL, Identity, message_octets, origin
from .errors import SimulatorError
from .policy_counters import CounterReport, read_reports, reports_text

COMMANDS: dict[int, tuple[str, int]] = {
    c.CMD_RE_AUTH: ("RAR", CREDIT_CONTROL),
    c.CMD_ABORT_SESSION: ("ASR", CREDIT_CONTROL),
    c.CMD_SPENDING_STATUS_NOTIFICATION: ("SNR", c.APP_3GPP_SY),
}
"""What each is called, and the application that has it."""
ABORT = 2
"""The bit of SN-Request-Type that asks for the session's end."""


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """A request of the server, and what became of it.

    `result_code` is what was answered, None is nothing. `faults` are sentences about a request that
    a good server does not send. `is_followed`: what it asks for is to be sent.
    """

    command: str
    session_id: bytes
    is_repeat: bool
    rating_groups: tuple[int, ...]
    reports: tuple[CounterReport, ...]
    is_abort: bool
    end_to_end: int
    faults: tuple[str, ...]
    result_code: int | None = None
    is_dropped: bool = False
    is_followed: bool = False

    def text(self) -> str:
        """Says in one line what came, and what became of it."""
        parts = [self.command + (" again" if self.is_repeat else "")]
        parts += [f"rating group {group}" for group in self.rating_groups]
        parts += [reports_text(self.reports)] if self.reports else []
        parts += ["the session is to end"] if self.is_abort and self.command == "SNR" else []
        if self.is_dropped:
            parts.append("the connection was dropped")
        elif self.result_code is None:
            parts.append("not answered")
        else:
            parts.append(f"answered {code_text(self.result_code)}")
        parts += [f"FAULT: {fault}" for fault in self.faults]
        return "; ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Returns the request for JSON."""
        return {
            "command": self.command,
            "session_id": session_text(self.session_id),
            "is_repeat": self.is_repeat,
            "end_to_end_id": self.end_to_end,
            "rating_groups": list(self.rating_groups),
            "counters": [asdict(report) for report in self.reports],
            "is_abort": self.is_abort,
            "result_code": self.result_code,
            "result_name": code_name(self.result_code),
            "is_dropped": self.is_dropped,
            "faults": list(self.faults),
        }


def read_server_request(identity: Identity, octets: bytes) -> ServerRequest | None:
    """Decodes a request of the server; None: it is none of those that are known here.

    Raises SimulatorError when python-diameter cannot decode it.
    """
    header = MessageHeader.from_bytes(octets)
    if header.command_code not in COMMANDS:
        return None
    command, _ = COMMANDS[header.command_code]
    try:
        group = Message.from_bytes(octets, plain_msg=True).avps
        types = each(group, c.AVP_TGPP_SN_REQUEST_TYPE, c.VENDOR_TGPP)
        return ServerRequest(
            command=command,
            session_id=next((each.payload for each in group if each.code == c.AVP_SESSION_ID), b""),
            is_repeat=header.is_retransmit,
            rating_groups=tuple(member.value for member in each(group, c.AVP_RATING_GROUP)),
            reports=read_reports(group),
            is_abort=command == "ASR" or any(member.value & ABORT for member in types),
            end_to_end=header.end_to_end_identifier,
            faults=tuple(_faults(header, group, identity)),
        )
    except UNDECODABLE as error:
        raise SimulatorError(
            f"a request of the server cannot be decoded ({error}); its octets are {octets.hex()}"
        ) from error


def answer_server_request(identity: Identity, octets: bytes, code: int) -> bytes:
    """Returns the answer to a RAR, ASR or SNR with a result code."""
    request = Message.from_bytes(octets, plain_msg=True)
    header = MessageHeader(
        command_code=request.header.command_code,
        application_id=request.header.application_id,
        hop_by_hop_identifier=request.header.hop_by_hop_identifier,
        end_to_end_identifier=request.header.end_to_end_identifier,
    )
    header.is_proxyable = request.header.is_proxyable
    header.is_error = 3000 <= code < 4000
    avps = [octets_avp(c.AVP_SESSION_ID, each.payload) for each in _session_ids(request.avps)]
    avps += [avp(c.AVP_RESULT_CODE, code), *origin(identity)]
    avps += each(request.avps, c.AVP_PROXY_INFO)
    return message_octets(header, avps)


def session_text(session_id: bytes) -> str:
    """Returns a Session-Id as text, with octets that are no UTF-8 spelt out."""
    return session_id.decode(errors="backslashreplace")


def _session_ids(group: list[Any]) -> list[Any]:
    return each(group, c.AVP_SESSION_ID)[:1]


def _faults(header: Any, group: list[Any], identity: Identity) -> Iterator[str]:
    command, application = COMMANDS[header.command_code]
    host = first(group, c.AVP_DESTINATION_HOST)
    realm = first(group, c.AVP_DESTINATION_REALM)
    checks: list[tuple[str, object, object]] = [
        ("application id", header.application_id, application),
        ("P bit", header.is_proxyable, True),
        ("E bit", header.is_error, False),
        ("first AVP", group[0].code if group else None, c.AVP_SESSION_ID),
        ("Auth-Application-Id", first(group, c.AVP_AUTH_APPLICATION_ID), application),
        ("Destination-Host", host and host.decode(), identity.origin_host),
        ("Destination-Realm", realm and realm.decode(), identity.origin_realm),
        ("number of Origin-Hosts", len(each(group, c.AVP_ORIGIN_HOST)), 1),
    ]
    if command == "RAR":
        checks.append(("Re-Auth-Request-Type", first(group, c.AVP_RE_AUTH_REQUEST_TYPE), 0))
    yield from (f"{name} is {got}, not {wanted}" for name, got, wanted in checks if got != wanted)
    for member in each(group, c.AVP_TGPP_SN_REQUEST_TYPE, c.VENDOR_TGPP):
        if member.is_mandatory:
            yield "SN-Request-Type has the M bit"
