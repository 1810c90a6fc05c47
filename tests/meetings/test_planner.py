"""Where meetings stand in the drawing of a day or a week."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meetings.planner import (
    MOST_LANES,
    SHORTEST,
    Gap,
    Place,
    Span,
    find_overlapping,
    lay_out,
    list_slots,
    plan_days,
)

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
PLACES = Path(__file__).parents[2] / "static/css/components/planner-places.css"


def span(key, starts, ends, zone=BERLIN):
    return Span(key, *(datetime.fromisoformat(one).replace(tzinfo=zone).astimezone(UTC) for one in (starts, ends)))


@pytest.mark.parametrize(
    ("day", "zone", "quarters"),
    [
        (date(2026, 6, 1), "Europe/Berlin", 96),
        (SPRING, "Europe/Berlin", 92),
        (AUTUMN, "Europe/Berlin", 100),
        (date(2026, 4, 5), "Australia/Lord_Howe", 98),  # by half an hour
        (date(2026, 10, 4), "Australia/Lord_Howe", 94),
        (date(2024, 4, 26), "Africa/Cairo", 92),  # at midnight: the day begins at one
        (date(2011, 12, 30), "Pacific/Apia", 0),  # a day that was left out
    ],
)
def test_a_day_has_the_quarters_that_its_clocks_show(day, zone, quarters):
    assert len(list_slots(day, ZoneInfo(zone))) == quarters


def test_the_hour_that_comes_twice_has_two_lines_and_its_meetings_stand_in_the_right_one():
    plan = plan_days(
        [AUTUMN],
        [
            Span("first", datetime(2026, 10, 25, 0, 0, tzinfo=UTC), datetime(2026, 10, 25, 1, 0, tzinfo=UTC)),
            Span("second", datetime(2026, 10, 25, 1, 0, tzinfo=UTC), datetime(2026, 10, 25, 2, 0, tzinfo=UTC)),
        ],
        BERLIN,
        is_whole=True,
    )
    assert plan.rows == 100
    lines = [(f"{one.moment:%H:%M %Z}", one.is_again) for one in plan.hours[1:5]]
    assert lines == [("01:00 CEST", False), ("02:00 CEST", False), ("02:00 CET", True), ("03:00 CET", False)]
    places = {one.key: one for one in plan.days[0].places}
    assert (places["first"].row, places["first"].rows) == (8, 4)
    assert (places["second"].row, places["second"].rows) == (12, 4)
    assert places["first"].lanes == places["second"].lanes == 1


def test_the_hour_that_is_left_out_is_a_gap_on_its_day_alone():
    saturday = SPRING - timedelta(days=1)
    plan = plan_days([saturday, SPRING], [span("night", "2026-03-29T01:00", "2026-03-29T04:00")], BERLIN, is_whole=True)
    assert plan.rows == 96
    assert plan.days[0].gaps == []
    assert plan.days[1].gaps == [Gap(8, 4)]
    (night,) = plan.days[1].places
    assert (night.row, night.rows) == (4, 12)  # beside the hours its clocks show, though it takes two


def test_in_the_week_of_the_change_the_hours_of_all_days_stand_side_by_side():
    days = [AUTUMN - timedelta(days=n) for n in (1, 0)]
    nine = [span(str(day), f"{day}T09:00", f"{day}T10:00") for day in days]
    plan = plan_days(days, nine, BERLIN)
    assert {one.places[0].row for one in plan.days} == {plan.days[0].places[0].row}
    assert plan.days[0].gaps and not plan.days[1].gaps
    assert any(one.is_again for one in plan.hours)


def test_only_the_hours_that_are_needed_are_drawn():
    day = date(2026, 6, 1)
    assert [f"{one.moment:%H}" for one in plan_days([day], [], BERLIN).hours] == [f"{n:02}" for n in range(8, 18)]
    plan = plan_days([day], [span("early", "2026-06-01T06:40", "2026-06-01T07:00")], BERLIN)
    assert f"{plan.hours[0].moment:%H:%M}" == "06:00"
    assert plan.days[0].places[0].row == 2
    late = plan_days([day], [span("late", "2026-06-01T23:55", "2026-06-01T23:59")], BERLIN)
    (place,) = late.days[0].places
    assert place.row + place.rows == late.rows


def test_what_goes_past_midnight_stands_on_both_days_and_says_so():
    days = [date(2026, 6, 1), date(2026, 6, 2)]
    plan = plan_days(days, [span("night", "2026-06-01T22:00", "2026-06-02T06:00")], BERLIN, is_whole=True)
    (evening,), (morning,) = (one.places for one in plan.days)
    assert (evening.row, evening.rows, evening.goes_on, evening.begins_before) == (88, 8, True, False)
    assert (morning.row, morning.rows, morning.goes_on, morning.begins_before) == (0, 24, False, True)


def test_what_ends_at_midnight_does_not_touch_the_next_day():
    days = [date(2026, 6, 1), date(2026, 6, 2)]
    plan = plan_days(days, [span("late", "2026-06-01T23:00", "2026-06-02T00:00")], BERLIN)
    assert [len(one.places) for one in plan.days] == [1, 0]


def test_a_meeting_without_length_is_drawn():
    plan = plan_days([date(2026, 6, 1)], [span("point", "2026-06-01T00:00", "2026-06-01T00:00")], BERLIN)
    assert plan.days[0].places[0].rows == SHORTEST


def test_more_than_there_are_lanes_for_are_counted():
    parts = [Place(n, 0, 4, 0, 1) for n in range(MOST_LANES + 3)]
    places, hidden = lay_out(parts)
    assert (len(places), hidden) == (MOST_LANES, 3)


moments = st.datetimes(datetime(2026, 3, 27), datetime(2026, 4, 1)).map(lambda one: one.replace(tzinfo=UTC))
autumn_moments = st.datetimes(datetime(2026, 10, 23), datetime(2026, 10, 28)).map(lambda one: one.replace(tzinfo=UTC))
lengths = st.integers(0, 30 * 60).map(lambda minutes: timedelta(minutes=minutes))


@given(
    st.lists(st.tuples(st.one_of(moments, autumn_moments), lengths), max_size=40),
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    st.sampled_from([date(2026, 3, 27), date(2026, 10, 23)]),
    st.booleans(),
)
def test_no_two_that_overlap_share_a_lane_and_nothing_stands_outside(times, zone, first, is_whole):
    spans = [Span(n, starts, starts + length) for n, (starts, length) in enumerate(times)]
    of = {one.key: one for one in spans}
    days = [first + timedelta(days=n) for n in range(5)]
    plan = plan_days(days, spans, ZoneInfo(zone), is_whole=is_whole)
    for day in plan.days:
        for one in day.places:
            assert one.row >= 0 and one.row + one.rows <= plan.rows
            assert 0 <= one.lane < one.lane + one.wide <= one.lanes <= MOST_LANES
        for one in day.places:
            for other in day.places:
                if one is other:
                    continue
                share = one.row < other.row + other.rows and other.row < one.row + one.rows
                if share:
                    assert one.lane + one.wide <= other.lane or other.lane + other.wide <= one.lane
                    assert one.lanes == other.lanes
                mine, theirs = of[one.key], of[other.key]
                begins, ends = max(mine.starts, theirs.starts), min(mine.ends, theirs.ends)
                zone_day = begins.astimezone(ZoneInfo(zone)).date()
                if begins < ends and zone_day == day.date:
                    assert share, "those that overlap on this day stand side by side"
    rows = [row for line in plan.hours for row in range(line.row, line.row + line.rows)]
    assert rows == list(range(plan.rows))


@given(st.lists(st.tuples(moments, lengths), max_size=25))
def test_overlapping_is_what_brute_force_says(times):
    spans = [Span(n, starts, starts + length) for n, (starts, length) in enumerate(times)]
    expected = {
        one.key
        for one in spans
        for other in spans
        if one is not other and max(one.starts, other.starts) < min(one.ends, other.ends)
    }
    assert find_overlapping(spans) == expected


def test_back_to_back_is_no_overlap_and_the_same_key_is_none():
    assert (
        find_overlapping(
            [span(1, "2026-06-01T09:00", "2026-06-01T10:00"), span(2, "2026-06-01T10:00", "2026-06-01T11:00")]
        )
        == set()
    )
    same = [span("one", "2026-06-01T09:00", "2026-06-01T10:00")] * 2
    assert find_overlapping(same) == set()


def test_there_is_a_class_for_every_place_that_may_be_said():
    css = PLACES.read_text()
    most = {"row": 107, "rows": 108, "lane": MOST_LANES - 1, "lanes": MOST_LANES, "wide": MOST_LANES}
    for name, last in most.items():
        known = {int(number) for number in re.findall(rf"\.plan-{name}-(\d+) \{{ --{name}: \1; \}}", css)}
        assert known == set(range(0 if name in ("row", "lane") else 1, last + 1))
    # No day's clocks show more than 26 hours; so many rows there are.
    assert most["rows"] >= 4 * 26
