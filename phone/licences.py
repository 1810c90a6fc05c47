"""Who may call: licences that admins assign and withdraw. Those of the phone system come and go with it."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from organizations.grouping import find_own, in_batches, name_people
from organizations.models import Membership, Organization, User, record
from organizations.people import lock
from phone.models import Licence

HELD = Q(user__phone_licence__is_assigned=True) | Q(user__phone_licence__is_at_system=True)
"""Of a membership: its person may call."""


def find_licence(user: User) -> Licence | None:
    """Also one that is not held any more."""
    return Licence.objects.filter(user=user).select_related("assigned_by").first()


def holds(user: User) -> bool:
    licence = find_licence(user)
    return licence is not None and licence.is_held


def with_licences(memberships: QuerySet[Membership]) -> QuerySet[Membership]:
    return memberships.select_related("user__phone_licence__assigned_by")


def assign(organization: Organization, memberships: Sequence[int], *, by: User, address: str | None) -> int:
    """Give people (keys of memberships) of an organization a licence. Returns how many had none from an admin yet.

    Who has one from the phone system as well keeps the right to call when that one goes.
    """
    with transaction.atomic():
        lock(organization)
        new = _select(organization, memberships, Q(user__phone_licence__is_assigned=True), is_wanted=False)
        given = {"is_assigned": True, "assigned_by": by, "assigned_at": timezone.now()}
        for part in in_batches(list(new.values())):
            Licence.objects.bulk_create(
                [Licence(user_id=pk, **given) for pk in part],
                update_conflicts=True,
                unique_fields=["user"],
                update_fields=list(given),
            )
        _write("licence.assigned", organization, new, by=by, address=address)
    return len(new)


def withdraw(organization: Organization, memberships: Sequence[int], *, by: User, address: str | None) -> int:
    """Take licences back that an admin assigned. Returns how many; those of the phone system stay."""
    with transaction.atomic():
        lock(organization)
        gone = _select(organization, memberships, Q(user__phone_licence__is_assigned=True), is_wanted=True)
        for part in in_batches(list(gone.values())):
            Licence.objects.filter(user__in=part).update(is_assigned=False, assigned_by=None, assigned_at=None)
        _write("licence.withdrawn", organization, gone, by=by, address=address)
    return len(gone)


def count_at_system(organization: Organization, memberships: Sequence[int]) -> int:
    """How many of these people may call because the phone system says so."""
    return len(_select(organization, memberships, Q(user__phone_licence__is_at_system=True), is_wanted=True))


def let_go(user: User, *, organization: Organization, reason: str, by: User, address: str | None) -> None:
    """Who is switched off or leaves holds none. What the phone system says of them, it will say again."""
    licence = Licence.objects.filter(user=user).first()
    if licence is None:
        return
    licence.delete()
    if licence.is_assigned:
        record(
            "licence.withdrawn",
            organization=organization,
            actor=by,
            subject=user,
            details={"reason": reason},
            address=address,
        )


def _select(organization: Organization, memberships: Sequence[int], condition: Q, *, is_wanted: bool) -> dict[int, int]:
    """Those of them whom the condition fits, or does not: membership → user."""
    found: dict[int, int] = {}
    for part in in_batches(find_own(organization, memberships)):
        among = Membership.objects.filter(pk__in=part)
        rows = among.filter(condition) if is_wanted else among.exclude(condition)
        found |= dict(rows.order_by("pk").values_list("pk", "user"))
    return found


def _write(action: str, organization: Organization, people: dict[int, int], *, by: User, address: str | None) -> None:
    """One event, of the person where it is one, else with the names of the first of them."""
    if not people:
        return
    keys = list(people)
    is_one = len(keys) == 1
    record(
        action,
        organization=organization,
        actor=by,
        subject=User.objects.get(pk=people[keys[0]]) if is_one else None,
        details={} if is_one else name_people(keys),
        address=address,
    )
