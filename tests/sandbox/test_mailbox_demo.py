"""The demonstration mailboxes hold what people should see, and bulk data has ordinary sizes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from sandbox import demo
from sandbox.clock import Clock
from sandbox.demo.bulk_mailboxes import bulk_mailbox
from sandbox.demo.mailboxes import fill_mailboxes
from sandbox.mailbox import Mailbox, Mailboxes
from sandbox.store import Store
from tests.sandbox.graph_stage import Stage, graph_stage
from tests.sandbox.test_graph_shapes import find_misfits, load_judge

TODAY = datetime(2026, 11, 22, 14, 3, tzinfo=UTC)
WINDOW = (TODAY - timedelta(days=30), TODAY + timedelta(days=90))


def fill(moment: datetime) -> tuple[Store, Mailboxes]:
    store = Store()
    clock = Clock(store)
    clock.freeze(moment)
    for email, name, organization, timezone, region in demo.PEOPLE:
        store.people.add(email, name=name, organization=organization, timezone=timezone, region=region)
    mailboxes = Mailboxes(store, clock)
    fill_mailboxes(mailboxes, demo.PEOPLE)
    return store, mailboxes


@pytest.fixture(scope="module")
def filled() -> Iterator[Mailboxes]:
    store, mailboxes = fill(TODAY)
    yield mailboxes
    store.close()


@pytest.fixture(scope="module")
def alice(filled) -> Mailbox:
    return filled.open("office365", demo.ALICE)


@pytest.fixture(scope="module")
def events(alice) -> list[dict]:
    return alice.view(*WINDOW)


def test_everybody_has_a_calendar_and_an_address_book_at_both_sites(filled):
    for site in ("office365", "exchange"):
        for email, *_ in demo.PEOPLE:
            mailbox = filled.find(site, email)
            assert mailbox is not None
            assert len(mailbox.view(*WINDOW)) >= 20
            assert sum(len(mailbox.contacts(folder.id)) for folder in mailbox.folders()) >= 20


def test_one_meeting_runs_now_and_one_starts_in_ten_minutes(alice):
    now = alice.view(TODAY, TODAY + timedelta(seconds=1))
    assert any("settlement call" in doc["subject"] for doc in now)
    soon = alice.view(TODAY + timedelta(minutes=12), TODAY + timedelta(minutes=13))
    assert any("Halvorsen deposition" in doc["subject"] for doc in soon)


def test_every_kind_of_event_occurs(events):
    assert {doc["type"] for doc in events} == {"singleInstance", "occurrence", "exception"}
    assert {doc["showAs"] for doc in events} == {"free", "tentative", "busy", "oof", "workingElsewhere"}
    assert {doc["sensitivity"] for doc in events} == {"normal", "personal", "private", "confidential"}
    assert {doc["responseStatus"]["response"] for doc in events} == {
        "organizer", "accepted", "tentativelyAccepted", "declined", "notResponded"
    }  # fmt: skip
    assert {doc["isAllDay"] for doc in events} == {doc["isCancelled"] for doc in events} == {True, False}
    zones = {doc["originalStartTimeZone"] for doc in events}
    assert {"Tokyo Standard Time", "Customized Time Zone", "tzone://Microsoft/Utc"} <= zones


def test_links_stand_where_outlook_puts_them(events):
    whole = str(events)
    for sign in (
        "safelinks.protection.outlook.com", "originalsrc", "urldefense.com/v3/__", "zoommtg://", "/my/alice.meyer",
        "zoomgov.com", "webex.com", "meet.jit.si", "/rec/share/", "/webinar/register/",
    ):  # fmt: skip
        assert sign in whole, sign
    assert "meet.google.com" not in whole
    joins = {doc["onlineMeeting"]["joinUrl"] for doc in events if doc["onlineMeeting"]}
    assert joins and all(url.startswith("https://teams.microsoft.com/l/meetup-join/") for url in joins)
    # some links lie behind what a preview shows
    hidden = [doc for doc in events if "zoom.us/j/" in doc["body"]["content"] and "zoom.us" not in doc["bodyPreview"]]
    assert hidden


def test_series_keep_their_cancelled_and_moved_days(alice, events):
    (standup,) = {doc["seriesMasterId"] for doc in events if doc["subject"] == "Daily stand-up"}
    days = alice.instances(standup, *WINDOW)
    assert any("new trainees" in doc["subject"] for doc in days)
    assert len(alice.exceptions(standup, "cancelled")) == 2
    hours = {re.sub(r"^.*T", "", doc["start"]["dateTime"])[:5] for doc in days if doc["type"] == "occurrence"}
    assert hours == {"08:15"}
    newyork = {doc["start"]["dateTime"][11:16] for doc in events if doc["subject"] == "New York hand-over"}
    # New York's clocks go back a week after Berlin's
    assert newyork == {"13:00", "14:00"}


def test_meetings_with_colleagues_stand_in_both_calendars_under_one_uid(filled, alice):
    uids = {row.load()["iCalUId"] for row in alice.event_rows(alice.calendar_id)}
    ben = filled.open("office365", demo.BEN)
    theirs = [row.load() for row in ben.event_rows(ben.calendar_id)]
    assert len(uids & {doc["iCalUId"] for doc in theirs}) >= 10
    assert any(doc["isCancelled"] for doc in theirs)


def test_contact_folders_lie_two_deep_and_none_of_them_is_empty(alice):
    folders = {folder.id: folder for folder in alice.folders()}
    deep = [folder for folder in folders.values()
            if folder.parent in folders and folders[folder.parent].parent in folders
            and folders[folders[folder.parent].parent].is_default is False]  # fmt: skip
    assert [folder.name for folder in deep] == ["Hamburg"]
    assert all(alice.contacts(folder) for folder in folders)
    contacts = [doc for folder in folders for doc in alice.contacts(folder)]
    assert any(doc["mobilePhone"] for doc in contacts) and any(len(doc["homePhones"]) == 2 for doc in contacts)


def test_the_same_moment_gives_the_same_data(events):
    store, mailboxes = fill(TODAY)
    assert mailboxes.open("office365", demo.ALICE).view(*WINDOW) == events
    store.close()


@pytest.mark.parametrize("day", range(7))
def test_it_can_be_filled_on_any_day_of_the_week(day):
    store, mailboxes = fill(TODAY + timedelta(days=day, hours=day * 3))
    assert len(mailboxes.open("exchange", demo.ALICE).view(*WINDOW)) > 200
    store.close()


@pytest.fixture
def stage() -> Iterator[Stage]:
    with graph_stage() as started:
        yield started


def test_the_demonstration_fits_microsofts_published_types(stage, shared_checks):
    for email, name, organization, timezone, region in demo.PEOPLE:
        stage.store.people.add(email, name=name, organization=organization, timezone=timezone, region=region)
    fill_mailboxes(stage.mailboxes, demo.PEOPLE)
    stage.tokens.known["demo"] = type(stage.tokens.known["alice"])(demo.ALICE, "t", stage.tokens.known["alice"].scopes)
    window = "startDateTime=2026-09-15T00:00:00Z&endDateTime=2027-02-01T00:00:00Z"
    for path in (f"me/calendarView?{window}&$top=1000", "me/events?$top=1000", "me/contacts?$top=1000"):
        doc = stage.get(path, who="demo")
        assert doc["value"] and find_misfits(load_judge(shared_checks), doc) == []


def test_bulk_data_is_quick_and_ordinary(stage, shared_checks):
    began = time.process_time()
    assert bulk_mailbox(stage.alice, events=1000, contacts=1000) == {"events": 1000, "contacts": 1000}
    assert time.process_time() - began < 2
    found = stage.get("me/events?$top=1000")
    assert len({item["id"] for item in found["value"]}) == 1000
    assert find_misfits(load_judge(shared_checks), found) == []
    assert 1900 <= stage.store.row("SELECT avg(length(doc)) FROM m_event")[0] <= 2600
    assert 1000 <= stage.store.row("SELECT avg(length(doc)) FROM m_contact")[0] <= 1500
    bulk_mailbox(stage.alice, events=10, contacts=10)
    assert len(stage.alice.event_rows(stage.alice.calendar_id)) == 1010
    assert len(stage.alice.folders()) == 6
