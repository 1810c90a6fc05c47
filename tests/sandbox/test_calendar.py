"""Calendar API v3 as documented: listing, expansion, sync tokens, writing, etags, shared events."""

from __future__ import annotations

from datetime import timedelta

import pytest
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

from sandbox.google.scopes import AUTH
from tests.sandbox.conftest import ALICE, BEN, EVERYTHING, Api, meeting


def reason(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


def ids(answer) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def add(api: Api, **body: object) -> dict:
    answer = api.session.post(api.events, json=meeting(**body), params={"conferenceDataVersion": 1})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def client(sandbox):
    """Google's own client library, pointed here."""
    token = sandbox.google.tokens.issue(ALICE, EVERYTHING).access
    options = {"api_endpoint": sandbox.settings["GOOGLE_CALENDAR_ROOT"]}
    built = build("calendar", "v3", credentials=Credentials(token), cache_discovery=False, client_options=options)
    yield built
    built.close()


def test_googles_client_lists_page_by_page_and_then_only_changes(client, sandbox):
    made = [sandbox.google.add_event(ALICE, meeting(f"M{n}")) for n in range(7)]
    found, request = [], client.events().list(calendarId="primary", maxResults=3)
    while request is not None:
        page = request.execute()
        assert ("nextPageToken" in page) is not ("nextSyncToken" in page)
        found += page["items"]
        request = client.events().list_next(request, page)
    assert sorted(event["id"] for event in found) == sorted(event["id"] for event in made)
    client.events().delete(calendarId="primary", eventId=made[0]["id"]).execute()
    changed = client.events().list(calendarId="primary", syncToken=page["nextSyncToken"]).execute()
    assert [(event["id"], event["status"]) for event in changed["items"]] == [(made[0]["id"], "cancelled")]
    assert "summary" not in changed["items"][0]


def test_googles_client_reads_the_reason_of_a_refusal(client):
    with pytest.raises(HttpError) as caught:
        client.events().list(calendarId="primary", syncToken="made-up").execute()
    assert caught.value.status_code == 410
    assert caught.value.error_details[0]["reason"] == "fullSyncRequired"


def test_a_window_leaves_out_what_ends_at_its_begin_and_what_starts_at_its_end(api):
    inside = add(api, begin="10:00", until="11:00")["id"]
    add(api, begin="09:00", until="10:00")
    add(api, begin="11:00", until="12:00")
    window = {"timeMin": "2026-11-24T10:00:00+01:00", "timeMax": "2026-11-24T11:00:00+01:00"}
    assert ids(api.get(api.events, **window)) == [inside]


def test_a_window_that_is_empty_or_has_no_offset_is_refused(api):
    backwards = api.get(api.events, timeMin="2026-11-24T10:00:00Z", timeMax="2026-11-24T10:00:00Z")
    assert reason(backwards) == (400, "timeRangeEmpty")
    assert reason(api.get(api.events, timeMin="2026-11-24T10:00:00")) == (400, "badRequest")
    assert api.get(api.events, timeMin="2026-11-24T10:00:00Z").status_code == 200


def test_a_series_keeps_its_wall_clock_time_over_the_end_of_summer_time(api):
    add(api, day="2026-10-24", recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    items = api.get(api.events, singleEvents="true", orderBy="startTime").json()["items"]
    assert [item["start"]["dateTime"] for item in items] == [
        "2026-10-24T10:00:00+02:00", "2026-10-25T10:00:00+01:00", "2026-10-26T10:00:00+01:00"
    ]  # fmt: skip
    assert items[1]["id"].endswith("_20261025T090000Z")
    assert items[1]["originalStartTime"] == items[1]["start"]
    assert all("recurrence" not in item for item in items)


def test_a_series_in_another_zone_is_shown_in_the_calendars_zone_or_the_one_asked_for(api):
    times = {
        "start": {"dateTime": "2026-11-24T09:00:00", "timeZone": "America/New_York"},
        "end": {"dateTime": "2026-11-24T09:30:00", "timeZone": "America/New_York"},
    }
    add(api, **times, recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"])
    plain = api.get(api.events, singleEvents="true").json()["items"][0]
    assert plain["start"] == {"dateTime": "2026-11-24T15:00:00+01:00", "timeZone": "America/New_York"}
    tokyo = api.get(api.events, singleEvents="true", timeZone="Asia/Tokyo").json()["items"][0]
    assert tokyo["start"]["dateTime"] == "2026-11-24T23:00:00+09:00"


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        (["RRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=3"], ["20261127", "20261225", "20270129"]),
        (["RRULE:FREQ=WEEKLY;INTERVAL=2;UNTIL=20261225T090000Z"], ["20261127", "20261211", "20261225"]),
        (
            ["RRULE:FREQ=DAILY;COUNT=4", "EXDATE;TZID=Europe/Berlin:20261128T100000"],
            ["20261127", "20261129", "20261130"],
        ),
        (["RRULE:FREQ=DAILY;COUNT=1", "RDATE;TZID=Europe/Berlin:20261203T100000"], ["20261127", "20261203"]),
        (["EXDATE:20261128T090000Z", "RRULE:FREQ=DAILY;COUNT=2"], ["20261127"]),
    ],
)
def test_recurrence_rules_mean_what_rfc_5545_says(api, rule, days):
    add(api, day="2026-11-27", recurrence=rule)
    found = ids(api.get(api.events, singleEvents="true", orderBy="startTime"))
    assert [name.partition("_")[2][:8] for name in found] == days


def test_an_all_day_series_has_days_in_its_ids(api):
    days = {"start": {"date": "2026-11-24"}, "end": {"date": "2026-11-26"}}
    add(api, **days, recurrence=["RRULE:FREQ=WEEKLY;COUNT=2"])
    items = api.get(api.events, singleEvents="true").json()["items"]
    assert [(i["id"].partition("_")[2], i["start"], i["end"]) for i in items] == [
        ("20261124", {"date": "2026-11-24"}, {"date": "2026-11-26"}),
        ("20261201", {"date": "2026-12-01"}, {"date": "2026-12-03"}),
    ]


def test_one_instance_can_be_changed_and_another_cancelled_without_touching_the_series(api):
    series = add(api, recurrence=["RRULE:FREQ=DAILY;COUNT=4"])["id"]
    first, second, third, fourth = ids(api.get(f"{api.events}/{series}/instances"))
    moved = api.session.patch(f"{api.events}/{second}", json=meeting("Moved", begin="08:00", until="09:00")).json()
    assert (moved["recurringEventId"], moved["originalStartTime"]["dateTime"]) == (series, "2026-11-25T10:00:00+01:00")
    assert api.session.delete(f"{api.events}/{third}").status_code == 204
    assert ids(api.get(api.events, singleEvents="true")) == [first, second, fourth]
    assert ids(api.get(api.events, singleEvents="true", orderBy="startTime")) == [second, first, fourth]
    raw = {item["id"]: item for item in api.get(api.events).json()["items"]}
    assert set(raw) == {series, second, third}
    assert raw[third]["status"] == "cancelled"
    assert raw[third]["recurringEventId"] == series
    assert "summary" not in raw[third]
    shown = api.get(api.events, singleEvents="true", showDeleted="true").json()["items"]
    assert [item["id"] for item in shown if item["status"] == "cancelled"] == [third]


def test_an_instance_moved_into_the_window_is_listed_though_its_series_does_not_reach_it(api):
    series = add(api, recurrence=["RRULE:FREQ=DAILY;COUNT=2"])["id"]
    last = f"{series}_20261125T090000Z"
    body = meeting(day="2026-12-20")
    api.session.patch(f"{api.events}/{last}", json={"start": body["start"], "end": body["end"]})
    window = {"timeMin": "2026-12-19T00:00:00Z", "timeMax": "2026-12-24T00:00:00Z"}
    for single in ("true", "false"):
        assert ids(api.get(api.events, **window, singleEvents=single)) == [last]


def test_moving_a_series_forgets_the_exceptions_it_no_longer_has(api):
    series = add(api, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])["id"]
    api.session.patch(f"{api.events}/{series}_20261125T090000Z", json={"summary": "Exception"})
    body = meeting(begin="12:00", until="13:00")
    api.session.patch(f"{api.events}/{series}", json={"start": body["start"], "end": body["end"]})
    items = api.get(api.events, singleEvents="true").json()["items"]
    assert [item["summary"] for item in items] == ["Talk"] * 3
    assert ids(api.get(api.events)) == [series]


@pytest.mark.parametrize(
    "query",
    [
        {"timeMin": "2026-01-01T00:00:00Z"}, {"timeMax": "2027-01-01T00:00:00Z"}, {"q": "x"}, {"orderBy": "updated"},
        {"iCalUID": "x"}, {"updatedMin": "2026-11-20T00:00:00Z"}, {"privateExtendedProperty": "a=b"},
        {"sharedExtendedProperty": "a=b"}, {"showDeleted": "false"},
        {"singleEvents": "true"}, {"eventTypes": "default"},
    ],
)  # fmt: skip
def test_what_may_not_go_with_a_sync_token_or_differs_from_the_first_call_is_refused(api, query):
    token = api.get(api.events).json()["nextSyncToken"]
    assert reason(api.get(api.events, syncToken=token, **query)) == (400, "badRequest")
    assert api.get(api.events, syncToken=token).status_code == 200


@pytest.mark.parametrize("query", [{"q": "x"}, {"orderBy": "updated"}, {"iCalUID": "x"}])
def test_a_listing_that_does_not_say_everything_gives_no_sync_token(api, query):
    assert "nextSyncToken" not in api.get(api.events, **query).json()
    assert "nextSyncToken" in api.get(api.events, timeMin="2026-01-01T00:00:00Z").json()


def test_sync_tokens_die_of_age_by_order_and_on_another_calendar(api, sandbox):
    token = api.get(api.events).json()["nextSyncToken"]
    other = sandbox.google.calendars.insert(ALICE, {"summary": "Other"}).id
    assert reason(api.get(f"{api.calendar}calendars/{other}/events", syncToken=token)) == (410, "fullSyncRequired")
    assert api.get(api.events, syncToken=token).status_code == 200
    sandbox.faults.add("expire-sync", account=ALICE)
    assert reason(api.get(api.events, syncToken=token)) == (410, "fullSyncRequired")
    fresh = api.get(api.events).json()["nextSyncToken"]
    sandbox.clock.advance(timedelta(days=31))
    late = Api(sandbox, ALICE)
    assert reason(late.get(late.events, syncToken=fresh)) == (410, "fullSyncRequired")
    late.session.close()


def test_updated_min_reaches_back_a_month_and_brings_deleted_events_along(api):
    gone, kept = add(api)["id"], add(api)["id"]
    api.session.delete(f"{api.events}/{gone}")
    assert set(ids(api.get(api.events, updatedMin="2026-11-20T00:00:00Z"))) == {gone, kept}
    assert reason(api.get(api.events, updatedMin="2026-01-01T00:00:00Z")) == (410, "updatedMinTooLongAgo")


def test_a_page_token_belongs_to_its_query(api):
    for _ in range(3):
        add(api)
    token = api.get(api.events, maxResults=1).json()["nextPageToken"]
    assert reason(api.get(api.events, maxResults=1, pageToken=token, singleEvents="true")) == (400, "invalid")
    assert len(ids(api.get(api.events, maxResults=1, pageToken=token))) == 1


def test_pages_may_end_inside_a_series_and_lose_or_repeat_nothing(api):
    for day in ("2026-11-24", "2026-12-01"):
        add(api, day=day, recurrence=["RRULE:FREQ=DAILY;COUNT=5"])
    whole = ids(api.get(api.events, singleEvents="true"))
    assert len(whole) == 10
    for order in ({}, {"orderBy": "startTime"}):
        paged, _ = api.list_all(api.events, "items", singleEvents="true", maxResults=3, **order)
        assert sorted(event["id"] for event in paged) == sorted(whole)


def test_filters_find_by_words_type_uid_and_own_property(api):
    wanted = add(api, summary="Escrow", description="with the notary", iCalUID="uid-1@elsewhere",
                 extendedProperties={"private": {"case": "7"}})["id"]  # fmt: skip
    focus = add(api, summary="Focus", eventType="focusTime")["id"]
    assert ids(api.get(api.events, q="notary escrow")) == [wanted]
    assert ids(api.get(api.events, iCalUID="uid-1@elsewhere")) == [wanted]
    assert ids(api.get(api.events, privateExtendedProperty="case=7")) == [wanted]
    assert ids(api.get(api.events, privateExtendedProperty="case=8")) == []
    assert ids(api.get(api.events, eventTypes=["focusTime", "outOfOffice"])) == [focus]


def test_start_time_order_needs_single_events(api):
    assert reason(api.get(api.events, orderBy="startTime")) == (400, "badRequest")
    assert api.get(api.events, orderBy="startTime", singleEvents="true").status_code == 200


def test_partial_answers_hold_only_the_fields_named(api):
    add(api, location="Room 1")
    page = api.get(api.events, fields="nextSyncToken,items(id,start/dateTime,organizer(email))").json()
    assert set(page) == {"nextSyncToken", "items"}
    assert page["items"][0]["start"] == {"dateTime": "2026-11-24T10:00:00+01:00"}
    assert set(page["items"][0]) == {"id", "start", "organizer"}
    assert page["items"][0]["organizer"] == {"email": ALICE}
    assert set(api.get(api.events, fields="kind,etag").json()) == {"kind", "etag"}
    assert reason(api.get(api.events, fields="items(id")) == (400, "invalidParameter")


def test_answers_are_pretty_unless_asked_otherwise(api):
    assert "\n  " in api.get(api.events).text
    assert "\n" not in api.get(api.events, prettyPrint="false").text


def test_an_own_id_makes_inserting_safe_to_repeat(api):
    assert add(api, id="abc123def456")["id"] == "abc123def456"
    again = api.session.post(api.events, json=meeting(id="abc123def456"))
    assert reason(again) == (409, "duplicate")
    assert reason(api.session.post(api.events, json=meeting(id="XYZ"))) == (400, "invalid")


def test_an_outdated_etag_is_refused_and_the_current_one_accepted(api):
    event = add(api)
    url = f"{api.events}/{event['id']}"
    newer = api.session.patch(url, json={"summary": "New"}, headers={"If-Match": event["etag"]}).json()
    assert newer["etag"] != event["etag"]
    for call in (api.session.patch, api.session.put):
        stale = call(url, json=meeting("Late"), headers={"If-Match": event["etag"]})
        assert reason(stale) == (412, "conditionNotMet")
    assert reason(api.session.delete(url, headers={"If-Match": event["etag"]})) == (412, "conditionNotMet")
    assert api.session.get(url, headers={"If-None-Match": newer["etag"]}).status_code == 304
    assert api.session.delete(url, headers={"If-Match": newer["etag"]}).status_code == 204


def test_a_deleted_event_is_shown_cancelled_and_cannot_be_deleted_again(api):
    event = add(api)
    url = f"{api.events}/{event['id']}"
    assert api.session.delete(url).status_code == 204
    assert reason(api.session.delete(url)) == (410, "deleted")
    assert api.get(url).json()["status"] == "cancelled"
    assert ids(api.get(api.events)) == []
    assert reason(api.get(f"{api.events}/neverwasone")) == (404, "notFound")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"summary": "x"}, "required"),
        (meeting(begin="11:00", until="10:00"), "timeRangeEmpty"),
        (meeting(start={"dateTime": "2026-11-24T10:00:00"}), "required"),
        (meeting(recurrence=["RRULE:FREQ=SOMETIMES"]), "invalid"),
        (meeting(visibility="hidden"), "invalid"),
        (meeting(attendees=[{"displayName": "Nobody"}]), "required"),
        (meeting(start={"dateTime": "2026-11-24T10:00:00", "timeZone": "Mars/Base"}), "invalid"),
    ],
)
def test_bodies_that_make_no_event_are_refused(api, body, expected):
    assert reason(api.session.post(api.events, json=body)) == (400, expected)


def test_patch_merges_start_and_end_so_that_a_timed_event_becomes_days_only_when_its_times_are_taken_away(api):
    url = f"{api.events}/{add(api)['id']}"
    days = {"start": {"date": "2026-11-25"}, "end": {"date": "2026-11-26"}}
    assert reason(api.session.patch(url, json=days)) == (400, "invalid")
    cleared = {which: day | {"dateTime": None, "timeZone": None} for which, day in days.items()}
    assert api.session.patch(url, json=cleared).json()["start"] == {"date": "2026-11-25"}
    timed = {which: meeting()[which] | {"date": None} for which in ("start", "end")}
    assert api.session.patch(url, json=timed).json()["start"]["dateTime"] == "2026-11-24T10:00:00+01:00"


def test_put_removes_what_it_does_not_name_and_patch_does_not(api):
    event = add(api, location="Room 1", description="Words")
    url = f"{api.events}/{event['id']}"
    assert api.session.patch(url, json={"location": None}).json().get("description") == "Words"
    assert "description" not in api.session.put(url, json=meeting()).json()


def test_conference_data_is_written_only_by_who_says_they_know_it(api):
    wanted = {"createRequest": {"requestId": "r1", "conferenceSolutionKey": {"type": "hangoutsMeet"}}}
    plain = api.session.post(api.events, json=meeting(conferenceData=wanted)).json()
    assert "conferenceData" not in plain
    made = add(api, conferenceData=wanted)
    assert made["conferenceData"]["createRequest"]["status"]["statusCode"] == "success"
    assert made["hangoutLink"] == made["conferenceData"]["entryPoints"][0]["uri"]
    kept = api.session.patch(f"{api.events}/{made['id']}", json={"summary": "Other"}).json()
    assert kept["hangoutLink"] == made["hangoutLink"]


def test_an_invitation_reaches_the_attendees_calendar_and_their_answer_comes_back(api, sandbox):
    event = add(api, attendees=[{"email": BEN}])
    ben = Api(sandbox, BEN)
    copy = ben.get(f"{ben.events}/{event['id']}").json()
    assert copy["iCalUID"] == event["iCalUID"]
    assert copy["attendees"][0] == {"email": BEN, "responseStatus": "needsAction", "self": True}
    assert "self" not in copy["organizer"]
    ben.session.patch(f"{ben.events}/{event['id']}", json={"attendees": [{"email": BEN, "responseStatus": "accepted"}]})
    assert api.get(f"{api.events}/{event['id']}").json()["attendees"][0]["responseStatus"] == "accepted"
    refused = ben.session.patch(f"{ben.events}/{event['id']}", json={"guestsCanModify": True})
    assert reason(refused) == (403, "forbiddenForNonOrganizer")
    api.session.patch(f"{api.events}/{event['id']}", json={"summary": "Renamed"})
    assert ben.get(f"{ben.events}/{event['id']}").json()["summary"] == "Renamed"
    api.session.delete(f"{api.events}/{event['id']}")
    assert ben.get(f"{ben.events}/{event['id']}").json()["status"] == "cancelled"
    ben.session.close()


def test_an_attendee_who_deletes_the_event_has_declined(api, sandbox):
    event = add(api, attendees=[{"email": BEN}])
    ben = Api(sandbox, BEN)
    ben.session.delete(f"{ben.events}/{event['id']}")
    ben.session.close()
    assert api.get(f"{api.events}/{event['id']}").json()["attendees"][0]["responseStatus"] == "declined"


def test_too_many_attendees_leave_only_oneself(api):
    crowd = [{"email": ALICE}, *({"email": f"guest{n}@x.example"} for n in range(5))]
    event = add(api, attendees=crowd)
    short = api.get(f"{api.events}/{event['id']}", maxAttendees=3).json()
    assert ([a["email"] for a in short["attendees"]], short["attendeesOmitted"]) == ([ALICE], True)
    assert len(api.get(f"{api.events}/{event['id']}", maxAttendees=6).json()["attendees"]) == 6


def test_a_shared_calendar_hides_private_content_from_readers_and_takes_no_writing(api, sandbox):
    shared = sandbox.google.calendars.insert(ALICE, {"summary": "Team"}).id
    sandbox.google.calendars.share(shared, BEN, role="reader")
    private = sandbox.google.add_event(ALICE, meeting("Secret", visibility="private"), calendar=shared)
    ben = Api(sandbox, BEN)
    url = f"{ben.calendar}calendars/{shared}/events"
    seen = ben.get(url).json()["items"][0]
    assert seen["id"] == private["id"]
    assert "summary" not in seen
    assert reason(ben.session.post(url, json=meeting())) == (403, "requiredAccessLevel")
    roles = {
        entry["id"]: entry["accessRole"] for entry in ben.get(f"{ben.calendar}users/me/calendarList").json()["items"]
    }
    assert roles == {BEN: "owner", shared: "reader"}
    ben.session.close()


def test_an_owned_scope_does_not_reach_somebody_elses_calendar(sandbox):
    shared = sandbox.google.calendars.insert(ALICE, {"summary": "Team"}).id
    sandbox.google.calendars.share(shared, BEN, role="writer")
    for scope, expected in (("calendar.events.owned", 403), ("calendar.events", 200)):
        ben = Api(sandbox, BEN, [f"{AUTH}{scope}"])
        assert ben.get(f"{ben.calendar}calendars/{shared}/events").status_code == expected
        assert ben.get(ben.events).status_code == 200
        ben.session.close()


def test_the_calendar_list_has_sync_tokens_of_its_own(api, sandbox):
    url = f"{api.calendar}users/me/calendarList"
    token = api.get(url).json()["nextSyncToken"]
    added = sandbox.google.calendars.insert(ALICE, {"summary": "New"}).id
    assert ids(api.get(url, syncToken=token)) == [added]
    token = api.get(url, syncToken=token).json()["nextSyncToken"]
    sandbox.google.calendars.unlist(ALICE, added)
    gone = api.get(url, syncToken=token).json()["items"]
    assert [(entry["id"], entry["deleted"]) for entry in gone] == [(added, True)]


def test_busy_times_are_joined_and_leave_out_what_is_free_or_declined(api):
    add(api, begin="10:00", until="11:00")
    add(api, begin="10:30", until="12:00")
    add(api, begin="14:00", until="15:00", transparency="transparent")
    add(api, begin="16:00", until="17:00", attendees=[{"email": ALICE, "responseStatus": "declined"}])
    asked = {"timeMin": "2026-11-24T00:00:00Z", "timeMax": "2026-11-25T00:00:00Z", "items": [{"id": "primary"}]}
    busy = api.session.post(f"{api.calendar}freeBusy", json=asked).json()["calendars"]["primary"]["busy"]
    assert busy == [{"start": "2026-11-24T09:00:00Z", "end": "2026-11-24T11:00:00Z"}]


def test_nonsense_put_in_by_hand_is_served_as_it_is(api, sandbox):
    odd = [
        {"id": "nostart", "summary": "No start"},
        {"id": "backwards", "start": {"dateTime": "2026-11-24T10:00:00Z"}, "end": {"dateTime": "2026-11-24T09:00:00Z"}},
        {"id": "faraway", "start": {"dateTime": "9999-12-31T23:00:00Z"}, "end": {"dateTime": "9999-12-31T23:59:59Z"}},
        {"id": "crowd", **meeting(), "attendees": [{"email": f"a{n}@x.example"} for n in range(2000)]},
        {"id": "huge", **meeting(), "description": "<script>alert(1)</script>" * 40_000},
        {"id": "rule", **meeting(), "recurrence": ["RRULE:nonsense"]},
    ]
    for doc in odd:
        sandbox.google.events.put_raw(ALICE, doc)
    found = {item["id"]: item for item in api.get(api.events).json()["items"]}
    assert set(found) == {doc["id"] for doc in odd}
    assert len(found["crowd"]["attendees"]) == 2000
    assert api.get(api.events, singleEvents="true").status_code == 200


def test_links_to_events_lead_to_the_sandbox(api, sandbox):
    link = add(api)["htmlLink"]
    assert link.startswith(f"{sandbox.url}/event?eid=")
    page = api.get(link)
    assert (page.status_code, "Talk" in page.text) == (200, True)
