"""How a series repeats, as Google writes it: lines of RFC 5545. Pure.

Reference: https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10 and
https://developers.google.com/workspace/calendar/api/concepts/events-calendars#recurrence_rule
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from dateutil import rrule

from integrations.recurrence import (
    HIGHEST_MONTH_DAY,
    LAST_DAY,
    MOST_OCCURRENCES,
    Recurrence,
    Repeats,
    to_moment,
)

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FREQUENCIES = {one.value.upper(): one for one in Repeats}
_PARTS = {
    Repeats.DAILY: {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"},
    Repeats.WEEKLY: {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY"},
    Repeats.MONTHLY: {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTHDAY", "BYSETPOS"},
}
_LARGE_STEPS = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
_SMALL_STEPS = {"BYHOUR", "BYMINUTE", "BYSECOND"}
_ORDINAL_DAY = re.compile(r"([+-]?\d+)?(MO|TU|WE|TH|FR|SA|SU)")
_MOMENT = re.compile(r"\d{8}(?:T\d{6}Z?)?")
_WEEKS = (1, 2, 3, 4, LAST_DAY)
_LONGEST_GAP = timedelta(hours=3)
"""More than any change of daylight saving leaves out of a night."""


class Beyond(Exception):
    """The series repeats in a way that nothing here can reckon with."""


@dataclass(frozen=True, slots=True)
class First:
    """The first occurrence: its time on the wall of the series' zone, or, where it is a day, midnight in UTC."""

    naive: datetime
    zone: tzinfo
    is_day: bool = False

    @property
    def moment(self) -> datetime:
        return to_moment(self.naive, self.zone)


def first_of(starts: datetime | None, starts_on: date | None, zone: tzinfo) -> First:
    """One of the two is given."""
    if starts_on is not None:
        return First(datetime.combine(starts_on, time()), UTC, is_day=True)
    assert starts is not None
    return First(starts.astimezone(zone).replace(tzinfo=None), zone)


def dump_rule(recurrence: Recurrence, first: First) -> str:
    """As an RRULE line. It ends with a whole day, so that it may move to another time of it."""
    parts = [f"FREQ={recurrence.repeats.value.upper()}"]
    if recurrence.every != 1:
        parts.append(f"INTERVAL={recurrence.every}")
    if recurrence.repeats is Repeats.WEEKLY:
        parts += [f"BYDAY={','.join(_DAYS[day] for day in recurrence.weekdays)}", "WKST=MO"]
    elif recurrence.repeats is Repeats.MONTHLY and recurrence.month_day:
        parts.append(f"BYMONTHDAY={recurrence.month_day}")
    elif recurrence.repeats is Repeats.MONTHLY:
        parts.append(f"BYDAY={recurrence.week}{_DAYS[recurrence.weekdays[0]]}")
    if recurrence.until is not None:
        parts.append(f"UNTIL={_dump_end_of_day(recurrence.until, first)}")
    else:
        parts.append(f"COUNT={recurrence.count}")
    return f"RRULE:{';'.join(parts)}"


def _dump_end_of_day(day: date, first: First) -> str:
    if first.is_day:
        return f"{day:%Y%m%d}"
    return f"{to_moment(datetime.combine(day, time(23, 59, 59)), first.zone):%Y%m%dT%H%M%SZ}"


def parse_lines(lines: Sequence[str], first: First) -> Recurrence | None:
    """The pattern of a series; None where it is none that can be scheduled here. Days left out do not count."""
    try:
        found = _parse(_split(_find_rule(lines)), first)
    except (Beyond, KeyError, ValueError, OverflowError):
        return None
    if any(line.upper().startswith(("RDATE", "EXRULE")) for line in lines):
        return None
    return found if 0 < len(found.starts_of(first.moment, first.zone)) <= MOST_OCCURRENCES else None


def _find_rule(lines: Sequence[str]) -> str:
    """Raises Beyond where there is not just one."""
    rules = [line for line in lines if line.upper().startswith("RRULE:")]
    if len(rules) != 1:
        raise Beyond
    return rules[0].partition(":")[2].upper()


def _split(rule: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in rule.split(";") if part)


def _parse(parts: dict[str, str], first: First) -> Recurrence:
    """Raises Beyond, KeyError, ValueError."""
    repeats = _FREQUENCIES[parts["FREQ"]]
    every, count = int(parts.get("INTERVAL", "1")), int(parts.get("COUNT", "0"))
    until = _parse_until(parts["UNTIL"], first) if "UNTIL" in parts else None
    if set(parts) - _PARTS[repeats] or every < 1 or bool(count) == (until is not None):
        raise Beyond
    if repeats is Repeats.MONTHLY:
        found = _parse_month(parts, first)
        return Recurrence(repeats, every, found.weekdays, found.month_day, found.week, count, until)
    weekdays: tuple[int, ...] = ()
    if repeats is Repeats.WEEKLY:
        names = parts.get("BYDAY", _DAYS[first.naive.weekday()]).split(",")
        weekdays = tuple(sorted({_DAYS.index(name) for name in names}))
        if every > 1 and len(weekdays) > 1 and parts.get("WKST", "MO") != "MO":
            raise Beyond
    return Recurrence(repeats, every, weekdays, count=count, until=until)


def _parse_month(parts: dict[str, str], first: First) -> Recurrence:
    """Raises Beyond, ValueError."""
    if "BYDAY" not in parts:
        day = int(parts.get("BYMONTHDAY", first.naive.day))
        if (day != LAST_DAY and not 1 <= day <= HIGHEST_MONTH_DAY) or "BYSETPOS" in parts:
            raise Beyond
        return Recurrence(Repeats.MONTHLY, month_day=day)
    match = _ORDINAL_DAY.fullmatch(parts["BYDAY"])
    ordinal = parts.get("BYSETPOS") or (match and match[1])
    if match is None or (match[1] and "BYSETPOS" in parts) or "BYMONTHDAY" in parts or int(ordinal or 0) not in _WEEKS:
        raise Beyond
    return Recurrence(Repeats.MONTHLY, weekdays=(_DAYS.index(match[2]),), week=int(ordinal or 0))


def _parse_until(text: str, first: First) -> date:
    """The last day on which an occurrence may begin. Raises ValueError."""
    last = _to_naive(text, first)
    return last.date() if last.time() >= first.naive.time() else last.date() - timedelta(days=1)


def _to_naive(text: str, first: First) -> datetime:
    """A value of UNTIL or EXDATE on the wall of the series' zone; a bare day is its end. Raises ValueError."""
    if "T" not in text:
        return datetime.combine(date.fromisoformat(text), time(23, 59, 59))
    naive = datetime.fromisoformat(text.removesuffix("Z"))
    return naive.replace(tzinfo=UTC).astimezone(first.zone).replace(tzinfo=None) if text.endswith("Z") else naive


def end_lines(lines: Sequence[str], first: First, before: datetime) -> list[str] | None:
    """The lines of a series that takes place before a moment only; None where it does not go on that long anyway.

    Raises:
        Beyond: it repeats in a way that nothing here can reckon with, or none of it is left.
    """
    naive = before.astimezone(first.zone).replace(tzinfo=None)
    rule = _find_rule(lines)
    try:
        parts = _split(rule)
        # What goes on by the minute would be counted out minute by minute, and an interval of nothing for ever.
        is_countable = parts["FREQ"] in _LARGE_STEPS and _SMALL_STEPS.isdisjoint(parts)
        if not is_countable or int(parts.get("INTERVAL", "1")) < 1 or naive <= first.naive:
            raise Beyond
        until = [_to_naive(parts["UNTIL"], first)] if "UNTIL" in parts else []
        options = ";".join(f"{name}={value}" for name, value in parts.items() if name != "UNTIL")
        planned = rrule.rrulestr(options, dtstart=first.naive).xafter(naive - _LONGEST_GAP, inc=True)
        following = next((one for one in planned if to_moment(one, first.zone) >= before), None)
    except (KeyError, ValueError, TypeError) as error:
        raise Beyond from error
    if following is None or any(following > one for one in until):
        return None
    kept = [f"{name}={value}" for name, value in parts.items() if name not in ("COUNT", "UNTIL")]
    # With a day, because in a night without that hour an occurrence is later than its rule says.
    kept.append(f"UNTIL={_dump_end_of_day(following.date() - timedelta(days=1), first)}")
    return _replace_rule(lines, f"RRULE:{';'.join(kept)}")


def move_lines(lines: Sequence[str], first: First, to: First) -> list[str]:
    """The lines of a series whose first occurrence, and with it every other, takes place at another time.

    Raises:
        Beyond: it repeats in a way that cannot follow to another day.
    """
    recurrence = parse_lines(lines, first)
    if recurrence is not None:
        rule = dump_rule(recurrence.moved(first.naive.date(), to.naive.date()), to)
    elif first.naive.date() != to.naive.date() or first.is_day != to.is_day:
        raise Beyond
    else:
        rule = f"RRULE:{_end_with_day(_find_rule(lines), first, to)}"
    return _replace_rule(shift_lines(lines, first, to), rule)


def _end_with_day(rule: str, first: First, to: First) -> str:
    """Raises ValueError."""
    parts = _split(rule)
    if "UNTIL" in parts:
        parts["UNTIL"] = _dump_end_of_day(_parse_until(parts["UNTIL"], first), to)
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _replace_rule(lines: Sequence[str], rule: str) -> list[str]:
    return [rule, *(line for line in lines if not line.upper().startswith("RRULE:"))]


def shift_lines(lines: Sequence[str], first: First, to: First) -> list[str]:
    """Days left out, or added, move along with the others."""
    shift = to.naive - first.naive

    def move(found: re.Match[str]) -> str:
        if "T" not in found[0]:
            return f"{date.fromisoformat(found[0]) + timedelta(days=shift.days):%Y%m%d}"
        naive = _to_naive(found[0], first) + shift
        return f"{to_moment(naive, to.zone):%Y%m%dT%H%M%SZ}" if found[0].endswith("Z") else f"{naive:%Y%m%dT%H%M%S}"

    return [_move_values(line, move) if line.upper().startswith(("EXDATE", "RDATE")) else line for line in lines]


def _move_values(line: str, move: Callable[[re.Match[str]], str]) -> str:
    name, _, values = line.partition(":")
    return f"{name}:{_MOMENT.sub(move, values)}"
