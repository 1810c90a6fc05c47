"""What people change about how they sign in, written into the audit trail."""

from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from django.dispatch import receiver
from django.http import HttpRequest

from organizations.client_address import client_address
from organizations.models import User, record


def write(action: str, request: HttpRequest | None, user: User, **details: str) -> None:
    record(
        action,
        organization=user.organization,
        actor=user,
        subject=user,
        details=details,
        address=client_address(request) if request is not None else None,
    )


@receiver([account.password_changed, account.password_set, account.password_reset])
def write_password(request: HttpRequest, user: User, signal: Any, **kwargs: Any) -> None:
    write("person.password_reset" if signal is account.password_reset else "person.password_changed", request, user)


@receiver(account.email_changed)
def write_email(
    request: HttpRequest, user: User, to_email_address: Any, from_email_address: Any = None, **kw: Any
) -> None:
    before = from_email_address.email if from_email_address else ""
    write("person.email_changed", request, user, **{"from": before, "to": to_email_address.email})


@receiver([mfa.authenticator_added, mfa.authenticator_removed, mfa.authenticator_reset])
def write_second_factor(request: HttpRequest, user: User, authenticator: Any, signal: Any, **kwargs: Any) -> None:
    done = {mfa.authenticator_added: "added", mfa.authenticator_removed: "removed", mfa.authenticator_reset: "reset"}
    write(f"person.second_factor_{done[signal]}", request, user, kind=authenticator.type)
