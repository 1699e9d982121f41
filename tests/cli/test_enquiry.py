"""`enquiry ccr`: what a gateway would get, and why, as a person and as a program reads it."""

from pathlib import Path

import psycopg

from diameter_ocs.charging.information import LocationReport, LocationSource, ServiceInformation
from tests.cli.conftest import Run
from tests.cli.test_sessions import SESSION_ID, open_session

INITIAL = "initial:rg=300/request=5MiB"
ALICE = ("enquiry", "ccr", "--account", "alice")


def rows(conninfo: str) -> list[int]:
    """Count what charging leaves."""
    with psycopg.connect(conninfo) as connection:
        counted = []
        for table in ("edr", "session", "closed_session", "command", "audit"):
            (row,) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
            counted.append(row[0])
        return counted


def test_it_says_what_is_answered_and_why_and_charges_nothing(shop: Run, database: str) -> None:
    before = rows(database)
    asked = shop(*ALICE, INITIAL, "terminate:rg=300/used=1MiB")
    assert (asked.status, asked.err) == (0, "")
    lines = asked.out.splitlines()
    assert lines[0].endswith("Z; nothing was charged.")
    assert lines[2].startswith("initial 0: 2001 SUCCESS; rating group 300: 2001 SUCCESS, granted 5")
    assert "  basic / data may pay from data." in lines
    assert any(line.endswith("+5 MiB") for line in lines)
    assert any(line.endswith("+1 MiB  -5 MiB") for line in lines)
    assert rows(database) == before
    assert shop("balance", "list", "alice", "--json").json[0]["reserved"] == 0


def test_no_request_comes_before_what_was_charged(shop: Run) -> None:
    sentence = "That is when the account was last changed: no request comes before it."
    assert sentence in shop(*ALICE, INITIAL, "--at", "2020-01-01").out.splitlines()
    assert sentence not in shop(*ALICE, INITIAL).out


def test_a_program_gets_answer_edr_and_reasons(shop: Run) -> None:
    asked = shop(*ALICE, INITIAL, "--at", "2030-01-01T12:00", "--json").json
    assert asked["time"] == "2030-01-01T12:00:00.000000Z"
    (answer,) = asked["answers"]
    assert (answer["result_code"], answer["services"][0]["result_code"]) == (2001, 2001)
    (edr,) = answer["edrs"]
    assert edr["considered"][0]["services"][0]["reason"] == "PAYS"
    assert edr["postings"][0]["balance_type"] == "data"
    assert edr["postings"][0]["reserved"] == 5 * 2**20
    assert "edr" not in edr


REFUSED = [
    (("--account", "alice", "initial:rg=7/request"), "initial 0: 5031 RATING_FAILED"),
    (("--account", "alice", "update:rg=300/request"), "update 0: 5002 UNKNOWN_SESSION_ID"),
    (("--identity", "imsi:001019999999999", INITIAL), "initial 0: 5030 USER_UNKNOWN"),
    (("--identity", "imsi:001010000000001", "event:rg=300/request=1"), "event 0: 2001 SUCCESS"),
]
"""What is asked, and the line that answers it."""
WRONG = [
    (("--account", "nobody", INITIAL), 1, "account_unknown"),
    (("--session", "1-9", "update"), 1, "session_unknown"),
    (("--identity", "alice", INITIAL), 2, "invalid_identity"),
    (("--account", "alice", "--at", "noon", INITIAL), 2, "invalid_time"),
    (("--account", "alice", "initial:rg=x"), 2, "step_invalid"),
    (("--account", "alice", "location=26201"), 2, "step_invalid"),
    ((INITIAL,), 2, "usage"),
    (("--account", "alice", "--session", "1-1", "update"), 2, "usage"),
]
"""What is written, and the status and code that it ends with."""


def test_what_a_gateway_would_be_refused_is_an_answer(shop: Run) -> None:
    for words, line in REFUSED:
        asked = shop("enquiry", "ccr", *words)
        assert (asked.status, line in asked.out) == (0, True), words


def test_what_cannot_be_asked_is_told(shop: Run) -> None:
    for words, status, code in WRONG:
        refused = shop("enquiry", "ccr", *words, "--json")
        assert (refused.status, refused.json["error"]["code"]) == (status, code), words


def test_an_account_without_identity_is_told_what_it_lacks(shop: Run) -> None:
    assert shop("account", "create", "bob", "--plan", "basic").status == 0
    refused = shop("enquiry", "ccr", "--account", "bob", INITIAL)
    assert refused.status == 1
    assert "`identity add` gives it one" in refused.err


def test_a_gateway_is_answered_as_its_profile_says(shop: Run, tmp_path: Path) -> None:
    file = tmp_path / "ocs.toml"
    file.write_text("[profiles.teller]\nremaining_balance = true\ncost_information = true\n")
    words = ("--config", file, "--at", "2030-01-01", INITIAL, "terminate:rg=300/used=1MiB")
    told = shop(*ALICE, "--profile", "teller", *words)
    assert told.status == 0
    print(told.out)
    assert "The answer says that the cost is 0.00 EUR." in told.out
    assert "cost" not in shop(*ALICE, *words).out
    refused = shop(*ALICE, "--profile", "tellar", *words)
    assert refused.status == 1
    assert "did you mean teller?" in refused.err


def test_what_would_be_paid_would_be_given_back(shop: Run, database: str) -> None:
    before = rows(database)
    asked = shop(*ALICE, "event:rg=300/request=5MiB", "refund:rg=300/request=2MiB", "--json").json
    assert [answer["result_code"] for answer in asked["answers"]] == [2001, 2001]
    paid, refunded = [answer["edrs"][0]["postings"][0]["used"] for answer in asked["answers"]]
    assert (paid, refunded) == (5 * 2**20, -2 * 2**20)
    assert rows(database) == before


def test_a_session_goes_on_where_and_as_it_was(shop: Run, database: str) -> None:
    abroad = LocationReport(LocationSource.USER_LOCATION, "20801", countries=("FR",))
    name = open_session(database, information=ServiceInformation((abroad,), apn="ims"))
    before = rows(database)
    words = ("enquiry", "ccr", "--session", name, "--json")
    (answer,) = shop(*words, "update:rg=300/used=2MiB/request=5MiB").json["answers"]
    (edr,) = answer["edrs"]
    assert (answer["result_code"], answer["session_id"]) == (2001, SESSION_ID)
    assert (edr["location"]["network"], edr["location"]["is_remembered"]) == ("20801", True)
    assert (edr["apn"], edr["origin_host"]) == ("ims", "gateway.example")
    assert [posting["used"] for posting in edr["postings"]] == [2 * 2**20]
    assert rows(database) == before
    refused = shop(*words, INITIAL)
    assert (refused.status, refused.json["error"]["code"]) == (2, "step_invalid")
