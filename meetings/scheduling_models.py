"""What is made here: meetings scheduled in Portico, the writes that carry changes out, who may schedule for whom."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from integrations.models import Connection
from integrations.outgoing import Outgoing, OutgoingQuerySet, WriteState
from integrations.recurrence import Recurrence, parse_recurrence
from integrations.remote import Attendee
from meetings.palette import COLORS, pick_color
from organizations.models import Organization, User
from safety.secrets import EncryptedJSONField

RESTORABLE_FOR = timedelta(days=7)
"""How long a meeting that was deleted here can be had back."""


class MeetingKind(models.TextChoices):
    MEETING = "meeting", "Meeting"
    WEBINAR = "webinar", "Webinar"


class HostKind(models.TextChoices):
    """Where the join links of an organization's meetings come from."""

    NONE = "", "Nowhere: meetings have no join link"
    ZOOM = "zoom", "Zoom"
    LINK = "link", "A link template"


class MeetingHost(models.Model):
    """The meeting host of an organization; see meetings.hosting. Without a row there is none.

    Of the link template, `{room}` is replaced with a name nobody can guess. Of Zoom, `credentials` hold account_id,
    client_id and client_secret of a server-to-server OAuth app.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="meeting_host")
    kind = models.CharField(max_length=10, blank=True, choices=HostKind.choices, default=HostKind.NONE)
    link_template = models.CharField(max_length=500, blank=True)
    former_templates_json = models.JSONField(
        default=list, blank=True, help_text="Link templates of before, whose links go on leading into meetings."
    )
    credentials = EncryptedJSONField()
    client_id = models.CharField(max_length=200, blank=True, help_text="Of Zoom's app: which one, for the admin.")
    reads_upcoming = models.BooleanField(
        default=True, help_text="Whether meetings made at the host itself are listed, too."
    )
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When it last worked.")
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.TextField(blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for {self.organization}"


class HostCursor(models.Model):
    """When a person's upcoming meetings were last read at the meeting host, and whom they have named there."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="host_cursor")
    next_read_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=40, blank=True)
    assistants_json = models.JSONField(
        default=list, blank=True, help_text="Addresses of those who may schedule for the person there, in lower case."
    )
    assistants_read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["next_read_at"], name="host_cursors_by_due_time")]

    def __str__(self) -> str:
        return f"{self.user_id}, next {self.next_read_at:%Y-%m-%d %H:%M}"


class ScheduledMeetingQuerySet(models.QuerySet["ScheduledMeeting"]):
    def living(self) -> "ScheduledMeetingQuerySet":
        return self.filter(deleted_at__isnull=True)

    def restorable(self, now: datetime) -> "ScheduledMeetingQuerySet":
        return self.filter(deleted_at__gt=now - RESTORABLE_FOR).order_by("-deleted_at")

    def expired(self, now: datetime) -> "ScheduledMeetingQuerySet":
        """Deleted too long ago to be had back, with nothing left to be written."""
        old = self.filter(deleted_at__lte=now - RESTORABLE_FOR)
        return old.exclude(writes__state__in=[WriteState.WAITING, WriteState.FAILED])


class ScheduledMeeting(models.Model):
    """A meeting or a series first scheduled here: what was asked for, and what became of it at host and calendar.

    Its rows on the pages are Meetings. Until `is_in_calendar` these are our own (Meeting.Origin.HERE); from then on
    the calendar is the master, they are what sync reads of the event `remote_id` (or of its occurrences), and the
    fields below say what was last written from here, to make the event again after a deletion is undone.
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="scheduled_meetings")
    made_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now)

    topic = models.CharField(max_length=1000)
    kind = models.CharField(max_length=10, choices=MeetingKind.choices, default=MeetingKind.MEETING)
    description = models.TextField(blank=True)
    starts = models.DateTimeField(help_text="Of the first occurrence.")
    minutes = models.PositiveIntegerField()
    timezone = models.CharField(max_length=64)
    recurrence_json = models.JSONField(null=True, blank=True, help_text="integrations.recurrence.Recurrence.dump()")
    invitees_json = models.JSONField(default=list, blank=True, help_text="[{email, name}]")
    is_private = models.BooleanField(default=False)
    passcode = models.CharField(max_length=10, blank=True, help_text="Asked for, or as the host chose it.")
    waiting_room = models.BooleanField(default=False)

    # The meeting host.
    host = models.CharField(max_length=10, blank=True, choices=HostKind.choices)
    host_id = models.CharField(max_length=100, blank=True, help_text="The meeting host's own id of it.")
    join_url = models.CharField(max_length=2000, blank=True)
    meeting_number = models.CharField(max_length=20, blank=True)
    dial_in = models.TextField(blank=True)

    # The calendar.
    key = models.UUIDField(
        default=uuid.uuid4, unique=True, help_text="What the event is made under; see Calendar.create."
    )
    wants_calendar = models.BooleanField(default=False, help_text="Whether it is to stand in the connected calendar.")
    connection = models.ForeignKey(
        Connection, null=True, blank=True, on_delete=models.SET_NULL, related_name="scheduled_meetings"
    )
    container = models.CharField(max_length=1024, blank=True, help_text="As RemoteCalendar.id; empty: the own one.")
    is_in_calendar = models.BooleanField(default=False)
    remote_id = models.CharField(max_length=1024, blank=True, help_text="Of the event, or of the series.")
    remote_version = models.CharField(max_length=255, blank=True)
    remote_uid = models.CharField(max_length=1024, blank=True)
    web_url = models.CharField(max_length=4000, blank=True)

    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    deleted_there = models.BooleanField(default=False, help_text="Deleted at the calendar service, and followed here.")

    objects = ScheduledMeetingQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["connection", "remote_id"], name="scheduled_by_remote_id"),
            models.Index(fields=["owner", "deleted_at"], name="scheduled_of_an_owner"),
        ]
        constraints = [
            models.CheckConstraint(
                name="in_calendar_means_by_a_connection", condition=Q(is_in_calendar=False) | ~Q(remote_id="")
            )
        ]

    def __str__(self) -> str:
        return f"Scheduled meeting {self.pk}"

    @property
    def recurrence(self) -> Recurrence | None:
        return parse_recurrence(self.recurrence_json)

    @recurrence.setter
    def recurrence(self, recurrence: Recurrence | None) -> None:
        self.recurrence_json = recurrence.dump() if recurrence else None

    @property
    def ends(self) -> datetime:
        return self.starts + timedelta(minutes=self.minutes)

    @property
    def invitees(self) -> tuple[Attendee, ...]:
        return tuple(Attendee(one["email"], one.get("name", "")) for one in self.invitees_json)


class WriteAction(models.TextChoices):
    CREATE = "create", "Create"
    UPDATE = "update", "Update"
    END_SERIES = "end_series", "End a series"
    SPLIT = "split", "Split a series"
    """Of a series made elsewhere: end it before an occurrence, and go on with another from there."""
    DELETE = "delete", "Delete"
    ADOPT = "adopt", "Adopt"
    """Nothing is written: the event stands there already, under our key."""


class WriteQuerySet(OutgoingQuerySet["Write"]):
    """Reads, named for the reader's question; see OutgoingQuerySet."""


class Write(Outgoing):
    """One intended change on its way to the meeting host and the calendar: the outbox.

    Committed before anything is sent; carried out by `outbox.carry_out`, each step idempotent, in the order of the
    rows of one target. What is done at the host first is told in `host_action`, "" once done or where there is nothing.
    Without a `connection` there is no calendar to write to.
    """

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="writes")
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    scheduled = models.ForeignKey(
        ScheduledMeeting, null=True, blank=True, on_delete=models.CASCADE, related_name="writes"
    )
    connection = models.ForeignKey(Connection, null=True, blank=True, on_delete=models.SET_NULL, related_name="writes")
    action = models.CharField(max_length=10, choices=WriteAction.choices)
    container = models.CharField(max_length=1024, blank=True)
    remote_id = models.CharField(max_length=1024, blank=True, help_text="Of what is changed, where it is known yet.")
    series_id = models.CharField(max_length=1024, blank=True, help_text="Of the series that is part of, if any.")
    is_whole = models.BooleanField(default=False, help_text="The whole series of the occurrence `remote_id` is meant.")
    version = models.CharField(max_length=255, blank=True, help_text="What the person saw; empty: whatever is there.")
    draft_json = models.JSONField(default=dict, blank=True, help_text="meetings.drafting.dump_draft(): what is wanted.")
    base_json = models.JSONField(
        null=True, blank=True, help_text="The same of what the person saw when they changed it."
    )
    key = models.UUIDField(
        null=True, blank=True, help_text="What is made, or deleted, under; of a split its second series."
    )
    host_id = models.CharField(max_length=100, blank=True, help_text="Of what is deleted at the meeting host.")
    fields_json = models.JSONField(default=list, blank=True, help_text="DRAFT_FIELDS that are written.")
    ends_before = models.DateTimeField(null=True, blank=True, help_text="Of a series that is ended.")
    host_action = models.CharField(max_length=10, blank=True, choices=WriteAction.choices)

    objects = WriteQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["next_try_at"], name="writes_by_due_time", condition=Q(state="waiting")),
            models.Index(fields=["owner", "state"], name="writes_of_an_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.pk}: {self.get_state_display()}"

    @property
    def fields(self) -> frozenset[str]:
        return frozenset(self.fields_json)

    @property
    def key_hex(self) -> str:
        return self.key.hex if self.key else ""


class DelegationQuerySet(models.QuerySet["Delegation"]):
    def running(self, today: date) -> "DelegationQuerySet":
        """Those that hold on this day: both can sign in, and both still work for one organization."""
        return self.filter(
            Q(until__isnull=True) | Q(until__gte=today),
            owner__is_active=True,
            delegate__is_active=True,
            owner__membership__organization=models.F("delegate__membership__organization"),
        )


class Delegation(models.Model):
    """Scheduling privilege: the delegate sees the owner's meetings and schedules for them."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="delegations")
    delegate = models.ForeignKey(User, on_delete=models.CASCADE, related_name="delegated")
    may_manage_private = models.BooleanField("may manage private events", default=False)
    until = models.DateField(null=True, blank=True, help_text="The last day, in the owner's time zone.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = DelegationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "delegate"], name="one_delegation_per_pair"),
            models.CheckConstraint(name="nobody_is_their_own_delegate", condition=~Q(owner=models.F("delegate"))),
        ]

    def __str__(self) -> str:
        return f"{self.delegate_id} for {self.owner_id}"


class FeedLink(models.Model):
    """A person's secret address at which calendar programs read their meetings; kept as its SHA-256 alone."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="feed_link")
    token_hash = models.CharField(max_length=64, unique=True)
    with_delegated = models.BooleanField(default=False, help_text="Whether meetings of those they schedule for are in.")
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Feed of {self.user_id}"


class AccountCalendar(models.Model):
    """One of the calendars of a connected account, and whether its person wants it shown."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="calendars")
    remote_id = models.CharField(max_length=1024, blank=True, help_text="RemoteCalendar.id; empty: the own one.")
    name = models.CharField(max_length=255)
    color = models.CharField(max_length=7, blank=True, help_text="#rrggbb, as the provider has it.")
    chosen_color = models.CharField(
        max_length=10, blank=True, help_text="A key of palette.COLORS; empty: what comes nearest to the provider's."
    )
    is_own = models.BooleanField(default=True)
    is_writable = models.BooleanField(default=True)
    is_shown = models.BooleanField(default=False)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "remote_id"], name="one_row_per_calendar")]
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return f"Calendar {self.pk}"

    @property
    def swatch(self) -> str:
        """The key of the color that it is shown in, one of palette.COLORS."""
        return self.chosen_color if self.chosen_color in COLORS else self.followed_color

    @property
    def followed_color(self) -> str:
        """The same while none is chosen here."""
        return pick_color(self.color, self.position)


class CalendarList(models.Model):
    """When the calendars of a connected account were last listed, and what stood in the way of listing them."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="calendar_list")
    checked_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True, help_text="When the person last asked to have it looked at.")
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"Calendars of {self.connection_id}"


def dump_invitees(attendees: tuple[Attendee, ...]) -> list[Mapping[str, Any]]:
    return [{"email": one.email, "name": one.name} for one in attendees]
