"""`serve --test-clock`: what takes days is seen in a minute, and books stay balanced."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from diameter_ocs.config import resource
from diameter_ocs.simulator.gateway import Gateway, Session, parse_steps
from tests.system.serving import Demonstration, command, demonstration, eventually
from tests.system.wire import subscriber

MIB = 2**20


@pytest.fixture
def trial(folder: Path) -> Iterator[Demonstration]:
    """A demonstration with a test clock."""
    own = demonstration(folder, "--test-clock")
    own.server.start()
    eventually("ready", own.server.is_ready)
    yield own
    own.kill()


def ask(session: Session, step: str) -> str:
    """Take a session through a step, and return the answer as a line."""
    (parsed,) = parse_steps([step])
    return session.credit_control(parsed).text()


def reserved(trial: Demonstration) -> int:
    return trial.balances("demo-1")["data"]["reserved"]


def reasons(trial: Demonstration) -> list[str]:
    """Return why something was done about demo-1 without being asked, the oldest first."""
    edrs = trial.command("edr", "list", "--account", "demo-1")
    return [edr["reason"] for edr in reversed(edrs) if edr["reason"] is not None]


def nightly() -> str:
    """The demonstration's catalogue, with texts that are paid, and cheap at night."""
    catalogue = yaml.safe_load(resource("deploy/demo.yaml").read_text())
    services = catalogue["plans"][0]["services"]
    services[:] = [each for each in services if each["name"] != "text allowance"]
    texts = next(each for each in services if each["name"] == "text as you go")
    del texts["price"]
    texts["rates"] = [
        {"zone": "night", "price": {"amount": 0.01}, "when": {"hours": [{"times": "22:00-06:00"}]}},
        {"zone": "day", "price": {"amount": 0.08}},
    ]
    return yaml.safe_dump(catalogue)


@pytest.mark.ci
def test_a_clock_that_is_moved_moves_every_timer(trial: Demonstration, tmp_path: Path) -> None:
    assert "  test clock   20" in trial.server.announcement
    with trial.server.connect() as gateway:
        a_forgotten_session_is_given_up(trial, gateway)
        a_price_of_the_night_begins_with_it(trial, gateway, tmp_path)
        a_year_passes(trial, gateway)
    assert trial.server.end() == 0
    assert "Traceback" not in trial.server.log
    refused = command("serve", "--demo", "--data", trial.data)
    assert refused.returncode == 1
    assert "`serve --test-clock` serves it" in refused.stderr


def a_forgotten_session_is_given_up(trial: Demonstration, gateway: Gateway) -> None:
    assert "granted 10 MiB" in ask(gateway.session(subscriber(1)), "initial:rg=300")
    trial.command("clock", "advance", "1h")
    assert reserved(trial) == 10 * MIB
    trial.command("clock", "advance", "9000s")
    assert (reserved(trial), reasons(trial)) == (0, ["reservation_expired"])
    trial.command("clock", "advance", "48h")
    assert reasons(trial) == ["reservation_expired", "idle"]
    assert trial.command("session", "list") == []


def a_price_of_the_night_begins_with_it(
    trial: Demonstration, gateway: Gateway, folder: Path
) -> None:
    catalogue = folder / "nightly.yaml"
    catalogue.write_text(nightly())
    trial.command("catalogue", "apply", catalogue)
    spent = []
    for time in ("2027-01-04T21:59", "2027-01-04T22:00", "2027-01-05T06:00"):
        trial.command("clock", "set", time)
        before = trial.balances("demo-2")["money"]["used"]
        assert "2001" in ask(gateway.session(subscriber(2)), "event:rg=200/units=1")
        spent.append(trial.balances("demo-2")["money"]["used"] - before)
    assert spent == [80_000, 10_000, 80_000]


def a_year_passes(trial: Demonstration, gateway: Gateway) -> None:
    session = gateway.session(subscriber(3))
    ask(session, "initial:rg=300")
    trial.command("clock", "advance", "365d")
    assert "5002" in ask(session, "update:rg=300/used=1MiB/request")
    assert "granted 10 MiB" in ask(gateway.session(subscriber(3)), "initial:rg=300")
    assert trial.server.is_ready()
    metrics = trial.server.page("/metrics")[1]
    assert 'ocs_default_partition_rows{table="edr"} 0.0' in metrics
    assert trial.command("books")["balanced"] is True
