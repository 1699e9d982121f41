"""This node connects over TLS, to whom it should."""

import asyncio
import socket
from ipaddress import ip_address
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from diameter_ocs.transport import tls
from diameter_ocs.transport.association import Association, PathState, Place, WireFault
from tests.base.wire import cer
from tests.transport.authority import (
    EXPIRED,
    Certified,
)
from tests.transport.bench import Bench
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
