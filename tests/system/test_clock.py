"""`serve --test-clock`: what takes days is seen in a minute, and books stay balanced."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

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


def by_hours(night: float, day: float, per: str = "1") -> list[dict[str, Any]]:
    """Return rates of which the first is the night's."""
    return [
        {
            "zone": "night",
            "price": {"amount": night, "per": per},
            "when": {"hours": [{"times": "22:00-06:00"}]},
        },
        {"zone": "day", "price": {"amount": day, "per": per}},
    ]


def nightly() -> str:
    """The demonstration's catalogue; texts and chats are paid, and cheap at night."""
    catalogue = yaml.load(resource("deploy/demo.yaml").read_text(), yaml.BaseLoader)
    services = catalogue["plans"][0]["services"]
    services[:] = [each for each in services if each["name"] != "text allowance"]
    texts = next(each for each in services if each["name"] == "text as you go")
    del texts["price"]
    texts["rates"] = by_hours(0.01, 0.08)
    chat = {"name": "chat", "rating_groups": [500], "rates": by_hours(0.001, 0.01, "1 min")}
    services.append(chat)
    catalogue["rating_groups"] += [
        {"id": 400, "name": "Votes", "unit_type": "units"},
        {"id": 500, "name": "Chat", "unit_type": "time", "rounding": "60 s"},
    ]
    votes = {"name": "votes", "rating_groups": [400], "price": {"amount": 0.5}}
    catalogue["plans"].append({"name": "extra", "services": [votes]})
    return yaml.safe_dump(catalogue)


@pytest.mark.ci
def test_a_clock_that_is_moved_moves_every_timer(trial: Demonstration, tmp_path: Path) -> None:
    assert "  test clock   20" in trial.server.announcement
    with trial.server.connect() as gateway:
        a_forgotten_session_is_given_up(trial, gateway)
        a_price_of_the_night_begins_with_it(trial, gateway, tmp_path)
        a_call_is_paid_by_the_hours_that_it_lasts(trial, gateway)
        a_plan_begins_and_ends_by_it(trial, gateway)
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


def a_call_is_paid_by_the_hours_that_it_lasts(trial: Demonstration, gateway: Gateway) -> None:
    """Half an hour of an hour at a day's price, half at the night's; gateways date it as ever."""
    trial.command("clock", "set", "2027-01-05T21:30")
    session = gateway.session(subscriber(5))
    before = trial.balances("demo-5")["money"]["used"]
    assert "granted 3600 s" in ask(session, "initial:rg=500/time=3600")
    trial.command("clock", "set", "2027-01-05T22:30")
    ask(session, "terminate:rg=500/used-time=3600")
    spent = trial.balances("demo-5")["money"]["used"] - before
    assert abs(spent - (30 * 10_000 + 30 * 1_000)) <= 10_000


def a_plan_begins_and_ends_by_it(trial: Demonstration, gateway: Gateway) -> None:
    between = ("--from", "2027-01-10", "--until", "2027-02-01")
    trial.command("subscription", "add", "demo-4", "extra", *between)
    answers = []
    trial.command("clock", "set", "2027-01-09T23:59")
    answers.append(ask(gateway.session(subscriber(4)), "event:rg=400/units=1"))
    a_refused_session_is_called_when_it_begins(trial)
    for time in ("2027-01-10T00:01", "2027-01-31T23:59", "2027-02-01"):
        trial.command("clock", "set", time)
        answers.append(ask(gateway.session(subscriber(4)), "event:rg=400/units=1"))
    assert ["4010" in answer for answer in answers] == [True, False, False, True]
    of_account = ("--account", "demo-4", "--kind", "account", "--since", "2027-01-05")
    actions = [edr["action"] for edr in trial.command("edr", "list", *of_account)]
    assert actions == [
        "expire plan subscription",
        "announce expiry",
        "activate plan subscription",
        "subscribe to plan",
    ]


def a_refused_session_is_called_when_it_begins(trial: Demonstration) -> None:
    named = subscriber(4)
    whose = ("--imsi", named.imsi, "--msisdn", named.msisdn, "--server", trial.server.address)
    steps = ("initial:rg=400/units=1", "wait-rar:rg=400/units=1", "terminate")
    with ThreadPoolExecutor(1) as beside:
        session = beside.submit(
            command, "simulate", "pgw", *whose, "--origin-host", "other.demo.example", *steps
        )
        eventually("refused", lambda: trial.command("session", "list", "--account", "demo-4"))
        trial.command("clock", "set", "2027-01-10")
        ended = session.result()
    assert ended.returncode == 0, ended.stdout + ended.stderr
    initial, called, update, _ = ended.stdout.splitlines()
    assert "4010" in initial
    assert called.startswith("RAR")
    assert "granted 1 units" in update


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
