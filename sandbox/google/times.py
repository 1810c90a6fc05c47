"""Moments and days as the Calendar API writes them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google.errors import GoogleError, calendar_error

RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)?$")
DAY = re.compile(r"\d{4}-\d\d-\d\d$")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=256)
def find_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def get_zone(name: str, parameter: str = "timeZone") -> ZoneInfo:
    """Raises GoogleError (400) for a name IANA does not know."""
    zone = find_zone(name)
    if zone is None:
        raise calendar_error(400, "invalid", f"Invalid time zone definition: {name}", location=parameter)
    return zone


def parse_moment(text: str, parameter: str) -> datetime:
    """A query parameter; the offset is mandatory. Raises GoogleError (400)."""
    match = RFC3339.match(text)
    if not match or not match[4]:
        raise calendar_error(400, "badRequest", "Bad Request", location=parameter)
    try:
        return datetime.fromisoformat(f"{match[1]}T{match[2]}{match[4].upper().replace('Z', '+00:00')}")
    except ValueError as error:
        raise calendar_error(400, "badRequest", "Bad Request", location=parameter) from error


def epoch(moment: datetime) -> int:
    """Whole seconds since 1970; exact for the years 1 to 9999."""
    return (moment - EPOCH) // timedelta(seconds=1)


def from_epoch(seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def dump_moment(moment: datetime, zone: ZoneInfo) -> str:
    """`2026-11-24T10:00:00+01:00`, UTC as `Z`."""
    try:
        local = moment.astimezone(zone)
    except OverflowError:
        local = moment
    text = local.isoformat(timespec="seconds")
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def dump_stamp(moment: datetime) -> str:
    """`created` and `updated`: UTC with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def is_all_day(value: dict[str, Any]) -> bool:
    return bool(value.get("date"))


def clean_time(value: Any, which: str, zone_name: str, *, needs_zone: bool) -> dict[str, str]:
    """An event's start or end (which), as the API stores it, shown in the calendar's zone. Raises GoogleError (400)."""
    if not isinstance(value, dict) or not (value.get("date") or value.get("dateTime")):
        raise calendar_error(400, "required", f"Missing {which} time.")
    if value.get("date") and value.get("dateTime"):
        raise _invalid_time(which)
    if value.get("date"):
        if not DAY.match(str(value["date"])):
            raise _invalid_time(which)
        try:
            date.fromisoformat(value["date"])
        except ValueError as error:
            raise _invalid_time(which) from error
        return {"date": value["date"]}
    match = RFC3339.match(str(value["dateTime"]))
    if not match:
        raise _invalid_time(which)
    named = value.get("timeZone") or ""
    if named:
        get_zone(named, f"{which}.timeZone")
    if (not match[4] or needs_zone) and not named:
        raise calendar_error(400, "required", f"Missing time zone definition for {which} time.")
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2]}{(match[4] or '').upper().replace('Z', '+00:00')}")
    except ValueError as error:
        raise _invalid_time(which) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=get_zone(named))
    return {"dateTime": dump_moment(moment, get_zone(zone_name)), "timeZone": named or zone_name}


def _invalid_time(which: str) -> GoogleError:
    return calendar_error(400, "invalid", f"Invalid value for: {which} time.", location=which)


def read_time(value: dict[str, Any] | None, zone: ZoneInfo) -> datetime | None:
    """The aware moment of a stored start or end, None if unreadable; days begin at midnight in the calendar's zone."""
    try:
        if not value:
            return None
        if value.get("date"):
            return datetime.fromisoformat(value["date"]).replace(tzinfo=zone)
        moment = datetime.fromisoformat(value["dateTime"])
        return moment if moment.tzinfo else moment.replace(tzinfo=find_zone(value.get("timeZone", "")) or zone)
    except (KeyError, TypeError, ValueError):
        return None


def show_in(value: dict[str, Any], zone: ZoneInfo) -> dict[str, Any]:
    """The same start or end, its offset that of another zone (the `timeZone` parameter)."""
    if not value.get("dateTime"):
        return value
    moment = read_time(value, zone)
    return value | {"dateTime": dump_moment(moment, zone)} if moment else value
