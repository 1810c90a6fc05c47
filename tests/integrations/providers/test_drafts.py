"""Whether an event already is as a draft wants it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from integrations.providers.drafts import escape, is_backwards, is_written, nearest_day
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import DRAFT_FIELDS, Attendee, EventDraft, RemoteEvent, RemoteRef

TEN = datetime(2026, 11, 24, 9, tzinfo=UTC)
DRAFT = EventDraft(
    "Planning",
    "First\n\nif a < b & c > d",
    "Room 4",
    TEN,
    TEN + timedelta(hours=1),
    timezone="Europe/Berlin",
    attendees=(Attendee("Ben@north.example"),),
    recurrence=Recurrence(Repeats.DAILY, count=3),
    is_private=True,
)
EVENT = RemoteEvent(
    RemoteRef("one"),
    title="Planning",
    body="<html><body><p>First</p>\r\n<p>if a &lt; b &amp; c &gt; d</p></body></html>",
    location="Room 4",
    starts=TEN,
    ends=TEN + timedelta(hours=1),
    attendees=(Attendee("alice@north.example", is_organizer=True), Attendee("ben@north.example", "Ben")),
    recurrence=Recurrence(Repeats.DAILY, count=3),
    is_private=True,
    is_organizer=True,
)
OTHERS = {
    "title": "Planning ",
    "body": "First, if a < b",
    "location": "",
    "starts": TEN - timedelta(minutes=1),
    "ends": TEN,
    "attendees": (),
    "recurrence": None,
    "is_private": False,
}


def test_an_event_that_says_the_same_is_written_whatever_its_service_laid_around_it() -> None:
    assert is_written(EVENT, DRAFT, DRAFT_FIELDS)
    assert is_written(replace(EVENT, body=escape(DRAFT.body)), DRAFT, DRAFT_FIELDS)


@pytest.mark.parametrize("name", OTHERS)
def test_an_event_that_differs_is_not_and_only_where_it_was_to_be_changed(name: str) -> None:
    other = replace(DRAFT, **{name: OTHERS[name]})
    field = "time" if name in ("starts", "ends") else name
    assert not is_written(EVENT, other, frozenset({field}))
    assert not is_written(EVENT, other, DRAFT_FIELDS)
    assert is_written(EVENT, other, DRAFT_FIELDS - {field})


@pytest.mark.parametrize("body", ["First\nif a &lt; b", "<div>First<br>\r\nif a &lt;  b</div>"])
def test_a_body_laid_out_anew_is_written_unless_that_may_have_been_us(body: str) -> None:
    event = replace(EVENT, ref=RemoteRef("one", version="2"), body=body)
    same, other = (replace(DRAFT, body=text) for text in ("First\nif a < b", "First if a\n\n< b"))
    for seen in ("", "1", "2"):
        assert is_written(event, same, frozenset({"body"}), seen=seen)
        assert is_written(event, other, frozenset({"body"}), seen=seen) == (seen != "2")


def test_days_are_compared_as_days() -> None:
    days = EventDraft("Off", starts_on=date(2026, 11, 24), ends_on=date(2026, 11, 25))
    event = RemoteEvent(RemoteRef("one"), title="Off", starts_on=date(2026, 11, 24), ends_on=date(2026, 11, 25))
    assert is_written(event, days, frozenset({"time"}))
    assert not is_written(EVENT, days, frozenset({"time"}))
    assert not is_written(event, DRAFT, frozenset({"time"}))


def test_a_field_that_no_draft_has_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="colour"):
        is_written(EVENT, DRAFT, frozenset({"colour"}))


def test_an_end_before_the_start_is_backwards() -> None:
    assert is_backwards(replace(DRAFT, ends=TEN - timedelta(minutes=1)))
    assert not is_backwards(replace(DRAFT, ends=TEN))
    assert is_backwards(EventDraft(starts_on=date(2026, 11, 24), ends_on=date(2026, 11, 24)))
    assert not is_backwards(EventDraft(starts_on=date(2026, 11, 24), ends_on=date(2026, 11, 25)))
    assert not is_backwards(EventDraft())


@pytest.mark.parametrize("hours", [-11, -5.5, 0, 1, 11])
def test_a_midnight_is_that_of_its_day_in_every_zone(hours: float) -> None:
    assert nearest_day(datetime(2026, 11, 24, tzinfo=UTC) + timedelta(hours=hours)) == date(2026, 11, 24)
