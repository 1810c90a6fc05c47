"""Who is connected to what: connections, policy, where each feed has got to, and what each sync did."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from integrations import policy, registry
from integrations.permissions import Permission, Permissions, dump_permissions, parse_permissions
from integrations.providers.base import SignInMethod
from organizations.models import Organization, User
from safety.secrets import EncryptedJSONField


class AdminPolicy(models.Model):
    """What one organization's admins allow.

    `services`: {provider: {"offered": bool, permission: ask|on|off, "require_oauth": bool, "ews_url": address,
    "ews_hosts": [host names]}}, all of it optional.
    """

    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="admin_policy")
    enabled = models.BooleanField("integration on", default=True)
    services = models.JSONField(default=dict, blank=True)
    default_service = models.CharField(max_length=30, blank=True)
    join_services = models.JSONField(default=list, blank=True, help_text="Services beyond Zoom that get a Join button.")
    vanity_hosts = models.JSONField(default=list, blank=True, help_text="The organization's own Zoom host names.")

    class Meta:
        verbose_name_plural = "admin policies"

    def __str__(self) -> str:
        return f"Policy of {self.organization}"

    def as_policy(self) -> policy.Policy:
        """The pure form, which decides.

        Raises:
            ValueError: a stored name is no permission or mode of ours, or a value is of another type.
        """
        services = {key: _parse_service(choices) for key, choices in self.services.items()}
        return policy.Policy(
            enabled=self.enabled,
            services=services,
            default_service=self.default_service,
            join_services=policy.Policy().join_services | frozenset(self.join_services),
            vanity_hosts=frozenset(self.vanity_hosts),
        )


def _parse_service(choices: Mapping[str, Any]) -> policy.ServicePolicy:
    """Raises ValueError."""
    plain = policy.ServicePolicy()
    offered, require_oauth = (choices.get(name, getattr(plain, name)) for name in ("offered", "require_oauth"))
    ews_url, ews_hosts = choices.get("ews_url", ""), choices.get("ews_hosts", [])
    if not (isinstance(offered, bool) and isinstance(require_oauth, bool) and isinstance(ews_url, str)):
        raise ValueError("offered and require_oauth are true or false, ews_url is an address")
    if not (isinstance(ews_hosts, list) and all(isinstance(host, str) for host in ews_hosts)):
        raise ValueError("ews_hosts is a list of host names")
    others = choices.keys() - {"offered", "require_oauth", "ews_url", "ews_hosts"}
    return policy.ServicePolicy(
        offered=offered,
        modes={Permission(name): policy.Mode(choices[name]) for name in others},
        require_oauth=require_oauth,
        ews_url=ews_url,
        ews_hosts=frozenset(host.lower().rstrip(".") for host in ews_hosts),
    )


def policy_for(user: User) -> policy.Policy:
    """The policy that holds for a person: their organization's, or the default where it has set none."""
    return policy_of(user.organization)


def policy_of(organization: Organization | None) -> policy.Policy:
    if organization is None:
        return policy.Policy(enabled=False)
    try:
        return organization.admin_policy.as_policy()
    except AdminPolicy.DoesNotExist:
        return policy.Policy()


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
    def usable(self) -> Permissions:
        method = self.sign_in_method
        service = policy_for(self.user).service(self.provider)
        return policy.usable(self.granted, service, needs_policy=method is not None and method.needs_policy)

    def may(self, permission: Permission) -> bool:
        return permission in self.usable

    @property
    def needs_reconnect(self) -> bool:
        return self.status == Status.RECONNECT_NEEDED

    def permission_names(self) -> list[str]:
        return dump_permissions(self.granted)


class SyncCursor(models.Model):
    """Where one feed of a connection has got to. Written in the transaction of the rows it speaks for."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="cursors")
    feed = models.CharField(max_length=20)
    value = models.TextField(blank=True)
    window_starts = models.DateTimeField(null=True, blank=True)
    window_ends = models.DateTimeField(null=True, blank=True)
    listed_at = models.DateTimeField(null=True, blank=True, help_text="Last complete listing.")
    emptied_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the provider lists nothing any more while rows are held here."
    )
    emptied_confirmed = models.BooleanField(default=False, help_text="The person says that it really is empty.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["connection", "feed"], name="one_cursor_per_feed")]

    def __str__(self) -> str:
        return f"{self.feed} of {self.connection_id}"


class Outcome(models.TextChoices):
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    ABANDONED = "abandoned", "Abandoned"


class SyncRun(models.Model):
    """One run of the engine over one connection: counts, progress, and the error in plain words and in detail."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="runs")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    trigger = models.CharField(max_length=20, default="schedule", help_text="schedule, person, connect, support.")
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

    class Meta:
        ordering = ["-started_at", "-id"]
        indexes = [
            models.Index(fields=["connection", "-started_at"], name="runs_of_a_connection"),
            models.Index(fields=["started_at"], name="runs_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()} {self.started_at:%Y-%m-%d %H:%M}"
