"""Drafts as Graph takes them: a whole event, or what has to change of one that is there. Pure.

Times are written as they stand on the wall, with Microsoft's name for the zone: it is what those invited are shown, and
what a series goes on in.

Reference: https://learn.microsoft.com/en-us/graph/api/event-update
"""

import html
import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from integrations.errors import Rejected
from integrations.providers.drafts import flatten, is_backwards, is_written
from integrations.providers.office365.payloads import KEY_PROPERTY
from integrations.providers.office365.recurrences import dump_recurrence, first_of, is_same, move_recurrence, zone_of
from integrations.providers.time_zones import find_windows_name, find_zone_name
from integrations.recurrence import to_moment
from integrations.remote import DRAFT_FIELDS, Attendee, EventDraft, RemoteEvent

Json = dict[str, Any]

MOST_INVITEES = 500

TOO_MANY = f"Outlook takes {MOST_INVITEES} invitees at most. Invite fewer, or a group's address."
BACKWARDS = "It would end before it begins. Change its start or its end."
NO_TIME = "An event needs a start and an end."
NO_ZONE = "Nobody knows the time zone that this is in. Choose another."
NOT_BY_ITSELF = "One occurrence of a series does not repeat by itself. Change the whole series."

# Outlook keeps what Teams has written into a body below a line of these; without it there is no meeting.
_TEAMS_LINE = re.compile(r"_{20,}")
_BLOCK = re.compile(r"<(?:div|p|span|body)\b[^>]*>")


def dump_new(draft: EventDraft, *, key: str) -> Json:
    """An event to be made.

    Raises:
        Rejected: Outlook would not take it.
    """
    event: Json = {
        **_dump_plain(draft, DRAFT_FIELDS),
        **_dump_times(draft),
        "attendees": dump_attendees(draft.attendees),
        "transactionId": str(UUID(key)),
        "singleValueExtendedProperties": [{"id": KEY_PROPERTY, "value": key}],
    }
    if draft.recurrence is not None:
        event["recurrence"] = dump_recurrence(draft.recurrence, _first_day(draft), find_windows_name(draft.timezone))
    return event


def dump_changes(item: Json, event: RemoteEvent, draft: EventDraft, fields: frozenset[str], *, seen: str = "") -> Json:
    """What has to be written so that these fields are as the draft has them; {} where they are.

    `item`: the event as Graph has it, `event`: the same as we read it. `seen` as in drafts.is_written.

    Raises:
        Rejected: Outlook would not take it.
    """
    differing = frozenset(name for name in fields if _differs(item, event, draft, name, seen))
    changes = _dump_plain(draft, differing)
    if "body" in differing and item.get("isOnlineMeeting") is True:
        changes["body"] = _keep_meeting(draft.body, item)
    if "attendees" in differing:
        changes["attendees"] = dump_attendees(draft.attendees, item)
    if "time" in differing:
        changes |= _dump_times(draft)
    if event.series_id:
        if "recurrence" in differing:
            raise Rejected(NOT_BY_ITSELF, detail="the recurrence of an occurrence")
    elif "recurrence" in differing or ("time" in differing and event.is_series):
        changes["recurrence"] = _dump_repeating(item, event, draft, differing)
    return changes


def _differs(item: Json, event: RemoteEvent, draft: EventDraft, name: str, seen: str) -> bool:
    if name == "recurrence":
        # One that is none of ours is neither the draft's nor, where the draft has none, nothing.
        return not is_same(event.recurrence, draft.recurrence) or (event.is_series and event.recurrence is None)
    if name == "body" and item.get("isOnlineMeeting") is True:
        own, wanted = (_TEAMS_LINE.split(one, maxsplit=1)[0] for one in (event.body, html.escape(draft.body)))
        return flatten(own) != flatten(wanted)
    if name == "time" and event.is_series and draft.starts_on is None:
        wanted = find_zone_name(find_windows_name(draft.timezone))
        return zone_of(item.get("recurrence") or {}) != wanted or not is_written(event, draft, frozenset({name}))
    return not is_written(event, draft, frozenset({name}), seen=seen)


def _dump_plain(draft: EventDraft, fields: Iterable[str]) -> Json:
    """What is one property each."""
    event: Json = {}
    if "title" in fields:
        event["subject"] = draft.title
    if "body" in fields:
        event["body"] = {"contentType": "text", "content": draft.body}
    if "location" in fields:
        event["location"] = {"displayName": draft.location}
    if "is_private" in fields:
        event["sensitivity"] = "private" if draft.is_private else "normal"
    return event


def _dump_times(draft: EventDraft) -> Json:
    """Raises Rejected."""
    if is_backwards(draft):
        raise Rejected(BACKWARDS, detail="time")
    if draft.timezone and not find_zone_name(draft.timezone):
        raise Rejected(NO_ZONE, detail="time")
    if draft.starts_on is not None and draft.ends_on is not None:
        zone = find_windows_name(draft.timezone)
        start, end = ({"dateTime": f"{day}T00:00:00", "timeZone": zone} for day in (draft.starts_on, draft.ends_on))
        return {"isAllDay": True, "start": start, "end": end}
    if draft.starts is None or draft.ends is None:
        raise Rejected(NO_TIME, detail="time")
    zone = draft.timezone
    return {"isAllDay": False, "start": _dump_moment(draft.starts, zone), "end": _dump_moment(draft.ends, zone)}


def _dump_moment(moment: datetime, zone: str) -> Json:
    """On the wall of the zone; of two moments that stand there alike the second has no name but in UTC."""
    wall = moment.astimezone(ZoneInfo(zone or "UTC")).replace(tzinfo=None, fold=0)
    if to_moment(wall, ZoneInfo(zone or "UTC")) != moment:
        wall, zone = moment.astimezone(ZoneInfo("UTC")).replace(tzinfo=None), "UTC"
    return {"dateTime": f"{wall:%Y-%m-%dT%H:%M:%S}", "timeZone": find_windows_name(zone)}


def dump_attendees(wanted: tuple[Attendee, ...], item: Json | None = None) -> list[Json]:
    """All of them, since Graph replaces the list: those who are there already as they are, answers and all.

    `item`: the event as Graph has it. Its organizer, where it lists them among the others, stays.

    Raises:
        Rejected: more than an event can have.
    """
    present = {_address_of(one): one for one in (item or {}).get("attendees") or () if isinstance(one, dict)}
    host = _address_of((item or {}).get("organizer") or {})
    chosen: dict[str, Json] = {}
    if host in present:
        chosen[host] = _keep_attendee(present[host])
    for one in wanted:
        key = one.email.lower()
        chosen.setdefault(key, _keep_attendee(present[key]) if key in present else _dump_attendee(one))
    if len(chosen) > MOST_INVITEES:
        raise Rejected(TOO_MANY, detail=f"{len(chosen)} attendees")
    return list(chosen.values())


def _dump_attendee(one: Attendee) -> Json:
    kind = "resource" if one.is_resource else "optional" if one.is_optional else "required"
    return {"type": kind, "emailAddress": {"address": one.email, "name": one.name or one.email}}


def _keep_attendee(one: Json) -> Json:
    return {name: one[name] for name in ("type", "status", "emailAddress") if name in one}


def _address_of(one: Json) -> str:
    address = (one.get("emailAddress") or {}).get("address")
    return address.lower() if isinstance(address, str) else ""


def _dump_repeating(item: Json, event: RemoteEvent, draft: EventDraft, differing: frozenset[str]) -> Json | None:
    """The recurrence of a series that gets another one, or whose first occurrence moves. Raises Rejected."""
    zone = find_windows_name(draft.timezone if "time" in differing else event.timezone)
    day = _first_day(draft) if "time" in differing else _first_day(event)
    if "recurrence" not in differing:
        return move_recurrence(item["recurrence"], before=_first_day(event), after=day, zone=zone)
    if draft.recurrence is None:
        return None
    return dump_recurrence(draft.recurrence, day, zone)


def _first_day(one: EventDraft | RemoteEvent) -> date:
    """In the zone that it goes on in. Raises Rejected."""
    first = first_of(one.starts, one.starts_on, one.timezone)
    if first is None:
        raise Rejected(NO_TIME, detail="time")
    starts, zone = first
    return starts.astimezone(zone).date()


def _keep_meeting(text: str, item: Json) -> Json:
    """A body with the part that Teams has written into it, which is the meeting."""
    whole = str((item.get("body") or {}).get("content") or "")
    line = _TEAMS_LINE.search(whole)
    if line is None:
        return {"contentType": "text", "content": text}
    # From the element that the line stands in; what Teams writes itself ends with another such line.
    before = [found.start() for found in _BLOCK.finditer(whole, 0, line.start())]
    meeting = whole[before[-1] if before else line.start() :]
    own = _TEAMS_LINE.split(text, maxsplit=1)[0].rstrip()
    lines = html.escape(own, quote=False).replace("\n", "<br>\n")
    return {"contentType": "html", "content": f"<html><body><div>{lines}</div>\n{meeting}"}


def is_unchanged(version: str, versions: Iterable[str]) -> bool:
    """Whether each part of a version that was seen is still among those that are there now."""
    return set(version.split()) <= set(versions)
