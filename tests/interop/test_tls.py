"""Foreign stacks come over TLS: Erlang's own, and freeDiameter's, which is GnuTLS."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

from diameter_ocs.base.message import decode
from diameter_ocs.observability import create_metrics
from diameter_ocs.transport import tls
from diameter_ocs.transport.association import Place
from diameter_ocs.transport.certificates import Certificates
from tests.base.wire import ORIGIN_HOST, avp, cer, load_dictionary
from tests.conftest import temporary_folder
from tests.interop.counters_talk import asks, granted
from tests.interop.offer import COUNTED_DATA
from tests.interop.relaying import certified_relay
from tests.interop.requests import MIB, REALM, Session, Step, service, text, used
from tests.interop.securing import AUTHORITY, HOSTS, REVOKED, STRANGE, certified, tls_port
from tests.interop.stacks import STACKS, Node, Stack, told
from tests.interop.test_stacks import said
from tests.system.serving import Demonstration, eventually
from tests.transport.authority import EXPIRED, Certified
from tests.transport.calling import Caller
from tests.transport.certified import Files

pytestmark = pytest.mark.ci

SUBSCRIBER = 149


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> Stack:
    """A foreign stack."""
    return STACKS[request.param]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the stacks' files are, and what is compiled."""
    yield from temporary_folder()


def test_a_stack_is_charged_over_tls(stack: Stack, folder: Path, demo: Demonstration) -> None:
    subscriber = stack.first_subscriber + SUBSCRIBER
    at = int(time.time())
    session = Session(f"tls.{stack.host};{at}", at, subscriber, "32251@3gpp.org")
    steps = [
        Step("initial", session.initial(asks(MIB))),
        Step("update", session.update(1, asks(MIB, used(MIB)))),
        Step("terminate", session.terminate(2, service(COUNTED_DATA, used(MIB)))),
    ]
    node = Node(
        tls_port(demo), stack.host, certified=certified(folder, AUTHORITY.certify(stack.host))
    )
    answers = told(stack.start(folder, node, text([[step] for step in steps])))
    assert [answer["faults"] for answer in answers.values()] == [[], [], []]
    services = [said(answers[step.name]["avps"]).services for step in steps]
    assert services == [granted(MIB), granted(MIB), ()]
    assert '"reason":"disconnected_by_peer"' in lines_of(demo, stack.host)[-1]


def lines_of(demo: Demonstration, text: str) -> list[str]:
    """Return the lines of the server's log in which something stands."""
    return [line for line in demo.server.log.splitlines() if text in line]


@pytest.mark.parametrize(
    ("name", "shown", "said"),
    [
        ("erlang", STRANGE.certify(*HOSTS), "its certificate is of an authority that is not in"),
        ("erlang", AUTHORITY.certify(*HOSTS, validity=EXPIRED), "its certificate has expired"),
        ("erlang", REVOKED, "its certificate is revoked"),
        ("erlang", AUTHORITY.certify("other.example"), " proves other.example, not "),
        # It does not start with one of its own that has expired, that is of another host, or of
        # an authority that it does not know; so it knows the wrong one.
        ("free_diameter", STRANGE.certify(*HOSTS), tls.CUT_OFF),
        ("free_diameter", REVOKED, "its certificate is revoked"),
    ],
)
def test_a_stack_with_a_wrong_certificate_is_refused_and_told_of(
    name: str, folder: Path, demo: Demonstration, shown: Certified, said: str
) -> None:
    stack = STACKS[name]
    before = len(lines_of(demo, said))
    authority = STRANGE if said == tls.CUT_OFF else AUTHORITY
    node = Node(tls_port(demo), stack.host, certified=certified(folder, shown, authority))
    process = subprocess.Popen(
        stack.command(folder, node), stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        eventually("the refusal", lambda: len(lines_of(demo, said)) > before, 20)
    finally:
        process.kill()
        process.wait()


async def test_this_node_connects_to_a_stack_over_tls(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    node = Node(port, f"relay.{REALM}", "relay")
    words = certified_relay(folder, node, certified(folder, AUTHORITY.certify(node.host)))
    host = f"gw.{REALM}"
    own = folder / "own"
    own.mkdir()
    certificates = Certificates(Files(own, AUTHORITY, host).settings(), create_metrics())
    caller = Caller(cer(avp(264, host.encode()), without=ORIGIN_HOST))
    process = subprocess.Popen(words, stdin=PIPE, stdout=DEVNULL, stderr=DEVNULL)
    try:
        async with asyncio.timeout(20):
            while caller.association is None:
                with suppress(ConnectionRefusedError):
                    await tls.connect(
                        caller, Place(ip_address("127.0.0.1"), port), certificates, 10
                    )
            cea = decode(await caller.heard.get(), load_dictionary())
        assert cea.group.first("Result-Code") == 2001
        assert caller.association.certificate_names == {node.host}
        caller.association.close()
    finally:
        process.kill()
        process.wait()
