"""Every kind of answer against Google's own discovery documents and against recorded dialogues with the real one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox import demo
from sandbox.google.scopes import ACCEPTED, AUTH
from sandbox.server import Sandbox, running
from tests.sandbox.conftest import Api, meeting
from tests.sandbox.shapes import find_misfits, load_shared_judge, read_document, recorded

CALENDAR, PEOPLE = "calendar.v3", "people.v1"
EVERY_FIELD = (
    "addresses,ageRanges,biographies,birthdays,calendarUrls,clientData,coverPhotos,emailAddresses,events,externalIds,"
    "genders,imClients,interests,locales,locations,memberships,metadata,miscKeywords,names,nicknames,occupations,"
    "organizations,phoneNumbers,photos,relations,sipAddresses,skills,urls,userDefined"
)


@pytest.fixture(scope="module")
def seeded() -> Iterator[Sandbox]:
    with running() as sandbox:
        demo.seed(sandbox.google)
        yield sandbox


def collect(seeded: Sandbox) -> Iterator[tuple[str, str, dict]]:
    """(api, schema, answer) for every kind of answer, over the demonstration data."""
    for email in (demo.ALICE, demo.EMIL):
        api = Api(seeded, email)
        lists = [
            {"maxResults": 2500},
            {"singleEvents": "true", "timeMax": "2027-06-01T00:00:00Z", "maxResults": 2500},
            {"showDeleted": "true", "maxResults": 2500, "timeZone": "Asia/Tokyo", "maxAttendees": 2},
        ]
        for query in lists:
            page = api.get(api.events, **query).json()
            assert len(page["items"]) >= 40
            yield CALENDAR, "Events", page
        series = next(item for item in api.get(api.events).json()["items"] if item.get("recurrence"))
        yield CALENDAR, "Events", api.get(f"{api.events}/{series['id']}/instances").json()
        sync = api.get(api.events, maxResults=2500).json()["nextSyncToken"]
        made = api.session.post(api.events, json=meeting(), params={"conferenceDataVersion": 1}).json()
        yield CALENDAR, "Event", made
        api.session.delete(f"{api.events}/{made['id']}")
        yield CALENDAR, "Events", api.get(api.events, syncToken=sync).json()
        yield CALENDAR, "CalendarList", api.get(f"{api.calendar}users/me/calendarList").json()
        yield CALENDAR, "CalendarListEntry", api.get(f"{api.calendar}users/me/calendarList/primary").json()
        yield CALENDAR, "Calendar", api.get(f"{api.calendar}calendars/primary").json()
        yield CALENDAR, "Colors", api.get(f"{api.calendar}colors").json()
        yield CALENDAR, "Settings", api.get(f"{api.calendar}users/me/settings").json()
        asked = {
            "timeMin": "2026-11-01T00:00:00Z",
            "timeMax": "2026-12-24T00:00:00Z",
            "items": [{"id": "primary"}, {"id": "?"}],
        }
        yield CALENDAR, "FreeBusyResponse", api.session.post(f"{api.calendar}freeBusy", json=asked).json()
        people = f"{api.people}people/me/connections"
        page = api.get(people, personFields=EVERY_FIELD, pageSize=1000, requestSyncToken="true").json()
        yield PEOPLE, "ListConnectionsResponse", page
        name = page["connections"][0]["resourceName"]
        api.session.delete(f"{api.people}{name}:deleteContact")
        changes = api.get(people, personFields=EVERY_FIELD, pageSize=1000, requestSyncToken="true",
                          syncToken=page["nextSyncToken"]).json()  # fmt: skip
        assert changes["connections"][0]["metadata"]["deleted"] is True
        yield PEOPLE, "ListConnectionsResponse", changes
        yield PEOPLE, "Person", api.get(f"{api.people}people/me", personFields="names,emailAddresses").json()
        both = [page["connections"][1]["resourceName"], name]
        found = api.get(f"{api.people}people:batchGet", personFields="names", resourceNames=both).json()
        assert [entry["httpStatusCode"] for entry in found["responses"]] == [200, 404]
        yield PEOPLE, "GetPeopleResponse", found
        yield PEOPLE, "ListContactGroupsResponse", api.get(f"{api.people}contactGroups").json()
        yield (
            PEOPLE,
            "SearchResponse",
            api.get(f"{api.people}people:searchContacts", query="a", readMask="names").json(),
        )
        api.session.close()


def test_every_answer_fits_the_discovery_documents(seeded):
    problems = [problem for api, schema, answer in collect(seeded) for problem in find_misfits(api, schema, answer)]
    assert problems == []


# the reference validator leaves the document it reads open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_every_answer_satisfies_the_reference_validator_too(seeded):
    judges = {api: load_shared_judge(api) for api in (CALENDAR, PEOPLE)}
    problems = [problem for api, schema, answer in collect(seeded) for problem in judges[api].check(schema, answer)]
    assert problems == []


def test_our_own_judge_finds_what_is_wrong():
    assert find_misfits(CALENDAR, "Event", {"id": 7, "colour": "red", "updated": "yesterday"}) == [
        "Event.id is int, not string",
        "Event.colour is unknown",
        "Event.updated is no RFC 3339 moment: yesterday",
    ]


def test_each_method_accepts_the_scopes_that_the_discovery_document_names():
    documented = {}
    for api in (CALENDAR, PEOPLE):
        for method in walk(read_document(api)):
            documented[method["id"].lower()] = {scope.removeprefix(AUTH) for scope in method.get("scopes", ())}
    short = {
        "getperson": "people.people.get", "getpeople": "people.people.getbatchget",
        "listconnections": "people.people.connections.list", "searchcontacts": "people.people.searchcontacts",
        "createcontact": "people.people.createcontact", "updatecontact": "people.people.updatecontact",
        "deletecontact": "people.people.deletecontact", "listcontactgroups": "people.contactgroups.list",
        "getcontactgroup": "people.contactgroups.get", "batchgetcontactgroups": "people.contactgroups.batchget",
        "createcontactgroup": "people.contactgroups.create", "updatecontactgroup": "people.contactgroups.update",
        "deletecontactgroup": "people.contactgroups.delete",
        "modifycontactgroupmembers": "people.contactgroups.members.modify",
    }  # fmt: skip
    for method, accepted in ACCEPTED.items():
        name = method.lower().replace("calendar.v3.", "calendar.")
        if "people" in name:
            name = short[name.rpartition(".")[2]]
        ours, theirs = set(accepted), documented[name]
        missing = {scope for scope in theirs - ours if not scope.startswith("user.")}
        assert (method, ours - theirs, missing) == (method, set(), set())


def walk(resource: dict) -> Iterator[dict]:
    yield from resource.get("methods", {}).values()
    for below in resource.get("resources", {}).values():
        yield from walk(below)


def keys(value: object, prefix: str = "") -> set[str]:
    """Paths of all keys, list positions left out."""
    if isinstance(value, dict):
        return {prefix + k for k in value} | {path for k, v in value.items() for path in keys(v, f"{prefix}{k}/")}
    return {path for entry in value for path in keys(entry, prefix)} if isinstance(value, list) else set()


# values a client sent then that we have no reason to hold, and what only the owner's account had
NOT_OURS = {
    "attendees/id", "items/attendees/id", "items/conferenceProperties",
    "items/conferenceProperties/allowedConferenceSolutionTypes",
}  # fmt: skip


def test_a_recorded_event_page_has_no_key_that_ours_lacks(seeded):
    _, page = recorded("calendar/events_fetch_page1_response.txt")
    api = Api(seeded, demo.ALICE)
    ours = api.get(api.events, maxResults=60).json()
    api.session.close()
    assert keys(page) - keys(ours) - NOT_OURS == set()


def test_a_recorded_import_and_deletion_are_answered_alike(seeded):
    api = Api(seeded, demo.BEN)
    status, answer = recorded("calendar/event1_create_response.txt")
    body = {
        "attendees": [{"displayName": "", "email": "attendee1@kde.test", "responseStatus": "needsAction"}],
        "description": "We shall meet.", "iCalUID": "3if6lf59tove1e037baa75l54t@google.com", "kind": "calendar#event",
        "start": {"dateTime": "2018-04-01T08:30:00Z", "timeZone": "Europe/Prague"},
        "end": {"dateTime": "2018-04-01T09:30:00Z", "timeZone": "Europe/Prague"}, "location": "Meeting Room",
        "organizer": {"displayName": "Konqui", "email": "konqui@kde.test"}, "status": "confirmed",
        "reminders": {"overrides": [], "useDefault": False}, "summary": "Cool Meeting", "transparency": "opaque",
    }  # fmt: skip
    made = api.session.post(f"{api.events}/import", json=body)
    # the organizer of an import is the one given; `self` marks our own account only
    assert made.status_code == status
    assert keys(answer) - keys(made.json()) - {"attendees/id", "attendees/displayName", "organizer/self"} == set()
    assert api.session.delete(f"{api.events}/{made.json()['id']}").status_code == recorded(
        "calendar/event1_delete_response.txt")[0]  # fmt: skip
    api.session.close()


def test_a_recorded_contact_written_to_us_comes_back_with_the_same_keys_and_values(seeded):
    status, answer = recorded("people/person1_create_response.txt")
    seeded.google.add_person("konqui@kde.example", region="ES")
    api = Api(seeded, "konqui@kde.example")
    body = strip(answer)
    made = api.session.post(f"{api.people}people:createContact", json=body, params={"personFields": EVERY_FIELD})
    assert made.status_code == status
    assert keys(answer) - keys(made.json()) == set()
    ours = made.json()
    name = {k: v for k, v in answer["names"][0].items() if k != "metadata"}
    assert {k: v for k, v in ours["names"][0].items() if k != "metadata"} == name
    assert [entry["formattedType"] for entry in ours["phoneNumbers"]] == ["Mobile", "Home", "Other"]
    deleted = api.session.delete(f"{api.people}{ours['resourceName']}:deleteContact")
    assert deleted.status_code == recorded("people/person1_delete_response.txt")[0]
    api.session.close()


def strip(person: dict) -> dict:
    """What a client would have sent to get this person."""
    return {
        field: [
            {k: v for k, v in entry.items() if k not in ("metadata", "canonicalForm", "formattedType")}
            for entry in value
        ]
        for field, value in person.items()
        if isinstance(value, list) and field != "photos"
    }


def test_recorded_contact_groups_have_no_key_that_ours_lack(seeded):
    _, answer = recorded("people/contactgroup_list_fetch_full_response.txt")
    api = Api(seeded, demo.ALICE)
    ours = api.get(f"{api.people}contactGroups", groupFields="clientData,groupType,memberCount,metadata,name").json()
    api.session.close()
    assert keys(answer) - keys(ours) == set()
