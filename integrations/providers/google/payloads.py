"""Google's JSON and our records: pure, and the only place that knows Google's names for things.

An odd item becomes a record of what could be read of it; a whole page never fails because of one item. Parsing is a
good part of what a full sync costs, hence the plain code: one `get` per field, and records made by position.

Reference: https://developers.google.com/workspace/calendar/api/v3/reference/events and
https://developers.google.com/people/api/rest/v1/people
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
    NumberKind,
    RemoteCalendar,
    RemoteContact,
    RemoteEmail,
    RemoteEvent,
    RemoteFolder,
    RemoteNumber,
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
PERSON_FIELDS = (
    "names,emailAddresses,phoneNumbers,organizations,addresses,biographies,photos,memberships,clientData,metadata"
)
_PERSON = (
    "resourceName,etag,names(metadata/primary,displayName,givenName,familyName,unstructuredName),"
    "emailAddresses(metadata/primary,value,type,formattedType),"
    "organizations(metadata/primary,name,title),addresses(metadata/primary,formattedValue),"
    "biographies(metadata/primary,value),photos(metadata/primary,url,default),"
    "memberships/contactGroupMembership/contactGroupResourceName,clientData(key,value)"
)
CONNECTION_FIELDS = (
    f"connections({_PERSON},metadata(deleted,previousResourceNames),"
    "phoneNumbers(metadata/primary,value,canonicalForm,type,formattedType)),nextPageToken,nextSyncToken"
)
# Numbers whole: they can only be written all at once, and what is not sent back is lost.
WHOLE_PERSON_FIELDS = f"{_PERSON},metadata,phoneNumbers"
MARK_FIELDS = "connections(resourceName,clientData(key,value))"
MARK = "portico"
"""The key, among a contact's client data, of what we made it with."""
GROUP_FIELDS = "contactGroups(resourceName,groupType,name,formattedName),nextPageToken"

_STATUSES = {status.value: status for status in EventStatus}
_RESPONSES = {
    "needsAction": Response.NEEDS_ACTION,
    "accepted": Response.ACCEPTED,
    "tentative": Response.TENTATIVE,
    "declined": Response.DECLINED,
}
# Names of our own, because an enum member is slow to reach by way of its class.
_UNANSWERED, _NOT_INVITED, _CONFIRMED = Response.NEEDS_ACTION, Response.NONE, EventStatus.CONFIRMED
_OTHER_NUMBER: NumberKind = NumberKind.OTHER
_KINDS: dict[str, str] = {
    "default": "",
    "outOfOffice": "out_of_office",
    "focusTime": "focus_time",
    "fromGmail": "from_mail",
    "workingLocation": "working_location",
}
NUMBER_KINDS: dict[str, NumberKind] = {
    "home": NumberKind.HOME,
    "work": NumberKind.WORK,
    "mobile": NumberKind.MOBILE,
    "workMobile": NumberKind.MOBILE,
    "main": NumberKind.MAIN,
    "homeFax": NumberKind.FAX,
    "workFax": NumberKind.FAX,
    "otherFax": NumberKind.FAX,
}
DEFAULT_GROUP = "contactGroups/myContacts"
# Google's other system groups are "all", "blocked" and leftovers of Google+; its own pages do not show them as labels.
_SYSTEM_FOLDERS = {DEFAULT_GROUP, "contactGroups/starred"}
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
_TYPED = {"metadata": {"primary": bool}, "type": str, "formattedType": str, "value": str}
PERSON_TYPES: dict[str, Any] = {
    "resourceName": str,
    "etag": str,
    "metadata": {"deleted": bool, "previousResourceNames": [str]},
    "names": [_TYPED | dict.fromkeys(("displayName", "givenName", "familyName", "unstructuredName"), str)],
    "emailAddresses": [_TYPED],
    "phoneNumbers": [_TYPED | {"canonicalForm": str}],
    "organizations": [_TYPED | {"name": str, "title": str}],
    "addresses": [_TYPED | {"formattedValue": str}],
    "biographies": [_TYPED],
    "photos": [_TYPED | {"url": str, "default": bool}],
    "memberships": [{"contactGroupMembership": {"contactGroupResourceName": str}}],
    "clientData": [{"key": str, "value": str}],
}


def is_deleted(person: Json) -> bool:
    metadata = person.get("metadata")
    return isinstance(metadata, dict) and metadata.get("deleted") is True


def parse_gone(person: Json) -> list[str]:
    """Every id a deleted contact had. Without the former ones, what was merged into it just before would stay."""
    former = person["metadata"].get("previousResourceNames")
    return [person["resourceName"], *(one for one in former or () if isinstance(one, str))]


def parse_person(person: Json) -> RemoteContact:
    """One contact, which has a resource name.

    Raises:
        TypeError, AttributeError: a field is of another type than documented; `salvage` makes it fit.
    """
    get = person.get
    name = _first(get("names"))
    organization = _first(get("organizations"))
    photo = _first(get("photos"))
    memberships = [one.get("contactGroupMembership") for one in get("memberships") or ()]
    contact = RemoteContact(
        RemoteRef(person["resourceName"], "", get("etag", "")),
        tuple([one["contactGroupResourceName"] for one in memberships if one and "contactGroupResourceName" in one]),
        name.get("givenName", ""),
        name.get("familyName", ""),
        name.get("displayName") or name.get("unstructuredName", ""),
        organization.get("name", ""),
        organization.get("title", ""),
        tuple([RemoteEmail(one["value"], _label(one)) for one in _ordered(get("emailAddresses")) if one.get("value")]),
        tuple([_parse_number(one) for one in _ordered(get("phoneNumbers")) if one.get("value")]),
        tuple([one["formattedValue"] for one in _ordered(get("addresses")) if one.get("formattedValue")]),
        _first(get("biographies")).get("value", ""),
        "" if photo.get("default") else photo.get("url", ""),
        tuple((get("metadata") or _NOTHING).get("previousResourceNames", ())),
        parse_mark(person),
    )
    "".join((contact.ref.version, contact.given_name, contact.family_name, contact.display_name, contact.organization,
             contact.title, contact.note, contact.photo_url, *contact.folders, *contact.addresses,
             contact.key, *contact.previous_ids, *[one.address + one.label for one in contact.emails],
             *[one.value + one.label + one.e164 for one in contact.numbers]))  # fmt: skip
    return contact


def parse_mark(person: Json) -> str:
    """What we made a contact with; "" for one that is not ours. Of two that were merged the first."""
    marks = [one.get("value", "") for one in person.get("clientData") or () if one.get("key") == MARK]
    return marks[0] if marks else ""


def _parse_number(one: Json) -> RemoteNumber:
    kind = NUMBER_KINDS.get(one.get("type", ""), _OTHER_NUMBER)
    return RemoteNumber(one["value"], kind, _label(one), one.get("canonicalForm", ""))


def _label(one: Json) -> str:
    label: str = one.get("formattedType") or one.get("type", "")
    return label


def _ordered(values: list[Json] | None) -> list[Json]:
    """As Google lists them, the primary one first."""
    if not values or _is_primary(values[0]):
        return values or []
    return sorted(values, key=_is_primary, reverse=True)


def _is_primary(one: Json) -> bool:
    return (one.get("metadata") or _NOTHING).get("primary") is True


def _first(values: list[Json] | None) -> Json:
    """The primary one, else the first."""
    return _ordered(values)[0] if values else _NOTHING


def parse_group(group: Json) -> RemoteFolder | None:
    """A label as a folder; None for a system group that Google's own pages do not show, and for an odd one."""
    name, shown = group.get("resourceName"), group.get("formattedName") or group.get("name")
    if not (isinstance(name, str) and isinstance(shown, str)):
        return None
    if group.get("groupType") != "USER_CONTACT_GROUP" and name not in _SYSTEM_FOLDERS:
        return None
    return RemoteFolder(name, shown, is_default=name == DEFAULT_GROUP)
