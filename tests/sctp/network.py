"""Two hosts as network namespaces, joined by several paths which a test may harm and repair."""

import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CLONE_NEWNET = 0x40000000
NAMESPACES = Path("/run/netns")
OWN_NAMESPACE = Path("/proc/thread-self/ns/net")
SYSTEM_VALUES = Path("/proc/sys")

libc = ctypes.CDLL(None, use_errno=True)
numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Host:
    """A network namespace with one interface for each path, `path0` and so on."""

    name: str
    end: int
    """The last part of each of its addresses."""
    paths: int

    @property
    def addresses(self) -> list[str]:
        """Its IPv4 addresses, one for each path."""
        return [f"10.9.{path}.{self.end}" for path in range(self.paths)]

    @property
    def addresses_6(self) -> list[str]:
        """Its IPv6 addresses, one for each path."""
        return [f"fd00:0:0:{path}::{self.end}" for path in range(self.paths)]

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Have this thread on the host: a socket made now, or a process started, belongs there.

        It stays there; so does what a listening socket takes later. No need to stay for using it.
        """
        with OWN_NAMESPACE.open("rb") as before:
            with (NAMESPACES / self.name).open("rb") as namespace:
                enter(namespace.fileno())
            try:
                yield
            finally:
                enter(before.fileno())

    def run(self, *words: object, given: str = "") -> str:
        """Run a program on the host, and return what it prints; its failure is an error."""
        with self.entered():
            return run(*words, given=given)

    def set(self, name: str, value: object) -> None:
        """Give the host's kernel a value, such as `net/sctp/udp_port`."""
        with self.entered():
            (SYSTEM_VALUES / name).write_text(f"{value}\n")

    def get(self, name: str) -> str:
        """Return a value of the host's kernel."""
        with self.entered():
            return (SYSTEM_VALUES / name).read_text().strip()


@dataclass(frozen=True, slots=True)
class Network:
    """Two hosts, of which each address of one is reached over one path from the other's."""

    left: Host
    right: Host

    def lose(self, path: int, percent: float = 100.0) -> None:
        """Lose packets of a path in both directions, without a word to either host."""
        self._on_both("tc", "qdisc", "replace", *on(path), "root", "netem", "loss", f"{percent}%")

    def lose_no_more(self, path: int) -> None:
        """End the losses of a path."""
        self._on_both("tc", "qdisc", "delete", *on(path), "root")

    def take_down(self, path: int) -> None:
        """Take down the left host's interface of a path: both hosts see that the link is down."""
        self.left.run("ip", "link", "set", *on(path), "down")

    def bring_up(self, path: int) -> None:
        """Bring the interface up again, with the addresses that it had."""
        self.left.run("ip", "link", "set", *on(path), "up")

    def segment_in_software(self) -> None:
        """Have every packet sent as it would be seen on a cable, no longer than a path allows.

        Otherwise one host's kernel hands the other large ones without a checksum, which only a
        kernel takes: SCTP of a process drops them.
        """
        for path in range(self.left.paths):
            features = ("tx-sctp-segmentation", "off", "gso", "off", "tso", "off")
            self._on_both("ethtool", "-K", f"path{path}", *features)

    def _on_both(self, *words: object) -> None:
        for host in (self.left, self.right):
            host.run(*words)


@contextmanager
def made(paths: int = 2) -> Iterator[Network]:
    """Make a network, and remove it at the end with everything that was set on it."""
    name = f"ocs-{os.getpid()}-{next(numbers)}"
    left, right = Host(f"{name}-left", 1, paths), Host(f"{name}-right", 2, paths)
    ends = (left, right)
    try:
        batch(
            *(f"netns add {host.name}" for host in ends),
            *(
                f"link add path{path} netns {left.name} type veth"
                f" peer name path{path} netns {right.name}"
                for path in range(paths)
            ),
        )
        for host in ends:
            furnish(host)
        yield Network(left, right)
    finally:
        batch(*(f"netns delete {host.name}" for host in ends if (NAMESPACES / host.name).exists()))


def furnish(host: Host) -> None:
    """Give a host its addresses, and bring up its interfaces."""
    # What is down keeps its IPv6 addresses, as it keeps its IPv4 ones.
    host.set("net/ipv6/conf/all/keep_addr_on_down", 1)
    with host.entered():
        batch(
            "link set lo up",
            *(
                line
                for path in range(host.paths)
                for line in (
                    f"address add {host.addresses[path]}/24 dev path{path}",
                    f"address add {host.addresses_6[path]}/64 dev path{path} nodad",
                    f"link set path{path} up",
                )
            ),
        )


def on(path: int) -> tuple[str, str]:
    """Return how one names a path's interface to `ip` and `tc`."""
    return ("dev", f"path{path}")


def batch(*lines: str) -> None:
    """Have `ip` do many things: one start of it costs more than they do."""
    run("ip", "-batch", "-", given="".join(f"{line}\n" for line in lines))


def run(*words: object, given: str = "") -> str:
    """Run a program, and return what it prints; its failure is an error that says all."""
    done = subprocess.run([*map(str, words)], input=given, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def enter(namespace: int) -> None:
    """Have this thread in a network namespace."""
    if libc.setns(namespace, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
