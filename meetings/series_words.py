"""A series in words: "Every 2nd Tuesday at 15:00, 6 times, last on 3 February 2027"."""

from datetime import datetime, tzinfo

from django.utils.formats import date_format

from integrations.recurrence import LAST_DAY, Recurrence, Repeats, Wall, judge_wall
from meetings.times import zone_city

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WORKDAYS = (0, 1, 2, 3, 4)
ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", LAST_DAY: "last"}
MOST_NOTES = 3


def say_pattern(rule: Recurrence) -> str:
    """ "Every 2nd Tuesday"; "Every month on the last Friday"."""
    if rule.repeats is Repeats.DAILY:
        return "Every day" if rule.every == 1 else f"Every {say_ordinal(rule.every)} day"
    if rule.repeats is Repeats.WEEKLY:
        return _say_weekly(rule)
    start = "Every month" if rule.every == 1 else f"Every {say_ordinal(rule.every)} month"
    if rule.month_day:
        day = "last day" if rule.month_day == LAST_DAY else say_ordinal(rule.month_day)
        return f"{start} on the {day}"
    return f"{start} on the {ORDINALS[rule.week]} {WEEKDAYS[rule.weekdays[0]]}"


def _say_weekly(rule: Recurrence) -> str:
    if rule.weekdays == WORKDAYS:
        days = "weekday" if rule.every == 1 else "Monday to Friday"
    else:
        days = join_words([WEEKDAYS[day] for day in rule.weekdays])
    if rule.every == 1:
        return f"Every {days}"
    if len(rule.weekdays) == 1:
        return f"Every {say_ordinal(rule.every)} {days}"
    return f"Every {say_ordinal(rule.every)} week on {days}"


def say_series(rule: Recurrence, starts_of: list[datetime], zone: tzinfo, zone_name: str) -> str:
    """The whole of it: pattern, time, how often, and when it ends. `starts_of`: each occurrence's start."""
    first, last = starts_of[0].astimezone(zone), starts_of[-1].astimezone(zone)
    return (
        f"{say_pattern(rule)} at {first:%H:%M} {zone_city(zone_name)} time, {len(starts_of)} times, last on "
        f"{date_format(last, 'j F Y')}"
    )


def say_odd_ones(first: datetime, starts_of: list[datetime], zone: tzinfo) -> list[str]:
    """What daylight saving does to occurrences: those whose time on the wall is not there, or there twice."""
    clock = first.astimezone(zone).time()
    notes = []
    for start in starts_of:
        local = start.astimezone(zone)
        wall = datetime.combine(local.date(), clock)
        judged = judge_wall(wall, zone)
        if judged is Wall.NEVER:
            notes.append(f"On {date_format(local, 'j F Y')} there is no {wall:%H:%M}: it begins at {local:%H:%M}.")
        elif judged is Wall.TWICE and start != first:
            notes.append(f"On {date_format(local, 'j F Y')} {wall:%H:%M} comes twice: it begins the first time.")
    return notes[:MOST_NOTES]


def say_ordinal(number: int) -> str:
    """ "2nd", "11th"."""
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def join_words(words: list[str]) -> str:
    """ "Monday, Tuesday and Friday"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
