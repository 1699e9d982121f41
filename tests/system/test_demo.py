"""`serve --demo` as a gateway and as a person meet it."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from diameter.message import Message

from diameter_ocs.config import resource
from diameter_ocs.simulator.final_units import FinalUnit
from diameter_ocs.simulator.gateway import Gateway, Identity, Session, SimulatorError, parse_steps
from tests.system.serving import CLONE, GATEWAY, Demonstration, surroundings
from tests.system.wire import (
    credit_control,
    exchange,
    hop_by_hop,
    messages_until_end,
    result_codes,
    subscriber,
    watchdog,
    with_avp,
)

MIB = 2**20


@pytest.fixture(scope="module")
def gateway(demo: Demonstration) -> Iterator[Gateway]:
    """A gateway that stays connected to the demonstration."""
    with demo.server.connect() as connected:
        yield connected


def answers(session: Session, *steps: str) -> list[str]:
    """Take a session through steps; return each answer as one line."""
    return [session.credit_control(step).text() for step in parse_steps(steps)]


def test_the_commands_that_it_names_work_as_they_stand(demo: Demonstration) -> None:
    lines = demo.server.announcement.splitlines()
    assert f"{demo.server.address} (TCP), ocs.demo.example" in demo.server.announcement
    begin = lines.index("Try next, in another terminal:") + 1
    commands = [line.strip() for line in lines[begin:]]
    assert len(commands) == 2
    printed = []
    for line in commands:
        ended = subprocess.run(
            shlex.split(line), cwd=CLONE, env=surroundings(), capture_output=True, text=True
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        printed.append(ended.stdout)
    assert printed[0].count("2001 SUCCESS") == 5
    assert "demo-1 of tenant demo" in printed[1]


def test_the_demonstration_is_what_its_readme_says(demo: Demonstration) -> None:
    (tenant,) = demo.command("tenant", "list")
    assert (tenant["tenant"], tenant["catalogue_version"]) == ("demo", 1)
    accounts = demo.command("account", "list")
    assert [account["account"] for account in accounts] == [f"demo-{n}" for n in range(1, 101)]
    assert {plan for account in accounts for plan in account["plans"]} == {"demo"}
    assert set(accounts[0]["identities"]) == {"imsi:001010000000001", "msisdn:15550100001"}
    assert set(accounts[99]["identities"]) == {"imsi:001010000000100", "msisdn:15550100100"}
    totals = {b["balance_type"]: b["total"] for b in accounts[99]["balances"]}
    assert totals == {"data": 10 * 2**30, "voice": 6000, "text": 100, "money": 20_000_000}


def test_a_session_of_every_unit_is_charged(gateway: Gateway, demo: Demonstration) -> None:
    session = gateway.session(subscriber(2))
    first, second, last = (
        session.credit_control(step)
        for step in parse_steps(
            [
                "initial:rg=300/request=10MiB,rg=100/time=120,rg=200/units=2",
                "update:rg=300/used-input=1000/used-output=24/request=1MiB,rg=310/request=1MiB",
                "terminate:rg=310/used=2048,rg=100/used-time=61,rg=200/used-units=1",
            ]
        )
    )
    assert [answer.result_code for answer in (first, second, last)] == [2001] * 3
    assert [answer.faults for answer in (first, second, last)] == [()] * 3
    granted = [service.granted for service in first.services]
    assert [service.rating_group for service in first.services] == [300, 100, 200]
    assert granted[0] is not None
    assert granted[0].total_octets == 10 * MIB
    assert granted[1] is not None
    assert granted[1].seconds == 120
    assert granted[2] is not None
    assert granted[2].service_specific_units == 2
    assert [service.result_code for service in second.services] == [2001, 2001]

    balances = demo.balances("demo-2")
    used = {name: balance["used"] for name, balance in balances.items()}
    assert used == {"data": 3072, "voice": 120, "text": 1, "money": 0}
    assert all(balance["reserved"] == 0 for balance in balances.values())

    edrs = demo.command("edr", "list", "--account", "demo-2")
    assert [edr["action"] for edr in edrs][:3] == ["terminate", "update", "initial"]
    assert {edr["session_id"] for edr in edrs[:3]} == {session.session_id}


def test_what_is_granted_is_reserved_until_it_is_used(
    gateway: Gateway, demo: Demonstration
) -> None:
    session = gateway.session(subscriber(3))
    answers(session, "initial:rg=300/request=10MiB")
    assert demo.balances("demo-3")["data"]["reserved"] == 10 * MIB
    answers(session, "terminate:rg=300/used=1MiB")
    data = demo.balances("demo-3")["data"]
    assert (data["used"], data["reserved"]) == (MIB, 0)


def test_calls_cost_by_place_and_by_number(gateway: Gateway, demo: Demonstration) -> None:
    def called(settings: str) -> str:
        script = f"{settings} initial:rg=100/time=60 terminate:rg=100/used-time=60"
        return answers(gateway.session(subscriber(60)), script)[0]

    abroad, premium = "context=32276 vlr=33609001234", "called=19005550100"
    assert "2001 SUCCESS, granted 60 s" in called("context=32260")
    assert "2001 SUCCESS, granted 60 s" in called(abroad)
    assert "4010 END_USER_SERVICE_DENIED, announcement 1002" in called(f"context=32260 {premium}")
    assert "2001 SUCCESS, granted 60 s" in called(f"{abroad} called=112")
    used = {name: balance["used"] for name, balance in demo.balances("demo-60").items()}
    assert (used["voice"], used["money"]) == (60, 250_000)


def test_every_destination_realm_is_taken(demo: Demonstration) -> None:
    elsewhere = Identity("pgw7.visited.example", "visited.example", "home.example")
    with demo.server.connect(elsewhere) as other:
        assert "initial 0: 2001" in answers(other.session(subscriber(4)), "initial:rg=300")[0]


def test_the_last_quota_is_final_and_nothing_follows_it(
    gateway: Gateway, demo: Demonstration
) -> None:
    demo.command("balance", "debit", "demo-5", "5880s", "--type", "voice")
    demo.command("balance", "debit", "demo-5", "20")
    session = gateway.session(subscriber(5))
    first, second = (
        session.credit_control(step)
        for step in parse_steps(["initial:rg=100/time=300", "update:rg=100/used-time=120/time=300"])
    )
    (service,) = first.services
    assert service.granted is not None
    assert (service.granted.seconds, service.final_unit) == (120, FinalUnit("TERMINATE"))
    assert (second.result_code, second.services[0].result_code) == (2001, 4012)
    assert second.services[0].granted is None

    demo.command("balance", "credit", "demo-5", "1.00")
    third = session.credit_control(parse_steps(["update:rg=100/time=60"])[0])
    assert third.services[0].result_code == 2001


def test_a_paid_minute_costs_its_price(gateway: Gateway, demo: Demonstration) -> None:
    demo.command("balance", "debit", "demo-6", "6000s", "--type", "voice")
    answers(
        gateway.session(subscriber(6)), "initial:rg=100/time=60", "terminate:rg=100/used-time=61"
    )
    assert demo.balances("demo-6")["money"]["used"] == 100_000


def test_events_are_paid_until_nothing_is_left(gateway: Gateway, demo: Demonstration) -> None:
    demo.command("balance", "debit", "demo-7", "97", "--type", "text")
    demo.command("balance", "debit", "demo-7", "19.90")
    session = gateway.session(subscriber(7))
    steps = ["event", "event:rg=200/units=9", "event:rg=200/units=1"]
    first, second, third = (session.credit_control(step) for step in parse_steps(steps))
    granted = [each.granted for each in (*first.services, *second.services)]
    assert [each.service_specific_units for each in granted if each is not None] == [1, 4]
    assert [each.services[0].final_unit for each in (first, second)] == [
        None,
        FinalUnit("TERMINATE"),
    ]
    assert (third.result_code, third.services[0].granted) == (4012, None)
    assert [*first.faults, *second.faults, *third.faults] == []
    balances = demo.balances("demo-7")
    assert (balances["text"]["used"], balances["money"]["used"]) == (3, 100_000)


@pytest.mark.parametrize(
    ("step", "codes"),
    [
        ("update:rg=300/used=1/request=1MiB", (5002,)),
        ("terminate:rg=300/used=1", (5002,)),
        ("initial:rg=999/request=1MiB", (5031, 5031)),
        ("initial:rg=300/request=1MiB,rg=999/request=1MiB", (2001, 2001, 5031)),
        ("event:rg=300/request=1MiB,rg=999/request=1MiB", (5031, 5031)),
    ],
)
def test_a_request_that_cannot_be_served_gets_the_code_of_its_case(
    step: str, codes: tuple[int, ...], gateway: Gateway
) -> None:
    answer = gateway.session(subscriber(8)).credit_control(parse_steps([step])[0])
    found = (answer.result_code, *(service.result_code for service in answer.services))
    assert found[: len(codes)] == codes
    assert answer.faults == ()


def test_an_unknown_subscriber_is_told_so(gateway: Gateway) -> None:
    answer = gateway.session(subscriber(5000)).credit_control(parse_steps(["initial:rg=300"])[0])
    assert (answer.result_code, answer.services) == (5030, ())


def test_an_unknown_mandatory_avp_comes_back_in_failed_avp(gateway: Gateway) -> None:
    request, keys = credit_control(GATEWAY, subscriber(9), "initial:rg=300", 0, "failed;1;1")
    answer = exchange(gateway, with_avp(request, 9999, b"\x00\x00\x00\x01"), keys)
    assert answer.result_code == 5001
    assert len(answer.failed_avps) == 1
    assert "9999" in answer.failed_avps[0].name or "nknown" in answer.failed_avps[0].name


def test_a_burst_in_one_segment_is_answered_in_full(demo: Demonstration) -> None:
    identity = Identity("pgw-burst.demo.example", "demo.example", "demo.example")
    requests = [
        credit_control(identity, subscriber(10 + n % 20), "initial:rg=300/request=1MiB", 0, name)
        for n, name in enumerate(f"burst;{n};1" for n in range(150))
    ]
    with demo.server.open(identity) as connection:
        connection.sendall(b"".join(octets for octets, _ in requests))
        arriving = messages_until_end(connection)
        found = [next(arriving) for _ in requests]
    assert sorted(map(hop_by_hop, found)) == sorted(keys.hop_by_hop for _, keys in requests)
    assert set(result_codes(found)) == {2001}
    assert demo.command("books")["balanced"] is True


def test_a_watchdog_request_is_answered(gateway: Gateway) -> None:
    octets = gateway.exchange(watchdog(GATEWAY, 0xCAFE), 0xCAFE)
    answer = Message.from_bytes(octets)
    assert answer.result_code == 2001
    assert answer.origin_host == b"ocs.demo.example"


def test_a_second_connection_of_a_gateway_that_lives_is_refused(
    gateway: Gateway, demo: Demonstration
) -> None:
    with ThreadPoolExecutor(1) as another:
        second = another.submit(demo.server.connect)
        while not second.done():
            assert (
                "initial 0: 2001"
                in answers(gateway.session(subscriber(7)), "initial:rg=300", "terminate")[0]
            )
    with pytest.raises(SimulatorError, match="lost"):
        second.result()
    assert "initial 0: 2001" in answers(gateway.session(subscriber(7)), "initial:rg=300")[0]


def test_a_catalogue_is_used_from_the_next_request_on(
    gateway: Gateway, demo: Demonstration, tmp_path: Path
) -> None:
    catalogue = yaml.load(resource("deploy/demo.yaml").read_text(), yaml.BaseLoader)
    groups = catalogue["rating_groups"]
    groups.append({"id": 400, "name": "Unsold", "unit_type": "volume"})
    next(group for group in groups if group["id"] == "300")["default_quota"] = "3 MiB"
    changed = tmp_path / "changed.yaml"
    changed.write_text(yaml.safe_dump(catalogue))
    session = gateway.session(subscriber(40))
    before = answers(session, "initial:rg=400/request=1MiB,rg=300/request")
    try:
        demo.command("catalogue", "apply", changed)
        after = answers(session, "update:rg=400/request=1MiB,rg=300/request")
        begun = answers(
            gateway.session(subscriber(41)), "initial:rg=400/request=1MiB,rg=300/request"
        )
    finally:
        demo.command("catalogue", "apply", resource("deploy/demo.yaml"))
    assert "rating group 400: 5031" in before[0]
    assert "granted 10 MiB" in before[0]
    for line in (after[0], begun[0]):
        assert "rating group 400: 4010" in line
        assert "granted 3 MiB" in line


def test_the_monitoring_pages_tell_what_happens(gateway: Gateway, demo: Demonstration) -> None:
    counted = (
        'ocs_requests_total{request_type="initial",result_code="2001"}',
        "ocs_batch_size_sum",
        "ocs_batch_seconds_count",
    )

    def counts() -> list[float]:
        lines = demo.server.page("/metrics")[1].splitlines()
        samples = [line.rpartition(" ") for line in lines if not line.startswith("#")]
        values = {name: float(value) for name, _, value in samples}
        return [values.get(name, 0.0) for name in counted]

    before = counts()
    answers(gateway.session(subscriber(42)), "initial:rg=300")
    assert counts() == [count + 1 for count in before]
    assert demo.server.page("/healthz") == (200, "ok\n")
    assert demo.server.page("/readyz") == (200, "ok\n")
    assert demo.server.page("/else")[0] == 404


@pytest.mark.parametrize(
    "words",
    [
        "initial:rg=300/request=10MiB update:rg=300/used=1MiB/request terminate:rg=300/used=2MiB",
        "context=32276 vlr=33609001234 called=33140000000 initial:rg=100/time=90 terminate",
        "context=32260 called=19005550100 initial:rg=100",
        "called=112 context=32260 initial:rg=100/time=60",
        "initial:rg=77/request,rg=310/request=1MiB",
        "event:rg=200/units=2 check:rg=200/units=1 refund:rg=200/units=1",
    ],
)
def test_an_enquiry_tells_what_the_gateway_gets(
    words: str, gateway: Gateway, demo: Demonstration
) -> None:
    """How long a quota is valid depends on the Session-Id."""
    told = demo.command("enquiry", "ccr", "--account", "demo-43", *words.split())["answers"]
    session = gateway.session(subscriber(43))
    printed = json.dumps([session.credit_control(each).as_dict() for each in parse_steps([words])])
    got = json.loads(printed)
    for answer in (*told, *got):
        for name in ("session_id", "origin_host", "request_number"):
            del answer[name]
        answer.pop("edrs", None)
        for service in answer["services"]:
            del service["validity_seconds"]
    assert told == got


def test_no_identity_stands_in_the_log_unmasked(gateway: Gateway, demo: Demonstration) -> None:
    answers(gateway.session(subscriber(5001)), "initial:rg=300")
    assert subscriber(5001).imsi not in demo.server.log
    assert subscriber(5001).msisdn not in demo.server.log


def test_books_are_balanced_while_it_runs(demo: Demonstration) -> None:
    assert demo.command("books")["balanced"] is True
