"""Exchange's Recurrence element and ours. Pure.

Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/recurrence-recurrencetype
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo

from integrations.providers.exchange.responses import TYPES, Element
from integrations.providers.moments import parse_day
from integrations.recurrence import HIGHEST_MONTH_DAY, LAST_DAY, MOST_OCCURRENCES, Recurrence, Repeats, to_moment

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKS = {"First": 1, "Second": 2, "Third": 3, "Fourth": 4, "Last": LAST_DAY}
_WEEK_NAMES = {number: name for name, number in _WEEKS.items()}
_LONGEST_MONTH = 31
"""As the day of a month, Exchange takes it for the last one of each."""
_HALF_A_DAY = timedelta(hours=12)
_NO_END, _UNTIL, _COUNT = (f"{TYPES}{name}" for name in ("NoEndRecurrence", "EndDateRecurrence", "NumberedRecurrence"))


def dump_recurrence(recurrence: Recurrence, first: date) -> str:
    """The element of a series that begins on this day, in its own zone."""
    if recurrence.until is not None:
        ends = f"<t:EndDate>{recurrence.until.isoformat()}</t:EndDate>"
        return _recurrence(_dump_pattern(recurrence), "EndDateRecurrence", first, ends)
    ends = f"<t:NumberOfOccurrences>{recurrence.count}</t:NumberOfOccurrences>"
    return _recurrence(_dump_pattern(recurrence), "NumberedRecurrence", first, ends)


def _recurrence(pattern: str, kind: str, first: date, ends: str = "") -> str:
    starts = f"<t:StartDate>{first.isoformat()}</t:StartDate>"
    return f"<t:Recurrence>{pattern}<t:{kind}>{starts}{ends}</t:{kind}></t:Recurrence>"


def _dump_pattern(recurrence: Recurrence) -> str:
    interval = f"<t:Interval>{recurrence.every}</t:Interval>"
    days = f"<t:DaysOfWeek>{' '.join(_DAYS[day] for day in recurrence.weekdays)}</t:DaysOfWeek>"
    if recurrence.repeats is Repeats.DAILY:
        return f"<t:DailyRecurrence>{interval}</t:DailyRecurrence>"
    if recurrence.repeats is Repeats.WEEKLY:
        # Where a week begins matters to a series of every other week.
        week = f"{interval}{days}<t:FirstDayOfWeek>Monday</t:FirstDayOfWeek>"
        return f"<t:WeeklyRecurrence>{week}</t:WeeklyRecurrence>"
    if recurrence.month_day:
        day = _LONGEST_MONTH if recurrence.month_day == LAST_DAY else recurrence.month_day
        month = f"{interval}<t:DayOfMonth>{day}</t:DayOfMonth>"
        return f"<t:AbsoluteMonthlyRecurrence>{month}</t:AbsoluteMonthlyRecurrence>"
    week = f"<t:DayOfWeekIndex>{_WEEK_NAMES[recurrence.week]}</t:DayOfWeekIndex>"
    return f"<t:RelativeMonthlyRecurrence>{interval}{days}{week}</t:RelativeMonthlyRecurrence>"


def parse_recurrence(element: Element, first: datetime | None, zone: tzinfo) -> Recurrence | None:
    """Ours, of a series that begins at `first`; None for what cannot be scheduled here: without an end, too often."""
    pattern, ends = _parse_pattern(element), _find_range(element)
    if pattern is None or ends is None or first is None:
        return None
    if ends.tag == _COUNT:
        found = replace(pattern, count=_number(ends, "NumberOfOccurrences"))
    else:
        found = replace(pattern, until=parse_day(ends.findtext(f"{TYPES}EndDate", "")[:10]))
    if not found.count and found.until is None:
        return None
    return found if len(found.starts_of(first, zone)) <= MOST_OCCURRENCES else None


def _parse_pattern(element: Element) -> Recurrence | None:
    """Without its end; None for a pattern that we have no word for."""
    pattern = element[0] if len(element) else None
    if pattern is None:
        return None
    every, named = _number(pattern, "Interval"), pattern.findtext(f"{TYPES}DaysOfWeek", "").split()
    days = tuple(sorted(_DAYS.index(day) for day in named if day in _DAYS))
    week = _WEEKS.get(pattern.findtext(f"{TYPES}DayOfWeekIndex", ""), 0)
    day = _number(pattern, "DayOfMonth")
    is_known = every > 0 and len(days) == len(named)
    match pattern.tag[len(TYPES) :]:
        case "DailyRecurrence" if every > 0:
            return Recurrence(Repeats.DAILY, every)
        case "WeeklyRecurrence" if is_known and days:
            begins = pattern.findtext(f"{TYPES}FirstDayOfWeek", "Monday")
            is_ours = begins == "Monday" or every == 1 or len(days) == 1
            return Recurrence(Repeats.WEEKLY, every, days) if is_ours else None
        case "AbsoluteMonthlyRecurrence" if every > 0 and (1 <= day <= HIGHEST_MONTH_DAY or day == _LONGEST_MONTH):
            return Recurrence(Repeats.MONTHLY, every, month_day=LAST_DAY if day == _LONGEST_MONTH else day)
        case "RelativeMonthlyRecurrence" if every > 0 and named == ["Day"] and week:
            return Recurrence(Repeats.MONTHLY, every, month_day=week)
        case "RelativeMonthlyRecurrence" if is_known and len(days) == 1 and week:
            return Recurrence(Repeats.MONTHLY, every, days, week=week)
    return None


def _find_range(element: Element) -> Element | None:
    return next((one for one in element if one.tag in (_NO_END, _UNTIL, _COUNT)), None)


def _number(element: Element, name: str) -> int:
    text = element.findtext(f"{TYPES}{name}", "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def move_recurrence(element: Element, before: date, after: date) -> str | None:
    """The same once its first occurrence takes place on another day; None for a pattern that we cannot move."""
    ends = _find_range(element)
    if ends is None or not len(element):
        return None
    pattern = _parse_pattern(element)
    if pattern is None and before != after:
        return None
    moved = _keep(element[0]) if pattern is None or before == after else _dump_pattern(pattern.moved(before, after))
    left = ""
    if ends.tag == _COUNT:
        left = f"<t:NumberOfOccurrences>{_number(ends, 'NumberOfOccurrences')}</t:NumberOfOccurrences>"
    elif ends.tag == _UNTIL and (until := parse_day(ends.findtext(f"{TYPES}EndDate", "")[:10])) is not None:
        left = f"<t:EndDate>{(until + (after - before)).isoformat()}</t:EndDate>"
    return _recurrence(moved, ends.tag[len(TYPES) :], after, left)


def end_recurrence(element: Element, first: date, until: date) -> str:
    """The same, ending with the last occurrence on or before a day."""
    ends = _find_range(element)
    begins = parse_day(ends.findtext(f"{TYPES}StartDate", "")[:10]) if ends is not None else None
    left = f"<t:EndDate>{until.isoformat()}</t:EndDate>"
    return _recurrence(_keep(element[0]), "EndDateRecurrence", begins or first, left)


def last_day_before(moment: datetime, starts: datetime | None, zone: tzinfo) -> date:
    """The last day on which a series can have an occurrence before `moment`.

    `starts`: of the first one; None for one of days, which is ended before the midnight, wherever, that is nearest.
    """
    if starts is None:
        return (moment.astimezone(UTC) + _HALF_A_DAY).date() - timedelta(days=1)
    day, begins = moment.astimezone(zone).date(), starts.astimezone(zone).time()
    return day if to_moment(datetime.combine(day, begins), zone) < moment else day - timedelta(days=1)


def _keep(pattern: Element) -> str:
    """A pattern as the server gave it."""
    from lxml import etree

    text: str = etree.tostring(pattern, encoding="unicode", with_tail=False)
    return text
