"""Dates on which hours hold: single ones, from one to another, and those of every year."""

import re
from dataclasses import dataclass
from datetime import date

from .expressions import ExpressionError

_DATE = r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})"
_DATE_OR_DATES = re.compile(rf"{_DATE}(?:\s*-\s*{_DATE})?")
_LEAP_YEAR = 2000
_YEAR_MIN, _YEAR_MAX = 2000, 2999


@dataclass(frozen=True, slots=True)
class Dates:
    """Some days."""

    spans: tuple[tuple[int, int], ...]
    """First and last ones, as ordinals of days."""
    yearly: tuple[tuple[int, int], ...]
    """First and last ones of every year, as 1231; of February 29 every leap year has one."""

    def contains(self, day: date) -> bool:
        """Says whether a day is one of these."""
        number = day.toordinal()
        if any(first <= number <= last for first, last in self.spans):
            return True
        number = day.month * 100 + day.day
        return any(first <= number <= last for first, last in self.yearly)


def parse_dates(text: str) -> Dates:
    """Reads dates, as "2026-12-24 - 2026-12-31, 01-01"; without a year they are those of every one.

    Raises:
        ExpressionError: they cannot be read.
    """
    spans: list[tuple[int, int]] = []
    yearly: list[tuple[int, int]] = []
    start = 0
    for item in text.split(","):
        position = start + len(item) - len(item.lstrip())
        first, last, has_year = _first_and_last(item.strip(), position)
        if has_year:
            spans.append((first.toordinal(), last.toordinal()))
        elif first <= last:
            yearly.append((_number(first), _number(last)))
        else:
            yearly += [(_number(first), 1231), (101, _number(last))]
        start += len(item) + 1
    return Dates(tuple(sorted(spans)), tuple(sorted(yearly)))


def _first_and_last(item: str, position: int) -> tuple[date, date, bool]:
    found = _DATE_OR_DATES.fullmatch(item)
    if found is None:
        reason = "here belong dates, as 2026-12-24 - 2026-12-31 or 12-25"
        raise ExpressionError(reason, position)
    first = last = _date(found, 1, position)
    if found.group(5) is not None:
        last = _date(found, 4, position)
        if (found.group(1) is None) is not (found.group(4) is None):
            raise ExpressionError("write both dates with their years, or none", position)
    has_year = found.group(1) is not None
    if has_year and last < first:
        raise ExpressionError("dates that end before they begin", position + found.start(4))
    return first, last, has_year


def _date(found: re.Match[str], group: int, position: int) -> date:
    year, month, day = found.group(group), found.group(group + 1), found.group(group + 2)
    place = position + found.start(group + 1 if year is None else group)
    number = _LEAP_YEAR if year is None else int(year)
    if not _YEAR_MIN <= number <= _YEAR_MAX:
        raise ExpressionError(f"years are from {_YEAR_MIN} to {_YEAR_MAX}", place)
    try:
        return date(number, int(month), int(day))
    except ValueError:
        raise ExpressionError("there is no such date", place) from None


def _number(day: date) -> int:
    return day.month * 100 + day.day
