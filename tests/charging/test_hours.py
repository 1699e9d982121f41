"""Working hours are read off the clock on the wall, also on the days on which it is moved."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diameter_ocs.charging.dates import parse_dates
from diameter_ocs.charging.expressions import ExpressionError
from diameter_ocs.charging.hours import (
    DAYS,
    WorkingHours,
    parse_days,
    parse_times,
    working_hours,
    zone,
)

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE = 60_000_000


def at(text, zone=BERLIN, fold=0):
    """Returns a time on the wall in microseconds since 1970 UTC."""
    local = datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)
    return int(local.timestamp()) * 1_000_000


def wall(microseconds, zone=BERLIN):
    return f"{datetime.fromtimestamp(microseconds // 1_000_000, zone):%a %d %H:%M %z}"


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon", (0,)),
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("sat,sun", (5, 6)),
        (" Sat , MON - tue ", (0, 1, 5)),
        ("fri-mon", (0, 4, 5, 6)),
        ("mon-sun", (0, 1, 2, 3, 4, 5, 6)),
        ("wed-wed", (2,)),
        ("mon,mon-tue", (0, 1)),
    ],
)
def test_days_are_read(text, days):
    assert parse_days(text) == days


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("08:00-18:00", ((480, 1080),)),
        ("8:00 - 12:00, 13:30-18:00", ((480, 720), (810, 1080))),
        ("00:00-24:00", ((0, 1440),)),
        ("22:00-06:00", ((1320, 1800),)),
        ("22:00-00:00", ((1320, 1440),)),
        ("18:00-24:00", ((1080, 1440),)),
    ],
)
def test_times_are_read(text, times):
    assert parse_times(text) == times


@pytest.mark.parametrize(
    ("parse", "text", "position", "reason"),
    [
        (parse_days, "", 0, "here belong days, as mon-fri"),
        (parse_days, "mon,,tue", 4, "here belong days"),
        (parse_days, "mon, fry", 5, "a day is one of mon, tue"),
        (parse_days, "mon-", 4, "a day is one of"),
        (parse_days, "mon-fry", 4, "a day is one of"),
        (parse_days, "monday", 0, "a day is one of"),
        (parse_days, "mon-wed-fri", 0, "here belong days"),
        (parse_days, "1-5", 0, "here belong days"),
        (parse_times, "", 0, "here belong times, as 08:00-18:00"),
        (parse_times, "08:00", 0, "here belong times"),
        (parse_times, "08:00-18:00, 19", 13, "here belong times"),
        (parse_times, "08:00-24:01", 6, "times end from 00:00 to 24:00"),
        (parse_times, "08:00-12:60", 6, "times end from"),
        (parse_times, "24:00-24:00", 0, "times begin from 00:00 to 23:59"),
        (parse_times, "08:60-12:00", 0, "times begin from"),
        (parse_times, "08:00-12:00, 08:00-08:00", 13, "the whole day is 00:00-24:00"),
        (parse_times, "8-18", 0, "here belong times"),
        (parse_times, "٠٨:00-18:00", 0, "here belong times"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(parse, text, position, reason):
    with pytest.raises(ExpressionError, match=reason) as caught:
        parse(text)
    assert caught.value.position == position


def test_the_end_is_not_in_the_hours():
    hours = working_hours([("mon-fri", "08:00-12:00,13:00-18:00")])
    asked = ["07:59", "08:00", "11:59", "12:00", "13:00", "17:59", "18:00"]
    told = [hours.contains(at(f"2026-01-07 {time}"), BERLIN) for time in asked]
    assert told == [False, True, True, False, True, True, False]
    assert not hours.contains(at("2026-01-10 09:00"), BERLIN)


def test_hours_over_midnight_belong_to_the_day_they_begin():
    hours = working_hours([("sun", "22:00-06:00")])
    assert hours.contains(at("2026-01-11 23:00"), BERLIN)
    assert hours.contains(at("2026-01-12 05:59"), BERLIN)
    assert not hours.contains(at("2026-01-12 06:00"), BERLIN)
    assert not hours.contains(at("2026-01-11 05:00"), BERLIN)
    assert hours.changes_at(at("2026-01-11 23:00"), BERLIN) == at("2026-01-12 06:00")


def test_entries_add_up_however_they_overlap():
    together = working_hours(
        [("mon-sun", "08:00-12:00"), ("sat", "10:00-24:00"), ("sun", "00:00-9:00")]
    )
    apart = working_hours(
        [("mon-fri", "08:00-12:00"), ("sat", "08:00-24:00"), ("sun", "0:00-12:00")]
    )
    assert together == apart
    assert hash(together) == hash(apart)


def test_no_hours_and_all_hours_never_change():
    now = at("2026-01-07 12:00")
    none, always = working_hours([]), working_hours([("mon-sun", "00:00-24:00")])
    assert (none.contains(now, BERLIN), none.changes_at(now, BERLIN)) == (False, None)
    assert (always.contains(now, BERLIN), always.changes_at(now, BERLIN)) == (True, None)
    assert always == working_hours([("mon-sun", "06:00-18:00,18:00-06:00")])


@pytest.mark.parametrize(
    ("days", "times", "now", "change"),
    [
        ("mon-fri", "08:00-18:00", "2026-01-07 12:00", "2026-01-07 18:00"),
        ("mon-fri", "08:00-18:00", "2026-01-09 18:00", "2026-01-12 08:00"),
        ("mon-fri", "08:00-18:00", "2026-01-07 08:00", "2026-01-07 18:00"),
        ("sat,sun", "00:00-24:00", "2026-01-09 12:00", "2026-01-10 00:00"),
        ("sat,sun", "00:00-24:00", "2026-01-10 12:00", "2026-01-12 00:00"),
        ("sun,mon", "00:00-24:00", "2026-01-11 12:00", "2026-01-13 00:00"),
        ("wed", "12:00-12:01", "2026-01-07 12:01", "2026-01-14 12:00"),
    ],
)
def test_the_next_change_is_told(days, times, now, change):
    hours = working_hours([(days, times)])
    assert wall(hours.changes_at(at(now), BERLIN)) == wall(at(change))
    assert hours.changes_at(at(now) + 59_999_999, BERLIN) == at(change)


def test_hours_that_the_spring_leaves_out_come_a_week_later():
    hours = working_hours([("sun", "02:15-02:45")])
    saturday = at("2026-03-28 12:00")
    assert hours.changes_at(saturday, BERLIN) == at("2026-04-05 02:15")


def test_hours_that_begin_in_what_the_spring_leaves_out_begin_after_it():
    hours = working_hours([("sun", "02:30-04:00")])
    change = hours.changes_at(at("2026-03-29 01:30"), BERLIN)
    assert wall(change) == "Sun 29 03:00 +0200"
    assert hours.changes_at(change, BERLIN) == at("2026-03-29 04:00")


def test_hours_that_the_autumn_repeats_are_meant_twice():
    hours = working_hours([("sun", "02:15-02:45")])
    changes, now = [], at("2026-10-24 12:00")
    for _ in range(4):
        now = hours.changes_at(now, BERLIN)
        changes.append(wall(now))
    assert changes == [
        "Sun 25 02:15 +0200",
        "Sun 25 02:45 +0200",
        "Sun 25 02:15 +0100",
        "Sun 25 02:45 +0100",
    ]


def test_hours_end_and_begin_anew_where_the_clock_is_set_back_into_them():
    hours = working_hours([("sun", "00:00-02:30")])
    changes, now = [], at("2026-10-25 01:00")
    for _ in range(3):
        now = hours.changes_at(now, BERLIN)
        changes.append(wall(now))
    assert changes == ["Sun 25 02:30 +0200", "Sun 25 02:00 +0100", "Sun 25 02:30 +0100"]


def test_a_day_that_a_zone_has_left_out_has_no_hours():
    apia = ZoneInfo("Pacific/Apia")
    hours = working_hours([("fri", "08:00-18:00")])
    thursday = at("2011-12-29 12:00", apia)
    assert hours.changes_at(thursday, apia) == at("2012-01-06 08:00", apia)


def on(dates, days="mon-sun", times="00:00-24:00"):
    return working_hours([], [(dates, days, times)])


def test_hours_of_dates_are_those_alone():
    hours = on("2026-12-24 - 2026-12-26", times="08:00-18:00")
    told = [hours.contains(at(f"2026-12-{day} 12:00"), BERLIN) for day in (23, 24, 26, 27)]
    assert told == [False, True, True, False]
    assert not hours.contains(at("2026-12-25 18:00"), BERLIN)
    assert hours.changes_at(at("2026-12-20 12:00"), BERLIN) == at("2026-12-24 08:00")
    assert hours.changes_at(at("2026-12-26 12:00"), BERLIN) == at("2026-12-26 18:00")


def test_hours_of_dates_over_midnight_belong_to_the_date_they_begin():
    hours = on("12-31", times="22:00-06:00")
    assert hours.contains(at("2027-01-01 05:59"), BERLIN)
    assert not hours.contains(at("2026-12-31 05:00"), BERLIN)
    assert hours.changes_at(at("2026-12-31 23:00"), BERLIN) == at("2027-01-01 06:00")


def test_hours_of_dates_may_be_of_some_days_of_the_week_only():
    hours = on("2026-12-01 - 2026-12-31", days="sat,sun")
    assert [hours.contains(at(f"2026-12-{day} 12:00"), BERLIN) for day in (11, 12)] == [False, True]
    assert not hours.contains(at("2026-11-29 12:00"), BERLIN)


def test_dates_are_beside_the_hours_of_every_week():
    hours = working_hours([("mon-fri", "20:00-24:00")], [("12-25", "mon-sun", "00:00-24:00")])
    assert hours.contains(at("2026-12-24 21:00"), BERLIN)
    assert hours.contains(at("2026-12-25 12:00"), BERLIN)
    assert hours.changes_at(at("2026-12-24 21:00"), BERLIN) == at("2026-12-26 00:00")
    assert hours.widest == (0, 7 * 1440)


def test_what_is_further_than_a_month_does_not_change_yet():
    assert on("12-25").changes_at(at("2026-06-10 12:00"), BERLIN) is None


@pytest.mark.parametrize(
    ("now", "change", "told"),
    [
        ("2026-03-28 12:00", "2026-03-29 00:00", "Sun 29 00:00 +0100"),
        ("2026-03-29 00:30", "2026-03-29 03:30", "Sun 29 03:30 +0200"),
    ],
)
def test_hours_of_a_date_on_which_the_clock_is_moved(now, change, told):
    hours = on("2026-03-29", times="00:00-03:30")
    assert hours.changes_at(at(now), BERLIN) == at(change)
    assert wall(at(change)) == told


DATED = ["2026-03-29", "2026-10-24 - 2026-10-25", "03-28 - 04-05", "2026-06-10,2026-06-12"]


SPANS = st.tuples(
    st.sampled_from([*DAYS, "mon-fri", "sat-sun", "mon-sun"]),
    st.tuples(st.integers(0, 47), st.integers(1, 47)).map(
        lambda pair: "{:02}:{:02}-{:02}:{:02}".format(
            *divmod(pair[0] * 30, 60), *divmod((pair[0] + pair[1]) % 48 * 30, 60)
        )
    ),
)
ZONES = ["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]


def plainly_contains(entries, microseconds, zone):
    local = datetime.fromtimestamp(microseconds // 1_000_000, zone)
    minute = local.hour * 60 + local.minute
    today, yesterday = local.weekday(), (local.weekday() - 1) % 7
    return any(
        (today in parse_days(days) and start <= minute < end)
        or (yesterday in parse_days(days) and minute < end - 1440)
        for days, times in entries
        for start, end in parse_times(times)
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(SPANS, max_size=2),
    st.lists(st.tuples(st.sampled_from(DATED), SPANS), min_size=1, max_size=2),
    st.sampled_from(ZONES),
    st.sampled_from(["2026-03-28", "2026-10-24", "2026-04-04", "2026-06-10"]),
    st.integers(0, 2 * 1440),
)
def test_dates_and_changes_are_those_of_a_plain_reading(weekly, dated, name, day, later):
    zone = ZoneInfo(name)
    hours = working_hours(weekly, [(dates, *span) for dates, span in dated])
    now = at(day, UTC) + later * MINUTE

    def contains(microseconds):
        local = datetime.fromtimestamp(microseconds // 1_000_000, zone)
        minute = local.hour * 60 + local.minute
        return plainly_contains(weekly, microseconds, zone) or any(
            (begun.weekday() in parse_days(days) and parse_dates(dates).contains(begun))
            and start <= minute + days_ago * 1440 < end
            for dates, (days, times) in dated
            for start, end in parse_times(times)
            for days_ago in (0, 1)
            for begun in [local.date() - timedelta(days=days_ago)]
        )

    inside = contains(now)
    assert hours.contains(now, zone) is inside
    change = hours.changes_at(now, zone)
    moments = range(now - now % (15 * MINUTE), now + 8 * 1440 * MINUTE, 15 * MINUTE)
    first = next((each for each in moments if each > now and contains(each) is not inside), None)
    assert change == first or (first is None and (change is None or change > moments[-1]))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(SPANS, max_size=4),
    st.sampled_from(ZONES),
    st.sampled_from(["2026-03-28", "2026-03-07", "2026-10-24", "2026-04-04", "2026-06-10"]),
    st.integers(0, 2 * 1440),
)
def test_hours_and_changes_are_those_of_a_plain_reading(entries, name, day, later):
    zone = ZoneInfo(name)
    hours = working_hours(entries)
    now = at(day, UTC) + later * MINUTE
    inside = plainly_contains(entries, now, zone)
    assert hours.contains(now, zone) is inside
    change = hours.changes_at(now, zone)
    plain = (
        moment
        for moment in range(now + MINUTE, now + 8 * 1440 * MINUTE, 15 * MINUTE)
        if plainly_contains(entries, moment - moment % (15 * MINUTE), zone) is not inside
    )
    first = next(plain, None)
    first = None if first is None else first - first % (15 * MINUTE)
    assert change == first or (first is None and change > now + 7 * 1440 * MINUTE)


def test_zones_have_names_or_offsets():
    assert zone("Europe/Berlin") == BERLIN
    assert zone("UTC").utcoffset(datetime(2026, 1, 1)) == timedelta(0)
    assert zone("+02:00") == timezone(timedelta(hours=2))
    assert zone("-05:30").utcoffset(None) == -timedelta(hours=5, minutes=30)
    assert zone("-12:00").utcoffset(None) == -timedelta(hours=12)
    assert zone("+14:00").utcoffset(None) == timedelta(hours=14)
    hours = working_hours([("mon", "00:00-24:00")])
    assert hours.contains(at("2026-01-12 00:00", zone("+14:00")), zone("+14:00"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Europe/Berlni", r"did you mean Europe/Berlin\?.* as \+02:00"),
        ("europe/berlin", "did you mean Europe/Berlin"),
        ("", "no time zone is named ''; write its name, as Europe/Berlin"),
        ("Europe", "no time zone is named"),
        ("localtime", "no time zone is named"),
        ("right/Europe/Berlin", "no time zone is named"),
        ("/etc/passwd", "no time zone is named"),
        ("../zoneinfo/Europe/Berlin", "no time zone is named"),
        ("Europe/\0", "no time zone is named"),
        ("x" * 5000, "no time zone is named"),
        ("+14:01", "not from -12:00 to"),
        ("-12:30", "not from -12:00 to"),
        ("+02:60", "no time zone is named"),
        ("+2:00", "no time zone is named"),
        ("02:00", "no time zone is named"),
    ],
)
def test_what_is_no_zone_is_refused_with_what_to_write(name, reason):
    with pytest.raises(ValueError, match=reason):
        zone(name)


def test_hours_are_plain_values():
    assert working_hours([("mon", "00:00-01:00")]) == WorkingHours((0, 60))
