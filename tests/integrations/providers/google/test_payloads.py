"""Payloads in Google's documented shape, one subject each, and odd ones beside them.

Shapes: https://developers.google.com/workspace/calendar/api/v3/reference/events#resource and
https://developers.google.com/people/api/rest/v1/people#Person. The recorded dialogues are those of KDE's libkgapi.
"""

import copy
import json
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.providers.google.calendar import _parse_page as parse_events_page
from integrations.providers.google.contacts import _parse_page as parse_people_page
from integrations.providers.google.payloads import EVENT_TYPES, parse_event
from integrations.providers.google.people import PERSON_TYPES, parse_group, parse_person
from integrations.providers.salvaging import salvage
from integrations.remote import (
    Attendee,
    EventStatus,
    NumberKind,
    RemoteContact,
    RemoteEmail,
    RemoteEvent,
    RemoteFolder,
    RemoteNumber,
    RemoteRef,
    Response,
    Window,
)

WINDOW = Window(datetime(2026, 10, 23, tzinfo=UTC), datetime(2027, 11, 22, tzinfo=UTC))
CEST = timezone(timedelta(hours=2))
EVENT: dict[str, Any] = {
    "id": "3if6lf59tove1e037baa75l54t",
    "etag": '"3044897856406000"',
    "status": "confirmed",
    "iCalUID": "3if6lf59tove1e037baa75l54t@google.com",
    "summary": "Quarterly review",
    "description": "Numbers first.",
    "location": "Room 4",
    "start": {"dateTime": "2026-11-24T10:30:00+02:00", "timeZone": "Europe/Prague"},
    "end": {"dateTime": "2026-11-24T11:30:00+02:00", "timeZone": "Europe/Prague"},
    "organizer": {"email": "konqui@kde.test", "displayName": "Konqui", "self": True},
    "htmlLink": "https://www.google.com/calendar/event?eid=M2lm",
    "updated": "2026-03-30T22:28:48.203Z",
    "eventType": "default",
}
PERSON: dict[str, Any] = {
    "resourceName": "people/c5170723913980391624",
    "etag": "%EigBAgMEBQYHCAk=",
    "metadata": {"sources": [{"type": "CONTACT"}], "objectType": "PERSON"},
    "names": [{"metadata": {"primary": True}, "displayName": "John Doe", "givenName": "John", "familyName": "Doe"}],
}


def event_with(**fields: Any) -> RemoteEvent:
    return parse_event({**EVENT, **fields})


def person_with(**fields: Any) -> RemoteContact:
    return parse_person({**PERSON, **fields})


def test_a_plain_event_is_read_whole() -> None:
    assert parse_event(EVENT) == RemoteEvent(
        ref=RemoteRef("3if6lf59tove1e037baa75l54t", "", '"3044897856406000"'),
        uid="3if6lf59tove1e037baa75l54t@google.com",
        title="Quarterly review",
        starts=datetime(2026, 11, 24, 10, 30, tzinfo=CEST),
        ends=datetime(2026, 11, 24, 11, 30, tzinfo=CEST),
        timezone="Europe/Prague",
        organizer_name="Konqui",
        organizer_email="konqui@kde.test",
        is_organizer=True,
        location="Room 4",
        body="Numbers first.",
        web_url="https://www.google.com/calendar/event?eid=M2lm",
        updated=datetime(2026, 3, 30, 22, 28, 48, 203000, tzinfo=UTC),
    )


def test_an_event_of_nothing_but_an_id_is_a_record() -> None:
    assert parse_event({"id": "x"}) == RemoteEvent(RemoteRef("x"))


def test_an_all_day_event_has_days_and_no_times() -> None:
    event = event_with(start={"date": "2026-12-24"}, end={"date": "2026-12-27"})
    assert (event.starts_on, event.ends_on) == (date(2026, 12, 24), date(2026, 12, 27))
    assert (event.starts, event.ends, event.is_all_day) == (None, None, True)


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({"visibility": "private"}, "is_private", True),
        ({"visibility": "confidential"}, "is_private", True),
        ({"visibility": "default"}, "is_private", False),
        ({"visibility": "public"}, "is_private", False),
        ({"transparency": "transparent"}, "is_free", True),
        ({"transparency": "opaque"}, "is_free", False),
        ({"status": "tentative"}, "status", EventStatus.TENTATIVE),
        ({"status": "something new"}, "status", EventStatus.CONFIRMED),
        ({"eventType": "outOfOffice"}, "kind", "out_of_office"),
        ({"eventType": "focusTime"}, "kind", "focus_time"),
        ({"eventType": "fromGmail"}, "kind", "from_mail"),
        ({"eventType": "somethingNew"}, "kind", "somethingNew"),
        ({"recurringEventId": "series"}, "series_id", "series"),
        ({"source": {"url": "https://crm.example/7", "title": "CRM"}}, "url", "https://crm.example/7"),
        ({"organizer": {"email": "bob@northwind.example"}}, "is_organizer", False),
        ({"attendeesOmitted": True}, "attendees_omitted", True),
        ({"description": "x" * 1_000_000}, "body", "x" * 1_000_000),
    ],
)
def test_a_field_is_read_as_documented(fields: dict[str, Any], name: str, expected: object) -> None:
    assert getattr(event_with(**fields), name) == expected


def test_attendees_keep_their_order_and_the_person_s_own_answer_is_known() -> None:
    event = event_with(
        attendees=[
            {"email": "konqui@kde.test", "organizer": True, "responseStatus": "accepted"},
            {"email": "me@kde.test", "displayName": "Me", "self": True, "responseStatus": "declined", "optional": True},
            {"email": "room@resource.calendar.google.com", "resource": True, "responseStatus": "needsAction"},
            {"displayName": "Nobody knows the address"},
        ]
    )
    assert event.response is Response.DECLINED
    assert event.attendees == (
        Attendee("konqui@kde.test", "", Response.ACCEPTED, is_organizer=True),
        Attendee("me@kde.test", "Me", Response.DECLINED, is_self=True, is_optional=True),
        Attendee("room@resource.calendar.google.com", is_resource=True),
        Attendee("", "Nobody knows the address"),
    )


def test_who_is_not_among_the_attendees_has_nothing_to_answer() -> None:
    event = event_with(attendees=[{"email": "b@kde.test", "responseStatus": "accepted"}])
    assert event.response is Response.NONE


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ()),
        ({"hangoutLink": "https://meet.google.com/abc-defg-hij"}, ("https://meet.google.com/abc-defg-hij",)),
        (
            {
                "hangoutLink": "https://meet.google.com/abc-defg-hij",
                "conferenceData": {
                    "entryPoints": [
                        {"entryPointType": "video", "uri": "https://meet.google.com/abc-defg-hij", "label": "meet"},
                        {"entryPointType": "phone", "uri": "tel:+1-218-331-3540", "pin": "434 402 466#"},
                        {"entryPointType": "more", "uri": "https://tel.meet/abc-defg-hij?pin=1"},
                    ]
                },
            },
            ("https://meet.google.com/abc-defg-hij",),
        ),
        (
            {
                "conferenceData": {
                    "entryPoints": [
                        {"entryPointType": "sip", "uri": "sip:1@zoomcrc.com"},
                        {"entryPointType": "video", "uri": "https://us02web.zoom.us/j/81234567890?pwd=abc"},
                        {"entryPointType": "video"},
                    ],
                    "conferenceSolution": {"name": "Zoom Meeting", "key": {"type": "addOn"}},
                }
            },
            ("https://us02web.zoom.us/j/81234567890?pwd=abc",),
        ),
        ({"conferenceData": {"createRequest": {"status": {"statusCode": "pending"}}}}, ()),
    ],
    ids=["none", "hangout", "meet", "zoom add-on", "not made yet"],
)
def test_the_conference_gives_its_video_addresses(fields: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert event_with(**fields).conference == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ({"dateTime": "2026-11-24T10:30:00Z"}, datetime(2026, 11, 24, 10, 30, tzinfo=UTC)),
        ({"dateTime": "2026-11-24T10:30:00.5-05:00"}, datetime(2026, 11, 24, 15, 30, 0, 500000, tzinfo=UTC)),
        (
            {"dateTime": "2026-11-24T10:30:00", "timeZone": "Europe/Berlin"},
            datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
        ),
        ({"dateTime": "2026-11-24T10:30:00"}, datetime(2026, 11, 24, 10, 30, tzinfo=UTC)),
        ({"dateTime": "2026-11-24T10:30:00", "timeZone": "Mars/Olympus"}, datetime(2026, 11, 24, 10, 30, tzinfo=UTC)),
        ({"dateTime": "2026-11-24T10:30:00", "timeZone": "../../etc/x"}, datetime(2026, 11, 24, 10, 30, tzinfo=UTC)),
        ({"dateTime": "next Tuesday"}, None),
        ({"dateTime": "2026-02-30T10:00:00Z"}, None),
        ({"dateTime": "9999-12-31T23:59:59-12:00"}, None),
        ({"dateTime": "0001-01-01T00:00:00+14:00"}, None),
        ({"dateTime": "9999-06-01T00:00:00Z"}, datetime(9999, 6, 1, tzinfo=UTC)),
        ({"dateTime": "10000-01-01T00:00:00Z"}, None),
        ({}, None),
    ],
)
def test_a_moment_is_aware_or_none(start: dict[str, str], expected: datetime | None) -> None:
    event = event_with(start=start)
    assert event.starts == expected
    assert event.starts is None or event.starts.utcoffset() is not None
    assert event.ends == datetime(2026, 11, 24, 11, 30, tzinfo=CEST)
    assert event.title == "Quarterly review"


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01", "2026-02-30", "tomorrow", ""])
def test_a_day_that_no_page_could_show_is_none(text: str) -> None:
    event = event_with(start={"date": text}, end={"date": "2026-12-27"})
    assert (event.starts_on, event.ends_on) == (None, date(2026, 12, 27))


def test_an_end_before_the_start_is_recorded_as_it_is() -> None:
    event = event_with(end={"dateTime": "2026-11-20T10:00:00Z"})
    assert event.starts and event.ends and event.ends < event.starts


@pytest.mark.parametrize(
    "fields",
    [
        {"summary": 5},
        {"description": None},
        {"start": "2026-11-24"},
        {"end": None, "attendees": "everybody"},
        {"attendees": [None, 7, {"email": 5}, {"email": "a@b.test", "self": "yes"}]},
        {"organizer": []},
        {"conferenceData": {"entryPoints": {"uri": "https://zoom.us/j/1"}}},
        {"conferenceData": []},
        {"hangoutLink": 7},
        {"source": "https://crm.example"},
        {"status": {"of": "things"}},
        {"updated": 1764000000},
        {"eventType": ["default"]},
    ],
    ids=str,
)
def test_a_field_of_another_type_costs_that_field_and_not_the_page(fields: dict[str, Any]) -> None:
    answer = {"items": [{**EVENT, **fields}, {**EVENT, "id": "fine"}], "nextSyncToken": "next"}
    delta = parse_events_page(answer, WINDOW, is_last=True, is_complete=True)
    odd, fine = delta.changed
    assert odd.ref.id == EVENT["id"]
    assert odd.uid == EVENT["iCalUID"]
    assert fine.title == "Quarterly review"
    texts = [odd.title, odd.body, odd.location, odd.kind, *odd.conference, *[one.email for one in odd.attendees]]
    assert all(isinstance(text, str) for text in texts)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*EVENT, *PERSON, "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*EVENT_TYPES]), JSON), st.booleans())
def test_no_event_whatever_its_fields_breaks_a_page(fields: dict[str, Any], is_complete: bool) -> None:
    answer = {"items": [{**EVENT, **fields}, {**EVENT, "id": "fine"}], "nextSyncToken": "next"}
    delta = parse_events_page(answer, WINDOW, is_last=True, is_complete=is_complete)
    assert "fine" in {event.ref.id for event in delta.changed}


@given(st.dictionaries(st.sampled_from([*PERSON_TYPES]), JSON))
def test_no_person_whatever_their_fields_breaks_a_page(fields: dict[str, Any]) -> None:
    answer = {"connections": [{**PERSON, **fields}, {**PERSON, "resourceName": "fine"}], "nextSyncToken": "next"}
    delta = parse_people_page(answer, None, is_last=True, is_complete=False)
    assert "fine" in {contact.ref.id for contact in delta.changed}


def test_salvaging_changes_nothing_that_is_sound() -> None:
    event = {
        **EVENT,
        "attendees": [{"email": "a@b.test", "self": True, "responseStatus": "accepted"}],
        "conferenceData": {"entryPoints": [{"entryPointType": "video", "uri": "https://zoom.us/j/1"}]},
        "source": {"url": "https://crm.example/7"},
    }
    assert parse_event(salvage(event, EVENT_TYPES)) == parse_event(event)
    assert parse_person(salvage(PERSON, PERSON_TYPES)) == parse_person(PERSON)


def test_what_was_deleted_is_gone_and_what_has_no_id_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    answer = {
        "items": [
            {"id": "deleted", "status": "cancelled", "etag": '"1"'},
            {"id": "series_20261124T103000Z", "status": "cancelled", "recurringEventId": "series"},
            {"summary": "nameless"},
            "not an event",
            EVENT,
        ],
        "nextSyncToken": "next",
    }
    delta = parse_events_page(answer, WINDOW, is_last=True, is_complete=False)
    assert delta.gone == ("deleted", "series_20261124T103000Z")
    assert [event.title for event in delta.changed] == ["Quarterly review"]
    assert (delta.cursor, delta.complete) == ("next", False)
    assert "2 events without an id" in caplog.text


def test_occurrences_outside_the_window_are_gone_when_a_series_without_end_has_changed() -> None:
    def occurrence(year: int) -> dict[str, Any]:
        times = {"start": {"dateTime": f"{year}-11-24T10:00:00Z"}, "end": {"dateTime": f"{year}-11-24T11:00:00Z"}}
        return {**EVENT, **times, "id": f"series_{year}1124T100000Z", "recurringEventId": "series"}

    answer = {"items": [occurrence(year) for year in range(2020, 2060)], "nextSyncToken": "next"}
    delta = parse_events_page(answer, WINDOW, is_last=True, is_complete=False)
    assert [event.ref.id for event in delta.changed] == ["series_20261124T100000Z"]
    assert len(delta.gone) == 39


def test_a_contact_is_read_whole() -> None:
    contact = person_with(
        organizations=[{"name": "KDE", "title": "Mascot", "department": "Promo"}],
        emailAddresses=[
            {"value": "home@kde.test", "type": "home", "formattedType": "Home"},
            {"metadata": {"primary": True}, "value": "konqui@kde.test", "type": "work", "formattedType": "Work"},
            {"type": "other"},
        ],
        phoneNumbers=[
            {"value": "030 901820", "canonicalForm": "+4930901820", "type": "work", "formattedType": "Work"},
            {"metadata": {"primary": True}, "value": "0171 1234567", "type": "mobile", "formattedType": "Mobile"},
            {"value": "call my mother", "type": "Mum", "formattedType": "Mum"},
        ],
        addresses=[{"formattedValue": "KDE Road 15\nMálaga"}],
        biographies=[{"value": "Likes dragons.", "contentType": "TEXT_PLAIN"}],
        photos=[{"metadata": {"primary": True}, "url": "https://lh3.googleusercontent.com/cm/x=s100"}],
        memberships=[
            {"contactGroupMembership": {"contactGroupId": "a", "contactGroupResourceName": "contactGroups/a"}},
            {"contactGroupMembership": {"contactGroupResourceName": "contactGroups/myContacts"}},
            {"domainMembership": {"inViewerDomain": True}},
        ],
        metadata={"previousResourceNames": ["people/c1"]},
    )
    assert contact == RemoteContact(
        ref=RemoteRef("people/c5170723913980391624", "", "%EigBAgMEBQYHCAk="),
        folders=("contactGroups/a", "contactGroups/myContacts"),
        given_name="John",
        family_name="Doe",
        display_name="John Doe",
        organization="KDE",
        title="Mascot",
        emails=(RemoteEmail("konqui@kde.test", "Work"), RemoteEmail("home@kde.test", "Home")),
        numbers=(
            RemoteNumber("0171 1234567", NumberKind.MOBILE, "Mobile"),
            RemoteNumber("030 901820", NumberKind.WORK, "Work", "+4930901820"),
            RemoteNumber("call my mother", NumberKind.OTHER, "Mum"),
        ),
        addresses=("KDE Road 15\nMálaga",),
        note="Likes dragons.",
        photo_url="https://lh3.googleusercontent.com/cm/x=s100",
        previous_ids=("people/c1",),
    )


def test_a_contact_without_a_name_is_a_record_without_a_name() -> None:
    assert parse_person({"resourceName": "people/c1"}) == RemoteContact(RemoteRef("people/c1"))
    unstructured = person_with(names=[{"unstructuredName": "Konqui"}])
    assert unstructured.display_name == "Konqui"


def test_a_photo_that_google_drew_itself_is_no_photo() -> None:
    assert person_with(photos=[{"url": "https://lh3.googleusercontent.com/d=s100", "default": True}]).photo_url == ""


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("mobile", NumberKind.MOBILE),
        ("workMobile", NumberKind.MOBILE),
        ("work", NumberKind.WORK),
        ("home", NumberKind.HOME),
        ("main", NumberKind.MAIN),
        ("homeFax", NumberKind.FAX),
        ("workFax", NumberKind.FAX),
        ("otherFax", NumberKind.FAX),
        ("pager", NumberKind.OTHER),
        ("googleVoice", NumberKind.OTHER),
        ("Boat", NumberKind.OTHER),
        (None, NumberKind.OTHER),
    ],
)
def test_kinds_of_number(kind: str | None, expected: NumberKind) -> None:
    number = {"value": "1"} if kind is None else {"value": "1", "type": kind}
    assert person_with(phoneNumbers=[number]).numbers[0].kind is expected


@pytest.mark.parametrize(
    "fields",
    [
        {"names": None},
        {"names": "John"},
        {"names": [None]},
        {"names": [{"displayName": 7}]},
        {"emailAddresses": [{"value": 7}, "x"]},
        {"phoneNumbers": {"value": "1"}},
        {"memberships": [7]},
        {"memberships": [{"contactGroupMembership": "contactGroups/a"}]},
        {"photos": [{"url": 5}]},
        {"metadata": "none"},
        {"metadata": {"previousResourceNames": [5]}},
        {"biographies": [{"value": {}}]},
    ],
    ids=str,
)
def test_an_odd_field_costs_that_field_and_not_the_page_of_people(fields: dict[str, Any]) -> None:
    people = [{**PERSON, **fields}, {**PERSON, "resourceName": "people/fine"}, {"names": []}, 7]
    delta = parse_people_page({"connections": people, "nextSyncToken": "t"}, (), is_last=True, is_complete=True)
    assert [contact.ref.id for contact in delta.changed] == [PERSON["resourceName"], "people/fine"]
    assert delta.changed[1].display_name == "John Doe"


def test_a_deleted_person_is_gone() -> None:
    deleted = {"resourceName": "people/c9", "metadata": {"deleted": True}}
    delta = parse_people_page(
        {"connections": [deleted, PERSON], "nextSyncToken": "t"}, None, is_last=True, is_complete=False
    )
    assert delta.gone == ("people/c9",)
    assert len(delta.changed) == 1
    assert delta.folders is None


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (
            {
                "resourceName": "contactGroups/myContacts",
                "groupType": "SYSTEM_CONTACT_GROUP",
                "name": "myContacts",
                "formattedName": "My Contacts",
            },
            RemoteFolder("contactGroups/myContacts", "My Contacts", is_default=True),
        ),
        (
            {
                "resourceName": "contactGroups/starred",
                "groupType": "SYSTEM_CONTACT_GROUP",
                "name": "starred",
                "formattedName": "Markiert",
            },
            RemoteFolder("contactGroups/starred", "Markiert"),
        ),
        (
            {"resourceName": "contactGroups/19c", "groupType": "USER_CONTACT_GROUP", "name": "Clients"},
            RemoteFolder("contactGroups/19c", "Clients"),
        ),
        ({"resourceName": "contactGroups/blocked", "groupType": "SYSTEM_CONTACT_GROUP", "name": "blocked"}, None),
        ({"resourceName": "contactGroups/all", "groupType": "SYSTEM_CONTACT_GROUP", "name": "all"}, None),
        ({"resourceName": "contactGroups/19c", "groupType": "USER_CONTACT_GROUP"}, None),
        ({"resourceName": 5, "name": "x"}, None),
    ],
)
def test_labels_are_folders_and_google_s_own_leftovers_are_not(
    group: dict[str, Any], expected: RemoteFolder | None
) -> None:
    assert parse_group(group) == expected


def read_recording(path: Path) -> dict[str, Any]:
    """The body of a recorded answer: everything after the first empty line."""
    text = path.read_text()
    return json.loads(text[text.index("\n\n") :])


def test_recorded_calendar_answers_are_read(shared_data: Path) -> None:
    folder = shared_data / "google/calendar"
    always = Window(datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    events = []
    for number, is_last in ((1, False), (2, True)):
        answer = read_recording(folder / f"events_fetch_page{number}_response.txt")
        answer.setdefault("nextSyncToken", "recorded without one")
        delta = parse_events_page(answer, always, is_last=is_last, is_complete=True)
        events += delta.changed
        assert len(delta.changed) + len(delta.gone) == len(answer["items"])
    assert events[0].title == "Cool Meeting about stuff"
    assert [one.email for one in events[0].attendees] == ["attendee1@kde.test", "attendee2@kde.test"]
    assert all(event.starts or event.starts_on for event in events)


def test_recorded_contact_answers_are_read(shared_data: Path) -> None:
    folder = shared_data / "google/people"
    found: dict[str, RemoteContact] = {}
    for name in ("full_fetch_response", "partial_fetch_response_1", "partial_fetch_response_2"):
        answer = read_recording(folder / f"connections_{name}.txt")
        before = copy.deepcopy(answer)
        answer.setdefault("nextSyncToken", "not the last page")
        delta = parse_people_page(answer, None, is_last=True, is_complete=False)
        assert len(delta.changed) + len(delta.gone) == len(before.get("connections", []))
        found |= {contact.ref.id: contact for contact in delta.changed}
    john = found["people/c5170723913980391624"]
    assert (john.given_name, john.family_name, john.photo_url) == ("John", "Doe", "")
    assert john.addresses[0].startswith("KDE Road 15\n")
    groups = read_recording(folder / "contactgroup_list_fetch_full_response.txt")["contactGroups"]
    folders = [folder for folder in map(parse_group, groups) if folder]
    assert [folder.name for folder in folders] == ["My Contacts", "test1"]
