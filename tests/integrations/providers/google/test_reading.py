"""Reading a pretend Google over real HTTP: requests as Google wants them, and every kind of trouble."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from integrations.errors import (
    CursorExpired,
    Gone,
    PermissionMissing,
    ProviderError,
    RateLimited,
    ReconnectNeeded,
    Refused,
    Unexpected,
    Unreachable,
)
from integrations.providers.google import Google, GoogleAccount
from integrations.providers.google import calendar as google_calendar
from integrations.remote import Credentials, Delta, RemoteEvent, Window
from safety import outbound
from sandbox.server import Sandbox
from tests.contracts.google_stage import make_google
from tests.contracts.stages import PERSON

Open = Callable[[Google], GoogleAccount]


def list_events(account: GoogleAccount, window: Window, cursor: str | None = None) -> list[Delta[RemoteEvent]]:
    return list(account.calendar.changes(cursor, window))


def times(starts: Any, hours: int = 1) -> dict[str, Any]:
    moments = (starts, starts + timedelta(hours=hours))
    start, end = ({"dateTime": moment.isoformat(), "timeZone": "Europe/Berlin"} for moment in moments)
    return {"start": start, "end": end}


TROUBLE: list[tuple[str, type[ProviderError]]] = [
    ("401", ReconnectNeeded),
    ("403-rate", RateLimited),
    ("403-user-rate", RateLimited),
    ("403-quota", RateLimited),
    ("403-scope", PermissionMissing),
    ("403-forbidden", Unexpected),
    ("404", Gone),
    ("429", RateLimited),
    ("429-date", RateLimited),
    ("500", Unreachable),
    ("503", Unreachable),
    ("502-html", Unreachable),
    ("hang-up", Unreachable),
    ("cut-off", Unreachable),
    ("half-json", Unexpected),
    ("html", Unexpected),
    ("empty-body", Unexpected),
    ("huge", Unexpected),
    ("gzip-bomb", Unexpected),
    ("redirect", Unexpected),
    ("endless", Unexpected),
]


@pytest.mark.parametrize(("fault", "kind"), TROUBLE, ids=[fault for fault, _ in TROUBLE])
@pytest.mark.parametrize("what", ["calendar", "contacts"])
def test_each_trouble_has_its_error_and_nothing_secret_in_it(
    sandbox: Sandbox,
    open_with: Open,
    window: Window,
    credentials: Credentials,
    caplog: pytest.LogCaptureFixture,
    what: str,
    fault: str,
    kind: type[ProviderError],
) -> None:
    account = open_with(make_google(sandbox, max_bytes=200_000))
    path = "/google/calendar/*" if what == "calendar" else "/google/people/*"
    amount = 3 if fault in ("huge", "gzip-bomb") else None
    sandbox.faults.add(fault, path, times=None, amount=amount)
    with pytest.raises(ProviderError) as caught:
        list_events(account, window) if what == "calendar" else list(account.contacts.changes(None))
    assert type(caught.value) is kind
    assert "Google" in caught.value.sentence
    told = f"{caught.value} {caught.value.detail} {caught.value.sentence} {caplog.text}"
    assert str(credentials["access_token"]) not in told and sandbox.url not in told
    sandbox.faults.clear()
    pages = list_events(account, window) if what == "calendar" else list(account.contacts.changes(None))
    assert pages[-1].cursor


@pytest.mark.parametrize("fault", ["429", "429-date"])
def test_how_long_to_wait_is_passed_on(
    sandbox: Sandbox, google: Google, open_with: Open, window: Window, fault
) -> None:
    sandbox.faults.add(fault, amount=90)
    with pytest.raises(RateLimited) as caught:
        list_events(open_with(google), window)
    assert caught.value.retry_after
    assert timedelta(seconds=85) < caught.value.retry_after <= timedelta(seconds=90)


@pytest.mark.parametrize("fault", ["slow", "trickle"])
def test_an_answer_that_does_not_come_in_time_is_unreachable(
    sandbox: Sandbox, open_with: Open, window: Window, fault: str
) -> None:
    account = open_with(make_google(sandbox, timeout=0.3))
    sandbox.faults.add(fault, amount=1.5)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        list_events(account, window)
    assert time.monotonic() - began < 1.4


def test_nobody_listening_is_unreachable(sandbox: Sandbox, credentials: Credentials, window: Window) -> None:
    google = make_google(sandbox)
    google._settings = {**google._settings, "calendar_root": "http://127.0.0.1:9/"}
    policy = outbound.Policy(allow=outbound.parse_allow(["127.0.0.1:9"]))
    google._make_session = lambda: outbound.session(policy)
    with google.open(credentials, save=lambda _: None) as account, pytest.raises(Unreachable):
        list_events(account, window)


def test_an_address_that_the_guard_forbids_is_refused(
    sandbox: Sandbox, google: Google, open_with: Open, window
) -> None:
    google._make_session = lambda: outbound.session(outbound.Policy())
    with pytest.raises(Refused) as caught:
        list_events(open_with(google), window)
    assert "Google" in caught.value.sentence
    assert sandbox.log.requests("/google/calendar/*") == []


def test_a_token_refused_once_is_renewed_and_refused_again_needs_a_reconnect(
    sandbox: Sandbox, google: Google, credentials: Credentials, window: Window
) -> None:
    saved: list[Credentials] = []
    sandbox.faults.add("401", "/google/calendar/*")
    with google.open(credentials, save=saved.append) as account:
        assert list_events(account, window)
        assert len(saved) == 1
        sandbox.faults.add("401", "/google/calendar/*", times=2)
        with pytest.raises(ReconnectNeeded):
            list_events(account, window)
    assert len(saved) == 2
    assert len(sandbox.log.requests("/google/token")) == 2


def test_the_first_request_holds_the_window_and_the_later_ones_only_the_sync_token(
    sandbox: Sandbox, google: Google, open_with: Open, window: Window
) -> None:
    account = open_with(google)
    cursor = list_events(account, window)[-1].cursor
    list_events(account, window, cursor)
    entries = sandbox.log.requests("/google/calendar/*")
    first, second = (dict(entry.query) for entry in entries)
    assert set(first) - set(second) == {"timeMin", "timeMax"}
    assert set(second) - set(first) == {"syncToken"}
    same = set(first) & set(second)
    assert [pair for pair in entries[0].query if pair[0] in same] == [
        pair for pair in entries[1].query if pair[0] in same
    ]
    assert same >= {"singleEvents", "eventTypes", "maxAttendees", "maxResults", "fields"}


def test_contacts_ask_with_the_same_parameters_each_time(sandbox: Sandbox, google: Google, open_with: Open) -> None:
    contacts = open_with(google).contacts
    cursor = list(contacts.changes(None))[-1].cursor
    list(contacts.changes(cursor))
    first, second = (dict(entry.query) for entry in sandbox.log.requests("/google/people/*/connections"))
    assert second == {**first, "syncToken": second["syncToken"]}


def test_a_series_is_its_occurrences_with_the_exceptions_in_their_places(
    sandbox: Sandbox, google: Google, open_with: Open, window: Window
) -> None:
    account = open_with(google)
    starts = window.starts + timedelta(days=40, hours=9)
    series = sandbox.google.add_event(
        PERSON, {"summary": "Weekly", **times(starts), "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=5"]}
    )
    pages = list_events(account, window)
    occurrences = sorted(pages[-1].changed, key=lambda event: event.ref.id)
    assert len(occurrences) == 5
    assert {event.series_id for event in occurrences} == {series["id"]}
    assert len({event.uid for event in occurrences}) == 1
    sandbox.google.change_event(PERSON, occurrences[1].ref.id, {"summary": "Weekly, moved", **times(starts, 2)})
    sandbox.google.delete_event(PERSON, occurrences[2].ref.id)
    (delta,) = list_events(account, window, pages[-1].cursor)
    assert [(event.ref.id, event.title) for event in delta.changed] == [(occurrences[1].ref.id, "Weekly, moved")]
    assert delta.gone == (occurrences[2].ref.id,)
    sandbox.google.delete_event(PERSON, series["id"])
    (delta,) = list_events(account, window, delta.cursor)
    assert set(delta.gone) >= {event.ref.id for event in (*occurrences[:2], *occurrences[3:])}
    assert delta.changed == ()


def test_a_series_without_end_that_changes_brings_no_year_beyond_the_window(
    sandbox: Sandbox, google: Google, open_with: Open, window: Window
) -> None:
    account = open_with(google)
    starts = window.starts + timedelta(days=40, hours=9)
    series = sandbox.google.add_event(PERSON, {"summary": "Daily", **times(starts), "recurrence": ["RRULE:FREQ=DAILY"]})
    pages = list_events(account, window)
    held = {event.ref.id for page in pages for event in page.changed}
    sandbox.google.change_event(PERSON, series["id"], {"summary": "Daily, renamed"})
    changes = list_events(account, window, pages[-1].cursor)
    changed = [event for page in changes for event in page.changed]
    assert {event.ref.id for event in changed} == held
    assert all(event.starts and event.starts < window.ends for event in changed)


def test_an_event_of_two_thousand_attendees_keeps_the_person_s_own_answer(
    sandbox: Sandbox, google: Google, open_with: Open, window: Window
) -> None:
    crowd = [{"email": f"guest{number}@crowd.example", "responseStatus": "accepted"} for number in range(2000)]
    me = {"email": PERSON, "self": True, "responseStatus": "tentative"}
    body = {"id": "crowd", "summary": "All hands", "status": "confirmed", **times(window.starts + timedelta(days=31))}
    calendar = sandbox.google.calendars.get(PERSON, "primary")
    sandbox.google.events.put_raw(calendar.id, {**body, "attendees": [*crowd, me], "etag": '"1"'})
    (delta,) = list_events(open_with(google), window)
    (event,) = delta.changed
    assert event.attendees_omitted
    assert [attendee.email for attendee in event.attendees] == [PERSON]
    assert event.response == "tentative"


def test_odd_events_are_records_and_cost_no_other(
    sandbox: Sandbox, google: Google, open_with: Open, window: Window
) -> None:
    day = window.starts + timedelta(days=31)
    calendar = sandbox.google.calendars.get(PERSON, "primary")
    fine = times(day)
    for number, odd in enumerate(
        (
            {**fine, "summary": "fine"},
            {"start": fine["end"], "end": fine["start"], "summary": "backwards"},
            {**fine, "end": {"dateTime": "9999-12-31T23:59:59-12:00"}, "summary": "for ever"},
            {**fine, "summary": "nul\0 inside", "description": "<script>alert(1)</script>" * 40_000},
        )
    ):
        doc = {"id": f"odd{number}", "status": "confirmed", "etag": f'"{number}"', **odd}
        sandbox.google.events.put_raw(calendar.id, doc)
    (delta,) = list_events(open_with(google), window)
    found = {event.title: event for event in delta.changed}
    assert set(found) == {"fine", "backwards", "for ever", "nul inside"}
    assert found["for ever"].starts == day and found["for ever"].ends is None
    assert found["backwards"].ends == day
    assert len(found["nul inside"].body) == 1_000_000


def test_empty_pages_before_the_real_one_are_followed(
    sandbox: Sandbox, google: Google, open_with: Open, window: Window
) -> None:
    sandbox.google.add_event(PERSON, {"summary": "Behind", **times(window.starts + timedelta(days=31))})
    sandbox.faults.add("empty-pages", "/google/calendar/*", amount=4)
    pages = list_events(open_with(google), window)
    assert [len(page.changed) for page in pages] == [0, 0, 0, 0, 1]


def test_a_page_token_that_names_another_host_leads_nowhere_else(
    sandbox: Sandbox, google: Google, open_with: Open, window: Window
) -> None:
    """Google's page tokens are not links: whatever one holds, it goes back to Google as a parameter."""
    sandbox.faults.add("foreign-next", "/google/calendar/*")
    with pytest.raises(ProviderError):
        list_events(open_with(google), window)
    asked = sandbox.log.requests("/google/calendar/*")
    assert len(asked) == 2
    assert [bool(entry.asked("pageToken")) for entry in asked] == [False, True]


def test_an_expired_sync_token_is_told_by_its_reason_at_both_services(
    sandbox: Sandbox, google: Google, open_with: Open, window: Window
) -> None:
    account = open_with(google)
    events, people = list_events(account, window)[-1].cursor, list(account.contacts.changes(None))[-1].cursor
    sandbox.faults.add("410", times=2)
    with pytest.raises(CursorExpired):
        list_events(account, window, events)
    with pytest.raises(CursorExpired):
        list(account.contacts.changes(people))
    assert list_events(account, window, events)[-1].cursor
    assert list(account.contacts.changes(people))[-1].cursor


def test_contacts_forget_their_sync_token_after_seven_days(sandbox: Sandbox, google: Google, credentials) -> None:
    with google.open(credentials, save=lambda _: None) as account:
        cursor = list(account.contacts.changes(None))[-1].cursor
        sandbox.clock.advance(timedelta(days=6))
        assert list(account.contacts.changes(cursor))
        sandbox.clock.advance(timedelta(days=2))
        with pytest.raises(CursorExpired):
            list(account.contacts.changes(cursor))


def test_a_contact_that_was_merged_says_who_it_was(sandbox: Sandbox, google: Google, open_with: Open) -> None:
    contacts = open_with(google).contacts
    kept, absorbed = (
        sandbox.google.contacts.create(PERSON, {"names": [{"givenName": name}]})["resourceName"]
        for name in ("Jo", "Johanna")
    )
    cursor = list(contacts.changes(None))[-1].cursor
    sandbox.google.contacts.merge(PERSON, kept, absorbed)
    (delta,) = contacts.changes(cursor)
    (contact,) = delta.changed
    assert contact.ref.id == kept
    assert absorbed in contact.previous_ids


def test_a_contact_deleted_right_after_a_merge_takes_what_was_merged_into_it_along(
    sandbox: Sandbox, google: Google, open_with: Open
) -> None:
    contacts = open_with(google).contacts
    kept, absorbed = (
        sandbox.google.contacts.create(PERSON, {"names": [{"givenName": name}]})["resourceName"]
        for name in ("Jo", "Johanna")
    )
    cursor = list(contacts.changes(None))[-1].cursor
    sandbox.google.contacts.merge(PERSON, kept, absorbed)
    sandbox.google.contacts.delete(PERSON, kept)
    (delta,) = contacts.changes(cursor)
    assert set(delta.gone) == {kept, absorbed}
    assert delta.changed == ()


def test_a_number_comes_with_google_s_own_e164(sandbox: Sandbox, google: Google, open_with: Open) -> None:
    sandbox.google.contacts.create(PERSON, {"phoneNumbers": [{"value": "030 901820", "type": "work"}]})
    (delta,) = open_with(google).contacts.changes(None)
    assert [number.e164 for number in delta.changed[0].numbers] == ["+4930901820"]


def test_two_threads_may_share_the_provider(sandbox: Sandbox, google: Google, credentials, window: Window) -> None:
    sandbox.google.add_event(PERSON, {"summary": "Shared", **times(window.starts + timedelta(days=31))})
    google_calendar.events_of.cache_clear()
    failures: list[BaseException] = []
    found: list[str] = []

    def read() -> None:
        try:
            for _ in range(5):
                with google.open(credentials, save=lambda _: None) as account:
                    found.extend(event.title for page in list_events(account, window) for event in page.changed)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert found == ["Shared"] * 20
