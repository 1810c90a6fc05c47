"""The support pages open to staff with a second factor shown in this session, and to nobody else."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.totp.internal.auth import yield_hotp_counters_from_time as counters
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from organizations.models import AuditEvent, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db

PEOPLE = "/support/organizations/user/"


def code_of(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(iter(counters()))))


def remove(email: str, **options) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("remove_second_factor", email, "--reason", "Asked on the phone", stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def helper(db) -> User:
    """Support staff who is no superuser, and may look at people."""
    from allauth.account.models import EmailAddress
    from django.contrib.auth.models import Permission

    user = User.objects.create_user("helper@portico.example", PASSWORD, is_staff=True)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_user"))
    return user


@pytest.fixture(params=["support", "helper"])
def staff(request) -> User:
    """Each of the tests holds for a superuser as for any other."""
    return request.getfixturevalue(request.param)


def test_without_a_second_factor_staff_are_told_why_and_where_to_set_one_up(staff, sign_in):
    client = sign_in(staff)
    answer = client.get(PEOPLE)
    assert answer.status_code == 302
    page = client.get(answer.headers["Location"]).content.decode()
    assert "alone it must not open them" in page
    assert reverse("mfa_activate_totp") in page
    assert reverse("mfa_add_webauthn") in page
    assert client.post(PEOPLE, {"action": "x"}).status_code == 302


@pytest.mark.usefixtures("stopped_clock")
def test_a_session_that_came_in_before_there_was_a_second_factor_is_asked_for_it(staff, sign_in):
    client = sign_in(staff)
    secret = generate_totp_secret()
    TOTP.activate(staff, secret)
    answer = client.get(PEOPLE, follow=True)
    assert answer.redirect_chain[-1][0] == f"/accounts/2fa/reauthenticate/?next={PEOPLE.replace('/', '%2F')}"
    page = answer.content.decode()
    assert "The support pages ask for your second factor" in page
    assert reverse("account_reauthenticate") not in page, "a password would lead in a circle"
    wrong = client.post("/accounts/2fa/reauthenticate/", {"code": "000000", "next": PEOPLE})
    assert wrong.status_code == 200
    assert client.get(PEOPLE).status_code == 302
    right = client.post("/accounts/2fa/reauthenticate/", {"code": code_of(secret), "next": PEOPLE})
    assert right.headers["Location"] == PEOPLE
    assert client.get(PEOPLE).status_code == 200


def test_a_password_shown_once_more_is_no_second_factor(staff, client):
    TOTP.activate(staff, generate_totp_secret())
    client.force_login(staff)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert client.get(PEOPLE).status_code == 302


@pytest.mark.usefixtures("stopped_clock")
def test_whoever_signed_in_with_the_second_factor_is_not_asked_again(staff, client):
    secret = generate_totp_secret()
    TOTP.activate(staff, secret)
    client.post("/accounts/login/", {"login": staff.email, "password": PASSWORD, "next": PEOPLE})
    assert client.get(PEOPLE).status_code == 302
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    assert client.get(PEOPLE).status_code == 200


def test_a_recovery_code_stands_in_for_the_second_factor(staff, client):
    TOTP.activate(staff, generate_totp_secret())
    RecoveryCodes.activate(staff)
    code = RecoveryCodes(Authenticator.objects.get(user=staff, type="recovery_codes")).get_unused_codes()[0]
    client.force_login(staff)
    client.post("/accounts/2fa/reauthenticate/", {"code": code, "next": PEOPLE})
    assert client.get(PEOPLE).status_code == 200


def test_who_has_passkeys_alone_is_asked_for_one(staff, sign_in):
    WebAuthn.add(staff, "Key", {"credential": {}})
    client = sign_in(staff)
    door = client.get(client.get(PEOPLE).headers["Location"])
    assert door.headers["Location"].startswith(reverse("mfa_reauthenticate_webauthn") + "?next=")


def test_once_the_second_factor_is_gone_the_session_that_showed_it_is_out(staff, sign_in_support):
    client = sign_in_support(staff)
    assert client.get(PEOPLE).status_code == 200
    Authenticator.objects.all().delete()
    assert client.get(PEOPLE).status_code == 302


def test_after_half_a_day_the_second_factor_is_asked_for_again(staff, sign_in_support, time_machine):
    client = sign_in_support(staff)
    start = timezone.now()
    time_machine.move_to(start + timedelta(hours=11))
    assert client.get(PEOPLE).status_code == 200
    time_machine.move_to(start + timedelta(hours=13))
    assert client.get(PEOPLE).status_code == 302
    assert client.get("/profile/").status_code == 200


def test_the_second_factor_of_one_person_opens_nothing_for_the_next_in_the_same_browser(
    support, helper, sign_in_support
):
    client = sign_in_support(support)
    TOTP.activate(helper, generate_totp_secret())
    client.logout()
    client.force_login(helper)
    assert client.get(PEOPLE).status_code == 302


def test_people_who_are_no_staff_get_nowhere_with_a_second_factor_either(dora, sign_in_support):
    client = sign_in_support(dora)
    assert client.get(PEOPLE).status_code == 302
    assert client.get("/support/login/").status_code == 403


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/support/", "//evil.example", "/profile/", "/support/login/"]
)
def test_the_door_leads_to_support_pages_alone(support_client, elsewhere):
    assert support_client.get("/support/login/", {"next": elsewhere}).headers["Location"] == "/support/"
    assert support_client.get("/support/login/", {"next": PEOPLE}).headers["Location"] == PEOPLE


def test_the_password_is_changed_on_the_page_for_it(support_client):
    assert support_client.get("/support/password_change/").headers["Location"] == reverse("account_change_password")


def test_a_lost_second_factor_is_removed_on_the_server_and_that_is_written_down_and_mailed(support, sign_in_support):
    client = sign_in_support(support)
    RecoveryCodes.activate(support)
    assert client.get("/profile/").status_code == 200
    said, _ = remove(support.email.upper())
    assert "signed out everywhere" in said
    assert not Authenticator.objects.exists()
    assert client.get("/profile/").status_code == 302
    event = AuditEvent.objects.get(action="person.second_factor_removed")
    assert (event.actor, event.subject, event.details["reason"]) == (None, support, "Asked on the phone")
    assert mail.outbox[-1].to == [support.email]
    assert "removed your second factor" in mail.outbox[-1].body
    again = Client()
    again.post("/accounts/login/", {"login": support.email, "password": PASSWORD})
    assert "alone it must not open them" in again.get(PEOPLE, follow=True).content.decode()


def test_removing_what_is_not_there_changes_and_tells_nothing(alice):
    said, _ = remove(alice.email)
    assert "has no second factor" in said
    assert not AuditEvent.objects.exists()
    assert mail.outbox == []
    with pytest.raises(CommandError, match=re.escape("Nobody signs in as nobody@northwind.example.")):
        remove("nobody@northwind.example")
    with pytest.raises(CommandError, match="--reason"):
        call_command("remove_second_factor", alice.email)


def test_a_mail_that_cannot_be_sent_leaves_the_second_factor_removed_and_says_so(support, monkeypatch):
    TOTP.activate(support, generate_totp_secret())

    def refuse(*args, **kwargs):
        raise OSError("down")

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    _, err = remove(support.email)
    assert "tell them yourself" in err
    assert not Authenticator.objects.exists()
