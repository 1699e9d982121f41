"""This node connects over TLS, to whom it should."""

import socket
from ipaddress import ip_address
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from diameter_ocs.transport import tls
from diameter_ocs.transport.association import Place, WireFault
from tests.base.wire import cer
from tests.transport.authority import (
    EXPIRED,
    Certified,
)
from tests.transport.bench import Bench
from tests.transport.calling import Caller
from tests.transport.certified import (
    AUTHORITY,
    BY_NAME,
    GATEWAY,
    SERVER,
    STRANGE,
    Files,
    closed,
    gone,
    refusals,
)


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
    caller = Caller(cer())
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
    caller = Caller(cer())
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
    caller = Caller(cer())
    await tls.connect(caller, place(bench), own.certificates(bench), 10)
    fault = await caller.lost
    assert isinstance(fault, WireFault)
    assert "it does not know the authority of this node's certificate" in str(fault)


async def test_this_node_gives_up_a_peer_that_says_nothing_or_no_tls(
    bench: Bench, own: Files
) -> None:
    await bench.listen()
    caller = Caller(cer())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = Place(ip_address("127.0.0.1"), silent.getsockname()[1])
        with pytest.raises(TimeoutError):
            await tls.connect(caller, where, own.certificates(bench), 0.01)
    with pytest.raises(WireFault):
        await tls.connect(caller, place(bench), own.certificates(bench), 10)
    assert caller.association is None
