"""What a patternedRecurrence means: its occurrences, in the wall-clock time of the series' own zone.

Reference: https://learn.microsoft.com/en-us/graph/api/resources/patternedrecurrence
Reference: https://learn.microsoft.com/en-us/graph/outlook-schedule-recurring-events
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from dateutil.rrule import DAILY, MONTHLY, WEEKLY, YEARLY, rrule, weekday

from sandbox.mailbox.errors import MailboxError, invalid
from sandbox.mailbox.times import parse_day

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INDEX = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
TYPES = ("daily", "weekly", "absoluteMonthly", "relativeMonthly", "absoluteYearly", "relativeYearly")
RANGES = ("endDate", "noEnd", "numbered")
FOREVER = 2**60
# never looked further for the next occurrence than this many of them
MOST = 5_000


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One planned meeting. day: its own in the series' zone, which names it."""

    day: date
    starts: datetime
    ends: datetime


@dataclass(frozen=True)
class Series:
    """A series' rule in naive wall-clock time of `zone`. length is wall-clock too: both ends stay on the clock."""

    rule: rrule
    zone: ZoneInfo
    length: timedelta
    ends_by: datetime | None

    def occurrences(self, after: datetime | None = None, before: datetime | None = None) -> Iterator[Occurrence]:
        """Those that end after `after` and start before `before`, in order; both aware."""
        floor = None
        if after is not None:
            floor = after.astimezone(self.zone).replace(tzinfo=None) - self.length - timedelta(days=1)
        for count, naive in enumerate(self.rule if floor is None else self.rule.xafter(floor, inc=True)):
            one = self._occurrence(naive)
            if count >= MOST or (before is not None and one.starts >= before):
                return
            if after is None or one.ends > after or one.starts == one.ends == after:
                yield one

    def _occurrence(self, naive: datetime) -> Occurrence:
        # by way of UTC: a wall-clock time that a change of the clocks skips moves forward
        starts = naive.replace(tzinfo=self.zone).astimezone(UTC)
        ends = (naive + self.length).replace(tzinfo=self.zone).astimezone(UTC)
        return Occurrence(naive.date(), starts, max(starts, ends))

    def find(self, day: date) -> Occurrence | None:
        """The occurrence planned for that day."""
        found = self.rule.after(datetime.combine(day, time.min), inc=True)
        return self._occurrence(found) if found and found.date() == day else None

    def neighbours(self, day: date) -> tuple[Occurrence | None, Occurrence | None]:
        """The ones before and after that day's."""
        before, after = (
            self.rule.before(datetime.combine(day, time.min)),
            self.rule.after(datetime.combine(day, time.max)),
        )
        return self._occurrence(before) if before else None, self._occurrence(after) if after else None

    def last_end(self) -> datetime | None:
        """No later than this the last one ends; None for a series without end."""
        return None if self.ends_by is None else self.ends_by + self.length + timedelta(days=1)


def clean_recurrence(value: Any, start_day: date, zone_name: str) -> dict[str, Any]:
    """A client's patternedRecurrence → the form Graph answers with. Raises MailboxError."""
    pattern = value.get("pattern") if isinstance(value, dict) else None
    extent = value.get("range") if isinstance(value, dict) else None
    if not isinstance(pattern, dict) or not isinstance(extent, dict):
        raise invalid("recurrence", "Recurrence needs pattern and range.")
    kind, ends = pattern.get("type"), extent.get("type")
    if kind not in TYPES or ends not in RANGES:
        raise invalid("recurrence", f"Recurrence pattern '{kind}' with range '{ends}' is not supported.")
    days = [str(day).lower() for day in pattern.get("daysOfWeek") or ()]
    interval = pattern.get("interval", 1)
    if not isinstance(interval, int) or not 1 <= interval <= 999 or any(day not in DAYS for day in days):
        raise invalid("recurrence/pattern")
    if kind in ("weekly", "relativeMonthly", "relativeYearly") and not days:
        raise invalid("recurrence/pattern/daysOfWeek")
    day_of_month = pattern.get("dayOfMonth") or (start_day.day if kind.startswith("absolute") else 0)
    month = pattern.get("month") or (start_day.month if kind.endswith("Yearly") else 0)
    index = pattern.get("index") or "first"
    first_day = str(pattern.get("firstDayOfWeek") or "sunday").lower()
    if index not in INDEX or not 0 <= day_of_month <= 31 or not 0 <= month <= 12 or first_day not in DAYS:
        raise invalid("recurrence/pattern")
    starts_on = parse_day(extent.get("startDate") or start_day.isoformat(), "recurrence/range/startDate")
    until = "0001-01-01"
    count = 0
    if ends == "endDate":
        until = parse_day(extent.get("endDate"), "recurrence/range/endDate").isoformat()
        if until < starts_on.isoformat():
            raise MailboxError("ErrorCalendarEndDateIsEarlierThanStartDate")
    elif ends == "numbered":
        count = extent.get("numberOfOccurrences") or 0
        if not isinstance(count, int) or not 1 <= count <= 999:
            raise invalid("recurrence/range/numberOfOccurrences")
    named = {"daysOfWeek": days} if days and kind in ("weekly", "relativeMonthly", "relativeYearly") else {}
    return {
        "pattern": {"type": kind, "interval": interval, "month": month, "dayOfMonth": day_of_month, **named,
                    "firstDayOfWeek": first_day, "index": index},
        "range": {"type": ends, "startDate": starts_on.isoformat(), "endDate": until,
                  "recurrenceTimeZone": str(extent.get("recurrenceTimeZone") or zone_name),
                  "numberOfOccurrences": count},
    }  # fmt: skip


def parse_series(recurrence: dict[str, Any], begins: time, zone: ZoneInfo, length: timedelta) -> Series:
    """recurrence: cleaned; begins: wall-clock time of each; zone: of the series. Raises MailboxError."""
    return _parse(orjson.dumps(recurrence), begins, zone, length)


@lru_cache(maxsize=4096)
def _parse(text: bytes, begins: time, zone: ZoneInfo, length: timedelta) -> Series:
    recurrence = orjson.loads(text)
    pattern, extent = recurrence["pattern"], recurrence["range"]
    first = datetime.combine(date.fromisoformat(extent["startDate"]), begins)
    days = [weekday(DAYS.index(day)) for day in pattern.get("daysOfWeek", ())]
    options: dict[str, Any] = {
        "dtstart": first,
        "interval": pattern["interval"],
        "wkst": DAYS.index(pattern["firstDayOfWeek"]),
    }
    kind = pattern["type"]
    if kind == "weekly":
        options["byweekday"] = days
    elif kind.startswith("relative"):
        # the n-th of all days named together: “first weekday” is the first of Monday to Friday
        options |= {"byweekday": days, "bysetpos": INDEX[pattern["index"]]}
    elif kind.startswith("absolute"):
        # in a month that is too short: on its last day
        day = pattern["dayOfMonth"]
        options |= {"bymonthday": tuple(range(min(day, 28), day + 1)), "bysetpos": -1}
    if kind.endswith("Yearly"):
        options["bymonth"] = pattern["month"]
    if extent["type"] == "numbered":
        options["count"] = extent["numberOfOccurrences"]
    elif extent["type"] == "endDate":
        options["until"] = datetime.combine(date.fromisoformat(extent["endDate"]), time(23, 59, 59))
    frequency = {"daily": DAILY, "weekly": WEEKLY}.get(kind, YEARLY if kind.endswith("Yearly") else MONTHLY)
    rule = rrule(frequency, cache=True, **options)
    ends_by = options.get("until")
    if extent["type"] == "numbered":
        *_, ends_by = [first, *rule]
    if next(iter(rule), None) is None:
        raise invalid("recurrence", "The recurrence pattern has no occurrence in its range.")
    return Series(rule, zone, length, ends_by)
