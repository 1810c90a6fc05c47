"""Authenticator apps and recovery codes: their secrets at rest, and that they let people in."""

import base64
import os
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.totp.internal.auth import yield_hotp_counters_from_time as counters
from django.core.management import CommandError, call_command
from django.test import Client

from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def make_key(name: str) -> str:
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


@pytest.fixture
def secret(alice) -> str:
    secret = generate_totp_secret()
    TOTP.activate(alice, secret)
    RecoveryCodes.activate(alice)
    return secret


def stored() -> str:
    return str(list(Authenticator.objects.values_list("data", flat=True)))


def test_neither_the_app_s_secret_nor_the_seed_of_recovery_codes_is_stored_in_the_clear(alice, secret):
    assert secret not in stored()
    for row in Authenticator.objects.all():
        assert row.data.get("secret", row.data.get("seed")).startswith("v1.")


@pytest.mark.usefixtures("stopped_clock")
def test_a_password_alone_no_longer_lets_in_and_the_app_s_code_does(alice, secret, client):
    client.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
    assert client.get("/profile/").status_code == 302
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert client.get("/profile/").status_code == 302
    code = format_hotp_value(hotp_value(secret, next(iter(counters()))))
    client.post("/accounts/2fa/authenticate/", {"code": code})
    assert client.get("/profile/").status_code == 200


def test_a_recovery_code_lets_in_once(alice, secret, client):
    code = RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes()[0]
    for browser, status in ((client, 200), (Client(), 302)):
        browser.post("/accounts/login/", {"login": alice.email, "password": PASSWORD})
        browser.post("/accounts/2fa/authenticate/", {"code": code})
        assert browser.get("/profile/").status_code == status


def test_rotating_secrets_moves_these_to_the_new_key_too(alice, secret, settings):
    new = make_key("new")
    settings.SECRETS_KEYS = [new, *settings.SECRETS_KEYS]
    out = StringIO()
    call_command("rotate_secrets", "--check", stdout=out)
    assert "organizations.second_factors.rotate: 2 rows, 2 on an older key" in out.getvalue()
    call_command("rotate_secrets", stdout=out)
    assert "organizations.second_factors.rotate: 2 rows, 2 rotated" in out.getvalue()
    settings.SECRETS_KEYS = [new]
    assert TOTP(Authenticator.objects.get(type="totp")).validate_code(
        format_hotp_value(hotp_value(secret, next(iter(counters()))))
    )
    assert len(RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes()) == 10


def test_a_lost_key_is_said_and_nothing_is_overwritten(alice, secret, settings):
    before = stored()
    settings.SECRETS_KEYS = [make_key("other")]
    with pytest.raises(CommandError, match="2 secrets cannot be decrypted"):
        call_command("rotate_secrets", stdout=StringIO(), stderr=StringIO())
    assert stored() == before
