"""`catalogue`: what is wrong in a document, what was applied, and what has changed."""

from pathlib import Path

import psycopg
import pytest

from diameter_ocs.config import resource
from tests.cli.conftest import CATALOGUE, Run

WRITTEN = f"# What acme sells.\n{CATALOGUE}# The end.\n"


@pytest.fixture
def two_versions(run: Run, catalogue: Path) -> Run:
    """Give a command where the second version grants more, and sells gold."""
    run("tenant", "create", "acme")
    catalogue.write_text(WRITTEN)
    assert run("catalogue", "apply", catalogue).status == 0
    catalogue.write_text(
        WRITTEN.replace("10 MiB", "20 MiB") + "  - name: gold\n    services:\n"
        "      - {name: all, rating_groups: [300], price: {amount: 1, per: 1 GiB}}\n"
    )
    assert run("catalogue", "apply", catalogue).status == 0
    return run


def test_a_document_is_checked_without_a_database(run_anywhere: Run, catalogue: Path) -> None:
    ended = run_anywhere("catalogue", "check", catalogue)
    assert (ended.status, ended.out) == (0, f"{catalogue} is a catalogue of acme.\n")
    assert run_anywhere("catalogue", "check", catalogue, "--json").json == {
        "tenant": "acme",
        "faults": [],
    }


def test_each_fault_is_told_where_it_stands(run_anywhere: Run, catalogue: Path) -> None:
    catalogue.write_text(CATALOGUE.replace("[300]", "[301]").replace("EUR", "euro"))
    ended = run_anywhere("catalogue", "check", catalogue)
    assert ended.status == 2
    assert ended.out == ""
    assert ended.err.splitlines() == [
        f"diameter-ocs: {catalogue}:3:11: currency: write a currency with three capital letters,"
        " like EUR",
        f"diameter-ocs: {catalogue}:12:38: plans[0].services[0].rating_groups[0]:"
        " there is no rating group 301 (did you mean 300?)",
    ]
    error = run_anywhere("catalogue", "check", catalogue, "--json").json["error"]
    assert error["code"] == "catalogue_invalid"
    assert error["faults"][0] == {
        "line": 3,
        "column": 11,
        "path": "currency",
        "reason": "write a currency with three capital letters, like EUR",
    }


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", ": the document is empty"),
        (b"# nothing\n", ": the document is empty"),
        (b"- 1", ": a catalogue is a mapping, `tenant: NAME` and so on; this is a list"),
        (b"acme", ": a catalogue is a mapping, `tenant: NAME` and so on; this is a word"),
        (b"tenant: a\n\0", ":2:1: this is no YAML: the character U+0000 may not be used"),
        (b"tenant: \xff", ":1:1: is not written in UTF-8: invalid start byte"),
        ("tenant: acme".encode("utf-16"), ":1:1: is not written in UTF-8: invalid start byte"),
        (b"tenant: a\n--- \ntenant: b\n",
         ":2:1: a file holds one document, and here another one begins"),
        (b"a: " + b"[" * 100_000, ":1:68: more than 64 mappings and lists within each other"),
        (b"x: " + b"y" * 5_000_000, ": the document is longer than 4194304 characters"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_told_in_one_line(
    octets: bytes, reason: str, run_anywhere: Run, catalogue: Path
) -> None:
    catalogue.write_bytes(octets)
    ended = run_anywhere("catalogue", "check", catalogue)
    assert ended.status == 2
    assert ended.err.splitlines()[-1] == f"diameter-ocs: {catalogue}{reason}"


def test_a_mark_and_ends_of_lines_of_other_systems_do_no_harm(run: Run, catalogue: Path) -> None:
    text = WRITTEN.replace("\n", "\r\n")
    catalogue.write_bytes(b"\xef\xbb\xbf" + text.encode())
    run("tenant", "create", "acme")
    assert run("catalogue", "apply", catalogue).status == 0
    assert run("catalogue", "show").out == text


def test_a_document_is_shown_as_it_was_applied(two_versions: Run, catalogue: Path) -> None:
    assert two_versions("catalogue", "show").out == catalogue.read_text()
    assert two_versions("catalogue", "show", "--version", 1).out == WRITTEN
    shown = two_versions("catalogue", "show", "--version", 1, "--json").json
    assert (shown["tenant"], shown["version"], shown["source"]) == ("acme", 1, WRITTEN)
    assert shown["document"]["rating_groups"][0]["default_quota"] == 10 * 2**20


def test_a_version_whose_text_was_not_kept_is_shown_as_it_is(
    two_versions: Run, database: str
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE catalogue SET source = NULL")
    ended = two_versions("catalogue", "show")
    assert ended.out.startswith("# Applied when the text was not kept yet")
    assert "name: gold" in ended.out


def test_the_history_says_when_who_and_what(two_versions: Run) -> None:
    newest, first = two_versions("catalogue", "history", "--json").json
    assert (newest["version"], first["version"]) == (2, 1)
    assert newest["actor"]
    assert newest["applied_at"].endswith("Z")
    assert newest["summary"] == "9 changes: rating_groups[300], plans[gold]"
    assert first["summary"] == "the first version"
    lines = two_versions("catalogue", "history", "--limit", 1).out.splitlines()
    assert len(lines) == 2
    assert lines[1].split()[0] == "2"


def test_what_differs_is_told_by_path(two_versions: Run, catalogue: Path) -> None:
    changed = "~ rating_groups[300].default_quota: 10 MiB -> 20 MiB"
    for words in ((), (1,), (1, 2)):
        lines = two_versions("catalogue", "diff", *words).out.splitlines()
        assert lines[0] == changed
        assert "+ plans[gold].services[all].price.amount: 1" in lines
        assert len(lines) == 9
    back = two_versions("catalogue", "diff", 2, 1).out.splitlines()
    assert back[0] == "~ rating_groups[300].default_quota: 20 MiB -> 10 MiB"
    assert "- plans[gold].services[all].price.amount: 1" in back
    assert two_versions("catalogue", "diff", 2).out == "No difference.\n"
    assert two_versions("catalogue", "diff", catalogue).out == "No difference.\n"
    catalogue.write_text(WRITTEN.replace("EUR", "USD"))
    found = two_versions("catalogue", "diff", catalogue, "--json").json
    assert found[0] == {"path": "currency", "before": "EUR", "after": "USD"}


def test_applying_says_what_changes(two_versions: Run, catalogue: Path) -> None:
    catalogue.write_text(catalogue.read_text().replace("20 MiB", "30 MiB"))
    changed = "~ rating_groups[300].default_quota: 20 MiB -> 30 MiB"
    ended = two_versions("catalogue", "apply", catalogue, "--dry-run")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.splitlines() == [changed, "It would be version 3 of the catalogue of acme."]
    assert two_versions("tenant", "list", "--json").json[0]["catalogue_version"] == 2
    assert two_versions("catalogue", "apply", catalogue, "--dry-run", "--json").json == [
        {"path": "rating_groups[300].default_quota", "before": "20 MiB", "after": "30 MiB"}
    ]
    again = ("catalogue", "apply", catalogue, "--transaction-id", "once")
    for _ in range(2):
        lines = two_versions(*again).out.splitlines()
        assert lines[-1] == "The catalogue of acme is at version 3."
    assert two_versions("tenant", "list", "--json").json[0]["catalogue_version"] == 3


def test_the_same_text_makes_no_version(two_versions: Run, catalogue: Path) -> None:
    dry = two_versions("catalogue", "apply", catalogue, "--dry-run")
    assert (dry.status, dry.out) == (0, "No difference.\n")
    ended = two_versions("catalogue", "apply", catalogue)
    assert (ended.status, ended.out.splitlines()) == (
        0,
        ["Nothing changes: this text is what runs.", "The catalogue of acme is at version 2."],
    )
    assert two_versions("catalogue", "apply", catalogue, "--json").json["version"] == 2
    assert len(two_versions("catalogue", "history", "--json").json) == 2
    catalogue.write_text(catalogue.read_text() + "# A remark that is to be kept.\n")
    assert two_versions("catalogue", "apply", catalogue, "--json").json["version"] == 3
    assert "A remark" in two_versions("catalogue", "show").out


def test_the_history_leaves_the_texts_to_show(two_versions: Run) -> None:
    for version in two_versions("catalogue", "history", "--json").json:
        assert version.keys() == {"version", "applied_at", "actor", "summary"}
    assert "tenant: acme" in two_versions("catalogue", "show", "--json").json["source"]


def test_a_dry_run_says_why_it_cannot_be(shop: Run, catalogue: Path) -> None:
    catalogue.write_text(CATALOGUE.replace("name: basic", "name: better"))
    ended = shop("catalogue", "apply", catalogue, "--dry-run")
    assert ended.status == 1
    assert "accounts still have plans that the document lacks: basic" in ended.err
    assert shop("tenant", "list", "--json").json[0]["catalogue_version"] == 1


def test_the_first_version_differs_from_nothing(run: Run, catalogue: Path) -> None:
    run("tenant", "create", "acme")
    assert run("catalogue", "history").status == 0
    assert run("catalogue", "diff", catalogue).out.startswith("+ tenant: acme\n")
    run("catalogue", "apply", catalogue)
    assert run("catalogue", "diff").out.startswith("+ tenant: acme\n")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("show", "--version", 3), "no version 3; `catalogue history` lists what there is"),
        (("diff", 1, 3), "no version 3"),
        (("diff", 0), "no version 0"),
        (("diff", "missing.yaml"), "missing.yaml cannot be read"),
        (("show", "--tenant", "other"), "there is no tenant 'other'"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_told(
    words: tuple[object, ...], reason: str, two_versions: Run
) -> None:
    ended = two_versions("catalogue", *words)
    assert ended.status in (1, 2)
    assert reason in ended.err


def test_a_tenant_without_a_catalogue_shows_none(run: Run) -> None:
    run("tenant", "create", "acme")
    ended = run("catalogue", "show")
    assert ended.status == 1
    assert "`catalogue apply FILE` first" in ended.err


def test_the_schema_is_printed_as_it_stands_beside_the_example(run_anywhere: Run) -> None:
    printed = run_anywhere("catalogue", "schema").out
    assert printed == resource("deploy/catalogue.schema.json").read_text()
