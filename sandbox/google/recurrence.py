"""What a recurring event means: its occurrences, in the wall-clock time of its own zone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rruleset, rrulestr

from sandbox.google.errors import calendar_error
from sandbox.google.times import dump_moment, epoch, find_zone, read_time

FOREVER = 2**60
# an endless series is laid out this far ahead of the moment of asking, at most this often
HORIZON = timedelta(days=730)
MOST = 3_000
LINE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)((?:;[^:]*)?):(.+)$", re.IGNORECASE)
UNTIL = re.compile(r"UNTIL=([0-9TZtz]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One planned meeting of a series. key is what follows `<series id>_` in its id."""

    key: str
    starts: datetime
    ends: datetime


@dataclass(frozen=True)
class Series:
    """A parsed recurrence. Rules run in naive wall-clock time of `zone`; `length` is the first instance's."""

    first: datetime
    zone: ZoneInfo
    length: timedelta
    all_day: bool
    rules: rruleset
    last: datetime | None

    def occurrences(self, after: datetime | None, before: datetime) -> Iterator[Occurrence]:
        """Those that end after `after` and start before `before`, in order."""
        floor = None
        if after is not None:
            floor = after.astimezone(self.zone).replace(tzinfo=None) - self.length - timedelta(days=1)
        for count, naive in enumerate(self.rules if floor is None else self.rules.xafter(floor, inc=True)):
            occurrence = self.occurrence(naive)
            if occurrence.starts >= before or count >= MOST:
                return
            if after is None or occurrence.ends > after:
                yield occurrence

    def occurrence(self, naive: datetime) -> Occurrence:
        # by way of UTC: a wall-clock time that a DST change skips moves forward, and lengths are real ones
        starts = naive.replace(tzinfo=self.zone).astimezone(UTC)
        if self.all_day:
            ends = (naive + self.length).replace(tzinfo=self.zone).astimezone(UTC)
            return Occurrence(f"{naive:%Y%m%d}", starts, ends)
        return Occurrence(f"{starts:%Y%m%dT%H%M%SZ}", starts, starts + self.length)

    def find(self, key: str) -> Occurrence | None:
        """The occurrence with this key, if the series has it."""
        try:
            if self.all_day:
                naive = datetime.strptime(key, "%Y%m%d")  # noqa: DTZ007 - rules run in naive wall-clock time
            else:
                moment = datetime.strptime(key, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                naive = moment.astimezone(self.zone).replace(tzinfo=None)
        except ValueError:
            return None
        for candidate in self.rules.xafter(naive - timedelta(hours=3), count=12, inc=True):
            occurrence = self.occurrence(candidate)
            if occurrence.key == key:
                return occurrence
        return None


def parse_series(event: dict[str, Any], zone: ZoneInfo) -> Series:
    """The series of a stored event; zone is the calendar's. Raises GoogleError (400) for a rule that cannot be read."""
    start, end = event["start"], event["end"]
    own = find_zone(start.get("timeZone", "")) or zone
    first, stop = read_time(start, zone), read_time(end, zone)
    if first is None or stop is None:
        raise _refusal()
    all_day = bool(start.get("date"))
    if all_day:
        own = zone
        length = date.fromisoformat(end["date"]) - date.fromisoformat(start["date"])
    else:
        length = stop - first
    return _parse(tuple(event["recurrence"]), first.astimezone(own).replace(tzinfo=None), own, length, all_day)


def _refusal(message: str = "Invalid recurrence rule.") -> Exception:
    return calendar_error(400, "invalid", message, location="recurrence")


@lru_cache(maxsize=4096)
def _parse(lines: tuple[str, ...], first: datetime, zone: ZoneInfo, length: timedelta, all_day: bool) -> Series:
    rules = rruleset(cache=True)
    last: datetime | None = first
    for line in lines:
        match = LINE.match(line.strip())
        if not match:
            raise _refusal()
        name, parameters, value = match[1].upper(), match[2].upper(), match[3]
        try:
            if name in ("RRULE", "EXRULE"):
                rule = _parse_rule(value, first, zone)
                if name == "RRULE":
                    rules.rrule(rule)
                    last = _later(last, _last_of(rule, value))
                else:
                    rules.exrule(rule)
            else:
                for day in value.split(","):
                    naive = _parse_date(day, parameters, match[2], zone, first)
                    if name == "RDATE":
                        rules.rdate(naive)
                        last = _later(last, naive)
                    else:
                        rules.exdate(naive)
        except (ValueError, TypeError) as error:
            raise _refusal() from error
    if not any(line.upper().startswith("RRULE") for line in lines):
        rules.rdate(first)
    return Series(first, zone, length, all_day, rules, last)


def _parse_rule(value: str, first: datetime, zone: ZoneInfo) -> rrule:
    def localize(match: re.Match[str]) -> str:
        text = match[1].upper()
        if text.endswith("Z"):
            moment = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            return f"UNTIL={moment.astimezone(zone):%Y%m%dT%H%M%S}"
        # a bare day includes that whole day
        return f"UNTIL={text}" if "T" in text else f"UNTIL={text}T235959"

    return rrulestr(UNTIL.sub(localize, value), dtstart=first)  # type: ignore[return-value]


def _last_of(rule: rrule, value: str) -> datetime | None:
    """The last wall-clock start, None for a series without end."""
    if "COUNT=" in value.upper():
        *_, final = [None, *rule]
        return final or datetime.min  # noqa: DTZ901 - naive wall-clock time
    return rule._until


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)


def _parse_date(day: str, parameters: str, raw: str, zone: ZoneInfo, first: datetime) -> datetime:
    text = day.strip().upper()
    if "T" not in text:
        return datetime.combine(datetime.strptime(text, "%Y%m%d").date(), first.time())  # noqa: DTZ007
    if text.endswith("Z"):
        moment = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return moment.astimezone(zone).replace(tzinfo=None)
    naive = datetime.strptime(text, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a zone may follow from TZID
    named = re.search(r"TZID=([^;:]+)", raw, re.IGNORECASE) if "TZID=" in parameters else None
    other = find_zone(named[1]) if named else None
    return naive.replace(tzinfo=other).astimezone(zone).replace(tzinfo=None) if other else naive


def span(event: dict[str, Any], zone: ZoneInfo) -> tuple[int, int]:
    """Seconds since 1970 of an event's start and end; of a series: of the first start and the last possible end."""
    starts, ends = read_time(event.get("start"), zone), read_time(event.get("end"), zone)
    if starts is None:
        return 0, FOREVER
    first = epoch(starts)
    if not event.get("recurrence"):
        return first, epoch(ends) if ends else first
    series = parse_series(event, zone)
    if series.last is None:
        return first, FOREVER
    return first, epoch(series.last.replace(tzinfo=series.zone).astimezone(UTC)) + int(
        series.length.total_seconds()
    ) + 86_400


def build_instance(master: dict[str, Any], occurrence: Occurrence, zone: ZoneInfo, *, link: str) -> dict[str, Any]:
    """The event that one occurrence is, as long as nobody changed it."""
    doc = {name: value for name, value in master.items() if name != "recurrence"}
    doc["id"] = f"{master['id']}_{occurrence.key}"
    doc["htmlLink"] = link
    doc["recurringEventId"] = master["id"]
    if master["start"].get("date"):
        day = datetime.strptime(occurrence.key, "%Y%m%d").date()  # noqa: DTZ007
        length = date.fromisoformat(master["end"]["date"]) - date.fromisoformat(master["start"]["date"])
        doc["start"] = {"date": day.isoformat()}
        doc["end"] = {"date": (day + length).isoformat()}
    else:
        named = master["start"].get("timeZone", str(zone))
        doc["start"] = {"dateTime": dump_moment(occurrence.starts, zone), "timeZone": named}
        doc["end"] = {
            "dateTime": dump_moment(occurrence.ends, zone), "timeZone": master["end"].get("timeZone", named),
        }  # fmt: skip
    doc["originalStartTime"] = dict(doc["start"])
    return doc
