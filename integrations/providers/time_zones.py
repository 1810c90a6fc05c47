"""Time zones as Microsoft names them, and the names that everyone else knows.

Reference: https://github.com/unicode-org/cldr/blob/main/common/supplemental/windowsZones.xml (as tzlocal carries it)
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import tz_win, win_tz

# Names that Windows has given up, and that old events and old machines still send.
_FORMER = {
    "Armenian Standard Time": "Asia/Yerevan",
    "Kamchatka Standard Time": "Asia/Kamchatka",
    "Mexico Standard Time": "America/Mexico_City",
    "Mexico Standard Time 2": "America/Chihuahua",
    "Mid-Atlantic Standard Time": "Etc/GMT+2",
    "tzone://Microsoft/Utc": "Etc/UTC",
}
_UTC = {"Etc/UTC", "Etc/GMT", "UTC", "GMT", "Z"}


@lru_cache(maxsize=1024)
def find_zone_name(name: str) -> str:
    """The IANA name of a zone named in Windows' way ("W. Europe Standard Time") or in IANA's own.

    "" where there is none: "Customized Time Zone", "tzone://Microsoft/Custom", a name of somebody's own.
    """
    found = win_tz.get(name) or _FORMER.get(name) or name
    if found in _UTC:
        return "UTC"
    try:
        ZoneInfo(found)
    except (KeyError, ValueError, OSError):
        return ""
    return found


def find_windows_name(name: str) -> str:
    """The name that Windows has for a zone of an IANA name; where it has none, the name as it is. "" is UTC.

    Microsoft's services take each of their own names, and of IANA's only some.
    """
    return tz_win.get(name or "UTC") or name


@lru_cache(maxsize=1024)
def find_alike_windows_name(name: str) -> str:
    """The same; of a zone that Windows has no name for, that of one whose clocks go alike these years. "" for none."""
    windows = find_windows_name(name)
    if windows in win_tz:
        return windows
    iana = find_zone_name(name)
    if iana == "UTC":
        return "UTC"
    return _find_alike(ZoneInfo(iana)) if iana else ""


def _find_alike(zone: ZoneInfo) -> str:
    first = datetime.now(UTC).replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    moments = [first + timedelta(days=7 * week) for week in range(2 * 53)]
    offsets = [moment.astimezone(zone).utcoffset() for moment in moments]
    for windows, iana in win_tz.items():
        other = ZoneInfo(iana)
        if all(moment.astimezone(other).utcoffset() == offset for moment, offset in zip(moments, offsets, strict=True)):
            return windows
    return ""
