"""What the suites about writing share: drafts, and how to look at what became of them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from integrations.providers.base import Calendar
from integrations.recurrence import Recurrence, Repeats
from integrations.remote import Attendee, EventDraft, RemoteEvent, RemoteRef, Response, Window
from tests.contracts.stages import BERLIN

BEN, MIA = "ben@northwind.example", "mia@northwind.example"
ZONE = "Europe/Berlin"
NEXT_YEAR = datetime.now(UTC).year + 1


def new_key() -> str:
    return uuid4().hex


def at(day: date, hour: int = 10, minute: int = 0) -> datetime:
    """A time on the wall in Berlin, in UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=BERLIN).astimezone(UTC)


def soon(days: int = 3, hour: int = 10) -> datetime:
    """On one of the next days, so that a listing holds it."""
    return at(datetime.now(BERLIN).date() + timedelta(days=days), hour)


def make_draft(
    title: str = "Planning", starts: datetime | None = None, minutes: int = 60, **changes: Any
) -> EventDraft:
    starts = starts or soon()
    plain = EventDraft(title, starts=starts, ends=starts + timedelta(minutes=minutes), timezone=ZONE)
    return replace(plain, **changes)


def make_days(title: str, first: date, days: int = 1, **changes: Any) -> EventDraft:
    plain = EventDraft(title, starts_on=first, ends_on=first + timedelta(days=days), timezone=ZONE)
    return replace(plain, **changes)


def make_series(recurrence: Recurrence, starts: datetime | None = None, **changes: Any) -> EventDraft:
    return make_draft("Stand-up", starts, 30, recurrence=recurrence, **changes)


def daily(count: int = 5) -> Recurrence:
    return Recurrence(Repeats.DAILY, count=count)


def invite(*emails: str) -> tuple[Attendee, ...]:
    return tuple(Attendee(one, one.partition("@")[0].title()) for one in emails)


def answers_of(event: RemoteEvent) -> dict[str, Response]:
    """Of those invited, without the organizer."""
    return {one.email.lower(): one.response for one in event.attendees if not (one.is_organizer or one.is_self)}


def unversioned(event: RemoteEvent) -> RemoteRef:
    """What writes whatever is there now."""
    return replace(event.ref, version="")


def around(starts: Iterable[datetime]) -> Window:
    every = sorted(starts)
    return Window(every[0] - timedelta(days=1), every[-1] + timedelta(days=2))


def occurrences_of(calendar: Calendar, series: RemoteEvent, window: Window) -> list[RemoteEvent]:
    """In the order of time."""
    return sorted(
        calendar.instances(series.ref, window), key=lambda one: one.starts or datetime.max.replace(tzinfo=UTC)
    )


def starts_of(calendar: Calendar, series: RemoteEvent, window: Window) -> list[datetime | None]:
    return [one.starts for one in occurrences_of(calendar, series, window)]


def list_events(calendar: Calendar, window: Window, container: str = "") -> list[RemoteEvent]:
    pages = list(calendar.changes(None, window, calendar=container))
    return [event for page in pages for event in page.changed]


def is_made_with(key: str, event: RemoteEvent) -> bool:
    """Whether a listing says by itself what an event was made with, an occurrence too."""
    names = {event.key, event.series_id, event.ref.id, event.uid}
    return not names.isdisjoint({key, str(UUID(key))})
