"""Inviting from a list: what each line would do, and doing it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils import timezone

from organizations import invitation_lists
from organizations.client_address import client_address
from organizations.forms import list_roles
from organizations.invitation_lists import WORDS, Judged, Known, Outcome
from organizations.models import AuditEvent, Invitation, InvitationImport, Membership, Role, record
from organizations.people import lock

KEPT_UNCONFIRMED = timedelta(days=1)
KEPT = timedelta(days=30)
MOST_WAITING = 20_000
"""Invitations of one organization that may wait for their mail at once."""


class ImportRefused(Exception):
    """Not possible; the message is the sentence for the person."""


def start(admin: Membership, *, text: str, file_name: str = "") -> InvitationImport:
    """Keep a list that can be read, to look at before anything is sent."""
    return InvitationImport.objects.create(
        organization=admin.organization, made_by=admin.user, text=text, file_name=file_name[:150]
    )


def judge(found: InvitationImport, admin: Membership) -> list[Judged]:
    """What would become of each line, as things stand: nothing is sent. Four queries, however long the list."""
    lines = invitation_lists.parse(found.text).lines
    return invitation_lists.judge(lines, find_known(admin))


def find_known(admin: Membership) -> Known:
    organization = admin.organization
    members = organization.memberships.values_list("user__email", flat=True)
    invited = organization.invitations.open().values_list("email", flat=True)
    groups = organization.groups.values_list("name", "pk")
    mine = [role for role, _ in list_roles(admin)]
    return Known(
        members={address.lower() for address in members},
        invited={address.lower() for address in invited},
        groups={name.lower(): pk for name, pk in groups},
        roles={role: role for role in mine},
        other_roles=set(Role.values) - set(mine),
    )


def confirm(found: InvitationImport, admin: Membership, *, request: HttpRequest) -> int:
    """Make the invitations; their mails go out in the background. Returns how many. The lines are judged again.

    Raises:
        ImportRefused: confirmed already, nobody to invite, or too many wait already.
    """
    for _ in range(3):
        try:
            with transaction.atomic():
                return _confirm(found, admin, request=request)
        except IntegrityError:  # Somebody was invited one by one in this moment: look again.
            continue
    raise ImportRefused("Somebody else invites the same people just now. Try again.")


def _confirm(found: InvitationImport, admin: Membership, *, request: HttpRequest) -> int:
    lock(admin.organization)
    found.refresh_from_db()
    if found.confirmed_at is not None:
        raise ImportRefused("These people have been invited already.")
    judged = judge(found, admin)
    chosen = [one for one in judged if one.outcome is Outcome.INVITED]
    if not chosen:
        raise ImportRefused("Nobody on this list is to be invited.")
    if admin.organization.invitations.waiting().count() + len(chosen) > MOST_WAITING:
        raise ImportRefused(f"More than {MOST_WAITING:,} invitations would wait for their mail. Go on when fewer wait.")
    _create(found, admin, chosen, address=client_address(request))
    found.report = [dump(one) for one in judged]
    found.text = ""
    found.confirmed_at = timezone.now()
    found.save()
    record(
        "invitation.list_imported",
        organization=admin.organization,
        actor=admin.user,
        details={"file": found.file_name, "lines": len(judged), "invited": len(chosen)},
        address=client_address(request),
    )
    return len(chosen)


def _create(found: InvitationImport, admin: Membership, chosen: Sequence[Judged], *, address: str | None) -> None:
    now = timezone.now()
    made = []
    for one in chosen:
        invitation = Invitation(
            organization=admin.organization,
            email=one.line.email.lower(),
            name=one.line.name,
            role=one.role,
            invited_by=admin.user,
            imported_in=found,
        )
        invitation.wait_for_mail(now)
        made.append(invitation)
    Invitation.objects.bulk_create(made, batch_size=500)
    Through = Invitation.groups.through
    Through.objects.bulk_create(
        [
            Through(invitation_id=invitation.pk, group_id=group)
            for invitation, one in zip(made, chosen, strict=True)
            for group in one.groups
        ],
        batch_size=1000,
    )
    AuditEvent.objects.bulk_create(
        [
            AuditEvent(
                organization=admin.organization,
                actor=admin.user,
                actor_label=admin.user.email,
                action="invitation.created",
                details={"email": one.email, "role": one.role},
                address=address,
            )
            for one in made
        ],
        batch_size=500,
    )


Row = Mapping[str, Any]
"""A line of a report, as it is shown, kept and downloaded."""


def dump(one: Judged) -> dict[str, Any]:
    return {
        "number": one.line.number,
        "email": one.line.email,
        "name": one.line.name,
        "role": one.role or one.line.role,
        "groups": one.line.groups,
        "outcome": one.outcome.value,
        "sentence": one.sentence,
    }


def list_rows(found: InvitationImport, admin: Membership) -> list[Row]:
    """What became of each line, or what would."""
    return found.report if found.confirmed_at else [dump(one) for one in judge(found, admin)]


def count_outcomes(rows: Iterable[Row]) -> list[tuple[str, str, int]]:
    """(outcome, words, how many), who is invited first; none that nobody has."""
    counts = Counter(row["outcome"] for row in rows)
    return [(one.value, WORDS[one], counts[one.value]) for one in Outcome if counts[one.value]]


def forget_old() -> None:
    """Lists that nobody confirmed, and reports that nobody needs any more."""
    now = timezone.now()
    InvitationImport.objects.filter(confirmed_at=None, made_at__lt=now - KEPT_UNCONFIRMED).delete()
    InvitationImport.objects.filter(made_at__lt=now - KEPT).delete()
