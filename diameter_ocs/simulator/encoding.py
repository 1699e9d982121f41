"""Requests and base-protocol answers of a packet gateway as octets (RFC 6733, RFC 8506, TS 32.299).

AVPs are made one by one with python-diameter's table, and their M bits are set here as TS 32.299
says: the library's message classes leave many of them clear and cannot hold CC-Output-Octets in a
Requested-Service-Unit.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from diameter.message import Avp, Message, MessageHeader  # type: ignore[import-untyped]
from diameter.message import constants as c

from .steps import (
    REASONS_OF_A_UNIT,
    RequestType,
    ServiceStep,
    Step,
    Units,
)

DATA_SERVICE_CONTEXT = "32251@3gpp.org"
TEXT_SERVICE_CONTEXT = "32274@3gpp.org"
PRODUCT_NAME = "diameter-ocs simulator"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the gateway says it is, and whom it addresses.

    `destination_host` stays None until the server has named itself in a first answer.
    """

    origin_host: str
    origin_realm: str
    destination_realm: str
    destination_host: str | None = None


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whose session it is, and where; `network` is the serving network's MCC and MNC in digits."""

    imsi: str = "001010000000001"
    msisdn: str = "15550100001"
    access_point_name: str = "internet"
    network: str = "00101"


@dataclass(frozen=True, slots=True)
class RequestKeys:
    """What tells one request from every other; `event_time` is in Unix seconds."""

    session_id: str
    charging_id: int
    request_number: int
    hop_by_hop: int
    end_to_end: int
    event_time: int


def capabilities_exchange_request(identity: Identity, address: str, hop_by_hop: int) -> bytes:
    """Returns a CER that offers credit control; `address` is the gateway's own IP address."""
    avps = [
        *_origin(identity),
        _avp(c.AVP_HOST_IP_ADDRESS, address),
        _avp(c.AVP_VENDOR_ID, c.VENDOR_TGPP),
        _avp(c.AVP_PRODUCT_NAME, PRODUCT_NAME, mandatory=False),
        _avp(c.AVP_SUPPORTED_VENDOR_ID, c.VENDOR_TGPP),
        _avp(c.AVP_AUTH_APPLICATION_ID, c.APP_DIAMETER_CREDIT_CONTROL_APPLICATION),
    ]
    return _base_request(c.CMD_CAPABILITIES_EXCHANGE, hop_by_hop, avps)


def disconnect_peer_request(identity: Identity, hop_by_hop: int) -> bytes:
    """Returns a DPR: the gateway has nothing more to send and goes."""
    cause = _avp(c.AVP_DISCONNECT_CAUSE, c.E_DISCONNECT_CAUSE_DO_NOT_WANT_TO_TALK_TO_YOU)
    return _base_request(c.CMD_DISCONNECT_PEER, hop_by_hop, [*_origin(identity), cause])


def answer_to_request(identity: Identity, octets: bytes) -> tuple[int, bytes]:
    """Answers a request of the server: DWR and DPR with 2001, anything else with 3001.

    Returns the request's command code and the answer.
    """
    request = MessageHeader.from_bytes(octets)
    known = request.command_code in (c.CMD_DEVICE_WATCHDOG, c.CMD_DISCONNECT_PEER)
    header = MessageHeader(
        command_code=request.command_code,
        application_id=request.application_id,
        hop_by_hop_identifier=request.hop_by_hop_identifier,
        end_to_end_identifier=request.end_to_end_identifier,
    )
    header.is_proxyable = request.is_proxyable
    header.is_error = not known
    code = (
        c.E_RESULT_CODE_DIAMETER_SUCCESS if known else c.E_RESULT_CODE_DIAMETER_COMMAND_UNSUPPORTED
    )
    avps = [_avp(c.AVP_RESULT_CODE, code), *_origin(identity)]
    return request.command_code, _octets(header, avps)


def is_disconnect(command_code: int) -> bool:
    """Says whether a request of the server was a DPR."""
    return bool(command_code == c.CMD_DISCONNECT_PEER)


def credit_control_request(
    identity: Identity, subscriber: Subscriber, step: Step, keys: RequestKeys
) -> bytes:
    """Returns the CCR of one step (TS 32.299 section 6.4.2): of a data session, or for a text."""
    header = MessageHeader(
        command_code=c.CMD_CREDIT_CONTROL,
        application_id=c.APP_DIAMETER_CREDIT_CONTROL_APPLICATION,
        hop_by_hop_identifier=keys.hop_by_hop,
        end_to_end_identifier=keys.end_to_end,
    )
    header.is_request = True
    header.is_proxyable = True
    is_event = step.request_type is RequestType.EVENT
    service_context = TEXT_SERVICE_CONTEXT if is_event else DATA_SERVICE_CONTEXT
    avps = [
        _avp(c.AVP_SESSION_ID, keys.session_id),
        *_origin(identity),
        _avp(c.AVP_DESTINATION_REALM, identity.destination_realm.encode()),
        _avp(c.AVP_AUTH_APPLICATION_ID, c.APP_DIAMETER_CREDIT_CONTROL_APPLICATION),
        _avp(c.AVP_SERVICE_CONTEXT_ID, service_context),
        _avp(c.AVP_CC_REQUEST_TYPE, step.request_type),
        _avp(c.AVP_CC_REQUEST_NUMBER, keys.request_number),
        _avp(c.AVP_EVENT_TIMESTAMP, datetime.datetime.fromtimestamp(keys.event_time, datetime.UTC)),
        _subscription(c.E_SUBSCRIPTION_ID_TYPE_END_USER_IMSI, subscriber.imsi),
        _subscription(c.E_SUBSCRIPTION_ID_TYPE_END_USER_E164, subscriber.msisdn),
    ]
    if identity.destination_host is not None:
        avps.append(_avp(c.AVP_DESTINATION_HOST, identity.destination_host.encode()))
    if step.request_type is RequestType.INITIAL:
        avps.append(
            _avp(
                c.AVP_MULTIPLE_SERVICES_INDICATOR,
                c.E_MULTIPLE_SERVICES_INDICATOR_MULTIPLE_SERVICES_SUPPORTED,
            )
        )
    if is_event:
        avps.append(_avp(c.AVP_REQUESTED_ACTION, c.E_REQUESTED_ACTION_DIRECT_DEBITING))
    if step.request_type is RequestType.TERMINATE:
        avps.append(_avp(c.AVP_TERMINATION_CAUSE, c.E_TERMINATION_CAUSE_DIAMETER_LOGOUT))
    avps.extend(_service(service) for service in step.services)
    information = _text_message() if is_event else _data_session(subscriber, keys.charging_id)
    avps.append(_tgpp(c.AVP_TGPP_SERVICE_INFORMATION, [information]))
    return _octets(header, avps)


def _avp(code: int, value: object, vendor: int = 0, *, mandatory: bool = True) -> Any:
    return Avp.new(code, vendor, value=value, is_mandatory=mandatory)


def _tgpp(code: int, value: object) -> Any:
    return _avp(code, value, c.VENDOR_TGPP)


def _octets(header: Any, avps: Iterable[Any]) -> bytes:
    return bytes(Message(header, list(avps)).as_bytes())


def _base_request(command_code: int, hop_by_hop: int, avps: Iterable[Any]) -> bytes:
    header = MessageHeader(
        command_code=command_code,
        hop_by_hop_identifier=hop_by_hop,
        end_to_end_identifier=hop_by_hop,
    )
    header.is_request = True
    return _octets(header, avps)


def _origin(identity: Identity) -> list[Any]:
    return [
        _avp(c.AVP_ORIGIN_HOST, identity.origin_host.encode()),
        _avp(c.AVP_ORIGIN_REALM, identity.origin_realm.encode()),
    ]


def _subscription(kind: int, digits: str) -> Any:
    members = [_avp(c.AVP_SUBSCRIPTION_ID_TYPE, kind), _avp(c.AVP_SUBSCRIPTION_ID_DATA, digits)]
    return _avp(c.AVP_SUBSCRIPTION_ID, members)


def _service(service: ServiceStep) -> Any:
    reason = service.reporting_reason
    avps = []
    if service.requested is not None:
        avps.append(_avp(c.AVP_REQUESTED_SERVICE_UNIT, _units(service.requested)))
    if service.used is not None:
        members = _units(service.used)
        if reason is not None and reason in REASONS_OF_A_UNIT:
            members.append(_tgpp(c.AVP_TGPP_3GPP_REPORTING_REASON, reason))
        avps.append(_avp(c.AVP_USED_SERVICE_UNIT, members))
    avps.extend(_avp(c.AVP_SERVICE_IDENTIFIER, n) for n in service.service_identifiers)
    if service.rating_group is not None:
        avps.append(_avp(c.AVP_RATING_GROUP, service.rating_group))
    if reason is not None and reason not in REASONS_OF_A_UNIT:
        avps.append(_tgpp(c.AVP_TGPP_3GPP_REPORTING_REASON, reason))
    return _avp(c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, avps)


def _units(units: Units) -> list[Any]:
    amounts = (
        (c.AVP_CC_TIME, units.seconds),
        (c.AVP_CC_TOTAL_OCTETS, units.total_octets),
        (c.AVP_CC_INPUT_OCTETS, units.input_octets),
        (c.AVP_CC_OUTPUT_OCTETS, units.output_octets),
        (c.AVP_CC_SERVICE_SPECIFIC_UNITS, units.service_specific_units),
    )
    return [_avp(code, amount) for code, amount in amounts if amount is not None]


def _text_message() -> Any:
    """Returns the SMS-Information of a message that a subscriber sends to one recipient."""
    recipient = [
        _tgpp(c.AVP_TGPP_ADDRESS_TYPE, c.E_ADDRESS_TYPE_MSISDN),
        _tgpp(c.AVP_TGPP_ADDRESS_DATA, "15550199999"),
    ]
    members = [
        _tgpp(c.AVP_TGPP_SM_MESSAGE_TYPE, c.E_SM_MESSAGE_TYPE_SUBMISSION),
        _tgpp(c.AVP_TGPP_RECIPIENT_INFO, [_tgpp(c.AVP_TGPP_RECIPIENT_ADDRESS, recipient)]),
    ]
    return _tgpp(c.AVP_TGPP_SMS_INFORMATION, members)


def _data_session(subscriber: Subscriber, charging_id: int) -> Any:
    home = subscriber.imsi[:5]
    members = [
        _tgpp(c.AVP_TGPP_3GPP_CHARGING_ID, charging_id.to_bytes(4, "big")),
        _tgpp(c.AVP_TGPP_3GPP_PDP_TYPE, c.E_3GPP_PDP_TYPE_IPV4),
        _tgpp(c.AVP_TGPP_PDP_ADDRESS, "10.45.0.2"),
        _tgpp(c.AVP_TGPP_SGSN_ADDRESS, "192.0.2.11"),
        _tgpp(c.AVP_TGPP_GGSN_ADDRESS, "192.0.2.21"),
        _tgpp(c.AVP_TGPP_SERVING_NODE_TYPE, c.E_SERVING_NODE_TYPE_GTPSGW),
        _tgpp(c.AVP_TGPP_3GPP_IMSI_MCC_MNC, home),
        _tgpp(c.AVP_TGPP_3GPP_GGSN_MCC_MNC, home),
        _tgpp(c.AVP_TGPP_3GPP_NSAPI, b"5"),
        _avp(c.AVP_CALLED_STATION_ID, subscriber.access_point_name),
        _tgpp(c.AVP_TGPP_3GPP_SELECTION_MODE, "0"),
        _tgpp(c.AVP_TGPP_3GPP_CHARGING_CHARACTERISTICS, "0800"),
        _tgpp(c.AVP_TGPP_3GPP_SGSN_MCC_MNC, subscriber.network),
        _tgpp(c.AVP_TGPP_3GPP_MS_TIMEZONE, b"\x00\x00"),
        _tgpp(c.AVP_TGPP_3GPP_USER_LOCATION_INFO, user_location(subscriber.network)),
        _tgpp(c.AVP_TGPP_3GPP_RAT_TYPE, b"\x06"),
    ]
    return _tgpp(c.AVP_TGPP_PS_INFORMATION, members)


def user_location(network: str) -> bytes:
    """Returns 3GPP-User-Location-Info with a TAI and an ECGI of a network, five or six digits.

    TS 29.061 section 16.4.7.2, location type 130; the area and the cell are made up.
    """
    mcc, mnc = network[:3], network[3:].ljust(3, "f")
    nibbles = mcc[1] + mcc[0] + mnc[2] + mcc[2] + mnc[1] + mnc[0]
    plmn = bytes.fromhex(nibbles)
    return b"\x82" + plmn + b"\x00\x01" + plmn + b"\x00\x00\x01\x01"
