"""Which document describes the service of a request (RFC 8506 section 8.42, TS 32.299 7.1.12)."""

from collections.abc import Mapping
from enum import StrEnum

from .tolerance import Tolerated

DOCUMENTS = {
    "32251": "packet data",
    "32252": "wireless LAN interworking",
    "32253": "control plane data transfer",
    "32254": "exposure of network functions",
    "32260": "IMS sessions",
    "32270": "multimedia messages",
    "32271": "location services",
    "32272": "push to talk",
    "32273": "broadcast and multicast",
    "32274": "short messages",
    "32275": "multimedia telephony",
    "32276": "voice calls of the circuit switched domain",
    "32277": "proximity services",
    "32278": "monitoring events",
}
"""The documents of 3GPP that describe services charged over this interface."""

_DOMAIN = "3gpp.org"


def service_context_of(
    service_context_id: str, private_contexts: Mapping[str, str], tolerated: set[StrEnum]
) -> str | None:
    """Returns the document that a Service-Context-Id names.

    The document is the last token before the domain: what stands in front of it are extensions,
    the network and the release. None: neither a standard nor the mapping knows the name.
    """
    document = private_contexts.get(service_context_id)
    if document is not None:
        tolerated.add(Tolerated.PRIVATE_SERVICE_CONTEXT)
        return document
    name, _, domain = service_context_id.strip().rpartition("@")
    document = name.rpartition(".")[2]
    return document if domain.lower() == _DOMAIN and document in DOCUMENTS else None
