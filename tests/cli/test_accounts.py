"""`tenant`, `catalogue`, `account`, `balance` and `edr`: what they do and print."""

import os
from pathlib import Path

import pytest

from diameter_ocs.config import resource
from tests.cli.conftest import CATALOGUE, Run

MONEY = {"total": 20_000_000, "used": 0, "reserved": 0, "available": 20_000_000}


def test_a_new_tenant_has_no_catalogue(run: Run) -> None:
    ended = run("tenant", "create", "acme")
    assert (ended.status, ended.err) == (0, "")
    assert "catalogue apply FILE" in ended.out
    assert run("tenant", "create", "other", "--transaction-id", "t", "--json").json == {
        "tenant": "other",
        "transaction_id": "t",
        "repeated": False,
    }
    assert run("tenant", "list", "--json").json == [
        {"tenant": "acme", "catalogue_version": None, "suspended_at": None},
        {"tenant": "other", "catalogue_version": None, "suspended_at": None},
    ]
    assert run("tenant", "list").out.split() == [
        *("tenant", "catalogue", "version", "suspended", "since"),
        *("acme", "-", "-", "other", "-", "-"),
    ]


def test_a_tenant_is_suspended_and_resumed(shop: Run) -> None:
    assert shop("tenant", "show", "acme").out.splitlines() == [
        "tenant     acme",
        "catalogue  version 1",
        "state      active",
    ]
    assert shop("tenant", "suspend", "acme").out == (
        "Tenant acme is suspended. `tenant resume acme` ends it.\n"
    )
    assert "suspended since 2" in shop("tenant", "show", "acme").out
    assert shop("tenant", "resume", "acme").out == "Tenant acme is served again.\n"
    assert shop("tenant", "show", "acme", "--json").json["suspended_at"] is None


@pytest.mark.parametrize("name", ["", " ", "a" * 51])
def test_a_tenant_needs_a_name_of_1_to_50_characters(name: str, run: Run) -> None:
    ended = run("tenant", "create", name)
    assert ended.status == 2
    assert "1 to 50 printable characters" in ended.err


def test_each_catalogue_is_the_next_version(run: Run, catalogue: Path) -> None:
    run("tenant", "create", "acme")
    assert run("catalogue", "apply", catalogue).out == "The catalogue of acme is at version 1.\n"
    catalogue.write_text(CATALOGUE + "# The next.\n")
    answer = run("catalogue", "apply", catalogue, "--json").json
    assert (answer["tenant"], answer["version"]) == ("acme", 2)
    assert run("tenant", "show", "acme", "--json").json["catalogue_version"] == 2


def test_the_catalogue_of_nobody_is_refused(run: Run, catalogue: Path) -> None:
    ended = run("catalogue", "apply", catalogue)
    assert ended.status == 1
    assert "`tenant create acme` makes it" in ended.err


def test_all_faults_of_a_catalogue_are_told_with_file_and_path(run: Run, catalogue: Path) -> None:
    text = CATALOGUE.replace("[300]", "[301]").replace("{name: data, unit_type: volume}", "{}")
    catalogue.write_text(text)
    run("tenant", "create", "acme")
    ended = run("catalogue", "apply", catalogue)
    assert ended.status == 2
    assert ended.err.splitlines() == [
        f"diameter-ocs: {catalogue}:7:5: balance_types[0].name: this key is missing",
        f"diameter-ocs: {catalogue}:7:5: balance_types[0].unit_type: this key is missing",
        f"diameter-ocs: {catalogue}:12:38: plans[0].services[0].rating_groups[0]:"
        " there is no rating group 301 (did you mean 300?)",
    ]
    assert run("tenant", "list", "--json").json[0]["catalogue_version"] is None


def test_a_reference_to_nothing_is_told_with_its_path(run: Run, catalogue: Path) -> None:
    catalogue.write_text(CATALOGUE.replace("[300]", "[301]"))
    error = run("catalogue", "apply", catalogue, "--json").json["error"]
    assert error["code"] == "catalogue_invalid"
    (message,) = error["messages"]
    assert message.endswith(
        ":12:38: plans[0].services[0].rating_groups[0]: there is no rating group 301"
        " (did you mean 300?)"
    )


@pytest.mark.parametrize("text", ["", "tenant: [", "- 1", "\0", "tenant: acme\nplan: x"])
def test_what_is_no_catalogue_is_refused(text: str, run: Run, catalogue: Path) -> None:
    catalogue.write_text(text)
    ended = run("catalogue", "apply", catalogue)
    assert ended.status == 2
    assert ended.err.startswith(f"diameter-ocs: {catalogue}:")


def test_a_file_that_is_no_text_is_refused(run: Run, catalogue: Path) -> None:
    catalogue.write_bytes(b"tenant: \xff")
    assert "is not written in UTF-8" in run("catalogue", "apply", catalogue).err


def test_a_folder_is_no_catalogue(run: Run, tmp_path: Path) -> None:
    ended = run("catalogue", "apply", tmp_path)
    assert ended.err == f"diameter-ocs: {tmp_path} cannot be read: Is a directory\n"


def test_a_user_without_a_name_is_told_by_its_number(
    shop: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless(_uid: int) -> None:
        raise KeyError

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nameless)
    assert shop("balance", "credit", "alice", "5").status == 0
    assert shop("edr", "list", "--json").json[0]["actor"] == f"user {os.getuid()}"


def test_a_plan_that_accounts_have_stays(shop: Run, catalogue: Path) -> None:
    catalogue.write_text(CATALOGUE.replace("name: basic", "name: better"))
    ended = shop("catalogue", "apply", catalogue)
    assert ended.status == 1
    assert "basic" in ended.err


def test_an_account_is_shown_with_its_balances(shop: Run) -> None:
    shown = shop("account", "show", "alice", "--json").json
    assert (shown["account"], shown["tenant"], shown["plans"]) == ("alice", "acme", ["basic"])
    assert shown["identities"] == ["imsi:001010000000001"]
    by_type = {balance["balance_type"]: balance for balance in shown["balances"]}
    assert by_type["data"]["available"] == 2**30
    assert by_type["money"].items() >= MONEY.items()

    text = shop("account", "show", "alice").out
    assert "alice of tenant acme" in text
    assert "1 GiB" in text
    assert "20.00 EUR" in text


def test_creating_an_account_prints_it(shop: Run) -> None:
    ended = shop("account", "create", "bob", "--plan", "basic", "--json")
    account = shop("account", "show", "bob", "--json").json
    assert {name: ended.json[name] for name in account} == account
    assert ended.json["identities"] == []


@pytest.mark.parametrize(
    "line",
    [
        "tenant create other",
        "account create bob --plan basic --credit 1",
        "balance credit alice 1",
        "balance debit alice 1",
    ],
)
def test_a_repeat_prints_the_first_answer_and_says_so(line: str, shop: Run) -> None:
    words = (*line.split(), "--transaction-id", "one")
    first, again = shop(*words), shop(*words)
    assert (again.status, again.out) == (0, first.out)
    assert first.err == ""
    assert "done before" in again.err
    assert shop(*words, "--json").json["repeated"]


def test_identities_of_every_kind_are_read_as_they_are_printed(shop: Run) -> None:
    written = [
        "imsi:001010000000002",
        "msisdn:15550100002",
        "sip:bob@example.net",
        "nai:bob@wlan.example.net",
        "private:bob",
    ]
    options = [word for text in written for word in ("--identity", text)]
    bob = shop("account", "create", "bob", "--plan", "basic", *options, "--json").json
    assert sorted(bob["identities"]) == sorted(written)


def test_an_identity_belongs_to_one_account(shop: Run) -> None:
    identity = "imsi:001010000000001"
    ended = shop("account", "create", "bob", "--plan", "basic", "--identity", identity)
    assert ended.status == 1
    assert f"these belong to an account already: {identity}" in ended.err
    assert [account["account"] for account in shop("account", "list", "--json").json] == ["alice"]


def test_a_list_says_that_it_is_cut(shop: Run) -> None:
    shop("account", "create", "bob", "--plan", "basic")
    ended = shop("account", "list", "--limit", 1)
    assert "alice" in ended.out
    assert "bob" not in ended.out
    assert ended.err == "There are more than 1: raise --limit to see them.\n"


def test_where_there_is_no_tenant_it_is_said_how_to_make_one(run: Run) -> None:
    ended = run("catalogue", "show", "--json")
    assert (ended.status, ended.json["error"]["code"]) == (1, "tenant_needed")
    assert "`tenant create NAME`" in ended.json["error"]["messages"][0]


def test_the_tenant_is_asked_for_where_there_are_two(shop: Run) -> None:
    shop("tenant", "create", "other")
    ended = shop("account", "create", "bob", "--plan", "basic")
    assert ended.status == 1
    assert "say --tenant: acme, other" in ended.err
    assert shop("account", "create", "bob", "--plan", "basic", "--tenant", "acme").status == 0


def test_credit_and_debit_change_what_is_available(shop: Run) -> None:
    credited = shop("balance", "credit", "alice", "5.50")
    assert credited.out == "alice has 25.50 EUR of money available.\n"
    debited = shop("balance", "debit", "alice", "0.000001", "--json").json
    assert (debited["total"], debited["available"]) == (25_499_999, 25_499_999)
    assert shop("balance", "debit", "alice", "25.499999", "--json").json["available"] == 0


def test_units_are_credited_in_units(shop: Run) -> None:
    ended = shop("balance", "credit", "alice", "2GiB", "--type", "data", "--json")
    assert ended.json["available"] == 3 * 2**30
    number = ended.json["balance"]
    ended = shop("balance", "debit", "alice", "1 GiB", "--balance", number, "--json")
    assert ended.json["available"] == 2 * 2**30


def test_more_than_a_balance_holds_is_refused(shop: Run) -> None:
    ended = shop("balance", "credit", "alice", "9223372036854.775807")
    assert ended.status == 2
    assert ended.err.count("\n") == 1
    assert shop("account", "show", "alice").status == 0


def test_the_journal_tells_who_did_what_the_newest_first(shop: Run) -> None:
    shop("balance", "credit", "alice", "5")
    edrs = shop("edr", "list", "--account", "alice", "--json").json
    assert [edr["action"] for edr in edrs] == ["credit", "create account"]
    assert all(edr["actor"] for edr in edrs)
    assert [posting["total"] for posting in edrs[0]["postings"]] == [5_000_000]
    assert len({edr["edr"] for edr in edrs}) == 2

    text = shop("edr", "list").out.splitlines()
    assert text[0].split()[0] == "edr"
    assert len(text) == 3
    assert len(shop("edr", "list", "--limit", 1, "--json").json) == 1


def test_the_demonstrations_catalogue_can_be_applied(run: Run) -> None:
    run("tenant", "create", "demo")
    assert run("catalogue", "apply", resource("deploy/demo.yaml")).status == 0
    ended = run("account", "create", "eve", "--plan", "demo", "--json")
    balances = {balance["balance_type"]: balance["total"] for balance in ended.json["balances"]}
    assert balances == {"data": 10 * 2**30, "voice": 6000, "text": 100, "money": 0}
