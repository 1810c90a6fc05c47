"""Writing to a pretend Exchange: what of it is Exchange's own, beside what tests/contracts ask of every provider."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from integrations.errors import Conflict, CursorExpired, Gone, PermissionMissing, Rejected
from integrations.providers.exchange import Exchange
from integrations.providers.exchange.ews import EwsAccount
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import Attendee, EventDraft, RemoteRef, Response, Window
from sandbox.exchange.ids import read_item_id
from tests.contracts.exchange_stage import ExchangeStage
from tests.contracts.office365_stage import times
from tests.contracts.stages import PERSON
from tests.contracts.writing import (
    BEN,
    MIA,
    NEXT_YEAR,
    around,
    at,
    daily,
    invite,
    make_draft,
    make_series,
    new_key,
    occurrences_of,
    soon,
    unversioned,
)
from tests.integrations.providers.exchange.conftest import Opener
from tests.integrations.providers.exchange.test_reading import operations

TITLE, TIME = frozenset({"title"}), frozenset({"time"})
SERIES_END = {"type": "noEnd", "startDate": f"{NEXT_YEAR}-03-01"}


@pytest.fixture
def calendar(account: EwsAccount) -> Any:
    return account.calendar


def add_series(stage: ExchangeStage, title: str, pattern: dict[str, Any], **more: Any) -> str:
    """By its UID: one without an end, from the first of March on."""
    recurrence = {"pattern": {"interval": 1, **pattern}, "range": SERIES_END}
    doc = {"subject": title, **times(at(date(NEXT_YEAR, 3, 1), 9), 30), "recurrence": recurrence, **more}
    return str(stage.exchange.add_event(PERSON, doc)["iCalUId"])


def march_of(calendar: Any, series: RemoteRef) -> list[Any]:
    window = Window(at(date(NEXT_YEAR, 3, 1), 0), at(date(NEXT_YEAR, 3, 11), 0))
    return [one.starts for one in calendar.instances(series, window)]


def test_few_requests_are_made(stage: ExchangeStage, calendar: Any) -> None:
    stage.sandbox.log.clear()
    made = calendar.create(make_draft(), key=new_key())
    assert operations(stage.sandbox) == {"FindItem": 1, "CreateItem": 1, "GetItem": 1}
    changed = calendar.update(made.ref, make_draft("Other"), fields=TITLE)
    assert operations(stage.sandbox) == {"GetItem": 2, "UpdateItem": 1}
    assert calendar.update(changed.ref, make_draft("Other"), fields=TITLE) == changed
    assert operations(stage.sandbox) == {"GetItem": 1}
    calendar.delete(made.ref)
    assert operations(stage.sandbox) == {"GetItem": 1, "DeleteItem": 1}


def test_a_series_is_laid_out_with_few_views_however_long_the_window(stage: ExchangeStage, calendar: Any) -> None:
    series = calendar.create(make_series(daily()), key=new_key())
    stage.sandbox.log.clear()
    window = Window(soon(-30), soon(400))
    assert len(calendar.instances(series.ref, window)) == 5
    assert operations(stage.sandbox) == {"FindItem": 2, "GetItem": 2}


def test_a_change_of_one_occurrence_is_no_conflict_for_the_others_nor_for_the_series(
    calendar: Any, window: Window
) -> None:
    series = calendar.create(make_series(daily()), key=new_key())
    _, second, third, *_ = occurrences_of(calendar, series, window)
    calendar.update(second.ref, make_draft("Second"), fields=TITLE)
    calendar.update(third.ref, make_draft("Third"), fields=TITLE)
    calendar.update(series.ref, make_draft("Sit-down"), fields=TITLE)
    titles = [one.title for one in occurrences_of(calendar, series, window)]
    assert titles == ["Sit-down", "Second", "Third", "Sit-down", "Sit-down"]


def test_a_change_of_what_all_occurrences_share_is_a_conflict_for_each(
    stage: ExchangeStage, calendar: Any, window: Window
) -> None:
    series = calendar.create(make_series(daily()), key=new_key())
    _, second, *_ = occurrences_of(calendar, series, window)
    body = {"contentType": "text", "content": "Theirs"}
    stage.exchange.change_event(PERSON, stage._event_id(series.ref.id), {"body": body})
    for one in (second, series):
        with pytest.raises(Conflict):
            calendar.update(one.ref, make_draft("Ours"), fields=TITLE)
        current = calendar.read(one.ref)
        assert calendar.update(current.ref, make_draft("Ours"), fields=TITLE).title == "Ours"


def test_an_answer_is_no_conflict_for_a_series(stage: ExchangeStage, calendar: Any) -> None:
    stage.find_invited(BEN)
    series = calendar.create(make_series(daily(), attendees=invite(BEN)), key=new_key())
    stage.answer_invitation(series.ref.id, BEN)
    changed = calendar.update(series.ref, make_draft("Sit-down"), fields=TITLE)
    assert [one.response for one in changed.attendees] == [Response.ACCEPTED]


@pytest.mark.parametrize("uid", ["", "abc@elsewhere.example", "0400"])
def test_a_series_that_was_made_elsewhere_is_known_by_its_uid(stage: ExchangeStage, calendar: Any, uid: str) -> None:
    more = {"iCalUId": uid} if uid else {}
    name = add_series(stage, "Elsewhere", {"type": "daily"}, **more)
    (first, *_) = calendar.instances(RemoteRef(name), around([at(date(NEXT_YEAR, 3, 1), 9)]))
    assert first.series_id == name
    series = calendar.read_series(first.ref)
    assert (series.ref.id, series.is_series, series.recurrence) == (name, True, None)
    assert calendar.read(RemoteRef(first.series_id)) == series == calendar.read_series(series.ref)
    assert calendar.update(series.ref, make_draft("Other"), fields=TITLE).title == "Other"
    calendar.delete(series.ref)
    with pytest.raises(Gone):
        calendar.read(series.ref)


def test_a_single_event_belongs_to_no_series(calendar: Any) -> None:
    made = calendar.create(make_draft(), key=new_key())
    with pytest.raises(Gone):
        calendar.read_series(made.ref)
    assert calendar.instances(made.ref, Window(soon(-9), soon(9))) == ()


def test_a_series_without_an_end_moves_and_is_ended(stage: ExchangeStage, calendar: Any) -> None:
    ref = RemoteRef(add_series(stage, "Elsewhere", {"type": "daily"}))
    moved = make_draft("Elsewhere", at(date(NEXT_YEAR, 3, 2), 11), 30)
    assert calendar.update(ref, moved, fields=TIME).starts == moved.starts
    assert march_of(calendar, ref) == [at(date(NEXT_YEAR, 3, day), 11) for day in range(2, 11)]
    ended = calendar.end_series(ref, before=at(date(NEXT_YEAR, 3, 5), 11))
    assert ended.recurrence == Recurrence(Repeats.DAILY, until=date(NEXT_YEAR, 3, 4))
    assert march_of(calendar, ref) == [at(date(NEXT_YEAR, 3, day), 11) for day in range(2, 5)]


def test_a_pattern_that_we_have_no_word_for_keeps_its_days(stage: ExchangeStage, calendar: Any) -> None:
    ref = RemoteRef(add_series(stage, "Yearly", {"type": "absoluteYearly", "dayOfMonth": 1, "month": 3}))
    later = make_draft("Yearly", at(date(NEXT_YEAR, 3, 1), 11), 30)
    assert calendar.update(ref, later, fields=TIME).starts == later.starts
    with pytest.raises(Rejected) as caught:
        calendar.update(ref, make_draft("Yearly", at(date(NEXT_YEAR, 3, 2), 11), 30), fields=TIME)
    assert "Outlook" in caught.value.sentence
    assert march_of(calendar, ref) == [later.starts]


def test_what_is_special_about_days_outlives_the_end_of_a_series(calendar: Any, window: Window) -> None:
    series = calendar.create(make_series(daily(6)), key=new_key())
    first, second, _, fourth, *_ = occurrences_of(calendar, series, window)
    calendar.delete(first.ref)
    calendar.update(unversioned(second), make_draft("Special"), fields=TITLE)
    assert fourth.starts
    calendar.end_series(unversioned(series), before=fourth.starts)
    assert [one.title for one in occurrences_of(calendar, series, window)] == ["Special", "Stand-up"]


def test_an_event_may_become_a_series_and_a_series_an_event(calendar: Any, window: Window) -> None:
    made = calendar.create(make_draft("Stand-up"), key=new_key())
    fields = frozenset({"recurrence"})
    series = calendar.update(made.ref, make_series(daily(3), soon()), fields=fields)
    assert (series.is_series, series.recurrence, len(calendar.instances(series.ref, window))) == (True, daily(3), 3)
    single = calendar.update(unversioned(series), make_draft("Stand-up"), fields=fields)
    assert (single.is_series, single.recurrence, single.starts) == (False, None, soon())


def test_rooms_stay_rooms_and_guests_become_what_they_are_called(stage: ExchangeStage, calendar: Any) -> None:
    people = [("resource", "room4@northwind.example"), ("required", BEN), ("optional", MIA)]
    attendees = [{"type": kind, "emailAddress": {"address": address}} for kind, address in people]
    doc = {"subject": "Planning", **times(soon(), 60), "attendees": attendees}
    ref = RemoteRef(stage.exchange.item_id(PERSON, stage.exchange.add_event(PERSON, doc)["id"]))
    guests = (Attendee("Room4@northwind.example"), Attendee(BEN, is_optional=True))
    changed = calendar.update(ref, make_draft(attendees=guests), fields=frozenset({"attendees"}))
    assert {(one.email.lower(), one.is_resource, one.is_optional) for one in changed.attendees} == {
        ("room4@northwind.example", True, False),
        (BEN, False, True),
    }
    nobody = calendar.update(changed.ref, make_draft(), fields=frozenset({"attendees"}))
    assert nobody.attendees == ()


@pytest.mark.parametrize("write", ["create", "update", "delete"])
def test_a_calendar_that_may_only_be_read_says_so_when_it_is_written_to(
    stage: ExchangeStage, calendar: Any, write: str
) -> None:
    made = calendar.create(make_draft(), key=new_key())
    writes: dict[str, Callable[[], object]] = {
        "create": lambda: calendar.create(make_draft(), key=new_key()),
        "update": lambda: calendar.update(made.ref, make_draft("Other"), fields=TITLE),
        "delete": lambda: calendar.delete(made.ref),
    }
    stage.sandbox.faults.add("access-denied", stage._path_of(write))
    with pytest.raises(PermissionMissing) as caught:
        writes[write]()
    assert "read this calendar" in caught.value.sentence
    writes[write]()


@pytest.mark.parametrize(
    "draft",
    [
        make_draft("x" * 256),
        replace(make_draft(), ends=None, starts=None),
        replace(make_series(daily()), timezone="Mars/Olympus"),
    ],
)
def test_what_is_known_not_to_be_taken_is_rejected_unasked(
    stage: ExchangeStage, calendar: Any, draft: EventDraft
) -> None:
    stage.sandbox.log.clear()
    with pytest.raises(Rejected):
        calendar.create(draft, key=new_key())
    assert operations(stage.sandbox) == {}


def test_an_occurrence_does_not_reach_into_the_next(calendar: Any, window: Window) -> None:
    series = calendar.create(make_series(daily()), key=new_key())
    _, second, third, *_ = occurrences_of(calendar, series, window)
    assert third.starts
    with pytest.raises(Rejected) as caught:
        calendar.update(second.ref, make_draft(starts=third.starts), fields=TIME)
    assert "between" in caught.value.sentence
    assert second.starts
    fits = make_draft(starts=second.starts + timedelta(hours=3))
    assert calendar.update(second.ref, fits, fields=TIME).starts == fits.starts


def test_nobody_is_told_of_what_changes_in_the_copy_of_one_who_is_invited(stage: ExchangeStage, calendar: Any) -> None:
    stage.exchange.add_person(BEN, name="Ben Okafor", password="b")
    attendees = [{"type": "required", "emailAddress": {"address": address}} for address in (PERSON, MIA)]
    stage.find_invited(MIA)
    made = stage.exchange.add_event(BEN, {"subject": "Theirs", **times(soon(), 60), "attendees": attendees})
    ours = stage.exchange.mailbox(PERSON).find_by_uid(made["iCalUId"])
    assert ours is not None
    ref = RemoteRef(stage.exchange.item_id(PERSON, ours["id"]))
    changed = calendar.update(ref, make_draft("My note"), fields=TITLE)
    assert (changed.title, changed.is_organizer) == ("My note", False)
    calendar.delete(ref)
    assert stage.find_invited(BEN) == stage.find_invited(MIA) == ["Theirs"]


def test_an_id_of_exchange_is_told_from_a_uid(stage: ExchangeStage, calendar: Any) -> None:
    made = calendar.create(make_draft(), key=new_key())
    assert read_item_id(made.ref.id, stage.exchange.mailbox(PERSON).name)[0]
    assert calendar.read(RemoteRef(made.uid)) == made


@pytest.mark.parametrize("version", ["2010_SP2", "2013_SP1", "2016", "SE"])
def test_every_version_that_is_still_about_is_written_to(
    stage: ExchangeStage, exchange: Exchange, open_with: Opener, window: Window, version: str
) -> None:
    stage.exchange.use_version(version)
    calendar = open_with(exchange, version="").calendar
    key = new_key()
    series = calendar.create(make_series(daily(4), attendees=invite(BEN)), key=key)
    first, *_ = occurrences_of(calendar, series, window)
    assert calendar.update(first.ref, make_draft("Other"), fields=TITLE).title == "Other"
    assert calendar.create(make_series(daily(4)), key=key).ref.id == series.ref.id
    calendar.end_series(unversioned(series), before=soon(5))
    assert len(calendar.instances(series.ref, window)) == 2
    assert [one.name for one in calendar.calendars()] == ["Calendar"]
    calendar.delete(series.ref)


def test_a_calendar_that_is_deleted_there_ends_its_cursor_and_is_gone(
    stage: ExchangeStage, calendar: Any, window: Window
) -> None:
    other = stage.second_calendar("Side project")
    *_, last = calendar.changes(None, window, calendar=other)
    with pytest.raises(CursorExpired):
        list(calendar.changes(last.cursor, window, calendar="another"))
    stage.exchange.delete_folder(PERSON, stage._folder_id(other))
    with pytest.raises(CursorExpired):
        list(calendar.changes(last.cursor, window, calendar=other))
    with pytest.raises(Gone):
        list(calendar.changes(None, window, calendar=other))
    assert [one.id for one in calendar.calendars()] == [""]


def test_a_calendar_in_the_trash_is_none(stage: ExchangeStage, calendar: Any) -> None:
    other = stage.second_calendar("Side project")
    assert [one.id for one in calendar.calendars()] == ["", other]
    stage.exchange.trash_folder(PERSON, stage._folder_id(other))
    assert [one.id for one in calendar.calendars()] == [""]


def test_a_series_on_a_clock_that_nobody_knows_is_renamed_and_neither_moved_nor_ended(
    stage: ExchangeStage, calendar: Any
) -> None:
    starts = at(date(NEXT_YEAR, 3, 1), 9)
    zone = {"timeZone": "Customized Time Zone", "dateTime": f"{starts:%Y-%m-%dT%H:%M:%S}"}
    doc = {"subject": "Odd", **times(starts, 30), "start": zone, "recurrence": daily_until_end()}
    name = str(stage.exchange.add_event(PERSON, doc)["iCalUId"])
    series = calendar.read(RemoteRef(name))
    assert (series.is_series, series.timezone) == (True, "")
    later = make_series(daily(), starts + timedelta(hours=1), timezone="")
    for fields in (TIME, frozenset({"recurrence"})):
        with pytest.raises(Rejected):
            calendar.update(series.ref, later, fields=fields)
    with pytest.raises(Rejected):
        calendar.end_series(series.ref, before=starts + timedelta(days=3))
    assert calendar.update(series.ref, make_draft("Renamed"), fields=TITLE).title == "Renamed"
    assert calendar.read(series.ref).starts == series.starts


def daily_until_end() -> dict[str, Any]:
    return {"pattern": {"interval": 1, "type": "daily"}, "range": SERIES_END}
