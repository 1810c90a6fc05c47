"""What admins have decided, as rows: each level's choices, the changes made to them, and what these did to people."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, models
from django.db.models import Q
from django.utils import timezone

from integrations import levels
from integrations.levels import Layer
from integrations.policy import Level, Policy
from integrations.verdicts import Outcome
from organizations.models import Group, Membership, Organization, User


class AdminPolicyQuerySet(models.QuerySet["AdminPolicy"]):
    def over(self, membership: Membership) -> "AdminPolicyQuerySet":
        """Every level that says something of this member, in the order of `levels.resolve`."""
        whole = Q(group=None, membership=None)
        groups = membership.groups.through.objects.filter(membership_id=membership.pk).values("group_id")
        mine = Q(group_id__in=groups) | Q(membership=membership)
        found = self.filter(whole | mine, organization=membership.organization_id).select_related("group")
        return found.order_by(models.F("membership").asc(nulls_first=True), *GROUPS_IN_ORDER)

    def of_whole(self, organization: Organization) -> "AdminPolicyQuerySet":
        """The organization's own level: one row or none."""
        return self.filter(organization=organization, group=None, membership=None)


GROUPS_IN_ORDER = (
    models.F("group__position").asc(nulls_first=True),
    models.F("group__name").asc(nulls_first=True),
    models.F("group__pk").asc(nulls_first=True),
)


class AdminPolicy(models.Model):
    """What one level says: the organization, one of its groups, or one member.

    `choices`: {setting: value} as in `levels.find_setting`; `locks`: names of settings. While a grace period runs,
    `kept_choices` and `kept_locks` are what held before: connections that are there may be used as before
    until `kept_until`.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="policies")
    group = models.OneToOneField(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="policy")
    membership = models.OneToOneField(
        Membership, null=True, blank=True, on_delete=models.CASCADE, related_name="policy"
    )
    choices = models.JSONField(default=dict, blank=True)
    locks = models.JSONField(default=list, blank=True)
    version = models.PositiveIntegerField(
        default=1, help_text="Counts up, so that two admins do not overwrite each other."
    )
    changed_at = models.DateTimeField(default=timezone.now)
    changed_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    kept_choices = models.JSONField(default=dict, blank=True)
    kept_locks = models.JSONField(default=list, blank=True)
    kept_until = models.DateTimeField(null=True, blank=True)

    objects = AdminPolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "admin policies"
        constraints = [
            models.UniqueConstraint(
                fields=["organization"],
                condition=Q(group=None, membership=None),
                name="one_policy_for_the_whole_organization",
            ),
            models.CheckConstraint(name="policy_of_one_level", condition=Q(group=None) | Q(membership=None)),
        ]

    def __str__(self) -> str:
        return f"Policy of {self.group or self.membership or self.organization}"

    @property
    def level(self) -> Level:
        if self.group_id:
            return Level.GROUP
        return Level.MEMBER if self.membership_id else Level.ORGANIZATION

    def as_layer(self) -> Layer:
        """Raises ValueError where what is stored is none of our settings."""
        return self._layer(self.choices, self.locks)

    def as_kept_layer(self, now: datetime) -> Layer:
        """What held before the grace period that runs, else what holds."""
        return self._layer(self.kept_choices, self.kept_locks) if self.is_in_grace(now) else self.as_layer()

    def is_in_grace(self, now: datetime) -> bool:
        return self.kept_until is not None and self.kept_until > now

    def _layer(self, choices: Any, locks: Any) -> Layer:
        return levels.parse_layer(self.level, choices, locks, name=self.group.name if self.group else "")


@dataclass(frozen=True, slots=True)
class Held:
    """What holds for one person. `kept`: what connections that are there may still be used under, while a grace
    period runs; else the same as `today`."""

    today: Policy
    kept: Policy


def resolve_rows(rows: Iterable[AdminPolicy], now: datetime) -> Held:
    """`rows` in the order of `levels.resolve`."""
    rows = list(rows)
    today = levels.resolve([row.as_layer() for row in rows])
    if not any(row.is_in_grace(now) for row in rows):
        return Held(today, today)
    return Held(today, levels.resolve([row.as_kept_layer(now) for row in rows]))


class HeldNow:
    """What holds for one member after the other at just this moment, read from the database each time.

    Members under the same levels share what these come to: as long as no level changes, they are not read again.
    """

    def __init__(self) -> None:
        self._found: dict[object, Held] = {}

    def find(self, membership: Membership) -> Held:
        now = timezone.now()
        rows = AdminPolicy.objects.over(membership)
        key = tuple(
            (pk, version, until is not None and until > now)
            for pk, version, until in rows.values_list("pk", "version", "kept_until")
        )
        if key not in self._found:
            self._found[key] = resolve_rows(rows, now)
        return self._found[key]


NO_ORGANIZATION = Policy(enabled=False)
_CACHE = "_held_policy"


def held_for(user: User) -> Held:
    """What holds for a person: one query in the life of this object."""
    held: Held | None = getattr(user, _CACHE, None)
    if held is None:
        membership = user.find_membership()
        if membership is None:
            held = Held(NO_ORGANIZATION, NO_ORGANIZATION)
        else:
            held = resolve_rows(AdminPolicy.objects.over(membership), timezone.now())
        setattr(user, _CACHE, held)
    return held


def hold(user: User, held: Held) -> None:
    """Say what holds for a person where it was found for many at once, so that nobody asks again."""
    setattr(user, _CACHE, held)


def policy_for(user: User) -> Policy:
    """The policy for what a person does from now on."""
    return held_for(user).today


class OrganizationPolicies:
    """Every level of one organization, loaded at once, to resolve any number of its members without asking again.

    To preview what a change would do, `instead` gives layers that are not stored (yet), by (group's key, membership's
    key), each None where it does not apply, and `order` the keys of the groups that there would be, in their order.
    `over` names levels whose grace period counts as ended: what will be once it is.
    """

    def __init__(
        self,
        organization: Organization,
        *,
        instead: Mapping[tuple[int | None, int | None], Layer] | None = None,
        order: Iterable[int] | None = None,
        over: Collection[tuple[int | None, int | None]] = (),
    ) -> None:
        self.now = timezone.now()
        rows = AdminPolicy.objects.filter(organization=organization).select_related("group")
        today = {(row.group_id, row.membership_id): row.as_layer() for row in rows}
        kept = {(row.group_id, row.membership_id): row.as_kept_layer(self.now) for row in rows}
        self._today = {**today, **(instead or {})}
        self._kept = {**self._today, **{place: layer for place, layer in kept.items() if place not in over}}
        stored = organization.groups.order_by("position", "name", "pk").values_list("pk", flat=True)
        self._groups = list(stored if order is None else order)
        self._found: dict[tuple[frozenset[int], int | None], Held] = {}

    def held_by(self, membership_pk: int, groups: Iterable[int]) -> Held:
        """What holds for a member of these groups (their keys)."""
        own = membership_pk if (None, membership_pk) in self._today or (None, membership_pk) in self._kept else None
        key = frozenset(groups), own
        if key not in self._found:
            places = [(None, None), *((pk, None) for pk in self._groups if pk in key[0]), (None, own)]
            if own is None:
                places.pop()
            today = [self._today[place] for place in places if place in self._today]
            kept = [self._kept[place] for place in places if place in self._kept]
            policy = levels.resolve(today)
            self._found[key] = Held(policy, policy if kept == today else levels.resolve(kept))
        return self._found[key]


def members_under(
    organization: Organization, group: Group | None = None, membership: Membership | None = None
) -> models.QuerySet[Membership]:
    """Whom a level concerns."""
    members = Membership.objects.filter(organization=organization)
    if group is not None:
        return members.filter(groups=group)
    return members if membership is None else members.filter(pk=membership.pk)


def freeze_policies(organization: Organization) -> None:
    """Until the transaction ends, nobody else changes what is decided here, and nobody is disconnected by it."""
    if connection.features.has_select_for_update:  # elsewhere a transaction that writes keeps all others out
        list(Organization.objects.select_for_update(no_key=True).filter(pk=organization.pk).values_list("pk"))


class ChangeState(models.TextChoices):
    WAITING = "waiting", "Waiting for the end of the grace period"
    RUNNING = "running", "Being carried out"
    DONE = "done", "Done"
    UNDONE = "undone", "Undone"


class PolicyChange(models.Model):
    """One change of what is decided, and how far its effects on people have come. Work goes on from `position`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="policy_changes")
    policy = models.ForeignKey(AdminPolicy, null=True, on_delete=models.SET_NULL, related_name="changes")
    what = models.CharField(max_length=200, help_text='Whose policy, or what else moved people: "Group Sales".')
    made_at = models.DateTimeField(default=timezone.now)
    made_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    address = models.GenericIPAddressField(null=True, blank=True)
    before = models.JSONField(
        default=dict, help_text="{setting: [value, is locked]} of what changed; null: nothing said."
    )
    after = models.JSONField(default=dict)
    due_at = models.DateTimeField(
        default=timezone.now, help_text="When its effects come: at once, or after the grace period."
    )
    state = models.CharField(max_length=10, choices=ChangeState.choices, default=ChangeState.RUNNING)
    announced_at = models.DateTimeField(null=True, blank=True, help_text="When everybody concerned was found and told.")
    finished_at = models.DateTimeField(null=True, blank=True)
    position = models.UUIDField(null=True, blank=True, help_text="The last connection that was looked at.")
    total = models.PositiveIntegerField(default=0, help_text="Connections to look at.")
    looked_at = models.PositiveIntegerField(default=0)
    leased_by = models.CharField(max_length=64, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-made_at"]
        indexes = [
            models.Index(fields=["state", "due_at"], name="changes_by_due_time"),
            models.Index(fields=["organization", "-made_at"], name="changes_of_an_organization"),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.made_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        return self.state in (ChangeState.WAITING, ChangeState.RUNNING)


class EffectState(models.TextChoices):
    WAITING = "waiting", "Announced"
    DONE = "done", "Done"
    SPARED = "spared", "Spared"
    UNDONE = "undone", "Undone"


class PolicyEffect(models.Model):
    """What one change did, or will do when its grace period ends, to one person's connection.

    Mail and banner speak from this row; it outlives the connection.
    """

    change = models.ForeignKey(PolicyChange, on_delete=models.CASCADE, related_name="effects")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="policy_effects")
    connection_id = models.UUIDField()
    provider = models.CharField(max_length=30)
    mailbox = models.EmailField(max_length=254)
    outcome = models.CharField(max_length=15, choices=[(one.value, one.value) for one in Outcome])
    ended = models.JSONField(default=list, help_text="Permissions that end.")
    lacking = models.JSONField(default=list, help_text="Permissions that are switched on and were never granted.")
    reasons = models.JSONField(default=list, help_text="Sentences for the person.")
    state = models.CharField(max_length=10, choices=EffectState.choices, default=EffectState.WAITING)
    at = models.DateTimeField(default=timezone.now, help_text="When it was found, or done.")
    told_at = models.DateTimeField(null=True, blank=True, help_text="When the person was mailed about this state.")
    mail_failures = models.PositiveSmallIntegerField(default=0, help_text="Who failed often is mailed after others.")
    reminded_at = models.DateTimeField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True, help_text="When the person put the banner away.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "user"], name="one_effect_per_person")]
        indexes = [
            models.Index(fields=["state", "change"], name="effects_by_state"),
            models.Index(fields=["mail_failures", "id"], name="effects_to_tell", condition=Q(told_at=None)),
            models.Index(fields=["user", "-at"], name="effects_on_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} for {self.user_id}: {self.state}"
