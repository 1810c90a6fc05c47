"""How people come in: what differs from allauth's own ways."""

import logging
import re
import smtplib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core import context as current
from django.conf import settings
from django.contrib import messages
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from organizations import inviting
from organizations.models import User

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": "This account is switched off. Ask an admin of your organization.",
        "email_password_mismatch": "That e-mail address and password do not belong together. Try again, or have a "
        "sign-in code sent to you.",
        "incorrect_code": "That code is not right. Check the newest mail and type the code again.",
        "incorrect_password": "That password is not right.",
        "too_many_login_attempts": "Too many tries. Wait a few minutes, or have a sign-in code sent to you.",
        "rate_limited": "Too many tries in a short time. Wait a minute and try again.",
    }

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """A person's address here is the one they confirmed last; lower case, as everywhere."""
        email_address.email = email_address.email.lower()
        return bool(super().confirm_email(request, email_address))

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Who followed an invitation's link, and then signed in, goes on where they were."""
        invitation = inviting.find_pending(request)
        if invitation is not None and isinstance(request.user, User) and request.user.find_membership() is None:
            return reverse("organizations:invitation", args=[request.session[inviting.SESSION_KEY]])
        return str(super().get_login_redirect_url(request))

    def set_password(self, user: Any, password: str) -> None:
        """Saves the password alone: all of the person would also save what an admin has just changed of them, such
        as that they may not sign in."""
        user.set_password(password)
        user.save(update_fields=["password"])

    def new_user(self, request: HttpRequest) -> User:
        return User()

    def save_user(self, request: HttpRequest, user: Any, form: Any, commit: bool = True) -> Any:
        user.name = form.cleaned_data.get("name", "")
        return super().save_user(request, user, form, commit)

    def render_mail(self, *args: Any, **kwargs: Any) -> EmailMessage:
        """allauth's mails are text alone; ours have the look of all the others beside it."""
        message: EmailMessage = super().render_mail(*args, **kwargs)
        if isinstance(message, EmailMultiAlternatives) and not message.alternatives:
            message.attach_alternative(dress(message), "text/html")
        return message

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """A mail server that is down must not take the page with it; the code can be asked for again."""
        try:
            super().send_mail(template_prefix, email, {"site_url": settings.PUBLIC_URL, **context})
        except (OSError, smtplib.SMTPException):
            logger.exception("A mail cannot be sent: %s", template_prefix)
            if current.request is not None:
                messages.error(current.request, "The mail could not be sent just now. Try again in a few minutes.")


CODE = re.compile(r"[A-Z0-9-]{5,20}")


def dress(message: EmailMessage) -> str:
    """The HTML of a mail that was written as text: its paragraphs, with a code to type set large."""
    text = str(message.body).partition("\n--\n")[0]
    parts = [part.strip() for part in text.split("\n\n") if part.strip()]
    words = {
        "subject": message.subject.removeprefix(settings.ACCOUNT_EMAIL_SUBJECT_PREFIX),
        "paragraphs": [{"text": part, "is_code": CODE.fullmatch(part) is not None} for part in parts],
        "public_url": settings.PUBLIC_URL,
    }
    return render_to_string("mail/text.html", words)
