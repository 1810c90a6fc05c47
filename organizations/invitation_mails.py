"""Mailing invitations: those from a list in the background, so many a day, each with a token made for its mail."""

import smtplib
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from organizations import mailing
from organizations.mailing import Mail, NotSent
from organizations.models import Invitation, Organization

INVITATION = Mail("invitation", "organizations/mail/invitation", "Invitations")
LONGEST_RUN = 50.0
"""Seconds: the next run comes a minute after this one."""
LEASE = timedelta(minutes=10)
"""After so long, whoever took an invitation to mail it is dead, and it is mailed again."""
RETRIES = (timedelta(minutes=15), timedelta(hours=2), timedelta(hours=12), timedelta(days=1))
"""After each refusal of an address; then it is given up, and shown as such."""
SERVER_IS_DOWN = timedelta(minutes=5)
MOST_FAILURES = 5
"""In one run: then the mail server is taken to be down for everybody."""


def most_per_day() -> int:
    """Invitations that one organization may mail to strangers in 24 hours."""
    return int(settings.INVITATION_MAILS_PER_DAY)


def mails_left(organization: Organization, now: datetime) -> int:
    """How many more it may mail just now. What is being mailed in this moment counts."""
    day = now - timedelta(days=1)
    sent = organization.invitations.filter(sent_at__gt=day).count()
    under_way = organization.invitations.waiting().filter(mail_due_at__gt=now, mail_tries=0).count()
    return most_per_day() - sent - under_way


def mail(invitation: Invitation, token: str) -> None:
    """Mail the link.

    Raises:
        NotSent
    """
    words = {
        "invitation": invitation,
        "organization": invitation.organization,
        "url": settings.PUBLIC_URL + reverse("organizations:invitation", args=[token]),
    }
    subject = f"{invitation.organization.name} invites you to Portico"
    mailing.send(INVITATION, to=invitation.email, subject=subject, context=words)


def send_waiting() -> int:
    """Mail what waits, as far as each organization may today; returns how many were mailed. Runs each minute; safe to
    kill, and to run twice."""
    ends, count, failures = time.monotonic() + LONGEST_RUN, 0, 0
    due = Invitation.objects.waiting().filter(mail_due_at__lte=timezone.now())
    for organization in Organization.objects.filter(pk__in=due.values("organization")).order_by("pk"):
        left = mails_left(organization, timezone.now())
        if left <= 0:
            continue
        mine = due.filter(organization=organization).order_by("mail_due_at", "pk").values_list("pk", flat=True)
        for pk in list(mine[:left]):
            if time.monotonic() > ends:
                return count
            try:
                count += send_one(pk)
            except NotSent:
                failures += 1
                if failures >= MOST_FAILURES:
                    return count
                break  # Perhaps it is this organization's mail alone: the next one's turn.
    return count


def send_one(pk: int) -> bool:
    """Mail one, unless somebody else does or it was taken back.

    Raises:
        NotSent: the mail server takes nothing just now; it waits for the next try.
    """
    now = timezone.now()
    invitation = (
        Invitation.objects.waiting()
        .filter(pk=pk, mail_due_at__lte=now)
        .select_related("organization", "invited_by")
        .first()
    )
    if invitation is None:
        return False
    was_due, lease = invitation.mail_due_at, now + LEASE
    token = invitation.renew_token(now)
    taken = Invitation.objects.waiting().filter(pk=pk, mail_due_at=was_due)
    if not taken.update(token_hash=invitation.token_hash, expires_at=invitation.expires_at, mail_due_at=lease):
        return False
    mine = Invitation.objects.filter(pk=pk, mail_due_at=lease)
    try:
        mail(invitation, token)
    except NotSent as error:
        if not is_refusal(error.__cause__):
            mine.update(mail_due_at=now + SERVER_IS_DOWN)
            raise
        tries = invitation.mail_tries
        mine.update(mail_tries=tries + 1, mail_due_at=now + RETRIES[tries] if tries < len(RETRIES) else None)
        return False
    mine.update(sent_at=timezone.now(), mail_due_at=None, mail_tries=0)
    return True


def is_refusal(error: BaseException | None) -> bool:
    """Whether the server refused this one mail for good, and may well take the next."""
    if isinstance(error, smtplib.SMTPDataError):
        return error.smtp_code >= 500
    return isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPNotSupportedError)
