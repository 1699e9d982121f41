"""Service-Information as a gateway, a call server or a message centre sends it (TS 32.299 7.2).

Areas, cells and addresses of nodes that nobody names are made up.
"""

from typing import Any

from diameter.message import constants as c  # type: ignore[import-untyped]

from .avps import avp, tgpp, tgpp_group, tgpp_octets
from .information import ROLES, Information, octets_of

OTHER_PARTY = "15550199999"
SHORT_CODE_LENGTH_MAX = 6
HOME_CELL = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp="
SPEECH = b"\x11"
"""The Teleservice of a telephone call (TS 22.003)."""

DATA, TEXT, PICTURE, CIRCUIT_SWITCHED_CALL = "32251", "32274", "32270", "32276"
IMS_CALLS = ("32260", "32275")
CALLS = (*IMS_CALLS, CIRCUIT_SWITCHED_CALL)
_3GPP = "@3gpp.org"

# type: what stands, in hexadecimal digits, after each time that the network is named
_LOCATIONS: dict[int, tuple[str, ...]] = {
    0: ("00010101",),
    1: ("00010101",),
    2: ("000101ff",),
    24: ("0001", "00000101"),
    128: ("0001",),
    129: ("00000101",),
    130: ("0001", "00000101"),
    131: ("000101",),
    132: ("0001", "000101"),
    133: ("000101",),
    134: ("0001", "000101"),
    135: ("0000000101",),
    136: ("000001",),
    137: ("000001", "0000000101"),
}
TRACKING_AREA_AND_CELL = 130


def service_context_id(information: Information, *, is_event: bool) -> str:
    """Returns the Service-Context-Id: what is written, else a text for an event, else data."""
    context = information.context or (TEXT if is_event else DATA)
    return context if "@" in context else context + _3GPP


def service_information(
    information: Information, context_id: str, own_number: str, home: str, charging_id: int
) -> Any:
    """Returns Service-Information for a Service-Context-Id, with what is not written filled in.

    `home` is the MCC and MNC of the subscriber's home network. A context of a maker's own is about
    data.
    """
    document = context_id.removesuffix(_3GPP)[-len(DATA) :]
    is_known = context_id.endswith(_3GPP) and document in (TEXT, PICTURE, *CALLS)
    if is_known:
        access = _where(information)
        parties = _parties(information, own_number)
    else:
        document = DATA
        access = _data_session(information, home, charging_id)
        parties = ("", "")
    is_circuit_switched = document == CIRCUIT_SWITCHED_CALL
    members = [
        *tgpp_group(c.AVP_TGPP_PS_INFORMATION, access),
        *tgpp_group(
            c.AVP_TGPP_IMS_INFORMATION,
            [
                *(_call(information, parties) if document in CALLS else ()),
                *_accesses(information, home if document in IMS_CALLS else ""),
            ],
        ),
        *tgpp_group(
            c.AVP_TGPP_VCS_INFORMATION,
            [*(_speech() if is_circuit_switched else ()), *_switches(information)],
        ),
    ]
    if document == TEXT:
        members.append(tgpp(c.AVP_TGPP_SMS_INFORMATION, _text(information, parties)))
    if document == PICTURE:
        members.append(tgpp(c.AVP_TGPP_MMS_INFORMATION, _picture(information, parties)))
    return tgpp(c.AVP_TGPP_SERVICE_INFORMATION, members)


def user_location(network: str, kind: int = TRACKING_AREA_AND_CELL) -> bytes:
    """Returns 3GPP-User-Location-Info in a network (TS 29.061 section 16.4.7.2), of a type."""
    mcc, mnc = network[:3], network[3:].ljust(3, "f")
    plmn = mcc[1] + mcc[0] + mnc[2] + mcc[2] + mnc[1] + mnc[0]
    return bytes.fromhex(f"{kind:02x}" + "".join(plmn + rest for rest in _LOCATIONS[kind]))


def telephony_digits(digits: str) -> bytes:
    """Returns digits as TS 32.299 has them in VLR-Number and MSC-Address: two an octet, swapped."""
    padded = digits + "f" * (len(digits) % 2)
    return bytes(int(padded[at + 1] + padded[at], 16) for at in range(0, len(padded), 2))


def _data_session(information: Information, home: str, charging_id: int) -> list[Any]:
    apn = "internet" if information.apn is None else information.apn
    bearer = str(charging_id) if information.bearer is None else information.bearer
    return [
        *([tgpp(c.AVP_TGPP_3GPP_CHARGING_ID, int(bearer).to_bytes(4, "big"))] if bearer else []),
        tgpp(c.AVP_TGPP_3GPP_PDP_TYPE, c.E_3GPP_PDP_TYPE_IPV4),
        tgpp(c.AVP_TGPP_PDP_ADDRESS, "10.45.0.2"),
        *_serving_node("192.0.2.11" if information.sgsn is None else information.sgsn),
        tgpp(c.AVP_TGPP_GGSN_ADDRESS, "192.0.2.21"),
        tgpp(c.AVP_TGPP_SERVING_NODE_TYPE, c.E_SERVING_NODE_TYPE_GTPSGW),
        tgpp(c.AVP_TGPP_3GPP_IMSI_MCC_MNC, home),
        tgpp(c.AVP_TGPP_3GPP_GGSN_MCC_MNC, home),
        tgpp(c.AVP_TGPP_3GPP_NSAPI, b"5"),
        *([avp(c.AVP_CALLED_STATION_ID, apn)] if apn else []),
        tgpp(c.AVP_TGPP_3GPP_SELECTION_MODE, "0"),
        tgpp(c.AVP_TGPP_3GPP_CHARGING_CHARACTERISTICS, "0800"),
        *_serving_network(information, home),
        tgpp(c.AVP_TGPP_3GPP_MS_TIMEZONE, b"\x00\x00"),
        *_user_location(information, home),
        *_radio("6" if information.rat is None else information.rat),
    ]


def _where(information: Information) -> list[Any]:
    """Returns what another service than data says of the packet network: what is written."""
    apn = information.apn
    return [
        *_serving_node(information.sgsn),
        *([avp(c.AVP_CALLED_STATION_ID, apn)] if apn else []),
        *_serving_network(information, ""),
        *_user_location(information, ""),
        *_radio(information.rat),
    ]


def _serving_node(address: str | None) -> list[Any]:
    return [tgpp(c.AVP_TGPP_SGSN_ADDRESS, address)] if address else []


def _serving_network(information: Information, home: str) -> list[Any]:
    """Returns 3GPP-SGSN-MCC-MNC; where it is not written, of the network in the location."""
    location = home if information.location is None else information.location
    implied = "" if octets_of(location) is not None else location.partition("/")[0]
    network = implied if information.network is None else information.network
    return [tgpp(c.AVP_TGPP_3GPP_SGSN_MCC_MNC, network)] if network else []


def _user_location(information: Information, home: str) -> list[Any]:
    location = home if information.location is None else information.location
    if not location:
        return []
    octets = octets_of(location)
    if octets is None:
        network, _, kind = location.partition("/")
        octets = user_location(network, int(kind) if kind else TRACKING_AREA_AND_CELL)
    return [tgpp(c.AVP_TGPP_3GPP_USER_LOCATION_INFO, octets)]


def _radio(rat: str | None) -> list[Any]:
    return [tgpp(c.AVP_TGPP_3GPP_RAT_TYPE, bytes([int(rat)]))] if rat else []


def _parties(information: Information, own_number: str) -> tuple[str, str]:
    """Returns who calls and who is called: the subscriber stands on the side that is charged."""
    sides = (own_number, OTHER_PARTY)
    if information.role == "terminating":
        sides = sides[::-1]
    calling, called = information.calling, information.called
    return sides[0] if calling is None else calling, sides[1] if called is None else called


def _call(information: Information, parties: tuple[str, str]) -> list[Any]:
    calling, called = map(_uri, parties)
    return [
        tgpp(c.AVP_TGPP_ROLE_OF_NODE, ROLES.index(information.role)),
        tgpp(c.AVP_TGPP_NODE_FUNCTIONALITY, c.E_NODE_FUNCTIONALITY_AS),
        *([tgpp(c.AVP_TGPP_CALLING_PARTY_ADDRESS, calling)] if calling else []),
        *([tgpp(c.AVP_TGPP_CALLED_PARTY_ADDRESS, called)] if called else []),
    ]


def _uri(party: str) -> str:
    """Returns the party of a call as the IMS names it (RFC 3966); a URI as it is written."""
    digits = party.removeprefix("+")
    if not digits.isdecimal():
        return party
    return f"tel:{digits}" if len(digits) <= SHORT_CODE_LENGTH_MAX else f"tel:+{digits}"


def _accesses(information: Information, home: str) -> list[Any]:
    """Returns what the IMS knows of the access: a cell at home where no place is written.

    `home` is "" where the home network does not go without saying.
    """
    access = information.access
    if access is None:
        access = f"{HOME_CELL}{home}00010000101" if home and not information.is_placed else ""
    transfer = _octet_string(c.AVP_TGPP_ACCESS_NETWORK_INFORMATION, information.transfer)
    if transfer:
        kind = tgpp(c.AVP_TGPP_ACCESS_TRANSFER_TYPE, c.E_ACCESS_TRANSFER_TYPE_PS_TO_CS_TRANSFER)
        transfer = [tgpp(c.AVP_TGPP_ACCESS_TRANSFER_INFORMATION, [kind, *transfer])]
    visited = information.visited
    return [
        *_octet_string(c.AVP_TGPP_ACCESS_NETWORK_INFORMATION, access),
        *_octet_string(c.AVP_TGPP_CELLULAR_NETWORK_INFORMATION, information.cellular),
        *([tgpp(c.AVP_TGPP_IMS_VISITED_NETWORK_IDENTIFIER, visited)] if visited else []),
        *transfer,
    ]


def _octet_string(code: int, value: str) -> list[Any]:
    octets = octets_of(value)
    return [tgpp_octets(code, value.encode() if octets is None else octets)] if value else []


def _speech() -> list[Any]:
    return [tgpp(c.AVP_TGPP_BASIC_SERVICE_CODE, [tgpp(c.AVP_TGPP_TELESERVICE, SPEECH)])]


def _switches(information: Information) -> list[Any]:
    numbers = (
        (c.AVP_TGPP_MSC_ADDRESS, information.msc),
        (c.AVP_TGPP_VLR_NUMBER, information.vlr),
    )
    return [
        tgpp(code, telephony_digits(number) if octets_of(number) is None else octets_of(number))
        for code, number in numbers
        if number
    ]


def _text(information: Information, parties: tuple[str, str]) -> list[Any]:
    """Returns SMS-Information; who sends is told only where it is written."""
    is_sent = information.role != "terminating"
    sccp = information.sccp
    kind = (
        c.E_INTERFACE_TYPE_MOBILE_ORIGINATING if is_sent else c.E_INTERFACE_TYPE_MOBILE_TERMINATING
    )
    interface = [tgpp(c.AVP_TGPP_INTERFACE_TYPE, kind)]
    recipients = [
        [
            *([] if is_sent else [tgpp(c.AVP_TGPP_DESTINATION_INTERFACE, interface)]),
            tgpp(c.AVP_TGPP_RECIPIENT_ADDRESS, _address(party)),
            *([tgpp(c.AVP_TGPP_RECIPIENT_SCCP_ADDRESS, sccp)] if sccp and not is_sent else []),
        ]
        for party in _several(parties[1])
    ]
    sender = information.calling
    return [
        tgpp(c.AVP_TGPP_SM_MESSAGE_TYPE, c.E_SM_MESSAGE_TYPE_SUBMISSION),
        *([tgpp(c.AVP_TGPP_ORIGINATOR_INTERFACE, interface)] if is_sent else []),
        *([tgpp(c.AVP_TGPP_ORIGINATOR_SCCP_ADDRESS, sccp)] if sccp and is_sent else []),
        *([tgpp(c.AVP_TGPP_ORIGINATOR_RECEIVED_ADDRESS, _address(sender))] if sender else []),
        *[tgpp(c.AVP_TGPP_RECIPIENT_INFO, recipient) for recipient in recipients],
    ]


def _picture(information: Information, parties: tuple[str, str]) -> list[Any]:
    is_sent = information.role != "terminating"
    sender, recipients = parties
    size = information.size
    kind = c.E_MESSAGE_TYPE_M_SEND_REQ if is_sent else c.E_MESSAGE_TYPE_M_RETRIEVE_CONF
    return [
        *([tgpp(c.AVP_TGPP_ORIGINATOR_ADDRESS, _address(sender))] if sender else []),
        *[tgpp(c.AVP_TGPP_RECIPIENT_ADDRESS, _address(party)) for party in _several(recipients)],
        tgpp(c.AVP_TGPP_MESSAGE_TYPE, kind),
        *([tgpp(c.AVP_TGPP_MESSAGE_SIZE, int(size))] if size else []),
    ]


def _several(parties: str) -> list[str]:
    return [party for party in parties.split(",") if party]


def _address(party: str) -> list[Any]:
    """Returns the members of an address group; the type follows from how the party is written."""
    digits = party.removeprefix("+")
    if "@" in party:
        kind = c.E_ADDRESS_TYPE_E_MAIL_ADDRESS
    elif not digits.isdecimal():
        kind = c.E_ADDRESS_TYPE_ALPHANUMERIC_SHORTCODE
    elif len(digits) <= SHORT_CODE_LENGTH_MAX:
        kind = c.E_ADDRESS_TYPE_NUMERIC_SHORTCODE
    else:
        kind, party = c.E_ADDRESS_TYPE_MSISDN, digits
    return [tgpp(c.AVP_TGPP_ADDRESS_TYPE, kind), tgpp(c.AVP_TGPP_ADDRESS_DATA, party)]
