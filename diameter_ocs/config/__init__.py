"""The configuration: what it holds, and how it is read."""

from .configuration import Configuration
from .faults import ConfigurationError, faults_of, variable
from .loading import load
from .peers import PeerEntry, Profile
from .resources import resource
from .values import (
    Address,
    Endpoint,
    Identity,
    IdentityPattern,
    Network,
    Place,
    Realm,
    ServiceContext,
    parse_endpoint,
)
from .webhooks import WebhookEntry, webhook_secrets
from .wires import WIRE_TABLES, SctpTable, SctpUdpTable, TlsTable, check_readable

__all__ = [
    "WIRE_TABLES",
    "Address",
    "Configuration",
    "ConfigurationError",
    "Endpoint",
    "Identity",
    "IdentityPattern",
    "Network",
    "PeerEntry",
    "Place",
    "Profile",
    "Realm",
    "SctpTable",
    "SctpUdpTable",
    "ServiceContext",
    "TlsTable",
    "WebhookEntry",
    "check_readable",
    "faults_of",
    "load",
    "parse_endpoint",
    "resource",
    "variable",
    "webhook_secrets",
]
