"""`numbering`: operators check what the tables know."""

from pathlib import Path

import pytest

from diameter_ocs.cli.error_table import WRONG_INPUT
from diameter_ocs.server import numbering
from tests.cli.conftest import Run


def test_networks_and_numbers_are_told(run_anywhere: Run) -> None:
    ended = run_anywhere("numbering", "26201", "310260", "26299", "+4930123456", "442071838750")
    assert ended.status == 0
    assert [line.split() for line in ended.out.splitlines()] == [
        ["asked", "countries", "operators"],
        ["26201", "DE", "Telekom,", "Telekom", "Deutschland", "GmbH"],
        ["310260", "US", "PR", "VI", "T-Mobile,", "T-Mobile", "US"],
        ["26299", "DE", "-"],
        ["+4930123456", "DE", "-"],
        ["442071838750", "GB", "-"],
    ]


def test_what_nobody_knows_has_no_country(run_anywhere: Run) -> None:
    ended = run_anywhere("numbering", "nowhere", "12345", "+881612345678", "", "--json")
    assert (ended.status, ended.err) == (0, "")
    assert ended.json == [
        {"asked": asked, "countries": [], "operators": []}
        for asked in ("nowhere", "12345", "+881612345678", "")
    ]


def test_programs_are_told_in_json(run_anywhere: Run) -> None:
    ended = run_anywhere("numbering", "23458", "+590690123456", "--json")
    assert ended.json == [
        {"asked": "23458", "countries": ["IM", "GB"], "operators": ["Pronto GSM", "Manx Telecom"]},
        {"asked": "+590690123456", "countries": ["GP", "BL", "MF"], "operators": []},
    ]


def test_octets_of_no_utf_8_are_json_too(run_anywhere: Run) -> None:
    (told,) = run_anywhere("numbering", "\udcff", "--json").json
    assert told["asked"] == "\udcff"


def test_a_table_that_cannot_be_read_is_named_by_file_and_line(
    run_anywhere: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plmn.csv").write_text("mcc,mnc,countries,operators,note\n262,1,DE,,\n")
    monkeypatch.setattr(numbering, "resource", lambda _: tmp_path / "plmn.csv")
    ended = run_anywhere("numbering", "26201")
    assert (ended.status, ended.out) == (WRONG_INPUT, "")
    assert ended.err == (
        f"diameter-ocs: {tmp_path / 'plmn.csv'}, line 2: the MNC '1' should have 2 or 3 digits, or"
        " be left out; mend the file, or put back the one of this version\n"
    )
