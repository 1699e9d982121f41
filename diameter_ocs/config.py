"""The configuration: a TOML file, the environment, the command line; the later one wins.

Every fault is reported at once, each with the path of its key and where the value came from.
"""

import binascii
import difflib
import importlib.resources
import ipaddress
import os
import re
import tomllib
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

PACKAGE = "diameter_ocs"
ENVIRONMENT_PREFIX = "OCS_"
PORT_MAX = 65535
IDENTITY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
IDENTITY_PATTERN = re.compile(r"[A-Za-z0-9_.*?\[\]!-]+")
DATABASE_URL = re.compile(r"postgres(ql)?://|\s*\w+\s*=")
DATABASE_URL_WANTED = "must be postgresql://USER@HOST/DATABASE or host=HOST dbname=DATABASE"
CREDENTIALS_VARIABLE = "CREDENTIALS_DIRECTORY"
WEBHOOK_SECRET_PREFIX = "whsec_"
WEBHOOK_SECRET_OCTETS = range(24, 65)
WEBHOOK_SECRET_WANTED = (
    'must be whsec_ and 24 to 64 octets in base64: echo "whsec_$(openssl rand -base64 32)"'
)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


Fault = tuple[tuple[int | str, ...], str, str]
"""The path of a key, the kind of what is wrong with it, and that in words."""


class ConfigurationError(Exception):
    """The configuration cannot be used; `faults` holds one sentence for each reason."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Endpoint(NamedTuple):
    """A host, or an address of it, and a port; port 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_endpoint(value: object) -> Endpoint:
    """Returns the endpoint written as HOST:PORT, or [ADDRESS]:PORT for IPv6."""
    if isinstance(value, Endpoint):
        return value
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\s:\[\]]+)):(\d{1,5})", str(value))
    if found is None or int(found[3]) > PORT_MAX:
        raise ValueError("must be HOST:PORT, or [ADDRESS]:PORT for IPv6")
    return Endpoint(found[1] or found[2], int(found[3]))


def _parse_endpoint_or_none(value: object) -> Endpoint | None:
    return None if value in ("", None) else parse_endpoint(value)


def _parse_network(value: object) -> Network:
    try:
        return ipaddress.ip_network(str(value))
    except ValueError as error:
        raise ValueError(f"must be an IP address or network: {error}") from None


def _split(value: object) -> object:
    """Splits text at its commas: lists in the environment are written so."""
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    return value


def _check_identity(value: str) -> str:
    if not IDENTITY.fullmatch(value):
        raise ValueError("must be a host name or realm such as ocs.example")
    return value


def _check_identity_pattern(value: str) -> str:
    if not IDENTITY_PATTERN.fullmatch(value):
        raise ValueError("must be a host name or a pattern of it such as pgw*.example")
    return value


def _check_realm(value: str) -> str:
    return value if value == "*" else _check_identity(value)


def _check_database_url(value: SecretStr) -> SecretStr:
    if not DATABASE_URL.match(value.get_secret_value()):
        raise ValueError(DATABASE_URL_WANTED)
    return value


Identity = Annotated[str, AfterValidator(_check_identity)]
IdentityPattern = Annotated[str, AfterValidator(_check_identity_pattern)]
Realm = Annotated[str, AfterValidator(_check_realm)]
AnswerBudget = Annotated[float, Field(ge=0.1, le=60)]
# RFC 3539 section 3.4.1: Tw is at least 6 seconds.
WatchdogSeconds = Annotated[float, Field(ge=6, le=3600)]
ServiceContext = Annotated[str, Field(pattern=r"^32[0-9]{3}$")]


class PeerEntry(BaseModel):
    """Which peers are accepted by one `[[peers]]` table, and how they are treated."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: IdentityPattern | None = None
    """The peer's Origin-Host, or a pattern of it such as `pgw*.example.net`; not set: any."""
    realm: Identity | None = None
    """The peer's Origin-Realm; not set: any. A table needs a host or a realm."""
    tenant: str | None = Field(default=None, min_length=1)
    """Whose gateways these are; not set: any tenant's."""
    addresses: tuple[Annotated[Network, PlainValidator(_parse_network)], ...] = ()
    """Where they may connect from; empty: anywhere."""
    profile: str | None = None
    """The `[profiles.NAME]` that says how they are treated; not set: as all others."""

    @model_validator(mode="after")
    def _names_someone(self) -> "PeerEntry":
        if self.host is None and self.realm is None:
            raise ValueError("needs a host or a realm")
        return self


class Profile(BaseModel):
    """How peers are treated that name this `[profiles.NAME]`."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    strict: bool = False
    """Whether peculiarities of messages that would be tolerated are errors."""
    answer_budget_seconds: AnswerBudget | None = None
    """As of the same name for all peers, and not above it; not set: that one."""
    watchdog_seconds: WatchdogSeconds | None = None
    """As of the same name for all peers; not set: that one."""
    requests_in_flight_max: int | None = Field(default=None, ge=1)
    """As of the same name for all peers; not set: that one."""
    announcements: bool = True
    """Whether Announcement-Information is sent, to the contexts that the tenant has it for."""
    location_triggers: bool = True
    """Whether data whose price depends on the place is granted with a Trigger for its change."""
    quota_thresholds: bool = True
    """Whether quotas are told with a threshold, a holding time and a consumption time."""
    quota_pools: bool = False
    """Whether quotas of a session that are paid by its money may be used for each other
    (G-S-U-Pool-Reference)."""
    free_services: Literal["2001", "4011"] = "2001"
    """What is free is granted with 2001, or answered with 4011, so that it is asked for no more."""
    final_unit_result_code: Literal["2001", "4012"] = "2001"
    """What a service gets that is redirected, or restricted, at once, since nothing is left."""
    qos_final_unit_indication: bool = False
    """Whether QoS-Final-Unit-Indication is sent besides Final-Unit-Indication, where it can say the
    same: it has no place for IPFilterRules."""
    closes_on_restart: bool = False
    """Whether a greater Origin-State-Id closes the sessions that a gateway opened before it."""
    refund_information: bool = False
    """Whether answers to events that were debited say by what they may be refunded
    (Refund-Information): the id of the EDR."""
    session_failover: bool = True
    """CC-Session-Failover: whether an open session may go on with another server."""
    credit_control_failure_handling: Literal["TERMINATE", "CONTINUE", "RETRY_AND_TERMINATE"] = (
        "RETRY_AND_TERMINATE"
    )
    """What becomes of a session that gets no answer; one that is refused gets `TERMINATE`."""
    direct_debiting_failure_handling: Literal["TERMINATE_OR_BUFFER", "CONTINUE"] = (
        "TERMINATE_OR_BUFFER"
    )
    """What becomes of an event that gets no answer."""
    cost_information: bool = False
    """Whether Cost-Information says what a session has cost so far, or an event."""
    remaining_balance: bool = False
    """Whether Remaining-Balance says how much of the default money is left to the account."""
    low_balance_indication: bool = False
    """Whether Low-Balance-Indication says if that is less than the tenant's `low_balance`."""
    grant_unasked: bool = False
    """Whether an update that reports usage and asks for no quota gets one, QHT and FINAL apart."""
    grant_at_start: bool = False
    """Whether a session that opens without a service gets a quota, of its context's default."""


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
    host_aliases: Annotated[tuple[Identity, ...], NoDecode, BeforeValidator(_split)] = ()
    """Other names under which requests may call the node in Destination-Host."""
    served_realms: Annotated[tuple[Realm, ...], NoDecode, BeforeValidator(_split)] = ()
    """Realms besides `origin_realm` whose requests are taken; `*` takes all."""
    listen: Annotated[Endpoint, NoDecode, PlainValidator(parse_endpoint)] = Endpoint(
        "0.0.0.0", 3868
    )
    """Where Diameter is taken over TCP; port 0 lets the system choose one."""
    metrics: Annotated[Endpoint | None, NoDecode, PlainValidator(_parse_endpoint_or_none)] = (
        Endpoint("127.0.0.1", 9168)
    )
    """Where /metrics, /healthz and /readyz are shown over HTTP; `""` in the file: nowhere."""
    data: Path | None = None
    """The directory of the embedded database; not set: the place usual for the user."""
    spool: Path | None = None
    """Where usage waits that had to be refused; not set: a folder in the data directory.

    Servers of different databases must not share one.
    """
    database_url: Annotated[SecretStr, AfterValidator(_check_database_url)] | None = None
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


def load(path: Path | None, **overrides: Any) -> Configuration:
    """Returns the configuration of a file, the environment and the command line's overrides.

    Before all of them systemd's credential counts.

    An override of None is one that was not given. A relative path in the file starts from the
    file's folder. ConfigurationError names every fault.
    """
    in_file = _with_secret(_read(path)) if path is not None else {}
    in_environment = _with_secret(EnvSettingsSource(Configuration)())
    given = {key: value for key, value in overrides.items() if value is not None}
    values = {**_credential(), **in_file, **in_environment, **given}
    faults = list(_unknown_profiles(values))
    try:
        configuration = Configuration(**values)
        faults += _excessive_budgets(configuration)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        faults = [(fault["loc"], fault["type"], fault["msg"]) for fault in found] + faults
    if faults:
        raise ConfigurationError(
            [
                f"{_source(fault[0], path, in_environment, given)}{_describe(*fault)}"
                for fault in faults
            ]
        )
    return configuration


def resource(name: str) -> Path:
    """Returns a file or folder that comes with the program, such as `migrations`.

    In a clone it stands at the top level, in an installed package inside the package.
    """
    package = Path(str(importlib.resources.files(PACKAGE)))
    in_clone = (package.parent / "pyproject.toml").is_file()
    return (package.parent if in_clone else package) / name


def _read(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError([f"{path}: cannot be read: {reason}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"{path}: is not TOML: {error}"]) from None
    folder = path.absolute().parent
    for key in ("data", "spool", "database_url_file", "notices"):
        if isinstance(values.get(key), str):
            values[key] = folder / values[key]
    webhooks = values.get("webhooks")
    for table in webhooks if isinstance(webhooks, list) else ():
        if isinstance(table, dict) and isinstance(table.get("secret_file"), str):
            table["secret_file"] = folder / table["secret_file"]
    return values


def _with_secret(values: dict[str, Any]) -> dict[str, Any]:
    """Adds the database's address where one source of settings names the file that holds it."""
    file = values.get("database_url_file")
    if not isinstance(file, str | Path):
        return values
    if "database_url" in values:
        raise ConfigurationError(["database_url, database_url_file: only one of them can be set"])
    return {**values, "database_url": _secret(Path(file))}


def _credential() -> dict[str, Any]:
    """Returns what systemd hands over, see systemd.exec(5), LoadCredential."""
    directory = os.environ.get(CREDENTIALS_VARIABLE)
    file = Path(directory, "database_url") if directory else None
    return {} if file is None or not file.is_file() else {"database_url": _secret(file)}


def _secret(file: Path) -> str:
    text = _text(file)
    if not DATABASE_URL.match(text):
        raise ConfigurationError([f"{file}: {DATABASE_URL_WANTED}"])
    return text


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError([f"{file}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigurationError([f"{file}: is not written in UTF-8"]) from None


def webhook_secrets(configuration: Configuration) -> dict[tuple[str | None, str], str]:
    """Returns the secrets of webhooks by tenant (None: any) and name; `serve` alone reads them."""
    faults, secrets = list[str](), dict[tuple[str | None, str], str]()
    for index, entry in enumerate(configuration.webhooks):
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
        place, secret = str(entry.secret_file), _text(entry.secret_file)
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


def _unknown_profiles(values: Mapping[str, Any]) -> Iterator[Fault]:
    """Yields the faults of peers that name a profile that is not there."""
    profiles, peers = values.get("profiles", {}), values.get("peers", [])
    if not isinstance(profiles, dict) or not isinstance(peers, list):
        return
    for index, peer in enumerate(peers):
        name = peer.get("profile") if isinstance(peer, dict) else None
        if isinstance(name, str) and name not in profiles:
            reason = f"there is no [profiles.{name}]{_near(name, profiles)}"
            yield ("peers", index, "profile"), "unknown_profile", reason


def _excessive_budgets(configuration: Configuration) -> Iterator[Fault]:
    """Yields the faults of profiles that give the database more time than it gets."""
    most = configuration.answer_budget_seconds
    for name, profile in configuration.profiles.items():
        if profile.answer_budget_seconds is not None and profile.answer_budget_seconds > most:
            reason = f"must be at most answer_budget_seconds of all peers, {most:g}"
            yield ("profiles", name, "answer_budget_seconds"), "excessive_budget", reason


def _source(
    location: tuple[int | str, ...],
    path: Path | None,
    in_environment: Mapping[str, Any],
    given: Mapping[str, Any],
) -> str:
    """Returns where a faulty value came from, as the beginning of a sentence."""
    key = str(location[0]) if location else ""
    if key in given:
        return "command line: "
    if key in in_environment:
        return f"environment, {variable(key)}: "
    return f"{path}: "


def _describe(location: tuple[int | str, ...], kind: str, message: str) -> str:
    """Says in one line which key is wrong and why."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    if kind == "extra_forbidden":
        return f"{path[1:]}: unknown key{_suggestion(location)}"
    reason = message.removeprefix("Value error, ")
    return f"{path[1:]}: {reason[:1].lower()}{reason[1:]}"


def _suggestion(location: tuple[int | str, ...]) -> str:
    models: dict[str, type[BaseModel]] = {
        "peers": PeerEntry,
        "profiles": Profile,
        "webhooks": WebhookEntry,
    }
    model = models.get(str(location[0]), Configuration)
    return _near(str(location[-1]), model.model_fields)


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def variable(key: str) -> str:
    """Returns the name of a key in the environment."""
    return f"{ENVIRONMENT_PREFIX}{key.upper()}"
