"""Gateways come over TLS, those who may not are told of, and nobody waits for the slow."""

import asyncio
import shutil
import socket
import ssl
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import Any

import pytest
from structlog.testing import capture_logs

from diameter_ocs.base.events import RequestReceived
from diameter_ocs.transport import tls
from diameter_ocs.transport.association import Association, PathState, Place, WireFault
from diameter_ocs.transport.connection import Connection
from diameter_ocs.transport.peer_rules import PeerRule
from tests.base.wire import ORIGIN_HOST, ORIGIN_REALM, avp, ccr, cer, message
from tests.transport.authority import (
    EXPIRED,
    NOT_YET_VALID,
    Authority,
    Certified,
    self_signed,
)
from tests.transport.bench import DWR, LOCAL, Bench, answered
from tests.transport.certified import SERVER, Bare, CutOff, Files, client_context

GATEWAY = "gw.example"
BY_NAME = (PeerRule(host=GATEWAY),)
AUTHORITY = Authority()
STRANGE = Authority("Another authority")


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """What the server goes by."""
    return Files(tmp_path, AUTHORITY)


def context(files: Files, certified: Certified | None = None) -> ssl.SSLContext:
    """Return what a gateway goes by."""
    return client_context(files, certified or AUTHORITY.certify(GATEWAY))


def refusals(events: list[Any]) -> list[tuple[str, str]]:
    """Return reason and detail of the connections that were refused."""
    return [
        (each["reason"], each["detail"]) for each in events if each["event"] == "connection refused"
    ]


async def refused(bench: Bench, context: ssl.SSLContext) -> tuple[str, str]:
    """Return what the log says of a gateway, which is refused."""
    with capture_logs() as events:
        try:
            client = await bench.connect(context=context)
            client.writer.write(cer())
            with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
                await client.read()
        except (ssl.SSLError, ConnectionError):
            pass
        await gone(bench)
    (line,) = refusals(events)
    return line


async def gone(bench: Bench) -> None:
    """Wait until no connection is half open."""
    async with asyncio.timeout(10):
        while bench.metric("connections_half_open"):
            await asyncio.sleep(0)


async def test_a_gateway_with_its_certificate_opens_asks_and_is_answered(
    bench: Bench, files: Files
) -> None:
    await bench.listen(rules=BY_NAME, certificates=files.certificates(bench))
    client = await bench.connect_open(context=context(files))
    assert (await client.ask(ccr())).group.first("Result-Code") == 2001
    assert (await client.ask(DWR)).command_code == 280
    assert bench.listening[0].wire == "tls"


async def test_a_gateway_needs_no_certificate_where_none_is_asked_for(
    bench: Bench, files: Files
) -> None:
    certificates = files.certificates(bench, client_certificates=False)
    await bench.listen(rules=BY_NAME, certificates=certificates)
    client = await bench.connect_open(context=client_context(files, None))
    assert (await client.ask(ccr())).group.first("Result-Code") == 2001


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("certified", "said"),
    [
        (STRANGE.certify(GATEWAY), "its certificate is of an authority that is not in"),
        (Authority().certify(GATEWAY), "its certificate is signed by another than the authority"),
        (AUTHORITY.certify(GATEWAY, validity=EXPIRED), "its certificate has expired"),
        (AUTHORITY.certify(GATEWAY, validity=NOT_YET_VALID), "its certificate is not yet valid"),
        (self_signed(GATEWAY), "its certificate is signed by nobody but itself"),
        (None, "it shows no certificate"),
    ],
    ids=[
        "of another authority",
        "of one of the same name",
        "expired",
        "not yet valid",
        "self-signed",
        "none",
    ],
)
async def test_a_gateway_with_a_wrong_certificate_is_refused_and_told_of(
    bench: Bench, files: Files, certified: Certified | None, said: str, version: ssl.TLSVersion
) -> None:
    await bench.listen(certificates=files.certificates(bench))
    gateway = client_context(files, certified)
    gateway.maximum_version = version
    reason, detail = await refused(bench, gateway)
    assert (reason, detail[: len(said)]) == ("tls", said)
    assert bench.metric("connections_refused_total", reason="tls") == 1


async def test_a_gateway_hears_why_its_certificate_is_refused(bench: Bench, files: Files) -> None:
    await bench.listen(certificates=files.certificates(bench))
    gateway = context(files, AUTHORITY.certify(GATEWAY, validity=EXPIRED))
    gateway.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="ALERT_CERTIFICATE_EXPIRED"):
        await bench.connect(context=gateway)


async def test_a_revoked_certificate_is_refused_and_others_of_its_authority_are_not(
    bench: Bench, files: Files
) -> None:
    revoked = AUTHORITY.certify(GATEWAY)
    files.revoke([revoked])
    await bench.listen(certificates=files.certificates(bench))
    assert await refused(bench, context(files, revoked)) == ("tls", "its certificate is revoked")
    await bench.connect_open(context=context(files))


async def test_with_a_list_out_of_date_nobody_gets_in_and_it_is_said_at_once(
    bench: Bench, files: Files
) -> None:
    files.revoke([], EXPIRED)
    with capture_logs() as events:
        certificates = files.certificates(bench)
    ((level, what),) = [(each["log_level"], each["what"]) for each in events]
    assert (level, what) == ("error", "revocations")
    await bench.listen(certificates=certificates)
    _, detail = await refused(bench, context(files))
    assert detail.startswith("the list of revoked certificates is out of date")


async def test_an_authority_without_a_list_lets_nobody_in_where_there_are_lists(
    bench: Bench, files: Files
) -> None:
    files.revoke([])
    files.authorities.write_bytes(AUTHORITY.certificate + STRANGE.certificate)
    await bench.listen(certificates=files.certificates(bench))
    _, detail = await refused(bench, context(files, STRANGE.certify(GATEWAY)))
    assert detail.startswith("no list of revoked certificates is here of who has signed")


@pytest.mark.parametrize(
    ("certified", "code"),
    [
        (AUTHORITY.certify("other.example", GATEWAY), 2001),
        (AUTHORITY.certify("GW.Example"), 2001),
        (AUTHORITY.certify("*.example"), 2001),
        (AUTHORITY.certify(common_name=GATEWAY), 2001),
        (AUTHORITY.certify("other.example", common_name=GATEWAY), 3010),
        (AUTHORITY.certify("other.example"), 3010),
        (AUTHORITY.certify("*.gw.example"), 3010),
        (AUTHORITY.certify(common_name="Nobody's gateway"), 3010),
    ],
)
async def test_a_gateway_is_whom_its_certificate_names(
    bench: Bench, files: Files, certified: Certified, code: int
) -> None:
    await bench.listen(rules=BY_NAME, certificates=files.certificates(bench))
    client = await bench.connect(context=context(files, certified))
    with capture_logs() as events:
        cea = await client.ask(cer())
        if code != 2001:
            assert await client.is_ended()
            await gone(bench)
    assert cea.group.first("Result-Code") == code
    assert [each for each in events if each.get("reason") == "capabilities_refused"] == [
        each for each in events if f"certificate of {GATEWAY} proves" in each.get("detail", "")
    ]


@pytest.mark.ci
async def test_a_gateway_that_wants_to_renegotiate_may_not(bench: Bench, files: Files) -> None:
    await bench.listen(certificates=files.certificates(bench))
    context(files)
    openssl = shutil.which("openssl")
    assert openssl is not None, "openssl is not installed; type: apt-get install -y openssl"
    words = [openssl, "s_client", "-connect", f"127.0.0.1:{bench.port}", "-tls1_2"]
    words += ["-cert", str(files.folder / "gateway.pem"), "-key", str(files.folder / "gateway.key")]
    process = await asyncio.create_subprocess_exec(*words, stdin=PIPE, stdout=PIPE, stderr=STDOUT)
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readuntil(b"Verify return code")
    process.stdin.write(b"R\n")
    assert b":no renegotiation:" in await process.stdout.read()
    await process.wait()
    await bench.connect_open(context=context(files))


async def test_tls_1_1_is_too_old(bench: Bench, files: Files) -> None:
    await bench.listen(certificates=files.certificates(bench))
    gateway = context(files)
    gateway.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        gateway.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        gateway.maximum_version = ssl.TLSVersion.TLSv1_1
    _, detail = await refused(bench, gateway)
    assert detail.startswith("it offers no TLS that is new enough")


async def test_no_renegotiation_no_compression_and_no_ticket(bench: Bench, files: Files) -> None:
    certificates = files.certificates(bench)
    for each in (certificates.server, certificates.client):
        wanted = ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        assert each.options & wanted == wanted
        assert each.minimum_version is ssl.TLSVersion.TLSv1_2
    await bench.listen(certificates=certificates)
    client = await bench.connect_open(context=context(files))
    session = client.writer.get_extra_info("ssl_object").session
    assert not session.has_ticket


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (cer(), "it speaks Diameter without TLS here"),
        (b"GET / HTTP/1.1\r\n\r\n", "it does not speak TLS"),
        (bytes(40), "it does not speak TLS"),
    ],
)
async def test_who_speaks_no_tls_on_its_port_is_told_of(
    bench: Bench, files: Files, octets: bytes, said: str
) -> None:
    await bench.listen(certificates=files.certificates(bench))
    with capture_logs() as events:
        client = await bench.connect()
        client.writer.write(octets)
        while await client.reader.read(100):
            pass
        await gone(bench)
    ((reason, detail),) = refusals(events)
    assert (reason, detail[: len(said)]) == ("tls", said)


async def test_tls_on_the_port_without_is_told_of(bench: Bench, files: Files) -> None:
    await bench.listen()
    with capture_logs() as events:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await bench.connect(context=context(files))
        await gone(bench)
    ((reason, detail),) = refusals(events)
    assert reason == "malformed"
    assert "TLS" in detail


async def test_who_does_not_begin_tls_and_who_does_not_end_the_handshake_are_given_up(
    bench: Bench, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.listen(certificates=files.certificates(bench))
    with capture_logs() as events:
        silent, slow = await bench.connect(), await bench.connect()
        slow.writer.write(b"\x16\x03\x01")
        await slow.writer.drain()
        await asyncio.sleep(0)
        later(monkeypatch, tls.HANDSHAKE_SECONDS)
        assert await silent.is_ended()
        assert await slow.is_ended()
        await gone(bench)
    said = {detail for _, detail in refusals(events)}
    assert said == {"it has not begun TLS in 8 s", "its TLS handshake is not done in 8 s"}


async def test_handshake_and_cer_together_have_the_time_of_a_cer(
    bench: Bench, files: Files
) -> None:
    local = replace(LOCAL, cer_seconds=0)
    await bench.listen(local=local, certificates=files.certificates(bench))
    assert await (await bench.connect()).is_ended()
    assert bench.metric("connections_refused_total", reason="capabilities_late") == 1


async def test_a_flood_that_says_nothing_keeps_no_gateway_out_and_ends_in_time(
    bench: Bench, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.listen(connections_max=1000, certificates=files.certificates(bench))
    silent = [await bench.connect(f"127.0.0.{1 + each % 8}") for each in range(300)]
    gateway = await bench.connect_open(context=context(files))
    assert 0 < (bench.metric("connections_half_open") or 0) < 64
    later(monkeypatch, tls.HANDSHAKE_SECONDS)
    for each in silent:
        assert await each.is_ended()
    await gone(bench)
    assert (await gateway.ask(ccr())).group.first("Result-Code") == 2001


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Have the clock of the loop go forward."""
    loop = asyncio.get_running_loop()
    clock = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + seconds)


async def test_who_leaves_in_the_midst_of_the_handshake_is_told_of(
    bench: Bench, files: Files
) -> None:
    await bench.listen(certificates=files.certificates(bench))
    with capture_logs() as events:
        client = await bench.connect()
        client.writer.write(b"\x16\x03\x01")
        client.writer.close()
        await client.writer.wait_closed()
        for _ in range(100):
            await asyncio.sleep(0)
        await gone(bench)
    ((reason, detail),) = refusals(events)
    assert (reason, detail) == ("tls", tls.CUT_OFF)


async def test_many_and_long_messages_come_whole_and_in_order(bench: Bench, files: Files) -> None:
    def at_length(connection: Connection, received: RequestReceived) -> None:
        connection.answer(answered(received.message, ("Error-Message", "x" * 30_000)))

    await bench.listen(at_length, certificates=files.certificates(bench))
    client = await bench.connect_open(context=context(files))
    long = avp(9999, b"y" * 30_000, flags=0)
    client.writer.write(b"".join(ccr(long, hop_by_hop=each) for each in range(100)))
    assert [(await client.read()).hop_by_hop for _ in range(100)] == list(range(100))


async def test_records_that_come_octet_by_octet_are_understood(bench: Bench, files: Files) -> None:
    await bench.listen(certificates=files.certificates(bench))
    gateway = Bare(await bench.connect(), context(files))
    await gateway.connect()
    for request, command in ((cer(), 257), (ccr(), 272)):
        assert int.from_bytes((await gateway.ask(request))[5:8]) == command


async def test_the_server_ends_tls_before_it_ends_the_connection(
    bench: Bench, files: Files
) -> None:
    await bench.listen(certificates=files.certificates(bench))
    gateway = Bare(await bench.connect(), context(files))
    await gateway.connect()
    await gateway.ask(cer())
    stopping = asyncio.create_task(bench.stop(5))
    dpr = await gateway.read()
    members = avp(268, (2001).to_bytes(4)), ORIGIN_HOST, ORIGIN_REALM
    hop_by_hop = int.from_bytes(dpr[12:16])
    gateway.tls.write(message(282, *members, application=0, flags=0, hop_by_hop=hop_by_hop))
    await gateway.flush()
    assert await gateway.read() == b""
    await stopping


async def test_a_connection_that_is_given_up_is_cut_off(bench: Bench, files: Files) -> None:
    await bench.listen(certificates=files.certificates(bench))
    gateway = Bare(await bench.connect(), context(files))
    await gateway.connect()
    await gateway.ask(cer())
    await bench.stop(0)
    with pytest.raises(CutOff):
        await gateway.read_all()


async def test_a_gateway_that_ends_tls_in_order_is_gone(bench: Bench, files: Files) -> None:
    await bench.listen(certificates=files.certificates(bench))
    gateway = Bare(await bench.connect(), context(files))
    await gateway.connect()
    await gateway.ask(cer())
    with pytest.raises(ssl.SSLWantReadError):
        gateway.tls.unwrap()
    await gateway.flush()
    with pytest.raises(ssl.SSLZeroReturnError):
        await gateway.read()
    await closed(bench)


async def test_octets_that_are_no_record_end_an_open_connection_and_are_told_of(
    bench: Bench, files: Files
) -> None:
    await bench.listen(certificates=files.certificates(bench))
    gateway = Bare(await bench.connect(), context(files))
    await gateway.connect()
    await gateway.ask(cer())
    with capture_logs() as events:
        gateway.client.writer.write(b"\x17\x03\x03\x00\x20" + bytes(32))
        with pytest.raises(ssl.SSLError, match="ALERT_BAD_RECORD_MAC"):
            await gateway.read()
        await closed(bench)
    (line,) = [each for each in events if each["event"] == "peer closed"]
    assert line["detail"].startswith("TLS with it has failed: ")


async def closed(bench: Bench) -> None:
    """Wait until no peer is there."""
    async with asyncio.timeout(10):
        while bench.metric("peers_open"):
            await asyncio.sleep(0)


async def test_new_certificates_count_for_new_connections_and_no_old_one_ends(
    bench: Bench, files: Files
) -> None:
    revoked, good = AUTHORITY.certify(GATEWAY), AUTHORITY.certify("gw2.example")
    files.revoke([])
    await bench.listen(certificates=files.certificates(bench))
    first = await bench.connect_open(context=context(files, revoked))
    files.revoke([revoked])
    new = AUTHORITY.certify(SERVER).write(files.folder, "ocs")
    _, detail = await refused(bench, context(files, revoked))
    assert detail == "its certificate is revoked"
    second = cer(avp(264, b"gw2.example"), without=ORIGIN_HOST)
    client = await bench.connect_open(second, context=context(files, good))
    shown = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    assert shown == ssl.PEM_cert_to_DER_cert(new.certificate.decode())
    assert (await first.ask(ccr())).group.first("Result-Code") == 2001


async def test_half_of_a_new_pair_is_not_taken_and_told_of_once(bench: Bench, files: Files) -> None:
    await bench.listen(certificates=files.certificates(bench))
    old = (files.folder / "ocs.pem").read_text()
    new = AUTHORITY.certify(SERVER)
    with capture_logs() as events:
        (files.folder / "ocs.pem").write_bytes(new.certificate)
        assert await shown(bench, files) == ssl.PEM_cert_to_DER_cert(old)
        assert await shown(bench, files) == ssl.PEM_cert_to_DER_cert(old)
        (files.folder / "ocs.key").write_bytes(new.key)
        assert await shown(bench, files) == ssl.PEM_cert_to_DER_cert(new.certificate.decode())
    told = [each["event"] for each in events if each["event"].startswith("certificates")]
    assert told == ["certificates not reloaded", "certificates reloaded"]


async def shown(bench: Bench, files: Files) -> bytes:
    """Return the certificate that the server shows to a new connection."""
    client = await bench.connect(context=context(files))
    octets: bytes = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return octets


class Caller:
    """Who connects to a peer; it says one thing and hears the others."""

    def __init__(self) -> None:
        self.association: Association | None = None
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def connection_made(self, association: Association) -> None:
        self.association = association
        association.send([cer()])

    def data_received(self, octets: bytes) -> None:
        self.heard.put_nowait(octets)

    def path_changed(self, place: Place, state: PathState) -> None:
        raise AssertionError("a stream has one path")

    def not_sent(self, octets: bytes, error: OSError) -> None:
        raise AssertionError("a stream sends whatever there is")

    def pause_writing(self) -> None:
        pass

    def resume_writing(self) -> None:
        pass

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set_result(error)


@pytest.fixture
def own(tmp_path: Path) -> Files:
    """What this node goes by as a client; whom it connects to has another folder."""
    folder = tmp_path / "own"
    folder.mkdir()
    return Files(folder, AUTHORITY, GATEWAY)


def place(bench: Bench) -> Place:
    return Place(ip_address("127.0.0.1"), bench.port)


async def test_this_node_connects_and_sees_whom_the_certificate_names(
    bench: Bench, files: Files, own: Files
) -> None:
    await bench.listen(rules=BY_NAME, certificates=files.certificates(bench))
    caller = Caller()
    await tls.connect(caller, place(bench), own.certificates(bench), 10)
    association = caller.association
    assert association is not None
    assert association.certificate_names == {SERVER}
    assert (association.wire, association.peer_places) == ("tls", (place(bench),))
    assert int.from_bytes((await caller.heard.get())[5:8]) == 257
    association.close()
    assert await caller.lost is None
    association.send([cer()])
    association.close()
    association.abort()
    await closed(bench)


@pytest.mark.parametrize(
    ("certified", "said"),
    [
        (STRANGE.certify(SERVER), "its certificate is of an authority that is not in"),
        (AUTHORITY.certify(SERVER, validity=EXPIRED), "its certificate has expired"),
    ],
)
async def test_this_node_connects_to_nobody_with_a_wrong_certificate(
    bench: Bench, files: Files, own: Files, certified: Certified, said: str
) -> None:
    certified.write(files.folder, "ocs")
    with capture_logs():
        await bench.listen(certificates=files.certificates(bench))
    caller = Caller()
    with capture_logs() as events:
        with pytest.raises(WireFault, match=said):
            await tls.connect(caller, place(bench), own.certificates(bench), 10)
        await gone(bench)
    assert caller.association is None
    ((_, detail),) = refusals(events)
    assert "this node's certificate" in detail


async def test_this_node_hears_that_its_own_certificate_is_refused(
    bench: Bench, files: Files, own: Files
) -> None:
    await bench.listen(certificates=files.certificates(bench))
    STRANGE.certify(GATEWAY).write(own.folder, "ocs")
    caller = Caller()
    await tls.connect(caller, place(bench), own.certificates(bench), 10)
    fault = await caller.lost
    assert isinstance(fault, WireFault)
    assert "it does not know the authority of this node's certificate" in str(fault)


async def test_this_node_gives_up_a_peer_that_says_nothing_or_no_tls(
    bench: Bench, own: Files
) -> None:
    await bench.listen()
    caller = Caller()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = Place(ip_address("127.0.0.1"), silent.getsockname()[1])
        with pytest.raises(TimeoutError):
            await tls.connect(caller, where, own.certificates(bench), 0.01)
    with pytest.raises(WireFault):
        await tls.connect(caller, place(bench), own.certificates(bench), 10)
    assert caller.association is None
