"""Exchange's documented XML becomes our records. One subject each.

Elements: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/calendaritem,
https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/contact
"""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from integrations.providers.exchange.payloads import NO_DETAILS, parse_details, parse_event, parse_fields
from integrations.providers.exchange.people import parse_contact, parse_resolutions
from integrations.providers.exchange.responses import TYPES
from integrations.remote import EventStatus, NumberKind, RemoteEvent, Response
from tests.integrations.providers.exchange.answers import MESSAGES as M
from tests.integrations.providers.exchange.answers import TYPES as T

ALICE = "alice@northwind.example"
URL = "https://mail.northwind.example/EWS/Exchange.asmx"


def element(xml: str, name: str = "CalendarItem") -> Any:
    return etree.fromstring(f'<t:{name} xmlns:t="{T}" xmlns:m="{M}">{xml}</t:{name}>')


def mailbox(name: str, address: str, routing: str = "SMTP") -> str:
    return (
        f"<t:Mailbox><t:Name>{name}</t:Name><t:EmailAddress>{address}</t:EmailAddress>"
        f"<t:RoutingType>{routing}</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox>"
    )


def attendee(name: str, address: str, answer: str, routing: str = "SMTP") -> str:
    return f"<t:Attendee>{mailbox(name, address, routing)}<t:ResponseType>{answer}</t:ResponseType></t:Attendee>"


PLAIN = {
    "ItemId": '<t:ItemId Id="AAMk1=" ChangeKey="DwAAABYA"/>',
    "Subject": "<t:Subject>Review of case 17 &amp; lunch</t:Subject>",
    "Sensitivity": "<t:Sensitivity>Normal</t:Sensitivity>",
    "Body": '<t:Body BodyType="HTML">&lt;html&gt;&lt;a href="https://zoom.us/j/1"&gt;Join&lt;/a&gt;&lt;/html&gt;</t:Body>',
    "LastModifiedTime": "<t:LastModifiedTime>2026-11-20T08:15:00Z</t:LastModifiedTime>",
    "Page": "<t:WebClientReadFormQueryString>https://mail.northwind.example/owa/?ItemID=AAMk1%3D&amp;exvsurl=1"
    "</t:WebClientReadFormQueryString>",
    "UID": "<t:UID>040000008200E00074C5B7101A82E008</t:UID>",
    "Start": "<t:Start>2026-11-23T09:00:00Z</t:Start>",
    "End": "<t:End>2026-11-23T10:30:00Z</t:End>",
    "IsAllDayEvent": "<t:IsAllDayEvent>false</t:IsAllDayEvent>",
    "LegacyFreeBusyStatus": "<t:LegacyFreeBusyStatus>Busy</t:LegacyFreeBusyStatus>",
    "Location": "<t:Location>Room 4</t:Location>",
    "IsMeeting": "<t:IsMeeting>true</t:IsMeeting>",
    "IsCancelled": "<t:IsCancelled>false</t:IsCancelled>",
    "CalendarItemType": "<t:CalendarItemType>Single</t:CalendarItemType>",
    "MyResponseType": "<t:MyResponseType>Accept</t:MyResponseType>",
    "Organizer": f"<t:Organizer>{mailbox('Bob Okafor', 'bob@northwind.example')}</t:Organizer>",
    "RequiredAttendees": "<t:RequiredAttendees>"
    + attendee("Bob Okafor", "bob@northwind.example", "Organizer")
    + attendee("Alice Meyer", "Alice@Northwind.example", "Accept")
    + "</t:RequiredAttendees>",
    "OptionalAttendees": "<t:OptionalAttendees>"
    + attendee("Carol", "carol@elsewhere.example", "Unknown")
    + attendee("Dan", "/o=Northwind/ou=First/cn=Recipients/cn=dan", "Tentative", "EX")
    + "</t:OptionalAttendees>",
    "Resources": f"<t:Resources>{attendee('Room 4', 'room4@northwind.example', 'Accept')}</t:Resources>",
    "StartTimeZone": '<t:StartTimeZone Id="W. Europe Standard Time" Name="(UTC+01:00) Amsterdam, Berlin"/>',
    "JoinOnlineMeetingUrl": "<t:JoinOnlineMeetingUrl>https://meet.northwind.example/alice/7</t:JoinOnlineMeetingUrl>",
}


def event(**changes: str) -> RemoteEvent:
    """PLAIN with elements changed, or left out where the change is ""."""
    details = parse_details(element("".join({**PLAIN, **changes}.values())), ALICE)
    return parse_event(details.fields, details, container="calendar", mailbox=ALICE, base=URL)


def test_an_event_is_read_whole() -> None:
    found = event()
    assert (found.ref.id, found.ref.container) == ("AAMk1=", "calendar")
    assert found.ref.version == "DwAAABYA"
    assert found.uid == "040000008200E00074C5B7101A82E008"
    assert found.title == "Review of case 17 & lunch"
    assert found.starts == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert found.ends == datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
    assert (found.starts_on, found.ends_on) == (None, None)
    assert found.timezone == "Europe/Berlin"
    assert (found.organizer_name, found.organizer_email) == ("Bob Okafor", "bob@northwind.example")
    assert not found.is_organizer
    assert found.response is Response.ACCEPTED
    assert found.location == "Room 4"
    assert found.body == '<html><a href="https://zoom.us/j/1">Join</a></html>'
    assert found.conference == ("https://meet.northwind.example/alice/7",)
    assert found.web_url == "https://mail.northwind.example/owa/?ItemID=AAMk1%3D&exvsurl=1"
    assert not (found.is_private or found.is_free or found.is_all_day)
    assert found.status is EventStatus.CONFIRMED
    assert (found.kind, found.series_id) == ("", "")
    assert found.updated == datetime(2026, 11, 20, 8, 15, tzinfo=UTC)


def test_attendees_are_who_they_are_and_directory_names_are_no_addresses() -> None:
    bob, alice, carol, dan, room = event().attendees
    assert (bob.email, bob.is_organizer, bob.response) == ("bob@northwind.example", True, Response.ACCEPTED)
    assert (alice.is_self, alice.is_organizer, alice.is_optional) == (True, False, False)
    assert (carol.is_optional, carol.response) == (True, Response.NEEDS_ACTION)
    assert (dan.name, dan.email, dan.is_self, dan.response) == ("Dan", "", False, Response.TENTATIVE)
    assert (room.is_resource, room.is_optional) == (True, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Organizer", Response.NONE),
        ("Unknown", Response.NONE),
        ("NoResponseReceived", Response.NEEDS_ACTION),
        ("Tentative", Response.TENTATIVE),
        ("Decline", Response.DECLINED),
        ("Something", Response.NONE),
    ],
)
def test_the_person_s_own_answer(text: str, expected: Response) -> None:
    assert event(MyResponseType=f"<t:MyResponseType>{text}</t:MyResponseType>").response is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"MyResponseType": "<t:MyResponseType>Organizer</t:MyResponseType>"}, True),
        ({"Organizer": f"<t:Organizer>{mailbox('Alice', 'ALICE@northwind.example')}</t:Organizer>"}, True),
        (
            {
                "IsMeeting": "<t:IsMeeting>false</t:IsMeeting>",
                "MyResponseType": "",
                "Organizer": "",
                "RequiredAttendees": "",
                "OptionalAttendees": "",
                "Resources": "",
            },
            True,
        ),
        ({}, False),
    ],
)
def test_one_s_own_event_is_known_by_more_than_one_sign(changes: dict[str, str], expected: bool) -> None:
    assert event(**changes).is_organizer is expected


@pytest.mark.parametrize(
    ("shown_as", "answer", "status", "is_free", "kind"),
    [
        ("Free", "Accept", EventStatus.CONFIRMED, True, ""),
        ("Busy", "Accept", EventStatus.CONFIRMED, False, ""),
        ("Tentative", "Organizer", EventStatus.TENTATIVE, False, ""),
        ("Tentative", "NoResponseReceived", EventStatus.CONFIRMED, False, ""),
        ("OOF", "Organizer", EventStatus.CONFIRMED, False, "out_of_office"),
        ("WorkingElsewhere", "Organizer", EventStatus.CONFIRMED, False, ""),
        ("NoData", "Organizer", EventStatus.CONFIRMED, False, ""),
    ],
)
def test_how_it_is_shown(shown_as: str, answer: str, status: EventStatus, is_free: bool, kind: str) -> None:
    found = event(
        LegacyFreeBusyStatus=f"<t:LegacyFreeBusyStatus>{shown_as}</t:LegacyFreeBusyStatus>",
        MyResponseType=f"<t:MyResponseType>{answer}</t:MyResponseType>",
    )
    assert (found.status, found.is_free, found.kind) == (status, is_free, kind)


def test_a_cancelled_meeting_is_cancelled_however_it_is_shown() -> None:
    changes = {
        "IsCancelled": "<t:IsCancelled>true</t:IsCancelled>",
        "LegacyFreeBusyStatus": "<t:LegacyFreeBusyStatus>Tentative</t:LegacyFreeBusyStatus>",
        "MyResponseType": "<t:MyResponseType>Organizer</t:MyResponseType>",
    }
    assert event(**changes).status is EventStatus.CANCELLED


@pytest.mark.parametrize(
    ("text", "expected"), [("Normal", False), ("Personal", False), ("Private", True), ("Confidential", True)]
)
def test_private_is_private(text: str, expected: bool) -> None:
    assert event(Sensitivity=f"<t:Sensitivity>{text}</t:Sensitivity>").is_private is expected


@pytest.mark.parametrize("kind", ["Occurrence", "Exception"])
def test_occurrences_share_their_series_and_nothing_else_has_one(kind: str) -> None:
    found = event(CalendarItemType=f"<t:CalendarItemType>{kind}</t:CalendarItemType>")
    assert found.series_id == found.uid != ""
    assert event().series_id == ""


# An all-day event is midnight to midnight somewhere; Exchange gives the moments.
DAYS: list[tuple[str, str, str, date, date]] = [
    # made in Berlin in winter, in summer, over the day the clocks go forward, and back
    ("W. Europe Standard Time", "2026-01-11T23:00:00Z", "2026-01-12T23:00:00Z", date(2026, 1, 12), date(2026, 1, 13)),
    ("W. Europe Standard Time", "2026-07-12T22:00:00Z", "2026-07-13T22:00:00Z", date(2026, 7, 13), date(2026, 7, 14)),
    ("W. Europe Standard Time", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", date(2026, 3, 29), date(2026, 3, 30)),
    ("W. Europe Standard Time", "2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z", date(2026, 10, 24), date(2026, 10, 27)),
    # in Tokyo, which is always nine hours ahead, and in New York
    ("Tokyo Standard Time", "2026-01-11T15:00:00Z", "2026-01-12T15:00:00Z", date(2026, 1, 12), date(2026, 1, 13)),
    ("Eastern Standard Time", "2026-01-12T05:00:00Z", "2026-01-13T05:00:00Z", date(2026, 1, 12), date(2026, 1, 13)),
    ("Eastern Standard Time", "2026-07-13T04:00:00Z", "2026-07-15T04:00:00Z", date(2026, 7, 13), date(2026, 7, 15)),
    ("Hawaiian Standard Time", "2026-01-12T10:00:00Z", "2026-01-13T10:00:00Z", date(2026, 1, 12), date(2026, 1, 13)),
    ("New Zealand Standard Time", "2026-01-11T11:00:00Z", "2026-01-12T11:00:00Z", date(2026, 1, 12), date(2026, 1, 13)),
    ("UTC", "2026-01-12T00:00:00Z", "2026-01-13T00:00:00Z", date(2026, 1, 12), date(2026, 1, 13)),
    # rules that differ by an hour from ours, as those of old servers do
    ("W. Europe Standard Time", "2026-07-12T23:00:00Z", "2026-07-13T23:00:00Z", date(2026, 7, 13), date(2026, 7, 14)),
    # somebody's own zone
    ("Customized Time Zone", "2026-01-11T23:00:00Z", "2026-01-12T23:00:00Z", date(2026, 1, 12), date(2026, 1, 13)),
    ("tzone://Microsoft/Custom", "2026-01-12T05:00:00Z", "2026-01-13T05:00:00Z", date(2026, 1, 12), date(2026, 1, 13)),
    ("", "2026-01-11T11:00:00Z", "2026-01-12T11:00:00Z", date(2026, 1, 12), date(2026, 1, 13)),
    ("", "2026-01-12T00:00:00Z", "2026-01-13T00:00:00Z", date(2026, 1, 12), date(2026, 1, 13)),
    # no length at all
    ("UTC", "2026-01-12T00:00:00Z", "2026-01-12T00:00:00Z", date(2026, 1, 12), date(2026, 1, 13)),
]


@pytest.mark.parametrize(("zone", "starts", "ends", "first", "until"), DAYS)
def test_an_all_day_event_is_on_the_days_of_who_made_it(
    zone: str, starts: str, ends: str, first: date, until: date
) -> None:
    found = event(
        IsAllDayEvent="<t:IsAllDayEvent>true</t:IsAllDayEvent>",
        Start=f"<t:Start>{starts}</t:Start>",
        End=f"<t:End>{ends}</t:End>",
        StartTimeZone=f'<t:StartTimeZone Id="{zone}"/>' if zone else "",
    )
    assert (found.starts_on, found.ends_on) == (first, until)
    assert (found.starts, found.ends) == (None, None)


@pytest.mark.parametrize("zone", ["Customized Time Zone", "tzone://Microsoft/Custom"])
def test_a_zone_of_somebody_s_own_has_no_name(zone: str) -> None:
    assert event(StartTimeZone=f'<t:StartTimeZone Id="{zone}"/>').timezone == ""


def test_an_event_with_nothing_but_an_id_is_still_an_event() -> None:
    found = parse_event({"Id": "x"}, NO_DETAILS)
    assert (found.ref.id, found.title, found.starts, found.is_all_day) == ("x", "", None, False)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-45T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_time_that_is_none_is_left_out_and_the_rest_is_read(text: str) -> None:
    found = event(Start=f"<t:Start>{text}</t:Start>")
    assert found.starts is None
    assert found.ends and found.title


@pytest.mark.parametrize(
    ("name", "xml"),
    [
        ("Subject", "<t:Subject>Another</t:Subject>"),
        ("Start", "<t:Start>2026-11-23T09:15:00Z</t:Start>"),
        ("End", "<t:End>2026-11-23T10:45:00Z</t:End>"),
        ("IsAllDayEvent", "<t:IsAllDayEvent>true</t:IsAllDayEvent>"),
        ("LegacyFreeBusyStatus", "<t:LegacyFreeBusyStatus>Free</t:LegacyFreeBusyStatus>"),
        ("Location", "<t:Location>Room 5</t:Location>"),
        ("IsCancelled", "<t:IsCancelled>true</t:IsCancelled>"),
        ("Sensitivity", "<t:Sensitivity>Private</t:Sensitivity>"),
        ("ItemId", '<t:ItemId Id="AAMk1=" ChangeKey="DwAAABYB"/>'),
    ],
)
def test_an_occurrence_s_version_changes_with_whatever_a_view_says(name: str, xml: str) -> None:
    occurrence = {"CalendarItemType": "<t:CalendarItemType>Occurrence</t:CalendarItemType>"}
    assert event(**occurrence, **{name: xml}).ref.version != event(**occurrence).ref.version


def test_an_event_by_itself_has_a_change_key_of_its_own() -> None:
    changed = event(ItemId='<t:ItemId Id="AAMk1=" ChangeKey="DwAAABYB"/>')
    assert (event().ref.version, changed.ref.version) == ("DwAAABYA", "DwAAABYB")


def test_the_version_is_the_same_whether_a_view_or_getitem_told_it() -> None:
    view = ("ItemId", "Subject", "Sensitivity", "UID", "Start", "End", "IsAllDayEvent", "LegacyFreeBusyStatus")
    more = ("Location", "IsCancelled", "CalendarItemType")
    listed = parse_fields(element("".join(PLAIN[name] for name in (*view, *more))))
    assert parse_event(listed, NO_DETAILS).ref.version == event().ref.version


def test_an_occurrence_takes_what_it_shares_and_keeps_what_is_its_own() -> None:
    shared = parse_details(element("".join(PLAIN.values())), ALICE)
    own = parse_fields(
        element(
            '<t:ItemId Id="AAMk2=" ChangeKey="DwAAABYA"/><t:Subject>Moved</t:Subject><t:UID>series</t:UID>'
            "<t:Start>2026-12-01T09:00:00Z</t:Start><t:End>2026-12-01T10:00:00Z</t:End>"
            "<t:CalendarItemType>Occurrence</t:CalendarItemType><t:Location>Room 9</t:Location>"
        )
    )
    found = parse_event(own, shared, mailbox=ALICE, base=URL)
    assert (found.ref.id, found.title, found.location, found.series_id) == ("AAMk2=", "Moved", "Room 9", "series")
    assert found.starts == datetime(2026, 12, 1, 9, tzinfo=UTC)
    assert found.body and len(found.attendees) == 5
    assert found.web_url == "https://mail.northwind.example/owa/?ItemID=AAMk2%3D&exvsurl=1"


LONG = "https://zoom.us/j/1?pwd=" + "x" * 300


def test_what_a_view_cuts_off_is_taken_whole_from_getitem() -> None:
    """https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/finditem-operation (remarks)"""
    whole = parse_details(element("".join({**PLAIN, "Location": f"<t:Location>{LONG}</t:Location>"}.values())), ALICE)
    for remote_id, kind in (("AAMk1=", "Single"), ("AAMk2=", "Occurrence")):
        cut = {"Id": remote_id, "UID": "u", "CalendarItemType": kind, "Location": LONG[:255], "Subject": "Own"}
        found = parse_event(cut, whole)
        assert found.location == LONG
        assert found.title == ("Own" if kind == "Occurrence" else "Review of case 17 & lunch")
    moved = {"Id": "AAMk2=", "CalendarItemType": "Occurrence", "Location": "https://zoom.us/j/2" + "x" * 240}
    assert parse_event(moved, whole).location == moved["Location"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("?ae=Item&amp;a=Open&amp;id=Rg1", "https://mail.northwind.example/owa/?ae=Item&a=Open&id=Rg1"),
        ("javascript:alert(1)", ""),
        ("owa/?ItemID=1", ""),
        ("", ""),
    ],
)
def test_the_page_is_a_web_page_or_none(text: str, expected: str) -> None:
    page = f"<t:WebClientReadFormQueryString>{text}</t:WebClientReadFormQueryString>"
    assert event(Page=page).web_url == expected


def test_the_documented_calendar_item_is_read(shared_data: Path) -> None:
    """MicrosoftDocs/office-developer-exchange-docs, GetItem operation (calendar item), response example."""
    root = etree.parse(str(shared_data / "ews" / "samples" / "GetItemResponse-03.xml"))
    details = parse_details(root.find(f".//{TYPES}CalendarItem"), "someone@example.com")
    found = parse_event(details.fields, details, mailbox="someone@example.com")
    assert (found.ref.id, found.organizer_name, found.is_organizer) == ("ASUAdT", "Bob", True)
    assert found.starts == datetime(2006, 6, 16, 0, 30, tzinfo=UTC)


CONTACT = (
    '<t:ItemId Id="AAMkC1=" ChangeKey="EQAAABYA"/><t:Body BodyType="Text">Likes tea.</t:Body>'
    "<t:FileAs>Ferreira, Ines</t:FileAs><t:DisplayName>Ines Ferreira</t:DisplayName><t:GivenName>Ines</t:GivenName>"
    "<t:CompanyName>Northwind</t:CompanyName><t:EmailAddresses>"
    '<t:Entry Key="EmailAddress1" Name="Ines" RoutingType="SMTP">SMTP:ines@northwind.example</t:Entry>'
    '<t:Entry Key="EmailAddress2" RoutingType="EX">/o=Northwind/ou=First/cn=Recipients/cn=ines</t:Entry>'
    '<t:Entry Key="EmailAddress3">ines@home.example</t:Entry></t:EmailAddresses><t:PhysicalAddresses>'
    '<t:Entry Key="Home"><t:Street>Rua 1</t:Street><t:City>Porto</t:City></t:Entry>'
    '<t:Entry Key="Business"><t:Street>1 High St\nSuite 5</t:Street><t:City>Springfield</t:City><t:State>IL</t:State>'
    "<t:CountryOrRegion>USA</t:CountryOrRegion><t:PostalCode>62701</t:PostalCode></t:Entry>"
    '<t:Entry Key="Other"/></t:PhysicalAddresses><t:PhoneNumbers>'
    '<t:Entry Key="BusinessFax">+49 30 9</t:Entry><t:Entry Key="BusinessPhone2">+49 30 2</t:Entry>'
    '<t:Entry Key="BusinessPhone">+49 30 1</t:Entry><t:Entry Key="HomePhone"> +49 40 1 </t:Entry>'
    '<t:Entry Key="MobilePhone">+49 170 1</t:Entry><t:Entry Key="CompanyMainPhone">+49 30 0</t:Entry>'
    '<t:Entry Key="Pager"/><t:Entry Key="Newfangled">1</t:Entry></t:PhoneNumbers>'
    "<t:JobTitle>Counsel</t:JobTitle><t:Surname>Ferreira</t:Surname>"
)


def test_a_contact_is_read_whole() -> None:
    found = parse_contact(element(CONTACT, "Contact"), "folder")
    assert found
    assert (found.ref.id, found.ref.container, found.ref.version) == ("AAMkC1=", "folder", "EQAAABYA")
    assert found.folders == ("folder",)
    assert (found.given_name, found.family_name, found.display_name) == ("Ines", "Ferreira", "Ines Ferreira")
    assert (found.organization, found.title, found.note) == ("Northwind", "Counsel", "Likes tea.")
    assert [one.address for one in found.emails] == ["ines@northwind.example", "ines@home.example"]
    assert found.addresses == ("1 High St\nSuite 5\nSpringfield, IL 62701\nUSA", "Rua 1\nPorto")


def test_numbers_come_in_the_order_that_people_call_them() -> None:
    found = parse_contact(element(CONTACT, "Contact"), "folder")
    assert found
    assert [(one.value, one.kind, one.label) for one in found.numbers] == [
        ("+49 170 1", NumberKind.MOBILE, "Mobile"),
        ("+49 30 1", NumberKind.WORK, "Business"),
        ("+49 30 2", NumberKind.WORK, "Business 2"),
        ("+49 40 1", NumberKind.HOME, "Home"),
        ("+49 30 0", NumberKind.MAIN, "Company"),
        ("+49 30 9", NumberKind.FAX, "Business fax"),
        ("1", NumberKind.OTHER, "Newfangled"),
    ]


def test_a_contact_that_is_filed_but_not_named_is_called_as_it_is_filed() -> None:
    found = parse_contact(element('<t:ItemId Id="1"/><t:FileAs>Northwind</t:FileAs>', "Contact"), "folder")
    assert found and found.display_name == "Northwind"
    assert parse_contact(element("<t:DisplayName>Nobody</t:DisplayName>", "Contact"), "folder") is None


@pytest.mark.parametrize(
    ("name", "expected"), [("ResolveNamesResponse-01.xml", ["User2@example.com"]), ("ResolveNamesResponse-02.xml", [])]
)
def test_the_documented_resolutions_are_read(shared_data: Path, name: str, expected: list[str]) -> None:
    """MicrosoftDocs/office-developer-exchange-docs, ResolveNames operation, response examples."""
    root = etree.parse(str(shared_data / "ews" / "samples" / name))
    assert parse_resolutions(root) == expected


def test_of_several_addresses_the_main_one_is_first() -> None:
    xml = (
        "<t:Resolution><t:Mailbox><t:Name>Alice</t:Name><t:EmailAddress>/o=N/cn=alice</t:EmailAddress>"
        "<t:RoutingType>EX</t:RoutingType></t:Mailbox><t:Contact><t:EmailAddresses>"
        '<t:Entry Key="EmailAddress1">smtp:old@northwind.example</t:Entry>'
        '<t:Entry Key="EmailAddress2">SMTP:alice@northwind.example</t:Entry></t:EmailAddresses></t:Contact>'
        "</t:Resolution>"
    )
    assert parse_resolutions(element(xml, "Set")) == ["alice@northwind.example", "old@northwind.example"]
