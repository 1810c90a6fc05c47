"""Reading a pretend Graph over real HTTP: every kind of trouble, and what comes of it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from integrations.errors import (
    AdminNeeded,
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
from integrations.permissions import Permission
from integrations.providers.base import Account
from integrations.providers.office365 import Office365
from integrations.providers.office365 import calendar as office365_calendar
from integrations.providers.office365.scopes import dump_scopes
from integrations.remote import Credentials, Delta, RemoteEvent, Window
from safety import outbound
from sandbox.server import Sandbox
from tests.contracts.office365_stage import daily, make_office365, times
from tests.contracts.stages import PERSON

Open = Callable[[Office365], Account]


def list_events(account: Account, window: Window, cursor: str | None = None) -> list[Delta[RemoteEvent]]:
    return list(account.calendar.changes(cursor, window))


TROUBLE: list[tuple[str, type[ProviderError]]] = [
    ("401", ReconnectNeeded),
    ("401-claims", ReconnectNeeded),
    ("403-scope", PermissionMissing),
    ("429", RateLimited),
    ("429-date", RateLimited),
    ("500", Unreachable),
    ("503", Unreachable),
    ("504", Unreachable),
    ("502-html", Unreachable),
    ("hang-up", Unreachable),
    ("cut-off", Unreachable),
    ("half-json", Unexpected),
    ("html", Unexpected),
    ("empty-body", Unexpected),
    ("huge", Unexpected),
    ("gzip-bomb", Unexpected),
    ("redirect", Unexpected),
    ("foreign-next", Refused),
    ("foreign-delta", Refused),
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
    account = open_with(make_office365(sandbox, max_bytes=200_000))
    amount = 3 if fault in ("huge", "gzip-bomb") else None
    sandbox.faults.add(fault, "/graph/*", times=None, amount=amount)
    with pytest.raises(ProviderError) as caught:
        list_events(account, window) if what == "calendar" else list(account.contacts.changes(None))
    assert type(caught.value) is kind
    assert "Office 365" in caught.value.sentence
    told = f"{caught.value} {caught.value.detail} {caught.value.sentence} {caplog.text}"
    assert not any(
        secret in told for secret in (str(credentials["access_token"]), sandbox.tls_url, "elsewhere.example")
    )
    sandbox.faults.clear()
    pages = list_events(account, window) if what == "calendar" else list(account.contacts.changes(None))
    assert pages[-1].cursor


@pytest.mark.parametrize("fault", ["429", "429-date", "503"])
def test_how_long_to_wait_is_passed_on(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window, fault: str
) -> None:
    sandbox.faults.add(fault, "/graph/*", amount=90)
    with pytest.raises(ProviderError) as caught:
        list_events(open_with(office365), window)
    assert isinstance(caught.value, RateLimited | Unreachable) and caught.value.retry_after
    assert timedelta(seconds=85) < caught.value.retry_after <= timedelta(seconds=90)


@pytest.mark.parametrize("fault", ["slow", "trickle"])
def test_an_answer_that_does_not_come_in_time_is_unreachable(
    sandbox: Sandbox, open_with: Open, window: Window, fault: str
) -> None:
    account = open_with(make_office365(sandbox, timeout=0.3))
    sandbox.faults.add(fault, "/graph/*", amount=1.5)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        list_events(account, window)
    assert time.monotonic() - began < 1.4


def test_an_address_that_the_guard_forbids_is_refused(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window
) -> None:
    office365._make_session = lambda: outbound.session(outbound.Policy())
    with pytest.raises(Refused) as caught:
        list_events(open_with(office365), window)
    assert "Office 365" in caught.value.sentence
    assert sandbox.log.requests("/graph/*") == []


def test_an_account_without_a_mailbox_is_told_so(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window
) -> None:
    sandbox.office365.graph.inactive.add(PERSON)
    account = open_with(office365)
    for read in (lambda: list_events(account, window), lambda: list(account.contacts.changes(None))):
        with pytest.raises(AdminNeeded, match="no mailbox") as caught:
            read()
        assert not caught.value.can_approve


def test_a_calendar_may_be_read_without_the_contacts_and_the_other_way_round(
    sandbox: Sandbox, office365: Office365, credentials: dict[str, object], window: Window
) -> None:
    sandbox.office365.add_person("bob@northwind.example")
    only = sandbox.office365.tokens.issue("bob@northwind.example", dump_scopes(frozenset({Permission.CONTACTS_READ})))
    with office365.open({**credentials, "access_token": only.access}, save=lambda _: None) as account:
        with pytest.raises(PermissionMissing):
            list_events(account, window)
        assert list(account.contacts.changes(None))[-1].complete


@pytest.mark.parametrize(
    ("fault", "amount"), [("410", None), ("sync-state-not-found", None), ("sync-state-not-found", 400)]
)
def test_an_expired_delta_link_is_told_by_its_code_at_both(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window, fault: str, amount: float | None
) -> None:
    account = open_with(office365)
    events, people = list_events(account, window)[-1].cursor, list(account.contacts.changes(None))[-1].cursor
    sandbox.faults.add(fault, "/graph/*", times=2, amount=amount)
    with pytest.raises(CursorExpired):
        list_events(account, window, events)
    with pytest.raises(CursorExpired):
        list(account.contacts.changes(people))
    assert list_events(account, window, events)[-1].cursor
    assert list(account.contacts.changes(people))[-1].cursor


def test_a_single_answer_that_nothing_is_there_is_gone(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window
) -> None:
    sandbox.faults.add("404", "/graph/*")
    with pytest.raises(Gone):
        list_events(open_with(office365), window)


def test_a_delta_without_end_is_left_for_plain_pages_and_tried_again_half_a_day_later(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office365_calendar, "_PAGE_SIZE", 4)
    day = window.starts + timedelta(days=40, hours=9)
    sandbox.office365.add_event(PERSON, {"subject": "Daily", **times(day, 30), **daily(day, 6)})
    for number in range(6):
        sandbox.office365.add_event(PERSON, {"subject": f"Event {number}", **times(day + timedelta(hours=number), 5)})
    account = open_with(office365)
    sandbox.faults.add("endless", "*/calendarView/delta", times=None)
    pages = list_events(account, window)
    found = {event.ref.id: event for page in pages for event in page.changed}
    assert len(found) == 12
    assert {event.title for event in found.values()} == {"Daily", *[f"Event {number}" for number in range(6)]}
    cursor = pages[-1].cursor
    assert pages[-1].complete and cursor and cursor.startswith("plain:")
    again = list_events(account, window, cursor)
    assert {event.ref.id for page in again for event in page.changed} == set(found)
    assert again[-1].complete
    sandbox.faults.clear()
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 12.5 * 3600)
    with pytest.raises(CursorExpired):
        list_events(account, window, cursor)


def test_changes_without_end_are_not_read_for_ever(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window
) -> None:
    account = open_with(office365)
    cursor = list_events(account, window)[-1].cursor
    sandbox.office365.add_event(PERSON, {"subject": "New", **times(window.starts + timedelta(days=3), 30)})
    sandbox.faults.add("endless", "/graph/*", times=None)
    asked = len(sandbox.log.requests("/graph/*"))
    with pytest.raises(CursorExpired):
        list_events(account, window, cursor)
    assert len(sandbox.log.requests("/graph/*")) - asked == 3


def test_contacts_without_end_are_not_read_for_ever(sandbox: Sandbox, office365: Office365, open_with: Open) -> None:
    account = open_with(office365)
    sandbox.office365.add_contact(PERSON, {"displayName": "Ines"})
    sandbox.faults.add("endless", "/graph/*/contacts/delta", times=None)
    with pytest.raises(Unexpected, match="without an end"):
        list(account.contacts.changes(None))


def test_empty_pages_before_the_real_one_are_followed(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window
) -> None:
    sandbox.office365.add_event(PERSON, {"subject": "Behind", **times(window.starts + timedelta(days=31), 30)})
    sandbox.faults.add("empty-pages", "*/calendarView/delta", amount=4)
    pages = list_events(open_with(office365), window)
    assert [len(page.changed) for page in pages] == [0, 0, 0, 0, 1]


def test_of_an_item_that_stands_there_twice_the_last_counts(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window
) -> None:
    day = window.starts + timedelta(days=31, hours=9)
    sandbox.office365.add_event(PERSON, {"subject": "Now", **times(day, 30)})
    sandbox.office365.add_event(PERSON, {"subject": "Series", **times(day, 30), **daily(day, 3)})
    sandbox.office365.add_contact(PERSON, {"displayName": "Ines"})
    account = open_with(office365)
    sandbox.faults.add("repeat-items", "/graph/*/delta", times=None)
    events = [event for page in list_events(account, window) for event in page.changed]
    assert sorted(event.title for event in events) == ["Now", "Series", "Series", "Series"]
    assert not any("older" in event.ref.version for event in events)
    people = [one.display_name for page in account.contacts.changes(None) for one in page.changed]
    assert people == ["Ines"]


def test_what_is_removed_and_unknown_harms_nothing(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window
) -> None:
    account = open_with(office365)
    sandbox.office365.add_contact(PERSON, {"displayName": "Ines"})
    events, people = list_events(account, window)[-1].cursor, list(account.contacts.changes(None))[-1].cursor
    sandbox.faults.add("removed-unknown", "/graph/*", times=2)
    pages = list_events(account, window, events)
    assert len({one for page in pages for one in page.gone}) == 2
    pages = list(account.contacts.changes(people))
    assert len({one for page in pages for one in page.gone}) == 2
    assert not any(page.changed for page in pages)


def test_odd_events_are_records_and_cost_no_other(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window
) -> None:
    day = window.starts + timedelta(days=31, hours=9)
    for fields in (
        {"subject": "fine"},
        {"subject": "nul\0 inside", "body": {"contentType": "html", "content": "<script>alert(1)</script>" * 40_000}},
    ):
        sandbox.office365.add_event(PERSON, {**fields, **times(day, 30)})
    (page,) = list_events(open_with(office365), window)
    found = {event.title: event for event in page.changed}
    assert set(found) == {"fine", "nul inside"}
    assert len(found["nul inside"].body) >= 1_000_000


def test_no_request_is_made_after_the_deadline_not_even_half_way(
    sandbox: Sandbox, office365: Office365, credentials: Credentials, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office365_calendar, "_PAGE_SIZE", 2)
    for number in range(6):
        starts = window.starts + timedelta(days=31, hours=number)
        sandbox.office365.add_event(PERSON, {"subject": f"{number}", **times(starts, 30)})
    deadline = datetime.now(UTC) + timedelta(seconds=1.5)
    with office365.open(credentials, save=lambda _: None, deadline=deadline) as account:
        pages = account.calendar.changes(None, window)
        next(pages)
        time.sleep(1.6)
        asked = len(sandbox.log.requests("/graph/*"))
        with pytest.raises(Unreachable, match="too long"):
            next(pages)
    assert len(sandbox.log.requests("/graph/*")) == asked


def test_memory_does_not_grow_with_the_number_of_pages(
    sandbox: Sandbox, office365: Office365, open_with: Open, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gc

    def count() -> int:
        gc.collect()
        return sum(type(one) is RemoteEvent for one in gc.get_objects())

    monkeypatch.setattr(office365_calendar, "_PAGE_SIZE", 10)
    for number in range(100):
        starts = window.starts + timedelta(days=31, minutes=number)
        sandbox.office365.add_event(PERSON, {"subject": f"{number}", **times(starts, 30)})
    # Tests that this process has run before may have left some.
    before, alive = count(), list[int]()
    for page in open_with(office365).calendar.changes(None, window):
        del page
        alive.append(count() - before)
    assert len(alive) >= 10
    assert max(alive) <= 20
