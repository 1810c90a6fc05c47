"""How people come in: what differs from allauth's own ways."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.http import HttpRequest

from organizations import inviting
from organizations.models import User


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

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """Who follows the link of an invitation has shown that the address is theirs."""
        invitation = inviting.find_pending(request)
        if invitation is not None and invitation.email.lower() == email.lower():
            return True
        return bool(super().is_email_verified(request, email))

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """A person's address here is the one they confirmed last; lower case, as everywhere."""
        email_address.email = email_address.email.lower()
        return bool(super().confirm_email(request, email_address))

    def new_user(self, request: HttpRequest) -> User:
        return User()

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user.name = form.cleaned_data.get("name", "")
        return super().save_user(request, user, form, commit)
