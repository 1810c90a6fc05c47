"""When a meeting is, in words, for one reader: their zone, their today."""

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Protocol

from django.utils.formats import date_format

DAY = timedelta(days=1)
LONGEST_SHOWN_AS_TIMES = timedelta(hours=18)
"""A night shift is "22:00 – 06:00"; what is longer is said with its days."""


class Spanned(Protocol):
    """The part of a meeting that says when it is."""

    starts: datetime | None
    ends: datetime | None
    starts_on: date | None
    ends_on: date | None
    timezone: str


@dataclass(frozen=True, slots=True)
class Clock:
    """The reader's: `now` is aware; days are those of `zone`. `second`: the name of a zone to be said, too, or ""."""

    now: datetime
    zone: tzinfo
    second: str = ""

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)

    def midnight(self, day: date) -> datetime:
        """The moment a day begins, in UTC: where clocks were turned, the first moment there is."""
        return datetime.combine(day, time.min, self.zone).astimezone(UTC)


def first_day(meeting: Spanned, clock: Clock) -> date:
    """The reader's day on which it begins."""
    if meeting.starts_on is not None:
        return meeting.starts_on
    assert meeting.starts is not None
    return clock.local(meeting.starts).date()


def last_day(meeting: Spanned, clock: Clock) -> date:
    """The last day it touches: an end at midnight does not touch the day that begins there."""
    if meeting.starts_on is not None:
        assert meeting.ends_on is not None
        return max(meeting.starts_on, meeting.ends_on - DAY)
    assert meeting.starts is not None and meeting.ends is not None
    if meeting.ends == meeting.starts:
        return clock.local(meeting.ends).date()
    return clock.local(meeting.ends - timedelta(microseconds=1)).date()


def is_running(meeting: Spanned, clock: Clock) -> bool:
    """Begun and not over, by the clock; an all-day event is never "now"."""
    if meeting.starts_on is not None or meeting.starts is None or meeting.ends is None:
        return False
    return meeting.starts <= clock.now < meeting.ends


def is_over(meeting: Spanned, clock: Clock) -> bool:
    if meeting.ends_on is not None:
        return meeting.ends_on <= clock.today
    return meeting.ends is not None and meeting.ends <= clock.now


def say_time(meeting: Spanned, clock: Clock, *, day: date) -> tuple[str, str]:
    """(time, addition) for a row that stands under `day`: ("09:00 – 10:00", ""), ("All day", "Mon 23 – Wed 25 Nov")."""
    first, last = first_day(meeting, clock), last_day(meeting, clock)
    if meeting.starts_on is not None:
        return "All day", "" if first == last else say_days(first, last)
    assert meeting.starts is not None and meeting.ends is not None
    starts, ends = clock.local(meeting.starts), clock.local(meeting.ends)
    if first == last or (day == first and meeting.ends - meeting.starts <= LONGEST_SHOWN_AS_TIMES):
        return _say_times(starts, ends), "" if first == last else f"until {_say_day(last, near=day)}"
    until = f"until {_say_day(ends.date(), near=day)}, {_clock_time(ends)}"
    if day == first:
        return _clock_time(starts), until
    return (f"until {_clock_time(ends)}", say_days(first, last)) if day == last else ("All day", until)


def say_whole(meeting: Spanned, clock: Clock) -> str:
    """ "Monday 23 November 2026, 09:00 – 10:00"."""
    first, last = first_day(meeting, clock), last_day(meeting, clock)
    if meeting.starts_on is not None:
        return _long_day(first) if first == last else f"{_long_day(first)} – {_long_day(last)}"
    assert meeting.starts is not None and meeting.ends is not None
    starts, ends = clock.local(meeting.starts), clock.local(meeting.ends)
    if first == last:
        return f"{_long_day(first)}, {_say_times(starts, ends)}"
    return f"{_long_day(first)}, {_clock_time(starts)} – {_long_day(ends.date())}, {_clock_time(ends)}"


def say_near(meeting: Spanned, clock: Clock) -> str:
    """As say_whole, but "Today, 09:00 – 10:00" where a heading would say Today."""
    heading, addition = say_heading(first_day(meeting, clock), clock)
    if not addition or meeting.starts_on is not None or first_day(meeting, clock) != last_day(meeting, clock):
        return say_whole(meeting, clock)
    assert meeting.starts is not None and meeting.ends is not None
    return f"{heading}, {_say_times(clock.local(meeting.starts), clock.local(meeting.ends))}"


def say_elsewhere(meeting: Spanned, clock: Clock) -> str:
    """ "10:00 in New York", where the event's own zone reads another time than the reader's; else ""."""
    zone = find_zone(meeting.timezone)
    if zone is None or meeting.starts is None or meeting.starts_on is not None or meeting.timezone == clock.second:
        return ""
    here, there = clock.local(meeting.starts), meeting.starts.astimezone(zone)
    if here.utcoffset() == there.utcoffset():
        return ""
    day = "" if here.date() == there.date() else f"{date_format(there, 'D')} "
    return f"{day}{_clock_time(there)} in {zone_city(meeting.timezone)}"


def say_second(meeting: Spanned, clock: Clock, *, day: date) -> str:
    """ "03:00 – 04:00 New York (+1 day)": in the reader's second zone, for what stands under `day`; else ""."""
    zone = find_zone(clock.second, with_utc=True)
    if zone is None or meeting.starts is None or meeting.ends is None or meeting.starts_on is not None:
        return ""
    first, last = first_day(meeting, clock), last_day(meeting, clock)
    starts, ends = meeting.starts.astimezone(zone), meeting.ends.astimezone(zone)
    if day == first and (first == last or meeting.ends - meeting.starts <= LONGEST_SHOWN_AS_TIMES):
        words, shift = _say_times(starts, ends), (starts.date() - day).days
    elif day == first:
        words, shift = _clock_time(starts), (starts.date() - day).days
    elif day == last:
        words, shift = f"until {_clock_time(ends)}", (ends.date() - day).days
    else:
        return ""
    return f"{words} {zone_city(clock.second)}{say_shift(shift)}"


def say_shift(days: int) -> str:
    """ " (+1 day)"; "" for the same day."""
    return f" ({'+' if days > 0 else '−'}{abs(days)} day{'' if abs(days) == 1 else 's'})" if days else ""


def say_length(meeting: Spanned) -> str:
    """ "1 h 30 min"; "" for what has no length or takes days."""
    if meeting.starts_on is not None or meeting.starts is None or meeting.ends is None:
        return ""
    minutes = int((meeting.ends - meeting.starts) / timedelta(minutes=1))
    if not 0 < minutes < 24 * 60:
        return ""
    hours, minutes = divmod(minutes, 60)
    return " ".join(words for number, words in ((hours, f"{hours} h"), (minutes, f"{minutes} min")) if number)


def say_heading(day: date, clock: Clock) -> tuple[str, str]:
    """(heading, addition) of a day: ("Today", "Sunday 22 November")."""
    words = date_format(day, "l j F" if day.year == clock.today.year else "l j F Y")
    nearby = {-1: "Yesterday", 0: "Today", 1: "Tomorrow"}.get((day - clock.today).days)
    return (nearby, words) if nearby else (words, "")


def say_days(first: date, last: date) -> str:
    """ "Mon 23 – Wed 25 Nov", with what the two have in common said once."""
    pattern = "D j" if (first.year, first.month) == (last.year, last.month) else "D j M"
    if first.year != last.year:
        pattern = "D j M Y"
    return f"{date_format(first, pattern)} – {date_format(last, 'D j M Y' if first.year != last.year else 'D j M')}"


@lru_cache(maxsize=256)
def find_zone(name: str, *, with_utc: bool = False) -> tzinfo | None:
    """The zone of a place; None of one that nobody knows, and of those that are no place's."""
    if not name or (name.startswith("Etc/") and not with_utc):
        return None
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_of(name: str) -> tzinfo:
    """The zone of that name, or UTC where nobody knows it."""
    return find_zone(name) or UTC


def zone_city(name: str) -> str:
    """ "New York" of "America/New_York"."""
    return name.rpartition("/")[2].replace("_", " ")


def _say_times(starts: datetime, ends: datetime) -> str:
    if starts.utcoffset() != ends.utcoffset():
        # Clocks are turned in between: without the zones this reads as too long, too short, or backwards.
        return f"{_clock_time(starts)} {starts.tzname()} – {_clock_time(ends)} {ends.tzname()}"
    if starts == ends:
        return _clock_time(starts)
    return f"{_clock_time(starts)} – {_clock_time(ends)}"


def _clock_time(moment: datetime) -> str:
    return f"{moment:%H:%M}"


def _say_day(day: date, *, near: date) -> str:
    """ "Tue" within the week, else "Tue 1 Dec", with its year where that is another."""
    if 0 <= (day - near).days < 7:
        return date_format(day, "D")
    return date_format(day, "D j M" if day.year == near.year else "D j M Y")


def _long_day(day: date) -> str:
    return date_format(day, "l j F Y")
