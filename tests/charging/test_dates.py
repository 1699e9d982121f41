"""Dates on which hours hold, as they are written."""

from datetime import date

import pytest

from diameter_ocs.charging.dates import parse_dates
from diameter_ocs.charging.expressions import ExpressionError


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("2026-12-25", ["2026-12-25"], ["2026-12-24", "2026-12-26", "2025-12-25"]),
        ("2026-12-30 - 2027-01-02", ["2026-12-30", "2027-01-02"], ["2026-12-29", "2027-01-03"]),
        ("2026-12-30-2027-01-02", ["2026-12-31"], ["2025-12-31"]),
        ("12-25", ["2026-12-25", "2031-12-25"], ["2026-12-24"]),
        ("12-24 - 01-06", ["2026-12-24", "2027-01-06", "2027-12-31"], ["2026-01-07", "2026-12-23"]),
        ("02-29", ["2028-02-29"], ["2026-02-28", "2026-03-01"]),
        (" 05-01 , 2026-04-03", ["2026-05-01", "2026-04-03", "2027-05-01"], ["2027-04-03"]),
    ],
)
def test_dates_are_read(text, inside, outside):
    dates = parse_dates(text)
    assert all(dates.contains(date.fromisoformat(each)) for each in inside)
    assert not any(dates.contains(date.fromisoformat(each)) for each in outside)


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ("", 0, "here belong dates, as 2026-12-24 - 2026-12-31 or 12-25"),
        ("12-25,", 6, "here belong dates"),
        ("12-25, 24.12.", 7, "here belong dates"),
        ("2026", 0, "here belong dates"),
        ("1-1", 0, "here belong dates"),
        ("12-25 - ", 0, "here belong dates"),
        ("2026-02-29", 0, "there is no such date"),
        ("02-30", 0, "there is no such date"),
        ("12-25, 13-01", 7, "there is no such date"),
        ("2026-12-24 - 2026-11-31", 13, "there is no such date"),
        ("2026-12-24 - 12-26", 0, "both dates with their years, or none"),
        ("12-24 - 2026-12-26", 0, "both dates with their years, or none"),
        ("2026-12-26 - 2026-12-24", 13, "dates that end before they begin"),
        ("1969-12-26", 0, "years are from 2000 to 2999"),
    ],
)
def test_what_is_no_date_is_told_with_its_place(text, position, reason):
    with pytest.raises(ExpressionError, match=reason) as caught:
        parse_dates(text)
    assert caught.value.position == position
