"""Graph's patternedRecurrence and our Recurrence, both ways: pure.

A series that was made in Outlook may repeat in ways that ours knows nothing of. Where one is moved or ended, as much of
its pattern as possible stays as it stands there.

Reference: https://learn.microsoft.com/en-us/graph/api/resources/patternedrecurrence
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.errors import Rejected
from integrations.providers.time_zones import find_zone_name
from integrations.recurrence import (
    HIGHEST_MONTH_DAY,
    LAST_DAY,
    MOST_OCCURRENCES,
    Recurrence,
    Repeats,
    to_moment,
)

Json = dict[str, Any]

CANNOT_MOVE = (
    "This series repeats in a way that Portico cannot move to another day. Move it in Outlook, or change only its time."
)
CANNOT_END = "This series repeats in a way that Portico cannot end. End it in Outlook."
NOTHING_LEFT = "Nothing would be left of this series. Delete it instead."

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SUNDAY = 6
_INDEXES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": LAST_DAY}
_INDEX_NAMES = {number: name for name, number in _INDEXES.items()}
_END_OF_MONTH = 31
"""In Outlook a month that has no such day takes its last."""
# Graph answers with every property there is, and takes no more than belong to the type.
_PATTERNS = {
    "daily": ("type", "interval"),
    "weekly": ("type", "interval", "daysOfWeek", "firstDayOfWeek"),
    "absoluteMonthly": ("type", "interval", "dayOfMonth"),
    "relativeMonthly": ("type", "interval", "daysOfWeek", "index"),
    "absoluteYearly": ("type", "interval", "dayOfMonth", "month"),
    "relativeYearly": ("type", "interval", "daysOfWeek", "index", "month"),
}
_RANGES = {
    "endDate": ("type", "startDate", "endDate", "recurrenceTimeZone"),
    "noEnd": ("type", "startDate", "recurrenceTimeZone"),
    "numbered": ("type", "startDate", "numberOfOccurrences", "recurrenceTimeZone"),
}
_MOST = 1_000
"""Of occurrences that are counted: Outlook makes 999 where it is given a number."""
_ODD = (KeyError, ValueError, TypeError, AttributeError)


def zone_of(raw: Mapping[str, Any]) -> str:
    """The IANA name of the zone in whose wall time a series goes on; "" where Graph's is none that we know."""
    extent = raw.get("range")
    name = extent.get("recurrenceTimeZone") if isinstance(extent, dict) else None
    return find_zone_name(name) if isinstance(name, str) else ""


def parse_recurrence(raw: Mapping[str, Any], first: datetime, zone: ZoneInfo) -> Recurrence | None:
    """None where it is none that can be scheduled here. `first` and `zone` as `first_of` answers."""
    try:
        pattern, extent = _parse_pattern(raw["pattern"]), raw["range"]
        if pattern is None:
            return None
        if extent["type"] == "numbered":
            found = replace(pattern, count=int(extent["numberOfOccurrences"]))
        elif extent["type"] == "endDate":
            found = replace(pattern, until=date.fromisoformat(extent["endDate"]))
        else:
            return None
    except _ODD:
        return None
    starts = found.starts_of(first, zone)
    return found if 0 < len(starts) <= MOST_OCCURRENCES else None


def _parse_pattern(pattern: Mapping[str, Any]) -> Recurrence | None:
    """Without its end. Raises KeyError, ValueError, TypeError or AttributeError where it is odd."""
    kind, every = pattern["type"], int(pattern["interval"])
    days = tuple(sorted(_DAYS.index(one) for one in pattern.get("daysOfWeek") or ()))
    if every < 1:
        return None
    if kind == "daily":
        return Recurrence(Repeats.DAILY, every)
    if kind == "weekly":
        # Every other week, it matters on which day weeks begin: to us on Monday.
        begins = pattern.get("firstDayOfWeek")
        is_alike = begins == "monday" or (begins in ("sunday", None) and _SUNDAY not in days)
        return Recurrence(Repeats.WEEKLY, every, days) if every == 1 or len(days) == 1 or is_alike else None
    if kind == "absoluteMonthly":
        day = int(pattern["dayOfMonth"])
        if day == _END_OF_MONTH:
            return Recurrence(Repeats.MONTHLY, every, month_day=LAST_DAY)
        return Recurrence(Repeats.MONTHLY, every, month_day=day) if 1 <= day <= HIGHEST_MONTH_DAY else None
    if kind == "relativeMonthly":
        week = _INDEXES[pattern.get("index") or "first"]
        if len(days) == len(_DAYS):
            # As Outlook writes "the last day".
            return Recurrence(Repeats.MONTHLY, every, month_day=week)
        return Recurrence(Repeats.MONTHLY, every, days, week=week) if len(days) == 1 else None
    return None


def dump_recurrence(recurrence: Recurrence, first: date, zone: str) -> Json:
    """`first`: the day of the first occurrence. `zone`: Microsoft's name for the one that it goes on in."""
    ends: Json = {"type": "numbered", "numberOfOccurrences": recurrence.count}
    if recurrence.until is not None:
        ends = {"type": "endDate", "endDate": recurrence.until.isoformat()}
    return {
        "pattern": _dump_pattern(recurrence),
        "range": {**ends, "startDate": first.isoformat(), "recurrenceTimeZone": zone},
    }


def _dump_pattern(recurrence: Recurrence) -> Json:
    days = {"daysOfWeek": [_DAYS[day] for day in sorted(recurrence.weekdays)]}
    every = {"interval": recurrence.every}
    if recurrence.repeats is Repeats.DAILY:
        return {"type": "daily", **every}
    if recurrence.repeats is Repeats.WEEKLY:
        return {"type": "weekly", **every, **days, "firstDayOfWeek": "monday"}
    if recurrence.month_day:
        day = _END_OF_MONTH if recurrence.month_day == LAST_DAY else recurrence.month_day
        return {"type": "absoluteMonthly", **every, "dayOfMonth": day}
    return {"type": "relativeMonthly", **every, **days, "index": _INDEX_NAMES[recurrence.week]}


def is_same(one: Recurrence | None, other: Recurrence | None) -> bool:
    """Whether they mean the same, however they say it."""
    if one is None or other is None:
        return one is other
    return (_dump_pattern(one), one.count, one.until) == (_dump_pattern(other), other.count, other.until)


def move_recurrence(raw: Mapping[str, Any], *, before: date, after: date, zone: str) -> Json:
    """The same series once its first occurrence of `before` takes place on `after`. `zone` as in `dump_recurrence`.

    Raises:
        Rejected: we do not know what other days it would have.
    """
    pattern, extent = _keep_known(raw)
    days = after - before
    if days and pattern["type"] != "daily":
        try:
            parsed = _parse_pattern(pattern)
        except _ODD:
            parsed = None
        if parsed is None:
            raise Rejected(CANNOT_MOVE, detail="a pattern of Outlook's own")
        pattern = _dump_pattern(parsed.moved(before, after))
    extent |= {"startDate": after.isoformat(), "recurrenceTimeZone": zone}
    if extent["type"] == "endDate":
        extent["endDate"] = (date.fromisoformat(extent["endDate"]) + days).isoformat()
    return {"pattern": pattern, "range": extent}


def end_recurrence(raw: Mapping[str, Any], first: datetime, zone: ZoneInfo, *, before: datetime) -> Json | None:
    """The same series with its last occurrence before a moment; None where it ends there anyway.

    `first` and `zone` as `first_of` answers.

    Raises:
        Rejected: none would be left; or it ends after so many, and we do not know when that is.
    """
    pattern, extent = _keep_known(raw)
    if before <= first:
        raise Rejected(NOTHING_LEFT, detail="a series that would end before it begins")
    clock = first.astimezone(zone).time()
    last = before.astimezone(zone).date()
    if to_moment(datetime.combine(last, clock), zone) >= before:
        last -= timedelta(days=1)
    if extent["type"] == "endDate" and date.fromisoformat(extent["endDate"]) <= last:
        return None
    if extent["type"] != "noEnd":
        last_start = _find_last(pattern, extent, first, zone)
        if last_start is None and extent["type"] == "numbered":
            raise Rejected(CANNOT_END, detail="a pattern of Outlook's own, numbered")
        if last_start is not None and last_start < before:
            return None
        extent.pop("numberOfOccurrences", None)
    extent |= {"type": "endDate", "endDate": last.isoformat()}
    return {"pattern": pattern, "range": extent}


def _find_last(pattern: Json, extent: Json, first: datetime, zone: ZoneInfo) -> datetime | None:
    """The start of the last occurrence; None where we do not know when it is."""
    try:
        parsed = _parse_pattern(pattern)
        if parsed is None:
            return None
        if extent["type"] == "numbered":
            parsed = replace(parsed, count=int(extent["numberOfOccurrences"]))
        else:
            parsed = replace(parsed, until=date.fromisoformat(extent["endDate"]))
        starts = parsed.starts_of(first, zone, most=_MOST)
    except _ODD:
        return None
    return starts[-1] if 0 < len(starts) < _MOST else None


def _keep_known(raw: Mapping[str, Any]) -> tuple[Json, Json]:
    """Pattern and range with what belongs to their types.

    Raises:
        Rejected: they are of another shape than documented.
    """
    try:
        pattern, extent = raw["pattern"], raw["range"]
        kept = {name: pattern[name] for name in _PATTERNS[pattern["type"]] if pattern.get(name) is not None}
        lasts = {name: extent[name] for name in _RANGES[extent["type"]] if extent.get(name) is not None}
        if extent["type"] == "endDate":
            date.fromisoformat(extent["endDate"])
    except _ODD:
        raise Rejected(CANNOT_MOVE, detail="a recurrence of another shape") from None
    return kept, lasts


def first_of(starts: datetime | None, starts_on: date | None, zone: str) -> tuple[datetime, ZoneInfo] | None:
    """When a series begins, and the zone in whose wall time it goes on (`zone`: its IANA name); days go on in UTC."""
    if starts_on is not None:
        return datetime.combine(starts_on, time.min, UTC), ZoneInfo("UTC")
    return (starts, ZoneInfo(zone or "UTC")) if starts is not None else None
