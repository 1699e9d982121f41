"""Starts the bridge by which clients that have only TCP speak SCTP over UDP."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ..simulator.errors import SimulatorError

END_SECONDS = 10.0
HOST = "127.0.0.1"


class Bridge(NamedTuple):
    """A bridge that is up: clients connect to its port on loopback."""

    port: int
    process_id: int


@contextmanager
def bridge_to(host: str, port: int, udp_port: int) -> Iterator[Bridge]:
    """Runs a bridge, a process of its own, to an SCTP port of a host.

    Raises:
        SimulatorError: there can be none; it has said why.
    """
    words = [sys.executable, "-m", "diameter_ocs.cli.bridge", host, str(port), str(udp_port)]
    # A session of its own, so that Ctrl-C lets the client take leave over it.
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            printed = process.stdout.readline()
            if not printed:
                raise SimulatorError("there is no way over SCTP over UDP: the reason stands above")
            yield Bridge(int(printed), process.pid)
        finally:
            process.stdin.close()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
