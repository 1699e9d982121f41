"""Two operators behind one gateway: the callers of each hear its own announcements."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from diameter_ocs.simulator.encoding import Subscriber
from diameter_ocs.simulator.gateway import Gateway, parse_steps
from tests.system.serving import Demonstration

CATALOGUE = """
tenant: {tenant}
currency: EUR
rating_groups:
  - id: 100
    name: Calls
    unit_type: time
    announcements:
      quota_limit_reached:
        - {quota}
        - {{identifier: {ending}, time_indicator: 0, language: {language}}}
      end_user_service_denied: {denied}
    children:
      - {{id: 110, name: Calls abroad, announcements: {{quota_limit_reached: {abroad}}}}}
      - {{id: 120, name: Quiet calls, announcements: {{quota_limit_reached: 0}}}}
  - {{id: 300, name: Data, unit_type: volume}}
balance_types:
  - {{name: voice, unit_type: time}}
  - {{name: money, unit_type: money}}
plans:
  - name: calls
    services:
      - {{name: voice, rating_groups: [100], allowance: {{balance_type: voice, amount: 90 s}}}}
"""
NORTH = {"quota": 11, "ending": 12, "language": "de", "denied": 13, "abroad": 14}
SOUTH = {"quota": 21, "ending": 22, "language": "fr", "denied": 23, "abroad": -1}
SUBSCRIBERS = {
    "north": Subscriber("262019000000001", "4915900000001"),
    "south": Subscriber("208019000000001", "33600000001"),
}
CALL = ["initial:rg=100/time=60", "update:rg=100/time=60/used-time=60"]
NOTHING_LEFT = "update:rg=100/time=60/used-time=30,rg=110/time=1,rg=120/time=1,rg=300/request=1"


@pytest.fixture(scope="module")
def gateway(demo: Demonstration, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose calls are those of two operators."""
    folder: Path = tmp_path_factory.mktemp("catalogues")
    for tenant, announced in (("north", NORTH), ("south", SOUTH)):
        file = folder / f"{tenant}.yaml"
        file.write_text(CATALOGUE.format(tenant=tenant, **announced))
        demo.command("tenant", "create", tenant)
        demo.command("catalogue", "apply", file)
        caller = SUBSCRIBERS[tenant]
        names = ("--identity", f"imsi:{caller.imsi}", "--identity", f"msisdn:{caller.msisdn}")
        demo.command("account", "create", tenant, "--tenant", tenant, "--plan", "calls", *names)
    with demo.server.connect() as connected:
        yield connected


def heard(gateway: Gateway, tenant: str, *words: str) -> list[list[tuple[int | None, ...]]]:
    """Return what each service of each answer announces: which, and when before the end."""
    session = gateway.session(SUBSCRIBERS[tenant])
    return [
        [
            tuple(
                said
                for each in service.announcements
                for said in (each.identifier, each.time_indicator, each.language)
            )
            for service in session.credit_control(step).services
        ]
        for step in parse_steps(words)
    ]


@pytest.mark.parametrize(("tenant", "own"), [("north", NORTH), ("south", SOUTH)])
def test_callers_hear_what_their_operator_announces(
    gateway: Gateway, tenant: str, own: dict[str, object]
) -> None:
    at_once = (own["quota"], None, None)
    abroad = (own["abroad"], None, None) if own is NORTH else at_once
    assert heard(gateway, tenant, "context=32260", *CALL, NOTHING_LEFT, "terminate") == [
        [()],
        [(own["ending"], 0, own["language"])],
        [at_once, abroad, (), ()],
        [],
    ]
    nothing_left = heard(gateway, tenant, "context=32251", "initial:rg=100/time=60", "terminate")
    assert nothing_left == [[()], []], "data has no callers"
