"""Lines of RFC 5545 to our patterns and back, and series that end or move.

Rules in Google's documented shape: https://developers.google.com/workspace/calendar/api/concepts/events-calendars
"""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule
from hypothesis import given
from hypothesis import strategies as some

from integrations.providers.google.rules import (
    Beyond,
    First,
    dump_rule,
    end_lines,
    first_of,
    move_lines,
    parse_lines,
    shift_lines,
)
from integrations.recurrence import LAST_DAY, MOST_OCCURRENCES, Recurrence, Repeats

BERLIN = ZoneInfo("Europe/Berlin")
# a Thursday, the last one of September
FIRST = First(datetime(2026, 9, 24, 10), BERLIN)
DAY = First(datetime(2026, 9, 24), UTC, is_day=True)
DAILY, WEEKLY, MONTHLY = Repeats

PAIRS = [
    (Recurrence(DAILY, count=5), "RRULE:FREQ=DAILY;COUNT=5"),
    (Recurrence(DAILY, 3, until=date(2026, 10, 30)), "RRULE:FREQ=DAILY;INTERVAL=3;UNTIL=20261030T225959Z"),
    (Recurrence(DAILY, until=date(2026, 10, 24)), "RRULE:FREQ=DAILY;UNTIL=20261024T215959Z"),
    (Recurrence(WEEKLY, 1, (1, 3), count=9), "RRULE:FREQ=WEEKLY;BYDAY=TU,TH;WKST=MO;COUNT=9"),
    (Recurrence(MONTHLY, 1, month_day=24, count=9), "RRULE:FREQ=MONTHLY;BYMONTHDAY=24;COUNT=9"),
    (Recurrence(MONTHLY, 2, (3,), week=4, count=9), "RRULE:FREQ=MONTHLY;INTERVAL=2;BYDAY=4TH;COUNT=9"),
    (Recurrence(MONTHLY, 1, (3,), week=LAST_DAY, count=9), "RRULE:FREQ=MONTHLY;BYDAY=-1TH;COUNT=9"),
]


@pytest.mark.parametrize(("recurrence", "line"), PAIRS, ids=[line for _, line in PAIRS])
def test_a_pattern_is_written_and_read_again(recurrence: Recurrence, line: str) -> None:
    day = date(2026, 9, 24)
    assert dump_rule(recurrence, FIRST) == line
    assert parse_lines([line], FIRST) == (recurrence if recurrence.starts_of(FIRST.moment, BERLIN) else None)
    assert FIRST.naive.date() == day


def test_the_last_day_of_the_month_is_written_as_such() -> None:
    first = First(datetime(2026, 9, 30, 10), BERLIN)
    recurrence = Recurrence(MONTHLY, month_day=LAST_DAY, count=3)
    assert dump_rule(recurrence, first) == "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3"
    assert parse_lines(["RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3"], first) == recurrence


def test_a_series_of_days_ends_on_a_day() -> None:
    recurrence = Recurrence(DAILY, until=date(2026, 10, 2))
    assert dump_rule(recurrence, DAY) == "RRULE:FREQ=DAILY;UNTIL=20261002"
    assert parse_lines(["RRULE:FREQ=DAILY;UNTIL=20261002"], DAY) == recurrence


@pytest.mark.parametrize(
    ("line", "recurrence"),
    [
        ("RRULE:FREQ=WEEKLY;COUNT=4", Recurrence(WEEKLY, weekdays=(3,), count=4)),
        ("RRULE:FREQ=WEEKLY;WKST=SU;COUNT=4;BYDAY=TH,MO", Recurrence(WEEKLY, weekdays=(0, 3), count=4)),
        ("RRULE:FREQ=WEEKLY;WKST=SU;INTERVAL=2;COUNT=4", Recurrence(WEEKLY, 2, (3,), count=4)),
        ("RRULE:FREQ=MONTHLY;COUNT=4", Recurrence(MONTHLY, month_day=24, count=4)),
        ("RRULE:FREQ=MONTHLY;BYDAY=TH;BYSETPOS=-1;COUNT=4", Recurrence(MONTHLY, weekdays=(3,), week=-1, count=4)),
        ("rrule:freq=daily;count=2", Recurrence(DAILY, count=2)),
        ("RRULE:FREQ=DAILY;UNTIL=20261002T075959Z", Recurrence(DAILY, until=date(2026, 10, 1))),
        ("RRULE:FREQ=DAILY;UNTIL=20261002T080000Z", Recurrence(DAILY, until=date(2026, 10, 2))),
        ("RRULE:FREQ=DAILY;UNTIL=20261002T100000", Recurrence(DAILY, until=date(2026, 10, 2))),
        ("RRULE:FREQ=DAILY;UNTIL=20261002", Recurrence(DAILY, until=date(2026, 10, 2))),
    ],
)
def test_what_others_write_is_read_where_it_means_the_same(line: str, recurrence: Recurrence) -> None:
    assert parse_lines([line], FIRST) == recurrence
    assert parse_lines([line, "EXDATE;TZID=Europe/Berlin:20261001T100000"], FIRST) == recurrence


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["RRULE:FREQ=DAILY"],
        ["RRULE:FREQ=YEARLY;COUNT=3"],
        ["RRULE:FREQ=HOURLY;COUNT=3"],
        ["RRULE:FREQ=SECONDLY"],
        ["RRULE:FREQ=DAILY;COUNT=61"],
        ["RRULE:FREQ=DAILY;COUNT=3;UNTIL=20261002"],
        ["RRULE:FREQ=DAILY;COUNT=3;BYHOUR=3"],
        ["RRULE:FREQ=DAILY;INTERVAL=0;COUNT=3"],
        ["RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3"],
        ["RRULE:FREQ=WEEKLY;BYDAY=1TH;COUNT=3"],
        ["RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TH,SU;WKST=SU;COUNT=3"],
        ["RRULE:FREQ=MONTHLY;BYDAY=5TH;COUNT=3"],
        ["RRULE:FREQ=MONTHLY;BYDAY=TH;COUNT=3"],
        ["RRULE:FREQ=MONTHLY;BYDAY=TU,TH;BYSETPOS=1;COUNT=3"],
        ["RRULE:FREQ=MONTHLY;BYMONTHDAY=30;COUNT=3"],
        ["RRULE:FREQ=MONTHLY;BYMONTHDAY=24,25;COUNT=3"],
        ["RRULE:FREQ=DAILY;COUNT=3", "RRULE:FREQ=DAILY;COUNT=4"],
        ["RRULE:FREQ=DAILY;COUNT=3", "RDATE:20261224T090000Z"],
        ["RRULE:FREQ=DAILY;COUNT=3", "EXRULE:FREQ=DAILY;INTERVAL=2"],
        ["RRULE:FREQ=DAILY;UNTIL=20260101"],
        ["RRULE:FREQ=DAILY;UNTIL=never"],
        ["RRULE:FREQ=DAILY;COUNT=many"],
        ["RRULE:DAILY"],
        ["RRULE:"],
    ],
    ids=lambda lines: " ".join(lines) or "nothing",
)
def test_what_cannot_be_scheduled_here_is_no_pattern_of_ours(lines: list[str]) -> None:
    assert parse_lines(lines, FIRST) is None


@given(some.lists(some.text(alphabet="RULE:FQ=DAIYWKM;OUNTB0123456789,XZ-", max_size=40).map("RRULE:".__add__)))
def test_no_line_whatever_breaks_reading(lines: list[str]) -> None:
    found = parse_lines(lines, FIRST)
    assert found is None or len(found.starts_of(FIRST.moment, BERLIN)) <= MOST_OCCURRENCES


def starts(lines: list[str], first: First = FIRST) -> list[datetime]:
    """By another reader of such lines."""
    value = next(line for line in lines if line.startswith("RRULE:")).removeprefix("RRULE:")
    rule = rrule.rrulestr(value, dtstart=first.naive.replace(tzinfo=first.zone))
    return [one.astimezone(UTC) for one in rule]


# ending


@pytest.mark.parametrize(
    "rule",
    ["FREQ=DAILY;COUNT=80", "FREQ=DAILY", "FREQ=DAILY;UNTIL=20261224T090000Z", "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR,SA,SU"],
)
@pytest.mark.parametrize("count", [1, 31, 32, 40])
def test_a_series_ends_before_a_moment_on_either_side_of_a_change_of_daylight_saving(rule: str, count: int) -> None:
    before = (FIRST.naive + timedelta(days=count)).replace(tzinfo=BERLIN).astimezone(UTC)
    extra = "EXDATE;TZID=Europe/Berlin:20261001T100000"
    ended = end_lines([f"RRULE:{rule}", extra], FIRST, before)
    assert ended and ended[1:] == [extra] and "COUNT" not in ended[0]
    assert len(starts(ended)) == count
    assert end_lines(ended, FIRST, before) is None


def test_a_series_that_has_ended_before_is_left_as_it_is() -> None:
    moment = datetime(2026, 12, 1, tzinfo=UTC)
    for rule in ("FREQ=DAILY;COUNT=3", "FREQ=DAILY;UNTIL=20261001T080000Z", "FREQ=DAILY;UNTIL=20261001"):
        assert end_lines([f"RRULE:{rule}"], FIRST, moment) is None
    assert end_lines(["RRULE:FREQ=DAILY;COUNT=300"], FIRST, moment)


def test_a_series_of_days_ends_with_the_day_before() -> None:
    third = datetime(2026, 9, 26, tzinfo=UTC)
    assert end_lines(["RRULE:FREQ=DAILY;COUNT=9"], DAY, third) == ["RRULE:FREQ=DAILY;UNTIL=20260925"]
    assert end_lines(["RRULE:FREQ=DAILY;UNTIL=20260925"], DAY, third) is None


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;COUNT=3",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;BYSECOND=1,2,3",
        "FREQ=DAILY;BYDAY=nonsense",
        "COUNT=3",
        "nonsense",
    ],
)
def test_what_nobody_can_reckon_with_is_not_ended(rule: str) -> None:
    with pytest.raises(Beyond):
        end_lines([f"RRULE:{rule}"], FIRST, datetime(2056, 12, 1, tzinfo=UTC))


def test_nothing_ends_before_it_begins() -> None:
    with pytest.raises(Beyond):
        end_lines(["RRULE:FREQ=DAILY"], FIRST, FIRST.moment)


# moving


def test_a_series_that_moves_to_a_later_hour_keeps_its_last_occurrence() -> None:
    lines = ["RRULE:FREQ=DAILY;UNTIL=20261002T080000Z"]
    late = First(FIRST.naive.replace(hour=22), BERLIN)
    moved = move_lines(lines, FIRST, late)
    assert len(starts(moved, late)) == len(starts(lines)) == 9


def test_a_series_that_moves_to_another_day_moves_in_its_pattern() -> None:
    friday = First(FIRST.naive + timedelta(days=1), BERLIN)
    assert move_lines(["RRULE:FREQ=WEEKLY;BYDAY=TH,SU;COUNT=4"], FIRST, friday) == [
        "RRULE:FREQ=WEEKLY;BYDAY=MO,FR;WKST=MO;COUNT=4"
    ]


def test_a_pattern_beyond_ours_may_move_in_its_day_and_not_out_of_it() -> None:
    lines = ["RRULE:FREQ=YEARLY;UNTIL=20290924T080000Z"]
    late = First(FIRST.naive.replace(hour=22), BERLIN)
    assert move_lines(lines, FIRST, late) == ["RRULE:FREQ=YEARLY;UNTIL=20290924T215959Z"]
    assert move_lines(["RRULE:FREQ=DAILY"], FIRST, late) == ["RRULE:FREQ=DAILY"]
    for other in (First(FIRST.naive + timedelta(days=1), BERLIN), DAY):
        with pytest.raises(Beyond):
            move_lines(lines, FIRST, other)


def test_days_that_are_left_out_move_along() -> None:
    lines = ["EXDATE;TZID=Europe/Berlin:20261001T100000,20261102T100000", "EXDATE:20261101T090000Z", "EXDATE:20261002"]
    later = First(FIRST.naive + timedelta(days=1, hours=2), BERLIN)
    assert shift_lines(lines, FIRST, later) == [
        "EXDATE;TZID=Europe/Berlin:20261002T120000,20261103T120000",
        "EXDATE:20261102T110000Z",
        "EXDATE:20261003",
    ]
    assert shift_lines(lines, FIRST, FIRST) == lines


def test_the_first_occurrence_is_on_the_wall_of_its_zone() -> None:
    assert first_of(datetime(2026, 9, 24, 8, tzinfo=UTC), None, BERLIN) == FIRST
    assert first_of(None, date(2026, 9, 24), BERLIN) == DAY
    assert FIRST.moment == datetime(2026, 9, 24, 8, tzinfo=UTC)
