"""Drafts into Zoom's documents, and Zoom's documents into ours. Pure.

What makes a creation repeatable is the first line of the description (Zoom's "agenda"): a reference made of the key.
It stands first because lists show the beginning alone.

Reference: https://developers.zoom.us/docs/api/meetings/#tag/meetings/post/users/{userId}/meetings
Reference: https://developers.zoom.us/docs/api/references/recurrence-object-definitions/
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from integrations.errors import Unexpected
from integrations.providers.salvaging import salvage
from integrations.recurrence import Recurrence, Repeats
from integrations.zoom.responses import WORDS
from meetings.hosting import HostDraft, HostedMeeting, Kind
from meetings.hosts.zoom_zones import ZONES

Json = Mapping[str, Any]

LONGEST_TOPIC = 200
LONGEST_AGENDA = 2_000
LONGEST_INTERVAL = {Repeats.DAILY: 90, Repeats.WEEKLY: 12, Repeats.MONTHLY: 3}
MOST_DIAL_IN = 6
MOST_MINUTES = 31 * 24 * 60
YEARS = range(2000, 2101)
"""What is said to start outside of these has no usable start."""
SUNDAY = 6

_ONCE = {"meeting": 2, "webinar": 5}
_SERIES = {"meeting": 8, "webinar": 9}
_NO_FIXED_TIME = {"meeting": 3, "webinar": 6}
_TYPES = {Repeats.DAILY: 1, Repeats.WEEKLY: 2, Repeats.MONTHLY: 3}
_REFERENCE = re.compile(r"Scheduled with Portico, reference ([0-9a-f]{12})\b")
_LIKE: dict[str, Any] = {
    "topic": str,
    "type": int,
    "start_time": str,
    "duration": int,
    "timezone": str,
    "join_url": str,
    "password": str,
    "agenda": str,
    "occurrences": [{"start_time": str, "status": str}],
    "settings": {"global_dial_in_numbers": [{"number": str, "country_name": str}]},
}


def make_reference(key: str) -> str:
    """What a meeting made under this key is found by: 12 digits."""
    return key.replace("-", "").lower()[:12]


def dump_draft(draft: HostDraft, *, reference: str, has_fixed_times: bool = True) -> dict[str, Any]:
    """The document to send. Without `has_fixed_times` a series is one that may be held at any time."""
    body: dict[str, Any] = {
        "topic": _shorten(draft.topic, LONGEST_TOPIC),
        "agenda": _dump_agenda(draft.description, reference),
        "duration": draft.minutes,
    }
    if draft.passcode:
        body["password"] = draft.passcode
    if draft.kind == "meeting":
        body["settings"] = {"waiting_room": draft.waiting_room}
    if draft.timezone in ZONES:
        body["timezone"] = draft.timezone
    if draft.recurrence is None:
        return body | {"type": _ONCE[draft.kind], "start_time": f"{draft.starts.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    recurrence = dump_recurrence(draft) if has_fixed_times else None
    if recurrence is None:
        return body | {"type": _NO_FIXED_TIME[draft.kind]}
    # On the wall of the series' own zone: so it keeps its time of day over changes of daylight saving.
    wall = draft.starts.astimezone(ZoneInfo(draft.timezone))
    return body | {"type": _SERIES[draft.kind], "start_time": f"{wall:%Y-%m-%dT%H:%M:%S}", "recurrence": recurrence}


def dump_recurrence(draft: HostDraft) -> dict[str, Any] | None:
    """A series in Zoom's words; None where it has none for it, or would mean other days by them."""
    rule = draft.recurrence
    if rule is None or draft.timezone not in ZONES or rule.every > LONGEST_INTERVAL[rule.repeats]:
        return None
    count = len(rule.starts_of(draft.starts, ZoneInfo(draft.timezone)))
    if not count or not _means_the_same(rule):
        return None
    said: dict[str, Any] = {"type": _TYPES[rule.repeats], "repeat_interval": rule.every, "end_times": count}
    if rule.repeats is Repeats.WEEKLY:
        said["weekly_days"] = ",".join(str(_dump_day(day)) for day in rule.weekdays)
    elif rule.repeats is Repeats.MONTHLY and rule.month_day:
        said["monthly_day"] = rule.month_day
    elif rule.repeats is Repeats.MONTHLY:
        said |= {"monthly_week": rule.week, "monthly_week_day": _dump_day(rule.weekdays[0])}
    return said


def _means_the_same(rule: Recurrence) -> bool:
    """Zoom has no last day of the month, and its weeks begin on Sunday, where ours begin on Monday."""
    if rule.repeats is Repeats.MONTHLY:
        return rule.month_day >= 0
    return rule.every == 1 or SUNDAY not in rule.weekdays or len(rule.weekdays) == 1


def _dump_day(weekday: int) -> int:
    return (weekday + 1) % 7 + 1


def _dump_agenda(description: str, reference: str) -> str:
    first = f"Scheduled with Portico, reference {reference}"
    if not description.strip():
        return first
    return _shorten(f"{first}\n\n{description.strip()}", LONGEST_AGENDA)


def _shorten(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def read_reference(document: Json) -> str:
    """ "" where it was not made from here."""
    agenda = document.get("agenda")
    found = _REFERENCE.match(agenda) if isinstance(agenda, str) else None
    return found[1] if found else ""


def parse_meeting(document: Json, kind: Kind) -> HostedMeeting:
    """A meeting as it is shown whole, or in a list. What is of another type than documented is left out.

    Raises:
        Unexpected: it has no usable number or join link.
    """
    number = document.get("id")
    if isinstance(number, bool) or not str(number).isascii() or not str(number).isdigit() or len(str(number)) > 20:
        raise Unexpected(WORDS.not_understood, detail="a meeting without a number")
    known: Json = salvage(dict(document), _LIKE)
    return HostedMeeting(
        id=str(number),
        kind=kind,
        topic=known.get("topic", ""),
        starts=_parse_start(known),
        minutes=min(max(known.get("duration", 0), 0), MOST_MINUTES),
        timezone=known.get("timezone", ""),
        join_url=_parse_join_url(known),
        meeting_number=str(number),
        passcode=known.get("password", ""),
        dial_in=_parse_dial_in(known),
        is_series=known.get("type") in (_SERIES[kind], _NO_FIXED_TIME[kind]),
        reference=read_reference(document),
    )


def _parse_start(known: Json) -> datetime | None:
    """Of a series shown whole, its first occurrence's, where it has no start of its own."""
    left = [one for one in known.get("occurrences", []) if one.get("status") != "deleted"]
    for text in (known.get("start_time", ""), *(one.get("start_time", "") for one in left[:1])):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            continue
        if moment.year not in YEARS:
            continue
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _parse_join_url(known: Json) -> str:
    """Raises Unexpected."""
    url: str = known.get("join_url", "")
    try:
        parts = urlsplit(url) if len(url) <= LONGEST_AGENDA else None
    except ValueError:
        parts = None
    if parts is None or parts.scheme != "https" or not parts.hostname or parts.username:
        raise Unexpected(WORDS.not_understood, detail="a meeting without a join link")
    return url


def _parse_dial_in(known: Json) -> str:
    numbers = known.get("settings", {}).get("global_dial_in_numbers", [])
    lines = [
        one["number"] + (f" ({one['country_name']})" if one.get("country_name") else "")
        for one in numbers
        if one.get("number")
    ]
    return "\n".join(dict.fromkeys(lines[:MOST_DIAL_IN]))
