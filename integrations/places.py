"""The levels on which something is decided: which there are, and what each of them says."""

from dataclasses import dataclass

from django.db.models import QuerySet

from integrations.levels import Layer
from integrations.policy import Level
from integrations.policy_models import AdminPolicy, members_under
from organizations.models import Group, Membership, Organization


@dataclass(frozen=True, slots=True)
class Place:
    """A level of one organization: the whole, one group, or one member."""

    organization: Organization
    group: Group | None = None
    membership: Membership | None = None

    @property
    def level(self) -> Level:
        if self.group is not None:
            return Level.GROUP
        return Level.ORGANIZATION if self.membership is None else Level.MEMBER

    @property
    def label(self) -> str:
        """For admins and the audit trail: "Group Sales"."""
        if self.group is not None:
            return f"Group {self.group.name}"
        return "Organization" if self.membership is None else self.membership.user.label

    @property
    def key(self) -> tuple[int | None, int | None]:
        """As `OrganizationPolicies` names levels."""
        return (self.group.pk if self.group else None, self.membership.pk if self.membership else None)

    @property
    def members(self) -> QuerySet[Membership]:
        """Who lives under it."""
        return members_under(self.organization, self.group, self.membership)


def place_of(row: AdminPolicy) -> Place:
    return Place(row.organization, row.group, row.membership)


def find_policy(place: Place) -> AdminPolicy | None:
    """The level's row; None where it has never said anything."""
    found = AdminPolicy.objects.filter(organization=place.organization, group=place.group, membership=place.membership)
    return found.select_related("group", "changed_by").first()


def layer_of(place: Place) -> Layer:
    """What the level says; a layer without choices where it says nothing."""
    found = find_policy(place)
    return found.as_layer() if found else empty_layer(place)


def version_of(place: Place) -> int:
    """What `save` wants to be told; 0 where the level has never said anything."""
    found = find_policy(place)
    return found.version if found else 0


def layers_above(place: Place) -> list[Layer]:
    """For a group the organization's; for a member the organization's and their groups', in the order that decides."""
    if place.level is Level.ORGANIZATION:
        return []
    if place.membership is None:
        return [row.as_layer() for row in AdminPolicy.objects.of_whole(place.organization)]
    rows = AdminPolicy.objects.over(place.membership)
    return [row.as_layer() for row in rows if row.membership_id is None]


def empty_layer(place: Place) -> Layer:
    """Of a level that says nothing."""
    return Layer(place.level, place.group.name if place.group else "")
