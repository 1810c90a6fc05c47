"""Mail about scheduling for others. Sent once the change is saved; a server that is down does not undo it."""

import logging
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import formats, timezone

from meetings.models import Delegation
from organizations import mailing
from organizations.mailing import Mail, NotSent
from organizations.models import User

log = logging.getLogger(__name__)

NAMED = Mail("delegate_named", "mail/notice", "Somebody lets you schedule for them")
GIVEN_UP = Mail("delegate_given_up", "mail/notice", "Somebody no longer schedules for you")


def tell_named(delegation: Delegation) -> None:
    """The delegate: what they may do from now on, and until when."""
    owner, delegate = delegation.owner, delegation.delegate
    private = (
        "You may manage private events, too."
        if delegation.may_manage_private
        else "Of private events you see the time alone."
    )
    lines = [
        f"{owner.label} ({owner.email}) has named you as a delegate. You see their meetings beside your own, "
        f"and schedule, change and delete meetings for them. {private}",
    ]
    if delegation.until:
        lines.append(f"This holds until the end of {formats.date_format(delegation.until, 'j F Y')}.")
    lines.append("If you do not want this, give it up on the page Scheduling privilege in your profile.")
    _send_later(NAMED, delegate, f"You can schedule for {owner.label}", lines, "Open your meetings", "meetings:list")


def tell_given_up(delegation: Delegation) -> None:
    owner, delegate = delegation.owner, delegation.delegate
    now = timezone.now().astimezone(owner.zone)
    lines = [
        f"{delegate.label} ({delegate.email}) has given up scheduling for you, on {formats.date_format(now, 'j F Y')}. "
        "They no longer see your meetings here.",
        "What they have scheduled for you stays as it is. You can name somebody else at any time.",
    ]
    subject = f"{delegate.label} no longer schedules for you"
    _send_later(GIVEN_UP, owner, subject, lines, "Open Scheduling privilege", "meetings:delegates")


def _send_later(mail: Mail, person: User, subject: str, lines: Sequence[str], label: str, view: str) -> None:
    words = {"heading": subject, "lines": lines, "url": settings.PUBLIC_URL + reverse(view), "label": label}

    def send() -> None:
        try:
            mailing.send(mail, to=person, subject=subject, context=words)
        except NotSent:
            log.warning("A person was not told by mail about scheduling for others: %s", mail.kind)

    transaction.on_commit(send)
