"""A PostgreSQL that neither answers nor ends: its processes are stopped, as on a dying disk."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from diameter_ocs.embedded import Cluster
from diameter_ocs.simulator.gateway import parse_steps
from tests.system.conftest import IDENTITY, LISTEN, LOOPBACK, Configured
from tests.system.serving import GATEWAY, Demonstration, eventually
from tests.system.wire import credit_control, subscriber

pytestmark = pytest.mark.ci

ANSWER_SECONDS = 5.0
UNREADY_SECONDS = 15.0
(STEP,) = parse_steps(["initial:rg=300"])


class Ice:
    """Stops every process of a PostgreSQL, and lets them go on."""

    def __init__(self) -> None:
        self._stopped: list[int] = []

    def freeze(self, postmaster: int | None) -> None:
        """Stop a postmaster and its children."""
        assert postmaster is not None
        children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
        self._stopped = [postmaster, *map(int, children)]
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let those go on that are still there."""
        self._send(signal.SIGCONT)

    def _send(self, sign: signal.Signals) -> None:
        for number in self._stopped:
            try:
                os.kill(number, sign)
            except ProcessLookupError:
                continue


@pytest.fixture
def ice() -> Iterator[Ice]:
    """What freezes a database; name it last among the fixtures, so that it thaws first."""
    ice = Ice()
    yield ice
    ice.thaw()


def test_a_locked_account_costs_3004_in_time_and_only_itself(own_demo: Demonstration) -> None:
    with own_demo.server.connect() as gateway, psycopg.connect(own_demo.conninfo) as connection:
        connection.execute("SELECT 1 FROM account WHERE name = 'demo-1' FOR UPDATE")
        began = time.monotonic()
        assert gateway.session(subscriber(1)).credit_control(STEP).result_code == 3004
        assert time.monotonic() - began < ANSWER_SECONDS
        assert gateway.session(subscriber(2)).credit_control(STEP).result_code == 2001
        connection.rollback()
        assert gateway.session(subscriber(1)).credit_control(STEP).result_code == 2001


def test_a_frozen_database_costs_3004_in_time(own_demo: Demonstration, ice: Ice) -> None:
    with own_demo.server.connect() as gateway:
        assert gateway.session(subscriber(1)).credit_control(STEP).result_code == 2001
        ice.freeze(own_demo.postmaster)
        began = time.monotonic()
        assert gateway.session(subscriber(1)).credit_control(STEP).result_code == 3004
        assert time.monotonic() - began < ANSWER_SECONDS


def test_a_database_that_was_frozen_needs_no_restart(own_demo: Demonstration, ice: Ice) -> None:
    with own_demo.server.connect() as gateway:
        session = gateway.session(subscriber(1))
        assert session.credit_control(STEP).result_code == 2001
    ice.freeze(own_demo.postmaster)
    with own_demo.server.open():
        pass
    ice.thaw()
    with own_demo.server.connect() as gateway:
        assert gateway.session(subscriber(1)).credit_control(STEP).result_code == 2001
    assert own_demo.command("books")["balanced"] is True


def test_a_frozen_database_shows_on_readyz(own_demo: Demonstration, ice: Ice) -> None:
    eventually("ready", own_demo.server.is_ready)
    ice.freeze(own_demo.postmaster)
    eventually("unready", lambda: not own_demo.server.is_ready(), UNREADY_SECONDS)


def test_a_server_ends_though_its_database_is_frozen(
    configured: Configured, outside: Cluster, ice: Ice
) -> None:
    server = configured(IDENTITY + LISTEN + LOOPBACK)
    server.environment["OCS_DATABASE_URL"] = outside.conninfo()
    server.start()
    eventually("ready", server.is_ready)
    request, _ = credit_control(GATEWAY, subscriber(1), "initial:rg=300", 0, "frozen;1;1")
    with server.open(GATEWAY) as connection:
        ice.freeze(outside.pid)
        connection.sendall(request)
        assert server.end() == 0
