"""The configuration: sources in their order, and every fault with its key."""

import ipaddress
from pathlib import Path

import pytest

from diameter_ocs.config import (
    Configuration,
    ConfigurationError,
    Endpoint,
    Profile,
    SctpUdpTable,
    TlsTable,
    WebhookEntry,
    load,
)
from diameter_ocs.config.values import parse_place
from tests.config.conftest import write

FULL = """
origin_host = "ocs1.example"
origin_realm = "example"
host_aliases = ["ocs.example"]
served_realms = ["other.example", "*"]
listen = "[::1]:3869"
metrics = ""
data = "data/ocs"
spool = "data/spool"
notices = "data/notices"
database_url = "postgresql://ocs:hidden@db/ocs"
lanes = 4
batch_size = 64
answer_budget_seconds = 1.5
watchdog_seconds = 10
vendor_id = 10415
product_name = "charging"
message_octets_max = 1048576
requests_in_flight_max = 10
connections_max = 20
half_open_connections_max = 32
accept_any_loopback_peer = true
edr_retention_days = 30
log_level = "warning"
log_format = "json"

[tls]
listen = "[::1]:5659"
certificate = "tls/ocs.pem"
key = "/etc/ocs.key"
authorities = "tls/ca.pem"
revocations = "tls/crl.pem"
client_certificates = "none"

[sctp]
listen = ["192.0.2.1", "2001:db8::1"]
port = 3869
streams = 8
rto_initial_seconds = 1
rto_max_seconds = 3
rto_min_seconds = 0.1
heartbeat_seconds = 2
path_retransmissions_max = 3
association_retransmissions_max = 8

[sctp_udp]
listen = "127.0.0.1:9900"
port = 3870

[[peers]]
host = "pgw*.example"
tenant = "demo"
addresses = ["10.0.0.0/8", "2001:db8::1"]
profile = "careful"

[[peers]]
realm = "roaming.example"
transports = ["tls", "sctp"]

[[peers]]
host = "dra.example"
connect = ["192.0.2.9:3868", "[2001:db8::9]:3868"]
transport = "sctp-udp"
udp_port = 9901

[[peers]]
host = "edge.example"
connect = ["192.0.2.10:5658"]
transport = "tls"
certificate = "*.example"

[[webhooks]]
name = "crm"
tenant = "demo"
secret_file = "secrets/crm"

[[webhooks]]
name = "crm"
secret_variable = "CRM_SECRET"

[service_contexts]
"gprs@maker.example" = "32251"

[profiles.careful]
strict = true
answer_budget_seconds = 1.0
watchdog_seconds = 6
requests_in_flight_max = 100
announcements = false
location_triggers = false
quota_thresholds = false
quota_pools = true
free_services = "4011"
closes_on_restart = true
session_failover = false
credit_control_failure_handling = "CONTINUE"
direct_debiting_failure_handling = "CONTINUE"
"""


def test_every_key_of_the_file_is_read(tmp_path: Path) -> None:
    configuration = load(write(tmp_path, FULL))
    assert configuration.identity() == ("ocs1.example", "example")
    assert configuration.listen == Endpoint("::1", 3869)
    assert configuration.metrics is None
    assert configuration.served_realms == ("other.example", "*")
    assert configuration.database_url is not None
    assert configuration.database_url.get_secret_value() == "postgresql://ocs:hidden@db/ocs"
    first, second, third, fourth = configuration.peers
    assert first.host == "pgw*.example"
    assert first.profile == "careful"
    profile = configuration.profiles["careful"]
    assert profile == Profile(
        strict=True,
        answer_budget_seconds=1.0,
        watchdog_seconds=6,
        requests_in_flight_max=100,
        announcements=False,
        location_triggers=False,
        quota_thresholds=False,
        quota_pools=True,
        free_services="4011",
        closes_on_restart=True,
        session_failover=False,
        credit_control_failure_handling="CONTINUE",
        direct_debiting_failure_handling="CONTINUE",
    )
    assert first.addresses == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("2001:db8::1/128"),
    )
    assert (second.host, second.realm, second.tenant) == (None, "roaming.example", None)
    assert second.transports == ("tls", "sctp")
    assert (third.transport, third.udp_port) == ("sctp-udp", 9901)
    assert [str(place) for place in third.connect] == ["192.0.2.9:3868", "[2001:db8::9]:3868"]
    assert (fourth.transport, fourth.certificate) == ("tls", "*.example")
    assert configuration.webhooks == (
        WebhookEntry(name="crm", tenant="demo", secret_file=tmp_path / "secrets/crm"),
        WebhookEntry(name="crm", secret_variable="CRM_SECRET"),
    )
    assert configuration.tls == TlsTable(
        listen=Endpoint("::1", 5659),
        certificate=tmp_path / "tls/ocs.pem",
        key=Path("/etc/ocs.key"),
        authorities=tmp_path / "tls/ca.pem",
        revocations=tmp_path / "tls/crl.pem",
        client_certificates="none",
    )
    sctp, sctp_udp = configuration.sctp, configuration.sctp_udp
    assert sctp is not None
    assert [str(address) for address in sctp.listen] == ["192.0.2.1", "2001:db8::1"]
    assert (sctp.port, sctp.rto_min_seconds, sctp.heartbeat_seconds) == (3869, 0.1, 2)
    assert sctp_udp == SctpUdpTable(listen=parse_place("127.0.0.1:9900"), port=3870)
    named_in_file = {line.split(" = ")[0] for line in FULL.split("[tls]")[0].splitlines() if line}
    assert configuration.service_contexts == {"gprs@maker.example": "32251"}
    tables = {"peers", "profiles", "webhooks", "service_contexts", "tls", "sctp", "sctp_udp"}
    assert named_in_file | tables | {"database_url_file"} == set(Configuration.model_fields)


def test_without_a_file_there_are_defaults() -> None:
    configuration = load(None)
    assert configuration.listen == Endpoint("0.0.0.0", 3868)
    assert configuration.database_url is None
    assert configuration.data is None


def test_a_relative_path_starts_from_the_folder_of_the_file(tmp_path: Path) -> None:
    assert load(write(tmp_path, 'data = "here"')).data == tmp_path / "here"
    assert load(write(tmp_path, 'data = "/there"')).data == Path("/there")
    assert load(write(tmp_path, 'spool = "here"')).spool == tmp_path / "here"
    assert load(write(tmp_path, 'notices = "here"')).notices == tmp_path / "here"


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, 'origin_host = "a.example"\norigin_realm = "example"\nlanes = 1')
    monkeypatch.setenv("OCS_ORIGIN_HOST", "b.example")
    monkeypatch.setenv("OCS_LANES", "3")
    configuration = load(path, origin_host="c.example", listen=None)
    assert configuration.identity() == ("c.example", "example")
    assert configuration.lanes == 3


def test_lists_in_the_environment_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCS_SERVED_REALMS", "a.example, b.example")
    monkeypatch.setenv("OCS_DATABASE_URL", "")
    configuration = load(None)
    assert configuration.served_realms == ("a.example", "b.example")
    assert configuration.database_url is None


def test_variables_that_are_no_settings_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCS_POSTGRES_BINARIES", "/usr/lib/postgresql/15/bin")
    assert load(None).lanes == 2


def test_all_faults_are_named_at_once_with_file_and_key(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        origin_hots = "ocs.example"
        listen = "3868"
        lanes = "two"
        batch_size = 0
        watchdog_seconds = 5
        zzz = 1
        database_url = "secret"
        [[peers]]
        host = "pgw.example"
        [[peers]]
        hots = "pgw.example"
        realm = "a b"
        addresses = ["10.0.0.0/8", "10.0.0.1/8"]
        [[peers]]
        profile = "carefull"
        [profiles.careful]
        stict = true
        [profiles.hasty]
        watchdog_seconds = 5
        """,
    )
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    assert sorted(raised.value.faults) == [
        f"{path}: batch_size: input should be greater than or equal to 1",
        f"{path}: database_url: must be postgresql://USER@HOST/DATABASE"
        " or host=HOST dbname=DATABASE",
        f"{path}: lanes: input should be a valid integer, unable to parse string as an integer",
        f"{path}: listen: must be HOST:PORT, or [ADDRESS]:PORT for IPv6",
        f"{path}: origin_hots: unknown key (did you mean origin_host?)",
        f"{path}: peers[1].addresses[1]: must be an IP address or network:"
        " 10.0.0.1/8 has host bits set",
        f"{path}: peers[1].hots: unknown key (did you mean host?)",
        f"{path}: peers[1].realm: must be a host name or realm such as ocs.example",
        f"{path}: peers[2].profile: there is no [profiles.carefull] (did you mean careful?)",
        f"{path}: peers[2]: needs a host or a realm",
        f"{path}: profiles.careful.stict: unknown key (did you mean strict?)",
        f"{path}: profiles.hasty.watchdog_seconds: input should be greater than or equal to 6",
        f"{path}: watchdog_seconds: input should be greater than or equal to 6",
        f"{path}: zzz: unknown key",
    ]


def test_tables_of_wires_come_from_the_environment_key_by_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCS_SCTP_LISTEN", "192.0.2.1, 2001:db8::1")
    monkeypatch.setenv("OCS_SCTP_UDP_PORT", "4000")
    monkeypatch.setenv("OCS_TLS_KEY", "other.key")
    path = write(
        tmp_path,
        """
        [tls]
        certificate = "ocs.pem"
        key = "ocs.key"
        client_certificates = "none"
        [sctp]
        port = 3870
        """,
    )
    configuration = load(path)
    tls, sctp, sctp_udp = configuration.tls, configuration.sctp, configuration.sctp_udp
    assert tls is not None
    assert (tls.certificate, tls.key) == (tmp_path / "ocs.pem", Path("other.key"))
    assert sctp is not None
    assert ([str(each) for each in sctp.listen], sctp.port) == (["192.0.2.1", "2001:db8::1"], 3870)
    assert sctp_udp == SctpUdpTable(port=4000)


def test_a_fault_in_a_table_names_the_variable_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCS_TLS_LISTEN", "5658")
    monkeypatch.setenv("OCS_SCTP", "yes")
    path = write(tmp_path, '[tls]\ncertificate = "ocs.pem"\nkeys = 1\n')
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    assert raised.value.faults == [
        "environment, OCS_TLS_LISTEN: tls.listen: must be HOST:PORT, or [ADDRESS]:PORT for IPv6",
        f"{path}: tls.key: field required",
        f"{path}: tls.keys: unknown key (did you mean key?)",
        "environment, OCS_SCTP: sctp: input should be a valid dictionary or instance of SctpTable",
    ]


def test_what_is_missing_everywhere_has_no_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCS_TLS_CERTIFICATE", "ocs.pem")
    with pytest.raises(ConfigurationError) as raised:
        load(None)
    assert raised.value.faults == ["tls.key: field required"]


def test_a_fault_names_the_variable_or_the_command_line_it_came_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OCS_LANES", "many")
    with pytest.raises(ConfigurationError) as raised:
        load(None, listen="nowhere")
    assert sorted(fault.split(": ")[0] for fault in raised.value.faults) == [
        "command line",
        "environment, OCS_LANES",
    ]


@pytest.mark.parametrize(
    ("text", "reason"), [("a = [", "is not TOML"), (None, "cannot be read: No such file")]
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str | None, reason: str) -> None:
    path = tmp_path / "ocs.toml" if text is None else write(tmp_path, text)
    with pytest.raises(ConfigurationError, match=f"{path}: {reason}"):
        load(path)


def test_a_server_needs_a_name() -> None:
    with pytest.raises(ConfigurationError) as raised:
        load(None, origin_realm="example").identity()
    assert raised.value.faults == ["origin_host: missing; set it in the file, or OCS_ORIGIN_HOST"]
