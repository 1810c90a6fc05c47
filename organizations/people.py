"""What becomes of people's places in their organization: roles, who is switched off, who leaves, who owns it."""

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest

from organizations import offers, people_mails
from organizations.client_address import client_address
from organizations.models import Membership, Organization, Role, SwitchedOffBy, User, record
from organizations.signals import member_left, region_changed


class ChangeRefused(Exception):
    """Not possible; the message is the sentence for the person."""


def lock(organization: Organization) -> None:
    """Until the transaction ends, nobody else changes people or groups here, nor what is decided for them.

    Without it, two owners who leave at once would both find that there is another.
    """
    Organization.objects.select_for_update(no_key=True).filter(pk=organization.pk).values_list("pk").first()


def change_role(membership: Membership, role: str, *, by: User, request: HttpRequest) -> None:
    """Give somebody another role.

    Raises:
        ChangeRefused: only owners make and unmake owners, and the last owner stays.
    """
    with transaction.atomic():
        membership = get_locked(membership)
        before = membership.role
        if role == before:
            return
        if Role.OWNER in (role, before) and role_of(by, membership.organization) != Role.OWNER:
            raise ChangeRefused("Only an owner can make somebody an owner, or change the role of one.")
        if is_last_owner(membership):
            raise ChangeRefused(
                f"{membership.user.label} is the only owner. Make somebody else an owner first, then change this role."
            )
        write_role(membership, role, by=by, request=request)


def deactivate(membership: Membership, *, by: User, request: HttpRequest) -> None:
    """Switch somebody off: they are signed out everywhere and cannot sign in, and their connection is erased.

    Role and groups stay, so that they can come back.

    Raises:
        ChangeRefused: they are owner and who asks is not, the last owner, or who asks themself.
    """
    with transaction.atomic():
        membership = get_locked(membership)
        if membership.user_id == by.pk:
            raise ChangeRefused("You cannot deactivate yourself. Ask another admin, or leave the organization.")
        check_may_manage(membership, by)
        if is_last_owner(membership):
            raise ChangeRefused(f"{membership.user.label} is the only owner. Make somebody else an owner first.")
        if not membership.user.is_active:
            return
        write_active(membership.user, is_active=False, by=SwitchedOffBy.ORGANIZATION)
        end_sessions(membership.user)
        record(
            "member.deactivated",
            organization=membership.organization,
            actor=by,
            subject=membership.user,
            details={"role": membership.role},
            address=client_address(request),
        )
        let_go(membership, reason=f"{membership.user.label} was deactivated.", by=by, request=request)
        people_mails.tell_deactivated(membership.user, by=by)


def reactivate(membership: Membership, *, by: User, request: HttpRequest) -> None:
    """Let somebody sign in again, with the role and groups they had; they connect anew.

    Raises:
        ChangeRefused: they are owner and who asks is not, or no admin switched them off.
    """
    with transaction.atomic():
        membership = get_locked(membership)
        check_may_manage(membership, by)
        if membership.user.is_active:
            return
        if membership.user.switched_off_by != SwitchedOffBy.ORGANIZATION:
            raise ChangeRefused(
                f"{membership.user.label} was switched off by support, and only support can switch them on again. "
                "Write to whoever runs Portico for you."
            )
        write_active(membership.user, is_active=True)
        record(
            "member.reactivated",
            organization=membership.organization,
            actor=by,
            subject=membership.user,
            details={"role": membership.role},
            address=client_address(request),
        )
        people_mails.tell_reactivated(membership.user, by=by)


def leave(membership: Membership, *, request: HttpRequest) -> None:
    """Give up one's own place. The person stays, without an organization, and may be invited to another.

    Raises:
        ChangeRefused: the last owner stays.
    """
    with transaction.atomic():
        membership = get_locked(membership)
        user = membership.user
        if is_last_owner(membership):
            raise ChangeRefused(
                f"You are the only owner of {membership.organization.name}. Hand over ownership first, then leave."
            )
        record(
            "member.left",
            organization=membership.organization,
            actor=user,
            subject=user,
            details={"role": membership.role, "groups": list(membership.groups.values_list("name", flat=True))},
            address=client_address(request),
        )
        let_go(membership, reason=f"{user.label} left {membership.organization.name}.", by=user, request=request)
        Membership.objects.filter(pk=membership.pk).delete()


def hand_over(owner: Membership, heir: Membership, *, request: HttpRequest) -> None:
    """Make somebody else an owner in one's own stead; who hands over becomes an admin.

    Raises:
        ChangeRefused: who asks owns it no more, or the other is switched off, an owner already, or themself.
    """
    with transaction.atomic():
        owner, heir = get_locked(owner), get_locked(heir)
        if owner.role != Role.OWNER:
            raise ChangeRefused("Only an owner can hand over ownership.")
        if owner.pk == heir.pk or heir.role == Role.OWNER:
            raise ChangeRefused(f"{heir.user.label} is an owner already.")
        if not heir.user.is_active:
            raise ChangeRefused(f"{heir.user.label} is deactivated and cannot sign in. Reactivate them first.")
        record(
            "ownership.handed_over",
            organization=owner.organization,
            actor=owner.user,
            subject=heir.user,
            details={"from": owner.user.email, "to": heir.user.email},
            address=client_address(request),
        )
        write_role(heir, Role.OWNER, by=owner.user, request=request)
        write_role(owner, Role.ADMIN, by=owner.user, request=request)
        people_mails.tell_owner(heir.user, by=owner.user, organization=owner.organization)


def get_locked(membership: Membership) -> Membership:
    """As it stands now; nobody else changes it, or another of the organization, until the transaction ends.

    Raises:
        ChangeRefused: they have left.
    """
    lock(membership.organization)
    found = Membership.objects.select_related("user", "organization").filter(pk=membership.pk).first()
    if found is None:
        raise ChangeRefused("This person has left the organization.")
    return found


def is_last_owner(membership: Membership) -> bool:
    """Whether nobody who can sign in would own the organization without them."""
    if membership.role != Role.OWNER:
        return False
    owners = Membership.objects.filter(organization=membership.organization, role=Role.OWNER, user__is_active=True)
    return not owners.exclude(pk=membership.pk).exists()


def check_may_manage(membership: Membership, by: User) -> None:
    """Raises ChangeRefused: only an owner decides over an owner."""
    if membership.role == Role.OWNER and role_of(by, membership.organization) != Role.OWNER:
        raise ChangeRefused(f"{membership.user.label} is an owner: only an owner can do that.")


def role_of(user: User, organization: Organization) -> str:
    """ "" where they have none here."""
    found = Membership.objects.filter(user=user, organization=organization).values_list("role", flat=True).first()
    return found or ""


def write_role(membership: Membership, role: str, *, by: User, request: HttpRequest) -> None:
    before, membership.role = membership.role, role
    membership.save(update_fields=["role"])
    record(
        "member.role_changed",
        organization=membership.organization,
        actor=by,
        subject=membership.user,
        details={"from": before, "to": role},
        address=client_address(request),
    )
    offers.withdraw(membership.user, membership.organization, role=role, by=by, request=request)


def write_active(user: User, *, is_active: bool, by: SwitchedOffBy = SwitchedOffBy.NOBODY) -> None:
    """Switch somebody on or off. `by`: who may switch them on again."""
    user.is_active, user.switched_off_by = is_active, by
    user.save(update_fields=["is_active", "switched_off_by"])


def end_sessions(user: User) -> None:
    """On every device, whether it is listed or not; who is switched on again finds none of them open."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    for session in UserSession.objects.filter(user=user):
        session.end()


def let_go(membership: Membership, *, reason: str, by: User, request: HttpRequest) -> None:
    """What somebody does not keep who is switched off or leaves: roles they offer, and what the apps above have of
    them, which these let go of in the same transaction."""
    offers.withdraw(membership.user, membership.organization, role="", by=by, request=request)
    member_left.send(
        sender=Membership,
        user=membership.user,
        organization=membership.organization,
        reason=reason,
        by=by,
        address=client_address(request),
    )


def change_organization(organization: Organization, *, changed: list[str], by: User, request: HttpRequest) -> None:
    """Save an organization's settings, and write down which of them changed."""
    with transaction.atomic():
        before = Organization.objects.filter(pk=organization.pk).values(*changed).first() if changed else None
        organization.save()
        if "default_region" in changed:
            region_changed.send(Organization, organization=organization)
        if changed:
            record(
                "organization.changed",
                organization=organization,
                actor=by,
                details={"before": before, "after": {name: getattr(organization, name) for name in changed}},
                address=client_address(request),
            )
