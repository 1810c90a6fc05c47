"""Items as clients send them → what the mailbox is asked to keep. Pure.

A property is named by its element (Subject), whichever way it comes: with a new item, or alone in an UpdateItem.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.exchange.contact_xml import ADDRESS_PARTS, ADDRESSES, PHONE_KEYS, PHONES, SECONDS, read_pair
from sandbox.exchange.errors import EwsError
from sandbox.exchange.event_xml import RESPONSE, SHOW_AS
from sandbox.exchange.extended import parse_property
from sandbox.exchange.item_xml import SENSITIVITY
from sandbox.exchange.recurring import parse_recurrence
from sandbox.exchange.soap import Element, T, invalid_request, read_bool, read_text
from sandbox.mailbox.contacts import More
from sandbox.mailbox.texts import to_text
from sandbox.mailbox.times import find_zone

Patch = dict[str, Any]
IN_SENSITIVITY = {value: key for key, value in SENSITIVITY.items()}
IN_SHOW_AS = {value: key for key, value in SHOW_AS.items()}
IN_RESPONSE = {value: key for key, value in RESPONSE.items()}
LONGEST_SUBJECT = 255
ATTENDEES = {"RequiredAttendees": "required", "OptionalAttendees": "optional", "Resources": "resource"}


def _choice(element: Element, choices: dict[str, str]) -> str:
    value = read_text(element)
    if value not in choices:
        name = element.tag.removeprefix(T)
        raise invalid_request(f"The '{name}' element is invalid - The value '{value}' is invalid.")
    return choices[value]


def _strings(element: Element) -> list[str]:
    return [read_text(one) for one in element.iterfind(f"{T}String")]


def parse_attendees(element: Element) -> list[dict[str, Any]]:
    kind = ATTENDEES[element.tag.removeprefix(T)]
    found = []
    for one in element.iterfind(f"{T}Attendee"):
        address = read_text(one.find(f"{T}Mailbox/{T}EmailAddress"))
        name = read_text(one.find(f"{T}Mailbox/{T}Name")) or address
        response = IN_RESPONSE.get(read_text(one.find(f"{T}ResponseType")), "none")
        entry: dict[str, Any] = {"type": kind, "emailAddress": {"name": name, "address": address}}
        if response != "none":
            entry["status"] = {"response": response}
        found.append(entry)
    return found


def _body(element: Element) -> dict[str, str]:
    return {"contentType": "html" if element.get("BodyType") == "HTML" else "text", "content": read_text(element)}


def _subject(element: Element) -> str:
    """Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/subject (its length)"""
    subject = read_text(element)
    if len(subject) > LONGEST_SUBJECT:
        raise EwsError("ErrorItemSavePropertyError", xml='<t:FieldURI FieldURI="item:Subject"/>')
    return subject


EVENT_VALUES: dict[str, tuple[str, Callable[[Element], Any]]] = {
    "Subject": ("subject", _subject),
    "Sensitivity": ("sensitivity", lambda one: _choice(one, IN_SENSITIVITY)),
    "Body": ("body", _body),
    "Categories": ("categories", _strings),
    "Importance": ("importance", lambda one: read_text(one).lower()),
    "ReminderIsSet": ("isReminderOn", lambda one: read_bool(read_text(one))),
    "ReminderMinutesBeforeStart": ("reminderMinutesBeforeStart", read_text),
    "IsAllDayEvent": ("isAllDay", lambda one: read_bool(read_text(one))),
    "LegacyFreeBusyStatus": ("showAs", lambda one: _choice(one, IN_SHOW_AS)),
    "Location": ("location", lambda one: {"displayName": read_text(one)}),
    "EnhancedLocation": ("location", lambda one: {"displayName": read_text(one.find(f"{T}DisplayName"))}),
    "IsResponseRequested": ("responseRequested", lambda one: read_bool(read_text(one))),
    "AllowNewTimeProposal": ("allowNewTimeProposals", lambda one: read_bool(read_text(one))),
    "UID": ("iCalUId", read_text),
}
# may be sent, and change nothing here
IGNORED = ("ItemClass", "ConferenceType", "IsOnlineMeeting", "MeetingWorkspaceUrl", "NetShowUrl", "When", "Culture",
           "FileAsMapping", "PostalAddressIndex", "HasPicture", "ReminderDueBy", "StartTimeZone", "EndTimeZone",
           "MeetingTimeZone", "Companies", "Mileage", "WeddingAnniversary", "DisplayBcc", "InReplyTo")  # fmt: skip
# what an event has after DeleteItemField
EVENT_EMPTY: Patch = {
    "subject": "", "body": {"contentType": "text", "content": ""}, "categories": [], "location": {},
    "isReminderOn": False, "recurrence": None, "sensitivity": "normal", "importance": "normal",
}  # fmt: skip


def parse_event(elements: list[Element], zone: ZoneInfo, old: Patch | None = None) -> Patch:
    """elements: properties, each named once; zone: of times that name none; old: the event that they change.

    Raises:
        EwsError: a property that cannot be set.
        SoapFault: a value that the schema does not allow.
    """
    patch: Patch = {}
    named = {one.tag.removeprefix(T): one for one in elements}
    for name, element in named.items():
        if name in EVENT_VALUES:
            key, read = EVENT_VALUES[name]
            patch[key] = read(element)
        elif name in ATTENDEES or name in ("Start", "End", "Recurrence", "ExtendedProperty", *IGNORED):
            continue
        else:
            raise EwsError("ErrorInvalidPropertySet")
    if any(name in named for name in ATTENDEES):
        kept = [one for one in (old or {}).get("attendees", ()) if one["type"] not in
                {ATTENDEES[name] for name in ATTENDEES if name in named}]  # fmt: skip
        patch["attendees"] = kept + [one for name in ATTENDEES if name in named for one in parse_attendees(named[name])]
    extended = [parse_property(one) for one in elements if one.tag == f"{T}ExtendedProperty"]
    if extended:
        patch["singleValueExtendedProperties"] = [{"id": path, "value": value} for path, value in extended]
    _settle_times(patch, named, zone, old)
    if "Recurrence" in named:
        zone_name = patch.get("originalStartTimeZone") or (old or {}).get("originalStartTimeZone") or "UTC"
        patch["recurrence"] = parse_recurrence(named["Recurrence"], zone_name)
    return patch


def _settle_times(patch: Patch, named: dict[str, Element], zone: ZoneInfo, old: Patch | None) -> None:
    """Start, End and their zones. Whole days are what Exchange makes of an all-day event's times. Raises EwsError."""
    for name, key in (("StartTimeZone", "originalStartTimeZone"), ("EndTimeZone", "originalEndTimeZone"),
                      ("MeetingTimeZone", "originalStartTimeZone")):  # fmt: skip
        if name in named:
            zone_name = named[name].get("Id") or named[name].get("TimeZoneName") or "UTC"
            if find_zone(zone_name) is None:
                raise EwsError("ErrorTimeZone")
            patch[key] = zone_name
    if "originalStartTimeZone" in patch:
        patch.setdefault("originalEndTimeZone", patch["originalStartTimeZone"])
    all_day = patch.get("isAllDay", (old or {}).get("isAllDay", False))
    for name, key, label in (("Start", "start", "originalStartTimeZone"), ("End", "end", "originalEndTimeZone")):
        if name not in named:
            if all_day and old and not old["isAllDay"]:
                own = find_zone(old[label]) or zone
                moment = datetime.fromisoformat(old[key]["dateTime"][:19]).replace(tzinfo=UTC)
                patch[key] = _whole_day(moment.astimezone(own), old[label], is_end=name == "End")
            continue
        own_name = patch.get(label) or (old or {}).get(label) or (str(zone) if old is None else "UTC")
        own = find_zone(own_name) or zone
        moment = _read_moment(read_text(named[name]), own if label in patch else zone)
        patch.setdefault(label, own_name)
        if all_day:
            patch[key] = _whole_day(moment.astimezone(own), own_name, is_end=name == "End")
        else:
            patch[key] = {"dateTime": f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}", "timeZone": "UTC"}


def _whole_day(local: datetime, zone_name: str, *, is_end: bool) -> dict[str, str]:
    """The midnight before, or for an end the one after."""
    midnight = datetime.combine(local.date(), time(0))
    if is_end and local.replace(tzinfo=None) != midnight:
        midnight += timedelta(days=1)
    return {"dateTime": midnight.isoformat(), "timeZone": zone_name}


def _read_moment(value: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
    except ValueError:
        raise invalid_request(f"The value '{value}' is invalid according to its datatype 'dateTime'.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


CONTACT_TEXTS = {
    "FileAs": "fileAs", "DisplayName": "displayName", "GivenName": "givenName", "Initials": "initials",
    "MiddleName": "middleName", "Nickname": "nickName", "CompanyName": "companyName", "AssistantName": "assistantName",
    "Birthday": "birthday", "BusinessHomePage": "businessHomePage", "Department": "department",
    "Generation": "generation", "JobTitle": "jobTitle", "Manager": "manager", "OfficeLocation": "officeLocation",
    "Profession": "profession", "SpouseName": "spouseName", "Surname": "surname",
    "PhoneticFirstName": "yomiGivenName", "PhoneticLastName": "yomiSurname", "Notes": "personalNotes",
}  # fmt: skip


class ContactPatch:
    """A change of a contact: doc for the mailbox; phones and extended properties for what it has no room for."""

    def __init__(self, old: Patch | None, phones: dict[str, str], extended: dict[str, str]) -> None:
        self.doc: Patch = {}
        self._old = old or {}
        self.phones, self.extended = dict(phones), dict(extended)

    @property
    def more(self) -> More:
        return {"phones": self.phones, "extended": self.extended}

    def read(self, name: str) -> Any:
        """A value as it is by now."""
        return self.doc.get(name, self._old.get(name))

    def _list(self, name: str) -> list[Any]:
        if name not in self.doc:
            self.doc[name] = list(self._old.get(name) or [])
        found: list[Any] = self.doc[name]
        return found

    def _put(self, name: str, place: int, value: Any) -> None:
        """None takes it out. Later entries move up, since Graph's lists have no gaps."""
        entries = self._list(name)
        if value is None:
            del entries[place : place + 1]
        elif place < len(entries):
            entries[place] = value
        else:
            entries.append(value)

    def set_phone(self, key: str, number: str) -> None:
        """Raises SoapFault."""
        if key not in PHONE_KEYS:
            raise invalid_request(f"The 'Key' attribute is invalid - The value '{key}' is invalid.")
        name, place = PHONES.get(key, ("", None))
        if not name:
            self.phones[key] = number
            if not number:
                del self.phones[key]
        elif place is None:
            self.doc[name] = number or None
        else:
            pair = read_pair(name, self.read(name) or [], self.phones)
            pair[place] = number
            self.doc[name] = [one for one in pair if one]
            self.phones.pop(SECONDS[name], None)
            if pair[1] and not pair[0]:
                self.phones[SECONDS[name]] = pair[1]

    def set_email(self, key: str, address: str, name: str = "") -> None:
        place = _place(key, "EmailAddress")
        entry = {"name": name or address, "address": address} if address else None
        self._put("emailAddresses", place, entry)

    def set_im(self, key: str, address: str) -> None:
        self._put("imAddresses", _place(key, "ImAddress"), address or None)

    def set_address(self, key: str, parts: dict[str, str | None]) -> None:
        """parts: by the names of EWS; None takes one out. Raises SoapFault."""
        if key not in ADDRESSES:
            raise invalid_request(f"The 'Key' attribute is invalid - The value '{key}' is invalid.")
        name = ADDRESSES[key]
        address = dict(self.doc.get(name) or self._old.get(name) or {})
        for part, value in parts.items():
            address[ADDRESS_PARTS[part]] = value
        self.doc[name] = {part: value for part, value in address.items() if value}

    def set(self, element: Element) -> None:
        """A whole property, as in a new contact. Raises EwsError, SoapFault."""
        name = element.tag.removeprefix(T)
        if name in CONTACT_TEXTS:
            self.doc[CONTACT_TEXTS[name]] = read_text(element) or None
        elif name == "Subject":
            self.doc.setdefault("displayName", read_text(element))
        elif name == "Body":
            content = read_text(element)
            self.doc["personalNotes"] = to_text(content) if element.get("BodyType") == "HTML" else content
        elif name in ("Categories", "Children"):
            self.doc[name.lower()] = _strings(element)
        elif name == "ExtendedProperty":
            path, value = parse_property(element)
            self.extended[path] = value
        elif name in ("EmailAddresses", "PhoneNumbers", "ImAddresses", "PhysicalAddresses"):
            self._set_entries(name, element)
        elif name not in (*IGNORED, "Sensitivity", "Importance", "ReminderIsSet", "ReminderMinutesBeforeStart"):
            raise EwsError("ErrorInvalidPropertySet")

    def _set_entries(self, name: str, element: Element) -> None:
        for entry in element.iterfind(f"{T}Entry"):
            key = entry.get("Key", "")
            if name == "EmailAddresses":
                self.set_email(key, read_text(entry), entry.get("Name", ""))
            elif name == "PhoneNumbers":
                self.set_phone(key, read_text(entry))
            elif name == "ImAddresses":
                self.set_im(key, read_text(entry))
            else:
                self.set_address(key, {part: read_text(entry.find(f"{T}{part}")) for part in ADDRESS_PARTS})


def _place(key: str, prefix: str) -> int:
    number = key.removeprefix(prefix)
    if number not in ("1", "2", "3"):
        raise invalid_request(f"The 'Key' attribute is invalid - The value '{key}' is invalid.")
    return int(number) - 1
