"""What notices to webhooks are signed with: `[[webhooks]]` and the secrets."""

import binascii
import os
from base64 import b64decode
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .faults import ConfigurationError
from .secrets import text_of

WEBHOOK_SECRET_PREFIX = "whsec_"
WEBHOOK_SECRET_OCTETS = range(24, 65)
WEBHOOK_SECRET_WANTED = (
    'must be whsec_ and 24 to 64 octets in base64: echo "whsec_$(openssl rand -base64 32)"'
)


class WebhookEntry(BaseModel):
    """What notices to a webhook are signed with, one `[[webhooks]]` table for each."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(min_length=1)
    """The webhook's name in `notices` of the catalogue."""
    tenant: str | None = Field(default=None, min_length=1)
    """Whose webhook it is; not set: that of any tenant which has no table of its own."""
    secret_file: Path | None = None
    """A file that holds the secret, as Standard Webhooks have it: `whsec_` and base64."""
    secret_variable: str | None = Field(default=None, min_length=1)
    """An environment variable that holds it, instead."""

    @model_validator(mode="after")
    def _names_one_place(self) -> "WebhookEntry":
        if (self.secret_file is None) is (self.secret_variable is None):
            raise ValueError("needs a secret_file or a secret_variable, not both")
        return self


def webhook_secrets(entries: Iterable[WebhookEntry]) -> dict[tuple[str | None, str], str]:
    """Returns the secrets of webhooks by tenant (None: any) and name; `serve` alone reads them."""
    faults, secrets = list[str](), dict[tuple[str | None, str], str]()
    for index, entry in enumerate(entries):
        try:
            secret = _webhook_secret(entry)
        except ConfigurationError as error:
            faults += error.faults
            continue
        if (entry.tenant, entry.name) in secrets:
            faults.append(f"webhooks[{index}]: {entry.name} of this tenant is there already")
        secrets[entry.tenant, entry.name] = secret
    if faults:
        raise ConfigurationError(faults)
    return secrets


def _webhook_secret(entry: WebhookEntry) -> str:
    if entry.secret_file is not None:
        place, secret = str(entry.secret_file), text_of(entry.secret_file)
    else:
        assert entry.secret_variable is not None
        place = f"environment, {entry.secret_variable}"
        secret = os.environ.get(entry.secret_variable, "").strip()
    try:
        octets = b64decode(secret.removeprefix(WEBHOOK_SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if not secret.startswith(WEBHOOK_SECRET_PREFIX) or len(octets) not in WEBHOOK_SECRET_OCTETS:
        raise ConfigurationError([f"{place}: {WEBHOOK_SECRET_WANTED}"])
    return secret
