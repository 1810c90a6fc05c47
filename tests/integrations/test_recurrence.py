"""Series against a reckoning of its own: walk day by day on the clock of the zone, and see which day belongs to it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as some

from integrations.recurrence import (
    LAST_DAY,
    Recurrence,
    Repeats,
    Wall,
    judge_wall,
    month_pattern,
    parse_recurrence,
    to_moment,
)

ZONES = [
    ZoneInfo(name)
    for name in (
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "America/Santiago",
        "Africa/Casablanca",
        "Asia/Kolkata",
        "Pacific/Apia",
        "UTC",
    )
]
DAY = timedelta(days=1)
zones = some.sampled_from(ZONES)
clocks = some.times(max_value=time(23, 59)).map(lambda one: one.replace(second=0, microsecond=0))
days = some.one_of(
    some.dates(date(2011, 10, 1), date(2012, 5, 1)),  # when Samoa left out a day
    some.dates(date(2026, 1, 1), date(2028, 3, 1)),
)


def is_in(rule: Recurrence, day: date, first: date) -> bool:
    months = (day.year - first.year) * 12 + day.month - first.month
    if rule.repeats is Repeats.DAILY:
        return (day - first).days % rule.every == 0
    if rule.repeats is Repeats.WEEKLY:
        monday, first_monday = (one - one.weekday() * DAY for one in (day, first))
        return day.weekday() in rule.weekdays and (monday - first_monday).days // 7 % rule.every == 0
    if months % rule.every:
        return False
    is_last = (day + DAY).month != day.month
    if rule.month_day:
        return is_last if rule.month_day == LAST_DAY else day.day == rule.month_day
    if day.weekday() != rule.weekdays[0]:
        return False
    return (day + 7 * DAY).month != day.month if rule.week == LAST_DAY else (day.day - 1) // 7 + 1 == rule.week


def reckon(rule: Recurrence, first: datetime) -> Iterator[datetime]:
    """The walls that its occurrences have."""
    day, made = first.date(), 0
    while (rule.until is None or day <= rule.until) and (not rule.count or made < rule.count):
        if is_in(rule, day, first.date()):
            made += 1
            yield datetime.combine(day, first.time())
        elif day == first.date():
            return
        day += DAY


def wall_of(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


@some.composite
def series(draw: some.DrawFn, *, most: int = 20) -> tuple[Recurrence, datetime, ZoneInfo]:
    """A pattern, its first day's wall, and its zone."""
    day, clock, zone = draw(days), draw(clocks), draw(zones)
    repeats, every = draw(some.sampled_from(Repeats)), draw(some.integers(1, 5))
    rule = Recurrence(repeats, every)
    if repeats is Repeats.WEEKLY:
        others = draw(some.sets(some.integers(0, 6), max_size=4))
        rule = replace(rule, weekdays=tuple(sorted({day.weekday(), *others})))
    elif repeats is Repeats.MONTHLY:
        found = month_pattern(day, by_weekday=draw(some.booleans()))
        if found.month_day == LAST_DAY:
            day = next(one for one in (day + n * DAY for n in range(31)) if (one + DAY).month != one.month)
        rule = replace(rule, weekdays=found.weekdays, month_day=found.month_day, week=found.week)
    if draw(some.booleans()):
        rule = replace(rule, count=draw(some.integers(1, most)))
    else:
        rule = replace(rule, until=day + draw(some.integers(0, 200)) * DAY)
    first = datetime.combine(day, clock)
    assume(judge_wall(first, zone) is not Wall.NEVER)
    return rule, first, zone


@given(series())
@example((Recurrence(Repeats.DAILY, count=3), datetime(2011, 12, 29, 9), ZoneInfo("Pacific/Apia")))
@example((Recurrence(Repeats.WEEKLY, 2, (0, 6), count=6), datetime(2026, 11, 29, 9), ZoneInfo("Europe/Berlin")))
@example((Recurrence(Repeats.DAILY, count=3), datetime(2026, 10, 3, 2, 15), ZoneInfo("Australia/Lord_Howe")))
def test_a_series_takes_place_as_day_by_day_reckoning_says(made: tuple[Recurrence, datetime, ZoneInfo]) -> None:
    rule, first, zone = made
    starts = rule.starts_of(to_moment(first, zone), zone, most=10_000)
    walls = list(reckon(rule, first))

    assert starts == [to_moment(one, zone) for one in walls]
    for moment, wall in zip(starts, walls, strict=True):
        judged = judge_wall(wall, zone)
        assert (wall_of(moment, zone) == wall) == (judged is not Wall.NEVER)
        if judged is Wall.TWICE:
            assert moment.astimezone(zone).fold == 0
    assert starts == sorted(starts)


@given(series(), some.integers(0, 30))
def test_ended_before_and_from_occurrence_part_a_series(
    made: tuple[Recurrence, datetime, ZoneInfo], number: int
) -> None:
    rule, wall, zone = made
    first = to_moment(wall, zone)
    starts = rule.starts_of(first, zone)
    assume(len(starts) <= 60)
    at = starts[min(number, len(starts) - 1)]

    before, after = rule.ended_before(at, first, zone), rule.from_occurrence(at, first, zone)

    assert after is not None
    kept = before.starts_of(first, zone) if before else []
    assert kept + after.starts_of(at, zone) == starts
    assert rule.ended_before(first, first, zone) is None
    assert rule.from_occurrence(starts[-1] + timedelta(seconds=1), first, zone) is None
    assert rule.ended_before(starts[-1] + timedelta(seconds=1), first, zone) == replace(
        rule, count=len(starts), until=None
    )


@given(series(), some.integers(0, 30), some.integers(-10, 10), clocks)
def test_a_series_that_moves_keeps_its_count_and_its_distances(
    made: tuple[Recurrence, datetime, ZoneInfo], number: int, shift: int, clock: time
) -> None:
    rule, first, _ = made
    walls = list(reckon(rule, first))
    assume(len(walls) <= 60)
    before = walls[min(number, len(walls) - 1)]
    after = datetime.combine(before.date() + shift * DAY, clock)

    found = rule.move(first, before, after)

    if found is None:
        # Only where no pattern says it.
        assert rule.repeats is not Repeats.DAILY
        assert not (rule.repeats is Repeats.WEEKLY and (rule.every == 1 or len(rule.weekdays) == 1))
        assert shift
        return
    begins, moved = found
    walls_after = list(reckon(moved, begins))
    assert len(walls_after) == len(walls)
    assert after in walls_after
    assert {one.time() for one in walls_after} == {clock}
    if rule.repeats is not Repeats.MONTHLY or not shift:
        assert walls_after == [one + (after - before) for one in walls]
    else:
        assert (moved.every, moved.repeats) == (rule.every, rule.repeats)
        assert walls_after.index(after) == walls.index(before)


@pytest.mark.parametrize(
    ("rule", "first", "before", "after"),
    [
        # Wednesday and Friday of every other week: Saturday and Monday would be of two weeks, which alternate.
        (Recurrence(Repeats.WEEKLY, 2, (2, 4), count=4), date(2026, 11, 25), date(2026, 11, 25), date(2026, 11, 28)),
        # The 29th is not in every month, and the last day was not what was asked for.
        (Recurrence(Repeats.MONTHLY, month_day=28, count=4), date(2027, 1, 28), date(2027, 1, 28), date(2027, 1, 29)),
    ],
)
def test_what_no_pattern_says_is_not_moved(rule: Recurrence, first: date, before: date, after: date) -> None:
    assert rule.move(*(datetime.combine(one, time(9)) for one in (first, before, after))) is None


@given(series())
def test_what_is_dumped_is_parsed_back(made: tuple[Recurrence, datetime, ZoneInfo]) -> None:
    assert parse_recurrence(made[0].dump()) == made[0]
    assert parse_recurrence(None) is parse_recurrence({}) is None


@pytest.mark.parametrize("change", [{"repeats": "hourly"}, {"weekdays": "01"}, {"until": "tomorrow"}, {"every": "x"}])
def test_what_something_else_wrote_is_refused(change: dict[str, object]) -> None:
    dumped = Recurrence(Repeats.DAILY, count=2).dump()
    assert parse_recurrence(dumped) is not None
    with pytest.raises((KeyError, ValueError, TypeError)):
        parse_recurrence(dumped | change)
    with pytest.raises(KeyError):
        parse_recurrence({name: value for name, value in dumped.items() if name not in change})


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("year", [2011, 2026])
def test_a_time_on_the_wall_is_there_once_never_or_twice_as_the_clock_shows_it(zone: ZoneInfo, year: int) -> None:
    """Every minute around each change of the year, counted by walking along real time."""
    begins = datetime(year, 1, 1, tzinfo=UTC)
    changes = [
        at
        for at in (begins + n * timedelta(minutes=30) for n in range(366 * 48 + 1))
        if at.astimezone(zone).utcoffset() != (at - timedelta(minutes=30)).astimezone(zone).utcoffset()
    ]
    judged = set()
    for change in [*changes, begins]:
        reach = timedelta(hours=30)
        shown: dict[datetime, int] = {}
        at = change - reach
        while at <= change + reach:
            wall = wall_of(at, zone)
            shown[wall] = shown.get(wall, 0) + 1
            at += timedelta(minutes=1)
        wall = min(shown) + timedelta(hours=2)
        while wall < max(shown) - timedelta(hours=2):
            verdict = judge_wall(wall, zone)
            judged.add(verdict)
            assert verdict is {0: Wall.NEVER, 1: Wall.ONCE, 2: Wall.TWICE}[shown.get(wall, 0)], (wall, zone)
            wall += timedelta(minutes=1)
    assert judged >= ({Wall.ONCE, Wall.NEVER} if changes else {Wall.ONCE})


@given(some.dates(date(2020, 1, 1), date(2040, 1, 1)), some.booleans())
def test_the_pattern_of_a_month_is_that_of_its_day(day: date, by_weekday: bool) -> None:
    found = replace(month_pattern(day, by_weekday=by_weekday), count=1)
    is_last = (day + DAY).month != day.month

    if by_weekday or is_last or day.day <= 28:
        assert found.starts_of(datetime.combine(day, time(9), UTC), UTC)
        assert is_in(found, day, day)
    else:
        assert found.month_day == LAST_DAY
    assert bool(found.weekdays) == by_weekday
