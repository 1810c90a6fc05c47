"""When a meeting is, in words, in every zone and on the days the clocks are turned."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetings.spans import EARLIEST, LATEST
from meetings.times import (
    Clock,
    first_day,
    is_over,
    is_running,
    last_day,
    say_days,
    say_elsewhere,
    say_heading,
    say_length,
    say_near,
    say_time,
    say_whole,
)

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "Europe/Berlin",
    "Pacific/Kiritimati",
    "America/St_Johns",
    "Etc/GMT+12",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
]


@dataclass
class Event:
    starts: datetime | None = None
    ends: datetime | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    timezone: str = ""


def timed(starts, ends, **fields):
    """Times of the wall in Berlin."""
    moments = (datetime.fromisoformat(one).replace(tzinfo=BERLIN).astimezone(UTC) for one in (starts, ends))
    return Event(*moments, **fields)


def days(first, end):
    return Event(
        starts=datetime(2026, 1, 1, tzinfo=UTC), starts_on=date.fromisoformat(first), ends_on=date.fromisoformat(end)
    )


def clock_at(wall, zone=BERLIN):
    return Clock(datetime.fromisoformat(wall).replace(tzinfo=zone).astimezone(UTC), zone)


CLOCK = clock_at("2026-11-23T09:55")


@pytest.mark.parametrize(
    ("event", "day", "words"),
    [
        (timed("2026-11-23T10:00", "2026-11-23T11:00"), "2026-11-23", ("10:00 – 11:00", "")),
        (timed("2026-11-23T10:00", "2026-11-23T10:00"), "2026-11-23", ("10:00", "")),
        (timed("2026-11-23T22:00", "2026-11-24T00:00"), "2026-11-23", ("22:00 – 00:00", "")),
        (timed("2026-11-23T22:00", "2026-11-24T06:00"), "2026-11-23", ("22:00 – 06:00", "until Tue")),
        (timed("2026-11-23T22:00", "2026-11-24T06:00"), "2026-11-24", ("until 06:00", "Mon 23 – Tue 24 Nov")),
        (timed("2026-11-23T10:00", "2026-11-25T12:00"), "2026-11-23", ("10:00", "until Wed, 12:00")),
        (timed("2026-11-23T10:00", "2026-11-25T12:00"), "2026-11-24", ("All day", "until Wed, 12:00")),
        (timed("2026-11-23T10:00", "2026-12-25T12:00"), "2026-11-23", ("10:00", "until Fri 25 Dec, 12:00")),
        (timed("2026-11-23T10:00", "2027-01-05T12:00"), "2026-11-23", ("10:00", "until Tue 5 Jan 2027, 12:00")),
        (days("2026-11-23", "2026-11-24"), "2026-11-23", ("All day", "")),
        (days("2026-11-23", "2026-11-26"), "2026-11-24", ("All day", "Mon 23 – Wed 25 Nov")),
    ],
)
def test_a_row_says_its_time(event, day, words):
    assert say_time(event, CLOCK, day=date.fromisoformat(day)) == words


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (timed("2026-10-25T01:30", "2026-10-25T04:00"), "01:30 CEST – 04:00 CET"),
        (timed("2027-03-28T01:30", "2027-03-28T03:30"), "01:30 CET – 03:30 CEST"),
        (
            Event(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
            "02:30 CEST – 02:30 CET",
        ),
    ],
)
def test_over_a_turn_of_the_clocks_both_times_carry_their_zone(event, words):
    assert say_time(event, CLOCK, day=first_day(event, CLOCK))[0] == words


def test_a_day_of_twenty_five_hours_is_one_day():
    event = timed("2026-10-25T00:00", "2026-10-26T00:00")
    assert event.ends - event.starts == timedelta(hours=25)
    assert first_day(event, CLOCK) == last_day(event, CLOCK) == date(2026, 10, 25)


def test_midnight_exists_also_where_the_clocks_are_turned_at_midnight():
    zone = ZoneInfo("Africa/Cairo")
    clock = Clock(CLOCK.now, zone)
    assert clock.midnight(date(2026, 4, 24)).astimezone(zone).date() == date(2026, 4, 24)


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/Berlin", ""),
        ("Europe/Paris", ""),
        ("America/New_York", "04:00 in New York"),
        ("Pacific/Kiritimati", "23:00 in Kiritimati"),
        ("Pacific/Pago_Pago", "Sun 22:00 in Pago Pago"),
        ("America/St_Johns", "05:30 in St Johns"),
        ("", ""),
        ("Nowhere/At_All", ""),
        ("../../etc/passwd", ""),
        ("x" * 500, ""),
        ("Etc/UTC", ""),
    ],
)
def test_another_zone_is_said_where_its_clock_differs(zone, words):
    assert say_elsewhere(timed("2026-11-23T10:00", "2026-11-23T11:00", timezone=zone), CLOCK) == words


def test_the_same_event_stands_under_each_viewers_own_day():
    event = timed("2026-11-23T10:30", "2026-11-23T11:30")
    seen = {zone: first_day(event, Clock(CLOCK.now, ZoneInfo(zone))) for zone in ZONES}
    assert seen["Etc/GMT+12"] == date(2026, 11, 22)
    assert seen["Pacific/Kiritimati"] == seen["Europe/Berlin"] == date(2026, 11, 23)


def test_headings_name_the_days_around_and_the_year_of_others():
    assert say_heading(date(2026, 11, 23), CLOCK) == ("Today", "Monday 23 November")
    assert say_heading(date(2026, 11, 24), CLOCK) == ("Tomorrow", "Tuesday 24 November")
    assert say_heading(date(2026, 11, 22), CLOCK) == ("Yesterday", "Sunday 22 November")
    assert say_heading(date(2026, 11, 25), CLOCK) == ("Wednesday 25 November", "")
    assert say_heading(date(2027, 1, 4), CLOCK) == ("Monday 4 January 2027", "")


def test_whole_times_and_near_ones():
    event = timed("2026-11-23T10:00", "2026-11-23T11:30")
    assert say_whole(event, CLOCK) == "Monday 23 November 2026, 10:00 – 11:30"
    assert say_near(event, CLOCK) == "Today, 10:00 – 11:30"
    assert say_length(event) == "1 h 30 min"
    later = timed("2026-11-27T22:00", "2026-11-28T01:00")
    assert say_near(later, CLOCK) == "Friday 27 November 2026, 22:00 – Saturday 28 November 2026, 01:00"
    assert say_whole(days("2026-11-23", "2026-11-24"), CLOCK) == "Monday 23 November 2026"
    assert say_days(date(2026, 12, 30), date(2027, 1, 2)) == "Wed 30 Dec 2026 – Sat 2 Jan 2027"
    assert say_days(date(2026, 11, 30), date(2026, 12, 2)) == "Mon 30 Nov – Wed 2 Dec"


def test_running_begins_with_the_start_and_ends_with_the_end():
    event = timed("2026-11-23T10:00", "2026-11-23T11:00")
    states = {wall: (is_running(event, clock_at(wall)), is_over(event, clock_at(wall))) for wall in WALLS}
    assert list(states.values()) == [(False, False), (True, False), (True, False), (False, True)]
    assert not is_running(days("2026-11-23", "2026-11-24"), CLOCK)


WALLS = ["2026-11-23T09:59", "2026-11-23T10:00", "2026-11-23T10:59", "2026-11-23T11:00"]

moments = st.datetimes(EARLIEST.replace(tzinfo=None), LATEST.replace(tzinfo=None), timezones=st.just(UTC))


@given(st.tuples(moments, moments).map(sorted), moments, st.sampled_from(ZONES), st.sampled_from(["", *ZONES]))
def test_whatever_is_stored_can_be_said_in_every_zone(span, now, zone, own):
    event = Event(*span, timezone=own)
    clock = Clock(now, ZoneInfo(zone))
    first, last = first_day(event, clock), last_day(event, clock)
    assert first <= last
    for day in {first, last, min(first + timedelta(days=1), last)}:
        assert all(isinstance(words, str) for words in say_time(event, clock, day=day))
    assert say_whole(event, clock)
    assert say_near(event, clock)
    say_elsewhere(event, clock)
    assert not (is_running(event, clock) and is_over(event, clock))
