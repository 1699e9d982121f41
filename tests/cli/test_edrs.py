"""`edr`: what it lists and shows."""

import pytest

from diameter_ocs.charging.decisions import EdrKind
from diameter_ocs.cli.edrs import Kind
from tests.cli.conftest import Run
from tests.cli.test_sessions import SESSION_ID, session

__all__ = ["session"]


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
    assert shop("edr", "show", edr["edr"], "--json").json == edr
    lines = shop("edr", "show", edr["edr"]).out.splitlines()
    assert f"Session-Id     {SESSION_ID}" in lines
    assert "account        alice" in lines
    assert "rating group 300: success" in lines
    assert any(line.split()[:3] == ["granted", "10", "MiB,"] for line in lines)
    assert lines[-1].split()[1:] == ["data", "+0", "+0", "+10485760"]


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
