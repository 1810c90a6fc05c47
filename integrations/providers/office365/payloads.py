"""Microsoft Graph's JSON of events and our records: pure. What it says of people is in people.py.

An odd item becomes a record of what could be read of it; a whole page never fails because of one item. Parsing is a
good part of what a full sync costs, hence the plain code: one `get` per field, and records made by position.

Every request asks for times in UTC. An all-day event is midnight to midnight whatever the zone asked for: its days are
what stands there.

Reference: https://learn.microsoft.com/en-us/graph/api/resources/event
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from integrations.providers.moments import parse_day, parse_moment
from integrations.providers.office365.recurrences import first_of, parse_recurrence, zone_of
from integrations.providers.time_zones import find_zone_name
from integrations.remote import (
    Attendee,
    EventStatus,
    RemoteCalendar,
    RemoteEvent,
    RemoteRef,
    Response,
)

Json = Mapping[str, Any]

EVENT_FIELDS = (
    "iCalUId,subject,body,start,end,isAllDay,originalStartTimeZone,organizer,isOrganizer,attendees,responseStatus,"
    "location,onlineMeeting,onlineMeetingUrl,webLink,sensitivity,showAs,isCancelled,type,seriesMasterId,"
    "lastModifiedDateTime,changeKey,transactionId"
)
WHOLE_EVENT_FIELDS = f"{EVENT_FIELDS},recurrence,originalStart,isOnlineMeeting"
"""What is asked for of one event by its id."""
KEY_PROPERTY = "String {77740037-548d-4f88-ae0a-adf2a932b5ee} Name PorticoKey"
"""What marks events and contacts as made by us, to be found by."""
CALENDAR_FIELDS = "id,name,hexColor,isDefaultCalendar,canEdit,owner"

# Names of our own, because an enum member is slow to reach by way of its class.
_UNANSWERED, _NOT_INVITED = Response.NEEDS_ACTION, Response.NONE
_CONFIRMED, _TENTATIVE, _CANCELLED = EventStatus.CONFIRMED, EventStatus.TENTATIVE, EventStatus.CANCELLED
# The person's own answer. "none" and "organizer": there is nothing to answer.
_OWN_RESPONSES = {
    "notResponded": Response.NEEDS_ACTION,
    "accepted": Response.ACCEPTED,
    "tentativelyAccepted": Response.TENTATIVE,
    "declined": Response.DECLINED,
}
# An attendee's. "none" is what the organizer's copy says of someone who has not answered.
_RESPONSES = {**_OWN_RESPONSES, "organizer": Response.ACCEPTED}
_PRIVATE = frozenset({"private", "confidential"})
_NOTHING: Json = {}
# What every id that Exchange itself has made begins with; a day follows in the next eight digits.
_GLOBAL_ID = "040000008200E00074C5B7101A82E008"
_WEB = ("https://", "http://")
_COLOR = re.compile(r"#?([0-9A-Fa-f]{6})")


def is_removed(item: Json) -> bool:
    """Whether a delta says that something is no longer there, or no longer in what it lists."""
    return "@removed" in item


def parse_event(item: Json, mailbox: str = "", container: str = "") -> RemoteEvent:
    """One event or occurrence that came whole, with an id. `mailbox`: whose it is, in lower case; `container`: the
    calendar that it is in.

    Raises:
        TypeError, AttributeError: a field is of another type than documented; `salvage` makes it fit.
    """
    get = item.get
    starts, ends, starts_on, ends_on = _parse_times(item, is_all_day=get("isAllDay") is True)
    host = (get("organizer") or _NOTHING).get("emailAddress") or _NOTHING
    host_name, host_email = host.get("name") or "", host.get("address") or ""
    is_organizer = get("isOrganizer") is True
    attendees: list[Attendee] = []
    texts: list[str] = []
    host_key = host_email.lower()
    for one in get("attendees") or ():
        of = one.get
        who = of("emailAddress") or _NOTHING
        email, name = who.get("address") or "", who.get("name") or ""
        key = email.lower()
        kind = of("type")
        answer = _RESPONSES.get((of("status") or _NOTHING).get("response") or "", _UNANSWERED)
        texts += (email, name)
        attendees.append(
            Attendee(
                email,
                name,
                answer,
                key == host_key != "",
                key == mailbox != "",
                kind == "optional",
                kind == "resource",
            )
        )
    shown_as = get("showAs")
    place = get("location") or _NOTHING
    place_url = place.get("locationUri") or ""
    event = RemoteEvent(
        RemoteRef(item["id"], container, get("@odata.etag") or get("changeKey") or ""),
        _parse_uid(get("iCalUId") or ""),
        get("subject") or "",
        starts,
        ends,
        starts_on,
        ends_on,
        find_zone_name(get("originalStartTimeZone") or ""),
        host_name,
        host_email,
        is_organizer,
        tuple(attendees),
        False,
        _OWN_RESPONSES.get((get("responseStatus") or _NOTHING).get("response") or "", _NOT_INVITED),
        place.get("displayName") or "",
        (get("body") or _NOTHING).get("content") or "",
        place_url if place_url.startswith(_WEB) else "",
        _parse_conference(get("onlineMeeting"), get("onlineMeetingUrl")),
        get("webLink") or "",
        get("sensitivity") in _PRIVATE,
        shown_as == "free",
        # "tentative" is also how an invitation looks that is not answered yet; that is no word of its organizer's.
        _CANCELLED
        if get("isCancelled") is True
        else _TENTATIVE
        if shown_as == "tentative" and is_organizer
        else _CONFIRMED,
        "out_of_office" if shown_as == "oof" else "",
        get("seriesMasterId") or "",
        parse_moment(updated) if (updated := get("lastModifiedDateTime")) else None,
        parse_key(transaction) if (transaction := get("transactionId")) else "",
    )
    # Costs a copy and finds what is not text: cheaper than asking of each field, and nothing else would notice.
    texts += (event.title, event.body, event.location, event.uid, place_url, event.web_url)
    texts += (host_name, host_email, event.series_id, event.ref.version)
    "".join(texts)
    "".join(event.conference)
    return event


def fill_occurrence(stub: Json, master: RemoteEvent) -> RemoteEvent:
    """An occurrence of which a delta lists nothing but its id and its time: the rest is its series'.

    Its version is its own and the series', because a change of either changes it.

    Raises:
        TypeError, AttributeError: a field is of another type than documented; `salvage` makes it fit.
    """
    starts, ends, starts_on, ends_on = _parse_times(stub, is_all_day=master.starts_on is not None)
    own, series = stub.get("@odata.etag") or "", master.ref.version
    return RemoteEvent(
        RemoteRef(stub["id"], master.ref.container, own if own == series or not series else f"{own} {series}".strip()),
        master.uid,
        master.title,
        starts,
        ends,
        starts_on,
        ends_on,
        master.timezone,
        master.organizer_name,
        master.organizer_email,
        master.is_organizer,
        master.attendees,
        False,
        master.response,
        master.location,
        master.body,
        master.url,
        master.conference,
        master.web_url,
        master.is_private,
        master.is_free,
        master.status,
        master.kind,
        master.ref.id,
        master.updated,
        master.key,
    )


def parse_whole_event(item: Json, mailbox: str = "", container: str = "") -> RemoteEvent:
    """One event, occurrence or series that was asked for by its id, with what only this says of it.

    Raises:
        TypeError, AttributeError: as `parse_event`.
    """
    event = parse_event(item, mailbox, container)
    if original := item.get("originalStart"):
        event = replace(event, original_starts=parse_moment(original, "UTC"))
    if item.get("type") != "seriesMaster":
        return event
    raw = item.get("recurrence") or _NOTHING
    # A series goes on in this zone, which need not be the one that it was made in.
    zone = zone_of(raw) or event.timezone
    first = first_of(event.starts, event.starts_on, zone)
    recurrence = parse_recurrence(raw, *first) if first else None
    return replace(event, timezone=zone, is_series=True, recurrence=recurrence)


def parse_key(transaction: str) -> str:
    """A UUID's 32 hex digits; "" for what clients that are not ours make up in other ways.

    Raises:
        TypeError, AttributeError: it is not text.
    """
    try:
        return UUID(transaction).hex
    except ValueError:
        return ""


def parse_calendar(item: Json, mailbox: str) -> RemoteCalendar | None:
    """One of a person's calendars; None for an odd one. `mailbox`: whose list it is in, in lower case.

    Reference: https://learn.microsoft.com/en-us/graph/api/resources/calendar
    """
    remote_id, name, color = item.get("id"), item.get("name"), item.get("hexColor")
    if not isinstance(remote_id, str) or not remote_id:
        return None
    owner = item.get("owner")
    address = owner.get("address") if isinstance(owner, dict) else None
    return RemoteCalendar(
        "" if item.get("isDefaultCalendar") is True else remote_id,
        name if isinstance(name, str) else "",
        f"#{found[1].lower()}" if isinstance(color, str) and (found := _COLOR.fullmatch(color)) else "",
        is_writable=item.get("canEdit") is True,
        is_own=not isinstance(address, str) or address.lower() == mailbox,
    )


Times = tuple[datetime | None, datetime | None, date | None, date | None]


def _parse_times(item: Json, *, is_all_day: bool) -> Times:
    start, end = item.get("start") or _NOTHING, item.get("end") or _NOTHING
    first, last = start.get("dateTime") or "", end.get("dateTime") or ""
    if is_all_day:
        return None, None, parse_day(first[:10]), parse_day(last[:10])
    return (
        parse_moment(first, _zone_of(start)) if first else None,
        parse_moment(last, _zone_of(end)) if last else None,
        None,
        None,
    )


def _zone_of(part: Json) -> str:
    zone: str = part.get("timeZone") or "UTC"
    return zone if zone == "UTC" else find_zone_name(zone)


def _parse_uid(uid: str) -> str:
    """The same for all of a series, as it is elsewhere: Exchange writes the day of an occurrence into its id.

    Reference: https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxocal (PidLidGlobalObjectId)
    """
    return f"{uid[:32]}00000000{uid[40:]}" if uid.startswith(_GLOBAL_ID) else uid


def _parse_conference(meeting: Json | None, url: str | None) -> tuple[str, ...]:
    """Addresses to join by: that of the meeting, then the older field's where it is another."""
    joining = meeting.get("joinUrl") if meeting else None
    if url and url != joining:
        return (joining, url) if joining else (url,)
    return (joining,) if joining else ()


ADDRESS = {"address": str, "name": str}
_TIME = {"dateTime": str, "timeZone": str}
EVENT_TYPES: dict[str, Any] = {
    **dict.fromkeys(("id", "@odata.etag", "changeKey", "iCalUId", "subject", "originalStartTimeZone"), str),
    **dict.fromkeys(("onlineMeetingUrl", "webLink", "sensitivity", "showAs", "type", "seriesMasterId"), str),
    **dict.fromkeys(("lastModifiedDateTime", "originalStart", "transactionId"), str),
    "recurrence": {
        "pattern": {
            "type": str,
            "interval": int,
            "dayOfMonth": int,
            "month": int,
            "index": str,
            "daysOfWeek": [str],
            "firstDayOfWeek": str,
        },
        "range": {"type": str, "startDate": str, "endDate": str, "numberOfOccurrences": int, "recurrenceTimeZone": str},
    },
    "body": {"content": str},
    "start": _TIME,
    "end": _TIME,
    "isAllDay": bool,
    "isOrganizer": bool,
    "isCancelled": bool,
    "organizer": {"emailAddress": ADDRESS},
    "attendees": [{"emailAddress": ADDRESS, "type": str, "status": {"response": str}}],
    "responseStatus": {"response": str},
    "location": {"displayName": str, "locationUri": str},
    "onlineMeeting": {"joinUrl": str},
}
