"""The demonstration data holds what people should see, and bulk data has ordinary sizes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.datastructures import MultiDict

from sandbox import demo
from sandbox.google.event_query import Query
from sandbox.server import Sandbox
from tests.sandbox.shapes import find_misfits

TODAY = datetime(2026, 11, 22, 14, 3, tzinfo=UTC)


@pytest.fixture(scope="module")
def seeded() -> Iterator[Sandbox]:
    sandbox = Sandbox()
    sandbox.settle("http://127.0.0.1:9100")
    sandbox.clock.freeze(TODAY)
    demo.seed(sandbox.google)
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def events(seeded) -> list[dict]:
    calendar = seeded.google.calendars.get(demo.ALICE, "primary")
    return list(seeded.google.listing.find_all(calendar, Query()))


def test_everybody_has_a_calendar_and_an_address_book_of_a_likely_size(seeded, events):
    assert 100 <= len(events) <= 160
    assert seeded.google.contacts.count(demo.ALICE) >= 120
    for email, *_ in demo.PEOPLE[1:]:
        calendar = seeded.google.calendars.get(email, "primary")
        assert 20 <= len(list(seeded.google.listing.find_all(calendar, Query()))) <= 70
        assert seeded.google.contacts.count(email) >= 20


def test_one_meeting_runs_now_and_one_starts_in_ten_minutes(events):
    times = [
        (datetime.fromisoformat(event["start"]["dateTime"]), datetime.fromisoformat(event["end"]["dateTime"]))
        for event in events
        if event["status"] != "cancelled" and "dateTime" in event["start"] and "recurrence" not in event
    ]
    assert any(begins <= TODAY < ends for begins, ends in times)
    assert any(timedelta(minutes=4) < begins - TODAY < timedelta(minutes=12) for begins, _ in times)


def test_links_stand_in_every_place_and_wrapper(events):
    whole = str(events)
    for sign in (
        "safelinks.protection.outlook.com", "google.com/url?q=", "urldefense.proofpoint.com/v2", "urldefense.com/v3/__",
        "zoommtg://", "/my/alice.meyer", "zoomgov.com", "zoom-x.de", "/wc/join/", "/webinar/register/", "/rec/share/",
        "teams.microsoft.com", "webex.com", "meet.google.com", "meet.jit.si",
    ):  # fmt: skip
        assert sign in whole, sign
    kinds = {
        event.get("conferenceData", {}).get("conferenceSolution", {}).get("key", {}).get("type") for event in events
    }
    assert {"addOn", "hangoutsMeet", None} <= kinds


def test_every_kind_of_event_occurs(events):
    assert {event["eventType"] for event in events if "eventType" in event} == {
        "default", "outOfOffice", "focusTime", "birthday", "workingLocation", "fromGmail"
    }  # fmt: skip
    assert {"private", "confidential"} <= {event.get("visibility") for event in events}
    own = {a["responseStatus"] for event in events for a in event.get("attendees", ()) if a.get("self")}
    assert own == {"accepted", "declined", "tentative", "needsAction"}
    assert {"America/New_York", "Asia/Tokyo", "Asia/Kolkata"} <= {
        event.get("start", {}).get("timeZone") for event in events
    }
    assert max(len(event.get("attendees", ())) for event in events) == 30
    cancelled = [event for event in events if event["status"] == "cancelled"]
    assert any("recurringEventId" in event for event in cancelled)
    assert any("recurringEventId" in event for event in events if event["status"] == "confirmed")


def test_meetings_with_colleagues_stand_in_both_calendars_under_one_uid(seeded, events):
    ben = seeded.google.calendars.get(demo.BEN, "primary")
    theirs = {event["iCalUID"] for event in seeded.google.listing.find_all(ben, Query()) if "iCalUID" in event}
    assert len(theirs & {event.get("iCalUID") for event in events}) >= 10


def test_the_rival_shares_nothing_with_the_organization_but_an_invitation(seeded):
    calendars = [calendar.id for calendar in seeded.google.calendars.listed(demo.CHARLIE)]
    assert calendars == [demo.CHARLIE]


def test_the_same_moment_gives_the_same_data(seeded, events):
    again = Sandbox()
    again.settle("http://127.0.0.1:9100")
    again.clock.freeze(TODAY)
    demo.seed(again.google)
    calendar = again.google.calendars.get(demo.ALICE, "primary")
    assert list(again.google.listing.find_all(calendar, Query())) == events
    again.close()


@pytest.mark.parametrize("day", range(7))
def test_it_can_be_seeded_on_any_day_of_the_week(day):
    sandbox = Sandbox()
    sandbox.clock.freeze(TODAY + timedelta(days=day, hours=day * 3))
    demo.seed(sandbox.google)
    calendar = sandbox.google.calendars.get(demo.ALICE, "primary")
    page = sandbox.google.listing.list(calendar, demo.ALICE, MultiDict({"singleEvents": "true"}))
    assert len(page.items) == 250
    sandbox.close()


def test_bulk_data_is_quick_ordinary_and_valid():
    sandbox = Sandbox()
    sandbox.settle("http://127.0.0.1:9100")
    sandbox.google.add_person(demo.ALICE)
    began = time.process_time()
    assert demo.bulk(sandbox.google.account(demo.ALICE), events=1000, contacts=1000) == {
        "events": 1000,
        "contacts": 1000,
    }
    assert time.process_time() - began < 2
    calendar = sandbox.google.calendars.get(demo.ALICE, "primary")
    found = list(sandbox.google.listing.find_all(calendar, Query()))
    assert len({event["id"] for event in found}) == 1000
    assert find_misfits("calendar.v3", "Events", {"items": found}) == []
    row = sandbox.store.row("SELECT avg(length(doc)) FROM g_event")
    assert 1000 <= row[0] <= 1700
    demo.bulk(sandbox.google.account(demo.ALICE), events=10, contacts=10)
    assert sandbox.google.contacts.count(demo.ALICE) == 1010
    sandbox.close()
