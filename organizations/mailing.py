"""Mail to people: text and HTML, in one look, with a way to stop what is not essential.

Each kind of mail stands in settings.MAILS, so that the page on which people choose can list it.
"""

import logging
import smtplib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.module_loading import import_string

from organizations.models import MailChoice, User

log = logging.getLogger(__name__)

LINK_LIFE = timedelta(days=365)
_SALT = "organizations.mailing.stop"


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


class WrongLink(Exception):
    """No link of ours to stop a kind of mail, or one too old; the message is the sentence for the person."""


def send(mail: Mail, *, to: User | str, subject: str, context: Mapping[str, Any]) -> bool:
    """Send one mail; False where the person has chosen not to get its kind.

    The templates are given `context`, and "person" where `to` is one: then they are written in that person's language
    and time zone. A mail that is not essential goes to a `User`, who can stop it.

    Raises:
        NotSent: the mail server would not take it.
    """
    person = to if isinstance(to, User) else None
    if person is None and not mail.is_essential:
        raise ValueError("Nobody could stop it: an address alone has no choices.")
    if person is not None and not may_send(mail, person):
        return False
    message = _write(mail, person, to if person is None else person.email, subject, context)
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("A mail (%s) could not be sent: %s", mail.kind, type(error).__name__)
        raise NotSent from error
    return True


def may_send(mail: Mail, person: User) -> bool:
    return mail.is_essential or not MailChoice.objects.filter(user=person, kind=mail.kind).exists()


def _write(
    mail: Mail, person: User | None, address: object, subject: str, context: Mapping[str, Any]
) -> EmailMultiAlternatives:
    headers = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
    words = {"public_url": settings.PUBLIC_URL, "person": person, "subject": " ".join(subject.split()), **context}
    if person is not None and not mail.is_essential:
        words |= {"stop_url": settings.PUBLIC_URL + stop_path(mail, person), "mail_name": mail.name}
        headers |= {
            "List-Unsubscribe": f"<{words['stop_url']}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",  # RFC 8058
        }
    language = find_language(person)
    words["mail_language"] = language
    with timezone.override(person.zone if person else None), translation.override(language):
        text, html = (render_to_string(f"{mail.template}.{kind}", words) for kind in ("txt", "html"))
    message = EmailMultiAlternatives(words["subject"], text, to=[str(address)], headers=headers)
    message.attach_alternative(html, "text/html")
    return message


def find_language(person: User | None) -> str:
    if person is None:
        return settings.LANGUAGE_CODE
    organization = person.organization
    return person.language or (organization.language if organization else settings.LANGUAGE_CODE)


def list_mails() -> list[Mail]:
    """Every kind there is, as settings.MAILS orders them."""
    return [import_string(path) for path in settings.MAILS]


def find_mail(kind: str) -> Mail | None:
    return next((mail for mail in list_mails() if mail.kind == kind), None)


# --- Stopping a kind ---------------------------------------------------------------------------------------------


def stop_path(mail: Mail, person: User) -> str:
    """Where this person stops this kind without signing in. The link can do just that, and nothing else."""
    return reverse("organizations:mail_stop", args=[signing.dumps([person.pk, mail.kind], salt=_SALT)])


def read_link(token: str) -> tuple[User, Mail]:
    """Whose mail of which kind a link stops.

    Raises:
        WrongLink: not one of ours, too old, of somebody who is gone, or of a kind that is no longer sent.
    """
    try:
        pk, kind = signing.loads(token, salt=_SALT, max_age=LINK_LIFE)
    except signing.SignatureExpired:
        raise WrongLink(
            "This link is more than a year old. Take the one in a newer mail, or sign in and open Mail in your profile."
        ) from None
    except (signing.BadSignature, ValueError, TypeError):
        raise WrongLink(
            "This link is not whole. Copy all of it from the mail, or sign in and open Mail in your profile."
        ) from None
    person, mail = User.objects.filter(pk=pk).first(), find_mail(kind)
    if person is None or mail is None or mail.is_essential:
        raise WrongLink("Mails of this kind are no longer sent to this address. There is nothing left to stop.")
    return person, mail


def stop(mail: Mail, person: User) -> None:
    """From now on the person gets no mail of this kind."""
    MailChoice.objects.get_or_create(user=person, kind=mail.kind)


def choose(person: User, wanted: Iterable[str]) -> None:
    """Of the kinds that are not essential, the person wants just these."""
    optional = {mail.kind for mail in list_mails() if not mail.is_essential}
    wanted = optional & set(wanted)
    with transaction.atomic():
        MailChoice.objects.filter(user=person, kind__in=wanted).delete()
        MailChoice.objects.bulk_create(
            [MailChoice(user=person, kind=kind) for kind in sorted(optional - wanted)], ignore_conflicts=True
        )


def list_unwanted(person: User) -> set[str]:
    return set(MailChoice.objects.filter(user=person).values_list("kind", flat=True))
