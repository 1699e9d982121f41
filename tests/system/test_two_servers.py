"""Two servers on one database, gateways at one of them and policy servers at the other."""

import signal
from pathlib import Path

import pytest

from tests.system.conftest import LISTEN, LOOPBACK, PATIENCE, Configured
from tests.system.policing import (
    ALLOWANCE,
    DATA,
    LOW,
    Ears,
    PolicyServer,
    ask,
    change,
    gateway,
    open_accounts,
    told,
    use_up,
    waiting,
    whose,
)
from tests.system.serving import STOP_SECONDS, Server, eventually

POLL_SECONDS = 3.0
"""A server looks once a second though nobody tells it of anything; the rest is its work."""


def pair(configured: Configured) -> list[Server]:
    """Start two servers on one database; each takes what gateways have begun at the other."""
    servers = [
        configured(
            f'origin_host = "{name}.test.example"\norigin_realm = "test.example"\n'
            f'host_aliases = ["{other}.test.example"]\n' + (PATIENCE + LISTEN + LOOPBACK)
        )
        for name, other in (("one", "two"), ("two", "one"))
    ]
    for server in servers:
        server.launch()
    for server in servers:
        eventually("it is ready", lambda server=server: server.listens and server.is_ready())
    return servers


@pytest.mark.ci
def test_what_one_server_commits_leaves_by_the_one_that_has_the_peer(
    configured: Configured, database: str, folder: Path
) -> None:
    open_accounts(database, folder, accounts=1)
    one, two = pair(configured)
    with gateway([one, two], "pgw.access.example") as pgw:
        policy = PolicyServer([two, one], "pcrf.policy.example")
        assert policy.subscribe(1) == {"data left": "normal"}
        session, called = pgw.session(whose(1)), Ears(pgw.node)
        use_up(session)
        assert told(policy.ears.hear(POLL_SECONDS)) == {"data left": "none"}
        change(database, "credit", 1, ALLOWANCE)
        assert told(policy.ears.hear(POLL_SECONDS)) == {"data left": "normal"}
        call = called.hear(POLL_SECONDS)
        assert (call.command, call.session_id.decode()) == ("RAR", session.session_id)
        assert session.follow(call, None).services[0].granted is not None
        two.kill()
        ask(session, f"update:rg={DATA}/used={ALLOWANCE - LOW + 1}/request=1")
        assert told(policy.ears.hear(60)) == {"data left": "low"}
        two.start()
        eventually("two is ready", two.is_ready)
        one.kill()
        policy.ears.listen(2)
        called.listen(2)
        answer = ask(session, f"update:rg={DATA}/used={LOW - 1}/request")
        assert answer.services[0].granted is None
        assert told(policy.ears.hear(60)) == {"data left": "none"}
        change(database, "credit", 1, ALLOWANCE)
        assert told(policy.ears.hear(POLL_SECONDS)) == {"data left": "normal"}
        assert called.hear(POLL_SECONDS).command == "RAR"
        eventually("all is delivered", lambda: waiting(database) == [], 10)
        one.start()
        two.process.send_signal(signal.SIGTERM)
        policy.ears.listen(2)
        called.listen(2)
        assert two.process.wait(STOP_SECONDS) == 0
        change(database, "debit", 1, ALLOWANCE)
        assert told(policy.ears.hear(POLL_SECONDS)) == {"data left": "none"}
        policy.node.close()
    assert one.end() == 0
    assert "Traceback" not in one.log + two.log
