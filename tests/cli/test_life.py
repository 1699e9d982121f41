"""The life of an account on the command line: what is done, printed and refused."""

from pathlib import Path
from typing import Any

from tests.cli.conftest import Ended, Run


def told(ended: Ended) -> str:
    assert (ended.status, ended.err) == (0, "")
    return ended.out


def balances(shop: Run, account: str = "alice") -> list[dict[str, Any]]:
    found = shop("balance", "list", account, "--json").json
    assert isinstance(found, list)
    return found


def test_a_child_is_opened_shown_and_listed(shop: Run) -> None:
    answer = shop("account", "create", "bob", "--plan", "basic", "--parent", "alice", "--json").json
    assert (answer["account"], answer["parent"], answer["state"]) == ("bob", "alice", "active")
    assert "parent    alice" in told(shop("account", "show", "bob"))
    listed = shop("account", "list", "--parent", "alice", "--json").json
    assert [each["account"] for each in listed] == ["bob"]
    nobody = shop("account", "list", "--parent", "nobody", "--json")
    assert (nobody.status, nobody.json["error"]["code"]) == (1, "account_unknown")
    entry = audit(shop)[0]
    assert (entry["account"], entry["before"]) == ("bob", None)


def test_a_plan_may_bring_nothing_but_what_the_parents_have(shop: Run, catalogue: Path) -> None:
    catalogue.write_text(
        catalogue.read_text()
        + "  - name: member\n    services:\n      - {name: shared, rating_groups: [300],"
        " allowance: {balance_type: data, amount: 0}}\n"
    )
    assert shop("catalogue", "apply", catalogue).status == 0
    shop("account", "create", "bob", "--plan", "member", "--parent", "alice")
    shared = balances(shop, "bob")[0]
    assert (shared["balance_type"], shared["total"], shared["state"]) == ("data", 0, "active")
    assert shop("books").status == 0


def audit(shop: Run) -> list[dict[str, Any]]:
    found = shop("audit", "list", "--json").json
    assert isinstance(found, list)
    return found


def test_an_account_is_suspended_and_resumed(shop: Run) -> None:
    said = told(shop("account", "suspend", "alice"))
    assert said == "Account alice is suspended, no open sessions closed.\n"
    assert [
        a["account"] for a in shop("account", "list", "--state", "suspended", "--json").json
    ] == ["alice"]
    assert shop("account", "suspend", "alice").err == (
        "diameter-ocs: account 'alice' is suspended already\n"
    )
    assert told(shop("account", "resume", "alice")) == "Account alice is served again.\n"
    assert shop("account", "list", "--state", "suspended", "--json").json == []
    assert [(e["before"]["state"], e["after"]["state"]) for e in audit(shop)[:2]] == [
        ("suspended", "active"),
        ("active", "suspended"),
    ]


def test_an_account_lives_by_a_time_zone(shop: Run) -> None:
    assert "time zone UTC, as its tenant\n" in told(shop("account", "show", "alice"))
    said = told(shop("account", "set", "alice", "--time-zone", "Asia/Tokyo"))
    assert said == "Account alice lives by Asia/Tokyo.\n"
    answer = shop("account", "show", "alice", "--json").json
    assert (answer["time_zone"], answer["has_own_time_zone"]) == ("Asia/Tokyo", True)
    assert "time_zone UTC -> Asia/Tokyo" in told(shop("audit", "list"))
    said = told(shop("account", "set", "alice", "--time-zone", "tenant"))
    assert said == "Account alice lives by UTC, as its tenant.\n"
    (first, second) = shop("edr", "list", "--account", "alice", "--json").json[:2]
    assert (first["action"], first["reason"], second["reason"]) == (
        "set time zone", None, "Asia/Tokyo",
    )  # fmt: skip
    create = ("account", "create", "bob", "--plan", "basic", "--time-zone")
    assert "did you mean Europe/Berlin?" in shop(*create, "Europe/Berlon").err
    assert shop(*create, "+01:00", "--json").json["time_zone"] == "+01:00"


def test_an_account_is_deleted_when_nothing_needs_it(shop: Run) -> None:
    refused = shop("account", "delete", "alice", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "account_in_use")
    assert "`device remove` them first: alice" in refused.json["error"]["messages"][0]
    assert told(shop("device", "remove", "alice")) == "Account alice has lost the device alice.\n"
    said = told(shop("account", "delete", "alice"))
    assert said.startswith("Account alice is deleted, no open sessions closed.")
    assert "20.00 EUR" in said
    assert shop("account", "show", "alice", "--json").json["error"]["code"] == "account_unknown"
    assert "0 balances" in told(shop("books"))
    again = ("account", "create", "alice", "--plan", "basic", "--identity", "imsi:001010000000001")
    assert shop(*again).status == 0


def test_devices_and_identities_are_added_listed_and_removed(shop: Run) -> None:
    made = shop("device", "add", "alice", "tablet", "--identity", "msisdn:+15550123456")
    assert told(made) == "Account alice has the device tablet.\n"
    said = told(shop("identity", "add", "tablet", "imsi:001010000000007", "nai:a@b.example"))
    assert said.startswith("Device tablet is imsi:001010000000007 msisdn:15550123456 nai:")
    assert [each["device"] for each in shop("device", "list", "--json").json] == ["alice", "tablet"]
    assert shop("device", "show", "tablet", "--json").json == {
        "account": "alice",
        "tenant": "acme",
        "device": "tablet",
        "identities": ["imsi:001010000000007", "msisdn:15550123456", "nai:a@b.example"],
    }
    for options in (("alice",), ("--with", "imsi:001010000000007")):
        assert len(shop("identity", "list", *options, "--json").json) == 4
    assert len(shop("identity", "list", "--device", "tablet", "--json").json) == 3
    gone = told(shop("identity", "remove", "imsi:001010000000007"))
    assert gone == "Device tablet is imsi:001010000000007 no more.\n"
    assert shop("identity", "list", "--with", "imsi:001010000000007").status == 1


def test_a_plan_is_added_with_dates_listed_and_cancelled(shop: Run) -> None:
    dates = ("--from", "2126-01-01", "--until", "2126-02-01T12:00")
    answer = shop("subscription", "add", "alice", "basic", *dates, "--json").json
    assert (answer["from"], answer["until"], answer["state"]) == (
        "2126-01-01T00:00:00.000000Z",
        "2126-02-01T12:00:00.000000Z",
        "to come",
    )
    listed = shop("subscription", "list", "alice", "--json").json
    assert [(each["plan"], each["state"]) for each in listed] == [
        ("basic", "active"),
        ("basic", "to come"),
    ]
    said = told(shop("subscription", "cancel", "alice", listed[0]["id"]))
    assert said.startswith("Account alice has lost the plan basic (subscription ")
    assert "ended" in told(shop("balance", "list", "alice", "--type", "data"))
    assert shop("account", "list", "--plan", "basic", "--json").json == []
    assert "from" in told(shop("subscription", "list", "alice"))


def test_a_balance_is_created_set_credited_and_shown(shop: Run) -> None:
    terms = ("--type", "data", "--priority", 5, "--until", "2126-01-01")
    said = told(shop("balance", "create", "alice", "2GiB", *terms))
    assert said == "alice has 2 GiB of data available.\n"
    first, *_, last = [each["id"] for each in balances(shop)]
    several = shop("balance", "credit", "alice", "1GiB", "--type", "data")
    assert f"say --balance {first}, {last}" in several.err
    told(shop("balance", "credit", "alice", "1GiB", "--type", "data", "--balance", last))
    assert told(shop("balance", "set", "alice", "5GiB", "--balance", last)) == (
        "alice has 5 GiB of data available.\n"
    )
    told(shop("balance", "set", "alice", "--balance", last, "--priority", 9))
    shown = shop("balance", "show", "alice", last, "--json").json
    assert (shown["total"], shown["priority"], shown["until"]) == (
        5 * 2**30,
        9,
        "2126-01-01T00:00:00.000000Z",
    )
    assert "5 GiB" in told(shop("balance", "show", "alice", last))
    assert told(shop("balance", "set", "alice", "0")) == "alice has 0.00 EUR of money available.\n"
    assert shop("balance", "show", "alice", 99_999, "--json").json["error"]["code"] == (
        "balance_unknown"
    )
    assert "balanced" in told(shop("books"))


REFUSED = (
    ("account create bob --plan basic --parent nobody", "account_unknown"),
    ("account suspend nobody", "account_unknown"),
    ("account resume alice", "account_active"),
    ("account set alice --time-zone tenant", "nothing_to_do"),
    ("account set alice --time-zone CEST", "invalid_time_zone"),
    ("device add alice alice", "exists"),
    ("device add nobody tablet", "account_unknown"),
    ("device remove tablet", "device_unknown"),
    ("device show tablet", "device_unknown"),
    ("identity add tablet imsi:001010000000009", "device_unknown"),
    ("identity add alice imsi:001010000000001", "exists"),
    ("identity add alice colour:blue", "invalid_identity"),
    ("identity remove imsi:001010000000009", "identity_unknown"),
    ("identity list", "usage"),
    ("subscription add alice gold", "plan_unknown"),
    ("subscription add alice basic --until 2001-01-01", "invalid_time"),
    ("subscription add alice basic --from tomorrow", "invalid_time"),
    ("subscription cancel alice 99999", "subscription_unknown"),
    ("balance create alice 5 --type gold", "balance_type_unknown"),
    ("balance create alice ten", "invalid_amount"),
    ("balance create alice 5 --until 2001-01-01", "invalid_time"),
    ("balance set alice", "nothing_to_do"),
    ("balance set alice 20", "nothing_to_do"),
    ("balance set alice 5 --balance 99999", "balance_unknown"),
    ("balance list nobody", "account_unknown"),
)


def test_what_cannot_be_done_is_refused_with_a_code(shop: Run) -> None:
    for line, code in REFUSED:
        ended = shop(*line.split(), "--json")
        assert ended.status in (1, 2), line
        assert ended.json["error"]["code"] == code, line
