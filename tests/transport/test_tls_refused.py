"""Who may not come over TLS is refused and told of, and nobody waits for the slow."""

import asyncio
import shutil
import ssl
from dataclasses import replace
from subprocess import PIPE, STDOUT

import pytest
from structlog.testing import capture_logs

from diameter_ocs.transport import tls
from tests.base.wire import ccr, cer
from tests.transport.authority import (
    EXPIRED,
    NOT_YET_VALID,
    Authority,
    Certified,
    self_signed,
)
from tests.transport.bench import LOCAL, Bench
from tests.transport.certified import (
    AUTHORITY,
    BY_NAME,
    GATEWAY,
    STRANGE,
    Files,
    client_context,
    context,
    gone,
    refusals,
    refused,
)


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
