"""Foreign Diameter stacks as programs that take steps and tell of each answer."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.interop.requests import REALM, Step, text
from tests.interop.subscribers import ERLANG, FREE_DIAMETER

HERE = Path(__file__).parent
APT = "apt-get install -y --no-install-recommends"
ERLANG_PACKAGES = "erlang-base erlang-crypto erlang-ssl erlang-diameter libsctp1"
FREE_DIAMETER_PACKAGES = "freediameter-extensions libfreediameter-dev gcc libc6-dev"
LIMIT_SECONDS = 120
CONFIGURATION = """
Identity = "{host}";
Realm = "{realm}";
Port = 0;
SecPort = 0;
No_IPv6;
NoRelay;
{here}
TwTimer = 6;
LoadExtension = "dict_nasreq.fdx";
LoadExtension = "dict_sip.fdx";
LoadExtension = "dict_dcca.fdx";
LoadExtension = "dict_dcca_3gpp.fdx";
{shown}
ConnectPeer = "{server}" {{ {there} Port = {port}; {tls} }};
"""
CERTIFIED = 'TLS_Cred = "{certificate}", "{key}"; TLS_CA = "{authorities}";'

LOCALHOST = "127.0.0.1"
OCS = f"ocs.{REALM}"


class Certified(NamedTuple):
    """What a stack shows over TLS, and whom it believes."""

    certificate: Path
    key: Path
    authorities: Path


class Addresses(NamedTuple):
    """Where a stack and its server are, each at one end of an association of SCTP."""

    here: Sequence[str]
    there: Sequence[str]


class Node(NamedTuple):
    """What a stack is to be, and whom it connects to, over TLS if it is certified.

    Where addresses are named it connects over SCTP.
    """

    port: int
    host: str
    applications: str = "gy"
    server: str = OCS
    certified: Certified | None = None
    addresses: Addresses | None = None


class Stack(NamedTuple):
    """A stack: the gateway that it plays, whose subscribers these are, and how it is started."""

    name: str
    host: str
    first_subscriber: int
    command: Callable[[Path, Node], list[str]]
    """From a scratch folder."""
    odd: bytes
    """A Session-Id as odd as it sends."""

    def run(
        self, folder: Path, port: int, paragraphs: Sequence[Sequence[Step]], idle_seconds: int = 0
    ) -> dict[str, dict[str, Any]]:
        """Send the steps, be idle for a while, disconnect; return what it tells, by step."""
        steps = text(paragraphs) + (f"\nwait {idle_seconds}\n" if idle_seconds else "")
        return told(self.start(folder, Node(port, self.host), steps))

    def start(self, folder: Path, node: Node, steps: str) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        return subprocess.run(
            self.command(folder, node),
            input=steps,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )


def told(ended: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, Any]]:
    """Return what a stack has told, by step."""
    assert ended.returncode == 0, f"{ended.stderr}\n{ended.stdout[-2000:]}"
    return {line["step"]: line for line in map(json.loads, ended.stdout.splitlines())}


def erlang(folder: Path, node: Node) -> list[str]:
    """Return how Erlang's stack is started."""
    escript = shutil.which("escript")
    if escript is None:
        pytest.fail(f"escript is not installed; type: {APT} {ERLANG_PACKAGES}")
    client = str(HERE / "erlang_client.escript")
    here, there = node.addresses or ((), (LOCALHOST,))
    words = [escript, client, ",".join(there), str(node.port), node.host, REALM]
    words += [node.applications, *map(str, node.certified or ())]
    return [*words, ",".join(here)] if here else words


def free_diameter(folder: Path, node: Node) -> list[str]:
    """Configure and compile the client of freeDiameter; return how it is started."""
    certified = node.certified
    shown = "" if certified is None else shown_by(certified)
    tls = "No_TLS;" if certified is None else ""
    here, there = node.addresses or ((LOCALHOST,), (LOCALHOST,))
    is_tcp = node.addresses is None
    where = {
        **node._asdict(),
        "realm": REALM,
        "shown": shown,
        "tls": tls,
        "here": each("ListenOn", here) + ("No_SCTP;" if is_tcp else "No_TCP;"),
        "there": each("ConnectTo", there) + ("No_SCTP; Prefer_TCP;" if is_tcp else "No_TCP;"),
    }
    return configured(folder, node, CONFIGURATION.format(**where))


def each(key: str, values: Sequence[str]) -> str:
    """Return how freeDiameter is told several of something."""
    return "".join(f'{key} = "{value}"; ' for value in values)


def shown_by(certified: Certified) -> str:
    """Return how freeDiameter is told so."""
    return CERTIFIED.format(**certified._asdict())


def configured(folder: Path, node: Node, text: str) -> list[str]:
    """Return how freeDiameter is started with a configuration."""
    configuration, program = folder / f"{node.host}.conf", folder / "free_diameter"
    configuration.write_text(text)
    if not program.exists():
        compile_free_diameter(program)
    return [str(program), str(configuration), node.applications]


def compile_free_diameter(program: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.fail(f"gcc is not installed; type: {APT} {FREE_DIAMETER_PACKAGES}")
    command = [compiler, "-O1", "-Wall", "-o", str(program), str(HERE / "free_diameter.c")]
    command += ["-lfdcore", "-lfdproto", "-lpthread"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        pytest.fail(f"{ended.stderr}\nfreeDiameter needs: {APT} {FREE_DIAMETER_PACKAGES}")


ODD = "identity with %2F, /, ;; and ü\u2028".encode()
STACKS = {
    "erlang": Stack("erlang", f"pgw.erlang.{REALM}", ERLANG, erlang, ODD),
    "free_diameter": Stack(
        "free_diameter", f"pgw.free.{REALM}", FREE_DIAMETER, free_diameter, ODD + b"\xff"
    ),
}
