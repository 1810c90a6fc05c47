"""Roles that are offered by invitation: nobody's offer outlives their own right to give the role."""

from django.http import HttpRequest
from django.utils import timezone

from organizations.client_address import client_address
from organizations.models import Invitation, Membership, Organization, Role, User, record


def may_give(role: str, *, giver: str) -> bool:
    """Whether somebody of the role `giver` ("": none) may give a role."""
    if role == Role.OWNER:
        return giver == Role.OWNER
    return giver in (Role.OWNER, Role.ADMIN)


def is_good(invitation: Invitation) -> bool:
    """Whether it may be accepted as far as who made it is concerned. A member's place is the organization's own offer;
    to be admin or owner is offered by somebody who may give that still."""
    if invitation.role == Role.MEMBER:
        return True
    mine = Membership.objects.filter(organization=invitation.organization_id, user__is_active=True)
    giver = mine.filter(user=invitation.invited_by_id).values_list("role", flat=True).first()
    return may_give(invitation.role, giver=giver or "")


def withdraw(user: User, organization: Organization, *, role: str, by: User, request: HttpRequest) -> int:
    """Take back what somebody offers here and could not give as `role` ("": of whom nothing is left). Returns how many.

    Inside the transaction of the change, and under its lock of the organization.
    """
    beyond = [one for one in (Role.ADMIN, Role.OWNER) if not may_give(one, giver=role)]
    offers = Invitation.objects.open().filter(organization=organization, invited_by=user, role__in=beyond)
    taken_back = list(offers.select_for_update())
    offers.filter(pk__in=[one.pk for one in taken_back]).update(revoked_at=timezone.now())
    for one in taken_back:
        record(
            "invitation.revoked",
            organization=organization,
            actor=by,
            details={"email": one.email, "role": one.role, "reason": f"{user.label} may no longer give this role."},
            address=client_address(request),
        )
    return len(taken_back)
