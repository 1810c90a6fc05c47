"""What the Meetings pages show: which meetings, how much of each, when in the reader's words, and its Join."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from django.core.paginator import Page, Paginator
from django.utils import timezone

from integrations.remote import Response
from meetings.joining import SERVICES, JoinLink, choose_join
from meetings.models import Meeting, MeetingQuerySet
from meetings.standing import Standing
from meetings.times import (
    DAY,
    Clock,
    find_zone,
    first_day,
    is_over,
    is_running,
    say_elsewhere,
    say_heading,
    say_length,
    say_near,
    say_time,
    say_whole,
    zone_city,
)
from meetings.visibility import Relation, Visible, view_of
from organizations.models import User

PER_PAGE = 50
MOST_WITHOUT_TIME = 20
MOST_OF_SERIES = 5
MOST_ON_THE_CLOCK = 6
LATE_JOIN = timedelta(hours=6)
"""How long after its end a meeting still offers Join: meetings run over."""

KINDS = {
    "out_of_office": "Out of office",
    "focus_time": "Focus time",
    "working_location": "Working location",
    "birthday": "Birthday",
    "from_mail": "From a mail",
}
RESPONSES = {
    Response.NEEDS_ACTION: "Not answered",
    Response.TENTATIVE: "Maybe",
    Response.ACCEPTED: "Accepted",
    Response.DECLINED: "Declined",
}


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks, how their calendar stands, and when it is for them."""

    user: User
    standing: Standing
    clock: Clock

    def meetings(self) -> MeetingQuerySet:
        """All that this reader may see. What was imported is not shown while the calendar may not be read."""
        visible = Meeting.objects.visible_to(self.user)
        return visible if self.standing.may_read else visible.filter(connection__isnull=True)

    def show(self, meeting: Meeting, *, day: date | None = None) -> "Shown":
        relation = Relation.OWNER
        return Shown(view_of(meeting, relation), self.clock, self.standing.policy.join_services, day)


def make_reader(user: User, standing: Standing) -> Reader:
    return Reader(user, standing, Clock(timezone.now(), timezone.get_current_timezone()))


@dataclass
class Shown:
    """One meeting in the words of a page. `day` is the one it stands under, where it stands in a list."""

    meeting: Visible
    clock: Clock
    services: frozenset[str]
    day: date | None = None

    @property
    def title(self) -> str:
        return str(self.meeting.title) or "(no title)"

    @property
    def has_time(self) -> bool:
        return self.meeting.starts is not None

    @cached_property
    def time(self) -> tuple[str, str]:
        """(time, addition); see times.say_time."""
        if not self.has_time:
            return "No time", ""
        return say_time(self.meeting, self.clock, day=self.day or first_day(self.meeting, self.clock))

    @property
    def when(self) -> str:
        return say_whole(self.meeting, self.clock) if self.has_time else "The calendar gives no time"

    @property
    def when_near(self) -> str:
        """As `when`, with "Today" for its date."""
        return say_near(self.meeting, self.clock) if self.has_time else self.when

    @property
    def length(self) -> str:
        return say_length(self.meeting)

    @property
    def elsewhere(self) -> str:
        return say_elsewhere(self.meeting, self.clock)

    @property
    def when_elsewhere(self) -> str:
        """The whole of it in the event's own zone, where that reads differently."""
        zone = find_zone(self.meeting.timezone) if self.elsewhere else None
        if zone is None:
            return ""
        return f"{say_whole(self.meeting, Clock(self.clock.now, zone))} in {zone_city(self.meeting.timezone)}"

    @property
    def is_running(self) -> bool:
        return is_running(self.meeting, self.clock)

    @property
    def is_over(self) -> bool:
        return is_over(self.meeting, self.clock)

    @property
    def is_declined(self) -> bool:
        return bool(self.meeting.response == Response.DECLINED)

    @property
    def is_tentative(self) -> bool:
        """The organizer's doubt or the reader's own."""
        return bool(self.meeting.status == "tentative" or self.meeting.response == Response.TENTATIVE)

    @property
    def needs_answer(self) -> bool:
        return bool(self.meeting.response == Response.NEEDS_ACTION) and not self.is_over

    @property
    def response(self) -> str:
        return RESPONSES.get(self.meeting.response, "")

    @property
    def kind(self) -> str:
        name = self.meeting.kind
        return KINDS.get(name) or name.replace("_", " ").capitalize()

    @property
    def host(self) -> str:
        if self.meeting.is_organizer:
            return "You"
        return str(self.meeting.organizer_name or self.meeting.organizer_email)

    @property
    def place(self) -> str:
        """Where it is, in one line; a web address is what Join is for."""
        line = " ".join(self.meeting.location.split())
        return "" if line.lower().startswith(("https://", "http://")) else line

    @property
    def web_url(self) -> str:
        """The event's own page at the provider, where that is a web page."""
        url = self.meeting.web_url
        return str(url) if url.startswith("https://") else ""

    @cached_property
    def _links(self) -> tuple[JoinLink, ...]:
        return tuple(self.meeting.links)

    @cached_property
    def join(self) -> JoinLink | None:
        """The link behind the button: none for what is cancelled or long over."""
        if self.meeting.is_cancelled or self._is_long_over():
            return None
        return choose_join(self._links, self.services)

    @property
    def join_word(self) -> str:
        return "Start" if self.join and self.join.service == "zoom" and self.meeting.is_organizer else "Join"

    @property
    def join_service(self) -> str:
        """The service's name where it is not Zoom, whose button needs no name."""
        return service_name(self.join) if self.join and self.join.service != "zoom" else ""

    @property
    def has_label(self) -> bool:
        """Whether to say that this is no Zoom meeting: of what could be one, and is not over or called off."""
        meeting = self.meeting
        is_none = meeting.is_hidden or meeting.is_cancelled or bool(meeting.kind) or self.is_over
        return not is_none and choose_join(self._links, self.services) is None

    @property
    def other_links(self) -> list[tuple[str, JoinLink]]:
        """(service name, link) of the enabled services' other links, for the disclosure under Join."""
        join = self.join
        return [
            (service_name(one), one) for one in self._links if join and one != join and one.service in self.services
        ]

    @property
    def all_links(self) -> list[dict[str, Any]]:
        """Every link found in the event, for its own page."""
        return [
            {"name": service_name(one), "link": one, "is_enabled": one.service in self.services} for one in self._links
        ]

    @property
    def css(self) -> str:
        """Variants of the component `meeting`."""
        states = {
            "cancelled": self.meeting.is_cancelled,
            "declined": self.is_declined,
            "now": self.is_running and not self.meeting.is_cancelled and not self.is_declined,
            "tentative": self.is_tentative or self.needs_answer,
            "away": bool(self.meeting.kind),
            "plain": not self.join,
        }
        return " ".join(f"meeting--{name}" for name, applies in states.items() if applies)

    def _is_long_over(self) -> bool:
        return self.is_over and (self.meeting.ends is None or self.meeting.ends < self.clock.now - LATE_JOIN)


def service_name(link: JoinLink) -> str:
    return SERVICES[link.service].name if link.service in SERVICES else link.service


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
    chosen = narrow(reader, reader.meetings().for_list(), filters)
    since = clock.today if filters.on is None else filters.on
    moment = clock.now if filters.on is None else clock.midnight(filters.on)
    if filters.is_past:
        listed = chosen.past(clock.now, today=clock.today)
        if filters.on:
            listed = listed.filter(starts__lt=clock.midnight(filters.on + DAY))
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
    others = reader.meetings().for_list().filter(series_id=meeting.series_id, connection=meeting.connection_id)
    later = others.filter(starts__gt=meeting.starts).order_by("starts", "pk")
    return [reader.show(one) for one in later[:MOST_OF_SERIES]]
