"""Which meetings the pages list, for one reader: filtered, by day, page by page."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.core.paginator import Page, Paginator
from django.utils import timezone

from integrations.permissions import Permission
from integrations.remote import Response
from integrations.standing import Standing, find_standing
from meetings.delegating import Circle, find_circle
from meetings.models import Meeting, MeetingQuerySet
from meetings.showing import Shown
from meetings.times import Clock, first_day, say_heading
from meetings.visibility import view_of
from organizations.models import User

PER_PAGE = 50
MOST_WITHOUT_TIME = 20
MOST_OF_SERIES = 5
MOST_ON_THE_CLOCK = 6


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks, how their calendar stands, and when it is for them."""

    user: User
    standing: Standing
    clock: Clock
    circle: Circle

    def meetings(self) -> MeetingQuerySet:
        """All that this reader may see. What was imported is not shown while the calendar may not be read."""
        return Meeting.objects.visible_to(self.circle.sights)

    def open_meetings(self) -> MeetingQuerySet:
        """The same without those of which the reader sees the time alone: for what asks about more than that."""
        return Meeting.objects.openly_visible_to(self.circle.sights)

    @property
    def pulse(self) -> str:
        """Differs when there may be something else to show than before."""
        standing = self.standing
        return f"{standing.rows_pulse}-{standing.is_first:d}-{standing.emptied is not None:d}"

    def show(self, meeting: Meeting, *, day: date | None = None) -> Shown:
        relation = self.circle.relation_to(meeting.owner_id)
        return Shown(view_of(meeting, relation), self.clock, self.standing.policy.join_services, day)


def find_reader(user: User) -> Reader:
    standing = find_standing(user, permission=Permission.CALENDAR_READ, feed="calendar")
    circle = find_circle(user, reads_calendar=not standing.lacks)
    return Reader(user, standing, Clock(timezone.now(), timezone.get_current_timezone()), circle)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader asked for; see forms.FilterForm, which makes it."""

    is_past: bool = False
    text: str = ""
    on: date | None = None
    answer: str = ""
    join: str = ""

    @property
    def are_set(self) -> bool:
        return bool(self.text or self.on or self.answer or self.join)


@dataclass
class Day:
    date: date
    clock: Clock
    meetings: list[Shown] = field(default_factory=list)

    @property
    def heading(self) -> tuple[str, str]:
        return say_heading(self.date, self.clock)

    @property
    def is_today(self) -> bool:
        return self.date == self.clock.today


@dataclass(frozen=True, slots=True)
class Agenda:
    """One page of the list. `without_time` stands at the end of the last page of all that is upcoming."""

    page: Page[Meeting]
    days: list[Day]
    without_time: list[Shown]

    @property
    def count(self) -> int:
        return self.page.paginator.count + len(self.without_time)

    def say_count(self, filters: Filters) -> str:
        """ "1 past meeting fits.", said aloud when the list changes."""
        which = "past" if filters.is_past else "upcoming"
        noun = "meeting" if self.count == 1 else "meetings"
        fits = (" fits" if self.count == 1 else " fit") if filters.are_set else ""
        return f"{self.count or 'No'} {which} {noun}{fits}."


def build_agenda(reader: Reader, filters: Filters, number: str | int | None = 1) -> Agenda:
    clock = reader.clock
    # A filter that asks for more than the time never tells what is private.
    seen = reader.open_meetings() if filters.text or filters.answer or filters.join else reader.meetings()
    chosen = narrow(reader, seen.for_list(), filters)
    since = clock.today if filters.on is None else filters.on
    moment = clock.now if filters.on is None else clock.midnight(filters.on)
    if filters.is_past:
        listed = chosen.past(clock.now, today=clock.today)
        if filters.on:
            listed = listed.filter(starts__lt=clock.midnight(filters.on + timedelta(days=1)))
    else:
        listed = chosen.upcoming(moment, today=since)
    page = Paginator(listed, PER_PAGE).get_page(number)
    days = _group(reader, page, since=None if filters.is_past else since, latest_first=filters.is_past)
    loose: Iterable[Meeting] = ()
    if not filters.is_past and not page.has_next():
        loose = chosen.without_time()[:MOST_WITHOUT_TIME]
    return Agenda(page, days, [reader.show(one) for one in loose])


def narrow(reader: Reader, meetings: MeetingQuerySet, filters: Filters) -> MeetingQuerySet:
    """The filters that do not depend on time."""
    services = reader.standing.policy.join_services
    if filters.text:
        meetings = meetings.search(filters.text)
    if filters.answer == "not_declined":
        meetings = meetings.exclude(response=Response.DECLINED)
    elif filters.answer:
        meetings = meetings.filter(response=filters.answer)
    if filters.join == "none":
        meetings = meetings.not_joinable_with(services)
    elif filters.join:
        meetings = meetings.joinable_with(services if filters.join == "any" else services & {filters.join})
    return meetings


def _group(reader: Reader, meetings: Iterable[Meeting], *, since: date | None, latest_first: bool) -> list[Day]:
    """Meetings under the reader's days. What began before `since` and goes on stands under `since`."""
    days: dict[date, Day] = {}
    for meeting in meetings:
        first = first_day(meeting, reader.clock)
        day = first if since is None else max(first, since)
        days.setdefault(day, Day(day, reader.clock)).meetings.append(reader.show(meeting, day=day))
    for group in days.values():
        # All-day events first, as in every calendar; otherwise in the order they came.
        group.meetings.sort(key=lambda one: not one.meeting.is_all_day)
    return [days[key] for key in sorted(days, reverse=latest_first)]


def find_on_the_clock(reader: Reader) -> Iterator[Shown]:
    """What runs now, then what comes next: every meeting that begins together with the first to come."""
    coming: datetime | None = None
    for meeting in reader.meetings().for_list().on_the_clock(reader.clock.now)[:MOST_ON_THE_CLOCK]:
        if meeting.starts is not None and meeting.starts > reader.clock.now:
            if coming is not None and meeting.starts != coming:
                return
            coming = meeting.starts
        yield reader.show(meeting)


def find_rest_of_series(reader: Reader, meeting: Meeting) -> list[Shown]:
    """The next occurrences after this one."""
    if not meeting.series_id or meeting.starts is None:
        return []
    others = (
        reader.open_meetings()
        .for_list()
        .filter(owner=meeting.owner_id, series_id=meeting.series_id, connection=meeting.connection_id)
    )
    later = others.filter(starts__gt=meeting.starts).order_by("starts", "pk")
    return [reader.show(one) for one in later[:MOST_OF_SERIES]]
