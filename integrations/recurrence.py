"""A series as it can be scheduled here: every so many days, weeks or months, with an end. Pure.

Occurrences keep the time of day of the series' own zone, over changes of daylight saving in both directions: a time
that such a change leaves out moves on by as much, of a time that it makes happen twice the first is meant.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import islice
from typing import Any, Literal

from dateutil import rrule

MOST_OCCURRENCES = 60
"""Of one series: the most that Zoom takes, and so the most that is scheduled."""
LAST_DAY = -1
"""As `month_day`: the last day of each month, and as `week`: the last such weekday."""
HIGHEST_MONTH_DAY = 28
"""Later days are not in every month, and calendars do not agree on what to do then."""


class Repeats(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class Recurrence:
    """When a series takes place, from its first occurrence on. Weekdays count from Monday, 0.

    Weekly: on `weekdays`. Monthly: on `month_day` (1 to 28, or LAST_DAY), or, where that is 0, on the only one of
    `weekdays` in the `week` of the month (1 to 4, or LAST_DAY). It ends after `count` occurrences, or with the last
    one that begins on or before `until`, in the series' own zone: one of the two is given.
    """

    repeats: Repeats
    every: int = 1
    weekdays: tuple[int, ...] = ()
    month_day: int = 0
    week: int = 0
    count: int = 0
    until: date | None = None

    def starts_of(self, first: datetime, zone: tzinfo, *, most: int = MOST_OCCURRENCES + 1) -> list[datetime]:
        """The starts of its occurrences, in UTC, at most so many; `first` (aware) is the first one's.

        Empty where `first` is not a day of the pattern.
        """
        return list(islice(self._iterate(first.astimezone(zone).replace(tzinfo=None), zone), most))

    def _iterate(self, first: datetime, zone: tzinfo) -> Iterator[datetime]:
        rule = self._rule(first)
        for number, naive in enumerate(rule):
            if number == 0 and naive != first:
                return
            yield to_moment(naive, zone)

    def _rule(self, first: datetime) -> rrule.rrule:
        days = [_WEEKDAYS[day] for day in self.weekdays]
        options: dict[str, Any] = {}
        if self.repeats is Repeats.WEEKLY:
            options["byweekday"] = days
        elif self.repeats is Repeats.MONTHLY and self.month_day:
            options["bymonthday"] = self.month_day
        elif self.repeats is Repeats.MONTHLY:
            options["byweekday"] = [day(self.week) for day in days]
        if self.until is not None:
            options["until"] = datetime.combine(self.until, datetime.max.time())
        else:
            options["count"] = self.count
        # The week of a series begins on Monday, which matters where it takes place every other week.
        return rrule.rrule(_FREQUENCIES[self.repeats], dtstart=first, interval=self.every, wkst=rrule.MO, **options)

    def ended_before(self, moment: datetime, first: datetime, zone: tzinfo) -> "Recurrence | None":
        """The same with its last occurrence before `moment`; None where none is left."""
        left = sum(1 for one in self.starts_of(first, zone) if one < moment)
        return replace(self, count=left, until=None) if left else None

    def from_occurrence(self, moment: datetime, first: datetime, zone: tzinfo) -> "Recurrence | None":
        """What is left of it from the occurrence at `moment` on, that one included; None where nothing is."""
        left = sum(1 for one in self.starts_of(first, zone) if one >= moment)
        return replace(self, count=left, until=None) if left else None

    def moved(self, before: date, after: date) -> "Recurrence":
        """The pattern once an occurrence of `before` takes place on `after`: all others move along."""
        days = (after - before).days
        if not days:
            return self
        until = self.until + timedelta(days=days) if self.until else None
        if self.repeats is Repeats.WEEKLY:
            return replace(self, weekdays=tuple(sorted({(day + days) % 7 for day in self.weekdays})), until=until)
        if self.repeats is Repeats.MONTHLY:
            found = month_pattern(after, by_weekday=not self.month_day)
            return replace(self, weekdays=found.weekdays, month_day=found.month_day, week=found.week, until=until)
        return replace(self, until=until)

    def move(self, first: datetime, before: datetime, after: datetime) -> "tuple[datetime, Recurrence] | None":
        """The series (its first start, its pattern) once its occurrence at `before` takes place at `after`.

        All three on the wall of its zone. Every other day is as far away as before; of a monthly pattern each is where
        `after` is in its month. None where no pattern says that.
        """
        moved, begins = self.moved(before.date(), after.date()), first + (after - before)
        if before.date() == after.date() or self.repeats is Repeats.DAILY:
            return begins, moved
        walls = list(islice(self._rule(first), MOST_OCCURRENCES + 1))
        if self.repeats is Repeats.MONTHLY:
            if before not in walls:
                return None
            moved = replace(moved, count=len(walls), until=None)
            begins = _find_begin(moved, after, walls.index(before))
            wanted = list(islice(moved._rule(begins), len(walls)))
            return (begins, moved) if after in wanted and wanted.index(after) == walls.index(before) else None
        wanted = [one + (after - before) for one in walls]
        return (begins, moved) if list(islice(moved._rule(begins), MOST_OCCURRENCES + 1)) == wanted else None

    def dump(self) -> dict[str, object]:
        """As JSON."""
        return {
            "repeats": self.repeats.value,
            "every": self.every,
            "weekdays": list(self.weekdays),
            "month_day": self.month_day,
            "week": self.week,
            "count": self.count,
            "until": self.until.isoformat() if self.until else None,
        }


def parse_recurrence(value: dict[str, object] | None) -> Recurrence | None:
    """What `dump` made of one; None of nothing.

    Raises:
        KeyError, ValueError, TypeError: it was made by something else.
    """
    if not value:
        return None
    until = value["until"]
    weekdays = value["weekdays"]
    if not isinstance(weekdays, list):
        raise TypeError("weekdays are a list")
    return Recurrence(
        Repeats(str(value["repeats"])),
        int(str(value["every"])),
        tuple(int(one) for one in weekdays),
        int(str(value["month_day"])),
        int(str(value["week"])),
        int(str(value["count"])),
        date.fromisoformat(str(until)) if until else None,
    )


def month_pattern(day: date, *, by_weekday: bool) -> Recurrence:
    """The monthly pattern that a day is the first of: its number, or its weekday in its week of the month."""
    is_last_day = (day + timedelta(days=1)).month != day.month
    if not by_weekday:
        number = day.day if day.day <= HIGHEST_MONTH_DAY and not is_last_day else LAST_DAY
        return Recurrence(Repeats.MONTHLY, month_day=number)
    is_last_week = (day + timedelta(days=7)).month != day.month
    week = LAST_DAY if is_last_week else (day.day - 1) // 7 + 1
    return Recurrence(Repeats.MONTHLY, weekdays=(day.weekday(),), week=week)


def _find_begin(rule: Recurrence, day: datetime, number: int) -> datetime:
    """When a monthly series begins of which this day is so many occurrences after the first."""
    months = day.year * 12 + day.month - 1 - number * rule.every
    month = day.replace(year=months // 12, month=months % 12 + 1, day=1)
    return replace(rule, every=1, count=1)._rule(month)[0]


def to_moment(naive: datetime, zone: tzinfo) -> datetime:
    """A time on the wall of a zone as a moment, in UTC.

    One that daylight saving leaves out moves on by as much as clocks do; of one that happens twice it is the first.
    """
    return naive.replace(tzinfo=zone, fold=0).astimezone(UTC)


class Wall(StrEnum):
    """What a change of daylight saving makes of a time on the wall."""

    ONCE = "once"
    NEVER = "never"
    TWICE = "twice"


def judge_wall(naive: datetime, zone: tzinfo) -> Wall:
    """Whether there is such a time in the zone, on that day."""
    first, second = (naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return Wall.ONCE
    return Wall.TWICE if first.astimezone(zone).replace(tzinfo=None) == naive else Wall.NEVER


_FREQUENCIES: dict[Repeats, Literal[1, 2, 3]] = {
    Repeats.DAILY: rrule.DAILY,
    Repeats.WEEKLY: rrule.WEEKLY,
    Repeats.MONTHLY: rrule.MONTHLY,
}
_WEEKDAYS = (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU)
