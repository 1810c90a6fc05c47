"""Mail to people about their own place: switched off, back again, owner now. Sent once the change is saved."""

import logging
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from organizations import mailing
from organizations.mailing import Mail, NotSent
from organizations.models import Organization, User

log = logging.getLogger(__name__)

DEACTIVATED = Mail("person_deactivated", "mail/notice", "Your account was deactivated")
REACTIVATED = Mail("person_reactivated", "mail/notice", "Your account is active again")
OWNER = Mail("ownership", "mail/notice", "The organization was handed over to you")
SUPPORT = "Portico's support"


def tell_deactivated(person: User, *, by: User, is_support: bool = False) -> None:
    """Names the organization, who did it, and whom to ask."""
    where = f" at {person.organization}" if person.organization else ""
    lines = [
        f"{_name(by, person, is_support)} has deactivated your account{where}. "
        "You are signed out everywhere, and cannot sign in.",
        "What Portico had read of your calendar and contacts is erased here. Nothing was removed from them themselves.",
        f"If you have a question about this, ask {_whom_to_ask(by, person, is_support)}.",
    ]
    _send_later(DEACTIVATED, person, f"Your account{where} was deactivated", lines)


def tell_reactivated(person: User, *, by: User, is_support: bool = False) -> None:
    where = f" at {person.organization}" if person.organization else ""
    lines = [
        f"{_name(by, person, is_support)} has reactivated your account{where}. You can sign in again.",
        "Your role and your groups are as they were. What you had connected is gone: connect it anew.",
    ]
    _send_later(REACTIVATED, person, f"Your account{where} is active again", lines, "Sign in", settings.LOGIN_URL)


def tell_owner(heir: User, *, by: User, organization: Organization) -> None:
    lines = [
        f"{by.label} ({by.email}) has handed {organization.name} over to you. You are its owner now.",
        "You decide who works there, what may be connected, and who else owns it. "
        f"{by.label} is an admin from now on. To hand it on, open the person who is to own it.",
    ]
    subject = f"{by.label} has handed {organization.name} over to you"
    _send_later(OWNER, heir, subject, lines, "Open the organization", "organizations:people")


def _name(by: User, person: User, is_support: bool) -> str:
    return SUPPORT if is_support else f"{by.label} ({by.email}), an administrator of {person.organization},"


def _whom_to_ask(by: User, person: User, is_support: bool) -> str:
    if not is_support:
        return f"{by.label} or another administrator of {person.organization}"
    admins = f"an administrator of {person.organization}, or " if person.organization else ""
    return f"{admins}whoever runs Portico at {settings.PUBLIC_URL}"


def _send_later(mail: Mail, person: User, subject: str, lines: Sequence[str], label: str = "", view: str = "") -> None:
    """When the change is in the database, and no sooner. A server that is down must not undo it, nor break the page."""
    url = settings.PUBLIC_URL + reverse(view) if view else ""
    words = {"heading": subject, "lines": lines, "url": url, "label": label}

    def send() -> None:
        try:
            mailing.send(mail, to=person, subject=subject, context=words)
        except NotSent:
            log.warning("A person was not told by mail of a change to their place: %s", mail.kind)

    transaction.on_commit(send)
