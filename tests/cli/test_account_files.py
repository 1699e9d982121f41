"""`account import`: what a file may look like, and what is said of one that is wrong."""

import io
from pathlib import Path

import pytest

from diameter_ocs.charging.accounts import NewAccount
from diameter_ocs.charging.requests import Identity, IdentityKind
from diameter_ocs.cli.account_files import LINE_OCTETS_MAX, read_rows
from diameter_ocs.handlers.importing import Row
from tests.cli.conftest import Run

IMSI = Identity(IdentityKind.IMSI, "001010000000007")
MSISDN = Identity(IdentityKind.MSISDN, "15550100007")
BOB = Row(1, NewAccount("bob", ("basic",), (MSISDN, IMSI)))
LINE = b"bob,basic,imsi:001010000000007 msisdn:15550100007"


def read(octets: bytes) -> list[Row]:
    return list(read_rows(io.BytesIO(octets)))


@pytest.mark.parametrize(
    ("octets", "line"),
    [
        (LINE, 1),
        (LINE + b"\n", 1),
        (LINE + b"\r\n", 1),
        (b"\xef\xbb\xbf" + LINE + b"\n\n\n", 1),
        (b"id,plan,identities\r\n" + LINE, 2),
        (b"\xef\xbb\xbfID, Plan ,identities\n\n" + LINE, 3),
        (b'"bob","basic","msisdn:+15550100007  imsi:001010000000007 imsi:001010000000007"', 1),
        (b" bob , basic , imsi:001010000000007 msisdn:15550100007 ", 1),
        (LINE + b",", 1),
    ],
)
def test_a_line_is_read(octets: bytes, line: int) -> None:
    assert read(octets) == [Row(line, NewAccount("bob", ("basic",), tuple(sorted([IMSI, MSISDN]))))]


def test_a_fourth_field_is_the_time_zone() -> None:
    told = read(b"id,plan,identities,time_zone\n" + LINE + b", Asia/Tokyo ")
    assert [row.account and row.account.time_zone for row in told] == ["Asia/Tokyo"]
    assert read(LINE + b",UTC,")[0].fault.startswith("it has 5 fields and not 3")


def test_identities_may_be_left_empty() -> None:
    assert read(b"bob,basic,") == [Row(1, NewAccount("bob", ("basic",), ()))]


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"bob,basic", "it has 2 fields and not 3: id,plan,identities"),
        (b"bob,basic,imsi:1,msisdn:2,tel:3", "it has 5 fields and not 3"),
        (b"bob,,", "it names no plan"),
        (b"bob,basic,imsi:x", "'imsi:x' is no imsi"),
        (b"bob,basic,001010000000007", "write KIND:VALUE"),
    ],
)
def test_a_wrong_line_is_told_and_the_next_is_read(octets: bytes, words: str) -> None:
    wrong, right = read(octets + b"\ncarol,basic,\n")
    assert (wrong.line, wrong.account) == (1, None)
    assert words in wrong.fault
    assert right == Row(2, NewAccount("carol", ("basic",), ()))


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"b\xf6b,basic,\n", "not written in UTF-8"),
        (b'"bob,basic,\ncarol', "cannot be read as comma-separated values"),
        (b'"bob"x,basic,\n', "cannot be read as comma-separated values"),
        (b"bob,basic,\rcarol,basic,\r", "cannot be read as comma-separated values"),
        (b"x" * (LINE_OCTETS_MAX + 1), f"longer than {LINE_OCTETS_MAX} octets"),
    ],
)
def test_what_hides_where_the_next_line_begins_ends_the_reading(octets: bytes, words: str) -> None:
    (wrong,) = read(octets)
    assert wrong.account is None
    assert words in wrong.fault
    assert wrong.fault.endswith("; what follows was not read")


def test_accounts_of_a_file_are_opened_once(shop: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_bytes(b"id,plan,identities\n" + LINE + b"\ncarol,basic,\n")
    line = ("account", "import", file, "--transaction-id", "one")
    first, again = shop(*line), shop(*line)
    assert first == (0, "2 accounts of acme are opened.\n", "")
    assert again.out == first.out
    assert "done before" in again.err
    assert shop("account", "show", "carol").status == 0
    assert "balanced" in shop("books").out
    entry, *_ = shop("audit", "list", "--json").json
    assert (entry["after"]["accounts"], entry["after"]["file"]) == (2, "new.csv")


def test_every_wrong_line_is_told(shop: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_bytes(b"alice,basic,\nb\0b,basic,\ncarol,gold,\ndave,basic,imsi:001010000000001\n")
    ended = shop("account", "import", file)
    assert ended.out == ""
    assert ended.err.splitlines() == [
        "diameter-ocs: line 1: the account 'alice' belongs to an account already",
        "diameter-ocs: line 2: an account's name has 1 to 100 printable characters",
        "diameter-ocs: line 3: there is no plan 'gold'; there is: basic",
        "diameter-ocs: line 4: imsi:001010000000001 belongs to an account already",
    ]
    error = shop("account", "import", file, "--json").json["error"]
    assert (error["code"], len(error["messages"])) == ("rows_wrong", 4)


def test_a_file_that_is_not_there_is_told(shop: Run, tmp_path: Path) -> None:
    ended = shop("account", "import", tmp_path / "none.csv", "--json")
    assert ended.json["error"]["code"] == "file_unreadable"
