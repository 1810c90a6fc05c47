"""Who looks at meetings, and what they asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from uuid import UUID
from zlib import crc32

from django.db.models import Max, Q
from django.utils import timezone

from integrations import registry
from integrations.models import Connection, SyncRun
from integrations.permissions import Permission
from integrations.providers.base import ProviderInfo
from integrations.remote import Response
from integrations.standing import Standing, find_standing
from meetings.calendars import find_calendars
from meetings.delegating import Circle, Owner, find_circle
from meetings.models import AccountCalendar, Meeting, MeetingQuerySet, ScheduledMeeting, Write
from meetings.showing import Around, Shown
from meetings.times import Clock
from meetings.visibility import Sight, view_of
from organizations.models import User

ME = "me"


@dataclass(frozen=True, slots=True)
class Filters:
    """What the reader asked for; see forms.FilterForm, which makes it.

    `host`: whose meetings; "" everybody's of the circle, "me", or an owner's key. `calendar`: the key of one of the
    reader's own AccountCalendars.
    """

    is_past: bool = False
    text: str = ""
    on: date | None = None
    answer: str = ""
    join: str = ""
    host: str = ""
    calendar: str = ""
    shows_declined: bool = False

    @property
    def are_set(self) -> bool:
        return bool(self.text or self.on or self.answer or self.join or self.host or self.calendar)

    @property
    def ask_about_content(self) -> bool:
        """Whether they ask for more than a time and whose it is: then what is private is not among the answers."""
        return bool(self.text or self.answer or self.join or self.calendar)


@dataclass(frozen=True)
class Reader:
    """Who looks, how their calendar stands, when it is for them, and whose meetings they see beside their own."""

    user: User
    standing: Standing
    clock: Clock
    circle: Circle

    def meetings(self, filters: Filters | None = None) -> MeetingQuerySet:
        """All that this reader may see. What was imported is not shown while the calendar may not be read."""
        return Meeting.objects.visible_to(self.sights(filters))

    def open_meetings(self, filters: Filters | None = None) -> MeetingQuerySet:
        """The same without those of which the reader sees the time alone: for what asks about more than that."""
        return Meeting.objects.openly_visible_to(self.sights(filters))

    def sights(self, filters: Filters | None = None) -> list[Sight]:
        """Of everybody whose meetings are asked for."""
        host = filters.host if filters else ""
        if not host:
            return self.circle.sights
        if host == ME:
            return [self.circle.own]
        return [one.sight for one in self.circle.owners if str(one.user.pk) == host]

    def is_merging(self, filters: Filters) -> bool:
        """Whether one meeting may stand in the calendars of several people of those that are listed."""
        return len(self.sights(filters)) > 1

    @cached_property
    def connections(self) -> dict[UUID, Connection]:
        """Of the whole circle."""
        found = [self.standing.connection, *(one.connection for one in self.circle.owners)]
        return {one.pk: one for one in found if one is not None}

    @cached_property
    def calendars(self) -> dict[tuple[UUID, str], AccountCalendar]:
        """Of everybody's connections; one query."""
        return find_calendars(self.connections) if self.connections else {}

    @cached_property
    def own_calendars(self) -> list[AccountCalendar]:
        """The reader's own that are shown, where there are several."""
        own = self.standing.connection
        if own is None or self.standing.lacks:
            return []
        found = [one for (key, _), one in self.calendars.items() if key == own.pk and one.is_shown]
        return sorted(found, key=lambda one: (one.position, one.pk)) if len(found) > 1 else []

    def find_calendar(self, meeting: Meeting) -> AccountCalendar | None:
        """The calendar it stands in, where its person has several of them shown."""
        if meeting.connection_id is None:
            return None
        return self._several.get((meeting.connection_id, meeting.container))

    @cached_property
    def _several(self) -> dict[tuple[UUID, str], AccountCalendar]:
        shown = {key: one for key, one in self.calendars.items() if one.is_shown or not one.remote_id}
        counts: dict[UUID, int] = {}
        for connection_id, _ in shown:
            counts[connection_id] = counts.get(connection_id, 0) + 1
        return {key: one for key, one in shown.items() if counts[key[0]] > 1}

    def find_provider(self, meeting: Meeting) -> ProviderInfo | None:
        """Of whose calendar it stands in: the owner's, whoever looks."""
        connection = self.connections.get(meeting.connection_id) if meeting.connection_id else None
        return registry.find_info(connection.provider) if connection else None

    def find_owner(self, user_id: int) -> Owner | None:
        """Of those the reader schedules for; None for the reader."""
        return self._owners.get(user_id)

    @cached_property
    def _owners(self) -> dict[int, Owner]:
        return {one.user.pk: one for one in self.circle.owners}

    @cached_property
    def _relations(self) -> dict[int, Sight]:
        return {one.owner_id: one for one in self.circle.sights}

    def is_hidden(self, meeting: Meeting) -> bool:
        """Whether the reader sees its time alone."""
        return meeting.is_private and self._relations[meeting.owner_id].hides_private

    @cached_property
    def pulse(self) -> str:
        """Differs when there may be something else to show than before. Three queries, however many owners."""
        standing = self.standing
        owners = [sight.owner_id for sight in self.circle.sights]
        writes = Write.objects.filter(owner__in=owners).open().values_list("pk", "state")
        ours = ScheduledMeeting.objects.filter(owner__in=owners).aggregate(Max("changed_at"))["changed_at__max"]
        parts = [standing.rows_pulse, f"{standing.is_first:d}", f"{standing.emptied is not None:d}"]
        parts += [
            str(crc32(repr(sorted(writes)).encode())) if writes else "",
            f"{ours.timestamp():.3f}" if ours else "",
        ]
        others = [one.connection.pk for one in self.circle.owners if one.connection is not None]
        if others:
            changed = Q(added__gt=0) | Q(changed__gt=0) | Q(removed__gt=0)
            runs = SyncRun.objects.filter(changed, connection__in=others)
            parts.append(str(runs.aggregate(Max("pk"))["pk__max"] or ""))
        return "-".join(parts)

    def show(self, meeting: Meeting, *, day: date | None = None, around: Around | None = None) -> Shown:
        """As this reader may see it. Raises KeyError where it is nobody's of the circle."""
        visible = view_of(meeting, self._relations[meeting.owner_id].relation)
        owner = self.find_owner(meeting.owner_id)
        known = Around() if around is None or visible.is_hidden else around
        around = replace(known, owner=name_of(owner.user) if owner else "")
        return Shown(visible, self.clock, self.standing.policy.join_services, day, around)


def find_reader(user: User) -> Reader:
    standing = find_standing(user, permission=Permission.CALENDAR_READ, feed="calendar")
    circle = find_circle(user, reads_calendar=not standing.lacks)
    clock = Clock(timezone.now(), timezone.get_current_timezone(), user.second_time_zone)
    return Reader(user, standing, clock, circle)


def narrow(reader: Reader, filters: Filters) -> MeetingQuerySet:
    """The meetings that the filters leave, whenever they are."""
    meetings = reader.open_meetings(filters) if filters.ask_about_content else reader.meetings(filters)
    services = reader.standing.policy.join_services
    if filters.text:
        meetings = meetings.search(filters.text)
    if filters.answer:
        meetings = meetings.filter(response=filters.answer)
    elif not filters.shows_declined:
        meetings = meetings.exclude(response=Response.DECLINED)
    if filters.join == "none":
        meetings = meetings.not_joinable_with(services)
    elif filters.join:
        meetings = meetings.joinable_with(services if filters.join == "any" else services & {filters.join})
    if filters.calendar:
        meetings = _of_calendar(reader, meetings, filters.calendar)
    return meetings


def _of_calendar(reader: Reader, meetings: MeetingQuerySet, key: str) -> MeetingQuerySet:
    one = next((one for one in reader.own_calendars if str(one.pk) == key), None)
    if one is None:
        return meetings
    return meetings.filter(owner=reader.user, connection=one.connection_id, container=one.remote_id)


def name_owners(reader: Reader) -> Sequence[tuple[str, str]]:
    """(key, name) of everybody the reader schedules for, for choosing among them."""
    return [(str(one.user.pk), name_of(one.user)) for one in reader.circle.owners]


def name_of(user: User) -> str:
    return user.name or user.email
