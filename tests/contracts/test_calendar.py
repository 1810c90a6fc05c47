"""The contract of `Calendar.changes`: a complete listing of a window, then what changed since."""

from datetime import timedelta

import pytest

from integrations.errors import CursorExpired, PermissionMissing
from integrations.permissions import Permission
from integrations.providers.base import Calendar
from integrations.remote import Delta, RemoteEvent, Window
from tests.contracts.stages import OAuthStage, Stage, open_account

Held = dict[str, RemoteEvent]


def read(calendar: Calendar, window: Window) -> tuple[Held, str]:
    """A complete listing: events by id, and the cursor. Checks that it keeps its form."""
    pages: list[Delta[RemoteEvent]] = list(calendar.changes(None, window))
    *others, last = pages
    assert all(page.cursor is None and not page.complete for page in others)
    assert last.cursor and last.complete
    events = [event for page in pages for event in page.changed]
    assert len({event.ref.id for event in events}) == len(events)
    assert not any(page.gone or page.series for page in pages)
    return {event.ref.id: event for event in events}, last.cursor


def follow(calendar: Calendar, held: Held, cursor: str, window: Window) -> tuple[Held, set[str], str]:
    """What a reader holds after the changes since, the ids of what was written for it, and the next cursor.

    A provider may answer with a complete listing; what it says again with the same version is not written.
    """
    pages: list[Delta[RemoteEvent]] = list(calendar.changes(cursor, window))
    *others, last = pages
    assert all(page.cursor is None for page in others)
    assert last.cursor
    left, listed, written = dict(held), set(), set()
    for page in pages:
        here = {event.ref.id for event in page.changed}
        listed |= here
        gone = {one for one in page.gone if one not in here}
        left = {
            one: event
            for one, event in left.items()
            if one not in gone and (one in here or event.series_id not in {*gone, *page.series})
        }
        for event in page.changed:
            if event.ref.id not in left or left[event.ref.id].ref.version != event.ref.version:
                written.add(event.ref.id)
            left[event.ref.id] = event
    if last.complete:
        left = {one: event for one, event in left.items() if one in listed}
    return left, written, last.cursor


@pytest.fixture
def calendar(stage: Stage):
    with open_account(stage, stage.sign_in().credentials) as account:
        yield account.calendar


def test_an_empty_calendar_is_one_empty_page_with_a_cursor(stage: Stage, calendar: Calendar, window: Window) -> None:
    events, cursor = read(calendar, window)
    assert events == {}
    assert cursor


def test_a_complete_listing_goes_over_all_pages(stage: Stage, calendar: Calendar, window: Window) -> None:
    count = 3 * stage.page_size + 1
    stage.add_many_events(count, window.starts + timedelta(days=1))
    events, _ = read(calendar, window)
    assert sorted(event.title for event in events.values()) == sorted(f"Event {number}" for number in range(count))
    assert max(len(page.changed) for page in calendar.changes(None, window)) <= stage.page_size


def test_an_event_has_aware_times_a_version_and_its_title(stage: Stage, calendar: Calendar, window: Window) -> None:
    starts = window.starts + timedelta(days=3, hours=9)
    remote_id = stage.add_event("Stand-up", starts, minutes=15)
    events, _ = read(calendar, window)
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
    events, _ = read(calendar, window)
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
    events, _ = read(calendar, window)
    assert bool(events) is is_listed


def test_nothing_changed_is_an_empty_listing(stage: Stage, calendar: Calendar, window: Window) -> None:
    stage.add_event("Stand-up", window.starts + timedelta(days=1))
    _, cursor = read(calendar, window)
    pages = list(calendar.changes(cursor, window))
    assert [(page.changed, page.gone, page.series, page.complete) for page in pages] == [((), (), (), False)]
    assert pages[-1].cursor


def test_what_was_added_changed_and_removed_since_is_followed_and_nothing_else_is_written(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    day = window.starts + timedelta(days=1)
    kept, renamed, removed = (stage.add_event(title, day) for title in ("Kept", "Renamed", "Removed"))
    before, cursor = read(calendar, window)
    added = stage.add_event("Added", day)
    stage.rename_event(renamed, "Renamed at last")
    stage.remove_event(removed)
    after, written, cursor = follow(calendar, before, cursor, window)
    assert {remote_id: event.title for remote_id, event in after.items()} == {
        kept: "Kept",
        added: "Added",
        renamed: "Renamed at last",
    }
    assert written == {added, renamed}
    assert follow(calendar, after, cursor, window)[:2] == (after, set())


def test_changes_go_over_all_pages_too(stage: Stage, calendar: Calendar, window: Window) -> None:
    before, cursor = read(calendar, window)
    stage.add_many_events(2 * stage.page_size + 1, window.starts + timedelta(days=1))
    after, _, _ = follow(calendar, before, cursor, window)
    assert len(after) == 2 * stage.page_size + 1


def test_an_event_that_leaves_the_window_is_gone_and_comes_back_with_its_return(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    inside, outside = window.starts + timedelta(days=1), window.ends + timedelta(days=40)
    remote_id = stage.add_event("Wanderer", inside)
    before, cursor = read(calendar, window)
    stage.move_event(remote_id, outside)
    without, _, cursor = follow(calendar, before, cursor, window)
    assert without == {}
    stage.move_event(remote_id, inside)
    after, _, _ = follow(calendar, without, cursor, window)
    assert set(after) == {remote_id}


def test_a_change_outside_the_window_brings_no_event(stage: Stage, calendar: Calendar, window: Window) -> None:
    before, cursor = read(calendar, window)
    stage.add_event("In years", window.ends + timedelta(days=900))
    assert follow(calendar, before, cursor, window)[:2] == ({}, set())


def test_a_series_is_its_occurrences_each_whole_and_all_of_one_series(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    starts = window.starts + timedelta(days=2, hours=9)
    stage.add_series("Stand-up", starts, 7)
    events, _ = read(calendar, window)
    assert sorted(event.starts for event in events.values()) == [starts + timedelta(days=n) for n in range(7)]
    assert {event.title for event in events.values()} == {"Stand-up"}
    (series,) = {event.series_id for event in events.values()}
    assert series and series not in events


def test_of_a_series_that_began_before_the_window_only_the_part_inside_is_listed(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    stage.add_series("Old habit", window.starts - timedelta(days=3) + timedelta(hours=9), 6)
    events, _ = read(calendar, window)
    assert len(events) == 3
    assert {event.title for event in events.values()} == {"Old habit"}


def test_a_series_that_is_renamed_is_renamed_in_every_occurrence(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    series = stage.add_series("Stand-up", window.starts + timedelta(days=2, hours=9), 7)
    before, cursor = read(calendar, window)
    stage.rename_event(series, "Sit-down")
    after, _, cursor = follow(calendar, before, cursor, window)
    assert len(after) == 7
    assert {event.title for event in after.values()} == {"Sit-down"}
    assert follow(calendar, after, cursor, window)[:2] == (after, set())


def test_one_occurrence_may_be_another_than_its_series(stage: Stage, calendar: Calendar, window: Window) -> None:
    stage.add_series("Stand-up", window.starts + timedelta(days=2, hours=9), 7)
    before, cursor = read(calendar, window)
    third = sorted(before.values(), key=lambda event: str(event.starts))[2]
    stage.rename_event(third.ref.id, "Stand-up with guests")
    after, _, _ = follow(calendar, before, cursor, window)
    titles = [event.title for event in sorted(after.values(), key=lambda event: str(event.starts))]
    assert titles == ["Stand-up"] * 2 + ["Stand-up with guests"] + ["Stand-up"] * 4
    assert len({event.series_id for event in after.values()}) == 1


def test_an_occurrence_that_is_removed_is_gone_when_its_series_is_looked_at_again(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    series = stage.add_series("Stand-up", window.starts + timedelta(days=2, hours=9), 7)
    before, cursor = read(calendar, window)
    third = sorted(before.values(), key=lambda event: str(event.starts))[2]
    stage.remove_event(third.ref.id)
    stage.rename_event(series, "Sit-down")
    after, _, _ = follow(calendar, before, cursor, window)
    assert len(after) == 6
    assert third.starts not in {event.starts for event in after.values()}


def test_a_series_that_is_removed_is_gone_with_every_occurrence(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    kept = stage.add_event("Kept", window.starts + timedelta(days=1))
    series = stage.add_series("Stand-up", window.starts + timedelta(days=2, hours=9), 7)
    before, cursor = read(calendar, window)
    stage.remove_event(series)
    after, _, cursor = follow(calendar, before, cursor, window)
    assert set(after) == {kept}
    assert follow(calendar, after, cursor, window)[:2] == (after, set())


def test_a_change_during_a_listing_is_in_it_or_in_the_next(stage: Stage, calendar: Calendar, window: Window) -> None:
    day = window.starts + timedelta(days=1)
    stage.add_many_events(3 * stage.page_size, day)
    pages = calendar.changes(None, window)
    first = next(pages)
    late = stage.add_event("Late", day)
    rest = list(pages)
    listed = {event.ref.id for page in [first, *rest] for event in page.changed}
    events, _, _ = follow(calendar, {}, rest[-1].cursor, window)
    assert late in listed | set(events)


def test_a_forgotten_cursor_asks_for_a_complete_listing(stage: Stage, calendar: Calendar, window: Window) -> None:
    remote_id = stage.add_event("Stand-up", window.starts + timedelta(days=1))
    _, cursor = read(calendar, window)
    stage.expire_cursors()
    with pytest.raises(CursorExpired):
        list(calendar.changes(cursor, window))
    events, _ = read(calendar, window)
    assert set(events) == {remote_id}


def test_a_cursor_that_is_none_of_theirs_asks_for_a_complete_listing(
    stage: Stage, calendar: Calendar, window: Window
) -> None:
    with pytest.raises(CursorExpired):
        list(calendar.changes("not a cursor", window))


def test_reading_without_the_permission_is_refused_as_such(oauth_stage: OAuthStage, window: Window) -> None:
    credentials = oauth_stage.sign_in(frozenset({Permission.CONTACTS_READ})).credentials
    with open_account(oauth_stage, credentials) as account:
        with pytest.raises(PermissionMissing):
            list(account.calendar.changes(None, window))
        assert list(account.contacts.changes(None))[-1].complete
