"""Scheduling privilege: whose meetings a person sees beside their own, and how much of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from django.utils import timezone

from integrations.models import Connection
from integrations.permissions import Permission
from integrations.policy_models import OrganizationPolicies, hold
from meetings.models import Delegation
from meetings.visibility import Relation, Sight
from organizations.models import User

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody for whom a person may schedule."""

    user: User
    sight: Sight
    delegation: Delegation
    connection: Connection | None = None


@dataclass(frozen=True, slots=True)
class Circle:
    """A person, and those they schedule for."""

    user: User
    own: Sight
    owners: Sequence[Owner] = field(default_factory=tuple)

    @property
    def sights(self) -> list[Sight]:
        return [self.own, *(one.sight for one in self.owners)]

    def find_owner(self, user_id: int) -> User | None:
        """The person themselves, or one of those they schedule for; None for everybody else."""
        if user_id == self.user.pk:
            return self.user
        return next((one.user for one in self.owners if one.user.pk == user_id), None)

    def relation_to(self, user_id: int) -> Relation:
        """Raises KeyError where the person sees nothing of this owner's."""
        return {one.owner_id: one.relation for one in self.sights}[user_id]


def find_circle(user: User, *, reads_calendar: bool = True) -> Circle:
    """One query where nobody has named this person; else five, however many have.

    `reads_calendar`: whether what was read from the person's own calendar may be shown now.
    """
    own = Sight(user.pk, Relation.OWNER, reads_calendar)
    organization = user.organization
    if organization is None:
        return Circle(user, own)
    delegations = list(
        Delegation.objects.running(timezone.now().date() - DAY)  # somewhere it is still yesterday
        .filter(delegate=user)
        .select_related("owner__membership", "owner__connection")
        .prefetch_related("owner__membership__groups")
        .order_by("owner__name", "owner__email")
    )
    if not delegations:
        return Circle(user, own)
    policies = OrganizationPolicies(organization)
    owners = []
    for one in delegations:
        owner, membership = one.owner, one.owner.membership
        membership.organization = organization
        held = policies.held_by(membership.pk, [group.pk for group in membership.groups.all()])
        if not held.today.scheduling_privilege or not is_running(one, owner):
            continue
        hold(owner, held)
        connection: Connection | None = getattr(owner, "connection", None)
        if connection is not None:
            connection.user = owner
        relation = Relation.PRIVATE_DELEGATE if one.may_manage_private else Relation.DELEGATE
        reads = connection is not None and connection.may(Permission.CALENDAR_READ)
        owners.append(Owner(owner, Sight(owner.pk, relation, reads), one, connection))
    return Circle(user, own, tuple(owners))


def is_running(delegation: Delegation, owner: User) -> bool:
    """Its last day is the owner's own, which may be over already where they are."""
    today: date = timezone.now().astimezone(owner.zone).date()
    return delegation.until is None or delegation.until >= today
