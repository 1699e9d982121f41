"""SLR and STR as octets, SLA and STA read with python-diameter (TS 29.219).

AVPs are made and read one by one, as the library's message classes for Sy leave out vendors.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from diameter.message import Message, MessageHeader  # type: ignore[import-untyped]
from diameter.message import constants as c

from .answers import UNDECODABLE, FailedAvp, code_name, code_text, read_failed_avps
from .avps import avp, each, first, octets_avp, tgpp
from .encoding import Identity, Subscriber, message_octets, origin, subscription
from .errors import SimulatorError
from .policy_counters import CounterReport, read_reports, reports_text
from .server_requests import session_text

SY: int = c.APP_3GPP_SY
INITIAL, INTERMEDIATE = 0, 1
KINDS = {INITIAL: "subscribe", INTERMEDIATE: "update", None: "terminate"}
FEATURE_LIST_ID = 1


@dataclass(frozen=True, slots=True)
class SpendingLimitKeys:
    """What tells one request of a PCRF from every other."""

    session_id: bytes
    hop_by_hop: int
    end_to_end: int


@dataclass(frozen=True, slots=True)
class SpendingLimitAnswer:
    """An SLA or an STA; None is what it does not hold.

    `kind` is the step that it answers. `is_experimental`: the code came in Experimental-Result.
    `features` are the bits of list 1 of Supported-Features.
    """

    kind: str
    session_id: bytes
    result_code: int | None
    is_experimental: bool
    reports: tuple[CounterReport, ...]
    features: int | None
    origin_host: str | None
    error_message: str | None
    failed_avps: tuple[FailedAvp, ...]
    faults: tuple[str, ...]

    def text(self) -> str:
        """Says in one line what the server answered."""
        parts = [f"{self.kind}: {code_text(self.result_code)}"]
        parts += [reports_text(self.reports)] if self.reports else []
        parts += [] if self.features is None else [f"features {self.features:#x}"]
        parts += [f"message: {self.error_message}"] if self.error_message else []
        if self.failed_avps:
            parts.append(f"failed AVP: {', '.join(failed.text() for failed in self.failed_avps)}")
        parts += [f"FAULT: {fault}" for fault in self.faults]
        return "; ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Returns the answer for JSON."""
        return {
            "command": "STA" if self.kind == KINDS[None] else "SLA",
            "step": self.kind,
            "session_id": session_text(self.session_id),
            "result_code": self.result_code,
            "result_name": code_name(self.result_code),
            "is_experimental": self.is_experimental,
            "counters": [asdict(report) for report in self.reports],
            "features": self.features,
            "origin_host": self.origin_host,
            "error_message": self.error_message,
            "failed_avps": [asdict(failed) for failed in self.failed_avps],
            "faults": list(self.faults),
        }


def spending_limit_request(
    identity: Identity,
    keys: SpendingLimitKeys,
    request_type: int,
    subscriber: Subscriber,
    counters: tuple[str, ...] = (),
    features: int | None = None,
) -> bytes:
    """Returns an SLR for some counters, or for all; only an initial one names the subscriber."""
    avps = [*_begin(identity, keys), tgpp(c.AVP_TGPP_SL_REQUEST_TYPE, request_type)]
    if request_type == INITIAL:
        named = (
            (c.E_SUBSCRIPTION_ID_TYPE_END_USER_IMSI, subscriber.imsi),
            (c.E_SUBSCRIPTION_ID_TYPE_END_USER_E164, subscriber.msisdn),
        )
        avps += [subscription(kind, digits) for kind, digits in named if digits]
        avps += [] if features is None else [_features(features)]
    avps += [tgpp(c.AVP_TGPP_POLICY_COUNTER_IDENTIFIER, counter) for counter in counters]
    return message_octets(_header(c.CMD_SPENDING_LIMIT, keys), avps)


def session_termination_request(identity: Identity, keys: SpendingLimitKeys) -> bytes:
    """Returns an STR: the PCRF needs the counters no longer."""
    cause = avp(c.AVP_TERMINATION_CAUSE, c.E_TERMINATION_CAUSE_DIAMETER_LOGOUT)
    header = _header(c.CMD_SESSION_TERMINATION, keys)
    return message_octets(header, [*_begin(identity, keys), cause])


def read_spending_limit_answer(
    octets: bytes, keys: SpendingLimitKeys, request_type: int | None
) -> SpendingLimitAnswer:
    """Decodes an SLA, or an STA where the request type is None, and compares it with its request.

    Raises SimulatorError when python-diameter cannot decode it.
    """
    try:
        group = Message.from_bytes(octets, plain_msg=True).avps
        host = first(group, c.AVP_ORIGIN_HOST)
        code, experimental = _codes(group)
        return SpendingLimitAnswer(
            kind=KINDS[request_type],
            session_id=_session_id(group) or b"",
            result_code=experimental if code is None else code,
            is_experimental=code is None and experimental is not None,
            reports=read_reports(group),
            features=_read_features(group),
            origin_host=host and host.decode(),
            error_message=first(group, c.AVP_ERROR_MESSAGE),
            failed_avps=read_failed_avps(group),
            faults=tuple(_faults(MessageHeader.from_bytes(octets), group, keys, request_type)),
        )
    except UNDECODABLE as error:
        raise SimulatorError(
            f"the answer cannot be decoded ({error}); its octets are {octets.hex()}"
        ) from error


def _header(command_code: int, keys: SpendingLimitKeys) -> Any:
    header = MessageHeader(
        command_code=command_code,
        application_id=SY,
        hop_by_hop_identifier=keys.hop_by_hop,
        end_to_end_identifier=keys.end_to_end,
    )
    header.is_request = True
    header.is_proxyable = True
    return header


def _begin(identity: Identity, keys: SpendingLimitKeys) -> list[Any]:
    """Returns what all requests begin with; a Session-Id may have octets that are no UTF-8."""
    avps = [
        octets_avp(c.AVP_SESSION_ID, keys.session_id),
        avp(c.AVP_AUTH_APPLICATION_ID, SY),
        *origin(identity),
        avp(c.AVP_DESTINATION_REALM, identity.destination_realm.encode()),
    ]
    if identity.destination_host is not None:
        avps.append(avp(c.AVP_DESTINATION_HOST, identity.destination_host.encode()))
    return avps


def _features(features: int) -> Any:
    """Returns Supported-Features; of an initial request it has no M bit."""
    members = [
        avp(c.AVP_VENDOR_ID, c.VENDOR_TGPP),
        tgpp(c.AVP_TGPP_FEATURE_LIST_ID, FEATURE_LIST_ID),
        tgpp(c.AVP_TGPP_FEATURE_LIST, features),
    ]
    return avp(c.AVP_TGPP_SUPPORTED_FEATURES, members, c.VENDOR_TGPP, mandatory=False)


def _read_features(group: list[Any]) -> int | None:
    for member in each(group, c.AVP_TGPP_SUPPORTED_FEATURES, c.VENDOR_TGPP):
        if first(member.value, c.AVP_TGPP_FEATURE_LIST_ID, c.VENDOR_TGPP) == FEATURE_LIST_ID:
            features: int | None = first(member.value, c.AVP_TGPP_FEATURE_LIST, c.VENDOR_TGPP)
            return features
    return None


def _codes(group: list[Any]) -> tuple[int | None, int | None]:
    """Returns Result-Code, and the code in Experimental-Result."""
    experimental = first(group, c.AVP_EXPERIMENTAL_RESULT) or ()
    return first(group, c.AVP_RESULT_CODE), first(experimental, c.AVP_EXPERIMENTAL_RESULT_CODE)


def _session_id(group: list[Any]) -> bytes | None:
    return next((member.payload for member in each(group, c.AVP_SESSION_ID)), None)


def _faults(
    header: Any, group: list[Any], keys: SpendingLimitKeys, request_type: int | None
) -> Iterator[str]:
    code, experimental = _codes(group)
    command = c.CMD_SESSION_TERMINATION if request_type is None else c.CMD_SPENDING_LIMIT
    is_protocol_error = code is not None and 3000 <= code < 4000
    checks: list[tuple[str, object, object]] = [
        ("command code", header.command_code, command),
        ("application id", header.application_id, SY),
        ("end-to-end id", header.end_to_end_identifier, keys.end_to_end),
        ("P bit", header.is_proxyable, True),
        ("E bit", header.is_error, is_protocol_error),
        ("Session-Id", _session_id(group), keys.session_id),
        ("number of result codes", 2 - [code, experimental].count(None), 1),
    ]
    if not is_protocol_error and request_type is not None:
        told = first(group, c.AVP_AUTH_APPLICATION_ID)
        checks.append(("Auth-Application-Id", told, SY))
    yield from (f"{name} is {got}, not {wanted}" for name, got, wanted in checks if got != wanted)
