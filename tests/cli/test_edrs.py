"""`edr`: what it lists and shows."""

import asyncio

import pytest

from diameter_ocs.charging.decisions import EdrKind, Grant, Outcome, ServiceRecord, Settlement
from diameter_ocs.charging.final_units import TERMINATE, FinalUnit, FinalUnitAction
from diameter_ocs.charging.requests import EventAction
from diameter_ocs.charging.units import UnitType, format_money
from diameter_ocs.cli.database import opened
from diameter_ocs.cli.edr_text import service_text
from diameter_ocs.cli.edrs import Kind
from diameter_ocs.handlers.catalogue import read_document, read_stored
from diameter_ocs.handlers.catalogue_build import build
from diameter_ocs.store.catalogues import Catalogues
from diameter_ocs.store.work import PostgresStore
from tests.cli.conftest import Run
from tests.cli.test_sessions import SESSION_ID, session
from tests.store.scenario import NOW, charged, event, terminate, used, want

__all__ = ["session"]

UNITS = """
tenant: acme
currency: EUR
rating_groups:
  - {id: 300, name: Data, unit_type: volume}
  - {id: 100, name: Voice, unit_type: time}
  - {id: 200, name: Text}
balance_types: [{name: money, unit_type: money}]
"""


@pytest.mark.parametrize(
    ("options", "actions"),
    [
        ("", ["close", "initial", "create account"]),
        ("--account alice", ["close", "initial", "create account"]),
        (f"--session {SESSION_ID}", ["close", "initial"]),
        ("--session other", []),
        ("--kind account", ["create account"]),
        ("--kind billing --tenant acme", ["close"]),
        ("--tenant other", []),
        ("--limit 1", ["close"]),
        ("--since 2999-01-01", []),
        ("--until 2020-01-01", []),
        ("--since 2020-01-01 --until 2999-01-01", ["close", "initial", "create account"]),
    ],
)
def test_edrs_are_listed_by_what_one_knows(
    options: str, actions: list[str], shop: Run, session: str
) -> None:
    shop("session", "close", session)
    edrs = shop("edr", "list", *options.split(), "--json").json
    assert [edr["action"] for edr in edrs] == actions


def test_an_edr_is_shown_in_words(shop: Run, session: str) -> None:
    (edr,) = shop("edr", "list", "--session", SESSION_ID, "--json").json
    assert shop("edr", "show", edr["edr"], "--json").json == {**edr, "refunded_by": []}
    lines = shop("edr", "show", edr["edr"]).out.splitlines()
    assert f"Session-Id     {SESSION_ID}" in lines
    assert "account        alice" in lines
    assert "rating group 300: success" in lines
    assert any(line.split()[:3] == ["granted", "10", "MiB,"] for line in lines)
    assert lines[-1].split()[1:] == ["data", "0", "B", "0", "B", "+10", "MiB"]
    assert not [line for line in lines if "None" in line or line.startswith("location")]


@pytest.mark.parametrize(
    ("group", "used", "text"),
    [
        (300, 3 * 2**20, "300: success used 3 MiB"),
        (300, 3 * 2**20 + 1, "300: success used 3145729 B"),
        (100, 1200, "100: success used 20 min for 2.40 EUR"),
        (200, 3, "200: success used 3 units for 0.30 EUR"),
        (999, 3, "999: success used 3"),
    ],
)
def test_what_was_used_is_said_in_the_units_of_its_rating_group(
    group: int, used: int, text: str
) -> None:
    catalogue = build(read_document(UNITS), 1)
    group_price = {100: 2_400_000, 200: 300_000}.get(group, 0)
    settlement = Settlement(reported=used, used=used, charged=used, charged_amount=group_price)
    service = ServiceRecord(group, (), Outcome.SUCCESS, settlement, None)
    assert service_text(service, catalogue) == text
    in_money = service_text(service._replace(is_in_money=True), catalogue)
    assert in_money.startswith(f"{group}: success used {format_money(used)} EUR")
    raw = service_text(service, None)
    assert f"used {used}" in raw


@pytest.mark.parametrize(
    ("units", "final_unit", "text"),
    [
        (5, TERMINATE, "300: success granted 5 B"),
        (0, FinalUnit(FinalUnitAction.RESTRICT_ACCESS), "300: success then restrict access"),
        (0, None, "300: success"),
    ],
)
def test_what_follows_the_last_units_is_listed(
    units: int, final_unit: FinalUnit | None, text: str
) -> None:
    grant = Grant(UnitType.VOLUME, units, 60, True, final_unit=final_unit)
    service = ServiceRecord(300, (), Outcome.SUCCESS, Settlement(), grant)
    assert service_text(service, None) == text


def test_what_a_command_did_to_money_is_said_with_its_currency(shop: Run) -> None:
    shop("balance", "credit", "alice", "5")
    edr = shop("edr", "list", "--json").json[0]
    assert [posting["total"] for posting in edr["postings"]] == [5_000_000]
    assert "+5.00 EUR" in shop("edr", "show", edr["edr"]).out


def test_the_edrs_of_a_deleted_account_are_found_by_its_name(shop: Run) -> None:
    shop("account", "create", "bob", "--plan", "basic")
    assert shop("account", "delete", "bob").status == 0
    edrs = shop("edr", "list", "--account", "bob", "--json").json
    assert [(edr["account"], edr["action"]) for edr in edrs] == [
        ("bob", "delete account"),
        ("bob", "create account"),
    ]
    assert shop("edr", "list", "--account", "bob", "--tenant", "other").status == 1
    assert shop("edr", "list", "--account", "carol").status == 1


@pytest.mark.parametrize("name", ["1-1-1", "alice", "1-2", "9" * 40 + "-1-1"])
def test_an_edr_that_is_not_there_is_told(name: str, shop: Run) -> None:
    ended = shop("edr", "show", name, "--json")
    assert (ended.status, ended.json["error"]["code"]) == (1, "edr_unknown")


def test_every_kind_can_be_asked_for() -> None:
    assert [kind.name for kind in Kind] == [kind.name for kind in EdrKind]


def test_a_refund_and_what_it_gave_back_name_each_other(
    shop: Run, session: str, database: str
) -> None:
    group, name = int(session.partition("-")[0]), SESSION_ID.encode()

    async def use() -> None:
        async with opened(database) as rooms:
            store = PostgresStore(rooms.database, Catalogues(read_stored))
            refund = event(1, name, action=EventAction.REFUND, usages=(want(2),), request_number=2)
            await charged(store, (group, terminate(1, name, usages=(used(5),))))
            await charged(store, (group, refund), now=NOW + 1)

    asyncio.run(use())
    refund, use_of, first = shop("edr", "list", "--session", SESSION_ID, "--json").json
    assert [each["action"] for each in (refund, use_of)] == ["refund", "terminate"]
    assert f"refunded by    {refund['edr']}" in shop("edr", "show", use_of["edr"]).out
    assert f"given back     2 B of {use_of['edr']}" in shop("edr", "show", refund["edr"]).out
    shown = [shop("edr", "show", each["edr"], "--json").json for each in (use_of, first)]
    assert [each["refunded_by"] for each in shown] == [[refund["edr"]], []]
    assert "300: success gave back 2 B" in shop("edr", "list").out
