"""The diaries' Google documents as Graph documents, so that one working life fills every service.

What only Google has is told in Outlook's way: a Meet room becomes a Teams meeting, the Zoom add-on's conference the
link and the text that Zoom's Outlook add-in writes, a working location "working elsewhere".
"""

from __future__ import annotations

import html
import re
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.demo import links
from sandbox.mailbox.event_shapes import make_teams_link
from sandbox.mailbox.ids import make_uid
from sandbox.mailbox.recurrence import DAYS

RESPONSES = {"accepted": "accepted", "declined": "declined", "tentative": "tentativelyAccepted", "needsAction": "none"}
SHOWN = {"outOfOffice": "oof", "workingLocation": "workingElsewhere", "birthday": "free"}
WEEKDAYS = {name[:2].upper(): name for name in DAYS}
MARKUP = re.compile(r"<\w+[^>]*>")
# where a phone number goes by its label; the others go where there is room
PHONES = {"work": "businessPhones", "workMobile": "businessPhones", "main": "businessPhones", "home": "homePhones"}


def convert_event(doc: dict[str, Any], owner: str, zone: str) -> dict[str, Any]:
    """A single, a series, or an exception. owner: whose copy it is; zone: the calendar's, for whole days."""
    made: dict[str, Any] = {
        "subject": doc.get("summary", ""), "iCalUId": make_uid(str(doc.get("iCalUID", doc["id"])), 0),
        "isAllDay": "date" in doc["start"], "start": _time(doc["start"], zone), "end": _time(doc["end"], zone),
        "attendees": _attendees(doc), "organizer": _organizer(doc, owner), "showAs": _shown(doc),
        "sensitivity": {"private": "private", "confidential": "confidential"}.get(doc.get("visibility", ""), "normal"),
        "hasAttachments": bool(doc.get("attachments")), "hideAttendees": doc.get("guestsCanSeeOtherGuests") is False,
        "categories": {"focusTime": ["Focus"], "birthday": ["Birthday"]}.get(doc.get("eventType", ""), []),
    }  # fmt: skip
    mine = [one for one in doc.get("attendees", ()) if one["email"] == owner]
    if mine and made["organizer"]["emailAddress"]["address"] != owner:
        response = RESPONSES[mine[0]["responseStatus"]]
        made["responseStatus"] = {"response": "notResponded" if response == "none" else response}
    text, place = doc.get("description", ""), doc.get("location", "")
    conference = doc.get("conferenceData", {})
    room = conference.get("entryPoints", [{}])[0].get("uri", "")
    if conference.get("conferenceSolution", {}).get("key", {}).get("type") == "addOn":
        place = place or room
        text += f"\n\n{conference.get('notes', '')}\n{links.HOST} meeting: {room}"
    elif room:
        made |= {"onlineMeeting": {"joinUrl": make_teams_link(room)}, "onlineMeetingProvider": "teamsForBusiness"}
        place = place or "Microsoft Teams Meeting"
    made["location"] = {"displayName": place}
    if MARKUP.search(text):
        made["body"] = {"contentType": "html", "content": f"<html><body>{text}</body></html>"}
    else:
        made["body"] = {"contentType": "html", "content": _page(text) if text else ""}
    if doc.get("status") == "cancelled":
        made |= {"isCancelled": True, "showAs": "free", "subject": f"Canceled: {made['subject']}"}
    if doc.get("recurrence"):
        made["recurrence"] = convert_rule(doc)
    return made


def _page(text: str) -> str:
    """Plain text as Outlook writes it: links live, a div for each line."""
    linked = re.sub(
        r"https?://[^\s<>\"']+", lambda match: f'<a href="{match[0]}">{match[0]}</a>', html.escape(text, quote=False)
    )
    lines = "".join(f"<div>{line or '<br>'}</div>" for line in linked.split("\n"))
    return f"<html><head></head><body>{lines}</body></html>"


def _time(value: dict[str, str], zone: str) -> dict[str, str]:
    if "date" in value:
        return {"dateTime": f"{value['date']}T00:00:00", "timeZone": zone}
    named = value.get("timeZone") or zone
    local = datetime.fromisoformat(value["dateTime"]).astimezone(ZoneInfo(named))
    return {"dateTime": f"{local:%Y-%m-%dT%H:%M:%S}", "timeZone": named}


def _attendees(doc: dict[str, Any]) -> list[dict[str, Any]]:
    organizer = doc.get("organizer", {}).get("email")
    return [
        {
            "type": "resource" if one.get("resource") else "optional" if one.get("optional") else "required",
            "status": {"response": RESPONSES[one.get("responseStatus", "needsAction")]},
            "emailAddress": {"name": one.get("displayName") or one["email"], "address": one["email"]},
        }
        for one in doc.get("attendees", ())
        if one["email"] != organizer
    ]


def _organizer(doc: dict[str, Any], owner: str) -> dict[str, Any]:
    found = doc.get("organizer", {})
    # a calendar of its own is no person; whoever owns it is
    address = found.get("email") or owner
    return {"emailAddress": {"name": found.get("displayName") or address, "address": address}}


def _shown(doc: dict[str, Any]) -> str:
    if doc.get("eventType") in SHOWN:
        return SHOWN[doc["eventType"]]
    if doc.get("transparency") == "transparent":
        return "free"
    return "tentative" if doc.get("status") == "tentative" else "busy"


def convert_rule(doc: dict[str, Any]) -> dict[str, Any]:
    """The one RRULE of a diary's event as a patternedRecurrence."""
    rule = next(line for line in doc["recurrence"] if line.startswith("RRULE:")).removeprefix("RRULE:")
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    starts = doc["start"].get("date") or doc["start"]["dateTime"]
    zone = doc["start"].get("timeZone", "")
    day = date.fromisoformat(starts[:10])
    if zone:
        day = datetime.fromisoformat(starts).astimezone(ZoneInfo(zone)).date()
    days = parts.get("BYDAY", "")
    pattern: dict[str, Any] = {"interval": int(parts.get("INTERVAL", "1")), "firstDayOfWeek": "monday"}
    match parts["FREQ"]:
        case "DAILY":
            pattern["type"] = "daily"
        case "WEEKLY":
            names = [WEEKDAYS[name] for name in days.split(",")] if days else [DAYS[day.weekday()]]
            pattern |= {"type": "weekly", "daysOfWeek": names}
        case "MONTHLY" if days:
            pattern |= {"type": "relativeMonthly", "index": "last", "daysOfWeek": [WEEKDAYS[days[-2:]]]}
        case "MONTHLY":
            pattern |= {"type": "absoluteMonthly", "dayOfMonth": day.day}
        case _:
            pattern |= {"type": "absoluteYearly", "dayOfMonth": day.day, "month": day.month}
    extent: dict[str, Any] = {"type": "noEnd", "startDate": day.isoformat()}
    if "COUNT" in parts:
        extent |= {"type": "numbered", "numberOfOccurrences": int(parts["COUNT"])}
    return {"pattern": pattern, "range": extent}


def left_out(doc: dict[str, Any]) -> list[date]:
    """Days that a series' EXDATEs take away."""
    lines = [line.rpartition(":")[2] for line in doc.get("recurrence", ()) if line.startswith("EXDATE")]
    return [date.fromisoformat(text[:8]) for line in lines for text in line.split(",")]


def day_of(exception: dict[str, Any], zone: str) -> date:
    """Which day of its series an exception was planned for; zone: the series'."""
    value = exception["originalStartTime"]
    if "date" in value:
        return date.fromisoformat(value["date"])
    return datetime.fromisoformat(value["dateTime"]).astimezone(ZoneInfo(zone)).date()


def convert_contact(doc: dict[str, Any]) -> dict[str, Any]:
    """A person as an Outlook contact, as far as one has room: three addresses, five numbers."""

    def first(name: str) -> dict[str, Any]:
        return next(iter(doc.get(name, ())), {})

    name, company, address = first("names"), first("organizations"), first("addresses")
    made: dict[str, Any] = {
        "title": name.get("honorificPrefix"), "givenName": name.get("givenName"), "middleName": name.get("middleName"),
        "surname": name.get("familyName"), "generation": name.get("honorificSuffix"),
        "nickName": first("nicknames").get("value"), "companyName": company.get("name"),
        "jobTitle": company.get("title"),
        "personalNotes": first("biographies").get("value"), "businessHomePage": first("urls").get("value"),
        "emailAddresses": [{"address": one["value"]} for one in doc.get("emailAddresses", ())][:3],
        "businessPhones": [], "homePhones": [],
    }  # fmt: skip
    for one in doc.get("phoneNumbers", ()):
        if one.get("type") == "mobile" and "mobilePhone" not in made:
            made["mobilePhone"] = one["value"]
            continue
        for shelf in (PHONES.get(one.get("type", ""), "businessPhones"), "businessPhones", "homePhones"):
            if len(made[shelf]) < 2:
                made[shelf].append(one["value"])
                break
    if address:
        made["businessAddress"] = {
            "street": address.get("streetAddress"), "city": address.get("city"),
            "postalCode": address.get("postalCode"), "countryOrRegion": address.get("country"),
        }  # fmt: skip
    if when := first("birthdays").get("date"):
        made["birthday"] = f"{when['year']:04d}-{when['month']:02d}-{when['day']:02d}"
    if not any(made[part] for part in ("givenName", "surname", "companyName")):
        made["displayName"] = next((one["address"] for one in made["emailAddresses"]), "")
    return made
