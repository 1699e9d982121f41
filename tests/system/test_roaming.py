"""Subscribers of two tenants at home, abroad and nowhere, on one gateway."""

from collections.abc import Iterator
from typing import Any

import pytest

from diameter_ocs.simulator.answers import Answer
from diameter_ocs.simulator.encoding import Subscriber
from diameter_ocs.simulator.gateway import Gateway, parse_steps
from tests.conftest import temporary_folder
from tests.system.repeating import RETRANSMITTED
from tests.system.serving import GATEWAY, Demonstration
from tests.system.wire import credit_control, exchange

CENT = 10_000

CATALOGUE = """
tenant: {tenant}
currency: EUR
home_networks: 262/01
home_countries: [DE]
emergency_numbers: [112]
rating_groups:
  - id: 100
    name: Voice
    unit_type: time
    rounding: 60 s
    announcements: {{quota_limit_reached: {limit}, end_user_service_denied: {denied}}}
  - {{id: 200, name: Text, unit_type: units}}
  - {{id: 300, name: Data, unit_type: volume, rounding: 1 KiB}}
default_rating_groups: {{"32251": 300, "32260": 100, "32274": 200, "32276": 100}}
balance_types:
  - {{name: money, unit_type: money}}
plans:
  - name: traveller
    services:
      - name: data
        rating_groups: [300]
        rates:
          - {{zone: home, price: {{amount: 0.01, per: 1 MiB}}, when: {{at: home}}}}
          - {{zone: Europe, price: {{amount: 0.10, per: 1 MiB}}, when: {{countries: "(FR,AT)"}}}}
      - name: no calls from Belarus
        rating_groups: [100]
        when: {{countries: BY}}
        deny_other_services: true
      - name: calls
        rating_groups: [100]
        rates:
          - {{zone: home, price: {{amount: 0.05, per: 1 min}}, when: {{at: home}}}}
          - {{zone: Europe, price: {{amount: 0.25, per: 1 min}}, when: {{countries: "(FR,AT)"}}}}
      - {{name: texts, rating_groups: [200], price: {{amount: 0.08}}}}
  - name: anywhere
    catch_all: true
    services:
      - {{name: data anywhere, rating_groups: [300], price: {{amount: 1, per: 1 MiB}}}}
      - {{name: calls anywhere, rating_groups: [100], price: {{amount: 1, per: 1 min}}}}
"""


def whose(number: int) -> Subscriber:
    """Return the subscriber of the account traveller-NUMBER."""
    return Subscriber(imsi=f"26201{number:010d}", msisdn=f"49151{number:08d}")


@pytest.fixture(scope="module")
def travels(demo: Demonstration) -> Demonstration:
    """The demonstration with two tenants more, north and south, and travellers of theirs."""
    for folder in temporary_folder():
        for tenant, limit, denied in (("north", 1001, 1002), ("south", 2001, 2002)):
            file = folder / f"{tenant}.yaml"
            file.write_text(CATALOGUE.format(tenant=tenant, limit=limit, denied=denied))
            demo.command("tenant", "create", tenant)
            demo.command("catalogue", "apply", file)
    for number, tenant, credit, plans in (
        (1, "north", "10", ["traveller"]),
        (2, "north", "10", ["traveller", "anywhere"]),
        (3, "north", "0", ["traveller"]),
        (4, "south", "0", ["traveller"]),
    ):
        names = (f"imsi:{whose(number).imsi}", f"msisdn:{whose(number).msisdn}")
        demo.command(
            *("account", "create", f"traveller-{number}", "--tenant", tenant, "--credit", credit),
            *(word for plan in plans for word in ("--plan", plan)),
            *(word for name in names for word in ("--identity", name)),
        )
    return demo


@pytest.fixture(scope="module")
def gateway(travels: Demonstration) -> Iterator[Gateway]:
    """One gateway of both tenants."""
    with travels.server.connect() as connected:
        yield connected


def answers(gateway: Gateway, number: int, *script: str) -> list[Answer]:
    """Take a session of a traveller through a script; no answer has a fault."""
    session = gateway.session(whose(number))
    seen = [session.credit_control(step) for step in parse_steps(script)]
    assert [answer.faults for answer in seen] == [()] * len(seen)
    return seen


def codes(answer: Answer) -> tuple[int | None, ...]:
    """Return the result codes of the command and of the services."""
    return (answer.result_code, *(service.result_code for service in answer.services))


def identifiers(answer: Answer) -> list[int | None]:
    """Return which announcements are heard of the one service in an answer."""
    (service,) = answer.services
    return [announcement.identifier for announcement in service.announcements]


def charged(edr: dict[str, Any]) -> int:
    """Return how much money an EDR says was charged."""
    return sum(service["charged_amount"] for service in edr["services"])


def test_each_tenants_callers_hear_its_own_announcement(gateway: Gateway) -> None:
    call = "context=32260 initial:rg=100/time=60"
    (north,), (south,) = answers(gateway, 3, call), answers(gateway, 4, call)
    assert codes(north) == codes(south) == (2001, 4012)
    assert (identifiers(north), identifiers(south)) == ([1001], [2001])


def test_usage_is_priced_where_it_was_reserved_and_grants_where_the_subscriber_is(
    gateway: Gateway, travels: Demonstration
) -> None:
    first, second, last = answers(
        gateway,
        1,
        "initial:rg=300/request=10MiB",
        "location=20801 update:rg=300/used=10MiB/request=2MiB",
        "terminate:rg=300/used=1MiB",
    )
    assert [codes(answer)[0] for answer in (first, second, last)] == [2001] * 3
    money = travels.balances("traveller-1")["money"]
    assert (money["used"], money["reserved"]) == (10 * CENT + 10 * CENT, 0)
    edrs = travels.command("edr", "list", "--account", "traveller-1", "--limit", "3")
    told = [(edr["action"], edr["location"]["network"], charged(edr)) for edr in edrs]
    assert told == [
        ("terminate", "20801", 10 * CENT),
        ("update", "20801", 10 * CENT),
        ("initial", "26201", 0),
    ]
    shown = travels.command("edr", "show", edrs[1]["edr"])
    assert shown["location"]["countries"] == ["FR"]
    assert travels.command("books")["balanced"]


def test_a_text_without_money_is_refused_and_charges_nothing(
    gateway: Gateway, travels: Demonstration
) -> None:
    (answer,) = answers(gateway, 3, "event:rg=200/units=1")
    assert codes(answer) == (4012, 4012)
    assert travels.balances("traveller-3")["money"]["used"] == 0


@pytest.mark.parametrize(("location", "failed"), [("", ""), ("0xffffff", "ffffff")])
def test_an_unknown_place_is_refused_with_what_could_not_be_read(
    gateway: Gateway, location: str, failed: str
) -> None:
    (answer,) = answers(gateway, 1, f"location={location} initial:rg=300/request=1MiB")
    assert codes(answer) == (5004, 4010)
    (culprit,) = answer.failed_avps
    assert culprit.name.endswith("3GPP-User-Location-Info")
    assert culprit.octets == failed
    assert answer.error_message


def test_a_catch_all_plan_serves_where_the_place_is_unknown(gateway: Gateway) -> None:
    first, last = answers(gateway, 2, "location= initial:rg=300/request=1MiB terminate")
    assert (codes(first), codes(last)) == ((2001, 2001), (2001,))


def test_an_emergency_call_is_free_for_an_empty_account(
    gateway: Gateway, travels: Demonstration
) -> None:
    first, last = answers(
        gateway,
        3,
        "context=32260 called=112 initial:rg=100/time=60 terminate:rg=100/used-time=60",
    )
    assert (codes(first), codes(last)) == ((2001, 2001), (2001,))
    assert travels.balances("traveller-3")["money"]["used"] == 0


@pytest.mark.parametrize(
    ("number", "vlr", "heard"),
    [
        (1, "375290000000", (4010, [1002])),  # Belarus, which is denied
        (2, "375290000000", (4010, [1002])),  # though another plan would take it
        (1, "819000000000", (4010, [1002])),  # Japan, for which there is no rate
        (2, "819000000000", (2001, [])),  # but a plan that takes everything
    ],
)
def test_who_calls_from_a_country_that_is_not_served_hears_why(
    gateway: Gateway, number: int, vlr: str, heard: tuple[int, list[int]]
) -> None:
    first, last = answers(
        gateway, number, f"context=32276 vlr={vlr} initial:rg=100/time=60 terminate"
    )
    assert (codes(first), identifiers(first)) == ((2001, heard[0]), heard[1])
    assert codes(last) == (2001,)


def test_a_repeated_call_hears_the_same_announcement(
    gateway: Gateway, travels: Demonstration
) -> None:
    step = "context=32260 initial:rg=100/time=60"
    request, keys = credit_control(GATEWAY, whose(4), step, 0, "pgw.demo.example;repeated;1")
    first = exchange(gateway, request, keys)
    charged = travels.command("edr", "list", "--account", "traveller-4")
    flags = bytes([request[4] | RETRANSMITTED])
    again = exchange(gateway, request[:4] + flags + request[5:], keys)
    assert identifiers(first) == [2001]
    assert again == first
    assert travels.command("edr", "list", "--account", "traveller-4") == charged
