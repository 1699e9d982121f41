"""Peers that know TLS well and mean ill are cut off and told of, and nothing breaks."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from diameter_ocs.base.events import RequestReceived
from diameter_ocs.transport import tcp, tls
from diameter_ocs.transport.association import Place, WireFault
from diameter_ocs.transport.connection import Connection
from tests.base.wire import ccr, cer
from tests.transport.authority import VALID, Authority
from tests.transport.bench import Bench, reply
from tests.transport.calling import Caller
from tests.transport.certified import Bare, CutOff, Files, client_context
from tests.transport.records import KEY_UPDATE, Records

GATEWAY = "gw.example"
AUTHORITY = Authority()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """What the server goes by."""
    return Files(tmp_path, AUTHORITY)


def context(files: Files) -> ssl.SSLContext:
    return client_context(files, AUTHORITY.certify(GATEWAY))


def old_context(files: Files) -> ssl.SSLContext:
    """Return what a gateway goes by that speaks TLS 1.2."""
    old = context(files)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    return old


def faults(loop: asyncio.AbstractEventLoop) -> list[str]:
    """Return what the loop complains of from now on."""
    told: list[str] = []
    loop.set_exception_handler(lambda _, what: told.append(str(what)))
    return told


async def bare(bench: Bench, files: Files, tmp_path: Path, records: int) -> tuple[Bare, Records]:
    """Connect a gateway that opens its connection; it has written so many records then."""
    known = context(files)
    known.keylog_filename = str(tmp_path / "keys.log")
    gateway = Bare(await bench.connect(), known)
    await gateway.connect()
    if records:
        assert len(await gateway.ask(cer())) > 20
    return gateway, Records.of_log((tmp_path / "keys.log").read_text(), records)


@pytest.mark.parametrize("is_open", [False, True])
async def test_new_keys_again_and_again_end_the_connection(
    bench: Bench, files: Files, tmp_path: Path, is_open: bool
) -> None:
    await bench.listen(certificates=files.certificates(bench))
    gateway, records = await bare(bench, files, tmp_path, int(is_open))
    with capture_logs() as events:
        # Some are in order.
        for _ in range(100):
            gateway.client.writer.write(records.key_update())
        await gateway.client.writer.drain()
        flood = (records.key_update() for _ in range(tls.SILENT_OCTETS_MAX // 22))
        gateway.client.writer.write(b"".join(flood))
        with pytest.raises((CutOff, ConnectionError)):
            await gateway.read_all()
    assert [each["detail"] for each in events if "detail" in each] == [
        "it sends TLS again and again with nothing in it"
    ]


async def test_an_answer_that_tls_cannot_take_ends_the_connection(
    bench: Bench, files: Files, tmp_path: Path
) -> None:
    asked: asyncio.Future[Callable[[], None]] = asyncio.get_running_loop().create_future()

    def later(connection: Connection, received: RequestReceived) -> None:
        asked.set_result(lambda: reply(connection, received))

    told = faults(asyncio.get_running_loop())
    await bench.listen(later, certificates=files.certificates(bench))
    gateway, records = await bare(bench, files, tmp_path, 1)
    with capture_logs() as events:
        gateway.client.writer.write(records.record(ccr(), 23))
        answer = await asked
        # While a message of TLS is here in part, OpenSSL writes nothing.
        gateway.client.writer.write(records.record(KEY_UPDATE[:4]))
        for _ in range(20):
            await asyncio.sleep(0)
        answer()
        with pytest.raises((CutOff, ConnectionError)):
            await gateway.read_all()
    (detail,) = [each["detail"] for each in events if "detail" in each]
    assert detail.startswith("TLS with it has failed")
    assert not told


NAMES = {
    "no UTF-8": b"\x30\x04\x82\x02\xff\xfe",
    "an odd URI": b"\x30\x10\x82\x0agw.example\x86\x02\xff\xfe",
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
async def test_names_that_cannot_be_read_are_told_of_on_both_sides(
    bench: Bench, files: Files, tmp_path: Path, names: bytes
) -> None:
    said = "the names in its certificate cannot be read"
    told = faults(asyncio.get_running_loop())
    odd = AUTHORITY.certify_names(names)
    await bench.listen(certificates=files.certificates(bench))
    with capture_logs() as events:
        gateway = Bare(await bench.connect(), client_context(files, odd))
        await gateway.connect()
        with pytest.raises((CutOff, ConnectionError)):
            await gateway.read_all()
    (detail,) = [each["detail"] for each in events if "detail" in each]
    assert detail.startswith(said)
    odd.write(files.folder, "ocs")
    own = tmp_path / "own"
    own.mkdir()
    caller, place = Caller(cer()), Place(ip_address("127.0.0.1"), bench.port)
    with pytest.raises(WireFault, match=said):
        await tls.connect(caller, place, Files(own, AUTHORITY).certificates(bench), 10)
    assert caller.association is None
    assert not told


async def resumed(bench: Bench, context: ssl.SSLContext, session: ssl.SSLSession) -> bool:
    """Say whether a gateway comes back into a session of before."""
    gateway = Bare(await bench.connect(), context, session)
    await gateway.connect()
    assert len(await gateway.ask(cer())) > 20
    return gateway.tls.session_reused is True


async def left(bench: Bench, context: ssl.SSLContext) -> ssl.SSLSession:
    """Return the session of a gateway that has come and left in order."""
    gateway = Bare(await bench.connect(), context)
    await gateway.connect()
    session = gateway.tls.session
    assert session is not None
    with pytest.raises(ssl.SSLWantReadError):
        gateway.tls.unwrap()
    await gateway.flush()
    with pytest.raises(ssl.SSLZeroReturnError):
        await gateway.read()
    return session


async def test_who_was_revoked_comes_back_into_no_session(bench: Bench, files: Files) -> None:
    files.revoke([])
    await bench.listen(certificates=files.certificates(bench))
    revoked = AUTHORITY.certify(GATEWAY)
    old = client_context(files, revoked)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    session = await left(bench, old)
    assert await resumed(bench, old, session)
    files.revoke([revoked])
    with capture_logs() as events:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await Bare(await bench.connect(), old, session).connect()
        async with asyncio.timeout(10):
            while not (refused := [each for each in events if "detail" in each]):
                await asyncio.sleep(0)
    assert refused[-1]["detail"] == "its certificate is revoked"


async def test_who_has_expired_comes_back_into_no_session(
    bench: Bench, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.listen(certificates=files.certificates(bench))
    old = old_context(files)
    session = await left(bench, old)
    monkeypatch.setattr(tls, "time", lambda: VALID[1].timestamp() + 1)
    with capture_logs() as events, pytest.raises((CutOff, ConnectionError)):
        await resumed(bench, old, session)
    (detail,) = [each["detail"] for each in events if "detail" in each]
    assert detail.startswith("its certificate has expired")


async def test_who_waits_no_more_hears_of_no_handshake(bench: Bench, files: Files) -> None:
    loop = asyncio.get_running_loop()
    told = faults(loop)
    certificates = files.certificates(bench)
    await bench.listen(certificates=files.certificates(bench, client_certificates=False))
    caller, ready = Caller(cer()), loop.create_future()
    called = tls.Tls(lambda: caller, certificates.client, ready)
    await tcp.connect(called, Place(ip_address("127.0.0.1"), bench.port), 10)
    ready.cancel()
    while not called.is_closing:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert caller.association is None
    assert not told


async def test_a_call_that_is_given_up_leaves_no_connection(bench: Bench, files: Files) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(10)
        place = Place(ip_address("127.0.0.1"), silent.getsockname()[1])
        with pytest.raises(TimeoutError):
            await tls.connect(Caller(cer()), place, files.certificates(bench), 0.01)
        await asyncio.sleep(0)
        with silent.accept()[0] as there:
            there.settimeout(10)
            with suppress(ConnectionError):
                while there.recv(65_536):
                    pass
