"""What an event holds, which of it a client may set, and how a body becomes the stored event.

An event is kept as Graph v1.0 shows it: start and end in UTC, the body as HTML. An all-day event floats: its start and
end are midnights without a place, and `originalStartTimeZone` says where it was made.

Reference: https://learn.microsoft.com/en-us/graph/api/resources/event
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from sandbox.mailbox.errors import MailboxError, invalid
from sandbox.mailbox.ids import make_occurrence_id, mark_uid
from sandbox.mailbox.recurrence import Occurrence, Series, clean_recurrence, parse_series
from sandbox.mailbox.texts import preview, to_html
from sandbox.mailbox.times import NEVER, dump_moment, find_zone, get_zone, parse_moment, read_moment, windows_name

# what a client may set by Graph; a face for another protocol has its own list
WRITABLE = (
    "subject", "body", "importance", "sensitivity", "showAs", "isAllDay", "start", "end", "location", "locations",
    "recurrence", "attendees", "categories", "reminderMinutesBeforeStart", "isReminderOn", "responseRequested",
    "allowNewTimeProposals", "isOnlineMeeting", "onlineMeetingProvider", "hideAttendees", "transactionId",
)  # fmt: skip
CHOICES = {
    "importance": ("low", "normal", "high"),
    "sensitivity": ("normal", "personal", "private", "confidential"),
    "showAs": ("free", "tentative", "busy", "oof", "workingElsewhere", "unknown"),
    "onlineMeetingProvider": ("unknown", "skypeForBusiness", "skypeForConsumer", "teamsForBusiness"),
}
FLAGS = ("isAllDay", "isReminderOn", "responseRequested", "allowNewTimeProposals", "isOnlineMeeting", "hideAttendees",
         "isCancelled", "isDraft", "hasAttachments")  # fmt: skip
TIMES = ("start", "end", "isAllDay", "originalStartTimeZone", "originalEndTimeZone")
RESPONSES = ("none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded")
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+$")
WEB_ROOT = "https://outlook.office365.com/owa/?itemid="
# what an event made without a word about it says
DEFAULTS: dict[str, Any] = {
    "categories": [], "transactionId": None, "originalStartTimeZone": "UTC", "originalEndTimeZone": "UTC",
    "iCalUId": "", "reminderMinutesBeforeStart": 15, "isReminderOn": True, "hasAttachments": False, "subject": "",
    "bodyPreview": "", "importance": "normal", "sensitivity": "normal", "isAllDay": False, "isCancelled": False,
    "isOrganizer": True, "responseRequested": True, "seriesMasterId": None, "showAs": "busy", "type": "singleInstance",
    "webLink": "", "onlineMeetingUrl": None, "isOnlineMeeting": False, "onlineMeetingProvider": "unknown",
    "allowNewTimeProposals": True, "isDraft": False, "hideAttendees": False,
}  # fmt: skip
NOWHERE = {"displayName": "", "locationType": "default", "uniqueIdType": "unknown", "address": {}, "coordinates": {}}
# what changes with the copy an attendee keeps, not with what the organizer sends
OWN = ("showAs", "sensitivity", "categories", "reminderMinutesBeforeStart", "isReminderOn", "importance")


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose mailbox it is. zone: an IANA name."""

    email: str
    name: str
    zone: str

    def recipient(self) -> dict[str, Any]:
        return {"emailAddress": {"name": self.name, "address": self.email}}


def shape_event(patch: dict[str, Any], old: dict[str, Any] | None, owner: Owner) -> dict[str, Any]:
    """An event with a change applied; old None: a new one. Ids and stamps are not in it yet. Raises MailboxError."""
    doc = dict(old) if old else dict(DEFAULTS)
    for name, choices in CHOICES.items():
        if patch.get(name) is not None:
            if patch[name] not in choices:
                raise invalid(name)
            doc[name] = patch[name]
    for name in FLAGS:
        if patch.get(name) is not None:
            if not isinstance(patch[name], bool):
                raise invalid(name)
            doc[name] = patch[name]
    for name in ("subject", "iCalUId", "transactionId", "onlineMeetingUrl"):
        if name in patch:
            doc[name] = None if patch[name] is None else str(patch[name])
    if patch.get("reminderMinutesBeforeStart") is not None:
        doc["reminderMinutesBeforeStart"] = int(patch["reminderMinutesBeforeStart"])
    if "categories" in patch:
        doc["categories"] = [str(one) for one in patch["categories"] or ()]
    doc["subject"] = doc["subject"] or ""
    _settle_body(doc, patch)
    if old is None or any(name in patch for name in TIMES):
        _settle_times(doc, patch, owner, old)
    _settle_place(doc, patch)
    _settle_people(doc, patch, owner, is_new=old is None)
    _settle_conference(doc, patch)
    doc.setdefault("recurrence", None)
    if "recurrence" in patch or (doc["recurrence"] and "start" in patch):
        _settle_recurrence(doc, patch, owner)
    if doc["type"] in ("singleInstance", "seriesMaster"):
        doc["type"] = "seriesMaster" if doc["recurrence"] else "singleInstance"
    return _in_order(doc)


ORDER = (
    "@odata.etag", "id", "createdDateTime", "lastModifiedDateTime", "changeKey", *DEFAULTS, "originalStart",
    "responseStatus", "body", "start", "end", "location", "locations", "recurrence", "attendees", "organizer",
    "onlineMeeting",
)  # fmt: skip


def _in_order(doc: dict[str, Any]) -> dict[str, Any]:
    return {name: doc[name] for name in ORDER if name in doc}


def _settle_body(doc: dict[str, Any], patch: dict[str, Any]) -> None:
    if "body" in patch or "body" not in doc:
        body = patch.get("body") or {}
        if not isinstance(body, dict):
            raise invalid("body")
        kind, content = str(body.get("contentType") or "text").lower(), str(body.get("content") or "")
        if kind not in ("html", "text"):
            raise invalid("body/contentType")
        doc["body"] = {"contentType": "html", "content": to_html(content) if kind == "text" and content else content}
        doc["bodyPreview"] = preview(doc["body"]["content"])


def zone_of(doc: dict[str, Any], owner: Owner) -> ZoneInfo:
    """Where a single event was made; of a series, the zone its rule runs in."""
    own = find_zone(owner.zone) or ZoneInfo("UTC")
    name = doc["originalStartTimeZone"]
    if doc.get("recurrence"):
        name = doc["recurrence"]["range"]["recurrenceTimeZone"]
    return find_zone(name) or own


def span(doc: dict[str, Any], zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When it starts and ends, in UTC: days begin at midnight in the given zone."""
    starts, ends = read_moment(doc["start"]), read_moment(doc["end"])
    if doc["isAllDay"]:
        starts, ends = (moment.replace(tzinfo=zone).astimezone(UTC) for moment in (starts, ends))
    return starts, ends


def _settle_times(doc: dict[str, Any], patch: dict[str, Any], owner: Owner, old: dict[str, Any] | None) -> None:
    own = find_zone(owner.zone) or ZoneInfo("UTC")
    names = (("start", "originalStartTimeZone"), ("end", "originalEndTimeZone"))
    moments = {}
    for which, label in names:
        if which in patch or old is None:
            moments[which] = parse_moment(patch.get(which), which, own)
            doc[label] = windows_name(str(patch.get(label) or patch[which].get("timeZone") or "UTC"))
        else:
            zone = find_zone(old[label]) or own
            stored = read_moment(old[which])
            moments[which] = stored.replace(tzinfo=zone).astimezone(UTC) if old["isAllDay"] else stored
    if moments["end"] < moments["start"]:
        raise MailboxError("ErrorCalendarEndDateIsEarlierThanStartDate")
    if not doc["isAllDay"]:
        doc["start"], doc["end"] = dump_moment(moments["start"]), dump_moment(moments["end"])
        return
    for which, label in names:
        given = str((patch.get(which) or {}).get("timeZone") or doc[label])
        local = moments[which].astimezone(get_zone(given, own))
        if local.time() != time(0):
            raise invalid(
                which, f"The Event.{which.title()} property for an all-day event needs to be set to midnight."
            )
        doc[which] = dump_moment(local.replace(tzinfo=UTC))
    if doc["start"] == doc["end"]:
        raise invalid("end", "The duration of an all-day event needs to be at least 24 hours.")


def _clean_place(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid("location")
    name = str(value.get("displayName") or "")
    known = {key: value[key] for key in ("locationUri", "address", "coordinates", "locationEmailAddress")
             if value.get(key)}  # fmt: skip
    if not name and not known:
        return dict(NOWHERE)
    return {"displayName": name, "locationType": value.get("locationType") or "default", "uniqueId": name,
            "uniqueIdType": "private", **known}  # fmt: skip


def _settle_place(doc: dict[str, Any], patch: dict[str, Any]) -> None:
    if patch.get("locations") and not patch.get("location"):
        doc["locations"] = [_clean_place(one) for one in patch["locations"]]
        joined = "; ".join(one["displayName"] for one in doc["locations"])
        doc["location"] = doc["locations"][0] | {"displayName": joined, "uniqueId": joined}
    elif "location" in patch or "location" not in doc:
        doc["location"] = _clean_place(patch.get("location") or {})
        doc["locations"] = [doc["location"]] if doc["location"]["displayName"] else []


def clean_response(value: Any) -> dict[str, str]:
    response = str((value or {}).get("response") or "none")
    if response not in RESPONSES:
        raise invalid("status/response")
    return {"response": response, "time": str((value or {}).get("time") or NEVER)}


def _clean_address(value: Any) -> dict[str, str]:
    address = str(value.get("address") or "") if isinstance(value, dict) else ""
    if not ADDRESS.match(address):
        raise MailboxError("ErrorInvalidRecipients")
    return {"name": str(value.get("name") or address), "address": address}


def _settle_people(doc: dict[str, Any], patch: dict[str, Any], owner: Owner, *, is_new: bool) -> None:
    if "attendees" in patch or "attendees" not in doc:
        known = {one["emailAddress"]["address"].lower(): one["status"] for one in doc.get("attendees", ())}
        cleaned = {}
        for one in patch.get("attendees") or ():
            if not isinstance(one, dict) or str(one.get("type") or "required") not in (
                "required",
                "optional",
                "resource",
            ):
                raise invalid("attendees")
            address = _clean_address(one.get("emailAddress"))
            key = address["address"].lower()
            status = clean_response(one["status"]) if one.get("status") else known.get(key, clean_response(None))
            cleaned.setdefault(key, {"type": one.get("type") or "required", "status": status, "emailAddress": address})
        doc["attendees"] = list(cleaned.values())
    if patch.get("organizer"):
        doc["organizer"] = {"emailAddress": _clean_address(patch["organizer"].get("emailAddress"))}
    doc.setdefault("organizer", owner.recipient())
    doc["isOrganizer"] = doc["organizer"]["emailAddress"]["address"].lower() == owner.email
    if patch.get("responseStatus"):
        doc["responseStatus"] = clean_response(patch["responseStatus"])
    elif is_new or "responseStatus" not in doc:
        mine = [one for one in doc["attendees"] if one["emailAddress"]["address"].lower() == owner.email]
        if doc["isOrganizer"]:
            doc["responseStatus"] = {"response": "organizer", "time": NEVER}
        else:
            status = mine[0]["status"] if mine else clean_response(None)
            doc["responseStatus"] = (
                status if status["response"] != "none" else {"response": "notResponded", "time": NEVER}
            )


def _settle_conference(doc: dict[str, Any], patch: dict[str, Any]) -> None:
    """A Teams meeting is made at once, where it is asked for; Outlook cannot take it away again."""
    if "onlineMeeting" in patch:
        doc["onlineMeeting"] = patch["onlineMeeting"]
        if patch["onlineMeeting"]:
            doc["isOnlineMeeting"] = True
    doc.setdefault("onlineMeeting", None)
    if doc["isOnlineMeeting"] and not doc["onlineMeeting"]:
        if doc["onlineMeetingProvider"] == "unknown":
            doc["onlineMeetingProvider"] = "teamsForBusiness"
        key = f"{doc['subject']}/{doc['start']['dateTime']}/{doc['organizer']['emailAddress']['address']}"
        number = str(int(hashlib.sha256(key.encode()).hexdigest()[:7], 16) + 100_000_000)
        doc["onlineMeeting"] = {
            "joinUrl": make_teams_link(key),
            "conferenceId": number,
            "tollNumber": "+49 69 5050 0000",
        }


def make_teams_link(key: str) -> str:
    """A Teams join link that stays the same for the same key."""
    code = hashlib.sha256(key.encode()).hexdigest()
    context = quote('{"Tid":"b1a2c3d4-0000-4000-8000-000000000000","Oid":"' + code[:8] + '"}')
    return f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{code[:40]}%40thread.v2/0?context={context}"


def _settle_recurrence(doc: dict[str, Any], patch: dict[str, Any], owner: Owner) -> None:
    """The rule, and the series' start moved to its first occurrence."""
    if "recurrence" in patch and not patch["recurrence"]:
        doc["recurrence"] = None
        return
    if doc["type"] in ("occurrence", "exception"):
        raise invalid("recurrence", "The recurrence of a single occurrence can't be set.")
    zone = find_zone(doc["originalStartTimeZone"]) or find_zone(owner.zone) or ZoneInfo("UTC")
    day = span(doc, zone)[0].astimezone(zone).date()
    value = patch.get("recurrence")
    if not value:
        old = doc["recurrence"]
        value = {"pattern": old["pattern"], "range": old["range"] | {"startDate": day.isoformat()}}
    doc["recurrence"] = clean_recurrence(value, day, doc["originalStartTimeZone"])
    series = series_of(doc, owner)
    first = next(series.occurrences())
    doc |= show_times(doc, first.starts, first.ends, series.zone)


def series_of(doc: dict[str, Any], owner: Owner) -> Series:
    """The series of a master. Raises MailboxError."""
    zone = zone_of(doc, owner)
    starts, ends = span(doc, zone)
    begins = starts.astimezone(zone).replace(tzinfo=None)
    length = ends.astimezone(zone).replace(tzinfo=None) - begins
    return parse_series(doc["recurrence"], begins.time(), zone, max(length, timedelta(0)))


def show_times(doc: dict[str, Any], starts: datetime, ends: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """start and end of a doc like this one at other moments."""
    if doc["isAllDay"]:
        starts, ends = (moment.astimezone(zone).replace(tzinfo=UTC) for moment in (starts, ends))
    return {"start": dump_moment(starts), "end": dump_moment(ends)}


def web_link(item_id: str) -> str:
    return f"{WEB_ROOT}{item_id}&exvsurl=1&path=/calendar/item"


def build_occurrence(master: dict[str, Any], one: Occurrence, zone: ZoneInfo) -> dict[str, Any]:
    """The event one planned meeting is, as long as nobody changed it."""
    item_id = make_occurrence_id(master["id"], one.day)
    doc = master | {
        "id": item_id, "seriesMasterId": master["id"], "type": "occurrence", "recurrence": None,
        "iCalUId": mark_uid(master["iCalUId"], one.day), "webLink": web_link(item_id),
        "originalStart": f"{one.starts:%Y-%m-%dT%H:%M:%SZ}", **show_times(master, one.starts, one.ends, zone),
        "transactionId": None,
    }  # fmt: skip
    return _in_order(doc)
