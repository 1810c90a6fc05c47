"""Meetings: the events of connected calendars as our rows, and how a viewer's pages read them."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import orjson
from django.db import models
from django.db.models import Exists, OuterRef, Q

from integrations.models import Connection
from integrations.remote import Attendee, EventStatus, Response
from meetings.joining import JoinLink
from meetings.scheduling_models import (
    AccountCalendar,
    CalendarList,
    Delegation,
    FeedLink,
    HostCursor,
    MeetingHost,
    ScheduledMeeting,
    Write,
)
from meetings.visibility import Sight
from organizations.models import User

# Django finds an app's models by way of this module.
__all__ = [
    "AccountCalendar",
    "CalendarList",
    "Delegation",
    "FeedLink",
    "HostCursor",
    "Meeting",
    "MeetingHost",
    "ScheduledMeeting",
    "Write",
]

MOST_WORDS = 8
"""Words of a search that are looked for; more would only slow it down."""


def _has_link_of(services: frozenset[str]) -> Q:
    wanted = Q(pk__in=[])
    for service in sorted(services):
        wanted |= Q(join_services__contains=f" {service} ")
    return wanted


def _hidden_by(sights: Iterable[Sight]) -> list[int]:
    """Owners of whose private events a viewer sees the time alone."""
    return [one.owner_id for one in sights if one.hides_private]


class MeetingQuerySet(models.QuerySet["Meeting"]):
    """Reads, named for the reader's question. `now` is aware; `today` is the date in the reader's own zone."""

    def visible_to(self, sights: Iterable[Sight]) -> "MeetingQuerySet":
        """What a viewer with these sights may know of at all. How much of each: `visibility.view_of`."""
        sights = list(sights)
        whole = [one.owner_id for one in sights if one.reads_calendar]
        ours_only = [one.owner_id for one in sights if not one.reads_calendar]
        seen = Q(owner__in=whole)
        if ours_only:
            seen |= Q(owner__in=ours_only) & ~Q(origin=Origin.CALENDAR)
        found = self.shown(owners=[one.owner_id for one in sights]).filter(seen)
        if hidden := _hidden_by(sights):
            # A private event that takes up no time tells nothing; that it was cancelled or declined is not theirs.
            off = Q(status=EventStatus.CANCELLED) | Q(response=Response.DECLINED)
            found = found.exclude(off, owner__in=hidden, is_private=True)
            # What a host lists knows no privacy: it is as private as the calendar's event with the same number.
            private = Meeting.objects.filter(
                owner=OuterRef("owner"), meeting_number=OuterRef("meeting_number"), is_private=True
            )
            found = found.exclude(Q(origin=Origin.HOST, owner__in=hidden) & ~Q(meeting_number="") & Exists(private))
        return found

    def openly_visible_to(self, sights: Iterable[Sight]) -> "MeetingQuerySet":
        """The same without what is hidden from the viewer: for whatever asks about more than the time."""
        sights = list(sights)
        hidden = _hidden_by(sights)
        found = self.visible_to(sights)
        return found.exclude(owner__in=hidden, is_private=True) if hidden else found

    def shown(self, *, owners: Sequence[int] | None = None) -> "MeetingQuerySet":
        """One row for each meeting: no shadow, and of the host's own no one that another row stands for.

        `owners`: only theirs are asked for. Which of the host's rows are left out is asked once and by itself: there
        are few, and put as a condition on each row PostgreSQL would read the whole table for it.
        """
        twins = (
            Meeting.objects.filter(owner=OuterRef("owner"), meeting_number=OuterRef("meeting_number"), is_shadow=False)
            .exclude(meeting_number="")
            .exclude(origin=Origin.HOST)
        )
        at_once = Q(starts__isnull=True) & Exists(twins) | Exists(twins.filter(starts=OuterRef("starts")))
        doubled = Meeting.objects.filter(at_once, origin=Origin.HOST).exclude(meeting_number="")
        if owners is not None:
            doubled = doubled.filter(owner__in=owners)
        return self.filter(is_shadow=False).exclude(pk__in=doubled.values("pk"))

    def upcoming(self, now: datetime, *, today: date) -> "MeetingQuerySet":
        """Not over yet, soonest first; what is running counts. Events without a time are not among them."""
        timed, all_day = Q(starts_on__isnull=True, ends__gt=now), Q(ends_on__gt=today)
        return self.filter(timed | all_day).order_by("starts", "pk")

    def past(self, now: datetime, *, today: date) -> "MeetingQuerySet":
        """Over, latest first."""
        timed, all_day = Q(starts_on__isnull=True, ends__lte=now), Q(ends_on__lte=today)
        # What is over has begun; the day more is for zones. It spares reading through all that is to come.
        begun = self.filter(starts__lt=now + timedelta(days=1))
        return begun.filter(timed | all_day).order_by("-starts", "-pk")

    def between(self, starts: datetime, ends: datetime) -> "MeetingQuerySet":
        """Those that touch starts <= t < ends."""
        return self.filter(starts__lt=ends, ends__gt=starts).order_by("starts", "pk")

    def without_time(self) -> "MeetingQuerySet":
        """Events the provider gave no start."""
        return self.filter(starts__isnull=True).order_by("title", "pk")

    def on_the_clock(self, now: datetime) -> "MeetingQuerySet":
        """What a person goes to by the clock: running or coming, within a day, neither cancelled nor declined."""
        within_a_day = Q(starts__gt=now - timedelta(days=1), ends__lt=models.F("starts") + timedelta(days=1))
        return (
            self.filter(within_a_day, starts_on__isnull=True, ends__gt=now, kind="")
            .exclude(status=EventStatus.CANCELLED)
            .exclude(response=Response.DECLINED)
            .order_by("starts", "pk")
        )

    def search(self, text: str) -> "MeetingQuerySet":
        """Every word occurs in title, location, organizer, attendees or description; case does not matter."""
        found = self
        for word in text.replace("\x00", " ").split()[:MOST_WORDS]:
            found = found.filter(Q(search_text__contains=word.casefold()) | Q(body_text__icontains=word))
        return found

    def joinable_with(self, services: frozenset[str]) -> "MeetingQuerySet":
        """Those with a join link of one of these services."""
        return self.filter(_has_link_of(services))

    def not_joinable_with(self, services: frozenset[str]) -> "MeetingQuerySet":
        return self.exclude(_has_link_of(services))

    def for_list(self) -> "MeetingQuerySet":
        """Without what a list does not show."""
        return self.defer("body_text", "search_text", "attendees_json")


class Origin(models.TextChoices):
    """Where a row comes from."""

    CALENDAR = "calendar", "A calendar"
    HERE = "here", "Scheduled here"
    HOST = "host", "The meeting host"


class Meeting(models.Model):
    """One event, or one occurrence of a series.

    Rows of a CALENDAR hang on their connection and are erased with it; `(connection, container, remote_id)` is unique.
    Those scheduled HERE stand for a ScheduledMeeting that is in no calendar (yet), one for each occurrence. Those of
    the meeting HOST were made there (in Zoom itself); `remote_id` is its id, one row for each person. Of one meeting
    only one row is ever shown: `is_shadow` marks those of a calendar that our own still stand for, and QuerySet.shown
    leaves out the host's where another row has its meeting number.

    A timed event has `starts` and `ends`. An all-day event has `starts_on` and `ends_on` (exclusive), which are what
    is shown; its `starts` and `ends` are midnights in the owner's zone, for order only. All four are null where the
    provider gave no start. Every datetime stays far enough from the ends of the calendar to be shown in any zone.

    `attendees_json` and `links_json` are text that holds JSON: never queried into, written by the thousand.
    """

    # Without an index of its own: meetings_of_an_owner begins with it.
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="meetings", db_index=False)
    connection = models.ForeignKey(Connection, null=True, blank=True, on_delete=models.CASCADE, related_name="meetings")
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.CALENDAR)
    scheduled = models.ForeignKey(
        ScheduledMeeting, null=True, blank=True, on_delete=models.CASCADE, related_name="rows"
    )
    is_shadow = models.BooleanField(default=False, help_text="Not shown: a row scheduled here still stands for it.")
    original_starts = models.DateTimeField(
        null=True, blank=True, help_text="Of an occurrence scheduled here: when its series has it."
    )
    meeting_number = models.CharField(max_length=20, blank=True, help_text="Of the first join link that has one.")
    remote_id = models.CharField(max_length=1024, blank=True)
    container = models.CharField(max_length=1024, blank=True)
    version = models.CharField(max_length=255, blank=True, help_text="The provider's etag or change key.")
    stamp = models.CharField(max_length=300, blank=True, help_text="Version, and what else the row was made from.")
    uid = models.CharField(max_length=1024, blank=True)
    series_id = models.CharField(max_length=1024, blank=True)

    title = models.CharField(max_length=1000, blank=True)
    starts = models.DateTimeField(null=True, blank=True)
    ends = models.DateTimeField(null=True, blank=True)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    timezone = models.CharField(max_length=64, blank=True, help_text="The event's own time zone.")
    status = models.CharField(
        max_length=10, choices=[(one.value, one.value) for one in EventStatus], default=EventStatus.CONFIRMED
    )
    kind = models.CharField(max_length=30, blank=True)
    is_private = models.BooleanField(default=False)
    is_free = models.BooleanField(default=False)

    organizer_name = models.CharField(max_length=255, blank=True)
    organizer_email = models.CharField(max_length=320, blank=True)
    is_organizer = models.BooleanField(default=False, help_text="Whether the owner is the organizer.")
    response = models.CharField(
        max_length=20, choices=[(one.value, one.value) for one in Response], default=Response.NONE
    )
    attendee_count = models.PositiveIntegerField(default=0)
    attendees_omitted = models.BooleanField(default=False, help_text="There are more attendees than are kept.")

    location = models.CharField(max_length=2000, blank=True)
    body_shortened = models.BooleanField(default=False)
    web_url = models.CharField(max_length=4000, blank=True)
    links_json = models.TextField(default="[]", blank=True)
    join_services = models.CharField(max_length=500, blank=True, help_text='Of the join links: " zoom google_meet ".')
    problem = models.CharField(max_length=200, blank=True, help_text="What is odd about the event, for its reader.")
    # The long ones last: a row is read up to the last column asked for.
    attendees_json = models.TextField(default="[]", blank=True)
    search_text = models.TextField(blank=True)
    body_text = models.TextField(blank=True)

    objects = MeetingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "container", "remote_id"], name="one_meeting_per_container_and_remote_id"
            ),
            models.UniqueConstraint(
                fields=["owner", "remote_id"], name="one_meeting_per_host_id", condition=Q(origin="host")
            ),
            models.CheckConstraint(
                name="meeting_ends_after_it_starts",
                condition=Q(starts__isnull=True, ends__isnull=True) | Q(ends__gte=models.F("starts")),
            ),
            models.CheckConstraint(
                name="meeting_days_come_in_pairs",
                condition=Q(starts_on__isnull=True, ends_on__isnull=True)
                | Q(ends_on__gt=models.F("starts_on"), starts__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "starts"], name="meetings_of_an_owner"),
            models.Index(
                fields=["owner", "meeting_number"], name="meetings_by_number", condition=~Q(meeting_number="")
            ),
            models.Index(fields=["scheduled"], name="rows_of_a_scheduled", condition=Q(scheduled__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"Meeting {self.pk}"

    @property
    def is_all_day(self) -> bool:
        return self.starts_on is not None

    @property
    def is_cancelled(self) -> bool:
        return self.status == EventStatus.CANCELLED

    @property
    def attendees(self) -> tuple[Attendee, ...]:
        """At most the first `sync.MOST_ATTENDEES`; `attendee_count` says how many the provider sent."""
        return tuple(
            Attendee(**(one | {"response": Response(one["response"])})) for one in orjson.loads(self.attendees_json)
        )

    @property
    def links(self) -> tuple[JoinLink, ...]:
        """Every join link found, of every service known, best first. `joining.choose_join` picks by policy."""
        return load_links(self.links_json)


def load_links(text: str) -> tuple[JoinLink, ...]:
    return tuple(JoinLink(**one) for one in orjson.loads(text))


def dump_json(values: Any) -> str:
    """Raises TypeError where a text in it cannot be written as UTF-8."""
    return orjson.dumps(values).decode()


def number_of(links: Iterable[JoinLink]) -> str:
    """The meeting number of the first link to join by that has one."""
    return next((one.meeting_number for one in links if one.kind == "join" and one.meeting_number), "")[:20]
