"""Who is connected to what: connections, where each feed has got to, and what each sync did.

What admins decide is in `policy_models`.
"""

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from integrations import registry, verdicts
from integrations.permissions import Permission, Permissions, dump_permissions, parse_permissions
from integrations.policy_models import AdminPolicy, PolicyChange, PolicyEffect, held_for
from integrations.providers.base import SignInMethod, Subscription
from integrations.verdicts import Facts
from organizations.models import Organization, User
from safety.secrets import EncryptedJSONField

__all__ = ["AdminPolicy", "PolicyChange", "PolicyEffect"]  # Django finds an app's models by way of this module


class Status(models.TextChoices):
    """How a connection stands. One that needs reconnecting is not synced; one that needs an admin is tried rarely."""

    CONNECTED = "connected", "Connected"
    RECONNECT_NEEDED = "reconnect_needed", "Reconnect needed"
    ADMIN_NEEDED = "admin_needed", "Administrator needed"


class ConnectionQuerySet(models.QuerySet["Connection"]):
    def due(self, now: datetime) -> "ConnectionQuerySet":
        """Those to sync now, oldest due first, leaving out what another worker holds."""
        free = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
        synced = self.filter(free, next_sync_at__lte=now, user__is_active=True)
        return synced.exclude(status=Status.RECONNECT_NEEDED).order_by("next_sync_at")


class Connection(models.Model):
    """A person's tie to one provider; the one-to-one key is "one service at a time".

    `granted_*` are the permissions decided and consented to; `declined` those decided but not consented to.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="connection")
    provider = models.CharField(max_length=30)
    method = models.CharField(max_length=20, default="oauth", help_text="How the person signed in.")
    mailbox = models.EmailField(max_length=254)
    host = models.CharField(max_length=255, blank=True, help_text="Of the server that the password goes to.")
    version = models.CharField(max_length=20, blank=True, help_text="Of that server, where it could be told.")
    account_id = models.CharField(max_length=255)
    calendar_read = models.BooleanField(default=False)
    calendar_write = models.BooleanField(default=False)
    contacts_read = models.BooleanField(default=False)
    contacts_write = models.BooleanField(default=False)
    declined = models.JSONField(default=list, blank=True)
    credentials = EncryptedJSONField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    status = models.CharField(max_length=20, choices=Status.choices, default=Status.CONNECTED)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.TextField(blank=True)
    status_changed_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField(null=True, blank=True, help_text="When the person was mailed about this status.")

    next_sync_at = models.DateTimeField(default=timezone.now)
    synced_at = models.DateTimeField(null=True, blank=True, help_text="Last time everything was read without error.")
    failures = models.PositiveIntegerField(default=0, help_text="Failed tries since the last good one.")
    leased_by = models.CharField(max_length=64, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="calendar_write_needs_read", condition=Q(calendar_write=False) | Q(calendar_read=True)
            ),
            models.CheckConstraint(
                name="contacts_write_needs_read", condition=Q(contacts_write=False) | Q(contacts_read=True)
            ),
        ]
        indexes = [models.Index(fields=["status", "next_sync_at"], name="connections_by_due_time")]

    def __str__(self) -> str:
        return f"{self.user} at {self.provider}"

    @property
    def granted(self) -> Permissions:
        return frozenset(one for one in Permission if getattr(self, one.value))

    @granted.setter
    def granted(self, permissions: Permissions) -> None:
        for one in Permission:
            setattr(self, one.value, one in permissions)

    @property
    def not_granted(self) -> Permissions:
        """Decided here, but unticked at the provider's own screen."""
        return parse_permissions(self.declined) - self.granted

    @property
    def sign_in_method(self) -> SignInMethod | None:
        """How the person signed in, and what follows from it; None where this server knows it no longer."""
        info = registry.find_info(self.provider)
        return info.find_method(self.method) if info else None

    @property
    def facts(self) -> Facts:
        """What a policy judges."""
        method = self.sign_in_method
        return Facts(
            provider=self.provider,
            granted=self.granted,
            mailbox=self.mailbox,
            address=self.user.email,
            needs_policy=method is not None and method.needs_policy,
            host=self.host,
            version=self.version,
        )

    @property
    def usable(self) -> Permissions:
        """Under today's policy, or, while a grace period runs, under the one before it."""
        held, facts = held_for(self.user), self.facts
        now = verdicts.usable(facts, held.today)
        return now if held.kept is held.today else now | verdicts.usable(facts, held.kept)

    def may(self, permission: Permission) -> bool:
        return permission in self.usable

    @property
    def needs_reconnect(self) -> bool:
        return self.status == Status.RECONNECT_NEEDED

    def permission_names(self) -> list[str]:
        return dump_permissions(self.granted)


class SyncCursor(models.Model):
    """Where one container of a feed has got to: each calendar has its own, an address book is one.

    Written in the transaction of the rows it speaks for.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="cursors")
    feed = models.CharField(max_length=20)
    container = models.CharField(
        max_length=1024, blank=True, help_text="Which calendar of the account, as RemoteCalendar.id; empty: its own."
    )
    value = models.TextField(blank=True)
    window_starts = models.DateTimeField(null=True, blank=True)
    window_ends = models.DateTimeField(null=True, blank=True)
    listed_at = models.DateTimeField(null=True, blank=True, help_text="Last complete listing.")
    emptied_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the provider lists nothing any more while rows are held here."
    )
    emptied_confirmed = models.BooleanField(default=False, help_text="The person says that it really is empty.")
    failures = models.PositiveIntegerField(default=0, help_text="Failed tries of this one since its last good one.")
    next_try_at = models.DateTimeField(
        null=True, blank=True, help_text="Before when it is left alone, where the others are read."
    )
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "feed", "container"], name="one_cursor_per_container")
        ]

    def __str__(self) -> str:
        return f"{self.feed} of {self.connection_id}"


class PushChannel(models.Model):
    """That a provider tells us of changes in one feed of a connection: a hint to sync now, until it expires.

    The secret that comes with each notification is kept as its SHA-256 alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="push_channels")
    feed = models.CharField(max_length=20)
    container = models.CharField(max_length=1024, blank=True, help_text="As in SyncCursor.")
    remote_id = models.CharField(max_length=255, blank=True, help_text="The provider's own id of it.")
    resource = models.CharField(max_length=1024, blank=True, help_text="What it watches, as the provider calls that.")
    secret_hash = models.CharField(max_length=64)
    setup = models.CharField(
        max_length=32, blank=True, help_text="Fingerprint of our address and seal it was made under."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    heard_at = models.DateTimeField(null=True, blank=True, help_text="When the provider last told something.")
    last_message = models.BigIntegerField(
        default=0, help_text="The highest number of a notification, where it has one."
    )
    next_try_at = models.DateTimeField(default=timezone.now, help_text="When to make, prolong or replace it.")
    failures = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=40, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["connection", "feed", "container"], name="one_channel_per_container")
        ]
        indexes = [
            models.Index(fields=["next_try_at"], name="channels_by_due_time"),
            models.Index(fields=["remote_id"], name="channels_by_remote_id"),
        ]

    def __str__(self) -> str:
        return f"{self.feed} of {self.connection_id}, until {self.expires_at}"

    @property
    def is_live(self) -> bool:
        return bool(self.remote_id) and self.expires_at is not None and self.expires_at > timezone.now()

    @property
    def subscription(self) -> Subscription:
        """As its provider knows it."""
        return Subscription(self.remote_id, self.resource, self.expires_at)


class Outcome(models.TextChoices):
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    ABANDONED = "abandoned", "Abandoned"


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    def to_count(self) -> "SyncRunQuerySet":
        """Those that ended, well or badly, and are in no count yet. What was broken off is neither."""
        return self.filter(is_counted=False, outcome__in=(Outcome.DONE, Outcome.FAILED))


class SyncRun(models.Model):
    """One run of the engine over one connection: counts, progress, and the error in plain words and in detail."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="runs")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    trigger = models.CharField(
        max_length=20, default="schedule", help_text="schedule, person, connect, admin, support, push."
    )
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.RUNNING)
    feed = models.CharField(max_length=20, blank=True, help_text="The feed being read, or at which it failed.")
    pages = models.PositiveIntegerField(default=0)
    seen = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=40, blank=True)
    error_sentence = models.TextField(blank=True)
    error_detail = models.TextField(blank=True, help_text="For support staff. Holds no credential and no content.")
    notes = models.JSONField(default=list, blank=True, help_text="Oddities worth knowing: sentences.")
    is_counted = models.BooleanField(default=False, editable=False, help_text="Whether its hour (SyncHour) holds it.")

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [
            models.Index(
                fields=["id"], name="runs_to_count", condition=Q(is_counted=False, outcome__in=["done", "failed"])
            ),
            models.Index(fields=["connection", "-started_at"], name="runs_of_a_connection"),
            models.Index(fields=["started_at"], name="runs_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} {self.started_at:%Y-%m-%d %H:%M}"


class SyncHour(models.Model):
    """How many syncs of an organization ended well and badly in one hour: kept when the runs themselves are not."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="sync_hours")
    starts = models.DateTimeField(help_text="Of the hour, UTC.")
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "starts"], name="one_count_per_hour")]

    def __str__(self) -> str:
        return f"{self.starts:%Y-%m-%d %H}: {self.done} done, {self.failed} failed"


class Revocation(models.Model):
    """A grant to end at its provider, after the connection was erased here; tried until it worked or is too old."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    provider = models.CharField(max_length=30)
    account_id = models.CharField(max_length=255, blank=True)
    credentials = EncryptedJSONField()
    ends_grant = models.BooleanField(default=True, help_text="Or the subscriptions alone, where a grant has no end.")
    subscriptions = models.JSONField(default=list, blank=True, help_text="[id, resource] of what tells us of changes.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    next_try_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=0)
    subject_label = models.CharField(max_length=254, help_text="Whose it was, for the audit trail.")
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    organization = models.ForeignKey(Organization, null=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["next_try_at"], name="revocations_by_due_time")]

    def __str__(self) -> str:
        return f"{self.provider} of {self.subject_label}"


class ConnectPrompt(models.Model):
    """That a person without a connection was asked to make one, and what they said."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="connect_prompt")
    shown_at = models.DateTimeField(default=timezone.now)
    declined_at = models.DateTimeField(null=True, blank=True, help_text='When they last said "Not now".')

    def __str__(self) -> str:
        return f"{self.user_id} asked {self.shown_at:%Y-%m-%d}"
