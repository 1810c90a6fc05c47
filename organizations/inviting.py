"""From "Invite" to a place in the organization: invite, send again, revoke, accept."""

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from organizations import offers
from organizations.client_address import client_address
from organizations.invitation_mails import mail, mails_left, most_per_day
from organizations.mailing import NotSent
from organizations.models import Invitation, Membership, Organization, User, record
from organizations.people import lock

SESSION_KEY = "invitation_token"


class InvitationRefused(Exception):
    """Not possible; the message is the sentence for the person."""


def invite(organization: Organization, *, email: str, role: str, by: User, request: HttpRequest) -> Invitation:
    """Offer a place and mail the link.

    Raises:
        InvitationRefused: who invites may not give this role, the address is in use here or invited, or too many mails.
    """
    check_may_give(role, by=by)
    now = timezone.now()
    check_mails_left(organization)
    if Membership.objects.filter(organization=organization, user__email__iexact=email).exists():
        raise InvitationRefused(f"{email} already works here.")
    invitation = Invitation(organization=organization, email=email.lower(), role=role, invited_by=by)
    token = invitation.renew_token(now)
    try:
        with transaction.atomic():
            invitation.save()
            record(
                "invitation.created",
                organization=organization,
                actor=by,
                details={"email": invitation.email, "role": role},
                address=client_address(request),
            )
    except IntegrityError:
        raise InvitationRefused(f"{email} is already invited. You can send that invitation again.") from None
    send(invitation, token)
    return invitation


def send_again(invitation: Invitation, *, by: User, request: HttpRequest, is_support: bool = False) -> None:
    """Mail a new link, good for its full life; the old one stops working. Support staff may, whatever the role.

    Raises:
        InvitationRefused: it was answered or revoked meanwhile, its role may not be given, or too many mails.
    """
    if not is_support:
        check_may_give(invitation.role, by=by)
    now = timezone.now()
    check_mails_left(invitation.organization)
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
        check_is_open(invitation)
        if not is_support:
            invitation.invited_by = by  # From now on it is their offer.
        check_is_good(invitation)
        token = invitation.renew_token(now)
        invitation.save()
        record(
            "invitation.sent_again",
            organization=invitation.organization,
            actor=by,
            details={"email": invitation.email},
            address=client_address(request),
        )
    send(invitation, token)


def revoke(invitation: Invitation, *, by: User, request: HttpRequest) -> None:
    """Take the offer back: the link stops working.

    Raises:
        InvitationRefused: it was answered or revoked meanwhile.
    """
    with transaction.atomic():
        invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
        check_is_open(invitation)
        invitation.revoked_at = timezone.now()
        invitation.save()
        record(
            "invitation.revoked",
            organization=invitation.organization,
            actor=by,
            details={"email": invitation.email},
            address=client_address(request),
        )


def find_usable(token: str) -> Invitation:
    """The invitation behind a link.

    Raises:
        InvitationRefused: no such link, it was used, revoked or is too old, or who made it may no longer give the role.
    """
    invitation = Invitation.objects.find_by_token(token)
    if invitation is None:
        raise InvitationRefused(
            "This link is not one we know. It may have been replaced by a newer mail: look for the latest invitation, "
            "or ask who invited you to send it again."
        )
    check_is_open(invitation)
    if invitation.is_expired:
        raise InvitationRefused("This invitation has expired. Ask who invited you to send it again.")
    check_is_good(invitation)
    return invitation


def find_pending(request: HttpRequest | None) -> Invitation | None:
    """The invitation whose link this browser followed before signing up, if it can still be accepted."""
    token = request.session.get(SESSION_KEY) if request is not None else None
    try:
        return find_usable(token) if token else None
    except InvitationRefused:
        return None


def accept(invitation: Invitation, *, user: User, request: HttpRequest) -> Membership:
    """Take the place. For a new person this runs inside the transaction of their sign-up.

    Raises:
        InvitationRefused: used or revoked meanwhile, meant for another address, its role may no longer be given, or the
            person works elsewhere.
    """
    with transaction.atomic():
        # No group of the invitation's is deleted meanwhile, and nobody loses the right to give its role.
        lock(invitation.organization)
        invitation = Invitation.objects.select_for_update().select_related("organization").get(pk=invitation.pk)
        check_is_open(invitation)
        if invitation.is_expired:
            raise InvitationRefused("This invitation has expired. Ask who invited you to send it again.")
        check_is_good(invitation)
        check_fits(invitation, user)
        membership = Membership.objects.create(user=user, organization=invitation.organization, role=invitation.role)
        groups = list(invitation.groups.all())
        membership.groups.set(groups)
        invitation.accepted_at = timezone.now()
        invitation.accepted_by = user
        invitation.save()
        record(
            "member.joined",
            organization=invitation.organization,
            actor=user,
            subject=user,
            details={
                "role": invitation.role,
                "groups": [group.name for group in groups],
                "invited_by": invitation.invited_by.email if invitation.invited_by else "",
            },
            address=client_address(request),
        )
    request.session.pop(SESSION_KEY, None)
    return membership


def check_fits(invitation: Invitation, user: User) -> None:
    """Raise InvitationRefused unless this person may take this place."""
    membership = user.find_membership()
    if membership is not None and membership.organization_id == invitation.organization_id:
        raise InvitationRefused(f"You already work at {invitation.organization.name}.")
    if membership is not None:
        raise InvitationRefused(
            f"You already work at {membership.organization.name}, and a person belongs to one organization. "
            f"To join {invitation.organization.name}, ask for an invitation to another e-mail address."
        )
    if user.email.lower() != invitation.email.lower():
        raise InvitationRefused(
            f"This invitation is for {invitation.email}, and you are signed in as {user.email}. "
            "Sign out and open the link again, or ask for an invitation to your own address."
        )


def check_is_open(invitation: Invitation) -> None:
    if invitation.accepted_at is not None:
        raise InvitationRefused("This invitation has already been used. If it was you, sign in.")
    if invitation.revoked_at is not None:
        raise InvitationRefused("This invitation was taken back. Ask who invited you for a new one.")


def check_is_good(invitation: Invitation) -> None:
    if not offers.is_good(invitation):
        raise InvitationRefused(
            f"Who invited you may no longer make anybody {invitation.get_role_display().lower()} of "
            f"{invitation.organization.name}. Ask there for a new invitation."
        )


def check_may_give(role: str, *, by: User) -> None:
    membership = by.find_membership()
    if membership is None or not membership.is_admin:
        raise InvitationRefused("Only an admin can invite people.")
    if not offers.may_give(role, giver=membership.role):
        raise InvitationRefused("Only an owner can make somebody an owner.")


def check_mails_left(organization: Organization) -> None:
    if mails_left(organization, timezone.now()) <= 0:
        raise InvitationRefused(f"{most_per_day()} invitations were sent in the last 24 hours. Go on tomorrow.")


def send(invitation: Invitation, token: str) -> None:
    """Mail the link. Not by a task: the token would stand in a message.

    Raises:
        InvitationRefused: the mail server would not take it; the invitation stands and can be sent again.
    """
    try:
        mail(invitation, token)
    except NotSent:
        raise InvitationRefused(
            f"The invitation for {invitation.email} is saved, but the mail could not be sent. "
            "Send it again in a while, or tell who runs Portico."
        ) from None
