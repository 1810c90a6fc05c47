"""Moments as Outlook writes them, and the time zones it names: Windows names, IANA names, and odder ones."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import tz_win, win_tz

from sandbox.mailbox.errors import MailboxError, invalid

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER = "0001-01-01T00:00:00Z"
UTC_ZONE = ZoneInfo("UTC")
# names of zones whose rules travel in the item itself; a name is all that is left of them here
NAMELESS = ("Customized Time Zone", "tzone://Microsoft/Custom")
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:\.\d{1,12})?)?(Z|[+-]\d\d:\d\d)?$")


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo | None:
    """The zone of a Windows name, an IANA name or `tzone://Microsoft/Utc`; None for one nobody knows."""
    if name.lower() in ("utc", "tzone://microsoft/utc", "etc/utc", "etc/gmt"):
        return UTC_ZONE
    known = win_tz.get(name) or _BY_LOWER_CASE.get(name.lower())
    try:
        return ZoneInfo(known or name)
    except (KeyError, ValueError, OSError):
        return None


_BY_LOWER_CASE = {windows.lower(): name for windows, name in win_tz.items()}


def get_zone(name: str, default: ZoneInfo = UTC_ZONE) -> ZoneInfo:
    """default: what a customized zone or no name at all means. Raises MailboxError."""
    if not name or name in NAMELESS:
        return default
    zone = find_zone(name)
    if zone is None:
        raise MailboxError(
            "TimeZoneNotSupportedException",
            f"A valid TimeZone value must be specified. The following TimeZone value is not supported: '{name}'.",
        )
    return zone


def windows_name(name: str) -> str:
    """The Windows name of an IANA zone; names that are none stay as they are."""
    return tz_win.get(name, name)


def parse_moment(value: Any, which: str, default: ZoneInfo = UTC_ZONE) -> datetime:
    """A dateTimeTimeZone → an aware moment in UTC. Raises MailboxError."""
    if not isinstance(value, dict) or not isinstance(value.get("dateTime"), str):
        raise invalid(which, f"The value of property '{which}' needs dateTime and timeZone.")
    match = MOMENT.match(value["dateTime"])
    if not match:
        raise invalid(f"{which}/dateTime")
    zone = get_zone(str(value.get("timeZone") or ""), default)
    try:
        moment = datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}{(match[3] or '').replace('Z', '+00:00')}")
    except ValueError as error:
        raise invalid(f"{which}/dateTime") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def parse_day(text: Any, which: str) -> date:
    """Raises MailboxError."""
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError as error:
        raise invalid(which) from error


def read_moment(value: dict[str, str]) -> datetime:
    """A start or end as the mailbox keeps it: always UTC."""
    return datetime.fromisoformat(value["dateTime"][:19]).replace(tzinfo=UTC)


def dump_moment(moment: datetime, zone_name: str = "UTC", zone: ZoneInfo = UTC_ZONE) -> dict[str, str]:
    """A dateTimeTimeZone, seven digits of a second as Graph has them."""
    return {"dateTime": f"{moment.astimezone(zone):%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": zone_name}


def dump_stamp(moment: datetime) -> str:
    """createdDateTime and lastModifiedDateTime."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}0Z"


def epoch(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(seconds=1)


def from_epoch(seconds: int) -> datetime:
    return EPOCH + timedelta(seconds=seconds)
