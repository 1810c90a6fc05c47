"""The contract of `Calendar.changes`: a complete listing of a window, then what changed since."""

from datetime import timedelta

import pytest

from integrations.errors import CursorExpired, PermissionMissing
from integrations.permissions import Permission
from integrations.providers.base import Calendar
from integrations.remote import Delta, RemoteEvent, Window
from tests.contracts.stages import Stage, open_account, sign_in


def read(calendar: Calendar, cursor: str | None, window: Window) -> tuple[dict[str, RemoteEvent], set[str], str]:
    """Everything one listing says: events by id, ids gone, the next cursor. Checks that it keeps its form."""
    pages: list[Delta[RemoteEvent]] = list(calendar.changes(cursor, window))
    assert pages
    *others, last = pages
    assert all(page.cursor is None for page in others)
    assert last.cursor
    assert last.complete is (cursor is None)
    events = [event for page in pages for event in page.changed]
    gone = [remote_id for page in pages for remote_id in page.gone]
    assert len({event.ref.id for event in events}) == len(events)
    assert cursor is not None or not gone
    return {event.ref.id: event for event in events}, set(gone), last.cursor


@pytest.fixture
def calendar(stage: Stage):
    with open_account(stage, sign_in(stage).credentials) as account:
        yield account.calendar


def test_an_empty_calendar_is_one_empty_page_with_a_cursor(stage: Stage, calendar: Calendar, window: Window) -> None:
    events, gone, cursor = read(calendar, None, window)
    assert (events, gone) == ({}, set())
    assert cursor


def test_a_complete_listing_goes_over_all_pages(stage: Stage, calendar: Calendar, window: Window) -> None:
    count = 3 * stage.page_size + 1
    stage.add_many_events(count, window.starts + timedelta(days=1))
    events, _, _ = read(calendar, None, window)
    assert sorted(event.title for event in events.values()) == sorted(f"Event {number}" for number in range(count))
    assert len(list(calendar.changes(None, window))) == 4


def test_an_event_has_aware_times_a_version_and_its_title(stage: Stage, calendar: Calendar, window: Window) -> None:
    starts = window.starts + timedelta(days=3, hours=9)
    remote_id = stage.add_event("Stand-up", starts, minutes=15)
    events, _, _ = read(calendar, None, window)
    event = events[remote_id]
    assert event.title == "Stand-up"
    assert (event.starts, event.ends) == (starts, starts + timedelta(minutes=15))
    assert event.starts and event.starts.tzinfo and event.ref.version
    assert not event.is_all_day


def test_an_all_day_event_has_days_with_the_last_exclusive_and_no_times(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    first = window.starts.date() + timedelta(days=5)
    remote_id = stage.add_day("Off-site", first, first + timedelta(days=2))
    events, _, _ = read(calendar, None, window)
    event = events[remote_id]
    assert event.is_all_day
    assert (event.starts_on, event.ends_on) == (first, first + timedelta(days=2))
    assert (event.starts, event.ends) == (None, None)


@pytest.mark.parametrize(
    ("edge", "offset", "minutes", "is_listed"),
    [
        ("starts", -60, 60, False),
        ("starts", -60, 61, True),
        ("starts", 0, 0, True),
        ("starts", 0, 30, True),
        ("ends", -1, 60, True),
        ("ends", 0, 60, False),
        ("ends", 0, 0, False),
    ],
)
def test_an_event_is_listed_where_some_of_it_lies_in_the_window(
    stage: Stage, calendar: Calendar, window: Window, edge: str, offset: int, minutes: int, is_listed: bool
) -> None:
    stage.add_event("At the edge", getattr(window, edge) + timedelta(minutes=offset), minutes)
    events, _, _ = read(calendar, None, window)
    assert bool(events) is is_listed


def test_nothing_changed_is_an_empty_listing(stage: Stage, calendar: Calendar, window: Window) -> None:
    stage.add_event("Stand-up", window.starts + timedelta(days=1))
    _, _, cursor = read(calendar, None, window)
    events, gone, _ = read(calendar, cursor, window)
    assert (events, gone) == ({}, set())


def test_what_was_added_changed_and_removed_since_is_listed_and_nothing_else(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    day = window.starts + timedelta(days=1)
    kept, renamed, removed = (stage.add_event(title, day) for title in ("Kept", "Renamed", "Removed"))
    before, _, cursor = read(calendar, None, window)
    added = stage.add_event("Added", day)
    stage.rename_event(renamed, "Renamed at last")
    stage.remove_event(removed)
    events, gone, cursor = read(calendar, cursor, window)
    assert {remote_id: event.title for remote_id, event in events.items()} == {
        added: "Added",
        renamed: "Renamed at last",
    }
    assert gone == {removed}
    assert events[renamed].ref.version != before[renamed].ref.version
    assert kept not in events
    assert read(calendar, cursor, window)[:2] == ({}, set())


def test_changes_go_over_all_pages_too(stage: Stage, calendar: Calendar, window: Window) -> None:
    _, _, cursor = read(calendar, None, window)
    stage.add_many_events(2 * stage.page_size + 1, window.starts + timedelta(days=1))
    events, _, _ = read(calendar, cursor, window)
    assert len(events) == 2 * stage.page_size + 1


def test_an_event_that_leaves_the_window_is_gone_and_comes_back_with_its_return(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    inside, outside = window.starts + timedelta(days=1), window.ends + timedelta(days=40)
    remote_id = stage.add_event("Wanderer", inside)
    _, _, cursor = read(calendar, None, window)
    stage.move_event(remote_id, outside)
    events, gone, cursor = read(calendar, cursor, window)
    assert (events, gone) == ({}, {remote_id})
    stage.move_event(remote_id, inside)
    events, _, _ = read(calendar, cursor, window)
    assert set(events) == {remote_id}


def test_a_change_outside_the_window_brings_no_event(stage: Stage, calendar: Calendar, window: Window) -> None:
    _, _, cursor = read(calendar, None, window)
    stage.add_event("In years", window.ends + timedelta(days=900))
    events, _, _ = read(calendar, cursor, window)
    assert events == {}


def test_a_change_during_a_listing_is_in_it_or_in_the_next(stage: Stage, calendar: Calendar, window: Window) -> None:
    day = window.starts + timedelta(days=1)
    stage.add_many_events(3 * stage.page_size, day)
    pages = calendar.changes(None, window)
    first = next(pages)
    late = stage.add_event("Late", day)
    rest = list(pages)
    listed = {event.ref.id for page in [first, *rest] for event in page.changed}
    events, _, _ = read(calendar, rest[-1].cursor, window)
    assert late in listed | set(events)


def test_a_forgotten_cursor_asks_for_a_complete_listing(stage: Stage, calendar: Calendar, window: Window) -> None:
    remote_id = stage.add_event("Stand-up", window.starts + timedelta(days=1))
    _, _, cursor = read(calendar, None, window)
    stage.expire_cursors()
    with pytest.raises(CursorExpired):
        list(calendar.changes(cursor, window))
    events, _, _ = read(calendar, None, window)
    assert set(events) == {remote_id}


def test_a_cursor_that_is_none_of_theirs_asks_for_a_complete_listing(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    with pytest.raises(CursorExpired):
        list(calendar.changes("not a cursor", window))


def test_reading_without_the_permission_is_refused_as_such(stage: Stage, window: Window) -> None:
    credentials = sign_in(stage, frozenset({Permission.CONTACTS_READ})).credentials
    with open_account(stage, credentials) as account:
        with pytest.raises(PermissionMissing):
            list(account.calendar.changes(None, window))
        assert list(account.contacts.changes(None))[-1].complete
