"""Recurrence: the patternedRecurrence that a mailbox keeps, and the element that EWS has for it.

Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/recurrence-recurrencetype
"""

from __future__ import annotations

from typing import Any

from sandbox.exchange.soap import Element, T, invalid_request, read_text
from sandbox.mailbox.recurrence import DAYS

WEEKDAYS, WEEKEND = list(DAYS[:5]), list(DAYS[5:])
SETS = {"Day": list(DAYS), "Weekday": WEEKDAYS, "WeekendDay": WEEKEND}
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip


def dump_recurrence(recurrence: dict[str, Any]) -> str:
    pattern, extent = recurrence["pattern"], recurrence["range"]
    starts = f"<t:StartDate>{extent['startDate']}</t:StartDate>"
    if extent["type"] == "numbered":
        ends = (
            f"<t:NumberedRecurrence>{starts}<t:NumberOfOccurrences>{extent['numberOfOccurrences']}"
            "</t:NumberOfOccurrences></t:NumberedRecurrence>"
        )
    elif extent["type"] == "endDate":
        ends = f"<t:EndDateRecurrence>{starts}<t:EndDate>{extent['endDate']}</t:EndDate></t:EndDateRecurrence>"
    else:
        ends = f"<t:NoEndRecurrence>{starts}</t:NoEndRecurrence>"
    return f"<t:Recurrence>{_dump_pattern(pattern)}{ends}</t:Recurrence>"


def _dump_pattern(pattern: dict[str, Any]) -> str:
    interval = f"<t:Interval>{pattern['interval']}</t:Interval>"
    days = sorted(pattern.get("daysOfWeek", ()), key=DAYS.index)
    named = next((name for name, members in SETS.items() if members == days), "") or " ".join(
        day.title() for day in days
    )
    index = pattern.get("index", "first").title()
    nth = f"<t:DaysOfWeek>{named}</t:DaysOfWeek><t:DayOfWeekIndex>{index}</t:DayOfWeekIndex>"
    day = f"<t:DayOfMonth>{pattern.get('dayOfMonth', 0)}</t:DayOfMonth>"
    month = f"<t:Month>{MONTHS[pattern.get('month', 1) - 1]}</t:Month>"
    match pattern["type"]:
        case "daily":
            return f"<t:DailyRecurrence>{interval}</t:DailyRecurrence>"
        case "weekly":
            listed = " ".join(one.title() for one in days)
            first = pattern.get("firstDayOfWeek", "sunday").title()
            return (
                f"<t:WeeklyRecurrence>{interval}<t:DaysOfWeek>{listed}</t:DaysOfWeek>"
                f"<t:FirstDayOfWeek>{first}</t:FirstDayOfWeek></t:WeeklyRecurrence>"
            )
        case "absoluteMonthly":
            return f"<t:AbsoluteMonthlyRecurrence>{interval}{day}</t:AbsoluteMonthlyRecurrence>"
        case "relativeMonthly":
            return f"<t:RelativeMonthlyRecurrence>{interval}{nth}</t:RelativeMonthlyRecurrence>"
        case "absoluteYearly":
            return f"<t:AbsoluteYearlyRecurrence>{day}{month}</t:AbsoluteYearlyRecurrence>"
    return f"<t:RelativeYearlyRecurrence>{nth}{month}</t:RelativeYearlyRecurrence>"


def parse_recurrence(element: Element, zone_name: str) -> dict[str, Any]:
    """zone_name: of the series' start, in which its rule runs. Raises SoapFault."""
    parts = {child.tag.removeprefix(T): child for child in element if isinstance(child.tag, str)}
    pattern = next((_parse_pattern(name, child) for name, child in parts.items() if name in PATTERNS), None)
    extent = next((_parse_range(name, child) for name, child in parts.items() if name in RANGES), None)
    if pattern is None or extent is None:
        raise invalid_request("The element 'Recurrence' has incomplete content.")
    return {"pattern": pattern, "range": extent | {"recurrenceTimeZone": zone_name}}


PATTERNS = {
    "DailyRecurrence": "daily", "WeeklyRecurrence": "weekly", "AbsoluteMonthlyRecurrence": "absoluteMonthly",
    "RelativeMonthlyRecurrence": "relativeMonthly", "AbsoluteYearlyRecurrence": "absoluteYearly",
    "RelativeYearlyRecurrence": "relativeYearly",
}  # fmt: skip
RANGES = {"NoEndRecurrence": "noEnd", "EndDateRecurrence": "endDate", "NumberedRecurrence": "numbered"}


def _number(element: Element, name: str, default: int) -> int:
    value = read_text(element.find(f"{T}{name}")).strip()
    try:
        return int(value) if value else default
    except ValueError:
        raise invalid_request(f"The '{name}' element is invalid - The value '{value}' is invalid.") from None


def _parse_pattern(name: str, element: Element) -> dict[str, Any]:
    pattern: dict[str, Any] = {"type": PATTERNS[name], "interval": _number(element, "Interval", 1)}
    listed = read_text(element.find(f"{T}DaysOfWeek")).split()
    days = [day for word in listed for day in SETS.get(word, [word.lower()])]
    if days:
        pattern["daysOfWeek"] = days
    if "Absolute" in name:
        pattern["dayOfMonth"] = _number(element, "DayOfMonth", 0)
    if "Relative" in name:
        pattern["index"] = read_text(element.find(f"{T}DayOfWeekIndex")).lower()
    month = read_text(element.find(f"{T}Month"))
    if month:
        if month not in MONTHS:
            raise invalid_request(f"The 'Month' element is invalid - The value '{month}' is invalid.")
        pattern["month"] = MONTHS.index(month) + 1
    first = read_text(element.find(f"{T}FirstDayOfWeek"))
    if first:
        pattern["firstDayOfWeek"] = first.lower()
    return pattern


def _parse_range(name: str, element: Element) -> dict[str, Any]:
    extent: dict[str, Any] = {"type": RANGES[name], "startDate": read_text(element.find(f"{T}StartDate"))[:10]}
    if name == "EndDateRecurrence":
        extent["endDate"] = read_text(element.find(f"{T}EndDate"))[:10]
    if name == "NumberedRecurrence":
        extent["numberOfOccurrences"] = _number(element, "NumberOfOccurrences", 0)
    return extent
