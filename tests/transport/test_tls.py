"""Gateways come over TLS, in whole messages and in order, and certificates change meanwhile."""

import asyncio
import ssl

import pytest
from structlog.testing import capture_logs

from diameter_ocs.base.events import RequestReceived
from diameter_ocs.transport.connection import Connection
from tests.base.wire import ORIGIN_HOST, ORIGIN_REALM, avp, ccr, cer, message
from tests.transport.bench import DWR, Bench, answered
from tests.transport.certified import (
    AUTHORITY,
    BY_NAME,
    GATEWAY,
    SERVER,
    Bare,
    CutOff,
    Files,
    client_context,
    closed,
    context,
    refused,
)


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
