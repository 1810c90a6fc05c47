"""Changes of how people sign in stand in the audit trail: the first question after "it was not me"."""

import re

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.core import mail

from organizations.models import AuditEvent
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def sure_client(client, alice):
    """Alice's browser, where she has just shown that it is her."""
    client.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


def last_event() -> AuditEvent:
    return AuditEvent.objects.latest("pk")


def test_a_changed_password_is_written_down_without_it(sure_client, alice):
    new = "an entirely different phrase"
    sure_client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    event = last_event()
    assert (event.action, event.subject, event.address) == ("person.password_changed", alice, "127.0.0.1")
    assert new not in str(event.details)


def test_a_changed_address_is_written_down_from_and_to(sure_client, alice):
    sure_client.post("/accounts/email/", {"email": "alice.new@northwind.example", "action_add": ""})
    code = re.search(r"^([A-Z0-9-]{5,})$", mail.outbox[-1].body, re.M)[1]
    sure_client.post("/accounts/confirm-email/", {"code": code})
    event = last_event()
    assert event.action == "person.email_changed"
    assert event.details == {"from": "alice@northwind.example", "to": "alice.new@northwind.example"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("stopped_clock")
def test_second_factors_are_written_down_as_they_come_and_go(sure_client):
    """With real commits: allauth tells of a new second factor once it is stored."""
    secret = sure_client.get("/accounts/2fa/totp/activate/").context["form"].secret
    code = totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))
    sure_client.post("/accounts/2fa/totp/activate/", {"code": code})
    written = [(one.action, one.details) for one in AuditEvent.objects.all()]
    assert ("person.second_factor_added", {"kind": "totp"}) in written
    assert secret not in str(written)
    sure_client.post("/accounts/2fa/totp/deactivate/")
    removed = AuditEvent.objects.filter(action="person.second_factor_removed")
    assert {"kind": "totp"} in [one.details for one in removed]
