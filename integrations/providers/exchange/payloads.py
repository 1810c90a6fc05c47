"""Exchange's XML of events and our records: pure. What it says of people is in people.py, of folders in folders.py.

An odd item becomes a record of what could be read of it; a whole page never fails because of one item. Parsing is a
good part of what a full sync costs, hence the plain code: each element is touched once, and records made by position.

Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/calendaritem
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from hashlib import blake2b
from urllib.parse import quote, quote_plus, urlsplit
from zoneinfo import ZoneInfo

from integrations.providers.exchange.operations import KEY_NAME
from integrations.providers.exchange.responses import TYPES, Element
from integrations.providers.moments import parse_moment
from integrations.providers.time_zones import find_zone_name
from integrations.remote import (
    Attendee,
    EventStatus,
    RemoteEvent,
    RemoteRef,
    Response,
    record,
)

Fields = Mapping[str, str]
"""What simple elements of an item hold, by their names without the namespace; of its id "Id" and "ChangeKey"."""

# Names of our own, because an enum member is slow to reach by way of its class.
_UNANSWERED, _NOT_INVITED = Response.NEEDS_ACTION, Response.NONE
_CONFIRMED, _TENTATIVE, _CANCELLED = EventStatus.CONFIRMED, EventStatus.TENTATIVE, EventStatus.CANCELLED
# The person's own answer. "Unknown" and "Organizer": there is nothing to answer.
_OWN_RESPONSES = {
    "NoResponseReceived": Response.NEEDS_ACTION,
    "Accept": Response.ACCEPTED,
    "Tentative": Response.TENTATIVE,
    "Decline": Response.DECLINED,
}
# An attendee's. "Unknown" is what the organizer's copy says of someone who has not answered.
_RESPONSES = {**_OWN_RESPONSES, "Organizer": Response.ACCEPTED}
_PRIVATE = frozenset({"Private", "Confidential"})
_WEB = ("https://", "http://")
# By characters 255, by bytes 512; whichever a server counts.
_CUT_AFTER = 250
# No clock on earth is further ahead of UTC.
_FURTHEST_EAST = timedelta(hours=14)
_HALF_A_DAY = timedelta(hours=12)

SINGLE, OCCURRENCE, EXCEPTION, MASTER = "Single", "Occurrence", "Exception", "RecurringMaster"

# Whatever of an event is simply text, by its element's full name.
_SIMPLE = {
    f"{TYPES}{name}": name
    for name in (
        "Subject",
        "Sensitivity",
        "Body",
        "LastModifiedTime",
        "WebClientReadFormQueryString",
        "UID",
        "Start",
        "End",
        "IsAllDayEvent",
        "LegacyFreeBusyStatus",
        "Location",
        "IsMeeting",
        "IsCancelled",
        "CalendarItemType",
        "MyResponseType",
        "JoinOnlineMeetingUrl",
    )
}
_ITEM_ID, _START_ZONE, _ORGANIZER, _REQUIRED, _OPTIONAL, _RESOURCES, _ATTENDEE, _NAME, _ADDRESS, _ANSWER = (
    f"{TYPES}{name}"
    for name in ("ItemId", "StartTimeZone", "Organizer", "RequiredAttendees", "OptionalAttendees", "Resources",
                 "Attendee", "Name", "EmailAddress", "ResponseType")
)  # fmt: skip
_GROUPS = frozenset({_REQUIRED, _OPTIONAL, _RESOURCES})
_RECURRENCE, _OWN_PROPERTY, _VALUE = (f"{TYPES}{name}" for name in ("Recurrence", "ExtendedFieldURI", "Value"))


def parse_fields(item: Element) -> dict[str, str]:
    """The simple elements of an event, as a calendar view or SyncFolderItems lists it, or the id of anything else."""
    fields: dict[str, str] = {}
    find_name = _SIMPLE.get
    for child in item:
        tag = child.tag
        name = find_name(tag)
        if name is not None:
            fields[name] = child.text or ""
        elif tag == _ITEM_ID:
            fields["Id"], fields["ChangeKey"] = child.get("Id", ""), child.get("ChangeKey", "")
    return fields


@record
class Details:
    """What only GetItem tells of an event; the occurrences of a series share it."""

    fields: Fields
    organizer: tuple[str, str] = ("", "")
    """Name and address."""
    attendees: tuple[Attendee, ...] = ()
    timezone: str = ""
    key: str = ""
    digest: str = ""
    """Of a series: equal where all that its occurrences share is."""


NO_DETAILS = Details({})


def parse_details(item: Element, mailbox: str = "") -> Details:
    """An event as GetItem tells of it. `mailbox`: whose calendar it is, in lower case.

    One pass over all that is in it, which is what makes this quick: the name of an element tells where one is.
    """
    fields: dict[str, str] = {}
    # Each [name, address, answer, group].
    organizer = person = ["", "", "", _ORGANIZER]
    people: list[list[str]] = []
    group = _REQUIRED
    timezone = key = pattern = ""
    is_key = False
    find_name = _SIMPLE.get
    for one in item.iter():
        tag = one.tag
        name = find_name(tag)
        if name is not None:
            # The first counts: of events that conflict with this one an answer may hold more of the same.
            if name not in fields:
                fields[name] = one.text or ""
        elif tag == _NAME:
            person[0] = one.text or ""
        elif tag == _ADDRESS:
            person[1] = one.text or ""
        elif tag == _ANSWER:
            person[2] = one.text or ""
        elif tag == _ATTENDEE:
            person = ["", "", "", group]
            people.append(person)
        elif tag in _GROUPS:
            group = tag
        elif tag == _ORGANIZER:
            person = organizer
        elif tag == _START_ZONE:
            timezone = find_zone_name(one.get("Id", ""))
        elif tag == _OWN_PROPERTY:
            is_key = one.get("PropertyName") == KEY_NAME
        elif tag == _VALUE and is_key:
            key = one.text or ""
        elif tag == _RECURRENCE:
            pattern = "/".join(one.itertext())
        elif tag == _ITEM_ID and "Id" not in fields:
            fields["Id"], fields["ChangeKey"] = one.get("Id", ""), one.get("ChangeKey", "")
    host_name, host_email, *_ = organizer
    # What is no internet address but a name in the directory ("/o=Corp/ou=...") is none.
    host_email = host_email if "@" in host_email else ""
    host = host_email.lower()
    attendees = []
    for name, email, answer, group in people:
        email = email if "@" in email else ""
        address = email.lower()
        attendees.append(
            Attendee(
                email,
                name,
                _RESPONSES.get(answer, _UNANSWERED),
                address == host != "" or answer == "Organizer",
                address == mailbox != "",
                group == _OPTIONAL,
                group == _RESOURCES,
            )
        )
    digest = ""
    if fields.get("CalendarItemType", SINGLE) != SINGLE:
        # Without anybody's answer: that changes nothing about the event.
        shared = [fields.get("Body", ""), timezone, pattern, *(part for one in people for part in (one[1], one[3]))]
        digest = _digest(shared)
    return Details(fields, (host_name, host_email), tuple(attendees), timezone, key, digest)


def _digest(parts: Iterable[str]) -> str:
    return blake2b(chr(31).join(parts).encode(), digest_size=9).hexdigest()


def parse_event(
    found: Fields, details: Details, *, container: str = "", mailbox: str = "", base: str = ""
) -> RemoteEvent:
    """An event or an occurrence, which has an id, of what a calendar view (`found`) and GetItem say.

    `details` are its own or those of another occurrence of its series, from which it takes what the view does not say.
    A view cuts texts off after 255 characters. `mailbox` as in `parse_details`; `base`: the server's address.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/finditem-operation
    """
    more = details.fields.get
    is_own = more("Id") == found["Id"]
    get = more if is_own else found.get
    title, location = get("Subject", ""), get("Location", "")
    if not is_own:
        title, location = _uncut(title, more("Subject", "")), _uncut(location, more("Location", ""))
    starts, ends = _parse_moment(get("Start")), _parse_moment(get("End"))
    starts_on = ends_on = None
    if get("IsAllDayEvent") == "true":
        starts_on, ends_on = parse_days(starts, ends, details.timezone)
        starts = ends = None
    shown_as = get("LegacyFreeBusyStatus")
    host_name, host_email = details.organizer
    answer = more("MyResponseType", "")
    is_organizer = (
        answer == "Organizer"
        or host_email.lower() == mailbox != ""
        or (more("IsMeeting") == "false" and not details.attendees)
    )
    joining = more("JoinOnlineMeetingUrl", "")
    return RemoteEvent(
        RemoteRef(found["Id"], container, _dump_version(found, details, title, location)),
        get("UID", ""),
        title,
        starts,
        ends,
        starts_on,
        ends_on,
        details.timezone,
        host_name,
        host_email,
        is_organizer,
        details.attendees,
        False,
        _OWN_RESPONSES.get(answer, _NOT_INVITED),
        location,
        more("Body", ""),
        "",
        (joining,) if joining else (),
        _parse_page(more("WebClientReadFormQueryString", ""), more("Id", ""), found["Id"], base),
        get("Sensitivity") in _PRIVATE,
        shown_as == "Free",
        # "Tentative" is also how an invitation looks that is not answered yet; that is no word of its organizer's.
        _CANCELLED
        if get("IsCancelled") == "true"
        else _TENTATIVE
        if shown_as == "Tentative" and is_organizer
        else _CONFIRMED,
        "out_of_office" if shown_as == "OOF" else "",
        "" if get("CalendarItemType", SINGLE) == SINGLE else get("UID", ""),
        _parse_moment(more("LastModifiedTime")),
        details.key,
        get("CalendarItemType") == MASTER,
    )


def _uncut(text: str, whole: str) -> str:
    return whole if len(text) >= _CUT_AFTER and whole.startswith(text) else text


def _parse_moment(text: str | None) -> datetime | None:
    return parse_moment(text) if text else None


def parse_days(starts: datetime | None, ends: datetime | None, timezone: str) -> tuple[date | None, date | None]:
    """The days of an event that is midnight to midnight in the zone it was made in; the last one exclusive.

    Exchange gives the moments. Where the zone is not known, midnight is taken to be that of the furthest east where
    there is one: of the zones that come in question it is the one with people in it.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/exchange-web-services/how-to-create-all-day-events-by-using-ews-in-exchange
    """
    first, last = _nearest_midnight(starts, timezone), _nearest_midnight(ends, timezone)
    if first and last and last <= first:
        last = first + timedelta(days=1)
    return first, last


def _nearest_midnight(moment: datetime | None, timezone: str) -> date | None:
    """The day that begins there; nearest, because the clocks there and the rules here need not agree to the hour."""
    if moment is None:
        return None
    if timezone and timezone != "UTC":
        return (moment.astimezone(ZoneInfo(timezone)) + _HALF_A_DAY).date()
    if moment.hour == moment.minute == 0:
        return moment.date()
    return (moment + _FURTHEST_EAST).date()


def _dump_version(found: Fields, details: Details, title: str, location: str) -> str:
    """Changes whenever the event does. An occurrence has its series' change key, so what is its own counts too."""
    key = found.get("ChangeKey", "")
    if found.get("CalendarItemType", SINGLE) == SINGLE:
        return key
    return f"{key} {_digest([title, location, details.digest, *(found.get(name, '') for name in _OWN)])}"


def content_of(version: str) -> str:
    """What of a version says what is there: a series and its occurrences have one change key, whichever changes."""
    key, _, content = version.partition(" ")
    return content or key


_OWN = (
    "Start",
    "End",
    "IsAllDayEvent",
    "LegacyFreeBusyStatus",
    "IsCancelled",
    "Sensitivity",
    "UID",
    "CalendarItemType",
)


def _parse_page(text: str, of: str, remote_id: str, base: str) -> str:
    """The event's page in Outlook on the web, "" where the server names none.

    Exchange 2010 gives the query alone. `of`: the item that the page was given for; an occurrence takes it over with
    its own id in it.
    """
    if text.startswith("?") and base:
        parts = urlsplit(base)
        text = f"{parts.scheme}://{parts.netloc}/owa/{text}"
    if not text.startswith(_WEB):
        return ""
    if of == remote_id:
        return text
    for encode in (quote_plus, quote, str):
        if (whose := encode(of)) and whose in text:
            return text.replace(whose, encode(remote_id))
    return ""
