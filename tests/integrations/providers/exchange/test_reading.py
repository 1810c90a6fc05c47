"""Reading a pretend Exchange over real HTTPS: what is asked, in which order, and what comes of it."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson
import pytest

from integrations.errors import CursorExpired, Unexpected
from integrations.providers.exchange import calendar as exchange_calendar
from integrations.providers.exchange.ews import EwsAccount
from integrations.remote import Delta, RemoteContact, RemoteEvent, Window
from sandbox.server import Sandbox
from tests.contracts.exchange_stage import ExchangeStage, make_exchange
from tests.contracts.office365_stage import daily, times
from tests.contracts.stages import PERSON
from tests.integrations.providers.exchange.conftest import Opener

Held = dict[str, RemoteEvent]


def operations(sandbox: Sandbox) -> Counter[str]:
    """How often each was asked since the log was last cleared; handshakes are not counted."""
    found = Counter(entry.path.removeprefix("/EWS/Exchange.asmx/") for entry in sandbox.log.requests("/EWS/*"))
    sandbox.log.clear()
    del found["signing-in"]
    return found


def read(account: EwsAccount, window: Window, cursor: str | None = None) -> list[Delta[RemoteEvent]]:
    return list(account.calendar.changes(cursor, window))


def hold(held: Held, pages: list[Delta[RemoteEvent]]) -> Held:
    """What the engine makes of pages: what is gone, then what is new, and at the end of a complete listing the rest."""
    listed: set[str] = set()
    for page in pages:
        here = {event.ref.id: event for event in page.changed}
        listed |= here.keys()
        gone, series = set(page.gone), {*page.gone, *page.series}
        held = {one: event for one, event in held.items() if one not in gone and event.series_id not in series} | here
    return {one: event for one, event in held.items() if one in listed} if pages[-1].complete else held


def listed(account: EwsAccount, window: Window) -> Held:
    return hold({}, read(account, window))


def test_a_complete_listing_takes_the_state_down_first_and_reads_month_by_month(
    stage: ExchangeStage, account: EwsAccount, window: Window
) -> None:
    stage.add_event("One", window.starts + timedelta(days=100))
    stage.sandbox.log.clear()
    read(account, window)
    order = [entry.path.rpartition("/")[2] for entry in stage.sandbox.log.requests("/EWS/*") if entry.status == 200]
    assert order[:2] == ["GetFolder", "SyncFolderItems"]
    assert operations(stage.sandbox) == {"GetFolder": 1, "SyncFolderItems": 1, "FindItem": 13, "GetItem": 1}


def test_nothing_changed_is_one_request(stage: ExchangeStage, account: EwsAccount, window: Window) -> None:
    stage.add_series("Stand-up", window.starts + timedelta(days=2), 30)
    cursor = read(account, window)[-1].cursor
    stage.sandbox.log.clear()
    read(account, window, cursor)
    assert operations(stage.sandbox) == {"SyncFolderItems/go-on": 1}


def test_a_changed_event_is_read_by_itself(stage: ExchangeStage, account: EwsAccount, window: Window) -> None:
    ids = [stage.add_event(f"Event {number}", window.starts + timedelta(days=number + 1)) for number in range(5)]
    cursor = read(account, window)[-1].cursor
    stage.rename_event(ids[2], "Another")
    stage.remove_event(ids[3])
    stage.sandbox.log.clear()
    pages = read(account, window, cursor)
    assert [[event.title for event in page.changed] for page in pages] == [["Another"], []]
    assert pages[-1].gone == (ids[3],)
    assert operations(stage.sandbox) == {"SyncFolderItems/go-on": 1, "GetItem": 1}


def test_a_changed_series_is_read_as_it_lies_in_the_window_and_no_other(
    stage: ExchangeStage, account: EwsAccount, window: Window
) -> None:
    starts = window.starts + timedelta(days=2, hours=9)
    series, _ = stage.add_series("Stand-up", starts, 20), stage.add_series("Lunch", starts + timedelta(hours=3), 20)
    stage.add_event("Single", starts)
    pages = read(account, window)
    held = hold({}, pages)
    stage.rename_event(series, "Sit-down")
    stage.sandbox.log.clear()
    changes = read(account, window, pages[-1].cursor)
    assert {event.title for page in changes for event in page.changed} == {"Sit-down"}
    assert not any(page.complete for page in changes)
    assert operations(stage.sandbox)["GetItem"] == 1
    assert hold(held, changes) == listed(account, window)


def test_occurrences_of_a_series_share_one_getitem_over_all_pages(
    stage: ExchangeStage, account: EwsAccount, window: Window
) -> None:
    series = stage.add_series("Stand-up", window.starts + timedelta(days=2, hours=9), 200)
    stage.exchange.change_event(
        PERSON, stage._event_id(series), {"body": {"contentType": "html", "content": "<p>x</p>"}}
    )
    stage.sandbox.log.clear()
    pages = read(account, window)
    assert len(pages) == 2
    assert operations(stage.sandbox)["GetItem"] == 1
    events = [event for page in pages for event in page.changed]
    assert len(events) == 200
    assert {event.body for event in events} == {"<p>x</p>"}
    assert len({id(event.body) for event in events}) == 1


def test_an_occurrence_that_is_another_than_its_series_has_its_own_body(
    stage: ExchangeStage, account: EwsAccount, window: Window
) -> None:
    stage.add_series("Stand-up", window.starts + timedelta(days=2, hours=9), 3)
    pages = read(account, window)
    second = sorted(hold({}, pages).values(), key=lambda event: str(event.starts))[1]
    own = {"subject": "With guests", "body": {"contentType": "html", "content": "<p>bring cake</p>"}}
    stage.exchange.change_event(PERSON, stage._event_id(second.ref.id), own)
    held = hold(hold({}, pages), read(account, window, pages[-1].cursor))
    assert sorted((event.title, event.body) for event in held.values()) == [
        ("Stand-up", ""),
        ("Stand-up", ""),
        ("With guests", "<p>bring cake</p>"),
    ]
    assert len({event.series_id for event in held.values()}) == 1


def test_a_single_event_that_becomes_a_series_and_a_series_that_becomes_single(
    stage: ExchangeStage, account: EwsAccount, window: Window
) -> None:
    starts = window.starts + timedelta(days=2, hours=9)
    remote_id = stage.add_event("Meeting", starts)
    pages = read(account, window)
    held, cursor = hold({}, pages), pages[-1].cursor
    for patch in (daily(starts, 4), {"recurrence": None}):
        stage.exchange.change_event(PERSON, stage._event_id(remote_id), patch)
        pages = read(account, window, cursor)
        held, cursor = hold(held, pages), pages[-1].cursor
        assert held == listed(account, window)
    assert set(held) == {remote_id}


def test_a_series_that_is_deleted_costs_no_reading(stage: ExchangeStage, account: EwsAccount, window: Window) -> None:
    series = stage.add_series("Stand-up", window.starts + timedelta(days=2, hours=9), 20)
    pages = read(account, window)
    stage.remove_event(series)
    stage.sandbox.log.clear()
    changes = read(account, window, pages[-1].cursor)
    assert hold(hold({}, pages), changes) == {}
    assert operations(stage.sandbox) == {"SyncFolderItems/go-on": 1}


def test_whatever_happens_following_ends_where_listing_does(
    stage: ExchangeStage, account: EwsAccount, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_calendar, "_PAGE_SIZE", 3)
    chance = random.Random(2026)
    pages = read(account, window)
    held, cursor = hold({}, pages), pages[-1].cursor
    own: list[str] = []

    def when() -> datetime:
        return window.starts + timedelta(days=chance.randrange(-20, 420), hours=chance.randrange(24))

    for _ in range(25):
        for _ in range(chance.randrange(1, 5)):
            act = chance.choice(["add", "add", "series", "rename", "move", "remove", "occurrence", "cut"])
            occurrences = [event.ref.id for event in held.values() if event.series_id]
            if act == "add":
                own.append(stage.add_event(f"Event {len(own)}", when()))
            elif act == "series":
                own.append(stage.add_series(f"Series {len(own)}", when(), chance.randrange(1, 40)))
            elif act in ("occurrence", "cut") and occurrences:
                remote_id = chance.choice(occurrences)
                try:
                    if act == "cut":
                        stage.remove_event(remote_id)
                    else:
                        stage.rename_event(remote_id, "Another")
                except Exception as error:  # its series was deleted in this very round
                    assert type(error).__name__ == "MailboxError"
            elif own and act == "rename":
                stage.rename_event(chance.choice(own), f"Renamed {chance.randrange(99)}")
            elif own and act == "move":
                stage.move_event(chance.choice(own), when(), 45)
            elif own and act == "remove":
                stage.remove_event(own.pop(chance.randrange(len(own))))
        pages = read(account, window, cursor)
        held, cursor = hold(held, pages), pages[-1].cursor
        assert {one: event.ref.version for one, event in held.items()} == {
            one: event.ref.version for one, event in listed(account, window).items()
        }


def test_a_server_that_lists_little_at_a_time_is_asked_for_shorter_spans(
    stage: ExchangeStage, account: EwsAccount, window: Window
) -> None:
    stage.exchange.find_count_limit = 5
    day = window.starts + timedelta(days=40)
    for number in range(23):
        stage.add_event(f"Event {number}", day + timedelta(hours=2 * number))
    assert len(listed(account, window)) == 23
    assert operations(stage.sandbox)["FindItem"] > 13


def test_more_at_one_time_than_the_server_lists_is_told_and_nothing_is_lost_quietly(
    stage: ExchangeStage, account: EwsAccount, window: Window
) -> None:
    stage.exchange.find_count_limit = 5
    for number in range(7):
        stage.add_event(f"Event {number}", window.starts + timedelta(days=40))
    with pytest.raises(Unexpected):
        read(account, window)


def test_what_lasts_over_months_is_listed_once(stage: ExchangeStage, account: EwsAccount, window: Window) -> None:
    stage.add_event("Sabbatical", window.starts + timedelta(days=20), 60 * 24 * 100)
    stage.add_day("Leave", (window.starts + timedelta(days=30)).date(), (window.starts + timedelta(days=130)).date())
    pages = read(account, window)
    assert Counter(event.title for page in pages for event in page.changed) == {"Sabbatical": 1, "Leave": 1}


@pytest.mark.parametrize("zone", ["Tokyo Standard Time", "Eastern Standard Time", "W. Europe Standard Time", "UTC"])
def test_days_are_the_days_of_who_made_the_event(
    stage: ExchangeStage, account: EwsAccount, window: Window, zone: str
) -> None:
    first = (window.starts + timedelta(days=60)).date()
    # Over both changes of the clocks within a year.
    days = [first + timedelta(days=14 * step) for step in range(20)]
    for day in days:
        start, end = ({"dateTime": f"{one}T00:00:00", "timeZone": zone} for one in (day, day + timedelta(days=2)))
        stage.exchange.add_event(PERSON, {"subject": "Off-site", "isAllDay": True, "start": start, "end": end})
    found = sorted(event.starts_on or date.min for event in listed(account, window).values())
    assert found == days
    assert all(
        event.ends_on == event.starts_on + timedelta(days=2)
        for event in listed(account, window).values()
        if event.starts_on
    )


def test_a_day_at_the_edge_of_the_window_is_held_as_the_window_holds_it(
    stage: ExchangeStage, account: EwsAccount, window: Window
) -> None:
    for offset in range(-3, 3):
        for edge in (window.starts, window.ends):
            day = edge.date() + timedelta(days=offset)
            stage.add_day(f"{day}", day, day + timedelta(days=1))
    found = listed(account, window)
    assert found
    assert all(window.holds(event) for event in found.values())
    titles = {event.title for event in found.values()}
    assert str(window.starts.date()) in titles and str(window.ends.date()) in titles


def test_a_meeting_has_its_people_and_its_link(stage: ExchangeStage, account: EwsAccount, window: Window) -> None:
    bob = {"name": "Bob Okafor", "address": "bob@northwind.example"}
    doc: dict[str, Any] = {
        "subject": "Review",
        "body": {"contentType": "html", "content": '<a href="https://zoom.us/j/1">Join</a>'},
        "location": {"displayName": "Room 4"},
        "sensitivity": "private",
        "attendees": [
            {"type": "required", "emailAddress": bob},
            {"type": "optional", "emailAddress": {"address": PERSON}},
        ],
        **times(window.starts + timedelta(days=3), 30),
    }
    stage.exchange.add_event(PERSON, doc)
    (event,) = listed(account, window).values()
    assert (event.title, event.location, event.is_private) == ("Review", "Room 4", True)
    assert event.body == '<a href="https://zoom.us/j/1">Join</a>'
    assert [(one.name, one.email, one.is_optional, one.is_self) for one in event.attendees] == [
        ("Bob Okafor", "bob@northwind.example", False, False),
        (PERSON, PERSON, True, True),
    ]


# Cursors


@pytest.mark.parametrize("fault", ["invalid-sync-state", "invalid-sync-state-bare", "sync-folder-gone"])
def test_a_state_that_the_server_does_not_know_any_more_expires_both_cursors(
    stage: ExchangeStage, account: EwsAccount, window: Window, fault: str
) -> None:
    events, people = read(account, window)[-1].cursor, list(account.contacts.changes(None))[-1].cursor
    stage.sandbox.faults.add(fault, f"{stage.exchange.path}/*/go-on", times=2)
    with pytest.raises(CursorExpired):
        read(account, window, events)
    with pytest.raises(CursorExpired):
        list(account.contacts.changes(people))
    assert read(account, window, events)[-1].cursor
    assert list(account.contacts.changes(people))[-1].cursor


@pytest.mark.parametrize("fault", ["html", "half-xml", "empty-body"])
def test_an_answer_to_a_state_that_cannot_be_read_expires_the_cursor(
    stage: ExchangeStage, account: EwsAccount, window: Window, fault: str
) -> None:
    cursor = read(account, window)[-1].cursor
    stage.sandbox.faults.add(fault, f"{stage.exchange.path}/*/go-on")
    with pytest.raises(CursorExpired):
        read(account, window, cursor)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "not a cursor",
        "{}",
        "[]",
        "null",
        '{"format": 1}',
        '{"format": 0, "folder": "f", "state": "s", "masters": {}}',
        '{"format": 1, "folder": "f", "state": "", "masters": {}}',
        '{"format": 1, "folder": "f", "state": "s", "masters": []}',
        '{"format": 1, "tree": "t", "folders": [], "others": []}',
    ],
)
def test_a_cursor_of_another_form_asks_for_a_complete_listing(
    stage: ExchangeStage, account: EwsAccount, window: Window, cursor: str
) -> None:
    stage.sandbox.log.clear()
    with pytest.raises(CursorExpired):
        read(account, window, cursor)
    with pytest.raises(CursorExpired):
        list(account.contacts.changes(cursor))
    assert operations(stage.sandbox) == {}


def test_another_person_s_cursor_asks_for_a_complete_listing(
    stage: ExchangeStage, account: EwsAccount, window: Window, open_with: Opener
) -> None:
    stage.exchange.add_person("ben@northwind.example", password="another one", domain="NORTHWIND")
    ben = open_with(stage.provider, user="NORTHWIND\\ben", password="another one", mailbox="ben@northwind.example")
    cursor = read(account, window)[-1].cursor
    with pytest.raises(CursorExpired):
        read(ben, window, cursor)


def test_a_cursor_is_json_with_a_format(account: EwsAccount, window: Window) -> None:
    for cursor in (read(account, window)[-1].cursor, list(account.contacts.changes(None))[-1].cursor):
        assert orjson.loads(cursor or "")["format"] == 1


# Contacts


def contacts(account: EwsAccount, cursor: str | None = None) -> list[Delta[RemoteContact]]:
    return list(account.contacts.changes(cursor))


def test_folders_are_those_that_people_see_the_default_one_first(stage: ExchangeStage, account: EwsAccount) -> None:
    clients = stage.add_folder("Clients")
    mailbox = stage.exchange.mailbox(PERSON)
    inside = stage.exchange.add_folder(PERSON, "VIP", stage._folder_id(clients))
    pages = contacts(account)
    folders = pages[0].folders or ()
    assert [one.name for one in folders] == ["Contacts", "Clients", "VIP"]
    assert [one.is_default for one in folders] == [True, False, False]
    default = stage.exchange.folder_id(PERSON, mailbox.contacts_id)
    assert [one.parent for one in folders] == ["", default, clients]
    assert folders[2].id == stage.exchange.folder_id(PERSON, inside.id)


def test_nothing_changed_in_the_address_book_is_one_request_for_the_tree_and_one_for_each_folder(
    stage: ExchangeStage, account: EwsAccount
) -> None:
    stage.add_contact("Ines", folder=stage.add_folder("Clients"))
    cursor = contacts(account)[-1].cursor
    stage.sandbox.log.clear()
    (page,) = contacts(account, cursor)
    assert (page.changed, page.gone, page.folders, page.complete) == ((), (), None, False)
    assert operations(stage.sandbox) == {"SyncFolderHierarchy/go-on": 1, "SyncFolderItems/go-on": 2}


def test_a_new_folder_is_read_whole_on_the_way(stage: ExchangeStage, account: EwsAccount) -> None:
    stage.add_contact("Kept")
    cursor = contacts(account)[-1].cursor
    folder = stage.add_folder("Clients")
    added = stage.add_contact("Ines", folder=folder)
    pages = contacts(account, cursor)
    assert [one.name for one in pages[0].folders or ()] == ["Contacts", "Clients"]
    assert [contact.ref.id for page in pages for contact in page.changed] == [added]
    (page,) = contacts(account, pages[-1].cursor)
    assert (page.changed, page.folders) == ((), None)


def test_a_folder_that_is_no_more_asks_for_a_complete_listing(stage: ExchangeStage, account: EwsAccount) -> None:
    folder = stage.add_folder("Clients")
    stage.add_contact("Ines", folder=folder)
    cursor = contacts(account)[-1].cursor
    stage.exchange.delete_folder(PERSON, stage._folder_id(folder))
    with pytest.raises(CursorExpired):
        contacts(account, cursor)
    pages = contacts(account)
    assert [one.name for one in pages[0].folders or ()] == ["Contacts"]
    assert not any(page.changed for page in pages)


def test_a_contact_that_is_moved_is_not_lost(stage: ExchangeStage, account: EwsAccount) -> None:
    one, other = stage.add_folder("Clients"), stage.add_folder("Former clients")
    remote_id = stage.add_contact("Ines", folder=one)
    cursor = contacts(account)[-1].cursor
    for folder in (other, one, other):
        stage.exchange.move_contact(PERSON, stage._event_id(remote_id), stage._folder_id(folder))
        pages = contacts(account, cursor)
        (moved,) = [contact for page in pages for contact in page.changed]
        assert moved.folders == (folder,)
        gone = [one for page in pages for one in page.gone]
        assert moved.ref.id not in gone
        assert remote_id in gone or remote_id == moved.ref.id
        remote_id, cursor = moved.ref.id, pages[-1].cursor


def test_a_contact_has_all_that_exchange_keeps_of_it(stage: ExchangeStage, account: EwsAccount) -> None:
    doc: dict[str, Any] = {
        "displayName": "Ines Ferreira",
        "givenName": "Ines",
        "surname": "Ferreira",
        "companyName": "Northwind",
        "jobTitle": "Counsel",
        "personalNotes": "Likes tea.",
        "emailAddresses": [{"name": "Ines", "address": "ines@northwind.example"}],
        "mobilePhone": "+49 170 1",
        "businessPhones": ["+49 30 1", "+49 30 2"],
        "homePhones": ["+49 40 1"],
        "businessAddress": {"street": "1 High St", "city": "Springfield", "postalCode": "62701"},
    }
    stage.exchange.add_contact(PERSON, doc)
    (contact,) = [one for page in contacts(account) for one in page.changed]
    assert (contact.given_name, contact.family_name, contact.display_name) == ("Ines", "Ferreira", "Ines Ferreira")
    assert (contact.organization, contact.title, contact.note) == ("Northwind", "Counsel", "Likes tea.")
    assert [one.address for one in contact.emails] == ["ines@northwind.example"]
    assert [one.value for one in contact.numbers] == ["+49 170 1", "+49 30 1", "+49 30 2", "+49 40 1"]
    assert contact.addresses == ("1 High St\nSpringfield 62701",)


def test_a_server_of_2010_is_asked_for_nothing_that_it_does_not_know(
    stage: ExchangeStage, open_with: Opener, window: Window
) -> None:
    stage.exchange.use_version("2010_SP2")
    account = open_with(make_exchange(stage.sandbox), version="2010_SP2")
    stage.add_event("One", window.starts + timedelta(days=3))
    stage.add_contact("Ines")
    assert [event.title for event in listed(account, window).values()] == ["One"]
    assert [one.display_name for page in contacts(account) for one in page.changed] == ["Ines"]


def test_times_are_aware(stage: ExchangeStage, account: EwsAccount, window: Window) -> None:
    stage.add_event("One", window.starts + timedelta(days=3))
    (event,) = listed(account, window).values()
    assert (event.starts and event.starts.tzinfo is UTC) or (event.starts and event.starts.utcoffset() == timedelta(0))
