"""The capabilities exchange: who we are, and what a CER says (RFC 6733 section 5.3).

Whether the peer is taken, and on which terms, decides whoever drives the machine.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .dictionary import Dictionary, Member
from .errors import DiameterError, MissingAvp, NoCommonApplication, NoCommonSecurity
from .events import CerFacts
from .message import PROTOCOL_ERRORS, Identity, Message, answer, error_answer

# A relay forwards every application.
RELAY_APPLICATION_ID = 0xFFFF_FFFF
NO_INBAND_SECURITY = 0

_APPLICATION_ID_NAMES = ("Auth-Application-Id", "Acct-Application-Id")


class Application(NamedTuple):
    """An application that is served: its id, and the commands whose requests are taken.

    With a `vendor_id` it is announced inside Vendor-Specific-Application-Id.
    """

    id: int
    requests: frozenset[str]
    vendor_id: int | None = None


@dataclass(frozen=True, slots=True)
class LocalNode:
    """This node as its peers see it, and the limits that it keeps.

    Hosts and realms are compared without regard to case; `*` stands for any. Times are seconds:
    `cer_seconds` for the peer to send its CER, `cea_seconds` for its CEA to ours, `probe_seconds`
    for it to prove that it is still there, `disconnect_seconds` for the end of a disconnection.
    `strict` refuses what is tolerated otherwise, in CERs and CEAs too.
    """

    identity: Identity
    host_ip_addresses: tuple[tuple[int, bytes], ...]
    vendor_id: int
    product_name: str
    applications: tuple[Application, ...]
    dictionary: Dictionary
    supported_vendor_ids: tuple[int, ...] = ()
    firmware_revision: int | None = None
    host_aliases: frozenset[str] = frozenset()
    served_realms: frozenset[str] = frozenset()
    message_octets_max: int = 65_536
    requests_in_flight_max: int = 1024
    watchdog_seconds: float = 30.0
    cer_seconds: float = 10.0
    cea_seconds: float = 10.0
    probe_seconds: float = 2.0
    disconnect_seconds: float = 5.0
    strict: bool = False

    @property
    def application_ids(self) -> frozenset[int]:
        """The ids of the applications served."""
        return frozenset(application.id for application in self.applications)


class PeerAccepted(NamedTuple):
    """The rim takes the peer; with `strict` its requests are held to the letter.

    `is_reopened` tells that the peer's last connection failed, so that this one is on trial. What
    is None is as for the whole node.
    """

    strict: bool = False
    is_reopened: bool = False
    watchdog_seconds: float | None = None
    requests_in_flight_max: int | None = None
    answer_budget_seconds: float | None = None
    """For whoever answers the requests."""
    profile: str | None = None
    """Likewise: under what name it is said how."""


class PeerRefused(NamedTuple):
    """The rim does not take the peer; without an error the connection ends without a CEA."""

    error: DiameterError | None
    reason: str


CerDecision = PeerAccepted | PeerRefused


def cer_facts(message: Message, dictionary: Dictionary) -> CerFacts:
    """Returns what a CER or CEA that passed its checks says.

    Raises:
        MissingAvp: a Vendor-Specific-Application-Id names no application.
    """
    group = message.group
    return CerFacts(
        origin_host=group.first("Origin-Host") or "",
        origin_realm=group.first("Origin-Realm") or "",
        host_ip_addresses=tuple(group.all("Host-IP-Address")),
        vendor_id=group.first("Vendor-Id") or 0,
        product_name=group.first("Product-Name") or "",
        origin_state_id=group.first("Origin-State-Id"),
        firmware_revision=group.first("Firmware-Revision"),
        supported_vendor_ids=tuple(group.all("Supported-Vendor-Id")),
        application_ids=frozenset(_application_ids(message, dictionary)),
        inband_security_ids=tuple(group.all("Inband-Security-Id")),
    )


def check_capabilities(facts: CerFacts, local: LocalNode) -> None:
    """Passes a peer with which an application and a security are shared.

    Raises:
        NoCommonApplication: no application of the peer is served here, and it is no relay.
        NoCommonSecurity: the peer wants TLS inside the connection.
    """
    ids = facts.application_ids
    if RELAY_APPLICATION_ID not in ids and ids.isdisjoint(local.application_ids):
        raise NoCommonApplication(
            f"none of the applications {sorted(ids)} is served here, "
            f"only {sorted(local.application_ids)}"
        )
    if facts.inband_security_ids and NO_INBAND_SECURITY not in facts.inband_security_ids:
        raise NoCommonSecurity("TLS inside the connection is not offered: use no in-band security")


def is_same_peer(known: CerFacts, told: CerFacts) -> bool:
    """Returns whether a second CER tells of the peer and the applications of the first."""
    return (
        known.origin_host.lower() == told.origin_host.lower()
        and known.origin_realm.lower() == told.origin_realm.lower()
        and known.application_ids == told.application_ids
    )


def own_capabilities(local: LocalNode) -> Iterator[Member]:
    """Yields what a CER or CEA of this node says besides who it is."""
    for address in local.host_ip_addresses:
        yield "Host-IP-Address", address
    yield "Vendor-Id", local.vendor_id
    yield "Product-Name", local.product_name
    for vendor_id in local.supported_vendor_ids:
        yield "Supported-Vendor-Id", vendor_id
    for application in local.applications:
        own_id: Member = ("Auth-Application-Id", application.id)
        if application.vendor_id is None:
            yield own_id
        else:
            members = [("Vendor-Id", application.vendor_id), own_id]
            yield "Vendor-Specific-Application-Id", members
    if local.firmware_revision is not None:
        yield "Firmware-Revision", local.firmware_revision


def refusing_cea(message: Message, local: LocalNode, error: DiameterError) -> bytes:
    """Returns the CEA that refuses; without the E bit it has the grammar of a CEA."""
    if error.result_code in PROTOCOL_ERRORS:
        return error_answer(message, local.dictionary, local.identity, error)
    members: list[Member] = [
        ("Result-Code", error.result_code),
        *own_capabilities(local),
        ("Error-Message", str(error)),
    ]
    if error.failed_avp is not None:
        members.append(("Failed-AVP", error.failed_avp))
    return answer(message, local.dictionary, local.identity, members)


def _application_ids(message: Message, dictionary: Dictionary) -> Iterator[int]:
    for name in _APPLICATION_ID_NAMES:
        yield from message.group.all(name)
    for group in message.group.all("Vendor-Specific-Application-Id"):
        ids = [each for name in _APPLICATION_ID_NAMES for each in group.all(name)]
        if not ids:
            examples = (dictionary.example(name) for name in _APPLICATION_ID_NAMES)
            raise MissingAvp(
                "Vendor-Specific-Application-Id names no application", b"".join(examples)
            )
        yield from ids
