"""What Zoom's recurrence means: the starts of a series, in the wall-clock time of its own zone. Sunday is day 1.

Reference: https://developers.zoom.us/docs/api/references/recurrence-object-definitions/
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from dateutil import rrule

MOST = 60
INTERVALS = {1: 90, 2: 12, 3: 3}
_DAYS = (rrule.SU, rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA)
_FREQUENCIES = {1: rrule.DAILY, 2: rrule.WEEKLY, 3: rrule.MONTHLY}


def find_faults(recurrence: Any) -> dict[str, str]:
    """field → what is wrong with it."""
    if not isinstance(recurrence, dict) or recurrence.get("type") not in _FREQUENCIES:
        return {"recurrence.type": "Invalid field."}
    found: dict[str, str] = {}
    kind = recurrence["type"]
    checks: list[tuple[str, Any]] = [("repeat_interval", range(1, INTERVALS[kind] + 1)), ("end_times", range(MOST + 1))]
    if kind == 3:
        checks += [("monthly_day", range(1, 32)), ("monthly_week", (-1, 1, 2, 3, 4)), ("monthly_week_day", range(1, 8))]
    for name, allowed in checks:
        if name in recurrence and recurrence[name] not in allowed:
            found[f"recurrence.{name}"] = "Invalid field."
    days = str(recurrence.get("weekly_days", "1")).split(",")
    if kind == 2 and not all(day.strip() in "1234567" and day.strip() for day in days):
        found["recurrence.weekly_days"] = "Invalid field."
    if kind == 3 and ("monthly_week" in recurrence) != ("monthly_week_day" in recurrence):
        found["recurrence.monthly_week_day"] = "Invalid field."
    if "end_times" in recurrence and "end_date_time" in recurrence:
        found["recurrence.end_date_time"] = "It cannot be used with end_times."
    return found


def list_starts(recurrence: dict[str, Any], first: datetime, zone: ZoneInfo) -> list[datetime]:
    """In UTC, at most MOST. The series begins with the first day of its pattern, which may be later than `first`."""
    options: dict[str, Any] = {}
    if recurrence["type"] == 2:
        options["byweekday"] = [_DAYS[int(day) - 1] for day in str(recurrence.get("weekly_days", "1")).split(",")]
    elif recurrence["type"] == 3 and "monthly_week" in recurrence:
        options["byweekday"] = _DAYS[recurrence["monthly_week_day"] - 1](recurrence["monthly_week"])
    elif recurrence["type"] == 3:
        options["bymonthday"] = recurrence.get("monthly_day", 1)
    if recurrence.get("end_date_time"):
        until = datetime.fromisoformat(recurrence["end_date_time"])
        options["until"] = until.astimezone(zone).replace(tzinfo=None)
    else:
        options["count"] = recurrence.get("end_times") or MOST
    wall = first.astimezone(zone).replace(tzinfo=None)
    rule = rrule.rrule(
        _FREQUENCIES[recurrence["type"]], dtstart=wall, interval=recurrence.get("repeat_interval", 1), wkst=rrule.SU,
        **options,
    )  # fmt: skip
    return [naive.replace(tzinfo=zone).astimezone(UTC) for naive in islice(rule, MOST)]
