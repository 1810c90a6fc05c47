"""Calls as our rows: licences, the phone system, call history, voicemail, and notifications still to be read."""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from organizations.models import Organization, User
from safety.secrets import EncryptedJSONField


class SystemKind(models.TextChoices):
    """Where an organization's call history comes from."""

    NONE = "", "Nowhere: calls are placed, and only what is clicked here is listed"
    ZOOM = "zoom", "Zoom Phone"
    OTHER = "other", "Another phone system"


class PhoneSystem(models.Model):
    """The phone system of an organization. Without a row there is none.

    `credentials`: of Zoom account_id, client_id, client_secret and webhook_secret; of any other webhook_secret alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="phone_system")
    kind = models.CharField(max_length=10, blank=True, choices=SystemKind.choices, default=SystemKind.NONE)
    key = models.UUIDField(
        default=uuid.uuid4, unique=True, help_text="Names it in the address that its notifications are posted to."
    )
    credentials = EncryptedJSONField()
    client_id = models.CharField(max_length=200, blank=True, help_text="Of Zoom's app: which one, for the admin.")
    remote_account = models.CharField(max_length=200, blank=True, help_text="Of Zoom: whose notifications are taken.")
    reads_licences = models.BooleanField(
        default=True, help_text="Whether whoever has a phone there may call, without a licence assigned here."
    )
    keep_days = models.PositiveIntegerField(default=180, help_text="How long calls and voicemail are kept.")

    heard_at = models.DateTimeField(null=True, blank=True, help_text="The last genuine notification.")
    licences_read_at = models.DateTimeField(null=True, blank=True, help_text="When it last said who has a phone.")
    reconciled_at = models.DateTimeField(null=True, blank=True, help_text="Everything before it has been read.")
    next_reconcile_at = models.DateTimeField(default=timezone.now)
    taken_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    checked_at = models.DateTimeField(null=True, blank=True, help_text="When it last worked.")
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.TextField(blank=True)
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for {self.organization}"


class Licence(models.Model):
    """That a person may call: assigned by an admin, or because they have a phone at the phone system."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="phone_licence")
    is_assigned = models.BooleanField(default=False, help_text="By an admin.")
    assigned_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    assigned_at = models.DateTimeField(null=True, blank=True)
    is_at_system = models.BooleanField(default=False, help_text="The phone system says so.")
    remote_id = models.CharField(max_length=200, blank=True, help_text="Of the person at the phone system.")
    extension = models.CharField(max_length=20, blank=True)
    numbers_json = models.JSONField(default=list, blank=True, help_text="Their own numbers there, in E.164.")
    read_at = models.DateTimeField(null=True, blank=True, help_text="When the phone system last named them.")

    class Meta:
        indexes = [models.Index(fields=["remote_id"], name="licences_by_remote_id", condition=~Q(remote_id=""))]

    def __str__(self) -> str:
        return f"Licence of {self.user_id}"

    @property
    def is_held(self) -> bool:
        return self.is_assigned or self.is_at_system


class Direction(models.TextChoices):
    INCOMING = "in", "Incoming"
    OUTGOING = "out", "Outgoing"


class Result(models.TextChoices):
    ANSWERED = "answered", "Answered"
    MISSED = "missed", "Missed"
    VOICEMAIL = "voicemail", "Voicemail"
    DECLINED = "declined", "Declined"
    BUSY = "busy", "Busy"
    NO_ANSWER = "no_answer", "No answer"
    FAILED = "failed", "Failed"
    ELSEWHERE = "elsewhere", "Answered by somebody else"
    ATTEMPT = "attempt", "Call started here"
    """What was clicked; what became of it, only the phone system knows."""


MISSED_RESULTS = (Result.MISSED, Result.VOICEMAIL)


class Source(models.TextChoices):
    EVENT = "event", "A notification"
    RECONCILED = "reconciled", "Read from the phone system"
    CLICK = "click", "A click here"


class Party(models.Model):
    """Whom a call or voicemail is with, as the phone system says it. Without a `number` they withhold it."""

    number = models.CharField(max_length=100, blank=True, help_text="As the phone system gives it.")
    e164 = models.CharField("E.164", max_length=20, blank=True, help_text="Empty: an extension, or cannot be read.")
    name = models.CharField(max_length=300, blank=True, help_text="As the phone system gives it.")
    hidden_at = models.DateTimeField(null=True, blank=True, help_text="Deleted here; it may still stand there.")
    reported_at = models.DateTimeField(
        default=timezone.now, help_text="When the phone system said so: what it said before changes nothing any more."
    )

    class Meta:
        abstract = True

    @property
    def is_anonymous(self) -> bool:
        return not self.number


class CallQuerySet(models.QuerySet["Call"]):
    def visible_to(self, user: User) -> "CallQuerySet":
        """The person's own. Nobody sees another's."""
        return self.filter(owner=user, hidden_at__isnull=True)

    def missed(self) -> "CallQuerySet":
        return self.filter(direction=Direction.INCOMING, result__in=MISSED_RESULTS)

    def newest_first(self) -> "CallQuerySet":
        return self.order_by("-started_at", "-pk")


class Call(Party):
    """One call of one person. `call_id` is the phone system's; "" of a click that it has not told of yet."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="calls", db_index=False)
    call_id = models.CharField(max_length=200, blank=True)
    log_id = models.CharField(
        max_length=200, blank=True, help_text="Of its entry at the phone system, where deletions name that instead."
    )
    direction = models.CharField(max_length=3, choices=Direction.choices)
    result = models.CharField(max_length=10, choices=Result.choices)
    line = models.CharField(max_length=100, blank=True, help_text="Which of the person's numbers, or the queue.")
    started_at = models.DateTimeField()
    seconds = models.PositiveIntegerField(default=0, help_text="How long they talked.")
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.EVENT)

    objects = CallQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "call_id"], condition=~Q(call_id=""), name="one_row_per_call")
        ]
        indexes = [
            models.Index(
                fields=["owner", "-started_at", "-id"], name="calls_newest_first", condition=Q(hidden_at__isnull=True)
            ),
            models.Index(fields=["owner", "e164"], name="calls_by_number"),
            models.Index(fields=["started_at"], name="calls_by_age"),
        ]

    def __str__(self) -> str:
        return f"Call {self.pk}"


class VoicemailQuerySet(models.QuerySet["Voicemail"]):
    def visible_to(self, user: User) -> "VoicemailQuerySet":
        return self.filter(owner=user, hidden_at__isnull=True)

    def unread(self) -> "VoicemailQuerySet":
        return self.filter(is_read=False)

    def newest_first(self) -> "VoicemailQuerySet":
        return self.order_by("-left_at", "-pk")


class Voicemail(Party):
    """A message that somebody left. Its audio stays at the phone system and is only passed on."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="voicemails", db_index=False)
    voicemail_id = models.CharField(max_length=200)
    call_id = models.CharField(max_length=200, blank=True, help_text="Of the call in which it was left.")
    left_at = models.DateTimeField()
    seconds = models.PositiveIntegerField(default=0)
    is_read = models.BooleanField(default=False)
    transcript = models.TextField(blank=True)
    audio = models.CharField(max_length=2000, blank=True, help_text="Where it is at the phone system. No secret.")
    audio_gone_at = models.DateTimeField(null=True, blank=True)

    objects = VoicemailQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["owner", "voicemail_id"], name="one_row_per_voicemail")]
        indexes = [
            models.Index(
                fields=["owner", "-left_at", "-id"], name="voicemail_newest_first", condition=Q(hidden_at__isnull=True)
            ),
            models.Index(fields=["owner"], name="voicemail_unread", condition=Q(hidden_at__isnull=True, is_read=False)),
            models.Index(fields=["left_at"], name="voicemail_by_age"),
        ]

    def __str__(self) -> str:
        return f"Voicemail {self.pk}"


class EventState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    IGNORED = "ignored", "Ignored"
    """Genuine, and about nothing that we keep."""
    FAILED = "failed", "Failed"


class PhoneEventQuerySet(models.QuerySet["PhoneEvent"]):
    def waiting(self, now: datetime) -> "PhoneEventQuerySet":
        return self.filter(state=EventState.WAITING, next_try_at__lte=now).order_by("next_try_at", "pk")


class PhoneEvent(models.Model):
    """A genuine notification, kept as it came until a worker has read it. The same one twice is one row."""

    system = models.ForeignKey(PhoneSystem, on_delete=models.CASCADE, related_name="events", db_index=False)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the body.")
    body = models.BinaryField(help_text="Emptied once it was read.")
    received_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=10, choices=EventState.choices, default=EventState.WAITING)
    tries = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(default=timezone.now)
    error_code = models.CharField(max_length=40, blank=True)

    objects = PhoneEventQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["system", "digest"], name="one_row_per_phone_event")]
        indexes = [
            models.Index(fields=["next_try_at"], name="phone_events_waiting", condition=Q(state="waiting")),
            models.Index(fields=["received_at"], name="phone_events_by_age"),
        ]

    def __str__(self) -> str:
        return f"Phone event {self.pk}"
