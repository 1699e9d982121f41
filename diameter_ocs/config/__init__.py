"""The configuration: what it holds, and how it is read."""

from .configuration import Configuration
from .faults import ConfigurationError, variable
from .loading import load
from .peers import PeerEntry, Profile
from .resources import resource
from .values import (
    Endpoint,
    Identity,
    IdentityPattern,
    Network,
    Realm,
    ServiceContext,
    parse_endpoint,
)
from .webhooks import WebhookEntry, webhook_secrets

__all__ = [
    "Configuration",
    "ConfigurationError",
    "Endpoint",
    "Identity",
    "IdentityPattern",
    "Network",
    "PeerEntry",
    "Profile",
    "Realm",
    "ServiceContext",
    "WebhookEntry",
    "load",
    "parse_endpoint",
    "resource",
    "variable",
    "webhook_secrets",
]
