"""Who works where: people, their organization, roles, groups, invitations, and the audit trail."""

import hashlib
import secrets
import uuid
import zoneinfo
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, tzinfo
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email: str | None) -> "User":
        return self.get(email__iexact=email)


class Theme(models.TextChoices):
    AUTO = "", "As my device"
    LIGHT = "light", "Light"
    DARK = "dark", "Dark"


class SwitchedOffBy(models.TextChoices):
    """Who made it that a person cannot sign in: what support does, no admin of an organization undoes."""

    NOBODY = "", "Nobody"
    ORGANIZATION = "organization", "An admin of the organization"
    SUPPORT = "support", "Support"


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by their e-mail address."""

    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=150, blank=True)
    time_zone = models.CharField(max_length=64, blank=True, help_text="Empty: the organization's.")
    second_time_zone = models.CharField(max_length=64, blank=True, help_text="Shown beside the first; empty: none.")
    language = models.CharField(max_length=10, blank=True, help_text="Empty: the organization's.")
    theme = models.CharField(max_length=5, blank=True, choices=Theme.choices, default=Theme.AUTO)
    is_active = models.BooleanField(default=True)
    switched_off_by = models.CharField(
        max_length=12, blank=True, choices=SwitchedOffBy.choices, default=SwitchedOffBy.NOBODY, editable=False
    )
    session_epoch = models.PositiveIntegerField(
        default=0, editable=False, help_text="One more each time every session of the person was ended."
    )
    is_staff = models.BooleanField("support staff", default=False, help_text="May sign in to the support pages.")
    date_joined = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="one_user_per_email_address")]

    def __str__(self) -> str:
        return self.email

    @property
    def label(self) -> str:
        """The name where there is one, else the address."""
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.label

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email.split("@")[0]

    def get_session_auth_hash(self) -> str:
        return self._with_epoch(super().get_session_auth_hash())

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        return map(self._with_epoch, super().get_session_auth_fallback_hash())

    def _with_epoch(self, session_hash: str) -> str:
        """A session that began in an earlier epoch is nobody's, though nobody knew that it was there."""
        return f"{session_hash}.{self.session_epoch}" if self.session_epoch else session_hash

    @property
    def organization(self) -> "Organization | None":
        membership = self.find_membership()
        return membership.organization if membership else None

    def find_membership(self) -> "Membership | None":
        """Where the person works, with the organization: one query in the life of this object."""
        relation: Any = self._meta.get_field("membership")
        if not relation.is_cached(self):
            mine = Membership.objects.select_related("organization").filter(user_id=self.pk)
            found = mine.first() if self.pk else None
            relation.set_cached_value(self, found)
        membership: Membership | None = relation.get_cached_value(self)
        return membership

    @property
    def zone(self) -> tzinfo:
        """The person's time zone, else their organization's, else the server's."""
        organization = self.organization
        for name in (self.time_zone, organization.time_zone if organization else "", settings.TIME_ZONE):
            if name:
                try:
                    return zoneinfo.ZoneInfo(name)
                except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a folder
                    continue
        return zoneinfo.ZoneInfo("UTC")


class KeepTrail(models.IntegerChoices):
    """How long an organization keeps its audit trail, in years."""

    FOR_EVER = 0, "For ever"
    ONE = 1, "1 year"
    TWO = 2, "2 years"
    THREE = 3, "3 years"
    FIVE = 5, "5 years"
    SEVEN = 7, "7 years"
    TEN = 10, "10 years"


class Organization(models.Model):
    name = models.CharField(max_length=150)
    time_zone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(max_length=10, default="en")
    default_region = models.CharField(
        max_length=2, blank=True, help_text="Country (two letters) in which phone numbers without + are read."
    )
    audit_years = models.PositiveSmallIntegerField(
        "audit trail is kept", choices=KeepTrail.choices, default=KeepTrail.FOR_EVER
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"


class Membership(models.Model):
    """Where a person works. One organization each: policy, and what they may see, hang on it."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="membership")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    groups: "models.ManyToManyField[Group, Any]" = models.ManyToManyField(
        "Group", blank=True, related_name="memberships"
    )
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"

    @property
    def is_admin(self) -> bool:
        return self.role in (Role.OWNER, Role.ADMIN)


class Group(models.Model):
    """People of one organization to whom an admin gives a policy of their own. `position`: lower decides first."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(max_length=100)
    position = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["position", "name"]
        constraints = [
            models.UniqueConstraint("organization", Lower("name"), name="one_group_per_name_in_an_organization")
        ]

    def __str__(self) -> str:
        return self.name


INVITATION_LIFE = timedelta(days=14)


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> "InvitationQuerySet":
        """Neither accepted nor revoked; may have expired, and can then be sent again."""
        return self.filter(accepted_at=None, revoked_at=None)

    def usable(self, now: datetime) -> "InvitationQuerySet":
        return self.open().filter(expires_at__gt=now)

    def find_by_token(self, token: str) -> "Invitation | None":
        return self.select_related("organization", "invited_by").filter(token_hash=hash_token(token)).first()

    def waiting(self) -> "InvitationQuerySet":
        """Open, with a mail that still has to be sent."""
        return self.open().filter(mail_due_at__isnull=False)


class InvitationImport(models.Model):
    """A list of people whom an admin wants to invite: looked at first, then confirmed.

    `text` is what was uploaded; once it is confirmed, `report` holds what became of each line instead.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitation_imports")
    made_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    file_name = models.CharField(max_length=150, blank=True, help_text="Empty: pasted.")
    text = models.TextField(blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    report = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"{self.file_name or 'Pasted list'} {self.made_at:%Y-%m-%d %H:%M}"


class Invitation(models.Model):
    """An admin's offer of a place, sent to one e-mail address. Only a hash of the token in the link is kept.

    One from a list waits for its mail: `mail_due_at` says when it is tried (again). Its token is made with the mail.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField("e-mail address")
    name = models.CharField(max_length=150, blank=True)
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.MEMBER)
    groups: "models.ManyToManyField[Group, Any]" = models.ManyToManyField(
        Group, blank=True, related_name="+", help_text="Given with the place."
    )
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sent_at = models.DateTimeField(null=True, blank=True, help_text="When it was mailed last.")
    mail_due_at = models.DateTimeField(null=True, blank=True)
    mail_tries = models.PositiveSmallIntegerField(default=0)
    imported_in = models.ForeignKey(
        InvitationImport, null=True, blank=True, on_delete=models.SET_NULL, related_name="invitations"
    )
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["mail_due_at"],
                condition=models.Q(mail_due_at__isnull=False),
                name="invitations_to_mail",
            ),
            models.Index(fields=["organization", "sent_at"], name="invitations_by_day"),
        ]
        constraints = [
            models.UniqueConstraint(
                "organization",
                Lower("email"),
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation_per_address",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.organization}"

    def renew_token(self, now: datetime) -> str:
        """Give the invitation a new token, kept nowhere but in the answer, and its full life again. Unsaved."""
        token = secrets.token_urlsafe(32)
        self.token_hash = hash_token(token)
        self.sent_at = now
        self.expires_at = now + INVITATION_LIFE
        self.mail_due_at = None
        return token

    def wait_for_mail(self, now: datetime) -> None:
        """Have it mailed in the background; until then no link leads to it. Unsaved."""
        self.renew_token(now)
        self.sent_at, self.mail_due_at = None, now

    @property
    def is_open(self) -> bool:
        return self.accepted_at is None and self.revoked_at is None

    @property
    def is_expired(self) -> bool:
        return self.mail_due_at is None and self.expires_at <= timezone.now()

    @property
    def could_not_be_mailed(self) -> bool:
        """Whether every try to mail it has failed."""
        return self.sent_at is None and self.mail_due_at is None


def hash_token(token: str) -> str:
    """A token of 256 random bits needs no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    def of(self, organization: Organization) -> "AuditEventQuerySet":
        return self.filter(organization=organization)

    def update(self, **kwargs: Any) -> int:
        raise TypeError("The audit trail is append-only.")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise TypeError("The audit trail is append-only.")


class AuditEvent(models.Model):
    """One line of the audit trail: who did what to whom, when, from where. Append-only; never holds a secret.

    Names are kept as text beside the keys, so that a line stays readable when the person is gone.
    """

    at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    organization = models.ForeignKey(
        Organization, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="audit_events"
    )
    actor = models.ForeignKey(User, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    actor_label = models.CharField(max_length=254, blank=True, help_text="Empty: Portico itself.")
    subject = models.ForeignKey(User, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+")
    subject_label = models.CharField(max_length=254, blank=True)
    action = models.CharField(max_length=60, db_index=True, help_text='"connection.created" and the like.')
    details = models.JSONField(default=dict, blank=True)
    address = models.GenericIPAddressField("IP address", null=True, blank=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["organization", "-at"])]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action} {self.subject_label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise TypeError("The audit trail is append-only.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise TypeError("The audit trail is append-only.")


class AuditPurge(models.Model):
    """One letting go of events that are older than the organization keeps them.

    While it is open, the database lets events before `before` be deleted, and at no other time
    (organizations/append_only.py). It is itself kept for ever.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.DO_NOTHING, db_constraint=False, related_name="audit_purges"
    )
    before = models.DateTimeField(help_text="Events before this moment go.")
    started_at = models.DateTimeField(default=timezone.now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(finished_at=None),
                name="one_open_purge_per_organization",
            )
        ]

    def __str__(self) -> str:
        return f"{self.count} events before {self.before:%Y-%m-%d}"


def record(
    action: str,
    *,
    organization: Organization | None,
    actor: User | None = None,
    subject: User | None = None,
    details: Mapping[str, Any] | None = None,
    address: str | None = None,
) -> AuditEvent:
    """Add a line to the audit trail. `details` holds names and values, never a secret."""
    return AuditEvent.objects.create(
        action=action,
        organization=organization,
        actor=actor,
        actor_label=actor.email if actor else "",
        subject=subject,
        subject_label=subject.email if subject else "",
        details=dict(details or {}),
        address=address,
    )


class MailChoice(models.Model):
    """A kind of mail that a person does not want. Without a row they get it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="unwanted_mails")
    kind = models.CharField(max_length=60)
    since = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="one_choice_per_kind_of_mail")]

    def __str__(self) -> str:
        return f"{self.user} gets no {self.kind}"
