"""Working hours: which minutes of the week, or of some dates, by a clock on the wall of a zone.

The wall's clock is what counts: an hour that comes twice is meant twice, one that is left out never
comes, and hours over midnight belong to the day on which they begin.
"""

import difflib
import re
import zoneinfo
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from .dates import Dates, parse_dates
from .expressions import ExpressionError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES

_MINUTE = 60_000_000
_SEARCH_MINUTES = 3 * WEEK_MINUTES
"""A zone has left out a whole day, and so hours of one day a week may be two weeks away."""
_DATED_SEARCH_MINUTES = 32 * DAY_MINUTES
"""No session reports on a longer time at once."""
_DAY = timedelta(days=1)

_DAY_OR_DAYS = re.compile(r"([A-Za-z]+)(?:\s*-\s*([A-Za-z]*))?")
_TIMES = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")
_OFFSET = re.compile(r"([+-])([0-9]{2}):([0-5][0-9])")
_OFFSET_MIN, _OFFSET_MAX = timedelta(hours=-12), timedelta(hours=14)
_NO_PLACES = ("Factory", "localtime", "posix", "right/")
"""How names begin that stand among the time zones and are no places."""


@dataclass(frozen=True, slots=True)
class DatedHours:
    """Some minutes of some dates."""

    dates: Dates
    days: tuple[int, ...]
    """Only where the date is one of these days of the week; 0 is Monday."""
    times: tuple[tuple[int, int], ...]
    """Where they begin and end, in minutes of the date; after 24 hours, on the day after."""

    def contains(self, day: date, minute: int) -> bool:
        """Says whether a minute of a day is in these hours."""
        return (
            self._begin_on(day) and any(start <= minute < end for start, end in self.times)
        ) or (
            self._begin_on(day - _DAY) and any(minute + DAY_MINUTES < end for _, end in self.times)
        )

    def _begin_on(self, day: date) -> bool:
        return day.weekday() in self.days and self.dates.contains(day)


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """Some minutes of every week, and of some dates."""

    bounds: tuple[int, ...]
    """In turn where those of every week begin and end, in minutes since Monday 00:00, ascending."""
    dated: tuple[DatedHours, ...] = ()

    @property
    def widest(self) -> tuple[int, ...]:
        """Likewise, as if all dates were meant."""
        spans = [
            (day * DAY_MINUTES + start, day * DAY_MINUTES + end)
            for each in self.dated
            for day in each.days
            for start, end in each.times
        ]
        weekly = list(zip(self.bounds[::2], self.bounds[1::2], strict=True))
        return _united(weekly + spans)

    def contains(self, at: int, zone: tzinfo) -> bool:
        """Says whether a time, in microseconds since 1970 UTC, is in these hours of a zone."""
        local = datetime.fromtimestamp(at // 1_000_000, zone)
        minute = local.hour * 60 + local.minute
        if bisect_right(self.bounds, local.weekday() * DAY_MINUTES + minute) & 1:
            return True
        return any(each.contains(local.date(), minute) for each in self.dated)

    def changes_at(self, at: int, zone: tzinfo) -> int | None:
        """Returns when what `contains` says changes next, microseconds since 1970.

        None: never, or with dates, not within a month.
        """
        minute = _change(self, at // _MINUTE, zone)
        return None if minute is None else minute * _MINUTE


def working_hours(
    entries: Iterable[tuple[str, str]], dated: Iterable[tuple[str, str, str]] = ()
) -> WorkingHours:
    """Returns the hours of some days, as (days, times): ("mon-fri", "08:00-12:00,13:00-18:00").

    `dated` are those of some dates alone, as (dates, days, times).

    Raises:
        ExpressionError: days, times or dates cannot be read.
    """
    spans = [
        (day * DAY_MINUTES + start, day * DAY_MINUTES + end)
        for days, times in entries
        for day in parse_days(days)
        for start, end in parse_times(times)
    ]
    return WorkingHours(
        _united(spans),
        tuple(
            DatedHours(parse_dates(dates), parse_days(days), parse_times(times))
            for dates, days, times in dated
        ),
    )


def _united(spans: list[tuple[int, int]]) -> tuple[int, ...]:
    """Returns the bounds of spans of a week; what ends after it goes on at its beginning."""
    late = [(0, end - WEEK_MINUTES) for _, end in spans if end > WEEK_MINUTES]
    bounds: list[int] = []
    for start, end in sorted(spans + late):
        end = min(end, WEEK_MINUTES)
        if not bounds or start > bounds[-1]:
            bounds += (start, end)
        else:
            bounds[-1] = max(bounds[-1], end)
    return tuple(bounds)


def parse_days(text: str) -> tuple[int, ...]:
    """Reads days, as "mon-fri" or "sat,sun"; 0 is Monday.

    Raises:
        ExpressionError: they cannot be read.
    """
    days: set[int] = set()
    for item, start in _items(text):
        found = _DAY_OR_DAYS.fullmatch(item)
        if found is None:
            raise ExpressionError("here belong days, as mon-fri or sat,sun", start)
        first = _day(found, 1, start)
        last = first if found.group(2) is None else _day(found, 2, start)
        days.update((first + later) % 7 for later in range((last - first) % 7 + 1))
    return tuple(sorted(days))


def _day(found: re.Match[str], group: int, start: int) -> int:
    word = found.group(group).lower()
    if word not in DAYS:
        raise ExpressionError(f"a day is one of {', '.join(DAYS)}", start + found.start(group))
    return DAYS.index(word)


def parse_times(text: str) -> tuple[tuple[int, int], ...]:
    """Reads times of a day, as "08:00-12:00,13:00-18:00", as minutes of the day.

    The end is not in the hours. It may be 24:00; where it is not after the start it is on the next
    day, above 24 hours.

    Raises:
        ExpressionError: they cannot be read.
    """
    return tuple(_times(item, start) for item, start in _items(text))


def _times(item: str, position: int) -> tuple[int, int]:
    found = _TIMES.fullmatch(item)
    if found is None:
        raise ExpressionError("here belong times, as 08:00-18:00 or 22:00-06:00", position)
    from_hour, from_minute, to_hour, to_minute = map(int, found.groups())
    start, end = from_hour * 60 + from_minute, to_hour * 60 + to_minute
    if from_minute > 59 or start >= DAY_MINUTES:
        raise ExpressionError("times begin from 00:00 to 23:59", position + found.start(1))
    if to_minute > 59 or end > DAY_MINUTES:
        raise ExpressionError("times end from 00:00 to 24:00", position + found.start(3))
    if start == end:
        reason = "times that end as they begin; the whole day is 00:00-24:00"
        raise ExpressionError(reason, position + found.start(1))
    return start, end if end > start else end + DAY_MINUTES


def _items(text: str) -> list[tuple[str, int]]:
    """Returns the parts between commas, without the spaces around them, and where they begin."""
    items, start = [], 0
    for item in text.split(","):
        items.append((item.strip(), start + len(item) - len(item.lstrip())))
        start += len(item) + 1
    return items


@lru_cache(maxsize=4096)
def _change(hours: WorkingHours, minute: int, zone: tzinfo) -> int | None:
    """Returns the minute since 1970 in which the hours begin or end next.

    All zones have kept to offsets of whole minutes since 1972.
    """
    bounds = hours.bounds
    if bounds == (0, WEEK_MINUTES):
        return None
    if hours.dated:
        return _dated_change(hours, minute, zone)
    if not bounds:
        return None
    inside = hours.contains(minute * _MINUTE, zone)
    limit = minute + _SEARCH_MINUTES
    while minute < limit:
        wall = _wall(minute, zone)
        index = bisect_right(bounds, wall)
        if index & 1 != inside:
            return minute
        bound = bounds[index] if index < len(bounds) else WEEK_MINUTES
        minute = _shift(minute, minute + min(bound - wall, DAY_MINUTES), zone)
    return None


def _dated_change(hours: WorkingHours, minute: int, zone: tzinfo) -> int | None:
    """Does so where some hours are those of dates: it looks at every time at which any may begin.

    That is at midnight, too, when the clock is moved, and at the ends of hours.
    """
    spans = [span for each in hours.dated for span in each.times]
    edges = {edge % DAY_MINUTES for edge in (*hours.bounds, *(at for span in spans for at in span))}
    ordered = [*sorted(edges), DAY_MINUTES]
    inside = hours.contains(minute * _MINUTE, zone)
    limit = minute + _DATED_SEARCH_MINUTES
    while minute < limit:
        if hours.contains(minute * _MINUTE, zone) is not inside:
            return minute
        wall = _wall(minute, zone) % DAY_MINUTES
        edge = ordered[bisect_right(ordered, wall)]
        minute = _shift(minute, minute + edge - wall, zone)
    return None


def _wall(minute: int, zone: tzinfo) -> int:
    """Returns the minute of the week that a clock on the wall shows."""
    local = datetime.fromtimestamp(minute * 60, zone)
    return local.weekday() * DAY_MINUTES + local.hour * 60 + local.minute


def _shift(start: int, end: int, zone: tzinfo) -> int:
    """Returns the minute in which the zone's clocks are moved, at most a day on; else the end."""
    offset = _offset(start, zone)
    if _offset(end, zone) == offset:
        return end
    before, after = start, end
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(middle, zone) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(minute: int, zone: tzinfo) -> timedelta | None:
    return datetime.fromtimestamp(minute * 60, zone).utcoffset()


@lru_cache(maxsize=1024)
def zone(name: str) -> tzinfo:
    """Returns a time zone by its IANA name, as Europe/Berlin, or its offset, as +02:00.

    Raises:
        ValueError: there is none of that name.
    """
    found = _OFFSET.fullmatch(name)
    if found is not None:
        sign, hours, minutes = found.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
        if _OFFSET_MIN <= offset <= _OFFSET_MAX:
            return timezone(offset)
        raise ValueError(f"{name} is not from -12:00 to +14:00")
    if not name.startswith(_NO_PLACES):
        try:
            return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass
    names = {each.casefold(): each for each in zoneinfo.available_timezones()}
    near = difflib.get_close_matches(name[:40].casefold(), names, n=1)
    meant = f" (did you mean {names[near[0]]}?)" if near else ""
    reason = "write its name, as Europe/Berlin, or its offset from UTC, as +02:00"
    raise ValueError(f"no time zone is named {name[:40]!r}{meant}; {reason}")
