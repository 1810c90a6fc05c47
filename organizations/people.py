"""What admins change about the people and groups of their organization."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.http import HttpRequest

from organizations.client_address import client_address
from organizations.models import Group, Membership, Organization, Role, User, record


class ChangeRefused(Exception):
    """Not possible; the message is the sentence for the person."""


def change_role(membership: Membership, role: str, *, by: User, request: HttpRequest) -> None:
    """Give somebody another role.

    Raises:
        ChangeRefused: only owners make and unmake owners, and the last owner stays.
    """
    with transaction.atomic():
        # The owners are locked too: two of them stepping down at once would leave none.
        owners = set(
            Membership.objects.select_for_update()
            .filter(organization=membership.organization, role=Role.OWNER)
            .values_list("pk", flat=True)
        )
        membership = Membership.objects.select_for_update().select_related("user", "organization").get(pk=membership.pk)
        before = membership.role
        if role == before:
            return
        actor = Membership.objects.get(user=by, organization=membership.organization)
        if Role.OWNER in (role, before) and actor.role != Role.OWNER:
            raise ChangeRefused("Only an owner can make somebody an owner, or change the role of one.")
        if before == Role.OWNER and owners == {membership.pk}:
            raise ChangeRefused(
                f"{membership.user.label} is the only owner. Make somebody else an owner first, then change this role."
            )
        membership.role = role
        membership.save(update_fields=["role"])
        record(
            "member.role_changed",
            organization=membership.organization,
            actor=by,
            subject=membership.user,
            details={"from": before, "to": role},
            address=client_address(request),
        )


def set_groups(membership: Membership, groups: Iterable[Group], *, by: User, request: HttpRequest) -> None:
    """Put somebody into exactly these groups of their own organization."""
    wanted = [group for group in groups if group.organization_id == membership.organization_id]
    with transaction.atomic():
        before = sorted(membership.groups.values_list("name", flat=True))
        membership.groups.set(wanted)
        after = sorted(group.name for group in wanted)
        if before != after:
            record(
                "member.groups_changed",
                organization=membership.organization,
                actor=by,
                subject=membership.user,
                details={"from": before, "to": after},
                address=client_address(request),
            )


def save_group(group: Group, *, memberships: Iterable[Membership], by: User, request: HttpRequest) -> None:
    """Create or rename a group and set who is in it.

    Raises:
        ChangeRefused: the name is taken.
    """
    is_new = group.pk is None
    try:
        with transaction.atomic():
            if is_new:
                group.position = group.organization.groups.count()
            group.save()
            group.memberships.set(memberships)  # type: ignore[attr-defined]  # the other end of Membership.groups
            record(
                "group.created" if is_new else "group.changed",
                organization=group.organization,
                actor=by,
                details={"group": group.name, "members": sorted(one.user.email for one in memberships)},
                address=client_address(request),
            )
    except IntegrityError:
        raise ChangeRefused(f"There is already a group called {group.name}. Choose another name.") from None


def delete_group(group: Group, *, by: User, request: HttpRequest) -> None:
    """Delete a group; its members stay in the organization."""
    with transaction.atomic():
        record(
            "group.deleted",
            organization=group.organization,
            actor=by,
            details={"group": group.name},
            address=client_address(request),
        )
        group.delete()


def change_organization(organization: Organization, *, changed: list[str], by: User, request: HttpRequest) -> None:
    """Save an organization's settings, and write down which of them changed."""
    with transaction.atomic():
        before = Organization.objects.filter(pk=organization.pk).values(*changed).first() if changed else None
        organization.save()
        if changed:
            record(
                "organization.changed",
                organization=organization,
                actor=by,
                details={"before": before, "after": {name: getattr(organization, name) for name in changed}},
                address=client_address(request),
            )
