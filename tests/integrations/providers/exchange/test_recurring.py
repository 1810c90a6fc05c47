"""Exchange's Recurrence and ours.

Shapes: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/recurrence-recurrencetype
"""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from integrations.providers.exchange.recurring import (
    dump_recurrence,
    end_recurrence,
    last_day_before,
    move_recurrence,
    parse_recurrence,
)
from integrations.recurrence import LAST_DAY, Recurrence, Repeats
from tests.integrations.providers.exchange.answers import TYPES as T

BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime(2027, 3, 1, 9, tzinfo=BERLIN)
DAY = FIRST.date()


def element(inner: str) -> Any:
    return etree.fromstring(inner.replace("<t:Recurrence>", f'<t:Recurrence xmlns:t="{T}">', 1))


def read(pattern: str, ends: str = "<t:NumberOfOccurrences>4</t:NumberOfOccurrences>", kind: str = "Numbered") -> Any:
    kind = f"{kind}Recurrence"
    extent = f"<t:{kind}><t:StartDate>2027-03-01+01:00</t:StartDate>{ends}</t:{kind}>"
    return element(f"<t:Recurrence>{pattern}{extent}</t:Recurrence>")


def parse(found: Any) -> Recurrence | None:
    return parse_recurrence(found, FIRST, BERLIN)


@pytest.mark.parametrize(
    ("recurrence", "pattern"),
    [
        (Recurrence(Repeats.DAILY, 3, count=5), "<t:DailyRecurrence><t:Interval>3</t:Interval></t:DailyRecurrence>"),
        (
            Recurrence(Repeats.WEEKLY, 2, (0, 3), count=5),
            "<t:WeeklyRecurrence><t:Interval>2</t:Interval><t:DaysOfWeek>Monday Thursday</t:DaysOfWeek>"
            "<t:FirstDayOfWeek>Monday</t:FirstDayOfWeek></t:WeeklyRecurrence>",
        ),
        (
            Recurrence(Repeats.MONTHLY, month_day=LAST_DAY, count=5),
            "<t:AbsoluteMonthlyRecurrence><t:Interval>1</t:Interval><t:DayOfMonth>31</t:DayOfMonth>"
            "</t:AbsoluteMonthlyRecurrence>",
        ),
        (
            Recurrence(Repeats.MONTHLY, weekdays=(1,), week=LAST_DAY, until=date(2027, 9, 1)),
            "<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday</t:DaysOfWeek>"
            "<t:DayOfWeekIndex>Last</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>",
        ),
    ],
)
def test_a_pattern_is_written_as_exchange_has_it_and_read_again(recurrence: Recurrence, pattern: str) -> None:
    written = dump_recurrence(recurrence, DAY)
    assert pattern in written and "<t:StartDate>2027-03-01</t:StartDate>" in written
    assert parse(element(written)) == recurrence


WEEKLY = (
    "<t:WeeklyRecurrence><t:Interval>{0}</t:Interval><t:DaysOfWeek>{1}</t:DaysOfWeek>"
    "<t:FirstDayOfWeek>{2}</t:FirstDayOfWeek></t:WeeklyRecurrence>"
)
MONTHLY = (
    "<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>{0}</t:DaysOfWeek>"
    "<t:DayOfWeekIndex>{1}</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>"
)
DAILY = "<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>"
DAY_31, DAY_30 = (
    f"<t:AbsoluteMonthlyRecurrence><t:Interval>1</t:Interval><t:DayOfMonth>{day}</t:DayOfMonth>"
    "</t:AbsoluteMonthlyRecurrence>"
    for day in (31, 30)
)
YEARLY = (
    "<t:AbsoluteYearlyRecurrence><t:DayOfMonth>1</t:DayOfMonth><t:Month>March</t:Month></t:AbsoluteYearlyRecurrence>"
)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (WEEKLY.format(1, "Monday", "Sunday"), Recurrence(Repeats.WEEKLY, 1, (0,), count=4)),
        (WEEKLY.format(2, "Monday", "Sunday"), Recurrence(Repeats.WEEKLY, 2, (0,), count=4)),
        (MONTHLY.format("Day", "Last"), Recurrence(Repeats.MONTHLY, month_day=LAST_DAY, count=4)),
        (MONTHLY.format("Day", "Second"), Recurrence(Repeats.MONTHLY, month_day=2, count=4)),
    ],
)
def test_what_outlook_writes_in_its_own_way_is_known(pattern: str, expected: Recurrence) -> None:
    assert parse(read(pattern)) == expected


@pytest.mark.parametrize(
    "found",
    [
        read(DAY_30),
        read(YEARLY),
        read(MONTHLY.format("Weekday", "First")),
        read(MONTHLY.format("Monday Tuesday", "First")),
        read(WEEKLY.format(2, "Monday Sunday", "Sunday")),
        read(WEEKLY.format(1, "", "Monday")),
        read(DAILY.replace("1", "0")),
        read(DAILY, "", "NoEnd"),
        read(DAILY, "<t:NumberOfOccurrences>61</t:NumberOfOccurrences>"),
        read(DAILY, "<t:EndDate>soon</t:EndDate>", "EndDate"),
        element("<t:Recurrence/>".replace("<t:Recurrence/>", "<t:Recurrence></t:Recurrence>")),
    ],
)
def test_what_cannot_be_scheduled_here_is_none(found: Any) -> None:
    assert parse(found) is None


def test_an_end_is_a_day_in_the_zone_of_the_series_whatever_zone_is_written_beside_it() -> None:
    found = read(DAILY, "<t:EndDate>2027-03-05Z</t:EndDate>", "EndDate")
    assert parse(found) == Recurrence(Repeats.DAILY, until=date(2027, 3, 5))


def test_a_series_without_an_end_moves_and_keeps_having_none() -> None:
    moved = move_recurrence(read(WEEKLY.format(1, "Monday Friday", "Sunday"), "", "NoEnd"), DAY, date(2027, 3, 2))
    assert moved is not None
    assert "<t:DaysOfWeek>Tuesday Saturday</t:DaysOfWeek>" in moved
    assert "<t:NoEndRecurrence><t:StartDate>2027-03-02</t:StartDate></t:NoEndRecurrence>" in moved


def test_an_end_moves_along_and_a_number_stays() -> None:
    until = move_recurrence(read(DAILY, "<t:EndDate>2027-03-05</t:EndDate>", "EndDate"), DAY, date(2027, 3, 3))
    assert until is not None and "<t:EndDate>2027-03-07</t:EndDate>" in until
    number = move_recurrence(read(DAILY), DAY, date(2027, 3, 3))
    assert number is not None and "<t:NumberOfOccurrences>4</t:NumberOfOccurrences>" in number


def test_a_pattern_that_we_have_no_word_for_stays_where_it_is_or_does_not_move() -> None:
    kept = move_recurrence(read(YEARLY), DAY, DAY)
    assert kept is not None and "<t:Month>March</t:Month>" in etree.tostring(element(kept)).decode().replace("ns0", "t")
    assert move_recurrence(read(YEARLY), DAY, date(2027, 3, 2)) is None


def test_a_series_of_any_pattern_can_be_ended() -> None:
    ended = end_recurrence(read(YEARLY, "", "NoEnd"), DAY, date(2027, 12, 31))
    assert "<t:StartDate>2027-03-01</t:StartDate><t:EndDate>2027-12-31</t:EndDate></t:EndDateRecurrence>" in ended
    assert "NoEndRecurrence" not in ended


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2027, 3, 4, 9, tzinfo=BERLIN), date(2027, 3, 3)),
        (datetime(2027, 3, 4, 9, 1, tzinfo=BERLIN), date(2027, 3, 4)),
        (datetime(2027, 3, 3, 23, 30, tzinfo=UTC), date(2027, 3, 3)),
        # The same hour on the wall, an hour earlier in UTC.
        (datetime(2027, 4, 4, 7, tzinfo=UTC), date(2027, 4, 3)),
    ],
)
def test_the_last_day_before_a_moment_is_that_of_the_zones_wall(moment: datetime, expected: date) -> None:
    assert last_day_before(moment, FIRST, BERLIN) == expected
