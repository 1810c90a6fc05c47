"""What an event may hold, which of it a client may set, and how a client's body becomes the stored event."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from sandbox.google.errors import calendar_error, invalid
from sandbox.google.recurrence import parse_series
from sandbox.google.times import clean_time, get_zone, read_time

# what a client may set; all else in its body is ignored, as Google does
WRITABLE = (
    "status", "summary", "description", "location", "colorId", "start", "end", "recurrence", "transparency",
    "visibility", "attendees", "attendeesOmitted", "extendedProperties", "conferenceData", "anyoneCanAddSelf",
    "guestsCanInviteOthers", "guestsCanModify", "guestsCanSeeOtherGuests", "reminders", "source", "attachments",
    "sequence", "workingLocationProperties", "outOfOfficeProperties", "focusTimeProperties", "birthdayProperties",
    "privateCopy", "endTimeUnspecified",
)  # fmt: skip
ON_CREATION = ("id", "iCalUID", "eventType")
# an attendee's copy keeps its own of these when the organizer changes the event
OWN = ("colorId", "reminders", "transparency", "visibility")
ORGANIZERS_ONLY = ("guestsCanInviteOthers", "guestsCanModify", "guestsCanSeeOtherGuests", "anyoneCanAddSelf")
ATTENDEE = ("id", "email", "displayName", "organizer", "self", "resource", "optional", "responseStatus", "comment",
            "additionalGuests")  # fmt: skip
EVENT_ID = re.compile(r"[a-v0-9]{5,1024}$")
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+$")
CHOICES = {
    "status": ("confirmed", "tentative", "cancelled"),
    "transparency": ("opaque", "transparent"),
    "visibility": ("default", "public", "private", "confidential"),
    "eventType": ("default", "outOfOffice", "focusTime", "birthday", "workingLocation", "fromGmail"),
}
TEXTS = ("id", "iCalUID", "eventType", "status", "summary", "description", "location", "colorId", "transparency",
         "visibility")  # fmt: skip
LISTS = ("recurrence", "attendees", "attachments")
OBJECTS = ("start", "end", "extendedProperties", "conferenceData", "reminders", "source", "workingLocationProperties",
           "outOfOfficeProperties", "focusTimeProperties", "birthdayProperties")  # fmt: skip
DEFAULTS = {"transparency": "opaque", "visibility": "default", "guestsCanInviteOthers": True,
            "guestsCanSeeOtherGuests": True, "guestsCanModify": False, "anyoneCanAddSelf": False,
            "attendeesOmitted": False, "privateCopy": False, "endTimeUnspecified": False}  # fmt: skip
RESPONSES = ("needsAction", "declined", "tentative", "accepted")
MEET_ICON = (
    "https://fonts.gstatic.com/s/i/productlogos/meet_2020q4/v6/web-512dp/logo_meet_2020q4_color_2x_web_512dp.png"
)


def merge_patch(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """Patch semantics: objects merge, lists replace, null removes.

    Reference: https://developers.google.com/workspace/calendar/api/guides/performance#patch
    """
    merged = dict(base)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = merge_patch(merged[name], value)
        else:
            merged[name] = value
    return merged


def clean_event(body: dict[str, Any], zone_name: str) -> dict[str, Any]:
    """A client's body → the part of an event it may decide. Raises GoogleError (400)."""
    doc = {name: body[name] for name in (*WRITABLE, *ON_CREATION) if body.get(name) is not None and body[name] != ""}
    for names, kind in ((TEXTS, str), (LISTS, list), (OBJECTS, dict)):
        if wrong := next((name for name in names if name in doc and not isinstance(doc[name], kind)), ""):
            raise invalid(wrong, f"Invalid value for: {wrong}")
    if not all(isinstance(part, dict) for part in doc.get("extendedProperties", {}).values()):
        raise invalid("extendedProperties", "Invalid value for: extendedProperties")
    if not isinstance(doc.get("conferenceData", {}).get("createRequest", {}), dict):
        raise invalid("conferenceData", "Invalid conference type value.")
    for name, choices in CHOICES.items():
        if name in doc and doc[name] not in choices:
            raise invalid(name, f"Invalid value for: {doc[name]} is not a valid value")
    recurrence = doc.get("recurrence")
    if recurrence is not None and not all(isinstance(line, str) for line in recurrence):
        raise invalid("recurrence", "Invalid recurrence rule.")
    if recurrence == []:
        del doc["recurrence"]
    for which in ("start", "end"):
        doc[which] = clean_time(doc.get(which), which, zone_name, needs_zone=bool(recurrence))
    _check_span(doc, zone_name)
    if "attendees" in doc:
        doc["attendees"] = _clean_attendees(doc["attendees"])
    return {name: value for name, value in doc.items() if DEFAULTS.get(name) != value}


def _check_span(doc: dict[str, Any], zone_name: str) -> None:
    zone = get_zone(zone_name)
    if bool(doc["start"].get("date")) != bool(doc["end"].get("date")):
        raise invalid("start", "Invalid start time.")
    starts, ends = read_time(doc["start"], zone), read_time(doc["end"], zone)
    assert starts and ends
    if ends < starts or (doc["start"].get("date") and ends == starts):
        raise calendar_error(400, "timeRangeEmpty", "The specified time range is empty.", domain="calendar",
                             location="timeMax")  # fmt: skip
    if doc.get("recurrence"):
        parse_series(doc, zone)


def _clean_attendees(attendees: list[Any]) -> list[dict[str, Any]]:
    cleaned: dict[str, dict[str, Any]] = {}
    for attendee in attendees:
        email = str(attendee.get("email", "")) if isinstance(attendee, dict) else ""
        if not email:
            raise calendar_error(400, "required", "Missing attendee email.")
        if not ADDRESS.match(email):
            raise invalid("attendees", "Invalid attendee email.")
        one = {name: attendee[name] for name in ATTENDEE if attendee.get(name) not in (None, "", False)}
        one["email"] = email.lower()
        if one.setdefault("responseStatus", "needsAction") not in RESPONSES:
            raise invalid("attendees", "Invalid value for: responseStatus")
        cleaned.setdefault(one["email"], one)
    return list(cleaned.values())


def clean_id(name: str) -> str:
    """A client's own event id. Raises GoogleError (400)."""
    if not EVENT_ID.match(name):
        raise invalid("id", "Invalid resource id value.")
    return name


def make_conference(event_id: str, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """What a createRequest gets: a Meet room at once. None for a solution the sandbox does not know."""
    kind = wanted.get("conferenceSolutionKey", {}).get("type", "hangoutsMeet")
    if kind != "hangoutsMeet":
        return {"createRequest": wanted | {"status": {"statusCode": "failure"}}}
    letters = "".join(chr(97 + byte % 26) for byte in hashlib.sha256(event_id.encode()).digest())
    return dump_meet(f"{letters[:3]}-{letters[3:7]}-{letters[7:10]}", wanted)


def dump_meet(code: str, wanted: dict[str, Any] | None = None) -> dict[str, Any]:
    """conferenceData of a Google Meet room."""
    doc: dict[str, Any] = {
        "entryPoints": [
            {"entryPointType": "video", "uri": f"https://meet.google.com/{code}", "label": f"meet.google.com/{code}"}
        ],
        "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": "Google Meet", "iconUri": MEET_ICON},
        "conferenceId": code,
    }
    if wanted is not None:
        key = {"type": "hangoutsMeet"}
        doc["createRequest"] = wanted | {"conferenceSolutionKey": key, "status": {"statusCode": "success"}}
    return doc


def mark_selves(doc: dict[str, Any], calendar_id: str) -> None:
    """Set `self` and `organizer` as they read on the copy in this calendar."""
    organizer = doc.get("organizer", {})
    for person in (organizer, doc.get("creator", {})):
        person.pop("self", None)
        if person.get("email") == calendar_id:
            person["self"] = True
    for attendee in doc.get("attendees", ()):
        for name, matches in (("self", attendee["email"] == calendar_id),
                              ("organizer", attendee["email"] == organizer.get("email"))):  # fmt: skip
            attendee.pop(name, None)
            if matches:
                attendee[name] = True
