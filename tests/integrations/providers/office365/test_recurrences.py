"""Graph's recurrences and ours. Shapes as documented at
https://learn.microsoft.com/en-us/graph/outlook-schedule-recurring-events
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from integrations.errors import Rejected
from integrations.providers.office365.recurrences import (
    dump_recurrence,
    end_recurrence,
    is_same,
    move_recurrence,
    parse_recurrence,
    zone_of,
)
from integrations.recurrence import LAST_DAY, Recurrence, Repeats

BERLIN = ZoneInfo("Europe/Berlin")
WINDOWS = "W. Europe Standard Time"
FIRST = datetime(2027, 3, 2, 9, tzinfo=BERLIN).astimezone(UTC)
"""A Tuesday, before clocks go forward."""


def pattern(kind: str, **fields: Any) -> dict[str, Any]:
    """As Graph answers: with every property, those that mean nothing included."""
    plain = {"interval": 1, "month": 0, "dayOfMonth": 0, "firstDayOfWeek": "sunday", "index": "first"}
    return {"type": kind, **plain, **fields}


def numbered(count: int = 4) -> dict[str, Any]:
    return extent("numbered", numberOfOccurrences=count)


def extent(kind: str, **fields: Any) -> dict[str, Any]:
    plain = {"startDate": "2027-03-02", "endDate": "0001-01-01", "recurrenceTimeZone": WINDOWS}
    return {"type": kind, **plain, "numberOfOccurrences": 0, **fields}


def parse(pattern: dict[str, Any], extent: dict[str, Any], first: datetime = FIRST) -> Recurrence | None:
    return parse_recurrence({"pattern": pattern, "range": extent}, first, BERLIN)


EVERY_DAY = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (pattern("daily", interval=3), Recurrence(Repeats.DAILY, 3, count=4)),
        (pattern("weekly", daysOfWeek=["friday", "tuesday"]), Recurrence(Repeats.WEEKLY, 1, (1, 4), count=4)),
        (pattern("weekly", interval=2, daysOfWeek=["tuesday"]), Recurrence(Repeats.WEEKLY, 2, (1,), count=4)),
        (
            pattern("weekly", interval=2, daysOfWeek=["tuesday", "friday"]),
            Recurrence(Repeats.WEEKLY, 2, (1, 4), count=4),
        ),
        (
            pattern("weekly", interval=2, daysOfWeek=["tuesday", "sunday"], firstDayOfWeek="monday"),
            Recurrence(Repeats.WEEKLY, 2, (1, 6), count=4),
        ),
        (pattern("absoluteMonthly", dayOfMonth=2), Recurrence(Repeats.MONTHLY, month_day=2, count=4)),
        (
            pattern("relativeMonthly", daysOfWeek=["tuesday"], index="first"),
            Recurrence(Repeats.MONTHLY, weekdays=(1,), week=1, count=4),
        ),
    ],
)
def test_a_pattern_that_can_be_scheduled_here_is_read(raw: dict[str, Any], expected: Recurrence) -> None:
    assert parse(raw, numbered()) == expected


def test_the_last_day_of_a_month_is_read_however_outlook_says_it() -> None:
    first = datetime(2027, 3, 31, 9, tzinfo=BERLIN).astimezone(UTC)
    expected = Recurrence(Repeats.MONTHLY, month_day=LAST_DAY, count=4)
    assert parse(pattern("absoluteMonthly", dayOfMonth=31), numbered(), first) == expected
    assert parse(pattern("relativeMonthly", daysOfWeek=EVERY_DAY, index="last"), numbered(), first) == expected


@pytest.mark.parametrize(
    "raw",
    [
        pattern("absoluteYearly", dayOfMonth=2, month=3),
        pattern("relativeYearly", daysOfWeek=["tuesday"], month=3),
        pattern("absoluteMonthly", dayOfMonth=30),
        pattern("relativeMonthly", daysOfWeek=["monday", "tuesday"]),
        # Every other week, weeks that begin on Sunday: not the weeks that ours has.
        pattern("weekly", interval=2, daysOfWeek=["tuesday", "sunday"]),
        pattern("weekly", daysOfWeek=["monday"]),  # not on the day on which it begins
        pattern("daily", interval=0),
        pattern("daily", interval=None),
        pattern("weekly", daysOfWeek=["caturday"]),
        {},
        None,
    ],
)
def test_a_pattern_that_cannot_be_scheduled_here_is_none(raw: Any) -> None:
    assert parse(raw, numbered()) is None
    assert parse(pattern("daily"), numbered()) is not None


def test_only_what_ends_within_what_can_be_scheduled_is_read() -> None:
    assert parse(pattern("daily"), extent("endDate", endDate="2027-03-20")) == Recurrence(
        Repeats.DAILY, until=date(2027, 3, 20)
    )
    assert parse(pattern("daily"), numbered(60)) is not None
    assert parse(pattern("daily"), numbered(61)) is None
    assert parse(pattern("daily"), extent("endDate", endDate="2028-03-20")) is None
    assert parse(pattern("daily"), extent("noEnd")) is None
    assert parse(pattern("daily"), extent("endDate", endDate="soon")) is None


@pytest.mark.parametrize(
    ("recurrence", "expected"),
    [
        (Recurrence(Repeats.DAILY, 2, count=3), {"type": "daily", "interval": 2}),
        (
            Recurrence(Repeats.WEEKLY, weekdays=(3, 1), count=3),
            {
                "type": "weekly",
                "interval": 1,
                "daysOfWeek": ["tuesday", "thursday"],
                "firstDayOfWeek": "monday",
            },
        ),
        (
            Recurrence(Repeats.MONTHLY, month_day=LAST_DAY, count=3),
            {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31},
        ),
        (
            Recurrence(Repeats.MONTHLY, weekdays=(4,), week=LAST_DAY, count=3),
            {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["friday"], "index": "last"},
        ),
    ],
)
def test_a_pattern_is_written_with_what_belongs_to_it_and_nothing_else(
    recurrence: Recurrence, expected: dict[str, Any]
) -> None:
    assert dump_recurrence(recurrence, date(2027, 3, 2), WINDOWS) == {
        "pattern": expected,
        "range": {
            "type": "numbered",
            "numberOfOccurrences": 3,
            "startDate": "2027-03-02",
            "recurrenceTimeZone": WINDOWS,
        },
    }


def test_an_end_is_written_as_a_day_or_as_a_number() -> None:
    until = dump_recurrence(Recurrence(Repeats.DAILY, until=date(2027, 4, 1)), date(2027, 3, 2), WINDOWS)["range"]
    assert (until["type"], until["endDate"]) == ("endDate", "2027-04-01")
    assert "numberOfOccurrences" not in until


@some.composite
def recurrences(draw: some.DrawFn) -> Recurrence:
    days = some.sets(some.integers(0, 6), min_size=1, max_size=3).map(lambda one: tuple(sorted({1, *one})))
    pattern = draw(
        some.sampled_from(Repeats).flatmap(
            lambda repeats: {
                Repeats.DAILY: some.just(Recurrence(Repeats.DAILY)),
                Repeats.WEEKLY: days.map(lambda one: Recurrence(Repeats.WEEKLY, weekdays=one)),
                Repeats.MONTHLY: some.sampled_from(
                    [
                        Recurrence(Repeats.MONTHLY, month_day=2),
                        Recurrence(Repeats.MONTHLY, weekdays=(1,), week=1),
                    ]
                ),
            }[repeats]
        )
    )
    every, count = draw(some.integers(1, 5)), draw(some.integers(0, 20))
    until = None if count else date(2027, 3, 2) + timedelta(days=draw(some.integers(0, 50)))
    return Recurrence(pattern.repeats, every, pattern.weekdays, pattern.month_day, pattern.week, count, until)


@given(recurrences())
def test_what_is_written_is_read_as_the_same(recurrence: Recurrence) -> None:
    raw = dump_recurrence(recurrence, date(2027, 3, 2), WINDOWS)
    assert parse_recurrence(raw, FIRST, BERLIN) == recurrence
    assert is_same(parse_recurrence(raw, FIRST, BERLIN), recurrence)
    assert zone_of(raw) == "Europe/Berlin"


@given(recurrences(), some.integers(1, 21))
def test_a_series_ends_before_whichever_occurrence_and_is_then_not_ended_again(
    recurrence: Recurrence, number: int
) -> None:
    raw = dump_recurrence(recurrence, date(2027, 3, 2), WINDOWS)
    starts = recurrence.starts_of(FIRST, BERLIN)
    before = starts[number] if number < len(starts) else starts[-1] + timedelta(minutes=1)
    ended = end_recurrence(raw, FIRST, BERLIN, before=before)
    assert (ended is None) == (number >= len(starts))
    found = parse_recurrence(ended or raw, FIRST, BERLIN)
    assert found and found.starts_of(FIRST, BERLIN) == starts[:number]
    assert end_recurrence(ended or raw, FIRST, BERLIN, before=before) is None


def test_a_series_of_outlook_s_own_kind_ends_on_a_day_but_not_after_so_many() -> None:
    yearly = {"pattern": pattern("absoluteYearly", dayOfMonth=2, month=3), "range": extent("noEnd")}
    before = FIRST + timedelta(days=800)
    ended = end_recurrence(yearly, FIRST, BERLIN, before=before)
    assert ended == {
        "pattern": {"type": "absoluteYearly", "interval": 1, "dayOfMonth": 2, "month": 3},
        "range": {
            "type": "endDate",
            "startDate": "2027-03-02",
            "endDate": "2029-05-10",
            "recurrenceTimeZone": WINDOWS,
        },
    }
    with pytest.raises(Rejected, match="End it in Outlook"):
        end_recurrence({**yearly, "range": numbered(9)}, FIRST, BERLIN, before=before)


def test_a_series_does_not_end_before_it_begins() -> None:
    raw = {"pattern": pattern("daily"), "range": numbered()}
    with pytest.raises(Rejected, match="Delete it instead"):
        end_recurrence(raw, FIRST, BERLIN, before=FIRST)
    assert end_recurrence(raw, FIRST, BERLIN, before=FIRST + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (pattern("daily", interval=2), {"type": "daily", "interval": 2}),
        (
            pattern("weekly", daysOfWeek=["tuesday", "sunday"]),
            {
                "type": "weekly",
                "interval": 1,
                "daysOfWeek": ["monday", "wednesday"],
                "firstDayOfWeek": "monday",
            },
        ),
        (pattern("absoluteMonthly", dayOfMonth=2), {"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 3}),
        (
            pattern("relativeMonthly", daysOfWeek=["tuesday"]),
            {"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["wednesday"], "index": "first"},
        ),
    ],
)
def test_a_series_that_moves_to_another_day_takes_its_pattern_along(
    raw: dict[str, Any], expected: dict[str, Any]
) -> None:
    days = {"before": date(2027, 3, 2), "after": date(2027, 3, 3), "zone": WINDOWS}
    moved = move_recurrence({"pattern": raw, "range": extent("endDate", endDate="2027-05-31")}, **days)
    assert moved["pattern"] == expected
    assert (moved["range"]["startDate"], moved["range"]["endDate"]) == ("2027-03-03", "2027-06-01")
    endless = move_recurrence({"pattern": raw, "range": extent("noEnd")}, **days)
    assert endless["range"] == {"type": "noEnd", "startDate": "2027-03-03", "recurrenceTimeZone": WINDOWS}


def test_a_series_of_outlook_s_own_kind_moves_on_its_day_but_not_to_another() -> None:
    yearly = {"pattern": pattern("absoluteYearly", dayOfMonth=2, month=3), "range": extent("noEnd")}
    day = date(2027, 3, 2)
    moved = move_recurrence(yearly, before=day, after=day, zone="UTC")
    assert moved["range"]["recurrenceTimeZone"] == "UTC"
    with pytest.raises(Rejected, match="Move it in Outlook"):
        move_recurrence(yearly, before=day, after=day + timedelta(days=1), zone="UTC")


@pytest.mark.parametrize("raw", [{}, {"pattern": {"type": "lunar"}, "range": {"type": "noEnd"}}, {"pattern": 5}])
def test_a_recurrence_of_no_shape_we_know_is_left_alone(raw: dict[str, Any]) -> None:
    day = date(2027, 3, 2)
    with pytest.raises(Rejected):
        move_recurrence(raw, before=day, after=day, zone="UTC")
    with pytest.raises(Rejected):
        end_recurrence(raw, FIRST, BERLIN, before=FIRST + timedelta(days=1))
    assert zone_of(raw) == ""
