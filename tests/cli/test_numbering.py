"""`numbering`: operators check what the tables know."""

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
