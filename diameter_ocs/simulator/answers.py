"""Credit-Control-Answers read with python-diameter, and how a person sees them."""

import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from diameter.message import Avp, AvpGrouped, Message  # type: ignore[import-untyped]
from diameter.message import constants as c
from diameter.message.avp import AvpDecodeError  # type: ignore[import-untyped]
from diameter.message.packer import Error as PackerError  # type: ignore[import-untyped]

from .announcements import Announcement, read_announcement
from .avps import each, first, time_text
from .encoding import RequestKeys
from .errors import SimulatorError
from .final_units import FinalUnit, read_final_unit
from .money import NOTHING_TOLD, MoneyTold, read_money, read_money_told
from .quotas import NOTHING_TOLD_OF_QUOTA, QuotaTold, read_quota_told
from .steps import RequestType, Step, Units

SUCCESS: int = c.E_RESULT_CODE_DIAMETER_SUCCESS
UNKNOWN_SESSION_ID: int = c.E_RESULT_CODE_DIAMETER_UNKNOWN_SESSION_ID
RESULT_CODE_NAMES: dict[int, str] = {
    value: name.removeprefix("E_RESULT_CODE_").removeprefix("DIAMETER_")
    for name, value in vars(c).items()
    if name.startswith("E_RESULT_CODE_")
} | {4241: "NO_AVAILABLE_POLICY_COUNTERS", 5570: "UNKNOWN_POLICY_COUNTERS"}
TRIGGER_NAMES: dict[int, str] = {
    value: name.removeprefix("E_TRIGGER_TYPE_")
    for name, value in vars(c).items()
    if name.startswith("E_TRIGGER_TYPE_")
}
CHECK_BALANCE_RESULTS = ("ENOUGH_CREDIT", "NO_CREDIT")
AT_COMMAND_LEVEL = (c.AVP_GRANTED_SERVICE_UNIT, c.AVP_VALIDITY_TIME)
UNKNOWN_NAME = Avp().name
UNDECODABLE = (AvpDecodeError, PackerError, EOFError, ValueError, struct.error)


@dataclass(frozen=True, slots=True)
class ServiceAnswer:
    """One Multiple-Services-Credit-Control of an answer; None is what it does not hold."""

    rating_group: int | None
    service_identifiers: tuple[int, ...]
    result_code: int | None
    granted: Units | None
    validity_seconds: int | None
    final_unit: FinalUnit | None
    triggers: tuple[int, ...] | None = None
    announcements: tuple[Announcement, ...] = ()
    qos_final_unit: FinalUnit | None = None
    refund_information: str | None = None
    quota_told: QuotaTold = NOTHING_TOLD_OF_QUOTA
    tariff_change_at: str | None = None


@dataclass(frozen=True, slots=True)
class FailedAvp:
    """What stands in Failed-AVP: its name after those of the groups around it, and its octets."""

    name: str
    octets: str

    def text(self) -> str:
        """Says what failed, with its octets as hexadecimal digits."""
        return f"{self.name} ({self.octets or 'empty'})"


@dataclass(frozen=True, slots=True)
class Answer:
    """A Credit-Control-Answer; None is what it does not hold.

    `faults` are sentences about an
    answer that does not fit its request; a good server causes none.
    """

    session_id: str | None
    request_type: int | None
    request_number: int | None
    result_code: int | None
    services: tuple[ServiceAnswer, ...]
    origin_host: str | None
    error_message: str | None
    failed_avps: tuple[FailedAvp, ...]
    faults: tuple[str, ...]
    check_balance_result: str | None = None
    told: MoneyTold = NOTHING_TOLD

    def text(self) -> str:
        """Says in one line what the server answered."""
        head = (
            f"{_kind_text(self.request_type, self.request_number)}: {code_text(self.result_code)}"
        )
        parts = [head, *(_service_text(service) for service in self.services)]
        if self.check_balance_result is not None:
            parts.append(self.check_balance_result)
        parts += self.told.texts()
        if self.error_message:
            parts.append(f"message: {self.error_message}")
        if self.failed_avps:
            culprits = ", ".join(avp.text() for avp in self.failed_avps)
            parts.append(f"failed AVP: {culprits}")
        parts.extend(f"FAULT: {fault}" for fault in self.faults)
        return "; ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """Returns the answer for JSON; what is absent is left out of units, None elsewhere."""
        return {
            "session_id": self.session_id,
            "request_type": self.request_type,
            "request_number": self.request_number,
            "result_code": self.result_code,
            "result_name": code_name(self.result_code),
            "services": [_service_dict(service) for service in self.services],
            "origin_host": self.origin_host,
            "error_message": self.error_message,
            "failed_avps": [asdict(avp) for avp in self.failed_avps],
            "faults": list(self.faults),
            "check_balance_result": self.check_balance_result,
            **self.told.as_dict(),
        }


def read_answer(octets: bytes, keys: RequestKeys, request_type: RequestType) -> Answer:
    """Decodes a whole CCA and compares it with the request it answers.

    Raises SimulatorError when python-diameter cannot decode it.
    """
    try:
        message = Message.from_bytes(octets)
        group = Message.from_bytes(octets, plain_msg=True).avps
        groups = [avp.value for avp in each(group, c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL)]
        if not groups and any(first(group, code) is not None for code in AT_COMMAND_LEVEL):
            groups = [group]  # what was asked at command level is answered there
        services = tuple([_read_service(group) for group in groups])
        return Answer(
            session_id=first(group, c.AVP_SESSION_ID),
            request_type=first(group, c.AVP_CC_REQUEST_TYPE),
            request_number=first(group, c.AVP_CC_REQUEST_NUMBER),
            result_code=first(group, c.AVP_RESULT_CODE),
            services=services,
            origin_host=_text(first(group, c.AVP_ORIGIN_HOST)),
            error_message=first(group, c.AVP_ERROR_MESSAGE),
            failed_avps=read_failed_avps(group),
            faults=tuple(_faults(message, group, keys, request_type)),
            check_balance_result=_name(
                CHECK_BALANCE_RESULTS, first(group, c.AVP_CHECK_BALANCE_RESULT)
            ),
            told=read_money_told(group),
        )
    except UNDECODABLE as error:
        raise SimulatorError(
            f"the answer cannot be decoded ({error}); its octets are {octets.hex()}"
        ) from error


def unmet_expectation(step: Step, answer: Answer) -> str | None:
    """Says in which result code an answer differs from what its step expects, None if in none."""
    if not step.expected:
        return None
    command, *services = step.expected
    if answer.result_code != command:
        return f"expected result code {command}, got {code_text(answer.result_code)}"
    codes = [service.result_code for service in answer.services]
    if services and codes != services:
        return f"expected the services' result codes {services}, got {codes}"
    return None


def code_text(code: int | None) -> str:
    """Returns a result code with its name."""
    if code is None:
        return "no result code"
    return f"{code} {code_name(code) or '(unknown)'}"


def read_failed_avps(group: list[Any]) -> tuple[FailedAvp, ...]:
    """Returns what the Failed-AVPs of an answer point at."""
    return tuple(
        failed
        for avp in each(group, c.AVP_FAILED_AVP)
        for member in avp.value
        for failed in _failed(member)
    )


def code_name(code: int | None) -> str | None:
    """Returns what a result code is called; None where it has no name that is known here."""
    return None if code is None else RESULT_CODE_NAMES.get(code)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _failed(avp: Any, within: str = "") -> list[FailedAvp]:
    """Returns what a member of Failed-AVP points at; groups only say where it stands."""
    known = avp.name != UNKNOWN_NAME
    name = within + (avp.name if known else f"{avp.code} of vendor {avp.vendor_id}")
    members = _members(avp)
    if members:
        return [failed for member in members for failed in _failed(member, f"{name} > ")]
    return [FailedAvp(name, avp.payload.hex())]


def _members(avp: Any) -> list[Any]:
    """Returns the members of a group; none of what failed because it cannot be decoded."""
    try:
        return list(avp.value) if isinstance(avp, AvpGrouped) else []
    except UNDECODABLE:
        return []


def _read_service(group: list[Any]) -> ServiceAnswer:
    granted = first(group, c.AVP_GRANTED_SERVICE_UNIT)
    final = first(group, c.AVP_FINAL_UNIT_INDICATION)
    qos_final = first(group, c.AVP_QOS_FINAL_UNIT_INDICATION)
    trigger = first(group, c.AVP_TGPP_TRIGGER, c.VENDOR_TGPP)
    refund = first(group, c.AVP_TGPP_REFUND_INFORMATION, c.VENDOR_TGPP)
    announcements = each(group, c.AVP_TGPP_ANNOUNCEMENT_INFORMATION, c.VENDOR_TGPP)
    changes = each(granted or (), c.AVP_TARIFF_TIME_CHANGE)
    return ServiceAnswer(
        rating_group=first(group, c.AVP_RATING_GROUP),
        service_identifiers=tuple(avp.value for avp in each(group, c.AVP_SERVICE_IDENTIFIER)),
        result_code=first(group, c.AVP_RESULT_CODE),
        granted=None if granted is None else _read_units(granted),
        validity_seconds=first(group, c.AVP_VALIDITY_TIME),
        final_unit=None if final is None else read_final_unit(final),
        qos_final_unit=None if qos_final is None else read_final_unit(qos_final),
        triggers=None if trigger is None else _read_trigger(trigger),
        announcements=tuple(read_announcement(avp.value) for avp in announcements),
        refund_information=None if refund is None else refund.decode(errors="backslashreplace"),
        quota_told=read_quota_told(group),
        tariff_change_at=next((time_text(avp.payload) for avp in changes), None),
    )


def _read_units(group: list[Any]) -> Units:
    return Units(
        total_octets=first(group, c.AVP_CC_TOTAL_OCTETS),
        input_octets=first(group, c.AVP_CC_INPUT_OCTETS),
        output_octets=first(group, c.AVP_CC_OUTPUT_OCTETS),
        seconds=first(group, c.AVP_CC_TIME),
        service_specific_units=first(group, c.AVP_CC_SERVICE_SPECIFIC_UNITS),
        money=read_money(first(group, c.AVP_CC_MONEY) or ()),
    )


def _name(names: tuple[str, ...], value: int | None) -> str | None:
    """Returns what a value is called; None: there is none."""
    if value is None:
        return None
    return names[value] if 0 <= value < len(names) else f"unknown ({value})"


def _read_trigger(group: list[Any]) -> tuple[int, ...]:
    return tuple(avp.value for avp in each(group, c.AVP_TGPP_TRIGGER_TYPE, c.VENDOR_TGPP))


def _faults(
    message: Any, group: list[Any], keys: RequestKeys, request_type: RequestType
) -> list[str]:
    header = message.header
    code = first(group, c.AVP_RESULT_CODE)
    is_protocol_error = code is not None and 3000 <= code < 4000
    checks: list[tuple[str, object, object]] = [
        ("command code", header.command_code, c.CMD_CREDIT_CONTROL),
        ("application id", header.application_id, c.APP_DIAMETER_CREDIT_CONTROL_APPLICATION),
        ("hop-by-hop id", header.hop_by_hop_identifier, keys.hop_by_hop),
        ("end-to-end id", header.end_to_end_identifier, keys.end_to_end),
        ("R bit", header.is_request, False),
        ("P bit", header.is_proxyable, True),
        ("T bit", header.is_retransmit, False),
        ("E bit", header.is_error, is_protocol_error),
        ("Session-Id", first(group, c.AVP_SESSION_ID), keys.session_id),
        ("number of Result-Codes", len(each(group, c.AVP_RESULT_CODE)), 1),
    ]
    if not is_protocol_error:
        checks += [
            ("first AVP", group[0].code if group else None, c.AVP_SESSION_ID),
            ("CC-Request-Type", first(group, c.AVP_CC_REQUEST_TYPE), int(request_type)),
            ("CC-Request-Number", first(group, c.AVP_CC_REQUEST_NUMBER), keys.request_number),
        ]
    return [f"{name} is {got}, not {wanted}" for name, got, wanted in checks if got != wanted]


def _kind_text(request_type: int | None, request_number: int | None) -> str:
    try:
        name = RequestType(request_type).name.lower() if request_type is not None else "answer"
    except ValueError:
        name = f"request type {request_type}"
    return name if request_number is None else f"{name} {request_number}"


def _service_text(service: ServiceAnswer) -> str:
    names = [] if service.rating_group is None else [f"rating group {service.rating_group}"]
    names += [f"service {identifier}" for identifier in service.service_identifiers]
    parts = [f"{' '.join(names) or 'the session'}: {code_text(service.result_code)}"]
    if service.granted is not None:
        parts.append(f"granted {_units_text(service.granted)}")
    if service.validity_seconds is not None:
        parts.append(f"valid for {service.validity_seconds} s")
    if service.tariff_change_at is not None:
        parts.append(f"the price changes at {service.tariff_change_at}")
    parts += service.quota_told.parts(_threshold_text(service))
    if service.final_unit is not None:
        when = "at once" if service.granted is None else "final units, then"
        parts.append(f"{when} {service.final_unit.text()}")
    if service.qos_final_unit is not None:
        parts.append(f"by QoS-Final-Unit-Indication {service.qos_final_unit.text()}")
    if service.triggers is not None:
        triggers = " ".join(TRIGGER_NAMES.get(kind, str(kind)) for kind in service.triggers)
        parts.append(f"triggers {triggers or 'none'}")
    parts += [announcement.text() for announcement in service.announcements]
    if service.refund_information is not None:
        parts.append(f"to be refunded by {service.refund_information}")
    return ", ".join(parts)


def _threshold_text(service: ServiceAnswer) -> str:
    """Says the threshold in the unit that was granted."""
    left, granted = service.quota_told.threshold, service.granted
    if granted is not None and granted.total_octets is not None and left is not None:
        return octets_text(left)
    return f"{left} {'s' if granted is not None and granted.seconds is not None else 'units'}"


def _units_text(units: Units) -> str:
    forms: tuple[tuple[int | None, Callable[[int], str], str], ...] = (
        (units.total_octets, octets_text, ""),
        (units.input_octets, octets_text, " in"),
        (units.output_octets, octets_text, " out"),
        (units.seconds, lambda amount: f"{amount} s", ""),
        (units.service_specific_units, lambda amount: f"{amount} units", ""),
    )
    said = [form(n) + end for n, form, end in forms if n is not None]
    if units.money is not None:
        said.append(units.money.text())
    return " + ".join(said) or "nothing"


def octets_text(octets: int) -> str:
    """Returns an amount of octets, in the largest binary unit that holds it exactly."""
    for name, size in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if octets >= size and octets % size == 0:
            return f"{octets // size} {name}"
    return f"{octets} octets"


def _service_dict(service: ServiceAnswer) -> dict[str, Any]:
    return {
        "rating_group": service.rating_group,
        "service_identifiers": list(service.service_identifiers),
        "result_code": service.result_code,
        "result_name": code_name(service.result_code),
        "granted": None if service.granted is None else _units_dict(service.granted),
        "validity_seconds": service.validity_seconds,
        "final_unit": None if service.final_unit is None else service.final_unit.as_dict(),
        "qos_final_unit": (
            None if service.qos_final_unit is None else service.qos_final_unit.as_dict()
        ),
        "triggers": None if service.triggers is None else list(service.triggers),
        "announcements": [announcement.as_dict() for announcement in service.announcements],
        "refund_information": service.refund_information,
        **service.quota_told.as_dict(),
        "tariff_change_at": service.tariff_change_at,
    }


def _units_dict(units: Units) -> dict[str, Any]:
    amounts = {name: getattr(units, name) for name in Units.__slots__}
    said = {name: amount for name, amount in amounts.items() if amount is not None}
    return said if units.money is None else {**said, "money": units.money.as_dict()}
