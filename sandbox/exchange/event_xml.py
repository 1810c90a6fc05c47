"""A stored event as the CalendarItem that EWS shows: a table of its properties, in the order of the schema.

Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/calendaritem
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.exchange.ids import make_item_id
from sandbox.exchange.item_xml import (
    Dump,
    dump_flag,
    dump_moment,
    dump_stamp,
    element,
    fixed,
    flag,
    made,
    make_item_properties,
    stamp,
    unused,
    worded,
)
from sandbox.exchange.properties import Kind, Property, View
from sandbox.exchange.recurring import dump_recurrence
from sandbox.exchange.soap import attribute, text
from sandbox.mailbox.event_shapes import Owner, span, zone_of
from sandbox.mailbox.times import windows_name

SHOW_AS = {"free": "Free", "tentative": "Tentative", "busy": "Busy", "oof": "OOF", "unknown": "NoData",
           "workingElsewhere": "WorkingElsewhere"}  # fmt: skip
RESPONSE = {"none": "Unknown", "organizer": "Organizer", "tentativelyAccepted": "Tentative", "accepted": "Accept",
            "declined": "Decline", "notResponded": "NoResponseReceived"}  # fmt: skip
KIND = {"singleInstance": "Single", "occurrence": "Occurrence", "exception": "Exception",
        "seriesMaster": "RecurringMaster"}  # fmt: skip
ITEM_CLASS = {"occurrence": "IPM.Appointment.Occurrence",
              "exception": "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """What only a master shows. Occurrences as docs; deleted: when those were to start."""

    first: dict[str, Any] | None
    last: dict[str, Any] | None
    modified: tuple[dict[str, Any], ...]
    deleted: tuple[datetime, ...]


@dataclass
class EventItem:
    """An event to be written. folder: the mailbox's own id of its folder; uid and change_key: those of the series.

    extended: values by path. read_series: looked at only where it is wanted.
    """

    doc: dict[str, Any]
    mailbox: str
    owner: Owner
    folder: str
    uid: str
    change_key: str
    extended: dict[str, str]
    read_series: Callable[[], SeriesFacts]

    @property
    def id(self) -> str:
        return self.id_of(self.doc)

    @property
    def subject(self) -> str | None:
        subject: str | None = self.doc["subject"]
        return subject

    @property
    def body(self) -> str:
        content: str = self.doc["body"]["content"]
        return content

    view_model = "CalendarItemDetailsViewModelFactory"

    @property
    def item_class(self) -> str:
        return ITEM_CLASS.get(self.doc["type"], "IPM.Appointment")

    @cached_property
    def zone(self) -> ZoneInfo:
        return zone_of(self.doc, self.owner)

    @cached_property
    def span(self) -> tuple[datetime, datetime]:
        return span(self.doc, self.zone)

    @cached_property
    def series(self) -> SeriesFacts:
        return self.read_series()

    @property
    def is_meeting(self) -> bool:
        return bool(self.doc["attendees"])

    def id_of(self, doc: dict[str, Any]) -> str:
        """Of this event, or of another of the same folder."""
        return make_item_id(self.mailbox, self.folder, doc["id"])


def dump_address(address: dict[str, Any], *, name_only: bool = False) -> str:
    name = text(str(address.get("name") or address["address"]))
    if name_only:
        return f"<t:Mailbox><t:Name>{name}</t:Name></t:Mailbox>"
    return (
        f"<t:Mailbox><t:Name>{name}</t:Name><t:EmailAddress>{text(address['address'])}</t:EmailAddress>"
        "<t:RoutingType>SMTP</t:RoutingType></t:Mailbox>"
    )


def _organizer(item: EventItem, view: View) -> str:
    """FindItem knows the organizer's name only."""
    address = item.doc["organizer"]["emailAddress"]
    return f"<t:Organizer>{dump_address(address, name_only=view.mode == 'find')}</t:Organizer>"


def _attendees(name: str, kind: str) -> Dump:
    def dump(item: EventItem, view: View) -> str:
        entries = []
        for one in item.doc["attendees"]:
            if one["type"] != kind:
                continue
            status, answered = one["status"], ""
            if not status["time"].startswith("0001"):
                answered = f"<t:LastResponseTime>{dump_stamp(status['time'])}</t:LastResponseTime>"
            entries.append(
                f"<t:Attendee>{dump_address(one['emailAddress'])}"
                f"<t:ResponseType>{RESPONSE[status['response']]}</t:ResponseType>{answered}</t:Attendee>"
            )
        return f"<t:{name}>{''.join(entries)}</t:{name}>" if entries else ""

    return dump


def _names(kind: str) -> Callable[[EventItem], str]:
    def join(item: EventItem) -> str:
        return text("; ".join(one["emailAddress"]["name"] for one in item.doc["attendees"] if one["type"] == kind))

    return join


def _when(name: str, which: int) -> Dump:
    return lambda item, view: f"<t:{name}>{dump_moment(item.span[which], view)}</t:{name}>"


def _wall_clock(name: str, which: int) -> Dump:
    return made(name, lambda item: item.span[which].astimezone(item.zone).isoformat(timespec="seconds"))


def _zone(name: str, key: str) -> Dump:
    def dump(item: EventItem, view: View) -> str:
        windows = attribute(windows_name(item.doc[key]))
        return f'<t:{name} Id="{windows}" Name="{windows}"/>'

    return dump


def _original_start(name: str) -> Dump:
    def dump(item: EventItem, view: View) -> str:
        if item.doc["type"] not in ("occurrence", "exception"):
            return ""
        return f"<t:{name}>{dump_moment(datetime.fromisoformat(item.doc['originalStart']), view)}</t:{name}>"

    return dump


def _duration(item: EventItem) -> str:
    days, seconds = divmod(int((item.span[1] - item.span[0]).total_seconds()), 86_400)
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "" if days else "T0S")


def _state(item: EventItem) -> int:
    """1 a meeting, 2 somebody else's, 4 cancelled."""
    theirs = item.is_meeting and not item.doc["isOrganizer"]
    return item.is_meeting * 1 + theirs * 2 + item.doc["isCancelled"] * 4


def _join_url(item: EventItem) -> str | None:
    url: str | None = (item.doc.get("onlineMeeting") or {}).get("joinUrl") or item.doc.get("onlineMeetingUrl")
    return url


def _show_as(item: EventItem, view: View) -> str:
    value = SHOW_AS[item.doc["showAs"]]
    # a choice that schemas before 2013 do not know
    value = "Busy" if value == "WorkingElsewhere" and view.schema < "Exchange2013" else value
    return f"<t:LegacyFreeBusyStatus>{value}</t:LegacyFreeBusyStatus>"


def _place(item: EventItem, view: View) -> str:
    name = item.doc["location"]["displayName"]
    if not name:
        return ""
    return (
        f"<t:EnhancedLocation><t:DisplayName>{text(name)}</t:DisplayName><t:Annotation/><t:PostalAddress>"
        "<t:Type>Business</t:Type><t:LocationSource>None</t:LocationSource></t:PostalAddress></t:EnhancedLocation>"
    )


def _replied(item: EventItem, view: View) -> str:
    time = item.doc["responseStatus"]["time"]
    return "" if time.startswith("0001") else element("AppointmentReplyTime", dump_stamp(time))


def _recurrence(item: EventItem, view: View) -> str:
    return dump_recurrence(item.doc["recurrence"]) if item.doc["type"] == "seriesMaster" else ""


def _occurrence(name: str, doc: dict[str, Any], item: EventItem, view: View) -> str:
    starts, ends = span(doc, item.zone)
    original = datetime.fromisoformat(doc["originalStart"])
    return (
        f'<t:{name}><t:ItemId Id="{item.id_of(doc)}" ChangeKey="{item.change_key}"/>'
        f"<t:Start>{dump_moment(starts, view)}</t:Start><t:End>{dump_moment(ends, view)}</t:End>"
        f"<t:OriginalStart>{dump_moment(original, view)}</t:OriginalStart></t:{name}>"
    )


def _edge(name: str, which: str) -> Dump:
    def dump(item: EventItem, view: View) -> str:
        doc = getattr(item.series, which) if item.doc["type"] == "seriesMaster" else None
        return _occurrence(name, doc, item, view) if doc else ""

    return dump


def _modified(item: EventItem, view: View) -> str:
    if item.doc["type"] != "seriesMaster":
        return ""
    found = "".join(_occurrence("Occurrence", doc, item, view) for doc in item.series.modified)
    return f"<t:ModifiedOccurrences>{found}</t:ModifiedOccurrences>" if found else ""


def _deleted(item: EventItem, view: View) -> str:
    if item.doc["type"] != "seriesMaster":
        return ""
    found = "".join(
        f"<t:DeletedOccurrence><t:Start>{dump_moment(moment, view)}</t:Start></t:DeletedOccurrence>"
        for moment in item.series.deleted
    )
    return f"<t:DeletedOccurrences>{found}</t:DeletedOccurrences>" if found else ""


SP1, E2010, E2013 = "Exchange2007_SP1", "Exchange2010", "Exchange2013"
REMINDER = (
    Property("item:ReminderDueBy", _when("ReminderDueBy", 0), "A"),
    Property("item:ReminderIsSet", flag("ReminderIsSet", "isReminderOn"), "A"),
    Property(
        "item:ReminderMinutesBeforeStart",
        made("ReminderMinutesBeforeStart", lambda item: item.doc["reminderMinutesBeforeStart"]),
        "A",
    ),
    Property("item:DisplayCc", made("DisplayCc", _names("optional")), "A"),
    Property("item:DisplayTo", made("DisplayTo", _names("required")), "A"),
)
EVENT = Kind("CalendarItem", (
    *make_item_properties(REMINDER),
    Property("calendar:UID", worded("UID", lambda item: item.uid), since=SP1),
    Property("calendar:RecurrenceId", _original_start("RecurrenceId"), since=SP1),
    Property("calendar:DateTimeStamp", stamp("DateTimeStamp", "lastModifiedDateTime"), "A", since=SP1),
    Property("calendar:Start", _when("Start", 0), "DA"),
    Property("calendar:End", _when("End", 1), "DA"),
    Property("calendar:OriginalStart", _original_start("OriginalStart"), "A"),
    Property("calendar:IsAllDayEvent", flag("IsAllDayEvent", "isAllDay"), "A"),
    Property("calendar:LegacyFreeBusyStatus", _show_as, "DA"),
    Property("calendar:Location", worded("Location", lambda item: item.doc["location"]["displayName"]), "DA"),
    Property("calendar:IsMeeting", made("IsMeeting", lambda item: dump_flag(item.is_meeting)), "A"),
    Property("calendar:IsCancelled", flag("IsCancelled", "isCancelled"), "A"),
    Property("calendar:IsRecurring",
             made("IsRecurring", lambda item: dump_flag(item.doc["type"] in ("occurrence", "exception"))), "A"),
    Property("calendar:MeetingRequestWasSent",
             made("MeetingRequestWasSent", lambda item: dump_flag(item.is_meeting)), "A"),
    Property("calendar:IsResponseRequested", flag("IsResponseRequested", "responseRequested"), "A"),
    Property("calendar:CalendarItemType", made("CalendarItemType", lambda item: KIND[item.doc["type"]]), "DA"),
    Property("calendar:MyResponseType",
             made("MyResponseType", lambda item: RESPONSE[item.doc["responseStatus"]["response"]]), "A"),
    Property("calendar:Organizer", _organizer, "DA"),
    Property("calendar:RequiredAttendees", _attendees("RequiredAttendees", "required"), "A", get_only=True),
    Property("calendar:OptionalAttendees", _attendees("OptionalAttendees", "optional"), "A", get_only=True),
    Property("calendar:Resources", _attendees("Resources", "resource"), "A", get_only=True),
    Property("calendar:ConflictingMeetingCount", fixed("ConflictingMeetingCount", "0"), "A", get_only=True),
    Property("calendar:AdjacentMeetingCount", fixed("AdjacentMeetingCount", "0"), "A", get_only=True),
    Property("calendar:Duration", made("Duration", _duration), "A"),
    Property("calendar:TimeZone",
             worded("TimeZone", lambda item: windows_name(item.doc["originalStartTimeZone"])), "A"),
    Property("calendar:AppointmentReplyTime", _replied, "A"),
    Property("calendar:AppointmentSequenceNumber", fixed("AppointmentSequenceNumber", "0"), "A"),
    Property("calendar:AppointmentState", made("AppointmentState", _state), "A"),
    Property("calendar:Recurrence", _recurrence, "A", get_only=True),
    Property("calendar:FirstOccurrence", _edge("FirstOccurrence", "first"), "A", get_only=True),
    Property("calendar:LastOccurrence", _edge("LastOccurrence", "last"), "A", get_only=True),
    Property("calendar:ModifiedOccurrences", _modified, "A", get_only=True),
    Property("calendar:DeletedOccurrences", _deleted, "A", get_only=True),
    Property("calendar:StartTimeZone", _zone("StartTimeZone", "originalStartTimeZone"), "A", since=E2010),
    Property("calendar:EndTimeZone", _zone("EndTimeZone", "originalEndTimeZone"), "A", since=E2010),
    Property("calendar:ConferenceType", fixed("ConferenceType", "0"), "A"),
    Property("calendar:AllowNewTimeProposal", flag("AllowNewTimeProposal", "allowNewTimeProposals"), "A"),
    Property("calendar:IsOnlineMeeting", flag("IsOnlineMeeting", "isOnlineMeeting"), "A"),
    Property("calendar:EnhancedLocation", _place, since=E2013),
    Property("calendar:StartWallClock", _wall_clock("StartWallClock", 0), since=E2013),
    Property("calendar:EndWallClock", _wall_clock("EndWallClock", 1), since=E2013),
    Property("calendar:StartTimeZoneId",
             worded("StartTimeZoneId", lambda item: windows_name(item.doc["originalStartTimeZone"])), since=E2013),
    Property("calendar:EndTimeZoneId",
             worded("EndTimeZoneId", lambda item: windows_name(item.doc["originalEndTimeZone"])), since=E2013),
    Property("calendar:JoinOnlineMeetingUrl", worded("JoinOnlineMeetingUrl", _join_url), since=E2013),
    Property("calendar:IsOrganizer", flag("IsOrganizer", "isOrganizer"), since=E2013),
    *unused(("calendar:When", "calendar:MeetingWorkspaceUrl", "calendar:NetShowUrl")),
    *unused(("calendar:ConflictingMeetings", "calendar:AdjacentMeetings", "calendar:MeetingTimeZone"), get_only=True),
    *unused(("calendar:OnlineMeetingSettings", "calendar:InboxReminders"), since=E2013, get_only=True),
    *unused(("calendar:CalendarActivityData", "calendar:DoNotForwardMeeting"), since="Exchange2016", get_only=True),
))  # fmt: skip
