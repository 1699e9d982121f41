"""Requests and base-protocol answers of a packet gateway as octets (RFC 6733, RFC 8506, TS 32.299).

AVPs are made one by one: the library's message classes leave many M bits clear that TS 32.299 sets,
and cannot hold CC-Output-Octets in a Requested-Service-Unit.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from diameter.message import Message, MessageHeader  # type: ignore[import-untyped]
from diameter.message import constants as c

from .avps import avp, tgpp
from .money import money_avps
from .service_information import service_context_id, service_information
from .steps import (
    REASONS_OF_A_UNIT,
    RequestType,
    ServiceStep,
    Step,
    Units,
)

PRODUCT_NAME = "diameter-ocs simulator"
CREDIT_CONTROL: int = c.APP_DIAMETER_CREDIT_CONTROL_APPLICATION


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
    """Whose session it is; the first five digits of the IMSI are the home network's."""

    imsi: str = "001010000000001"
    msisdn: str = "15550100001"


@dataclass(frozen=True, slots=True)
class RequestKeys:
    """What tells one request from every other; `event_time` is in Unix seconds."""

    session_id: str
    charging_id: int
    request_number: int
    hop_by_hop: int
    end_to_end: int
    event_time: int


def capabilities_exchange_request(
    identity: Identity, address: str, hop_by_hop: int, application: int = CREDIT_CONTROL
) -> bytes:
    """Returns a CER that offers an application; `address` is the node's own IP address.

    One of 3GPP stands in a Vendor-Specific-Application-Id (TS 29.219).
    """
    offered = avp(c.AVP_AUTH_APPLICATION_ID, application)
    if application != CREDIT_CONTROL:
        members = [avp(c.AVP_VENDOR_ID, c.VENDOR_TGPP), offered]
        offered = avp(c.AVP_VENDOR_SPECIFIC_APPLICATION_ID, members)
    avps = [
        *origin(identity),
        avp(c.AVP_HOST_IP_ADDRESS, address),
        avp(c.AVP_VENDOR_ID, c.VENDOR_TGPP),
        avp(c.AVP_PRODUCT_NAME, PRODUCT_NAME, mandatory=False),
        avp(c.AVP_SUPPORTED_VENDOR_ID, c.VENDOR_TGPP),
        offered,
    ]
    return _base_request(c.CMD_CAPABILITIES_EXCHANGE, hop_by_hop, avps)


def disconnect_peer_request(identity: Identity, hop_by_hop: int) -> bytes:
    """Returns a DPR: the gateway has nothing more to send and goes."""
    cause = avp(c.AVP_DISCONNECT_CAUSE, c.E_DISCONNECT_CAUSE_DO_NOT_WANT_TO_TALK_TO_YOU)
    return _base_request(c.CMD_DISCONNECT_PEER, hop_by_hop, [*origin(identity), cause])


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
    avps = [avp(c.AVP_RESULT_CODE, code), *origin(identity)]
    return request.command_code, message_octets(header, avps)


def is_disconnect(command_code: int) -> bool:
    """Says whether a request of the server was a DPR."""
    return bool(command_code == c.CMD_DISCONNECT_PEER)


def credit_control_request(
    identity: Identity, subscriber: Subscriber, step: Step, keys: RequestKeys
) -> bytes:
    """Returns the CCR of one step (TS 32.299 section 6.4.2)."""
    header = MessageHeader(
        command_code=c.CMD_CREDIT_CONTROL,
        application_id=c.APP_DIAMETER_CREDIT_CONTROL_APPLICATION,
        hop_by_hop_identifier=keys.hop_by_hop,
        end_to_end_identifier=keys.end_to_end,
    )
    header.is_request = True
    header.is_proxyable = True
    is_event = step.request_type is RequestType.EVENT
    context_id = service_context_id(step.information, is_event=is_event)
    avps = [
        avp(c.AVP_SESSION_ID, keys.session_id),
        *origin(identity),
        avp(c.AVP_DESTINATION_REALM, identity.destination_realm.encode()),
        avp(c.AVP_AUTH_APPLICATION_ID, c.APP_DIAMETER_CREDIT_CONTROL_APPLICATION),
        avp(c.AVP_SERVICE_CONTEXT_ID, context_id),
        avp(c.AVP_CC_REQUEST_TYPE, step.request_type),
        avp(c.AVP_CC_REQUEST_NUMBER, keys.request_number),
        avp(c.AVP_EVENT_TIMESTAMP, datetime.datetime.fromtimestamp(keys.event_time, datetime.UTC)),
        subscription(c.E_SUBSCRIPTION_ID_TYPE_END_USER_IMSI, subscriber.imsi),
        subscription(c.E_SUBSCRIPTION_ID_TYPE_END_USER_E164, subscriber.msisdn),
    ]
    if identity.destination_host is not None:
        avps.append(avp(c.AVP_DESTINATION_HOST, identity.destination_host.encode()))
    if step.information.sub:
        avps.append(avp(c.AVP_CC_SUB_SESSION_ID, int(step.information.sub)))
    if step.information.state:
        avps.append(avp(c.AVP_ORIGIN_STATE_ID, int(step.information.state)))
    if step.request_type is RequestType.INITIAL:
        avps.append(
            avp(
                c.AVP_MULTIPLE_SERVICES_INDICATOR,
                c.E_MULTIPLE_SERVICES_INDICATOR_MULTIPLE_SERVICES_SUPPORTED,
            )
        )
    if is_event:
        avps.append(avp(c.AVP_REQUESTED_ACTION, step.action))
    if step.request_type is RequestType.TERMINATE:
        avps.append(avp(c.AVP_TERMINATION_CAUSE, c.E_TERMINATION_CAUSE_DIAMETER_LOGOUT))
    avps.extend(_service(service) for service in step.services)
    avps.append(
        service_information(
            step.information, context_id, subscriber.msisdn, subscriber.imsi[:5], keys.charging_id
        )
    )
    return message_octets(header, avps)


def message_octets(header: Any, avps: Iterable[Any]) -> bytes:
    """Returns a message of a header and AVPs."""
    return bytes(Message(header, list(avps)).as_bytes())


def _base_request(command_code: int, hop_by_hop: int, avps: Iterable[Any]) -> bytes:
    header = MessageHeader(
        command_code=command_code,
        hop_by_hop_identifier=hop_by_hop,
        end_to_end_identifier=hop_by_hop,
    )
    header.is_request = True
    return message_octets(header, avps)


def origin(identity: Identity) -> list[Any]:
    """Returns who sends a message."""
    return [
        avp(c.AVP_ORIGIN_HOST, identity.origin_host.encode()),
        avp(c.AVP_ORIGIN_REALM, identity.origin_realm.encode()),
    ]


def subscription(kind: int, digits: str) -> Any:
    """Returns a Subscription-Id."""
    members = [avp(c.AVP_SUBSCRIPTION_ID_TYPE, kind), avp(c.AVP_SUBSCRIPTION_ID_DATA, digits)]
    return avp(c.AVP_SUBSCRIPTION_ID, members)


def _service(service: ServiceStep) -> Any:
    reason = service.reporting_reason
    avps = []
    if service.requested is not None:
        avps.append(avp(c.AVP_REQUESTED_SERVICE_UNIT, _units(service.requested)))
    if service.used is not None:
        members = _units(service.used)
        if service.used_after is not None:
            before = c.E_TARIFF_CHANGE_USAGE_UNIT_BEFORE_TARIFF_CHANGE
            members.append(avp(c.AVP_TARIFF_CHANGE_USAGE, before))
        if reason is not None and reason in REASONS_OF_A_UNIT:
            members.append(tgpp(c.AVP_TGPP_3GPP_REPORTING_REASON, reason))
        avps.append(avp(c.AVP_USED_SERVICE_UNIT, members))
    if service.used_after is not None:
        after = avp(c.AVP_TARIFF_CHANGE_USAGE, c.E_TARIFF_CHANGE_USAGE_UNIT_AFTER_TARIFF_CHANGE)
        avps.append(avp(c.AVP_USED_SERVICE_UNIT, [*_units(service.used_after), after]))
    avps.extend(avp(c.AVP_SERVICE_IDENTIFIER, n) for n in service.service_identifiers)
    if service.rating_group is not None:
        avps.append(avp(c.AVP_RATING_GROUP, service.rating_group))
    if reason is not None and reason not in REASONS_OF_A_UNIT:
        avps.append(tgpp(c.AVP_TGPP_3GPP_REPORTING_REASON, reason))
    if service.refund_information is not None:
        avps.append(tgpp(c.AVP_TGPP_REFUND_INFORMATION, service.refund_information.encode()))
    return avp(c.AVP_MULTIPLE_SERVICES_CREDIT_CONTROL, avps)


def _units(units: Units) -> list[Any]:
    amounts = (
        (c.AVP_CC_TIME, units.seconds),
        (c.AVP_CC_TOTAL_OCTETS, units.total_octets),
        (c.AVP_CC_INPUT_OCTETS, units.input_octets),
        (c.AVP_CC_OUTPUT_OCTETS, units.output_octets),
        (c.AVP_CC_SERVICE_SPECIFIC_UNITS, units.service_specific_units),
    )
    members = [avp(code, amount) for code, amount in amounts if amount is not None]
    if units.money is not None:
        members.append(avp(c.AVP_CC_MONEY, money_avps(units.money)))
    return members
