"""Payloads in Microsoft Graph's documented shape, one subject each, and odd ones beside them.

Shapes: https://learn.microsoft.com/en-us/graph/api/resources/event, .../resources/contact and the examples of
https://learn.microsoft.com/en-us/graph/api/event-delta, .../event-list-instances, .../contact-delta. What a delta
leaves out of an occurrence: https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/34 and 5602.
All-day events: issues 8057 and 471 there.
"""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.providers.office365.payloads import (
    EVENT_FIELDS,
    EVENT_TYPES,
    fill_occurrence,
    is_removed,
    parse_event,
)
from integrations.providers.office365.people import (
    CONTACT_FIELDS,
    CONTACT_TYPES,
    parse_contact,
    parse_folder,
    parse_person,
)
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
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type]


def at(text: str, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": text, "timeZone": zone}


EVENT: dict[str, Any] = {
    "@odata.type": "#microsoft.graph.event",
    "@odata.etag": 'W/"ZlnW4RIAV06KYYwlrfNZvQAAK0UOIw=="',
    "createdDateTime": "2026-10-20T08:22:53.2309063Z",
    "lastModifiedDateTime": "2026-10-20T08:22:54.9229346Z",
    "changeKey": "ZlnW4RIAV06KYYwlrfNZvQAAK0UOIw==",
    "categories": [],
    "originalStartTimeZone": "Pacific Standard Time",
    "originalEndTimeZone": "Pacific Standard Time",
    "iCalUId": "040000008200E00074C5B7101A82E00800000000E0",
    "reminderMinutesBeforeStart": 15,
    "isReminderOn": True,
    "hasAttachments": False,
    "subject": "Let's go brunch",
    "bodyPreview": "Does noon work for you?",
    "importance": "normal",
    "sensitivity": "normal",
    "isAllDay": False,
    "isCancelled": False,
    "isOrganizer": True,
    "responseRequested": True,
    "seriesMasterId": None,
    "showAs": "busy",
    "type": "singleInstance",
    "webLink": "https://outlook.office365.com/owa/?itemid=AAMkAGUw%3D&exvsurl=1&path=/calendar/item",
    "onlineMeetingUrl": None,
    "isOnlineMeeting": False,
    "onlineMeetingProvider": "unknown",
    "onlineMeeting": None,
    "recurrence": None,
    "id": "AAMkAGUwNjQ4ZjIxLTAAAA=",
    "responseStatus": {"response": "organizer", "time": "0001-01-01T00:00:00Z"},
    "body": {"contentType": "html", "content": "<html><body>Does noon work for you?</body></html>"},
    "start": at("2026-11-24T20:00:00.0000000"),
    "end": at("2026-11-24T21:00:00.0000000"),
    "location": {"displayName": "Harry's Bar", "locationType": "default", "uniqueId": "Harry's Bar"},
    "locations": [{"displayName": "Harry's Bar", "locationType": "default"}],
    "attendees": [
        {
            "type": "required",
            "status": {"response": "none", "time": "0001-01-01T00:00:00Z"},
            "emailAddress": {"name": "Adele Vance", "address": "AdeleV@contoso.example"},
        }
    ],
    "organizer": {"emailAddress": {"name": "Megan Bowen", "address": "MeganB@contoso.example"}},
}
STUB: dict[str, Any] = {
    "@odata.type": "#microsoft.graph.event",
    "@odata.etag": 'W/"DwAAABYAAABmWdbhEgBXTophjCWt81m9AAAoZYj4"',
    "seriesMasterId": "AAMkMaster=",
    "type": "occurrence",
    "id": "AAMkOccurrence1=",
    "start": at("2026-12-01T20:00:00.0000000"),
    "end": at("2026-12-01T21:00:00.0000000"),
}
CONTACT: dict[str, Any] = {
    "@odata.etag": 'W/"EQAAABYAAACd9nJ/tVysQos2hTfspaWRAADTIKz4"',
    "createdDateTime": "2026-10-19T10:37:00Z",
    "lastModifiedDateTime": "2026-10-19T10:37:00Z",
    "changeKey": "EQAAABYAAACd9nJ/tVysQos2hTfspaWRAADTIKz4",
    "parentFolderId": "AAMkFolder=",
    "fileAs": "Bansky, Pavel",
    "displayName": "Pavel Bansky",
    "givenName": "Pavel",
    "surname": "Bansky",
    "companyName": "Contoso",
    "jobTitle": "Buyer",
    "imAddresses": [],
    "emailAddresses": [{"address": "pavelb@contoso.example", "name": "Pavel Bansky"}],
    "mobilePhone": "+1 206 555 0110",
    "businessPhones": ["+1 732 555 0102"],
    "homePhones": [],
    "personalNotes": "Met in Prague.",
    "homeAddress": {},
    "businessAddress": {
        "street": "1 Main St\nSuite 4",
        "city": "Redmond",
        "state": "WA",
        "countryOrRegion": "United States",
        "postalCode": "98052",
    },
    "otherAddress": {},
    "id": "AAMkContact=",
}


def event_with(**fields: Any) -> RemoteEvent:
    return parse_event({**EVENT, **fields}, "meganb@contoso.example")


def contact_with(**fields: Any) -> RemoteContact:
    return parse_contact({**CONTACT, **fields}, "AAMkFolder=")


def test_a_plain_event_is_read_whole() -> None:
    assert event_with() == RemoteEvent(
        ref=RemoteRef("AAMkAGUwNjQ4ZjIxLTAAAA=", "", 'W/"ZlnW4RIAV06KYYwlrfNZvQAAK0UOIw=="'),
        uid="040000008200E00074C5B7101A82E00800000000E0",
        title="Let's go brunch",
        starts=utc(2026, 11, 24, 20),
        ends=utc(2026, 11, 24, 21),
        timezone="America/Los_Angeles",
        organizer_name="Megan Bowen",
        organizer_email="MeganB@contoso.example",
        is_organizer=True,
        attendees=(Attendee("AdeleV@contoso.example", "Adele Vance"),),
        location="Harry's Bar",
        body="<html><body>Does noon work for you?</body></html>",
        web_url="https://outlook.office365.com/owa/?itemid=AAMkAGUw%3D&exvsurl=1&path=/calendar/item",
        updated=utc(2026, 10, 20, 8, 22, 54, 922934),
    )


def test_an_event_of_nothing_but_an_id_is_a_record() -> None:
    assert parse_event({"id": "x"}) == RemoteEvent(RemoteRef("x"))


def test_the_body_is_read_and_never_its_preview() -> None:
    link = "https://us02web.zoom.us/j/81234567890?pwd=abc"
    content = f"<html>{'<p>agenda</p>' * 400}<a href='{link}'>Join</a></html>"
    assert link in event_with(body={"contentType": "html", "content": content}, bodyPreview="agenda" * 40).body
    assert "bodyPreview" not in EVENT_FIELDS


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({"sensitivity": "private"}, "is_private", True),
        ({"sensitivity": "confidential"}, "is_private", True),
        ({"sensitivity": "personal"}, "is_private", False),
        ({"sensitivity": None}, "is_private", False),
        ({"showAs": "free"}, "is_free", True),
        ({"showAs": "busy"}, "is_free", False),
        ({"showAs": "oof"}, "kind", "out_of_office"),
        ({"showAs": "workingElsewhere"}, "kind", ""),
        ({"isCancelled": True}, "status", EventStatus.CANCELLED),
        ({"showAs": "tentative"}, "status", EventStatus.TENTATIVE),
        ({"showAs": "tentative", "isOrganizer": False}, "status", EventStatus.CONFIRMED),
        ({"showAs": "unknown"}, "status", EventStatus.CONFIRMED),
        ({"seriesMasterId": "AAMkMaster="}, "series_id", "AAMkMaster="),
        ({"isOrganizer": False}, "is_organizer", False),
        ({"responseStatus": {"response": "none"}}, "response", Response.NONE),
        ({"responseStatus": {"response": "organizer"}}, "response", Response.NONE),
        ({"responseStatus": {"response": "notResponded"}}, "response", Response.NEEDS_ACTION),
        ({"responseStatus": {"response": "accepted"}}, "response", Response.ACCEPTED),
        ({"responseStatus": {"response": "tentativelyAccepted"}}, "response", Response.TENTATIVE),
        ({"responseStatus": {"response": "declined"}}, "response", Response.DECLINED),
        ({"location": {"displayName": "", "locationUri": "https://rooms.example/4"}}, "url", "https://rooms.example/4"),
        ({"location": {"displayName": "Room 4", "locationUri": "room4@contoso.example"}}, "url", ""),
        (
            {"iCalUId": "040000008200E00074C5B7101A82E00807EA0C06AB"},
            "uid",
            "040000008200E00074C5B7101A82E00800000000AB",
        ),
        ({"iCalUId": "7kukuqrfedlm2f9t@google.com"}, "uid", "7kukuqrfedlm2f9t@google.com"),
        ({"@odata.etag": None}, "ref", RemoteRef("AAMkAGUwNjQ4ZjIxLTAAAA=", "", EVENT["changeKey"])),
        ({"subject": None}, "title", ""),
        ({"organizer": None}, "organizer_email", ""),
        ({"body": {"contentType": "html", "content": "x" * 1_000_000}}, "body", "x" * 1_000_000),
    ],
)
def test_a_field_is_read_as_documented(fields: dict[str, Any], name: str, expected: object) -> None:
    assert getattr(event_with(**fields), name) == expected


def test_an_all_day_event_has_the_days_that_stand_there_whatever_the_zone() -> None:
    for zone in ("UTC", "Pacific Standard Time"):
        event = event_with(
            isAllDay=True,
            start=at("2026-12-24T00:00:00.0000000", zone),
            end=at("2026-12-27T00:00:00.0000000", zone),
            originalStartTimeZone="Tokyo Standard Time",
        )
        assert (event.starts_on, event.ends_on) == (date(2026, 12, 24), date(2026, 12, 27))
        assert (event.starts, event.ends, event.is_all_day) == (None, None, True)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Eastern Standard Time", "America/New_York"),
        ("Europe/Kyiv", "Europe/Kyiv"),
        ("UTC", "UTC"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("tzone://Microsoft/Custom", ""),
        ("Customized Time Zone", ""),
        ("Middle Earth Standard Time", ""),
        ("../../etc/passwd", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_windows_time_zones_are_told_by_their_iana_names(name: str | None, expected: str) -> None:
    assert event_with(originalStartTimeZone=name).timezone == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (at("2026-11-24T10:30:00.0000000"), utc(2026, 11, 24, 10, 30)),
        (at("2026-11-24T10:30:00.1234567"), utc(2026, 11, 24, 10, 30, 0, 123456)),
        (at("2026-11-24T10:30:00", "W. Europe Standard Time"), utc(2026, 11, 24, 9, 30)),
        (at("2026-11-24T10:30:00", "Europe/Berlin"), utc(2026, 11, 24, 9, 30)),
        (at("2026-11-24T10:30:00", "tzone://Microsoft/Utc"), utc(2026, 11, 24, 10, 30)),
        (at("2026-11-24T10:30:00", "Customized Time Zone"), utc(2026, 11, 24, 10, 30)),
        ({"dateTime": "2026-11-24T10:30:00"}, utc(2026, 11, 24, 10, 30)),
        (at("next Tuesday"), None),
        (at("2026-02-30T10:00:00"), None),
        (at("9999-12-31T23:59:59"), None),
        (at("0001-01-01T00:00:00"), None),
        ({}, None),
        (None, None),
    ],
)
def test_a_moment_is_aware_or_none(start: dict[str, str] | None, expected: datetime | None) -> None:
    event = event_with(start=start)
    assert event.starts == expected
    assert event.starts is None or event.starts.utcoffset() == timedelta(0) or start
    assert (event.ends, event.title) == (utc(2026, 11, 24, 21), "Let's go brunch")


def test_attendees_say_who_is_the_organizer_the_person_optional_or_a_room() -> None:
    def attendee(name: str, kind: str, response: str) -> dict[str, Any]:
        address = {"name": name, "address": f"{name}@contoso.example"}
        return {"type": kind, "status": {"response": response}, "emailAddress": address}

    event = event_with(
        organizer={"emailAddress": {"name": "Adele", "address": "adele@contoso.example"}},
        attendees=[
            attendee("Adele", "required", "organizer"),
            attendee("MEGANB", "optional", "tentativelyAccepted"),
            attendee("room4", "resource", "accepted"),
            attendee("new", "required", "something new"),
            {"type": "required", "emailAddress": {"name": "Nobody knows the address"}},
            {},
        ],
    )
    assert event.attendees == (
        Attendee("Adele@contoso.example", "Adele", Response.ACCEPTED, is_organizer=True),
        Attendee("MEGANB@contoso.example", "MEGANB", Response.TENTATIVE, is_self=True, is_optional=True),
        Attendee("room4@contoso.example", "room4", Response.ACCEPTED, is_resource=True),
        Attendee("new@contoso.example", "new"),
        Attendee("", "Nobody knows the address"),
        Attendee(""),
    )


TEAMS = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_Y%40thread.v2/0?context=%7b%7d"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ()),
        ({"onlineMeeting": {"joinUrl": TEAMS, "conferenceId": "1", "tollNumber": "+1 425 555 0156"}}, (TEAMS,)),
        ({"onlineMeeting": {"joinUrl": TEAMS}, "onlineMeetingUrl": TEAMS}, (TEAMS,)),
        ({"onlineMeetingUrl": "https://meet.lync.example/a/b"}, ("https://meet.lync.example/a/b",)),
        (
            {"onlineMeeting": {"joinUrl": TEAMS}, "onlineMeetingUrl": "https://meet.lync.example/a/b"},
            (TEAMS, "https://meet.lync.example/a/b"),
        ),
        ({"onlineMeeting": {"joinUrl": None}}, ()),
    ],
)
def test_the_online_meeting_gives_its_addresses(fields: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert event_with(**fields).conference == expected


def test_an_occurrence_is_its_own_time_and_all_the_rest_of_its_series() -> None:
    master = parse_event({**EVENT, "id": "AAMkMaster=", "type": "seriesMaster"})
    event = fill_occurrence(STUB, master)
    assert (event.ref.id, event.series_id) == ("AAMkOccurrence1=", "AAMkMaster=")
    assert (event.starts, event.ends) == (utc(2026, 12, 1, 20), utc(2026, 12, 1, 21))
    assert event.title == "Let's go brunch"
    whole = parse_event(
        {**EVENT, **STUB, "@odata.etag": EVENT["@odata.etag"], "seriesMasterId": "AAMkMaster=", "type": "occurrence"}
    )
    assert fill_occurrence({**STUB, "@odata.etag": EVENT["@odata.etag"]}, master) == whole


def test_an_occurrence_has_a_new_version_when_it_or_its_series_changes() -> None:
    master = parse_event({**EVENT, "id": "AAMkMaster="})
    renamed = parse_event({**EVENT, "id": "AAMkMaster=", "@odata.etag": 'W/"2"'})
    versions = {
        fill_occurrence(STUB, master).ref.version,
        fill_occurrence(STUB, renamed).ref.version,
        fill_occurrence({**STUB, "@odata.etag": 'W/"3"'}, master).ref.version,
    }
    assert len(versions) == 3


def test_an_occurrence_of_an_all_day_series_has_days() -> None:
    days = {"start": at("2026-12-24T00:00:00.0000000"), "end": at("2026-12-25T00:00:00.0000000")}
    master = parse_event({**EVENT, "id": "AAMkMaster=", "isAllDay": True, **days})
    event = fill_occurrence({**STUB, **days}, master)
    assert (event.starts_on, event.ends_on, event.starts) == (date(2026, 12, 24), date(2026, 12, 25), None)


def test_what_was_removed_says_so_whatever_the_reason() -> None:
    assert is_removed({"@removed": {"reason": "deleted"}, "id": "x"})
    assert is_removed({"@removed": {"reason": "changed"}, "id": "x"})
    assert not is_removed(EVENT)


@pytest.mark.parametrize(
    "fields",
    [
        {"subject": 5},
        {"body": "text"},
        {"body": {"content": ["a"]}},
        {"start": "2026-11-24"},
        {"start": {"dateTime": 5}},
        {"end": {"dateTime": "2026-11-24T21:00:00", "timeZone": 7}},
        {"isAllDay": True, "start": {"dateTime": ["2026-12-24"]}},
        {"originalStartTimeZone": ["UTC"]},
        {"organizer": {"emailAddress": "megan"}},
        {"organizer": {"emailAddress": {"address": 7}}},
        {"attendees": {"emailAddress": {}}},
        {"attendees": ["Adele"]},
        {"attendees": [{"emailAddress": {"address": ["a"]}}]},
        {"attendees": [{"emailAddress": {"name": {}, "address": "a@b.example"}, "status": 3}]},
        {"location": "Room 4"},
        {"location": {"locationUri": 4}},
        {"onlineMeeting": "https://teams.example"},
        {"onlineMeeting": {"joinUrl": 4}},
        {"onlineMeetingUrl": {"a": 1}},
        {"sensitivity": ["private"]},
        {"responseStatus": {"response": ["accepted"]}},
        {"lastModifiedDateTime": 1764000000},
        {"seriesMasterId": 4},
        {"webLink": 4},
    ],
    ids=str,
)
def test_a_field_of_another_type_costs_that_field_and_nothing_else(fields: dict[str, Any]) -> None:
    odd = {**EVENT, **fields}
    with pytest.raises((TypeError, AttributeError)):
        parse_event(odd)
    event = parse_event(salvage(odd, EVENT_TYPES))
    assert (event.ref.id, event.uid) == (EVENT["id"], EVENT["iCalUId"])
    texts = [event.title, event.body, event.location, event.url, event.web_url, event.series_id, *event.conference]
    assert all(isinstance(text, str) for text in texts)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*EVENT, *CONTACT, "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*EVENT_TYPES]), JSON))
def test_whatever_is_salvaged_of_an_event_can_be_read(fields: dict[str, Any]) -> None:
    item = {**EVENT, **fields, "id": "x"}
    assert parse_event(salvage(item, EVENT_TYPES)).ref.id == "x"
    assert fill_occurrence(salvage({**item, "id": "y"}, EVENT_TYPES), event_with()).ref.id == "y"


@given(st.dictionaries(st.sampled_from([*CONTACT_TYPES]), JSON))
def test_whatever_is_salvaged_of_a_contact_can_be_read(fields: dict[str, Any]) -> None:
    assert parse_contact(salvage({**CONTACT, **fields, "id": "x"}, CONTACT_TYPES), "f").ref.id == "x"


def test_a_contact_is_read_whole() -> None:
    assert contact_with() == RemoteContact(
        ref=RemoteRef("AAMkContact=", "AAMkFolder=", 'W/"EQAAABYAAACd9nJ/tVysQos2hTfspaWRAADTIKz4"'),
        folders=("AAMkFolder=",),
        given_name="Pavel",
        family_name="Bansky",
        display_name="Pavel Bansky",
        organization="Contoso",
        title="Buyer",
        emails=(RemoteEmail("pavelb@contoso.example"),),
        numbers=(
            RemoteNumber("+1 206 555 0110", NumberKind.MOBILE),
            RemoteNumber("+1 732 555 0102", NumberKind.WORK),
        ),
        addresses=("1 Main St\nSuite 4\nRedmond, WA 98052\nUnited States",),
        note="Met in Prague.",
    )


@pytest.mark.parametrize(
    ("fields", "name", "expected"),
    [
        ({"displayName": "", "fileAs": "Bansky, Pavel"}, "display_name", "Bansky, Pavel"),
        ({"homePhones": ["1", "", None, "2"], "mobilePhone": None, "businessPhones": None}, "numbers",
         (RemoteNumber("1", NumberKind.HOME), RemoteNumber("2", NumberKind.HOME))),
        ({"emailAddresses": [{"name": "x"}, {"address": "a@b.example"}, {"address": "a@b.example", "name": "A"}]},
         "emails", (RemoteEmail("a@b.example"),)),
        ({"businessAddress": None, "homeAddress": {"postalCode": "10115", "city": "Berlin"}}, "addresses",
         ("Berlin 10115",)),
        ({"businessAddress": {"countryOrRegion": ""}}, "addresses", ()),
        ({"companyName": None, "givenName": None}, "organization", ""),
    ],
)  # fmt: skip
def test_a_contact_s_field_is_read_as_documented(fields: dict[str, Any], name: str, expected: object) -> None:
    assert getattr(contact_with(**fields), name) == expected


def test_a_contact_of_nothing_but_an_id_is_a_record() -> None:
    assert parse_contact({"id": "x"}, "f") == RemoteContact(RemoteRef("x", "f"), folders=("f",))


@pytest.mark.parametrize(
    "fields",
    [
        {"displayName": 5},
        {"mobilePhone": ["1"]},
        {"businessPhones": [1]},
        {"businessPhones": 7},
        {"homePhones": [{}, "1"]},
        {"emailAddresses": ["a@b.example"]},
        {"emailAddresses": [{"address": ["a"]}]},
        {"homeAddress": "Berlin"},
        {"homeAddress": {"city": 7}},
        {"personalNotes": {"a": 1}},
    ],
    ids=str,
)
def test_a_contact_s_field_of_another_type_costs_that_field_alone(fields: dict[str, Any]) -> None:
    contact = parse_contact(salvage({**CONTACT, **fields}, CONTACT_TYPES), "f")
    assert (contact.ref.id, contact.family_name) == ("AAMkContact=", "Bansky")


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"id": "f", "displayName": "Clients", "parentFolderId": "root"}, RemoteFolder("f", "Clients", "root")),
        ({"id": "f", "displayName": ""}, RemoteFolder("f", "")),
        ({"displayName": "Clients"}, None),
        ({"id": 7, "displayName": "Clients"}, None),
        ({"id": "f"}, None),
    ],
)
def test_a_folder_has_an_id_and_a_name(item: dict[str, Any], expected: RemoteFolder | None) -> None:
    assert parse_folder(item) == expected


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"mail": "Alice@contoso.example", "userPrincipalName": "a1@contoso.onmicrosoft.example"},
         ("Alice@contoso.example", False)),
        ({"mail": None, "userPrincipalName": "alice@contoso.example"}, ("alice@contoso.example", False)),
        ({"mail": "a@gmail.example", "userPrincipalName": "a_gmail.example#EXT#@contoso.example"},
         ("a@gmail.example", True)),
        ({"mail": None, "userPrincipalName": "a_gmail.example#EXT#@contoso.example"}, ("", True)),
        ({"mail": 7, "userPrincipalName": 7}, ("", False)),
        ({}, ("", False)),
    ],
)  # fmt: skip
def test_the_mailbox_is_known_by_its_mail_address_and_not_by_how_one_signs_in(
    item: dict[str, Any], expected: tuple[str, bool]
) -> None:
    assert parse_person(item) == expected


def test_every_field_that_is_asked_for_exists_at_graph(shared_data: Path) -> None:
    schema = (shared_data / "graph/v1.0.csdl").read_text()

    def properties(entity: str) -> set[str]:
        start = schema.index(f'<EntityType Name="{entity}"')
        body = schema[start : schema.index("</EntityType>", start)]
        names = {part.split('"')[0] for part in body.split('Property Name="')[1:]}
        return names | (properties("outlookItem") if 'BaseType="graph.outlookItem"' in body else set())

    assert set(EVENT_FIELDS.split(",")) <= properties("event")
    assert set(CONTACT_FIELDS.split(",")) <= properties("contact")


def test_microsoft_s_own_samples_are_read(shared_data: Path) -> None:
    events = contacts = 0
    for sample in json.loads((shared_data / "graph/samples.json").read_text()):
        url, body = sample["request"]["url"], sample["response"].get("body")
        items = body.get("value") if isinstance(body, dict) else None
        for item in items if isinstance(items, list) else [body]:
            if not isinstance(item, dict) or "id" not in item:
                continue
            if "/events" in url or "calendarView" in url:
                assert parse_event(salvage(item, EVENT_TYPES)).ref.id == item["id"]
                events += 1
            elif "/contacts" in url:
                assert parse_contact(salvage(item, CONTACT_TYPES), "f").ref.id == item["id"]
                contacts += 1
    assert (events > 3, contacts > 0) == (True, True)
