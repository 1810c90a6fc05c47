"""Times on the wall over daylight saving, and series in words."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.recurrence import Recurrence, Repeats, Wall, judge_wall
from meetings.series_words import say_odd_ones, say_ordinal, say_pattern
from meetings.wall_times import NoSuchTime, find_twice, fold_of, to_exact_moment

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [ZoneInfo(name) for name in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo")]
NIGHTS = [(2027, 3, 28), (2027, 10, 31), (2027, 3, 14), (2027, 11, 7), (2027, 4, 4), (2027, 10, 3), (2027, 6, 1)]
"""Those in which clocks are turned in one of these zones, and one in which they are not."""
walls = st.builds(
    lambda night, minutes: datetime(*night) + timedelta(minutes=minutes), st.sampled_from(NIGHTS), st.integers(0, 300)
)


@given(walls, st.sampled_from(ZONES))
def test_a_time_is_either_there_or_refused_with_two_that_are(wall, zone):
    try:
        moment = to_exact_moment(wall, zone)
    except NoSuchTime as gap:
        assert gap.before < wall < gap.after
        for near in (gap.before, gap.after):
            assert judge_wall(near, zone) is not Wall.NEVER
            to_exact_moment(near, zone)
    else:
        assert moment.astimezone(zone).replace(tzinfo=None) == wall


@given(walls, st.sampled_from(ZONES))
def test_of_two_equal_times_each_can_be_meant(wall, zone):
    twice = find_twice(wall, zone)
    if twice is None:
        return
    moments = [to_exact_moment(wall, zone, fold=fold) for fold in (0, 1)]
    assert moments[0] < moments[1]
    assert [fold_of(one, zone) for one in moments] == [0, 1]


def test_an_hour_that_comes_twice_is_found_in_every_minute_of_it():
    night = datetime(2027, 10, 31)
    found = [wall for n in range(24 * 60) if find_twice(wall := night + timedelta(minutes=n), BERLIN)]
    assert (found[0].time(), found[-1].time(), len(found)) == (time(2), time(2, 59), 60)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Recurrence(Repeats.DAILY), "Every day"),
        (Recurrence(Repeats.DAILY, 3), "Every 3rd day"),
        (Recurrence(Repeats.WEEKLY, weekdays=(1,)), "Every Tuesday"),
        (Recurrence(Repeats.WEEKLY, 2, (1,)), "Every 2nd Tuesday"),
        (Recurrence(Repeats.WEEKLY, weekdays=(0, 1, 2, 3, 4)), "Every weekday"),
        (Recurrence(Repeats.WEEKLY, weekdays=(0, 2, 4)), "Every Monday, Wednesday and Friday"),
        (Recurrence(Repeats.WEEKLY, 11, (0, 4)), "Every 11th week on Monday and Friday"),
        (Recurrence(Repeats.MONTHLY, month_day=22), "Every month on the 22nd"),
        (Recurrence(Repeats.MONTHLY, 2, month_day=-1), "Every 2nd month on the last day"),
        (Recurrence(Repeats.MONTHLY, weekdays=(4,), week=-1), "Every month on the last Friday"),
        (Recurrence(Repeats.MONTHLY, weekdays=(0,), week=2), "Every month on the second Monday"),
    ],
)
def test_a_pattern_in_words(rule, words):
    assert say_pattern(rule) == words


def test_numbers_as_they_are_said():
    assert [say_ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 31)] == [
        "1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "23rd", "31st",
    ]  # fmt: skip


def test_what_daylight_saving_does_to_a_series_is_said_and_nothing_else():
    rule = Recurrence(Repeats.WEEKLY, weekdays=(6,), until=date(2027, 11, 7))
    first = datetime(2027, 3, 21, 2, 30, tzinfo=BERLIN).astimezone(UTC)
    notes = say_odd_ones(first, rule.starts_of(first, BERLIN), BERLIN)
    assert notes == [
        "On 28 March 2027 there is no 02:30: it begins at 03:30.",
        "On 31 October 2027 02:30 comes twice: it begins the first time.",
    ]
    noon = datetime(2027, 3, 21, 12, 0, tzinfo=BERLIN).astimezone(UTC)
    assert say_odd_ones(noon, rule.starts_of(noon, BERLIN), BERLIN) == []
