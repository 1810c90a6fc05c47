"""Google's events and calendars and our records: pure. People have `people.py`.

An odd item becomes a record of what could be read of it; a whole page never fails because of one item. Parsing is a
good part of what a full sync costs, hence the plain code: one `get` per field, and records made by position.

Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any

from integrations.providers.google.rules import First, first_of, parse_lines
from integrations.providers.moments import find_zone, parse_day, parse_moment
from integrations.remote import (
    Attendee,
    EventStatus,
    RemoteCalendar,
    RemoteEvent,
    RemoteRef,
    Response,
)

Json = Mapping[str, Any]

PRIMARY_CALENDAR = "primary"

_FIELDS = (
    "id,etag,status,iCalUID,summary,description,location,start,end,organizer(email,displayName,self),attendeesOmitted,"
    "conferenceData/entryPoints(entryPointType,uri),hangoutLink,htmlLink,source/url,visibility,transparency,eventType,"
    "recurringEventId,updated"
)
_ATTENDEE_FIELDS = "attendees(email,displayName,responseStatus,organizer,self,optional,resource)"
EVENT_FIELDS = f"items({_FIELDS},{_ATTENDEE_FIELDS}),nextPageToken,nextSyncToken"
# Attendees whole: they can only be written all at once, and what is not sent back is lost.
WHOLE_EVENT_FIELDS = f"{_FIELDS},attendees,recurrence,originalStartTime"
CALENDAR_FIELDS = "items(id,summary,summaryOverride,backgroundColor,accessRole,primary),nextPageToken"

_STATUSES = {status.value: status for status in EventStatus}
_RESPONSES = {
    "needsAction": Response.NEEDS_ACTION,
    "accepted": Response.ACCEPTED,
    "tentative": Response.TENTATIVE,
    "declined": Response.DECLINED,
}
# Names of our own, because an enum member is slow to reach by way of its class.
_UNANSWERED, _NOT_INVITED, _CONFIRMED = Response.NEEDS_ACTION, Response.NONE, EventStatus.CONFIRMED
_KINDS: dict[str, str] = {
    "default": "",
    "outOfOffice": "out_of_office",
    "focusTime": "focus_time",
    "fromGmail": "from_mail",
    "workingLocation": "working_location",
}
_NOTHING: Json = {}
_KEY_DIGITS = 32
_OWNER = "owner"


def is_gone(item: Json) -> bool:
    """Whether an event is a skeleton of what was deleted: cancelled, with little more than its id."""
    return item.get("status") == "cancelled"


def is_private(item: Json) -> bool:
    return item.get("visibility") in ("private", "confidential")


def parse_event(item: Json, calendar: str = "") -> RemoteEvent:
    """One event or occurrence, which has an id, of the calendar with this RemoteCalendar.id.

    Raises:
        TypeError, AttributeError: a field is of another type than documented; `salvage` makes it fit.
    """
    get = item.get
    start = get("start") or _NOTHING
    end = get("end") or _NOTHING
    organizer = get("organizer") or _NOTHING
    kind: str = get("eventType", "")
    starts_text, ends_text = start.get("dateTime"), end.get("dateTime")
    response = _NOT_INVITED
    attendees: list[Attendee] = []
    texts: list[str] = []
    for one in get("attendees") or ():
        of = one.get
        email, name = of("email", ""), of("displayName", "")
        answer = _RESPONSES.get(of("responseStatus", ""), _UNANSWERED)
        is_self = of("self") is True
        if is_self:
            response = answer
        texts += (email, name)
        attendees.append(
            Attendee(
                email, name, answer, of("organizer") is True, is_self, of("optional") is True, of("resource") is True
            )
        )
    series_id: str = get("recurringEventId", "")
    made_as = series_id or item["id"]
    event = RemoteEvent(
        RemoteRef(item["id"], calendar, get("etag", "")),
        get("iCalUID", ""),
        get("summary", ""),
        parse_moment(starts_text, start.get("timeZone", "")) if starts_text else None,
        parse_moment(ends_text, end.get("timeZone", "")) if ends_text else None,
        None if starts_text else parse_day(start.get("date")),
        None if starts_text else parse_day(end.get("date")),
        start.get("timeZone", ""),
        organizer.get("displayName", ""),
        organizer.get("email", ""),
        organizer.get("self") is True,
        tuple(attendees),
        get("attendeesOmitted") is True,
        response,
        get("location", ""),
        get("description", ""),
        source.get("url", "") if (source := get("source")) else "",
        _parse_conference(get("conferenceData"), get("hangoutLink")),
        get("htmlLink", ""),
        is_private(item),
        get("transparency") == "transparent",
        _STATUSES.get(get("status", ""), _CONFIRMED),
        _KINDS.get(kind, kind),
        series_id,
        parse_moment(updated) if (updated := get("updated")) else None,
        # Ids that Google makes are of another length.
        made_as if len(made_as) == _KEY_DIGITS else "",
    )
    # Costs a copy and finds what is not text: cheaper than asking of each field, and nothing else would notice.
    texts += (event.title, event.body, event.location, event.uid, event.url, event.web_url, event.timezone, event.kind)
    texts += (event.organizer_name, event.organizer_email, event.series_id, event.ref.version)
    "".join(texts)
    "".join(event.conference)
    return event


def parse_whole_event(item: Json, calendar: str = "") -> RemoteEvent:
    """One event, occurrence or series that was asked for by its id, with what a listing leaves out.

    Raises:
        TypeError, AttributeError: as `parse_event`.
    """
    event = parse_event(item, calendar)
    if lines := item.get("recurrence"):
        first = find_first(item)
        return replace(event, is_series=True, recurrence=parse_lines(lines, first) if first else None)
    original = item.get("originalStartTime") or _NOTHING
    if text := original.get("dateTime"):
        return replace(event, original_starts=parse_moment(text, original.get("timeZone", "")))
    day = parse_day(original.get("date"))
    return replace(event, original_starts=datetime.combine(day, time(), UTC)) if day else event


def find_first(item: Json) -> First | None:
    """When a series begins; None where that cannot be read."""
    start = item.get("start") or _NOTHING
    name = start.get("timeZone", "")
    starts = parse_moment(start["dateTime"], name) if start.get("dateTime") else None
    day = None if starts else parse_day(start.get("date"))
    return first_of(starts, day, find_zone(name)) if starts or day else None


def parse_calendar(item: Json) -> RemoteCalendar | None:
    """One of the person's list, the primary one as ""; None for an odd one.

    No more may be written than is owned: the scopes that are asked for reach no further.
    """
    remote_id, role = item.get("id"), item.get("accessRole")
    name = item.get("summaryOverride") or item.get("summary")
    if not (isinstance(remote_id, str) and remote_id and isinstance(role, str)):
        return None
    color = item.get("backgroundColor")
    return RemoteCalendar(
        "" if item.get("primary") is True else remote_id,
        name if isinstance(name, str) else "",
        color if isinstance(color, str) else "",
        role == _OWNER,
        role == _OWNER,
    )


def _parse_conference(data: Json | None, hangout: str | None) -> tuple[str, ...]:
    """Addresses to join by: the video entries, then the Meet link where it is none of them. No phone, no SIP."""
    if not data:
        return (hangout,) if hangout else ()
    found = [one["uri"] for one in data.get("entryPoints", ()) if one.get("entryPointType") == "video" and "uri" in one]
    if hangout and hangout not in found:
        found.append(hangout)
    return tuple(found)


EVENT_TYPES: dict[str, Any] = {
    **dict.fromkeys(("id", "etag", "status", "iCalUID", "summary", "description", "location", "htmlLink"), str),
    **dict.fromkeys(("hangoutLink", "visibility", "transparency", "eventType", "recurringEventId", "updated"), str),
    "start": dict.fromkeys(("dateTime", "date", "timeZone"), str),
    "end": dict.fromkeys(("dateTime", "date", "timeZone"), str),
    "organizer": {"email": str, "displayName": str, "self": bool},
    "attendees": [
        {"email": str, "displayName": str, "responseStatus": str}
        | dict.fromkeys(("organizer", "self", "optional", "resource"), bool)
    ],
    "attendeesOmitted": bool,
    "recurrence": [str],
    "originalStartTime": dict.fromkeys(("dateTime", "date", "timeZone"), str),
    "conferenceData": {"entryPoints": [{"entryPointType": str, "uri": str}]},
    "source": {"url": str},
}
