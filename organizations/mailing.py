"""Mail to people: text and HTML, in one look, with a way to stop what is not essential."""

import logging
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

from organizations.models import User

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mail:
    """One kind of mail. `template`: "<app>/mail/<name>", of which there is a .txt and an .html."""

    kind: str
    template: str
    name: str
    """What the page of mail settings calls it."""
    is_essential: bool = True
    """Whether people get it whatever they chose."""


class NotSent(Exception):
    """The mail server would not take it, or cannot be reached: try again later."""


def send(mail: Mail, *, to: User | str, subject: str, context: Mapping[str, Any]) -> bool:
    """Send one mail; False where the person has chosen not to get its kind.

    The templates are given `context`, and "person" where `to` is one.

    Raises:
        NotSent: the mail server would not take it.
    """
    words = {"public_url": settings.PUBLIC_URL, "person": to if isinstance(to, User) else None, **context}
    address = to.email if isinstance(to, User) else to
    message = EmailMultiAlternatives(
        " ".join(subject.split()), render_to_string(f"{mail.template}.txt", words), to=[address]
    )
    message.attach_alternative(render_to_string(f"{mail.template}.html", words), "text/html")
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("A mail (%s) could not be sent: %s", mail.kind, type(error).__name__)
        raise NotSent from error
    return True
