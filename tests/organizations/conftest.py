"""What tests about people and organizations share."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.conf import settings
from django.core.mail import EmailMessage

from organizations.models import Group, Invitation, Organization, Role, User


@pytest.fixture
def stopped_clock() -> Iterator[None]:
    """An authenticator app's code is good until the half minute ends, which may be at once."""
    with time_machine.travel(datetime.now(UTC), tick=False):
        yield


@pytest.fixture
def find_link() -> Callable[[EmailMessage], str]:
    """find_link(mail) -> the path of the invitation's link in it."""

    def find(mail: EmailMessage) -> str:
        found = re.search(re.escape(settings.PUBLIC_URL) + r"(/invitations/\S+)", str(mail.body))
        assert found, mail.body
        return found[1]

    return find


@pytest.fixture
def make_invitation(northwind: Organization, dora: User) -> Callable[..., tuple[Invitation, str]]:
    """make_invitation("name@host", role=Role.MEMBER) -> an open invitation to Northwind and the path of its link."""
    from django.utils import timezone

    def make(email: str, *, role: str = Role.MEMBER) -> tuple[Invitation, str]:
        invitation = Invitation(organization=northwind, email=email, role=role, invited_by=dora)
        token = invitation.renew_token(timezone.now())
        invitation.save()
        return invitation, f"/invitations/{token}/"

    return make


@pytest.fixture
def litigation(northwind: Organization) -> Group:
    return Group.objects.create(organization=northwind, name="Litigation")
