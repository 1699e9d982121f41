"""All settings, in one model: its docstrings are their reference."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainValidator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from .faults import ENVIRONMENT_PREFIX, ConfigurationError, variable
from .peers import PeerEntry, Profile
from .secrets import DatabaseUrl
from .values import (
    AnswerBudget,
    Endpoint,
    Identity,
    Realm,
    ServiceContext,
    WatchdogSeconds,
    parse_endpoint_or_none,
    split,
)
from .webhooks import WebhookEntry
from .wires import SctpTable, SctpUdpTable, TlsTable


class Configuration(BaseSettings):
    """All settings of the server and of the commands; times in seconds, sizes in octets.

    What stands below a key is its entry in the reference, `deploy/configuration.md`.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_prefix=ENVIRONMENT_PREFIX,
        env_ignore_empty=True,
        use_attribute_docstrings=True,
    )

    origin_host: Identity | None = None
    """The node's own name, its Origin-Host; `serve` needs it."""
    origin_realm: Identity | None = None
    """The node's own realm, its Origin-Realm; `serve` needs it."""
    host_aliases: Annotated[tuple[Identity, ...], NoDecode, BeforeValidator(split)] = ()
    """Other names under which requests may call the node in Destination-Host."""
    served_realms: Annotated[tuple[Realm, ...], NoDecode, BeforeValidator(split)] = ()
    """Realms besides `origin_realm` whose requests are taken; `*` takes all."""
    listen: Annotated[Endpoint | None, NoDecode, PlainValidator(parse_endpoint_or_none)] = Endpoint(
        "0.0.0.0", 3868
    )
    """Where Diameter is taken over TCP; port 0 lets the system choose one; `""` in the file:
    nowhere."""
    tls: Annotated[TlsTable | None, NoDecode] = None
    """Diameter over TLS, only if the table is there."""
    sctp: Annotated[SctpTable | None, NoDecode] = None
    """Diameter over the kernel's SCTP, only if the table is there."""
    sctp_udp: Annotated[SctpUdpTable | None, NoDecode] = None
    """Diameter over SCTP in UDP, by libusrsctp, only if the table is there."""
    metrics: Annotated[Endpoint | None, NoDecode, PlainValidator(parse_endpoint_or_none)] = (
        Endpoint("127.0.0.1", 9168)
    )
    """Where /metrics, /healthz and /readyz are shown over HTTP; `""` in the file: nowhere."""
    data: Path | None = None
    """The directory of the embedded database; not set: the place usual for the user."""
    spool: Path | None = None
    """Where usage waits that had to be refused; not set: a folder in the data directory.

    Servers of different databases must not share one.
    """
    database_url: DatabaseUrl | None = None
    """An external PostgreSQL, as `postgresql://USER@HOST/DATABASE`; not set: the embedded one."""
    database_url_file: Path | None = None
    """A file that holds the `database_url`, for an address with a password.

    Where nothing names a database, the systemd credential `database_url` does, if there is one.
    """
    lanes: int = Field(default=2, ge=1, le=64)
    """Transactions that charge at the same time."""
    batch_size: int = Field(default=128, ge=1, le=1024)
    """Requests that share a transaction at most."""
    answer_budget_seconds: AnswerBudget = 2.0
    """How long a request may wait for its answer before it gets 3004 DIAMETER_TOO_BUSY."""
    watchdog_seconds: WatchdogSeconds = 30.0
    """Tw: how long a peer may be silent before it is asked (RFC 3539 section 3.4.1)."""
    vendor_id: int = Field(default=0, ge=0, le=2**32 - 1)
    """The Vendor-Id of the node's capabilities."""
    product_name: str = Field(default="diameter-ocs", min_length=1, max_length=255)
    """The Product-Name of the node's capabilities."""
    message_octets_max: int = Field(default=65536, ge=4096, le=1024 * 1024)
    """Longer messages end their connection."""
    requests_in_flight_max: int = Field(default=1024, ge=1)
    """Unanswered requests of a peer; more get 3004 DIAMETER_TOO_BUSY."""
    connections_max: int = Field(default=1024, ge=1)
    """Connections at a time; more are closed at once."""
    half_open_connections_max: int = Field(default=256, ge=2)
    """Of these, connections whose CER has not come; one address has at most half of them."""
    accept_any_loopback_peer: bool = False
    """Whether any peer from this machine is accepted, as `serve --demo` does."""
    edr_retention_days: int = Field(default=400, ge=7, le=36500)
    """Whole days of EDRs are dropped when they are older; the books go on from opening balances."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Which events are logged: those of this level and above."""
    log_format: Literal["console", "json", "auto"] = "auto"
    """How they are written; `auto` is console on a terminal and JSON elsewhere."""
    service_contexts: dict[str, ServiceContext] = Field(default_factory=dict)
    """Private Service-Context-Ids, each with the document that describes it, as `"32251"`."""
    peers: Annotated[tuple[PeerEntry, ...], NoDecode] = ()
    """Which peers are accepted, one table for each name or pattern."""
    profiles: Annotated[dict[str, Profile], NoDecode] = Field(default_factory=dict)
    """How peers are treated, one table for each name that `peers` give."""
    notices: Path | None = None
    """Where files of notices are written; not set: a folder `notices` in the data directory."""
    webhooks: Annotated[tuple[WebhookEntry, ...], NoDecode] = ()
    """What notices to webhooks are signed with, one table for each webhook."""

    def identity(self) -> tuple[str, str]:
        """Returns Origin-Host and Origin-Realm; ConfigurationError when one is not set."""
        if self.origin_host is not None and self.origin_realm is not None:
            return self.origin_host, self.origin_realm
        missing = [key for key in ("origin_host", "origin_realm") if not getattr(self, key)]
        raise ConfigurationError(
            [f"{key}: missing; set it in the file, or {variable(key)}" for key in missing]
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Takes what `load` has merged, and nothing else."""
        return (init_settings,)
