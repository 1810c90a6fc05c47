"""What admins change about groups: who is in them, and which of them decides first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.http import HttpRequest

from organizations.client_address import client_address
from organizations.models import Group, Membership, Organization, User, record
from organizations.people import ChangeRefused, get_locked, lock
from organizations.signals import policy_may_differ

BATCH = 1000
NAMED = 50
"""How many people one event of the audit trail names; then it says how many more."""
DIRECTIONS = {"up": -1, "down": 1}

GONE = "This group was deleted meanwhile."

Through = Membership.groups.through


class GroupGone(ChangeRefused):
    """Somebody else deleted the group, or one of the groups, in the meantime."""


def set_groups(membership: Membership, groups: Iterable[Group], *, by: User, request: HttpRequest) -> None:
    """Put somebody into exactly these groups of their own organization.

    Raises:
        GroupGone: one of them is no more.
        ChangeRefused: the person has left.
    """
    wanted = [group for group in groups if group.organization_id == membership.organization_id]
    with changing(membership.organization):
        membership = get_locked(membership)
        if membership.organization.groups.filter(pk__in=[group.pk for group in wanted]).count() != len(wanted):
            raise GroupGone("One of these groups was deleted meanwhile. Choose again.")
        before = list(membership.groups.all())
        membership.groups.set(wanted)
        after = list(membership.groups.all())
        if before == after:
            return
        record(
            "member.groups_changed",
            organization=membership.organization,
            actor=by,
            subject=membership.user,
            details={"before": [one.name for one in before], "after": [one.name for one in after]},
            address=client_address(request),
        )
        moved = {one.pk for one in {*before} ^ {*after}}
        tell(membership.organization, f"Groups of {membership.user.label}", groups=moved, by=by, request=request)


def create_group(organization: Organization, name: str, *, by: User, request: HttpRequest) -> Group:
    """A group without people, which decides last.

    Raises:
        ChangeRefused: the name is taken.
    """
    with changing(organization), unique_name(name):
        last = organization.groups.aggregate(last=Max("position"))["last"]
        group = Group.objects.create(organization=organization, name=name, position=0 if last is None else last + 1)
        write("group.created", group, {}, by=by, request=request)
    return group


def rename_group(group: Group, name: str, *, by: User, request: HttpRequest) -> None:
    """Give a group another name.

    Raises:
        GroupGone
        ChangeRefused: the name is taken.
    """
    with changing(group.organization), unique_name(name):
        before = get_current(group).name
        if before == name:
            return
        group.name = name
        group.save(update_fields=["name"])
        write("group.changed", group, {"before": before, "after": name}, by=by, request=request)


def add_members(group: Group, memberships: Sequence[int], *, by: User, request: HttpRequest) -> int:
    """Put people (keys of memberships) into a group. Returns how many were not in it yet.

    Raises:
        GroupGone
    """
    with changing(group.organization):
        group = get_current(group)
        there = find_members(group)
        new = [pk for pk in find_own(group.organization, memberships) if pk not in there]
        Through.objects.bulk_create(
            [Through(membership_id=pk, group_id=group.pk) for pk in new], batch_size=BATCH, ignore_conflicts=True
        )
        if new:
            write("group.members_added", group, name_people(new), by=by, request=request)
            what = f"{count_people(new)} put into {group.name}"
            tell(group.organization, what, groups={group.pk}, by=by, request=request)
    return len(new)


def remove_members(group: Group, memberships: Sequence[int], *, by: User, request: HttpRequest) -> int:
    """Take people (keys of memberships) out of a group. Returns how many were in it.

    Raises:
        GroupGone
    """
    with changing(group.organization):
        group = get_current(group)
        there = find_members(group)
        gone = [pk for pk in memberships if pk in there]
        if gone:
            write("group.members_removed", group, name_people(gone), by=by, request=request)
            for part in in_batches(gone):
                Through.objects.filter(group=group, membership__in=part).delete()
            what = f"{count_people(gone)} taken out of {group.name}"
            tell(group.organization, what, groups={group.pk}, by=by, request=request)
    return len(gone)


def order_with(groups: Sequence[Group], moved: Group, direction: str) -> list[int]:
    """The keys of the groups in the order there would be after moving one of them a place up or down.

    Raises:
        GroupGone: it is not among them.
    """
    keys = [one.pk for one in groups]
    if moved.pk not in keys:
        raise GroupGone(GONE)
    here = keys.index(moved.pk)
    there = here + DIRECTIONS[direction]
    if 0 <= there < len(keys):
        keys[here], keys[there] = keys[there], keys[here]
    return keys


def move_group(group: Group, direction: str, *, by: User, request: HttpRequest) -> None:
    """One place "up" (decides earlier) or "down". At the end of the list nothing happens.

    Raises:
        GroupGone
    """
    with changing(group.organization):
        groups = list(group.organization.groups.all())
        keys = order_with(groups, group, direction)
        if keys == [one.pk for one in groups]:
            return
        named = {one.pk: one for one in groups}
        for position, pk in enumerate(keys):
            if named[pk].position != position:
                Group.objects.filter(pk=pk).update(position=position)
        order = {"before": [one.name for one in groups], "after": [named[pk].name for pk in keys]}
        write("group.moved", group, order, by=by, request=request)
        what = f"Order of groups: {group.name} moved {direction}"
        tell(group.organization, what, groups={group.pk}, by=by, request=request)


def delete_group(group: Group, *, by: User, request: HttpRequest) -> None:
    """Delete a group with its policy; its members stay in the organization.

    Raises:
        GroupGone: somebody else did.
    """
    organization = group.organization
    with changing(organization):
        group = get_current(group)
        people = sorted(find_members(group))
        write("group.deleted", group, name_people(people), by=by, request=request)
        # Before, while it can still be seen whether the group said anything.
        tell(organization, f"Group {group.name} deleted", groups={group.pk}, by=by, request=request)
        group.delete()


@contextmanager
def changing(organization: Organization) -> Iterator[None]:
    """A transaction in which nobody else moves this organization's people or groups."""
    with transaction.atomic():
        lock(organization)
        yield


def get_current(group: Group) -> Group:
    """As it stands now, inside `changing`.

    Raises:
        GroupGone
    """
    found = Group.objects.select_related("organization").filter(pk=group.pk).first()
    if found is None:
        raise GroupGone(GONE)
    return found


@contextmanager
def unique_name(name: str) -> Iterator[None]:
    """Raises ChangeRefused where the database finds the name taken."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        raise ChangeRefused(f"There is already a group called {name}. Choose another name.") from None


def find_own(organization: Organization, memberships: Sequence[int]) -> list[int]:
    """Those of the keys that are of this organization."""
    found: list[int] = []
    for part in in_batches(memberships):
        found += organization.memberships.filter(pk__in=part).values_list("pk", flat=True)
    return found


def find_members(group: Group) -> set[int]:
    """The keys of the memberships in a group."""
    return set(Through.objects.filter(group=group).values_list("membership", flat=True))


def in_batches(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    """So many as one statement of any database takes."""
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))


def name_people(memberships: Sequence[int]) -> dict[str, object]:
    """For the audit trail: the addresses of the first of them, and how many there are."""
    some = Membership.objects.filter(pk__in=memberships[:NAMED]).order_by("user__email")
    return {"people": list(some.values_list("user__email", flat=True)), "count": len(memberships)}


def count_people(memberships: Sequence[int]) -> str:
    return f"{len(memberships)} {'person' if len(memberships) == 1 else 'people'}"


def write(action: str, group: Group, details: Mapping[str, object], *, by: User, request: HttpRequest) -> None:
    record(
        action,
        organization=group.organization,
        actor=by,
        details={"group": group.name, **details},
        address=client_address(request),
    )


def tell(organization: Organization, what: str, *, groups: set[int], by: User, request: HttpRequest) -> None:
    """Other policies may hold for people from now on: once per change, inside its transaction."""
    policy_may_differ.send(
        sender=Group, organization=organization, what=what, groups=groups, by=by, address=client_address(request)
    )
